from typing import Any

import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.delivery import DnsFailover
from offline_preview.graph import Graph

from tests.emulators.dns import RECORD, HostedZones
from tests.harness import record, refs

ZONE, BALANCERS, CLOUDFRONT = "Z0123456789ABCDEFGHIJ", "Z32O12XQLNTSW2", "Z2FDTNDATAQYW2"
NAME, OWN, TOPIC = "shop.example.com", "origin.shop.example.com", "arn:aws:sns:us-east-1:123456789012:alarms"
BALANCER = "shop-1.eu-west-1.elb.amazonaws.com"
PRIMARY: Any = {"alias": {"dns_name": BALANCER, "zone_id": BALANCERS}, "domain_name": OWN}
CERTIFICATE, CHECK = "aws:acm/certificate:Certificate", "aws:route53/healthCheck:HealthCheck"
WEB_ACL = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/shop/1a2b3c"
EXISTING: Any = {"dns_name": "d2.cloudfront.net", "zone_id": CLOUDFRONT, "evaluate_target_health": False}


def make(mode: Any = "deployed", **args: Any) -> Graph:
    given: Any = {
        "domain_name": NAME,
        "hosted_zone_id": ZONE,
        "primary": PRIMARY,
        "primary_region": "eu-west-1",
        "health_check": {"domain_name": OWN},
        **args,
    }
    return record(lambda: DnsFailover("shop", {key: value for key, value in given.items() if value is not None}), mode=mode)  # ty: ignore[invalid-argument-type]


