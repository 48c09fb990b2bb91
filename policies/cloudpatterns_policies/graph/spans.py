"""Sets of whole numbers as sorted runs: addresses, and protocol-and-port pairs, are both counted this way."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spans:
    """A set of whole numbers. `runs` are its `(first, last)` pairs: sorted, disjoint and not adjacent. Make one with `Spans.of`."""

    runs: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of(cls, runs: Iterable[tuple[int, int]]) -> "Spans":
        """The union of runs, both ends included, in any order; a run that ends before it begins is empty."""
        merged: list[tuple[int, int]] = []
        for first, last in sorted(runs):
            if first > last:
                continue
            if merged and first <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
            else:
                merged.append((first, last))
        return cls(tuple(merged))

    @classmethod
    def union(cls, sets: Iterable["Spans"]) -> "Spans":
        """The union of any number of sets, in one pass."""
        return cls.of(run for item in sets for run in item.runs)

    @property
    def size(self) -> int:
        """How many numbers are in the set."""
        return sum(last - first + 1 for first, last in self.runs)

    def __bool__(self) -> bool:
        return bool(self.runs)

    def __or__(self, other: "Spans") -> "Spans":
        return Spans.of((*self.runs, *other.runs))

    def __and__(self, other: "Spans") -> "Spans":
        common: list[tuple[int, int]] = []
        left, right = 0, 0
        while left < len(self.runs) and right < len(other.runs):
            mine, theirs = self.runs[left], other.runs[right]
            if (first := max(mine[0], theirs[0])) <= (last := min(mine[1], theirs[1])):
                common.append((first, last))
            if mine[1] <= theirs[1]:
                left += 1
            else:
                right += 1
        return Spans(tuple(common))

    def __sub__(self, other: "Spans") -> "Spans":
        rest: list[tuple[int, int]] = []
        for first, last in self.runs:
            for start, end in other.runs:
                if end < first or start > last:
                    continue
                if start > first:
                    rest.append((first, start - 1))
                first = end + 1
            if first <= last:
                rest.append((first, last))
        return Spans(tuple(rest))
