"""Security groups and their rules, each a resource of its own, and AWS's limits on them."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, TypeVar

import pulumi
import pulumi_aws as aws

from cloudpatterns.core import Component, Problem

_RuleT = TypeVar("_RuleT", bound=pulumi.Resource)

# Defaults of AWS's quotas. Rules count per direction and per address family; a rule that names a security group counts in both.
# https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html#vpc-limits-security-groups
RULES_PER_GROUP = 60
GROUPS_PER_INTERFACE = 5
MOST_GROUPS_PER_INTERFACE = 16
MOST_RULES_PER_INTERFACE = 1000

GROUP_DELETION = pulumi.CustomTimeouts(delete="60m")
"""A group can be deleted once no instance has it: an instance refresh takes it off them one by one, for longer than the provider's 15
minutes."""

Peer = Mapping[str, pulumi.Input[str]]
"""The other side of a rule, in the provider's words: ``cidr_peer(...)``, ``{"prefix_list_id": ...}`` or
``{"referenced_security_group_id": ...}``."""
INTERNET: Mapping[str, Peer] = {"ipv4": {"cidr_ipv4": "0.0.0.0/0"}, "ipv6": {"cidr_ipv6": "::/0"}}
"""The internet as a peer, by address family."""


def cidr_peer(cidr: str) -> Peer:
    """A network, IPv4 or IPv6, as the peer of a rule."""
    return {f"cidr_{'ipv6' if ':' in cidr else 'ipv4'}": cidr}


def security_group(
    component: Component,
    child_name: str,
    vpc_id: pulumi.Input[str],
    description: str,
    tags: Mapping[str, pulumi.Input[str]],
    **options: Any,
) -> aws.ec2.SecurityGroup:
    """A group without rules, named in its tags like the child; ``options`` are those of the child.

    Changing the description replaces the group, so it says nothing that may change. The provider removes the allow-all egress rule that AWS
    gives every new group: https://www.pulumi.com/registry/packages/aws/api-docs/ec2/securitygroup/ ("NOTE on Egress rules")
    """
    return aws.ec2.SecurityGroup(
        child_name, vpc_id=vpc_id, description=description, tags={"Name": child_name, **tags}, opts=component.child(**options)
    )


def _rule(
    kind: Callable[..., _RuleT],
    component: Component,
    child_name: str,
    group_id: pulumi.Input[str],
    port: int,
    peer: Peer,
    description: str,
    tags: Mapping[str, pulumi.Input[str]],
    protocol: str = "tcp",
    region: str | None = None,
) -> _RuleT:
    return kind(
        child_name,
        security_group_id=group_id,
        description=description,
        ip_protocol=protocol,
        from_port=port,
        to_port=port,
        region=region,
        tags=tags,
        opts=component.child(),
        **peer,
    )


ingress_rule = partial(_rule, aws.vpc.SecurityGroupIngressRule)
"""A rule that admits one port from a peer."""
egress_rule = partial(_rule, aws.vpc.SecurityGroupEgressRule)
"""A rule that allows one port to a peer."""


def group_name_problems(name: str) -> Iterator[Problem]:
    """What is wrong with the name of a component whose security groups carry it."""
    # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html
    if name.lower().startswith("sg-") or name.lower() == "sg":
        yield "name", f"is {name!r}; names of security groups cannot begin with sg-. Give the component another name."
