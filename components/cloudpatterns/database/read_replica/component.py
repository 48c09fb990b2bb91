"""Replicas that serve reads, beside the one writer.

Pattern: "Read Replica" (Cloud Design Patterns for AWS).
"""

from collections.abc import Iterator

import pulumi

from cloudpatterns.core import (
    Component,
    Problem,
    Statement,
    WorkloadStatementArgs,
    as_arguments,
    by_name,
    excludes,
    is_given,
    needs,
    one_of,
)
from cloudpatterns.database._shared import name_problems
from cloudpatterns.database.read_replica.arguments import ReadReplicaArgs
from cloudpatterns.database.read_replica.cluster import create_readers
from cloudpatterns.database.read_replica.instances import create_replicas
from cloudpatterns.database.relational_database.engines import ENGINES
from cloudpatterns.database.relational_database.users import reader_sql

_PREFIX = "CLOUDPATTERNS_REPLICAS_"
_OF_AURORA = (
    *("subnet_ids_by_zone", "resource_id", "min_readers", "max_readers", "target_cpu_percent", "target_connections"),
    *("scale_in_cooldown_seconds", "scale_out_cooldown_seconds", "max_connections_percent", "connection_borrow_timeout_seconds"),
)
_OF_RDS = (
    *("engine_version", "instance_class", "max_allocated_storage_gib", "replicas", "record_name", "vpc_id", "existing_hosted_zone_id"),
)


