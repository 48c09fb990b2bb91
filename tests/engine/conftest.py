"""The real Pulumi CLI, a file backend, and a stand-in AWS plugin; skipped, and said so, where no ``pulumi`` is on PATH."""

import os
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.engine import stand_in_aws

ROOT = Path(__file__).resolve().parents[2]
# What the program of this repository is made of; stack files are copied, because the CLI writes the salt of the passphrase there.
PROGRAM = ("__main__.py", "Pulumi.yaml", "Pulumi.dev.yaml", "Pulumi.prod.yaml", "settings", "policies")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    del config
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.engine)
            if shutil.which("pulumi") is None:
                item.add_marker(pytest.mark.skip(reason="no `pulumi` on PATH: the tests on the real engine need the Pulumi CLI"))


@dataclass(frozen=True)
class Engine:
    """The CLI in a home and a backend of its own."""

    project: Path
    environment: dict[str, str]

    def pulumi(self, *arguments: str, timeout: float = 240) -> subprocess.CompletedProcess[str]:
        """One call of the CLI in the project's folder."""
        return subprocess.run(
            ["pulumi", *arguments, "--non-interactive"],
            cwd=self.project,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    folder = tmp_path_factory.mktemp("engine")
    project = folder / "project"
    project.mkdir()
    for name in PROGRAM:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, project / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        else:
            shutil.copy(source, project / name)
    # The project names .venv as its virtual environment; here it is the one that runs the tests.
    prefix = Path(sys.prefix)
    if (prefix / "pyvenv.cfg").exists():
        (project / ".venv").symlink_to(prefix)
    else:
        venv.create(project / ".venv", system_site_packages=True)
    (folder / "state").mkdir()
    environment = {
        **os.environ,
        "PULUMI_HOME": str(folder / "home"),
        "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "test",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "NO_COLOR": "1",
    }
    plugin = folder / "plugin"
    plugin.mkdir()
    executable = plugin / "pulumi-resource-aws"
    executable.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom tests.engine.stand_in_aws import main\nmain()\n"
    )
    executable.chmod(0o755)
    found = Engine(project, environment)
    installed = found.pulumi("plugin", "install", "resource", "aws", stand_in_aws.VERSION, "--file", str(plugin))
    assert installed.returncode == 0, installed.stdout + installed.stderr
    for stack in ("dev", "prod"):
        made = found.pulumi("stack", "init", stack)
        assert made.returncode == 0, made.stdout + made.stderr
    return found
