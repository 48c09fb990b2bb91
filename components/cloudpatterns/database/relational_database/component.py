"""A relational database with a standby in a second zone.

Pattern: "Database Replication" (Cloud Design Patterns for AWS) and the data tier of an N-tier architecture. Makes an RDS instance (MySQL,
PostgreSQL) with a Multi-AZ standby, or an Aurora cluster with an instance per zone, private, encrypted under a customer key, reachable over
TLS alone, with backups, log groups, Enhanced Monitoring and, where asked for, alarms and a replica in another region.
"""

import re
from typing import Annotated, Any, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.core import HIDDEN, ArgumentError, Choice, Component, Matches
from cloudpatterns.core.component import check_names
from cloudpatterns.core.vocabulary import (
    AlarmTopicArns,
    DailyWindow,
    DeletionProtection,
    DualStack,
    KmsKeyArn,
    LogRetentionDays,
    Region,
    SecurityGroupIds,
    SubnetIdsByZones,
    Tags,
    WeeklyWindow,
)
from cloudpatterns.database.relational_database.aurora import make_cluster
from cloudpatterns.database.relational_database.engines import ENGINES, Engine, window_minutes, windows_overlap
from cloudpatterns.database.relational_database.foundation import Foundation, make_foundation
from cloudpatterns.database.relational_database.instance import make_instance, make_replica

__all__ = ["RelationalDatabase", "RelationalDatabaseArgs", "RelationalDatabasePasswordArgs", "RelationalDatabaseReplicaArgs"]

_InstanceClass = Annotated[str, Matches(r"db\.[a-z0-9-]+(\.[a-z0-9-]+)?", "an instance class such as db.t4g.medium")]
_NAME = r"[a-z][a-z0-9]*(-[a-z0-9]+)*"
_SHORTEST_WINDOW_MINUTES = 30
# https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html: the shortest limit of the engines, MySQL's
_PASSWORD = r"""[!#-.0-?A-~]{8,41}"""


class RelationalDatabasePasswordArgs(TypedDict):
    """A master password of one's own, and the function that rotates it."""

    value: Annotated[pulumi.Input[str], HIDDEN]
    """The first password, a Pulumi secret: 8 to 41 printable characters without ``/ " @`` and space. It is rotated away at once."""
    version: NotRequired[Annotated[int, Field(default=1, ge=1)]]
    """Raise it by one to write ``value`` again. Default: 1."""
    rotation_function_arn: pulumi.Input[str]
    """The function that rotates the secret, such as AWS's `SecretsManagerRDSMySQLRotationSingleUser`, with a way to the database."""
    rotation_days: NotRequired[Annotated[int, Field(default=30, ge=1, le=1000)]]
    """Days between rotations, 1 to 1000. Default: 30."""


