"""Proof of the Operational Firewall: administration ports allow only declared networks of operators."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any, Final

from cloudpatterns_policies.controls.functional_firewall import paths
from cloudpatterns_policies.core import UNKNOWN, Fail, NotApplicable, Resource, Severity, Stack, Unknown, Verdict, stack_control
from cloudpatterns_policies.graph import ports
from cloudpatterns_policies.graph.addresses import network_size, widest
from cloudpatterns_policies.graph.exposure import THE_INTERNET, Exposure, Limit, entries, exposures
from cloudpatterns_policies.graph.firewall import Firewall, Group, firewall_of, is_balancer
from cloudpatterns_policies.graph.kinds import BALANCERS
from cloudpatterns_policies.graph.marks import OPERATOR_TAG, Marks
from cloudpatterns_policies.graph.reading import read, refer
from cloudpatterns_policies.graph.rules import Rule, SourceKind
from cloudpatterns_policies.graph.spans import Spans

ADMIN_PORTS: Final = ("22", "23", "2375-2377", "3389", "3389/udp", "5900-5901", "5985-5986", "6443", "10250")
"""SSH, Telnet, Docker, RDP, VNC, WinRM, Kubernetes API and kubelet."""

_LISTENERS: Final = ("aws:lb/listener:Listener", "aws:alb/listener:Listener")
_STRINGS: Final = {"type": "array", "items": {"type": "string"}}
_PORTS: Final = {"type": "array", "items": {"type": "string", "pattern": ports.PATTERN}}

Finding = tuple[Resource, Verdict]


@dataclass(frozen=True, slots=True)
class _Settings:
    """The control's configuration, parsed."""

    admin_ports: Spans
    operators: Marks
    trusted: frozenset[str]
    wide: Limit
    prefixes: Mapping[int, int]

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> "_Settings":
        """Raises `ValueError` for an invalid port."""
        prefixes = {4: config["widestIpv4Prefix"], 6: config["widestIpv6Prefix"]}

        def too_wide(version: int, addresses: Spans) -> bool:
            network = widest(version, addresses)
            return bool(network) and ip_network(network).prefixlen < prefixes[version]

        return cls(
            ports.parse_ports(config["adminPorts"]),
            Marks.of(config["operatorTags"]),
            frozenset(config["trustedPrefixLists"]),
            # A network wider than the limit contains at least two of that size.
            Limit(lambda version: 2 * network_size(version, prefixes[version]) - 1, too_wide),
            prefixes,
        )


@stack_control(
    id="operational-firewall",
    title="Administration ports allow only declared networks of operators, never the internet",
    severity=Severity.CRITICAL,
    why="Administration ports give control over an instance, and attackers on the internet constantly try keys and passwords on them. Two "
    "halves of the internet in two rules, or in two groups of one instance, are the internet too.",
    remediation="Allow operators from a managed prefix list, a narrow CIDR or the security group of a Client VPN, or require a "
    "client certificate at a load balancer (mutual TLS in mode verify); better, close the port and use Session Manager.",
    url="https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html",
    config={
        "adminPorts": {**_PORTS, "default": list(ADMIN_PORTS), "description": "Administration ports: 22, 5985-5986 or 3389/udp."},
        "widestIpv4Prefix": {
            "type": "integer",
            "minimum": 8,
            "maximum": 32,
            "default": 16,
            "description": "Prefix length of the widest public IPv4 network for operators. Private networks may be wider.",
        },
        "widestIpv6Prefix": {
            "type": "integer",
            "minimum": 16,
            "maximum": 128,
            "default": 32,
            "description": "The same for IPv6.",
        },
        "operatorTags": {
            **_STRINGS,
            "default": [OPERATOR_TAG],
            "description": "Tags, key or key=value, of operators' groups: all their ports are administration ports.",
        },
        "trustedPrefixLists": {
            **_STRINGS,
            "default": [],
            "description": "Prefix lists, by id or logical name, whose entries are not in the stack and are declared elsewhere.",
        },
    },
)
def operational_firewall(stack: Stack, *, config: Mapping[str, Any]) -> Verdict | Iterator[Finding]:
    """Checks each group by itself, then the groups of one interface together."""
    firewall = firewall_of(stack)
    if firewall.empty:
        return NotApplicable("the stack has no security group")
    return _Judge(firewall, _Settings.of(config), _certificate_ports(stack)).findings()


