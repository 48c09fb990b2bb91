"""Ends a command and everything that it has started."""

import os
import signal
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterable
from typing import Final

# After SIGKILL only the machine's load keeps a process.
_SECONDS: Final = 30


def descendants(process: int) -> list[int]:
    """Ids of all processes that a process has started, directly or not; children before their parents' siblings."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    children = defaultdict(list)
    for line in listed.splitlines():
        child, parent = (int(part) for part in line.split())
        children[parent].append(child)
    found, left = [], [process]
    while left:
        below = children[left.pop()]
        found += below
        left += below
    return found


def kill(process: int) -> int:
    """Kills a process and all that it has started, without warning, and waits until they are gone; the number of processes killed.

    The CLI puts its plugins into process groups of their own, so a signal to its group would not reach them.
    """
    found: set[int] = set()
    # What is stopped starts nothing more while the others are being looked for.
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
    """Whether one of them still does something; one that only waits for its parent to ask does not."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,stat="], capture_output=True, text=True, check=True).stdout
    states = dict(line.split() for line in listed.splitlines())
    return any(not states.get(str(one), "Z").startswith("Z") for one in processes)


def _signal(process: int, number: signal.Signals) -> bool:
    try:
        os.kill(process, number)
    except ProcessLookupError:
        return False
    return True