class RelationalDatabaseReplicaArgs(TypedDict):
    """A read replica in another region, to be promoted when the first region is lost."""

    region: Region
    """The other region, such as `eu-central-1`."""
    subnet_ids_by_zone: SubnetIdsByZones
    """Data subnets of a VPC in that region by zone, two zones at least."""
    security_group_ids: SecurityGroupIds
    """Security groups in that region."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """A key in that region for storage and logs; its policy must let CloudWatch Logs use it. Default: a key is made there."""
    instance_class: NotRequired[_InstanceClass]
    """Default: the class of the database."""


class RelationalDatabaseArgs(TypedDict):
    """Arguments of `RelationalDatabase`."""

    engine: Annotated[str, Field(pattern=rf"^({'|'.join(ENGINES)})$")]
    """`mysql`, `postgres`, `aurora-mysql` or `aurora-postgresql`."""
    engine_version: str
    """Version in standard support: MySQL `8.4`, PostgreSQL `14` and up. Without the last part, minor upgrades show no difference."""
    instance_class: _InstanceClass
    """Such as `db.t4g.medium`; `db.serverless` is for Aurora and needs `max_capacity_units`."""
    subnet_ids_by_zone: SubnetIdsByZones
    """Data subnets by zone, two zones at least."""
    security_group_ids: SecurityGroupIds
    """Security groups that admit the callers and nobody else; at least one."""
    allocated_storage_gib: NotRequired[Annotated[int, Field(ge=20, le=65536)]]
    """First size of the storage in GiB, 20 to 65536. Needed for `mysql` and `postgres`; Aurora grows by itself and takes none."""
    max_allocated_storage_gib: NotRequired[Annotated[int, Field(ge=22, le=65536)]]
    """Storage grows by itself up to this many GiB; at least a tenth more than the first size. Default: it does not grow."""
    multi_az: NotRequired[Annotated[bool, Field(default=True)]]
    """A standby in a second zone; for Aurora, an instance in each of the first two zones instead of one. Default: true."""
    min_capacity_units: NotRequired[Annotated[float, Field(ge=0, le=256, multiple_of=0.5)]]
    """Aurora capacity units of `db.serverless` at rest, 0 to 256 in halves; 0 pauses when idle. Default: 0.5."""
    max_capacity_units: NotRequired[Annotated[float, Field(ge=1, le=256, multiple_of=0.5)]]
    """Aurora capacity units of `db.serverless` at most, 1 to 256 in halves."""
    database_name: NotRequired[Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,62}$")]]
    """A first database, letters, digits and underscores. Default: none is made."""
    master_username: NotRequired[Annotated[str, Field(default="dbadmin")]]
    """Changing it replaces the database. Default: `dbadmin`."""
    password: NotRequired[RelationalDatabasePasswordArgs]
    """A password of one's own. Default: Secrets Manager makes the password and rotates it every seven days, which excludes `replica`."""
    replica: NotRequired[RelationalDatabaseReplicaArgs]
    """A read replica in another region. Needs `password`: RDS makes none of a database whose password it manages. Not for Aurora."""
    identifier: NotRequired[Annotated[str, Field(pattern=rf"^{_NAME}$", max_length=63)]]
    """Fixed name in AWS. Default: the component's name and a random suffix."""
    parameters: NotRequired[Annotated[dict[str, str], Field(default={})]]
    """More engine parameters; they take effect at the next reboot. Those that force TLS cannot be set."""
    allow_major_version_upgrade: NotRequired[Annotated[bool, Field(default=False)]]
    """Lets a higher major `engine_version` upgrade in place. Default: false."""
    apply_immediately: NotRequired[Annotated[bool, Field(default=False)]]
    """Changes take effect now, with the outage some bring, instead of in the maintenance window. Default: false."""
    backup_retention_days: NotRequired[Annotated[int, Field(default=30, ge=1, le=35)]]
    """Days that automated backups are kept, 1 to 35. Default: 30."""
    backup_window: NotRequired[Annotated[DailyWindow, Field(default="02:00-03:00")]]
    """Daily window in UTC, `HH:MM-HH:MM`, 30 minutes at least. Default: `02:00-03:00`."""
    maintenance_window: NotRequired[Annotated[WeeklyWindow, Field(default="sun:03:30-sun:04:30")]]
    """Weekly window in UTC, `ddd:HH:MM-ddd:HH:MM`, outside the backup window. Default: `sun:03:30-sun:04:30`."""
    deletion_protection: NotRequired[DeletionProtection]
    """Deletes and replacements are refused, by AWS and by Pulumi before it begins. Default: true."""
    skip_final_snapshot: NotRequired[Annotated[bool, Field(default=False)]]
    """Deletes without a last snapshot: for data that can be lost. Default: false."""
    final_snapshot_identifier: NotRequired[Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9]*(-[A-Za-z0-9]+)*$", max_length=255)]]
    """Name of the last snapshot. Default: one that is new for every database; set it if AWS says that the name is taken."""
    log_exports: NotRequired[list[str]]
    """Logs sent to CloudWatch; MySQL's `slowquery` and `general` are switched on as well. Default: `error` and `slowquery` (MySQL),
    `postgresql` and, on RDS, `upgrade` (PostgreSQL)."""
    log_retention_days: NotRequired[LogRetentionDays]
    """Days that the logs are kept, one of CloudWatch's numbers. Default: 365."""
    performance_insights: NotRequired[bool]
    """Default: true where the instance class has it (MySQL on micro and small classes does not)."""
    database_insights_mode: NotRequired[Annotated[str, Choice("standard", "advanced"), Field(default="standard")]]
    """`standard`, or `advanced`, which is paid and keeps 465 days. Default: `standard`."""
    monitoring_interval_seconds: NotRequired[Annotated[int, Field(default=60)]]
    """Enhanced Monitoring: 1, 5, 10, 15, 30, 60, or 0 for none. Default: 60."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Key for storage, logs, secret and Performance Insights; its policy must let CloudWatch Logs use it. Default: a key is made, and kept
    when the database goes, for the sake of the final snapshot."""
    ca_certificate: NotRequired[Annotated[str, Field(default="rds-ca-rsa2048-g1")]]
    """The authority of the server's certificate. Default: `rds-ca-rsa2048-g1`."""
    dual_stack: NotRequired[DualStack]
    """IPv6 beside IPv4; the subnets must have it. Default: false."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics told when processor, storage or connections run out. Default: no alarms are made."""
    alarm_connections: NotRequired[Annotated[int, Field(ge=1)]]
    """Alarm above this many connections; the limit depends on the class. Default: no alarm on connections."""
    tags: NotRequired[Tags]
    """Tags of every child. Default: none."""