def refused(**args: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as caught:
        make(**args)
    return caught.value.problems


def page(graph: Graph) -> str:
    return graph.one("aws:cloudfront/distribution:Distribution").outputs["domainName"]


def needed(graph: Graph, name: str) -> set[str]:
    """Names of all that a resource takes values from, however far away."""
    found: set[str] = set()
    rest = [graph.named(name)]
    while rest:
        for urn in rest.pop().dependencies:
            one = next(resource for resource in graph.resources if resource.urn == urn)
            if one.name not in found:
                found.add(one.name)
                rest.append(one)
    return found


def test_clients_get_the_primary_while_it_is_healthy() -> None:
    assert HostedZones(make()).answers(NAME) == {BALANCER: 1}


@pytest.mark.parametrize(
    "dead",
    [{"dead_checks": ["shop-health-check"]}, {"dead_targets": [BALANCER]}],
    ids=["a layer fails", "the load balancer has no healthy target"],
)
def test_clients_get_the_page_while_the_primary_fails(dead: Any) -> None:
    graph = make(ip_address_type="dualstack")
    zones = HostedZones(graph, **dead)
    assert zones.answers(NAME) == zones.answers(NAME, "AAAA") == {page(graph): 1}
    # Its own name stays the primary's, so the health check sees it come back.
    assert zones.answers(OWN) == {BALANCER: 1}


@pytest.mark.parametrize("certificate", [{}, {"primary_certificate": True}])
def test_the_secondary_has_no_dependency_on_the_primary(certificate: Any) -> None:
    graph = make(**certificate)
    needs = needed(graph, "shop-secondary-a") | needed(graph, "shop-cdn-distribution") | needed(graph, "shop-html")
    assert not {name for name in needs if name.startswith(("shop-primary", "shop-own-", "shop-health"))}
    assert {"shop-cdn-distribution", "shop-certificate", "shop-page-bucket"} <= needs
    assert "healthCheckId" not in graph.named("shop-secondary-a").inputs
    # Nothing that answers is in the Region of the primary.
    bucket = [one for one in graph.resources if one.name in ("shop-page-bucket", "shop-html", "shop-key")]
    assert {one.inputs["region"] for one in bucket} == {"us-east-1"}


@pytest.mark.parametrize(("primary", "page_region"), [("eu-west-1", "us-east-1"), ("us-east-1", "us-west-2")])
def test_the_page_is_in_another_region_than_the_primary(primary: str, page_region: str) -> None:
    assert make(primary_region=primary).named("shop-page-bucket").inputs["region"] == page_region
    reason = f"is '{primary}', the Region of the primary, with which the page would fail. Name another."
    assert refused(primary_region=primary, page={"region": primary}) == [("page.region", reason)]
    assert make(page={"region": "eu-central-1"}).named("shop-page-bucket").inputs["region"] == "eu-central-1"


def test_two_certificates_share_one_validation_record_for_each_name() -> None:
    graph = make(primary_certificate=True)
    assert {one.name: one.inputs["region"] for one in graph.of_type(CERTIFICATE)} == {
        "shop-certificate": "us-east-1",
        "shop-primary-certificate": "eu-west-1",
    }
    shared = [one.name for one in graph.of_type(RECORD) if "certificate" in one.name]
    assert shared == ["shop-certificate-record-shop.example.com", "shop-certificate-record-origin.shop.example.com"]
    for certificate in ("shop-certificate", "shop-primary-certificate"):
        assert refs(graph, graph.named(f"{certificate}-validation"), "validationRecordFqdns") == sorted(shared)
        assert graph.named(certificate).inputs["subjectAlternativeNames"] == [OWN]
    outputs = graph.named("shop").outputs
    assert outputs["primary_certificate_arn"] == graph.named("shop-primary-certificate-validation").outputs["certificateArn"]
    assert outputs["certificate_arn"] == graph.named("shop-certificate-validation").outputs["certificateArn"]


def test_a_primary_in_us_east_1_shares_the_certificate_too() -> None:
    graph = make(primary_region="us-east-1", primary_certificate=True)
    outputs = graph.named("shop").outputs
    assert len(graph.of_type(CERTIFICATE)) == 1
    assert outputs["primary_certificate_arn"] == outputs["certificate_arn"]


def test_a_certificate_that_is_there() -> None:
    arn = "arn:aws:acm:us-east-1:123456789012:certificate/1"
    graph = make(certificate_arn=arn)
    assert not graph.of_type(CERTIFICATE)
    distribution = graph.one("aws:cloudfront/distribution:Distribution").inputs
    assert (distribution["viewerCertificate"]["acmCertificateArn"], distribution["aliases"]) == (arn, [NAME])
    both = make(certificate_arn=arn, primary_certificate=True, primary_region="us-east-1")
    assert [one.name for one in both.of_type(CERTIFICATE)] == ["shop-primary-certificate"]
    assert both.named("shop").outputs["certificate_arn"] == arn


def test_every_path_and_method_gets_the_page_with_status_503() -> None:
    graph = make(page={"retry_after_seconds": 300})
    distribution = graph.one("aws:cloudfront/distribution:Distribution").inputs
    page_of = {"responsePagePath": "/unavailable/index.html", "responseCode": 503, "errorCachingMinTtl": 10}
    assert distribution["customErrorResponses"] == [{"errorCode": 403, **page_of}, {"errorCode": 404, **page_of}]
    assert distribution["defaultCacheBehavior"]["allowedMethods"] == ["GET", "HEAD"]
    html = graph.named("shop-html").inputs
    assert (html["key"], html["contentType"]) == ("unavailable/index.html", "text/html; charset=utf-8")
    # Without one, the path / would be that of a page, with status 200.
    assert distribution["defaultRootObject"] == "none"
    custom = graph.one("aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy").inputs["customHeadersConfig"]["items"]
    assert custom == [
        {"header": "Cache-Control", "value": "no-store", "override": True},
        {"header": "Retry-After", "value": "300", "override": True},
    ]


def test_the_page_is_a_whole_one_without_anything_from_elsewhere() -> None:
    html = make().named("shop-html").inputs["content"]
    assert html.startswith("<!doctype html>")
    assert not any(word in html for word in ("src=", "href=", "url(", "@import"))
    assert make(page={"html": "<p>Closed</p>"}).named("shop-html").inputs["content"] == "<p>Closed</p>"


def test_the_bucket_is_read_by_the_distribution_alone() -> None:
    graph = make()
    blocked = graph.named("shop-page-access-block").inputs
    assert [blocked[key] for key in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")] == [True] * 4
    policy = graph.named("shop-page-policy").inputs["policy"]
    assert graph.one("aws:cloudfront/distribution:Distribution").outputs["arn"] in policy


def test_a_deep_health_check_of_the_primary_alone() -> None:
    graph = make()
    assert {key: graph.one(CHECK).inputs[key] for key in ("type", "fqdn", "resourcePath", "searchString")} == {
        "type": "HTTPS_STR_MATCH",
        "fqdn": OWN,
        "resourcePath": "/health/deep",
        "searchString": "deep-health-ok",
    }
    assert refs(graph, graph.named("shop-primary-a"), "healthCheckId") == ["shop-health-check"]
    assert graph.named("shop-own-a").urn in graph.named("shop-health").dependencies
    assert not make(health_check=None, health_check_id="hc-1").of_type(CHECK)


def test_a_private_service_is_checked_by_an_alarm() -> None:
    layers = {"database": {"tcp": {"host": "db.shop.internal", "port": 5432}}}
    graph = make(health_check={"layers": layers})
    assert graph.one(CHECK).inputs["type"] == "CLOUDWATCH_METRIC"
    assert HostedZones(graph, dead_checks=["shop-health-check"]).answers(NAME) == {page(graph): 1}


def test_the_alarm_is_in_us_east_1() -> None:
    graph = make(alarm_topic_arns=[TOPIC])
    [alarm] = graph.of_type("aws:cloudwatch/metricAlarm:MetricAlarm")
    assert {key: alarm.inputs[key] for key in ("region", "metricName", "alarmActions", "alarmDescription")} == {
        "region": "us-east-1",
        "metricName": "HealthCheckStatus",
        "alarmActions": [TOPIC],
        "alarmDescription": "shop.example.com fails, and its clients get the page in its place",
    }
    assert (alarm.name, refs(graph, alarm, "dimensions")) == ("shop-failed-over", ["shop-health-check"])


def test_a_primary_on_addresses() -> None:
    graph = make(primary={"addresses": ["203.0.113.10"], "domain_name": OWN}, ttl_seconds=30)
    assert {key: graph.named("shop-primary-a").inputs[key] for key in ("records", "ttl", "failoverRoutingPolicies")} == {
        "records": ["203.0.113.10"],
        "ttl": 30,
        "failoverRoutingPolicies": [{"type": "PRIMARY"}],
    }
    assert HostedZones(graph, dead_checks=["shop-health-check"]).answers(NAME) == {page(graph): 1}


def test_a_secondary_that_is_there() -> None:
    graph = make(existing_secondary=EXISTING)
    assert HostedZones(graph, dead_checks=["shop-health-check"]).answers(NAME) == {"d2.cloudfront.net": 1}
    assert {one.type.split("/")[0] for one in graph.resources if one.type.startswith("aws:")} == {"aws:route53"}
    assert graph.named("shop").outputs["distribution_id"] == ""


def test_a_web_acl_and_a_log_bucket_that_are_there() -> None:
    graph = make(web_acl_arn=WEB_ACL, cdn_log_bucket_arn="arn:aws:s3:::logs", page={"viewers": {"force_destroy": True}})
    assert graph.one("aws:cloudfront/distribution:Distribution").inputs["webAclId"] == WEB_ACL
    buckets = {one.name: one.inputs["forceDestroy"] for one in graph.of_type("aws:s3/bucket:Bucket")}
    assert buckets == {"shop-page-bucket": True, "shop-page-logs-bucket": True}


def test_the_primary_is_asked_by_its_own_name() -> None:
    asked = make(health_check={"path": "/health/all"}).one(CHECK).inputs
    assert (asked["fqdn"], asked["resourcePath"]) == (OWN, "/health/all")


SHARED = "the page would answer to it after a failover, and clients would never come back. Give a name of the primary alone."


@pytest.mark.parametrize(
    ("changes", "problems"),
    [
        ({"health_check": {"domain_name": NAME}}, [("health_check.domain_name", f"is 'shop.example.com', the shared name: {SHARED}")]),
        (
            {"health_check": {}, "primary": {"alias": PRIMARY["alias"]}},
            [("health_check.layers", "is missing; without domain_name a function measures. Give layers, function or existing_function.")],
        ),
        (
            {"health_check": None},
            [("health_check", "exactly one of health_check and health_check_id is needed; none is given. Give one.")],
        ),
        (
            {"primary": {**PRIMARY, "addresses": ["203.0.113.10"]}},
            [("primary.alias", "exactly one of alias and addresses is needed; both are given. Remove one.")],
        ),
        (
            {"primary": {**PRIMARY, "domain_name": NAME}},
            [("primary.domain_name", "is 'shop.example.com', the name that all targets share. Give another, or remove it.")],
        ),
        (
            {"primary": {"alias": {**PRIMARY["alias"], "evaluate_target_health": False}}},
            [("primary.alias.evaluate_target_health", "is False; Route 53 accepts no primary alias without it. Leave it out.")],
        ),
        (
            {"primary": {"alias": {**PRIMARY["alias"], "zone_id": CLOUDFRONT}}},
            [
                (
                    "primary.alias.zone_id",
                    "is that of a distribution, and CloudFront serves a name by one alone. Let a distribution fail over by its "
                    "failover_origin.",
                )
            ],
        ),
        (
            {"existing_secondary": {**EXISTING, "evaluate_target_health": True}},
            [
                (
                    "existing_secondary.evaluate_target_health",
                    "is True, and the secondary is a distribution, whose health Route 53 does not evaluate. Set it to False.",
                )
            ],
        ),
        (
            {"existing_secondary": EXISTING, "page": {"html": "<p>Closed</p>"}},
            [("existing_secondary", "excludes page: it is for a page that is created; both are given. Remove one of them.")],
        ),
        (
            {"page": {"viewers": {"headers": {"hsts_preload": True}}}},
            [
                (
                    "page.viewers.headers.hsts_preload",
                    "needs hsts_subdomains: browsers preload no single name. Set hsts_subdomains, or remove hsts_preload.",
                )
            ],
        ),
        (
            {"web_acl_arn": WEB_ACL, "page": {"viewers": {"firewall": {"rate_limit": 100}}}},
            [("web_acl_arn", "excludes firewall: it is for a web ACL that is created; both are given. Remove one of them.")],
        ),
        (
            {"cdn_log_bucket_arn": "arn:aws:s3:::logs", "page": {"viewers": {"log_retention_days": 30}}},
            [
                (
                    "cdn_log_bucket_arn",
                    "excludes page.viewers.log_retention_days: it is for a bucket that is created; both are given. Remove one of them.",
                )
            ],
        ),
        (
            {"alarm_topic_arns": [TOPIC.replace("us-east-1", "eu-west-1")]},
            [("alarm_topic_arns.0", "is a topic of eu-west-1; the metrics of health checks are in us-east-1. Give a topic there.")],
        ),
    ],
)
def test_what_cannot_work_is_refused(changes: dict[str, Any], problems: list[tuple[str, str]]) -> None:
    assert refused(**changes) == problems
