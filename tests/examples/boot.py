"""The web server's boot script with the sample application: stand-ins for what only an instance has, everything else is real."""

import os
import shutil
import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cloudpatterns.compute import web_server_user_data

from tests.emulators.instance import Account, pretended
from tests.harness import record

LOG_GROUP = "shop-logs"
# The agent comes with its package, and the artifact from a bucket of its own.
_DNF = (
    'case " $* " in *" amazon-cloudwatch-agent "*) mkdir -p "$BOOT_ROOT/opt/aws/amazon-cloudwatch-agent/bin"; '
    'ln -s "$AGENT" "$BOOT_ROOT/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl" ;; esac'
)
_AWS = 'for target; do :; done; cat "$STATE/artifact" >"$target"'

# Starts the unit as systemd would: its command, in its folder, with the variables of its file and no others.
_SYSTEMCTL = r"""#!{python} -IS
import os, pathlib, re, subprocess, sys
if sys.argv[1] not in ("start", "restart") or sys.argv[2] != "web.service":
    sys.exit()
root, state = pathlib.Path(os.environ["BOOT_ROOT"]), pathlib.Path(os.environ["STATE"])
unit = dict(line.split("=", 1) for line in (root / "etc/systemd/system/web.service").read_text().splitlines() if "=" in line)
lines = (root / unit["EnvironmentFile"][1:]).read_text().splitlines()
environment = {{name: re.sub(r"\\(.)", r"\1", value[1:-1]) for name, value in (line.split("=", 1) for line in lines)}}
environment["PATH"] = "{programs}"
if "DATABASE_CA_FILE" in environment:
    environment["DATABASE_CA_FILE"] = str(root / environment["DATABASE_CA_FILE"][1:])
kind, _, log = unit["StandardOutput"].partition(":")
assert (kind, unit["StandardError"]) == ("append", "inherit"), unit
process = subprocess.Popen(
    ["/usr/bin/timeout", "--signal=KILL", "60", root / unit["ExecStart"][1:]],
    cwd=root / unit["WorkingDirectory"][1:], env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT,
    stdout=(root / log[1:]).open("a"), start_new_session=True,
)
(state / "pid").write_text(str(process.pid))
"""


def user_data(artifact_sha256: str, port: int, environment: dict[str, str], certificates: str) -> str:
    """What the stacks give a server of the sample application."""
    texts: list[str] = []
    arguments: dict[str, Any] = {
        "app_port": port,
        "health_check_path": "/health",
        "artifact_uri": "s3://releases/storefront-app.tar.gz",
        "artifact_sha256": artifact_sha256,
        "packages": ["python3.13"],
        "environment": environment,
        "database_certificates": certificates,
        "log_group_name": LOG_GROUP,
    }
    record(lambda: web_server_user_data(**arguments).apply(texts.append))
    [text] = texts
    return text


@dataclass
class Booted:
    """A pretended instance after its first boot."""

    root: Path
    code: int

    def log(self, name: str = "web.log") -> list[str]:
        path = self.root / "var/log" / name
        return path.read_text().splitlines() if path.exists() else []


@contextmanager
def booted(folder: Path, artifact: Path, script: str, programs: Path, cloudwatch: str) -> Generator[Booted]:
    """Runs the user data in a root folder of its own; what it started ends afterwards."""
    agent = folder / "agent"
    agent.write_text(f"#!{sys.executable}\n{Path(__file__).with_name('agent.py').read_text()}")
    agent.chmod(0o755)
    with pretended(folder, Account(cloudwatch)) as instance:
        log = instance.root / "var/log/cloud-init-output.log"
        log.parent.mkdir(parents=True)
        shutil.copyfile(artifact, instance.state / "artifact")
        instance.programs("sleep")
        instance.stand_in("dnf", _DNF)
        instance.stand_in("rpm")
        instance.stand_in("aws", _AWS)
        instance.file_on_path("systemctl", _SYSTEMCTL.format(python=sys.executable, programs=f"{programs}:/usr/bin:/bin"))
        instance.environment |= {"AGENT": str(agent), "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "example"}
        try:
            yield Booted(instance.root, instance.run(script, log=log).code)
        finally:
            for name in ("pid", "agent"):
                if (instance.state / name).exists():
                    with suppress(ProcessLookupError):
                        os.killpg(int((instance.state / name).read_text()), signal.SIGKILL)
