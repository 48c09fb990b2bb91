"""The proof of the Management Network on a corpus of small networks, on its example, and the wording of its findings."""

from typing import Any

import pytest
from cloudpatterns_policies.controls.management_network import management_network
from cloudpatterns_policies.core import Fail, NotApplicable, Pass, Resource, Severity

from tests.policies.controls.examples import example
from tests.policies.controls.networks import (
    ANY4,
    ANY6,
    Case,
    admits,
    associate,
    balancer,
    group,
    inline,
    instance,
    prefix_list,
    route,
    simple,
    subnet,
    table,
    vpc,
)
from tests.policies.helpers import UNKNOWN, resource, stack, verdicts

ENI = "aws:ec2/networkInterface:NetworkInterface"
INSTANCE = "aws:ec2/instance:Instance"
JOIN = "aws:ec2/networkInterfaceAttachment:NetworkInterfaceAttachment"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
BLOCK = "aws:ec2/vpcIpv4CidrBlockAssociation:VpcIpv4CidrBlockAssociation"
GROUP = "aws:ec2/securityGroup:SecurityGroup"
OPERATORS = {"cloudpatterns:operator": "management"}
TIER = {"cloudpatterns:tier": "management"}
REFERENCE = simple("pulumi:pulumi:StackReference", "other")
IGW = simple("aws:ec2/internetGateway:InternetGateway", "igw")


def eni(name: str, *groups: str, where: str = "back", **more: Any) -> Resource:
    """A network interface."""
    props = {"id": UNKNOWN, "subnetId": UNKNOWN, "securityGroups": [UNKNOWN] * len(groups), **more}
    return resource(ENI, name, props, deps={"subnetId": [where], "securityGroups": list(groups)})


def server(name: str = "vm", primary: str = "front", **more: Any) -> Resource:
    """An instance whose primary interface is a resource of its own."""
    props = {"id": UNKNOWN, "primaryNetworkInterface": {"networkInterfaceId": UNKNOWN}, "vpcSecurityGroupIds": UNKNOWN, **more}
    return resource(INSTANCE, name, props, deps={"primaryNetworkInterface": [primary]})


def join(name: str, interface: str, to: str = "vm") -> Resource:
    """Attaches an interface to an instance."""
    props = {"instanceId": UNKNOWN, "networkInterfaceId": UNKNOWN, "deviceIndex": 1}
    return resource(JOIN, name, props, deps={"instanceId": [to], "networkInterfaceId": [interface]})


def in_vpc(name: str, tags: dict[str, Any] | None = None, of: str = "vpc") -> Resource:
    """A security group of a VPC, by name or literal id."""
    literal = of.startswith("vpc-")
    props = {"id": UNKNOWN, "vpcId": of if literal else UNKNOWN, "ingress": UNKNOWN, "egress": UNKNOWN, "tags": tags or {}}
    return resource(GROUP, name, props, deps={} if literal else {"vpcId": [of]})


def entrance(name: str = "vpn", token: str = "aws:ec2clientvpn/endpoint:Endpoint") -> list[Resource]:
    """A VPN endpoint with a group of its own."""
    made = resource(token, f"{name}-endpoint", {"securityGroupIds": [UNKNOWN]}, deps={"securityGroupIds": [name]})
    return [group(name), made]


def base(*more: Resource, without: tuple[str, ...] = ()) -> list[Resource]:
    """The server `vm` with the interfaces `front` and `back`; what `more` names anew takes the place of what is there."""
    network = [
        vpc(), subnet("private"), subnet("management"), table("t"), associate("t-join", "management", "t"), group("callers"), *entrance(),
        in_vpc("business"), in_vpc("admin", OPERATORS), eni("front", "business", where="private"),
        eni("back", "admin", where="management"), server(), join("vm-back", "back"),
        admits("http", "business", 8080, from_group="callers"), admits("ssh", "admin", 22, from_group="vpn"),
    ]  # fmt: skip
    gone = {*without, *(item.name for item in more)}
    return [item for item in network if item.name not in gone] + list(more)


