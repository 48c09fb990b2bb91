"""The web server's boot script with the sample application: stand-ins for what only an instance has, everything else is real."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cloudpatterns.compute import web_server_user_data

from tests.examples.iam import REGION
from tests.harness import record

_REAL = ["basename", "bash", "cat", "chmod", "cmp", "cp", "cut", "date", "dirname", "env", "grep", "gzip", "head", "install", "ln", "ls"]
_REAL += ["mkdir", "mktemp", "mv", "readlink", "rm", "sed", "sha256sum", "sleep", "sort", "tail", "tar", "touch", "tr"]

_STAND_INS = {
    "dnf": "",
    "id": "",
    "aws": 'for target; do :; done; cat "$STATE/artifact" >"$target"',
    "curl": (
        'case "$*" in'
        " *latest/api/token*) echo a-token ;;"
        f" *placement/region*) echo {REGION} ;;"
        f' *127.0.0.1*) exec {shutil.which("curl")} "$@" ;;'
        " *) exit 9 ;; esac"
    ),
}

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
process = subprocess.Popen(
    ["/usr/bin/timeout", "--signal=KILL", "60", root / unit["ExecStart"][1:]],
    cwd=root / unit["WorkingDirectory"][1:], env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT,
    stdout=(state / "log").open("a"), start_new_session=True,
)
(state / "pid").write_text(str(process.pid))
"""


def user_data(artifact_sha256: str, port: int, environment: dict[str, str]) -> str:
    """What the stacks give a server of the sample application."""
    texts: list[str] = []
    arguments: dict[str, Any] = {
        "app_port": port,
        "health_check_path": "/health",
        "artifact_uri": "s3://releases/storefront-app.tar.gz",
        "artifact_sha256": artifact_sha256,
        "environment": environment,
    }
    record(lambda: web_server_user_data(**arguments).apply(texts.append))
    [text] = texts
    return text


@dataclass
class Instance:
    """A pretended instance after its first boot."""

    state: Path
    code: int
    stderr: str

    def log(self) -> list[str]:
        path = self.state / "log"
        return path.read_text().splitlines() if path.exists() else []


@contextmanager
def booted(folder: Path, artifact: Path, script: str, programs: Path) -> Generator[Instance]:
    """Runs the user data in a root folder of its own; what it started ends afterwards."""
    root, state, commands = folder / "root", folder / "state", folder / "commands"
    for path in (root, state, commands):
        path.mkdir()
    shutil.copyfile(artifact, state / "artifact")
    for name in _REAL:
        (commands / name).symlink_to(shutil.which(name) or f"/nowhere/{name}")
    texts = {name: f"#!{shutil.which('bash')}\n{body}\n" for name, body in _STAND_INS.items()}
    for name, text in {**texts, "systemctl": _SYSTEMCTL.format(python=sys.executable, programs=f"{programs}:/usr/bin:/bin")}.items():
        (commands / name).write_text(text)
        (commands / name).chmod(0o755)
    environment = {"PATH": str(commands), "BOOT_ROOT": str(root), "STATE": str(state), "BOOT_RETRY_SECONDS": "0"}
    try:
        done = subprocess.run(["bash"], input=script, env=environment, capture_output=True, text=True, timeout=60, check=False)
        yield Instance(state, done.returncode, done.stderr)
    finally:
        if (state / "pid").exists():
            with suppress(ProcessLookupError):
                os.killpg(int((state / "pid").read_text()), signal.SIGKILL)
