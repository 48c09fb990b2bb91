"""A relational database with a standby in a second zone.

Pattern: "Database Replication" (Cloud Design Patterns for AWS), and the data tier of an N-tier architecture.
"""

import functools
from collections.abc import Iterator
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.core import Component, Problem, Statement, WorkloadStatementArgs, after, as_arguments, is_given, needs
from cloudpatterns.database._shared import credential_problems, name_problems, notify_on_failed_rotation, window_problems
from cloudpatterns.database.relational_database.alarms import Watched, report
from cloudpatterns.database.relational_database.arguments import RelationalDatabaseArgs
from cloudpatterns.database.relational_database.engines import ENGINES
from cloudpatterns.database.relational_database.foundation import Foundation
from cloudpatterns.database.relational_database.restore import CREATION_INPUTS, content_inputs, restore_problems
from cloudpatterns.database.relational_database.upgrades import Upgrades
from cloudpatterns.database.relational_database.users import connect_arn, user_sql

# https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html: the shortest limit of the engines, MySQL's
_PASSWORD = r"""[!#-.0-?A-~]{8,41}"""


class RelationalDatabase(Component):
    """A private, encrypted and deletion-protected database on RDS or Aurora (Cloud Design Patterns for AWS, "Database Replication").

    Creates an RDS instance (MySQL, PostgreSQL) with a Multi-AZ standby, or an Aurora cluster with an instance in each of two zones, that
    accepts TLS connections alone, with backups, log groups, Enhanced Monitoring, a master password in Secrets Manager and, where asked for,
    alarms and a replica in another region. A replacement deletes the database first: deletion protection refuses it; without, only the
    final snapshot keeps the data.

    **Use when**: data is relational, transactions matter, and one writer of the largest instance class is enough.

    **Not when**: access by key alone is enough, or writes must scale over several servers.

    **Cost drivers**: the instance class, twice with ``multi_az``; storage and backups; a replica with its traffic between regions; advanced
    Database Insights.

    **Trade-offs**: a failover to the standby breaks connections for a minute or two. A password that RDS manages excludes ``replica``;
    one that the caller gives needs a rotation function. The standby of an RDS instance serves no reads.

    **Proven by**: controls ``rds-private``, ``rds-encrypted``, ``rds-tls-required``, ``rds-password-not-in-state``, ``rds-backups``,
    ``rds-deletion-protection``, ``rds-instance-multi-az``, ``rds-cluster-multi-az``, ``rds-iam-authentication``, ``rds-logs-exported``,
    ``secret-rotated``; ``test_relational_database.py``, ``test_relational_database_arguments.py``, ``test_relational_database_alarms.py``,
    ``test_relational_database_upgrades.py`` and ``test_relational_database_users.py``.
    """

    endpoint: pulumi.Output[str]
    """Address and port of the writer, ``host:port``."""
    address: pulumi.Output[str]
    """Host name of the writer."""
    reader_address: pulumi.Output[str]
    """Host name for reads: Aurora's reader endpoint; for RDS, whose standby takes no connections, the writer's."""
    port: pulumi.Output[int]
    """Port, 3306 or 5432."""
    secret_arn: pulumi.Output[str]
    """ARN of the secret with user name and password of the master user."""
    instance_id: pulumi.Output[str]
    """Identifier of the instance, or of the Aurora cluster."""
    instance_arn: pulumi.Output[str]
    """ARN of the instance, or of the Aurora cluster."""
    resource_id: pulumi.Output[str]
    """The id that IAM policies name a database by (``rds-db:connect`` on ``...:dbuser:<resource id>/<user>``)."""
    engine_family: pulumi.Output[str]
    """``mysql`` or ``postgres``, for Aurora too."""
    kms_key_arn: pulumi.Output[str]
    """ARN of the key that encrypts it."""
    log_group_names: pulumi.Output[list[str]]
    """Log groups, one per exported log."""
    replica_endpoints: pulumi.Output[list[str]]
    """Endpoint of the replica in the other region; empty without one."""

    def __init__(self, name: str, args: RelationalDatabaseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        checked = self.begin(name, args, opts, problems=functools.partial(_problems, name), names=child_names)
        self._checked, foundation = checked, Foundation(self, name, checked)
        self.engine_family = pulumi.Output.from_input(foundation.engine.engine_family)
        self.kms_key_arn = pulumi.Output.from_input(foundation.kms_key_arn)
        self.log_group_names = pulumi.Output.all(*[group.name for group in foundation.log_groups])
        self.replica_endpoints = pulumi.Output.from_input([])
        if foundation.engine.aurora:
            self._create_cluster(foundation)
        else:
            self._create_instances(foundation)
        notify_on_failed_rotation(self, f"{name}-rotation-failed", self.secret_arn, checked["alarm_topic_arns"], checked["tags"])
        self.register()

    def connect_arn(self, user_name: str) -> pulumi.Output[str]:
        """What a role is allowed ``rds-db:connect`` on to log in as a user whom ``user_sql`` creates.

        :raises ArgumentError: for a name that the engine refuses, and for the master user's.
        """
        self._refuse_user(user_name)
        return connect_arn(self.instance_arn, self.resource_id, user_name)

    def connect_statements(self, user_name: str) -> list[WorkloadStatementArgs]:
        """What a role needs to log in through IAM as a user whom ``user_sql`` creates.

        :raises ArgumentError: as ``connect_arn`` does.
        """
        return as_arguments([Statement(sid="DatabaseLogin", actions=["rds-db:connect"], resources=[self.connect_arn(user_name)])])

    def user_sql(self, user_name: str) -> str:
        """The SQL that creates a user who logs in through IAM, over TLS alone, with every right on the data of ``database_name``.

        The master user runs it in that database; it may run again, and it takes the password from a user who is there already. A user of
        PostgreSQL gets the rights on schema ``public`` and on the master user's tables in it.

        :raises ArgumentError: for a name that the engine refuses, for the master user's, and without ``database_name``.
        """
        self._refuse_user(user_name)
        database_name = self._checked.get("database_name")
        if database_name is None:
            self.refuse(("database_name", "is missing; the SQL of a user needs it. Give it."))
        return user_sql(ENGINES[self._checked["engine"]], user_name, database_name)

    def _refuse_user(self, user_name: str) -> None:
        master = self._checked["master_username"]
        if problem := ENGINES[self._checked["engine"]].user_name_problem(user_name):
            self.refuse(("user_name", f"is {user_name!r}; {problem}"))
        if user_name == master:
            self.refuse(("user_name", f"is {user_name!r}, the master user, who keeps the password. Use another, such as app."))

    def _create_cluster(self, foundation: Foundation) -> None:
        checked, name = foundation.checked, foundation.name
        group = aws.rds.ClusterParameterGroup(f"{name}-parameters", **foundation.parameter_group_inputs())
        capacity: aws.rds.ClusterServerlessv2ScalingConfigurationArgsDict | None = None
        if foundation.instance_class == "db.serverless":
            capacity = {"min_capacity": checked["min_capacity_units"], "max_capacity": checked["max_capacity_units"]}
        cluster = aws.rds.Cluster(
            f"{name}-cluster",
            cluster_identifier=foundation.identifier,
            serverlessv2_scaling_configuration=capacity,
            db_cluster_parameter_group_name=group.name,
            preferred_backup_window=checked["backup_window"],
            preferred_maintenance_window=checked["maintenance_window"],
            **foundation.storage_inputs(),
            **foundation.source_inputs("master_password_wo"),
            **content_inputs(checked),
            # AWS adds zones of its own choice to the cluster's.
            opts=_store_options(foundation, Upgrades(checked).of_database(f"{name}-cluster"), "availabilityZones"),
        )
        instances = [
            aws.rds.ClusterInstance(
                f"{name}-{zone}",
                cluster_identifier=cluster.id,
                engine=aws.rds.EngineType(foundation.engine.name),
                instance_class=foundation.instance_class,
                availability_zone=zone,
                db_subnet_group_name=foundation.subnet_group.name,
                apply_immediately=checked["apply_immediately"],
                copy_tags_to_snapshot=True,
                **foundation.server_inputs(),
                **foundation.insights_inputs(),
                tags={"Name": f"{name}-{zone}", **checked["tags"]},
                opts=self.child(),
            )
            for zone in sorted(checked["subnet_ids_by_zone"])[: 2 if checked["multi_az"] else 1]
        ]
        # A cluster without an instance has an address where nothing answers.
        self.address = after(cluster.endpoint, *instances)
        self.reader_address = after(cluster.reader_endpoint, *instances)
        self.port = cluster.port
        self.endpoint = pulumi.Output.concat(self.address, ":", cluster.port.apply(str))
        self.instance_id, self.resource_id = cluster.cluster_identifier, cluster.cluster_resource_id
        # What goes before the instances when the stack is destroyed, such as readers that autoscaling added, comes after them.
        self.instance_arn = after(cluster.arn, *instances)
        self.secret_arn = foundation.secret(cluster, self.address)
        identifier = cluster.cluster_identifier
        members = [instance.identifier for instance in instances]
        report(self, name, checked, Watched({"DBClusterIdentifier": identifier}, foundation.instance_class, members, identifier))

    def _create_instances(self, foundation: Foundation) -> None:
        checked, name = foundation.checked, foundation.name
        instance = aws.rds.Instance(
            f"{name}-instance",
            allocated_storage=checked.get("allocated_storage_gib"),
            multi_az=checked["multi_az"],
            backup_window=checked["backup_window"],
            **_instance_inputs(foundation),
            **foundation.source_inputs("password_wo"),
            **content_inputs(checked),
            opts=_store_options(foundation, Upgrades(checked).of_database(f"{name}-instance")),
        )
        self.address = self.reader_address = instance.address
        self.port, self.endpoint = instance.port, instance.endpoint
        self.instance_id, self.instance_arn, self.resource_id = instance.identifier, instance.arn, instance.resource_id
        self.secret_arn = foundation.secret(instance, instance.address)
        identifier = instance.identifier
        report(self, name, checked, Watched({"DBInstanceIdentifier": identifier}, foundation.instance_class, [identifier]))
        if checked.get("replica") is not None:
            there = Foundation(self, f"{name}-replica", checked, source=foundation)
            replica = aws.rds.Instance(
                f"{name}-replica",
                replicate_source_db=instance.arn,
                # RDS refuses a final snapshot of a replica; the data is the source's.
                skip_final_snapshot=True,
                **_instance_inputs(there),
                **there.replica_inputs(),
                opts=_store_options(there, Upgrades(checked).of_replica(f"{name}-replica")),
            )
            self.replica_endpoints = pulumi.Output.all(replica.endpoint)


def _instance_inputs(foundation: Foundation) -> dict[str, Any]:
    """Inputs of an RDS instance and of its replica in another region."""
    checked = foundation.checked
    group = aws.rds.ParameterGroup(f"{foundation.name}-parameters", **foundation.parameter_group_inputs())
    return {
        "identifier": foundation.identifier,
        "instance_class": foundation.instance_class,
        # gp3 takes neither IOPS nor throughput below 400 GiB; above, it keeps its baseline.
        "storage_type": "gp3",
        "max_allocated_storage": checked.get("max_allocated_storage_gib"),
        "parameter_group_name": group.name,
        "maintenance_window": checked["maintenance_window"],
        **foundation.storage_inputs(),
        **foundation.server_inputs(),
    }


def _store_options(foundation: Foundation, hooks: pulumi.ResourceHookBinding, *ignored: str) -> pulumi.ResourceOptions:
    """Options of an instance, its replica or a cluster."""
    return foundation.component.child(
        protect=foundation.checked["deletion_protection"],
        # The name is fixed, so a replacement cannot stand beside the old one.
        delete_before_replace=True,
        ignore_changes=[*CREATION_INPUTS, *ignored],
        # The provider gives up after 40 minutes to create and 80 to update; a restore or an upgrade of a large database takes longer.
        custom_timeouts=pulumi.CustomTimeouts(create="4h", update="4h"),
        hooks=hooks,
    )


def child_names(checked: RelationalDatabaseArgs) -> dict[str, int]:
    """Limits of names: a role has 64 characters, a database 63; an instance of a cluster carries its zone."""
    longest_zone: str = max(checked["subnet_ids_by_zone"], key=len)
    return {"monitoring": 64, longest_zone if ENGINES[checked["engine"]].aurora else "replica": 63}


def _problems(name: str, checked: RelationalDatabaseArgs) -> Iterator[Problem]:
    """What is wrong with a database of this name and these arguments."""
    engine = ENGINES[checked["engine"]]
    yield from name_problems(name)
    if problem := engine.version_problem(checked["engine_version"]):
        yield "engine_version", f"is {checked['engine_version']!r}; {problem}"
    if problem := engine.master_name_problem(checked["master_username"]):
        yield "master_username", f"is {checked['master_username']!r}; {problem}"
    why = "RDS would upgrade in the maintenance window, and every update until then fails at the old parameter group"
    yield from needs(checked, "allow_major_version_upgrade", "apply_immediately", why=why)
    yield from _storage_problems(checked)
    yield from _capacity_problems(checked)
    yield from _replica_problems(checked)
    yield from restore_problems(checked)
    yield from window_problems("backup_window", checked["backup_window"], checked["maintenance_window"], shortest_minutes=30)
    if password := checked.get("password"):
        allowed = 'a password has 8 to 41 printable characters without / " @ and space'
        yield from credential_problems("password", password["value"], _PASSWORD, allowed)
    exports = checked.get("log_exports")
    if exports is not None and (others := sorted(set(exports) - set(engine.logs))):
        yield "log_exports", f"has {', '.join(others)}; {engine.name} exports {', '.join(engine.logs)}."
    if engine.tls_parameter_name in checked["parameters"]:
        yield f"parameters.{engine.tls_parameter_name}", "is set by the component: connections without TLS are refused. Remove it."
    yield from _insights_problems(checked)
    yield from needs(checked, "alarm_connections", "alarm_topic_arns")


def _storage_problems(checked: RelationalDatabaseArgs) -> Iterator[Problem]:
    engine = ENGINES[checked["engine"]]
    first, most = checked.get("allocated_storage_gib"), checked.get("max_allocated_storage_gib")
    if engine.aurora:
        for argument, size in (("allocated_storage_gib", first), ("max_allocated_storage_gib", most)):
            if size is not None:
                yield argument, f"is {size}; Aurora's storage grows by itself. Remove it."
    elif first is None:
        yield "allocated_storage_gib", f"is missing; {engine.name} needs a first size, 20 GiB or more."
    elif most is not None and most * 10 < first * 11:
        # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PIOPS.Autoscaling.html
        yield "max_allocated_storage_gib", f"is {most}; it must be at least a tenth more than allocated_storage_gib {first}."


def _capacity_problems(checked: RelationalDatabaseArgs) -> Iterator[Problem]:
    engine, least, most = ENGINES[checked["engine"]], checked["min_capacity_units"], checked.get("max_capacity_units")
    if checked["instance_class"] != "db.serverless":
        for argument, units in (("min_capacity_units", least), ("max_capacity_units", most)):
            if is_given(checked, argument):
                yield argument, f"is {units}; only instance_class db.serverless takes it. Remove it."
    elif not engine.aurora:
        yield "instance_class", f"is 'db.serverless'; only Aurora supports it, not {engine.name}. Use a class such as db.t4g.medium."
    elif most is None:
        yield "max_capacity_units", "is missing; db.serverless needs it."
    elif least > most:
        yield "min_capacity_units", f"is {least}, which is above max_capacity_units {most}. Lower it."


def _replica_problems(checked: RelationalDatabaseArgs) -> Iterator[Problem]:
    engine = ENGINES[checked["engine"]]
    if engine.aurora and is_given(checked, "replica"):
        yield "replica", f"is not supported with {engine.name}: Aurora crosses regions as a global database. Remove it."
    else:
        # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-secrets-manager.html#rds-secrets-manager-limitations
        yield from needs(checked, "replica", "password", why="RDS creates no replica of a database whose password it manages")
    replica, wanted = checked.get("replica"), checked["engine_version"]
    version = None if replica is None else replica.get("engine_version")
    if version is None:
        return
    if problem := engine.version_problem(version):
        yield "replica.engine_version", f"is {version!r}; {problem}"
    elif engine.is_below(version, wanted):
        yield (
            "replica.engine_version",
            f"is {version!r}, below engine_version {wanted!r}; the replica is upgraded first. Raise it, or remove it.",
        )
    elif not engine.mysql and engine.family(version) != engine.family(wanted):
        reason = "RDS upgrades no replica of PostgreSQL to another major version. Remove it."
        yield "replica.engine_version", f"is {version!r}, with engine_version {wanted!r}; {reason}"


def _insights_problems(checked: RelationalDatabaseArgs) -> Iterator[Problem]:
    engine, wanted = ENGINES[checked["engine"]], checked.get("performance_insights")
    advanced = checked["database_insights_mode"] == "advanced"
    if (wanted or advanced) and not engine.has_insights(checked["instance_class"]):
        reason = f"is not supported on {checked['instance_class']} with {engine.name}. Remove it, or use a larger class."
        yield "performance_insights" if wanted else "database_insights_mode", reason
    elif advanced and wanted is False:
        yield "performance_insights", "is False; database_insights_mode 'advanced' needs it. Remove it."