def described(**of_management: Any) -> list[Resource]:
    """A launch template that describes both interfaces."""
    front = {"deviceIndex": 0, "securityGroups": [UNKNOWN], "subnetId": "subnet-0a"}
    back = {"deviceIndex": 1, "securityGroups": ["sg-admin"], "subnetId": UNKNOWN, **of_management}
    template = resource(TEMPLATE, "template", {"id": UNKNOWN, "networkInterfaces": [front, back]},
                        deps={"networkInterfaces": ["business", "management"]})  # fmt: skip
    admin = resource(GROUP, "admin", {"id": "sg-admin", "vpcId": UNKNOWN, "tags": OPERATORS}, deps={"vpcId": ["vpc"]})
    return base(template, admin, without=("vm", "vm-back", "front", "back"))


def rule(name: str, to: str, first: Any, **more: Any) -> Resource:
    """A rule whose sources and dependencies are given in full."""
    deps = {"securityGroupId": [to], **more.pop("deps", {})}
    props = {"securityGroupId": UNKNOWN, "ipProtocol": "tcp", "fromPort": first, "toPort": first, **more}
    return resource("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", name, props, deps=deps)


OWN = instance("vm", "business", subnet="private")
DUAL = resource("aws:ec2/vpc:Vpc", "vpc", {"id": UNKNOWN, "cidrBlock": "10.0.0.0/16", "assignGeneratedIpv6CidrBlock": False,
                                           "ipv6CidrBlock": "2a05:d018::/56"})  # fmt: skip
GENERATED = resource("aws:ec2/vpc:Vpc", "vpc", {"id": UNKNOWN, "cidrBlock": "10.0.0.0/16", "assignGeneratedIpv6CidrBlock": True,
                                                "ipv6CidrBlock": UNKNOWN})  # fmt: skip

GOOD = [
    Case("The pattern itself.", base()),
    Case("An instance's own interface is for business.", base(OWN, without=("front",))),
    Case("An instance's own interface with the groups of its template.", base(
        resource(TEMPLATE, "t1", {"id": UNKNOWN, "vpcSecurityGroupIds": [UNKNOWN]}, deps={"vpcSecurityGroupIds": ["business"]}),
        resource(INSTANCE, "vm", {"id": UNKNOWN, "launchTemplate": {"id": UNKNOWN}, "subnetId": UNKNOWN},
                 deps={"launchTemplate": ["t1"], "subnetId": ["private"]}), without=("front",))),
    Case("Interfaces by the older argument.", base(
        resource(INSTANCE, "vm", {"id": UNKNOWN, "networkInterfaces": [
            {"deviceIndex": 0, "networkInterfaceId": UNKNOWN}, {"deviceIndex": 1, "networkInterfaceId": UNKNOWN}]},
            deps={"networkInterfaces": ["front", "back"]}), eni("front", "admin", where="private"), eni("back", "business"),
        without=("vm-back", "http", "ssh"))),
    Case("Interfaces by the older argument, one after the other.", base(
        resource(INSTANCE, "vm", {"id": UNKNOWN, "networkInterfaces": [{"deviceIndex": 0, "networkInterfaceId": UNKNOWN}]},
                 deps={"networkInterfaces": ["front"]}))),
    Case("A launch template that names interfaces by their resources.", base(
        resource(TEMPLATE, "template", {"id": UNKNOWN, "networkInterfaces": [
            {"securityGroups": ["sg-b"]}, {"networkInterfaceId": "eni-0b", "subnetId": UNKNOWN}]},
            deps={"networkInterfaces": ["management"]}),
        resource(GROUP, "business", {"id": "sg-b", "vpcId": UNKNOWN}, deps={"vpcId": ["vpc"]}),
        resource(ENI, "back", {"id": "eni-0b", "securityGroups": [UNKNOWN]}, deps={"securityGroups": ["admin"]}),
        without=("vm", "vm-back", "front"))),
    Case("An interface that names its instance.", base(
        resource(ENI, "back", {"id": UNKNOWN, "subnetId": UNKNOWN, "securityGroups": [UNKNOWN], "attachments": [
            {"instance": UNKNOWN, "deviceIndex": 1}]},
            deps={"subnetId": ["management"], "securityGroups": ["admin"], "attachments": ["vm"]}), without=("vm-back",))),
    Case("Interfaces that a launch template describes.", described()),
    Case("A management subnet with a tag, and a group without.", base(subnet("management", tags=TIER), in_vpc("admin"))),
    Case("A management interface with a tag, and a group without.", base(
        eni("back", "admin", where="management", tags=OPERATORS), in_vpc("admin"))),
    Case("A management group by name.", base(in_vpc("admin")), config={"managementNames": ["adm*"]}),
    Case("From an EC2 Instance Connect endpoint.", base(
        *entrance("eic", "aws:ec2transitgateway/instanceConnectEndpoint:InstanceConnectEndpoint"),
        admits("eic-ssh", "admin", 22, from_group="eic"))),
    Case("From a network outside of the VPC.", base(admits("ssh", "admin", 22, "192.168.0.0/16"))),
    Case("From an IPv6 network where the VPC has none.", base(admits("ssh", "admin", 22, "2001:db8::/48"))),
    Case("From an IPv6 network outside of the VPC's own.", base(DUAL, admits("ssh", "admin", 22, "2001:db8::/48"))),
    Case("From a prefix list of networks outside of the VPC.", base(
        prefix_list("office", "192.0.2.0/24"), admits("ssh", "admin", 22, "pl:office"))),
    Case("From a declared prefix list.", base(admits("ssh", "admin", 22, "pl-0a")), config={"entranceNames": ["pl-0a"]}),
    Case("From a declared network, inside of the VPC.", base(admits("ssh", "admin", 22, "10.0.9.0/28")),
         config={"entranceCidrs": ["10.0.9.0/24"]}),
    Case("From a declared group.", base(admits("ssh", "admin", 22, from_group="callers")), config={"entranceNames": ["call*"]}),
    Case("From a declared group that is not of the stack.", base(admits("ssh", "admin", 22, referencedSecurityGroupId="sg-0b")),
         config={"entranceNames": ["sg-0b"]}),
    Case("From a bastion's group, which is an operators' group too.", base(
        group("bastion", OPERATORS), instance("jump", "bastion", subnet="private"), admits("ssh", "admin", 22, from_group="bastion"))),
    Case("Errors and echoes of the network.", base(admits("ping", "admin", None, "192.168.0.0/16", protocol="icmp"))),
    Case("A port of one's own.", base(admits("ssh", "admin", 9090, from_group="vpn")), config={"adminPorts": ["9090"]}),
    Case("A server with one interface is for other proofs.", base(
        instance("web", "admin", subnet="private"), admits("web-ssh", "callers", 22, ANY4))),
    Case("A rule without a source admits nobody.", base(rule("none", "business", 22))),
    Case("A route to the company.", base(
        resource("aws:ec2/route:Route", "home", {"routeTableId": UNKNOWN, "destinationCidrBlock": "192.168.0.0/16",
                 "transitGatewayId": "tgw-1"}, deps={"routeTableId": ["t"]}))),
]  # fmt: skip

