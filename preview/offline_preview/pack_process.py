"""A policy pack's process: started early, used later, always stopped."""

import json
import os
import queue
import re
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from offline_preview import children
from offline_preview.errors import PreviewError
from offline_preview.packs import Pack
from offline_preview.stack_config import StackConfig

START_SECONDS = 60.0
"""Time in which a pack must print its port; after that it is stopped."""
STOP_SECONDS = 2.0
"""Time in which a pack must end when asked to; after that it is killed."""
_TAIL_LINES = 200
_TRACEBACK = "Traceback (most recent call last):"
_FRAME = re.compile(r' +File "(?P<file>.*)", line (?P<line>\d+)')


@dataclass(frozen=True, slots=True)
class PackStack:
    """The stack that a pack is run for."""

    project: str
    stack: str
    organization: str
    config: StackConfig
    folder: Path | None = None
    """The folder of the program's Pulumi.yaml; None where no program is run."""


class PackProcess:
    """Starts the pack at once; ``port`` then waits until it listens. ``stop`` may be called at any time, from any thread, and twice."""

    def __init__(self, pack: Pack, stack: PackStack, engine_address: str) -> None:
        self.pack = pack
        self.stack = stack.stack
        self._first: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._tail: deque[str] = deque(maxlen=_TAIL_LINES)
        command = [pack.interpreter, "-u", "-m", "pulumi.policy", engine_address, str(pack.program)]
        try:
            self._process = children.start(
                command,
                cwd=pack.program,
                env=_environment(pack, stack),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                errors="replace",
            )
        except OSError as error:
            raise PreviewError(
                f"policy pack {pack.folder}: cannot be started with {pack.interpreter}: {error.strerror or error}."
            ) from error
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._readers = [
            threading.Thread(target=self._read_stdout, args=(self._process.stdout,), daemon=True),
            threading.Thread(target=self._read, args=(self._process.stderr,), daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def port(self) -> int:
        """The port the pack listens on, from the first line it prints. Raises ``PreviewError`` when it does not start."""
        try:
            line = self._first.get(timeout=START_SECONDS)
        except queue.Empty:
            raise self.error(
                f"has not started within {START_SECONDS:g} s, so it was stopped. It must print its port and listen there"
            ) from None
        if not line:
            raise self.error("does not start")
        try:
            return int(line)
        except ValueError:
            raise self.error(
                f"printed {line.strip()!r} instead of its port, on the first line."
                " Do not print before the policy pack is created; log to standard error"
            ) from None

    def error(self, what: str) -> PreviewError:
        """An error that names the pack and its failure, and ends with what the pack wrote to standard error."""
        try:
            code: int | None = self._process.wait(timeout=0.2)
        except subprocess.TimeoutExpired:
            code = None
        if code is not None:
            # The message includes all output of the process.
            for reader in self._readers:
                reader.join(timeout=1.0)
        ended = f" (it ended with exit code {code})" if code is not None else ""
        wrote = "".join(f"\n    {line}" for line in without_tracebacks(self._tail, self.pack.folder))
        message = f"policy pack {self.pack.folder}, stack {self.stack}: {what}{ended}.{' It wrote:' + wrote if wrote else ''}"
        return PreviewError(message, "".join(self._tail))

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def kill(self) -> None:
        """Ends the process without waiting for it."""
        children.kill(self._process)

    def stop(self) -> None:
        """Ends the process; returns when it has ended."""
        children.end(self._process, STOP_SECONDS)

    def _read_stdout(self, stream: IO[str]) -> None:
        self._first.put(stream.readline())
        self._read(stream)

    def _read(self, stream: IO[str]) -> None:
        for line in stream:
            self._tail.append(line)


def without_tracebacks(lines: Iterable[str], folder: Path) -> list[str]:
    """Lines without empty ones, each traceback shortened to its exception and the innermost line of the folder's own files."""
    result: list[str] = []
    where = ""
    within = False
    for line in lines:
        text = line.rstrip()
        if text == _TRACEBACK:
            within, where = True, ""
        elif not within:
            result += [text] if text else []
        elif text.startswith(" ") or not text:
            frame = _FRAME.match(text)
            if frame and Path(frame["file"]).is_relative_to(folder):
                where = f" ({Path(frame['file']).relative_to(folder)}:{frame['line']})"
        else:
            within = False
            result.append(text + where)
    return result


def _environment(pack: Pack, stack: PackStack) -> dict[str, str]:
    environment = {
        **os.environ,
        "PULUMI_ORGANIZATION": stack.organization,
        "PULUMI_PROJECT": stack.project,
        "PULUMI_STACK": stack.stack,
        # Always a dry run: nothing is ever deployed, and a pack must not act as if it were.
        "PULUMI_DRY_RUN": "true",
        "PULUMI_CONFIG": json.dumps(stack.config.values, separators=(",", ":")),
    }
    if stack.folder is not None:
        # As for a CLI that is called there: our packs look for the program's language.
        environment["PWD"] = str(stack.folder)
    folder = Path(pack.interpreter).parent
    if (folder.parent / "pyvenv.cfg").is_file():
        # As an activated virtual environment, as the CLI's language host does it.
        environment["VIRTUAL_ENV"] = str(folder.parent)
        environment["PATH"] = os.pathsep.join((str(folder), environment.get("PATH", "")))
        environment.pop("PYTHONHOME", None)
    elif pack.interpreter != sys.executable:
        # A script in place of an interpreter, as our packs have it, looks for one on PATH: that of this command comes first.
        environment["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), environment.get("PATH", "")))
    return environment
