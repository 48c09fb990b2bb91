"""``--watch``: each save is judged, for the stacks that it concerns, and nothing is left behind."""

import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import types
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from offline_preview.preview import Kept
from offline_preview.project import load_project
from offline_preview.saves import Saves, kept

from sandbox import processes
from tests import installed

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
# A pack that stays and is configured again.
LASTING_PACK = """
import time
from cloudpatterns_policies.core import Fail, Pass, Severity, control, serve
def judge(resource):
    return Fail("is called bad") if resource.get("bucket") == "bad" else Pass()
about = {"types": ("aws:s3/bucket:Bucket",), "why": "It is.", "remediation": "Rename it.", "url": "https://x.y", "frameworks": {}}
serve("names", "1.2.3", [control(id="name", title="Has a name", severity=Severity.HIGH, **about)(judge)])
"""
DONE = re.compile(r"offline-preview: (?:(.*) judged in .* s; |nothing judged; )?watching\. Ctrl-C ends it\.")


class Watching:
    """The command, started as a user does it, in a project of two stacks with one pack.

    ``files`` are others than these; after ``one_verdict``, nobody reads what it prints.
    """

    def __init__(
        self, folder: Path, files: dict[str, str] | None = None, python: str = sys.executable, *, one_verdict: bool = False
    ) -> None:
        self.folder, self.one_verdict = folder, one_verdict
        (folder / "policies" / "names").mkdir(parents=True)
        self.write("Pulumi.yaml", "name: shop\nruntime: python\n")
        self.write("Pulumi.dev.yaml", "config: {aws:region: eu-west-1}\n")
        self.write("Pulumi.prod.yaml", "config: {aws:region: eu-west-1, shop:size: 2}\n")
        self.write("parts.py", "NAME = 'good'\n")
        self.write("__main__.py", PROGRAM)
        self.write("policies/names/PulumiPolicy.yaml", "runtime: python\nversion: 1.2.3\n")
        self.write("policies/names/judging.py", "BAD = 'bad'\n")
        self.write("policies/names/__main__.py", PACK)
        for name, text in (files or {}).items():
            self.write(name, text)
        self.process = subprocess.Popen(
            [python, "-m", "offline_preview", "--watch"],
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
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
            if self.one_verdict and DONE.fullmatch(line.rstrip("\n")):
                break
        self.process.stdout.close()

    def write(self, name: str, text: str) -> None:
        # As editors do it: whoever looks sees the whole file or none.
        (self.folder / f"{name}.tmp").write_text(text, encoding="utf-8")
        (self.folder / f"{name}.tmp").replace(self.folder / name)

    def verdict(self) -> tuple[str, list[str]]:
        """The stacks that were judged, and findings, errors and verdicts, without seconds."""
        shown: list[str] = []
        while True:
            line = self.lines.get(timeout=180)
            if done := DONE.fullmatch(line):
                return done[1] or "", shown
            if not line.startswith(("offline-preview: judging", "offline-preview: installed packages have changed")):
                shown.append(re.sub(r"  \(.* s\)$", "", line))


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Callable[..., Watching]]:
    started: list[Watching] = []

    def start(*arguments: Any, **options: Any) -> Watching:
        (tmp_path / "project").mkdir()
        started.append(Watching(tmp_path / "project", *arguments, **options))
        return started[-1]

    yield start
    for one in started:
        # Killed alone, it could not end its packs.
        if one.process.poll() is None:
            processes.kill(one.process.pid)
        one.process.wait()


@pytest.fixture
def watching(watch: Callable[..., Watching]) -> Watching:
    return watch()


