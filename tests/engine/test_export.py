"""A stack that the real engine has made is judged from its export as its program is."""

import json
import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest
from offline_preview import cli

from tests.engine.conftest import ROOT, Engine

STACK = "exported"
PACK = ROOT / "policies" / "security"
PROFILE = PACK / "dev.json"


@pytest.fixture(scope="module")
def export(engine: Engine) -> Path:
    """The export of a stack of its own with the settings of dev, after ``pulumi up``."""
    shutil.copy(ROOT / "Pulumi.dev.yaml", engine.project / f"Pulumi.{STACK}.yaml")
    file = engine.project / "export.json"
    for command in (
        ("stack", "init", STACK),
        ("up", "--stack", STACK, "--yes"),
        ("stack", "export", "--stack", STACK, "--file", str(file)),
    ):
        done = engine.pulumi(*command)
        assert done.returncode == 0, done.stdout + done.stderr
    return file


def _offline(report: Path, *arguments: str) -> tuple[int, list[dict[str, str]]]:
    code = cli.main([*arguments, "--policy-pack", str(PACK), "--policy-pack-config", str(PROFILE), "--json", str(report)])
    return code, json.loads(report.read_text())["findings"]


def _sorted(findings: Iterable[dict[str, str]], *keys: str) -> list[tuple[str, ...]]:
    return sorted(tuple(finding[key] for key in keys) for finding in findings)


def test_an_export_and_its_program_have_the_same_findings(export: Path, tmp_path: Path) -> None:
    code, found = _offline(tmp_path / "state.json", "--state", str(export))
    program = ("--project", str(ROOT), "--config-file", str(export.with_name(f"Pulumi.{STACK}.yaml")))
    program_code, expected = _offline(tmp_path / "program.json", *program)
    keys = ("control", "verdict", "level", "severity", "urn", "message")
    assert _sorted(found, *keys) == _sorted(expected, *keys)
    assert found
    assert code == program_code


def test_an_export_that_was_broken_has_the_findings_that_the_cli_has(
    engine: Engine, export: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of an export the CLI tells the packs no project, so that they know no language: the same here, away from this project's folder.
    monkeypatch.setenv("PWD", str(tmp_path))
    if "analyze" not in engine.pulumi("policy", "--help").stdout:
        pytest.skip("this Pulumi CLI has no `pulumi policy analyze` to compare with")
    data = json.loads(export.read_text())
    for resource in data["deployment"]["resources"]:
        for values in (resource.get("inputs", {}), resource.get("outputs", {})):
            if resource["type"] == "aws:rds/instance:Instance":
                values.update(publiclyAccessible=True, storageEncrypted=False)
            elif resource["type"] == "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule":
                values.update(cidrIpv4="0.0.0.0/0")
    broken = tmp_path / "broken.json"
    broken.write_text(json.dumps(data))
    code, found = _offline(tmp_path / "state.json", "--state", str(broken))
    packs = ("--policy-pack", str(PACK), "--policy-pack-config", str(PROFILE))
    analysis = engine.pulumi("policy", "analyze", "--file", str(broken), *packs, "--json")
    events = [json.loads(line) for line in analysis.stdout.splitlines() if line.startswith("{")]
    expected = [event["policyEvent"] for event in events if "policyEvent" in event]
    assert _sorted(found, "control", "level", "severity", "urn", "message") == _sorted(
        expected, "policyName", "enforcementLevel", "severity", "resourceUrn", "message"
    )
    assert {"rds-private", "rds-encrypted"} <= {finding["control"] for finding in found}
    assert (code, analysis.returncode) == (1, 1)
