"""Proof of the Zero Trust Network: the network paths between services are the declared ones, no more and no fewer.

A service is a security group that a declared edge names, or a member without an edge. Edges are declared in the profile, and by each
`ZeroTrustNetwork` of the stack in its output `edges`. Inbound rules decide: a path is undeclared when a group of the target's
resource allows its source, whatever the source's own groups allow outbound; a path is missing unless both sides have a rule. Network ACLs
and route tables are not checked: what they block is not part of the declaration.
"""

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

from cloudpatterns_policies.controls._declared_paths import END, PORTS, Declaration, Edge, covers, means, networks
from cloudpatterns_policies.controls._references import associations
from cloudpatterns_policies.core import UNKNOWN, Fail, NotApplicable, Resource, Severity, Stack, Unknown, Verdict, stack_control
from cloudpatterns_policies.graph import ports
from cloudpatterns_policies.graph.firewall import Attachment, Group, firewall_of
from cloudpatterns_policies.graph.reading import arrow, label, read, refer
from cloudpatterns_policies.graph.regions import Place
from cloudpatterns_policies.graph.rules import GROUPS, Rule, Source, SourceKind
from cloudpatterns_policies.graph.spans import Spans
from cloudpatterns_policies.graph.vpcs import vpc_addresses

_SERVICE: Final = "aws:vpclattice/service:Service"
_SERVICE_ASSOCIATION: Final = "aws:vpclattice/serviceNetworkServiceAssociation:ServiceNetworkServiceAssociation"
_VPC_ASSOCIATION: Final = "aws:vpclattice/serviceNetworkVpcAssociation:ServiceNetworkVpcAssociation"
_STRINGS: Final = {"type": "array", "items": {"type": "string"}}

Finding = tuple[Resource, Verdict]


