"""The real Pulumi CLI, a file backend, and a stand-in AWS plugin; skipped, and said so, where no ``pulumi`` is on PATH."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox import workspace
from sandbox.workspace import PROGRAM, ROOT
from sandbox.workspace import Workspace as Engine

__all__ = ["PROGRAM", "ROOT", "Engine"]


def pytest_report_header() -> list[str]:
    """What `make engine` begins with: each test is then named when it begins, and with what share of all is done when it ends."""
    if (executable := shutil.which("pulumi")) is None:
        return ["real engine: skipped, no `pulumi` on PATH"]
    done = subprocess.run([executable, "version"], capture_output=True, text=True, check=False)
    version = done.stdout.strip() or "of an unknown version"
    return [
        f"real engine: Pulumi CLI {version} at {executable}, a stand-in for the AWS plugin, no account",
        "the program, its stacks, components in other languages, packs, faults: most tests take some seconds, others minutes",
    ]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    del config
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.engine)
            if shutil.which("pulumi") is None:
                item.add_marker(pytest.mark.skip(reason="no `pulumi` on PATH: the tests on the real engine need the Pulumi CLI"))


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """The program of this repository with its two stacks, not yet deployed."""
    found = workspace.make(tmp_path_factory.mktemp("engine"))
    for stack in ("dev", "prod"):
        made = found.pulumi("stack", "init", stack)
        assert made.returncode == 0, made.stdout + made.stderr
    return found


@pytest.fixture
def figures(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Notes a line that is shown at the end of the run, whether the test passes or not."""
    return lambda line: record_property("figure", line)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for found in terminalreporter.stats.values() for report in found if getattr(report, "when", "") == "call"]
    if lines := [text for report in reports for name, text in report.user_properties if name == "figure"]:
        terminalreporter.section("figures of the real engine")
        for line in lines:
            terminalreporter.write_line(line)
