import json
import re
from typing import Any

import pulumi
import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.delivery import ContentDeliveryNetwork
from offline_preview.graph import Graph, Resource

from tests.harness import record, refs

BALANCER = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/web/50dc6c495c0c9188"
CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/1"
TOPIC = "arn:aws:sns:us-east-1:123456789012:alarms"
WEB_ACL = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/shop/1"
ZONE = "Z0123456789ABCDEFGHIJ"
DISTRIBUTION = "aws:cloudfront/distribution:Distribution"
SITE: Any = {"bucket": {"regional_domain_name": "site.s3.eu-west-1.amazonaws.com"}}
COPY: Any = {"bucket": {"regional_domain_name": "copy.s3.eu-central-1.amazonaws.com"}}
APP: Any = {"load_balancer": {"arn": BALANCER, "domain_name": "app.example.com"}}
IMAGES: Any = {"server": {"domain_name": "images.example.com", "secret_headers": {"X-Origin-Verify": "0123456789"}}}
FUNCTIONS: Any = {
    "request_function_arn": "arn:aws:cloudfront::123456789012:function/asks",
    "response_function_arn": "arn:aws:cloudfront::123456789012:function/answers",
}
NAMED: Any = {"domain_names": ["shop.example.com"], "certificate_arn": CERTIFICATE}


def make(mode: Any = "deployed", **args: Any) -> Graph:
    given: Any = {**NAMED, "origins": {"site": SITE}, **args}
    return record(lambda: ContentDeliveryNetwork("shop", given), mode=mode)


def distribution(**args: Any) -> dict[str, Any]:
    return make(**args).one(DISTRIBUTION).inputs


def origin(name: str, **args: Any) -> dict[str, Any]:
    return next(one for one in distribution(**args)["origins"] if one["originId"] == name)


def behavior(**args: Any) -> dict[str, Any]:
    return distribution(**args)["defaultCacheBehavior"]


