"""The boot script that configures the CloudWatch agent, run by a real shell in a root folder, with stand-ins for dnf and the agent."""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import pytest
from cloudpatterns.storage import ArchivedFile
from cloudpatterns.storage.web_storage_archive.agents import agent_script

SCRIPT = str(files("cloudpatterns").joinpath("storage/web_storage_archive/on_aws/log_agent.sh"))
BASH = shutil.which("bash") or "/bin/bash"
APP: dict[str, ArchivedFile] = {"app": {"path": "/var/log/app/$HOME `id`.log", "timestamp_format": "%Y-%m-%dT%H:%M:%S"}}
CONFIGURATION, CONTROL = "etc/log-archive/logs.json", "opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl"
KEPT = "opt/aws/amazon-cloudwatch-agent/etc/amazon-cloudwatch-agent.d/file_logs.json"
APPEND = f"agent -a append-config -m auto -s -c file:{{}}/{CONFIGURATION}"
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the script is for Linux")


@dataclass
class Machine:
    """A pretended server: its root folder, and what the stand-ins were called with."""

    folder: Path

    @property
    def root(self) -> Path:
        return self.folder / "root"

    @property
    def calls(self) -> list[str]:
        log = self.folder / "calls"
        return log.read_text().splitlines() if log.exists() else []

    def command(self, path: Path, name: str, body: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'#!{BASH}\necho "{name} $*" >>"{self.folder}/calls"\n{body}\n')
        path.chmod(0o755)

    def install(self) -> None:
        """The agent: it keeps a copy of what it is given, runs from then on, and says so."""
        kept = self.root / KEPT
        append = f'mkdir -p "{kept.parent}"; cp "${{7#file:}}" "{kept}"; touch "{self.folder}/running"'
        fails = f'[ ! -e "{self.folder}/agent-fails" ] || exit 1'
        state = f'[ -e "{self.folder}/running" ] && echo \'"status": "running"\' || echo \'"status": "stopped"\''
        body = f'{fails}; case "$2" in status) {state} ;; append-config) {append} ;; esac'
        self.command(self.root / CONTROL, "agent", body)

    def boot(self, script: str, code: int = 0) -> str:
        environment = {"PATH": f"{self.folder}/bin:/usr/bin:/bin", "BOOT_ROOT": str(self.root), "BOOT_RETRY_SECONDS": "0"}
        done = subprocess.run([BASH], input=script, env=environment, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == code, done.stderr
        return done.stderr


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    found = Machine(tmp_path)
    found.install()
    (found.root / CONTROL).rename(tmp_path / "control")
    control = found.root / CONTROL
    installs = f'[ ! -e "{tmp_path}/dnf-fails" ] || exit 1; mkdir -p "{control.parent}"; cp -p "{tmp_path}/control" "{control}"'
    found.command(tmp_path / "bin" / "dnf", "dnf", installs)
    return found


def script(configured: dict[str, ArchivedFile] = APP) -> str:
    return agent_script("logs", configured, "logs-files-1a2b3c4")


def test_the_agent_sends_each_file_to_a_stream_of_its_own(machine: Machine) -> None:
    machine.boot(script())
    assert machine.calls == ["dnf --assumeyes --quiet install amazon-cloudwatch-agent", APPEND.format(machine.root)]
    assert json.loads((machine.root / CONFIGURATION).read_text()) == {
        "logs": {
            "logs_collected": {
                "files": {
                    "collect_list": [
                        {
                            "file_path": "/var/log/app/$HOME `id`.log",
                            "log_group_name": "logs-files-1a2b3c4",
                            "log_stream_name": "{instance_id}/app",
                            "timestamp_format": "%Y-%m-%dT%H:%M:%S",
                        }
                    ]
                }
            }
        }
    }
    assert (machine.root / CONFIGURATION).stat().st_mode & 0o777 == 0o644


def test_a_second_run_changes_nothing(machine: Machine) -> None:
    machine.boot(script())
    before, first = sorted(machine.root.rglob("*")), (machine.root / CONFIGURATION).stat().st_mtime_ns
    count = len(machine.calls)
    machine.boot(script())
    assert machine.calls[count:] == ["agent -a status"]
    assert sorted(machine.root.rglob("*")) == before
    assert (machine.root / CONFIGURATION).stat().st_mtime_ns == first


@pytest.mark.parametrize("lost", ["running", f"root/{KEPT}"])
def test_an_agent_that_was_stopped_or_configured_anew_gets_the_files_again(machine: Machine, lost: str) -> None:
    machine.boot(script())
    (machine.folder / lost).unlink()
    machine.boot(script())
    assert machine.calls[-1] == APPEND.format(machine.root)


def test_another_file_is_a_new_configuration(machine: Machine) -> None:
    machine.boot(script())
    machine.boot(script({**APP, "web": {"path": "/var/log/web.log"}}))
    assert machine.calls[-1] == APPEND.format(machine.root)
    assert "/var/log/web.log" in (machine.root / KEPT).read_text()


def test_what_cannot_be_installed_stops_the_boot_with_its_reason(machine: Machine) -> None:
    (machine.folder / "dnf-fails").touch()
    log = machine.boot(script(), 1)
    assert log.splitlines()[-1] == (
        "log-agent: cannot install amazon-cloudwatch-agent, so no log reaches logs-files-1a2b3c4; "
        "is the S3 gateway endpoint in the route table?"
    )
    assert len(machine.calls) == 5


def test_a_configuration_that_the_agent_refuses_stops_the_boot_and_is_tried_again(machine: Machine) -> None:
    (machine.folder / "agent-fails").touch()
    assert "log-agent: the CloudWatch agent refuses its configuration" in machine.boot(script(), 1)
    (machine.folder / "agent-fails").unlink()
    machine.boot(script())
    assert machine.calls[-1] == APPEND.format(machine.root)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ("ARCHIVE='a b'", "ARCHIVE is not a short name"),
        ("LOG_GROUP='$(id)'", "LOG_GROUP is not the name of a log group"),
        ("AGENT_CONFIGURATION=", "AGENT_CONFIGURATION is not a JSON object"),
    ],
)
def test_parameters_are_checked(machine: Machine, changed: str, reason: str) -> None:
    text = script().replace("set -euo pipefail\n", f"set -euo pipefail\n{changed}\n", 1)
    assert machine.boot(text, 1) == f"log-agent: {reason}\n"
    assert machine.calls == []


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="no shellcheck on PATH")
def test_shellcheck_finds_nothing() -> None:
    subprocess.run(["shellcheck", SCRIPT], check=True)
