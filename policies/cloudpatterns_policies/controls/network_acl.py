"""Network ACLs: inbound traffic from the internet that their rules, evaluated in order, allow."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Any, Final

from cloudpatterns_policies.core import Fail, NotApplicable, Resource, Severity, Stack, Unknown, Verdict, stack_control
from cloudpatterns_policies.graph.acls import ACL_RULE, ACLS, AclRule, Decision, acls_of
from cloudpatterns_policies.graph.addresses import PUBLIC, VERSIONS, is_internet
from cloudpatterns_policies.graph.ports import ALL, describe
from cloudpatterns_policies.graph.spans import Spans

_TCP: Final = 6
_PROTOCOLS: Final = (_TCP, 17)
"""TCP and UDP: Remote Desktop uses both."""


@stack_control(
    id="network-acl-admin-ports",
    title="Network ACLs do not allow the internet on administration ports",
    severity=Severity.MEDIUM,
    types=(*ACLS, ACL_RULE),
    why="The network ACL is the second line of defence when a security group is opened by mistake.",
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
    acl = acls_of(stack).by_urn.get(resource.urn)
    if acl is None:
        return [NotApplicable("is checked with its network ACL")]
    if resource.type == ACL_RULE and not any(ingress for ingress, _ in acl.rules):
        return [NotApplicable("is an outbound rule")]
    reached: dict[tuple[str, str], list[int]] = {}
    doubts: list[str] = []
    decisions = {(version, sure): acl.decisions(True, version, sure=sure) for version in VERSIONS for sure in (True, False)}
    for port, protocol, version in product(config["ports"], _PROTOCOLS, VERSIONS):
        point = protocol << 16 | port
        strict, open_ = decisions[version, True], decisions[version, False]
        if rules := _admitting(strict, point, version):
            key = (" and ".join(rule.cidr for rule in rules), _where(rules[0], resource))
            reached.setdefault(key, []).append(point)
        elif _admitting(open_, point, version):
            deciding = [*_deciding(open_, point, version, allow=True), *_deciding(strict, point, version, allow=False)]
            doubts += [_unknown(rule, resource) for rule, _ in deciding if rule.unknown]
    if reached:
        return [Fail(f"allows {cidrs} on {_describe(points)}", where) for (cidrs, where), points in reached.items()]
    return [Unknown(doubts[0])] if doubts else []


_ALL_TCP: Final = Spans(((_TCP << 16 | 1, _TCP << 16 | 0xFFFF),))


@stack_control(
    id="network-acl-all-ports",
    title="Network ACLs do not allow the internet on all ports",
    # The ACL that AWS creates with a VPC allows everything, so that security groups alone decide.
    severity=Severity.LOW,
    types=(*ACLS, ACL_RULE),
    why="An ACL that allows everything is no second line of defence when a security group is opened by mistake.",
    remediation="Set from_port and to_port of the rule to the ports that are needed, or narrow its cidr_block.",
    url="https://docs.aws.amazon.com/vpc/latest/userguide/vpc-network-acls.html",
    frameworks={"Checkov": ("CKV_AWS_352",)},
    partial={"CKV_AWS_352": "rules that deny, and rules for networks other than the internet"},
)
def network_acl_all_ports(resource: Resource, stack: Stack) -> list[Verdict]:
    acl = acls_of(stack).by_urn.get(resource.urn)
    if acl is None:
        return [NotApplicable("is checked with its network ACL")]
    if resource.type == ACL_RULE and not any(ingress for ingress, _ in acl.rules):
        return [NotApplicable("is an outbound rule")]
    found: list[Verdict] = []
    doubts: list[str] = []
    for version, rule in [(each, rule) for each in VERSIONS for rule in acl.rules.get((True, each), [])]:
        # Unknown parts are taken for as open as they can be.
        ports = ALL if rule.ports is None else rule.ports
        addresses = PUBLIC[version] if rule.addresses is None else rule.addresses
        if rule.allow is False or _ALL_TCP - ports or not is_internet(version, addresses):
            continue
        if rule.unknown:
            doubts.append(_unknown(rule, resource))
        else:
            found.append(Fail(f"allows {rule.cidr} on all ports", _where(rule, resource)))
    return found or [Unknown(path) for path in doubts[:1]]


def _deciding(decisions: Iterable[Decision], point: int, version: int, *, allow: bool) -> list[tuple[AclRule, Spans]]:
    """The rules that allow, or deny, public addresses to reach a port, with these addresses."""
    port = Spans(((point, point),))
    addresses = [(decision.rule, decision.region.addresses(port) & PUBLIC[version]) for decision in decisions if decision.allow is allow]
    return [pair for pair in addresses if pair[1]]


def _admitting(decisions: Iterable[Decision], point: int, version: int) -> list[AclRule]:
    """The rules through which the internet reaches a port; none when it does not."""
    deciding = _deciding(decisions, point, version, allow=True)
    return [rule for rule, _ in deciding] if is_internet(version, Spans.union(addresses for _, addresses in deciding)) else []


def _where(rule: AclRule, judged: Resource) -> str:
    return rule.path if rule.resource is judged else f"rule {rule.resource.name}"


def _unknown(rule: AclRule, judged: Resource) -> str:
    return rule.unknown if rule.resource is judged else f"{rule.unknown} of {rule.resource.name}"


def _describe(points: Sequence[int]) -> str:
    """The ports; one that is reached over TCP is not repeated for UDP."""
    return describe(Spans.of((point, point) for point in points if point >> 16 == _TCP or (_TCP << 16 | point & 0xFFFF) not in points))
