"""The servers of examples/multi_server and others: the boot script in a shell, and the program that it starts."""

import re
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.examples.servers import free_port
from tests.program import ROOT

FOLDERS = ("cloud_dependency_injection", "multi_server", "multi_datacenter")
FILES = {"cloud_dependency_injection": "configuration.env"}


@pytest.mark.parametrize("example", FOLDERS)
def test_the_boot_script_writes_the_program_and_starts_it(example: str, tmp_path: Path) -> None:
    folder = ROOT / "examples" / example / "app"
    program = (folder / "server.py").read_text(encoding="utf-8")
    script = (folder / "install.sh").read_text(encoding="utf-8").replace("@SERVER@", program)
    script = re.sub(r"/(srv/web|etc/systemd/system)(?=[/\s])", rf"{tmp_path}/\1", script)
    (tmp_path / "etc/systemd/system").mkdir(parents=True)
    (tmp_path / "systemctl").write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/calls\n')
    (tmp_path / "systemctl").chmod(0o755)
    for _ in range(2):
        subprocess.run(["bash", "-c", script], env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, check=True, timeout=10)
    assert (tmp_path / "srv/web/server.py").read_text(encoding="utf-8").rstrip("\n") == program.rstrip("\n")
    unit = (tmp_path / "etc/systemd/system/web.service").read_text()
    assert f"EnvironmentFile=/etc/cloudpatterns/{FILES.get(example, 'server.env')}" in unit
    assert (tmp_path / "calls").read_text().splitlines() == ["daemon-reload", "enable --now web.service"] * 2


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
@pytest.mark.parametrize("example", FOLDERS)
def test_the_boot_script_has_no_findings(example: str) -> None:
    subprocess.run(["shellcheck", str(ROOT / "examples" / example / "app/install.sh")], check=True, timeout=30)


@pytest.mark.parametrize("example", FOLDERS)
def test_the_program_answers_the_health_check_and_visitors(example: str) -> None:
    port = free_port()
    program = ROOT / "examples" / example / "app/server.py"
    with subprocess.Popen([sys.executable, str(program)], env={"PORT": str(port), "SIGN": "Open"}, stderr=subprocess.DEVNULL) as server:
        try:
            assert read(port, "/healthz") == "ok\n"
            assert read(port, "/").startswith("Open, says ")
        finally:
            server.kill()


def read(port: int, path: str, *, seconds: float = 10) -> str:
    end = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                return answer.read().decode()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
