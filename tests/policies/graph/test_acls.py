"""Network ACLs: which one a subnet has, and what it lets through in which order."""

from typing import Any

import pytest
from cloudpatterns_policies.core import Resource
from cloudpatterns_policies.graph.acls import acls_of
from cloudpatterns_policies.graph.addresses import parse
from cloudpatterns_policies.graph.ports import admitted, parse_ports
from cloudpatterns_policies.graph.regions import EVERYWHERE, Region, everything
from cloudpatterns_policies.graph.spans import Spans
from cloudpatterns_policies.graph.topology import topology_of

from tests.policies.helpers import UNKNOWN, resource, stack

VPC = resource("aws:ec2/vpc:Vpc", "vpc", {"id": UNKNOWN})
SUBNET = resource("aws:ec2/subnet:Subnet", "subnet", {"id": UNKNOWN, "vpcId": UNKNOWN}, deps={"vpcId": ["vpc"]})
RULE = "aws:ec2/networkAclRule:NetworkAclRule"
TEN = parse("10.0.0.0/8")[1]


def acl(*ingress: Any, name: str = "acl", **more: Any) -> Resource:
    props = {"vpcId": UNKNOWN, "subnetIds": [UNKNOWN], "ingress": list(ingress), **more}
    return resource("aws:ec2/networkAcl:NetworkAcl", name, props, deps={"vpcId": ["vpc"], "subnetIds": ["subnet"]})


def line(number: Any, action: Any, first: Any = 22, protocol: Any = "tcp", cidr: Any = "10.0.0.0/8", **more: Any) -> dict[str, Any]:
    return {"ruleNo": number, "action": action, "protocol": protocol, "fromPort": first, "toPort": first, "cidrBlock": cidr, **more}


def own(name: str, **props: Any) -> Resource:
    return resource(
        RULE,
        name,
        {
            "networkAclId": UNKNOWN,
            "ruleNumber": 100,
            "ruleAction": "allow",
            "protocol": "tcp",
            "fromPort": 22,
            "toPort": 22,
            "cidrBlock": "10.0.0.0/8",
            **props,
        },
        deps={"networkAclId": ["acl"]},
    )


def judged(*resources: Resource, ingress: bool = True, version: int = 4) -> tuple[Region, Region, tuple[str, str] | None]:
    """What the subnet's ACL surely and possibly lets through, and the name and path of what leaves it open."""
    network = stack(VPC, SUBNET, *resources)
    found = acls_of(network).of(topology_of(network).subnet(SUBNET), (SUBNET, "id")).fact(ingress, version)
    return found.low, found.high, (found.place[0].name, found.place[1]) if found.place else None


def same(left: Region, right: Region) -> bool:
    return not (left - right) and not (right - left)


def region(ports: str, addresses: Spans = TEN) -> Region:
    return Region.of(parse_ports([ports]), addresses)


@pytest.mark.parametrize(
    ("rules", "allowed"),
    [
        ([], Region()),
        ([line(100, "allow")], region("22")),
        ([line(100, "ALLOW")], region("22")),
        ([line(100, "deny")], Region()),
        ([line(100, "deny"), line(200, "allow")], Region()),
        ([line(200, "deny"), line(100, "allow")], region("22")),
        ([line(100, "deny", cidr="10.0.0.0/9"), line(200, "allow")], region("22", parse("10.128.0.0/9")[1])),
        ([line(100, "allow"), line(200, "allow", 23)], region("22-23")),
        ([line(100, "allow", protocol=protocol) for protocol in ("-1", "ALL")], Region.of(everything(4).parts[0][0], TEN)),
    ],
)
def test_the_first_match_decides(rules: list[Any], allowed: Region) -> None:
    low, high, place = judged(acl(*rules))
    assert same(low, allowed)
    assert same(high, allowed)
    assert place is None


@pytest.mark.parametrize("protocol", ["1", "icmp", "58", "icmpv6", "ipv6-icmp", " ICMP "])
def test_icmp_has_fields_of_its_own(protocol: str) -> None:
    rule = line(100, "allow", protocol=protocol, icmpType=3, icmpCode=4)
    assert same(judged(acl(rule))[0], Region.of(admitted(protocol.strip(), 3, 4), TEN))


