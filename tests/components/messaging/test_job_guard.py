"""The guard of an instance's jobs: its state on a folder, with stand-ins for Auto Scaling, the metadata service and time."""

import ast
import os
import runpy
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cloudpatterns.messaging.job_observer.on_aws import job_guard
from cloudpatterns.messaging.job_observer.on_aws.job_guard import IDLE_SECONDS, REFUSED, Guard

HERE = Path(job_guard.__file__)


class Instance:
    """What the guard asks, and what it does."""

    def __init__(self, folder: Path) -> None:
        self.calls: list[str] = []
        self.state = "InService"
        self.now = 1000.0
        self.living = {"worker"}
        self.failing: set[str] = set()
        self.stopped = True
        self.stops = 0
        self.group = "render\n"
        self.guard = Guard(folder, self.aws, self.metadata, lambda: self.now, lambda owner: owner in self.living, 300)

    def aws(self, arguments: Sequence[str]) -> str:
        if arguments[0] == "describe-auto-scaling-instances":
            return self.group
        self.calls.append(" ".join(arguments))
        if arguments[0] in self.failing:
            raise subprocess.CalledProcessError(254, "aws")
        return ""

    def metadata(self, path: str) -> str:
        if self.state == "unreachable":
            raise OSError("no route")
        return "i-1" if path == "meta-data/instance-id" else self.state

    def look(self) -> bool:
        return self.guard.look(self.stop)

    def stop(self) -> bool:
        self.stops += 1
        return self.stopped


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    return Instance(tmp_path)


PROTECT = "set-instance-protection --auto-scaling-group-name render --instance-ids i-1 --protected-from-scale-in"
FREE = "set-instance-protection --auto-scaling-group-name render --instance-ids i-1 --no-protected-from-scale-in"
BEAT = "record-lifecycle-action-heartbeat --auto-scaling-group-name render --instance-id i-1 --lifecycle-hook-name finish-jobs"
COMPLETE = (
    "complete-lifecycle-action --auto-scaling-group-name render --instance-id i-1 --lifecycle-hook-name finish-jobs "
    "--lifecycle-action-result CONTINUE"
)


def test_the_instance_is_protected_while_a_job_runs_and_free_when_it_has_been_idle(instance: Instance) -> None:
    assert instance.guard.protect("a", "worker")
    assert not instance.look()
    instance.now += 1000
    assert not instance.look()
    instance.guard.release("a")
    assert not instance.look()
    instance.now += IDLE_SECONDS - 1
    assert not instance.look()
    assert instance.calls == [PROTECT]
    instance.now += 1
    assert not instance.look()
    assert instance.calls == [PROTECT, FREE]
    assert not instance.look()
    assert instance.calls == [PROTECT, FREE]


def test_jobs_share_the_protection(instance: Instance) -> None:
    assert instance.guard.protect("a", "worker")
    assert instance.guard.protect("b", "worker")
    instance.guard.release("a")
    instance.look()
    instance.now += 1000
    instance.look()
    assert instance.calls == [PROTECT]


def test_a_job_that_follows_soon_needs_no_call(instance: Instance) -> None:
    for _ in range(3):
        assert instance.guard.protect("a", "worker")
        instance.guard.release("a")
        instance.look()
        instance.now += IDLE_SECONDS - 1
        assert instance.guard.protect("a", "worker")
        instance.look()
        instance.guard.release("a")
        instance.look()
    assert instance.calls == [PROTECT]


def test_no_job_begins_that_cannot_be_protected(instance: Instance) -> None:
    instance.failing = {"set-instance-protection"}
    assert not instance.guard.protect("a", "worker")
    instance.failing = set()
    assert instance.guard.protect("a", "worker")


def test_an_instance_outside_a_group_runs_no_job(instance: Instance, capsys: pytest.CaptureFixture[str]) -> None:
    instance.group = "None\n"
    assert not instance.guard.protect("a", "worker")
    assert "the instance is in no Auto Scaling group" in capsys.readouterr().err


