"""A folder with everything for one run of the CLI: a copy of the project, a home, a backend, the stand-in plugin and its account."""

import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from sandbox import processes
from sandbox.cloud import Cloud

ROOT: Final = Path(__file__).resolve().parents[1]
# The files of this repository's program; stack files are copied, because the CLI writes the salt of the passphrase to them.
PROGRAM: Final = ("__main__.py", "Pulumi.yaml", "Pulumi.dev.yaml", "Pulumi.prod.yaml", "settings", "policies")
PACKS: Final = ("security", "operations")


@dataclass(frozen=True)
class Workspace:
    """The CLI with its own home, backend and account."""

    project: Path
    environment: dict[str, str]

    @property
    def account(self) -> Path:
        """The file of the stand-in's account."""
        return self.project.parent / "account.sqlite"

    def cloud(self) -> Cloud:
        """The account, opened; close it after use."""
        return Cloud(self.account)

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Starts the CLI in the project's folder, with more environment."""
        return subprocess.Popen(
            ["pulumi", *arguments, "--non-interactive"],
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

    Raises ``subprocess.CalledProcessError`` when the CLI does not accept the plugin.
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
    # The project names .venv as its virtual environment; here it is the one that runs this.
    prefix = Path(sys.prefix)
    if (prefix / "pyvenv.cfg").exists():
        (project / ".venv").symlink_to(prefix)
    else:
        venv.create(project / ".venv", system_site_packages=True)
    (folder / "state").mkdir()
    made = Workspace(
        project,
        {
            # Other configuration of the user's CLI is for real stacks.
            **{name: value for name, value in os.environ.items() if not name.startswith("PULUMI_")},
            "PULUMI_HOME": str(folder / "home"),
            "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "STAND_IN_CLOUD": str(folder / "account.sqlite"),
            "NO_COLOR": "1",
        },
    )
    executable = folder / "plugin" / "pulumi-resource-aws"
    executable.parent.mkdir()
    executable.write_text(f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom sandbox.provider import main\nmain()\n")
    executable.chmod(0o755)
    installed = made.pulumi("plugin", "install", "resource", "aws", version("pulumi-aws"), "--file", str(executable.parent))
    installed.check_returncode()
    return made