class RelationalDatabase(Component):
    """A private, encrypted, deletion-protected database with a standby in a second zone.

    Its identifier is known before it exists (name and random suffix), so that its log groups come first, with a retention. A replacement
    therefore deletes first: deletion protection stops it, and otherwise the final snapshot is what is left of the data.
    """

    endpoint: pulumi.Output[str]
    """Address and port of the writer, `host:port`."""
    address: pulumi.Output[str]
    """Host name of the writer."""
    reader_address: pulumi.Output[str]
    """Host name for reads: Aurora's reader endpoint; for RDS, whose standby answers nobody, the writer's."""
    port: pulumi.Output[int]
    """Port, 3306 or 5432."""
    secret_arn: pulumi.Output[str]
    """The secret with user name and password of the master user."""
    instance_id: pulumi.Output[str]
    """Identifier of the instance, or of the Aurora cluster."""
    instance_arn: pulumi.Output[str]
    """ARN of the instance, or of the Aurora cluster."""
    resource_id: pulumi.Output[str]
    """What IAM policies name a database by (`rds-db:connect` on `...:dbuser:<resource id>/<user>`)."""
    kms_key_arn: pulumi.Output[str]
    """The key that encrypts it."""
    log_group_names: pulumi.Output[list[str]]
    """Log groups, one per exported log."""
    replica_endpoints: pulumi.Output[list[str]]
    """Endpoint of the replica in the other region; empty without one."""

    def __init__(self, name: str, args: RelationalDatabaseArgs, opts: pulumi.ResourceOptions | None = None):
        """Makes the database; raises `ArgumentError` before anything is made."""
        checked = self._arguments.check(name, args)
        engine = ENGINES[checked["engine"]]
        _check(name, engine, checked)
        super().__init__("RelationalDatabase", name, opts)

        foundation = make_foundation(self, name, engine, checked)
        if engine.aurora:
            made = make_cluster(self, name, engine, foundation, checked)
        else:
            made = make_instance(self, name, engine, foundation, checked)
        self.endpoint = made.endpoint
        self.address = made.address
        self.reader_address = made.reader_address
        self.port = made.port
        self.secret_arn = made.secret_arn
        self.instance_id = made.identifier
        self.instance_arn = made.arn
        self.resource_id = made.resource_id
        self.kms_key_arn = pulumi.Output.from_input(foundation.kms_key_arn)
        self.log_group_names = pulumi.Output.all(*[group.name for group in foundation.log_groups])
        self.replica_endpoints = pulumi.Output.all(*self._replicas(name, engine, foundation, checked, made.arn))
        self.register()

    def _replicas(
        self, name: str, engine: Engine, foundation: Foundation, checked: RelationalDatabaseArgs, source_arn: pulumi.Output[str]
    ) -> list[pulumi.Output[str]]:
        replica = checked.get("replica")
        if replica is None:
            return []
        return [make_replica(self, name, engine, foundation, checked, replica, source_arn).endpoint]


