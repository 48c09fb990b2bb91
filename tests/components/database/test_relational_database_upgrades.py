from collections.abc import Callable, Mapping
from typing import Any

import pulumi
import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.database import RelationalDatabase

from tests.components.database.stores import AURORA, DATABASE, PASSWORD, REPLICA
from tests.components.database.stores import database as make
from tests.harness import record, refs

Hooks = Mapping[str, Callable[[pulumi.ResourceHookArgs], None]]
UPGRADE: Any = {"allow_major_version_upgrade": True, "apply_immediately": True}
POSTGRES: Any = {**DATABASE, "engine": "postgres", "engine_version": "17"}


@pytest.fixture
def hooks(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Hooks]:
    """The hooks that a database registers, by name; all of them run in a preview too."""

    def registered(base: Any, **changes: Any) -> Hooks:
        found: dict[str, Any] = {}
        original = pulumi.ResourceHook.__init__

        def note(self: Any, name: str, func: Any, opts: pulumi.ResourceHookOptions) -> None:
            assert opts.on_dry_run
            found[name] = func
            original(self, name, func, opts)

        with monkeypatch.context() as patch:
            patch.setattr(pulumi.ResourceHook, "__init__", note)
            record(lambda: RelationalDatabase("db", {**base, **changes}))
        return found

    return registered


def updated(old: str | None, new: str | None) -> pulumi.ResourceHookArgs:
    inputs = [{} if version is None else {"engineVersion": version} for version in (old, new)]
    return pulumi.ResourceHookArgs("urn", "id", "db", "type", old_inputs=inputs[0], new_inputs=inputs[1])


def refusal(hook: Any, old: str | None, new: str | None) -> str | None:
    try:
        hook(updated(old, new))
    except ValueError as error:
        return str(error)
    return None


@pytest.mark.parametrize(
    ("base", "store", "old", "new"),
    [(DATABASE, "db-instance", "8.4", "9.7"), (POSTGRES, "db-instance", "16.4", "17"), (AURORA, "db-cluster", "15", "16")],
)
def test_another_major_version_is_refused_with_the_way_to_it(hooks: Any, base: Any, store: str, old: str, new: str) -> None:
    assert refusal(hooks(base)[f"{store}-upgrade"], old, new) == (
        f"{store} would be upgraded from version {old} to {new}, another major version: set allow_major_version_upgrade and "
        "apply_immediately to true for this update; the database is down while it is upgraded."
    )
    assert refusal(hooks(base, **UPGRADE)[f"{store}-upgrade"], old, new) is None


@pytest.mark.parametrize(("old", "new"), [("8.4", "8.4.6"), ("8.4.5", "8.4"), ("8.4", "8.4"), (None, "8.4"), ("8.4", None)])
def test_a_minor_version_is_no_such_upgrade(hooks: Any, old: str | None, new: str | None) -> None:
    assert refusal(hooks(DATABASE)["db-instance-upgrade"], old, new) is None


def test_an_upgrade_in_the_maintenance_window_is_refused() -> None:
    with pytest.raises(ArgumentError) as caught:
        make(allow_major_version_upgrade=True)
    assert caught.value.problems == [
        (
            "apply_immediately",
            "is missing; allow_major_version_upgrade needs it: RDS would upgrade in the maintenance window, and every update until then "
            "fails at the old parameter group. Give it, or remove allow_major_version_upgrade.",
        )
    ]


def test_the_parameter_group_is_that_of_the_version() -> None:
    graph = make(engine_version="9.7", **UPGRADE)
    instance, group = graph.one("aws:rds/instance:Instance"), graph.one("aws:rds/parameterGroup:ParameterGroup")
    assert (group.inputs["family"], instance.inputs["engineVersion"]) == ("mysql9.7", "9.7")
    assert refs(graph, instance, "parameterGroupName") == ["orders-parameters"]
    # The new group is there before the instance changes, and the old one goes last.
    assert not group.options.get("deleteBeforeReplace")
    assert "name" not in group.inputs