class _Judge:
    """Checks the groups of one stack."""

    def __init__(self, firewall: Firewall, settings: _Settings, certificates: "_Certificates") -> None:
        self._firewall = firewall
        self._failed: set[Rule] = set()
        self._settings = settings
        self._certificates = certificates
        self._relevant = {id(group): self._ports(group) for group in (*firewall.groups, *firewall.unassigned)}

    def findings(self) -> Iterator[Finding]:
        """Findings of the whole stack."""
        for group in (*self._firewall.groups, *self._firewall.unassigned):
            yield from self.group(group)
        for scope in self._firewall.scopes:
            yield from self.scope(scope)
        yield from self.unassigned()
        for resource, path in self._firewall.unresolved:
            yield resource, Unknown(path)

    def group(self, group: Group) -> Iterator[Finding]:
        """Findings of one group's own rules."""
        relevant = self._relevant[id(group)]
        known = list(entries(group.ingress, relevant, self._settings.trusted))
        failed = self._failed
        for exposure in exposures(known, THE_INTERNET):
            if not exposure.ports - self._with_certificate(group):
                continue
            failed.update(exposure.rules)
            if doubt := self._doubt(exposure, group):
                yield doubt
                continue
            yield self._fail(exposure, f"allows the internet ({exposure.sources}) on {ports.describe(exposure.ports)}", (group,))
        for exposure in exposures([entry for entry in known if entry.rule not in failed], self._settings.wide):
            if not exposure.ports - self._with_certificate(group):
                continue
            if doubt := self._doubt(exposure, group):
                failed.update(exposure.rules)
                yield doubt
                continue
            version = exposure.entries[0].version
            network = widest(version, Spans.union(entry.addresses for entry in exposure.entries))
            failed.update(exposure.rules)
            limit = f"which contains {network}, wider than /{self._settings.prefixes[version]}"
            yield self._fail(exposure, f"allows {ports.describe(exposure.ports)} from {exposure.sources}, {limit}", (group,))
        yield from self._possible_operators(group)
        for rule in group.ingress:
            if rule not in failed:
                yield from self._unknowns(rule, relevant)

    def scope(self, groups: tuple[Group, ...]) -> Iterator[Finding]:
        """Findings on what several groups allow together, and none of them alone."""
        known = [entry for group in groups for entry in entries(group.ingress, self._relevant[id(group)], self._settings.trusted)]
        for exposure in exposures(known, THE_INTERNET, singles=False):
            involved = tuple(group for group in groups if any(rule in group.rules for rule in exposure.rules))
            if len(involved) > 1 and not self._failed.issuperset(exposure.rules):
                yield self._fail(exposure, f"allows the internet ({exposure.sources}) on {ports.describe(exposure.ports)}", involved)

    def unassigned(self) -> Iterator[Finding]:
        """What rules of an unknown group may allow, alone or together with the rules of a known group."""
        for group in self._firewall.groups if self._firewall.unassigned else ():
            possible = self._firewall.may_belong(group)
            known = list(entries([*possible, *group.ingress], self._possible(group), self._settings.trusted))
            for exposure in (*exposures(known, THE_INTERNET), *exposures(known, self._settings.wide)):
                added = [rule for rule in exposure.rules if rule in possible]
                if added and not self._failed.issuperset(exposure.rules):
                    yield added[0].resource, Unknown(added[0].group.path)

    def _possible_operators(self, group: Group) -> Iterator[Finding]:
        """The unknown tag of a group that would fail if it were tagged as one of operators."""
        mark = self._settings.operators.on(group.resource) if group.resource else False
        if not isinstance(mark, str) or not group.resource:
            return
        known = [item for item in entries(group.ingress, ports.ALL, self._settings.trusted) if item.rule not in self._failed]
        if exposures(known, THE_INTERNET) or exposures(known, self._settings.wide):
            yield group.resource, Unknown(mark)

    @staticmethod
    def _fail(exposure: Exposure, message: str, groups: tuple[Group, ...]) -> Finding:
        return exposure.rules[0].resource, Fail(f"{message}: {paths(exposure, groups)}", exposure.where)

    def _unknowns(self, rule: Rule, relevant: Spans) -> Iterator[Finding]:
        """The unknown value that matters in a rule without a failure."""
        if rule.unknown:
            if any(source.kind is not SourceKind.GROUP for source in rule.sources):
                yield rule.resource, Unknown(rule.unknown)
        elif rule.ports & relevant:
            unsure = [source for source in rule.sources if source.unknown and not source.names & self._settings.trusted]
            if unsure:
                yield rule.resource, Unknown(unsure[0].unknown)

    def _ports(self, group: Group) -> Spans:
        marked = self._settings.operators.on(group.resource) if group.resource else False
        return ports.ALL if marked is True else self._settings.admin_ports

    def _possible(self, group: Group) -> Spans:
        """The ports that may be administration ports."""
        return ports.ALL if group.resource and self._settings.operators.on(group.resource) else self._settings.admin_ports

    def _with_certificate(self, group: Group) -> Spans:
        """Ports on which every resource that the group is attached to requires a client certificate."""
        return self._common(group, self._certificates.sure)

    def _doubt(self, exposure: Exposure, group: Group) -> Finding | None:
        """The unknown value that decides whether a client certificate is required on all ports of an exposure, or None."""
        if group in self._firewall.unassigned:
            rule = next(iter(group.rules))
            owners = [item for item in self._firewall.groups if rule in self._firewall.may_belong(item)]
            certified = any(not exposure.ports - self._common(item, self._certificates.possible) for item in owners)
            return (rule.resource, Unknown(rule.group.path)) if certified else None
        if not group.attachments:
            for holder, path in self._firewall.unresolved_attachments:
                if not exposure.ports - self._certificates.possible.get(holder.urn, Spans()):
                    return holder, Unknown(path)
        if exposure.ports - self._common(group, self._certificates.possible):
            return None
        return next(place for item in group.attachments for place in self._certificates.unknown.get(item.subject.urn, ()))

    @staticmethod
    def _common(group: Group, certificates: Mapping[str, Spans]) -> Spans:
        if not group.attachments or not all(is_balancer(item) and item.certain for item in group.attachments):
            return Spans()
        common, *others = [certificates.get(item.subject.urn, Spans()) for item in group.attachments]
        for other in others:
            common &= other
        return common


