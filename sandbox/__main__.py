"""A whole deployment without an account: ``python -m sandbox --stack dev``, of another project ``python -m sandbox --project DIR``.

Runs the real ``pulumi up`` of the program, ours with the packs, against the stand-in for AWS, a second ``up`` that must change nothing, and
``destroy``, in a temporary home and backend that are gone afterwards, also after Ctrl-C. Exit code 0 when all of that held, 1 when
something did not, 2 when it could not be tried.
"""

import argparse
import contextlib
import functools
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

from offline_preview.errors import PreviewError
from offline_preview.packs import find_profile, select_packs
from offline_preview.yaml_text import read_mapping

from sandbox import facts, processes, projects, workspace
from sandbox.cloud import Cloud
from sandbox.workspace import PACKS, ROOT, Workspace

# Where the settings have deletion protection.
_PROTECTING = ("storefront.load_balancer", "database", "cache")
_SECONDS: Final = 1200
"""A call of the CLI that takes longer has failed."""
_INTERRUPTED: Final = 130
# For packs without a profile beside such with one.
_NO_PROFILE: Final = Path(__file__).with_name("no-profile.json")
_ERASE: Final = "\r\x1b[K"
_STOPS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class FailedError(Exception):
    """A step failed; the text is for the user."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m sandbox", description="A whole deployment against a stand-in for AWS, without an account."
    )
    parser.add_argument("--project", metavar="DIR", type=Path, help="folder of a Pulumi project; default: this repository's own program")
    parser.add_argument("--stack", help="the stack to deploy, by its file Pulumi.<stack>.yaml (default: dev)")
    parser.add_argument(
        "--policy-pack",
        metavar="DIR",
        type=Path,
        action="append",
        default=[],
        help="with --project: folder of a policy pack, or an installed one's name; may be repeated; default: none",
    )
    parser.add_argument(
        "--profile", metavar="NAME", default="", help="with --policy-pack: each pack's profile NAME.json, whatever the stack is called"
    )
    parser.add_argument(
        "--examples", action="store_true", help="deploy every example of this repository, and bootstrap, one after the other"
    )
    wanted = parser.parse_args(arguments)
    try:
        if wanted.examples and (wanted.project or wanted.stack or wanted.policy_pack or wanted.profile):
            raise PreviewError("--examples takes no other options")
        if wanted.policy_pack and not wanted.project:
            raise PreviewError("--policy-pack is for --project; this repository's own program always has its packs")
        if wanted.profile and not wanted.policy_pack:
            raise PreviewError("--profile is for --policy-pack")
        if shutil.which("pulumi") is None:
            raise PreviewError("no `pulumi` on PATH; install the Pulumi CLI: https://www.pulumi.com/docs/iac/download-install/")
        if wanted.examples:
            return _examples()
        return _one(wanted.project, wanted.stack, wanted.policy_pack, wanted.profile)
    except PreviewError as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 2


def _one(folder: Path | None, stack: str | None, packs: list[Path], profile: str) -> int:
    """Deploys one project, or this repository's program; the exit code."""
    if folder is None:
        stack = stack or "dev"
        if stack not in (stacks := workspace.stack_files()):
            raise PreviewError(
                f"there is no Pulumi.{stack}.yaml; stack files are there for {', '.join(stacks)}. "
                "docs/operations.md, Add an environment, says how to add one"
            )
        return _try(stack, lambda place: _own(place, stack))
    project = projects.load(folder)
    stack = project.stack(stack)
    options = _pack_options(packs, stack, profile)
    if reason := projects.not_ready(project):
        raise PreviewError(f"{project.folder}: {reason}")
    return _try(stack, lambda place: _deploy(Deployment(lambda: projects.make(place, project, stack), stack, options, own=False)))


def _examples() -> int:
    """Deploys every example, and says of each how it went; 1 when one failed."""
    results = []
    for path, stack, reason, deploy in _planned():
        name = path.relative_to(ROOT)
        print(f"{name}", flush=True)
        if reason:
            results.append((name, f"skipped: {reason}"))
            continue
        said: list[str] = []
        code = _try(stack, functools.partial(_noted, deploy, said))
        if code == _INTERRUPTED:
            return code
        results.append((name, said[0] if code == 0 else "FAILED"))
    print(*(f"{name!s:<34}{result}" for name, result in results), sep="\n")
    return 1 if any(result == "FAILED" for _name, result in results) else 0


def _planned() -> Iterator[tuple[Path, str, str, Callable[[Path], str]]]:
    """Each example and each stack file of the examples: its stack, why it cannot run, and its deployment in a folder."""
    for folder in projects.examples():
        project = projects.load(folder)
        stack = project.stack(next(iter(project.stacks()), None))
        yield folder, stack, projects.not_ready(project), functools.partial(_example, project, stack)
    for file in workspace.example_stack_files():
        stack = workspace.stack_of(file)
        yield file, stack, "", functools.partial(_own, stack=stack)


def _example(project: projects.Project, stack: str, place: Path) -> str:
    return _deploy(Deployment(lambda: projects.make(place, project, stack), stack, [], own=False))


def _noted(deploy: Callable[[Path], str], said: list[str], place: Path) -> str:
    said.append(deploy(place))
    return said[0]


