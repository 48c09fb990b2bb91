"""A folder with everything for one run of the CLI: a copy of the project, a home, a backend, the stand-in plugin and its account."""

import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from offline_preview.stack_config import PLACEHOLDER
from offline_preview.yaml_text import read_mapping

from sandbox import processes
from sandbox.cloud import Cloud

ROOT: Final = Path(__file__).resolve().parents[1]
# The files of this repository's program, with its stack files: copied, because the CLI writes the salt of the passphrase to them.
PROGRAM: Final = ("__main__.py", "Pulumi.yaml", "settings", "program", "policies")
PACKS: Final = ("security", "operations", "acceptance")
# How the real stack encrypts its secrets. The stack here has a passphrase of its own.
_ENCRYPTION: Final = ("encryptionsalt", "encryptedkey", "secretsprovider")
# Commands that take the option --config-file.
_WITH_CONFIGURATION: Final = ("config", "destroy", "preview", "up")


@dataclass(frozen=True)
class Workspace:
    """The CLI with its own home, backend and account."""

    project: Path
    environment: dict[str, str]
    notes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By stack, what of its file counts only for the real one."""
    config_file: Path | None = None
    """The stack's file, where it is not the one beside Pulumi.yaml."""

    @property
    def account(self) -> Path:
        """The file of the stand-in's account."""
        return Path(self.environment["STAND_IN_CLOUD"])

    def cloud(self) -> Cloud:
        """The account, opened; close it after use."""
        return Cloud(self.account)

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Starts the CLI in the project's folder, with more environment."""
        file = ["--config-file", str(self.config_file)] if self.config_file and arguments[0] in _WITH_CONFIGURATION else []
        return subprocess.Popen(
            ["pulumi", *arguments, *file, "--non-interactive"],
            cwd=self.project,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # Ctrl-C in a terminal reaches only this process, which then ends the CLI and its plugins.
            start_new_session=True,
        )

    def pulumi(self, *arguments: str, timeout: float = 240, **environment: str) -> subprocess.CompletedProcess[str]:
        """One call of the CLI. Its child processes are ended afterwards in any case. Raises ``TimeoutExpired``."""
        started = self.start(*arguments, **environment)
        try:
            out, err = started.communicate(timeout=timeout)
        finally:
            self.end(started)
        return subprocess.CompletedProcess(started.args, started.returncode, out, err)

    def resources(self, stack: str) -> list[dict[str, Any]]:
        """The resources in the state of a stack, as `pulumi stack export` shows them. Raises ``CalledProcessError``."""
        done = self.pulumi("stack", "export", "--stack", stack)
        done.check_returncode()
        return json.loads(done.stdout)["deployment"].get("resources", [])

    def retained(self, stack: str) -> set[str]:
        """URNs of resources that a destroy retains (``retainOnDelete``)."""
        return {resource["urn"] for resource in self.resources(stack) if resource.get("retainOnDelete")}

    def end(self, started: subprocess.Popen[str]) -> None:
        """Kills a running call with all its child processes."""
        if started.poll() is None:
            processes.kill(started.pid)
            started.communicate()


def make(folder: Path, program: Mapping[str, str] | None = None) -> Workspace:
    """A workspace in an empty folder, of this repository's program or of other files by their names, both with the packs.

    Raises ``subprocess.CalledProcessError`` when the CLI does not accept the plugin, and ``PreviewError`` for a stack file that is no YAML.
    """
    project = folder / "project"
    project.mkdir()
    for name, text in (program or {}).items():
        (project / name).write_text(text, encoding="utf-8")
    for name in PROGRAM if program is None else ("policies",):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, project / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        else:
            shutil.copy(source, project / name)
    if program is None:
        # Code of functions that stack files of the examples name.
        (project / "examples").symlink_to(ROOT / "examples", target_is_directory=True)
    notes = {} if program is not None else {stack: copy_stack_file(file, project / file.name) for stack, file in stack_files().items()}
    # The project names .venv as its virtual environment; here it is the one that runs this.
    prefix = Path(sys.prefix)
    if (prefix / "pyvenv.cfg").exists():
        (project / ".venv").symlink_to(prefix)
    else:
        venv.create(project / ".venv", system_site_packages=True)
    (folder / "state").mkdir()
    made = Workspace(project, environment(folder), notes)
    installed = made.pulumi("plugin", "install", "resource", "aws", version("pulumi-aws"), "--file", str(stand_in(folder).parent))
    installed.check_returncode()
    return made


def environment(folder: Path) -> dict[str, str]:
    """The environment of a CLI with home, backend and account in a folder."""
    return {
        # Other configuration of the user's CLI is for real stacks.
        **{name: value for name, value in os.environ.items() if not name.startswith("PULUMI_")},
        "PULUMI_HOME": str(folder / "home"),
        "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "test",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "STAND_IN_CLOUD": str(folder / "account.sqlite"),
        "NO_COLOR": "1",
    }


def stand_in(folder: Path) -> Path:
    """Writes the executable of the stand-in for the AWS plugin."""
    executable = folder / "plugin" / "pulumi-resource-aws"
    executable.parent.mkdir()
    executable.write_text(f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom sandbox.provider import main\nmain()\n")
    executable.chmod(0o755)
    return executable


def stack_files() -> dict[str, Path]:
    """The stack files of this repository by the names of their stacks: its own, and those of the examples."""
    files = [*sorted(ROOT.glob("Pulumi.*.yaml")), *example_stack_files()]
    return {stack_of(file): file for file in files}


def example_stack_files() -> list[Path]:
    """Stack files that are to be copied beside the others."""
    return sorted((ROOT / "examples" / "stacks").glob("Pulumi.*.yaml"))


def stack_of(file: Path) -> str:
    """The stack of a stack file, by its name."""
    return file.name.removeprefix("Pulumi.").removesuffix(".yaml")


def copy_stack_file(source: Path, target: Path) -> list[str]:
    """Copies a stack file as the backend here can read it; what that leaves out or replaces, for the user.

    The passphrase or key of the real stack is not here, nor is Pulumi Cloud with the values of an ESC environment.
    """
    content = read_mapping(source)
    encrypted = sorted(_encrypted(content.get("config") or {}))
    notes = []
    if encrypted:
        notes.append(f"{source.name}: the sandbox cannot decrypt {', '.join(encrypted)} and deploys a placeholder instead")
    if content.get("environment"):
        notes.append(f"{source.name}: the sandbox has no values of `environment` (Pulumi ESC)")
    if encrypted or any(key in content for key in (*_ENCRYPTION, "environment")):
        kept = {key: _plain(value) for key, value in content.items() if key not in (*_ENCRYPTION, "environment")}
        # JSON is YAML, and needs no rules for what is text.
        target.write_text(json.dumps(kept, indent=2, ensure_ascii=False), encoding="utf-8")
    else:
        shutil.copy(source, target)
    return notes


def _encrypted(value: Any, path: str = "") -> Iterator[str]:
    """Where encrypted values are."""
    if _is_encrypted(value):
        yield path
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _encrypted(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _encrypted(inner, f"{path}[{index}]")


def _plain(value: Any) -> Any:
    if _is_encrypted(value):
        return PLACEHOLDER
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


def _is_encrypted(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"secure"}
