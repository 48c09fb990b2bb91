"""Listed egress: rules to named destinations, and what is wrong with them."""

from collections.abc import Iterator, Mapping
from typing import Annotated, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
from pydantic import Field

from cloudpatterns.blocks.security_group import Peer, cidr_peer, egress_rule
from cloudpatterns.core import Choice, Component, Keys, Problem, one_of
from cloudpatterns.core.vocabulary import Cidr, Ports, RuleDescription


class FunctionEgressArgs(TypedDict):
    """One further destination of a function, beside the functions that it calls."""

    ports: Annotated[Ports, Field(min_length=1)]
    """Ports of the destination."""
    description: RuleDescription
    """What the destination is."""
    cidr: NotRequired[Cidr]
    """Network of the destination. Exactly one of ``cidr`` and ``prefix_list_id``."""
    prefix_list_id: NotRequired[pulumi.Input[str]]
    """Prefix list with the networks of the destination, such as Amazon S3's. Exactly one of ``cidr`` and ``prefix_list_id``."""
    prefix_list_entries: NotRequired[Annotated[int, Field(default=1, ge=1, le=1000)]]
    """How many rules the prefix list counts as in the quota: its maximum of entries, or the weight of AWS's own lists; 1 is that of S3 and
    DynamoDB."""
    protocol: NotRequired[Annotated[str, Choice("tcp", "udp"), Field(default="tcp")]]
    """Protocol of the ports."""


def group_names(*reserved: str) -> Keys:
    """The limit on names of groups and destinations.

    Names of children join two of them with -from- or -to-; a name that holds such a part could spell another pair.
    """
    others = "".join(f", and is not `{one}`" for one in reserved)
    return Keys(
        rf"(?!(?:[a-z0-9]+-)*(?:to|from)(?:-|$))(?!(?:{'|'.join(reserved)})$)[a-z][a-z0-9]*(?:-[a-z0-9]+)*",
        f"lower-case letters, digits and hyphens, a letter first, and no part `to` or `from`{others}",
    )


def let_out(
    component: Component,
    prefix: str,
    group: aws.ec2.SecurityGroup,
    destinations: Mapping[str, FunctionEgressArgs],
    tags: Mapping[str, pulumi.Input[str]],
) -> list[pulumi.Resource]:
    """One egress rule for each port of each destination."""
    return [
        egress_rule(component, f"{prefix}-to-{name}-{port}", group.id, port, _peer(egress), egress["description"], tags, egress["protocol"])
        for name, egress in destinations.items()
        for port in egress["ports"]
    ]


def _peer(egress: FunctionEgressArgs) -> Peer:
    cidr, prefix_list = egress.get("cidr"), egress.get("prefix_list_id")
    return {"prefix_list_id": prefix_list} if prefix_list is not None else cidr_peer(str(cidr))


def destination_problems(path: str, destinations: Mapping[str, FunctionEgressArgs]) -> Iterator[Problem]:
    """What is wrong with the destinations."""
    for name, egress in destinations.items():
        yield from one_of(egress, "cidr", "prefix_list_id", path=f"{path}.{name}.")