def _waited(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _figures(shown: list[str]) -> list[str]:
    return [re.sub(r"\s+", " ", line.partition(" compliant")[0].partition(" NOT")[0].strip()) for line in shown]


def _failing(shown: list[str]) -> list[bool]:
    return ["NOT COMPLIANT" in line for line in shown[-2:]]


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
    _waited((watching.folder / "running").exists)
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
        _waited((watching.folder / "running").exists)
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


def test_a_pack_that_is_saved_during_a_run_judges_by_what_was_saved(watch: Callable[..., Watching]) -> None:
    watching = watch({"policies/names/__main__.py": LASTING_PACK})
    assert len(watching.verdict()[1]) == 2
    watching.write(
        "__main__.py", PROGRAM + "import os\nif not os.path.exists('again'):\n    open('again', 'w').close()\n    time.sleep(60)\n"
    )
    _waited((watching.folder / "again").exists)
    watching.write("policies/names/__main__.py", LASTING_PACK.replace('"bad"', '"good"'))
    judged, shown = watching.verdict()
    assert (judged, _failing(shown)) == ("dev, prod", [True, True]), shown


def test_a_pack_that_never_answers_is_ended_by_a_save(watch: Callable[..., Watching]) -> None:
    watching = watch({"policies/names/__main__.py": LASTING_PACK})
    watching.verdict()
    hangs = LASTING_PACK.replace("    return", "    open('../../running', 'w').close()\n    time.sleep(600)\n    return")
    watching.write("policies/names/__main__.py", hangs)
    _waited((watching.folder / "running").exists)
    watching.write("policies/names/__main__.py", LASTING_PACK)
    judged, shown = watching.verdict()
    assert (judged, len(shown)) == ("dev, prod", 2), shown


def test_a_pack_that_has_died_is_started_again(watch: Callable[..., Watching]) -> None:
    watching = watch({"policies/names/__main__.py": LASTING_PACK})
    watching.verdict()
    packs = [one for one in processes.descendants(watching.process.pid) if b"pulumi.policy" in Path(f"/proc/{one}/cmdline").read_bytes()]
    assert packs
    for one in packs:
        os.kill(one, signal.SIGKILL)
    watching.write("parts.py", "NAME = 'bad'\n")
    judged, shown = watching.verdict()
    assert (judged, _failing(shown)) == ("dev, prod", [True, True]), shown


def test_wrong_settings_of_a_stack_leave_the_verdicts_of_the_others(watching: Watching) -> None:
    watching.verdict()
    watching.write("Pulumi.dev.yaml", "config: [\n")
    assert [line.partition(":")[0].split()[0] for line in watching.verdict()[1]] == ["Pulumi.yaml", "prod"]
    watching.write("parts.py", "NAME = 'bad'\n")
    judged, shown = watching.verdict()
    assert judged == "dev, prod"
    assert shown[0].startswith("Pulumi.yaml:1: error: stack dev: ")
    assert "bucket0: Has a name is called bad" in shown[1]
    assert shown[-1].startswith("prod")


def test_packages_that_are_installed_meanwhile_are_used(watch: Callable[..., Watching], tmp_path: Path) -> None:
    """By the program and by a pack, each in an environment of its own; one that is gone is missed, and found again when it is back."""
    own, packs = tmp_path / "project" / ".venv", tmp_path / "packs"
    installed.environment(packs)
    program = PROGRAM.replace("import parts", "import parts\nimport dependency\n") + "for one in range(dependency.NUMBER):\n"
    program += "    aws.s3.Bucket(f'dependency{one}', bucket=parts.NAME)\n"
    watching = watch(
        {
            "Pulumi.yaml": "name: shop\nruntime: {name: python, options: {virtualenv: .venv}}\n",
            "__main__.py": program,
            "policies/names/PulumiPolicy.yaml": "runtime: {name: python, options: {virtualenv: ../../../packs}}\n",
            "policies/names/__main__.py": LASTING_PACK.replace("import time", "import bad_names\nBAD = bad_names.NAMES"),
        }
    )

    def after(change: Callable[[], Any], expected: Callable[[list[str]], bool]) -> None:
        change()
        # A part of the change may be judged before the whole.
        while not expected(shown := watching.verdict()[1]):
            assert watching.process.poll() is None, shown

    def first() -> None:
        installed.environment(own)
        installed.install(own, "dependency", 1)
        (packs / "bad_names.py").write_text("NAMES = []\n")
        [libraries] = packs.glob("lib/python*/site-packages")
        (packs / "bad_names.py").replace(libraries / "bad_names.py")

    def counted(*numbers: int) -> Callable[[list[str]], bool]:
        wanted = [f"{stack} {count} resource" for stack, count in zip(("dev", "prod"), numbers, strict=True)]
        return lambda shown: [re.sub(r"\s+", " ", line).partition(" resource")[0] + " resource" for line in shown[-2:]] == wanted

    after(first, counted(2, 3))
    after(lambda: installed.install(own, "dependency", 2), counted(3, 4))
    installed.install(packs, "bad_names", 1)
    after(lambda: None, lambda shown: "no attribute 'NAMES'" in str(shown))
    shutil.rmtree(own)
    after(lambda: None, lambda shown: "No module named 'dependency'. Install it for " in str(shown))


def test_the_environment_of_the_command_may_be_replaced(watch: Callable[..., Watching], tmp_path: Path) -> None:
    folder = tmp_path / "environment"
    installed.environment(folder)
    watching = watch({"policies/names/__main__.py": LASTING_PACK}, str(folder / "bin" / "python"))
    watching.verdict()
    before = processes.descendants(watching.process.pid)
    shutil.rmtree(folder)
    assert watching.verdict() == (
        "",
        [
            f"Pulumi.yaml:1: error: {folder} has no complete offline-preview any more, or is gone. Install it there again;"
            " then this goes on. [environment]"
        ],
    )
    assert not processes.alive(before)
    # Nothing can be judged yet.
    watching.write("parts.py", "NAME = 'bad'\n")
    assert "[environment]" in watching.verdict()[1][0]
    installed.environment(folder)
    judged = ""
    while not judged:
        judged, shown = watching.verdict()
    assert (judged, _failing(shown)) == ("dev, prod", [True, True]), shown


def test_a_project_may_be_removed_and_come_back(watching: Watching) -> None:
    watching.verdict()
    away = watching.folder.with_name("away")
    watching.folder.rename(away)
    assert watching.verdict() == (
        "",
        [f"Pulumi.yaml:1: error: --project: {watching.folder} is not a folder. Use the folder that contains Pulumi.yaml. [settings]"],
    )
    shutil.copytree(away, watching.folder)
    while not (judged := watching.verdict()[0]):
        pass
    assert judged == "dev, prod"
    # It is another folder, and watched as well.
    watching.write("parts.py", "NAME = 'bad'\n")
    assert ": error: bucket0: " in watching.verdict()[1][0]


def test_a_stop_of_the_terminal_is_no_end(watching: Watching) -> None:
    watching.verdict()
    os.killpg(watching.process.pid, signal.SIGSTOP)
    watching.write("parts.py", "NAME = 'bad'\n")
    time.sleep(0.5)
    assert watching.lines.empty()
    os.killpg(watching.process.pid, signal.SIGCONT)
    assert ": error: bucket0: " in watching.verdict()[1][0]


@pytest.mark.parametrize("how", ["terminal", "reader"])
def test_nothing_is_left_behind_without_a_reader(how: str, watch: Callable[..., Watching]) -> None:
    watching = watch(one_verdict=how == "reader")
    watching.verdict()
    below = processes.descendants(watching.process.pid)
    if how == "terminal":
        os.killpg(watching.process.pid, signal.SIGHUP)
        assert watching.process.wait(30) == 130
    else:
        # As `offline-preview --watch | head` does it.
        watching.write("parts.py", "NAME = 'bad'\n")
        assert watching.process.wait(60) == 2
    assert not processes.alive(below)


def test_processes_are_those_of_the_project_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    project = load_project(tmp_path)
    kept = Kept(project)
    assert kept.serves(replace(project))
    assert not any(kept.serves(replace(project, **{name: "other"})) for name in ("root", "name", "interpreter"))


def _reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, watch: Callable[..., Iterator[set[Any]]]
) -> tuple[Saves, threading.Event, list[str]]:
    """Saves of a folder, with another function in place of the library that has the system report changes."""
    library: Any = types.ModuleType("watchfiles")
    library.watch = watch
    monkeypatch.setitem(sys.modules, "watchfiles", library)
    changed, told = threading.Event(), list[str]()
    return Saves([tmp_path], [], changed.set, told.append), changed, told


