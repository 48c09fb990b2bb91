"""Proof of the Functional Firewall: the internet reaches only web ports of public entry points; data ports allow only callers' groups."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cloudpatterns_policies.core import Fail, NotApplicable, Resource, Severity, Stack, Unknown, Verdict, stack_control
from cloudpatterns_policies.graph import ports
from cloudpatterns_policies.graph.exposure import THE_INTERNET, Exposure, entries, exposures
from cloudpatterns_policies.graph.firewall import Attachment, Firewall, Group, firewall_of, is_balancer, is_internal
from cloudpatterns_policies.graph.kinds import TEMPLATE
from cloudpatterns_policies.graph.marks import OPERATOR_TAG, PUBLIC_TAG, Marks
from cloudpatterns_policies.graph.reading import some
from cloudpatterns_policies.graph.regions import Place
from cloudpatterns_policies.graph.rules import Rule, SourceKind
from cloudpatterns_policies.graph.spans import Spans

WEB_PORTS: Final = ("80", "443")
DATA_PORTS: Final = (
    "1433", "1521", "2049", "2049/udp", "3306", "5432", "5439", "6379-6380", "8111", "8182", "9042", "9092-9098", "9142", "9200", "9300",
    "11211", "11211/udp", "27017",
)  # fmt: skip
"""SQL Server, Oracle, NFS, MySQL, PostgreSQL, Redshift, Redis, DAX, Neptune, Cassandra, Kafka, OpenSearch, Memcached, MongoDB."""

# Network errors that a host must receive: ICMP "destination unreachable", and the four ICMPv6 errors that must not be dropped.
# https://www.rfc-editor.org/rfc/rfc4890#section-4.3.1
_NETWORK_ERRORS: Final = ports.icmp([3]) | ports.icmp([1, 2, 3, 4], v6=True)

_EVERY_ICMP: Final = ports.icmp(range(256)) | ports.icmp(range(256), v6=True)

_STRINGS: Final = {"type": "array", "items": {"type": "string"}}
_PORTS: Final = {"type": "array", "items": {"type": "string", "pattern": ports.PATTERN}}

Finding = tuple[Resource, Verdict]


@dataclass(frozen=True, slots=True)
class _Settings:
    """The control's configuration, parsed."""

    open_ports: Spans
    data_ports: Spans
    public: Marks
    operators: Marks
    trusted: frozenset[str]

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> "_Settings":
        """Raises `ValueError` for an invalid port."""
        return cls(
            ports.parse_ports(config["internetPorts"]) | _NETWORK_ERRORS,
            ports.parse_ports(config["dataPorts"]),
            Marks.of(config["publicTags"], config["publicNames"]),
            Marks.of(config["operatorTags"]),
            frozenset(config["trustedPrefixLists"]),
        )


@dataclass(frozen=True, slots=True)
class _Place:
    """Whether a group is a public entry point: `refusal` says why not; `unknown` is the value that would decide."""

    refusal: str = ""
    unknown: tuple[Resource, str] | None = None


@stack_control(
    id="functional-firewall",
    title="The internet reaches only ports 80 and 443 of public entry points, and data ports allow only security groups of callers",
    severity=Severity.CRITICAL,
    why="One rule that is too wide exposes a database, a cache or an internal service to everyone, whatever else protects it. "
    "A data port that allows addresses instead of groups allows any resource that gets one of these addresses later.",
    remediation="Open only 80 and 443 to the internet, at a load balancer, a CDN origin or a group tagged cloudpatterns:internet=true; "
    "name the callers' groups for data ports.",
    url="https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html",
    config={
        "internetPorts": {
            **_PORTS,
            "default": list(WEB_PORTS),
            "description": "Ports that the internet may reach: 443, 8000-8010 or 443/udp.",
        },
        "dataPorts": {**_PORTS, "default": list(DATA_PORTS), "description": "Ports of data stores, which may allow only security groups."},
        "publicTags": {
            **_STRINGS,
            "default": [PUBLIC_TAG],
            "description": "Tags, key or key=value, of groups, or of the resources that they are attached to, that may be public.",
        },
        "publicNames": {**_STRINGS, "default": [], "description": "The same by logical name or group id; * matches any text."},
        "operatorTags": {
            **_STRINGS,
            "default": [OPERATOR_TAG],
            "description": "Tags of operators' groups: operational-firewall checks what these allow on data ports.",
        },
        "trustedPrefixLists": {
            **_STRINGS,
            "default": [],
            "description": "Prefix lists, by id or logical name, whose entries are not in the stack and are not the internet.",
        },
    },
)
def functional_firewall(stack: Stack, *, config: Mapping[str, Any]) -> Verdict | Iterator[Finding]:
    """Checks each group by itself, then the groups of one interface together."""
    firewall = firewall_of(stack)
    if firewall.empty:
        return NotApplicable("the stack has no security group")
    return _Judge(firewall, _Settings.of(config)).findings()


