"""A database that is restored: its source counts at creation alone, and one that is deleted in AWS is created from its source again."""

import sqlite3
from contextlib import closing
from typing import Any

import pytest

from sandbox import workspace
from tests.engine.conftest import Engine
from tests.engine.programs import new_stack, small, state, steps
from tests.engine.test_database_upgrade import DATABASE, PROGRAM, call, up

SNAPSHOT: dict[str, Any] = {"restore_from": {"snapshot_identifier": "orders-final"}}
POINT: dict[str, Any] = {"restore_from": {"source_resource_id": "db-ABC", "restore_time": "2027-01-31T03:00:00Z"}}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return workspace.make(tmp_path_factory.mktemp("restore"), small(PROGRAM))


def instance(engine: Engine, stack: str) -> dict[str, Any]:
    [found] = [one for one in state(engine, stack)["resources"] if one["urn"].endswith("::db-instance")]
    return found


def test_a_database_is_restored_once(engine: Engine) -> None:
    stack = new_stack(engine, "once")
    up(engine, stack, {**DATABASE, **SNAPSHOT})
    assert instance(engine, stack)["inputs"]["snapshotIdentifier"] == "orders-final"
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
    inputs = instance(engine, stack)["inputs"]
    assert inputs["restoreToPointInTime"] == {"sourceDbiResourceId": "db-ABC", "restoreTime": "2027-01-31T03:00:00Z"}
    assert "snapshotIdentifier" not in inputs
