"""RDS, Aurora and DynamoDB."""

from typing import Any

import pytest
from cloudpatterns_policies.controls import database as controls
from cloudpatterns_policies.core import Control, Fail, NotApplicable, Pass, Resource, Unknown, Verdict
from cloudpatterns_policies.graph.reading import all_of

from tests.policies.helpers import UNKNOWN, resource, secret, stack, verdicts

INSTANCE, CLUSTER, MEMBER = "aws:rds/instance:Instance", "aws:rds/cluster:Cluster", "aws:rds/clusterInstance:ClusterInstance"
GROUP, CLUSTER_GROUP = "aws:rds/parameterGroup:ParameterGroup", "aws:rds/clusterParameterGroup:ClusterParameterGroup"
PROXY, TABLE = "aws:rds/proxy:Proxy", "aws:dynamodb/table:Table"
REPLICA = {"replicateSourceDb": UNKNOWN}

PUBLIC = Fail("is publicly accessible", "publiclyAccessible")
PLAIN = Fail("stores its data unencrypted", "storageEncrypted")
PLAIN_PROXY = Fail("accepts connections without TLS", "requireTls")
ALONE = Fail("has no standby in another zone", "multiAz")
DELETABLE = Fail("has no deletion protection", "deletionProtection")
OUTDATED = Fail("does not install minor version upgrades automatically", "autoMinorVersionUpgrade")
NO_IAM = Fail("has no IAM authentication", "iamDatabaseAuthenticationEnabled")
IN_STATE = "keeps its master password in the state"


def test_a_public_replica_fails() -> None:
    assert verdicts(controls.rds_private, resource(INSTANCE, props={**REPLICA, "publiclyAccessible": True})) == [PUBLIC]
    assert verdicts(controls.rds_private, resource(INSTANCE, props=REPLICA)) == [Pass()]


@pytest.mark.parametrize(
    ("control", "types", "path", "good", "bad", "failure", "default"),
    [
        (controls.rds_private, [INSTANCE, MEMBER, CLUSTER], "publiclyAccessible", False, True, PUBLIC, Pass()),
        (controls.rds_encrypted, [INSTANCE, CLUSTER], "storageEncrypted", True, False, PLAIN, PLAIN),
        (controls.rds_proxy_tls_required, [PROXY], "requireTls", True, False, PLAIN_PROXY, PLAIN_PROXY),
        (controls.rds_instance_multi_az, [INSTANCE], "multiAz", True, False, ALONE, ALONE),
        (controls.rds_deletion_protection, [INSTANCE, CLUSTER], "deletionProtection", True, False, DELETABLE, DELETABLE),
        (controls.rds_minor_upgrades, [INSTANCE, MEMBER, CLUSTER], "autoMinorVersionUpgrade", True, False, OUTDATED, Pass()),
        (controls.rds_iam_authentication, [INSTANCE, CLUSTER], "iamDatabaseAuthenticationEnabled", True, False, NO_IAM, NO_IAM),
        (
            controls.dynamodb_deletion_protection,
            [TABLE],
            "deletionProtectionEnabled",
            True,
            False,
            Fail("has no deletion protection", "deletionProtectionEnabled"),
            Fail("has no deletion protection", "deletionProtectionEnabled"),
        ),
    ],
    ids=lambda value: value.id if isinstance(value, Control) else None,
)
def test_switches(control: Control, types: list[str], path: str, good: Any, bad: Any, failure: Fail, default: Verdict) -> None:
    assert control.types == tuple(types)
    for kind in types:
        for value, expected in ((good, Pass()), (bad, failure), (None, default), (UNKNOWN, Unknown(path))):
            assert verdicts(control, resource(kind, props={path: value})) == [expected]


@pytest.mark.parametrize(
    ("kind", "props", "expected"),
    [
        (INSTANCE, REPLICA, NotApplicable("is a replica, encrypted as its source is")),
        (INSTANCE, {**REPLICA, "storageEncrypted": True}, Pass()),
        (INSTANCE, {"replicateSourceDb": ""}, PLAIN),
        (INSTANCE, {"snapshotIdentifier": "before"}, NotApplicable("is restored, and encrypted as its source is")),
        (CLUSTER, {"snapshotIdentifier": UNKNOWN}, NotApplicable("is restored, and encrypted as its source is")),
        (CLUSTER, {"restoreToPointInTime": {"x": 1}}, NotApplicable("is restored, and encrypted as its source is")),
        (CLUSTER, {"snapshotIdentifier": "before", "storageEncrypted": False}, PLAIN),
        (CLUSTER, {"engineMode": "serverless"}, Pass()),
        (CLUSTER, {"engineMode": "serverless", "storageEncrypted": False}, Pass()),
        (CLUSTER, {"engineMode": "serverless", "snapshotIdentifier": "before", "storageEncrypted": False}, Pass()),
        (CLUSTER, {"engineMode": "provisioned", "storageEncrypted": False}, PLAIN),
        (CLUSTER, {"engineMode": UNKNOWN}, Unknown("engineMode")),
        (CLUSTER, {"engineMode": UNKNOWN, "storageEncrypted": False}, Unknown("engineMode")),
        (CLUSTER, {"engineMode": UNKNOWN, "storageEncrypted": True}, Pass()),
    ],
)
def test_encryption_of_what_comes_from_elsewhere(kind: str, props: dict[str, Any], expected: Verdict) -> None:
    assert verdicts(controls.rds_encrypted, resource(kind, props=props)) == [expected]


