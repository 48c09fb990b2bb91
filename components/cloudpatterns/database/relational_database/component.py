"""A relational database with a standby in a second zone.

Pattern: "Database Replication" (Cloud Design Patterns for AWS) and the data tier of an N-tier architecture. Makes an RDS instance (MySQL,
PostgreSQL) with a Multi-AZ standby, or an Aurora cluster with an instance per zone, private, encrypted under a customer key, reachable over
TLS alone, with backups, log groups, Enhanced Monitoring and, where asked for, alarms and a replica in another region.
"""

import re
from typing import Any

import pulumi

from cloudpatterns.core import ArgumentError, Component
from cloudpatterns.core.component import check_names
from cloudpatterns.database._shared import HYPHENATED_NAME
from cloudpatterns.database.relational_database.arguments import RelationalDatabaseArgs
from cloudpatterns.database.relational_database.aurora import make_cluster
from cloudpatterns.database.relational_database.engines import ENGINES, Engine, window_minutes, windows_overlap
from cloudpatterns.database.relational_database.foundation import Foundation, make_foundation
from cloudpatterns.database.relational_database.instance import make_instance, make_replica

_SHORTEST_WINDOW_MINUTES = 30
# https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html: the shortest limit of the engines, MySQL's
_PASSWORD = r"""[!#-.0-?A-~]{8,41}"""


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
    return re.fullmatch(HYPHENATED_NAME, name) is None


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
