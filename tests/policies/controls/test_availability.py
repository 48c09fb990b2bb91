"""Zones of each tier, and of its way out."""

from typing import Any

import pytest
from cloudpatterns_policies.controls import availability as controls
from cloudpatterns_policies.core import Control, Fail, NotApplicable, Pass, Resource, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, stack, verdicts

SUBNET, GROUP = "aws:ec2/subnet:Subnet", "aws:rds/subnetGroup:SubnetGroup"
NOT_HERE = NotApplicable("need not survive the loss of a zone: production is false in the profile")
SUBNETS = [resource(SUBNET, name, {"availabilityZone": zone}) for name, zone in (("a1", "a"), ("a2", "a"), ("b1", "b"), ("x", UNKNOWN))]


@pytest.mark.parametrize(
    ("control", "type"), [(controls.tier_several_zones, GROUP), (controls.nat_in_each_zone, "aws:ec2/natGateway:NatGateway")]
)
def test_other_stacks_may_live_in_one_zone(control: Control, type: str) -> None:
    assert verdicts(control, resource(type, "x"), {"production": False}) == [("x", NOT_HERE)]


def judged(type: str, path: str, value: Any, *names: str, config: dict[str, Any] | None = None) -> Verdict:
    top = path.partition(".")[0]
    for part in reversed(path.split(".")):
        value = {part: value}
    subject = resource(type, "tier", value, deps={top: names})
    ((_, found),) = verdicts(controls.tier_several_zones, stack(*SUBNETS, subject), config)
    return found


@pytest.mark.parametrize(
    ("type", "path"),
    [
        (GROUP, "subnetIds"),
        ("aws:docdb/subnetGroup:SubnetGroup", "subnetIds"),
        ("aws:neptune/subnetGroup:SubnetGroup", "subnetIds"),
        ("aws:elasticache/subnetGroup:SubnetGroup", "subnetIds"),
        ("aws:ecs/service:Service", "networkConfiguration.subnets"),
        ("aws:lambda/function:Function", "vpcConfig.subnetIds"),
        ("aws:msk/cluster:Cluster", "brokerNodeGroupInfo.clientSubnets"),
        ("aws:ec2/vpcEndpoint:VpcEndpoint", "subnetIds"),
    ],
)
def test_tiers(type: str, path: str) -> None:
    assert judged(type, path, [UNKNOWN, UNKNOWN], "a1", "b1") == Pass()
    assert judged(type, path, [UNKNOWN, UNKNOWN], "a1", "a2") == Fail("is only in a", path)
    assert judged(type, path, [UNKNOWN], "a1") == Fail("is in one subnet, and so in one zone", path)


@pytest.mark.parametrize(
    ("value", "names", "expected"),
    [
        (UNKNOWN, ["a1", "b1"], Pass()),
        (UNKNOWN, ["a1", "a2"], Fail("is only in a", "subnetIds")),
        (UNKNOWN, ["a1", "x"], Unknown("subnetIds")),
        (["subnet-1", "subnet-2"], [], Unknown("subnetIds")),
        (["subnet-1", UNKNOWN], ["a1"], Unknown("subnetIds")),
        (["subnet-1"], [], Fail("is in one subnet, and so in one zone", "subnetIds")),
        (UNKNOWN, [], NotApplicable("is in no subnet")),
        ([], [], NotApplicable("is in no subnet")),
        (None, [], NotApplicable("is in no subnet")),
    ],
)
def test_what_the_stack_shows_of_a_tier(value: Any, names: list[str], expected: Verdict) -> None:
    assert judged(GROUP, "subnetIds", value, *names) == expected


def test_more_zones_can_be_demanded() -> None:
    found = judged(GROUP, "subnetIds", [UNKNOWN, UNKNOWN], "a1", "b1", config={"minimumZones": 3})
    assert found == Fail("is only in a, b", "subnetIds")


def edge(type: str, name: str, **to: str) -> Resource:
    return resource(type, name, dict.fromkeys(to, UNKNOWN), deps={path: [target] for path, target in to.items()})


def network(*served: str, subnet: str = "a1") -> list[tuple[str, Verdict]]:
    return verdicts(
        controls.nat_in_each_zone,
        stack(
            *SUBNETS,
            edge("aws:ec2/natGateway:NatGateway", "nat", subnetId=subnet),
            resource("aws:ec2/routeTable:RouteTable", "table"),
            edge("aws:ec2/route:Route", "route", natGatewayId="nat", routeTableId="table"),
            *[
                edge("aws:ec2/routeTableAssociation:RouteTableAssociation", f"to-{name}", routeTableId="table", subnetId=name)
                for name in served
            ],
        ),
    )


@pytest.mark.parametrize(
    ("served", "expected"),
    [
        (["a1", "a2"], Pass()),
        ([], Pass()),
        (["x"], Pass()),
        (["a1", "b1"], Fail("is in a and also serves b", "subnetId")),
        (["b1"], Fail("is in a and also serves b", "subnetId")),
    ],
)
def test_ways_out(served: list[str], expected: Verdict) -> None:
    assert network(*served) == [("nat", expected)]


def test_gateway_whose_zone_is_not_shown() -> None:
    nowhere = NotApplicable("is in no single zone that the stack shows")
    assert network("b1", subnet="x") == [("nat", nowhere)]
    regional = resource("aws:ec2/natGateway:NatGateway", "nat", {"availabilityMode": "regional"})
    assert verdicts(controls.nat_in_each_zone, regional) == [("nat", nowhere)]


def test_the_loss_of_a_zone_is_reported_with_what_it_takes() -> None:
    route = edge("aws:ec2/route:Route", "egress", natGatewayId="nat", routeTableId="table")
    gateway, table = edge("aws:ec2/natGateway:NatGateway", "nat", subnetId="a1"), resource("aws:ec2/routeTable:RouteTable", "table")
    association = edge("aws:ec2/routeTableAssociation:RouteTableAssociation", "to-b1", routeTableId="table", subnetId="b1")
    found = dict(verdicts(controls.zone_loss, stack(*SUBNETS, route, gateway, table, association)))
    message = "leads b to NAT gateway nat in a: with a, b lose it"
    assert found == {"egress": Fail(message, "natGatewayId"), "table": NotApplicable("has no target in a single zone")}
    function = "aws:lambda/function:Function"
    props = {"vpcConfig": {"subnetIds": [UNKNOWN, UNKNOWN]}}
    unsure = resource(function, "f", props, deps={"vpcConfig": ["a1", "x"]})
    assert verdicts(controls.zone_loss, stack(*SUBNETS, unsure)) == [("f", Unknown("vpcConfig.subnetIds"))]
    sure = resource(function, "f", props, deps={"vpcConfig": ["a1", "b1"]})
    assert verdicts(controls.zone_loss, stack(*SUBNETS, sure)) == [("f", Pass())]
