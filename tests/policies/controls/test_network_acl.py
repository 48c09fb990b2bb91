"""Network ACLs, read in the order of their rules."""

from typing import Any

import pytest
from cloudpatterns_policies.controls.network_acl import network_acl_admin_ports as control
from cloudpatterns_policies.controls.network_acl import network_acl_all_ports as all_ports
from cloudpatterns_policies.core import Fail, NotApplicable, Pass, Resource, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, stack, verdicts

ACL, DEFAULT_ACL, RULE = (
    "aws:ec2/networkAcl:NetworkAcl",
    "aws:ec2/defaultNetworkAcl:DefaultNetworkAcl",
    "aws:ec2/networkAclRule:NetworkAclRule",
)
BOTH = "allows 0.0.0.0/0 on ports 22 (SSH), 3389 (RDP)"

Props = dict[str, Any]


def entry(
    number: Any = 100, action: Any = "allow", cidr: Any = "0.0.0.0/0", ports: Any = (22, 22), protocol: Any = "tcp", **rest: Any
) -> Props:
    first, last = ports
    return {"ruleNo": number, "action": action, "cidrBlock": cidr, "fromPort": first, "toPort": last, "protocol": protocol, **rest}


def reach(what: str, index: int = 0) -> Fail:
    return Fail(f"allows {what}", f"ingress.{index}")


ANY: Props = {"ports": (0, 0), "protocol": "-1"}
UNKNOWN_PORTS = {"ports": (UNKNOWN, UNKNOWN)}


@pytest.mark.parametrize("type", [ACL, DEFAULT_ACL])
@pytest.mark.parametrize(
    ("ingress", "expected"),
    [
        # Nothing, and what is let in elsewhere.
        ([], Pass()),
        (None, Pass()),
        ([entry(ports=(443, 443))], Pass()),
        ([entry(ports=(1024, 3388))], Pass()),
        ([entry(cidr="10.0.0.0/8")], Pass()),
        ([entry(cidr="203.0.113.0/24")], Pass()),
        ([entry(protocol="icmp", ports=(0, 0))], Pass()),
        ([entry(action="deny")], Pass()),
        # Open, in every way of writing it.
        ([entry()], reach("0.0.0.0/0 on port 22 (SSH)")),
        ([entry(protocol="6")], reach("0.0.0.0/0 on port 22 (SSH)")),
        ([entry(protocol=17, ports=(3389, 3389))], reach("0.0.0.0/0 on port 3389/udp (RDP)")),
        ([entry(ports=(1024, 65535))], reach("0.0.0.0/0 on port 3389 (RDP)")),
        ([entry(action="ALLOW", **ANY)], Fail(BOTH, "ingress.0")),
        ([entry(protocol="all", ports=(UNKNOWN, UNKNOWN))], Fail(BOTH, "ingress.0")),
        ([entry(cidr=None, ipv6CidrBlock="::/0")], reach("::/0 on port 22 (SSH)")),
        ([entry(100, cidr="0.0.0.0/1"), entry(110, cidr="128.0.0.0/1")], reach("0.0.0.0/1 and 128.0.0.0/1 on port 22 (SSH)")),
        ([entry(200), entry(100, ports=(443, 443))], reach("0.0.0.0/0 on port 22 (SSH)")),
        # The first rule that fits decides.
        ([entry(100, **ANY), entry(90, "deny", ports=(22, 22)), entry(91, "deny", ports=(3389, 3389), protocol="-1")], Pass()),
        ([entry(100, **ANY), entry(90, "deny")], reach("0.0.0.0/0 on ports 3389 (RDP), 22/udp (SSH)")),
        ([entry(100), entry(90, "deny")], Pass()),
        ([entry(100), entry(110, "deny")], reach("0.0.0.0/0 on port 22 (SSH)")),
        ([entry(100), entry(90, "deny", "0.0.0.0/1")], reach("0.0.0.0/0 on port 22 (SSH)")),
        ([entry(100), entry(90, "deny", "0.0.0.0/1"), entry(91, "deny", "128.0.0.0/1")], Pass()),
        ([entry(100), entry(90, "deny", None, ipv6CidrBlock="::/0")], reach("0.0.0.0/0 on port 22 (SSH)")),
        # Unknowns count where they decide.
        (UNKNOWN, Pass()),
        ([UNKNOWN], Unknown("ingress.0")),
        # What cannot be read is neither open nor closed; the reachability proofs say the same.
        ([entry(cidr="nonsense")], Unknown("ingress.0.cidrBlock")),
        ([entry(protocol="unheard of")], Unknown("ingress.0.protocol")),
        ([entry(cidr=UNKNOWN)], Unknown("ingress.0.cidrBlock")),
        ([entry(cidr=None, ipv6CidrBlock=UNKNOWN)], Unknown("ingress.0.ipv6CidrBlock")),
        ([entry(cidr=UNKNOWN, ports=(443, 443))], Pass()),
        ([entry(cidr=UNKNOWN, action="deny")], Pass()),
        ([entry(**UNKNOWN_PORTS)], Unknown("ingress.0.fromPort")),
        ([entry(cidr="10.0.0.0/8", **UNKNOWN_PORTS)], Pass()),
        ([entry(protocol=UNKNOWN)], Unknown("ingress.0.protocol")),
        ([entry(action=UNKNOWN)], Unknown("ingress.0.action")),
        ([entry(number=UNKNOWN)], Unknown("ingress.0.ruleNo")),
        ([entry(100), entry(90, "deny", UNKNOWN)], Unknown("ingress.1.cidrBlock")),
        ([entry(100), entry(90, UNKNOWN)], Unknown("ingress.1.action")),
        ([entry(100), entry(UNKNOWN, "deny")], Unknown("ingress.1.ruleNo")),
        ([entry(100), entry(110, UNKNOWN)], reach("0.0.0.0/0 on port 22 (SSH)")),
        ([entry(100), entry(110, cidr=UNKNOWN, ports=(3389, 3389))], reach("0.0.0.0/0 on port 22 (SSH)")),
        ([entry(90, "deny", ports=(22, 22)), entry(100, UNKNOWN)], Pass()),
        # The path is that of the rule that would decide, not of the first unknown one.
        ([entry(80, cidr=UNKNOWN, ports=(443, 443)), entry(90, "deny", UNKNOWN), entry(100)], Unknown("ingress.1.cidrBlock")),
    ],
)
def test_rules_in_line(type: str, ingress: Any, expected: Verdict) -> None:
    assert verdicts(control, resource(type, "acl", {"ingress": ingress})) == [("acl", expected)]


