"""Packs in a clone that was never set up, and on the state of a stack: `pulumi policy analyze`."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sandbox import workspace
from sandbox.workspace import ROOT, Workspace
from tests.engine.programs import new_stack, small

LIMIT_SECONDS = 60
PROGRAM = """
import pulumi_aws as aws

group = aws.ec2.SecurityGroup("web", vpc_id="vpc-0123456789abcdef0", description="Web servers")
aws.vpc.SecurityGroupIngressRule(
    "ssh", security_group_id=group.id, cidr_ipv4="0.0.0.0/0", ip_protocol="tcp", from_port=22, to_port=22, description="SSH"
)
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    made = workspace.make(tmp_path_factory.mktemp("anywhere"), small(PROGRAM))
    new_stack(made, "dev")
    return made


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What git has of the packs, and no environment."""
    folder = tmp_path_factory.mktemp("fresh") / "clone"
    shutil.copytree(ROOT / "policies", folder / "policies", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info", "build"))
    return folder


@pytest.fixture
def bare(tmp_path: Path) -> str:
    """A Python without any packages."""
    python = tmp_path / "python3"
    python.write_text(f"#!{sys.executable}\nimport os, sys\nos.execv({sys.executable!r}, [{sys.executable!r}, '-S', *sys.argv[1:]])\n")
    python.chmod(0o755)
    return str(python)


@pytest.mark.parametrize("attempt", range(3))
@pytest.mark.parametrize("pack", workspace.PACKS)
def test_a_fresh_clone_ends_with_a_message(pack: str, attempt: int, found: Workspace, clone: Path, bare: str) -> None:
    """Several times: without the launcher the CLI either hangs or says `connection refused`."""
    started = time.monotonic()
    run = found.pulumi(
        *("preview", "--stack", "dev", "--policy-pack", str(clone / "policies" / pack)), timeout=LIMIT_SECONDS, PULUMI_PYTHON_CMD=bare
    )
    assert run.returncode != 0, attempt
    told = (
        f"the policy packs cannot start: {clone}/.venv is missing or not complete. Remedy: run `make preview` once in {clone}, or install"
    )
    assert told in run.stdout + run.stderr
    assert time.monotonic() - started < LIMIT_SECONDS
    assert not [file for file in (found.project.parent / "state").rglob("locks/**/*") if file.is_file()]


def test_the_state_of_a_stack_is_analyzed(found: Workspace) -> None:
    assert found.pulumi("up", "--stack", "dev", "--yes", "--skip-preview").returncode == 0
    packs = [
        part
        for pack in workspace.PACKS
        for part in ("--policy-pack", f"policies/{pack}", "--policy-pack-config", f"policies/{pack}/prod.json")
    ]
    run = found.pulumi("policy", "analyze", "--stack", "dev", *packs, "--json")
    assert run.returncode != 0
    assert "one or more mandatory policy violations were found" in run.stderr
    events = [event["policyEvent"] for line in run.stdout.splitlines() if "policyEvent" in (event := json.loads(line))]
    online = {(event["policyName"], event.get("resourceUrn", "")) for event in events if event["enforcementLevel"] == "mandatory"}
    assert any(name == "no-open-admin-ports" or "ssh" in urn for name, urn in online), online
    # The export of the same stack, judged by the same packs offline.
    export = found.project / "export.json"
    export.write_text(found.pulumi("stack", "export", "--stack", "dev").stdout, encoding="utf-8")
    offline = subprocess.run(
        [sys.executable, "-m", "offline_preview", "--state", export.name, "--profile", "prod", "--json", "-"],
        cwd=found.project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert offline.returncode == 1, offline.stderr
    stack = json.loads(offline.stdout)
    wanted = {(finding["control"], finding.get("urn") or "") for finding in stack["findings"] if finding["level"] == "mandatory"}
    assert {name for name, _urn in online} == {name for name, _urn in wanted}
    file = found.pulumi("policy", "analyze", "--file", export.name, *packs)
    assert file.returncode != 0
    assert "one or more mandatory policy violations were found" in file.stdout + file.stderr
