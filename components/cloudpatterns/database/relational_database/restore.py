"""Where a new database gets its data: empty, from a snapshot, or from another database at a point in time."""

from collections.abc import Iterator
from typing import Any

from cloudpatterns.core import Problem, one_of
from cloudpatterns.database.relational_database.arguments import RelationalDatabaseArgs
from cloudpatterns.database.relational_database.engines import ENGINES

CREATION_INPUTS = ("databaseName", "dbName", "kmsKeyId", "restoreToPointInTime", "snapshotIdentifier")
"""Inputs that count at creation alone: a change would replace the database, and what is restored has its source's name and key."""


def content_inputs(checked: RelationalDatabaseArgs) -> dict[str, Any]:
    """Inputs of an instance or a cluster that say what is in it: its first names, or what it is restored from."""
    engine, restore = ENGINES[checked["engine"]], checked.get("restore_from")
    # Not sent with a restore, but compared with what the database has then.
    user = {"master_username" if engine.aurora else "username": checked["master_username"]}
    if restore is None:
        return {"database_name" if engine.aurora else "db_name": checked.get("database_name"), **user}
    # The name is the source's: https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_RestoreDBInstanceFromDBSnapshot.html
    snapshot, restore_time = restore.get("snapshot_identifier"), restore.get("restore_time")
    if snapshot is not None:
        return {"snapshot_identifier": snapshot, **user}
    identifier, resource_id, time = (
        ("source_cluster_identifier", "source_cluster_resource_id", "restore_to_time")
        if engine.aurora
        else ("source_db_instance_identifier", "source_dbi_resource_id", "restore_time")
    )
    source = {identifier: restore.get("source_identifier"), resource_id: restore.get("source_resource_id")}
    point = {"use_latest_restorable_time": True} if restore_time is None else {time: restore_time}
    return {"restore_to_point_in_time": {**{name: value for name, value in source.items() if value is not None}, **point}, **user}


def restore_problems(checked: RelationalDatabaseArgs) -> Iterator[Problem]:
    """What is wrong with ``restore_from``."""
    restore = checked.get("restore_from")
    if restore is None:
        return
    yield from one_of(restore, "snapshot_identifier", "source_identifier", "source_resource_id", path="restore_from.")
    if restore.get("snapshot_identifier") is not None and restore.get("restore_time") is not None:
        reason = f"is {restore['restore_time']!r}; a snapshot has the time at which it was taken. Remove it, or give a source."
        yield "restore_from.restore_time", reason
    resource_id, kind = restore.get("source_resource_id"), "cluster" if ENGINES[checked["engine"]].aurora else "db"
    if resource_id is not None and not resource_id.startswith(f"{kind}-"):
        yield "restore_from.source_resource_id", f"is {resource_id!r}; {checked['engine']} needs one that begins with {kind}-."
