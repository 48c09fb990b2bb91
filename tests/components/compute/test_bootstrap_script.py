"""The runner of ``Bootstrap`` on a pretended instance: real shell, real AWS CLI, S3 and CloudWatch Logs over HTTP."""

import hashlib
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from cloudpatterns.blocks.boot import boot_script
from cloudpatterns.compute.bootstrap import component

from tests.emulators.instance import INSTANCE, Done, Instance

RUNNER = Path(component.__file__).parent / "on_aws/bootstrap.sh"
BUCKET, GROUP = "scripts-bucket", "boot-log-1234567"
FIRST = '#!/bin/bash\necho "first for $APP" | tee -a "$BOOT_ROOT/ran"\n'
SECOND = '#!/bin/bash\necho second >>"$BOOT_ROOT/ran"\n'


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass
class Boot:
    """Scripts in a bucket, and the instance that runs them."""

    instance: Instance
    on_failure: str = "stay"
    environment: str = "APP=shop"

    def run(self, *scripts: str, upload: bool = True, parameters: dict[str, str] | None = None) -> Done:
        lines = []
        for name, text in zip(("first", "second", "third"), scripts, strict=False):
            key = f"boot/{sha256(text)}/{name}"
            lines.append(f"{sha256(text)} {key} {name}")
            if upload:
                self.instance.account.put(BUCKET, key, text.encode())
        values: dict[str, str | int] = {
            "BOOTSTRAP_NAME": "boot",
            "BOOTSTRAP_BUCKET": BUCKET,
            "BOOTSTRAP_SCRIPTS": "\n".join(lines),
            "BOOTSTRAP_ENVIRONMENT": self.environment,
            "BOOTSTRAP_LOG_GROUP": GROUP,
            "BOOTSTRAP_ON_FAILURE": self.on_failure,
            **(parameters or {}),
        }
        return self.instance.run(boot_script(RUNNER, values))

    def ran(self) -> list[str]:
        path = self.instance.root / "ran"
        return path.read_text().splitlines() if path.exists() else []

    def events(self) -> list[str]:
        place = {"logGroupName": GROUP, "logStreamName": INSTANCE}
        return [event["message"] for event in self.instance.account.client("logs").get_log_events(**place, startFromHead=True)["events"]]


@pytest.fixture
def boot(instance: Instance) -> Boot:
    instance.account.client("logs").create_log_group(logGroupName=GROUP)
    instance.stand_in("shutdown")
    return Boot(instance)


def test_scripts_run_in_order_and_their_output_is_in_the_log_group(boot: Boot) -> None:
    done = boot.run(FIRST, SECOND)
    assert (done.code, boot.ran()) == (0, ["first for shop", "second"]), done.stderr
    assert done.stderr == "bootstrap: runs first\nfirst for shop\nbootstrap: runs second\n"
    assert boot.events() == [f"bootstrap: done: first second\n{done.stderr.rstrip()}"]
    assert boot.instance.file("var/log/bootstrap-boot.log") == done.stderr


def test_a_second_run_changes_nothing(boot: Boot) -> None:
    assert boot.run(FIRST, SECOND).code == 0
    before = boot.instance.tree()
    boot.instance.forget()
    assert boot.run(FIRST, SECOND) == (0, "", "")
    assert boot.instance.tree() == before
    assert boot.instance.calls("aws") == []


def test_a_changed_script_runs_again_alone(boot: Boot) -> None:
    assert boot.run(FIRST, SECOND).code == 0
    assert boot.run(FIRST, SECOND.replace("second", "newer")).code == 0
    assert boot.ran() == ["first for shop", "second", "newer"]


def test_changed_variables_run_the_scripts_again(boot: Boot) -> None:
    assert boot.run(FIRST).code == 0
    boot.environment = "APP=a b $(touch x)"
    assert boot.run(FIRST).code == 0
    assert boot.ran() == ["first for shop", "first for a b $(touch x)"]


def test_an_instance_from_the_image_of_another_runs_the_scripts(boot: Boot) -> None:
    assert boot.run(FIRST).code == 0
    boot.instance.metadata.paths["instance-id"] = "i-0fedcba9876543210"
    assert boot.run(FIRST).code == 0
    assert boot.ran() == ["first for shop", "first for shop"]


def test_script_integrity_is_checked_by_hash(boot: Boot) -> None:
    assert boot.run(FIRST).code == 0
    # Whoever may write into the bucket changes the second script after the deployment.
    boot.instance.account.put(BUCKET, f"boot/{sha256(SECOND)}/second", b"#!/bin/bash\ntouch $BOOT_ROOT/owned\n")
    boot.instance.account.put(BUCKET, f"boot/{sha256('#!/bin/sh')}/first", b"#!/bin/sh")
    done = boot.run("#!/bin/sh", SECOND, upload=False)
    reason = "the SHA-256 of second is not that of its deployment: the object was changed in the bucket, and nothing is run"
    assert (done.code, done.stderr) == (1, f"bootstrap: {reason}\n")
    # Nor is the script before it, which is as it was.
    assert boot.ran() == ["first for shop"]
    assert boot.events()[-1] == f"bootstrap: failed: {reason}\nbootstrap: {reason}"
    assert list((boot.instance.root / "var/lib/bootstrap/boot/done").iterdir()) != []
    assert list((boot.instance.root / "var/lib/bootstrap/boot").glob("run.*")) == []


