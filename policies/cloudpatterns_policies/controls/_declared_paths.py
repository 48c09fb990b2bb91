"""The paths between services that a profile and the stack's own components declare."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final

from cloudpatterns_policies.core import UNKNOWN, Fail, Resource, Stack, Unknown, Verdict
from cloudpatterns_policies.graph import ports
from cloudpatterns_policies.graph.addresses import parse
from cloudpatterns_policies.graph.firewall import Group, firewall_of
from cloudpatterns_policies.graph.paths import INTERNET
from cloudpatterns_policies.graph.reading import read
from cloudpatterns_policies.graph.rules import PREFIX_LIST, Source
from cloudpatterns_policies.graph.spans import Spans

COMPONENT: Final = "cloudpatterns:index:ZeroTrustNetwork"
"""The component that declares its edges in its output `edges`, each as `shop-web -> shop-api: 8080`."""

END: Final = "a security group by logical name or id, with * for any text; or internet, a CIDR or a prefix list"
"""How an end is written."""

_ALL: Final = "all"
_PORT: Final = r"\d{1,5}(-\d{1,5})?(/(tcp|udp))?"
PORTS: Final = rf"^({_ALL}|{_PORT}(, ?{_PORT})*)$"
"""How the ports of an edge are written."""

# A group of a peered account is named with the account.
_ID: Final = re.compile(r"pl-|(\d{12}/)?sg-")
_EDGE: Final = re.compile(r"(?P<source>\S+) -> (?P<target>\S+): (?P<ports>\S+)")


class _EdgeError(Exception):
    """An invalid edge."""


@dataclass(slots=True)
class Edge:
    """One declared path."""

    source: str
    target: str
    ports: Spans
    where: str
    """Where it is declared: `edges.0`."""
    owner: Resource | None
    """The component that declares it, whose own groups it names; None for the profile, which may name any group of the stack."""
    sources: list[Group] = field(default_factory=list)
    """The groups that connect; none where `source` is no group of the stack."""
    targets: list[Group] = field(default_factory=list)
    """The groups that are connected to; none where `target` is no group of the stack."""


class Declaration:
    """The declared `edges` and `members`, and in `problems` the invalid ones."""

    def __init__(self, stack: Stack, config: Mapping[str, Any]) -> None:
        self._stack = stack
        self._groups = firewall_of(stack).groups
        self.edges: list[Edge] = []
        self.lost: set[str] = set()
        """URNs of components that have an unknown edge."""
        self.members: dict[str, Group] = {}
        """By key, the groups that are services, which only declared paths may reach."""
        components = [item for item in stack.of_type(COMPONENT) if read(item, "edges") is not None]
        self.empty = not (config["edges"] or config["members"] or components)
        """Whether nothing is declared."""
        self.problems: list[tuple[Resource, Verdict] | Verdict] = [
            *(problem for component in sorted(components, key=lambda item: item.urn) for problem in self._of_component(component)),
            *self._of_profile(config),
        ]

    def _of_component(self, component: Resource) -> Iterator[tuple[Resource, Verdict] | Verdict]:
        self._add_members(group for group in self._groups if group.resource is not None and group.resource.parent == component.urn)
        declared = read(component, "edges")
        for index, text in enumerate(declared if isinstance(declared, list) else [UNKNOWN]):
            where = f"edges.{index}" if isinstance(declared, list) else "edges"
            if text is UNKNOWN:
                self.lost.add(component.urn)
            match = None if text is UNKNOWN else _EDGE.fullmatch(str(text))
            if match:
                yield from self._use(match["source"], match["target"], match["ports"], where, component)
            else:
                yield component, Unknown(where) if text is UNKNOWN else Fail(f"declares {text!r}, which is not a path", where)

    def _of_profile(self, config: Mapping[str, Any]) -> Iterator[tuple[Resource, Verdict] | Verdict]:
        for index, declared in enumerate(config["edges"]):
            texts = list(declared.values()) if isinstance(declared, Mapping) and set(declared) == {"from", "to", "ports"} else []
            if texts and all(isinstance(text, str) and text for text in texts):
                yield from self._use(declared["from"], declared["to"], declared["ports"], f"edges.{index}", None)
            else:
                yield Fail(f"the profile declares {declared!r}, which is not an edge; use from, to and ports", f"edges.{index}")
        for index, pattern in enumerate(config["members"]):
            found = self._named(pattern, None)
            self._add_members(found)
            if not found:
                yield Fail(f"the profile names the member {pattern!r}, which matches no security group", f"members.{index}")

    def _use(self, source: str, target: str, text: str, where: str, owner: Resource | None) -> Iterator[tuple[Resource, Verdict] | Verdict]:
        try:
            edge = Edge(source, target, _read_ports(text), where, owner, self._end(source, owner), self._end(target, owner))
            if not (edge.sources or edge.targets):
                raise _EdgeError("neither end is a security group of the stack")
        except _EdgeError as error:
            message = f"declares an invalid path: {error}"
            yield (owner, Fail(message, where)) if owner else Fail(f"the profile {message}", where)
            return
        self.edges.append(edge)
        self._add_members((*edge.sources, *edge.targets))

    def _add_members(self, groups: Any) -> None:
        self.members.update((group.key, group) for group in groups)

    def _end(self, pattern: str, owner: Resource | None) -> list[Group]:
        """The groups that an end names. Raises `_EdgeError` for an end that matches nothing."""
        found = self._named(pattern, owner)
        lists = [item for item in self._stack.of_type(PREFIX_LIST) if fnmatchcase(item.name, pattern)]
        if not (found or lists or _ID.match(pattern) or networks(pattern)):
            raise _EdgeError(f"{pattern!r} matches nothing in the stack; use {END}")
        return found

    def _named(self, pattern: str, owner: Resource | None) -> list[Group]:
        return [
            group
            for group in self._groups
            if any(fnmatchcase(name, pattern) for name in _names(group))
            and (owner is None or (group.resource is not None and group.resource.parent == owner.urn))
        ]


def networks(pattern: str) -> dict[int, Spans]:
    """The addresses that an end names, by IP version; none for a name."""
    texts = ("0.0.0.0/0", "::/0") if pattern == INTERNET else (pattern,)
    try:
        return dict(map(parse, texts))
    except ValueError:
        return {}


def covers(pattern: str, source: Source) -> bool:
    """Whether an end that is not a group contains a source that is not a group."""
    if any(fnmatchcase(name, pattern) for name in source.names):
        return True
    known = networks(pattern)
    whole = bool(source.addresses) and not source.unknown
    return whole and all(not addresses - known.get(version, Spans()) for version, addresses in source.addresses.items())


def means(item: Source, own: Group, other: Group | None, pattern: str) -> bool | None:
    """Whether a rule of `own` names the group `other`, or an id that matches `pattern` when that is no group of the stack."""
    if item.group is None:
        return own is other
    named = {target.urn for target in item.group.targets} | set(item.group.foreign)
    if other is None:
        return any(fnmatchcase(text, pattern) for text in item.group.foreign) or (None if item.group.unresolved else False)
    if other.key in named:
        return True if item.group.certain else None
    return None if item.group.unresolved else False


def _names(group: Group) -> list[str]:
    """The logical name and the id of a group, as far as they are known."""
    if group.resource is None:
        return [group.key]
    known = group.resource.raw.get("id")
    return [group.resource.name, *([known] if isinstance(known, str) else [])]


def _read_ports(text: str) -> Spans:
    try:
        return ports.ALL if text == _ALL else ports.parse_ports(text.split(","))
    except ValueError as error:
        raise _EdgeError(f"{error}, or all") from None
