"""The edges of a VPC: block public access, peering, NAT."""

from typing import Any

import pytest
from cloudpatterns_policies.controls import network_edges as controls
from cloudpatterns_policies.core import Fail, NotApplicable, Pass, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, verdicts

OPTIONS = "aws:ec2/vpcBlockPublicAccessOptions:VpcBlockPublicAccessOptions"
ROUTE = "aws:ec2/route:Route"
TABLES = ["aws:ec2/routeTable:RouteTable", "aws:ec2/defaultRouteTable:DefaultRouteTable"]
BLOCK, PEERING, NAT = controls.vpc_block_public_access, controls.peering_routes_narrow, controls.nat_gateway_default_route
NO_PEER = NotApplicable("has no route to a peered VPC by CIDR")
MODE = "internetGatewayBlockMode"

Props = dict[str, Any]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("block-bidirectional", Pass()),
        ("block-ingress", Pass()),
        ("off", Fail("has its mode at off", MODE)),
        (None, Fail("has its mode at off", MODE)),
        (UNKNOWN, Unknown(MODE)),
    ],
)
def test_block_public_access(mode: Any, expected: Verdict) -> None:
    assert verdicts(BLOCK, resource(OPTIONS, props={MODE: mode})) == [expected]


def peer(**destination: Any) -> Props:
    return {"vpcPeeringConnectionId": UNKNOWN, **destination}


@pytest.mark.parametrize(
    ("route", "expected"),
    [
        (peer(destinationCidrBlock="10.1.0.0/16"), Pass()),
        (peer(destinationCidrBlock="10.1.2.3/32"), Pass()),
        (peer(destinationIpv6CidrBlock="2001:db8::/44"), Pass()),
        (peer(destinationCidrBlock="10.0.0.0/15"), Fail("routes all of 10.0.0.0/15 to a peered VPC", "destinationCidrBlock")),
        (peer(destinationCidrBlock="0.0.0.0/0"), Fail("routes all of 0.0.0.0/0 to a peered VPC", "destinationCidrBlock")),
        (peer(destinationIpv6CidrBlock="2001:db8::/43"), Fail("routes all of 2001:db8::/43 to a peered VPC", "destinationIpv6CidrBlock")),
        (peer(destinationCidrBlock=UNKNOWN), Unknown("destinationCidrBlock")),
        (
            {"vpcPeeringConnectionId": "pcx-1", "destinationCidrBlock": "0.0.0.0/0"},
            Fail("routes all of 0.0.0.0/0 to a peered VPC", "destinationCidrBlock"),
        ),
        # EC2 refuses what is no CIDR.
        (peer(destinationCidrBlock="nonsense"), Pass()),
        (peer(destinationPrefixListId="pl-1"), NO_PEER),
        ({"natGatewayId": UNKNOWN, "destinationCidrBlock": "0.0.0.0/0"}, NO_PEER),
        ({"vpcPeeringConnectionId": "", "destinationCidrBlock": "0.0.0.0/0"}, NO_PEER),
        ({}, NO_PEER),
    ],
)
def test_peering_route(route: Props, expected: Verdict) -> None:
    assert verdicts(PEERING, resource(ROUTE, props=route)) == [expected]


@pytest.mark.parametrize("type", TABLES)
def test_peering_routes_of_a_table(type: str) -> None:
    routes = [
        {"gatewayId": "igw-1", "cidrBlock": "0.0.0.0/0"},
        peer(cidrBlock="10.1.0.0/16"),
        peer(cidrBlock="10.0.0.0/8", ipv6CidrBlock="::/0"),
    ]
    assert verdicts(PEERING, resource(type, props={"routes": routes})) == [
        Pass(),
        Fail("routes all of 10.0.0.0/8 to a peered VPC", "routes.2.cidrBlock"),
        Fail("routes all of ::/0 to a peered VPC", "routes.2.ipv6CidrBlock"),
    ]
    assert verdicts(PEERING, resource(type, props={"routes": UNKNOWN})) == [Unknown("routes")]
    assert verdicts(PEERING, resource(type)) == [NO_PEER]


@pytest.mark.parametrize(
    ("cidr", "config"),
    [("10.1.0.0/16", {"minimumPrefix": 20}), ("2001:db8::/44", {"minimumIpv6Prefix": 56})],
)
def test_limits_of_peering_routes_can_be_chosen(cidr: str, config: Props) -> None:
    subject = resource(ROUTE, props=peer(destinationCidrBlock=cidr))
    assert verdicts(PEERING, subject, config) == [Fail(f"routes all of {cidr} to a peered VPC", "destinationCidrBlock")]
    assert verdicts(PEERING, subject) == [Pass()]


@pytest.mark.parametrize(
    ("route", "expected"),
    [
        ({"natGatewayId": UNKNOWN, "destinationCidrBlock": "0.0.0.0/0"}, Pass()),
        ({"networkInterfaceId": UNKNOWN, "destinationCidrBlock": "10.0.0.0/8"}, Pass()),
        (
            {"networkInterfaceId": UNKNOWN, "destinationCidrBlock": "0.0.0.0/0"},
            Fail("routes 0.0.0.0/0 through a single network interface", "networkInterfaceId"),
        ),
        (
            {"networkInterfaceId": "eni-1", "destinationIpv6CidrBlock": "::/0"},
            Fail("routes ::/0 through a single network interface", "networkInterfaceId"),
        ),
        ({"networkInterfaceId": "eni-1", "destinationCidrBlock": UNKNOWN}, Unknown("destinationCidrBlock")),
        ({}, Pass()),
    ],
)
def test_default_route(route: Props, expected: Verdict) -> None:
    assert verdicts(NAT, resource(ROUTE, props=route)) == [expected]


@pytest.mark.parametrize("type", TABLES)
def test_default_routes_of_a_table(type: str) -> None:
    routes = [{"cidrBlock": "0.0.0.0/0", "natGatewayId": "nat-1"}, {"ipv6CidrBlock": "::/0", "networkInterfaceId": "eni-1"}]
    assert verdicts(NAT, resource(type, props={"routes": routes})) == [
        Fail("routes ::/0 through a single network interface", "routes.1.networkInterfaceId")
    ]
    assert verdicts(NAT, resource(type, props={"routes": UNKNOWN})) == [Unknown("routes")]