class _Judge:
    """Checks the groups of one stack."""

    def __init__(self, firewall: Firewall, settings: _Settings) -> None:
        self._firewall = firewall
        self._settings = settings
        self._places: dict[str, _Place] = {}
        self._failed: set[Rule] = set()

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
        for exposure in exposures(entries(group.ingress, ports.ALL, self._settings.trusted), THE_INTERNET):
            for finding in self._internet(exposure, (group,)):
                self._failed.update(exposure.rules if isinstance(finding[1], Fail) else ())
                yield finding
        for rule in group.ingress:
            if rule not in self._failed:
                yield from self._data(rule, group)
                yield from self._unknowns(rule, group)

    def scope(self, groups: Sequence[Group]) -> Iterator[Finding]:
        """Findings on what several groups allow together, and none of them alone."""
        known = [entry for group in groups for entry in entries(group.ingress, ports.ALL, self._settings.trusted)]
        for exposure in exposures(known, THE_INTERNET, singles=False):
            involved = tuple(group for group in groups if any(rule in group.rules for rule in exposure.rules))
            if len(involved) > 1 and not self._failed.issuperset(exposure.rules):
                yield from self._internet(exposure, involved)

    def unassigned(self) -> Iterator[Finding]:
        """What rules of an unknown group may allow together with those of a known group."""
        for group in self._firewall.groups if self._firewall.unassigned else ():
            possible = self._firewall.may_belong(group)
            known = entries([*possible, *group.ingress], ports.ALL, self._settings.trusted)
            for exposure in exposures(known, THE_INTERNET, singles=False):
                added = [rule for rule in exposure.rules if rule in possible]
                harmless = not exposure.ports - self._settings.open_ports and self._place(group) == _Place()
                if added and not harmless and not self._failed.issuperset(exposure.rules):
                    yield added[0].resource, Unknown(added[0].group.path)

    def _internet(self, exposure: Exposure, groups: Sequence[Group]) -> Iterator[Finding]:
        """The finding on ports that the internet reaches, if any."""
        resource, who, path = exposure.rules[0].resource, exposure.sources, paths(exposure, groups)
        if exposure.ports - self._settings.open_ports:
            what = _permitted(exposure.ports, self._settings.open_ports)
            yield resource, Fail(f"allows the internet ({who}) on {ports.describe(exposure.ports)}{what}: {path}", exposure.where)
            return
        if not exposure.ports - _NETWORK_ERRORS:
            return
        for group in groups:
            place = self._place(group)
            if place.refusal:
                message = f"allows the internet ({who}) on {ports.describe(exposure.ports)} {place.refusal}: {path}"
                yield resource, Fail(message, exposure.where)
                return
            if place.unknown:
                yield place.unknown[0], Unknown(place.unknown[1])
                return

    def _data(self, rule: Rule, group: Group) -> Iterator[Finding]:
        """The finding on a rule for a data port: one, however many sources are wrong."""
        hit = rule.ports & self._settings.data_ports
        wrong = [source for source in rule.sources if source.kind is not SourceKind.GROUP]
        if not hit or not wrong or _is_router(group):
            return
        if doubt := _router_doubt(group):
            yield doubt[0], Unknown(doubt[1])
            return
        operated = self._settings.operators.on(group.resource) if group.resource else False
        if operated is True:
            return
        if isinstance(operated, str) and group.resource:
            yield group.resource, Unknown(operated)
            return
        sure = [source for source in wrong if source.certain]
        if not sure:
            yield rule.resource, Unknown(wrong[0].path)
            return
        within = f", within {ports.describe(rule.ports)}," if hit != rule.ports else ""
        who = some([source.text for source in sure])
        message = f"allows data {ports.describe(hit)}{within} from {who} instead of a caller's security group"
        yield rule.resource, Fail(f"{message}: {group.path(rule)}", sure[0].path)

    def _unknowns(self, rule: Rule, group: Group) -> Iterator[Finding]:
        """The unknown value that matters in a rule without a failure."""
        if rule.unknown:
            if any(source.kind is not SourceKind.GROUP for source in rule.sources):
                yield rule.resource, Unknown(rule.unknown)
            return
        unsure = [source for source in rule.sources if source.unknown and not source.names & self._settings.trusted]
        if not unsure or (rule.ports & self._settings.data_ports and not _is_router(group)):
            return
        if rule.ports - self._settings.open_ports or self._place(group) != _Place():
            yield rule.resource, Unknown(unsure[0].unknown)

    def _place(self, group: Group) -> _Place:
        if group.key not in self._places or group.resource is None:
            self._places[group.key] = self._find_place(group)
        return self._places[group.key]

    def _find_place(self, group: Group) -> _Place:
        marks = self._settings.public
        marked = marks.on(group.resource) if group.resource else marks.named(group.key)
        if marked is True:
            return _Place()
        if isinstance(marked, str) and group.resource:
            return _Place(unknown=(group.resource, marked))
        if group.resource is None:
            # Its tags and its other attachments are not in this stack.
            rule = next(iter(group.rules))
            return _Place(unknown=(rule.resource, rule.group.path))
        if not group.attachments and (lost := (*group.elsewhere, *self._firewall.unresolved_attachments)):
            return _Place(unknown=lost[0])
        if not group.attachments:
            return _Place(f"at {group.name}, which has no load balancer or CDN origin and is not tagged as public")
        unknown = group.elsewhere[0] if group.elsewhere else None
        for attachment in group.attachments:
            refusal, place = self._refusal(attachment)
            if refusal and attachment.certain:
                return _Place(f"at {refusal}")
            if refusal:
                unknown = unknown or (attachment.holder, attachment.path)
            elif place:
                unknown = unknown or place
        return _Place(unknown=unknown)

    def _refusal(self, attachment: Attachment) -> tuple[str, tuple[Resource, str] | None]:
        """Why a group that is attached there may not allow the internet, and what leaves that unknown; neither when it may."""
        subject = attachment.subject
        if subject.urn in self._firewall.origins:
            return "", None
        marked = self._marked(attachment)
        if marked is True:
            return "", None
        if is_balancer(attachment):
            internal = is_internal(subject)
            if internal is None:
                return "", (subject, "internal")
            return (f"{attachment.name}, which is internal", None) if internal else ("", None)
        if marked:
            return "", marked
        return f"{attachment.name}, which is no internet-facing load balancer or CDN origin and is not tagged as public", None

    def _marked(self, attachment: Attachment) -> bool | tuple[Resource, str]:
        """Whether the subject, or each instance launched from it, is tagged as public; the place of the tag when it is unknown."""
        marked = self._settings.public.on(attachment.subject)
        if marked:
            return True if marked is True else (attachment.subject, marked)
        marks = [(user, self._settings.public.on(user)) for user in attachment.users]
        if not marks and attachment.subject.type == TEMPLATE and self._firewall.launches:
            return self._firewall.launches[0]
        if not marks or any(mark is False for _, mark in marks):
            return False
        return next(((user, mark) for user, mark in marks if isinstance(mark, str)), True)


