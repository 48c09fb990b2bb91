"""A database that is restored beside the one that runs, and switched to, as docs/operations.md describes it.

The one that runs changes in no step, until it is removed.
"""

from typing import Any

import pytest

from sandbox import workspace
from tests.engine.conftest import Engine
from tests.engine.programs import in_account, new_stack, small, steps
from tests.engine.test_database_upgrade import AURORA, DATABASE, call, up

PROGRAM = """
import json
import pathlib

import pulumi
import pulumi_aws as aws
from cloudpatterns.database import RelationalDatabase

given = json.loads(pathlib.Path("arguments.json").read_text())
databases = {}
for name, arguments in given["databases"].items():
    databases[name] = RelationalDatabase(name, arguments)
if given["snapshot"] == "instance":
    aws.rds.Snapshot("before", db_instance_identifier=databases["orders"].instance_id, db_snapshot_identifier="orders-before")
if given["snapshot"] == "cluster":
    aws.rds.ClusterSnapshot("before", db_cluster_identifier=databases["orders"].instance_id, db_cluster_snapshot_identifier="orders-before")
aws.ssm.Parameter("endpoint", type="String", value=databases[given["active"]].endpoint)
"""
RESTORE = {"restore_from": {"snapshot_identifier": "orders-before"}}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return workspace.make(tmp_path_factory.mktemp("switch"), small(PROGRAM))


def step(engine: Engine, stack: str, arguments: dict[str, Any]) -> dict[str, set[str]]:
    """What an update does: shown by its preview, then done, and nothing is left to do."""
    code, text = call(engine, stack, arguments, "preview", "--json")
    assert code == 0, text
    up(engine, stack, arguments)
    code, again = call(engine, stack, arguments, "preview", "--expect-no-changes")
    assert code == 0, again
    return steps(text)


@pytest.mark.parametrize(("stack", "database", "kind"), [("mysql", DATABASE, "instance"), ("aurora", AURORA, "cluster")])
def test_a_restored_database_takes_over_without_a_change_of_the_one_that_runs(
    engine: Engine, stack: str, database: dict[str, Any], kind: str
) -> None:
    new_stack(engine, stack)
    running: dict[str, Any] = {"databases": {"orders": database}, "active": "orders", "snapshot": ""}
    up(engine, stack, running)
    assert step(engine, stack, {**running, "snapshot": kind}) == {"create": {"before"}}
    # Beside: new resources alone.
    both = {**running, "snapshot": kind, "databases": {"orders": database, "orders-restored": {**database, **RESTORE}}}
    beside = step(engine, stack, both)
    assert set(beside) == {"create"}
    assert all(name.startswith("orders-restored") for name in beside["create"])
    store = f"orders-restored-{kind}"
    [inputs] = [one["inputs"] for one in engine.resources(stack) if one["urn"].endswith(f"::{store}")]
    assert inputs["snapshotIdentifier"] == "orders-before"
    # The switch.
    assert step(engine, stack, {**both, "active": "orders-restored"}) == {"update": {"endpoint"}}
    # The old one goes; it is protected until then.
    loose = {**both, "active": "orders-restored", "databases": {**both["databases"], "orders": {**database, "deletion_protection": False}}}
    step(engine, stack, loose)
    alone = {"databases": {"orders-restored": {**database, **RESTORE}}, "active": "orders-restored", "snapshot": ""}
    gone = step(engine, stack, alone)
    assert set(gone) == {"delete"}
    assert not any(name.startswith("orders-restored") for name in gone["delete"])
    # The source of the restore counts no longer.
    up(engine, stack, {**alone, "databases": {"orders-restored": {**database, "deletion_protection": False}}})
    assert f"::{store}" in "".join(urn for urn, _ in in_account(engine, stack))
    done = engine.pulumi("destroy", "--stack", stack, "--yes", "--skip-preview")
    assert done.returncode == 0, done.stdout + done.stderr
    assert in_account(engine, stack) == []
