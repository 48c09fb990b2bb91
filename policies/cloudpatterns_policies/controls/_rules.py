"""One view of a security group rule, however it is written: inline in its group, or as a separate resource of either type."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from cloudpatterns_policies.core import UNKNOWN, NotApplicable, Resource, Unknown, UnknownValueError, Verdict
from cloudpatterns_policies.graph.addresses import VERSIONS, is_internet, parse, public
from cloudpatterns_policies.graph.ports import ALL, admitted
from cloudpatterns_policies.graph.reading import all_of
from cloudpatterns_policies.graph.spans import Spans

GROUP: Final = "aws:ec2/securityGroup:SecurityGroup"
RULE: Final = "aws:ec2/securityGroupRule:SecurityGroupRule"
INGRESS_RULE: Final = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS_RULE: Final = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"

Direction = Literal["ingress", "egress"]

_CIDRS: Final = ("cidrBlocks", "ipv6CidrBlocks", "cidrIpv4", "cidrIpv6")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. Reading raises `UnknownValueError` for a value that is known only after deployment."""

    resource: Resource
    prefix: str = ""
    """The path of an inline rule in its group, with a final dot; empty for a separate resource."""

    def ports(self) -> Spans:
        """The protocols and ports it allows. Values that EC2 would refuse count as everything."""
        kind = "protocol" if self.resource.type in (GROUP, RULE) else "ipProtocol"
        fields = [self.resource.get(f"{self.prefix}{name}") for name in (kind, "fromPort", "toPort")]
        try:
            return admitted(*fields)
        except ValueError:
            return ALL

    def internet(self) -> tuple[str, str] | None:
        """The property that names the broadest of the CIDRs that amount to the internet, and their text, or None when there are none."""
        unknown = ""
        for name in _CIDRS:
            path = f"{self.prefix}{name}"
            if self.resource.is_unknown(path):
                unknown = unknown or path
                continue
            value = self.resource.get(path, ())
            texts = {}
            for where, text in (
                [(path, value)] if isinstance(value, str) else [(f"{path}.{index}", item) for index, item in enumerate(value)]
            ):
                if text is UNKNOWN:
                    unknown = unknown or where
                elif isinstance(text, str):
                    texts[where] = text
            if found := _internet(texts):
                return found
        if unknown:
            raise UnknownValueError(unknown, self.resource.urn)
        return None


def _internet(texts: dict[str, str]) -> tuple[str, str] | None:
    """The path of the broadest CIDR, and the text of those that amount to the internet, alone or, where none does alone, together.

    Sizes are those of public addresses, as in `graph.exposure`: both name the same property.
    """
    ranges: dict[int, dict[str, Spans]] = {version: {} for version in VERSIONS}
    for where, text in texts.items():
        # EC2 refuses an invalid CIDR, so it opens nothing.
        with contextlib.suppress(ValueError):
            version, addresses = parse(text)
            ranges[version][where] = addresses
    for version, found in ranges.items():
        alone = [where for where, addresses in found.items() if is_internet(version, addresses)]
        if alone or is_internet(version, Spans.union(found.values())):
            broadest = max(found, key=lambda where: public(version, found[where]).size)
            return broadest, all_of(list(dict.fromkeys(texts[where] for where in alone or found)))
    return None


def rules(resource: Resource, direction: Direction) -> Iterator[Rule]:
    """The rules of one direction that a group or rule resource holds."""
    if resource.type == GROUP:
        for index in range(len(resource.get(direction, ()))):
            yield Rule(resource, f"{direction}.{index}.")
    elif resource.type != RULE or resource.get("type") == direction:
        yield Rule(resource)


def judge(resource: Resource, direction: Direction, check: Callable[[Rule], Verdict | None]) -> Iterator[Verdict]:
    """The verdicts of `check` on each rule of one direction; an unknown value in one rule does not hide other rules."""
    found = False
    for rule in rules(resource, direction):
        found = True
        try:
            verdict = check(rule)
        except UnknownValueError as error:
            verdict = Unknown(error.path)
        if verdict:
            yield verdict
    if not found:
        yield NotApplicable(f"has no {direction} rules")


def internet_reach(rule: Rule, concern: Callable[[Spans], Spans]) -> tuple[Spans, str, str] | None:
    """The ports selected by `concern` that a rule opens to the internet, with the property and CIDRs; None when there are none.

    An unknown value is raised only where it decides.
    """
    try:
        reached = concern(rule.ports())
    except UnknownValueError:
        if rule.internet() is None:
            return None
        raise
    if not reached or (source := rule.internet()) is None:
        return None
    return reached, *source