def test_the_first_failure_ends_the_run_with_its_reason(boot: Boot) -> None:
    broken = '#!/bin/bash\necho "no \\"disk\\" \tleft" >&2\nexit 3\n'
    done = boot.run(FIRST, broken, SECOND.replace("second", "third"))
    assert (done.code, boot.ran()) == (1, ["first for shop"])
    assert done.stderr.endswith('no "disk" \tleft\nbootstrap: the script second ended with exit code 3\n')
    assert boot.events() == [f"bootstrap: failed: the script second ended with exit code 3\n{done.stderr.rstrip()}"]
    assert boot.instance.calls("shutdown") == []
    # What succeeded is not run again; what failed is.
    assert boot.run(FIRST, SECOND).code == 0
    assert boot.ran() == ["first for shop", "second"]


def test_a_failure_powers_off_where_that_is_wanted(boot: Boot) -> None:
    boot.on_failure = "power_off"
    done = boot.run("#!/bin/bash\nfalse\n")
    assert (done.code, boot.instance.calls("shutdown")) == (1, [["shutdown", "-h", "+1"]])
    assert done.stderr.endswith("bootstrap: powers off in a minute, because the bootstrap failed\n")


def test_a_missing_object_is_tried_five_times(boot: Boot) -> None:
    boot.instance.account.put(BUCKET, "other", b"")
    done = boot.run(FIRST, upload=False)
    assert (done.code, len(boot.instance.calls("sleep"))) == (1, 5)
    key = f"s3://{BUCKET}/boot/{sha256(FIRST)}/first"
    assert done.stderr.endswith(f"bootstrap: cannot fetch {key}; is it there, and may the instance's role read it and use its key?\n")


@pytest.mark.parametrize("fault", ["refused", "disabled", "empty"])
def test_without_the_metadata_service_nothing_is_run(boot: Boot, fault: str) -> None:
    boot.instance.metadata.fault = fault
    done = boot.run(FIRST)
    assert (done.code, boot.ran()) == (1, [])
    assert "bootstrap: the instance metadata service does not answer\n" in done.stderr
    assert done.stderr.endswith(f"bootstrap: the log cannot be written to {GROUP}\n")


def test_a_log_group_that_is_away_does_not_fail_the_boot(boot: Boot) -> None:
    boot.instance.account.client("logs").delete_log_group(logGroupName=GROUP)
    done = boot.run(FIRST)
    assert (done.code, boot.ran()) == (0, ["first for shop"])
    assert done.stderr.endswith(f"bootstrap: the log cannot be written to {GROUP}\n")


def test_scripts_have_a_home_and_create_files_that_others_may_read(boot: Boot) -> None:
    boot.instance.environment["HOME"] = ""
    assert boot.run('#!/bin/bash\nprintf "%s" "$HOME" >"$BOOT_ROOT/home"\n').code == 0
    assert boot.instance.tree()["home"] == "644 /root"
    # What the runner itself keeps is root's alone.
    assert boot.instance.tree()["var/log/bootstrap-boot.log"].startswith("600 ")


def test_two_runs_at_once_run_a_script_once(boot: Boot) -> None:
    boot.instance.programs("sleep")
    slow = '#!/bin/bash\nsleep 1\necho once >>"$BOOT_ROOT/ran"\n'
    with ThreadPoolExecutor() as threads:
        runs = [threads.submit(boot.run, slow) for _ in range(2)]
        assert [run.result().code for run in runs] == [0, 0]
    assert boot.ran() == ["once"]


def test_what_a_script_leaves_running_does_not_hold_the_next_run(boot: Boot) -> None:
    boot.instance.programs("sleep")
    assert boot.run('#!/bin/bash\nsleep 60 >/dev/null 2>&1 &\necho $! >"$BOOT_ROOT/pid"\n').code == 0
    free = boot.instance.run('flock --nonblock "$BOOT_ROOT/var/lib/bootstrap/boot/lock" true').code
    os.kill(int(boot.instance.file("pid")), signal.SIGKILL)
    assert free == 0


def test_the_cli_is_installed_where_the_image_has_none(boot: Boot) -> None:
    client = (boot.instance.commands / "aws").read_text()
    boot.instance.without("aws")
    path = boot.instance.commands / "aws"
    boot.instance.stand_in("dnf", f"cat >{path} <<'CLIENT'\n{client}CLIENT\nchmod 755 {path}")
    assert boot.run(FIRST).code == 0
    assert boot.instance.calls("dnf") == [["dnf", "--assumeyes", "--quiet", "install", "awscli-2"]]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("BOOTSTRAP_BUCKET", "a/b", "BOOTSTRAP_BUCKET is not the name of a bucket"),
        ("BOOTSTRAP_ON_FAILURE", "", "BOOTSTRAP_ON_FAILURE is not stay or power_off"),
        ("BOOTSTRAP_SCRIPTS", "abc boot/key first", "BOOTSTRAP_SCRIPTS has a line that is not <SHA-256> <object key> <name>"),
        ("BOOTSTRAP_SCRIPTS", f"{'0' * 64} key ../first", "BOOTSTRAP_SCRIPTS has a line that is not <SHA-256> <object key> <name>"),
        ("BOOTSTRAP_ENVIRONMENT", "A=1\nnot one", "BOOTSTRAP_ENVIRONMENT has a line that is not NAME=value"),
    ],
)
def test_the_runner_checks_its_parameters_itself(boot: Boot, name: str, value: str, message: str) -> None:
    done = boot.run(FIRST, parameters={name: value})
    assert (done.code, boot.ran()) == (1, [])
    assert done.stderr.startswith(f"bootstrap: {message}\n")
