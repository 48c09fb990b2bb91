import json
from typing import Any

import pulumi
import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.delivery import DirectStorageHosting
from offline_preview.graph import Graph

from tests.emulators import edge
from tests.harness import record, refs

CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/1"
TOPIC = "arn:aws:sns:us-east-1:123456789012:alarms"
DISTRIBUTION = "aws:cloudfront/distribution:Distribution"
CODE = "aws:cloudfront/function:Function"
NAMED: Any = {"domain_names": ["docs.example.com"], "certificate_arn": CERTIFICATE}
CORS: Any = {"headers": {"cors": {"origins": ["https://shop.example.com"]}}}
EXISTING: Any = {
    "existing_bucket": {
        "arn": "arn:aws:s3:::kept",
        "regional_domain_name": "kept.s3.eu-west-1.amazonaws.com",
        "kms_key_arn": "arn:aws:kms:eu-west-1:123456789012:key/1",
    }
}


def make(mode: Any = "deployed", **args: Any) -> Graph:
    given: Any = {**NAMED, **args}
    return record(lambda: DirectStorageHosting("docs", given), mode=mode)


def statements(graph: Graph, name: str) -> list[dict[str, Any]]:
    return json.loads(graph.named(name).inputs["policy"])["Statement"]


def refused(**args: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as caught:
        make(**args)
    return caught.value.problems


def shown(uri: str, *, method: str = "GET", host: str = "docs.example.com", query: Any = None, **args: Any) -> Any:
    """What the function does with a request: the object that it becomes, or where it leads to."""
    [result] = edge.run(make(**args).one(CODE).inputs["code"], edge.request_event(uri, method=method, host=host, query=query))
    return (result["statusCode"], result["headers"]["location"]["value"]) if "statusCode" in result else result["uri"]


def test_bucket_never_public() -> None:
    graph = make(replication={"region": "eu-central-1"})
    arn = graph.one(DISTRIBUTION).outputs["arn"]
    for bucket in ("docs-site", "docs-site-replica"):
        blocked = {key: value for key, value in graph.named(f"{bucket}-access-block").inputs.items() if key not in ("bucket", "region")}
        assert blocked == dict.fromkeys(("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"), True)
        name = graph.named(f"{bucket}-bucket").outputs["arn"]
        # One distribution of one account, by its ARN, and nobody else.
        assert [one for one in statements(graph, f"{bucket}-policy") if one["Effect"] == "Allow"] == [
            {
                "Sid": "CloudFront",
                "Effect": "Allow",
                "Action": ["s3:GetObject", "s3:ListBucket"],
                "Resource": [name, f"{name}/*"],
                "Principal": {"Service": ["cloudfront.amazonaws.com"]},
                "Condition": {"StringEquals": {"aws:SourceArn": [arn]}},
            }
        ]
    assert not graph.of_type("aws:s3/bucketWebsiteConfiguration:BucketWebsiteConfiguration")


def test_the_policies_wait_for_the_distribution_and_the_distribution_for_no_policy() -> None:
    graph = make()
    assert "docs-cdn-distribution" in refs(graph, graph.named("docs-site-policy"), "policy")
    assert "docs-cdn-distribution" in refs(graph, graph.named("docs-key-policy"), "policy")
    assert refs(graph, graph.one(DISTRIBUTION), "origins") == ["docs-cdn-site-access", "docs-site-bucket"]


def test_each_key_lets_the_distribution_decrypt_and_nothing_more() -> None:
    graph = make(replication={"region": "eu-central-1"})
    arn = graph.one(DISTRIBUTION).outputs["arn"]
    for key in ("docs-key-policy", "docs-replica-key-policy"):
        [_, reads] = statements(graph, key)
        assert (reads["Action"], reads["Principal"]) == (["kms:Decrypt"], {"Service": ["cloudfront.amazonaws.com"]})
        assert reads["Condition"] == {"StringEquals": {"aws:SourceArn": arn}}
    assert graph.named("docs-replica-key").inputs["region"] == "eu-central-1"


def test_cors_only_for_named_origins() -> None:
    graph = make(**CORS)
    headers = graph.named("docs-cdn-headers").inputs["corsConfig"]
    assert headers["accessControlAllowOrigins"] == {"items": ["https://shop.example.com"]}
    assert headers["originOverride"] is True
    # A browser may ask before it sends a request: CloudFront passes that on, and the bucket answers.
    [rule] = graph.one("aws:s3/bucketCorsConfiguration:BucketCorsConfiguration").inputs["corsRules"]
    assert (rule["allowedOrigins"], rule["allowedMethods"]) == (["https://shop.example.com"], ["GET", "HEAD"])
    behavior = graph.one(DISTRIBUTION).inputs["defaultCacheBehavior"]
    assert behavior["allowedMethods"] == ["GET", "HEAD", "OPTIONS"]
    assert behavior["originRequestPolicyId"] == "88a5eaf4-2fd4-4709-b370-b4c650ea3fcf"
    [(path, reason)] = refused(headers={"cors": {"origins": ["*"]}})
    assert (path, reason) == ("headers.cors.origins.0", "is '*'; must be an origin such as https://shop.example.com")


def test_the_copy_answers_the_same_origins() -> None:
    graph = make(**CORS, replication={"region": "eu-central-1"})
    first, copy = graph.named("docs-cors").inputs, graph.named("docs-replica-cors").inputs
    assert copy["corsRules"] == first["corsRules"]
    assert (copy["bucket"], copy["region"]) == (graph.named("docs-site-replica-bucket").outputs["bucket"], "eu-central-1")


def test_without_cors_no_other_site_reads_it() -> None:
    graph = make()
    assert "corsConfig" not in graph.named("docs-cdn-headers").inputs
    assert not graph.of_type("aws:s3/bucketCorsConfiguration:BucketCorsConfiguration")
    behavior = graph.one(DISTRIBUTION).inputs["defaultCacheBehavior"]
    assert (behavior["allowedMethods"], behavior.get("originRequestPolicyId")) == (["GET", "HEAD"], None)


def test_index_and_error_documents() -> None:
    whole = make(index_document="start.html", error_document="errors/gone.html").one(DISTRIBUTION).inputs
    assert whole["defaultRootObject"] == "start.html"
    assert whole["customErrorResponses"] == [
        {"errorCode": 404, "errorCachingMinTtl": 10, "responseCode": 404, "responsePagePath": "/errors/gone.html"}
    ]


def test_the_function_sees_each_request() -> None:
    graph = make()
    function = graph.one(CODE)
    assert (function.inputs["runtime"], function.inputs["publish"]) == ("cloudfront-js-2.0", True)
    assert graph.one(DISTRIBUTION).inputs["defaultCacheBehavior"]["functionAssociations"] == [
        {"eventType": "viewer-request", "functionArn": function.outputs["arn"]}
    ]


@pytest.mark.parametrize(
    ("paths", "uri", "found"),
    [
        ("folders", "/", "/index.html"),
        ("folders", "/guide/", "/guide/index.html"),
        ("folders", "/guide", (301, "https://docs.example.com/guide/")),
        ("folders", "/guide/v1.2", (301, "https://docs.example.com/guide/v1.2/")),
        ("folders", "/css/main.css", "/css/main.css"),
        ("folders", "/archive.tar.gz", "/archive.tar.gz"),
        ("folders", "/.well-known/security.txt", "/.well-known/security.txt"),
        ("folders", "/app.webmanifest", "/app.webmanifest"),
        ("folders", "/.well-known/apple-app-site-association", "/.well-known/apple-app-site-association"),
        ("single_page", "/.well-known/openid-configuration", "/.well-known/openid-configuration"),
        ("html", "/.well-known/change-password", "/.well-known/change-password"),
        ("folders", "/.well-known", (301, "https://docs.example.com/.well-known/")),
        ("folders", "/guide.", (301, "https://docs.example.com/guide./")),
        ("folders", f"/x.{'a' * 8000}", (301, f"https://docs.example.com/x.{'a' * 8000}/")),
        ("html", "/guide", "/guide.html"),
        ("html", "/guide/", "/guide/index.html"),
        ("html", "/guide.html", "/guide.html"),
        ("single_page", "/", "/index.html"),
        ("single_page", "/orders/17", "/index.html"),
        ("single_page", "/orders/", "/index.html"),
        ("single_page", "/app.3f2a.js", "/app.3f2a.js"),
    ],
)
def test_what_a_path_shows(paths: str, uri: str, found: Any) -> None:
    assert shown(uri, paths=paths) == found


def test_a_redirect_keeps_the_query_string() -> None:
    query = {"q": "a%20b", "page": ["1", "2"], "draft": ""}
    assert shown("/guide", query=query) == (301, "https://docs.example.com/guide/?q=a%20b&page=1&page=2&draft")


@pytest.mark.parametrize("uri", ["//evil.example", "//evil.example/x", "/\\evil.example", "/%2F%2Fevil.example"])
def test_no_path_leads_to_another_site(uri: str) -> None:
    found = shown(uri)
    if isinstance(found, tuple):
        assert found[1].startswith("https://docs.example.com/")
    else:
        assert found.startswith("/")


def test_a_redirect_leads_to_a_page_and_not_to_another_redirect() -> None:
    several: Any = {"domain_names": ["docs.example.com", "www.example.com"], "redirect_to_first_name": True}
    settings: list[Any] = [{}, several]
    for args in settings:
        for host, uri in (("docs.example.com", "/guide"), ("www.example.com", "/guide/"), ("www.example.com", "/guide")):
            found = shown(uri, host=host, **args)
            for _ in range(2):
                if isinstance(found, tuple):
                    host, _, rest = found[1].removeprefix("https://").partition("/")
                    found = shown(f"/{rest}", host=host, **args)
            assert found == "/guide/index.html"


def test_other_names_lead_to_the_first_one() -> None:
    args: Any = {"domain_names": ["docs.example.com", "www.example.com"], "redirect_to_first_name": True}
    assert shown("/a.css", host="www.example.com", query={"v": "1"}, **args) == (301, "https://docs.example.com/a.css?v=1")
    assert shown("/a.css", host="DOCS.example.com", **args) == "/a.css"
    assert shown("/.well-known/assetlinks.json", host="www.example.com", **args) == "/.well-known/assetlinks.json"
    assert shown("/a.css", host="www.example.com", domain_names=args["domain_names"]) == "/a.css"
    reason = "is true, and there is no other name that could lead to the first. Name several domain_names, or remove it."
    assert refused(redirect_to_first_name=True) == [("redirect_to_first_name", reason)]


MOVED: Any = {
    "about": {"path": "/about/", "priority": 1, "to_path": "/company/"},
    "blog": {"path": "/blog/*", "priority": 2, "to_host": "blog.example.com", "to_path": "/{rest}", "status": 302},
}


@pytest.mark.parametrize("args", [{}, {"domain_names": [], "certificate_arn": None, "default_certificate": True}])
def test_pages_that_have_moved(args: Any) -> None:
    assert shown("/about/", redirects=MOVED, **args) == (301, "https://docs.example.com/company/")
    assert shown("/blog/a/b", query={"p": "1"}, redirects=MOVED, **args) == (302, "https://blog.example.com/a/b?p=1")
    # All others are as without redirects.
    assert shown("/company/", redirects=MOVED, **args) == "/company/index.html"
    assert shown("/guide", redirects=MOVED, **args) == (301, "https://docs.example.com/guide/")


def test_a_page_moves_to_a_host_that_is_known_later() -> None:
    redirects: Any = {"blog": {"path": "/blog/*", "priority": 1, "to_host": pulumi.Output.from_input("blog.example.com")}}
    assert shown("/blog/a", redirects=redirects) == (301, "https://blog.example.com/blog/a")


def moved(path: str, to: str, **rule: Any) -> Any:
    return {"page": {"path": path, "priority": 1, "to_path": to, **rule}}


@pytest.mark.parametrize(
    ("args", "path", "reason"),
    [
        ({"redirects": moved("/a", "/a")}, "redirects.page", "leads to itself without an end"),
        # The site leads from /guide to /guide/ again.
        ({"redirects": moved("/guide/", "/guide")}, "redirects.page", "leads to itself without an end"),
        ({"redirects": moved("/guide/*", "/guide")}, "redirects.page", "leads to itself without an end"),
        (
            {
                "domain_names": ["docs.example.com", "www.example.com"],
                "redirect_to_first_name": True,
                "redirects": moved("/a/*", "/{path}", to_host="www.example.com", hosts=["docs.example.com"]),
            },
            "redirects.page",
            "is in a loop, page to redirect_to_first_name to page",
        ),
    ],
)
def test_no_redirect_goes_round_with_those_of_the_site(args: Any, path: str, reason: str) -> None:
    hint = "Send it to a path that no rule is for, or to another host."
    assert refused(**args) == [(path, f"{reason}. {hint}")]


def test_redirects_that_end_are_taken() -> None:
    assert shown("/guide/", redirects=moved("/guide/", "/guide"), paths="html") == (301, "https://docs.example.com/guide")
    assert shown("/old/", redirects=moved("/old/", "/new")) == (301, "https://docs.example.com/new")
    assert shown("/a/", redirects=moved("/a/", "/a.pdf")) == (301, "https://docs.example.com/a.pdf")
    both: Any = {**moved("/guide/", "/guide"), "on": {"path": "/guide", "priority": 2, "to_path": "/new/"}}
    assert shown("/guide", redirects=both) == (301, "https://docs.example.com/new/")


def test_redirects_fit_into_one_function_with_the_site() -> None:
    many = {f"page-{index}": {"path": f"/old/{index}/", "priority": index + 1, "to_path": f"/new/{index}/"} for index in range(200)}
    [(path, reason)] = refused(redirects=many)
    assert path == "redirects"
    assert reason.endswith("bytes; CloudFront takes 10240. Join rules by *, or remove some.")


API: Any = {"api": {"server": {"domain_name": "api.example.com", "public": True}}}


def test_an_api_beside_the_pages() -> None:
    graph = make(
        origins=API,
        behaviors=[{"path_pattern": "/api/*", "origin": "api"}, {"path_pattern": "/members/*", "key_group_ids": ["group"]}],
    )
    whole = graph.one(DISTRIBUTION).inputs
    assert [one["originId"] for one in whole["origins"]] == ["site", "api"]
    api, members = whole["orderedCacheBehaviors"]
    assert (api["pathPattern"], api["targetOriginId"], "functionAssociations" in api) == ("/api/*", "api", False)
    assert (members["targetOriginId"], members["trustedKeyGroups"]) == ("site", ["group"])
    assert whole["defaultCacheBehavior"]["targetOriginId"] == "site"


@pytest.mark.parametrize(
    ("args", "path", "reason"),
    [
        ({"origins": {"site": API["api"]}}, "origins.site", "is the name of an origin of the site itself. Choose another."),
        ({"origins": API}, "origins.api", "is in no behavior. Name it in one, or remove it."),
        (
            {"behaviors": [{"path_pattern": "/api/*", "origin": "api"}]},
            "behaviors.0.origin",
            "is 'api', which is not an origin; known are site.",
        ),
    ],
)
def test_paths_that_the_cdn_would_refuse(args: Any, path: str, reason: str) -> None:
    assert refused(**args) == [(path, reason)]


def test_the_copy_in_another_region_answers_when_the_first_fails() -> None:
    graph = make(replication={"region": "eu-central-1"})
    whole = graph.one(DISTRIBUTION).inputs
    assert whole["defaultCacheBehavior"]["targetOriginId"] == "site-or-copy"
    domains = {one["originId"]: one["domainName"] for one in whole["origins"]}
    assert domains == {
        "site": graph.named("docs-site-bucket").outputs["bucketRegionalDomainName"],
        "copy": graph.named("docs-site-replica-bucket").outputs["bucketRegionalDomainName"],
    }
    assert "eu-central-1" in domains["copy"]


def test_a_bucket_that_exists_is_not_changed() -> None:
    graph = make(**EXISTING, log_bucket_arn="arn:aws:s3:::logs")
    assert not graph.of_type("aws:s3/bucket:Bucket", "aws:s3/bucketPolicy:BucketPolicy", "aws:kms/key:Key")
    [origin] = graph.one(DISTRIBUTION).inputs["origins"]
    assert origin["domainName"] == "kept.s3.eu-west-1.amazonaws.com"
    assert refused(**EXISTING, kms_key_arn="arn:aws:kms:eu-west-1:123456789012:key/1") == [
        ("existing_bucket", "excludes kms_key_arn: the bucket is there already; both are given. Remove one of them.")
    ]


def test_destroy_takes_the_objects_of_all_buckets_when_it_may() -> None:
    def destroyed(**args: Any) -> dict[str, bool]:
        return {one.name: one.inputs["forceDestroy"] for one in make(**args).of_type("aws:s3/bucket:Bucket")}

    buckets = ["docs-site-bucket", "docs-site-logs-bucket", "docs-cdn-log-bucket"]
    assert destroyed() == dict.fromkeys(buckets, False)
    assert destroyed(force_destroy=True) == dict.fromkeys(buckets, True)
    assert destroyed(force_destroy=True, log_bucket_arn="arn:aws:s3:::logs") == dict.fromkeys(buckets[:2], True)
    reason = "excludes force_destroy: it is for a bucket that is created; both are given. Remove one of them."
    assert refused(**EXISTING, force_destroy=True, log_bucket_arn="arn:aws:s3:::logs") == [("log_bucket_arn", reason)]


@pytest.mark.parametrize(
    ("args", "path", "reason"),
    [
        (
            {"existing_bucket": {**EXISTING["existing_bucket"], "regional_domain_name": "kept.s3-website-eu-west-1.amazonaws.com"}},
            "existing_bucket.regional_domain_name",
            "is 'kept.s3-website-eu-west-1.amazonaws.com'; must be the host name of a bucket in its Region, no website endpoint, such as "
            "assets.s3.eu-west-1.amazonaws.com",
        ),
        (
            {"existing_bucket": {**EXISTING["existing_bucket"], "arn": "kept"}},
            "existing_bucket.arn",
            "is 'kept'; must be the ARN of a bucket, not its name, such as arn:aws:s3:::uploads",
        ),
        (
            {"publisher_role_names": {"ci": "arn:aws:iam::123456789012:role/ci"}},
            "publisher_role_names.ci",
            "is 'arn:aws:iam::123456789012:role/ci'; must be the name of a role, not its ARN, such as shop-web",
        ),
        (
            {"domain_names": ["*.example.com", "docs.example.com"], "redirect_to_first_name": True},
            "domain_names.0",
            "is '*.example.com', and all others are to lead to it. Put a name that is no wildcard first.",
        ),
    ],
)
def test_what_would_never_work_is_refused(args: Any, path: str, reason: str) -> None:
    assert refused(**args) == [(path, reason)]


def test_a_second_site_shares_the_firewall_of_the_first() -> None:
    def program() -> None:
        first = DirectStorageHosting("docs", NAMED)
        DirectStorageHosting("blog", {**NAMED, "web_acl_arn": first.web_acl_arn, "log_bucket_arn": first.cdn_log_bucket_arn})

    graph = record(program, mode="deployed")
    assert len(graph.of_type("aws:wafv2/webAcl:WebAcl")) == 1
    first, second = (graph.named(f"{name}-cdn-distribution").inputs["webAclId"] for name in ("docs", "blog"))
    assert first == second == graph.named("docs-cdn-firewall-acl").outputs["arn"]


def given(method: str, *arguments: Any, **args: Any) -> tuple[Any, Graph]:
    found: list[Any] = []

    def program() -> None:
        site: Any = DirectStorageHosting("docs", {**NAMED, **args})
        pulumi.Output.from_input(getattr(site, method)(*arguments)).apply(found.append)

    graph = record(program, mode="deployed")
    return found[0], graph


def test_a_pipeline_publishes() -> None:
    command, graph = given("publish_command", "it's dist")
    bucket, distribution = graph.named("docs-site-bucket").outputs["bucket"], graph.one(DISTRIBUTION).outputs["id"]
    assert command == (
        f"aws s3 sync 'it'\\''s dist' 's3://{bucket}/' --delete --cache-control 'public, max-age=300'"
        f" && aws cloudfront create-invalidation --distribution-id {distribution} --paths '/*'"
    )
    found, graph = given("publisher_statements")
    actions = [action for one in found for action in one["actions"]]
    assert "s3:PutObject" in actions
    assert "cloudfront:CreateInvalidation" in actions
    assert not [action for action in actions if "*" in action or action == "s3:DeleteObjectVersion"]
    policy = json.loads(make(publisher_role_names={"ci": "docs-ci"}).named("docs-publisher-ci").inputs["policy"])["Statement"]
    assert [one["Sid"] for one in policy] == ["WriteSite", "ListSite", "RefreshSite", "WriteSiteKey"]


def test_the_policy_of_an_existing_bucket_is_told() -> None:
    [statement], graph = given("bucket_statements", **EXISTING)
    assert statement["principals"] == {"Service": ["cloudfront.amazonaws.com"]}
    assert statement["conditions"] == {"StringEquals": {"aws:SourceArn": [graph.one(DISTRIBUTION).outputs["arn"]]}}


def test_alarms_are_where_cloudfront_reports() -> None:
    graph = make(alarm_topic_arns=[TOPIC])
    alarm = graph.named("docs-paths-failed").inputs
    assert alarm["dimensions"] == {"FunctionName": graph.one(CODE).outputs["name"], "Region": "Global"}
    assert (alarm["region"], alarm["alarmActions"], alarm["metricName"]) == ("us-east-1", [TOPIC], "FunctionExecutionErrors")
    assert graph.named("docs-cdn-viewer-5xx").inputs["region"] == "us-east-1"
