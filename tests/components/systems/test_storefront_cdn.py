"""Storefront behind a CDN: who reaches the load balancer, under which names and certificates, and every refusal."""

import functools
from typing import Any

import pytest
from cloudpatterns.core import ArgumentError
from offline_preview.graph import Graph

from tests.components.systems.storefronts import CDN, NAMED, make
from tests.harness import refs

INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
BALANCER, DISTRIBUTION, ORIGIN = (
    "aws:lb/loadBalancer:LoadBalancer",
    "aws:cloudfront/distribution:Distribution",
    "aws:cloudfront/vpcOrigin:VpcOrigin",
)
CERTIFICATES, RECORD, ACL = "aws:acm/certificate:Certificate", "aws:route53/record:Record", "aws:wafv2/webAcl:WebAcl"


@functools.cache
def behind() -> Graph:
    return make(load_balancer=NAMED, cdn=CDN, firewall={"rate_limit": 500})


def refused(**changes: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as error:
        make(**changes)
    return error.value.problems


def test_nothing_but_the_cdn_reaches_the_load_balancer() -> None:
    graph = behind()
    balancer = graph.one(BALANCER)
    assert (balancer.name, balancer.inputs["internal"], balancer.inputs["subnets"]) == (
        "shop-origin-lb",
        True,
        ["subnet-private-a", "subnet-private-b"],
    )
    [group] = refs(graph, balancer, "securityGroups")[:1]
    assert group == "shop-firewall-https"
    # Rules with addresses: the one of CloudFront's list alone.
    rules = [rule for rule in graph.of_type(INGRESS) if "referencedSecurityGroupId" not in rule.inputs]
    assert [(rule.name, rule.inputs["prefixListId"], rule.inputs["fromPort"]) for rule in rules] == [
        ("shop-firewall-https-from-cloudfront-443", "pl-4fa04526", 443)
    ]
    listeners = graph.of_type("aws:lb/listener:Listener")
    assert [(one.inputs["port"], one.inputs["protocol"]) for one in listeners] == [(443, "HTTPS")]


def test_the_cdn_serves_the_name_from_the_load_balancer_alone() -> None:
    graph = behind()
    distribution, origin = graph.one(DISTRIBUTION), graph.one(ORIGIN)
    assert distribution.inputs["aliases"] == ["shop.example.com"]
    assert refs(graph, origin, "vpcOriginEndpointConfig")[0] == "shop-origin-lb"
    assert [one["domainName"] for one in distribution.inputs["origins"]] == ["shop.example.com"]
    # Nothing is cached that no behaviour names: AWS's policy CachingDisabled.
    assert distribution.inputs["defaultCacheBehavior"]["cachePolicyId"] == "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
    shop = graph.one("cloudpatterns:index:Storefront").outputs
    assert shop["url"] == "https://shop.example.com"
    assert shop["distribution_id"] == distribution.outputs["id"]
    assert shop["distribution_dns_name"] == distribution.outputs["domainName"]
    records = [record for record in graph.of_type(RECORD) if "aliases" in record.inputs]
    assert {(record.inputs["name"], record.inputs["aliases"][0]["name"]) for record in records} == {
        ("shop.example.com", distribution.outputs["domainName"])
    }


def test_both_certificates_have_one_validation_record() -> None:
    graph = behind()
    assert sorted(one.inputs["region"] for one in graph.of_type(CERTIFICATES)) == ["eu-west-1", "us-east-1"]
    assert len([record for record in graph.of_type(RECORD) if "aliases" not in record.inputs]) == 1


def test_the_web_acl_is_that_of_the_cdn() -> None:
    acl = behind().one(ACL)
    assert (acl.inputs["scope"], acl.inputs["region"]) == ("CLOUDFRONT", "us-east-1")
    assert behind().named("shop-cdn-firewall-rate-limit").inputs["statement"]["rateBasedStatement"]["limit"] == 500
    assert behind().one("cloudpatterns:index:Storefront").outputs["web_acl_arn"] == acl.outputs["arn"]


def test_without_a_cdn_the_load_balancer_faces_the_internet() -> None:
    graph = make()
    assert graph.of_type(DISTRIBUTION) == []
    assert graph.one("cloudpatterns:index:Storefront").outputs["distribution_id"] == ""
    assert graph.one(BALANCER).name == "shop-web-lb"


@pytest.mark.parametrize(
    ("changes", "problems"),
    [
        (
            {"cdn": CDN},
            [
                ("load_balancer.domain_name", "is missing; cdn needs it: the CDN serves this name. Give it, or remove cdn."),
                ("load_balancer.hosted_zone_id", "is missing; cdn needs it: the CDN serves this name. Give it, or remove cdn."),
                (
                    "load_balancer.certificate_arn",
                    "excludes cdn, whose certificates here and in us-east-1 are created. Give domain_name and hosted_zone_id instead.",
                ),
            ],
        ),
        (
            {"load_balancer": NAMED, "cdn": {**CDN, "firewall": {"rate_limit": 100}}},
            [("cdn.firewall", "is given beside firewall, which is that of the CDN. Give firewall alone.")],
        ),
        (
            {"load_balancer": NAMED, "cdn": {**CDN, "alarm_topic_arns": ["arn:aws:sns:eu-west-1:123456789012:alarms"]}},
            [
                (
                    "cdn.alarm_topic_arns.0",
                    "is a topic of eu-west-1; CloudFront's metrics and so their alarms are in us-east-1, and notify topics there. "
                    "Name one of us-east-1.",
                )
            ],
        ),
        (
            {"load_balancer": NAMED, "cdn": {"prefix_list_id": "cloudfront"}},
            [("cdn.prefix_list_id", "is 'cloudfront'; must be the id of a managed prefix list such as pl-4fa04526")],
        ),
    ],
)
def test_what_does_not_fit_a_cdn_is_refused(changes: dict[str, Any], problems: list[tuple[str, str]]) -> None:
    assert refused(**changes) == problems
