"""Network ACLs: what their rules, read in order, let in from the internet."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cloudpatterns_policies.core import UNKNOWN, Fail, NotApplicable, Resource, Severity, Stack, Unknown, Verdict, stack_control
from cloudpatterns_policies.graph.addresses import PUBLIC, VERSIONS, is_internet, parse
from cloudpatterns_policies.graph.ports import ALL, admitted, describe
from cloudpatterns_policies.graph.reading import expand, read
from cloudpatterns_policies.graph.spans import Spans

_ACLS: Final = ("aws:ec2/networkAcl:NetworkAcl", "aws:ec2/defaultNetworkAcl:DefaultNetworkAcl")
_RULE: Final = "aws:ec2/networkAclRule:NetworkAclRule"

_TCP: Final = 6
_PROTOCOLS: Final = (_TCP, 17)
"""TCP and UDP: Remote Desktop speaks both."""


@dataclass(frozen=True, slots=True)
class _Rule:
    """An inbound rule. `unknown` is where a field stands that leaves it unclear; `allow` is None when it may be either."""

    where: str
    number: int
    allow: bool | None
    ports: Spans
    addresses: Mapping[int, Spans]
    cidrs: tuple[str, ...]
    unknown: str


@stack_control(
    id="network-acl-admin-ports",
    title="Network ACLs keep the internet away from administration ports",
    severity=Severity.MEDIUM,
    types=(*_ACLS, _RULE),
    why="The ACL is the last door when a security group is opened by mistake.",
    remediation='Narrow cidr_block of the rule, or put a rule with action "deny" for these ports before it.',
    url="https://docs.aws.amazon.com/securityhub/latest/userguide/ec2-controls.html#ec2-21",
    frameworks={"FSBP": ("EC2.21",), "CIS 5.0": ("5.2",), "Checkov": ("CKV_AWS_231", "CKV_AWS_232")},
    config={
        "ports": {
            "type": "array",
            "items": {"type": "integer", "minimum": 0, "maximum": 65535},
            "default": [22, 3389],
            "description": "The administration ports.",
        }
    },
)
def network_acl_admin_ports(resource: Resource, stack: Stack, config: Mapping[str, Any]) -> list[Verdict]:
    if resource.type == _RULE:
        if stack.refs(resource, "networkAclId", *_ACLS):
            return [NotApplicable("is judged with its network ACL")]
        egress = read(resource, "egress")
        if egress is not UNKNOWN and egress:
            return [NotApplicable("is a rule for outbound traffic")]
    rules = sorted(_rules(resource, stack), key=lambda rule: rule.number)
    reached: dict[tuple[str, str], list[int]] = {}
    doubts: list[str] = []
    for port in config["ports"]:
        for protocol in _PROTOCOLS:
            for version in VERSIONS:
                point = protocol << 16 | port
                found = _let_in(rules, point, version, lenient=True)
                if found:
                    key = (" and ".join(cidr for rule in found for cidr in rule.cidrs), found[0].where)
                    reached.setdefault(key, []).append(point)
                elif unclear := _let_in(rules, point, version, lenient=False):
                    doubts += [rule.unknown for rule in [*unclear, *rules] if rule.unknown]
    if reached:
        return [Fail(f"lets {cidrs} reach {_describe(points)}", where) for (cidrs, where), points in reached.items()]
    return [Unknown(doubts[0])] if doubts else []


def _let_in(rules: Sequence[_Rule], point: int, version: int, *, lenient: bool) -> list[_Rule]:
    """The rules through which the internet reaches a port; none when it does not.

    What is unknown in a rule is read in the ACL's favour with `lenient`, and against it without.
    """
    left, reached, asked, through = PUBLIC[version], Spans(), Spans(((point, point),)), list[_Rule]()
    for rule in rules:
        allow = rule.allow
        if rule.unknown:
            allow = not lenient if allow is None else allow
            if allow == lenient:
                continue
        taken = rule.addresses.get(version, Spans()) & left if rule.ports & asked else Spans()
        left = left - taken
        if allow and taken:
            reached = reached | taken
            through.append(rule)
    return through if is_internet(version, reached) else []


def _describe(points: Sequence[int]) -> str:
    """The ports; one that is reached over TCP is not named for UDP once more."""
    return describe(Spans.of((point, point) for point in points if point >> 16 == _TCP or (_TCP << 16 | point & 0xFFFF) not in points))


def _rules(resource: Resource, stack: Stack) -> Iterator[_Rule]:
    """The inbound rules of an ACL; for a rule of an ACL elsewhere, that rule."""
    if resource.type == _RULE:
        yield _read(resource)
        return
    for path in expand(resource, "ingress.*"):
        yield _Rule(path, 0, None, ALL, PUBLIC, (), path) if path == "ingress" else _read(resource, path)
    for rule in stack.referrers(resource, _RULE, "networkAclId"):
        egress = read(rule, "egress")
        if egress is UNKNOWN or not egress:
            yield _read(rule, f"rule {rule.name}")


def _read(resource: Resource, where: str = "") -> _Rule:
    """One rule. What is unknown of ports and addresses stands for all of them; a field that is no number or no CIDR is refused by EC2."""
    prefix, number_name, action_name = ("", "ruleNumber", "ruleAction") if resource.type == _RULE else (f"{where}.", "ruleNo", "action")
    names = ("egress", number_name, action_name, "protocol", "fromPort", "toPort", "cidrBlock", "ipv6CidrBlock")
    value = {name: read(resource, f"{prefix}{name}") for name in names}
    if value["protocol"] is not UNKNOWN and str(value["protocol"]).lower() in ("-1", "all"):
        # The ports count for nothing then, known or not.
        value["fromPort"] = value["toPort"] = None
    unknown = next((f"{prefix}{name}" for name in names if value[name] is UNKNOWN), "")
    number, action, port_fields = value[number_name], value[action_name], [value[name] for name in names[3:6]]
    ports = ALL
    if not any(field is UNKNOWN for field in port_fields):
        with contextlib.suppress(ValueError):
            ports = admitted(*port_fields)
    addresses: dict[int, Spans] = {}
    for version, name in zip(VERSIONS, names[6:], strict=True):
        if value[name] is UNKNOWN:
            addresses[version] = PUBLIC[version]
        elif value[name] is not None:
            with contextlib.suppress(ValueError):
                addresses.update([parse(value[name])])
    return _Rule(
        where=where,
        number=0 if number is UNKNOWN else int(number or 0),
        allow=None if action is UNKNOWN or value["egress"] is UNKNOWN else str(action).lower() == "allow",
        ports=ports,
        addresses=addresses,
        cidrs=tuple(value[name] for name in names[6:] if isinstance(value[name], str)),
        unknown=f"{unknown} of {resource.name}" if unknown and where.startswith("rule ") else unknown,
    )
