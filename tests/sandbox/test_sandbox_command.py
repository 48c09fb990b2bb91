"""`python -m sandbox` with a CLI that only writes down what it is asked: the order of the steps, the verdict, and what is left behind."""

import contextlib
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sandbox import __main__ as command
from sandbox import processes, workspace
from sandbox.cloud import Cloud
from sandbox.workspace import PACKS
from tests.sandbox.conftest import calls, left_behind


@pytest.mark.parametrize("cli", ["plain"], indirect=True)
def test_the_verdict_of_a_whole_deployment(cli: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--stack", "dev"]) == 0
    assert calls(cli)[1:] == [
        "stack init dev",
        "up --stack dev --yes",
        "up --stack dev --yes --expect-no-changes",
        "stack export --stack dev",
        "destroy --stack dev --yes --skip-preview",
        "stack rm dev --yes",
    ]
    assert json.loads(cli.read_text().splitlines()[2])[4:] == [
        *("--policy-pack", "policies/security", "--policy-pack-config", "policies/security/dev.json"),
        *("--policy-pack", "policies/operations", "--policy-pack-config", "policies/operations/dev.json"),
        *("--policy-pack", "policies/acceptance", "--policy-pack-config", "policies/acceptance/dev.json"),
    ]
    first, *steps, verdict = capfd.readouterr().out.splitlines()
    assert first == "dev  a whole deployment against a stand-in for AWS; this takes some minutes"
    titles = ["a copy of the project, and a stack", "up, with the policy packs", "a second up, which must change nothing", "destroy"]
    # Each is named when it begins, and again with its time when it has ended.
    assert [re.sub(r"\d+\.\d s$", "N s", line) for line in steps] == [
        line for title in titles for line in (f"  {title} ...", f"  {title}  N s")
    ]
    assert verdict.startswith(
        "dev  2 resources: up compliant, second up without changes, destroy left nothing but resources retained on purpose (shop-key)  ("
    )
    assert left_behind(cli) == []


@pytest.mark.parametrize("cli", ["protected"], indirect=True)
def test_protection_is_switched_off_before_destroy(cli: Path) -> None:
    assert command.main(["--stack", "prod"]) == 0
    assert calls(cli)[4:9] == [
        "config set --stack prod --path cloudpatterns:storefront.load_balancer.deletion_protection false",
        "config set --stack prod --path cloudpatterns:database.deletion_protection false",
        "config set --stack prod --path cloudpatterns:cache.deletion_protection false",
        "up --stack prod --yes --skip-preview",
        "stack export --stack prod",
    ]


@pytest.mark.parametrize("cli", ["brief"], indirect=True)
def test_a_terminal_shows_a_step_on_one_line_with_the_resources_meanwhile(cli: Path) -> None:
    master, slave = pty.openpty()
    started = subprocess.Popen([sys.executable, "-m", "sandbox"], cwd=workspace.ROOT, stdout=slave, stderr=slave)
    os.close(slave)
    shown = b""
    # Linux reports the end of a terminal as an error.
    with contextlib.suppress(OSError):
        while read := os.read(master, 4096):
            shown += read
    os.close(master)
    assert started.wait() == 0
    [step] = [line for line in shown.decode().split("\r\n") if line.startswith("  a second up")]
    assert re.fullmatch(
        r"  (a second up, which must change nothing) \.\.\.(\r\x1b\[K  \1 \.\.\.  \d s, 2 resources)+\r\x1b\[K  \1  \d\.\d s", step
    ), step


@pytest.mark.parametrize(
    ("cli", "message"),
    [
        ("failing", "a provider said no\n\n`pulumi up` ended with 255"),
        ("restless", "the second up changed something in the account"),
        ("leaking", "destroy left rds/instance:Instance shop-db"),
        ("plugless", "no such plugin\n\nthe CLI does not accept the stand-in for the AWS plugin"),
        ("slow", "`pulumi up` has not ended within 0 minutes"),
    ],
    indirect=["cli"],
)
def test_what_goes_wrong_is_told_and_nothing_is_left_behind(
    cli: Path, message: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "_SECONDS", 5)
    assert command.main(["--stack", "dev"]) == 1
    told = capfd.readouterr().err
    assert message in told
    assert told.endswith("\ndev  FAILED\n")
    assert left_behind(cli) == []


def test_without_the_cli_nothing_is_tried(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PATH", "")
    assert command.main([]) == 2
    assert "no `pulumi` on PATH" in capfd.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
@pytest.mark.parametrize("cli", ["slow"], indirect=True)
def test_an_interrupt_leaves_nothing_behind(cli: Path, number: signal.Signals) -> None:
    started = subprocess.Popen(
        [sys.executable, "-m", "sandbox"], cwd=workspace.ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not cli.with_suffix(".up").exists():
        assert time.monotonic() < deadline
        assert started.poll() is None, started.communicate()
        time.sleep(0.02)
    below = processes.descendants(started.pid)
    assert below
    started.send_signal(number)
    # A second one must not end the clearing up.
    started.send_signal(number)
    _out, err = started.communicate(timeout=60)
    assert (started.returncode, err) == (130, "\ndev  stopped; no processes or files are left\n")
    assert left_behind(cli) == []
    assert not processes.alive(below)


@pytest.mark.parametrize("files", ["/proc", "/nowhere"], ids=["by files of the kernel", "by ps"])
def test_kill_reaches_what_a_process_has_put_into_a_group_of_its_own(files: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_PROC", Path(files))
    inner = "import subprocess, sys; subprocess.run(['sleep', '600'], start_new_session=True)"
    started = subprocess.Popen([sys.executable, "-c", inner])
    while not (below := processes.descendants(started.pid)):
        time.sleep(0.01)
    assert processes.alive(below)
    assert processes.kill(started.pid) == 1 + len(below)
    assert not processes.alive(below)
    started.wait()
    assert processes.descendants(started.pid) == []
    assert processes.kill(started.pid) == 0


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another clone, with a stack of its own beside dev."""
    root = tmp_path / "repository"
    for folder in ("settings", "program", *(f"policies/{pack}" for pack in PACKS)):
        (root / folder).mkdir(parents=True)
    for pack in PACKS:
        (root / "policies" / pack / "PulumiPolicy.yaml").write_text("runtime: python\n")
        (root / "policies" / pack / "prod.json").touch()
    for name in ("__main__.py", "Pulumi.yaml"):
        (root / name).touch()
    (root / "Pulumi.dev.yaml").write_text("# as it is\nconfig: {}\n")
    (root / "Pulumi.prod-eu-2.yaml").write_text(
        "secretsprovider: awskms://alias/prod\nencryptedkey: AQID\nencryptionsalt: v1:AQID=:v1:x\n"
        "environment: [cloudpatterns/prod]\n"
        'config:\n  aws:region: eu-west-1\n  a:version: "8.4"\n  a:until: 2026-12-31\n  a:key: {secure: v1:YQ==}\n'
        "  a:list:\n    - {name: on, key: {secure: v1:Yg==}}\n"
    )
    monkeypatch.setattr(workspace, "ROOT", root)
    monkeypatch.setattr(command, "ROOT", root)
    return root


@pytest.mark.parametrize("cli", ["plain"], indirect=True)
def test_what_encrypts_the_real_stack_is_left_out_of_its_copy(cli: Path, repository: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    made = workspace.make(folder)
    assert (made.project / "Pulumi.dev.yaml").read_text() == "# as it is\nconfig: {}\n"
    assert json.loads((made.project / "Pulumi.prod-eu-2.yaml").read_text()) == {
        "config": {
            "aws:region": "eu-west-1",
            "a:version": "8.4",
            "a:until": "2026-12-31 00:00:00 +0000 UTC",
            "a:key": "OfflinePlaceholder0Secret",
            "a:list": [{"name": "on", "key": "OfflinePlaceholder0Secret"}],
        }
    }
    assert made.notes == {
        "dev": [],
        "prod-eu-2": [
            "Pulumi.prod-eu-2.yaml: the sandbox cannot decrypt a:key, a:list[0].key and deploys a placeholder instead",
            "Pulumi.prod-eu-2.yaml: the sandbox has no values of `environment` (Pulumi ESC)",
        ],
    }


@pytest.mark.parametrize("cli", ["plain"], indirect=True)
def test_every_stack_with_a_file_is_deployed(cli: Path, repository: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--stack", "prod-eu-2"]) == 0
    assert calls(cli)[1:3] == ["stack init prod-eu-2", "up --stack prod-eu-2 --yes"]
    assert "  note: Pulumi.prod-eu-2.yaml: the sandbox cannot decrypt a:key, a:list[0].key and deploys a placeholder instead\n" in (
        capfd.readouterr().out
    )
    assert command.main(["--stack", "staging"]) == 2
    assert capfd.readouterr().err == (
        "sandbox: there is no Pulumi.staging.yaml; stack files are there for dev, prod-eu-2. "
        "docs/operations.md, Add an environment, says how to add one\n"
    )


@pytest.mark.parametrize("cli", ["plain"], indirect=True)
def test_a_stack_file_that_is_no_yaml_is_reported(cli: Path, repository: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (repository / "Pulumi.dev.yaml").write_text("config: [")
    for pack in PACKS:
        (repository / "policies" / pack / "dev.json").touch()
    assert command.main(["--stack", "dev"]) == 1
    assert "Pulumi.dev.yaml" in capfd.readouterr().err


@pytest.mark.parametrize("cli", ["plain"], indirect=True)
def test_a_workspace_of_another_program(cli: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_STACK", "prod")
    monkeypatch.setenv("STAND_IN_FAULTS", "create:1:fail")
    folder = tmp_path / "small"
    folder.mkdir()
    made = workspace.make(folder, {"Pulumi.yaml": "name: small\n", "__main__.py": "pass\n"})
    assert sorted(file.name for file in made.project.iterdir()) == [".venv", "Pulumi.yaml", "__main__.py", "policies"]
    assert made.environment["PULUMI_HOME"] == str(folder / "home")
    assert made.environment["STAND_IN_FAULTS"] == "create:1:fail"
    assert "PULUMI_STACK" not in made.environment
    plugin = folder / "plugin" / "pulumi-resource-aws"
    assert os.access(plugin, os.X_OK)
    assert calls(cli)[0].startswith("plugin install resource aws 7.")
    cloud = made.cloud()
    assert isinstance(cloud, Cloud)
    cloud.close()


def test_a_cell_has_the_profile_of_its_environment_unless_it_has_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "ROOT", tmp_path)
    folder = tmp_path / "policies" / "security"
    folder.mkdir(parents=True)
    (folder / "PulumiPolicy.yaml").write_text("runtime: python\n")
    missing = r"there is no profile for the stack prod-cell-2 \(looked for prod-cell-2\.json and prod\.json\)"
    with pytest.raises(command.FailedError, match=missing):
        command._profile("security", "prod-cell-2")
    (folder / "prod.json").touch()
    assert command._profile("security", "prod-cell-2") == "policies/security/prod.json"
    (folder / "prod-cell-2.json").touch()
    assert command._profile("security", "prod-cell-2") == "policies/security/prod-cell-2.json"
