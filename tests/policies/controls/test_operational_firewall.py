"""The proof of the Operational Firewall on a corpus of small networks, and the wording of its findings."""

from typing import Any

import pytest
from cloudpatterns_policies.controls.operational_firewall import operational_firewall
from cloudpatterns_policies.core import Fail, NotApplicable, Resource, Severity

from tests.policies.controls.networks import ANY4, ANY6, Case, admits, balancer, classic, entry, group, inline, instance, prefix_list
from tests.policies.helpers import UNKNOWN, resource, stack, verdicts

OPERATORS = {"cloudpatterns:operator": "dba"}
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"


def listener(name: str, of: str, port: Any, mode: Any = "verify", kind: str = "lb") -> Resource:
    props = {"loadBalancerArn": UNKNOWN, "port": port, "protocol": "HTTPS", "mutualAuthentication": {"mode": mode}}
    return resource(f"aws:{kind}/listener:Listener", name, props, deps={"loadBalancerArn": [of]})


GOOD = [
    Case("The pattern itself: SSH from a managed prefix list.", [
        group("ops"), prefix_list("office", "203.0.113.10/32", "198.51.100.0/24"), admits("ssh", "ops", 22, "pl:office"),
        instance("vm", "ops")]),
    Case("SSH from one address.", [group("ops"), admits("ssh", "ops", 22, "203.0.113.10/32")]),
    Case("An application's port of a group that is elsewhere.", [admits("r", "sg-0elsewhere", 8080, ANY4)]),
    Case("SSH from a network at the limit.", [group("ops"), admits("ssh", "ops", 22, "8.8.0.0/16")]),
    Case("SSH from an IPv6 network at the limit.", [group("ops"), admits("ssh", "ops", 22, "2a00:1450::/32")]),
    Case("SSH from the company's private network, however wide.", [group("ops"), admits("ssh", "ops", 22, "10.0.0.0/8")]),
    Case("SSH from a Client VPN's group.", [group("ops"), group("vpn"), admits("ssh", "ops", 22, from_group="vpn")]),
    Case("SSH from a group of an unknown id is by reference.", [
        group("ops"), admits("ssh", "ops", 22, referencedSecurityGroupId=UNKNOWN)]),
    Case("Two offices whose networks are far apart.", [
        group("ops"), admits("a", "ops", 22, "8.8.0.0/16"), admits("b", "ops", 22, "9.9.0.0/16")]),
    Case("The web for the world is the other proof's.", [group("web"), admits("r", "web", 443, ANY4), balancer("alb", "web")]),
    Case("An application's port for the world is the other proof's.", [group("app"), admits("r", "app", 8080, ANY4)]),
    Case("22 over UDP is not SSH.", [group("x"), admits("r", "x", 22, ANY4, protocol="udp")]),
    Case("A prefix list declared in the profile, by id.", [
        group("ops"), admits("ssh", "ops", 22, "pl-0office")], config={"trustedPrefixLists": ["pl-0office"]}),
    Case("A prefix list declared in the profile, by name.", [
        group("ops"), prefix_list("vpn", UNKNOWN), admits("ssh", "ops", 22, "pl:vpn")], config={"trustedPrefixLists": ["vpn"]}),
    Case("A console that demands a client certificate.", [
        group("console"), admits("r", "console", 6443, ANY4), balancer("alb", "console"), listener("l", "alb", 6443)]),
    Case("Two consoles behind one group, both demand a certificate.", [
        group("console"), admits("r", "console", 6443, ANY4), balancer("a", "console"), balancer("b", "console", kind="alb"),
        listener("la", "a", 6443), listener("lb", "b", 6443, kind="alb"), listener("other", "b", 443, mode="off")]),
    Case("An operators' group admits its own ports from a narrow network.", [
        group("dba", OPERATORS), admits("r", "dba", 3306, "203.0.113.0/24")]),
    Case("Groups at different instances do not add up.", [
        group("a"), group("b"), admits("ra", "a", 22, "0.0.0.0/8"), admits("rb", "b", 22, "10.0.0.0/8"), instance("x", "a"),
        instance("y", "b")]),
    Case("A wide network by configuration.", [group("ops"), admits("r", "ops", 22, "8.0.0.0/9")], config={"widestIpv4Prefix": 9}),
    Case("A port of one's own taken off the list.", [group("ops"), admits("r", "ops", 22, ANY4)], config={"adminPorts": ["3389"]}),
]  # fmt: skip

