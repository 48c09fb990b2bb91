"""Ports that rules open to too many addresses, rule by rule and by unions of rules."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from cloudpatterns_policies.graph.addresses import INTERNET_PREFIX, VERSIONS, is_internet, network_size, public
from cloudpatterns_policies.graph.reading import some
from cloudpatterns_policies.graph.rules import Rule, Source, SourceKind
from cloudpatterns_policies.graph.spans import Spans


@dataclass(frozen=True, eq=False, slots=True)
class Entry:
    """The sources of one rule in one IP version, limited to the relevant ports and to public addresses."""

    rule: Rule
    sources: tuple[Source, ...]
    """The sources with public addresses, the broadest first."""
    version: int
    ports: Spans
    addresses: Spans
    size: int
    """Number of addresses."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """Ports, and the entries that together open them too widely: those of one rule, or of several rules together."""

    ports: Spans
    entries: tuple[Entry, ...]

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules of the entries."""
        return tuple(dict.fromkeys(entry.rule for entry in self.entries))

    @property
    def where(self) -> str:
        """The property that names the broadest source of the first rule."""
        return self.entries[0].sources[0].path

    @property
    def sources(self) -> str:
        """The sources for messages, with their rules when there are several."""
        if len(self.rules) == 1:
            return some([source.text for entry in self.entries for source in entry.sources])
        return some([f"{some([item.text for item in entry.sources])} in {entry.rule.name}" for entry in self.entries], 3, " + ")


@dataclass(frozen=True, slots=True)
class Limit:
    """The limit: `test` decides; sets of up to `floor(version)` addresses never exceed it."""

    floor: Callable[[int], int]
    test: Callable[[int, Spans], bool]


THE_INTERNET = Limit(lambda version: network_size(version, INTERNET_PREFIX[version]), is_internet)
"""More public addresses than any one organisation has."""


def entries(rules: Iterable[Rule], ports: Spans, trusted: frozenset[str]) -> Iterator[Entry]:
    """The known sources of `rules` on `ports`, without groups and without prefix lists named in `trusted`."""
    for rule in rules:
        relevant = rule.ports & ports
        if not relevant:
            continue
        named = [item for item in rule.sources if item.kind is not SourceKind.GROUP and not item.names & trusted]
        for version in VERSIONS:
            known = [(public(version, item.addresses[version]), item) for item in named if version in item.addresses]
            sources = sorted((pair for pair in known if pair[0]), key=lambda pair: -pair[0].size)
            if sources:
                addresses = Spans.union(part for part, _ in sources)
                yield Entry(rule, tuple(item for _, item in sources), version, relevant, addresses, addresses.size)


def exposures(candidates: Iterable[Entry], limit: Limit, *, singles: bool = True) -> list[Exposure]:
    """The exposures beyond `limit`. IPv4 and IPv6 are checked separately. Without `singles`, only unions are returned.

    A rule that exceeds the limit alone is left out of unions: its ports are already reported.
    """
    alone: dict[Rule, tuple[Entry, ...]] = {}
    rest: dict[int, list[Entry]] = {version: [] for version in VERSIONS}
    for entry in candidates:
        if entry.size > limit.floor(entry.version) and limit.test(entry.version, entry.addresses):
            alone[entry.rule] = (*alone.get(entry.rule, ()), entry)
        else:
            rest[entry.version].append(entry)
    found = [Exposure(own[0].ports, own) for own in alone.values()] if singles else []
    for version, items in rest.items():
        if len(items) > 1 and sum(item.size for item in items) > limit.floor(version):
            found += _unions(version, items, limit)
    return found


def _unions(version: int, items: list[Entry], limit: Limit) -> list[Exposure]:
    """Sweeps over the ports; a union is computed only where the sizes add up to the limit, and once for each set of entries."""
    changes: dict[int, tuple[list[int], list[int]]] = {}
    for index, item in enumerate(items):
        for first, last in item.ports.runs:
            changes.setdefault(first, ([], []))[0].append(index)
            changes.setdefault(last + 1, ([], []))[1].append(index)
    floor, total = limit.floor(version), 0
    active: set[int] = set()
    verdicts: dict[frozenset[int], bool] = {}
    open_at: dict[frozenset[int], list[tuple[int, int]]] = {}
    points = sorted(changes)
    for position, point in enumerate(points):
        begun, ended = changes[point]
        active.difference_update(ended)
        active.update(begun)
        total += sum(items[index].size for index in begun) - sum(items[index].size for index in ended)
        if total <= floor:
            continue
        key = frozenset(active)
        if key not in verdicts:
            verdicts[key] = limit.test(version, Spans.union(items[index].addresses for index in key))
        if verdicts[key]:
            open_at.setdefault(key, []).append((point, points[position + 1] - 1))
    return [Exposure(Spans.of(runs), tuple(items[index] for index in sorted(key))) for key, runs in open_at.items()]
