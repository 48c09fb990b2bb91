"""Starts Python processes as forks of one that has loaded the SDK, in place of new interpreters that spend most of a second on it.

The forks have a working folder, environment, arguments, descriptors and exit code of their own. What they share is what is loaded: no test
of what a process loads, or how it is found and started, may use them. The server is a process of its own because a test process has threads
and connections of gRPC by then, which no fork survives; it ends with the test process, however that ends.
"""

import atexit
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
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final, Self

SUPPORTED: Final = sys.platform == "linux"
"""Elsewhere libraries of the system may not survive a fork; processes are started as usual there."""
LONGEST_SECONDS = 300.0
"""A child that still runs then is ended by a signal."""
_LOADED: Final = (
    "cloudpatterns.systems",
    "cloudpatterns_policies.core",
    "google.protobuf.struct_pb2",
    "grpc",
    "pulumi.runtime.proto.analyzer_pb2_grpc",
    "pulumi_aws",
    "pulumi_policy",
)
"""What programs and packs load: most of a second that each of them would need."""
_SLICE_SECONDS: Final = 0.05
_START_SECONDS: Final = 120.0
"""A server that has not started a child by then is given up; the first child waits until the SDK is loaded."""


class ForkError(Exception):
    """The server did not start a child."""


class Process:
    """A forked child, with as much of ``subprocess.Popen`` as the offline preview uses."""

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        cwd: str | os.PathLike[str] | None = None,
        env: Mapping[str, str] | None = None,
        stdin: int | None = None,
        stdout: int | None = None,
        stderr: int | None = None,
        pass_fds: Sequence[int] = (),
        text: bool = True,
        errors: str | None = None,
        start_new_session: bool = False,
    ) -> None:
        assert text, "bytes are not needed so far"
        self.args = arguments
        self.returncode: int | None = None
        self._unread = b""
        self._waiting = threading.Lock()
        theirs: list[int] = []

        def pipe(given: int | None, own: int, mode: str) -> tuple[int, IO[str] | None]:
            if given is None:
                return own, None
            if given == subprocess.DEVNULL:
                theirs.append(os.open(os.devnull, os.O_RDWR))
                return theirs[-1], None
            assert given == subprocess.PIPE
            reading, writing = os.pipe()
            their, our = (reading, writing) if mode == "w" else (writing, reading)
            theirs.append(their)
            return their, open(our, mode, errors=errors)

        try:
            into, self.stdin = pipe(stdin, 0, "w")
            out, self.stdout = pipe(stdout, 1, "r")
            wrong, self.stderr = (out, None) if stderr == subprocess.STDOUT else pipe(stderr, 2, "r")
            command = {
                "arguments": [os.fspath(argument) for argument in arguments[1:]],
                "cwd": os.fspath(cwd or Path.cwd()),
                "environment": dict(os.environ if env is None else env),
                "seconds": LONGEST_SECONDS,
                "numbers": [0, 1, 2, *pass_fds],
                "session": start_new_session,
            }
            self._connection = _server().start(command, [into, out, wrong, *pass_fds])
        finally:
            for descriptor in theirs:
                os.close(descriptor)
        self.pid = int(self._line(_START_SECONDS) or 0)
        if not self.pid:
            raise ForkError(f"the server started no child for {arguments}")

    def poll(self) -> int | None:
        """The exit code, as ``subprocess`` has it, or None while it runs."""
        try:
            return self.wait(timeout=0)
        except subprocess.TimeoutExpired:
            return None

    def wait(self, timeout: float | None = None) -> int:
        """Waits for the end. Raises ``subprocess.TimeoutExpired`` when it does not come in time."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            # One thread at a time, and none for long: the offline preview waits for a pack in one and stops it in another.
            with self._waiting:
                if self.returncode is None:
                    self._look_for_the_end(
                        _SLICE_SECONDS if deadline is None else min(_SLICE_SECONDS, max(0.0, deadline - time.monotonic()))
                    )
                if self.returncode is not None:
                    return self.returncode
            if deadline is not None and time.monotonic() >= deadline:
                raise subprocess.TimeoutExpired(list(self.args), timeout or 0)

    def _look_for_the_end(self, timeout: float) -> None:
        line = self._line(timeout)
        if line is None:
            return
        if not line:
            # The server is gone and can neither say how its child ended nor, if it was killed itself, have ended it.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        self.returncode = os.waitstatus_to_exitcode(int(line)) if line else -signal.SIGKILL
        self._connection.close()

    def send_signal(self, number: int) -> None:
        """Sends a signal, if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Asks it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it."""
        self.send_signal(signal.SIGKILL)

    def _line(self, timeout: float | None) -> bytes | None:
        """The next line from the server; None when it does not come in time, empty when the server is gone."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while b"\n" not in self._unread:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not select.select([self._connection], [], [], left)[0]:
                return None
            received = self._connection.recv(64)
            if not received:
                return b""
            self._unread += received
        line, _, self._unread = self._unread.partition(b"\n")
        return line

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        for stream in (self.stdin, self.stdout, self.stderr):
            if stream is not None:
                # What was written to a child that has ended meanwhile cannot be flushed.
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        self.wait()


class _Server:
    """The connection to the server, which it starts."""

    def __init__(self, modules: Sequence[str] = _LOADED) -> None:
        self._control, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-P", str(Path(__file__).with_name("server.py")), str(theirs.fileno()), *modules]
            # Its standard input is nobody's, so that a child which reads ours is not kept waiting for it.
            self._process = subprocess.Popen(command, cwd="/", pass_fds=(theirs.fileno(),), stdin=subprocess.DEVNULL)
        self._lock = threading.Lock()

    def start(self, command: Mapping[str, Any], descriptors: Sequence[int]) -> socket.socket:
        """Has a child started; returns the connection over which its process id and its end are told."""
        ours, theirs = socket.socketpair()
        try:
            with theirs, self._lock:
                socket.send_fds(self._control, [b"c"], [theirs.fileno(), *descriptors])
        except BrokenPipeError:
            raise ForkError(f"the server that forks children has ended with code {self._process.wait()}") from None
        ours.sendall(json.dumps(command).encode())
        ours.shutdown(socket.SHUT_WR)
        return ours

    def stop(self) -> None:
        """Ends the server; children that still run are killed."""
        self._control.close()
        self._process.wait()


_servers: list[_Server] = []
_starting = threading.Lock()


def _server() -> _Server:
    """The one server, from the first child on; the offline preview asks in several threads at once."""
    with _starting:
        if not _servers:
            _servers.append(_Server())
            atexit.register(stop)
        return _servers[0]


def stop() -> None:
    """Ends the server, if there is one; the next child starts another."""
    while _servers:
        _servers.pop().stop()


class Subprocess:
    """Stands in for the module ``subprocess``: this interpreter is forked where that is the same, all else is really started."""

    def __getattr__(self, name: str) -> Any:
        return getattr(subprocess, name)

    @staticmethod
    def Popen(arguments: Sequence[str], **options: Any) -> Process | subprocess.Popen[str]:
        """``Process`` for this interpreter, else ``subprocess.Popen``."""
        # Not resolved: the interpreter of a virtual environment is a link to that of the system.
        same = os.path.dirname(os.path.abspath(arguments[0])) == os.path.dirname(sys.executable)
        return Process(arguments, **options) if SUPPORTED and same else subprocess.Popen(arguments, **options)