@dataclass(frozen=True, slots=True)
class _Certificates:
    """By load balancer, the ports where a listener requires a client certificate of a known authority."""

    sure: dict[str, Spans] = field(default_factory=dict)
    possible: dict[str, Spans] = field(default_factory=dict)
    """The same, and those where that is unknown."""
    unknown: dict[str, list[Finding]] = field(default_factory=dict)
    """The unknown values that would decide."""


def _certificate_ports(stack: Stack) -> _Certificates:
    found = _Certificates()
    for listener in stack.of_type(*_LISTENERS):
        values = {path: read(listener, path) for path in ("mutualAuthentication.mode", "port")}
        mode, port = values.values()
        balancers = refer(stack, listener, "loadBalancerArn", BALANCERS)
        if (mode is not UNKNOWN and mode != "verify") or (port is not UNKNOWN and not str(port).isdigit()):
            continue
        unknown = [(listener, Unknown(path)) for path, value in values.items() if value is UNKNOWN]
        required = ports.ALL if port is UNKNOWN else ports.parse_ports([str(port)])
        targets = balancers.targets
        if balancers.unresolved or not balancers.certain:
            unknown.append((listener, Unknown("loadBalancerArn")))
            targets = targets or tuple(stack.of_type(*BALANCERS))
        for urn in [target.urn for target in targets]:
            found.possible[urn] = found.possible.get(urn, Spans()) | required
            found.unknown.setdefault(urn, []).extend(unknown)
            if not unknown:
                found.sure[urn] = found.sure.get(urn, Spans()) | required
    return found
