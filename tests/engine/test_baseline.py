"""What a baseline records offline, the packs take as configuration on the real CLI: known findings pass there, a new one blocks."""

import json
import re
from pathlib import Path

import pytest
from offline_preview import baseline, cli

from sandbox import workspace
from sandbox.workspace import Workspace
from tests.engine.conftest import ROOT
from tests.engine.programs import new_stack, small

PACK = "policies/security"
BUCKETS = "import pulumi_aws as aws\nfor name in ('logs', 'images'):\n    aws.s3.Bucket(name)\n"
OPEN = """
group = aws.ec2.SecurityGroup("web", description="web servers", vpc_id="vpc-0a1b2c3d4e5f60718")
aws.vpc.SecurityGroupIngressRule(
    "ssh", security_group_id=group.id, ip_protocol="tcp", from_port=22, to_port=22, cidr_ipv4="0.0.0.0/0", description="in"
)
"""


@pytest.fixture
def project(tmp_path: Path) -> Workspace:
    """Two buckets with weaknesses of their own."""
    found = workspace.make(tmp_path, small(BUCKETS))
    new_stack(found, "prod")
    return found


def _preview(project: Workspace, profile: Path) -> tuple[int, set[str]]:
    """Exit code of the CLI, and the controls that block."""
    done = project.pulumi("preview", "--stack", "prod", "--policy-pack", PACK, "--policy-pack-config", str(profile))
    return done.returncode, set(re.findall(r"\[mandatory\]\s+\[severity: \w+\]\s+([\w-]+)", done.stdout + done.stderr))


def test_known_findings_pass_on_the_cli_and_a_new_one_blocks(
    project: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain, known, profile = ROOT / PACK / "prod.json", tmp_path / "baseline.json", tmp_path / "security.json"
    code, blocking = _preview(project, plain)
    assert code != 0
    assert blocking >= {"s3-bucket-public-access-blocked", "s3-kms"}
    offline = ("--project", str(project.project), "--policy-pack", str(ROOT / PACK), "--policy-pack-config", str(plain))
    assert cli.main([*offline, "--as", "preview", "--write-baseline", str(known)]) == 0
    capsys.readouterr()
    assert baseline.main([str(known), "prod", "cloudpatterns-security", str(plain)]) == 0
    profile.write_text(capsys.readouterr().out)
    assert len(json.loads(profile.read_text())["baseline"]["entries"]) >= 4
    assert _preview(project, profile) == (0, set())
    (project.project / "__main__.py").write_text(BUCKETS + OPEN)
    code, blocking = _preview(project, profile)
    assert code != 0
    assert "security-group-ssh" in blocking
    assert not any(name.startswith("s3-") for name in blocking)