def _check(name: str, engine: Engine, checked: Any) -> None:
    """What one argument alone cannot tell."""
    problems: list[tuple[str, str]] = []

    def refuse(argument: str, reason: str) -> None:
        problems.append((argument, reason))

    if _invalid_name(name):
        refuse("name", f"is {name!r}; the database is named after it: lower case letters, digits and single hyphens, a letter first.")
    if problem := engine.version_problem(checked["engine_version"]):
        refuse("engine_version", f"is {checked['engine_version']!r}; {problem}")
    if problem := engine.user_name_problem(checked["master_username"]):
        refuse("master_username", f"is {checked['master_username']!r}; {problem}")
    _check_storage(engine, checked, refuse)
    _check_replica(engine, checked, refuse)
    if windows_overlap(checked["backup_window"], checked["maintenance_window"]):
        refuse(
            "maintenance_window", f"is {checked['maintenance_window']!r}; it overlaps backup_window {checked['backup_window']!r}. Move one."
        )
    for argument in ("backup_window", "maintenance_window"):
        if window_minutes(checked[argument]) < _SHORTEST_WINDOW_MINUTES:
            refuse(argument, f"is {checked[argument]!r}; a window has {_SHORTEST_WINDOW_MINUTES} minutes at least.")
    password = checked["password"]["value"] if checked["password"] else None
    # An output is AWS's to check. The value itself is not shown.
    if isinstance(password, str) and re.fullmatch(_PASSWORD, password) is None:
        refuse("password.value", 'cannot be used; a password has 8 to 41 printable characters without / " @ and space.')
    if unknown := sorted(set(checked["log_exports"] or ()) - set(engine.logs)):
        refuse("log_exports", f"has {', '.join(unknown)}; {engine.name} exports {', '.join(engine.logs)}.")
    if fixed := sorted(set(checked["parameters"]) & engine.tls_parameters):
        refuse(f"parameters.{fixed[0]}", "is decided here: connections without TLS are refused. Leave it out.")
    wants_insights = checked["performance_insights"] or checked["database_insights_mode"] == "advanced"
    if wants_insights and not engine.has_insights(checked["instance_class"]):
        refuse(
            "performance_insights" if checked["performance_insights"] else "database_insights_mode",
            f"is not to be had on {checked['instance_class']} with {engine.name}. Leave it out or take a larger class.",
        )
    elif checked["database_insights_mode"] == "advanced" and checked["performance_insights"] is False:
        refuse("performance_insights", "is False; database_insights_mode 'advanced' needs it. Leave it out.")
    if checked["monitoring_interval_seconds"] not in (0, 1, 5, 10, 15, 30, 60):
        refuse("monitoring_interval_seconds", f"is {checked['monitoring_interval_seconds']}; allowed are 0, 1, 5, 10, 15, 30, 60.")
    if checked["alarm_connections"] and not checked["alarm_topic_arns"]:
        refuse("alarm_connections", "needs alarm_topic_arns: an alarm that tells nobody is none. Give a topic.")
    if problems:
        raise ArgumentError("RelationalDatabase", name, problems)
    # A role is limited to 64 characters, a database to 63; an Aurora instance carries its zone.
    longest_zone: str = max(checked["subnet_ids_by_zone"], key=len)
    check_names("RelationalDatabase", name, {"monitoring": 64, longest_zone if engine.aurora else "replica": 63})


def _invalid_name(name: str) -> bool:
    return re.fullmatch(_NAME, name) is None


def _check_storage(engine: Engine, checked: Any, refuse: Any) -> None:
    first, most = checked["allocated_storage_gib"], checked["max_allocated_storage_gib"]
    serverless = checked["instance_class"] == "db.serverless"
    if engine.aurora:
        for argument in ("allocated_storage_gib", "max_allocated_storage_gib"):
            if checked[argument]:
                refuse(argument, f"is {checked[argument]}; Aurora's storage grows by itself. Leave it out.")
    elif not first:
        refuse("allocated_storage_gib", f"is missing; {engine.name} needs a first size, 20 GiB or more.")
    elif most and most * 10 < first * 11:
        # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PIOPS.Autoscaling.html
        refuse("max_allocated_storage_gib", f"is {most}; it must be at least a tenth more than allocated_storage_gib {first}.")
    if serverless and not engine.aurora:
        refuse("instance_class", f"is 'db.serverless'; only Aurora has it, not {engine.name}. Take a class such as db.t4g.medium.")
    if serverless and engine.aurora and not checked["max_capacity_units"]:
        refuse("max_capacity_units", "is missing; db.serverless needs it.")
    if not serverless:
        for argument in ("min_capacity_units", "max_capacity_units"):
            if checked[argument] is not None:
                refuse(argument, f"is {checked[argument]}; only instance_class db.serverless takes it. Leave it out.")
    elif (checked["min_capacity_units"] or 0.5) > (checked["max_capacity_units"] or 256):
        refuse(
            "min_capacity_units", f"is {checked['min_capacity_units']}; that is above max_capacity_units {checked['max_capacity_units']}."
        )


def _check_replica(engine: Engine, checked: Any, refuse: Any) -> None:
    if not checked["replica"]:
        return
    if engine.aurora:
        refuse("replica", f"is not made for {engine.name}: Aurora crosses regions as a global database. Leave it out.")
    elif not checked["password"]:
        # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-secrets-manager.html#rds-secrets-manager-limitations
        refuse(
            "replica",
            "and a password managed by Secrets Manager exclude each other: RDS makes no replica of a database whose password it manages. "
            "Give password (a value and a rotation function), or leave replica out.",
        )
