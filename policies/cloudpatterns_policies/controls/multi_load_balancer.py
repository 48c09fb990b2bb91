"""Proof of the Multi-Load Balancer: load balancers of one fleet share no certificate and no group, and the fleet allows only them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from cloudpatterns_policies.core import UNKNOWN, Fail, NotApplicable, Resource, Severity, Stack, Unknown, Verdict, stack_control
from cloudpatterns_policies.graph import ports
from cloudpatterns_policies.graph.endpoints import SERVICE, Endpoint, is_balancer
from cloudpatterns_policies.graph.firewall import Group, firewall_of
from cloudpatterns_policies.graph.kinds import BALANCERS
from cloudpatterns_policies.graph.reach import Relay, reach_of
from cloudpatterns_policies.graph.reading import arrow, expand, label, read, refer, some
from cloudpatterns_policies.graph.rules import GROUPS, Rule, Source, SourceKind
from cloudpatterns_policies.graph.spans import Spans
from cloudpatterns_policies.graph.unresolved import unresolved_references

_TLS: Final = ("HTTPS", "TLS", "SSL")
_ISSUED: Final = "aws:acm/certificate:Certificate"
_VALIDATION: Final = "aws:acm/certificateValidation:CertificateValidation"
_CERTIFICATES: Final = (_ISSUED, _VALIDATION, "aws:iam/serverCertificate:ServerCertificate")
_MORE_CERTIFICATES: Final = ("aws:lb/listenerCertificate:ListenerCertificate", "aws:alb/listenerCertificate:ListenerCertificate")
_LISTENERS: Final = ("aws:lb/listener:Listener", "aws:alb/listener:Listener")
_ASSOCIATIONS: Final = (
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
    """A certificate, and the listener that uses it."""

    key: str
    """URN, or the literal ARN."""
    name: str
    holder: Resource
    path: str
    listener: str


@dataclass(frozen=True, slots=True)
class _Fleet:
    """Targets of several load balancers."""

    target: Endpoint
    relays: tuple[Relay, ...]

    @property
    def balancers(self) -> list[Endpoint]:
        """The load balancers, each once."""
        return list({relay.via.subject.urn: relay.via for relay in self.relays}.values())


@stack_control(
    id="multi-load-balancer",
    title="Load balancers of one fleet have separate certificates and security groups, and the fleet allows only these groups",
    severity=Severity.HIGH,
    why="Each load balancer serves its own audience. With a shared certificate or group, what one audience may do, all may do, "
    "and whoever reaches the fleet directly bypasses every load balancer, its TLS and its firewall.",
    remediation="Give each load balancer its own security group, and an HTTPS listener with its own certificate; on the ports that the "
    "fleet serves, allow only these groups as sources in the fleet's groups.",
    url="https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-update-security-groups.html",
)
def multi_load_balancer(stack: Stack) -> Verdict | Iterator[Finding]:
    """Checks each fleet behind at least two load balancers; a target that is a load balancer itself is no fleet."""
    found: dict[str, list[Relay]] = {}
    # Most stacks have one load balancer, and need no network model for this.
    for relay in reach_of(stack).relays if len(stack.of_type(*BALANCERS)) > 1 else ():
        shape = read(relay.via.subject, "loadBalancerType")
        if is_balancer(relay.via) and not is_balancer(relay.target) and (shape is UNKNOWN or shape != "gateway"):
            found.setdefault(relay.target.subject.urn, []).append(relay)
    fleets = [_Fleet(relays[0].target, tuple(relays)) for _, relays in sorted(found.items())]
    shared = [fleet for fleet in fleets if len(fleet.balancers) > 1]
    unresolved = _unresolved(stack) if len(stack.of_type(*BALANCERS)) > 1 else []
    return (
        _findings(stack, shared, unresolved) if shared or unresolved else NotApplicable("the stack has no fleet behind two load balancers")
    )


def _unresolved(stack: Stack) -> list[Finding]:
    """Listeners, targets and certificates that may belong to any load balancer or fleet."""
    found: list[Finding] = [(end.resource, Unknown(end.path)) for end in unresolved_references(stack) if end.resource.type in _ASSOCIATIONS]
    more = stack.of_type(*_MORE_CERTIFICATES)
    return found + [(item, Unknown("listenerArn")) for item in more if refer(stack, item, "listenerArn", _LISTENERS).unresolved]


def _findings(stack: Stack, fleets: Sequence[_Fleet], unresolved: Sequence[Finding]) -> Iterator[Finding]:
    """Each finding once, even if it concerns several fleets."""
    yield from unresolved
    seen: set[tuple[str, Verdict]] = set()
    for fleet in fleets:
        for resource, verdict in (*_certificates(stack, fleet), *_groups(stack, fleet), *_FleetRules(stack, fleet).findings()):
            if (resource.urn, verdict) not in seen:
                seen.add((resource.urn, verdict))
                yield resource, verdict


def _certificates(stack: Stack, fleet: _Fleet) -> Iterator[Finding]:
    """Checks that every listener in front of the fleet terminates TLS, with a certificate that no other load balancer uses."""
    owners: dict[str, tuple[Endpoint, _Certificate]] = {}
    for balancer in fleet.balancers:
        for certificate in _tls_certificates(stack, fleet, balancer):
            if not isinstance(certificate, _Certificate):
                yield certificate
                continue
            owner, first = owners.setdefault(certificate.key, (balancer, certificate))
            if owner is not balancer:
                path = arrow(owner.name, first.listener, certificate.name, certificate.listener, balancer.name)
                yield (
                    certificate.holder,
                    Fail(f"terminates TLS with {certificate.name}, which {owner.name} uses too: {path}", certificate.path),
                )


def _tls_certificates(stack: Stack, fleet: _Fleet, balancer: Endpoint) -> Iterator[_Certificate | Finding]:
    """The certificates of one load balancer in front of the fleet, and findings on its listeners."""
    relays = [relay for relay in fleet.relays if relay.via is balancer]
    for listener in {relay.listener.urn: relay.listener for relay in relays if relay.listener}.values():
        name = label(listener)
        additional = [holder for token in _MORE_CERTIFICATES for holder in stack.referrers(listener, token, "listenerArn")]
        hops = arrow(balancer.name, name, next(relay.name for relay in relays if relay.listener is listener), fleet.target.name)
        yield from _tls(listener, "protocol", hops)
        if _is_tls(listener, "protocol"):
            for holder in (listener, *additional):
                yield from _certificate(stack, holder, "certificateArn", name, hops)
    if any(relay.listener is None for relay in relays):
        for path in expand(balancer.subject, "listeners.*"):
            hops = arrow(balancer.name, path, fleet.target.name)
            yield from _tls(balancer.subject, f"{path}.lbProtocol", hops)
            if _is_tls(balancer.subject, f"{path}.lbProtocol"):
                yield from _certificate(stack, balancer.subject, f"{path}.sslCertificateId", path, hops)


def _is_tls(resource: Resource, path: str) -> bool:
    protocol = read(resource, path, computed=True)
    return protocol is not UNKNOWN and str(protocol).upper() in _TLS


def _tls(resource: Resource, path: str, hops: str) -> Iterator[Finding]:
    protocol = read(resource, path, computed=True)
    if protocol is UNKNOWN:
        yield resource, Unknown(path)
    elif not _is_tls(resource, path):
        message = f"forwards {protocol or 'HTTP'} to a fleet behind several load balancers without terminating TLS"
        yield resource, Fail(f"{message}: {hops}", path)


def _certificate(stack: Stack, holder: Resource, path: str, listener: str, hops: str) -> Iterator[_Certificate | Finding]:
    """The certificate that a property names."""
    reference = refer(stack, holder, path, _CERTIFICATES)
    if reference.empty:
        yield holder, Fail(f"has no certificate to terminate TLS with: {hops}", path)
        return
    names: dict[str, str] = {text: f"certificate {text}" for text in reference.foreign}
    for target in reference.targets:
        issued = refer(stack, target, "certificateArn", (_ISSUED,)) if target.type == _VALIDATION else None
        if issued is not None and (issued.unresolved or not issued.certain or issued.empty):
            yield target, Unknown("certificateArn")
            return
        # The ARN that a validation returns after issuing is that of the certificate.
        names.update((certificate.urn, f"certificate {certificate.name}") for certificate in (issued.targets if issued else (target,)))
        names.update((text, f"certificate {text}") for text in (issued.foreign if issued else ()))
    if reference.unresolved or len(names) != 1:
        yield holder, Unknown(path)
        return
    for key, name in names.items():
        yield _Certificate(key, name, holder, path, listener)


def _groups(stack: Stack, fleet: _Fleet) -> Iterator[Finding]:
    """Checks that no two load balancers have the same group."""
    owners: dict[str, Endpoint] = {}
    for balancer in fleet.balancers:
        if balancer.without_groups:
            message = "has no security group that the fleet could allow"
            yield balancer.subject, Fail(f"{message}: {arrow(balancer.name, fleet.target.name)}", "securityGroups")
        if _unsure(stack, balancer):
            yield from _unknown_groups(balancer)
        for group in balancer.groups:
            owner = owners.setdefault(group.key, balancer)
            if owner is not balancer:
                path = arrow(owner.name, group.name, balancer.name)
                yield balancer.subject, Fail(f"shares {group.name} with {owner.name}, in front of the same fleet: {path}", "securityGroups")


def _unsure(stack: Stack, balancer: Endpoint) -> bool:
    """Whether a load balancer may have unknown groups. A group that is known by its id is known well enough."""
    place = balancer.unknown_groups
    return bool(balancer.doubtful) or (place is not None and refer(stack, *place, GROUPS, computed=True).unresolved)


def _unknown_groups(endpoint: Endpoint) -> Iterator[Finding]:
    for resource, path in [*([endpoint.unknown_groups] if endpoint.unknown_groups else []), *(place for _, place in endpoint.doubtful)]:
        yield resource, Unknown(path)


class _FleetRules:
    """The traffic that the groups of one fleet allow on the ports that it serves."""

    def __init__(self, stack: Stack, fleet: _Fleet) -> None:
        self._stack = stack
        self._fleet = fleet
        self._unsure = any(_unsure(stack, item) for item in fleet.balancers)
        self._keys = {group.key for balancer in fleet.balancers for group in balancer.groups}

    def findings(self) -> Iterator[Finding]:
        """Findings on the fleet's groups, rule by rule, and then on missing rules."""
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
        unknown += self._unassigned(every)
        if not unknown:
            yield from self._missing([rule for _, rule in rules], served)
        yield from unknown

    def _taken(self, relay: Relay) -> Spans | Finding:
        """The ports on which the fleet receives traffic of a load balancer, or what leaves them unknown."""
        if relay.ports != ports.ALL:
            return relay.ports & _TCP
        subject = relay.target.subject
        if subject.type == SERVICE:
            # A task with its own network interface listens on the container's port.
            values = [(path, read(subject, f"{path}.containerPort")) for path in expand(subject, "loadBalancers.*")]
            known = [str(value) for _, value in values if value is not UNKNOWN and value is not None]
            if known and len(known) == len(values):
                return ports.parse_ports(known)
            return subject, Unknown(next((path for path, value in values if value is UNKNOWN or value is None), "loadBalancers"))
        return (relay.through, Unknown("port")) if relay.through else (relay.via.subject, Unknown("listeners"))

    def _rule(self, group: Group, rule: Rule, served: Spans) -> Iterator[Finding]:
        """The finding on one rule: at most one failure, else an unknown value."""
        if rule.unknown:
            if rule.sources:
                yield rule.resource, Unknown(rule.unknown)
            return
        exposed = rule.ports & served
        others = [source for source in rule.sources if exposed and self._is_balancer_group(source) is False]
        if others:
            message = f"allows {ports.describe(exposed)} of a fleet behind load balancers from {some([source.text for source in others])}"
            path = f"{group.path(rule)}"
            yield rule.resource, Fail(f"{message} instead of a load balancer's group: {path}", others[0].path)
            return
        for source in rule.sources:
            if exposed and self._is_balancer_group(source) is None:
                yield rule.resource, Unknown(source.path)
                return

    def _is_balancer_group(self, source: Source) -> bool | None:
        """Whether a source is only a load balancer's group; None when that is unknown."""
        if source.kind is not SourceKind.GROUP:
            return False if source.certain else None
        if source.group is None:
            return False
        if source.group.unresolved or not source.group.certain:
            return None
        return True if _named(source) <= self._keys else None if self._unsure else False

    def _unassigned(self, served: Spans) -> Iterator[Finding]:
        """Rules that may belong to the fleet's groups."""
        mine = {group.key for group in self._fleet.target.groups}
        for unassigned in firewall_of(self._stack).unassigned:
            for rule in unassigned.ingress:
                owners = {target.urn for target in rule.group.targets} | set(rule.group.foreign)
                if (rule.group.unresolved or owners & mine) and (rule.unknown or rule.ports & served):
                    yield rule.resource, Unknown(rule.group.path)

    def _missing(self, rules: Sequence[Rule], served: dict[str, Spans]) -> Iterator[Finding]:
        """Load balancers that the fleet does not allow."""
        target = self._fleet.target
        for balancer in self._fleet.balancers:
            if balancer.without_groups or _unsure(self._stack, balancer):
                continue
            keys = {group.key for group in balancer.groups}
            admitted = Spans.union(rule.ports for rule in rules if any(_named(source) & keys for source in rule.sources))
            if missing := served[balancer.subject.urn] - admitted:
                relay = next(relay for relay in self._fleet.relays if relay.via is balancer)
                path = arrow(balancer.name, relay.name, target.name, some([group.name for group in target.groups]))
                message = f"does not allow the group of {balancer.name} on {ports.describe(missing)}"
                yield target.subject, Fail(f"{message}: {path}")


def _named(source: Source) -> set[str]:
    """URNs and ids of the groups that a source names."""
    return {*(target.urn for target in source.group.targets), *source.group.foreign} if source.group else set()
