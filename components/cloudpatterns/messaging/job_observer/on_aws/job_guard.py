#!/usr/bin/python3
"""Keeps an instance of an Auto Scaling group from being terminated while it runs a job.

``job-guard run -- COMMAND`` runs a command as a job and ends with its code. ``job-guard protect JOB`` and ``job-guard release JOB`` do the
same for a job inside the calling process. All end with 75 when the job must not begin, because the instance is about to be terminated or
cannot be protected: return the message to its queue, and receive no more. ``job-guard watch`` is the service.

While a job runs, the instance is protected from scale-in. Everything else that terminates instances (an instance refresh, their age, a
health check, rebalancing) stops at the group's lifecycle hook: the service refuses new jobs, sends heartbeats until the running ones have
ended, stops the worker's unit, and lets the termination go on.
https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-instance-protection.html
https://docs.aws.amazon.com/autoscaling/ec2/userguide/retrieving-target-lifecycle-state-through-imds.html

It needs Python 3.9 and the AWS CLI, both of Amazon Linux 2023, and no package.
"""

import contextlib
import fcntl
import functools
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator, Sequence
from pathlib import Path

REFUSED = 75
"""The exit code for a job that must not begin: EX_TEMPFAIL."""
HOOK = "finish-jobs"
"""The name of the group's lifecycle hook."""
IDLE_SECONDS = 10
"""After so long without a job the instance is no longer protected: a busy worker calls Auto Scaling seldom."""
POLL_SECONDS = 5
_METADATA = "http://169.254.169.254/latest"