def refused(**args: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as caught:
        make(**args)
    return caught.value.problems


def test_viewers_need_tls_1_2() -> None:
    assert distribution()["viewerCertificate"] == {
        "acmCertificateArn": CERTIFICATE,
        "minimumProtocolVersion": "TLSv1.2_2025",
        "sslSupportMethod": "sni-only",
    }
    args: Any = {"origins": {"site": SITE, "app": APP}, "default_behavior": {"origin": "site"}}
    whole = distribution(**args, behaviors=[{"path_pattern": "/api/*", "origin": "app"}])
    for one in [whole["defaultCacheBehavior"], *whole["orderedCacheBehaviors"]]:
        assert one["viewerProtocolPolicy"] == "redirect-to-https"


def test_a_name_and_a_certificate_are_asked_for_unless_the_caller_says_otherwise() -> None:
    both = "Give domain names: CloudFront's own certificate accepts TLS 1.0. Set default_certificate to true alone where that is accepted."
    one = "exactly one of domain_names and default_certificate is needed;"
    assert refused(domain_names=[], certificate_arn=None) == [("domain_names", f"{one} none is given. {both}")]
    assert refused(default_certificate=True) == [("domain_names", f"{one} both are given. {both}")]
    assert refused(certificate_arn=None) == [
        (
            "certificate_arn",
            "is missing; domain_names need a certificate. Give it, or hosted_zone_id, in which a new one is validated.",
        )
    ]
    accepted = distribution(domain_names=[], certificate_arn=None, default_certificate=True)
    assert accepted["viewerCertificate"] == {"cloudfrontDefaultCertificate": True, "minimumProtocolVersion": "TLSv1"}
    assert "aliases" not in accepted


def test_origins_get_tls_1_2_alone() -> None:
    server = origin("images", origins={"images": IMAGES})["customOriginConfig"]
    assert (server["originProtocolPolicy"], server["originSslProtocols"]) == ("https-only", ["TLSv1.2"])
    vpc = make(origins={"app": APP}).one("aws:cloudfront/vpcOrigin:VpcOrigin").inputs["vpcOriginEndpointConfig"]
    assert vpc == {
        "name": "shop-app-vpc-origin-50dc6c495c0c9188-443",
        "arn": BALANCER,
        "httpPort": 80,
        "httpsPort": 443,
        "originProtocolPolicy": "https-only",
        "originSslProtocols": {"items": ["TLSv1.2"], "quantity": 1},
    }


def test_a_bucket_is_reachable_through_the_cdn_alone() -> None:
    graph = make()
    control = graph.one("aws:cloudfront/originAccessControl:OriginAccessControl")
    assert {key: control.inputs[key] for key in ("originAccessControlOriginType", "signingBehavior", "signingProtocol")} == {
        "originAccessControlOriginType": "s3",
        "signingBehavior": "always",
        "signingProtocol": "sigv4",
    }
    [one] = graph.one(DISTRIBUTION).inputs["origins"]
    assert one["originAccessControlId"] == control.outputs["id"]
    assert one["domainName"] == "site.s3.eu-west-1.amazonaws.com"
    assert refused(origins={"site": {"bucket": {"regional_domain_name": "site.s3-website-eu-west-1.amazonaws.com"}}})[0][0] == (
        "origins.site.bucket.regional_domain_name"
    )


def test_a_load_balancer_is_reachable_through_the_cdn_alone() -> None:
    balancer = {**APP["load_balancer"], "security_group_id": "sg-1", "prefix_list_id": "pl-1", "region": "eu-central-1"}
    graph = make(origins={"app": {"load_balancer": balancer}})
    rule = graph.one("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule").inputs
    assert rule == {
        "securityGroupId": "sg-1",
        "prefixListId": "pl-1",
        "ipProtocol": "tcp",
        "fromPort": 443,
        "toPort": 443,
        "description": "From CloudFront",
        "region": "eu-central-1",
        "tags": {},
    }
    vpc = graph.one("aws:cloudfront/vpcOrigin:VpcOrigin")
    [one] = graph.one(DISTRIBUTION).inputs["origins"]
    assert one["vpcOriginConfig"] == {"vpcOriginId": vpc.outputs["id"], "originReadTimeout": 30, "originKeepaliveTimeout": 5}
    assert "customOriginConfig" not in one


def test_a_server_is_reachable_through_the_cdn_alone_or_says_that_it_is_public() -> None:
    graph = make(origins={"images": IMAGES})
    [one] = graph.one(DISTRIBUTION).inputs["origins"]
    assert [(header["name"], str(header["value"])) for header in one["customHeaders"]] == [("X-Origin-Verify", "[secret]")]
    reason = "Give a header by which the origin knows CloudFront, or say that everybody may reach it."
    alone = {"domain_name": "images.example.com"}
    path, needed = "origins.images.server.secret_headers", "exactly one of secret_headers and public is needed;"
    assert refused(origins={"images": {"server": alone}}) == [(path, f"{needed} neither is given. {reason}")]
    assert refused(origins={"images": {"server": {**IMAGES["server"], "public": True}}}) == [(path, f"{needed} both are given. {reason}")]
    assert "customHeaders" not in origin("images", origins={"images": {"server": {**alone, "public": True}}})


def test_access_logs_v2() -> None:
    graph = make()
    assert "loggingConfig" not in graph.one(DISTRIBUTION).inputs
    source = graph.one("aws:cloudwatch/logDeliverySource:LogDeliverySource")
    destination = graph.one("aws:cloudwatch/logDeliveryDestination:LogDeliveryDestination")
    delivery = graph.one("aws:cloudwatch/logDelivery:LogDelivery")
    assert refs(graph, source, "resourceArn") == ["shop-distribution"]
    assert source.inputs["logType"] == "ACCESS_LOGS"
    assert destination.inputs["outputFormat"] == "json"
    bucket = graph.named("shop-log-bucket")
    assert destination.inputs["deliveryDestinationConfiguration"] == {"destinationResourceArn": bucket.outputs["arn"]}
    assert refs(graph, delivery, "deliverySourceName") == ["shop-logs-source"]
    assert refs(graph, delivery, "deliveryDestinationArn") == ["shop-logs"]
    assert delivery.inputs["s3DeliveryConfigurations"] == [
        {"suffixPath": "{DistributionId}/{yyyy}/{MM}/{dd}/{HH}", "enableHiveCompatiblePath": False}
    ]
    # CloudFront's are in us-east-1, wherever the program is.
    assert {one.inputs["region"] for one in (source, destination, delivery)} == {"us-east-1"}
    assert not {"cs(Cookie)"} & set(delivery.inputs["recordFields"])


def test_the_log_bucket_admits_the_delivery_before_it_begins() -> None:
    graph = make()
    statements = json.loads(graph.named("shop-log-policy").inputs["policy"])["Statement"]
    bucket = graph.named("shop-log-bucket").outputs["arn"]
    allowed = {one["Action"][0]: one for one in statements if one["Effect"] == "Allow"}
    assert allowed["s3:PutObject"]["Principal"] == {"Service": ["delivery.logs.amazonaws.com"]}
    assert allowed["s3:PutObject"]["Resource"] == [f"{bucket}/AWSLogs/123456789012/*"]
    assert allowed["s3:PutObject"]["Condition"]["ArnLike"] == {"aws:SourceArn": ["arn:aws:logs:*:123456789012:*"]}
    destination = graph.one("aws:cloudwatch/logDeliveryDestination:LogDeliveryDestination")
    assert "shop-log-policy" in refs(graph, destination, "deliveryDestinationConfiguration")


def test_query_strings_can_be_left_out_of_the_logs() -> None:
    graph = make(log_query_strings=False, firewall={"redacted_headers": ["X-Token"]})
    fields = graph.one("aws:cloudwatch/logDelivery:LogDelivery").inputs["recordFields"]
    assert {"cs-uri-stem", "sc-status"} <= set(fields)
    assert not {"cs-uri-query", "cs(Referer)"} & set(fields)
    assert {"x-token", "referer", "query string"} <= redacted(graph)
    assert not {"referer", "query string"} & redacted(make())


def redacted(graph: Graph) -> set[str]:
    fields = graph.one("aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration").inputs["redactedFields"]
    return {one["singleHeader"]["name"] if "singleHeader" in one else "query string" for one in fields}


def test_what_exists_is_used() -> None:
    graph = make(
        web_acl_arn=WEB_ACL,
        log_bucket_arn="arn:aws:s3:::logs",
        origins={"app": {"load_balancer": {"existing_vpc_origin_id": "vo_1", "domain_name": "app.example.com"}}},
        hosted_zone_id=ZONE,
    )
    whole = graph.one(DISTRIBUTION).inputs
    assert (whole["webAclId"], whole["origins"][0]["vpcOriginConfig"]["vpcOriginId"]) == (WEB_ACL, "vo_1")
    assert whole["viewerCertificate"]["acmCertificateArn"] == CERTIFICATE
    made = {one.type for one in graph.resources}
    assert not made & {
        "aws:acm/certificate:Certificate",
        "aws:wafv2/webAcl:WebAcl",
        "aws:s3/bucket:Bucket",
        "aws:cloudfront/vpcOrigin:VpcOrigin",
    }
    records = graph.of_type("aws:route53/record:Record")
    assert [(one.inputs["name"], one.inputs["type"]) for one in records] == [("shop.example.com", "A"), ("shop.example.com", "AAAA")]
    assert [one.inputs["aliases"][0]["evaluateTargetHealth"] for one in records] == [False, False]


def test_a_certificate_for_all_names_is_validated_in_the_zone() -> None:
    names = ["shop.example.com", "www.example.com", "*.shop.example.com"]
    graph = make(domain_names=names, certificate_arn=None, hosted_zone_id=ZONE)
    certificate = graph.one("aws:acm/certificate:Certificate")
    assert (certificate.inputs["domainName"], certificate.inputs["subjectAlternativeNames"]) == (names[0], names[1:])
    assert certificate.inputs["region"] == "us-east-1"
    options = {one["domainName"]: one for one in certificate.outputs["domainValidationOptions"]}
    records = {one.name: one for one in graph.of_type("aws:route53/record:Record") if one.inputs["type"] == "CNAME"}
    assert {name: one.inputs["name"] for name, one in records.items()} == {
        "shop-certificate-record-shop.example.com": options["shop.example.com"]["resourceRecordName"],
        "shop-certificate-record-www.example.com": options["www.example.com"]["resourceRecordName"],
    }
    validation = graph.one("aws:acm/certificateValidation:CertificateValidation")
    assert validation.inputs["region"] == "us-east-1"
    assert refs(graph, graph.one(DISTRIBUTION), "viewerCertificate") == ["shop-certificate-validation"]


def test_another_main_name_touches_no_record() -> None:
    def records(*names: str) -> dict[str, Any]:
        graph = make(domain_names=[*names], certificate_arn=None, hosted_zone_id=ZONE)
        found = {one.name: (one.inputs["type"], one.inputs["name"]) for one in graph.of_type("aws:route53/record:Record")}
        assert len(found) == 3 * len(names)
        return found

    both = records("shop.example.com", "www.example.com")
    assert records("www.example.com", "shop.example.com") == both
    assert records("shop.example.com").items() <= both.items()


def test_a_second_origin_answers_when_the_first_fails() -> None:
    args: Any = {"origins": {"site": SITE, "copy": COPY}, "default_behavior": {"origin": "site", "failover_origin": "copy"}}
    whole = distribution(**args)
    assert whole["originGroups"] == [
        {
            "originId": "site-or-copy",
            "failoverCriteria": {"statusCodes": [500, 502, 503, 504]},
            "members": [{"originId": "site"}, {"originId": "copy"}],
        }
    ]
    assert whole["defaultCacheBehavior"]["targetOriginId"] == "site-or-copy"
    # CloudFront fails over for reading alone.
    app = {"origins": {"app": APP, "copy": COPY}, "default_behavior": {"origin": "app", "failover_origin": "copy"}}
    assert behavior(**app)["allowedMethods"] == ["GET", "HEAD", "OPTIONS"]


def test_what_is_sent_and_kept_follows_from_the_origin() -> None:
    optimized, disabled = "658327ea-f89d-4fab-a63d-7e88639e58f6", "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
    found = {
        kind: [behavior(origins={kind: one}).get(key) for key in ("cachePolicyId", "originRequestPolicyId", "allowedMethods")]
        for kind, one in {"bucket": SITE, "balancer": APP, "server": IMAGES}.items()
    }
    every = ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]
    assert found == {
        "bucket": [optimized, None, ["GET", "HEAD"]],
        "balancer": [disabled, "216adef6-5c7f-47e4-b989-5492eafa07d3", every],
        "server": [disabled, "b689b0a8-53d0-40ab-baf2-68738e2966ac", every],
    }