BAD = [
    *(
        Case(f"Port {port} on the business interface.", base(admits("hole", "business", port, from_group="vpn")),
             {"hole": "referencedSecurityGroupId"})
        for port in (22, 23, 3389, 5985, 5986)
    ),
    Case("RDP over UDP on the business interface.", base(admits("hole", "business", 3389, "192.168.0.0/16", protocol="udp")),
         {"hole": "cidrIpv4"}),
    Case("Everything on the business interface, from a caller.", base(
        admits("hole", "business", None, from_group="callers", protocol="-1")), {"hole": "referencedSecurityGroupId"}),
    Case("A second group of the business interface admits SSH.", base(
        in_vpc("more"), admits("hole", "more", 22, "192.168.0.0/16"), eni("front", "business", "more", where="private")),
        {"hole": "cidrIpv4"}),
    Case("The business interface wears the management group as well.", base(eni("front", "business", "admin", where="private")),
         {"ssh": "referencedSecurityGroupId"}),
    Case("The business interface wears an operators' group, whose every port is one of administration.", base(
        in_vpc("ops", OPERATORS), admits("console", "ops", 9090, from_group="vpn"),
        eni("front", "business", "ops", where="private")), {"console": "referencedSecurityGroupId"}),
    Case("The business interface wears the management group alone.", base(eni("front", "admin", where="private")),
         {"ssh": "referencedSecurityGroupId"}),
    Case("SSH on an instance's own interface.", base(OWN, admits("hole", "business", 22, "192.168.0.0/16"), without=("front",)),
         {"hole": "cidrIpv4"}),
    Case("SSH on the business interface of a launch template.", [*described(), admits("hole", "business", 22, from_group="vpn")],
         {"hole": "referencedSecurityGroupId"}),
    Case("A business port on the management interface.", base(admits("hole", "admin", 8080, from_group="vpn")),
         {"hole": "referencedSecurityGroupId"}),
    Case("All ports on the management interface.", base(admits("ssh", "admin", None, from_group="vpn", protocol="-1")),
         {"ssh": "referencedSecurityGroupId"}),
    Case("From a caller's group.", base(admits("ssh", "admin", 22, from_group="callers")), {"ssh": "referencedSecurityGroupId"}),
    Case("From the business group.", base(admits("ssh", "admin", 22, from_group="business")), {"ssh": "referencedSecurityGroupId"}),
    Case("From server to server.", base(admits("hole", "admin", 22, from_group="admin")), {"hole": "referencedSecurityGroupId"}),
    Case("From server to server, by the group itself.", base(
        resource(GROUP, "admin", {"id": UNKNOWN, "vpcId": UNKNOWN, "tags": OPERATORS, "ingress": [inline(22, self=True)]},
                 deps={"vpcId": ["vpc"], "ingress": []})), {"admin": "ingress.0.self"}),
    Case("From a VPN's group that a balancer wears too.", base(balancer("alb", "vpn")), {"ssh": "referencedSecurityGroupId"}),
    Case("From the internet.", base(admits("ssh", "admin", 22, ANY4)), {"ssh": "cidrIpv4"}),
    Case("From the IPv6 internet.", base(admits("ssh", "admin", 22, ANY6)), {"ssh": "cidrIpv6"}),
    Case("From the VPC's own addresses.", base(admits("ssh", "admin", 22, "10.0.1.0/24")), {"ssh": "cidrIpv4"}),
    Case("From all private addresses.", base(admits("ssh", "admin", 22, "10.0.0.0/8")), {"ssh": "cidrIpv4"}),
    Case("From the VPC's own IPv6 addresses.", base(DUAL, admits("ssh", "admin", 22, "2a05:d018::/64")), {"ssh": "cidrIpv6"}),
    Case("From a second block of the VPC.", base(
        resource(BLOCK, "block", {"vpcId": UNKNOWN, "cidrBlock": "100.64.0.0/16"}, deps={"vpcId": ["vpc"]}),
        admits("ssh", "admin", 22, "100.64.1.0/24")), {"ssh": "cidrIpv4"}),
    Case("From a prefix list with the VPC's addresses.", base(
        prefix_list("office", "192.0.2.0/24", "10.0.1.0/24"), admits("ssh", "admin", 22, "pl:office")), {"ssh": "prefixListId"}),
    Case("From a network that is not among the declared ones.", base(admits("ssh", "admin", 22, "192.168.0.0/16")),
         {"ssh": "cidrIpv4"}, config={"entranceCidrs": ["192.168.0.0/24"]}),
    Case("A management interface in a public subnet.", base(IGW, route("out", "t", "gatewayId", "igw")), {"back": "subnetId"}),
    Case("One unknown hides nothing else.", base(
        admits("hole", "business", 22, from_group="vpn"), admits("ssh", "admin", UNKNOWN, from_group="vpn")),
        {"hole": "referencedSecurityGroupId"}, {"ssh": "fromPort"}),
]  # fmt: skip

