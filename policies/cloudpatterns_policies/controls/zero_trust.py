"""Proof of the Zero Trust Network: the network paths between services are the declared ones, no more and no fewer.

A service is a security group that a declared edge names, or a member without an edge. Edges are declared in the profile, and by each
`ZeroTrustNetwork` of the stack in its output `edges`. What arrives counts: a path is one too many as soon as a group of the target's
machine admits its source, whatever the source's own groups let out; and one is missing unless both sides have their rule. Network ACLs
and route tables are not looked at: what they close is no part of the declaration.
"""

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

from cloudpatterns_policies.controls._declared_paths import END, PORTS, Declaration, Edge, covers, means, networks
from cloudpatterns_policies.controls._references import joints
from cloudpatterns_policies.core import UNKNOWN, Fail, NotApplicable, Resource, Severity, Stack, Unknown, Verdict, stack_control
from cloudpatterns_policies.graph import ports
from cloudpatterns_policies.graph.firewall import Attachment, Group, firewall_of
from cloudpatterns_policies.graph.reading import arrow, label, read, refer
from cloudpatterns_policies.graph.regions import Place
from cloudpatterns_policies.graph.rules import GROUPS, Rule, Source, SourceKind
from cloudpatterns_policies.graph.spans import Spans
from cloudpatterns_policies.graph.vpcs import vpc_addresses

_SERVICE: Final = "aws:vpclattice/service:Service"
_SERVICE_JOIN: Final = "aws:vpclattice/serviceNetworkServiceAssociation:ServiceNetworkServiceAssociation"
_VPC_JOIN: Final = "aws:vpclattice/serviceNetworkVpcAssociation:ServiceNetworkVpcAssociation"
_STRINGS: Final = {"type": "array", "items": {"type": "string"}}

Finding = tuple[Resource, Verdict]


@stack_control(
    id="zero-trust-network",
    title="The network paths between services are the declared ones, no more and no fewer",
    severity=Severity.HIGH,
    why="In a network that denies by default, one rule that nobody declared is a way from a service that was taken over to the next, and "
    "a declared path that is missing is found by the customers.",
    remediation="Delete the rule, or declare the path: in edges of the profile, or of the ZeroTrustNetwork; add both rules of a declared "
    "path that is missing; give VPC Lattice services auth_type AWS_IAM and an auth policy.",
    url="https://docs.aws.amazon.com/prescriptive-guidance/latest/strategy-zero-trust-architecture/zero-trust-principles.html",
    config={
        "edges": {
            "type": "array",
            "default": [],
            "description": "The paths between services that there are; with every other, the control fails.",
            "items": {
                "type": "object",
                "properties": {
                    "from": {"type": "string", "minLength": 1, "description": f"Who connects: {END}."},
                    "to": {"type": "string", "minLength": 1, "description": f"What is connected to: {END}."},
                    "ports": {
                        "type": "string",
                        "pattern": PORTS,
                        "description": "all, or a list such as 443,8000-8010,53/udp.",
                    },
                },
                "required": ["from", "to", "ports"],
                "additionalProperties": False,
            },
        },
        "members": {
            **_STRINGS,
            "default": [],
            "description": "Security groups, by logical name or id, of services that no edge leads to: nothing may reach them.",
        },
    },
)
def zero_trust_network(stack: Stack, *, config: Mapping[str, Any]) -> Verdict | Iterator[Any]:
    """Compares what the groups of services admit with what is declared."""
    declared = Declaration(stack, config)
    if declared.empty:
        return NotApplicable("neither the profile nor a component of the stack declares a path")
    return _Judge(stack, declared).findings()


