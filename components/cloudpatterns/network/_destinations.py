"""Listed egress: rules to named destinations, and what is wrong with them."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks.security_group import description_problem, port_problems
from cloudpatterns.core import Component
from cloudpatterns.network._cidrs import parse

# Names of children join two names with -from- or -to-; a name that holds such a part could spell another pair.
NAME = re.compile(r"(?!(?:[a-z0-9]+-)*(?:to|from)(?:-|$))[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
"""Names of destinations and of what is named beside them."""


def naming_problem(name: str) -> str | None:
    """What is wrong with such a name, or None."""
    if NAME.fullmatch(name):
        return None
    return f"is named {name!r}; a name has lower-case letters, digits and hyphens, a letter first, and no part `to` or `from`. Rename it."


def let_out(
    component: Component,
    prefix: str,
    group: aws.ec2.SecurityGroup,
    destinations: Mapping[str, Mapping[str, Any]],
    tags: Mapping[str, pulumi.Input[str]],
) -> list[pulumi.Resource]:
    """One rule for each port of each checked ``FunctionEgressArgs``, by the destination's name."""
    made: list[pulumi.Resource] = []
    for name, egress in destinations.items():
        target: dict[str, Any] = {"prefix_list_id": egress["prefix_list_id"]}
        if egress["cidr"] is not None:
            target = {f"cidr_{'ipv6' if ':' in egress['cidr'] else 'ipv4'}": str(parse(egress["cidr"]))}
        for port in egress["ports"]:
            made.append(
                aws.vpc.SecurityGroupEgressRule(
                    f"{prefix}-to-{name}-{port}",
                    security_group_id=group.id,
                    description=egress["description"],
                    ip_protocol=egress["protocol"],
                    from_port=port,
                    to_port=port,
                    tags=dict(tags),
                    opts=component.child(),
                    **target,
                )
            )
    return made


def destination_problems(path: str, destinations: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Every fault of the destinations."""
    for name, egress in destinations.items():
        at = f"{path}.{name}"
        if problem := naming_problem(name):
            yield at, problem
        if not egress["ports"]:
            yield f"{at}.ports", "is empty. Name the destination's ports."
        yield from port_problems(f"{at}.ports", egress["ports"])
        if problem := description_problem(egress["description"]):
            yield f"{at}.description", problem
        if (egress["cidr"] is None) == (egress["prefix_list_id"] is None):
            yield at, "needs either cidr or prefix_list_id, and not both."
        elif egress["cidr"] is not None and isinstance(network := parse(egress["cidr"]), str):
            yield f"{at}.cidr", network