def _try(stack: str, deploy: Callable[[Path], str]) -> int:
    """Deploys in a temporary folder; the exit code."""
    print(f"{stack}  a whole deployment against a stand-in for AWS; this takes some minutes", flush=True)
    # An interrupted call of the CLI ends with all its child processes; then the folder is deleted.
    with tempfile.TemporaryDirectory(prefix="sandbox-", ignore_cleanup_errors=True) as folder:
        try:
            print(deploy(Path(folder)))
        except FailedError as error:
            print(f"{error}\n{stack}  FAILED", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            # What was just being started.
            for process in processes.descendants(os.getpid()):
                processes.kill(process)
            print(f"\n{stack}  stopped; no processes or files are left", file=sys.stderr)
            return _INTERRUPTED
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


def _pack_options(packs: list[Path], stack: str, profile: str) -> list[str]:
    """The options of the CLI for packs, each with the profile that it has for the stack; a pack without one has its own defaults."""
    selected = select_packs(Path.cwd(), packs, [], profile) if packs else []
    profiles = [selection.profile(stack) for selection in selected]
    for selection in selected:
        if note := selection.note(stack):
            print(f"note: {note}", file=sys.stderr)
    # The CLI takes a configuration for each pack, or none.
    configured = any(profiles)
    return [
        part
        for selection, profile in zip(selected, profiles, strict=True)
        for part in (
            *("--policy-pack", str(selection.pack.folder)),
            *(("--policy-pack-config", str(profile or _NO_PROFILE)) if configured else ()),
        )
    ]


@dataclass(frozen=True)
class Deployment:
    """What to deploy: a workspace, its stack and the options of its packs; ``own`` is this repository's program."""

    make: Callable[[], Workspace]
    stack: str
    packs: Sequence[str]
    own: bool = True


def _own(folder: Path, stack: str) -> str:
    """Deploys this repository's program."""
    packs = [part for pack in PACKS for part in ("--policy-pack", f"policies/{pack}", "--policy-pack-config", _profile(pack, stack))]

    def make() -> Workspace:
        made = workspace.make(folder)
        _run(made, "stack", "init", stack)
        return made

    return _deploy(Deployment(make, stack, packs))


def _deploy(wanted: Deployment) -> str:
    """The verdict line. Raises ``FailedError`` at the first step that fails."""
    started = time.monotonic()
    stack, packs = wanted.stack, wanted.packs
    with _step("a copy of the project, and a stack" if wanted.own else "a stack, with a copy of its file"):
        try:
            made = wanted.make()
        except subprocess.CalledProcessError as error:
            raise FailedError(f"{error.stdout}{error.stderr}\nthe CLI does not accept the stand-in for the AWS plugin") from error
        except PreviewError as error:
            raise FailedError(str(error)) from error
    for note in made.notes.get(stack, ()):
        print(f"  note: {note}", flush=True)
    with _step("up, with the policy packs" if packs else "up", made.account):
        _run(made, "up", "--stack", stack, "--yes", *packs)
    cloud = made.cloud()
    count, changes = len(cloud.living()), len(cloud.journal())
    if invented := cloud.invented():
        print(f"  note: no account was asked, so these results are invented: {', '.join(map(_function, invented))}", flush=True)
    with _step("a second up, which must change nothing", made.account):
        _run(made, "up", "--stack", stack, "--yes", "--expect-no-changes", *packs)
    if len(cloud.journal()) != changes:
        raise FailedError("the second up changed something in the account")
    _unprotect(made, cloud, wanted)
    with _step("destroy", made.account):
        kept = made.retained(stack)
        _run(made, "destroy", "--stack", stack, "--yes", "--skip-preview")
    living = cloud.living()
    cloud.close()
    if left := [one for one in living if one.urn not in kept]:
        raise FailedError(f"destroy left {', '.join(sorted(f'{one.kind} {one.name}' for one in left))}")
    if wanted.own:
        _run(made, "stack", "rm", stack, "--yes")
    result = f"{stack}  {count} resources: up{' compliant' if packs else ''}, second up without changes, destroy left nothing"
    if living:
        result += f" but resources retained on purpose ({', '.join(sorted({one.name for one in living}))})"
    return f"{result}  ({time.monotonic() - started:.0f} s)"


def _unprotect(made: Workspace, cloud: Cloud, wanted: Deployment) -> None:
    """Switches protection off before destroy, as for a real stack."""
    stack = wanted.stack
    if wanted.own and "cloudpatterns:storefront" in (read_mapping(workspace.stack_files()[stack]).get("config") or {}):
        if any(one.inputs.get(facts.PROTECTED.get(one.kind, ("",))[0]) is True for one in cloud.living()):
            # By the settings, and an up without the packs, which would refuse it.
            with _step("up without deletion protection", made.account):
                for part in _PROTECTING:
                    _run(made, "config", "set", "--stack", stack, "--path", f"cloudpatterns:{part}.deletion_protection", "false")
                _run(made, "up", "--stack", stack, "--yes", "--skip-preview")
        return
    if any(resource.get("protect") for resource in made.resources(stack)):
        with _step("the option `protect` off"):
            _run(made, "state", "unprotect", "--all", "--stack", stack, "--yes")
    if protected := cloud.unprotect():
        print(f"  note: deletion protection is switched off in the account, as by hand: {', '.join(sorted(protected))}", flush=True)


def _function(token: str) -> str:
    """`aws.ec2.getAmi` for `aws:ec2/getAmi:getAmi`."""
    package, module, name = token.split(":")
    return ".".join(part for part in (package, module.partition("/")[0].replace("index", ""), name) if part)


def _run(made: Workspace, *arguments: str) -> None:
    try:
        done = made.pulumi(*arguments, timeout=_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise FailedError(f"`pulumi {arguments[0]}` has not ended within {_SECONDS // 60} minutes") from error
    if done.returncode != 0:
        said = f"{done.stdout}{done.stderr}"
        known = "".join(f"\nhint: {hint}" for hint in projects.hints(said))
        raise FailedError(f"{said}\n`pulumi {arguments[0]}` ended with {done.returncode}{known}")


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
