"""Which route table a subnet has, and what leaves that open."""

from collections.abc import Sequence
from typing import Any

import pytest
from cloudpatterns_policies.core import Resource
from cloudpatterns_policies.graph.reading import Reference
from cloudpatterns_policies.graph.topology import Subnet, topology_of

from tests.policies.helpers import UNKNOWN, resource, stack

TABLE, DEFAULT = "aws:ec2/routeTable:RouteTable", "aws:ec2/defaultRouteTable:DefaultRouteTable"
ROUTE, MAIN = "aws:ec2/route:Route", "aws:ec2/mainRouteTableAssociation:MainRouteTableAssociation"
VPC = resource("aws:ec2/vpc:Vpc", "vpc", {"id": UNKNOWN})
GATEWAY = resource("aws:ec2/internetGateway:InternetGateway", "igw", {"id": UNKNOWN})


def of(type: str, name: str, props: dict[str, Any] | None = None, **deps: Sequence[str]) -> Resource:
    """A resource with an unknown for each property that refers to another."""
    return resource(type, name, {**dict.fromkeys(deps, UNKNOWN), **(props or {})}, deps=deps)


SUBNET = of("aws:ec2/subnet:Subnet", "subnet", {"id": UNKNOWN}, vpcId=["vpc"])
TABLES = [of(TABLE, name, {"id": UNKNOWN}, vpcId=["vpc"]) for name in ("a", "b")]


def associated(name: str, table: str, subnet: str = "subnet") -> Resource:
    return of("aws:ec2/routeTableAssociation:RouteTableAssociation", name, routeTableId=[table], subnetId=[subnet])


def route(*tables: str, name: str = "out", **more: Any) -> Resource:
    return of(ROUTE, name, {"destinationCidrBlock": "0.0.0.0/0", **more}, routeTableId=tables, gatewayId=["igw"])


def found(*others: Resource, subnet: Resource = SUBNET) -> Subnet:
    return topology_of(stack(VPC, GATEWAY, subnet, *TABLES, *others)).subnet(subnet)


def described(*others: Resource, subnet: Resource = SUBNET) -> tuple[list[str], str | None]:
    """Names of the subnet's tables, and the name and path of what leaves them unknown."""
    told = found(*others, subnet=subnet)
    return [table.name for table in told.tables], _place(told.unknown)


def _place(unknown: tuple[str, str] | None) -> str | None:
    return f"{unknown[1]} of {unknown[0].rpartition('::')[2]}" if unknown else None


@pytest.mark.parametrize(
    ("others", "tables", "unknown"),
    [
        ([], ["main route table of vpc"], None),
        ([associated("x", "a")], ["route table a"], None),
        ([associated("x", "a", "elsewhere"), of("aws:ec2/subnet:Subnet", "elsewhere")], ["main route table of vpc"], None),
        # Of two associations one is meant.
        ([associated("x", "a"), associated("y", "b")], ["route table b", "route table a"], "subnetId of x"),
        ([of("aws:ec2/routeTableAssociation:RouteTableAssociation", "x", {"routeTableId": "rtb-1"}, subnetId=["subnet"])],
         ["route table rtb-1"], None),
        ([of("aws:ec2/routeTableAssociation:RouteTableAssociation", "x", routeTableId=["a", "b"], subnetId=["subnet"])],
         ["route table a", "route table b"], "routeTableId of x"),
        ([of("aws:ec2/routeTableAssociation:RouteTableAssociation", "x", {"routeTableId": UNKNOWN}, subnetId=["subnet"])],
         [], "routeTableId of x"),
        ([of(MAIN, "m", vpcId=["vpc"], routeTableId=["a"])], ["route table a"], None),
        ([of(MAIN, "m", {"vpcId": "vpc-1"}, routeTableId=["a"])], ["main route table of vpc"], None),
        ([of(MAIN, "m", vpcId=["vpc"], routeTableId=["a", "b"])], ["an unknown main route table"], None),
        # What belongs to some VPC may belong to this one.
        ([of(MAIN, "m", {"vpcId": UNKNOWN}, routeTableId=["a"])], ["main route table of vpc"], "vpcId of m"),
        ([of(MAIN, "m", {"vpcId": UNKNOWN}, routeTableId=["a"]), of(MAIN, "n", {"vpcId": UNKNOWN}, routeTableId=["b"])],
         ["main route table of vpc"], "vpcId of m"),
        ([of(DEFAULT, "own", defaultRouteTableId=["vpc"])], ["default route table own"], None),
        ([of(DEFAULT, "own", {"defaultRouteTableId": UNKNOWN})], ["main route table of vpc"], "defaultRouteTableId of own"),
    ],
)  # fmt: skip
def test_the_table_of_a_subnet(others: list[Resource], tables: list[str], unknown: str | None) -> None:
    assert described(*others) == (tables, unknown)


