"""Single legs: what is open, on which ports, through what, and what leaves it unknown."""

from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from cloudpatterns_policies.core import Resource
from cloudpatterns_policies.graph.endpoints import endpoints_of
from cloudpatterns_policies.graph.paths import DirectPaths, Leg
from cloudpatterns_policies.graph.ports import describe

from tests.policies.controls.networks import ANY4, admits, group, route
from tests.policies.controls.reach_networks import acl, base, db, leaves, line, open_db, vm
from tests.policies.helpers import UNKNOWN, resource, stack

DOMAIN, EKS = "aws:opensearch/domain:Domain", "aws:eks/cluster:Cluster"
Told = list[tuple[str, str | None]]


def told(legs: Iterable[Leg]) -> Told:
    """Ports, and the place that leaves the leg unknown."""
    return [(describe(leg.ports), f"{leg.unknown[1]} of {leg.unknown[0].name}" if leg.unknown else None) for leg in legs]


def between(source: str, target: str, network: Sequence[Resource]) -> Told:
    made = stack(*network)
    found = {endpoint.subject.name: endpoint for endpoint in endpoints_of(made).by_urn.values()}
    ways = DirectPaths(made)
    if source == "internet":
        return told(ways.inbound(found[target]))
    return told(ways.outbound(found[source]) if target == "internet" else ways.between(found[source], found[target]))


def pair(*more: Resource, source: str = "private", without: Sequence[str] = ()) -> list[Resource]:
    """An instance that may call a database."""
    caller = vm("vm", source, "app")
    return base(
        group("app"),
        group("db"),
        leaves("leave", "app"),
        admits("mysql", "db", 3306, from_group="app"),
        caller,
        *db(),
        *more,
        without=without,
    )


MYSQL = "port 3306 (MySQL)"


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        (pair(), [(MYSQL, None)]),
        (pair(without=["out"]), [(MYSQL, None)]),
        (pair(acl("a", ["data"])), []),
        (pair(acl("a", ["data"], [line(100, "allow", 3306)], [line(100, "allow", (1024, 65535))])), [(MYSQL, None)]),
        # An ACL keeps no state: answers need a rule of their own.
        (pair(acl("a", ["data"], [line(100, "allow", 3306)])), []),
        (pair(acl("a", ["private"], [line(100, "allow", (1024, 65535))], [line(100, "allow", 3306)])), [(MYSQL, None)]),
        (pair(acl("a", ["private"], [], [line(100, "allow", 3306)])), []),
        (pair(acl("a", ["data"], [line(100, UNKNOWN, 3306)], [line(100, "allow")])), [(MYSQL, "ingress.0.action of a")]),
        # Within one subnet no ACL guards.
        (pair(acl("a", ["data"]), source="data"), [(MYSQL, None)]),
    ],
)
def test_between_two_endpoints(network: list[Resource], expected: Told) -> None:
    assert between("vm", "main", network) == expected


def seatless(*more: Resource) -> list[Resource]:
    """The same, where nobody knows the subnet of the instance."""
    caller = resource(
        "aws:ec2/instance:Instance", "vm", {"subnetId": UNKNOWN, "vpcSecurityGroupIds": [UNKNOWN]}, deps={"subnetId": ["other"],
        "vpcSecurityGroupIds": ["app"]})  # fmt: skip
    network = [item for item in pair(*more) if item.name != "vm"]
    return [*network, caller, resource("pulumi:pulumi:StackReference", "other")]