class Guard:
    """The protection of one instance. Its state is in a folder, since each command is a process of its own."""

    def __init__(
        self,
        folder: Path,
        aws: Callable[[Sequence[str]], str],
        metadata: Callable[[str], str],
        clock: Callable[[], float],
        lives: Callable[[str], bool],
        heartbeat_seconds: float,
    ) -> None:
        self._folder, self._aws, self._metadata, self._clock, self._lives = folder, aws, metadata, clock, lives
        self._heartbeat_seconds, self._sent = heartbeat_seconds, float("-inf")
        self._idle_since = float("-inf")
        (folder / "jobs").mkdir(parents=True, exist_ok=True)

    def protect(self, job: str, owner: str) -> bool:
        """Whether a job may begin; if so, the instance is protected. ``owner`` says whose end is the job's end, see ``lives``."""
        with self._lock():
            if self._is("terminating"):
                return False
            if not self._is("protected") and not self._set_protection("--protected-from-scale-in"):
                return False
            (self._folder / "jobs" / job).write_text(owner, encoding="utf-8")
            return True

    def release(self, job: str) -> None:
        """Ends a job; the service takes the protection away when no other begins."""
        with self._lock():
            (self._folder / "jobs" / job).unlink(missing_ok=True)

    def look(self, stop_worker: Callable[[], bool]) -> bool:
        """One look of the service: whether it is done, because the instance may be terminated.

        ``stop_worker`` is called when no job runs and the instance is about to go; it says whether the worker has ended.
        """
        with self._lock():
            running = self._running()
            if self._is("terminating") or self._terminates():
                (self._folder / "terminating").touch()
            elif self._is("protected"):
                self._unprotect_when_idle(running)
                return False
            else:
                return False
        if running or not stop_worker():
            self._send_heartbeat()
            return False
        return self._call("complete-lifecycle-action", "--lifecycle-action-result", "CONTINUE")

    def _unprotect_when_idle(self, running: int) -> None:
        now = self._clock()
        if running:
            self._idle_since = float("inf")
        elif self._idle_since in (float("inf"), float("-inf")):
            self._idle_since = now
        if now - self._idle_since >= IDLE_SECONDS and self._set_protection("--no-protected-from-scale-in"):
            self._idle_since = float("-inf")

    def _send_heartbeat(self) -> None:
        # Thrice in the hook's timeout, so that two may be lost.
        if self._clock() - self._sent >= self._heartbeat_seconds / 3 and self._call("record-lifecycle-action-heartbeat"):
            self._sent = self._clock()

    def _running(self) -> int:
        """How many jobs run; those whose owner has died are over."""
        files = list((self._folder / "jobs").iterdir())
        dead = [file for file in files if not self._lives(file.read_text(encoding="utf-8"))]
        for file in dead:
            file.unlink(missing_ok=True)
        return len(files) - len(dead)

    def _terminates(self) -> bool:
        with contextlib.suppress(OSError):
            return self._metadata("meta-data/autoscaling/target-lifecycle-state") == "Terminated"
        return False

    def _set_protection(self, option: str) -> bool:
        # It works only while the instance is in service, so none that scale-in has chosen gets a job.
        if not self._autoscaling("set-instance-protection", "--instance-ids", self._instance(), option):
            return False
        if option.startswith("--no-"):
            (self._folder / "protected").unlink(missing_ok=True)
        else:
            (self._folder / "protected").touch()
        return True

    def _call(self, action: str, *options: str) -> bool:
        return self._autoscaling(action, "--instance-id", self._instance(), "--lifecycle-hook-name", HOOK, *options)

    def _autoscaling(self, action: str, *options: str) -> bool:
        try:
            self._aws([action, "--auto-scaling-group-name", self._group(), *options])
        except (OSError, subprocess.SubprocessError) as error:
            sys.stderr.write(f"{action}: {error}\n")
            return False
        return True

    def _instance(self) -> str:
        return self._metadata("meta-data/instance-id")

    def _group(self) -> str:
        file = self._folder / "group"
        if not file.exists():
            query = ["--query", "AutoScalingInstances[0].AutoScalingGroupName", "--output", "text"]
            name = self._aws(["describe-auto-scaling-instances", "--instance-ids", self._instance(), *query]).strip()
            if name in ("", "None"):
                raise OSError("the instance is in no Auto Scaling group")
            file.write_text(name, encoding="utf-8")
        return file.read_text(encoding="utf-8")

    def _is(self, mark: str) -> bool:
        return (self._folder / mark).exists()

    @contextlib.contextmanager
    def _lock(self) -> Generator[None]:
        with (self._folder / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def owner_of(pid: int) -> str:
    """A process and when it began: the system gives numbers of processes again."""
    # Behind the name in brackets, which may have spaces; the 22nd field is the time.
    return f"{pid} {Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[19]}"


def lives(owner: str) -> bool:
    """Whether the process of a job is there."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return owner_of(int(owner.split()[0])) == owner
    return False


def _aws(arguments: Sequence[str]) -> str:
    command = ["aws", "autoscaling", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout


def _metadata(path: str) -> str:
    headers = {"X-aws-ec2-metadata-token-ttl-seconds": "60"}
    with urllib.request.urlopen(urllib.request.Request(f"{_METADATA}/api/token", headers=headers, method="PUT"), timeout=5) as answer:
        token = answer.read().decode()
    request = urllib.request.Request(f"{_METADATA}/{path}", headers={"X-aws-ec2-metadata-token": token})
    with urllib.request.urlopen(request, timeout=5) as answer:
        return answer.read().decode()


def _stop(unit: str) -> bool:
    """Asks systemd to stop the worker's unit; whether it has ended."""
    subprocess.run(["systemctl", "stop", "--no-block", unit], check=False)
    return subprocess.run(["systemctl", "is-active", "--quiet", unit], check=False).returncode != 0


def run(guard: Guard, command: Sequence[str]) -> int:
    """Runs a command as a job; its exit code, or 75."""
    job = f"run-{os.getpid()}"
    if not guard.protect(job, owner_of(os.getpid())):
        return REFUSED
    # The job ends by itself: the service waits for it, and then stops the worker.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        return subprocess.run(
            command, check=False, restore_signals=True, preexec_fn=functools.partial(signal.signal, signal.SIGTERM, signal.SIG_DFL)
        ).returncode
    finally:
        guard.release(job)


def main(arguments: Sequence[str]) -> int:
    """The command; its exit code."""
    environment = os.environ
    folder, seconds = Path(environment.get("JOB_GUARD_FOLDER", "/run/job-guard")), float(environment.get("JOB_GUARD_HEARTBEAT", "300"))
    guard = Guard(folder, _aws, _metadata, time.monotonic, lives, seconds)
    if arguments[:2] == ["run", "--"] and arguments[2:]:
        return run(guard, arguments[2:])
    if len(arguments) == 2 and arguments[0] in ("protect", "release") and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}", arguments[1]):
        if arguments[0] == "protect":
            return 0 if guard.protect(arguments[1], owner_of(os.getppid())) else REFUSED
        guard.release(arguments[1])
        return 0
    if arguments == ["watch"]:
        unit = environment.get("JOB_GUARD_UNIT", "worker.service")
        while not guard.look(lambda: _stop(unit)):
            time.sleep(POLL_SECONDS)
        return 0
    sys.stderr.write("usage: job-guard run -- COMMAND | protect JOB | release JOB | watch\n")
    return 64


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
