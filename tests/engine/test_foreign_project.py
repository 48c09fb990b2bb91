"""`python -m sandbox --project DIR` on the real CLI: a program that is not ours, and stays as it is."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine.conftest import ROOT

PROGRAM = """
import pulumi
import pulumi_aws as aws

config = pulumi.Config()
image = aws.ec2.get_ami(most_recent=True, owners=["amazon"])
web = aws.ec2.SecurityGroup("web", description="Web servers")
server = aws.ec2.Instance(
    "server",
    ami=image.id,
    instance_type="t3.micro",
    vpc_security_group_ids=[web.id],
    disable_api_termination=True,
    opts=pulumi.ResourceOptions(protect=True),
)
aws.ssm.Parameter("password", type="SecureString", value=config.require_secret("password"))
pulumi.export("address", server.private_ip)
"""
STACK = "encryptionsalt: v1:AQID=:v1:x\nconfig:\n  aws:region: eu-central-1\n  shop:password:\n    secure: v1:YQ==\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n", encoding="utf-8")
    (tmp_path / "Pulumi.qa.yaml").write_text(STACK, encoding="utf-8")
    (tmp_path / "__main__.py").write_text(PROGRAM, encoding="utf-8")
    return tmp_path


def sandbox(project: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sandbox", "--project", str(project), *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)


def test_a_foreign_program_is_deployed_and_destroyed_and_stays_as_it_is(project: Path) -> None:
    before = {file: file.read_bytes() for file in project.iterdir()}
    done = sandbox(project)
    assert done.returncode == 0, done.stdout + done.stderr
    notes = [line.removeprefix("  note: ") for line in done.stdout.splitlines() if line.startswith("  note: ")]
    assert notes == [
        "Pulumi.qa.yaml: the sandbox cannot decrypt shop:password and deploys a placeholder instead",
        "no account was asked, so these results are invented: aws.ec2.getAmi",
        "deletion protection is switched off in the account, as by hand: server",
    ]
    verdict = r"qa  3 resources: up, second up without changes, destroy left nothing  \(\d+ s\)"
    assert re.fullmatch(verdict, done.stdout.splitlines()[-1])
    assert {file: file.read_bytes() for file in project.iterdir()} == before


def test_packs_judge_it_and_what_the_stand_in_cannot_do_is_told(project: Path) -> None:
    open_ = 'aws.vpc.SecurityGroupIngressRule("ssh", security_group_id=web.id, cidr_ipv4="0.0.0.0/0", ip_protocol="-1")\n'
    (project / "__main__.py").write_text(PROGRAM + open_, encoding="utf-8")
    judged = sandbox(project, "--policy-pack", "security", "--profile", "prod")
    assert judged.returncode == 1
    assert "[mandatory]" in judged.stderr
    assert "note:" not in judged.stderr
    assert judged.stderr.endswith("`pulumi up` ended with 1\nqa  FAILED\n")
    other = 'pulumi.StackReference("organization/network/qa").require_output("vpc")\n'
    (project / "__main__.py").write_text(PROGRAM + other, encoding="utf-8")
    alone = sandbox(project)
    assert alone.returncode == 1
    assert "\nhint: the sandbox has no other stacks, so a StackReference finds none\n" in alone.stderr