def test_behaviors_of_paths_are_tried_in_their_order() -> None:
    args: Any = {"origins": {"site": SITE, "copy": COPY, "app": APP}, "default_behavior": {"origin": "app"}}
    behaviors = [
        {"path_pattern": "/news/*", "origin": "site", "failover_origin": "copy", "key_group_ids": ["group"]},
        {"path_pattern": "/n*", **FUNCTIONS, "response_headers_policy_id": "own"},
    ]
    graph = make(**args, behaviors=behaviors)
    whole = graph.one(DISTRIBUTION).inputs
    assert [one["originId"] for one in whole["originGroups"]] == ["site-or-copy"]
    news, other = whole["orderedCacheBehaviors"]
    assert (news["pathPattern"], news["targetOriginId"], news["trustedKeyGroups"]) == ("/news/*", "site-or-copy", ["group"])
    assert (other["pathPattern"], other["targetOriginId"], other["responseHeadersPolicyId"]) == ("/n*", "app", "own")
    assert other["functionAssociations"] == [
        {"eventType": "viewer-request", "functionArn": FUNCTIONS["request_function_arn"]},
        {"eventType": "viewer-response", "functionArn": FUNCTIONS["response_function_arn"]},
    ]
    policy = graph.named("shop-headers").outputs["id"]
    assert news["responseHeadersPolicyId"] == whole["defaultCacheBehavior"]["responseHeadersPolicyId"] == policy