def test_replicas_need_no_standby() -> None:
    assert verdicts(controls.rds_instance_multi_az, resource(INSTANCE, props=REPLICA)) == [NotApplicable("is a replica")]


@pytest.mark.parametrize(
    ("engine", "expected"),
    [
        ("mysql", NO_IAM),
        ("mariadb", NO_IAM),
        ("postgres", NO_IAM),
        ("aurora-postgresql", NO_IAM),
        ("MySQL", NO_IAM),
        ("oracle-ee", NotApplicable("runs oracle-ee, which has no IAM authentication")),
        ("sqlserver-se", NotApplicable("runs sqlserver-se, which has no IAM authentication")),
        (UNKNOWN, Unknown("engine")),
    ],
)
def test_iam_authentication_by_engine(engine: Any, expected: Verdict) -> None:
    assert verdicts(controls.rds_iam_authentication, resource(INSTANCE, props={"engine": engine})) == [expected]


def member(name: str, zone: Any = None) -> Resource:
    return resource(MEMBER, name, {"clusterIdentifier": UNKNOWN, "availabilityZone": zone}, deps={"clusterIdentifier": ["db"]})


@pytest.mark.parametrize(
    ("props", "members", "expected"),
    [
        ({}, [member("a", "z1"), member("b", "z2")], Pass()),
        ({}, [member("a"), member("b")], Pass()),
        ({}, [member("a", "z1"), member("b", UNKNOWN)], Pass()),
        ({}, [member("a", "z1"), member("b", "z1")], Fail("has all instances in z1", "availabilityZone of a")),
        ({}, [member("a", "z1")], Fail("has one instance")),
        ({}, [], Fail("has no instance")),
        ({"dbClusterInstanceClass": "db.m6gd.large"}, [], Pass()),
        ({"dbClusterInstanceClass": UNKNOWN}, [], Fail("has no instance")),
        ({"engineMode": "serverless"}, [], NotApplicable("is moved between zones by Aurora Serverless v1")),
        ({"engineMode": UNKNOWN}, [], Fail("has no instance")),
    ],
)
def test_clusters_in_several_zones(props: dict[str, Any], members: list[Resource], expected: Verdict) -> None:
    assert verdicts(controls.rds_cluster_multi_az, stack(resource(CLUSTER, "db", props), *members)) == [("db", expected)]


@pytest.mark.parametrize(
    ("kind", "days", "expected"),
    [
        (INSTANCE, 7, Pass()),
        (INSTANCE, 6, Fail("keeps backups for 6 days", "backupRetentionPeriod")),
        (INSTANCE, 0, Fail("keeps no backups", "backupRetentionPeriod")),
        (INSTANCE, None, Fail("keeps no backups", "backupRetentionPeriod")),
        (CLUSTER, None, Fail("keeps backups for 1 day", "backupRetentionPeriod")),
        (CLUSTER, 35, Pass()),
        (CLUSTER, UNKNOWN, Unknown("backupRetentionPeriod")),
    ],
)
def test_backups(kind: str, days: Any, expected: Verdict) -> None:
    assert verdicts(controls.rds_backups, resource(kind, props={"backupRetentionPeriod": days})) == [expected]


@pytest.mark.parametrize("origin", [{"snapshotIdentifier": "before"}, {"restoreToPointInTime": {"useLatestRestorableTime": True}}])
def test_backups_of_a_restored_database(origin: dict[str, Any]) -> None:
    path, none = "backupRetentionPeriod", Fail("keeps no backups", "backupRetentionPeriod")
    restored = NotApplicable("is restored, and keeps backups as its source does")
    for days, expected in ((None, restored), (0, none), (7, Pass()), (UNKNOWN, Unknown(path))):
        assert verdicts(controls.rds_backups, resource(INSTANCE, props={**origin, path: days})) == [expected]
    # Empty is as if it was left out, and a restored cluster begins with AWS's own default.
    assert verdicts(controls.rds_backups, resource(INSTANCE, props=dict.fromkeys(origin, ""))) == [none]
    assert verdicts(controls.rds_backups, resource(CLUSTER, props=origin)) == [Fail("keeps backups for 1 day", path)]