def test_a_job_whose_owner_died_is_over(instance: Instance) -> None:
    assert instance.guard.protect("a", "worker")
    instance.living.clear()
    instance.look()
    instance.now += IDLE_SECONDS
    instance.look()
    assert instance.calls == [PROTECT, FREE]


def test_protection_that_cannot_be_taken_away_is_tried_again(instance: Instance) -> None:
    assert instance.guard.protect("a", "worker")
    instance.guard.release("a")
    instance.look()
    instance.failing = {"set-instance-protection"}
    instance.now += IDLE_SECONDS
    instance.look()
    instance.failing = set()
    instance.look()
    assert instance.calls == [PROTECT, FREE, FREE]


def test_termination_waits_with_heartbeats_until_jobs_and_worker_have_ended(instance: Instance) -> None:
    assert instance.guard.protect("a", "worker")
    instance.state = "Terminated"
    assert not instance.look()
    assert not instance.guard.protect("b", "worker")
    instance.now += 99
    assert not instance.look()
    instance.now += 1
    assert not instance.look()
    assert instance.calls == [PROTECT, BEAT, BEAT]
    assert instance.stops == 0
    instance.guard.release("a")
    instance.stopped = False
    assert not instance.look()
    assert instance.stops == 1
    instance.stopped = True
    assert instance.look()
    assert instance.calls == [PROTECT, BEAT, BEAT, COMPLETE]


def test_lost_heartbeats_and_an_end_that_fails_are_tried_again(instance: Instance) -> None:
    assert instance.guard.protect("a", "worker")
    instance.state, instance.failing = "Terminated", {"record-lifecycle-action-heartbeat", "complete-lifecycle-action"}
    assert not instance.look()
    assert not instance.look()
    assert instance.calls == [PROTECT, BEAT, BEAT]
    instance.guard.release("a")
    assert not instance.look()
    instance.failing = set()
    assert instance.look()


def test_an_unreachable_metadata_service_changes_nothing(instance: Instance) -> None:
    instance.state = "unreachable"
    assert not instance.look()
    assert instance.calls == []


def test_a_number_of_a_process_that_is_given_again_is_another_owner() -> None:
    owner = job_guard.owner_of(os.getpid())
    assert job_guard.lives(owner)
    assert not job_guard.lives(f"{os.getpid()} 1")
    assert not job_guard.lives("999999999 1")
    assert not job_guard.lives("nobody")


def test_it_runs_on_the_python_of_amazon_linux(tmp_path: Path) -> None:
    ast.parse(HERE.read_text(encoding="utf-8"), feature_version=(3, 9))
    python = next(iter(sorted(Path.home().glob(".pyenv/versions/3.9*/bin/python"))), None)
    if python is not None:
        environment = {"JOB_GUARD_FOLDER": str(tmp_path)}
        result = subprocess.run([python, str(HERE)], capture_output=True, text=True, check=False, env=environment)
        assert (result.returncode, result.stderr[:6]) == (64, "usage:")


