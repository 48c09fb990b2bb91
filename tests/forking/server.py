"""The process whose forked children run programs; ``tests.forking`` starts it and says how it is used.

It is run as a file, and imports nothing of the repository but what is installed: a program may have modules of its own that are called
``tests`` or ``settings``.

For each child the client sends the child's own connection and descriptors over the control connection, and the command as JSON over the
child's own. The server answers there with the process id and, at the child's end, with how it ended, as ``os.waitpid`` has it.
"""

import atexit
import contextlib
import gc
import importlib
import io
import itertools
import json
import os
import random
import runpy
import select
import signal
import socket
import sys
import threading
import types
from collections.abc import Sequence
from typing import Any, NoReturn

_MOST_DESCRIPTORS = 16
_FIRST_FREE = 512
"""From here on the descriptors are put that a child gets, until those of the server are closed and the numbers below are free."""


def main(control: socket.socket, modules: Sequence[str]) -> None:
    """Loads modules, and serves until the client closes its end of the control connection; children that still run then are killed."""
    _load(modules)
    if threading.active_count() > 1:
        sys.exit("loading the SDK has started a thread, which a forked child would not have")
    gc.freeze()
    # Ctrl-C reaches the whole group; it is the client that has to act on it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    os.set_blocking(reading, False)
    signal.set_wakeup_fd(writing)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    _serve(control, reading)


def _load(names: Sequence[str]) -> None:
    gc.disable()
    for name in names:
        importlib.import_module(name)
    if policies := sys.modules.get("cloudpatterns_policies.core"):
        # The controls are loaded when they are first asked for, which every pack of the project does.
        policies.discover(pack=None)


def _serve(control: socket.socket, ended: int) -> None:
    children: dict[int, socket.socket] = {}
    while True:
        ready, _, _ = select.select([control, ended], [], [])
        if ended in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(ended, 4096)
            _reap(children)
        if control in ready:
            message, descriptors, _, _ = socket.recv_fds(control, 1, _MOST_DESCRIPTORS)
            if not message:
                for child in children:
                    os.kill(child, signal.SIGKILL)
                return
            own, *passed = descriptors
            connection = socket.socket(fileno=own)
            with connection.makefile("rb") as stream:
                command = json.load(stream)
            child = os.fork()
            if child == 0:
                _become(command, passed)
            for descriptor in passed:
                os.close(descriptor)
            _tell(connection, child)
            children[child] = connection


def _reap(children: dict[int, socket.socket]) -> None:
    while children:
        child, status = os.waitpid(-1, os.WNOHANG)
        if child == 0:
            return
        connection = children.pop(child)
        _tell(connection, status)
        connection.close()


def _tell(connection: socket.socket, number: int) -> None:
    # A client that does not wait for its child is no fault.
    with contextlib.suppress(BrokenPipeError):
        connection.sendall(f"{number}\n".encode())


def _become(command: dict[str, Any], descriptors: Sequence[int]) -> NoReturn:
    """Makes this forked child what ``python ARGUMENTS`` is, runs it, and ends."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if command["session"]:
            os.setsid()
        _take(descriptors, command["numbers"])
        os.environ.clear()
        os.environ.update(command["environment"])
        os.chdir(command["cwd"])
        # A child that hangs is ended, and its client told so, even where the client knows no time limit.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, command["seconds"])
        # Else all children would draw the same numbers.
        random.seed()
        gc.enable()
        code = _run(command["arguments"])
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
    finally:
        # As at an interpreter's end; without freeing millions of objects one by one.
        with contextlib.suppress(Exception):
            ending: Any = threading
            ending._shutdown()
            atexit._run_exitfuncs()
        with contextlib.suppress(Exception):
            sys.stdout.flush()
        with contextlib.suppress(Exception):
            sys.stderr.flush()
        os._exit(code)


def _take(descriptors: Sequence[int], numbers: Sequence[int]) -> None:
    """Gives the descriptors the numbers they have at the client, and closes all others."""
    for place, descriptor in enumerate(descriptors):
        os.dup2(descriptor, _FIRST_FREE + place)
    os.closerange(3, _FIRST_FREE)
    for place, number in enumerate(numbers):
        os.dup2(_FIRST_FREE + place, number)
    os.closerange(_FIRST_FREE, _FIRST_FREE + len(descriptors))
    sys.stdin = sys.__stdin__ = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)))
    sys.stdout = sys.__stdout__ = _unbuffered(1, "strict")
    sys.stderr = sys.__stderr__ = _unbuffered(2, "backslashreplace")


def _unbuffered(descriptor: int, errors: str) -> io.TextIOWrapper:
    raw: Any = io.FileIO(descriptor, "w", closefd=False)
    return io.TextIOWrapper(raw, errors=errors, write_through=True)


def _run(arguments: list[str]) -> int:
    """What ``python ARGUMENTS`` does; its exit code."""
    options = list(itertools.takewhile(lambda argument: argument in ("-P", "-u"), arguments))
    kind, *rest = arguments[len(options) :]
    safe = "-P" in options
    try:
        if kind == "-c":
            sys.argv = ["-c", *rest[1:]]
            if not safe:
                sys.path.insert(0, "")
            module = sys.modules["__main__"] = types.ModuleType("__main__")
            exec(compile(rest[0], "<string>", "exec"), module.__dict__)
        elif kind == "-m":
            sys.argv = rest
            if not safe:
                sys.path.insert(0, os.getcwd())
            runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
        else:
            raise ValueError(f"python {kind} is not what a forked child can run; it takes -c and -m")
    except SystemExit as end:
        return _code(end)
    return 0


def _code(end: SystemExit) -> int:
    if end.code is None:
        return 0
    if isinstance(end.code, int):
        return end.code & 0xFF
    print(end.code, file=sys.stderr)
    return 1


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])), sys.argv[2:])
