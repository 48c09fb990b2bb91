from typing import Any

import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.delivery import LatencyRouting
from offline_preview.graph import Graph

from tests.emulators.dns import RECORD, HostedZones
from tests.harness import record, refs

ZONE, NAME, TOPIC = "Z0123456789ABCDEFGHIJ", "api.example.com", "arn:aws:sns:us-east-1:123456789012:alarms"
IRELAND, FRANKFURT, VIRGINIA = "eu-west-1", "eu-central-1", "us-east-1"
# From a resolver in Berlin.
LATENCIES = {FRANKFURT: 12, IRELAND: 30, VIRGINIA: 95}


def balancer(region: str) -> str:
    return f"api.{region}.elb.amazonaws.com"


def region(name: str, **more: Any) -> Any:
    return {"alias": {"dns_name": balancer(name), "zone_id": "Z32O12XQLNTSW2"}, **more}


REGIONS: Any = {
    name: region(name, domain_name=f"{name}.api.example.com", health_check={"path": "/health/deep", "search_string": "deep-health-ok"})
    for name in (IRELAND, FRANKFURT, VIRGINIA)
}


def make(**args: Any) -> Graph:
    given: Any = {"domain_name": NAME, "hosted_zone_id": ZONE, "regions": REGIONS, **args}
    return record(lambda: LatencyRouting("api", given), mode="deployed")