def test_unknown_list_that_comes_from_elsewhere() -> None:
    acl = resource(ACL, "acl", {"ingress": UNKNOWN}, deps={"ingress": ["source"]})
    assert verdicts(control, stack(resource("x:y:Z", "source"), acl)) == [("acl", Unknown("ingress"))]


def test_both_versions() -> None:
    ingress = [entry(100), entry(110, cidr=None, ipv6CidrBlock="::/0", ports=(3389, 3389))]
    assert verdicts(control, resource(ACL, "acl", {"ingress": ingress})) == [
        ("acl", reach("0.0.0.0/0 on port 22 (SSH)")),
        ("acl", reach("::/0 on port 3389 (RDP)", 1)),
    ]


def rule(name: str, target: str | None = "acl", **fields: Any) -> Resource:
    item = entry(**fields)
    props = {"networkAclId": UNKNOWN if target else "acl-1", "ruleNumber": item.pop("ruleNo"), "ruleAction": item.pop("action"), **item}
    return resource(RULE, name, props, deps={"networkAclId": [target]} if target else {})


def test_rules_of_their_own_are_judged_with_their_acl() -> None:
    acl = resource(ACL, "acl", {"ingress": UNKNOWN})
    judged = ("ssh", NotApplicable("is checked with its network ACL"))
    ssh = rule("ssh", number=100)
    assert verdicts(control, stack(acl, ssh)) == [("acl", Fail("allows 0.0.0.0/0 on port 22 (SSH)", "rule ssh")), judged]
    closed = rule("closed", number=90, action="deny")
    assert verdicts(control, stack(acl, ssh, closed))[0] == ("acl", Pass())
    outbound = rule("out", number=90, action="deny", egress=True)
    assert verdicts(control, stack(acl, ssh, outbound))[0][1] == Fail("allows 0.0.0.0/0 on port 22 (SSH)", "rule ssh")
    either = rule("either", number=90, action="deny", egress=UNKNOWN)
    assert verdicts(control, stack(acl, ssh, either))[0] == ("acl", Unknown("egress of either"))
    later = rule("later", number=110, action="deny", egress=UNKNOWN)
    assert verdicts(control, stack(acl, ssh, later))[0] == ("acl", Fail("allows 0.0.0.0/0 on port 22 (SSH)", "rule ssh"))
    wide = rule("wide", number=90, cidr=UNKNOWN)
    assert verdicts(control, stack(acl, wide))[0] == ("acl", Unknown("cidrBlock of wide"))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, Fail("allows 0.0.0.0/0 on port 22 (SSH)")),
        ({"ports": (443, 443)}, Pass()),
        ({"egress": True}, NotApplicable("is an outbound rule")),
        ({"egress": False}, Fail("allows 0.0.0.0/0 on port 22 (SSH)")),
        ({"egress": UNKNOWN}, Unknown("egress")),
        ({"cidr": UNKNOWN}, Unknown("cidrBlock")),
    ],
)
def test_rule_of_an_acl_elsewhere(fields: Props, expected: Verdict) -> None:
    assert verdicts(control, stack(rule("ssh", None, **fields))) == [("ssh", expected)]


