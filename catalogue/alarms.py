"""The table of alarms in `docs/operations.md`: what breaks, what fires, who hears, and what to do."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

_FILE: Final = Path(__file__).parents[1] / "docs" / "operations.md"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table."""

    alarms: tuple[str, ...]
    """Names of alarms, rules and subscriptions; a part in angle brackets stands for any text."""
    of: str
    """What the first column says in brackets behind the names: the components that have them."""
    cells: tuple[str, ...]
    """The other columns."""

    def is_about(self, component: str, names: Iterable[str]) -> bool:
        """Whether it is about a component, which it names, or whose example has such an alarm."""
        return f"`{component}`" in self.of or any(pattern(alarm).fullmatch(name) for alarm in self.alarms for name in names)


@cache
def rows() -> list[Row]:
    """The rows of the table."""
    table = _FILE.read_text(encoding="utf-8").split("## When an alarm is raised\n")[1].split("\n\n")
    lines = next(part for part in table if part.startswith("| alarm")).splitlines()[2:]
    return [_row(*(cell.strip() for cell in line.strip("|").split(" | "))) for line in lines]


def _row(first: str, *others: str) -> Row:
    names, _, of = first.partition(" (")
    return Row(tuple(re.findall("`([^`]+)`", names)), of, others)


def pattern(name: str) -> re.Pattern[str]:
    """Matches the names that a row means."""
    return re.compile("".join(".+" if part.startswith("<") else re.escape(part) for part in re.split(r"(<[a-z]+>)", name)))


def about(component: str, names: Iterable[str]) -> Iterator[Row]:
    """The rows about a component, whose example has alarms of these names."""
    alarms = list(names)
    return (row for row in rows() if row.is_about(component, alarms))