class _Judge:
    """Judges one stack."""

    def __init__(self, stack: Stack, declared: Declaration) -> None:
        self._stack = stack
        self._firewall = firewall_of(stack)
        self._declaration = declared
        self._worn: dict[str, list[tuple[Group, Attachment]]] = {}
        for group in self._firewall.groups:
            for attachment in group.attachments:
                self._worn.setdefault(attachment.subject.urn, []).append((group, attachment))
        gates = [(item, refer(stack, item, "securityGroupIds", GROUPS)) for item in stack.of_type(_VPC_JOIN)]
        self._gates = {target.urn for _, found in gates if found.certain for target in found.targets}
        self._open_gate: Place | None = next(((item, found.path) for item, found in gates if found.unresolved or not found.certain), None)

    def findings(self) -> Iterator[Finding | Verdict]:
        """Findings at resources, and verdicts on edges that cannot be used; each once."""
        yield from self._declaration.problems
        seen: set[tuple[str, Verdict]] = set()
        for finding in self._judge():
            if (key := (finding[0].urn, finding[1])) not in seen:
                seen.add(key)
                yield finding

    def _judge(self) -> Iterator[Finding]:
        unsure: set[str] = set()
        for group in sorted(self._declaration.members.values(), key=lambda item: item.key):
            for resource, verdict in self._arriving(group):
                if isinstance(verdict, Unknown):
                    unsure.add(group.key)
                yield resource, verdict
            yield from self._beside(group)
        for edge in self._declaration.edges:
            yield from self._missing(edge, unsure)
        yield from self._lattice()

    def _arriving(self, target: Group) -> Iterator[Finding]:
        """What more than the declared arrives at a service, by its own group or by another of the same machine."""
        worn = {id(target): target}
        for scope in self._firewall.scopes:
            if target in scope:
                worn.update((id(group), group) for group in scope if group.key not in self._declaration.members)
        for group in worn.values():
            if group.resource is None:
                # What else it admits is not in this stack.
                holder = next(((item.holder, item.path) for item in group.attachments), None)
                place = holder or next((rule.resource, rule.group.path) for rule in group.rules)
                yield place[0], Unknown(place[1])
            for rule in group.ingress:
                yield from self._rule(target, group, rule)
        for loose in self._firewall.loose:
            for rule in loose.ingress:
                if rule.group.unresolved or any(item.urn in {one.key for one in worn.values()} for item in rule.group.targets):
                    yield rule.resource, Unknown(rule.group.path)

    def _beside(self, target: Group) -> Iterator[Finding]:
        """What may put another group, which admits more, on a service's machine."""
        yield from ((place[0], Unknown(place[1])) for place in self._firewall.open)
        for own in target.attachments:
            for group, item in self._worn[own.subject.urn]:
                other = group.key not in self._declaration.members and (group.ingress or group.resource is None)
                if other and not (own.certain and item.certain):
                    yield item.holder, Unknown(item.path)

    def _rule(self, target: Group, group: Group, rule: Rule) -> Iterator[Finding]:
        """What is wrong with one rule: at most one failure, else what cannot be judged."""
        if rule.unknown:
            if rule.sources:
                yield rule.resource, Unknown(rule.unknown)
            return
        unknown: Verdict | None = None
        for source in rule.sources:
            if not source.given or (source.group and (source.group.unresolved or not source.group.certain)):
                unknown = unknown or Unknown(source.path)
                continue
            excess = rule.ports - self._declared(source, target)
            if excess and target.resource and target.resource.parent in self._declaration.lost:
                # One of the paths that its own component declares is not known, and reported as such.
                return
            if excess and source.unknown and (not source.names or self._by_address(target)):
                unknown = unknown or Unknown(source.unknown)
            elif excess:
                way = arrow(source.text, group.path(rule), "" if group is target else f"beside {target.name}")
                yield (
                    rule.resource,
                    Fail(f"opens a path to {target.name} that is not declared, on {ports.describe(excess)}: {way}", source.path),
                )
                return
        if unknown:
            yield rule.resource, unknown

    def _by_address(self, target: Group) -> bool:
        """Whether addresses are declared to reach a service: then what a list holds may be among them."""
        return any(target in edge.targets and networks(edge.source) for edge in self._declaration.edges)

    def _declared(self, source: Source, target: Group) -> Spans:
        """The ports on which a source may reach a service: those that everything the source names may."""
        leading = [edge for edge in self._declaration.edges if target in edge.targets]
        if source.kind is SourceKind.GROUP:
            keys = [target.key] if source.group is None else [item.urn for item in source.group.targets]
            sets = [Spans.union(edge.ports for edge in leading if any(one.key == key for one in edge.sources)) for key in keys]
            for text in source.group.foreign if source.group else ():
                sets.append(Spans.union(edge.ports for edge in leading if fnmatchcase(text, edge.source)))
        else:
            sets = [Spans.union(edge.ports for edge in leading if not edge.sources and covers(edge.source, source))]
        common = ports.ALL if sets else Spans()
        for each in sets:
            common &= each
        return common

    def _missing(self, edge: Edge, unsure: set[str]) -> Iterator[Finding]:
        """Declared paths that are not there, between each two groups that an edge names."""
        for target in edge.targets or [None]:
            for source in edge.sources or [None]:
                if source is target and edge.source != edge.target:
                    continue
                arrives, doubt = self._lets_in(edge, source, target) if target else (edge.ports, None)
                leaves, more = self._lets_out(edge, source, target) if source else (edge.ports, None)
                closed_in, closed_out = edge.ports - arrives, edge.ports - leaves
                ways = [source.name if source else edge.source, target.name if target else edge.target]
                sides = [f"no rule of {ways[1]} admits it"] if closed_in and not doubt and not (target and target.key in unsure) else []
                sides += [f"no rule of {ways[0]} lets it out"] if closed_out and not more else []
                if sides:
                    holder = edge.owner or next(group.resource for group in (target, source) if group and group.resource)
                    lacking = ports.describe(closed_in | closed_out)
                    yield holder, Fail(f"lacks the declared path on {lacking}, for {' and '.join(sides)}: {arrow(*ways)}", edge.where)
                elif place := (doubt if closed_in else None) or (more if closed_out else None):
                    yield place[0], Unknown(place[1])

    def _lets_in(self, edge: Edge, source: Group | None, target: Group) -> tuple[Spans, Place | None]:
        """What a service's own group admits of an edge, and what leaves more of it unknown."""
        found, place = Spans(), None
        for rule in target.ingress:
            for item in rule.sources:
                if item.kind is SourceKind.GROUP:
                    known = means(item, target, source, edge.source)
                else:
                    known = source is None and covers(edge.source, item)
                if known and not rule.unknown:
                    found |= rule.ports
                elif known is None or (known and rule.unknown):
                    place = place or (rule.resource, rule.unknown or item.path)
        return found, place

    def _lets_out(self, edge: Edge, source: Group, target: Group | None) -> tuple[Spans, Place | None]:
        """What a service's own group lets out of an edge, and what leaves more of it unknown."""
        found, place = Spans(), None
        for loose in self._firewall.loose:
            for rule in loose.rules:
                if _may_leave(rule) and (rule.group.unresolved or any(item.urn == source.key for item in rule.group.targets)):
                    place = place or (rule.resource, rule.group.path)
        for rule in source.rules:
            for item in rule.sources if _may_leave(rule) else ():
                known = self._reaches(item, source, target, edge)
                if known is True and not rule.unknown:
                    found |= rule.ports
                elif known is not False:
                    place = place or (known if isinstance(known, tuple) else (rule.resource, rule.unknown or item.unknown or item.path))
        return found, place

    def _reaches(self, item: Source, source: Group, target: Group | None, edge: Edge) -> bool | Place | None:
        """Whether an egress rule's other end holds the target; None or a place when that cannot be told."""
        if item.kind is SourceKind.GROUP:
            return means(item, source, target, edge.target)
        if target is None:
            return covers(edge.target, item) or (None if item.unknown else False)
        if target.key in self._gates:
            # Calls of VPC Lattice go to addresses of its own, whatever group guards its way into the VPC.
            return True
        if item.unknown or target.resource is None:
            return None
        inside = vpc_addresses(self._stack, target.resource, 4)
        if isinstance(inside, tuple):
            return inside
        here = item.addresses.get(4, Spans())
        return True if not inside - here else None if inside & here else self._open_gate or False

    def _lattice(self) -> Iterator[Finding]:
        """That no service of a service network takes calls from whoever reaches it."""
        for service in sorted(self._stack.of_type(_SERVICE), key=lambda item: item.urn):
            joins, possible = joints(self._stack, service, _SERVICE_JOIN, "serviceIdentifier", (_SERVICE,))
            kind = read(service, "authType", computed=True)
            if (joins or possible) and kind is UNKNOWN:
                yield service, Unknown("authType")
            elif not joins and kind != "AWS_IAM":
                yield from ((item, Unknown("serviceIdentifier")) for item in possible)
            elif kind != "AWS_IAM":
                network = next((label(item) for item in self._stack.refs(joins[0], "serviceNetworkIdentifier")), "")
                way = arrow(network, label(joins[0]), label(service))
                yield service, Fail(f"takes calls without knowing the caller, in a zero trust network: {way}", "authType")


def _may_leave(rule: Rule) -> bool:
    """Whether a rule is about departing traffic, or may be: a rule of an unknown direction is read as one for arriving traffic."""
    return not rule.ingress or rule.unknown == "type"
