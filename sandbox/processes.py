"""Ends a command and everything that it has started."""

import os
import signal
import subprocess
from collections import defaultdict


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
    """Kills a process and all that it has started, at once and without warning; the number of processes that were killed.

    The CLI puts its plugins into process groups of their own, so a signal to its group would not reach them.
    """
    killed = 0
    # What is stopped starts nothing more while the others are being looked for.
    _signal(process, signal.SIGSTOP)
    for one in (process, *descendants(process)):
        killed += _signal(one, signal.SIGKILL)
    return killed


def _signal(process: int, number: signal.Signals) -> bool:
    try:
        os.kill(process, number)
    except ProcessLookupError:
        return False
    return True
