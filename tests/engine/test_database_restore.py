"""A database that is restored: its source counts at creation alone, and one that is deleted in AWS is created from its source again."""

import sqlite3
from contextlib import closing
from typing import Any

import pytest

from sandbox import workspace
from tests.engine.conftest import Engine
from tests.engine.programs import new_stack, small, state, steps
from tests.engine.test_database_upgrade import AURORA, DATABASE, PROGRAM, call, up

SNAPSHOT: dict[str, Any] = {"restore_from": {"snapshot_identifier": "orders-final"}}
POINT: dict[str, Any] = {"restore_from": {"source_resource_id": "db-ABC", "restore_time": "2027-01-31T03:00:00Z"}}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return workspace.make(tmp_path_factory.mktemp("restore"), small(PROGRAM))


CLUSTER = ("db-cluster", "db-eu-west-1a", "db-eu-west-1b")


def store(engine: Engine, stack: str, name: str = "db-instance") -> dict[str, Any]:
    [found] = [one for one in state(engine, stack)["resources"] if one["urn"].endswith(f"::{name}")]
    return found


def test_a_database_is_restored_once(engine: Engine) -> None:
    stack = new_stack(engine, "once")
    up(engine, stack, {**DATABASE, **SNAPSHOT})
    assert store(engine, stack)["inputs"]["snapshotIdentifier"] == "orders-final"
    # Another source; none, with a name and another key.
    other = {"database_name": "orders", "kms_key_arn": "arn:aws:kms:eu-west-1:123456789012:key/other"}
    for arguments in ({**DATABASE, **POINT}, {**DATABASE, **other}):
        code, text = call(engine, stack, arguments, "preview", "--json")
        assert code == 0, text
        assert steps(text).keys() <= {"update"}
    # Deleted in AWS, it leaves the state, protected as it is, and is created from the new source.
    with closing(sqlite3.connect(engine.account)) as account, account:
        assert account.execute("delete from resources where urn like '%::db-instance'").rowcount == 1
    code, text = call(engine, stack, {**DATABASE, **POINT}, "refresh", "--yes", "--skip-preview")
    assert code == 0, text
    up(engine, stack, {**DATABASE, **POINT})
    inputs = store(engine, stack)["inputs"]
    assert inputs["restoreToPointInTime"] == {"sourceDbiResourceId": "db-ABC", "restoreTime": "2027-01-31T03:00:00Z"}
    assert "snapshotIdentifier" not in inputs


def test_a_cluster_of_aurora_is_restored_to_a_point_in_time_under_its_name(engine: Engine) -> None:
    """As docs/operations.md describes it: cluster and instances are deleted in AWS, and come back from the kept backups."""
    stack = new_stack(engine, "aurora")
    point = {"restore_from": {"source_resource_id": "cluster-ABC", "restore_time": "2027-01-31T03:00:00Z"}}
    up(engine, stack, AURORA)
    before = store(engine, stack, "db-cluster")
    with closing(sqlite3.connect(engine.account)) as account, account:
        place = f"urn:pulumi:{stack}::%"
        found = [account.execute("delete from resources where urn like ?", (f"{place}::{name}",)).rowcount for name in CLUSTER]
    assert found == [1, 1, 1]
    code, text = call(engine, stack, {**AURORA, **point}, "refresh", "--yes", "--skip-preview")
    assert code == 0, text
    code, text = call(engine, stack, {**AURORA, **point}, "preview", "--json")
    assert code == 0, text
    # Nothing else is replaced: groups, key and logs stay.
    assert steps(text)["create"] == {"db-cluster", "db-eu-west-1a", "db-eu-west-1b"}
    assert steps(text).keys() <= {"create", "update"}
    up(engine, stack, {**AURORA, **point})
    after = store(engine, stack, "db-cluster")
    assert after["inputs"]["restoreToPointInTime"] == {"sourceClusterResourceId": "cluster-ABC", "restoreToTime": "2027-01-31T03:00:00Z"}
    # The applications' address has the same name in it.
    assert after["inputs"]["clusterIdentifier"] == before["inputs"]["clusterIdentifier"]
    code, text = call(engine, stack, AURORA, "preview", "--json")
    assert code == 0, text
    assert steps(text).keys() <= {"update"}
