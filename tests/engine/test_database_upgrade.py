"""Upgrades of a database to another major version: refused in a preview with the way to do it, and done in one update.

The stand-in refuses, as AWS does, to delete a parameter group that an instance still uses.
"""

import json
from typing import Any

import pytest

from sandbox import workspace
from tests.engine.conftest import Engine
from tests.engine.programs import in_account, new_stack, small, steps

PROGRAM = """
import json
import pathlib

import pulumi
from cloudpatterns.database import RelationalDatabase

RelationalDatabase("db", json.loads(pathlib.Path("arguments.json").read_text()))
"""
DATABASE: dict[str, Any] = {
    "engine": "mysql",
    "engine_version": "8.4",
    "instance_class": "db.m7g.large",
    "allocated_storage_gib": 20,
    "subnet_ids_by_zone": {"eu-west-1a": "subnet-0a", "eu-west-1b": "subnet-0b"},
    "security_group_ids": ["sg-0a"],
    "kms_key_arn": "arn:aws:kms:eu-west-1:123456789012:key/a",
}
AURORA = {**DATABASE, "engine": "aurora-postgresql", "engine_version": "16", "allocated_storage_gib": None}
REPLICA = {
    "password": {"value": "first-Password", "rotation_function_arn": "arn:aws:lambda:eu-west-1:123456789012:function:rotate"},
    "replica": {
        "region": "eu-central-1",
        "subnet_ids_by_zone": {"eu-central-1a": "subnet-0x", "eu-central-1b": "subnet-0y"},
        "security_group_ids": ["sg-0x"],
        "kms_key_arn": "arn:aws:kms:eu-central-1:123456789012:key/b",
    },
}
UPGRADE = {"allow_major_version_upgrade": True, "apply_immediately": True}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return workspace.make(tmp_path_factory.mktemp("upgrade"), small(PROGRAM))


def call(engine: Engine, stack: str, arguments: dict[str, Any], *command: str) -> tuple[int, str]:
    (engine.project / "arguments.json").write_text(json.dumps(arguments), encoding="utf-8")
    done = engine.pulumi(*command, "--stack", stack)
    return done.returncode, done.stdout + done.stderr


def up(engine: Engine, stack: str, arguments: dict[str, Any]) -> None:
    code, text = call(engine, stack, arguments, "up", "--yes", "--skip-preview")
    assert code == 0, text


def refused(engine: Engine, stack: str, arguments: dict[str, Any]) -> str:
    """The error of a preview, which has changed nothing."""
    code, text = call(engine, stack, arguments, "preview")
    assert code != 0, text
    return next(line for line in text.splitlines() if "another major version" in line)


@pytest.mark.parametrize(
    ("stack", "database", "version", "store"), [("mysql", DATABASE, "9.7", "db-instance"), ("aurora", AURORA, "17", "db-cluster")]
)
def test_an_upgrade_is_refused_in_a_preview_or_done_in_one_update(
    engine: Engine, stack: str, database: dict[str, Any], version: str, store: str
) -> None:
    new_stack(engine, stack)
    up(engine, stack, database)
    error = refused(engine, stack, {**database, "engine_version": version})
    assert f"{store} would be upgraded from version {database['engine_version']} to {version}, another major version: set allow_" in error
    upgraded = {**database, "engine_version": version, **UPGRADE}
    code, text = call(engine, stack, upgraded, "preview", "--json")
    assert code == 0, text
    assert steps(text) == {
        "replace": {"db-parameters"},
        "update": {store} | ({"db-eu-west-1a", "db-eu-west-1b"} if stack == "aurora" else set()),
    }
    up(engine, stack, upgraded)
    # Of the group of the old family nothing is left, and a minor version is no upgrade of this kind.
    groups = [name for urn, name in in_account(engine, stack) if urn.endswith("::db-parameters")]
    assert len(groups) == 1
    code, text = call(engine, stack, {**database, "engine_version": f"{version}.1"}, "preview")
    assert code == 0, text


def test_a_replica_of_mysql_is_upgraded_first(engine: Engine) -> None:
    stack, database = new_stack(engine, "replica"), {**DATABASE, **REPLICA}
    up(engine, stack, database)
    first = {**database, **UPGRADE, "replica": {**REPLICA["replica"], "engine_version": "9.7"}}
    assert "Set replica.engine_version to '9.7' and keep engine_version '8.4'" in refused(
        engine, stack, {**database, **UPGRADE, "engine_version": "9.7"}
    )
    up(engine, stack, first)
    up(engine, stack, {**first, "engine_version": "9.7"})
    code, text = call(engine, stack, {**database, "engine_version": "9.7"}, "preview", "--json")
    assert code == 0, text
    assert steps(text).keys() <= {"update"}
