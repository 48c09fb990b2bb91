"""A vault under a compliance lock outlives its stack: destroy is refused, and without protection leaves the vault and its key behind."""

import re

import pytest

from sandbox import workspace
from tests.engine.conftest import Engine
from tests.engine.programs import in_account, new_stack, small

PROGRAM = """
from cloudpatterns.storage import Snapshot

Snapshot(
    "backups",
    {
        "rules": {"daily": {"frequency": "daily", "retention_days": 30}},
        "selections": {"tagged": {"tags": {"Backup": "yes"}}},
        "lock": {"mode": "COMPLIANCE", "changeable_for_days": 3},
    },
)
"""
KEPT = {"backups-vault", "backups-vault-lock", "backups-vault-policy", "backups-vault-key", "backups-vault-key-policy"}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return workspace.make(tmp_path_factory.mktemp("snapshot"), small(PROGRAM))


def names(engine: Engine, stack: str) -> set[str]:
    return {urn.rpartition("::")[2] for urn, _ in in_account(engine, stack)}


def test_destroy_cannot_empty_a_vault_under_a_compliance_lock(engine: Engine) -> None:
    stack = new_stack(engine, "locked")
    done = engine.pulumi("up", "--stack", stack, "--yes", "--skip-preview")
    assert done.returncode == 0, done.stdout + done.stderr
    everything = names(engine, stack)
    refused = engine.pulumi("destroy", "--stack", stack, "--yes")
    assert refused.returncode != 0
    assert re.search("backups-vault(-lock)?.* cannot be deleted", refused.stdout + refused.stderr)
    assert names(engine, stack) == everything
    # Without a preview the plan and its roles go, and nothing of the vault.
    assert engine.pulumi("destroy", "--stack", stack, "--yes", "--skip-preview").returncode != 0
    assert names(engine, stack) == KEPT
    assert engine.pulumi("state", "unprotect", "--all", "--stack", stack, "--yes").returncode == 0
    done = engine.pulumi("destroy", "--stack", stack, "--yes", "--skip-preview")
    assert done.returncode == 0, done.stdout + done.stderr
    assert names(engine, stack) == KEPT
