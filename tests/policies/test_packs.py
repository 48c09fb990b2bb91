"""The folders of the packs by their names, and the launcher that starts them or says why it cannot."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from cloudpatterns_policies import packs

POLICIES = Path(__file__).parents[2] / "policies"


def test_every_pack_of_the_repository_has_a_name_and_an_entry_point(capsys: pytest.CaptureFixture[str]) -> None:
    assert sorted(packs.NAMES) == sorted(file.parent.name for file in POLICIES.glob("*/PulumiPolicy.yaml"))
    project = tomllib.loads((POLICIES / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["offline_preview.packs"] == dict.fromkeys(packs.NAMES, "cloudpatterns_policies.packs:folder")
    setup = (POLICIES / "setup.py").read_text()
    assert all(f'"{name}"' in setup for name in (*packs.NAMES, "launcher"))
    assert packs.main([]) == 0
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [[name, str(POLICIES / name)] for name in packs.NAMES]


def test_a_packs_folder_is_printed_for_the_cli(capsys: pytest.CaptureFixture[str]) -> None:
    assert packs.main(["operations"]) == 0
    assert capsys.readouterr() == (f"{POLICIES / 'operations'}\n", "")


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place of packs that has none yet."""
    monkeypatch.setattr(packs, "_PLACES", (tmp_path,))
    return tmp_path


def test_a_pack_that_is_not_there_is_an_error(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert packs.main(["secure"]) == 2
    assert capsys.readouterr().err == "error: there is no policy pack 'secure'; the packs are security, operations, acceptance.\n"
    assert packs.main(["security"]) == 2
    place = POLICIES / "cloudpatterns_policies"
    assert capsys.readouterr().err == (
        f"error: the files of the policy pack security are not in {place}. Install the wheel of cloudpatterns-policies again.\n"
    )
    for name in ("security", "launcher"):
        shutil.copytree(POLICIES / name, elsewhere / name)
    assert packs.folder("security") == elsewhere / "security"
    launcher = elsewhere / "launcher" / "bin" / "python"
    launcher.chmod(0o644)
    assert packs.main([]) == 2
    assert capsys.readouterr().err == (
        f"error: {launcher} is not executable. Install the wheel of cloudpatterns-policies again, with pip or uv.\n"
    )


@pytest.mark.parametrize("name", packs.NAMES)
def test_a_pack_starts_with_the_launcher_and_with_pip_whatever_is_around_it(name: str) -> None:
    runtime = yaml.safe_load((POLICIES / name / "PulumiPolicy.yaml").read_text())["runtime"]
    assert runtime == {"name": "python", "options": {"toolchain": "pip", "virtualenv": "../launcher"}}
    assert os.access(POLICIES / "launcher" / "bin" / "python", os.X_OK)


WHERE = "import os, sys; print(sys.executable, os.environ['PWD'])"


def launch(policies: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Asks the launcher which Python it is, with no other on PATH than one that has nothing."""
    python = policies / "launcher" / "bin" / "python"
    python.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(POLICIES / "launcher" / "bin" / "python", python)
    bare = policies.parent / "bare"
    bare.mkdir(exist_ok=True)
    if not (bare / "python3").exists():
        # Not in sh, which would set PWD.
        again = f"#!{sys.executable}\nimport os, sys\nos.execv({sys.executable!r}, [{sys.executable!r}, '-S', *sys.argv[1:]])\n"
        (bare / "python3").write_text(again)
        (bare / "python3").chmod(0o755)
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("PULUMI_")}
    return subprocess.run(
        [python, "-c", WHERE],
        env={**inherited, "PATH": str(bare), "PWD": "/where/the/cli/is", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_clone_without_an_environment_says_so(tmp_path: Path) -> None:
    run = launch(tmp_path / "clone" / "policies")
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr == (
        f"cloudpatterns: the policy packs cannot start: {tmp_path}/clone/.venv is missing or not complete. Remedy: run `make preview` once "
        f"in {tmp_path}/clone, or install {tmp_path}/clone/policies into the environment of the python3 on PATH.\n"
    )


def test_a_clone_runs_in_its_own_environment(tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    clone.mkdir()
    (clone / ".venv").symlink_to(sys.prefix)
    run = launch(clone / "policies")
    # A pack finds the language of the program by PWD.
    assert run.stdout == f"{clone}/.venv/bin/python /where/the/cli/is\n", run.stderr


def test_an_environment_that_make_completed_is_not_asked_first(tmp_path: Path) -> None:
    folder = tmp_path / "clone" / ".venv"
    (folder / "bin").mkdir(parents=True)
    asked = folder / "asked"
    (folder / "bin" / "python").write_text(f'#!/bin/sh\necho "$@" >> {asked}\n')
    (folder / "bin" / "python").chmod(0o755)
    for file, calls in (("other", 2), ("ready", 3)):
        (folder / file).touch()
        assert launch(tmp_path / "clone" / "policies").returncode == 0
        assert len(asked.read_text().splitlines()) == calls


def test_another_python_can_be_named(tmp_path: Path) -> None:
    run = launch(tmp_path / "clone" / "policies", PULUMI_PYTHON_CMD=sys.executable)
    assert run.stdout == f"{sys.executable} /where/the/cli/is\n", run.stderr


def test_a_wheel_runs_in_the_environment_that_it_is_installed_in(tmp_path: Path) -> None:
    folders = tmp_path / "env" / "lib" / "python3.12" / "site-packages" / "cloudpatterns_policies" / "pack-folders"
    run = launch(folders)
    assert run.returncode == 1
    assert run.stderr == (
        f"cloudpatterns: the policy packs cannot start: neither {tmp_path}/env/bin/python3 nor the python3 on PATH has the packages pulumi "
        "and cloudpatterns_policies. Remedy: activate the environment in which cloudpatterns-policies is installed.\n"
    )
    own = tmp_path / "env" / "bin" / "python3"
    own.parent.mkdir()
    own.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    own.chmod(0o755)
    assert launch(folders).stdout.startswith(f"{sys.executable} ")
