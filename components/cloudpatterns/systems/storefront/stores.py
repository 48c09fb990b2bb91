"""What keeps the data: the database with its read replicas and the cache, and what the application gets to log in to them."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import pulumi

from cloudpatterns.core import Component, Problem, WorkloadStatementArgs, is_given, partition_of, pick, region_of
from cloudpatterns.database import (
    InMemoryCache,
    InMemoryCacheArgs,
    ReadReplica,
    ReadReplicaArgs,
    RelationalDatabase,
    RelationalDatabaseArgs,
)
from cloudpatterns.database.relational_database.engines import ENGINES
from cloudpatterns.systems.storefront.arguments import StorefrontArgs, StorefrontContainersArgs, StorefrontServersArgs

VARIABLES = frozenset(
    {
        *("DATABASE_ENGINE", "DATABASE_HOST", "DATABASE_NAME", "DATABASE_PORT", "DATABASE_USER"),
        *("CACHE_ENDPOINT", "CACHE_NAME", "CACHE_PORT", "CACHE_SERVERLESS", "CACHE_USER"),
    }
)
"""Variables of the application about database and cache, see ``environment``."""
REPLICA_VARIABLES = frozenset(f"CLOUDPATTERNS_REPLICAS_{name}" for name in ("HOST", "PORT", "USER", "ENGINE", "CONSISTENCY_SECONDS"))
"""Its variables about read replicas, those of ``ReadReplica.environment``."""


class Stores(NamedTuple):
    """Database, cache and, where there are some, read replicas."""

    database: RelationalDatabase
    cache: InMemoryCache
    reads: ReadReplica | None


def application(checked: StorefrontArgs) -> StorefrontServersArgs | StorefrontContainersArgs:
    """The servers or the containers, whichever there are."""
    servers = checked.get("servers")
    return checked["containers"] if servers is None else servers


def database_function(checked: StorefrontArgs) -> str:
    """The function of the firewall that knows the engine's port."""
    return ENGINES[checked["database"]["engine"]].engine_family


def database_arguments(checked: StorefrontArgs, group_ids: Sequence[pulumi.Input[str]]) -> RelationalDatabaseArgs:
    """The database."""
    return {
        **checked["database"],
        **pick(checked, "kms_key_arn", "alarm_topic_arns", "tags"),
        "subnet_ids_by_zone": checked["data_subnet_ids_by_zone"],
        "security_group_ids": list(group_ids),
    }


def replica_arguments(checked: StorefrontArgs, group_ids: Sequence[pulumi.Input[str]], **database: pulumi.Input[str]) -> ReadReplicaArgs:
    """The read replicas of an Aurora cluster; ``database`` is its ``database_arn``, ``resource_id`` and ``kms_key_arn``."""
    wiring: Any = database
    return {
        **checked["read_replicas"],
        **pick(checked, "alarm_topic_arns", "tags"),
        **wiring,
        "engine": checked["database"]["engine"],
        "subnet_ids_by_zone": checked["data_subnet_ids_by_zone"],
        "security_group_ids": list(group_ids),
    }


def cache_arguments(checked: StorefrontArgs, group_ids: Sequence[pulumi.Input[str]]) -> InMemoryCacheArgs:
    """The cache."""
    # A serverless cache has no nodes to watch.
    alarms = () if is_given(checked["cache"], "serverless") else ("alarm_topic_arns",)
    # ElastiCache publishes to no encrypted topic, which the one for e-mail addresses is: its events need a topic of the caller.
    no_events = bool(alarms and checked["alarm_email_addresses"]) and len(checked["alarm_topic_arns"]) == 1
    return {
        **checked["cache"],
        **pick(checked, "kms_key_arn", "tags", *alarms),
        **({"notification_topic_arn": ""} if no_events else {}),
        "subnet_ids_by_zone": checked["data_subnet_ids_by_zone"],
        "security_group_ids": list(group_ids),
    }


def variables(checked: StorefrontArgs) -> frozenset[str]:
    """Names of the variables that ``environment`` has."""
    return VARIABLES if checked.get("read_replicas") is None else VARIABLES | REPLICA_VARIABLES


