"""Arguments of ``InMemoryCache``: the options that a user tunes, and what it stands among."""

from typing import Annotated, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.core import HIDDEN, Choice, Matches
from cloudpatterns.core.vocabulary import (
    AlarmTopicArns,
    DailyWindow,
    DeletionProtection,
    KmsKeyArn,
    LogRetentionDays,
    SecurityGroupIds,
    SubnetIdsByZone,
    Tags,
    WeeklyWindow,
)
from cloudpatterns.database._shared import CredentialOptions, HyphenatedName


class InMemoryCacheCredentialArgs(CredentialOptions):
    """A password or token that the caller gives; it goes through the program as a secret and is in no plain state."""

    value: Annotated[pulumi.Input[str], HIDDEN]
    """A Pulumi secret of 16 to 128 characters; a token takes letters, digits and ``! & # $ ^ < > -``."""
    rotation_function_arn: NotRequired[pulumi.Input[str]]
    """The function that rotates it, such as AWS's ``SecretsManagerElasticacheUserRotation``. Default: nothing rotates it."""


class InMemoryCacheServerlessArgs(TypedDict):
    """How far a serverless cache may grow; both limits bound the bill."""

    max_storage_gb: Annotated[int, Field(ge=1, le=5000)]
    """Most data, in GB."""
    max_ecpu_per_second: Annotated[int, Field(ge=1000, le=15_000_000)]
    """Most ElastiCache processing units per second."""


class InMemoryCacheOptions(TypedDict):
    """What a user of ``InMemoryCache`` tunes."""

    engine: NotRequired[Annotated[str, Choice("valkey", "redis"), Field(default="valkey")]]
    """The engine."""
    engine_version: NotRequired[Annotated[str, Matches(r"\d+\.\d+", "a major and a minor version such as 8.1")]]
    """``7.2`` and up for Valkey, ``7.0`` or ``7.1`` for Redis; raise it after AWS has upgraded by itself. Default: Valkey ``8.1``, Redis
    ``7.1``."""
    node_type: NotRequired[Annotated[str, Matches(r"cache\.[a-z0-9]+\.[a-z0-9]+", "a node type such as cache.t4g.small")]]
    """Type of the nodes. Exactly one of ``node_type`` and ``serverless``."""
    replicas: NotRequired[Annotated[int, Field(default=1, ge=0, le=5)]]
    """Nodes beside the primary, in other zones; with one or more the cache fails over."""
    serverless: NotRequired[InMemoryCacheServerlessArgs]
    """A serverless cache; it answers on port 6379, and on 6380 for reads. Exactly one of ``node_type`` and ``serverless``."""
    access_string: NotRequired[Annotated[str, Field(default="on ~* +@all")]]
    """What the user may do, in the form in which AWS returns it."""
    parameters: NotRequired[Annotated[dict[str, str], Field(default={})]]
    """Engine parameters that differ from the engine's own."""
    snapshot_retention_days: NotRequired[Annotated[int, Field(default=7, ge=0, le=35)]]
    """Days that daily snapshots are kept; with 0 there are none."""
    snapshot_window: NotRequired[Annotated[DailyWindow, Field(default="02:00-03:00")]]
    """Daily window for snapshots, an hour or more."""
    maintenance_window: NotRequired[Annotated[WeeklyWindow, Field(default="sun:03:30-sun:04:30")]]
    """Weekly window for maintenance, an hour or more, outside the snapshot window."""
    skip_final_snapshot: NotRequired[Annotated[bool, Field(default=False)]]
    """Deletes without a final snapshot. A serverless cache never leaves one."""
    final_snapshot_identifier: NotRequired[Annotated[HyphenatedName, Field(max_length=255)]]
    """Name of the final snapshot. Default: a new one for every cache; set it if AWS says that the name is taken."""
    restore_from_snapshot: NotRequired[Annotated[str, Field(min_length=1, max_length=255)]]
    """Snapshot with which a new cache begins: its name, or its ARN with ``serverless``. It counts when the cache is created; afterwards it
    may stay, change or go. Default: an empty cache."""
    deletion_protection: NotRequired[DeletionProtection]
    """Pulumi refuses to delete or replace the cache, also when ``engine_version`` is behind AWS's own upgrades."""
    auto_minor_version_upgrade: NotRequired[Annotated[bool, Field(default=True)]]
    """AWS upgrades minor versions in the maintenance window."""
    apply_immediately: NotRequired[Annotated[bool, Field(default=True)]]
    """Changes take effect at once instead of in the maintenance window. If they wait, added replicas are without failover until then, and
    the removal of all replicas is refused, because the failover that needs them is still on."""
    log_retention_days: NotRequired[LogRetentionDays]
    """Days that slow log and engine log are kept."""
    description: NotRequired[Annotated[str, Field(min_length=1, max_length=255)]]
    """Description of the cache. Default: one with the component's name."""


class InMemoryCacheArgs(InMemoryCacheOptions):
    """Arguments of ``InMemoryCache``: its options, and what it stands among."""

    subnet_ids_by_zone: SubnetIdsByZone
    """Data subnets by zone; two zones or more for replicas, two or three for a serverless cache."""
    security_group_ids: SecurityGroupIds
    """Security groups that admit the callers and nobody else."""
    password: NotRequired[InMemoryCacheCredentialArgs]
    """A user with a password (RBAC), kept in Secrets Manager. Excludes ``auth_token``. Default: the user logs in through IAM."""
    auth_token: NotRequired[InMemoryCacheCredentialArgs]
    """One token for all callers (AUTH), kept in Secrets Manager. Excludes ``password`` and ``serverless``. Default: no token."""
    notification_topic_arn: NotRequired[pulumi.Input[str]]
    """SNS topic for events (failover, replaced nodes), of this account and region. ElastiCache publishes only to a topic that is
    not encrypted and whose policy has the condition ``aws:SourceOwner``. An empty text stands for no topic.
    Default: the first of ``alarm_topic_arns``, else none."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify when a node runs out of processor or memory, and of a failed rotation of the password or token, which needs a
    trail of management events and topic policies that let ``events.amazonaws.com`` publish. Without any, nothing is reported."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Key for data, logs and secret; its policy must let CloudWatch Logs use it. Default: a new key, which stays when the cache goes,
    because the final snapshot cannot be read without it."""
    tags: NotRequired[Tags]
    """Tags of every child."""
