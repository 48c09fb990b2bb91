"""Security group rules from every form become one form."""

from typing import Any

import pytest
from cloudpatterns_policies.core import Resource
from cloudpatterns_policies.graph.rules import SourceKind, rules

from tests.policies.controls.networks import admits, classic, group, inline
from tests.policies.helpers import UNKNOWN, resource, stack


def read(*resources: Resource) -> list[tuple[str, bool, list[tuple[SourceKind, str]]]]:
    """Name, direction and sources of the rules, in order."""
    found = rules(stack(*resources))
    return [(rule.name, rule.ingress, [(source.kind, source.path) for source in rule.sources]) for rule in found]


def test_a_source_group_that_the_provider_computes_is_none() -> None:
    assert read(group("g"), classic("r", "g", 22, cidrBlocks=["10.0.0.0/8"], ipv6CidrBlocks=[UNKNOWN])) == [
        ("rule r", True, [(SourceKind.CIDR, "cidrBlocks.0"), (SourceKind.CIDR, "ipv6CidrBlocks.0")])
    ]


def test_a_source_group_that_cannot_be_told_is_one_where_there_is_no_other() -> None:
    assert read(group("g"), classic("r", "g", 22)) == [("rule r", True, [(SourceKind.GROUP, "sourceSecurityGroupId")])]


def test_all_sources_of_an_inline_rule() -> None:
    rule = inline(22, cidrBlocks=["10.0.0.0/8", None], prefixListIds=["pl-1"], securityGroups=["sg-1"], self=True)
    own = [
        (SourceKind.CIDR, "egress.0.cidrBlocks.0"),
        (SourceKind.PREFIX_LIST, "egress.0.prefixListIds"),
        (SourceKind.GROUP, "egress.0.securityGroups"),
        (SourceKind.GROUP, "egress.0.self"),
    ]
    assert read(group("g", egress=[rule])) == [("egress.0", False, own)]


@pytest.mark.parametrize(("kind", "ingress"), [("Ingress", True), ("Egress", False)])
def test_the_direction_of_current_rules(kind: str, ingress: bool) -> None:
    token = f"aws:vpc/securityGroup{kind}Rule:SecurityGroup{kind}Rule"
    rule = resource(token, "r", {"securityGroupId": "sg-1", "ipProtocol": "-1", "cidrIpv4": "10.0.0.0/8"})
    assert read(rule) == [("rule r", ingress, [(SourceKind.CIDR, "cidrIpv4")])]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ({"source": "10.0.0.0/8"}, "10.0.0.0/8"),
        ({"source": UNKNOWN}, "an unknown CIDR"),
        ({"source": "pl-1"}, "prefix list pl-1"),
        ({"from_group": "web"}, "security group web"),
        ({"referencedSecurityGroupId": "sg-9"}, "sg-9"),
        ({"referencedSecurityGroupId": UNKNOWN}, "a security group"),
    ],
)
def test_what_sources_are_called(source: dict[str, Any], text: str) -> None:
    (rule,) = rules(stack(group("g"), group("web"), admits("r", "g", 22, **source)))
    assert [item.text for item in rule.sources] == [text]