@stack_control(
    id="zero-trust-network",
    title="The network paths between services are the declared ones, no more and no fewer",
    severity=Severity.HIGH,
    why="In a network that denies by default, an undeclared rule is a path from a compromised service to the next one, and a missing "
    "path is an outage that customers notice first.",
    remediation="Delete the rule, or declare the path: in edges of the profile, or of the ZeroTrustNetwork; add both rules of a declared "
    "path that is missing; give VPC Lattice services auth_type AWS_IAM and an auth policy.",
    url="https://docs.aws.amazon.com/prescriptive-guidance/latest/strategy-zero-trust-architecture/zero-trust-principles.html",
    config={
        "edges": {
            "type": "array",
            "default": [],
            "description": "All paths between services; the control fails for any other path.",
            "items": {
                "type": "object",
                "properties": {
                    "from": {"type": "string", "minLength": 1, "description": f"The source: {END}."},
                    "to": {"type": "string", "minLength": 1, "description": f"The target: {END}."},
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
            "description": "Security groups, by logical name or id, of services without an edge: nothing may reach them.",
        },
    },
)
def zero_trust_network(stack: Stack, *, config: Mapping[str, Any]) -> Verdict | Iterator[Any]:
    """Compares what the groups of services allow with the declaration."""
    declared = Declaration(stack, config)
    if declared.empty:
        return NotApplicable("neither the profile nor a component of the stack declares a path")
    return _Judge(stack, declared).findings()


class _Judge:
    """Checks one stack."""

    def __init__(self, stack: Stack, declared: Declaration) -> None:
        self._stack = stack
        self._firewall = firewall_of(stack)
        self._declaration = declared
        self._attached: dict[str, list[tuple[Group, Attachment]]] = {}
        for group in self._firewall.groups:
            for attachment in group.attachments:
                self._attached.setdefault(attachment.subject.urn, []).append((group, attachment))
        lattice_groups = [(item, refer(stack, item, "securityGroupIds", GROUPS)) for item in stack.of_type(_VPC_ASSOCIATION)]
        self._lattice_groups = {target.urn for _, found in lattice_groups if found.certain for target in found.targets}
        self._unresolved_lattice_group: Place | None = next(
            ((item, found.path) for item, found in lattice_groups if found.unresolved or not found.certain), None
        )

    def findings(self) -> Iterator[Finding | Verdict]:
        """Findings on resources, and verdicts on invalid edges; each once."""
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
            yield from self._added_groups(group)
        for edge in self._declaration.edges:
            yield from self._missing(edge, unsure)
        yield from self._lattice()

    def _arriving(self, target: Group) -> Iterator[Finding]:
        """Undeclared paths to a service, through its own group or another group of the same resource."""
        attached = {id(target): target}
        for scope in self._firewall.scopes:
            if target in scope:
                attached.update((id(group), group) for group in scope if group.key not in self._declaration.members)
        for group in attached.values():
            if group.resource is None:
                # Its other rules are not in this stack.
                holder = next(((item.holder, item.path) for item in group.attachments), None)
                place = holder or next((rule.resource, rule.group.path) for rule in group.rules)
                yield place[0], Unknown(place[1])
            for rule in group.ingress:
                yield from self._rule(target, group, rule)
        for unassigned in self._firewall.unassigned:
            for rule in unassigned.ingress:
                if rule.group.unresolved or any(item.urn in {one.key for one in attached.values()} for item in rule.group.targets):
                    yield rule.resource, Unknown(rule.group.path)

    def _added_groups(self, target: Group) -> Iterator[Finding]:
        """Unknown attachments that may add another group, which allows more, to a service's resource."""
        yield from ((place[0], Unknown(place[1])) for place in self._firewall.unresolved_attachments)
        for own in target.attachments:
            for group, item in self._attached[own.subject.urn]:
                other = group.key not in self._declaration.members and (group.ingress or group.resource is None)
                if other and not (own.certain and item.certain):
                    yield item.holder, Unknown(item.path)

    def _rule(self, target: Group, group: Group, rule: Rule) -> Iterator[Finding]:
        """The finding on one rule: at most one failure, else an unknown value."""
        if rule.unknown:
            if rule.sources:
                yield rule.resource, Unknown(rule.unknown)
            return
        unknown: Verdict | None = None
        for source in rule.sources:
            if not source.certain or (source.group and (source.group.unresolved or not source.group.certain)):
                unknown = unknown or Unknown(source.path)
                continue
            excess = rule.ports - self._declared(source, target)
            if excess and target.resource and target.resource.parent in self._declaration.lost:
                # A path that its component declares is unknown, which is reported elsewhere.
                return
            if excess and source.unknown and (not source.names or self._by_address(target)):
                unknown = unknown or Unknown(source.unknown)
            elif excess:
                path = arrow(source.text, group.path(rule), "" if group is target else f"together with {target.name}")
                yield (
                    rule.resource,
                    Fail(f"opens an undeclared path to {target.name} on {ports.describe(excess)}: {path}", source.path),
                )
                return
        if unknown:
            yield rule.resource, unknown

    def _by_address(self, target: Group) -> bool:
        """Whether addresses are declared to reach a service: the entries of a prefix list may be among them."""
        return any(target in edge.targets and networks(edge.source) for edge in self._declaration.edges)

    def _declared(self, source: Source, target: Group) -> Spans:
        """The ports on which a source may reach a service: those declared for everything that the source names."""
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
        """Declared paths that are missing, for each pair of groups that an edge names."""
        for target in edge.targets or [None]:
            for source in edge.sources or [None]:
                if source is target and edge.source != edge.target:
                    continue
                arrives, doubt = self._allowed_inbound(edge, source, target) if target else (edge.ports, None)
                leaves, more = self._allowed_outbound(edge, source, target) if source else (edge.ports, None)
                closed_in, closed_out = edge.ports - arrives, edge.ports - leaves
                ends = [source.name if source else edge.source, target.name if target else edge.target]
                sides = (
                    [f"no rule of {ends[1]} allows it inbound"] if closed_in and not doubt and not (target and target.key in unsure) else []
                )
                sides += [f"no rule of {ends[0]} allows it outbound"] if closed_out and not more else []
                if sides:
                    holder = edge.owner or next(group.resource for group in (target, source) if group and group.resource)
                    missing = ports.describe(closed_in | closed_out)
                    yield holder, Fail(f"lacks the declared path on {missing}, because {' and '.join(sides)}: {arrow(*ends)}", edge.where)
                elif place := (doubt if closed_in else None) or (more if closed_out else None):
                    yield place[0], Unknown(place[1])

    def _allowed_inbound(self, edge: Edge, source: Group | None, target: Group) -> tuple[Spans, Place | None]:
        """The ports of an edge that a service's own group allows inbound, and what leaves others unknown."""
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

    def _allowed_outbound(self, edge: Edge, source: Group, target: Group | None) -> tuple[Spans, Place | None]:
        """The ports of an edge that a service's own group allows outbound, and what leaves others unknown."""
        found, place = Spans(), None
        for unassigned in self._firewall.unassigned:
            for rule in unassigned.rules:
                if _may_be_outbound(rule) and (rule.group.unresolved or any(item.urn == source.key for item in rule.group.targets)):
                    place = place or (rule.resource, rule.group.path)
        for rule in source.rules:
            for item in rule.sources if _may_be_outbound(rule) else ():
                known = self._reaches(item, source, target, edge)
                if known is True and not rule.unknown:
                    found |= rule.ports
                elif known is not False:
                    place = place or (known if isinstance(known, tuple) else (rule.resource, rule.unknown or item.unknown or item.path))
        return found, place

    def _reaches(self, item: Source, source: Group, target: Group | None, edge: Edge) -> bool | Place | None:
        """Whether an egress rule's destination contains the target; None or a place when that is unknown."""
        if item.kind is SourceKind.GROUP:
            return means(item, source, target, edge.target)
        if target is None:
            return covers(edge.target, item) or (None if item.unknown else False)
        if target.key in self._lattice_groups:
            # VPC Lattice traffic goes to Lattice's own addresses, whatever group the association has.
            return True
        if item.unknown or target.resource is None:
            return None
        inside = vpc_addresses(self._stack, target.resource, 4)
        if isinstance(inside, tuple):
            return inside
        here = item.addresses.get(4, Spans())
        return True if not inside - here else None if inside & here else self._unresolved_lattice_group or False

    def _lattice(self) -> Iterator[Finding]:
        """Checks that every service of a service network authenticates its callers."""
        for service in sorted(self._stack.of_type(_SERVICE), key=lambda item: item.urn):
            associated, possible = associations(self._stack, service, _SERVICE_ASSOCIATION, "serviceIdentifier", (_SERVICE,))
            kind = read(service, "authType", computed=True)
            if (associated or possible) and kind is UNKNOWN:
                yield service, Unknown("authType")
            elif not associated and kind != "AWS_IAM":
                yield from ((item, Unknown("serviceIdentifier")) for item in possible)
            elif kind != "AWS_IAM":
                network = next((label(item) for item in self._stack.refs(associated[0], "serviceNetworkIdentifier")), "")
                path = arrow(network, label(associated[0]), label(service))
                yield service, Fail(f"accepts unauthenticated calls in a zero trust network: {path}", "authType")


def _may_be_outbound(rule: Rule) -> bool:
    """Whether a rule is, or may be, an outbound rule: one of an unknown direction is read as an inbound rule."""
    return not rule.ingress or rule.unknown == "type"