REFERENCE = resource("pulumi:pulumi:StackReference", "other")
HALVES = [
    group("a"), group("b"), admits("ra", "a", 22, "3.0.0.0/8"), admits("rb", "b", 22, "9.0.0.0/8"),
]  # fmt: skip
NAMED = [
    resource("aws:ec2/securityGroup:SecurityGroup", name, {"id": UNKNOWN, "name": f"group-{name}", "ingress": UNKNOWN}) for name in "ab"
]


def by_name(type: str, path: str, value: Any, *groups: str) -> Resource:
    """What wears groups by their names."""
    return resource(type, "vm", {"id": UNKNOWN, path: value}, deps={path: list(groups)})


BY_NAME = (
    ("aws:ec2/instance:Instance", "securityGroups"),
    ("aws:ec2/spotInstanceRequest:SpotInstanceRequest", "securityGroups"),
    (TEMPLATE, "securityGroupNames"),
)

BAD = [
    Case("SSH for the world.", [group("ops"), admits("r", "ops", 22, ANY4), instance("vm", "ops")], {"r": "cidrIpv4"}),
    Case("SSH for the IPv6 world.", [group("ops"), admits("r", "ops", 22, ANY6)], {"r": "cidrIpv6"}),
    Case("The world in two halves.", [
        group("ops"), admits("a", "ops", 22, "0.0.0.0/1"), admits("b", "ops", 22, "128.0.0.0/1")], {"a": "cidrIpv4", "b": "cidrIpv4"}),
    Case("The world in one classic rule with two halves.", [
        group("ops"), classic("r", "ops", 3389, cidrBlocks=["0.0.0.0/1", "128.0.0.0/1"])], {"r": "cidrBlocks.0"}),
    Case("The world in a prefix list, whose entries are resources.", [
        group("ops"), prefix_list("all", "0.0.0.0/1"), entry("e", "all", "128.0.0.0/1"), admits("r", "ops", 22, "pl:all")],
        {"r": "prefixListId"}),
    Case("The world in two prefix lists.", [
        group("ops"), prefix_list("a", "3.0.0.0/8"), prefix_list("b", "9.0.0.0/8"),
        classic("r", "ops", 22, prefixListIds=[UNKNOWN, UNKNOWN], deps={"prefixListIds": ["a", "b"]})], {"r": "prefixListIds"}),
    Case("The internet in two groups of one launch template.", [
        group("a"), group("b"), admits("ra", "a", 22, "3.0.0.0/8"), admits("rb", "b", (20, 30), "9.0.0.0/8"),
        resource(TEMPLATE, "t", {"networkInterfaces": [{"securityGroups": [UNKNOWN, UNKNOWN]}]}, deps={"networkInterfaces": ["a", "b"]})],
        {"ra": "cidrIpv4", "rb": "cidrIpv4"}),
    Case("Three narrow groups of one instance that are the internet together only.", [
        group("a"), group("b"), admits("ra", "a", 22, "3.0.0.0/8"), admits("rb", "b", 22, "9.0.0.0/8"), instance("vm", "a", "b")],
        {"ra": "cidrIpv4"}, config={"widestIpv4Prefix": 8}),
    Case("Protocol -1 holds SSH.", [group("x"), admits("r", "x", None, ANY4, protocol="-1")], {"r": "cidrIpv4"}),
    Case("All ports, inline, hold RDP.", [group("x", ingress=[inline((0, 65535), cidrBlocks=[ANY4])])], {"x": "ingress.0.cidrBlocks.0"}),
    Case("A range written backwards.", [group("x"), admits("r", "x", (443, 22), ANY4)], {"r": "cidrIpv4"}),
    Case("A network wider than the limit.", [group("ops"), admits("r", "ops", 22, "8.0.0.0/15")], {"r": "cidrIpv4"}),
    Case("An IPv6 network wider than the limit.", [group("ops"), admits("r", "ops", 22, "2a00::/31")], {"r": "cidrIpv6"}),
    Case("A wide network cut in two is as wide.", [
        group("ops"), admits("a", "ops", 22, "8.0.0.0/16"), admits("b", "ops", 22, "8.1.0.0/16")], {"a": "cidrIpv4"}),
    Case("A prefix list wider than the limit.", [
        group("ops"), prefix_list("isp", "8.0.0.0/12"), admits("r", "ops", 22, "pl:isp")], {"r": "prefixListId"}),
    Case("Docker's port.", [group("x"), admits("r", "x", 2376, ANY4)], {"r": "cidrIpv4"}),
    Case("WinRM.", [group("x"), admits("r", "x", (5985, 5986), ANY4)], {"r": "cidrIpv4"}),
    Case("RDP over UDP.", [group("x"), admits("r", "x", 3389, ANY4, protocol="udp")], {"r": "cidrIpv4"}),
    Case("All ports of an operators' group are administration ports.", [
        group("dba", OPERATORS), admits("r", "dba", 3306, ANY4), admits("w", "dba", 8443, "8.0.0.0/12")],
        {"r": "cidrIpv4", "w": "cidrIpv4"}),
    Case("A listener that lets strangers pass through is no guard.", [
        group("console"), admits("r", "console", 6443, ANY4), balancer("alb", "console"), listener("l", "alb", 6443, mode="passthrough")],
        {"r": "cidrIpv4"}),
    Case("The certificate is demanded at another port.", [
        group("console"), admits("r", "console", 6443, ANY4), balancer("alb", "console"), listener("l", "alb", 443)], {"r": "cidrIpv4"}),
    Case("One of two balancers demands no certificate.", [
        group("console"), admits("r", "console", 6443, ANY4), balancer("a", "console"), balancer("b", "console"), listener("l", "a", 6443)],
        {"r": "cidrIpv4"}),
    Case("The console's group guards an instance too.", [
        group("console"), admits("r", "console", 6443, ANY4), balancer("a", "console"), instance("vm", "console"),
        listener("l", "a", 6443)],
        {"r": "cidrIpv4"}),
    Case("A console's certificate does not cover a wide network on another port.", [
        group("console"), admits("r", "console", (22, 6443), "8.0.0.0/12"), balancer("a", "console"), listener("l", "a", 6443)],
        {"r": "cidrIpv4"}),
    Case("A certificate at one port excuses no rule on another.", [
        group("console"), admits("a", "console", 22, "8.0.0.0/12"), admits("b", "console", 3389, "9.0.0.0/12"), balancer("alb", "console"),
        listener("off", "alb", 5432, mode="off"), listener("l", "alb", 22)],
        {"b": "cidrIpv4"}),
    Case("One unknown hides nothing else.", [
        group("ops"), admits("u", "ops", 22, UNKNOWN), admits("r", "ops", 22, ANY4)], {"r": "cidrIpv4"}, {"u": "cidrIpv4"}),
]  # fmt: skip