def _permitted(exposed: Spans, permitted: Spans) -> str:
    """The end of a message on what of these ports may be open to the internet, if any of them may."""
    if exposed - _EVERY_ICMP:
        return "; only web ports may be open to it" if exposed & permitted else ""
    versions = ((ports.icmp(range(256)), "type 3 of ICMP"), (ports.icmp(range(256), v6=True), "types 1 to 4 of ICMPv6"))
    return f"; only {' and '.join(text for every, text in versions if exposed & every)} may be open to it"


def _is_router(group: Group) -> bool:
    """Whether the group is attached only to NAT instances, which forward traffic to other destinations."""
    return bool(group.attachments) and all(item.router and item.certain for item in group.attachments)


def _router_doubt(group: Group) -> Place | None:
    """What leaves it unknown whether a group is attached only to NAT instances; None when it surely has other attachments."""
    doubts = [
        (item.holder, item.path) if item.router else item.router_doubt for item in group.attachments if not (item.router and item.certain)
    ]
    return doubts[0] if doubts and all(doubts) else None


def paths(exposure: Exposure, groups: Sequence[Group]) -> str:
    """The paths for a message: for each group one of its rules in the exposure."""
    return "; ".join(group.path(next(rule for rule in exposure.rules if rule in group.rules)) for group in groups)
