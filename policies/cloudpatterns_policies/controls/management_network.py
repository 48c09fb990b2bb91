"""Proof of the Management Network: administration ports are reachable only on management interfaces, and only from declared entry points.

A server has a management network when it has at least two interfaces, and one of them is tagged: itself, its subnet or one of its security
groups. When every interface is tagged, the primary one is for business traffic. Network ACLs do not count: a rule that allows the traffic
is a finding, whatever else blocks it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cloudpatterns_policies.controls.operational_firewall import ADMIN_PORTS
from cloudpatterns_policies.core import Fail, NotApplicable, Resource, Severity, Stack, Unknown, Verdict, stack_control
from cloudpatterns_policies.graph import ports
from cloudpatterns_policies.graph.addresses import is_internet, parse
from cloudpatterns_policies.graph.firewall import INTERFACE, Firewall, Group, firewall_of
from cloudpatterns_policies.graph.interfaces import Interface, Server, servers_of
from cloudpatterns_policies.graph.marks import MANAGEMENT_SUBNET_TAG, OPERATOR_TAG, Marks
from cloudpatterns_policies.graph.reading import arrow, refer
from cloudpatterns_policies.graph.regions import Place
from cloudpatterns_policies.graph.rules import GROUPS, Rule, Source, SourceKind
from cloudpatterns_policies.graph.spans import Spans
from cloudpatterns_policies.graph.topology import SUBNETS, Subnet, topology_of
from cloudpatterns_policies.graph.vpcs import vpc_addresses

ENTRANCES: Final = (
    "aws:ec2clientvpn/endpoint:Endpoint",
    "aws:ec2transitgateway/instanceConnectEndpoint:InstanceConnectEndpoint",
)
"""Entry points of administrators: they authenticate with a certificate or with IAM before their traffic has this group."""

_GROUP_ATTACHMENT: Final = "aws:ec2/networkInterfaceSecurityGroupAttachment:NetworkInterfaceSecurityGroupAttachment"
_TABLE_ASSOCIATION: Final = "aws:ec2/routeTableAssociation:RouteTableAssociation"

# Network errors and echo, which are not business traffic.
_ICMP: Final = ports.icmp(range(256)) | ports.icmp(range(256), v6=True)
_STRINGS: Final = {"type": "array", "items": {"type": "string"}}
_PORTS: Final = {"type": "array", "items": {"type": "string", "pattern": ports.PATTERN}}

Finding = tuple[Resource, Verdict]


@dataclass(frozen=True, slots=True)
class _Settings:
    """The control's configuration, parsed."""

    admin_ports: Spans
    management: Marks
    entrances: Marks
    networks: Mapping[int, Spans]
    """Declared networks by IP version; empty for none."""

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> "_Settings":
        """Raises `ValueError` for an invalid port or network."""
        networks: dict[int, Spans] = {}
        for version, addresses in map(parse, config["entranceCidrs"]):
            networks[version] = networks.get(version, Spans()) | addresses
        return cls(
            ports.parse_ports(config["adminPorts"]),
            Marks.of(config["managementTags"], config["managementNames"]),
            Marks.of(config["managementTags"], config["entranceNames"]),
            networks,
        )


@stack_control(
    id="management-network",
    title="Servers with a management interface allow administration ports only there, and only from declared entry points",
    severity=Severity.HIGH,
    why="An administration port that is also open on the business interface makes the management network useless: an attacker who takes "
    "over a caller of the service can reach SSH of every server.",
    remediation="Allow administration ports only in the management interface's group, from the group of a Client VPN or EC2 Instance "
    "Connect endpoint or from networks outside the VPC; serve business traffic on the other interface, and give management subnets no "
    "route to an internet gateway.",
    url="https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/scenarios-enis.html",
    config={
        "adminPorts": {**_PORTS, "default": list(ADMIN_PORTS), "description": "Administration ports: 22, 5985-5986 or 3389/udp."},
        "managementTags": {
            **_STRINGS,
            "default": [OPERATOR_TAG, MANAGEMENT_SUBNET_TAG],
            "description": "Tags, key or key=value, of management interfaces, their groups or their subnets.",
        },
        "managementNames": {**_STRINGS, "default": [], "description": "The same by logical name or id; * matches any text."},
        "entranceNames": {
            **_STRINGS,
            "default": [],
            "description": "Security groups and prefix lists of administrators, by logical name or id, besides those of VPN endpoints.",
        },
        "entranceCidrs": {
            **_STRINGS,
            "default": [],
            "description": "The only networks of administrators; if empty, every network outside the VPC is accepted.",
        },
    },
)
def management_network(stack: Stack, *, config: Mapping[str, Any]) -> Verdict | Iterator[Finding]:
    """Checks every server that has a management interface and a business interface."""
    judge = _Judge(stack, _Settings.of(config))
    return judge.findings() if judge.applies else NotApplicable("the stack has no server with a management interface")


