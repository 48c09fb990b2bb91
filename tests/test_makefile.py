"""The set-up that every target of the Makefile begins with, and what it shows; Python and pip are replaced by scripts."""

import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# `-m venv` makes an environment as Python does where $KIND is complete, and one without pip as Debian does without python3-venv.
PYTHON = """#!/bin/sh
if [ "$2" = venv ]; then
    mkdir -p "$3/bin"
    touch "$3/pyvenv.cfg"
    echo '#!/bin/sh
if [ "$1" = -c ]; then test -e "$0".pip; else echo "$@" >> calls; test ! -e broken; fi' > "$3/bin/python"
    chmod +x "$3/bin/python"
    if [ "$KIND" != complete ]; then echo "ensurepip is not available"; exit 1; fi
    touch "$3/bin/python.pip"
else
    exec {python} "$@"
fi
"""
CREATED = "Creating .venv ..."
UNFINISHED = "Creating .venv anew: the one there has no pip or no Python 3.11, as after a set-up that did not finish ..."
INSTALLED = [".ci/install.py requirements.txt", ".ci/install.py requirements-no-deps.txt --no-deps"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the Makefile and what its set-up needs."""
    made = tmp_path / "project"
    (made / "bin").mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", made)
    for name in ("requirements.txt", "requirements-no-deps.txt"):
        (made / name).touch()
    for project in ("components", "components/runtime", "pictures", "policies", "preview"):
        (made / project).mkdir(exist_ok=True)
        (made / project / "pyproject.toml").touch()
    for project in ("components", "policies"):
        (made / project / "setup.py").touch()
    python = made / "bin" / "python3"
    python.write_text(PYTHON.replace("{python}", sys.executable))
    python.chmod(0o755)
    return made


def make(folder: Path, *arguments: str, kind: str = "complete") -> tuple[int, list[str]]:
    """Exit code, and the lines on standard error without make's own; nothing may be on standard output."""
    # A make that runs these tests must not pass its options on.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MAKE") and name != "MFLAGS"}
    environment = {**kept, "PATH": f"{folder / 'bin'}:/usr/bin:/bin", "KIND": kind}
    done = subprocess.run(
        ["make", *(arguments or (".venv/ready",))], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert [line for line in done.stdout.splitlines() if not line.startswith("make: ")] == []
    return done.returncode, [line for line in done.stderr.splitlines() if not line.startswith("make: ")]


def installs(folder: Path) -> list[str]:
    """What was installed since the last call."""
    calls = folder / "calls"
    lines = calls.read_text().splitlines() if calls.exists() else []
    calls.unlink(missing_ok=True)
    return lines


def test_the_first_run_says_what_it_does_and_the_second_nothing(folder: Path) -> None:
    assert make(folder) == (0, [CREATED])
    assert installs(folder) == INSTALLED
    assert make(folder) == (0, [])
    assert installs(folder) == []


def test_an_environment_without_pip_is_removed_and_the_fix_is_named(folder: Path) -> None:
    code, lines = make(folder, kind="without pip")
    assert code == 2
    assert lines == [
        CREATED,
        "ensurepip is not available",
        "error: python3 -m venv made no environment with pip. Debian and Ubuntu: sudo apt install python3-venv. "
        "Or is the disk full? Then try again.",
    ]
    assert not (folder / ".venv").exists()
    assert make(folder) == (0, [CREATED])
    assert installs(folder) == INSTALLED


@pytest.mark.parametrize("damage", ["no pip", "no python", "broken link", "empty folder", "link to nowhere"])
def test_a_damaged_environment_is_created_anew(folder: Path, damage: str) -> None:
    make(folder)
    installs(folder)
    python = folder / ".venv" / "bin" / "python"
    if damage == "no pip":
        python.with_suffix(".pip").unlink()
    elif damage in ("no python", "broken link"):
        python.unlink()
        if damage == "broken link":
            python.symlink_to("/nowhere/python3")
    else:
        shutil.rmtree(folder / ".venv")
        if damage == "empty folder":
            (folder / ".venv").mkdir()
        else:
            (folder / ".venv").symlink_to("/nowhere")
    assert make(folder) == (0, [UNFINISHED])
    assert installs(folder) == INSTALLED
    assert make(folder) == (0, [])


def test_an_environment_that_was_moved_with_its_folder_is_created_anew(folder: Path) -> None:
    make(folder)
    moved = folder.rename(folder.with_name("moved here"))
    installs(moved)
    assert make(moved) == (0, [f"Creating .venv anew: the one there is of {folder} ..."])
    assert installs(moved) == INSTALLED
    assert make(moved) == (0, [])


def test_an_installation_that_failed_is_repeated_in_the_same_environment(folder: Path) -> None:
    (folder / "broken").touch()
    assert make(folder) == (2, [CREATED])
    installs(folder)
    (folder / "broken").unlink()
    assert make(folder) == (0, [])
    assert installs(folder) == INSTALLED


def test_a_damaged_environment_stays_when_there_is_no_python_to_create_another(folder: Path) -> None:
    (folder / ".venv").mkdir()
    code, lines = make(folder, ".venv/ready", "PYTHON=python3.99")
    assert code == 2
    assert lines == ["error: no python3.99 on PATH: install Python 3.11 or newer, or name it: make PYTHON=python3.12"]
    (folder / "bin" / "python3").write_text('#!/bin/sh\necho "error: $1 is too old" >&2\nexit 1\n')
    assert make(folder) == (2, ["error: -c is too old"])
    assert (folder / ".venv").exists()


def test_help_lists_every_target_that_is_documented() -> None:
    targets = re.findall(r"^([a-z-]+):.*## (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    done = subprocess.run(["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert [line.split(maxsplit=2) for line in done.stdout.splitlines()] == [["make", *target] for target in targets]
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony is not None
    assert set(phony[1].split()) == {name for name, _ in targets}


def test_the_tests_on_the_real_engine_say_with_which_cli_and_name_each_test(tmp_path: Path) -> None:
    recipe = re.search(r"python -m pytest (tests/engine .*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert recipe is not None
    options = [*recipe[1].split()[1:], "-n", "0"]
    cli = tmp_path / "pulumi"
    cli.write_text("#!/bin/sh\necho v9.9.9\n")
    cli.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "tests/engine/test_export.py", "--deselect", "tests/engine", *options],
        cwd=ROOT,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"real engine: Pulumi CLI v9.9.9 at {cli}, a stand-in for the AWS plugin, no account" in done.stdout.splitlines()


PIP = """
import os, sys
print("Requirement already satisfied: a" if "--quiet" not in sys.argv else "quiet")
print("ERROR: no space left " + "." * 200)
sys.exit(int(os.environ["CODE"]))
"""


def environment(tmp_path: Path, code: int) -> dict[str, str]:
    """An environment in which ``python -m pip`` only talks, and ends with a code."""
    (tmp_path / "pip").mkdir()
    (tmp_path / "pip" / "__init__.py").touch()
    (tmp_path / "pip" / "__main__.py").write_text(PIP)
    return {**os.environ, "PYTHONPATH": str(tmp_path), "CODE": str(code), "COLUMNS": "40"}


@pytest.mark.parametrize("code", [0, 3])
def test_an_installation_is_announced_and_pip_is_quiet_where_there_is_no_terminal(tmp_path: Path, code: int) -> None:
    command = [sys.executable, ".ci/install.py", "r.txt"]
    done = subprocess.run(command, cwd=ROOT, env=environment(tmp_path, code), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (code, "")
    lines = done.stderr.splitlines()
    assert lines[0] == f"Installing the packages of r.txt into {os.path.relpath(sys.prefix, ROOT)} (once; it takes a few minutes) ..."
    assert lines[1] == "quiet"
    assert re.fullmatch(r"Installed in \d+ s\.", lines[-1]) if code == 0 else lines[-1].startswith("ERROR: no space left")


@pytest.mark.parametrize("code", [0, 3])
def test_a_terminal_shows_pip_on_one_line_and_all_of_it_when_it_failed(tmp_path: Path, code: int) -> None:
    master, slave = pty.openpty()
    command = [sys.executable, ".ci/install.py", "r.txt"]
    started = subprocess.Popen(command, cwd=ROOT, env=environment(tmp_path, code), stderr=slave)
    os.close(slave)
    shown = b""
    # Linux reports the end of a terminal as an error.
    try:
        while read := os.read(master, 4096):
            shown += read
    except OSError:
        pass
    os.close(master)
    assert started.wait() == code
    first, rest = shown.decode().replace("\r\n", "\n").split("\n", 1)
    assert first.startswith("Installing the packages of r.txt into ")
    live, _, after = rest.rpartition("\r\x1b[K")
    assert live == f"\r\x1b[K  Requirement already satisfied: a\r\x1b[K  {('ERROR: no space left ' + '.' * 200)[:37]}"
    if code == 0:
        assert re.fullmatch(r"Installed in \d+ s\.\n", after)
    else:
        assert after == "Requirement already satisfied: a\nERROR: no space left " + "." * 200 + "\n"
