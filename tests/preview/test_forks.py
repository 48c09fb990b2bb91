"""Runs in forks of a process that has loaded the SDK are like runs in processes of their own."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from offline_preview import children
from offline_preview.forks import SUPPORTED, Parent
from offline_preview.graph import Graph
from offline_preview.project import load_project
from offline_preview.runner import Program, ProgramError, run, start_parent
from offline_preview.stack_config import load_stack_config

from sandbox import processes
from tests import installed

pytestmark = pytest.mark.skipif(not SUPPORTED, reason="forks are used on Linux only")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def parent() -> Iterator[Parent]:
    result = start_parent(sys.executable)
    yield result
    result.close()


def program(folder: Path, text: str, **options: Any) -> Program:
    (folder / "__main__.py").write_text(f"import pulumi\nimport pulumi_aws as aws\n{text}")
    given: dict[str, Any] = {"directory": folder, "main": folder, "project": "p", "stack": "dev", **options}
    return Program(**given)


def sorted_graph(graph: Graph) -> dict[str, Any]:
    # The order in which resources are registered is not always the same, in a fork or not.
    data = graph.to_json()
    return {**data, "resources": sorted(data["resources"], key=lambda resource: resource["urn"])}


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_a_fork_records_what_a_process_of_its_own_records(stack: str, parent: Parent) -> None:
    project = load_project(ROOT)
    config = load_stack_config(project, stack, [], None)
    given = Program(
        directory=project.root,
        main=project.program,
        project=project.name,
        stack=stack,
        config=config.values,
        secret_keys=frozenset(config.secret_keys),
        python=project.interpreter,
    )
    alone = run(given)
    for _ in range(2):
        assert sorted_graph(run(given, parent=parent)) == sorted_graph(alone)
        # The second is a fork that finds the modules of the first loaded.
        parent.load()
    assert {"pulumi", "pulumi_aws.s3.bucket"} <= parent.survey.modules
    assert str(ROOT / "settings" / "__init__.py") in parent.survey.files


@pytest.mark.usefixtures("started_children")
def test_a_fork_has_its_own_configuration_environment_and_modules(tmp_path: Path, parent: Parent) -> None:
    text = """
import os, sys, own
print("from", own.NAME)
pulumi.export("own", [own.NAME, pulumi.get_stack(), pulumi.Config().get("a"), os.environ["PULUMI_STACK"], os.getcwd(), sys.argv])
pulumi.export("loaded", "pulumi_aws.ec2.vpc" in sys.modules)
pulumi.export("input", sys.stdin.read())
aws.ec2.Vpc("v", cidr_block="10.0.0.0/16")
"""
    for number, stack in enumerate(("dev", "prod")):
        (tmp_path / "own.py").write_text(f"NAME = 'edit {number}'\n")
        lines: list[str] = []
        given = program(tmp_path, text, stack=stack, config={"p:a": stack})
        outputs = run(given, lines.append, parent=parent).outputs
        assert outputs["own"] == [f"edit {number}", stack, stack, stack, str(tmp_path), [str(tmp_path)]]
        assert (outputs["input"], lines) == ("", [f"from edit {number}"])
        assert outputs["loaded"] is (number == 1)
        parent.load()


def test_a_program_that_fails_is_reported_like_elsewhere(tmp_path: Path, parent: Parent) -> None:
    for text in ("raise ValueError('no')", "import os; print('last words', flush=True); os._exit(3)", "import sys; sys.exit(4)", "x = ("):
        errors = []
        for given in (None, parent):
            with pytest.raises(ProgramError) as caught:
                run(program(tmp_path, text), parent=given)
            errors.append((str(caught.value), caught.value.where))
        assert errors[0] == errors[1]


def test_when_the_parent_is_gone_programs_run_without_it(tmp_path: Path, parent: Parent) -> None:
    given = program(tmp_path, "aws.s3.Bucket('b')")
    children.kill(parent._process)
    parent._process.wait()
    assert not parent.alive
    assert len(run(given, parent=parent).resources) == len(run(given).resources)


def test_a_missing_interpreter_is_reported_by_the_program(tmp_path: Path, parent: Parent) -> None:
    children.kill(parent._process)
    with pytest.raises(ProgramError, match="cannot be started: No such file or directory"):
        run(replace(program(tmp_path, ""), python="/nowhere/python"), parent=parent)


def test_packages_that_an_environment_shares_are_loaded_once(tmp_path: Path) -> None:
    """As with `--system-site-packages`: they are libraries, no files of the program, which would be watched."""
    installed.environment(tmp_path / "environment")
    python = str(tmp_path / "environment" / "bin" / "python")
    parent = start_parent(python)
    try:
        run(program(tmp_path, "aws.s3.Bucket('b')", python=python), parent=parent)
        assert {"pulumi", "pulumi_aws.s3.bucket"} <= parent.survey.modules
        assert parent.survey.files == set()
    finally:
        parent.close()


@pytest.mark.parametrize("how", ["killed", "its parent closed"])
def test_no_fork_is_left_behind(how: str, tmp_path: Path, parent: Parent) -> None:
    started: list[children.Process] = []
    text = "import subprocess, time; print(subprocess.Popen(['sleep', '60']).pid, flush=True); time.sleep(60)"
    lines: list[str] = []

    def attempt() -> None:
        with pytest.raises(ProgramError):
            run(program(tmp_path, text), lines.append, started.append, parent)

    thread = threading.Thread(target=attempt)
    thread.start()
    deadline = time.monotonic() + 30
    while not lines and time.monotonic() < deadline:
        time.sleep(0.02)
    below = {started[0].pid, int(lines[0])}
    if how == "killed":
        children.kill(started[0])
    else:
        parent.close()
    thread.join(30)
    # What a program has started is ended by the system after it, which may take a moment.
    deadline = time.monotonic() + 10
    while processes.alive(below) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not processes.alive(below)


def test_the_forks_end_with_a_command_that_is_killed(tmp_path: Path) -> None:
    """Not even SIGKILL of the command leaves one behind: the parent sees that its connection is closed."""
    (tmp_path / "__main__.py").write_text("import os, time; print('pid', os.getpid(), flush=True); time.sleep(60)")
    code = f"""
import os, signal, sys
from pathlib import Path
from offline_preview.runner import Program, run, start_parent
def printed(line):
    print(line, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
folder = Path({str(tmp_path)!r})
run(Program(directory=folder, main=folder, project="p", stack="dev"), printed, parent=start_parent(sys.executable))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    below = {int(done.stdout.split()[1])}
    deadline = time.monotonic() + 10
    while processes.alive(below) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not processes.alive(below)
