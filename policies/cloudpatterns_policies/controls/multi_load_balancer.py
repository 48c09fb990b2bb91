"""Proof of the Multi-Load Balancer: balancers before one fleet share no certificate and no group, and the fleet admits them alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from cloudpatterns_policies.core import UNKNOWN, Fail, NotApplicable, Resource, Severity, Stack, Unknown, Verdict, stack_control
from cloudpatterns_policies.graph import ports
from cloudpatterns_policies.graph.endpoints import SERVICE, Endpoint, is_balancer
from cloudpatterns_policies.graph.firewall import Group, firewall_of
from cloudpatterns_policies.graph.kinds import BALANCERS
from cloudpatterns_policies.graph.loose_ends import loose_ends
from cloudpatterns_policies.graph.reach import Relay, reach_of
from cloudpatterns_policies.graph.reading import arrow, expand, label, read, refer, some
from cloudpatterns_policies.graph.rules import GROUPS, Rule, Source, SourceKind
from cloudpatterns_policies.graph.spans import Spans

_TLS: Final = ("HTTPS", "TLS", "SSL")
_ISSUED: Final = "aws:acm/certificate:Certificate"
_VALIDATION: Final = "aws:acm/certificateValidation:CertificateValidation"
_CERTIFICATES: Final = (_ISSUED, _VALIDATION, "aws:iam/serverCertificate:ServerCertificate")
_MORE_CERTIFICATES: Final = ("aws:lb/listenerCertificate:ListenerCertificate", "aws:alb/listenerCertificate:ListenerCertificate")
_LISTENERS: Final = ("aws:lb/listener:Listener", "aws:alb/listener:Listener")
_JOINTS: Final = (
    *_LISTENERS,
    "aws:lb/listenerRule:ListenerRule",
    "aws:alb/listenerRule:ListenerRule",
    "aws:lb/targetGroupAttachment:TargetGroupAttachment",
    "aws:alb/targetGroupAttachment:TargetGroupAttachment",
    "aws:autoscaling/group:Group",
    "aws:autoscaling/attachment:Attachment",
    "aws:elb/loadBalancer:LoadBalancer",
)
_TCP: Final = ports.parse_ports(["0-65535"])

Finding = tuple[Resource, Verdict]


@dataclass(frozen=True, slots=True)
class _Certificate:
    """A certificate, and the listener that has it."""

    key: str
    """URN, or the literal ARN."""
    name: str
    holder: Resource
    path: str
    listener: str


@dataclass(frozen=True, slots=True)
class _Fleet:
    """Targets of several balancers."""

    target: Endpoint
    relays: tuple[Relay, ...]

    @property
    def balancers(self) -> list[Endpoint]:
        """The balancers, each once."""
        return list({relay.via.subject.urn: relay.via for relay in self.relays}.values())


@stack_control(
    id="multi-load-balancer",
    title="Load balancers before one fleet end TLS with certificates and security groups of their own, and the fleet admits them alone",
    severity=Severity.HIGH,
    why="Each balancer stands for an audience of its own. With a shared certificate or group, what is granted to one audience is granted "
    "to all of them, and whoever reaches the fleet directly passes by every balancer, its TLS and its firewall.",
    remediation="Give each balancer an HTTPS listener with its own certificate, and its own security group; on the ports that the fleet "
    "serves, name these groups, and nothing else, as the sources in the fleet's groups.",
    url="https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-update-security-groups.html",
)
def multi_load_balancer(stack: Stack) -> Verdict | Iterator[Finding]:
    """Judges each fleet that at least two balancers send to; a target that is a balancer itself is no fleet."""
    found: dict[str, list[Relay]] = {}
    # Most stacks have one balancer, and need no model of their network for this.
    for relay in reach_of(stack).relays if len(stack.of_type(*BALANCERS)) > 1 else ():
        shape = read(relay.via.subject, "loadBalancerType")
        if is_balancer(relay.via) and not is_balancer(relay.target) and (shape is UNKNOWN or shape != "gateway"):
            found.setdefault(relay.target.subject.urn, []).append(relay)
    fleets = [_Fleet(relays[0].target, tuple(relays)) for _, relays in sorted(found.items())]
    shared = [fleet for fleet in fleets if len(fleet.balancers) > 1]
    loose = _loose(stack) if len(stack.of_type(*BALANCERS)) > 1 else []
    return _findings(stack, shared, loose) if shared or loose else NotApplicable("the stack has no fleet behind two load balancers")


def _loose(stack: Stack) -> list[Finding]:
    """Listeners, targets and certificates that may belong to any balancer or fleet."""
    found: list[Finding] = [(end.resource, Unknown(end.path)) for end in loose_ends(stack) if end.resource.type in _JOINTS]
    more = stack.of_type(*_MORE_CERTIFICATES)
    return found + [(item, Unknown("listenerArn")) for item in more if refer(stack, item, "listenerArn", _LISTENERS).unresolved]


def _findings(stack: Stack, fleets: Sequence[_Fleet], loose: Sequence[Finding]) -> Iterator[Finding]:
    """Each finding once, however many fleets it is about."""
    yield from loose
    seen: set[tuple[str, Verdict]] = set()
    for fleet in fleets:
        for resource, verdict in (*_certificates(stack, fleet), *_groups(stack, fleet), *_Admissions(stack, fleet).findings()):
            if (resource.urn, verdict) not in seen:
                seen.add((resource.urn, verdict))
                yield resource, verdict


def _certificates(stack: Stack, fleet: _Fleet) -> Iterator[Finding]:
    """That every listener before the fleet ends TLS, with a certificate that no other balancer has."""
    owners: dict[str, tuple[Endpoint, _Certificate]] = {}
    for balancer in fleet.balancers:
        for item in _ended(stack, fleet, balancer):
            if not isinstance(item, _Certificate):
                yield item
                continue
            owner, first = owners.setdefault(item.key, (balancer, item))
            if owner is not balancer:
                way = arrow(owner.name, first.listener, item.name, item.listener, balancer.name)
                yield item.holder, Fail(f"ends TLS with {item.name}, which is that of {owner.name} as well: {way}", item.path)


def _ended(stack: Stack, fleet: _Fleet, balancer: Endpoint) -> Iterator[_Certificate | Finding]:
    """The certificates of one balancer before the fleet, and what is wrong or unknown of its listeners."""
    relays = [relay for relay in fleet.relays if relay.via is balancer]
    for listener in {relay.listener.urn: relay.listener for relay in relays if relay.listener}.values():
        name = label(listener)
        more = [item for token in _MORE_CERTIFICATES for item in stack.referrers(listener, token, "listenerArn")]
        way = arrow(balancer.name, name, next(relay.name for relay in relays if relay.listener is listener), fleet.target.name)
        yield from _tls(listener, "protocol", way)
        if _is_tls(listener, "protocol"):
            yield from _of(stack, listener, "certificateArn", name, way)
            for item in more:
                yield from _of(stack, item, "certificateArn", name, way)
    if any(relay.listener is None for relay in relays):
        for path in expand(balancer.subject, "listeners.*"):
            way = arrow(balancer.name, path, fleet.target.name)
            yield from _tls(balancer.subject, f"{path}.lbProtocol", way)
            if _is_tls(balancer.subject, f"{path}.lbProtocol"):
                yield from _of(stack, balancer.subject, f"{path}.sslCertificateId", path, way)


def _is_tls(resource: Resource, path: str) -> bool:
    protocol = read(resource, path, computed=True)
    return protocol is not UNKNOWN and str(protocol).upper() in _TLS


def _tls(resource: Resource, path: str, way: str) -> Iterator[Finding]:
    protocol = read(resource, path, computed=True)
    if protocol is UNKNOWN:
        yield resource, Unknown(path)
    elif not _is_tls(resource, path):
        yield resource, Fail(f"passes {protocol or 'HTTP'} on to a fleet of several balancers without ending TLS: {way}", path)


def _of(stack: Stack, holder: Resource, path: str, listener: str, way: str) -> Iterator[_Certificate | Finding]:
    """The certificate that a property names."""
    found = refer(stack, holder, path, _CERTIFICATES)
    if found.empty:
        yield holder, Fail(f"has no certificate to end TLS with: {way}", path)
        return
    names: dict[str, str] = {text: f"certificate {text}" for text in found.foreign}
    for target in found.targets:
        issued = refer(stack, target, "certificateArn", (_ISSUED,)) if target.type == _VALIDATION else None
        if issued is not None and (issued.unresolved or not issued.certain or issued.empty):
            yield target, Unknown("certificateArn")
            return
        # A validation gives out the certificate's own ARN, once it is issued.
        names.update((item.urn, f"certificate {item.name}") for item in (issued.targets if issued else (target,)))
        names.update((text, f"certificate {text}") for text in (issued.foreign if issued else ()))
    if found.unresolved or len(names) != 1:
        yield holder, Unknown(path)
        return
    for key, name in names.items():
        yield _Certificate(key, name, holder, path, listener)


def _groups(stack: Stack, fleet: _Fleet) -> Iterator[Finding]:
    """That no two balancers wear the same group."""
    owners: dict[str, Endpoint] = {}
    for balancer in fleet.balancers:
        if balancer.unguarded:
            message = "has no security group, by which alone the fleet could know it"
            yield balancer.subject, Fail(f"{message}: {arrow(balancer.name, fleet.target.name)}", "securityGroups")
        if _unsure(stack, balancer):
            yield from _unknown_groups(balancer)
        for group in balancer.groups:
            owner = owners.setdefault(group.key, balancer)
            if owner is not balancer:
                way = arrow(owner.name, group.name, balancer.name)
                yield balancer.subject, Fail(f"shares {group.name} with {owner.name}, before the same fleet: {way}", "securityGroups")


def _unsure(stack: Stack, balancer: Endpoint) -> bool:
    """Whether a balancer may wear groups that cannot be told. One that is known by its id alone is told well enough."""
    place = balancer.unknown_groups
    return bool(balancer.doubtful) or (place is not None and refer(stack, *place, GROUPS, computed=True).unresolved)


def _unknown_groups(endpoint: Endpoint) -> Iterator[Finding]:
    for resource, path in [*([endpoint.unknown_groups] if endpoint.unknown_groups else []), *(place for _, place in endpoint.doubtful)]:
        yield resource, Unknown(path)


class _Admissions:
    """What the groups of one fleet let in on the ports that it serves."""

    def __init__(self, stack: Stack, fleet: _Fleet) -> None:
        self._stack = stack
        self._fleet = fleet
        self._unsure = any(_unsure(stack, item) for item in fleet.balancers)
        self._keys = {group.key for balancer in fleet.balancers for group in balancer.groups}

    def findings(self) -> Iterator[Finding]:
        """Findings of the fleet's groups, rule by rule, and then what they lack."""
        fleet = self._fleet
        unknown = list(_unknown_groups(fleet.target))
        served: dict[str, Spans] = {}
        for relay in fleet.relays:
            taken = self._taken(relay)
            if isinstance(taken, Spans):
                served[relay.via.subject.urn] = served.get(relay.via.subject.urn, Spans()) | taken
            else:
                unknown.append(taken)
        every = Spans.union(served.values())
        rules = [(group, rule) for group in fleet.target.groups for rule in group.ingress]
        for group, rule in rules:
            for resource, verdict in self._rule(group, rule, every):
                if isinstance(verdict, Fail):
                    yield resource, verdict
                else:
                    unknown.append((resource, verdict))
        unknown += self._loose(every)
        if not unknown:
            yield from self._missing([rule for _, rule in rules], served)
        yield from unknown

    def _taken(self, relay: Relay) -> Spans | Finding:
        """The ports that the fleet takes from a balancer, or what leaves them unknown."""
        if relay.ports != ports.ALL:
            return relay.ports & _TCP
        subject = relay.target.subject
        if subject.type == SERVICE:
            # A task with a network interface of its own listens on the container's port.
            values = [(path, read(subject, f"{path}.containerPort")) for path in expand(subject, "loadBalancers.*")]
            known = [str(value) for _, value in values if value is not UNKNOWN and value is not None]
            if known and len(known) == len(values):
                return ports.parse_ports(known)
            return subject, Unknown(next((path for path, value in values if value is UNKNOWN or value is None), "loadBalancers"))
        return (relay.through, Unknown("port")) if relay.through else (relay.via.subject, Unknown("listeners"))

    def _rule(self, group: Group, rule: Rule, served: Spans) -> Iterator[Finding]:
        """What is wrong with one rule: at most one failure, else what cannot be judged."""
        if rule.unknown:
            if rule.sources:
                yield rule.resource, Unknown(rule.unknown)
            return
        hit = rule.ports & served
        strangers = [source for source in rule.sources if hit and self._meant(source) is False]
        if strangers:
            message = f"admits {ports.describe(hit)} of a fleet behind load balancers from {some([source.text for source in strangers])}"
            way = f"{group.path(rule)}"
            yield rule.resource, Fail(f"{message}, and not from a balancer's group by reference: {way}", strangers[0].path)
            return
        for source in rule.sources:
            if hit and self._meant(source) is None:
                yield rule.resource, Unknown(source.path)
                return

    def _meant(self, source: Source) -> bool | None:
        """Whether a source is a balancer's group, and no other; None when that cannot be told."""
        if source.kind is not SourceKind.GROUP:
            return False if source.given else None
        if source.group is None:
            return False
        if source.group.unresolved or not source.group.certain:
            return None
        return True if _named(source) <= self._keys else None if self._unsure else False

    def _loose(self, served: Spans) -> Iterator[Finding]:
        """Rules of which nobody can tell whether they belong to the fleet's groups."""
        mine = {group.key for group in self._fleet.target.groups}
        for loose in firewall_of(self._stack).loose:
            for rule in loose.ingress:
                owners = {target.urn for target in rule.group.targets} | set(rule.group.foreign)
                if (rule.group.unresolved or owners & mine) and (rule.unknown or rule.ports & served):
                    yield rule.resource, Unknown(rule.group.path)

    def _missing(self, rules: Sequence[Rule], served: dict[str, Spans]) -> Iterator[Finding]:
        """Balancers that the fleet does not let in."""
        target = self._fleet.target
        for balancer in self._fleet.balancers:
            if balancer.unguarded or _unsure(self._stack, balancer):
                continue
            keys = {group.key for group in balancer.groups}
            admitted = Spans.union(rule.ports for rule in rules if any(_named(source) & keys for source in rule.sources))
            if lacking := served[balancer.subject.urn] - admitted:
                relay = next(relay for relay in self._fleet.relays if relay.via is balancer)
                way = arrow(balancer.name, relay.name, target.name, some([group.name for group in target.groups]))
                message = f"does not admit {balancer.name} on {ports.describe(lacking)} by its group"
                yield target.subject, Fail(f"{message}: {way}")


def _named(source: Source) -> set[str]:
    """URNs and ids of the groups that a source is."""
    return {*(target.urn for target in source.group.targets), *source.group.foreign} if source.group else set()
