"""Faults on demand: the n-th call of an operation fails, hangs or crashes the provider.

``STAND_IN_FAULTS`` lists them, separated by commas, as ``operation:n:fault``: the operation is create, update, delete or read, or ``any``
of the first three; ``n`` counts from 1 in one process, ``*`` is every call. The faults:

- ``fail``: AWS refuses, nothing is changed;
- ``partial``: it is done, but not ready in time: the resource is in the account, and the call says so and fails;
- ``lost``: it is done, but the answer is an error, as when a connection breaks: the caller does not know;
- ``hang``: no answer ever comes, nothing is done;
- ``crash``: the provider dies before anything is done; ``crash-after``: once it is done, before the answer.
"""

import os
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

FAULTS: Final = ("fail", "partial", "lost", "hang", "crash", "crash-after")
_CHANGES: Final = ("create", "update", "delete")
_OPERATIONS: Final = (*_CHANGES, "read", "any")


@dataclass(frozen=True)
class Fault:
    """One requested fault; ``number`` 0 is every call."""

    operation: str
    number: int
    what: str


def parse(text: str) -> list[Fault]:
    """The faults in the text. Raises ``ValueError`` that says which entry is wrong."""
    found = []
    for entry in filter(None, (part.strip() for part in text.split(","))):
        parts = entry.split(":")
        if len(parts) != 3 or parts[0] not in _OPERATIONS or parts[2] not in FAULTS or not (parts[1] == "*" or parts[1].isdigit()):
            raise ValueError(f"{entry!r} is not a fault; use operation:n:fault, with {', '.join(_OPERATIONS)} and {', '.join(FAULTS)}")
        operation, number, what = parts
        found.append(Fault(operation, 0 if number == "*" else int(number), what))
    return found


class Faults:
    """Counts the calls of this process and decides which of them fail."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self._faults = list(faults)
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def of(self, operation: str) -> str:
        """The fault of this call, the next of its operation; empty for none."""
        with self._lock:
            self._counts[operation] += 1
            self._counts["any"] += operation in _CHANGES
            for fault in self._faults:
                covered = fault.operation == operation or (fault.operation == "any" and operation in _CHANGES)
                if covered and fault.number in (0, self._counts[fault.operation]):
                    return fault.what
        return ""


def crash() -> None:
    """Ends the process immediately, without flushing and without a response."""
    os._exit(70)
