"""A whole deployment without an account: ``python -m sandbox --stack dev``.

Runs the real ``pulumi up`` of the program with the packs against the stand-in for AWS, a second ``up`` that must change nothing, and
``destroy``, in a temporary home and backend that are gone afterwards, also after Ctrl-C. Exit code 0 when all of that held, 1 when
something did not, 2 when it could not be tried.
"""

import argparse
import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator, Sequence
from pathlib import Path
from types import FrameType
from typing import Final

from offline_preview.errors import PreviewError
from offline_preview.packs import find_profile

from sandbox import facts, processes, workspace
from sandbox.cloud import Cloud
from sandbox.workspace import PACKS, ROOT, Workspace

# Where the settings have deletion protection.
_PROTECTING = ("storefront.load_balancer", "database", "cache")
_SECONDS: Final = 1200
"""A call of the CLI that takes longer has failed."""
_ERASE: Final = "\r\x1b[K"
_STOPS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class FailedError(Exception):
    """A step failed; the text is for the user."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m sandbox", description="A whole deployment against a stand-in for AWS, without an account."
    )
    parser.add_argument("--stack", default="dev", help="the stack to deploy, by its file Pulumi.<stack>.yaml (default: dev)")
    wanted = parser.parse_args(arguments)
    if wanted.stack not in (stacks := workspace.stack_files()):
        print(
            f"sandbox: there is no Pulumi.{wanted.stack}.yaml; stack files are there for {', '.join(stacks)}. "
            "docs/operations.md, Add an environment, says how to add one",
            file=sys.stderr,
        )
        return 2
    if shutil.which("pulumi") is None:
        print("sandbox: no `pulumi` on PATH; install the Pulumi CLI: https://www.pulumi.com/docs/iac/download-install/", file=sys.stderr)
        return 2
    print(f"{wanted.stack}  a whole deployment against a stand-in for AWS; this takes some minutes", flush=True)
    # An interrupted call of the CLI ends with all its child processes; then the folder is deleted.
    with tempfile.TemporaryDirectory(prefix="sandbox-", ignore_cleanup_errors=True) as folder:
        try:
            print(_deploy(Path(folder), wanted.stack))
        except FailedError as error:
            print(f"{error}\n{wanted.stack}  FAILED", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            # What was just being started.
            for process in processes.descendants(os.getpid()):
                processes.kill(process)
            print(f"\n{wanted.stack}  stopped; no processes or files are left", file=sys.stderr)
            return 130
    return 0


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    # A second Ctrl-C must not end what the first has begun: ending processes and deleting files.
    for number in _STOPS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _profile(pack: str, stack: str) -> str:
    """The profile that the stack has in `make up` and in the offline preview too. Raises ``FailedError`` when there is none."""
    try:
        return str(find_profile(ROOT / "policies" / pack, stack).relative_to(ROOT))
    except PreviewError as error:
        raise FailedError(str(error)) from error


def _deploy(folder: Path, stack: str) -> str:
    """The verdict line. Raises ``FailedError`` at the first step that fails."""
    started = time.monotonic()
    packs = [part for pack in PACKS for part in ("--policy-pack", f"policies/{pack}", "--policy-pack-config", _profile(pack, stack))]
    with _step("a copy of the project, and a stack"):
        try:
            made = workspace.make(folder)
        except subprocess.CalledProcessError as error:
            raise FailedError(f"{error.stdout}{error.stderr}\nthe CLI does not accept the stand-in for the AWS plugin") from error
        except PreviewError as error:
            raise FailedError(str(error)) from error
        _run(made, "stack", "init", stack)
    for note in made.notes.get(stack, ()):
        print(f"  note: {note}", flush=True)
    with _step("up, with the policy packs", made.account):
        _run(made, "up", "--stack", stack, "--yes", *packs)
    cloud = made.cloud()
    count, changes = len(cloud.living()), len(cloud.journal())
    with _step("a second up, which must change nothing", made.account):
        _run(made, "up", "--stack", stack, "--yes", "--expect-no-changes", *packs)
    if len(cloud.journal()) != changes:
        raise FailedError("the second up changed something in the account")
    if any(one.inputs.get(facts.PROTECTED.get(one.kind, ("",))[0]) is True for one in cloud.living()):
        # As for a real stack: protection off, up, destroy. This up is without the packs, which would refuse it.
        with _step("up without deletion protection", made.account):
            for part in _PROTECTING:
                _run(made, "config", "set", "--stack", stack, "--path", f"cloudpatterns:{part}.deletion_protection", "false")
            _run(made, "up", "--stack", stack, "--yes", "--skip-preview")
    with _step("destroy", made.account):
        kept = made.retained(stack)
        _run(made, "destroy", "--stack", stack, "--yes", "--skip-preview")
    living = cloud.living()
    cloud.close()
    if left := [one for one in living if one.urn not in kept]:
        raise FailedError(f"destroy left {', '.join(sorted(f'{one.kind} {one.name}' for one in left))}")
    _run(made, "stack", "rm", stack, "--yes")
    result = f"{stack}  {count} resources: up compliant, second up without changes, destroy left nothing"
    if living:
        result += f" but resources retained on purpose ({', '.join(sorted({one.name for one in living}))})"
    return f"{result}  ({time.monotonic() - started:.0f} s)"


def _run(made: Workspace, *arguments: str) -> None:
    try:
        done = made.pulumi(*arguments, timeout=_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise FailedError(f"`pulumi {arguments[0]}` has not ended within {_SECONDS // 60} minutes") from error
    if done.returncode != 0:
        raise FailedError(f"{done.stdout}{done.stderr}\n`pulumi {arguments[0]}` ended with {done.returncode}")


@contextlib.contextmanager
def _step(title: str, account: Path | None = None) -> Generator[None]:
    """Names a step when it begins, and gives its time when it ends; on a terminal in one line, with the account's resources meanwhile."""
    started = time.monotonic()
    ended = threading.Event()
    watch = threading.Thread(target=_watch, args=(title, started, account, ended))
    terminal = sys.stdout.isatty()
    print(f"  {title} ...", end="" if terminal else "\n", flush=True)
    if terminal:
        watch.start()
    try:
        yield
    finally:
        ended.set()
        if terminal:
            watch.join()
        print(f"{_ERASE if terminal else ''}  {title}  {time.monotonic() - started:.1f} s", flush=True)


def _watch(title: str, started: float, account: Path | None, ended: threading.Event) -> None:
    while not ended.wait(1):
        line = f"{_ERASE}  {title} ...  {time.monotonic() - started:.0f} s"
        # The plugin creates the account, which may not be complete yet.
        if account is not None and account.exists():
            with contextlib.suppress(sqlite3.Error), contextlib.closing(Cloud(account)) as cloud:
                line += f", {len(cloud.living())} resources"
        print(line, end="", flush=True)


if __name__ == "__main__":
    for number in _STOPS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)
    sys.exit(main())
