"""A canary, put in as secret configuration and into secret inputs, is in no file that a deployment writes and in nothing that it prints."""

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from offline_preview import cli

from sandbox import workspace
from tests.engine.conftest import ROOT, Engine
from tests.engine.programs import in_account, in_state, new_stack, small

CANARY = "Canary-7f3a91c4e2b8-sings"
STACK = "canary"
TIMEOUT = 600
PACKS = [
    part for pack in workspace.PACKS for part in ("--policy-pack", f"policies/{pack}", "--policy-pack-config", f"policies/{pack}/dev.json")
]

# Our components that take secrets, resources of the SDK that do, and a mistake in each: findings talk of the resources that hold it.
PROGRAM = """
import pulumi
import pulumi_aws as aws
from cloudpatterns.database import InMemoryCache
from cloudpatterns.security import SecretsVault

canary = pulumi.Config().require_secret("canary")
vault = SecretsVault("vault", {"secrets": {"api": {"description": "Key of a partner", "value": canary}}})
cache = InMemoryCache(
    "cache",
    {
        "node_type": "cache.t4g.micro",
        "replicas": 0,
        "subnet_ids_by_zone": {"eu-west-1a": "subnet-0a", "eu-west-1b": "subnet-0b"},
        "security_group_ids": ["sg-0a"],
        "password": {"value": canary},
    },
)
aws.rds.Instance(
    "database",
    engine="mysql",
    instance_class="db.t4g.micro",
    allocated_storage=20,
    username="admin",
    password=canary,
    publicly_accessible=True,
    skip_final_snapshot=True,
)
aws.ssm.Parameter("parameter", type="SecureString", value=canary)
aws.lambda_.Function("function", role="arn:aws:iam::123456789012:role/f", environment={"variables": {"KEY": canary}})
pulumi.export("canary", canary)
"""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """A stack that holds the canary, not yet deployed."""
    found = workspace.make(tmp_path_factory.mktemp("secrets"), small(PROGRAM))
    new_stack(found, STACK)
    _printed(found, "config", "set", "--secret", "canary", CANARY)
    return found


def _printed(engine: Engine, *arguments: str, code: int = 0) -> str:
    done = engine.pulumi(*arguments, "--stack", STACK, timeout=TIMEOUT)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def _files(folder: Path) -> dict[str, bytes]:
    """What the CLI and the stand-in have written; the copy of the packs and the virtual environment apart."""
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and not {".venv", "policies", "plugin", "plugins"} & set(file.relative_to(folder).parts)
    }


def _holding(found: dict[str, bytes]) -> list[str]:
    """Names of the texts that have the canary, as it is or in base64."""
    # In base64 a text has three forms, by where it starts; its ends depend on its neighbours.
    shifted = [base64.b64encode(b" " * shift + CANARY.encode())[4:-4] for shift in range(3)]
    return sorted(name for name, text in found.items() if any(form in text for form in (CANARY.encode(), *shifted)))


def test_no_file_and_no_output_of_a_deployment_holds_a_secret(engine: Engine, figures: Callable[[str], None]) -> None:
    printed = {
        "preview": _printed(engine, "preview"),
        "preview --json": _printed(engine, "preview", "--json"),
        "preview with the packs": _printed(engine, "preview", *PACKS, code=1),
        # The most that the engine logs without values: from level 9 on it writes every property of every call, secrets too.
        "up with logs": _printed(engine, "up", "--yes", "-v=8", "--logtostderr"),
        "second up": _printed(engine, "up", "--yes"),
        "refresh": _printed(engine, "refresh", "--yes"),
        "stack output --json": _printed(engine, "stack", "output", "--json"),
        "stack export": _printed(engine, "stack", "export"),
        "config": _printed(engine, "config"),
    }
    assert "RegisterResource" in printed["up with logs"]
    assert "rds-private" in printed["preview with the packs"]
    assert in_account(engine, STACK) == in_state(engine, STACK) != []
    files = _files(engine.project.parent)
    assert any("stacks" in name for name in files)
    assert _holding({name: text.encode() for name, text in printed.items()}) == []
    assert _holding(files) == []
    # The search finds it where it must be: the value is there, behind the passphrase.
    assert _holding({"shown": _printed(engine, "stack", "output", "--show-secrets", "--json").encode()}) == ["shown"]
    figures(f"canary: not in {len(files)} files of state, home and account, nor in {len(printed)} outputs of the CLI")


def test_no_report_of_the_offline_preview_holds_a_secret(
    engine: Engine, tmp_path: Path, capfd: pytest.CaptureFixture[str], figures: Callable[[str], None]
) -> None:
    reports = [f"--{form}={tmp_path / form}" for form in ("json", "sarif", "junit")]
    packs = [str(ROOT / part) if part.startswith("policies") else part for part in PACKS]
    code = cli.main(["--project", str(engine.project), "--stack", STACK, "--set", f"small:canary={CANARY}", *packs, *reports, "--debug"])
    captured = capfd.readouterr()
    assert code == 1, captured.err
    found = {file.name: file.read_bytes() for file in tmp_path.iterdir()} | {"printed": captured.out.encode() + captured.err.encode()}
    assert b"rds-private" in found["json"]
    resources = json.loads(found["json"])["resources"]
    database = next(one for one in resources if one["name"] == "database")
    assert database["inputs"]["password"] == "[secret]"
    assert _holding(found) == []
    figures(f"canary: not in {len(found)} reports of the offline preview")