def test_equal_ways_of_caching_are_one_policy() -> None:
    caching: Any = {"default_seconds": 60, "max_seconds": 600, "query_strings": ["page"], "headers": ["X-Shop"], "cookies": ["lang"]}
    graph = make(
        default_behavior={"caching": caching},
        behaviors=[{"path_pattern": "/a/*", "caching": caching}, {"path_pattern": "/b/*", "caching": {"query_strings": ["*"]}}],
    )
    policies = {one.name: one for one in graph.of_type("aws:cloudfront/cachePolicy:CachePolicy")}
    assert [re.sub("-[0-9a-f]{8}$", "", name) for name in policies] == ["shop-cache-0-60-600", "shop-cache-0-86400-31536000"]
    first, second = policies.values()
    assert [first.inputs[key] for key in ("minTtl", "defaultTtl", "maxTtl")] == [0, 60, 600]
    assert first.inputs["parametersInCacheKeyAndForwardedToOrigin"] == {
        "enableAcceptEncodingBrotli": True,
        "enableAcceptEncodingGzip": True,
        "queryStringsConfig": {"queryStringBehavior": "whitelist", "queryStrings": {"items": ["page"]}},
        "headersConfig": {"headerBehavior": "whitelist", "headers": {"items": ["X-Shop"]}},
        "cookiesConfig": {"cookieBehavior": "whitelist", "cookies": {"items": ["lang"]}},
    }
    key = second.inputs["parametersInCacheKeyAndForwardedToOrigin"]
    assert key["queryStringsConfig"] == {"queryStringBehavior": "all"}
    whole = graph.one(DISTRIBUTION).inputs
    used = [one["cachePolicyId"] for one in [whole["defaultCacheBehavior"], *whole["orderedCacheBehaviors"]]]
    assert used == [first.outputs["id"], first.outputs["id"], second.outputs["id"]]
    existing = behavior(default_behavior={"cache_policy_id": "theirs", "requests": "all_except_host"})
    assert existing["cachePolicyId"] == "theirs"
    assert behavior(origins={"app": APP}, default_behavior={"cache": "origin"})["cachePolicyId"] == "83da9c7e-98b4-4e11-a168-04f0df8e2c65"