BAD += [
    *(
        Case(f"Two groups that are the internet together only, which {type} wears by names that are unknown.", [
            *HALVES, by_name(type, path, [UNKNOWN, UNKNOWN], "a", "b")], {"ra": "cidrIpv4"}, config={"widestIpv4Prefix": 8})
        for type, path in BY_NAME
    ),
    *(
        Case(f"Two groups that are the internet together only, which {type} wears by their names.", [
            *NAMED, *HALVES[2:], by_name(type, path, ["group-a", "group-b"])], {"ra": "cidrIpv4"}, config={"widestIpv4Prefix": 8})
        for type, path in BY_NAME
    ),
]  # fmt: skip

UNSURE = [
    *(
        Case(f"A name of no group of the stack, at {type}.", [*NAMED, by_name(type, path, ["group-a", "web"])], unknowns={"vm": path})
        for type, path in BY_NAME
    ),
    *(
        Case(f"Names of groups that are unknown, at {type}.", [
            REFERENCE, by_name(type, path, UNKNOWN, "other")], unknowns={"vm": path})
        for type, path in BY_NAME
    ),
    Case("A prefix list known by its id alone.", [group("ops"), admits("r", "ops", 22, "pl-0office")], unknowns={"r": "prefixListId"}),
    Case("A prefix list that cannot be told at all.", [
        group("ops"), admits("r", "ops", 22, prefixListId=UNKNOWN)], unknowns={"r": "prefixListId"}),
    Case("One of two prefix lists, nobody knows which.", [
        group("ops"), prefix_list("a", ANY4), prefix_list("b", "203.0.113.0/24"),
        resource("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "r", {
            "securityGroupId": UNKNOWN, "prefixListId": UNKNOWN, "ipProtocol": "tcp", "fromPort": 22, "toPort": 22},
            deps={"securityGroupId": ["ops"], "prefixListId": ["a", "b"]})], unknowns={"r": "prefixListId"}),
    Case("A prefix list with entries that are an output.", [
        group("ops"), resource("aws:ec2/managedPrefixList:ManagedPrefixList", "l", {"entries": UNKNOWN}, deps={"entries": ["ops"]}),
        admits("r", "ops", 22, "pl:l")], unknowns={"r": "entries of prefix list l"}),
    Case("A prefix list with an entry resource that is unknown, and one that is no CIDR.", [
        group("ops"), prefix_list("l"), entry("e", "l", UNKNOWN), prefix_list("m", "office"), admits("r", "ops", 22, "pl:l"),
        admits("s", "ops", 22, "pl:m")], unknowns={"r": "cidr of e of prefix list l", "s": "the entry 'office' of prefix list m"}),
    Case("A CIDR that AWS computes, on all ports.", [
        group("nat"), admits("r", "nat", None, UNKNOWN, protocol="-1")], unknowns={"r": "cidrIpv4"}),
    Case("Unknown ports.", [group("x"), admits("r", "x", None, ANY4, fromPort=22, toPort=UNKNOWN)], unknowns={"r": "toPort"}),
    Case("An adopted group at an instance: what it admits is elsewhere.", [
        resource("aws:ec2/instance:Instance", "vm", {"vpcSecurityGroupIds": ["sg-0adopted"]})],
        unknowns={"vm": "vpcSecurityGroupIds"}),
]  # fmt: skip