def environment(checked: StorefrontArgs, stores: Stores) -> dict[str, pulumi.Input[str]]:
    """The variables that tell the application where database, replicas and cache are, and how to log in to them."""
    database, cache, reads = stores
    database_name = checked["database"].get("database_name")
    return {
        "DATABASE_ENGINE": database_function(checked),
        "DATABASE_HOST": database.address,
        "DATABASE_PORT": database.port.apply(str),
        **({} if database_name is None else {"DATABASE_NAME": database_name}),
        "DATABASE_USER": application(checked)["database_user"],
        **({} if reads is None else reads.environment()),
        "CACHE_ENDPOINT": cache.primary_endpoint,
        "CACHE_PORT": cache.port.apply(str),
        # An IAM login signs a token for this cache and this user.
        # https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth-iam.html#auth-iam-Connecting
        "CACHE_NAME": cache.replication_group_id,
        "CACHE_USER": cache.user_name,
        "CACHE_SERVERLESS": "true" if is_given(checked["cache"], "serverless") else "false",
    }


def login_statements(checked: StorefrontArgs, stores: Stores) -> list[WorkloadStatementArgs]:
    """What logging in to database, replicas and cache needs."""
    database, cache, reads = stores
    return [
        {"sid": "DatabaseLogin", "actions": ["rds-db:connect"], "resources": [database.connect_arn(application(checked)["database_user"])]},
        *([] if reads is None else reads.reader_statements()),
        {
            "sid": "CacheLogin",
            "actions": ["elasticache:Connect"],
            # The cache and the user: a login needs both.
            "resources": [cache.connect_arns.apply(lambda arns: arns[0]), cache.connect_arns.apply(lambda arns: arns[1])],
        },
    ]


def artifact_statements(servers: StorefrontServersArgs, regional_arn: pulumi.Output[str]) -> Iterator[WorkloadStatementArgs]:
    """What reading the artifact needs; ``regional_arn`` tells partition and region."""
    uri, key_arn = servers.get("artifact_uri"), servers.get("artifact_kms_key_arn")
    if uri is None:
        return
    # Named after its version, any version: a server that starts while a refresh is rolled back reads the one before.
    path = pulumi.Output.from_input(uri).apply(lambda text: text.removeprefix("s3://").replace(servers["artifact_sha256"], "*"))
    artifact_arn = pulumi.Output.concat("arn:", partition_of(regional_arn), ":s3:::", path)
    yield {"sid": "Artifact", "actions": ["s3:GetObject", "s3:GetObjectVersion"], "resources": [artifact_arn]}
    if key_arn is not None:
        yield {
            "sid": "ArtifactKey",
            "actions": ["kms:Decrypt"],
            "resources": [key_arn],
            "conditions": {
                "StringEquals": {"kms:ViaService": [pulumi.Output.concat("s3.", region_of(regional_arn), ".amazonaws.com")]},
                # The bucket where it uses a bucket key, else the object.
                "StringLike": {"kms:EncryptionContext:aws:s3:arn": [artifact_arn.apply(lambda arn: arn.partition("/")[0]), artifact_arn]},
            },
        }


def store_parts(checked: StorefrontArgs) -> Iterator[tuple[type[Component], str, str, Any]]:
    """The components of the stores, with made-up ids of others: class, suffix, argument and arguments."""
    yield RelationalDatabase, "db", "database", database_arguments(checked, ["sg-0"])
    yield InMemoryCache, "cache", "cache", cache_arguments(checked, ["sg-0"])
    if checked.get("read_replicas") is not None and ENGINES[checked["database"]["engine"]].aurora:
        made_up = {"database_arn": "arn:aws:rds:eu-west-1:123456789012:cluster:db", "resource_id": "cluster-0"}
        yield ReadReplica, "reads", "read_replicas", replica_arguments(checked, ["sg-0"], **made_up)


def replica_problems(checked: StorefrontArgs) -> Iterator[Problem]:
    """What does not go together with the database and the application."""
    replicas, engine = checked.get("read_replicas"), ENGINES[checked["database"]["engine"]]
    if replicas is None:
        return
    if not engine.aurora:
        # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-secrets-manager.html#rds-secrets-manager-limitations
        why = f"needs Aurora, and database.engine is {engine.name!r}: RDS creates no replica of a database whose password it manages"
        yield "read_replicas", f"{why}. Use aurora-{'mysql' if engine.mysql else 'postgresql'}, or remove read_replicas."
        return
    reader, master = replicas["reader_user_name"], checked["database"].get("master_username", "dbadmin")
    if reader == application(checked)["database_user"]:
        yield "read_replicas.reader_user_name", f"is {reader!r}, the application's user, who writes. Choose another name."
    elif reader == master:
        yield "read_replicas.reader_user_name", f"is {reader!r}, the master user, who logs in with a password. Choose another name."
