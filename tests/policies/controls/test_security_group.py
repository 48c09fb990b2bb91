"""Security group rules, in each of the three ways to write them."""

from typing import Any

import pytest
from cloudpatterns_policies.controls import security_group as controls
from cloudpatterns_policies.controls.functional_firewall import functional_firewall
from cloudpatterns_policies.controls.operational_firewall import operational_firewall
from cloudpatterns_policies.core import Control, Fail, NotApplicable, Pass, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, stack, verdicts

GROUP = "aws:ec2/securityGroup:SecurityGroup"
RULE = "aws:ec2/securityGroupRule:SecurityGroupRule"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
AUTHORIZED, RISKY = controls.security_group_authorized_ports, controls.security_group_high_risk_ports
SSH, RDP = controls.security_group_ssh, controls.security_group_rdp
OUT, DESCRIBED = controls.security_group_egress, controls.security_group_descriptions

Props = dict[str, Any]


def ports(first: Any, last: Any = None, protocol: Any = "tcp") -> Props:
    return {"protocol": protocol, "fromPort": first, "toPort": first if last is None else last}


def run(control: Control, type: str, props: Props, config: Props | None = None) -> list[Verdict]:
    return verdicts(control, resource(type, "web", props), config)


def inline(control: Control, *rules: Any, direction: str = "ingress") -> list[Verdict]:
    return run(control, GROUP, {direction: list(rules)})