def test_what_tells_responses_apart_makes_another_policy() -> None:
    kinds = ("query_strings", "headers", "cookies")
    every: list[Any] = [{kind: [name]} for kind in kinds for name in ("lang", "a.b$" + "c" * 200)]
    graph = make(behaviors=[{"path_pattern": f"/{index}/*", "caching": caching} for index, caching in enumerate(every)])
    policies = graph.of_type("aws:cloudfront/cachePolicy:CachePolicy")
    assert len(policies) == len(every)
    # What AWS takes as a name, with what Pulumi adds.
    assert all(re.fullmatch("[A-Za-z0-9_-]{1,120}", one.name) for one in policies)
    used = graph.one(DISTRIBUTION).inputs["orderedCacheBehaviors"]
    assert [one["cachePolicyId"] for one in used] == [one.outputs["id"] for one in policies]
    caching: Any = [{"query_strings": ["a", "b"], "headers": ["X-A"]}, {"query_strings": ["b", "a"], "headers": ["x-a"]}]
    graph = make(behaviors=[{"path_pattern": f"/{index}/*", "caching": one} for index, one in enumerate(caching)])
    graph.one("aws:cloudfront/cachePolicy:CachePolicy")


def test_the_root_of_a_bucket_shows_an_object_and_no_list() -> None:
    assert distribution()["defaultRootObject"] == "index.html"
    assert distribution(default_root_object="start.html")["defaultRootObject"] == "start.html"
    assert "defaultRootObject" not in distribution(origins={"app": APP})