def test_an_endpoint_whose_subnet_is_unknown() -> None:
    assert between("vm", "main", seatless()) == [(MYSQL, "subnetId of vm")]
    # They may sit in one subnet, within which no ACL guards.
    assert between("vm", "main", seatless(acl("a", ["data"]))) == [(MYSQL, "subnetId of vm")]
    assert between("internet", "vm", seatless()) == []


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        (open_db(), [(MYSQL, None)]),
        (open_db(public=False), []),
        (open_db(source="10.0.0.0/8"), []),
        (open_db(subnets=["private"]), []),
        (open_db(ports=(3306, 3307)), [("ports 3306-3307", None)]),
        (open_db(acl("a", ["public"], [line(100, "allow", 3306)], [line(100, "allow", (1024, 65535))])), [(MYSQL, None)]),
        (open_db(acl("a", ["public"], [line(100, "allow", 3306)])), []),
        (open_db(acl("a", ["public"], [line(100, UNKNOWN, 3306)], [line(100, "allow")])), [(MYSQL, "ingress.0.action of a")]),
    ],
)
def test_from_the_internet(network: list[Resource], expected: Told) -> None:
    assert between("internet", "main", network) == expected


@pytest.mark.parametrize(
    ("where", "more", "expected"),
    [
        ("private", [], [("all protocols and ports", None)]),
        ("data", [], []),
        ("data", [route("away", "data-table", "transitGatewayId")], [("all protocols and ports", "transitGatewayId of away")]),
        # A public subnet leads out whoever has a public address, and this one has none.
        ("public", [], []),
        ("private", [acl("a", ["private"], [line(100, "allow", (1024, 65535))], [line(100, "allow", 443)])], [("port 443 (HTTPS)", None)]),
    ],
)
def test_to_the_internet(where: str, more: list[Resource], expected: Told) -> None:
    assert between("vm", "internet", base(group("app"), leaves("leave", "app"), vm("vm", where, "app"), *more)) == expected


@pytest.mark.parametrize(
    ("type", "props", "deps", "expected"),
    [
        (DOMAIN, {}, {}, [("port 443 (HTTPS)", None)]),
        (DOMAIN, {"vpcOptions": {"subnetIds": ["subnet-1"]}}, {}, []),
        (DOMAIN, {"vpcOptions": UNKNOWN}, {"vpcOptions": ["vpc"]}, [("port 443 (HTTPS)", "vpcOptions of x")]),
        (DOMAIN, {"vpcOptions": UNKNOWN}, {}, [("port 443 (HTTPS)", None)]),
        (EKS, {"vpcConfig": {}}, {}, [("port 443 (HTTPS)", None)]),
        (EKS, {"vpcConfig": {"endpointPublicAccess": False}}, {}, []),
        (EKS, {"vpcConfig": {"publicAccessCidrs": ["10.0.0.0/8", "203.0.113.0/24"]}}, {}, []),
        (EKS, {"vpcConfig": {"publicAccessCidrs": ["0.0.0.0/1", "128.0.0.0/1"]}}, {}, [("port 443 (HTTPS)", None)]),
        (EKS, {"vpcConfig": {"publicAccessCidrs": ["10.0.0.0/8", UNKNOWN]}}, {},
         [("port 443 (HTTPS)", "vpcConfig.publicAccessCidrs of x")]),
        (EKS, {"vpcConfig": {"publicAccessCidrs": UNKNOWN}}, {}, [("port 443 (HTTPS)", "vpcConfig.publicAccessCidrs of x")]),
        (EKS, {"vpcConfig": {"endpointPublicAccess": UNKNOWN}}, {}, [("port 443 (HTTPS)", "vpcConfig.endpointPublicAccess of x")]),
    ],
)  # fmt: skip
def test_entrances_that_aws_makes(type: str, props: dict[str, Any], deps: dict[str, list[str]], expected: Told) -> None:
    found = between("internet", "x", base(resource(type, "x", props, deps=deps)))
    assert [item for item in found if item[0] == "port 443 (HTTPS)"] == expected


def test_who_only_calls_is_reached_by_nobody() -> None:
    function = resource(
        "aws:lambda/function:Function", "f", {"vpcConfig": {"subnetIds": [UNKNOWN], "securityGroupIds": [UNKNOWN]}},
        deps={"vpcConfig": ["private", "db"]})  # fmt: skip
    network = pair(admits("all", "db", None, ANY4, protocol="-1"), function)
    assert between("internet", "f", network) == between("vm", "f", network) == []
    assert between("vm", "vm", network) == []
