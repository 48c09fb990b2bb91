"""What stands in a network: groups, subnets and public addresses of each endpoint."""

from collections.abc import Sequence
from typing import Any

import pytest
from cloudpatterns_policies.core import Resource
from cloudpatterns_policies.graph.endpoints import Endpoint, Endpoints, Location, endpoints_of

from tests.policies.helpers import UNKNOWN, resource, stack

INSTANCE, ENI, FLEET = "aws:ec2/instance:Instance", "aws:ec2/networkInterface:NetworkInterface", "aws:autoscaling/group:Group"
TEMPLATE, CACHE = "aws:ec2/launchTemplate:LaunchTemplate", "aws:elasticache/cluster:Cluster"
ALB, RDS, CLUSTER = "aws:lb/loadBalancer:LoadBalancer", "aws:rds/instance:Instance", "aws:rds/cluster:Cluster"
MEMBER, MSK, SERVICE = "aws:rds/clusterInstance:ClusterInstance", "aws:msk/cluster:Cluster", "aws:ecs/service:Service"


def of(type: str, name: str, props: dict[str, Any] | None = None, **deps: Sequence[str]) -> Resource:
    """A resource with an unknown for each property that refers to another."""
    return resource(type, name, {**dict.fromkeys(deps, UNKNOWN), **(props or {})}, deps=deps)


VPC = resource("aws:ec2/vpc:Vpc", "vpc", {"id": UNKNOWN})
GROUPS = [of("aws:ec2/securityGroup:SecurityGroup", name, {"id": UNKNOWN}, vpcId=["vpc"]) for name in ("web", "app")]


def subnet(**props: Any) -> Resource:
    return of("aws:ec2/subnet:Subnet", "subnet", {"id": UNKNOWN, **props}, vpcId=["vpc"])


def made(subject: Resource, *others: Resource, at: Resource | None = None) -> tuple[Endpoints, Endpoint]:
    found = endpoints_of(stack(VPC, *GROUPS, at or subnet(), subject, *others))
    return found, found.by_urn[subject.urn]


def public(subject: Resource, *others: Resource, version: int = 4, at: Resource | None = None) -> bool | str:
    """Whether the endpoint has a public address, or the place that leaves it unknown."""
    found, endpoint = made(subject, *others, at=at)
    known = found.public(endpoint, next(iter(endpoint.locations), None), version)
    return known if isinstance(known, bool) else f"{known[1]} of {known[0].name}"


def guards(subject: Resource, *others: Resource) -> tuple[list[str], str | None]:
    """Names of the groups that are sure, and the place that leaves others unknown."""
    endpoint = made(subject, *others)[1]
    unknown = endpoint.unknown_groups
    return [group.name for group in endpoint.groups], f"{unknown[1]} of {unknown[0].name}" if unknown else None


def test_a_node_of_a_replication_group_stands_where_the_group_does() -> None:
    single = of(CACHE, "single")
    computed = of(CACHE, "computed", {"replicationGroupId": UNKNOWN})
    node = of(CACHE, "node", replicationGroupId=["group"])
    group = of("aws:elasticache/replicationGroup:ReplicationGroup", "group")
    found = endpoints_of(stack(VPC, single, computed, node, group))
    assert [endpoint.subject.name for endpoint in found.by_urn.values()] == ["computed", "single", "group"]


@pytest.mark.parametrize(
    ("props", "deps", "locations", "unknown"),
    [
        ({}, {"subnetId": ["subnet"]}, ["subnet"], None),
        ({}, {}, [], "subnetId"),
        # What the program left out, the provider's preview shows as unknown.
        ({"subnetId": UNKNOWN}, {}, [], "subnetId"),
        ({"subnetId": "subnet-1"}, {}, ["subnet-1"], None),
    ],
)
def test_seats_of_an_instance(props: dict[str, Any], deps: dict[str, list[str]], locations: list[str], unknown: str | None) -> None:
    endpoint = made(of(INSTANCE, "vm", props, **deps))[1]
    assert [location.subnet.name for location in endpoint.locations] == [f"subnet {name}" for name in locations]
    assert (endpoint.unknown_locations[1] if endpoint.unknown_locations else None) == unknown


