"""Routes from every form they are written in, and the instances that pass traffic on."""

from collections.abc import Sequence
from typing import Any

import pytest
from cloudpatterns_policies.core import Resource
from cloudpatterns_policies.graph.routers import is_router, router_doubt
from cloudpatterns_policies.graph.routes import routes

from tests.policies.helpers import UNKNOWN, resource, stack

ROUTE, TABLE = "aws:ec2/route:Route", "aws:ec2/routeTable:RouteTable"
INSTANCE, ENI = "aws:ec2/instance:Instance", "aws:ec2/networkInterface:NetworkInterface"
OUT = {"destinationCidrBlock": "0.0.0.0/0"}


def of(type: str, name: str, props: dict[str, Any] | None = None, **deps: Sequence[str]) -> Resource:
    """A resource with an unknown for each property that refers to another."""
    return resource(type, name, {"id": UNKNOWN, **dict.fromkeys(deps, UNKNOWN), **(props or {})}, deps=deps)


TARGETS = [
    of("aws:ec2/internetGateway:InternetGateway", "igw"), of("aws:ec2/vpnGateway:VpnGateway", "vgw"),
    of("aws:ec2/vpcEndpoint:VpcEndpoint", "endpoint"), of("aws:ec2/natGateway:NatGateway", "nat"),
    of("aws:ec2/natGateway:NatGateway", "inner", {"connectivityType": "private"}),
    of("aws:ec2/carrierGateway:CarrierGateway", "carrier"), of(ENI, "eni"), of(TABLE, "table"),
]  # fmt: skip


def target(props: dict[str, Any] | None = None, **deps: Sequence[str]) -> tuple[str, str, bool | None, bool]:
    """Target, its name, whether it makes public and whether it leads out, of the one route."""
    (found,) = routes(stack(*TARGETS, of(ROUTE, "r", {**OUT, **(props or {})}, routeTableId=["table"], **deps)))
    return found.target, found.target_name, found.public, found.leads_out


@pytest.mark.parametrize(
    ("props", "deps", "expected"),
    [
        ({}, {"gatewayId": ["igw"]}, ("internet gateway", "internet gateway igw", True, True)),
        ({}, {"gatewayId": ["vgw"]}, ("virtual private gateway", "virtual private gateway vgw", False, True)),
        ({}, {"gatewayId": ["endpoint"]}, ("", " endpoint", False, False)),
        ({}, {"gatewayId": ["igw", "vgw"]}, ("gateway", "gateway", None, True)),
        ({"gatewayId": UNKNOWN}, {}, ("gateway", "gateway", None, True)),
        ({"gatewayId": "igw-1"}, {}, ("internet gateway", "internet gateway igw-1", True, True)),
        ({"gatewayId": "vgw-1"}, {}, ("virtual private gateway", "virtual private gateway vgw-1", False, True)),
        ({"gatewayId": "local"}, {}, ("", " local", False, False)),
        ({"gatewayId": "other"}, {}, ("gateway", "gateway other", None, True)),
        ({}, {"natGatewayId": ["nat"]}, ("NAT gateway", "NAT gateway nat", False, True)),
        ({}, {"natGatewayId": ["inner"]}, ("private NAT gateway", "private NAT gateway inner", False, True)),
        ({}, {"natGatewayId": ["nat", "inner"]}, ("NAT gateway", "NAT gateway", False, True)),
        ({"natGatewayId": "nat-1"}, {}, ("NAT gateway", "NAT gateway nat-1", False, True)),
        ({}, {"carrierGatewayId": ["carrier"]}, ("carrier gateway", "carrier gateway carrier", True, True)),
        ({}, {"networkInterfaceId": ["eni"]}, ("network interface", "network interface eni", False, True)),
        # The provider works out the interface where the program names another target.
        ({"networkInterfaceId": UNKNOWN, "instanceId": UNKNOWN}, {"natGatewayId": ["nat"]},
         ("NAT gateway", "NAT gateway nat", False, True)),
    ],
)  # fmt: skip
def test_targets(props: dict[str, Any], deps: dict[str, list[str]], expected: tuple[str, str, bool | None, bool]) -> None:
    assert target(props, **deps) == expected


def test_a_route_without_a_target_is_none() -> None:
    assert not list(routes(stack(*TARGETS, of(ROUTE, "r", OUT, routeTableId=["table"]))))


@pytest.mark.parametrize(
    ("props", "destination"),
    [
        (OUT, "0.0.0.0/0"),
        ({"destinationIpv6CidrBlock": "::/0"}, "::/0"),
        ({"destinationPrefixListId": "pl-1"}, "pl-1"),
        ({"destinationCidrBlock": UNKNOWN}, "an unknown destination"),
        ({}, "no destination"),
    ],
)
def test_destinations(props: dict[str, Any], destination: str) -> None:
    (found,) = routes(stack(*TARGETS, of(ROUTE, "r", props, routeTableId=["table"], gatewayId=["igw"])))
    assert found.destination == destination


