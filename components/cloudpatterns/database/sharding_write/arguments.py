"""Arguments of ``ShardingWrite``: the options that a user tunes, and what it stands among."""

from typing import Annotated, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.core import Keys, Matches
from cloudpatterns.core.vocabulary import (
    SHORT_NAME,
    SHORT_NAME_WORDS,
    AlarmTopicArns,
    DeletionProtection,
    DualStack,
    KmsKeyArn,
    LogRetentionDays,
    Port,
    SecurityGroupIds,
    SubnetIdsByZones,
    Tags,
)
from cloudpatterns.database.relational_database.arguments import RelationalDatabaseOptions, RelationalDatabaseRestoreArgs


class ShardingWriteDatabaseArgs(TypedDict):
    """A database that is there, of the same engine."""

    address: pulumi.Input[str]
    """Host name of the writer."""
    reader_address: NotRequired[pulumi.Input[str]]
    """Host name for reads. Default: that of the writer."""
    port: NotRequired[Port]
    """Port. Default: 3306 or 5432, by the engine."""
    database_name: NotRequired[Annotated[str, Field(min_length=1, max_length=63)]]
    """The database on it. Default: that of ``database``."""
    secret_arn: NotRequired[pulumi.Input[str]]
    """ARN of the secret with user name and password of the master user. Default: the map names none."""
    instance_arn: NotRequired[pulumi.Input[str]]
    """ARN of the instance or Aurora cluster, for logins through IAM; with ``resource_id``. Default: ``connect_statements`` leave it out."""
    resource_id: NotRequired[pulumi.Input[str]]
    """The id that IAM policies name it by, such as ``db-ABCDEFGHIJKL``; with ``instance_arn``. Default: none."""


class ShardingWriteShardArgs(TypedDict):
    """What differs for one shard from ``database``; ``{}`` for nothing. See ``RelationalDatabase``."""

    existing_database: NotRequired[ShardingWriteDatabaseArgs]
    """A database that is there, such as the one that is to be spread over several. Nothing else is given then. Default: a new one."""
    instance_class: NotRequired[str]
    """Instance class. Default: that of ``database``."""
    engine_version: NotRequired[str]
    """Version, to upgrade one shard before the others. Default: that of ``database``."""
    allow_major_version_upgrade: NotRequired[bool]
    """Lets a higher major version upgrade it in place. Default: that of ``database``."""
    apply_immediately: NotRequired[bool]
    """Changes take effect at once. Default: that of ``database``."""
    allocated_storage_gib: NotRequired[int]
    """First size of the storage. Default: that of ``database``."""
    max_allocated_storage_gib: NotRequired[int]
    """Storage grows up to this size. Default: that of ``database``."""
    restore_from: NotRequired[RelationalDatabaseRestoreArgs]
    """Restores this shard when it is created. Default: that of ``database``."""
    deletion_protection: NotRequired[bool]
    """False before a shard is removed. Default: that of ``database``."""


class ShardingWriteTableArgs(TypedDict):
    """A table that is there: its partition key is the text ``id``, and it has no sort key."""

    arn: Annotated[pulumi.Input[str], Matches(r"arn:[^:]+:dynamodb:[^:]+:\d{12}:table/[a-zA-Z0-9_.-]+", "the ARN of a DynamoDB table")]
    """ARN of the table. It is no global table: two Regions would change the map at the same time."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Its customer managed key. Default: the table has a key of AWS's."""


class ShardingWriteOptions(TypedDict):
    """What a user of ``ShardingWrite`` tunes."""

    shards: Annotated[dict[str, ShardingWriteShardArgs], Keys(SHORT_NAME, SHORT_NAME_WORDS), Field(min_length=1, max_length=100)]
    """The databases by name, ``{"a": {}, "b": {}}``. A new one has no keys until a move to it; remove one when a move has emptied it."""
    database: RelationalDatabaseOptions
    """What all shards have, see ``RelationalDatabase``; each shard can differ. ``identifier`` and ``final_snapshot_identifier`` are of one
    database and not allowed."""
    first_shards: NotRequired[list[str]]
    """The shards that have the keys in the first map; later changes have no effect. Default: all that are there then."""
    slots: NotRequired[Annotated[int, Field(default=4096, ge=1, le=65_536)]]
    """Number of slots, which move one by one, for good: 4096 suit up to about a hundred shards. The map refuses a change."""
    map_name: NotRequired[
        Annotated[str, Matches(r"[a-zA-Z0-9_.-]{1,255}", "letters, digits and _.- such as shards"), Field(default="shards")]
    ]
    """Id of the map's item in the table. A change makes a new first map: keep it."""
    deletion_protection: NotRequired[DeletionProtection]
    """Whether AWS refuses to delete the new table of the map. Databases have their own, ``database.deletion_protection``."""
    log_retention_days: NotRequired[LogRetentionDays]
    """Days that the log of the function that writes the map is kept."""


class ShardingWriteArgs(ShardingWriteOptions):
    """Arguments of ``ShardingWrite``: its options, and what it stands among."""

    subnet_ids_by_zone: SubnetIdsByZones
    """Data subnets of the databases."""
    security_group_ids: SecurityGroupIds
    """Security groups of the databases, which admit the callers and nobody else."""
    existing_table: NotRequired[ShardingWriteTableArgs]
    """A table that is there for the map, such as that of another ``ShardingWrite`` with another ``map_name``. Default: a new one."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Key of all new databases and of the new table; its policy must let CloudWatch Logs use it. Default: a new key for each."""
    dual_stack: NotRequired[DualStack]
    """IPv6 beside IPv4 for the databases; the subnets must have it."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify of what ``RelationalDatabase`` reports of each database, and of throttled requests for the map."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some."""