def test_a_replica_of_mysql_is_upgraded_in_an_update_of_its_own(hooks: Any) -> None:
    base = {**DATABASE, **PASSWORD, **REPLICA, **UPGRADE}
    ready = {**base, "replica": {**REPLICA["replica"], "engine_version": "9.7"}}
    text = "another major version: the replica is upgraded first. Set replica.engine_version to '9.7' and keep engine_version '8.4' in this"
    assert text in (refusal(hooks(base)["db-instance-upgrade"], "8.4", "9.7") or "")
    assert refusal(hooks(ready)["db-instance-upgrade"], "8.4", "9.7") is None
    assert refusal(hooks(ready)["db-replica-upgrade"], "8.4", "9.7") is None
    both = hooks(ready, engine_version="9.7")["db-replica-upgrade"]
    text = "the replica is upgraded before the database. Keep engine_version '8.4' in this update, and raise it in the next one."
    assert text in (refusal(both, "8.4", "9.7") or "")
    assert refusal(both, "9.7", "9.7") is None


def test_a_replica_has_a_version_and_a_parameter_group_of_its_own() -> None:
    graph = make(base={**DATABASE, **PASSWORD}, replica={**REPLICA["replica"], "engine_version": "9.7"}, **UPGRADE)
    replica, source = graph.named("orders-replica"), graph.named("orders-instance")
    assert (replica.inputs["engineVersion"], replica.inputs["allowMajorVersionUpgrade"]) == ("9.7", True)
    assert graph.named("orders-replica-parameters").inputs["family"] == "mysql9.7"
    assert (source.inputs["engineVersion"], graph.named("orders-parameters").inputs["family"]) == ("8.4", "mysql8.4")
    without = make(base={**DATABASE, **PASSWORD}, **REPLICA).named("orders-replica")
    assert not {"engineVersion", "allowMajorVersionUpgrade"} & set(without.inputs)


def test_a_replica_of_postgres_is_removed_first(hooks: Any) -> None:
    hook = hooks({**POSTGRES, **PASSWORD, **REPLICA}, **UPGRADE)["db-instance-upgrade"]
    text = "RDS upgrades no replica in another region with it. Remove replica in one update, upgrade in the next, and add it again."
    assert text in (refusal(hook, "16", "17") or "")
    assert refusal(hook, "17.1", "17.2") is None


