from collections.abc import Callable
from typing import Any

import pulumi_aws as aws
import pytest
from cloudpatterns.blocks.security_group import (
    GROUP_DELETION,
    INTERNET,
    Peer,
    cidr_peer,
    egress_rule,
    group_name_problems,
    ingress_rule,
    security_group,
)
from cloudpatterns.core.arguments import metadata
from cloudpatterns.core.vocabulary import RuleDescription

from tests.components.blocks.parent import Parent, children, names
from tests.harness import refs

TAGS = {"Owner": "web"}
(DESCRIPTION,) = metadata(RuleDescription)[1]
INGRESS, EGRESS = "SecurityGroupIngressRule", "SecurityGroupEgressRule"


def test_a_group_has_its_name_as_a_tag_and_no_rule() -> None:
    graph = children(lambda parent: security_group(parent, "shop-web", "vpc-1", "Web servers", TAGS))
    assert names(graph) == {"shop-web": "SecurityGroup"}
    group = graph.named("shop-web")
    assert group.inputs == {"vpcId": "vpc-1", "description": "Web servers", "tags": {"Name": "shop-web", "Owner": "web"}}
    assert "customTimeouts" not in group.options


def test_a_tag_of_the_caller_may_name_the_group_and_options_reach_the_child() -> None:
    graph = children(
        lambda parent: security_group(parent, "shop-web", "vpc-1", "Web servers", {"Name": "mine"}, custom_timeouts=GROUP_DELETION)
    )
    group = graph.named("shop-web")
    assert group.inputs["tags"] == {"Name": "mine"}
    assert group.options["customTimeouts"]["delete"] == "60m"


@pytest.mark.parametrize(("create_rule", "kind"), [(ingress_rule, INGRESS), (egress_rule, EGRESS)])
@pytest.mark.parametrize(
    ("peer", "inputs"),
    [
        (cidr_peer("10.0.0.0/8"), {"cidrIpv4": "10.0.0.0/8"}),
        (cidr_peer("fd00::/64"), {"cidrIpv6": "fd00::/64"}),
        (INTERNET["ipv4"], {"cidrIpv4": "0.0.0.0/0"}),
        (INTERNET["ipv6"], {"cidrIpv6": "::/0"}),
        ({"prefix_list_id": "pl-1"}, {"prefixListId": "pl-1"}),
        ({"referenced_security_group_id": "sg-2"}, {"referencedSecurityGroupId": "sg-2"}),
    ],
)
@pytest.mark.parametrize(("protocol", "expected"), [((), "tcp"), (("udp",), "udp")])
def test_a_rule_is_one_port_and_one_peer(
    create_rule: Callable[..., Any], kind: str, peer: Peer, inputs: dict[str, str], protocol: tuple[str, ...], expected: str
) -> None:
    graph = children(lambda parent: create_rule(parent, "shop-rule", "sg-1", 8080, peer, "Some peer", TAGS, *protocol))
    assert names(graph) == {"shop-rule": kind}
    assert graph.named("shop-rule").inputs == {
        "securityGroupId": "sg-1",
        "description": "Some peer",
        "ipProtocol": expected,
        "fromPort": 8080,
        "toPort": 8080,
        "tags": TAGS,
        **inputs,
    }


def test_a_preview_knows_both_groups_of_a_rule() -> None:
    def create(parent: Parent) -> None:
        web, api = (security_group(parent, f"shop-{key}", "vpc-1", key, {}) for key in ("web", "api"))
        ingress_rule(parent, "shop-rule", api.id, 443, {"referenced_security_group_id": web.id}, "From web", {})

    graph = children(create, "preview")
    rule = graph.one("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")
    assert (refs(graph, rule, "securityGroupId"), refs(graph, rule, "referencedSecurityGroupId")) == (["shop-api"], ["shop-web"])


@pytest.mark.parametrize("text", ["x", "Head office (1.2.3.4/32), a-z_A:Z #1 @[x]+=;{}!$*", "x" * 255])
def test_descriptions_that_aws_takes(text: str) -> None:
    assert DESCRIPTION.problem(text) is None


@pytest.mark.parametrize("text", ["", "a & b", "x" * 256, "é", "a\n"])
def test_descriptions_that_aws_refuses(text: str) -> None:
    allowed = "1 to 255 of the letters a-z and A-Z, digits, spaces and ._-:/()#,@[]+=;{}!$*"
    assert DESCRIPTION.problem(text) == f"is {text!r}; must be {allowed}"


@pytest.mark.parametrize("name", ["sg", "SG", "sg-shop", "Sg-shop"])
def test_names_that_aws_refuses_for_a_group(name: str) -> None:
    reason = f"is {name!r}; names of security groups cannot begin with sg-. Give the component another name."
    assert list(group_name_problems(name)) == [("name", reason)]


@pytest.mark.parametrize("name", ["shop", "sgshop", "my-sg-1"])
def test_names_that_aws_takes_for_a_group(name: str) -> None:
    assert list(group_name_problems(name)) == []


def test_the_provider_has_the_peers_that_rules_are_given() -> None:
    """A misspelt one would be an unknown argument at run time only."""
    arguments = aws.vpc.SecurityGroupIngressRuleArgs.__init__.__annotations__
    assert {"cidr_ipv4", "cidr_ipv6", "prefix_list_id", "referenced_security_group_id"} <= set(arguments)