def single(control: Control, **props: Any) -> list[Verdict]:
    return run(control, EGRESS if control is OUT else INGRESS, {"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, **props})


@pytest.mark.parametrize("control", [AUTHORIZED, RISKY, SSH])
@pytest.mark.parametrize(
    ("type", "props", "where"),
    [
        (
            GROUP,
            {"ingress": [{**ports(443), "cidrBlocks": ["0.0.0.0/0"]}, {**ports(22), "cidrBlocks": ["10.0.0.0/8", "0.0.0.0/0"]}]},
            "ingress.1.cidrBlocks.1",
        ),
        (GROUP, {"ingress": [{**ports(22), "ipv6CidrBlocks": ["::/0"]}]}, "ingress.0.ipv6CidrBlocks.0"),
        (RULE, {"type": "ingress", **ports(22), "cidrBlocks": ["0.0.0.0/0"]}, "cidrBlocks.0"),
        (RULE, {"type": "ingress", **ports(22), "ipv6CidrBlocks": ["::/0"]}, "ipv6CidrBlocks.0"),
        (INGRESS, {"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "cidrIpv4": "0.0.0.0/0"}, "cidrIpv4"),
        (INGRESS, {"ipProtocol": "6", "fromPort": 22, "toPort": 22, "cidrIpv6": "::/0"}, "cidrIpv6"),
    ],
)
def test_a_rule_is_seen_in_each_form(control: Control, type: str, props: Props, where: str) -> None:
    source = "::/0" if "6" in where else "0.0.0.0/0"
    assert run(control, type, props) == [Fail(f"opens port 22 (SSH) to {source}", where)]


@pytest.mark.parametrize(
    ("control", "rule", "opens"),
    [
        (AUTHORIZED, ports(3306), "port 3306 (MySQL)"),
        (AUTHORIZED, ports(80, 8080), "ports 80-8080"),
        (AUTHORIZED, ports(443, protocol="udp"), "port 443/udp (HTTPS)"),
        (AUTHORIZED, ports(0, 0, "-1"), "all protocols and ports"),
        (AUTHORIZED, {"protocol": "50"}, "protocol 50"),
        (AUTHORIZED, ports(1, protocol="nonsense"), "all protocols and ports"),
        (RISKY, ports(3306), "port 3306 (MySQL)"),
        (RISKY, ports(9200, 9300), "ports 9200 (OpenSearch), 9300"),
        (RISKY, ports(0, 0, "-1"), "ports 20-23, 25, 110, 135 and 16 more"),
        (SSH, ports(0, 65535), "port 22 (SSH)"),
        (SSH, ports(22, protocol="udp"), "port 22/udp (SSH)"),
        (SSH, ports(0, 0, "-1"), "ports 22 (SSH), 22/udp (SSH)"),
        (RDP, ports(3000, 4000), "port 3389 (RDP)"),
        (RDP, ports(3389, protocol="udp"), "port 3389/udp (RDP)"),
    ],
)
def test_what_a_rule_opens(control: Control, rule: Props, opens: str) -> None:
    assert inline(control, {**rule, "cidrBlocks": ["0.0.0.0/0"]}) == [Fail(f"opens {opens} to 0.0.0.0/0", "ingress.0.cidrBlocks.0")]


@pytest.mark.parametrize(
    ("control", "rule"),
    [
        (AUTHORIZED, ports(80)),
        (AUTHORIZED, ports(443)),
        (AUTHORIZED, ports(3, 4, "icmp")),
        (AUTHORIZED, ports(-1, -1, "icmpv6")),
        (RISKY, ports(443)),
        (RISKY, ports(22, protocol="udp")),
        (SSH, ports(23, 3389)),
        (RDP, ports(22, 3388)),
    ],
)
def test_what_the_internet_may_reach(control: Control, rule: Props) -> None:
    assert inline(control, {**rule, "cidrBlocks": ["0.0.0.0/0"], "ipv6CidrBlocks": ["::/0"]}) == [Pass()]


@pytest.mark.parametrize(
    ("cidrs", "source", "index"),
    [
        (["0.0.0.0/0"], "0.0.0.0/0", 0),
        (["32.0.0.0/6", "0.0.0.0/0"], "32.0.0.0/6 and 0.0.0.0/0", 1),
        (["32.0.0.0/8", "33.0.0.0/8", "0.0.0.0/8"], "32.0.0.0/8, 33.0.0.0/8 and 0.0.0.0/8", 0),
        (["0.0.0.0/1", "128.0.0.0/1"], "0.0.0.0/1 and 128.0.0.0/1", 0),
        (["192.0.2.7/0"], "192.0.2.7/0", 0),
        (["32.0.0.0/8", "33.0.0.0/8"], "32.0.0.0/8 and 33.0.0.0/8", 0),
        (["nonsense", "0.0.0.0/0"], "0.0.0.0/0", 1),
        ([None, "0.0.0.0/0"], "0.0.0.0/0", 1),
        ([UNKNOWN, "0.0.0.0/0"], "0.0.0.0/0", 1),
    ],
)
def test_what_is_the_internet(cidrs: list[Any], source: str, index: int) -> None:
    assert inline(SSH, {**ports(22), "cidrBlocks": cidrs}) == [Fail(f"opens port 22 (SSH) to {source}", f"ingress.0.cidrBlocks.{index}")]


@pytest.mark.parametrize(
    "source",
    [
        {},
        {"cidrBlocks": ["203.0.113.0/24", "10.0.0.0/8"]},
        {"cidrBlocks": ["nonsense"]},
        {"ipv6CidrBlocks": ["fd00::/8"]},
        {"securityGroups": [UNKNOWN]},
        {"prefixListIds": [UNKNOWN]},
        {"self": True},
    ],
)
@pytest.mark.parametrize("control", [AUTHORIZED, RISKY, SSH])
def test_what_is_not_the_internet(control: Control, source: Props) -> None:
    assert inline(control, {**ports(22), **source}) == [Pass()]


@pytest.mark.parametrize(
    ("props", "path"),
    [
        ({"cidrIpv4": UNKNOWN}, "cidrIpv4"),
        ({"cidrIpv6": UNKNOWN}, "cidrIpv6"),
        ({"cidrIpv4": "0.0.0.0/0", "fromPort": UNKNOWN}, "fromPort"),
        ({"cidrIpv4": "0.0.0.0/0", "toPort": UNKNOWN}, "toPort"),
        ({"cidrIpv4": "0.0.0.0/0", "ipProtocol": UNKNOWN}, "ipProtocol"),
    ],
)
@pytest.mark.parametrize("control", [AUTHORIZED, RISKY, SSH])
def test_unknown_where_it_decides(control: Control, props: Props, path: str) -> None:
    assert single(control, **props) == [Unknown(path)]


@pytest.mark.parametrize("props", [{"cidrIpv4": UNKNOWN, "fromPort": 443, "toPort": 443}, {"cidrIpv4": "10.0.0.0/8", "fromPort": UNKNOWN}])
@pytest.mark.parametrize("control", [AUTHORIZED, RISKY, SSH])
def test_unknown_where_it_does_not_matter(control: Control, props: Props) -> None:
    assert single(control, **props) == [Pass()]


@pytest.mark.parametrize("cidrs", [["10.0.0.0/8", "0.0.0.0/0"], ["32.0.0.0/6", "128.0.0.0/1"]])
def test_all_controls_name_the_same_property(cidrs: list[str]) -> None:
    # Reports show findings on one property as one cause.
    group = resource(GROUP, "app", {"ingress": [{**ports(22), "cidrBlocks": cidrs}]})
    found = [*run(AUTHORIZED, GROUP, group.raw), *run(RISKY, GROUP, group.raw), *run(SSH, GROUP, group.raw)]
    found += [verdict for check in (functional_firewall, operational_firewall) for _, verdict in verdicts(check, stack(group))]
    assert [one.where for one in found if isinstance(one, Fail)] == ["ingress.0.cidrBlocks.1"] * 5


def test_an_unknown_rule_hides_no_other() -> None:
    found = inline(SSH, UNKNOWN, {**ports(22), "cidrBlocks": ["192.0.2.0/24", UNKNOWN]}, {**ports(22), "cidrBlocks": ["0.0.0.0/0"]})
    assert found == [
        Unknown("ingress.0.cidrBlocks"),
        Unknown("ingress.1.cidrBlocks.1"),
        Fail("opens port 22 (SSH) to 0.0.0.0/0", "ingress.2.cidrBlocks.0"),
    ]
    assert inline(SSH, {**ports(22), "cidrBlocks": UNKNOWN, "ipv6CidrBlocks": ["::/0"]}) == [
        Fail("opens port 22 (SSH) to ::/0", "ingress.0.ipv6CidrBlocks.0")
    ]
    assert run(SSH, GROUP, {"ingress": UNKNOWN}) == [Unknown("ingress")]
    assert run(SSH, RULE, {"type": UNKNOWN}) == [Unknown("type")]


def test_other_directions_are_not_applicable() -> None:
    outward = {**ports(22), "cidrBlocks": ["0.0.0.0/0"]}
    assert run(SSH, RULE, {"type": "egress", **outward}) == [NotApplicable("has no ingress rules")]
    assert run(SSH, GROUP, {"egress": [outward]}) == [NotApplicable("has no ingress rules")]
    assert run(OUT, GROUP, {"ingress": [outward]}) == [NotApplicable("has no egress rules")]


def test_authorized_ports_can_be_chosen() -> None:
    props = {"ipProtocol": "udp", "fromPort": 51820, "toPort": 51820, "cidrIpv4": "0.0.0.0/0"}
    assert run(AUTHORIZED, INGRESS, props, {"authorizedPorts": ["51820/udp"]}) == [Pass()]
    web = {**props, "ipProtocol": "tcp", "fromPort": 443, "toPort": 443}
    assert run(AUTHORIZED, INGRESS, web, {"authorizedPorts": ["80"]}) == [Fail("opens port 443 (HTTPS) to 0.0.0.0/0", "cidrIpv4")]


@pytest.mark.parametrize(
    ("type", "props", "expected"),
    [
        (
            GROUP,
            {"egress": [{**ports(0, 0, "-1"), "cidrBlocks": ["0.0.0.0/0"]}]},
            Fail("allows outbound all protocols and ports to 0.0.0.0/0", "egress.0.cidrBlocks.0"),
        ),
        (
            RULE,
            {"type": "egress", **ports(1, 65535), "cidrBlocks": ["0.0.0.0/0"]},
            Fail("allows outbound ports 1-65535 to 0.0.0.0/0", "cidrBlocks.0"),
        ),
        (EGRESS, {"ipProtocol": "-1", "cidrIpv6": "::/0"}, Fail("allows outbound all protocols and ports to ::/0", "cidrIpv6")),
        (
            EGRESS,
            {"ipProtocol": "udp", "fromPort": 0, "toPort": 65535, "cidrIpv4": "0.0.0.0/0"},
            Fail("allows outbound ports 0-65535/udp to 0.0.0.0/0", "cidrIpv4"),
        ),
        (EGRESS, {"ipProtocol": "tcp", "fromPort": 443, "toPort": 443, "cidrIpv4": "0.0.0.0/0"}, Pass()),
        (EGRESS, {"ipProtocol": "tcp", "fromPort": 1024, "toPort": 65535, "cidrIpv4": "0.0.0.0/0"}, Pass()),
        (EGRESS, {"ipProtocol": "-1", "cidrIpv4": "10.0.0.0/8"}, Pass()),
        (EGRESS, {"ipProtocol": "-1", "prefixListId": UNKNOWN}, Pass()),
        (EGRESS, {"ipProtocol": "-1", "cidrIpv4": UNKNOWN}, Unknown("cidrIpv4")),
        (EGRESS, {"ipProtocol": "tcp", "fromPort": 443, "toPort": 443, "cidrIpv4": UNKNOWN}, Pass()),
    ],
)
def test_egress(type: str, props: Props, expected: Verdict) -> None:
    assert run(OUT, type, props) == [expected]


@pytest.mark.parametrize("text", [None, "", "Managed by Pulumi", "Managed by Terraform"])
@pytest.mark.parametrize("type", [GROUP, RULE, INGRESS, EGRESS])
def test_descriptions_are_missing(type: str, text: str | None) -> None:
    assert run(DESCRIBED, type, {"description": text, "type": "egress"}) == [Fail("has no description", "description")]


def test_descriptions() -> None:
    good = {"description": "HTTPS from everybody"}
    assert run(DESCRIBED, INGRESS, good) == [Pass()]
    assert run(DESCRIBED, INGRESS, {"description": UNKNOWN}) == [Unknown("description")]
    assert run(DESCRIBED, GROUP, {**good, "ingress": [good, {}], "egress": [{}, good]}) == [
        Fail("has a rule without a description", "ingress.1.description"),
        Fail("has a rule without a description", "egress.0.description"),
    ]
    assert run(DESCRIBED, GROUP, {"description": UNKNOWN, "ingress": [{}]}) == [
        Unknown("description"),
        Fail("has a rule without a description", "ingress.0.description"),
    ]