UNSURE = [
    Case("A tag whose value is unknown.", base(in_vpc("admin"), subnet("management", tags={"cloudpatterns:tier": UNKNOWN})),
         unknowns={"management": "tags.cloudpatterns:tier"}),
    Case("Groups of the business interface that are unknown.", base(REFERENCE, resource(
        ENI, "front", {"id": UNKNOWN, "subnetId": UNKNOWN, "securityGroups": UNKNOWN},
        deps={"subnetId": ["private"], "securityGroups": ["other"]})), unknowns={"front": "securityGroups"}),
    Case("Groups of the second interface that are unknown, and another server's that are marked.", base(
        REFERENCE, resource(ENI, "x", {"id": UNKNOWN, "subnetId": UNKNOWN, "securityGroups": UNKNOWN},
                            deps={"subnetId": ["private"], "securityGroups": ["other"]}),
        server("vm2", "y"), eni("y", "business", where="private"), join("vm2-x", "x", "vm2")), unknowns={"x": "securityGroups"}),
    Case("A group of the management interface that the stack knows by its id alone.", base(resource(
        ENI, "back", {"id": UNKNOWN, "subnetId": UNKNOWN, "securityGroups": [UNKNOWN, "sg-0a"]},
        deps={"subnetId": ["management"], "securityGroups": ["admin"]})), unknowns={"back": "securityGroups"}),
    Case("A management group that the stack knows by its id alone.", base(
        resource(ENI, "back", {"id": UNKNOWN, "subnetId": UNKNOWN, "securityGroups": ["sg-0a"]}, deps={"subnetId": ["management"]}),
        admits("ssh", "sg-0a", 22, "192.168.0.0/16"), without=("admin",)), unknowns={"back": "securityGroups"},
        config={"managementNames": ["sg-0a"]}),
    Case("A device index that is unknown, where the interfaces tell themselves apart.", described(deviceIndex=UNKNOWN)),
    Case("An interface of a launch template by its id.", described(networkInterfaceId="eni-0a"),
         unknowns={"template": "networkInterfaces.1.networkInterfaceId"}),
    Case("One of two groups, nobody knows which.", base(resource(
        ENI, "front", {"id": UNKNOWN, "subnetId": UNKNOWN, "securityGroups": [UNKNOWN]},
        deps={"subnetId": ["private"], "securityGroups": ["business", "callers"]})), unknowns={"front": "securityGroups"}),
    Case("An interface without groups gets the VPC's default group.", base(eni("front", where="private")),
         unknowns={"front": "securityGroups"}),
    Case("An instance without groups gets the VPC's default group.", base(
        instance("vm", subnet="private"), without=("front",)), unknowns={"vm": "vpcSecurityGroupIds"}),
    Case("An interface from another stack.", base(REFERENCE, join("vm-more", "other")), unknowns={"vm-more": "networkInterfaceId"}),
    Case("An interface by its id, beside the business one.", base(
        resource(JOIN, "vm2-more", {"instanceId": UNKNOWN, "networkInterfaceId": "eni-0a"}, deps={"instanceId": ["vm2"]}),
        instance("vm2", "business", subnet="private")), unknowns={"vm2-more": "networkInterfaceId"}),
    Case("Interfaces by the older argument, one of which is unknown.", base(
        resource(INSTANCE, "vm", {"id": UNKNOWN, "networkInterfaces": [
            {"deviceIndex": 0, "networkInterfaceId": UNKNOWN}, {"deviceIndex": 1, "networkInterfaceId": UNKNOWN}]},
            deps={"networkInterfaces": ["front"]})), unknowns={"vm": "networkInterfaces"}),
    Case("Interfaces by the older argument that are unknown altogether.", base(
        REFERENCE, resource(INSTANCE, "vm", {"id": UNKNOWN, "networkInterfaces": UNKNOWN}, deps={"networkInterfaces": ["other"]})),
        unknowns={"vm": "networkInterfaces"}),
    Case("An instance from another stack.", base(REFERENCE, join("far", "back", "other"), without=("vm-back",)),
         unknowns={"far": "instanceId"}),
    Case("A template's interfaces that are unknown, and may have the entrance's group.", base(REFERENCE, resource(
        TEMPLATE, "template", {"id": UNKNOWN, "networkInterfaces": UNKNOWN}, deps={"networkInterfaces": ["other"]}),
        resource(TEMPLATE, "single", {"id": UNKNOWN, "networkInterfaces": [{"securityGroups": [UNKNOWN]}]},
                 deps={"networkInterfaces": ["business"]})), unknowns={"template": "networkInterfaces"}),
    Case("A port of the business group that is unknown.", base(admits("r", "business", UNKNOWN, from_group="callers")),
         unknowns={"r": "fromPort"}),
    Case("A list of networks that may be empty, on an admin port of the business interface.", base(REFERENCE, resource(
        GROUP, "business", {"id": UNKNOWN, "vpcId": UNKNOWN, "ingress": [inline(22, cidrBlocks=UNKNOWN)]},
        deps={"vpcId": ["vpc"], "ingress": ["other"]})), unknowns={"business": "ingress.0.cidrBlocks"}),
    Case("A network of administrators that is unknown.", base(rule("ssh", "admin", 22, cidrIpv4=UNKNOWN)), unknowns={"ssh": "cidrIpv4"}),
    Case("A prefix list that is not of the stack.", base(admits("ssh", "admin", 22, "pl-0a")), unknowns={"ssh": "prefixListId"}),
    Case("A group of administrators that is unknown.", base(admits("ssh", "admin", 22, referencedSecurityGroupId=UNKNOWN)),
         unknowns={"ssh": "referencedSecurityGroupId"}),
    Case("A group of administrators that is not of the stack.", base(admits("ssh", "admin", 22, referencedSecurityGroupId="sg-0b")),
         unknowns={"ssh": "referencedSecurityGroupId"}),
    Case("A group of administrators whose mark is unknown.", base(
        group("callers", {"cloudpatterns:tier": UNKNOWN}), admits("ssh", "admin", 22, from_group="callers")),
        unknowns={"callers": "tags.cloudpatterns:tier"}),
    Case("One of two groups of administrators, nobody knows which.", base(rule(
        "ssh", "admin", 22, referencedSecurityGroupId=UNKNOWN, deps={"referencedSecurityGroupId": ["vpn", "callers"]})),
        unknowns={"ssh": "referencedSecurityGroupId"}),
    Case("The VPC is adopted, and so are its addresses.", base(
        in_vpc("admin", OPERATORS, "vpc-0a"), admits("ssh", "admin", 22, "192.168.0.0/16")), unknowns={"admin": "vpcId"}),
    Case("The VPC's addresses come from a pool.", base(
        resource("aws:ec2/vpc:Vpc", "vpc", {"id": UNKNOWN, "cidrBlock": UNKNOWN}), admits("ssh", "admin", 22, "192.168.0.0/16")),
        unknowns={"vpc": "cidrBlock"}),
    Case("The VPC's IPv6 addresses come from Amazon.", base(GENERATED, admits("ssh", "admin", 22, "2001:db8::/48")),
         unknowns={"vpc": "ipv6CidrBlock"}),
    Case("A gateway that cannot be told.", base(REFERENCE, route("out", "t", "gatewayId", "other")), unknowns={"out": "gatewayId"}),
    Case("An adopted subnet.", base(resource(
        ENI, "back", {"id": UNKNOWN, "subnetId": "subnet-0a", "securityGroups": [UNKNOWN]}, deps={"securityGroups": ["admin"]})),
        unknowns={"back": "subnetId (subnet subnet-0a)"}),
    Case("A subnet of another stack.", base(REFERENCE, eni("back", "admin", where="other")), unknowns={"back": "subnetId"}),
    Case("One of two subnets, one of them public.", base(
        IGW, route("out", "t", "gatewayId", "igw"), resource(
            ENI, "back", {"id": UNKNOWN, "subnetId": UNKNOWN, "securityGroups": [UNKNOWN]},
            deps={"subnetId": ["management", "private"], "securityGroups": ["admin"]})), unknowns={"back": "subnetId"}),
    Case("A subnet of an adopted VPC.", base(
        resource("aws:ec2/subnet:Subnet", "management", {"id": UNKNOWN, "vpcId": "vpc-0a"}), without=("t-join",)),
        unknowns={"management": "vpcId"}),
    Case("A rule of which nobody knows whose it is.", base(REFERENCE, admits("r", "other", 22, ANY4)), unknowns={"r": "securityGroupId"}),
    Case("A rule of one of two groups, one of them a server's.", base(resource(
        "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "r",
        {"securityGroupId": UNKNOWN, "ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "cidrIpv4": ANY4},
        deps={"securityGroupId": ["business", "callers"]})), unknowns={"r": "securityGroupId"}),
]  # fmt: skip


@pytest.mark.parametrize("case", [*GOOD, *BAD, *UNSURE], ids=lambda case: case.reason)
def test_corpus(case: Case) -> None:
    assert case.judge(management_network) == (dict(case.fails), dict(case.unknowns))


@pytest.mark.parametrize(
    "network",
    [
        [group("x")],
        [group("admin", OPERATORS), instance("vm", "admin")],
        base(in_vpc("admin")),
        base(eni("front", "business", "admin", where="private"), eni("back", "business", where="management")),
        [item for item in base(in_vpc("admin"), REFERENCE, join("far", "back", "other")) if item.name != "vm-back"],
    ],
    ids=["no server", "one interface", "no mark", "operators beside the business", "no mark, and an attachment that is unknown"],
)
def test_a_stack_without_a_management_network_is_not_applicable(network: list[Resource]) -> None:
    found = verdicts(management_network, stack(*network))
    assert found == [("", NotApplicable("the stack has no server with a management interface"))]


def test_metadata() -> None:
    assert (management_network.id, management_network.severity) == ("management-network", Severity.HIGH)


FRONT, BACK = (
    "security group business -> network interface front -> instance vm",
    ("security group admin -> network interface back -> instance vm"),
)
MESSAGES = {
    "allows port 22 (SSH) from security group vpn on a business interface of a server with a management network: rule hole -> " + FRONT:
        "Port 22 on the business interface.",
    "allows port 22 (SSH) from 192.168.0.0/16 on a business interface of a server with a management network: rule hole -> "
    "security group business -> primary interface -> instance vm": "SSH on an instance's own interface.",
    "allows port 22 (SSH) from security group vpn on a business interface of a server with a management network: rule hole -> "
    "security group business -> networkInterfaces.0 of launch template template -> launch template template":
        "SSH on the business interface of a launch template.",
    "allows port 8080, not an administration port, on a management interface: rule hole -> " + BACK:
        "A business port on the management interface.",
    "allows port 22 (SSH) on a management interface from security group callers, which is not a dedicated group of a VPN or another "
    "entry point: rule ssh -> " + BACK: "From a caller's group.",
    "allows port 22 (SSH) on a management interface from security group vpn, which is not a dedicated group of a VPN or another "
    "entry point; load balancer alb uses it too: rule ssh -> " + BACK: "From a VPN's group that a balancer wears too.",
    "allows port 22 (SSH) on a management interface from security group admin, the group of management interfaces, that is from "
    "server to server: rule hole -> " + BACK: "From server to server.",
    "allows port 22 (SSH) on a management interface from the internet (0.0.0.0/0): rule ssh -> " + BACK: "From the internet.",
    "allows port 22 (SSH) on a management interface from 10.0.1.0/24, which contains addresses of the VPC itself: rule ssh -> " + BACK:
        "From the VPC's own addresses.",
    "allows port 22 (SSH) on a management interface from 192.168.0.0/16, which is not a declared network of administrators: rule ssh -> "
    + BACK: "From a network that is not among the declared ones.",
    "is a management interface in a public subnet: instance vm -> network interface back -> subnet management -> route table t -> "
    "route out (0.0.0.0/0 to internet gateway igw)": "A management interface in a public subnet.",
}  # fmt: skip


@pytest.mark.parametrize(("message", "reason"), MESSAGES.items(), ids=MESSAGES.values())
def test_messages(message: str, reason: str) -> None:
    case = next(case for case in BAD if case.reason == reason)
    (found,) = [verdict for _, verdict in verdicts(management_network, stack(*case.network), case.config)]
    assert isinstance(found, Fail)
    assert found.message == message


def test_a_group_of_several_servers_is_told_once() -> None:
    more = [server("vm2", "front2"), eni("front2", "business", where="private"), eni("back2", "admin", where="management"),
            join("vm2-back", "back2", "vm2")]  # fmt: skip
    network = stack(*base(*more, admits("hole", "business", 22, from_group="vpn")))
    assert [name for name, _ in verdicts(management_network, network)] == ["hole"]


@pytest.mark.parametrize("deployed", [False, True], ids=["preview", "deployed"])
def test_the_example_passes(deployed: bool) -> None:
    assert verdicts(management_network, example("management_network", deployed=deployed)) == [("", Pass())]


RULE = "import pulumi_aws as aws\naws.vpc.SecurityGroupIngressRule('hole', ip_protocol='tcp', "


@pytest.mark.parametrize(
    ("after", "where"),
    [
        (f"{RULE}security_group_id=backnet.management_security_group_id, cidr_ipv4='10.42.0.0/23', from_port=22, to_port=22)", "cidrIpv4"),
        (
            f"{RULE}security_group_id=backnet.management_security_group_id, referenced_security_group_id=firewall.group_id('web'),"
            " from_port=22, to_port=22)",
            "referencedSecurityGroupId",
        ),
        (
            f"{RULE}security_group_id=backnet.business_security_group_ids['app-a'], from_port=22, to_port=22,"
            " referenced_security_group_id=backnet.client_vpn_security_group_id)",
            "referencedSecurityGroupId",
        ),
        (
            f"{RULE}security_group_id=backnet.management_security_group_id, from_port=8080, to_port=8080,"
            " referenced_security_group_id=backnet.client_vpn_security_group_id)",
            "referencedSecurityGroupId",
        ),
    ],
    ids=["the business subnets", "the callers", "SSH on the business interface", "business on the management interface"],
)
def test_the_example_with_one_rule_more_fails(after: str, where: str) -> None:
    ((name, verdict),) = verdicts(management_network, example("management_network", after=after, deployed=True))
    assert (name, type(verdict)) == ("hole", Fail)
    assert verdict.where == where
