"""Sets of (protocol and port, address) pairs, and facts about them that may be partly unknown."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from cloudpatterns_policies.core import Resource
from cloudpatterns_policies.graph.addresses import BITS
from cloudpatterns_policies.graph.ports import ALL
from cloudpatterns_policies.graph.spans import Spans

EVERYWHERE: Final = {version: Spans(((0, (1 << bits) - 1),)) for version, bits in BITS.items()}
"""All addresses, by IP version."""

Place = tuple[Resource, str]
"""A resource and the path of one of its properties: the place of an unknown value."""


@dataclass(frozen=True, slots=True)
class Region:
    """A union of rectangles: ports times addresses of one IP version."""

    parts: tuple[tuple[Spans, Spans], ...] = ()

    @classmethod
    def of(cls, ports: Spans, addresses: Spans) -> "Region":
        """One rectangle."""
        return cls(((ports, addresses),)) if ports and addresses else cls()

    @classmethod
    def union(cls, regions: Iterable["Region"]) -> "Region":
        """The union of any number of regions."""
        return cls(tuple(dict.fromkeys(part for region in regions for part in region.parts)))

    def __bool__(self) -> bool:
        return bool(self.parts)

    def __and__(self, other: "Region") -> "Region":
        both = ((ports & others, addresses & theirs) for ports, addresses in self.parts for others, theirs in other.parts)
        return Region(tuple(dict.fromkeys((ports, addresses) for ports, addresses in both if ports and addresses)))

    def __sub__(self, other: "Region") -> "Region":
        parts = self.parts
        for others, theirs in other.parts:
            left: list[tuple[Spans, Spans]] = []
            for ports, addresses in parts:
                common = ports & others
                if not common or not addresses & theirs:
                    left.append((ports, addresses))
                    continue
                left += [pair for pair in ((ports - others, addresses), (common, addresses - theirs)) if pair[0] and pair[1]]
            parts = tuple(left)
        return Region(parts)

    def addresses(self, ports: Spans = ALL) -> Spans:
        """Addresses that are paired with some port of `ports`."""
        return Spans.union(addresses for own, addresses in self.parts if own & ports)

    def ports_where(self, test: Callable[[Spans], bool]) -> Spans:
        """The ports whose addresses, taken together, pass `test`. Ports without any address are not tested."""
        changes: dict[int, tuple[list[int], list[int]]] = {}
        for index, (ports, _) in enumerate(self.parts):
            for first, last in ports.runs:
                changes.setdefault(first, ([], []))[0].append(index)
                changes.setdefault(last + 1, ([], []))[1].append(index)
        active: set[int] = set()
        verdicts: dict[frozenset[int], bool] = {}
        found: list[tuple[int, int]] = []
        points = sorted(changes)
        for position, point in enumerate(points):
            begun, ended = changes[point]
            active.difference_update(ended)
            active.update(begun)
            if not active:
                continue
            key = frozenset(active)
            if key not in verdicts:
                verdicts[key] = test(Spans.union(self.parts[index][1] for index in key))
            if verdicts[key]:
                found.append((point, points[position + 1] - 1))
        return Spans.of(found)


def everything(version: int) -> Region:
    """All ports from all addresses."""
    return Region.of(ALL, EVERYWHERE[version])


@dataclass(frozen=True, slots=True)
class Fact:
    """The traffic that surely passes, and that may pass. `place` is the unknown value that makes the difference, if any."""

    low: Region
    high: Region
    place: Place | None = None

    @classmethod
    def sure(cls, region: Region) -> "Fact":
        """A fact without unknowns."""
        return cls(region, region)


@dataclass(frozen=True, slots=True)
class Passage:
    """The same, for ports only."""

    low: Spans = field(default_factory=Spans)
    high: Spans = field(default_factory=Spans)
    place: Place | None = None


def across(fact: Fact, bounds: Spans, bounded_by: Place) -> Passage:
    """The ports on which traffic passes for an address in `bounds`.

    A port surely passes when it does for all of `bounds`. If it does only for some, it may pass, and `bounded_by` is the unknown value.
    """
    high = fact.high.ports_where(lambda addresses: bool(addresses & bounds))
    low = fact.low.ports_where(lambda addresses: not bounds - addresses)
    return Passage(low, high, None if low == high else fact.place or bounded_by)