class ReadReplica(Component):
    """Read-only copies of a database, and one address that spreads reads over them (Cloud Design Patterns for AWS, "Read Replica").

    For an Aurora cluster: readers that autoscaling adds and removes, and an RDS Proxy whose endpoint reaches readers alone, over TLS and
    with IAM logins; no password is needed. Readers that autoscaling added are removed before the cluster when the stack is destroyed. For
    an RDS instance: replicas in zones or other Regions, and weighted records in a private zone, from which Route 53 takes replicas that
    lag, are broken or fall silent. Replicas take no writes, and the user of reads has read rights alone::

        database = RelationalDatabase("orders", {"engine": "aurora-postgresql", ...})
        reads = ReadReplica("reads", {"engine": "aurora-postgresql", "database_arn": database.instance_arn, ...})

    The callers' security groups reach ``security_group_ids``, and with Aurora these reach those of the cluster. A server needs::

        "environment": reads.environment(), "statements": reads.reader_statements()

    and, of the writer, its address and ``database.connect_statements``. It asks ``cloudpatterns_runtime.replicas`` where a read goes: a
    visitor who has just written reads from the writer; its page is `docs/runtime/replicas.md`.

    **Use when**: reads outgrow the writer, or reports must not slow it down.

    **Not when**: the same few rows are read again and again, for which ``InMemoryCache`` is cheaper, or every read must see every write.

    **Cost drivers**: each reader by the hour; the proxy by the vCPU of the instances behind it; traffic between zones and Regions.

    **Trade-offs**: reads are milliseconds (Aurora) to seconds (RDS) behind. A proxy keeps connections open, so Aurora Serverless does not
    pause. The record's name is not in the certificates of RDS: the library resolves it first.

    **Proven by**: controls ``rds-proxy-tls-required``, ``rds-private``, ``rds-encrypted``, ``rds-iam-authentication``,
    ``health-check-silence``; ``test_read_replica.py``, ``test_read_replica_instances.py``, ``test_read_replica_on_aws.py``, and
    ``test_replicas.py`` of the library, on PostgreSQL with a streaming replica.
    """

    reader_host: pulumi.Output[str]
    """Host name for reads: the read-only endpoint of Aurora's proxy, or the name of the weighted records."""
    reader_port: pulumi.Output[int]
    """Port, 3306 or 5432."""
    reader_user_name: pulumi.Output[str]
    """The database user with read rights alone."""
    connect_arns: pulumi.Output[list[str]]
    """What a role is allowed ``rds-db:connect`` on to log in where reads go, as ``reader_statements()`` has it."""
    proxy_arn: pulumi.Output[str]
    """The proxy; empty for an RDS instance."""
    replica_arns: pulumi.Output[dict[str, str]]
    """Replicas of an RDS instance by name; empty for Aurora."""
    replica_addresses: pulumi.Output[dict[str, str]]
    """Host names of the replicas by name; empty for Aurora."""
    hosted_zone_id: pulumi.Output[str]
    """The private zone; empty for Aurora."""
    variables: pulumi.Output[dict[str, str]]
    """Environment variables of the application, as ``environment()`` has them."""

    def __init__(self, name: str, args: ReadReplicaArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        checked = self.begin(name, args, opts, problems=lambda found: _problems(name, found), names=_child_names)
        self._checked = checked
        engine = ENGINES[checked["engine"]]
        reads = create_readers(self, name, checked) if engine.aurora else create_replicas(self, name, checked)
        self._connect_arns, self.reader_host = reads.connect_arns, reads.host
        self.connect_arns = pulumi.Output.all(*reads.connect_arns)
        self.proxy_arn = pulumi.Output.from_input(reads.proxy_arn)
        self.replica_arns = by_name({key: replica.arn for key, replica in reads.replicas.items()})
        self.replica_addresses = by_name({key: replica.address for key, replica in reads.replicas.items()})
        self.hosted_zone_id = pulumi.Output.from_input(reads.hosted_zone_id)
        self.reader_port = pulumi.Output.from_input(engine.port)
        self.reader_user_name = pulumi.Output.from_input(checked["reader_user_name"])
        self.variables = pulumi.Output.all(**self.environment())
        self.register()

    def environment(self) -> dict[str, pulumi.Input[str]]:
        """Environment variables of a server, function or container: for ``Reads.from_environment`` of the library; no secret."""
        checked = self._checked
        return {
            f"{_PREFIX}HOST": self.reader_host,
            f"{_PREFIX}PORT": str(ENGINES[checked["engine"]].port),
            f"{_PREFIX}USER": checked["reader_user_name"],
            f"{_PREFIX}ENGINE": checked["engine"],
            f"{_PREFIX}CONSISTENCY_SECONDS": str(checked["consistency_seconds"]),
        }

    def reader_statements(self) -> list[WorkloadStatementArgs]:
        """What the role of a server, function or container needs to log in where reads go."""
        return as_arguments([Statement(sid="Reads", actions=["rds-db:connect"], resources=self._connect_arns)])

    def reader_sql(self, database_name: str) -> str:
        """The SQL that creates the user of reads, who logs in through IAM, over TLS alone, and reads the data of one database.

        The master user runs it in that database, on the writer; it may run again. In PostgreSQL it is about schema ``public``, and about
        tables of the user who runs it: every other user who creates tables runs it too, after the master user.
        """
        return reader_sql(ENGINES[self._checked["engine"]], self._checked["reader_user_name"], database_name)


def _child_names(checked: ReadReplicaArgs) -> dict[str, int]:
    """Limits of names: a proxy, its endpoint and an instance have 63 characters, a role and a function 64."""
    if ENGINES[checked["engine"]].aurora:
        return {"proxy-reads": 63, "remover-role": 64}
    return {"monitoring": 64, **dict.fromkeys(checked["replicas"], 63)}


def _problems(name: str, checked: ReadReplicaArgs) -> Iterator[Problem]:
    engine = ENGINES[checked["engine"]]
    yield from name_problems(name)
    if problem := engine.user_name_problem(checked["reader_user_name"]):
        yield "reader_user_name", f"is {checked['reader_user_name']!r}; {problem}"
    others, kind = (_OF_RDS, "an RDS instance") if engine.aurora else (_OF_AURORA, "Aurora")
    for argument in others:
        if is_given(checked, argument):
            yield argument, f"is given; it is for {kind}, and engine is {engine.name}. Remove it."
    arn, part = checked["database_arn"], ":cluster:" if engine.aurora else ":db:"
    if isinstance(arn, str) and part not in arn:
        yield "database_arn", f"is {arn!r}; with {engine.name} it is the ARN of a {'cluster' if engine.aurora else 'database'} ({part})."
    yield from _cluster_problems(checked) if engine.aurora else _instance_problems(checked)


def _cluster_problems(checked: ReadReplicaArgs) -> Iterator[Problem]:
    for argument in ("resource_id", "subnet_ids_by_zone"):
        if not is_given(checked, argument):
            yield argument, f"is missing; {checked['engine']} needs it. Give it."
    least, most = checked["min_readers"], checked["max_readers"]
    if least > most:
        yield "min_readers", f"is {least}, above max_readers, {most}. Lower it, or raise max_readers."
    if is_given(checked, "target_connections") and is_given(checked, "target_cpu_percent"):
        yield "target_connections", "excludes target_cpu_percent: one of them decides; both are given. Remove one of them."


def _instance_problems(checked: ReadReplicaArgs) -> Iterator[Problem]:
    engine, replicas, version = ENGINES[checked["engine"]], checked["replicas"], checked.get("engine_version")
    for argument in ("replicas", "record_name"):
        if not is_given(checked, argument):
            yield argument, f"is missing; {engine.name} needs it. Give it."
    yield from one_of(checked, "vpc_id", "existing_hosted_zone_id")
    if version is not None and (problem := engine.version_problem(version)):
        yield "engine_version", f"is {version!r}; {problem}"
    if replicas and not any(place["weight"] for place in replicas.values()):
        yield "replicas", "have the weight 0 alone, so every one gets reads in equal shares. Give those that should have some a weight."
    for key, place in replicas.items():
        path = f"replicas.{key}."
        if not is_given(checked, "instance_class") and not is_given(place, "instance_class"):
            yield "instance_class", f"is missing; {path[:-1]} needs it. Give it, here or there."
        if is_given(place, "region"):
            yield from needs(place, "region", "subnet_ids_by_zone", "security_group_ids", path=path)
            yield from excludes(place, "region", "zone", path=path, why="the subnets have the zones of another Region")
            if version is None:
                yield (
                    "engine_version",
                    f"is missing; {path}region needs it: its parameter group has the family of the version. Give it.",
                )
        for argument in ("subnet_ids_by_zone", "kms_key_arn", "alarm_topic_arns"):
            yield from needs(place, argument, "region", path=path, why="elsewhere it is the instance's")