@pytest.mark.parametrize(
    ("base", "version", "reason"),
    [
        (DATABASE, "8.0", "is '8.0'; mysql before 8.4 has left standard support"),
        ({**DATABASE, "engine_version": "9.7"}, "8.4", "is '8.4', below engine_version '9.7'; the replica is upgraded first. Raise it, or"),
        ({**DATABASE, "engine_version": "8.4.6"}, "8.4.5", "is '8.4.5', below engine_version '8.4.6'; the replica is upgraded first."),
        (POSTGRES, "18", "is '18', with engine_version '17'; RDS upgrades no replica of PostgreSQL to another major version. Remove it."),
    ],
)
def test_versions_of_a_replica_that_rds_refuses(base: Any, version: str, reason: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        make(base={**base, **PASSWORD}, replica={**REPLICA["replica"], "engine_version": version})
    [(path, text)] = caught.value.problems
    assert path == "replica.engine_version"
    assert text.startswith(reason)


@pytest.mark.parametrize(("own", "replica"), [("8.4", "8.4.5"), ("8.4.5", "8.4"), ("8.4.5", "8.4.10"), ("8.4", "9.7")])
def test_a_replica_may_be_ahead(own: str, replica: str) -> None:
    graph = make(base={**DATABASE, **PASSWORD}, engine_version=own, replica={**REPLICA["replica"], "engine_version": replica})
    assert graph.named("orders-replica").inputs["engineVersion"] == replica


SOURCES: Any = [
    (DATABASE, {"snapshot_identifier": "orders-final"}, {"snapshotIdentifier": "orders-final"}),
    (
        DATABASE,
        {"source_identifier": "orders-1"},
        {"restoreToPointInTime": {"sourceDbInstanceIdentifier": "orders-1", "useLatestRestorableTime": True}},
    ),
    (
        DATABASE,
        {"source_resource_id": "db-ABC", "restore_time": "2027-01-31T03:00:00Z"},
        {"restoreToPointInTime": {"sourceDbiResourceId": "db-ABC", "restoreTime": "2027-01-31T03:00:00Z"}},
    ),
    (AURORA, {"snapshot_identifier": "orders-final"}, {"snapshotIdentifier": "orders-final"}),
    (
        AURORA,
        {"source_resource_id": "cluster-ABC"},
        {"restoreToPointInTime": {"sourceClusterResourceId": "cluster-ABC", "useLatestRestorableTime": True}},
    ),
    (
        AURORA,
        {"source_identifier": "orders-1", "restore_time": "2027-01-31T03:00:00Z"},
        {"restoreToPointInTime": {"sourceClusterIdentifier": "orders-1", "restoreToTime": "2027-01-31T03:00:00Z"}},
    ),
]


@pytest.mark.parametrize(("base", "restore", "expected"), SOURCES)
def test_a_database_is_restored(base: Any, restore: Any, expected: Any) -> None:
    graph = make(base=base, database_name="orders", restore_from=restore)
    [store] = graph.of_type("aws:rds/instance:Instance", "aws:rds/cluster:Cluster")
    assert {key: store.inputs.get(key) for key in ("snapshotIdentifier", "restoreToPointInTime") if key in store.inputs} == expected
    # The name is the source's, and RDS takes none.
    assert not {"dbName", "databaseName"} & set(store.inputs)
    assert "dbadmin" in (store.inputs.get("username"), store.inputs.get("masterUsername"))
    assert store.inputs["storageEncrypted"] is True


@pytest.mark.parametrize("base", [DATABASE, AURORA], ids=["instance", "cluster"])
def test_what_it_is_restored_from_counts_at_creation_alone(base: Any) -> None:
    for changes in ({}, {"restore_from": {"snapshot_identifier": "orders-final"}}):
        [store] = make(base=base, **changes).of_type("aws:rds/instance:Instance", "aws:rds/cluster:Cluster")
        ignored = {"kmsKeyId", "restoreToPointInTime", "snapshotIdentifier", "dbName", "databaseName"}
        assert ignored <= set(store.options["ignoreChanges"])


@pytest.mark.parametrize(
    ("base", "restore", "path", "reason"),
    [
        (DATABASE, {}, "snapshot_identifier", "exactly one of snapshot_identifier, source_identifier and source_resource_id is needed;"),
        (
            DATABASE,
            {"snapshot_identifier": "a", "source_identifier": "b"},
            "snapshot_identifier",
            "exactly one of snapshot_identifier, source_identifier and",
        ),
        (
            DATABASE,
            {"snapshot_identifier": "a", "restore_time": "2027-01-31T03:00:00Z"},
            "restore_time",
            "is '2027-01-31T03:00:00Z'; a snapshot has the time at which it was taken. Remove it, or give a source.",
        ),
        (
            DATABASE,
            {"source_identifier": "a", "restore_time": "yesterday"},
            "restore_time",
            "is 'yesterday'; must be a time in UTC such as",
        ),
        (DATABASE, {"source_resource_id": "cluster-A"}, "source_resource_id", "is 'cluster-A'; mysql needs one that begins with db-."),
        (AURORA, {"source_resource_id": "db-A"}, "source_resource_id", "is 'db-A'; aurora-postgresql needs one that begins with cluster-."),
    ],
)
def test_sources_that_cannot_be_used(base: Any, restore: Any, path: str, reason: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        make(base=base, restore_from=restore)
    [(argument, text)] = caught.value.problems
    assert argument == f"restore_from.{path}"
    assert text.startswith(reason)
