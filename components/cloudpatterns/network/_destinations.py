"""Listed egress: rules to named destinations, and what is wrong with them."""

import re
from collections.abc import Iterator, Mapping, Sequence

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks.security_group import Peer, cidr_peer, description_problem, egress_rule, port_problems
from cloudpatterns.core import Component, Problem, one_of
from cloudpatterns.network._cidrs import parse
from cloudpatterns.network.functional_firewall import FunctionEgressArgs

# Names of children join two names with -from- or -to-; a name that holds such a part could spell another pair.
_NAME = re.compile(r"(?!(?:[a-z0-9]+-)*(?:to|from)(?:-|$))[a-z][a-z0-9]*(?:-[a-z0-9]+)*")


def naming_problem(name: str, reserved: Sequence[str] = ()) -> str | None:
    """What is wrong with the name of a destination, or of what is named beside it, or None."""
    if _NAME.fullmatch(name) and name not in reserved:
        return None
    others = "".join(f", and is not `{one}`" for one in reserved)
    reason = f"a name has lower-case letters, digits and hyphens, a letter first, and no part `to` or `from`{others}."
    return f"is named {name!r}; {reason} Rename it."


def let_out(
    component: Component,
    prefix: str,
    group: aws.ec2.SecurityGroup,
    destinations: Mapping[str, FunctionEgressArgs],
    tags: Mapping[str, pulumi.Input[str]],
) -> list[pulumi.Resource]:
    """One egress rule for each port of each destination, by the destination's name."""
    rules: list[pulumi.Resource] = []
    for name, egress in destinations.items():
        cidr = egress.get("cidr")
        peer: Peer = cidr_peer(str(parse(cidr))) if cidr is not None else {"prefix_list_id": egress["prefix_list_id"]}
        for port in egress["ports"]:
            child_name = f"{prefix}-to-{name}-{port}"
            rules.append(egress_rule(component, child_name, group.id, port, peer, egress["description"], tags, egress["protocol"]))
    return rules


def destination_problems(path: str, destinations: Mapping[str, FunctionEgressArgs]) -> Iterator[Problem]:
    """Everything that is wrong with the destinations."""
    for name, egress in destinations.items():
        at = f"{path}.{name}"
        if problem := naming_problem(name):
            yield at, problem
        if not egress["ports"]:
            yield f"{at}.ports", "is empty. Name the destination's ports."
        yield from port_problems(f"{at}.ports", egress["ports"])
        if problem := description_problem(egress["description"]):
            yield f"{at}.description", problem
        yield from one_of(egress, "cidr", "prefix_list_id", path=f"{at}.")
        cidr = egress.get("cidr")
        if cidr is not None and isinstance(reason := parse(cidr), str):
            yield f"{at}.cidr", reason
