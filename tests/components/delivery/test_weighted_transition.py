from fractions import Fraction
from typing import Any

import pulumi
import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.delivery import WeightedTransition
from offline_preview.graph import Graph

from tests.emulators.dns import RECORD, HostedZones
from tests.harness import record, refs

ZONE, BALANCERS, TOPIC = "Z0123456789ABCDEFGHIJ", "Z32O12XQLNTSW2", "arn:aws:sns:us-east-1:123456789012:alarms"
CLOUDFRONT = "Z2FDTNDATAQYW2"
CHECK = "aws:route53/healthCheck:HealthCheck"
NAME, OLD_NAME, NEW_NAME = "shop.example.com", "old.eu-west-1.elb.amazonaws.com", "new.eu-west-1.elb.amazonaws.com"
OLD: Any = {"alias": {"dns_name": OLD_NAME, "zone_id": BALANCERS}}
NEW: Any = {
    "alias": {"dns_name": NEW_NAME, "zone_id": BALANCERS},
    "domain_name": "new.shop.example.com",
    "health_check": {"path": "/health"},
}
HOST: Any = {"host_name": "shop.hosting.example", "health_check_id": "hc-1"}
ADDRESSES: Any = {"addresses": ["203.0.113.10", "203.0.113.11"], "health_check": {"domain_name": "old.shop.example.com"}}
TARGETS: Any = {"old": OLD, "new": NEW}


def make(weights: Any = None, targets: Any = None, mode: Any = "deployed", **args: Any) -> Graph:
    given: Any = {
        "domain_name": NAME,
        "hosted_zone_id": ZONE,
        "weights": {"old": 95, "new": 5} if weights is None else weights,
        "targets": TARGETS if targets is None else targets,
        **args,
    }
    return record(lambda: WeightedTransition("shop", given), mode=mode)