def test_an_instance_sits_where_its_interface_does() -> None:
    vm = of(INSTANCE, "vm", {"primaryNetworkInterface": {"networkInterfaceId": UNKNOWN}}, primaryNetworkInterface=["eni"])
    endpoint = made(vm, of(ENI, "eni", {"id": UNKNOWN, "securityGroups": [UNKNOWN]}, subnetId=["subnet"], securityGroups=["web"]))[1]
    assert [item.name for item in endpoint.interfaces] == ["eni"]
    assert [location.subnet.name for location in endpoint.locations] == ["subnet subnet"]
    assert [group.name for group in endpoint.groups] == ["security group web"]


@pytest.mark.parametrize("path", ["launchTemplate", "mixedInstancesPolicy"])
def test_a_fleet_has_the_groups_of_its_template(path: str) -> None:
    template = of(TEMPLATE, "template", {"id": UNKNOWN, "vpcSecurityGroupIds": [UNKNOWN]}, vpcSecurityGroupIds=["web"])
    fleet = of(FLEET, "fleet", {"vpcZoneIdentifiers": [UNKNOWN]}, vpcZoneIdentifiers=["subnet"], **{path: ["template"]})
    assert guards(fleet, template) == (["security group web"], None)


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        (of(INSTANCE, "vm", {"vpcSecurityGroupIds": [UNKNOWN]}, vpcSecurityGroupIds=["web"], subnetId=["subnet"]),
         (["security group web"], None)),
        (of(INSTANCE, "vm", subnetId=["subnet"]), (["security group default group of vpc"], None)),
        (of(INSTANCE, "vm", {"subnetId": "subnet-1"}), ([], "vpcSecurityGroupIds of vm")),
        (of(INSTANCE, "vm", {"vpcSecurityGroupIds": [UNKNOWN, UNKNOWN]}, vpcSecurityGroupIds=["web"], subnetId=["subnet"]),
         (["security group web"], "vpcSecurityGroupIds of vm")),
        (of(ALB, "lb", {"loadBalancerType": UNKNOWN}, subnets=["subnet"], loadBalancerType=["vpc"]), ([], "loadBalancerType of lb")),
        (of(ALB, "lb", {"loadBalancerType": "network"}, subnets=["subnet"]), ([], None)),
    ],
)  # fmt: skip
def test_groups(subject: Resource, expected: tuple[list[str], str | None]) -> None:
    assert guards(subject) == expected


@pytest.mark.parametrize(("kind", "without_groups"), [("network", True), ("gateway", True), ("application", False), (None, False)])
def test_balancers_without_groups(kind: str | None, without_groups: bool) -> None:
    assert made(of(ALB, "lb", {"loadBalancerType": kind}, subnets=["subnet"]))[1].without_groups is without_groups
    # One that has a group is guarded.
    grouped = of(ALB, "lb", {"loadBalancerType": kind, "securityGroups": [UNKNOWN]}, subnets=["subnet"], securityGroups=["web"])
    assert not made(grouped)[1].without_groups


@pytest.mark.parametrize(
    ("props", "v4", "v6"),
    [
        ({"internal": True}, False, False),
        ({"internal": False}, True, False),
        ({}, True, False),
        ({"internal": False, "ipAddressType": "dualstack"}, True, True),
        ({"internal": False, "ipAddressType": "dualstack-without-public-ipv4"}, False, True),
        ({"internal": False, "ipAddressType": "ipv4"}, True, False),
    ],
)
def test_addresses_of_balancers(props: dict[str, Any], v4: bool, v6: bool) -> None:
    balancer = of(ALB, "lb", props, subnets=["subnet"])
    assert (public(balancer), public(balancer, version=6)) == (v4, v6)


def test_balancers_of_which_a_field_is_unknown() -> None:
    assert public(of(ALB, "lb", internal=["vpc"])) == "internal of lb"
    assert public(of(ALB, "lb", {"internal": False}, ipAddressType=["vpc"])) == "ipAddressType of lb"
    assert public(of(ALB, "lb", {"internal": True}, ipAddressType=["vpc"])) is False


@pytest.mark.parametrize(
    ("type", "props", "v4", "v6"),
    [
        (RDS, {"publiclyAccessible": True}, True, False),
        (RDS, {"publiclyAccessible": False, "networkType": "DUAL"}, False, False),
        (RDS, {"publiclyAccessible": True, "networkType": "DUAL"}, True, True),
        (RDS, {}, False, False),
        (SERVICE, {"networkConfiguration": {"assignPublicIp": True}}, True, False),
        (SERVICE, {"networkConfiguration": {"assignPublicIp": False}}, False, False),
        (MSK, {"brokerNodeGroupInfo": {"connectivityInfo": {"publicAccess": {"type": "SERVICE_PROVIDED_EIPS"}}}}, True, False),
        (MSK, {"brokerNodeGroupInfo": {"connectivityInfo": {"publicAccess": {"type": "DISABLED"}}}}, False, False),
        ("aws:lambda/function:Function", {}, False, False),
    ],
)
def test_addresses_by_a_property(type: str, props: dict[str, Any], v4: bool, v6: bool) -> None:
    assert (public(of(type, "x", props)), public(of(type, "x", props), version=6)) == (v4, v6)


