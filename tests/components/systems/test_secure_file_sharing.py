import inspect
import json
import logging
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from boto3.dynamodb.types import TypeSerializer
from botocore.exceptions import ClientError
from cloudpatterns.core import ArgumentError
from cloudpatterns.plugin.examples import SIGNING_KEY
from cloudpatterns.systems import SecureFileSharing
from cloudpatterns.systems.secure_file_sharing import component
from offline_preview.graph import Graph

from tests.components.systems.sharing import FILES, SECRET, SITE, arguments, make
from tests.components.uploads.access import Request, allowed
from tests.emulators.handlers import load_handler
from tests.harness import refs

TOPIC, EDGE_TOPIC = "arn:aws:sns:eu-west-1:123456789012:alarms", "arn:aws:sns:us-east-1:123456789012:alarms"
POOL_ARN = "arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_aBcDeFgHi"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-4000-8000-000000000001"
CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/00000000-0000-4000-8000-000000000001"
DISTRIBUTION = "aws:cloudfront/distribution:Distribution"
COMPONENT = "cloudpatterns:index:SecureFileSharing"
CLEAN = {"s3:ExistingObjectTag/GuardDutyMalwareScanStatus": "NO_THREATS_FOUND"}


@pytest.fixture(scope="module")
def graph() -> Graph:
    return make(SIGNING_KEY, alarm_topic_arns=[TOPIC], edge_alarm_topic_arns=[EDGE_TOPIC])


def statements(graph: Graph, name: str, argument: str = "policy") -> dict[str, dict[str, Any]]:
    return {one.get("Sid", ""): one for one in json.loads(graph.named(name).inputs[argument])["Statement"]}


def test_it_is_composed_of_the_four_patterns_and_an_api(graph: Graph) -> None:
    [system] = graph.of_type(COMPONENT)
    composed = {one.name: one.type.split(":")[-1] for one in graph.children(system.urn) if one.type.startswith("cloudpatterns:")}
    assert composed == {
        "sharing-api": "ApiGateway",
        "sharing-edge": "WebApplicationFirewall",
        "sharing-files": "PrivateDataDelivery",
        "sharing-firewall": "WebApplicationFirewall",
        "sharing-site": "DirectStorageHosting",
        "sharing-uploads": "DirectObjectUpload",
        "sharing-users": "UserDirectory",
    }


def test_the_key_names_cloudfront_and_all_data_is_under_it(graph: Graph) -> None:
    policy = statements(graph, "sharing-key-policy")
    files = graph.named("sharing-files-cdn-distribution")
    assert policy["CloudFront"]["Condition"] == {"StringEquals": {"aws:SourceArn": files.outputs["arn"]}}
    assert {"Administration", "CloudFront"} == set(policy)
    # Its policy waits for the distribution: what CloudWatch Logs would check at once has other keys.
    assert [one.name for one in graph.of_type("aws:cloudwatch/logGroup:LogGroup") if "sharing-key" in refs(graph, one, "kmsKeyId")] == []
    table = graph.one("aws:dynamodb/table:Table")
    assert refs(graph, table, "serverSideEncryption") == ["sharing-key"]
    assert table.inputs["serverSideEncryption"]["enabled"] is True
    assert table.inputs["deletionProtectionEnabled"] is True
    assert table.inputs["pointInTimeRecovery"] == {"enabled": True}
    encryption = graph.named("sharing-uploads-files-encryption").inputs["rules"][0]["applyServerSideEncryptionByDefault"]
    assert encryption["kmsMasterKeyId"] == graph.named("sharing-key").outputs["arn"]
    # The scanner and the function that signs forms use it by their own policies.
    for role in ("sharing-uploads-scan-policy", "sharing-uploads-forms-policy"):
        assert statements(graph, role)["ObjectsKey"]["Resource"] == [graph.named("sharing-key").outputs["arn"]]


