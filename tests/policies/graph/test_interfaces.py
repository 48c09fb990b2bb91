"""Servers with several network interfaces: which there are, and the groups and subnets of each."""

from collections.abc import Sequence
from typing import Any

from cloudpatterns_policies.core import Resource
from cloudpatterns_policies.graph.interfaces import Interface, Server, servers_of

from tests.policies.helpers import UNKNOWN, resource, stack

INSTANCE, ENI = "aws:ec2/instance:Instance", "aws:ec2/networkInterface:NetworkInterface"
TEMPLATE, JOIN = "aws:ec2/launchTemplate:LaunchTemplate", "aws:ec2/networkInterfaceAttachment:NetworkInterfaceAttachment"


def of(type: str, name: str, props: dict[str, Any] | None = None, **deps: Sequence[str]) -> Resource:
    """A resource with an unknown for each property that refers to another."""
    return resource(type, name, {"id": UNKNOWN, **dict.fromkeys(deps, UNKNOWN), **(props or {})}, deps=deps)


GROUPS = [of("aws:ec2/securityGroup:SecurityGroup", name) for name in ("web", "ops")]
SUBNETS = [of("aws:ec2/subnet:Subnet", name) for name in ("front", "back")]
FIRST = of(ENI, "first", {"securityGroups": [UNKNOWN]}, securityGroups=["web"], subnetId=["front"])
SECOND = of(ENI, "second", {"securityGroups": [UNKNOWN]}, securityGroups=["ops"], subnetId=["back"])


def servers(*resources: Resource) -> tuple[list[Server], list[str]]:
    found, unclaimed = servers_of(stack(*GROUPS, *SUBNETS, *resources))
    return found, [f"{path} of {holder.name}" for holder, path in unclaimed]


def told(interface: Interface) -> tuple[str, bool, list[str], list[str], list[str]]:
    """Name, whether primary, groups, subnets, and paths of what is unknown."""
    groups = [group.name.rpartition(" ")[2] for group in interface.groups]
    subnets = [target.name for reference in interface.subnets for target in reference.targets]
    return interface.name, interface.primary, groups, subnets, [path for _, path in interface.unknown]


def only(*resources: Resource) -> list[tuple[str, bool, list[str], list[str], list[str]]]:
    (server,), _ = servers(*resources)
    assert not server.unknown
    return [told(interface) for interface in server.interfaces]


def test_the_interface_that_aws_makes() -> None:
    vm = of(INSTANCE, "vm", {"vpcSecurityGroupIds": [UNKNOWN]}, vpcSecurityGroupIds=["web"], subnetId=["front"])
    assert only(vm) == [("primary interface", True, ["web"], ["front"], [])]


def test_the_groups_of_the_template_stand_in_where_the_instance_names_none() -> None:
    template = of(TEMPLATE, "t", {"vpcSecurityGroupIds": [UNKNOWN]}, vpcSecurityGroupIds=["ops"])
    (vm, _), _ = servers(template, of(INSTANCE, "vm", {"subnetId": UNKNOWN}, launchTemplate=["t"], subnetId=["front"]))
    assert [told(item) for item in vm.interfaces] == [("primary interface", True, ["ops"], ["front"], [])]
    own = of(INSTANCE, "vm", {"vpcSecurityGroupIds": [UNKNOWN]}, launchTemplate=["t"], subnetId=["front"], vpcSecurityGroupIds=["web"])
    (vm, _), _ = servers(template, own)
    assert [told(item) for item in vm.interfaces] == [("primary interface", True, ["web"], ["front"], [])]


def test_interfaces_that_are_resources() -> None:
    vm = of(INSTANCE, "vm", {"primaryNetworkInterface": {"networkInterfaceId": UNKNOWN}}, primaryNetworkInterface=["first"])
    join = of(JOIN, "join", {"deviceIndex": 1}, instanceId=["vm"], networkInterfaceId=["second"])
    assert only(FIRST, SECOND, vm, join) == [
        ("network interface first", True, ["web"], ["front"], []),
        ("network interface second", False, ["ops"], ["back"], []),
    ]
    again = of(JOIN, "again", {"deviceIndex": 0}, instanceId=["vm"], networkInterfaceId=["first"])
    assert only(FIRST, vm, again) == [("network interface first", True, ["web"], ["front"], [])]


def test_an_interface_that_says_itself_where_it_is_attached() -> None:
    vm = of(INSTANCE, "vm", {"vpcSecurityGroupIds": [UNKNOWN]}, vpcSecurityGroupIds=["web"], subnetId=["front"])
    attached = of(ENI, "own", {"attachments": [{"instance": UNKNOWN, "deviceIndex": 1}], "securityGroups": [UNKNOWN]},
                  attachments=["vm"], securityGroups=["ops"], subnetId=["back"])  # fmt: skip
    assert only(vm, attached) == [
        ("primary interface", True, ["web"], ["front"], []),
        ("network interface own", False, ["ops"], ["back"], []),
    ]


def test_an_interface_that_cannot_be_told() -> None:
    vm = of(INSTANCE, "vm", {"primaryNetworkInterface": {"networkInterfaceId": "eni-1"}})
    (server,), _ = servers(vm)
    assert (server.name, server.interfaces) == ("instance vm", [])
    assert [path for _, path in server.unknown] == ["primaryNetworkInterface.networkInterfaceId"]


def test_attachments_of_nobody() -> None:
    lost = of(JOIN, "lost", {"instanceId": UNKNOWN}, networkInterfaceId=["first"])
    foreign = of(JOIN, "foreign", {"instanceId": "i-1"}, networkInterfaceId=["first"])
    assert servers(FIRST, lost, foreign) == ([], ["instanceId of foreign", "instanceId of lost"])


def test_interfaces_of_a_template() -> None:
    lines = [
        {"securityGroups": [UNKNOWN], "subnetId": UNKNOWN, "deviceIndex": 1},
        {"networkInterfaceId": UNKNOWN, "deviceIndex": 0},
    ]
    template = of(TEMPLATE, "t", {"networkInterfaces": lines}, networkInterfaces=["ops", "back", "first"])
    (server,), _ = servers(FIRST, template)
    assert [(item.name, item.primary) for item in server.interfaces] == [
        ("networkInterfaces.0 of launch template t", False),
        ("networkInterfaces.1 of launch template t", True),
    ]
    assert told(server.interfaces[1])[2] == ["web"]
    plain = of(TEMPLATE, "t", {"networkInterfaces": [{}, {}]})
    (server,), _ = servers(plain)
    assert [item.primary for item in server.interfaces] == [True, False]
    (server,), _ = servers(of(TEMPLATE, "t", networkInterfaces=["first"]), FIRST)
    assert (server.interfaces, [path for _, path in server.unknown]) == ([], ["networkInterfaces"])
