"""The command's side of ``parent``: starts it, has it load modules and fork, and follows the forks to their end."""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import IO, Final, Self

from offline_preview import children

SUPPORTED: Final = sys.platform == "linux"
"""Elsewhere libraries of the system may not survive a fork; each program is started in a new interpreter there."""
_SLICE_SECONDS: Final = 0.05
_START_SECONDS: Final = 120.0
_STOP_SECONDS: Final = 2.0


class ForkError(Exception):
    """The parent cannot fork; the program can still be run in a new interpreter."""


@dataclass(slots=True)
class Survey:
    """What the programs so far have loaded."""

    modules: set[str] = field(default_factory=set)
    """Modules of the SDK, which the parent may load."""
    files: set[str] = field(default_factory=set)
    """Source files of the programs."""
    libraries: set[str] = field(default_factory=set)
    """Folders of installed packages."""


class Fork:
    """A forked program, with as much of ``subprocess.Popen`` as is needed here."""

    def __init__(self, connection: socket.socket, output: int) -> None:
        self._connection = connection
        self._unread = b""
        self._lock = threading.Lock()
        self.stdout: IO[str] = os.fdopen(output, encoding="utf-8", errors="replace")
        self.returncode: int | None = None
        line = self._line(_START_SECONDS)
        if not line:
            self.stdout.close()
            raise ForkError("the process that has loaded the SDK has ended")
        self.pid = int(line)

    def poll(self) -> int | None:
        """The exit code, or None while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(timeout=0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Waits for the end. Raises ``subprocess.TimeoutExpired`` when it does not come in time."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            left = _SLICE_SECONDS if deadline is None else max(0.0, deadline - time.monotonic())
            # One thread at a time, and none for long: one may wait for the program while another stops it.
            with self._lock:
                if self.returncode is None and (line := self._line(min(left, _SLICE_SECONDS))) is not None:
                    # Without the parent, nobody can tell how it ended.
                    self.returncode = os.waitstatus_to_exitcode(int(line)) if line else -signal.SIGKILL
                    self._connection.close()
                if self.returncode is not None:
                    return self.returncode
            if deadline is not None and time.monotonic() >= deadline:
                raise subprocess.TimeoutExpired("fork", timeout or 0)

    def terminate(self) -> None:
        """Asks it to end."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it."""
        self._signal(signal.SIGKILL)

    def send(self, task: str) -> None:
        """Gives the program its task, for which it waits."""
        with contextlib.suppress(OSError):
            self._connection.sendall(task.encode())
            self._connection.shutdown(socket.SHUT_WR)

    def _signal(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def _line(self, timeout: float) -> bytes | None:
        """The parent's next line; None when it does not come in time, empty when the parent is gone."""
        deadline = time.monotonic() + timeout
        while b"\n" not in self._unread:
            if not select.select([self._connection], [], [], max(0.0, deadline - time.monotonic()))[0]:
                return None
            try:
                received = self._connection.recv(64)
            except ConnectionResetError:
                return b""
            if not received:
                return b""
            self._unread += received
        line, _, self._unread = self._unread.partition(b"\n")
        return line

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self.stdout.close()
        self.wait()


class Parent:
    """A process of an interpreter that has loaded the SDK. It starts with the first program; its methods may be called in any thread."""

    def __init__(self, command: Sequence[str], environment: dict[str, str] | None = None) -> None:
        """``command`` starts it, without the number of its connection, the last argument."""
        self.survey = Survey()
        """Kept up to date by the runner."""
        self._lock = threading.Lock()
        self._loaded: set[str] = set()
        self._forks: weakref.WeakSet[Fork] = weakref.WeakSet()
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = children.start(
                [*command, str(theirs.fileno())],
                cwd="/",
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
            )

    @property
    def alive(self) -> bool:
        """Whether it can still fork."""
        return self._process.poll() is None

    def fork(self, answers: int) -> Fork:
        """A fork that waits for its task, and writes the answer to the descriptor. Raises ``ForkError`` when the parent has ended."""
        reading, writing = os.pipe()
        try:
            connection = self._ask(b"r", [writing, answers])
        except ForkError:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        fork = Fork(connection, reading)
        self._forks.add(fork)
        children.add(fork)
        return fork

    def add(self, found: dict[str, Iterable[str]]) -> None:
        """Notes what a run has loaded."""
        with self._lock:
            self.survey.modules.update(found["modules"])
            self.survey.files.update(found["files"])
            self.survey.libraries.update(found["libraries"])

    def load(self) -> None:
        """Loads what the programs so far have needed; returns at once, and forks come after it."""
        with self._lock:
            missing = self.survey.modules - self._loaded
            self._loaded |= missing
        if missing:
            with contextlib.suppress(ForkError), self._ask(b"l", []) as connection:
                connection.sendall(json.dumps(sorted(missing)).encode())

    def close(self) -> None:
        """Ends it, and the programs that still run."""
        forks = list(self._forks)
        for fork in forks:
            children.kill(fork)
        for fork in forks:
            # The parent says when it has ended.
            with contextlib.suppress(subprocess.TimeoutExpired):
                fork.wait(_STOP_SECONDS)
        self._control.close()
        children.kill(self._process)
        self._process.wait()

    def _ask(self, message: bytes, descriptors: Sequence[int]) -> socket.socket:
        ours, theirs = socket.socketpair()
        try:
            with theirs, self._lock:
                socket.send_fds(self._control, [message], [theirs.fileno(), *descriptors])
        except OSError:
            ours.close()
            raise ForkError("the process that has loaded the SDK has ended") from None
        return ours
