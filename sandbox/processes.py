"""Ends a command and all its child processes."""

import contextlib
import os
import signal
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Final

# After SIGKILL only the machine's load keeps a process.
_SECONDS: Final = 30
_PROC: Final = Path("/proc")


def descendants(process: int) -> list[int]:
    """Ids of all processes that a process has started, directly or not; children before their parents' siblings."""
    children = defaultdict(list)
    for child, (parent, _state) in _table().items():
        children[parent].append(child)
    found, left = [], [process]
    while left:
        below = children[left.pop()]
        found += below
        left += below
    return found


def kill(process: int) -> int:
    """Kills a process and all that it has started, without warning, and waits until they are gone; the number of processes killed.

    The CLI puts its plugins into separate process groups, so a signal to its group would not reach them.
    """
    found: set[int] = set()
    # A stopped process starts no others while the search goes on.
    while new := {process, *descendants(process)} - found:
        for one in new:
            _signal(one, signal.SIGSTOP)
        found |= new
    killed = [one for one in found if _signal(one, signal.SIGKILL)]
    deadline = time.monotonic() + _SECONDS
    while alive(killed) and time.monotonic() < deadline:
        time.sleep(0.02)
    return len(killed)


def alive(processes: Iterable[int]) -> bool:
    """Whether one of them is still running; a zombie is not."""
    table = _table()
    return any(table.get(one, (0, "Z"))[1] != "Z" for one in processes)


def _table() -> dict[int, tuple[int, str]]:
    """Parent and state of every process: from the kernel's files, or from `ps` where there are none."""
    found = {}
    for file in _PROC.glob("[0-9]*/stat"):
        # A process may end while it is looked at.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            # The name is in parentheses and may contain any character.
            state, parent = file.read_text(encoding="utf-8", errors="replace").rpartition(") ")[2].split(" ")[:2]
            found[int(file.parent.name)] = (int(parent), state)
    if not found:
        listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,stat="], capture_output=True, text=True, check=True).stdout
        for process, parent, state in (line.split() for line in listed.splitlines()):
            found[int(process)] = (int(parent), state[0])
    return found


def _signal(process: int, number: signal.Signals) -> bool:
    try:
        os.kill(process, number)
    except ProcessLookupError:
        return False
    return True