@pytest.mark.parametrize("case", [*GOOD, *BAD, *UNSURE], ids=lambda case: case.reason)
def test_corpus(case: Case) -> None:
    assert case.judge(operational_firewall) == (dict(case.fails), dict(case.unknowns))


def test_a_stack_without_groups_is_not_applicable() -> None:
    found = verdicts(operational_firewall, stack(resource("aws:s3/bucket:Bucket")))
    assert found == [("", NotApplicable("the stack has no security group"))]


def test_metadata() -> None:
    assert (operational_firewall.id, operational_firewall.severity) == ("operational-firewall", Severity.CRITICAL)


MESSAGES = {
    "allows the internet (0.0.0.0/0) on port 22 (SSH): rule r -> security group ops -> instance vm": BAD[0],
    "allows the internet (0.0.0.0/1, 128.0.0.0/1) on port 3389 (RDP): rule r -> security group ops": BAD[3],
    "allows the internet (prefix list all) on port 22 (SSH): rule r -> security group ops": BAD[4],
    "allows the internet (3.0.0.0/8 in rule ra + 9.0.0.0/8 in rule rb) on port 22 (SSH): "
    "rule ra -> security group a -> instance vm; rule rb -> security group b -> instance vm": BAD[7],
    "allows the internet (3.0.0.0/8 in rule ra + 9.0.0.0/8 in rule rb) on port 22 (SSH): rule ra -> security group a -> instance vm; "
    "rule rb -> security group b -> instance vm ": Case("A third group takes no part.", [
        *HALVES, group("c"), admits("rc", "c", 443, ANY4), instance("vm", "a", "b", "c")], config={"widestIpv4Prefix": 8}),
    "allows the internet (0.0.0.0/0) on ports 22-23, 2375-2377, 3389 (RDP), 5900-5901 and 4 more: rule r -> security group x": BAD[8],
    "allows port 22 (SSH) from 8.0.0.0/15, which contains 8.0.0.0/15, wider than /16: rule r -> security group ops": BAD[11],
    "allows port 22 (SSH) from 8.0.0.0/16 in rule a + 8.1.0.0/16 in rule b, which contains 8.0.0.0/15, wider than /16: "
    "rule a -> security group ops": BAD[13],
}  # fmt: skip


@pytest.mark.parametrize(("message", "case"), MESSAGES.items(), ids=[case.reason for case in MESSAGES.values()])
def test_messages(message: str, case: Case) -> None:
    (found,) = [verdict for _, verdict in verdicts(operational_firewall, stack(*case.network), case.config)]
    assert isinstance(found, Fail)
    assert found.message == message.rstrip()
