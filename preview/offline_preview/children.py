"""The processes of programs and packs: each in a session of its own, and all of them stopped at once."""

import contextlib
import os
import signal
import subprocess
import threading
import weakref
from collections.abc import Sequence
from typing import Any, Final, Protocol


class Process(Protocol):
    """What a process must be able to do here; ``subprocess.Popen`` can. It leads a process group."""

    @property
    def pid(self) -> int:
        """The process id."""

    def poll(self) -> int | None:
        """The exit code, or None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Waits for the end."""

    def terminate(self) -> None:
        """Asks it to end."""

    def kill(self) -> None:
        """Ends it."""


_STOP_SECONDS: Final = 5.0
"""After SIGKILL only the machine's load keeps a process."""
_running: Final[weakref.WeakSet[Any]] = weakref.WeakSet()
# A signal handler may run in the thread that holds it.
_lock: Final = threading.RLock()
_ended: Final = threading.Event()


def start(command: Sequence[str], **options: Any) -> subprocess.Popen[str]:
    """Starts a process, with the options of ``subprocess.Popen``.

    Ctrl-C in a terminal reaches this process alone, which stops the others: none of them reports it with a traceback. Call it in another
    thread than the main one, where Ctrl-C could come before the process is known.

    Raises ``RuntimeError`` after ``kill_all``: nobody would end what a thread starts so late.
    """
    with _lock:
        if _ended.is_set():
            raise RuntimeError("the command was interrupted")
        process = subprocess.Popen(command, text=True, start_new_session=True, **options)
        _running.add(process)
    return process


def add(process: Process) -> None:
    """Adds a process that another has started for this one. Kills it and raises ``RuntimeError`` after ``kill_all``."""
    with _lock:
        if not _ended.is_set():
            _running.add(process)
            return
    kill(process)
    raise RuntimeError("the command was interrupted")


def end(process: Process, seconds: float) -> None:
    """Asks a process to end, kills it after some seconds, and what it has started in any case; returns when it has ended."""
    if process.poll() is not None:
        return
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=seconds)
    # Its own children may be left, and keep its output open.
    _kill_group(process)
    process.kill()
    process.wait()


def kill(process: Process) -> None:
    """Kills a process, and what it has started, without waiting for them."""
    if process.poll() is None:
        _kill_group(process)
        process.kill()


def kill_all() -> None:
    """Kills every process that was started, and what these have started, and lets no other start; returns when they have ended."""
    with _lock:
        _ended.set()
        processes = list(_running)
    for process in processes:
        kill(process)
    for process in processes:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=_STOP_SECONDS)


def _kill_group(process: Process) -> None:
    # A group whose processes have all ended is not there, or may not be sent signals.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
