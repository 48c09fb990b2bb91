"""Keyspaces, Timestream for InfluxDB and Aurora DSQL: private, recoverable, protected against deletion."""

from typing import Final

from cloudpatterns_policies.controls._settings import switched_on
from cloudpatterns_policies.core import Fail, Pass, Resource, Severity, Verdict, control

_INFLUX: Final = ("aws:timestreaminfluxdb/dbInstance:DbInstance", "aws:timestreaminfluxdb/dbCluster:DbCluster")


@control(
    id="keyspaces-point-in-time-recovery",
    title="Keyspaces tables have point-in-time recovery",
    severity=Severity.MEDIUM,
    types=("aws:keyspaces/table:Table",),
    why="Keyspaces has no other backups: what a faulty deployment overwrites is lost.",
    remediation='Set point_in_time_recovery={"status": "ENABLED"}.',
    url="https://docs.aws.amazon.com/keyspaces/latest/devguide/PointInTimeRecovery.html",
)
def keyspaces_point_in_time_recovery(resource: Resource) -> Verdict:
    path = "pointInTimeRecovery.status"
    return Pass() if resource.get(path, "DISABLED") == "ENABLED" else Fail("has no point-in-time recovery", path)


@control(
    id="influxdb-private",
    title="Timestream for InfluxDB is not reachable from the internet",
    severity=Severity.CRITICAL,
    types=_INFLUX,
    why="Scanners find a database with a public address within hours; then only its password or a token protects it.",
    remediation="Set publicly_accessible to False and place the database in private subnets.",
    url="https://docs.aws.amazon.com/ts-influxdb/latest/ts-influxdb-api/API_CreateDbInstance.html",
)
def influxdb_private(resource: Resource) -> Verdict:
    return Fail("is publicly accessible", "publiclyAccessible") if resource.get("publiclyAccessible", False) else Pass()


@control(
    id="dsql-deletion-protection",
    title="Aurora DSQL clusters are protected against deletion",
    severity=Severity.LOW,
    types=("aws:dsql/cluster:Cluster",),
    why="One wrong command or deployment deletes the cluster.",
    remediation="Set deletion_protection_enabled to True.",
    url="https://docs.aws.amazon.com/aurora-dsql/latest/APIReference/API_CreateCluster.html",
)
def dsql_deletion_protection(resource: Resource) -> Verdict:
    return switched_on(resource, "deletionProtectionEnabled", "has no deletion protection")