def test_error_pages_and_countries() -> None:
    whole = distribution(
        error_pages=[{"code": 503, "page_path": "/errors/503.html", "cache_seconds": 60}, {"code": 404, "cache_seconds": 5}],
        blocked_country_codes=["FR", "DE"],
        price_class="PriceClass_100",
    )
    assert whole["customErrorResponses"] == [
        {"errorCode": 503, "errorCachingMinTtl": 60, "responseCode": 503, "responsePagePath": "/errors/503.html"},
        {"errorCode": 404, "errorCachingMinTtl": 5},
    ]
    assert whole["restrictions"] == {"geoRestriction": {"restrictionType": "blacklist", "locations": ["DE", "FR"]}}
    assert distribution(country_codes=["DE"])["restrictions"]["geoRestriction"]["restrictionType"] == "whitelist"
    assert whole["priceClass"] == "PriceClass_100"


def test_origins_have_paths_and_a_shield() -> None:
    site: Any = {**SITE, "path": "/v1", "shield_region": "eu-west-1", "connection_attempts": 1, "connection_timeout_seconds": 2}
    one = origin("site", origins={"site": site})
    assert (one["originPath"], one["originShield"]) == ("/v1", {"enabled": True, "originShieldRegion": "eu-west-1"})
    assert (one["connectionAttempts"], one["connectionTimeout"]) == (1, 2)


def test_browsers_get_security_headers() -> None:
    headers: Any = {
        "content_security_policy": "default-src 'self'",
        "frame_options": "SAMEORIGIN",
        "hsts_subdomains": True,
        "hsts_preload": True,
        "replace": False,
        "custom": {"Permissions-Policy": "camera=()"},
        "remove": [],
        "cors": {"origins": ["https://a.example.com"], "headers": ["Authorization"], "cookies": True, "expose_headers": ["ETag"]},
    }
    policy = make(headers=headers).one("aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy").inputs
    assert policy["securityHeadersConfig"] == {
        "strictTransportSecurity": {"accessControlMaxAgeSec": 31_536_000, "includeSubdomains": True, "preload": True, "override": True},
        "contentTypeOptions": {"override": True},
        "frameOptions": {"frameOption": "SAMEORIGIN", "override": False},
        "referrerPolicy": {"referrerPolicy": "strict-origin-when-cross-origin", "override": False},
        "contentSecurityPolicy": {"contentSecurityPolicy": "default-src 'self'", "override": False},
    }
    assert policy["customHeadersConfig"] == {"items": [{"header": "Permissions-Policy", "value": "camera=()", "override": False}]}
    assert "removeHeadersConfig" not in policy
    assert policy["corsConfig"] == {
        "accessControlAllowOrigins": {"items": ["https://a.example.com"]},
        "accessControlAllowMethods": {"items": ["GET", "HEAD", "OPTIONS"]},
        "accessControlAllowHeaders": {"items": ["Authorization"]},
        "accessControlAllowCredentials": True,
        "accessControlMaxAgeSec": 600,
        "accessControlExposeHeaders": {"items": ["ETag"]},
        "originOverride": True,
    }


def test_a_main_name_that_acm_refuses() -> None:
    long = f"{'a' * 53}.example.com"
    reason = "has 65 characters; the first name of a new certificate has 64 at most. Put a shorter one before it."
    assert refused(domain_names=[long], certificate_arn=None, hosted_zone_id=ZONE) == [("domain_names.0", reason)]
    assert distribution(domain_names=[long])["aliases"] == [long]


def test_others_may_write_the_records() -> None:
    graph = make(hosted_zone_id=ZONE, certificate_arn=None, alias_records=False)
    assert [one.inputs["type"] for one in graph.of_type("aws:route53/record:Record")] == ["CNAME"]


