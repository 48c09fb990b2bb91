"""The sample worker of ``examples/job_observer``, with a stand-in for the AWS CLI, and the guard's exit codes."""

import ast
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.emulators.handlers import load_handler
from tests.program import ROOT

FILE = ROOT / "examples/job_observer/app/worker.py"
MESSAGE = {"Messages": [{"ReceiptHandle": "r-1", "Body": "film-1"}]}


class Machine:
    """The worker's module, and what it called."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        for name, body in (
            ("aws", f'case "$*" in *receive-message*) cat {folder}/answer ;; esac'),
            ("job-guard", f'[ ! -e {folder}/slow ] || sleep 0.3; exit "$(cat {folder}/code)"'),
        ):
            path = folder / name
            path.write_text(f'#!/bin/bash\necho "{name} $*" >>{folder}/calls\n{body}\n')
            path.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        monkeypatch.setenv("QUEUE_URL", "https://sqs/jobs")
        self.worker: ModuleType = load_handler(FILE)

    def work(self, code: int, answer: Any = MESSAGE, refresh_seconds: float = 60) -> list[str]:
        (self.folder / "code").write_text(str(code))
        (self.folder / "answer").write_text(json.dumps(answer) if answer else "")
        self.worker.work(["render"], refresh_seconds)
        return [line.replace(" --queue-url https://sqs/jobs", "") for line in (self.folder / "calls").read_text().splitlines()][1:]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


def test_a_job_runs_under_the_guard_and_its_message_is_deleted(machine: Machine) -> None:
    assert machine.work(0) == ["job-guard run -- render film-1", "aws sqs delete-message --receipt-handle r-1"]
    assert not machine.worker.stopping.is_set()


def test_a_job_that_fails_is_left_to_the_queue(machine: Machine) -> None:
    assert machine.work(1) == ["job-guard run -- render film-1"]
    assert not machine.worker.stopping.is_set()


def test_a_refused_job_goes_back_at_once_and_the_worker_ends(machine: Machine) -> None:
    back = "aws sqs change-message-visibility --receipt-handle r-1 --visibility-timeout 0"
    assert machine.work(75) == ["job-guard run -- render film-1", back]
    assert machine.worker.stopping.is_set()


def test_the_message_stays_hidden_while_the_job_runs(machine: Machine) -> None:
    (machine.folder / "slow").touch()
    calls = machine.work(0, refresh_seconds=0.05)
    assert "aws sqs change-message-visibility --receipt-handle r-1 --visibility-timeout 300" in calls
    assert calls[-1] == "aws sqs delete-message --receipt-handle r-1"


def test_an_empty_queue_is_no_job(machine: Machine) -> None:
    assert machine.work(0, answer=None) == []


def test_the_worker_finishes_its_job_when_it_is_asked_to_end(machine: Machine) -> None:
    (machine.folder / "slow").touch()
    (machine.folder / "code").write_text("0")
    (machine.folder / "answer").write_text(json.dumps(MESSAGE))
    environment = {"PATH": os.environ["PATH"], "QUEUE_URL": "https://sqs/jobs"}
    worker = subprocess.Popen([sys.executable, str(FILE), "render"], env=environment)
    while "job-guard" not in ((machine.folder / "calls").read_text() if (machine.folder / "calls").exists() else ""):
        assert worker.poll() is None
        time.sleep(0.01)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(60) == 0
    assert (machine.folder / "calls").read_text().splitlines()[-1].startswith("aws sqs delete-message")


def test_it_runs_on_the_python_of_amazon_linux() -> None:
    ast.parse(FILE.read_text(encoding="utf-8"), feature_version=(3, 9))