def refused(**args: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as caught:
        make(**args)
    return caught.value.problems


@pytest.mark.parametrize(("old", "new"), [(255, 1), (95, 5), (50, 50), (1, 255)])
def test_weights_are_an_input(old: int, new: int) -> None:
    zones = HostedZones(make({"old": old, "new": new}))
    assert zones.answers(NAME) == {OLD_NAME: Fraction(old, old + new), NEW_NAME: Fraction(new, old + new)}


def test_a_step_changes_the_weights_of_the_records_and_nothing_else() -> None:
    before, after = make({"old": 95, "new": 5}), make({"old": 50, "new": 50})
    changed = [
        (one.name, key)
        for one in before.resources
        for key, value in one.inputs.items()
        if value != after.named(one.name).inputs.get(key) and one.custom
    ]
    assert changed == [("shop-old-a", "weightedRoutingPolicies"), ("shop-new-a", "weightedRoutingPolicies")]


def test_all_traffic_moves() -> None:
    graph = make({"old": 0, "new": 1})
    assert HostedZones(graph).answers(NAME) == {NEW_NAME: 1}
    # The old system stays for the case that the new one fails, until it is removed.
    assert HostedZones(graph, dead_checks=["shop-new-check"]).answers(NAME) == {OLD_NAME: 1}
    assert HostedZones(make({"new": 1}, {"new": NEW})).answers(NAME) == {NEW_NAME: 1}


@pytest.mark.parametrize("mode", ["preview", "deployed"])
@pytest.mark.parametrize("weights", [{"old": 0, "new": 0}, {"new": 0}])
def test_zero_total_weight_is_refused(weights: dict[str, int], mode: str) -> None:
    reason = "are all 0, for which Route 53 answers with each target equally often. Give one of them a weight of 1 or more."
    targets = {name: TARGETS[name] for name in weights}
    assert refused(weights=weights, targets=targets, mode=mode) == [("weights", reason)]


def test_weights_that_are_known_late_are_checked_late() -> None:
    assert [one.inputs["weightedRoutingPolicies"] for one in make({"old": pulumi.Output.from_input(9), "new": 1}).of_type(RECORD)[1:]] == [
        [{"weight": 9}],
        [{"weight": 1}],
    ]
    zero = "are all 0, for which Route 53 answers with each target equally often. Give one of them a weight of 1 or more."
    assert refused(weights={"old": pulumi.Output.from_input(0), "new": 0}) == [("weights", zero)]
    assert refused(weights={"old": pulumi.Output.from_input(256), "new": 0}) == [
        ("weights.old", "is 256; must be a whole number from 0 to 255")
    ]


@pytest.mark.parametrize(
    ("dead", "left"),
    [
        ({"dead_checks": ["shop-new-check"]}, {OLD_NAME: 1}),
        ({"dead_targets": [NEW_NAME]}, {OLD_NAME: 1}),
        ({"dead_targets": [OLD_NAME]}, {NEW_NAME: 1}),
        ({"dead_targets": [OLD_NAME, NEW_NAME]}, {OLD_NAME: Fraction(95, 100), NEW_NAME: Fraction(5, 100)}),
    ],
)
def test_a_dead_system_gets_none(dead: Any, left: dict[str, Any]) -> None:
    assert HostedZones(make(), **dead).answers(NAME) == left


def test_each_system_has_a_weighted_record_with_a_health_check() -> None:
    graph = make()
    assert graph.named("shop-old-a").inputs == {
        "zoneId": ZONE,
        "name": NAME,
        "type": "A",
        "aliases": [{"name": OLD_NAME, "zoneId": BALANCERS, "evaluateTargetHealth": True}],
        "setIdentifier": "old",
        "weightedRoutingPolicies": [{"weight": 95}],
    }
    assert refs(graph, graph.named("shop-new-a"), "healthCheckId") == ["shop-new-check"]
    assert graph.one(CHECK).inputs == {
        "type": "HTTPS",
        "fqdn": "new.shop.example.com",
        "port": 443,
        "resourcePath": "/health",
        "enableSni": True,
        "measureLatency": False,
        "requestInterval": 30,
        "failureThreshold": 3,
        "tags": {"Name": "shop-new"},
    }


def test_a_system_can_be_tried_by_a_name_of_its_own() -> None:
    graph = make({"old": 1, "new": 0})
    zones = HostedZones(graph)
    assert (zones.answers(NAME), zones.answers("new.shop.example.com")) == ({OLD_NAME: 1}, {NEW_NAME: 1})
    own = graph.named("shop-new-own-a")
    assert "setIdentifier" not in own.inputs
    # Route 53 would find it unhealthy before there is the name.
    assert own.urn in graph.named("shop-new-check").dependencies


def test_ipv6_has_records_of_the_same_weights() -> None:
    old = {**ADDRESSES, "ipv6_addresses": ["2001:db8::1"]}
    zones = HostedZones(make(targets={"old": old, "new": NEW}, ip_address_type="dualstack"))
    assert zones.answers(NAME) == {"203.0.113.10,203.0.113.11": Fraction(95, 100), NEW_NAME: Fraction(5, 100)}
    assert zones.answers(NAME, "AAAA") == {"2001:db8::1": Fraction(95, 100), NEW_NAME: Fraction(5, 100)}


def test_addresses_and_names_elsewhere_have_a_ttl() -> None:
    graph = make({"old": 1}, {"old": ADDRESSES}, ttl_seconds=30)
    assert {key: graph.named("shop-old-a").inputs[key] for key in ("records", "ttl")} == {"records": ADDRESSES["addresses"], "ttl": 30}
    other = make({"old": 1}, {"old": HOST}).named("shop-old-cname").inputs
    assert {key: other[key] for key in ("type", "records", "ttl", "healthCheckId")} == {
        "type": "CNAME",
        "records": ["shop.hosting.example"],
        "ttl": 60,
        "healthCheckId": "hc-1",
    }


def test_an_unhealthy_system_is_reported_where_the_metrics_are() -> None:
    graph = make(alarm_topic_arns=[TOPIC])
    alarm = graph.one("aws:cloudwatch/metricAlarm:MetricAlarm")
    assert {key: alarm.inputs[key] for key in ("region", "namespace", "metricName", "statistic", "threshold", "alarmActions")} == {
        "region": "us-east-1",
        "namespace": "AWS/Route53",
        "metricName": "HealthCheckStatus",
        "statistic": "Minimum",
        "threshold": 1,
        "alarmActions": [TOPIC],
    }
    assert refs(graph, alarm, "dimensions") == ["shop-new-check"]
    assert alarm.inputs["alarmDescription"] == (
        "Route 53 finds new.shop.example.com unhealthy, and sends the clients of shop.example.com elsewhere"
    )


def test_the_name_is_available_after_its_records() -> None:
    graph = make()
    assert graph.named("shop").outputs["health_check_ids"] == {"new": graph.one(CHECK).outputs["id"]}
    assert graph.named("shop").outputs["domain_name"] == NAME


DISTRIBUTION: Any = {"alias": {"dns_name": "d1.cloudfront.net", "zone_id": CLOUDFRONT}}
UNCHECKED = "is missing; without it Route 53 would go on to answer with a target that is dead. Give it, or health_check_id"


@pytest.mark.parametrize(
    ("changes", "problems"),
    [
        ({"targets": {"old": OLD}}, [("weights.new", "is for no target; known are old. Correct it, or remove it.")]),
        (
            {"weights": {"old": 1}},
            [("weights.new", "is missing; targets has new. Give its weight, which may be 0, or remove the target.")],
        ),
        (
            {"targets": {"old": OLD, "new": {**NEW, "addresses": ["203.0.113.1"]}}},
            [("targets.new.alias", "exactly one of alias, addresses and host_name is needed; both are given. Remove one.")],
        ),
        (
            {"targets": {"old": OLD, "new": {"addresses": ["203.0.113.1"]}}},
            [("targets.new.health_check", f"{UNCHECKED}.")],
        ),
        (
            {"targets": {"old": OLD, "new": {"addresses": ["203.0.113"], "health_check_id": "hc-1"}}},
            [("targets.new.addresses.0", "is '203.0.113'; must be an IPv4 address")],
        ),
        (
            {"targets": {"old": OLD, "new": {"alias": {**NEW["alias"], "evaluate_target_health": False}}}},
            [("targets.new.health_check", f"{UNCHECKED}, or an alias with evaluate_target_health.")],
        ),
        (
            {"targets": {"old": OLD, "new": {**NEW, "health_check_id": "hc-1"}}},
            [("targets.new.health_check", "excludes health_check_id: a record has one; both are given. Remove one of them.")],
        ),
        (
            {"targets": {"old": OLD, "new": {**OLD, "health_check": {}}}},
            [
                (
                    "targets.new.health_check.domain_name",
                    "is missing; Route 53 asks a target by a name. Give it, or domain_name of the target.",
                )
            ],
        ),
        (
            {"targets": {"old": OLD, "new": {**OLD, "health_check": {"domain_name": NAME}}}},
            [
                (
                    "targets.new.health_check.domain_name",
                    "is 'shop.example.com', the name that all targets share: another one may answer to it. Give a name of this target "
                    "alone.",
                )
            ],
        ),
        (
            {"targets": {"old": OLD, "new": {**OLD, "domain_name": NAME}}},
            [("targets.new.domain_name", "is 'shop.example.com', the name that all targets share. Give another, or remove it.")],
        ),
        (
            {"targets": {"old": HOST, "new": NEW}},
            [
                (
                    "targets.old.host_name",
                    "is a CNAME record, and new has another type: a name has either. Give all targets a host_name, or none.",
                )
            ],
        ),
        (
            {"targets": {"old": HOST, "new": HOST}, "ip_address_type": "dualstack"},
            [("ip_address_type", "is 'dualstack'; what a host_name resolves to decides over IPv6 itself. Leave it out.")],
        ),
        (
            {"targets": {"old": ADDRESSES, "new": NEW}, "ip_address_type": "dualstack"},
            [("targets.old.ipv6_addresses", "is missing; ip_address_type is 'dualstack'. Give it, or leave ip_address_type out.")],
        ),
        (
            {"targets": {"old": {**ADDRESSES, "ipv6_addresses": ["2001:db8::1"]}, "new": NEW}},
            [
                (
                    "targets.old.ipv6_addresses",
                    "is for addresses of a dualstack name. Set ip_address_type to dualstack, or remove it.",
                )
            ],
        ),
        (
            {"alarm_topic_arns": [TOPIC.replace("us-east-1", "eu-west-1")]},
            [("alarm_topic_arns.0", "is a topic of eu-west-1; the metrics of health checks are in us-east-1. Give a topic there.")],
        ),
        (
            {"alarm_topic_arns": [TOPIC], "targets": {"old": OLD, "new": OLD}},
            [
                (
                    "alarm_topic_arns",
                    "is for the health checks that are created, and targets has none. Give one a health_check, or remove it.",
                )
            ],
        ),
    ],
)
def test_what_cannot_work_is_refused(changes: dict[str, Any], problems: list[tuple[str, str]]) -> None:
    assert refused(**changes) == problems


@pytest.mark.parametrize("late", [False, True])
def test_distributions_are_refused_as_cloudfront_and_route_53_would(late: bool) -> None:
    one: Any = {**DISTRIBUTION, "health_check_id": "hc-1"}
    if late:
        one = {**one, "alias": {**one["alias"], "zone_id": pulumi.Output.from_input(CLOUDFRONT)}}
    evaluated = (
        "is True, and the target is a distribution, whose health Route 53 does not evaluate. Set it to False, and give a health_check."
    )
    assert refused(targets={"old": OLD, "new": one}) == [("targets.new.alias.evaluate_target_health", evaluated)]
    quiet: Any = {**one, "alias": {**one["alias"], "evaluate_target_health": False}}
    assert HostedZones(make(targets={"old": OLD, "new": quiet})).answers(NAME)["d1.cloudfront.net"] == Fraction(5, 100)
    twice = "is a distribution, as old is, and CloudFront serves a name by one alone. Try a change by staging of ContentDeliveryNetwork."
    assert refused(targets={"old": quiet, "new": quiet}) == [("targets.new.alias", twice)]
