"""A Pulumi project that is not this repository's own, run where it is: only its stack file is a copy, which the CLI may write to."""

import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from offline_preview.errors import PreviewError, listed
from offline_preview.yaml_text import read_mapping

from sandbox.workspace import ROOT, Workspace, copy_stack_file, environment, stand_in

_FILES: Final = ("Pulumi.yaml", "Pulumi.yml", "Pulumi.json")
# Plugins of the user's CLI that reach nothing outside: what they create is in the state alone. All others would act for real.
HARMLESS: Final = ("aws-apigateway", "awsx", "cloudpatterns", "random", "std", "time", "tls")
# What the CLI says, and what it means here.
_HINTS: Final = {
    "unknown stack": "the sandbox has no other stacks, so a StackReference finds none",
    "plugin install resource": f"the sandbox stands in for AWS alone; of your CLI's plugins it lends only {', '.join(HARMLESS)}",
    "no resource plugin": f"the sandbox stands in for AWS alone; of your CLI's plugins it lends only {', '.join(HARMLESS)}",
    "is not a property of this resource": f"the stand-in follows pulumi-aws {version('pulumi-aws')}; the program may use another version",
    "GetSchema": "the stand-in serves no schema, which a program in YAML with resources of AWS needs",
    "Missing required configuration variable": "configuration comes from the stack's file; choose the stack with --stack",
}


@dataclass(frozen=True)
class Project:
    """A project's folder, its file and what the file says."""

    folder: Path
    file: Path
    name: str
    runtime: str
    options: dict[str, Any]
    stack_folder: Path

    def stacks(self) -> list[str]:
        """The stacks that have a file."""
        files = self.stack_folder.glob(f"Pulumi.*{self.file.suffix}")
        return sorted(file.name.removeprefix("Pulumi.").removesuffix(self.file.suffix) for file in files)

    def stack(self, wanted: str | None) -> str:
        """The stack to deploy: the one that is asked for, else dev, else the only one. Raises ``PreviewError`` when none can be told."""
        there = self.stacks()
        if wanted is None and ("dev" in there or not there):
            return "dev"
        if wanted is None and len(there) == 1:
            return there[0]
        if wanted is None:
            raise PreviewError(f"{self.folder} has no stack dev; choose one with --stack: {listed(there)}")
        if there and wanted not in there:
            raise PreviewError(
                f"there is no Pulumi.{wanted}{self.file.suffix} in {self.stack_folder}; stack files are there for {listed(there)}"
            )
        return wanted


def load(folder: Path) -> Project:
    """The project in a folder. Raises ``PreviewError`` when there is none."""
    root = folder.resolve()
    file = next((root / name for name in _FILES if (root / name).is_file()), None)
    if file is None:
        raise PreviewError(f"there is no Pulumi.yaml in {root}; --project takes the folder of a Pulumi project")
    content = read_mapping(file)
    name, runtime = content.get("name"), content.get("runtime")
    if not isinstance(name, str) or not name:
        raise PreviewError(f"{file}: 'name' must be a text; it is {name!r}")
    config = content.get("config")
    place = content.get("stackConfigDir") or (config if isinstance(config, str) else ".")
    options = runtime.get("options") if isinstance(runtime, dict) else None
    return Project(
        folder=root,
        file=file,
        name=name,
        runtime=str(runtime.get("name") if isinstance(runtime, dict) else runtime),
        options=options if isinstance(options, dict) else {},
        stack_folder=root / str(place),
    )


def examples() -> list[Path]:
    """The folders of this repository's examples, and of bootstrap."""
    return [
        *sorted(file.parent for file in (ROOT / "examples").glob("**/Pulumi.yaml") if "node_modules" not in file.parts),
        ROOT / "bootstrap",
    ]


def not_ready(project: Project) -> str:
    """Why a project cannot run, and what to do: something that it needs is not installed. Empty when nothing is missing."""
    host = f"pulumi-language-{project.runtime}"
    beside = Path(shutil.which("pulumi") or "pulumi").resolve().with_name(host)
    if not shutil.which(host) and not beside.is_file():
        return f"there is no `{host}`, which comes with the Pulumi CLI"
    virtualenv, missing = project.options.get("virtualenv"), ""
    if project.runtime == "python" and virtualenv and not (project.folder / str(virtualenv) / "bin" / "python").exists():
        missing = f"its virtual environment {virtualenv} is not there"
    elif (project.folder / "package.json").is_file() and not (project.folder / "node_modules").is_dir():
        missing = "its packages are not installed"
    elif "packages" in read_mapping(project.file) and not (project.folder / "sdks").is_dir() and project.runtime != "yaml":
        missing = "the SDKs of its `packages` are not generated"
    return f"{missing}; run `pulumi install` there first" if missing else ""


def make(folder: Path, project: Project, stack: str) -> Workspace:
    """A workspace in an empty folder, of a project that stays where it is; its stack is created.

    Raises ``PreviewError`` for a stack file that is no YAML, and ``subprocess.CalledProcessError`` when the CLI creates no stack.
    """
    start = folder / "stack"
    start.mkdir()
    (folder / "state").mkdir()
    variables = environment(folder)
    # A plugin on PATH is taken for every version that a program asks for.
    path = [str(stand_in(folder).parent), variables.get("PATH", "")]
    if project.runtime == "python" and not project.options.get("virtualenv"):
        variables["PULUMI_PYTHON_CMD"] = sys.executable
    variables |= {"PATH": os.pathsep.join(path), "PYTHONDONTWRITEBYTECODE": "1", **_no_account()}
    _lend_plugins(folder / "home" / "plugins")
    # `stack init` writes to the stack's file beside Pulumi.yaml, whatever --config-file says: so it gets a Pulumi.yaml of its own.
    (start / "Pulumi.yaml").write_text(json.dumps({"name": project.name, "runtime": project.runtime}), encoding="utf-8")
    Workspace(start, variables).pulumi("stack", "init", stack).check_returncode()
    copy = start / f"Pulumi.{stack}.yaml"
    source = project.stack_folder / f"Pulumi.{stack}{project.file.suffix}"
    notes = (
        _with_salt(source, copy) if source.is_file() else [f"{project.folder} has no Pulumi.{stack}{project.file.suffix}: no configuration"]
    )
    return Workspace(project.folder, variables, {stack: notes}, config_file=copy)


def hints(said: str) -> Iterator[str]:
    """What the sandbox knows of a failed call of the CLI."""
    yield from dict.fromkeys(hint for sign, hint in _HINTS.items() if sign in said)


def _with_salt(source: Path, copy: Path) -> list[str]:
    """Copies a stack file over one that `stack init` has written, which has the salt of the passphrase here."""
    salt = read_mapping(copy) if copy.is_file() else {}
    notes = copy_stack_file(source, copy)
    content = {**read_mapping(copy), **salt}
    copy.write_text(json.dumps(content, indent=2, ensure_ascii=False), encoding="utf-8")
    return notes


def _no_account() -> dict[str, str]:
    """Environment in which a program that calls AWS itself, such as by boto3, reaches no account of the user."""
    return {
        "AWS_ACCESS_KEY_ID": "sandbox",
        "AWS_SECRET_ACCESS_KEY": "sandbox",
        "AWS_SESSION_TOKEN": "",
        "AWS_PROFILE": "",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _lend_plugins(target: Path) -> None:
    """Links the harmless plugins of the user's CLI."""
    home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    target.mkdir(parents=True)
    for plugin in (home / "plugins").glob("resource-*-v*"):
        if plugin.name.removeprefix("resource-").rpartition("-v")[0] in HARMLESS:
            (target / plugin.name).symlink_to(plugin)