def test_what_is_saved_before_the_system_reports_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def watch(*_folders: Path, **_options: Any) -> Iterator[set[Any]]:
        (tmp_path / "a.py").write_text("two")
        while not _options["stop_event"].wait(0.02):
            yield set()

    saves, changed, told = _reported(tmp_path, monkeypatch, watch)
    assert changed.wait(10)
    assert (saves.changes(), told) == ({tmp_path / "a.py"}, [])
    saves.close()


def test_where_the_system_cannot_report_the_files_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def watch(*_folders: Path, **_options: Any) -> Iterator[set[Any]]:
        raise OSError(28, "OS file watch limit reached")
        yield set()

    saves, changed, told = _reported(tmp_path, monkeypatch, watch)
    _waited(lambda: bool(told))
    (tmp_path / "a.py").write_text("two")
    assert changed.wait(10)
    assert saves.changes() == {tmp_path / "a.py"}
    assert told == [
        "the system cannot report saves ([Errno 28] OS file watch limit reached), so the files are looked at five times a second."
        " On Linux, raise fs.inotify.max_user_watches or max_user_instances."
    ]
    saves.close()


def test_links_to_folders_are_followed(tmp_path: Path) -> None:
    project, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
    (elsewhere / "below").mkdir(parents=True)
    project.mkdir()
    (project / "shared").symlink_to(elsewhere)
    (elsewhere / "back").symlink_to(project)
    saves = Saves([project], [], lambda: None)
    (elsewhere / "below" / "a.json").write_text("{}")
    assert saves.changes() == {project / "shared" / "below" / "a.json"}
    saves.close()