def refused(**args: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as caught:
        make(**args)
    return caught.value.problems


def test_at_least_two_regions() -> None:
    reason = "has 1 Region, and clients would have no other one when it fails. Add one, or name those of other_regions."
    assert refused(regions={IRELAND: REGIONS[IRELAND]}) == [("regions", reason)]


def test_a_stack_of_one_region_creates_its_record_alone() -> None:
    graph = make(regions={IRELAND: REGIONS[IRELAND]}, other_regions=[FRANKFURT])
    (record_,) = [one for one in graph.of_type("aws:route53/record:Record") if one.inputs["name"] == NAME]
    assert (record_.inputs["setIdentifier"], record_.inputs["latencyRoutingPolicies"]) == (IRELAND, [{"region": IRELAND}])
    drained = make(regions={IRELAND: REGIONS[IRELAND]}, other_regions=[FRANKFURT], drained_regions=[IRELAND])
    assert not [one for one in drained.of_type("aws:route53/record:Record") if one.inputs["name"] == NAME]
    reason = "is 'eu-west-1', which regions has too: one stack creates its record. Remove it from either."
    assert refused(other_regions=[IRELAND]) == [("other_regions.0", reason)]


def test_clients_get_the_nearest_region() -> None:
    graph = make()
    assert HostedZones(graph, latencies=LATENCIES).answers(NAME) == {balancer(FRANKFURT): 1}
    assert HostedZones(graph, latencies={**LATENCIES, VIRGINIA: 5}).answers(NAME) == {balancer(VIRGINIA): 1}


@pytest.mark.parametrize(
    "dead",
    [{"dead_checks": ["api-eu-central-1-check"]}, {"dead_targets": [balancer(FRANKFURT)]}],
    ids=["its layers fail", "its load balancer has no healthy target"],
)
def test_a_dead_region_gets_none(dead: Any) -> None:
    assert HostedZones(make(), latencies=LATENCIES, **dead).answers(NAME) == {balancer(IRELAND): 1}


def test_a_region_is_dead_by_its_alias_alone_too() -> None:
    graph = make(regions={name: region(name) for name in (IRELAND, FRANKFURT)})
    assert not graph.of_type("aws:route53/healthCheck:HealthCheck")
    zones = HostedZones(graph, latencies=LATENCIES, dead_targets=[balancer(FRANKFURT)])
    assert zones.answers(NAME) == {balancer(IRELAND): 1}


def test_where_all_regions_are_dead_the_nearest_answers() -> None:
    zones = HostedZones(make(), latencies=LATENCIES, dead_checks=[f"api-{name}-check" for name in REGIONS])
    assert zones.answers(NAME) == {balancer(FRANKFURT): 1}


def test_a_drained_region_gets_none_and_can_be_tried() -> None:
    zones = HostedZones(make(drained_regions=[FRANKFURT]), latencies=LATENCIES)
    assert zones.answers(NAME) == {balancer(IRELAND): 1}
    assert zones.answers("eu-central-1.api.example.com") == {balancer(FRANKFURT): 1}
    # Not even when all others are dead.
    others = [f"api-{name}-check" for name in (IRELAND, VIRGINIA)]
    assert HostedZones(make(drained_regions=[FRANKFURT]), dead_checks=others, latencies=LATENCIES).answers(NAME) == {balancer(IRELAND): 1}


def test_each_region_has_a_record_of_its_latency() -> None:
    graph = make()
    assert graph.named("api-eu-west-1-a").inputs == {
        "zoneId": ZONE,
        "name": NAME,
        "type": "A",
        "aliases": [{"name": balancer(IRELAND), "zoneId": "Z32O12XQLNTSW2", "evaluateTargetHealth": True}],
        "setIdentifier": IRELAND,
        "latencyRoutingPolicies": [{"region": IRELAND}],
        "healthCheckId": graph.named("api-eu-west-1-check").outputs["id"],
    }
    assert refs(graph, graph.named("api-eu-west-1-a"), "healthCheckId") == ["api-eu-west-1-check"]
    # Route 53 is global: no resource but the alarms is of a Region.
    assert not [one.name for one in graph.of_type(RECORD) if "region" in one.inputs]


def test_ipv6_is_routed_alike() -> None:
    zones = HostedZones(make(ip_address_type="dualstack"), latencies=LATENCIES, dead_checks=["api-eu-central-1-check"])
    assert zones.answers(NAME, "AAAA") == zones.answers(NAME) == {balancer(IRELAND): 1}


def test_a_dead_region_is_reported() -> None:
    graph = make(alarm_topic_arns=[TOPIC])
    alarms = {one.name: one.inputs["region"] for one in graph.of_type("aws:cloudwatch/metricAlarm:MetricAlarm")}
    assert alarms == {f"api-{name}-unhealthy": "us-east-1" for name in REGIONS}


def test_health_checks_by_region() -> None:
    graph = make(regions={IRELAND: REGIONS[IRELAND], FRANKFURT: region(FRANKFURT, health_check_id="hc-1"), VIRGINIA: region(VIRGINIA)})
    assert graph.named("api").outputs["health_check_ids"] == {
        IRELAND: graph.named("api-eu-west-1-check").outputs["id"],
        FRANKFURT: "hc-1",
    }


@pytest.mark.parametrize(
    ("changes", "problems"),
    [
        (
            {"drained_regions": ["ap-south-1"]},
            [("drained_regions.0", "is 'ap-south-1', where the service is not; known are eu-west-1, eu-central-1, us-east-1.")],
        ),
        (
            {"drained_regions": [IRELAND, FRANKFURT, VIRGINIA]},
            [("drained_regions", "has every Region, and the name would have no record. Leave one out.")],
        ),
        (
            {"regions": {IRELAND: region(IRELAND), FRANKFURT: {"addresses": ["203.0.113.1"]}}},
            [
                (
                    "regions.eu-central-1.health_check",
                    "is missing; without it Route 53 would go on to answer with a target that is dead. Give it, or health_check_id.",
                )
            ],
        ),
    ],
)
def test_what_cannot_work_is_refused(changes: dict[str, Any], problems: list[tuple[str, str]]) -> None:
    assert refused(**changes) == problems


def test_a_key_that_is_no_region_is_refused() -> None:
    [(path, reason)] = refused(regions={IRELAND: region(IRELAND), "Frankfurt": region(FRANKFURT)})
    assert path == "regions"
    assert reason.endswith("has 'Frankfurt'; a name has the form of an AWS Region such as eu-west-1. Rename it")
