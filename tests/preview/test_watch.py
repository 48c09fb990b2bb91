"""``--watch``: each save is judged, for the stacks that it concerns, and nothing is left behind."""

import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from offline_preview.saves import Saves, kept

from sandbox import processes

PROGRAM = """import time
import pulumi
import pulumi_aws as aws
import parts

size = pulumi.Config().get_int("size") or 1
for number in range(size):
    aws.s3.Bucket(f"bucket{number}", bucket=parts.NAME)
"""
PACK = """
from pulumi_policy import *
import judging
def judge(args, report):
    if args.resource_type == "aws:s3/bucket:Bucket" and args.props["bucket"] == judging.BAD:
        report("is called " + judging.BAD)
PolicyPack("names", [ResourceValidationPolicy("name", "Has a name", judge, EnforcementLevel.MANDATORY)])
"""
DONE = re.compile(r"offline-preview: (?:(.*) judged in .* s; )?watching\. Ctrl-C ends it\.")


class Watching:
    """The command, started as a user does it, in a project of two stacks with one pack."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "policies" / "names").mkdir(parents=True)
        self.write("Pulumi.yaml", "name: shop\nruntime: python\n")
        self.write("Pulumi.dev.yaml", "config: {aws:region: eu-west-1}\n")
        self.write("Pulumi.prod.yaml", "config: {aws:region: eu-west-1, shop:size: 2}\n")
        self.write("parts.py", "NAME = 'good'\n")
        self.write("__main__.py", PROGRAM)
        self.write("policies/names/PulumiPolicy.yaml", "runtime: python\nversion: 1.2.3\n")
        self.write("policies/names/judging.py", "BAD = 'bad'\n")
        self.write("policies/names/__main__.py", PACK)
        self.process = subprocess.Popen(
            [str(Path(sys.executable).with_name("offline-preview")), "--watch"],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONPATH": os.environ.get("PYTHONPATH", ""), "NO_COLOR": "1"},
            start_new_session=True,
        )
        self.lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self.process.stdout or ():
            self.lines.put(line.rstrip("\n"))

    def write(self, name: str, text: str) -> None:
        # As editors do it: whoever looks sees the whole file or none.
        (self.folder / f"{name}.tmp").write_text(text, encoding="utf-8")
        (self.folder / f"{name}.tmp").replace(self.folder / name)

    def verdict(self) -> tuple[str, list[str]]:
        """The stacks that were judged, and findings, errors and verdicts, without seconds."""
        shown: list[str] = []
        while True:
            line = self.lines.get(timeout=60)
            if done := DONE.fullmatch(line):
                return done[1] or "", shown
            if not line.startswith("offline-preview: judging"):
                shown.append(re.sub(r"  \(.* s\)$", "", line))


@pytest.fixture
def watching(tmp_path: Path) -> Iterator[Watching]:
    result = Watching(tmp_path)
    yield result
    if result.process.poll() is None:
        os.killpg(result.process.pid, signal.SIGKILL)
    result.process.wait()


def _figures(shown: list[str]) -> list[str]:
    return [re.sub(r"\s+", " ", line.partition(" compliant")[0].partition(" NOT")[0].strip()) for line in shown]


def test_ten_edits_of_different_kinds_are_judged_right(watching: Watching) -> None:
    dev, prod, both = "dev 1 resource, 0 components", "prod 2 resources, 0 components", "dev, prod"
    judged, shown = watching.verdict()
    assert (judged, _figures(shown)) == (both, [dev, prod]), shown

    watching.write("__main__.py", PROGRAM + "aws.s3.Bucket('more', bucket='bad')\n")
    judged, shown = watching.verdict()
    assert judged == both
    assert shown[0] == "__main__.py:9: error: more: Has a name is called bad [name]"
    assert [("NOT COMPLIANT" in line) for line in shown] == [False, True, True]

    watching.write("__main__.py", PROGRAM)
    assert watching.verdict()[0] == both
    watching.write("parts.py", "NAME = 'evil'\n")
    assert (watching.verdict()[0], "a module") == (both, "a module")
    # The same second, the same size: what was compiled of the module must not be used.
    watching.write("parts.py", "NAME = 'bad'\n#")
    judged, shown = watching.verdict()
    assert "error: bucket0: Has a name is called bad [name]" in shown[0]
    watching.write("parts.py", "NAME = 'evil'\n")
    assert len(watching.verdict()[1]) == 2

    watching.write("Pulumi.prod.yaml", "config: {aws:region: eu-west-1, shop:size: 3}\n")
    judged, shown = watching.verdict()
    assert (judged, _figures(shown)) == ("prod", [dev, "prod 3 resources, 0 components"])

    watching.write("policies/names/judging.py", "BAD = 'evil'\n")
    judged, shown = watching.verdict()
    assert judged == both
    assert "error: bucket0: Has a name is called evil [name]" in shown[0]

    watching.write("policies/names/prod.json", '{"name": "disabled"}')
    judged, shown = watching.verdict()
    assert "prod" in judged
    assert ["NOT COMPLIANT" in line for line in shown if line.startswith(("dev", "prod"))] == [True, False]

    watching.write("__main__.py", "x = (\n")
    assert watching.verdict()[1][0].startswith("__main__.py:1: error: stack dev: SyntaxError")
    watching.write("__main__.py", PROGRAM)
    assert watching.verdict()[0] == both

    watching.write("Pulumi.cell.yaml", "config: {aws:region: eu-west-1}\n")
    judged, shown = watching.verdict()
    assert (judged, len([line for line in shown if line.startswith(("cell", "dev", "prod"))])) == ("cell", 3)
    (watching.folder / "Pulumi.cell.yaml").unlink()
    judged, shown = watching.verdict()
    assert (judged, [line.split()[0] for line in shown[-2:]]) == ("", ["dev", "prod"])

    watching.write("__main__.py", PROGRAM.replace("parts", "pieces"))
    assert "No module named 'pieces'" in watching.verdict()[1][0]
    (watching.folder / "parts.py").rename(watching.folder / "pieces.py")
    assert _figures(watching.verdict()[1])[-1] == "prod 3 resources, 0 components"


def test_the_newest_save_wins_over_a_run(watching: Watching) -> None:
    watching.verdict()
    watching.write("__main__.py", PROGRAM + "open('running', 'w').close()\ntime.sleep(60)\n")
    deadline = time.monotonic() + 30
    while not (watching.folder / "running").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    begin = time.monotonic()
    watching.write("__main__.py", PROGRAM)
    judged, shown = watching.verdict()
    assert (judged, len(shown)) == ("dev, prod", 2)
    assert time.monotonic() - begin < 30


@pytest.mark.parametrize("when", ["idle", "running"])
def test_an_interrupt_leaves_nothing_behind(when: str, watching: Watching) -> None:
    watching.verdict()
    if when == "running":
        watching.write("__main__.py", PROGRAM + "open('running', 'w').close()\ntime.sleep(60)\n")
        while not (watching.folder / "running").exists():
            time.sleep(0.02)
    below = processes.descendants(watching.process.pid)
    assert below
    os.kill(watching.process.pid, signal.SIGINT)
    assert watching.process.wait(30) == 130
    assert not processes.alive(below)


def test_what_editors_and_python_write_beside_a_file_is_no_save(tmp_path: Path) -> None:
    assert [name for name in ("a.py", ".a.py.swp", "a.py~", "4913", "__pycache__/a.pyc", ".git/index", "b/c.json") if kept(name)] == [
        "a.py",
        "b/c.json",
    ]
    (tmp_path / "a.py").write_text("one")
    saves = Saves([tmp_path], [], lambda: None)
    (tmp_path / "a.py").write_text("two")
    assert saves.changes() == {tmp_path / "a.py"}
    os.utime(tmp_path / "a.py", (1, 1))
    assert saves.changes() == set()
    (tmp_path / "a.py").unlink()
    assert saves.changes() == {tmp_path / "a.py"}
    saves.close()