def test_cloudfront_alone_reads_files_and_those_that_are_clean(graph: Graph) -> None:
    bucket = statements(graph, "sharing-uploads-files-policy")
    files = graph.named("sharing-files-cdn-distribution").outputs["arn"]
    assert bucket["CloudFront"]["Principal"] == {"Service": ["cloudfront.amazonaws.com"]}
    assert bucket["CloudFront"]["Condition"] == {"StringEquals": {"aws:SourceArn": [files]}}
    policy = json.loads(graph.named("sharing-uploads-files-policy").inputs["policy"])
    everything = {"Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    resource = f"{graph.named('sharing-uploads-files-bucket').outputs['arn']}/files/a/b"

    def reads(**context: str) -> bool:
        request = Request("arn:aws:iam::123456789012:role/any", "s3:GetObject", resource, {"aws:SecureTransport": "true", **context})
        return allowed(request, identity=[everything], resource=policy)

    assert reads(**CLEAN)
    assert not reads()
    origin = graph.named("sharing-files-cdn-distribution").inputs["origins"][0]
    assert origin["domainName"] == graph.named("sharing-uploads-files-bucket").outputs["bucketRegionalDomainName"]


def test_files_need_a_signature_and_are_of_another_origin_than_the_site(graph: Graph) -> None:
    behavior = graph.named("sharing-files-cdn-distribution").inputs["defaultCacheBehavior"]
    assert behavior["trustedKeyGroups"] == [graph.one("aws:cloudfront/keyGroup:KeyGroup").id]
    assert graph.named("sharing-files-cdn-distribution").inputs["aliases"] == ["files.example.com"]
    assert graph.named("sharing-site-cdn-distribution").inputs["aliases"] == ["share.example.com"]
    headers = graph.named("sharing-files-cdn-headers").inputs["securityHeadersConfig"]
    assert headers["contentSecurityPolicy"]["contentSecurityPolicy"] == "default-src 'none'; sandbox"
    sign = graph.named("sharing-files-sign").inputs["environment"]["variables"]
    assert (sign["URL"], sign["DEFAULT_SECONDS"], sign["MAX_SECONDS"]) == (FILES, "60", "60")


def test_the_page_talks_to_the_api_managed_login_and_the_bucket_alone(graph: Graph) -> None:
    policy = graph.named("sharing-site-cdn-headers").inputs["securityHeadersConfig"]["contentSecurityPolicy"]["contentSecurityPolicy"]
    found = graph.one(COMPONENT).outputs
    bucket = graph.named("sharing-uploads-files-bucket").outputs["bucketRegionalDomainName"]
    directives = dict(one.strip().split(" ", 1) for one in policy.split(";"))
    api = "/".join(found["api_url"].split("/")[:3])
    assert directives == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self'",
        "connect-src": f"'self' {api} https://{bucket} {found['login_url']}",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    assert graph.one("aws:s3/bucketCorsConfiguration:BucketCorsConfiguration").inputs["corsRules"][0]["allowedOrigins"] == [SITE]


def test_users_sign_in_for_the_site_with_short_tokens_and_nobody_signs_up(graph: Graph) -> None:
    client = graph.named("sharing-users-client-site").inputs
    assert (client["callbackUrls"], client["logoutUrls"]) == ([f"{SITE}/"], [f"{SITE}/"])
    assert (client["generateSecret"], client["accessTokenValidity"]) == (False, 15)
    pool = graph.one("aws:cognito/userPool:UserPool").inputs
    assert pool["adminCreateUserConfig"] == {"allowAdminCreateUserOnly": True}
    settings = json.loads(graph.one(COMPONENT).outputs["site_settings"])
    assert settings["client_id"] == graph.named("sharing-users-client-site").id
    assert settings["login"] == "https://example-login.auth.eu-west-1.amazoncognito.com"


def test_each_route_has_an_authorizer_and_takes_access_tokens(graph: Graph) -> None:
    definition = json.loads(graph.one("aws:apigateway/restApi:RestApi").inputs["body"])
    found = {
        f"{verb.upper()} {path}": operation["security"]
        for path, operations in definition["paths"].items()
        for verb, operation in operations.items()
        if verb != "options"
    }
    users, links = [{"users": ["openid"]}], [{"links": []}]
    assert found == {
        "POST /uploads": users,
        "GET /uploads": users,
        "POST /shares": users,
        "GET /shares": users,
        "DELETE /shares/{id}": users,
        "GET /shares/{id}/fetches": users,
        "POST /fetches": users,
        "GET /link": links,
        "POST /link/fetches": links,
    }


def test_the_function_of_links_may_do_what_it_does_and_read_no_file(graph: Graph) -> None:
    rights = statements(graph, "sharing-shares-policy")
    table, bucket = graph.one("aws:dynamodb/table:Table").outputs["arn"], graph.named("sharing-uploads-files-bucket").outputs["arn"]
    named = {sid: (one["Action"], one["Resource"]) for sid, one in rights.items() if sid != "Log"}
    assert named == {
        "Links": (["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"], [table]),
        "LinksOfUser": (["dynamodb:Query"], [f"{table}/index/by-owner"]),
        "LinksKey": (["kms:Decrypt"], [graph.named("sharing-key").outputs["arn"]]),
        "Scans": (["s3:GetObjectTagging"], [f"{bucket}/files/*"]),
        "Files": (["s3:ListBucket"], [bucket]),
        "Recipients": (["cognito-idp:AdminGetUser"], [graph.one("aws:cognito/userPool:UserPool").outputs["arn"]]),
        "Sign": (["lambda:InvokeFunction"], [graph.named("sharing-files-sign").outputs["arn"]]),
    }
    variables = graph.named("sharing-shares").inputs["environment"]["variables"]
    assert (variables["URL_SECONDS"], variables["DEFAULT_HOURS"], variables["MAX_HOURS"], variables["AUDIT_DAYS"]) == (
        "60",
        "72",
        "720",
        "365",
    )


def test_access_logs_have_no_codes_and_no_signatures(graph: Graph) -> None:
    for name in ("sharing-site-cdn", "sharing-files-cdn"):
        [delivery] = [one for one in graph.of_type("aws:cloudwatch/logDelivery:LogDelivery") if one.name.startswith(name)]
        assert not {"cs-uri-query", "cs(Referer)"} & set(delivery.inputs["recordFields"])
    for name in ("sharing-site-cdn-headers", "sharing-files-cdn-headers"):
        assert graph.named(name).inputs["securityHeadersConfig"]["referrerPolicy"]["referrerPolicy"] == "no-referrer"


def test_firewalls_stand_before_the_distributions_the_api_and_the_sign_in(graph: Graph) -> None:
    edge = graph.named("sharing-edge-acl")
    for name in ("sharing-site-cdn-distribution", "sharing-files-cdn-distribution"):
        assert edge.name in refs(graph, graph.named(name), "webAclId")
    associations = graph.of_type("aws:wafv2/webAclAssociation:WebAclAssociation")
    assert sorted(refs(graph, one, "resourceArn")[0] for one in associations) == ["sharing-api-stage", "sharing-users-pool"]


def test_the_site_is_published_with_its_settings(graph: Graph) -> None:
    pages = {one.inputs["key"]: one for one in graph.of_type("aws:s3/bucketObjectv2:BucketObjectv2")}
    assert set(pages) == {"404.html", "app.js", "config.json", "icon.svg", "index.html", "style.css"}
    assert pages["app.js"].inputs["contentType"] == "text/javascript; charset=utf-8"
    assert {one.inputs["cacheControl"] for one in pages.values()} == {"no-cache"}
    assert pages["config.json"].inputs["source"]["text"] == graph.one(COMPONENT).outputs["site_settings"]
    assert make(SIGNING_KEY, publish_site=False).of_type("aws:s3/bucketObjectv2:BucketObjectv2") == []


def test_topics_hear_of_what_fails(graph: Graph) -> None:
    alarms = graph.of_type("aws:cloudwatch/metricAlarm:MetricAlarm")
    named = {one.name for one in alarms}
    assert {"sharing-shares-errors", "sharing-links-throttled", "sharing-files-sign-errors", "sharing-uploads-forms-errors"} <= named
    assert {one.inputs["alarmActions"][0] for one in alarms} == {TOPIC, EDGE_TOPIC}


def test_an_alarm_tells_of_a_scan_that_says_nothing(graph: Graph) -> None:
    counted, alarm = graph.named("sharing-unscanned-filter"), graph.named("sharing-unscanned").inputs
    group = graph.named("sharing-shares-logs").outputs["name"]
    assert (counted.inputs["logGroupName"], counted.inputs["pattern"]) == (group, '"unscanned"')
    metric = counted.inputs["metricTransformation"]
    # Two stacks may have a component of the same name; the log group is of one of them.
    assert (alarm["namespace"], alarm["metricName"]) == (metric["namespace"], metric["name"])
    assert metric["name"] == f"{group}-unscanned"


@pytest.fixture
def follow(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Somebody follows a link: what the function answers of its file, with a table and a bucket that say what they are to say."""
    shares = load_handler(Path(inspect.getfile(component)).parent / "on_aws/shares/index.py")
    for name, value in {"TABLE": "table", "BUCKET": "bucket", "SITE_URL": SITE}.items():
        monkeypatch.setenv(name, value)

    def state(s3: Any, minutes: int) -> str:
        now = datetime.now(UTC)
        share = {
            "id": "1",
            "file_key": "files/1",
            "created_at": (now - timedelta(minutes=minutes)).isoformat(timespec="seconds"),
            "expires_at": int(now.timestamp()) + 600,
            "recipients": ["bob@example.com"],
        }
        dynamodb = Mock()
        dynamodb.get_item.return_value = {"Item": {key: TypeSerializer().serialize(value) for key, value in share.items()}}
        event = {"httpMethod": "GET", "resource": "/link", "requestContext": {"authorizer": {"share_id": "1"}}}
        answer = shares.handler(event, None, shares.Clients(dynamodb, s3, Mock(), Mock()))
        return json.loads(answer["body"])["state"]

    return state


@pytest.mark.parametrize(("minutes", "tags", "logged"), [(20, [], True), (5, [], False), (20, ["NO_THREATS_FOUND"], False)])
def test_a_file_that_is_not_scanned_in_time_is_logged(
    follow: Callable[..., str], minutes: int, tags: list[str], caplog: pytest.LogCaptureFixture, *, logged: bool
) -> None:
    s3 = Mock()
    s3.get_object_tagging.return_value = {"TagSet": [{"Key": "GuardDutyMalwareScanStatus", "Value": tag} for tag in tags]}
    with caplog.at_level(logging.INFO):
        assert follow(s3, minutes) == ("available" if tags else "scanning")
    assert any('"unscanned"' in line for line in caplog.messages) is logged


@pytest.mark.parametrize("code", ["NoSuchKey", "MethodNotAllowed"])
def test_a_file_that_its_retention_has_deleted_is_gone(follow: Callable[..., str], code: str) -> None:
    s3 = Mock()
    # Of a delete marker, S3 itself says the second.
    s3.get_object_tagging.side_effect = ClientError({"Error": {"Code": code, "Message": ""}}, "GetObjectTagging")
    assert follow(s3, 5) == "gone"


def test_what_is_there_is_used() -> None:
    graph = make(
        SIGNING_KEY,
        existing_user_pool={"arn": POOL_ARN, "login_url": "https://login.example.com"},
        users={},
        hosted_zone_id=None,
        edge_certificate_arn=CERTIFICATE,
        kms_key_arn=KEY,
    )
    assert graph.of_type("aws:cognito/userPool:UserPool", "aws:route53/record:Record", "aws:acm/certificate:Certificate") == []
    assert [one for one in graph.of_type("aws:kms/key:Key") if one.name == "sharing-key"] == []
    assert graph.one("aws:dynamodb/table:Table").inputs["serverSideEncryption"]["kmsKeyArn"] == KEY
    assert graph.named("sharing-users-client-site").inputs["userPoolId"] == "eu-west-1_aBcDeFgHi"
    assert graph.one(COMPONENT).outputs["login_url"] == "https://login.example.com"


def test_a_preview_ends_while_the_key_and_the_bucket_name_the_distribution() -> None:
    assert make(SIGNING_KEY, mode="preview").named("sharing-uploads-files-policy")


@pytest.mark.parametrize(
    ("args", "path", "reason"),
    [
        ({"files_domain_name": "share.example.com"}, "files_domain_name", "is that of the site; a file must not be of the site's origin."),
        ({"default_link_hours": 721}, "default_link_hours", "is 721, more than max_link_hours 720. Lower it."),
        ({"retention_days": 20}, "max_link_hours", "is 720, longer than the 20 days of retention_days: the file is gone then. Lower it."),
        ({"hosted_zone_id": None}, "hosted_zone_id", "is missing; without edge_certificate_arn the certificates are validated in it."),
        ({"users": {}}, "users.domain_prefix", "is missing; users sign in there. Give it, or users.custom_domain."),
        (
            {"users": {}, "existing_user_pool": {"arn": POOL_ARN}},
            "existing_user_pool.login_url",
            "is missing; users sign in there. Give it, or users.domain_prefix.",
        ),
        (
            {"users": {"domain_prefix": "example-login", "clients": {"site": {"callback_urls": ["https://a.example.com/"]}}}},
            "users.clients.site",
            "is the client of the site, which this component creates. Name yours otherwise.",
        ),
        ({"signing_keys": {}}, "signing_keys", "has 0 entries; at least 1 is needed"),
    ],
)
def test_what_cannot_be_created_is_refused(args: Any, path: str, reason: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        make(SIGNING_KEY, **args)
    assert path in dict(caught.value.problems)
    assert dict(caught.value.problems)[path].startswith(reason)


def test_the_secret_of_the_signing_key_is_named_and_never_read() -> None:
    assert SECRET in json.dumps(statements(make(SIGNING_KEY), "sharing-files-sign-policy"))


@pytest.mark.parametrize(
    ("args", "path", "reason"),
    [
        ({"sign_with": "b"}, "sign_with", "is 'b', which is not a key; known are a."),
        (
            {"edge_alarm_topic_arns": [TOPIC]},
            "edge_alarm_topic_arns.0",
            "is a topic of eu-west-1; CloudFront's metrics and so their alarms are in us-east-1, and notify topics there. Name one of "
            "us-east-1.",
        ),
        (
            {"users": {"domain_prefix": "x", "clients": {"app": {"callback_urls": ["https://x.example.com/"], "scopes": ["files/read"]}}}},
            "users.clients.app.scopes",
            "is 'files/read', which is not a scope; known are openid, email, profile, phone, aws.cognito.signin.user.admin.",
        ),
        (
            {
                "existing_user_pool": {"arn": POOL_ARN, "login_url": "https://login.example.com"},
                "users": {"mfa": "optional"},
            },
            "existing_user_pool",
            "excludes mfa: the user pool is there already, and is not changed; both are given. Remove one of them.",
        ),
        (
            {"firewall": {"count_rules": [{"rule": "nope", "until": str(date.today() + timedelta(days=30))}]}},
            "firewall.count_rules.0.rule",
            "is 'nope', which is not a rule that blocks; those are ip-reputation, common, known-bad-inputs, sql-injection, rate-limit, "
            "cross-site-scripting.",
        ),
        (
            {"api_domain": {"domain_name": "*.example.com", "certificate_arn": CERTIFICATE}},
            "api_domain.domain_name",
            "is '*.example.com'; the site calls the API by it. Give one name.",
        ),
    ],
)
def test_what_a_composed_component_refuses_is_told_at_the_argument_before_anything_is_there(args: Any, path: str, reason: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        SecureFileSharing.check("sharing", arguments(SIGNING_KEY, **args))
    assert str(caught.value).startswith('SecureFileSharing "sharing" cannot be created:')
    assert (path, reason) in caught.value.problems


def test_the_longest_name_within_decides() -> None:
    with pytest.raises(ArgumentError) as caught:
        SecureFileSharing.check("s" * 30, arguments(SIGNING_KEY))
    assert [path for path, _ in caught.value.problems] == ["name"]
    assert caught.value.problems[0][1].endswith("Give the component a name of at most 29 characters.")
    make(SIGNING_KEY, name="s" * 29)
