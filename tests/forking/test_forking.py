"""A forked child is what a started one is: folder, environment, arguments, descriptors and end."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests import forking
from tests.forking import ForkError, Process, Subprocess

pytestmark = pytest.mark.skipif(not forking.SUPPORTED, reason="children are forked on Linux only")

PIPES: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
STARTERS = pytest.mark.parametrize("start", [Process, subprocess.Popen], ids=["forked", "started"])


def run(start: Callable[..., Any], *arguments: str, **options: Any) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of ``python ARGUMENTS``."""
    with start([sys.executable, *arguments], **{**PIPES, **options}) as process:
        out, err = process.stdout.read(), process.stderr.read()
        return process.wait(), out, err


@pytest.mark.parametrize("options", [["-P", "-u"], ["-u"]], ids=" ".join)
def test_a_child_has_its_own_arguments_folder_environment_and_path(options: list[str], tmp_path: Path) -> None:
    shown = "import os, sys; print(sys.argv, os.getcwd(), sorted(os.environ), os.environ['WORD'], sys.path)"
    environment = {"WORD": "größer", "PYTHONUTF8": "1", "LC_CTYPE": "C.UTF-8"}
    forked, started = (run(start, *options, "-c", shown, "one", cwd=tmp_path, env=environment) for start in (Process, subprocess.Popen))
    assert forked == started
    assert forked[1].startswith(f"['-c', 'one'] {tmp_path} ['LC_CTYPE', 'PYTHONUTF8', 'WORD'] größer [")


@STARTERS
def test_the_folder_is_on_the_path_unless_that_is_refused(start: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "tests.py").write_text("import sys; print(__name__, sys.argv[1:])\n")
    assert run(start, "-m", "tests", "one", cwd=tmp_path) == (0, "__main__ ['one']\n", "")
    assert run(start, "-c", "import tests", cwd=tmp_path) == (0, "tests []\n", "")
    assert run(start, "-P", "-c", "import tests", cwd=tmp_path)[0] == 1


@STARTERS
@pytest.mark.parametrize(
    ("text", "code", "err"),
    [
        ("import sys; sys.exit()", 0, ""),
        ("import sys; sys.exit(3)", 3, ""),
        ("import sys; sys.exit('no')", 1, "no"),
        ("import os; os._exit(7)", 7, ""),
        ("import os; os.abort()", -signal.SIGABRT, ""),
        ("print(1 / 0)", 1, "ZeroDivisionError: division by zero"),
    ],
)
def test_the_end_is_told(start: Callable[..., Any], text: str, code: int, err: str) -> None:
    result = run(start, "-c", text)
    assert (result[0], result[1], result[2].rstrip("\n").rpartition("\n")[2]) == (code, "", err)


@STARTERS
def test_what_is_left_to_the_end_is_done(start: Callable[..., Any]) -> None:
    text = (
        "import atexit, threading, time\n"
        "atexit.register(print, 'last')\n"
        "threading.Thread(target=lambda: (time.sleep(0.05), print('thread'))).start()\n"
        "print('first')"
    )
    assert run(start, "-c", text) == (0, "first\nthread\nlast\n", "")


@STARTERS
def test_descriptors_keep_their_numbers_and_nothing_else_is_open(start: Callable[..., Any]) -> None:
    shown = "import os, sys; os.write(int(sys.argv[1]), b'told'); print(sys.stdin.read(), len(os.listdir('/proc/self/fd')))"
    (reading, writing), kept = os.pipe(), os.pipe()
    options = {**PIPES, "stdin": subprocess.PIPE, "pass_fds": [writing]}
    with open(reading) as answers, start([sys.executable, "-c", shown, str(writing)], **options) as process:
        os.close(writing)
        process.stdin.write("task")
        process.stdin.close()
        assert answers.read() == "told"
        # The three of every process, the one that is passed on, and that of the listing.
        assert process.stdout.read() == "task 5\n"
    for descriptor in kept:
        os.close(descriptor)


def test_standard_error_can_go_where_standard_output_goes() -> None:
    text = "import sys; print('a'); print('b', file=sys.stderr); print('c')"
    with Process([sys.executable, "-c", text], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        assert process.stdout is not None
        assert process.stdout.read() == "a\nb\nc\n"
    assert (process.stderr, process.returncode) == (None, 0)


@pytest.mark.parametrize(("stop", "number"), [("terminate", signal.SIGTERM), ("kill", signal.SIGKILL)])
def test_a_child_can_be_waited_for_and_stopped(stop: str, number: int) -> None:
    process = Process([sys.executable, "-c", "import time; time.sleep(60)"], **PIPES)
    assert process.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=0.01)
    getattr(process, stop)()
    assert process.wait(timeout=20) == -number
    assert process.poll() == -number
    process.kill()


def test_several_threads_wait_for_one_child() -> None:
    process = Process([sys.executable, "-c", "import time; time.sleep(0.3); raise SystemExit(3)"], **PIPES)
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(lambda _: process.wait(timeout=20), range(8))) == [3] * 8


def test_a_child_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forking, "LONGEST_SECONDS", 0.2)
    assert run(Process, "-c", "import time; time.sleep(60)")[0] == -signal.SIGALRM


def test_children_draw_different_numbers() -> None:
    assert run(Process, "-c", "import random; print(random.random())") != run(Process, "-c", "import random; print(random.random())")


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_a_server_that_ends_takes_its_children_along(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    server = forking._Server(modules=())
    monkeypatch.setattr(forking, "_server", lambda: server)
    with Process([sys.executable, "-c", "import time; time.sleep(60)"], **PIPES) as process:
        if how == "stopped":
            server.stop()
            assert server._process.returncode == 0
        else:
            server._process.kill()
        assert process.wait(timeout=20) == -signal.SIGKILL
        assert process.stdout is not None
        assert process.stdout.read() == ""
    if how == "killed":
        with pytest.raises(ForkError, match="the server that forks children has ended with code -9"):
            Process([sys.executable, "-c", ""], **PIPES)
        server.stop()


def test_threads_share_one_server(monkeypatch: pytest.MonkeyPatch) -> None:
    servers: list[Any] = []
    monkeypatch.setattr(forking, "_servers", servers)
    monkeypatch.setattr(forking.atexit, "register", lambda _stop: None)
    monkeypatch.setattr(forking, "_Server", lambda: time.sleep(0.05) or object())
    with ThreadPoolExecutor() as threads:
        given = [future.result() for future in [threads.submit(forking._server) for _ in range(4)]]
    assert given == servers * 4


def test_only_this_interpreter_is_forked(tmp_path: Path) -> None:
    with Subprocess().Popen([sys.executable, "-c", ""], **PIPES) as forked:
        assert isinstance(forked, Process)
    other = tmp_path / "python"
    other.symlink_to("/bin/true")
    with Subprocess().Popen([str(other), "-c", ""], **PIPES) as started:
        assert isinstance(started, subprocess.Popen)
    with pytest.raises(FileNotFoundError):
        Subprocess().Popen(["/nowhere/python", "-c", ""], **PIPES)
    assert Subprocess().PIPE == subprocess.PIPE