@pytest.mark.parametrize(
    ("field", "low", "high", "path"),
    [
        ({"ruleNo": UNKNOWN}, Region(), region("22"), "ruleNo"),
        ({"action": UNKNOWN}, Region(), region("22"), "action"),
        ({"protocol": UNKNOWN}, Region(), Region.of(everything(4).parts[0][0], TEN), "protocol"),
        ({"fromPort": UNKNOWN}, Region(), Region.of(everything(4).parts[0][0], TEN), "fromPort"),
        ({"toPort": UNKNOWN}, Region(), Region.of(everything(4).parts[0][0], TEN), "toPort"),
        ({"protocol": "icmp", "icmpType": UNKNOWN}, Region(), Region.of(everything(4).parts[0][0], TEN), "icmpType"),
        ({"protocol": "no protocol"}, Region(), Region.of(everything(4).parts[0][0], TEN), "protocol"),
        ({"cidrBlock": UNKNOWN}, Region(), region("22", EVERYWHERE[4]), "cidrBlock"),
        ({"cidrBlock": "no CIDR"}, Region(), region("22", EVERYWHERE[4]), "cidrBlock"),
    ],
)
def test_an_unknown_field_is_read_both_ways(field: dict[str, Any], low: Region, high: Region, path: str) -> None:
    found = judged(acl(line(100, "allow") | field))
    assert same(found[0], low)
    assert same(found[1], high)
    assert found[2] == ("acl", f"ingress.0.{path}")


def test_a_denial_that_may_stand_before_takes_away_what_is_sure() -> None:
    low, high, place = judged(acl(line(UNKNOWN, "deny"), line(100, "allow")))
    assert not low
    assert same(high, region("22"))
    assert place == ("acl", "ingress.0.ruleNo")


def test_directions_and_versions_are_apart() -> None:
    both = acl(line(100, "allow"), egress=[line(100, "allow", 443, cidr=None, ipv6CidrBlock="2a00::/16")])
    assert same(judged(both)[0], region("22"))
    assert not judged(both, version=6)[1]
    assert not judged(both, ingress=False)[1]
    assert same(judged(both, ingress=False, version=6)[0], region("443", parse("2a00::/16")[1]))


def test_a_list_that_is_unknown() -> None:
    unclear = resource(
        "aws:ec2/networkAcl:NetworkAcl",
        "acl",
        {"subnetIds": [UNKNOWN], "ingress": UNKNOWN},
        deps={"subnetIds": ["subnet"], "ingress": ["vpc"]},
    )
    low, high, place = judged(unclear)
    assert (bool(low), same(high, everything(4)), place) == (False, True, ("acl", "ingress"))
    assert not judged(unclear, ingress=False)[1]


def test_rules_that_are_resources() -> None:
    assert same(judged(acl(), own("r"))[0], region("22"))
    assert not judged(acl(), own("r", egress=True))[1]
    assert same(judged(acl(), own("r", egress=True), ingress=False)[0], region("22"))
    assert judged(acl(), own("r", ruleNumber=UNKNOWN))[2] == ("r", "ruleNumber")


@pytest.mark.parametrize("action", ["allow", "deny"])
@pytest.mark.parametrize(("field", "deps"), [("egress", {"networkAclId": ["acl"]}), ("networkAclId", {"networkAclId": ["acl", "other"]})])
def test_a_rule_that_the_acl_may_not_have_is_read_both_ways(action: str, field: str, deps: dict[str, list[str]]) -> None:
    props = own("r", ruleAction=action).raw | {field: UNKNOWN}
    low, high, place = judged(acl(line(200, "allow", 23)), acl(name="other", subnetIds=[]), resource(RULE, "r", props, deps=deps))
    assert same(low, region("23"))
    assert same(high, region("22-23"))
    assert place == ("r", field)


def test_a_rule_without_direction_counts_in_both() -> None:
    unclear = own("r", egress=UNKNOWN)
    assert same(judged(acl(), unclear)[1], region("22"))
    assert same(judged(acl(), unclear, ingress=False)[1], region("22"))


def decided(*resources: Resource, sure: bool, urn: Resource) -> list[tuple[str, str, bool, Region]]:
    decisions = acls_of(stack(VPC, SUBNET, *resources)).by_urn[urn.urn].decisions(True, 4, sure=sure)
    return [(decision.rule.resource.name, decision.rule.path, decision.allow, decision.region) for decision in decisions]