def test_a_subnet_whose_vpc_cannot_be_told() -> None:
    nowhere = resource("aws:ec2/subnet:Subnet", "subnet", {"id": UNKNOWN, "vpcId": UNKNOWN})
    assert described(subnet=nowhere) == ([], "vpcId of subnet")
    elsewhere = resource("aws:ec2/subnet:Subnet", "subnet", {"id": UNKNOWN, "vpcId": "vpc-1"})
    assert described(subnet=elsewhere) == (["main route table of vpc-1"], None)
    (table,) = found(subnet=elsewhere).tables
    assert _place(table.unknown) == "vpcId of subnet"


def test_the_default_table_by_its_id() -> None:
    vpc = resource("aws:ec2/vpc:Vpc", "vpc", {"id": UNKNOWN, "defaultRouteTableId": "rtb-1"})
    default = resource(DEFAULT, "own", {"defaultRouteTableId": "rtb-1"})
    told = topology_of(stack(vpc, SUBNET, default)).subnet(SUBNET)
    assert [table.name for table in told.tables] == ["default route table own"]


def test_routes_of_tables() -> None:
    (table,) = found(associated("x", "a"), route("a")).tables
    assert ([item.resource.name for item in table.routes], table.unknown) == (["out"], None)
    (other,) = found(associated("x", "a"), route("b")).tables
    assert (other.routes, other.unknown) == ([], None)


def test_a_route_of_one_of_two_tables_leaves_both_unknown_where_it_leads_out() -> None:
    (table,) = found(associated("x", "a"), route("a", "b")).tables
    assert (table.routes, _place(table.unknown)) == ([], "routeTableId of out")
    (table,) = found(associated("x", "a"), route("a", "b"), route("a", "b", name="second")).tables
    assert _place(table.unknown) == "routeTableId of out"
    inward = of(ROUTE, "in", {"destinationCidrBlock": "10.0.0.0/8", "gatewayId": "vpce-0"}, routeTableId=["a", "b"])
    (table,) = found(associated("x", "a"), inward).tables
    assert (table.routes, table.unknown) == ([], None)


def test_what_belongs_to_no_table() -> None:
    lost = of(ROUTE, "lost", {"destinationCidrBlock": "0.0.0.0/0", "routeTableId": UNKNOWN}, gatewayId=["igw"])
    loose = of("aws:ec2/routeTableAssociation:RouteTableAssociation", "loose", {"subnetId": UNKNOWN}, routeTableId=["a"])
    main = of(MAIN, "main", {"vpcId": UNKNOWN}, routeTableId=["a"])
    topology = topology_of(stack(VPC, GATEWAY, SUBNET, *TABLES, lost, loose, main))
    assert [(item.name, path) for item, path in topology.unresolved] == [
        ("lost", "routeTableId"),
        ("main", "vpcId"),
        ("loose", "subnetId"),
    ]


def test_subnets_known_by_their_id_alone() -> None:
    joined = of("aws:ec2/routeTableAssociation:RouteTableAssociation", "x", {"subnetId": "subnet-1"}, routeTableId=["a"])
    topology = topology_of(stack(VPC, SUBNET, *TABLES, joined))
    own, one, two = topology.subnets(Reference("subnetIds", (SUBNET,), ("subnet-1", "subnet-2")))
    assert (own.name, own.resource) == ("subnet subnet", SUBNET)
    assert (one.name, one.resource, [table.name for table in one.tables], one.unknown) == ("subnet subnet-1", None, ["route table a"], None)
    assert (two.name, two.tables, two.unknown) == ("subnet subnet-2", (), ("", "subnetIds"))


def test_tables_in_use() -> None:
    other = of("aws:ec2/subnet:Subnet", "other", vpcId=["vpc"])
    topology = topology_of(stack(VPC, SUBNET, other, *TABLES, associated("x", "a")))
    assert [(table.name, key.rpartition("::")[2]) for table, key in topology.in_use()] == [
        ("route table a", "subnet"),
        ("main route table of vpc", "other"),
    ]