class Machine:
    """The command with a stand-in for the AWS CLI and systemd, in this process or one of its own."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        (folder / "bin").mkdir()
        self.script("aws", f'echo "$*" >>{folder}/calls\ncase "$*" in *describe*) echo render ;; esac\n[ ! -e {folder}/refuse ]')
        self.script("systemctl", f'echo "systemctl $*" >>{folder}/calls\ncase "$*" in is-active*) exit 3 ;; esac')
        self.state = "InService"
        self.path = f"{folder}/bin:{os.environ['PATH']}"
        monkeypatch.setenv("PATH", self.path)
        monkeypatch.setenv("JOB_GUARD_FOLDER", str(folder / "run"))
        monkeypatch.setattr(job_guard, "_metadata", lambda path: "i-1" if path == "meta-data/instance-id" else self.state)
        monkeypatch.setattr(job_guard, "POLL_SECONDS", 0)

    def script(self, name: str, body: str) -> None:
        path = self.folder / "bin" / name
        path.write_text(f"#!/bin/bash\n{body}\n")
        path.chmod(0o755)

    @property
    def calls(self) -> list[str]:
        return (self.folder / "calls").read_text().splitlines() if (self.folder / "calls").exists() else []

    def run(self, *arguments: str) -> int:
        before = signal.getsignal(signal.SIGTERM)
        try:
            return job_guard.main(list(arguments))
        finally:
            signal.signal(signal.SIGTERM, before)

    def start(self, *arguments: str) -> "subprocess.Popen[bytes]":
        program = f"import sys\nsys.path.insert(0, {str(HERE.parent)!r})\nimport job_guard\njob_guard._metadata = lambda path: 'i-1'\n"
        command = [sys.executable, "-c", f"{program}sys.exit(job_guard.main(sys.argv[1:]))", *arguments]
        return subprocess.Popen(command, env={"PATH": self.path, "JOB_GUARD_FOLDER": str(self.folder / "run")})


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


def test_a_command_runs_as_a_job_and_gives_its_exit_code(machine: Machine) -> None:
    assert machine.run("run", "--", "bash", "-c", f"ls {machine.folder}/run/jobs | wc -l >{machine.folder}/seen; exit 7") == 7
    assert (machine.folder / "seen").read_text().strip() == "1"
    assert list((machine.folder / "run/jobs").iterdir()) == []
    assert any("--protected-from-scale-in" in call for call in machine.calls)


def test_a_refused_job_does_not_run(machine: Machine) -> None:
    (machine.folder / "refuse").touch()
    assert machine.run("run", "--", "touch", str(machine.folder / "ran")) == REFUSED
    assert machine.run("protect", "a") == REFUSED
    assert not (machine.folder / "ran").exists()


def test_a_job_survives_the_signal_that_ends_its_worker(machine: Machine) -> None:
    job = machine.start("run", "--", "bash", "-c", f"touch {machine.folder}/began; sleep 0.4; touch {machine.folder}/ended")
    while not (machine.folder / "began").exists():
        assert job.poll() is None
        time.sleep(0.01)
    job.send_signal(signal.SIGTERM)
    assert job.wait(60) == 0
    assert (machine.folder / "ended").exists()


def test_protect_and_release_are_for_jobs_of_the_calling_process(machine: Machine) -> None:
    assert machine.run("protect", "a") == 0
    assert (machine.folder / "run/jobs/a").read_text().split()[0] == str(os.getppid())
    assert machine.run("release", "a") == 0
    assert not (machine.folder / "run/jobs/a").exists()


def test_the_service_ends_when_the_instance_may_go(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def sleep(seconds: float) -> None:
        machine.state = "Terminated"

    monkeypatch.setattr(job_guard.time, "sleep", sleep)
    assert machine.run("watch") == 0
    assert "systemctl stop --no-block worker.service" in machine.calls
    assert any(call.startswith("autoscaling complete-lifecycle-action") for call in machine.calls)


@pytest.mark.parametrize("arguments", [[], ["run"], ["run", "--"], ["protect"], ["protect", "../a"], ["other"]])
def test_other_commands_are_refused(machine: Machine, arguments: list[str]) -> None:
    assert machine.run(*arguments) == 64


def test_it_is_a_command(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["job-guard"])
    with pytest.raises(SystemExit) as caught:
        runpy.run_path(str(HERE), run_name="__main__")
    assert caught.value.code == 64


def test_the_metadata_service_is_asked_with_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    class Metadata(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            self.answer("token" if self.headers["X-aws-ec2-metadata-token-ttl-seconds"] else "")

        def do_GET(self) -> None:
            assert self.headers["X-aws-ec2-metadata-token"] == "token"
            self.answer(self.path)

        def answer(self, text: str) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Metadata) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setattr(job_guard, "_METADATA", f"http://127.0.0.1:{server.server_port}/latest")
        assert job_guard._metadata("meta-data/instance-id") == "/latest/meta-data/instance-id"
        server.shutdown()
        thread.join()