def test_backups_of_replicas_and_other_limits() -> None:
    assert verdicts(controls.rds_backups, resource(INSTANCE, props=REPLICA)) == [NotApplicable("is a replica, whose source is backed up")]
    three = resource(INSTANCE, props={"backupRetentionPeriod": 3})
    assert verdicts(controls.rds_backups, three, {"minimumDays": 3}) == [Pass()]
    assert verdicts(controls.rds_backups, three, {"minimumDays": 4}) == [Fail("keeps backups for 3 days", "backupRetentionPeriod")]


EXPORTS = "enabledCloudwatchLogsExports"


@pytest.mark.parametrize(
    ("engine", "logs"),
    [
        ("mysql", ["error", "slowquery"]),
        ("mariadb", ["error", "slowquery"]),
        ("aurora-mysql", ["error", "slowquery"]),
        ("postgres", ["postgresql", "upgrade"]),
        ("aurora-postgresql", ["postgresql"]),
        ("sqlserver-se", ["agent", "error"]),
        ("oracle-ee", ["alert", "audit", "listener"]),
        ("custom-oracle-ee", ["alert", "audit", "listener"]),
        ("db2-se", ["diag.log"]),
    ],
)
def test_logs_of_each_engine(engine: str, logs: list[str]) -> None:
    check = controls.rds_logs_exported
    assert verdicts(check, resource(INSTANCE, props={"engine": engine, EXPORTS: [*logs, "more"]})) == [Pass()]
    assert verdicts(check, resource(INSTANCE, props={"engine": engine})) == [Fail(f"does not export {all_of(logs)}", EXPORTS)]
    assert verdicts(check, resource(CLUSTER, props={"engine": engine, EXPORTS: logs[1:]})) == [Fail(f"does not export {logs[0]}", EXPORTS)]
    assert verdicts(check, resource(CLUSTER, props={"engine": engine, EXPORTS: UNKNOWN})) == [Unknown(EXPORTS)]
    assert verdicts(check, resource(CLUSTER, props={"engine": engine, EXPORTS: [UNKNOWN]})) == [Unknown(f"{EXPORTS}.0")]


def test_logs_where_the_engine_is_not_told_or_others_are_wanted() -> None:
    check = controls.rds_logs_exported
    assert verdicts(check, resource(INSTANCE, props=REPLICA)) == [Fail("exports no logs", EXPORTS)]
    assert verdicts(check, resource(INSTANCE, props={**REPLICA, EXPORTS: ["error"]})) == [Pass()]
    mysql = resource(INSTANCE, props={"engine": "mysql", EXPORTS: ["error", "slowquery"]})
    assert verdicts(check, mysql, {"logs": {"mysql": ["audit", "error"]}}) == [Fail("does not export audit", EXPORTS)]
    assert verdicts(check, mysql, {"logs": {"postgres": ["postgresql"]}}) == [Pass()]


def judged_tls(props: dict[str, Any], parameters: Any = None, family: str = "mysql8.4", kind: str = INSTANCE) -> Verdict:
    """The verdict on a database with a parameter group of its own, or without one when `parameters` is None."""
    path, group = ("parameterGroupName", GROUP) if kind == INSTANCE else ("dbClusterParameterGroupName", CLUSTER_GROUP)
    if parameters is None:
        return verdicts(controls.rds_tls_required, stack(resource(kind, "db", props)))[0][1]
    database = resource(kind, "db", {path: UNKNOWN, **props}, deps={path: ["group"]})
    made = resource(group, "group", {"family": family, "parameters": parameters})
    return verdicts(controls.rds_tls_required, stack(database, made))[0][1]


SECURE, FORCE = "require_secure_transport", "rds.force_ssl"


def parameter(name: Any, value: Any) -> list[dict[str, Any]]:
    return [{"name": "max_connections", "value": "5"}, {"name": name, "value": value}]