def test_routes_of_a_table() -> None:
    inline = of(TABLE, "own", {"routes": [{"cidrBlock": "0.0.0.0/0", "gatewayId": UNKNOWN}], "propagatingVgws": [UNKNOWN]},
                routes=["igw"], propagatingVgws=["vgw"])  # fmt: skip
    found = [(item.where, item.destination, item.target) for item in routes(stack(*TARGETS, inline))]
    assert found == [
        ("routes.0.gatewayId", "0.0.0.0/0", "internet gateway"),
        ("propagatingVgws", "propagated routes", "virtual private gateway"),
    ]
    (unclear,) = routes(stack(*TARGETS, of(TABLE, "own", routes=["igw"])))
    assert (unclear.where, unclear.target_name, unclear.unseen) == ("routes", "an unknown target", True)
    assert not list(routes(stack(*TARGETS)))


VPC = of("aws:ec2/vpc:Vpc", "vpc")
FRONT, BACK = (of("aws:ec2/subnet:Subnet", name, vpcId=["vpc"]) for name in ("front", "back"))
JOIN = of("aws:ec2/routeTableAssociation:RouteTableAssociation", "join", routeTableId=["table"], subnetId=["back"])


def nat(*others: Resource, check: Any = False, join: Resource = JOIN, **deps: Sequence[str]) -> tuple[bool, str | None]:
    """Whether the instance is a router, and what leaves that unknown."""
    vm = of(INSTANCE, "vm", {"sourceDestCheck": check}, subnetId=["front"], **deps)
    network = stack(VPC, FRONT, BACK, join, of(TABLE, "table", vpcId=["vpc"]), vm, *others)
    doubt = router_doubt(network, vm)
    return is_router(network, vm), f"{doubt[1]} of {doubt[0].name}" if doubt else None


def lead(name: str = "r", to: str = "vm", **props: Any) -> Resource:
    return of(ROUTE, name, {**OUT, **props}, routeTableId=["table"], networkInterfaceId=[to])


def test_an_instance_that_routes() -> None:
    assert nat(lead()) == (True, None)
    assert nat(lead(), check=True) == (False, None)
    assert nat(lead(), check=None) == (False, None)
    assert nat() == (False, None)
    assert nat(lead(destinationCidrBlock="10.0.0.0/8")) == (False, None)
    assert nat(lead(destinationCidrBlock=None, destinationIpv6CidrBlock="::/0")) == (True, None)


def test_the_default_route_of_its_own_subnet_makes_no_router() -> None:
    own = of("aws:ec2/routeTableAssociation:RouteTableAssociation", "join", routeTableId=["table"], subnetId=["front"])
    assert nat(lead(), join=own) == (False, None)


def test_a_route_in_doubt_hides_no_other() -> None:
    unclear = lead("a", destinationCidrBlock=UNKNOWN)
    assert nat(unclear) == (False, "networkInterfaceId of a")
    assert nat(unclear, lead("b")) == (True, None)
    assert nat(lead("z", destinationCidrBlock=UNKNOWN), unclear) == (False, "networkInterfaceId of a")
    gateway = of(ROUTE, "0", OUT, routeTableId=["table"], natGatewayId=["nat"])
    assert nat(of("aws:ec2/natGateway:NatGateway", "nat"), gateway, lead("b")) == (True, None)


def test_a_check_that_is_not_known_yet() -> None:
    assert nat(lead(), check=UNKNOWN, sourceDestCheck=["vpc"]) == (False, "sourceDestCheck of vm")
    assert nat(check=UNKNOWN, sourceDestCheck=["vpc"]) == (False, None)


def test_the_check_of_the_interface_counts() -> None:
    def interface(check: Any) -> Resource:
        deps = {"subnetId": ["front"], **({"sourceDestCheck": ["vpc"]} if check is UNKNOWN else {})}
        return resource(ENI, "eni", {"id": UNKNOWN, "sourceDestCheck": check, "subnetId": UNKNOWN}, deps=deps)

    def judged(check: Any) -> tuple[bool, str | None]:
        vm = of(INSTANCE, "vm", {"primaryNetworkInterface": {"networkInterfaceId": UNKNOWN}}, primaryNetworkInterface=["eni"])
        network = stack(VPC, FRONT, BACK, JOIN, of(TABLE, "table", vpcId=["vpc"]), vm, interface(check), lead(to="eni"))
        doubt = router_doubt(network, vm)
        return is_router(network, vm), doubt[1] if doubt else None

    assert [judged(check) for check in (False, True, None, UNKNOWN)] == [
        (True, None),
        (False, None),
        (False, None),
        (False, "sourceDestCheck"),
    ]
