"""The process that has loaded the SDK and forks for each run of a program, so that only the first run pays for loading it.

``forks`` starts it with the program's own interpreter, by the same rules as ``child``. It loads nothing that is the user's: each fork loads
the program's own modules as they are then. It has one thread and never a connection of gRPC, which would not survive a fork.

For each run it gets a connection and two descriptors, for what the program prints and for the answer. It tells there the process id and, at
the end, how the process ended, as ``os.waitpid`` has it. The fork reads its task from the same connection, when its process id is known.
"""

import atexit
import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import sysconfig
import threading
import types
from typing import Any, Final, NoReturn

from offline_preview import child

RUN: Final = b"r"
LOAD: Final = b"l"
_LOADABLE: Final = (
    "annotated_types",
    "google",
    "grpc",
    "pydantic",
    "pydantic_core",
    "pydantic_settings",
    "typing_extensions",
    "typing_inspection",
    "yaml",
)
"""Besides Pulumi's own packages: what programs load most, and what neither starts a thread nor reads anything of a run then."""


def main(descriptor: int) -> None:
    """Serves until the other end of the control connection is closed; programs that still run then are killed."""
    gc.disable()
    # Ctrl-C is for the command, which has to act on it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ended, writing = os.pipe()
    for end in (ended, writing):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(writing)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    control = socket.socket(fileno=descriptor)
    running: dict[int, socket.socket] = {}
    gc.freeze()
    while True:
        ready, _, _ = select.select([control, ended], [], [])
        if ended in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(ended, 4096)
            _reap(running)
        if control in ready:
            message, descriptors, _, _ = socket.recv_fds(control, 1, 8)
            if not message:
                for process in running:
                    # Its own children belong to its group.
                    with contextlib.suppress(ProcessLookupError, PermissionError):
                        os.killpg(process, signal.SIGKILL)
                return
            connection = socket.socket(fileno=descriptors[0])
            if message == LOAD:
                _tell(connection, _load(connection))
                connection.close()
            else:
                process = _fork(connection, control, (ended, writing), descriptors[1:], running)
                running[process] = connection


def _load(connection: socket.socket) -> int:
    """Loads the modules that are named over the connection; returns the number of threads, which must be one."""
    with connection.makefile("rb") as stream:
        names = json.load(stream)
    # Output of a module that is loaded belongs to no run.
    with contextlib.suppress(Exception), contextlib.redirect_stdout(None), contextlib.redirect_stderr(None):
        for name in names:
            # The packages of the SDK load when a name is looked up in them, and must before the modules in them.
            getattr(importlib.import_module(name), "_", None)
    gc.freeze()
    return threading.active_count()


def _fork(
    connection: socket.socket, control: socket.socket, wakeup: tuple[int, int], descriptors: list[int], running: dict[int, socket.socket]
) -> int:
    process = os.fork()
    if process == 0:
        for other in (control, *running.values()):
            other.close()
        signal.set_wakeup_fd(-1)
        for end in wakeup:
            os.close(end)
        _become(connection, *descriptors)
    for descriptor in descriptors:
        os.close(descriptor)
    _tell(connection, process)
    return process


def _reap(running: dict[int, socket.socket]) -> None:
    while running:
        process, status = os.waitpid(-1, os.WNOHANG)
        if process == 0:
            return
        connection = running.pop(process)
        _tell(connection, status)
        connection.close()


def _tell(connection: socket.socket, number: int) -> None:
    # Nobody may be waiting any more.
    with contextlib.suppress(OSError):
        connection.sendall(f"{number}\n".encode())


def _become(connection: socket.socket, output: int, answer: int) -> NoReturn:
    """Makes this fork what ``child`` is in a process of its own, and ends it."""
    code = 1
    try:
        os.setsid()
        for number in (signal.SIGCHLD, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL if number == signal.SIGCHLD else signal.default_int_handler)
        with connection, connection.makefile("rb") as stream:
            # Nothing comes when the command was interrupted meanwhile: nobody would end this process.
            text = stream.read()
        if not text:
            os._exit(code)
        for number, place in ((output, 1), (output, 2)):
            os.dup2(number, place)
        os.close(output)
        task = json.loads(text)
        os.environ.clear()
        os.environ.update(task["environment"])
        importlib.invalidate_caches()
        sys.modules["__main__"] = types.ModuleType("__main__")
        child.answer(task, answer)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
    finally:
        # As at an interpreter's end, without freeing millions of objects one by one.
        with contextlib.suppress(Exception):
            ending: Any = threading
            ending._shutdown()
            atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        os._exit(code)


def survey() -> dict[str, list[str]]:
    """What a run has loaded: modules that another run may find loaded, and the files of all others."""
    paths = sysconfig.get_paths()
    # Those of an environment that this one shares, or of the system, are only on the path.
    shared = (path for path in sys.path if os.path.basename(path) in ("site-packages", "dist-packages"))
    libraries = tuple({path + os.sep for path in (paths["purelib"], paths["platlib"], *shared)})
    own = os.path.dirname(os.path.abspath(__file__)) + os.sep
    base = (*libraries, own, paths["stdlib"] + os.sep, paths["platstdlib"] + os.sep)
    modules, files = [], []
    for name, module in sorted(sys.modules.items()):
        # One that was only announced is of another class; to look into it would load it.
        if type(module) is not types.ModuleType:
            continue
        file = getattr(module, "__file__", None)
        if not isinstance(file, str):
            continue
        top = name.partition(".")[0]
        if file.startswith(libraries):
            if top in _LOADABLE or top == "pulumi" or top.startswith("pulumi_"):
                modules.append(name)
        elif not file.startswith(base):
            files.append(os.path.abspath(file))
    return {"modules": modules, "files": files, "libraries": [path for path in libraries if os.path.isdir(path)]}
