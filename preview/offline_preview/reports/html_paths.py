"""Where findings are in a picture: the hops of the paths that they name, and the things by which other resources are shown."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from typing import Final

from offline_preview.findings import STACK_TYPE
from offline_preview.graph import Graph, Resource

INTERNET: Final = "internet"
"""The end of a path that is no resource."""
_ARROW: Final = " -> "
_PART: Final = re.compile(r"[(),;]")
_MORE: Final = re.compile(r" and \d+ more$")
_CAPITAL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_FROM: Final = re.compile(r"\b(?:by|from|allows) the internet\b")
_TO: Final = re.compile(r"\breaches the internet\b|\binternet egress\b|\boutbound route\b")
_MOST: Final = 4
"""A resource that more things use than these belongs to none of them."""
_STEPS: Final = 3
"""From a role by its profile and its template to the servers."""


@dataclass(frozen=True, slots=True)
class Hop:
    """One place on a path: what the finding calls it, and the resources that it names."""

    text: str
    urns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """A finding's text without its path, and the path."""

    text: str
    hops: tuple[Hop, ...] = ()

    @property
    def ends(self) -> list[tuple[str, ...]]:
        """The resources of each hop in the direction of the traffic, and the internet where the text names it as an end."""
        found = [hop.urns for hop in self.hops if hop.urns]
        if found and _TO.search(self.text):
            return [*found, (INTERNET,)] if found[-1] != (INTERNET,) else found
        if found and _FROM.search(self.text) and found[0] != (INTERNET,):
            return [(INTERNET,), *found]
        return found


class Places:
    """The resources of a stack and where a picture shows them."""

    def __init__(self, graph: Graph, things: Set[str], boxes: Set[str]) -> None:
        self._things, self._shown = things, things | boxes
        self._known = graph.by_urn()
        self._named: dict[str, list[Resource]] = defaultdict(list)
        self._referrers: dict[str, list[str]] = defaultdict(list)
        self._children: dict[str, list[Resource]] = defaultdict(list)
        for resource in graph.resources:
            self._children[resource.parent].append(resource)
            if resource.type != STACK_TYPE and not resource.type.startswith("pulumi:"):
                self._named[resource.name].append(resource)
            for urn in dict.fromkeys(urn for urns in resource.property_dependencies.values() for urn in urns):
                self._referrers[urn].append(resource.urn)

    def route(self, text: str) -> Route:
        """The path in a finding's text: ``is reached by the internet: internet -> ... -> RDS cluster shop``."""
        if _ARROW not in text:
            return Route(text)
        before, _, after = text.partition(_ARROW)
        said, colon, first = before.rpartition(": ")
        hops = (first, *after.removesuffix(".").split(_ARROW))
        return Route(said + colon.strip(), tuple(Hop(hop, self._named_in(hop)) for hop in hops))

    def stops(self, route: Route) -> list[list[str]]:
        """What is shown of each hop: in between only what is itself in the picture, at the ends also what stands for it."""
        ends = route.ends
        found = [
            self.of(urns) if index in (0, len(ends) - 1) or len(ends) == 2 else [urn for urn in urns if urn in self._shown]
            for index, urns in enumerate(ends)
        ]
        return [stop for stop in found if stop]

    def shown(self, route: Route) -> list[bool]:
        """For each hop, whether it is on the way that ``stops`` shows."""
        on_the_way = {place for stop in self.stops(route) for place in stop}
        ends = (route.ends[0], route.ends[-1]) if route.ends else ()
        return [bool(on_the_way.intersection(self.of(hop.urns) if hop.urns in ends else hop.urns)) for hop in route.hops]

    def _named_in(self, hop: str) -> tuple[str, ...]:
        """The resources that a hop names: ``route hole (0.0.0.0/0 to NAT gateway nat)`` names two."""
        if hop in (INTERNET, f"the {INTERNET}"):
            return (INTERNET,)
        found = [self._named_at_end(part.split()) for part in _PART.split(_MORE.sub("", hop))]
        return tuple(resource.urn for resources in found for resource in resources)

    def _named_at_end(self, words: Sequence[str]) -> list[Resource]:
        """The resources of the longest name with which the words end."""
        for start in range(len(words)):
            if (name := " ".join(words[start:])) in self._named:
                return _fitting(self._named[name], words[:start])
        return []

    def of(self, urns: Iterable[str]) -> list[str]:
        """The shown resources by which resources are to be seen."""
        return list(dict.fromkeys(place for urn in urns for place in self._of(urn)))

    def _of(self, urn: str) -> list[str]:
        if urn == INTERNET or urn in self._shown:
            return [urn]
        resource = self._known.get(urn)
        if resource is None or resource.type == STACK_TYPE:
            return []
        if not resource.custom:
            return self._within(urn)
        refs = list(self._refs(resource))
        return self._used_by(resource, refs) or self._few(refs, self._shown) or self._of_owners(refs)

    def _used_by(self, resource: Resource, refs: Sequence[str]) -> list[str]:
        family, users = self._users(resource)
        return family or self._few(refs, self._things) or users

    def _of_owners(self, refs: Iterable[str]) -> list[str]:
        """A role's policy is where the role is used."""
        owners = [self._known[urn] for urn in refs if urn in self._known and self._known[urn].custom]
        return self._few((place for owner in owners for place in self._used_by(owner, ())), self._things)

    def _refs(self, resource: Resource) -> Iterator[str]:
        # An alarm is about what it watches, not about the topic that it tells.
        names = (name for name in resource.property_dependencies if name not in ("alarmActions", "okActions", "vpcId", "tags"))
        return (urn for name in names for urn in resource.property_dependencies[name])

    def _users(self, resource: Resource) -> tuple[list[str], list[str]]:
        """What refers to it, or to what refers to it: of its own component, and of all.

        What only waits for it refers to it as well; what is of the same component uses it.
        """
        near = [resource.urn]
        family: list[str] = []
        users: list[str] = []
        for _ in range(_STEPS):
            near = list(dict.fromkeys(user for one in near for user in self._referrers[one]))
            family = family or self._few((one for one in near if self._known[one].parent == resource.parent), self._things)
            users = users or self._few(near, self._things)
        return family, users

    def _within(self, urn: str) -> list[str]:
        """What is shown of a component."""
        children = self._children[urn]
        shown = [child.urn for child in children if child.urn in self._shown]
        return shown + [place for child in children if not child.custom for place in self._within(child.urn)]

    def _few(self, urns: Iterable[str], shown: Set[str]) -> list[str]:
        found = list(dict.fromkeys(urn for urn in urns if urn in shown))
        return found if len(found) <= _MOST else []


def _fitting(resources: Sequence[Resource], nouns: Sequence[str]) -> list[Resource]:
    """Of resources of one name, those whose type fits best to the words before it."""
    words = {noun.lower() for noun in nouns}
    points = [len(words & set(_CAPITAL.sub(" ", resource.type.rpartition(":")[2]).lower().split())) for resource in resources]
    best = [resource for resource, point in zip(resources, points, strict=True) if point == max(points)]
    # A component has the name of its main resource only where nothing else fits.
    return [resource for resource in best if resource.custom] or best
