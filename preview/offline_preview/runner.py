"""Runs a program for one stack in a separate process, and returns the recorded graph."""

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from offline_preview import children
from offline_preview.forks import Fork, ForkError, Parent
from offline_preview.graph import Graph
from offline_preview.values import to_json

# Loads this package from its own path, so that no other package next to it gets onto the program's path.
_BOOTSTRAP: Final = """
import importlib.util, sys
try:
    import pulumi
except ModuleNotFoundError:
    sys.exit("no-sdk")
spec = importlib.util.spec_from_file_location("offline_preview", sys.argv[1] + "/__init__.py", submodule_search_locations=[sys.argv[1]])
package = importlib.util.module_from_spec(spec)
sys.modules["offline_preview"] = package
spec.loader.exec_module(package)
import importlib
importlib.import_module("offline_preview." + sys.argv[2]).main(int(sys.argv[3]))
"""


class ProgramError(Exception):
    """The program failed.

    The text is the whole message for the user; ``where`` is the program's own line, ``file:line``, or empty; ``details`` is the traceback.
    """

    def __init__(self, message: str, where: str = "", details: str = "") -> None:
        super().__init__(message)
        self.where = where
        self.details = details


@dataclass(frozen=True, kw_only=True)
class Program:
    """A program to run for a stack.

    :param directory: the project's folder, where Pulumi.yaml is; :param main: the program's folder or file, absolute.
    :param config: full keys (``aws:region``) to text; structured values are JSON.
    :param python: the interpreter; the project's virtual environment where it has one.
    """

    directory: Path
    main: Path
    project: str
    stack: str
    organization: str = "organization"
    config: Mapping[str, str] = field(default_factory=dict)
    secret_keys: frozenset[str] = frozenset()
    deployed: bool = True
    stack_references: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    python: str = sys.executable


def run(
    program: Program,
    output: Callable[[str], None] = lambda _line: None,
    started: Callable[[children.Process], None] = lambda _process: None,
    parent: Parent | None = None,
) -> Graph:
    """The graph that a program records. Each line that the program prints, and its logs, go to ``output`` as they come.

    ``started`` gets the program's process, for a caller in another thread who may have to stop it. With ``parent``, the program is run in
    a fork of it, as long as it can fork.

    :raises ProgramError: the program failed, or its interpreter has no Pulumi SDK.
    """
    reading, writing = os.pipe()
    lines: list[str] = []
    with os.fdopen(reading) as answers:
        try:
            process = _start(program, parent, writing)
        except OSError as error:
            raise ProgramError(f"the interpreter {program.python} cannot be started: {error.strerror}") from error
        finally:
            os.close(writing)
        started(process)
        with process:
            try:
                reader = threading.Thread(target=_forward, args=(process.stdout, lines, output), daemon=True)
                reader.start()
                _send(process, program, survey=parent is not None)
                answer = answers.read()
                code = process.wait()
                reader.join()
            except BaseException:  # also Ctrl-C: no program may keep running
                children.kill(process)
                raise
    return _graph(program, code, answer, lines, parent)


def start_parent(python: str) -> Parent:
    """Starts the parent of an interpreter, whose forks run programs. What is wrong with the interpreter shows when it does not fork."""
    return Parent(_command(python, "parent"), dict(os.environ))


def _command(python: str, module: str) -> list[str]:
    # -P: neither the current folder nor this package's may be on the path; what is there is as under the CLI.
    return [python, "-P", "-u", "-c", _BOOTSTRAP, str(Path(__file__).parent), module]


def _start(program: Program, parent: Parent | None, writing: int) -> "subprocess.Popen[str] | Fork":
    if parent is not None:
        with contextlib.suppress(ForkError):
            return parent.fork(writing)
    return children.start(
        [*_command(program.python, "child"), str(writing)],
        cwd=program.directory,
        env=_environment(program),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=(writing,),
    )


def _task(program: Program, *, survey: bool) -> dict[str, Any]:
    return {
        "directory": str(program.directory),
        "main": str(program.main),
        "root": str(program.directory),
        "project": program.project,
        "stack": program.stack,
        "organization": program.organization,
        "config": dict(program.config),
        "secretKeys": sorted(program.secret_keys),
        "deployed": program.deployed,
        "stackReferences": {name: to_json(dict(outputs)) for name, outputs in program.stack_references.items()},
        "survey": survey,
    }


def _environment(program: Program) -> dict[str, str]:
    """The program's environment, with what the CLI sets."""
    return {
        **os.environ,
        "PULUMI_PROJECT": program.project,
        "PULUMI_STACK": program.stack,
        "PULUMI_ORGANIZATION": program.organization,
        "PULUMI_CONFIG": json.dumps(dict(program.config)),
        "PULUMI_CONFIG_SECRET_KEYS": json.dumps(sorted(program.secret_keys)),
    }


def _send(process: "subprocess.Popen[str] | Fork", program: Program, *, survey: bool) -> None:
    task = _task(program, survey=survey)
    if isinstance(process, Fork):
        process.send(json.dumps({**task, "environment": _environment(program)}))
    elif process.stdin is not None:
        try:
            process.stdin.write(json.dumps(task))
            process.stdin.close()
        except BrokenPipeError:
            # The process has already ended; its output tells why.
            pass


def _forward(stream: IO[str] | None, lines: list[str], output: Callable[[str], None]) -> None:
    for line in stream or ():
        text = line.rstrip("\n")
        lines.append(text)
        if text != "no-sdk":
            output(text)


def _graph(program: Program, code: int, answer: str, lines: list[str], parent: Parent | None) -> Graph:
    if lines[-1:] == ["no-sdk"]:
        raise ProgramError(
            f"the interpreter {program.python} has no Pulumi SDK. Install the project's requirements for it: "
            f"{program.python} -m pip install -r requirements.txt"
        )
    try:
        data = json.loads(answer)
    except ValueError:
        tail = "\n".join(lines[-20:])
        raise ProgramError(
            f"stack {program.stack}: the program's process ended with code {code} and returned no result", details=tail
        ) from None
    if parent is not None and "survey" in data:
        parent.add(data["survey"])
    if "error" in data:
        error = data["error"]
        raise ProgramError(error["message"], error["where"], error["traceback"])
    return Graph.from_json(data["graph"])