@pytest.mark.parametrize(
    ("engine", "version", "name", "value", "by_default"),
    [
        ("mysql", "8.4", SECURE, "1", False),
        ("mysql", "8.4.5", SECURE, "ON", False),
        ("mysql", "9.7", SECURE, "1", True),
        ("aurora-mysql", "8.0", SECURE, "ON", False),
        ("aurora-mysql", "8.0.mysql_aurora.3.10.0", SECURE, "ON", False),
        ("aurora-mysql", "8.4", SECURE, "ON", True),
        ("aurora-mysql", "8.4.7", SECURE, "ON", True),
        ("aurora-mysql", None, SECURE, "ON", False),
        ("mariadb", "11.4", SECURE, "true", False),
        ("mariadb", "11.8", SECURE, "1", True),
        ("mariadb", "12", SECURE, "1", True),
        ("postgres", "14.9", FORCE, "1", False),
        ("postgres", "15", FORCE, "1", True),
        ("postgres", "17.4", FORCE, 1, True),
        ("aurora-postgresql", "16.1", FORCE, "1", False),
        ("aurora-postgresql", "17.1", FORCE, "1", True),
        ("sqlserver-se", "15.00", FORCE, "1", False),
        ("db2-se", "11.5", "db2comm", "SSL", False),
        ("postgres", None, FORCE, "1", True),
        ("mysql", None, SECURE, "1", False),
    ],
)
@pytest.mark.parametrize("kind", [INSTANCE, CLUSTER])
def test_tls_of_each_engine(kind: str, engine: str, version: str | None, name: str, value: Any, by_default: bool) -> None:
    props = {"engine": engine, "engineVersion": version}
    family = engine
    path = "parameterGroupName" if kind == INSTANCE else "dbClusterParameterGroupName"
    assert judged_tls(props, parameter(name, value), family, kind) == Pass()
    assert judged_tls(props, parameter(name, "0"), family, kind) == Fail(f"sets {name} to 0", "parameters of group")
    assert judged_tls(props, parameter(name, UNKNOWN), family, kind) == Unknown("parameters of group")
    unset = Pass() if by_default else Fail(f"does not set {name}", "parameters of group")
    assert judged_tls(props, [], family, kind) == unset
    none = Pass() if by_default else Fail(f"does not set {name}", path)
    assert judged_tls(props, kind=kind) == none
    assert judged_tls({**props, path: f"default.{engine}"}, kind=kind) == none


@pytest.mark.parametrize(
    ("family", "parameters", "expected"),
    [
        ("postgres14", [], Fail(f"does not set {FORCE}", "parameters of group")),
        ("postgres17", [], Pass()),
        ("mysql8.4", parameter(SECURE, "1"), Pass()),
        ("mysql8.4", [], Fail(f"does not set {SECURE}", "parameters of group")),
        ("mysql9.7", [], Pass()),
        ("sqlserver-se-15.0", [], Fail(f"does not set {FORCE}", "parameters of group")),
        ("db2-se-11.5", parameter("db2comm", "TCPIP"), Fail("sets db2comm to tcpip", "parameters of group")),
        ("oracle-ee-19", [], NotApplicable("runs oracle-ee, which has no parameter for TLS")),
    ],
)
def test_the_family_tells_the_engine_of_a_replica(family: str, parameters: Any, expected: Verdict) -> None:
    assert judged_tls(REPLICA, parameters, family) == expected
    # The provider's preview shows as unknown what it will compute.
    assert judged_tls({**REPLICA, "engine": UNKNOWN, "engineVersion": UNKNOWN}, parameters, family) == expected


def test_names_of_engines_and_parameters_in_any_case() -> None:
    postgres = {"engine": "Postgres", "engineVersion": "16.1"}
    assert judged_tls(postgres, parameter(FORCE.upper(), "0"), "postgres16") == Fail(f"sets {FORCE} to 0", "parameters of group")
    logs = resource(INSTANCE, props={"engine": "Postgres", "enabledCloudwatchLogsExports": ["postgresql"]})
    assert verdicts(controls.rds_logs_exported, logs) == [Fail("does not export upgrade", "enabledCloudwatchLogsExports")]


def test_tls_that_cannot_be_judged() -> None:
    mysql = {"engine": "mysql"}
    assert judged_tls(REPLICA) == NotApplicable("takes its engine from its source")
    assert judged_tls(mysql, UNKNOWN) == Unknown("parameters of group")
    assert judged_tls(mysql, parameter(UNKNOWN, "1")) == Unknown("parameters of group")
    foreign = NotApplicable("takes parameter group shared, which is not in this stack")
    assert judged_tls({**mysql, "parameterGroupName": "shared"}) == foreign
    other = resource(INSTANCE, "db", {**mysql, "parameterGroupName": UNKNOWN}, deps={"parameterGroupName": ["table"]})
    assert verdicts(controls.rds_tls_required, stack(other, resource(TABLE, "table"))) == [("db", Unknown("parameterGroupName"))]
    hidden = resource(INSTANCE, "db", {"engine": UNKNOWN}, deps={"engine": ["table"]})
    assert verdicts(controls.rds_tls_required, stack(hidden, resource(TABLE, "table"))) == [("db", Unknown("engine"))]