class _Judge:
    """Checks the servers of one stack."""

    def __init__(self, stack: Stack, settings: _Settings) -> None:
        self._stack = stack
        self._settings = settings
        self._firewall: Firewall = firewall_of(stack)
        servers, unclaimed = servers_of(stack)
        candidates = stack.of_type(*GROUPS, INTERFACE, *SUBNETS)
        self._marks = any(settings.management.on(item) is not False for item in candidates) or bool(settings.management.names)
        self._marked_subnets = any(settings.management.on(item) is not False for item in stack.of_type(*SUBNETS))
        uncertain = [item for group in self._firewall.groups for item in group.attachments if not item.certain]
        self._lost = {*self._firewall.unresolved_attachments, *((item.holder, item.path) for item in uncertain)}
        """What may attach a group to an interface unseen."""
        self._unresolved_attachments = [place for place in self._firewall.unresolved_attachments if place[0].type == _GROUP_ATTACHMENT]
        self._marking = [place for place in self._unresolved_attachments if self._may_mark(place[0])]
        self._unsure: list[Finding] = [(place[0], Unknown(place[1])) for place in unclaimed if self._marks]
        self._business: list[tuple[Server, Interface]] = []
        self._management: list[tuple[Server, Interface]] = []
        for server in servers:
            self._sort(server)
        self._own = {group.key for _, interface in self._management for group in interface.groups}

    @property
    def applies(self) -> bool:
        """Whether there is a management network, or may be one."""
        return bool(self._management or self._unsure)

    def findings(self) -> Iterator[Finding]:
        """Findings of the whole stack, each once."""
        seen: set[tuple[str, str, bool]] = set()
        for resource, verdict in self._all():
            where = verdict.where if isinstance(verdict, Fail) else str(verdict)
            if (key := (resource.urn, where, isinstance(verdict, Fail))) not in seen:
                seen.add(key)
                yield resource, verdict

    def _all(self) -> Iterator[Finding]:
        for server, interface in self._business:
            for group in interface.groups:
                for rule in group.ingress:
                    yield from self._on_business(server, interface, group, rule)
        for server, interface in self._management:
            yield from self._place(server, interface)
            for group in interface.groups:
                for rule in group.ingress:
                    yield from self._on_management(server, interface, group, rule)
        for _, interface in (*self._business, *self._management):
            yield from ((place[0], Unknown(place[1])) for place in interface.unknown)
        yield from self._unassigned()
        yield from self._unsure
        # A group with an unknown attachment may be attached to any interface.
        yield from ((place[0], Unknown(place[1])) for place in self._unresolved_attachments)

    def _sort(self, server: Server) -> None:
        """Sorts the server's interfaces into management and business."""
        marks = [(interface, self._mark(interface)) for interface in server.interfaces]
        marked = [interface for interface, mark in marks if mark is True]
        places = [mark for _, mark in marks if isinstance(mark, tuple)]
        if len(marks) + len(server.unknown) < 2 or not self._marks:
            return
        if not marked:
            # The tag may be on whatever is unknown.
            places += [place for interface in server.interfaces for place in interface.unknown]
            self._unsure += [(place[0], Unknown(place[1])) for place in (*places, *server.unknown)]
            return
        self._unsure += [(place[0], Unknown(place[1])) for place in (*places, *server.unknown)]
        if len(marked) == len(marks) > 1:
            marked.remove(next((interface for interface in marked if interface.primary), marked[0]))
        for interface, mark in marks:
            if interface in marked:
                self._management.append((server, interface))
            elif not isinstance(mark, tuple):
                self._business.append((server, interface))

    def _mark(self, interface: Interface) -> bool | Place:
        """Whether an interface is a management interface; the place of the unknown value that would decide."""
        own = [interface.holder] if interface.holder.type == INTERFACE else []
        own += [subnet for reference in interface.subnets for subnet in reference.targets]
        attached = [group.resource for group in interface.groups if group.resource]
        if interface.primary and len(attached) > 1:
            # A group for administrators on the business interface is a finding; it does not make the interface a management interface.
            attached = [] if any(self._settings.management.on(group) is False for group in attached) else attached
        if any(self._settings.management.named(group.key) for group in interface.groups):
            return True
        lost = [place for place in interface.unknown if place in self._lost]
        if (
            interface.primary
            and attached
            and (lost := [*lost, *self._unresolved_attachments])
            and not any(self._settings.management.on(item) is True for item in own)
        ):
            return lost[0]
        found = [(resource, self._settings.management.on(resource)) for resource in (*own, *attached)]
        if any(mark is True for _, mark in found):
            return True
        lost += self._marking
        lost += [(resource, mark) for resource, mark in found if isinstance(mark, str)]
        # The subnet matters only when a subnet of the stack is tagged.
        doubtful = [item for item in interface.subnets if item.unresolved or not item.certain] if self._marked_subnets else []
        return next(iter((*lost, *((interface.holder, item.path) for item in doubtful))), False)

    def _may_mark(self, attachment: Resource) -> bool:
        """Whether a resource may attach a tagged group to an interface."""
        found = refer(self._stack, attachment, "securityGroupId", GROUPS)
        return found.unresolved or any(self._settings.management.on(target) for target in found.targets)

    def _on_business(self, server: Server, interface: Interface, group: Group, rule: Rule) -> Iterator[Finding]:
        """Checks that a rule of a business interface allows no administration port."""
        operated = group.resource is not None and self._settings.management.on(group.resource) is True
        hit = rule.ports if operated else rule.ports & self._settings.admin_ports
        if rule.unknown and rule.sources:
            yield rule.resource, Unknown(rule.unknown)
        elif hit and (sure := [source for source in rule.sources if source.certain]):
            message = f"allows {ports.describe(hit)} from {sure[0].text} on a business interface of a server with a management network"
            yield rule.resource, Fail(f"{message}: {_way(server, interface, group, rule)}", sure[0].path)
        elif hit and rule.sources:
            yield rule.resource, Unknown(rule.sources[0].path)

    def _on_management(self, server: Server, interface: Interface, group: Group, rule: Rule) -> Iterator[Finding]:
        """Checks that a rule of a management interface allows only administration ports, only from entry points."""
        if rule.unknown and rule.sources:
            yield rule.resource, Unknown(rule.unknown)
            return
        way = _way(server, interface, group, rule)
        sure = [source for source in rule.sources if source.certain]
        if (business := rule.ports - self._settings.admin_ports - _ICMP) and sure:
            message = f"allows {ports.describe(business)}, not an administration port, on a management interface"
            yield rule.resource, Fail(f"{message}: {way}", sure[0].path)
            return
        unknown: list[Finding] = []
        for source in rule.sources:
            found = self._stranger(source, group)
            if isinstance(found, str) and found:
                what = ports.describe(rule.ports)
                yield rule.resource, Fail(f"allows {what} on a management interface from {found}: {way}", source.path)
                return
            if isinstance(found, tuple):
                unknown.append((found[0] or rule.resource, Unknown(found[1])))
        yield from unknown[:1]

    def _stranger(self, source: Source, group: Group) -> str | tuple[Resource | None, str]:
        """A description of a source that is no entry point; empty when it is one; the place of the unknown value that would decide."""
        if source.kind is SourceKind.GROUP:
            return self._strange_group(source)
        if any(self._settings.entrances.named(name) for name in source.names):
            return ""
        if not source.certain or source.unknown:
            return (None, source.unknown or source.path)
        for version, addresses in source.addresses.items():
            if is_internet(version, addresses):
                return f"the internet ({source.text})"
            if self._settings.networks:
                if addresses - self._settings.networks.get(version, Spans()):
                    return f"{source.text}, which is not a declared network of administrators"
                continue
            inside = vpc_addresses(self._stack, group.resource, version) if group.resource else Spans()
            if isinstance(inside, tuple):
                return inside
            if addresses & inside:
                return f"{source.text}, which contains addresses of the VPC itself"
        return ""

    def _strange_group(self, source: Source) -> str | tuple[Resource | None, str]:
        if source.group is None:
            return "the group itself, that is from server to server"
        if source.group.unresolved or not source.group.certain:
            return (None, source.path)
        for text in source.group.foreign:
            if not self._settings.entrances.named(text):
                return (None, source.path)
        for target in source.group.targets:
            if target.urn in self._own:
                return f"{source.text}, the group of management interfaces, that is from server to server"
            attachments = [item for one in self._firewall.groups if one.key == target.urn for item in one.attachments]
            endpoints = [item for item in attachments if item.subject.type in ENTRANCES and item.certain]
            mark = self._settings.entrances.on(target)
            if mark is True:
                continue
            if isinstance(mark, str):
                return (target, mark)
            others = [item for item in attachments if item.subject.type not in ENTRANCES]
            doubts = [(item.holder, item.path) for item in attachments if not item.certain]
            if not any(item.certain for item in others):
                # Unknown attachments decide: the group may be that of an entry point or of a server.
                doubts += [place for place in self._firewall.unresolved_attachments if endpoints or place[0].type in ENTRANCES]
                if doubts:
                    return doubts[0]
            if endpoints and len(endpoints) == len(attachments):
                continue
            where = next((f"; {item.name} uses it too" for item in attachments if item not in endpoints), "")
            return f"{source.text}, which is not a dedicated group of a VPN or another entry point{where}"
        return ""

    def _place(self, server: Server, interface: Interface) -> Iterator[Finding]:
        """Checks that a management interface is not in a public subnet."""
        for reference in interface.subnets:
            if reference.unresolved:
                yield interface.holder, Unknown(reference.path)
            for subnet in topology_of(self._stack).subnets(reference):
                leads = [(table, route) for table in subnet.tables for route in table.routes]
                public = next((lead for lead in leads if lead[1].public), None)
                doubtful = next((lead[1] for lead in leads if lead[1].public is None), None)
                place = subnet.unknown or next((table.unknown for table in subnet.tables if table.unknown), None)
                lost = self._may_lead(subnet, public=public is not None)
                if lost:
                    yield lost[0], Unknown(lost[1])
                elif public and reference.certain and not subnet.unknown:
                    way = arrow(server.name, interface.name, subnet.name, public[0].name, public[1].name)
                    yield interface.holder, Fail(f"is a management interface in a public subnet: {way}", reference.path)
                elif public:
                    yield interface.holder, Unknown(reference.path)
                elif doubtful:
                    yield doubtful.resource, Unknown(doubtful.where)
                elif place:
                    resource = self._stack.by_urn(place[0])
                    yield (resource, Unknown(place[1])) if resource else (interface.holder, Unknown(f"{reference.path} ({subnet.name})"))

    def _may_lead(self, subnet: Subnet, *, public: bool) -> Place | None:
        """An unresolved route or association that may make the subnet public, or private."""
        associated = subnet.resource is not None and self._stack.referrers(subnet.resource, _TABLE_ASSOCIATION, "subnetId")
        for place in topology_of(self._stack).unresolved:
            # A subnet has one table, and a further route does not remove the one that makes it public.
            if not associated if place[0].type == _TABLE_ASSOCIATION else not public:
                return place
        return None

    def _unassigned(self) -> Iterator[Finding]:
        """Rules that may belong to the servers' groups."""
        mine = {group.key for _, interface in (*self._business, *self._management) for group in interface.groups}
        for unassigned in self._firewall.unassigned:
            for rule in unassigned.ingress:
                owners = {target.urn for target in rule.group.targets} | set(rule.group.foreign)
                if rule.group.unresolved or owners & mine:
                    yield rule.resource, Unknown(rule.group.path)


def _way(server: Server, interface: Interface, group: Group, rule: Rule) -> str:
    return arrow(rule.name, group.name, interface.name, server.name)
