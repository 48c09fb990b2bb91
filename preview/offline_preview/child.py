"""The process that runs one program for one stack: the SDK's own runtime, with the recording monitor instead of the engine.

It is started by ``runner`` with the program's own interpreter, and needs nothing there but the Pulumi SDK. It reads its
task as JSON on standard input, and writes the graph, or the error, as JSON to the file descriptor that it is given.
"""

import gc
import json
import os
import runpy
import sys
import traceback
from typing import Any

import pulumi

from offline_preview.record import record
from offline_preview.sources import own_line
from offline_preview.values import from_json


def main(descriptor: int) -> None:
    """Runs the task on standard input and writes the answer to ``descriptor``."""
    # Loading the SDK creates millions of objects that stay alive; garbage collection would take a third of the time.
    gc.disable()
    task = json.load(sys.stdin)
    # The program must not read our task, nor wait for a terminal.
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    answer(task, descriptor)


def answer(task: dict[str, Any], descriptor: int) -> None:
    """Runs the task and writes the answer to ``descriptor``."""
    result = _run(task)
    if task.get("survey"):
        from offline_preview.parent import survey

        result["survey"] = survey()
    sys.stdout.flush()
    with os.fdopen(descriptor, "w") as pipe:
        pipe.write(json.dumps(result))


def _run(task: dict[str, Any]) -> dict[str, Any]:
    directory = task["directory"]
    main_file = task["main"]
    sys.argv = [main_file]
    os.chdir(directory)
    missing = not os.path.exists(os.path.join(main_file, "__main__.py")) if os.path.isdir(main_file) else not os.path.exists(main_file)
    if missing:
        return _error("program", f"no program: {main_file} has no __main__.py")

    def program() -> None:
        # As the CLI's language host does: a program folder is put first on the path, the folder of a program file is not.
        if not os.path.isdir(main_file):
            sys.path.insert(0, os.path.dirname(main_file))
        runpy.run_path(main_file, run_name="__main__")

    try:
        graph = record(
            program,
            project=task["project"],
            stack=task["stack"],
            organization=task["organization"],
            config=task["config"],
            config_secret_keys=frozenset(task["secretKeys"]),
            deployed=task["deployed"],
            stack_references={name: from_json(outputs) for name, outputs in task["stackReferences"].items()},
            root=task["root"],
        )
    except pulumi.RunError as error:
        # Its message is meant for the user; the place in the program where the call began says more than where it was raised.
        return _error("run", str(error), _frame(error, directory, innermost=False))
    except SystemExit as error:
        if error.code in (None, 0):
            return _error("exit", "the program called sys.exit() before its resources were registered")
        return _error("exit", f"the program called sys.exit({error.code!r})", _frame(error, directory))
    except Exception as error:  # whatever a program raises is shown to the user
        return _error("exception", _described(error), _frame(error, directory))
    return {"graph": graph.to_json()}


def _described(error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError):
        return f"{type(error).__name__}: {error}. Install it for {sys.executable}, the interpreter that runs the program."
    if isinstance(error, SyntaxError):
        # Its line is given like that of every error.
        return f"{type(error).__name__}: {error.msg}"
    return "".join(traceback.format_exception_only(error)).strip()


def _frame(error: BaseException, directory: str, *, innermost: bool = True) -> str:
    """``file:line`` of the innermost, or else the outermost, frame in the program's own files."""
    frames = [(frame.filename, frame.lineno or 0) for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError):
        frames.append((error.filename or "", error.lineno or 0))
    return own_line(reversed(frames) if innermost else frames, directory)


def _error(kind: str, message: str, where: str = "") -> dict[str, Any]:
    text = "" if sys.exc_info()[0] is None else traceback.format_exc()
    return {"error": {"kind": kind, "message": message, "where": where, "traceback": text}}
