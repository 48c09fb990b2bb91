"""User data of workers: the guard of their jobs, and then the script that starts the worker."""

import base64
import gzip
import re
import shlex
from pathlib import Path

import pulumi

_SCRIPT = Path(__file__).parent / "on_aws" / "job_guard.py"
_UNIT = """[Unit]
Description=Keeps this instance while it runs jobs
After=network-online.target
Wants=network-online.target

[Service]
ExecStart=/usr/local/bin/job-guard watch
Environment=JOB_GUARD_UNIT={unit} JOB_GUARD_HEARTBEAT={heartbeat}
Restart=on-failure
RestartSec=5
# Its state is the instance's, for as long as this runs.
RuntimeDirectory=job-guard
RuntimeDirectoryMode=0777
RuntimeDirectoryPreserve=yes

[Install]
WantedBy=multi-user.target
"""
# SIGTERM reaches the worker's main process alone, which may take as long as its jobs.
_DROP_IN = """[Unit]
After=job-guard.service
Requires=job-guard.service

[Service]
EnvironmentFile=/etc/job-guard.env
KillMode=mixed
TimeoutStopSec=infinity
"""


def job_guard_user_data(
    queue_url: pulumi.Input[str],
    user_data: pulumi.Input[str] | None = None,
    *,
    worker_unit: str = "worker.service",
    heartbeat_seconds: int = 300,
) -> pulumi.Output[str]:
    """A boot script for Amazon Linux 2023 that installs ``job-guard`` and then does what ``user_data``, a shell script, does.

    ``worker_unit`` gets the variable ``QUEUE_URL``, and may take as long as its jobs to end. ``heartbeat_seconds`` is that of the group's
    lifecycle hook.
    """
    return pulumi.Output.all(queue_url, user_data).apply(lambda values: _render(*values, worker_unit, heartbeat_seconds))


def _render(queue_url: str, user_data: str | None, unit: str, heartbeat: int) -> str:
    files = {
        "/usr/local/bin/job-guard": _SCRIPT.read_text(encoding="utf-8"),
        "/etc/systemd/system/job-guard.service": _UNIT.format(unit=unit, heartbeat=heartbeat),
        f"/etc/systemd/system/{unit}.d/job-guard.conf": _DROP_IN,
        "/etc/job-guard.env": f"QUEUE_URL={queue_url}\n",
    }
    shebang, _, rest = (user_data or "").partition("\n")
    interpreter, body = (shebang, rest) if shebang.startswith("#!") else ("#!/bin/bash", user_data or "")
    written = "\n".join(
        f"install -d {shlex.quote(str(Path(path).parent))}\nbase64 -d <<'END' | gunzip >{shlex.quote(path)}\n{_packed(text)}\nEND"
        for path, text in files.items()
    )
    starts = "chmod 0755 /usr/local/bin/job-guard\nsystemctl daemon-reload\nsystemctl enable --now job-guard.service"
    exports = f"export QUEUE_URL={shlex.quote(queue_url)}"
    return "\n".join([interpreter, "set -e", written, starts, exports, "set +e", body])


def _packed(text: str) -> str:
    """Compressed, the same for the same text: a difference would replace the instances."""
    data = bytearray(gzip.compress(text.encode(), mtime=0))
    # The operating system, in which Python's versions differ.
    data[9] = 255
    return "\n".join(re.findall(".{1,120}", base64.b64encode(bytes(data)).decode()))
