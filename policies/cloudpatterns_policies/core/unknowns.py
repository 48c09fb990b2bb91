"""Checks that could not be decided before deployment: a summary in one line, and a mark for each, for programs that read them."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from cloudpatterns_policies.core.runner import Outcome
from cloudpatterns_policies.core.verdicts import Unknown

UNKNOWNS: Final = "unknowns"
"""Name of the pseudo-policy whose one finding sums up all unknowns."""

UNKNOWNS_TITLE: Final = "Every check could be decided before deployment"
"""Its title."""

_FAIL: Final = "Where a control must decide, set its onUnknown to fail in the profile."
_LEFT: Final = "what stays unknown there needs a look at the program or at AWS. offline-preview --json lists each check and its value."
# A pack cannot know how it is run: this must hold for an update, a preview, invented values and an export.
UNKNOWNS_REMEDY: Final = f"Values that AWS computes are known after the deployment, or with offline-preview --as deployed; {_LEFT} {_FAIL}"
"""The remedy for unknown values of a program in Python."""
UNKNOWNS_REMEDY_ELSEWHERE: Final = f"Values that AWS computes are known in the deployed stack's export, for --state; {_LEFT} {_FAIL}"
"""The remedy for unknown values of other programs, which the offline preview cannot run."""

_SHOWN: Final = 5


@dataclass(frozen=True, slots=True, order=True)
class Undecided:
    """A check without a verdict: the control, the resource (empty: the stack) and the path of the value that is not known yet."""

    control: str
    urn: str
    path: str

    def mark(self, *, named: bool = False) -> str:
        """The text of the check among the reasons of controls that did not apply; `named` with its resource."""
        return f"[UNKNOWN] {self.path} at {self.urn}" if named and self.urn else f"[UNKNOWN] {self.path}"


def undecided(outcomes: Iterable[Outcome]) -> set[Undecided]:
    """The checks among `outcomes` without a verdict, each once."""
    return {Undecided(item.control.id, item.urn, item.verdict.path) for item in outcomes if isinstance(item.verdict, Unknown)}


def summary(checks: Collection[Undecided]) -> str:
    """One sentence on all of them: how many, and of which controls."""
    counts = sorted(Counter(check.control for check in checks).items())
    shown = ", ".join(f"{name} ({count})" for name, count in counts[:_SHOWN])
    more = f" and {len(counts) - _SHOWN} more" if len(counts) > _SHOWN else ""
    of = "1 control" if len(counts) == 1 else f"{len(counts)} controls"
    what = "1 check" if len(checks) == 1 else f"{len(checks)} checks"
    return f"{what} of {of} cannot be decided, because values are unknown: {shown}{more}."
