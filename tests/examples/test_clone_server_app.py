"""The server of examples/clone_server: the boot script in a shell, and the program that it starts."""

import re
import subprocess
import sys
import urllib.error
from pathlib import Path

import pytest

from tests.examples.servers import free_port
from tests.examples.test_web_servers import read
from tests.program import ROOT

APP = ROOT / "examples/clone_server/app"
PROGRAM = (APP / "server.py").read_text(encoding="utf-8")


def test_the_boot_script_starts_the_program_on_master_and_clones(tmp_path: Path) -> None:
    script = (APP / "install.sh").read_text(encoding="utf-8").replace("@SERVER@", PROGRAM)
    # Paths of the unit stay: systemd is not here.
    script = re.sub(r"(?m)^(install|cat)\b.*$", lambda line: re.sub(r"/(?=srv|etc)", f"{tmp_path}/", line[0]), script)
    (tmp_path / "etc/systemd/system").mkdir(parents=True)
    (tmp_path / "systemctl").write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/calls\n')
    (tmp_path / "systemctl").chmod(0o755)
    # A clone has it from the image, and runs it again.
    for _ in range(2):
        subprocess.run(["bash", "-c", script], env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, check=True, timeout=10)
    assert (tmp_path / "srv/web/server.py").read_text(encoding="utf-8").rstrip("\n") == PROGRAM.rstrip("\n")
    assert "ExecStart=/usr/bin/python3 /srv/web/server.py 8080 /srv/site\n" in (tmp_path / "etc/systemd/system/web.service").read_text()
    assert (tmp_path / "calls").read_text().splitlines() == ["daemon-reload", "enable --now web.service"] * 2


def test_the_program_serves_pages_and_is_healthy_without_any(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, str(APP / "server.py"), str(port), str(tmp_path)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:
        try:
            assert read(port, "/healthz") == "ok\n"
            (tmp_path / "index.html").write_text("Open until six")
            assert read(port, "/") == "Open until six"
            (tmp_path / "index.html").unlink()
            with pytest.raises(urllib.error.HTTPError, match="404"):
                read(port, "/index.html", seconds=0)
        finally:
            server.kill()