def test_each_rule_decides_on_what_no_rule_before_it_matches() -> None:
    holder = acl(line(300, "allow", cidr="0.0.0.0/0"), line(100, "deny", cidr="10.0.0.0/9"), line(200, "allow"))
    extra = own("extra", ruleNumber=150, cidrBlock="10.128.0.0/10")
    found = decided(holder, extra, sure=True, urn=holder)
    assert [part[:3] for part in found] == [
        ("acl", "ingress.1", False),
        ("extra", "", True),
        ("acl", "ingress.2", True),
        ("acl", "ingress.0", True),
    ]
    addresses = ["10.0.0.0/9", "10.128.0.0/10", "10.192.0.0/10"]
    for (*_, part), cidr in zip(found, addresses, strict=False):
        assert same(part, region("22", parse(cidr)[1]))
    assert same(found[3][3], region("22", EVERYWHERE[4] - TEN))


def test_an_unknown_rule_decides_in_the_reading_in_which_it_counts() -> None:
    holder = acl(line(100, "allow"), line(UNKNOWN, "deny"), line(90, "allow", 23, cidr=UNKNOWN))
    assert [part[1:3] for part in decided(holder, sure=True, urn=holder)] == [("ingress.1", False), ("ingress.0", True)]
    assert [part[1:3] for part in decided(holder, sure=False, urn=holder)] == [("ingress.2", True), ("ingress.0", True)]


def test_a_rule_keeps_its_cidr_as_written() -> None:
    holder = acl(line(100, "allow", cidr="10.1.2.3/8"), line(110, "allow", cidr=UNKNOWN), line(120, "allow", cidr="no CIDR"))
    rules = acls_of(stack(VPC, SUBNET, holder)).by_urn[holder.urn].rules[True, 4]
    assert [(rule.cidr, rule.unknown) for rule in rules] == [
        ("10.1.2.3/8", ""),
        ("", "ingress.1.cidrBlock"),
        ("", "ingress.2.cidrBlock"),
    ]


def test_an_item_that_is_unknown_as_a_whole() -> None:
    low, high, place = judged(acl(UNKNOWN))
    assert (bool(low), same(high, everything(4)), place) == (False, True, ("acl", "ingress.0"))


def test_a_rule_of_an_acl_elsewhere_stands_alone() -> None:
    holder, alone = acl(line(100, "allow", 23)), resource(RULE, "alone", own("r").raw | {"networkAclId": "acl-1"})
    acls = acls_of(stack(VPC, SUBNET, holder, alone, own("r")))
    assert set(acls.by_urn) == {holder.urn, alone.urn}
    assert same(acls.by_urn[alone.urn].fact(True, 4).low, region("22"))


def test_answers_go_to_ephemeral_ports() -> None:
    network = stack(VPC, SUBNET, acl(line(100, "allow", 1024), line(110, "allow", 1023, cidr="11.0.0.0/8")))
    found = acls_of(network).of(topology_of(network).subnet(SUBNET), (SUBNET, "id")).responses(True, 4)
    assert found.low.addresses(parse_ports(["443"])) == TEN
    assert not found.low.addresses(parse_ports(["443/udp"]))


@pytest.mark.parametrize(
    ("others", "name"),
    [
        ([], "default network ACL"),
        ([acl()], "network ACL acl"),
        ([resource("aws:ec2/networkAcl:NetworkAcl", "acl", {"subnetIds": ["subnet-9"]})], "default network ACL"),
        ([resource("aws:ec2/networkAclAssociation:NetworkAclAssociation", "join", {"networkAclId": "acl-1", "subnetId": UNKNOWN},
                   deps={"subnetId": ["subnet"]})], "network ACL acl-1"),
        ([resource("aws:ec2/networkAclAssociation:NetworkAclAssociation", "join", {"networkAclId": UNKNOWN, "subnetId": UNKNOWN},
                   deps={"subnetId": ["subnet"]})], "an unknown network ACL"),
        ([resource("aws:ec2/defaultNetworkAcl:DefaultNetworkAcl", "own", {"defaultNetworkAclId": UNKNOWN},
                   deps={"defaultNetworkAclId": ["vpc"]})], "default network ACL own"),
    ],
)  # fmt: skip
def test_the_acl_of_a_subnet(others: list[Resource], name: str) -> None:
    network = stack(VPC, SUBNET, *others)
    assert acls_of(network).of(topology_of(network).subnet(SUBNET), (SUBNET, "id")).name == name


def test_of_two_acls_none_is_sure() -> None:
    network = stack(VPC, SUBNET, acl(), acl(name="second"))
    found = acls_of(network).of(topology_of(network).subnet(SUBNET), (SUBNET, "id"))
    assert (found.name, found.unknown) == ("network ACL acl", (SUBNET, "id"))