def test_an_alarm_counts_errors_where_cloudfront_reports_them() -> None:
    graph = make(alarm_topic_arns=[TOPIC])
    alarm = graph.named("shop-viewer-5xx")
    assert (alarm.inputs["region"], alarm.inputs["alarmActions"], alarm.inputs["threshold"]) == ("us-east-1", [TOPIC], 5)
    wrong = "arn:aws:sns:eu-west-1:123456789012:alarms"
    assert refused(alarm_topic_arns=[wrong]) == [
        (
            "alarm_topic_arns.0",
            "is a topic of eu-west-1; CloudFront's metrics and so their alarms are in us-east-1, and notify topics there. "
            "Name one of us-east-1.",
        )
    ]


def given(method: str, *arguments: Any) -> Any:
    found: list[Any] = []

    def program() -> None:
        args: Any = {**NAMED, "origins": {"site": SITE}}
        pulumi.Output.from_input(getattr(ContentDeliveryNetwork("shop", args), method)(*arguments)).apply(found.append)

    graph = record(program, mode="deployed")
    return found[0], graph.one(DISTRIBUTION)


def test_a_pipeline_may_have_objects_fetched_anew() -> None:
    command, created = given("invalidation_command", "/news/*", "/it's")
    assert command == f"aws cloudfront create-invalidation --distribution-id {created.outputs['id']} --paths '/news/*' '/it'\"'\"'s'"
    [reads], created = given("bucket_statements")
    assert reads["conditions"] == {"StringEquals": {"aws:SourceArn": [created.outputs["arn"]]}}
    [statement], created = given("invalidation_statements")
    assert statement["actions"] == ["cloudfront:CreateInvalidation", "cloudfront:GetInvalidation"]
    assert statement["resources"] == [created.outputs["arn"]]


def _outputs(graph: Graph) -> Resource:
    return graph.one("cloudpatterns:index:ContentDeliveryNetwork")


def test_outputs() -> None:
    graph = make(web_acl_arn=WEB_ACL, hosted_zone_id=ZONE)
    outputs, created = _outputs(graph).outputs, graph.one(DISTRIBUTION).outputs
    assert outputs["url"] == "https://shop.example.com"
    assert (outputs["distribution_id"], outputs["distribution_arn"]) == (created["id"], created["arn"])
    assert (outputs["dns_name"], outputs["zone_id"]) == (created["domainName"], created["hostedZoneId"])
    assert (outputs["certificate_arn"], outputs["web_acl_arn"]) == (CERTIFICATE, WEB_ACL)


def test_a_wildcard_is_no_address() -> None:
    assert _outputs(make(domain_names=["*.example.com", "shop.example.com"])).outputs["url"] == "https://shop.example.com"
    graph = make(domain_names=["*.example.com"])
    assert _outputs(graph).outputs["url"] == f"https://{graph.one(DISTRIBUTION).outputs['domainName']}"


POLICY = "aws:cloudfront/continuousDeploymentPolicy:ContinuousDeploymentPolicy"
NEW: Any = {"origins": {"site": SITE, "new": COPY}, "default_behavior": {"origin": "site"}}


def trial(percent: float = 0, **staging: Any) -> Graph:
    return make(**NEW, staging={"percent": percent, "default_behavior": {"origin": "new"}, **staging})


def test_a_trial_has_other_behaviors_and_no_names() -> None:
    graph = trial(5)
    staging, main = graph.named("shop-staging-distribution").inputs, graph.named("shop-distribution").inputs
    assert (staging["staging"], staging["defaultCacheBehavior"]["targetOriginId"]) == (True, "new")
    assert main["defaultCacheBehavior"]["targetOriginId"] == "site"
    # Two distributions cannot have one name; CloudFront takes the rest of the staging one for both.
    assert ("aliases" in staging, main["aliases"]) == (False, ["shop.example.com"])
    assert staging["viewerCertificate"] == main["viewerCertificate"]
    assert staging["webAclId"] == main["webAclId"]
    assert staging["origins"] == main["origins"]
    # CloudFront supports no continuous deployment with HTTP/3.
    assert {staging["httpVersion"], main["httpVersion"]} == {"http2"}
    assert distribution()["httpVersion"] == "http2and3"


