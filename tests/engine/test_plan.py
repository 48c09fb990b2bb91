"""What was approved is what is applied: a plan of the CLI, compared by the script of the workflow, and held to by the update."""

import subprocess
import sys
from pathlib import Path

import pytest

from sandbox import workspace
from tests.engine.conftest import ROOT, Engine
from tests.engine.programs import in_account, new_stack, small

CANARY = "Canary-51b0c7d9e3-sings"
PROGRAM = """
import pulumi
import pulumi_aws as aws

topic = aws.sns.Topic("news")
aws.ssm.Parameter("key", type="SecureString", value=pulumi.Config().require_secret("canary"))
aws.ssm.Parameter("where", type="String", value=topic.arn, description="of the news")
"""
OTHER = PROGRAM.replace("of the news", "of anything else")
MORE = PROGRAM + 'aws.sqs.Queue("more")\n'


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """A stack that is not yet deployed."""
    found = workspace.make(tmp_path_factory.mktemp("plan"), small(PROGRAM))
    done(found, "config", "set", "--secret", "canary", CANARY, "--stack", new_stack(found, "prod"))
    return found


def done(engine: Engine, *arguments: str) -> str:
    made = engine.pulumi(*arguments)
    assert made.returncode == 0, made.stdout + made.stderr
    return made.stdout


def plan(engine: Engine, name: str) -> Path:
    file = engine.project.parent / name
    done(engine, "preview", "--stack", "prod", "--save-plan", str(file))
    return file


def compared(approved: Path, now: Path) -> tuple[int, str]:
    command = [sys.executable, str(ROOT / ".github" / "plan.py"), str(approved), str(now)]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    return made.returncode, made.stdout + made.stderr


UPDATE = ("up", "--yes", "--skip-preview", "--stack", "prod", "--plan")


def test_the_approved_plan_is_applied_and_no_other(engine: Engine) -> None:
    approved, again = plan(engine, "approved"), plan(engine, "again")
    assert approved.read_text() != again.read_text()
    assert compared(approved, again) == (0, "The update is the approved one.\n")
    assert CANARY not in approved.read_text()
    done(engine, *UPDATE, str(approved))
    assert {urn.rpartition("::")[2] for urn, _ in in_account(engine, "prod")} == {"news", "key", "where"}

    approved = plan(engine, "approved")
    for changed, said in ((OTHER, "Parameter::where: approved was same, it would be update"), (MORE, "Queue::more: approved was nothing")):
        (engine.project / "__main__.py").write_text(changed)
        code, told = compared(approved, plan(engine, "now"))
        assert (code, said in told, "::error::The update differs from the approved plan in 1 resources" in told) == (1, True, True)
        # And by the CLI itself, where somebody changes the stack between the comparison and the update.
        refused = engine.pulumi(*UPDATE, str(approved))
        assert (refused.returncode == 0, "plan" in refused.stdout + refused.stderr) == (False, True)