@pytest.mark.parametrize(("kind", "path"), [(INSTANCE, "password"), (CLUSTER, "masterPassword")])
def test_passwords(kind: str, path: str) -> None:
    for value in ("hunter2", secret("hunter2"), UNKNOWN):
        assert verdicts(controls.rds_password_not_in_state, resource(kind, props={path: value})) == [Fail(IN_STATE, path)]
    for props in ({}, {f"{path}Wo": secret("hunter2")}, {"manageMasterUserPassword": True}):
        assert verdicts(controls.rds_password_not_in_state, resource(kind, props=props)) == [Pass()]


@pytest.mark.parametrize("kind", [INSTANCE, CLUSTER])
@pytest.mark.parametrize(
    ("engine", "port"),
    [
        ("mysql", 3306),
        ("mariadb", 3306),
        ("postgres", 5432),
        ("aurora-mysql", 3306),
        ("aurora-postgresql", 5432),
        ("oracle-ee", 1521),
        ("custom-oracle-ee", 1521),
        ("sqlserver-web", 1433),
        ("custom-sqlserver-ee", 1433),
        ("db2-se", 50000),
    ],
)
def test_default_ports(kind: str, engine: str, port: int) -> None:
    listens = Fail(f"listens on {port}, the default port of {engine}", "port")
    for props, expected in (({}, listens), ({"port": port}, listens), ({"port": port + 1}, Pass()), ({"port": UNKNOWN}, Unknown("port"))):
        found = verdicts(controls.rds_default_port, resource(kind, props={"engine": engine.title(), **props}))
        assert found == [Fail(listens.message, "port") if expected is listens else expected]


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        (REPLICA, NotApplicable("takes its port from its source")),
        ({"engine": "mysql", "snapshotIdentifier": "s"}, NotApplicable("takes its port from its source")),
        ({**REPLICA, "engine": "mysql", "port": 3306}, Fail("listens on 3306, the default port of mysql", "port")),
        ({"engine": "neptune"}, NotApplicable("has an engine without a known default port, neptune")),
        ({}, NotApplicable("names no engine")),
        ({"engine": UNKNOWN}, Unknown("engine")),
    ],
)
def test_what_has_no_default_port(props: dict[str, Any], expected: Verdict) -> None:
    assert verdicts(controls.rds_default_port, resource(INSTANCE, props=props)) == [expected]


PITR = "pointInTimeRecovery"


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        ({PITR: {"enabled": True}}, [Pass()]),
        ({PITR: {"enabled": False}}, [Fail("has no point-in-time recovery", f"{PITR}.enabled")]),
        ({}, [Fail("has no point-in-time recovery", f"{PITR}.enabled")]),
        ({PITR: {"enabled": UNKNOWN}}, [Unknown(f"{PITR}.enabled")]),
        ({PITR: {"enabled": True}, "replicas": [{PITR: True}]}, [Pass()]),
        (
            {PITR: {"enabled": True}, "replicas": [{}, {PITR: UNKNOWN}]},
            [Fail("has a replica without point-in-time recovery", f"replicas.0.{PITR}"), Unknown(f"replicas.1.{PITR}")],
        ),
        ({PITR: {"enabled": True}, "replicas": UNKNOWN}, [Unknown("replicas")]),
    ],
)
def test_point_in_time_recovery(props: dict[str, Any], expected: list[Verdict]) -> None:
    assert verdicts(controls.dynamodb_point_in_time_recovery, resource(TABLE, props=props)) == expected


PROTECTED = "deletionProtectionEnabled"


@pytest.mark.parametrize(
    ("replicas", "expected"),
    [
        ([{PROTECTED: True}], [Pass()]),
        ([{PROTECTED: True}, {PROTECTED: False}], [Fail("has a replica without deletion protection", f"replicas.1.{PROTECTED}")]),
        (
            [{}, {PROTECTED: UNKNOWN}],
            [Fail("has a replica without deletion protection", f"replicas.0.{PROTECTED}"), Unknown(f"replicas.1.{PROTECTED}")],
        ),
        (UNKNOWN, [Unknown("replicas")]),
    ],
)
def test_every_replica_is_protected_against_deletion(replicas: Any, expected: list[Verdict]) -> None:
    assert verdicts(controls.dynamodb_deletion_protection, resource(TABLE, props={PROTECTED: True, "replicas": replicas})) == expected
