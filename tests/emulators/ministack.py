"""MiniStack, an emulator of AWS, as a server on this machine's loopback interface: https://github.com/ministackorg/ministack.

It is a second opinion to moto's: a server of its own, with threads, timers and event sources that poll.
"""

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import boto3
from botocore.config import Config

from tests.program import ROOT

FOLDER = ROOT / ".venv" / "ministack"
REGION = "eu-west-1"
_SECONDS = 60


class MiniStack(NamedTuple):
    """A running server."""

    url: str
    log: Path
    """What it and the functions on it print."""

    def client(self, service: str, **options: Any) -> Any:
        """A client of the server. Names of what it creates are unique to the test: the server is shared."""
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=self.url,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=options.pop("config", Config(max_pool_connections=64, retries={"total_max_attempts": 1})),
            **options,
        )


def missing() -> str | None:
    """Why there is no MiniStack here; None when there is."""
    return None if (FOLDER / "ministack").is_dir() else "MiniStack is not installed: `make test` installs it into .venv/ministack"


@contextmanager
def ministack(**environment: str) -> Generator[MiniStack]:
    """A server of its own, with an empty account, until the end of the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        variables = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "TMPDIR": folder,
            "MINISTACK_REGION": REGION,
            **environment,
        }
        # Not by PYTHONPATH: functions that it runs would get its botocore with our boto3.
        start = f"import runpy, sys; sys.path.insert(0, {str(FOLDER)!r}); sys.argv[:] = ['ministack']; "
        start += "runpy.run_module('ministack', run_name='__main__')"
        with log.open("wb") as output:
            server = subprocess.Popen([sys.executable, "-c", start], env=variables, cwd=folder, stdout=output, stderr=output)
        try:
            _wait(server, url, log)
            yield MiniStack(url, log)
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _wait(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    begun = time.monotonic()
    while time.monotonic() - begun < _SECONDS:
        if server.poll() is not None:
            raise RuntimeError(f"MiniStack ended with {server.returncode}:\n{log.read_text(errors='replace')[-2000:]}")
        try:
            with urllib.request.urlopen(f"{url}/_ministack/health", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError(f"MiniStack does not answer after {_SECONDS} s:\n{log.read_text(errors='replace')[-2000:]}")
