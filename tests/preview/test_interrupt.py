"""Ctrl-C and its relatives, at every stage of a preview: one line, exit code 130, and no process is left behind."""

import contextlib
import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest
from offline_preview import children

from sandbox import processes

Write = Callable[..., Path]

# Writes down that it has come this far, with a child of its own, and waits.
HANGS = """
import os, subprocess, time
child = subprocess.Popen(["sleep", "60"])
open(os.path.join({folder!r}, f"{{os.getpid()}} {{child.pid}}"), "w").close()
time.sleep(60)
"""
PROGRAM = "import pulumi_aws as aws\naws.s3.Bucket('logs')\n"
PACK = """
import time
from pulumi_policy import *
def slow(args, report):
{body}
PolicyPack("slow", [ResourceValidationPolicy("slow", "Is slow", slow, EnforcementLevel.MANDATORY)])
"""
# A pack that does not end when asked to.
STUBBORN = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"


class Running:
    """The command on two stacks, started as a terminal does it; it hangs at one stage."""

    def __init__(self, stage: str, project: Write, pack: Write, tmp_path: Path, terminal: int = subprocess.PIPE) -> None:
        self.reached = tmp_path / "reached"
        self.reached.mkdir()
        hangs = HANGS.format(folder=str(self.reached))
        folder = project(Pulumi__prod__yaml="config: {aws:region: eu-west-1}\n")
        (folder / "__main__.py").write_text(hangs if stage == "program" else PROGRAM)
        first = {"pack starts": hangs, "stubborn pack": STUBBORN + hangs}.get(stage)
        body = hangs if stage == "pack checks" else "pass"
        packs = pack(first or PACK.format(body="\n".join(f"    {line}" for line in body.splitlines())))
        if stage == "command starts":
            # The command loads it before it knows what it is asked to do.
            (tmp_path / "argparse.py").write_text(hangs.replace('"sleep", "60"', '"true"'))
        self.process = subprocess.Popen(
            [str(Path(sys.executable).with_name("offline-preview")), "--policy-pack", str(packs)],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(tmp_path)} if stage == "command starts" else None,
            stdout=subprocess.PIPE,
            stderr=terminal,
            text=True,
            start_new_session=True,
        )
        wanted = 1 if stage == "command starts" else 2
        deadline = time.monotonic() + 60
        while len(list(self.reached.iterdir())) < wanted:
            assert time.monotonic() < deadline
            assert self.process.poll() is None, self.process.communicate()
            time.sleep(0.02)

    def below(self) -> set[int]:
        """All processes that the command has started, and those that these have."""
        written = {int(number) for file in self.reached.iterdir() for number in file.name.split()}
        return {*written, *processes.descendants(self.process.pid)} - {self.process.pid}


@pytest.mark.parametrize("whom", ["group", "command"])
@pytest.mark.parametrize("stage", ["command starts", "program", "pack starts", "pack checks"])
def test_an_interrupt_ends_quietly_and_leaves_nothing_behind(stage: str, whom: str, project: Write, pack: Write, tmp_path: Path) -> None:
    running = Running(stage, project, pack, tmp_path)
    below = running.below()
    # A terminal sends the signal to the whole group.
    (os.killpg if whom == "group" else os.kill)(running.process.pid, signal.SIGINT)
    out, err = running.process.communicate(timeout=30)
    assert (running.process.returncode, out, err) == (130, "", "offline-preview: interrupted\n")
    if stage != "command starts":
        assert len(below) >= 4
        assert not processes.alive(below)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_request_to_end_and_a_closed_terminal_are_interrupts(number: int, project: Write, pack: Write, tmp_path: Path) -> None:
    running = Running("pack checks", project, pack, tmp_path)
    below = running.below()
    os.killpg(running.process.pid, number)
    assert running.process.communicate(timeout=30) == ("", "offline-preview: interrupted\n")
    assert running.process.returncode == 130
    assert not processes.alive(below)


def test_a_second_interrupt_does_not_wait_for_packs_that_take_their_time(project: Write, pack: Write, tmp_path: Path) -> None:
    running = Running("stubborn pack", project, pack, tmp_path)
    below = running.below()
    os.killpg(running.process.pid, signal.SIGINT)
    # Both packs have two seconds to end, one after the other.
    time.sleep(0.3)
    assert running.process.poll() is None
    os.killpg(running.process.pid, signal.SIGINT)
    assert running.process.communicate(timeout=30) == ("", "offline-preview: interrupted\n")
    assert running.process.returncode == 130
    assert not processes.alive(below)


def test_what_is_ignored_from_the_start_stays_ignored(project: Write, pack: Write, tmp_path: Path) -> None:
    previous = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        running = Running("program", project, pack, tmp_path)
    finally:
        signal.signal(signal.SIGHUP, previous)
    # As with nohup.
    os.kill(running.process.pid, signal.SIGHUP)
    time.sleep(0.3)
    assert running.process.poll() is None
    os.kill(running.process.pid, signal.SIGTERM)
    assert running.process.wait(timeout=30) == 130


@pytest.mark.parametrize("times", [1, 2])
def test_a_terminal_is_left_clean(times: int, project: Write, pack: Write, tmp_path: Path) -> None:
    master, slave = pty.openpty()
    running = Running("stubborn pack", project, pack, tmp_path, terminal=slave)
    os.close(slave)
    for _ in range(times):
        os.killpg(running.process.pid, signal.SIGINT)
        time.sleep(0.3)
    shown = b""
    # Linux reports the end of a terminal as an error.
    with contextlib.suppress(OSError):
        while read := os.read(master, 4096):
            shown += read
    os.close(master)
    assert running.process.wait(timeout=30) == 130
    # The cursor is shown, and the message is the last and only thing on its line.
    text = shown.decode()
    assert text.rfind("\x1b[?25h") > text.rfind("\x1b[?25l") >= 0
    assert re.search(r"\x1b\[(2?K|\?25h)offline-preview: interrupted\r\n$", text), text[-200:]


def test_nothing_starts_after_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread may be about to start a pack when Ctrl-C comes; nobody would end it, and it would keep the command's output open."""
    monkeypatch.setattr(children, "_ended", threading.Event())
    monkeypatch.setattr(children, "_running", weakref.WeakSet())
    early = children.start(["sleep", "60"])
    children.kill_all()
    assert early.poll() == -signal.SIGKILL
    with pytest.raises(RuntimeError, match=r"^the command was interrupted$"):
        children.start(["sleep", "60"])