def test_a_part_of_the_viewers_gets_the_trial() -> None:
    graph = trial(5, session_idle_seconds=600)
    policy = graph.one(POLICY)
    assert policy.inputs == {
        "enabled": True,
        "stagingDistributionDnsNames": {"items": [graph.named("shop-staging-distribution").outputs["domainName"]], "quantity": 1},
        "trafficConfig": {
            "type": "SingleWeight",
            "singleWeightConfig": {"weight": 0.05, "sessionStickinessConfig": {"idleTtl": 600, "maximumTtl": 3600}},
        },
    }
    assert refs(graph, graph.named("shop-distribution"), "continuousDeploymentPolicyId") == ["shop-staging-policy"]


def test_a_trial_begins_and_ends_with_no_viewer() -> None:
    graph = trial(0)
    policy, main = graph.one(POLICY), graph.named("shop-distribution")
    assert (policy.inputs["enabled"], policy.inputs["trafficConfig"]["singleWeightConfig"]) == (False, {"weight": 0})
    # CloudFront attaches none to a distribution that is being created.
    assert "continuousDeploymentPolicyId" not in main.inputs
    # It may be attached all the same, from before; then it can be deleted after the distribution alone.
    assert policy.urn in main.dependencies


def test_both_distributions_are_logged_watched_and_admitted() -> None:
    graph = record(
        lambda: pulumi.export(
            "statements",
            ContentDeliveryNetwork(
                "shop", {**NAMED, **NEW, "staging": {"default_behavior": {"origin": "new"}}, "alarm_topic_arns": [TOPIC]}
            ).bucket_statements(),
        ),
        mode="deployed",
    )
    arns = [graph.named(f"shop-{one}").outputs["arn"] for one in ("distribution", "staging-distribution")]
    assert graph.outputs["statements"][0]["conditions"] == {"StringEquals": {"aws:SourceArn": arns}}
    sources = {one.name: one.inputs["resourceArn"] for one in graph.of_type("aws:cloudwatch/logDeliverySource:LogDeliverySource")}
    assert sources == {"shop-logs-source": arns[0], "shop-staging-logs-source": arns[1]}
    alarms = {one.name for one in graph.of_type("aws:cloudwatch/metricAlarm:MetricAlarm")}
    assert alarms == {"shop-viewer-5xx", "shop-staging-viewer-5xx"}


@pytest.mark.parametrize(
    ("changes", "problems"),
    [
        (
            {"staging": {}, "origins": {"site": SITE}},
            [("staging", "has nothing of its own to try. Give default_behavior or behaviors, or remove it.")],
        ),
        (
            {"staging": {"default_behavior": {"origin": "newer"}}},
            [
                ("origins.new", "is in no behavior. Name it in one, or remove it."),
                ("staging.default_behavior.origin", "is 'newer', which is not an origin; known are site, new."),
            ],
        ),
        (
            {"staging": {"default_behavior": {"origin": "new"}, "behaviors": [{"path_pattern": "/a", "origin": "site"}] * 2}},
            [("staging.behaviors", "has /a twice. Name each once.")],
        ),
        (
            {
                "staging": {"default_behavior": {"origin": "new"}},
                "domain_names": [],
                "certificate_arn": None,
                "default_certificate": True,
            },
            [
                (
                    "domain_names",
                    "is missing; staging needs it: CloudFront divides the viewers of a domain name. Give it, or remove staging.",
                )
            ],
        ),
    ],
)
def test_a_trial_that_cannot_work_is_refused(changes: Any, problems: list[tuple[str, str]]) -> None:
    assert refused(**{**NEW, **changes}) == problems


def test_a_trial_gets_15_percent_at_most() -> None:
    assert refused(**NEW, staging={"percent": 20, "default_behavior": {"origin": "new"}}) == [
        ("staging.percent", "is 20; must be at most 15.0")
    ]