def test_ports_can_be_chosen() -> None:
    acl = resource(ACL, "acl", {"ingress": [entry(ports=(5980, 5990))]})
    assert verdicts(control, acl, {"ports": [22, 5985, 5989]}) == [("acl", reach("0.0.0.0/0 on ports 5985 (WinRM), 5989"))]


@pytest.mark.parametrize(
    ("ingress", "expected"),
    [
        ([], [Pass()]),
        ([entry(ports=(443, 443)), entry(ports=(1024, 65535))], [Pass()]),
        ([entry(cidr="10.0.0.0/8", **ANY)], [Pass()]),
        ([entry(action="deny", **ANY)], [Pass()]),
        ([entry(protocol="17", ports=(0, 65535))], [Pass()]),
        ([entry(ports=(443, 443)), entry(**ANY)], [Fail("allows 0.0.0.0/0 on all ports", "ingress.1")]),
        ([entry(ports=(0, 65535))], [Fail("allows 0.0.0.0/0 on all ports", "ingress.0")]),
        ([entry(ports=(1, 65535))], [Fail("allows 0.0.0.0/0 on all ports", "ingress.0")]),
        ([entry(cidr=None, ipv6CidrBlock="::/0", **ANY)], [Fail("allows ::/0 on all ports", "ingress.0")]),
        ([entry(cidr=UNKNOWN, **ANY)], [Unknown("ingress.0.cidrBlock")]),
        ([entry(**UNKNOWN_PORTS)], [Unknown("ingress.0.fromPort")]),
        ([entry(action=UNKNOWN, **ANY)], [Unknown("ingress.0.action")]),
        ([entry(action=UNKNOWN)], [Pass()]),
        ([entry(action=UNKNOWN, **ANY), entry(**ANY)], [Fail("allows 0.0.0.0/0 on all ports", "ingress.1")]),
    ],
)
def test_all_ports(ingress: Any, expected: list[Verdict]) -> None:
    assert verdicts(all_ports, resource(ACL, "acl", {"ingress": ingress})) == [("acl", verdict) for verdict in expected]


def test_all_ports_of_rules_that_are_resources() -> None:
    acl = resource(ACL, "acl", {"ingress": UNKNOWN})
    assert verdicts(all_ports, stack(acl, rule("any", **ANY))) == [
        ("acl", Fail("allows 0.0.0.0/0 on all ports", "rule any")),
        ("any", NotApplicable("is checked with its network ACL")),
    ]
    assert verdicts(all_ports, stack(rule("any", None, **ANY))) == [("any", Fail("allows 0.0.0.0/0 on all ports"))]
    assert verdicts(all_ports, stack(rule("any", None, egress=True, **ANY))) == [("any", NotApplicable("is an outbound rule"))]
