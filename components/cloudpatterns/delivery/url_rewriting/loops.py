"""Finds redirects that never end in a table of rules, over chains of rules as well.

A rule replaces the beginning of a path by another, or the whole path by a fixed one. So a chain of rules replaces a beginning as well:
it never ends where each path with the one beginning has it again after the chain. Fixed paths are followed one by one.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

MOST_REDIRECTS = 20
"""Browsers give up after so many: https://fetch.spec.whatwg.org/#http-redirect-fetch"""


def is_one_of(host: str, names: Sequence[str]) -> bool:
    """Whether a host is one of the names, or of those that a wildcard among them stands for."""
    return any(host.endswith(name[1:]) if name.startswith("*.") else host == name for name in names)


class Step(NamedTuple):
    """A rule as the search sees it."""

    name: str
    hosts: Sequence[str]
    start: str
    """What the path begins with or, of an ``exact`` rule, is."""
    exact: bool
    host: str | None
    """Host that it leads to. None: the same one."""
    begins: str
    """What the new path begins with or, of a ``fixed`` rule, is."""
    kept: int | None
    """Characters of the path that are not part of the new one; all others are. None: the new path is fixed."""

    def matches(self, host: str, path: str) -> bool:
        """Whether the rule is for a path."""
        return is_one_of(host, self.hosts) and (path == self.start if self.exact else path.startswith(self.start))

    def covers(self, host: str, start: str) -> bool:
        """Whether the rule is for all paths that begin so."""
        return is_one_of(host, self.hosts) and not self.exact and start.startswith(self.start)

    def leads(self, host: str, path: str) -> tuple[str, str]:
        """Host and path, or its beginning, that a path, or its beginning, leads to."""
        return self.host or host, self.begins if self.kept is None else self.begins + path[self.kept :]


def endless(steps: Sequence[Step]) -> Iterator[tuple[str, str]]:
    """Names of rules that begin a chain without an end, or one of too many redirects, with what is wrong."""
    found: set[frozenset[str]] = set()
    targets = {step.host for step in steps if step.host is not None}
    for step in steps:
        # A wildcard stands for hosts to which rules lead as well.
        for host in dict.fromkeys([*step.hosts, *sorted(host for host in targets if is_one_of(host, step.hosts))]):
            chain = _followed(steps, step, host) or _searched(steps, step, host)
            # One loop is found from each of its rules.
            if chain and frozenset(chain) not in found:
                found.add(frozenset(chain))
                yield chain[0], _words(chain)


def _words(chain: Sequence[str]) -> str:
    if len(chain) > MOST_REDIRECTS:
        return f"leads through more than {MOST_REDIRECTS} redirects, after which browsers give up"
    return "leads to itself without an end" if len(chain) == 1 else f"is in a loop, {' to '.join([*chain, chain[0]])}"


def _followed(steps: Sequence[Step], step: Step, host: str) -> list[str]:
    """The loop that a rule for one path, or with a fixed path, leads into."""
    if step.exact:
        place = (host, step.start)
    elif step.kept is None:
        place = step.leads(host, step.start)
    else:
        return []
    seen: dict[tuple[str, str], str] = {}
    while place not in seen and len(seen) <= MOST_REDIRECTS:
        matching = next((one for one in steps if one.matches(*place)), None)
        if matching is None:
            return []
        seen[place] = matching.name
        place = matching.leads(*place)
    return [*seen.values()][[*seen].index(place) if place in seen else 0 :]


def _searched(steps: Sequence[Step], step: Step, host: str) -> list[str]:
    """The loop of rules that replace the beginning of paths.

    Each loop has a rule from which no part of the chain makes paths shorter than they were; so what does is searched no further.
    """
    if step.exact or step.kept is None or _shadowed(steps, step, host, step.start):
        return []
    seen: set[tuple[str, str, str]] = set()
    pending: list[tuple[str, str, str, tuple[str, ...]]] = [(step.start, *step.leads(host, step.start), (step.name,))]
    while pending:
        begin, there, now, chain = pending.pop()
        if there == host and now.startswith(begin) and not _shadowed(steps, step, host, now):
            return [*chain]
        if (begin, there, now) in seen or len(now) < len(begin):
            continue
        seen.add((begin, there, now))
        if len(chain) > MOST_REDIRECTS:
            # A loop that does not pass this rule is found from its own.
            if len(set(chain)) == len(chain):
                return [*chain]
            continue
        for other in steps:
            longer = other.start[len(now) :] if other.start.startswith(now) else ""
            replaced = now + longer
            if other.kept is not None and other.covers(there, replaced) and not _shadowed(steps, other, there, replaced):
                pending.append((begin + longer, *other.leads(there, replaced), (*chain, other.name)))
    return []


def _shadowed(steps: Sequence[Step], step: Step, host: str, start: str) -> bool:
    """Whether another rule comes first for all paths that begin so."""
    first = next((one for one in steps if one.covers(host, start)), step)
    return first.name != step.name