def test_a_cluster_is_public_by_its_members() -> None:
    def member(name: str, value: Any) -> Resource:
        deps = {"clusterIdentifier": ["db"], **({"publiclyAccessible": ["vpc"]} if value is UNKNOWN else {})}
        return of(MEMBER, name, {"publiclyAccessible": value}, **deps)

    cluster = of(CLUSTER, "db")
    assert public(cluster) is False
    assert public(cluster, member("a", False)) is False
    assert public(cluster, member("a", UNKNOWN)) == "publiclyAccessible of a"
    assert public(cluster, member("a", UNKNOWN), member("b", True)) is True
    assert public(cluster, member("a", UNKNOWN), member("b", UNKNOWN)) == "publiclyAccessible of a"


@pytest.mark.parametrize(
    ("props", "subnet_props", "v4", "v6"),
    [
        ({}, {}, False, False),
        ({}, {"mapPublicIpOnLaunch": True}, True, False),
        ({}, {"assignIpv6AddressOnCreation": True}, False, True),
        ({"associatePublicIpAddress": True}, {}, True, False),
        ({"associatePublicIpAddress": False}, {"mapPublicIpOnLaunch": True}, False, False),
        ({"ipv6AddressCount": 1}, {}, False, True),
        ({"ipv6AddressCount": 0}, {"assignIpv6AddressOnCreation": True}, False, False),
        ({"ipv6Addresses": ["2a00::1"]}, {}, False, True),
        ({"ipv6Addresses": []}, {"assignIpv6AddressOnCreation": True}, False, True),
    ],
)
def test_addresses_of_an_instance(props: dict[str, Any], subnet_props: dict[str, Any], v4: bool, v6: bool) -> None:
    vm = of(INSTANCE, "vm", props, subnetId=["subnet"])
    assert (public(vm, at=subnet(**subnet_props)), public(vm, version=6, at=subnet(**subnet_props))) == (v4, v6)


def test_where_an_instances_address_is_unknown() -> None:
    assert public(of(INSTANCE, "vm", subnetId=["subnet"], associatePublicIpAddress=["vpc"])) == "associatePublicIpAddress of vm"
    given = of("aws:ec2/subnet:Subnet", "subnet", {"id": UNKNOWN}, vpcId=["vpc"], mapPublicIpOnLaunch=["vpc"])
    assert public(of(INSTANCE, "vm", subnetId=["subnet"]), at=given) == "mapPublicIpOnLaunch of subnet"
    assert public(of(INSTANCE, "vm", {"subnetId": "subnet-1"})) == "subnetId of vm"


@pytest.mark.parametrize(
    ("type", "path"),
    [
        ("aws:ec2/eip:Eip", "instance"),
        ("aws:ec2/eipAssociation:EipAssociation", "instanceId"),
    ],
)
def test_an_elastic_address_makes_public(type: str, path: str) -> None:
    vm = of(INSTANCE, "vm", {"id": UNKNOWN}, subnetId=["subnet"])
    address = resource(type, "eip", {path: UNKNOWN}, deps={path: ["vm"]})
    assert (public(vm, address), public(vm, address, version=6)) == (True, False)


def test_the_vpc_of_an_endpoint() -> None:
    found, endpoint = made(of(INSTANCE, "vm", subnetId=["subnet"]))
    assert found.vpc(endpoint, endpoint.locations[0]) == VPC.urn
    found, endpoint = made(of(INSTANCE, "vm", {"subnetId": "subnet-1", "vpcSecurityGroupIds": [UNKNOWN]}, vpcSecurityGroupIds=["web"]))
    (location,) = endpoint.locations
    assert isinstance(location, Location)
    assert found.vpc(endpoint, location) == VPC.urn
    found, endpoint = made(of(INSTANCE, "vm", {"subnetId": "subnet-1"}))
    assert found.vpc(endpoint, endpoint.locations[0]) is None
