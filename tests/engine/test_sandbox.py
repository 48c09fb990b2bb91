"""`make sandbox` on the real CLI."""

import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from sandbox import processes
from tests.engine.conftest import ROOT

TIMEOUT = 900


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the sandbox puts its folder."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def test_a_whole_deployment_ends_with_a_verdict_and_leaves_nothing_behind(temporary: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sandbox", "--stack", "dev"], cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    kept = r"destroy left nothing but resources retained on purpose \(shop-.*\)"
    verdict = rf"dev  \d{{3}} resources: up compliant, second up without changes, {kept}  \(\d+ s\)"
    assert re.fullmatch(verdict, done.stdout.splitlines()[-1])
    assert done.stderr == ""
    assert list(temporary.glob("sandbox-*")) == []


def test_an_interrupt_in_the_middle_of_up_leaves_no_process_and_no_file(temporary: Path) -> None:
    started = subprocess.Popen(
        [sys.executable, "-m", "sandbox", "--stack", "dev"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + TIMEOUT
    # The plugin opens the account as soon as the engine has started it.
    while not list(temporary.glob("sandbox-*/account.sqlite")):
        assert started.poll() is None, started.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.1)
    below = processes.descendants(started.pid)
    assert len(below) > 2
    started.send_signal(signal.SIGINT)
    _out, err = started.communicate(timeout=120)
    assert (started.returncode, err) == (130, "\ndev  stopped; no processes or files are left\n")
    assert list(temporary.glob("sandbox-*")) == []
    assert not processes.alive(below)
