"""A whole deployment without an account: ``python -m sandbox --stack dev``.

Runs the real ``pulumi up`` of the program with both packs against the stand-in for AWS, a second ``up`` that must change nothing, and
``destroy``, in a temporary home and backend that are gone afterwards, also after Ctrl-C. Exit code 0 when all of that held, 1 when
something did not, 2 when it could not be tried.
"""

import argparse
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from offline_preview.errors import PreviewError
from offline_preview.packs import find_profile

from sandbox import facts, workspace
from sandbox.workspace import PACKS, ROOT, Workspace

# Where the settings have deletion protection.
_PROTECTING = ("storefront.load_balancer", "database", "cache")


class FailedError(Exception):
    """A step failed; the text is for the user."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; its exit code."""
    stacks = sorted(file.name.split(".")[1] for file in ROOT.glob("Pulumi.*.yaml"))
    parser = argparse.ArgumentParser(
        prog="python -m sandbox", description="A whole deployment against a stand-in for AWS, without an account."
    )
    parser.add_argument("--stack", choices=stacks, default="dev", help="the stack file to deploy (default: dev)")
    wanted = parser.parse_args(arguments)
    if shutil.which("pulumi") is None:
        print("sandbox: no `pulumi` on PATH; install the Pulumi CLI: https://www.pulumi.com/docs/iac/download-install/", file=sys.stderr)
        return 2
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    # An interrupted call of the CLI ends with all its child processes; then the folder is deleted.
    with tempfile.TemporaryDirectory(prefix="sandbox-", ignore_cleanup_errors=True) as folder:
        try:
            print(_deploy(workspace.make(Path(folder)), wanted.stack))
        except FailedError as error:
            print(f"{error}\n{wanted.stack}  FAILED", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print(f"\n{wanted.stack}  stopped; no processes or files are left", file=sys.stderr)
            return 130
    return 0


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _profile(pack: str, stack: str) -> str:
    """The profile that the stack has in `make up` and in the offline preview too. Raises ``FailedError`` when there is none."""
    try:
        return str(find_profile(ROOT / "policies" / pack, stack).relative_to(ROOT))
    except PreviewError as error:
        raise FailedError(str(error)) from error


def _deploy(made: Workspace, stack: str) -> str:
    """The verdict line. Raises ``FailedError`` at the first step that fails."""
    started = time.monotonic()
    packs = [part for pack in PACKS for part in ("--policy-pack", f"policies/{pack}", "--policy-pack-config", _profile(pack, stack))]
    _run(made, "a stack", "stack", "init", stack)
    _run(made, "up, with both packs", "up", "--stack", stack, "--yes", *packs)
    cloud = made.cloud()
    count, changes = len(cloud.living()), len(cloud.journal())
    _run(made, "a second up", "up", "--stack", stack, "--yes", "--expect-no-changes", *packs)
    if len(cloud.journal()) != changes:
        raise FailedError("the second up changed something in the account")
    if any(one.inputs.get(facts.PROTECTED.get(one.kind, ("",))[0]) is True for one in cloud.living()):
        # As for a real stack: protection off, up, destroy. This up is without the packs, which would refuse it.
        for part in _PROTECTING:
            _run(made, "", "config", "set", "--stack", stack, "--path", f"cloudpatterns:{part}.deletion_protection", "false")
        _run(made, "up without deletion protection", "up", "--stack", stack, "--yes", "--skip-preview")
    kept = made.retained(stack)
    _run(made, "destroy", "destroy", "--stack", stack, "--yes", "--skip-preview")
    living = cloud.living()
    cloud.close()
    if left := [one for one in living if one.urn not in kept]:
        raise FailedError(f"destroy left {', '.join(sorted(f'{one.kind} {one.name}' for one in left))}")
    _run(made, "", "stack", "rm", stack, "--yes")
    result = f"{stack}  {count} resources: up compliant, second up without changes, destroy left nothing"
    if living:
        result += f" but resources retained on purpose ({', '.join(sorted({one.name for one in living}))})"
    return f"{result}  ({time.monotonic() - started:.0f} s)"


def _run(made: Workspace, title: str, *arguments: str) -> None:
    started = time.monotonic()
    done = made.pulumi(*arguments, timeout=1200)
    if done.returncode != 0:
        raise FailedError(f"{done.stdout}{done.stderr}\n`pulumi {' '.join(arguments[:1])}` ended with {done.returncode}")
    if title:
        print(f"  {title}  {time.monotonic() - started:.1f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
