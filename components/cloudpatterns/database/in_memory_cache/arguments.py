"""Arguments of ``InMemoryCache``: the options that a user tunes, and what it stands among."""

from typing import Annotated, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.core import HIDDEN, Choice
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
from cloudpatterns.database._shared import HYPHENATED_NAME


class InMemoryCacheCredentialArgs(TypedDict):
    """A password or token of one's own; it goes through the program as a secret and stays in no plain state."""

    value: Annotated[pulumi.Input[str], HIDDEN]
    """A Pulumi secret of 16 to 128 characters; a token takes letters, digits and ``! & # $ ^ < > -``."""
    version: NotRequired[Annotated[int, Field(default=1, ge=1)]]
    """Raise it by one to set `value` anew. Default: 1."""
    rotation_function_arn: NotRequired[pulumi.Input[str]]
    """The function that rotates it, such as AWS's `SecretsManagerElasticacheUserRotation`. Default: nothing rotates it."""
    rotation_days: NotRequired[Annotated[int, Field(default=30, ge=1, le=1000)]]
    """Days between rotations, 1 to 1000. Default: 30."""


class InMemoryCacheServerlessArgs(TypedDict):
    """What a serverless cache may grow to; both bound the bill."""

    max_storage_gb: Annotated[int, Field(ge=1, le=5000)]
    """Data at most, 1 to 5000 GB."""
    max_ecpu_per_second: Annotated[int, Field(ge=1000, le=15_000_000)]
    """ElastiCache processing units a second at most, 1,000 to 15,000,000."""


class InMemoryCacheOptions(TypedDict):
    """What a user of `InMemoryCache` tunes."""

    engine: NotRequired[Annotated[str, Choice("valkey", "redis"), Field(default="valkey")]]
    """`valkey` or `redis`. Default: `valkey`."""
    engine_version: NotRequired[Annotated[str, Field(pattern=r"^\d+\.\d+$")]]
    """`7.2` and up for Valkey, `7.0` or `7.1` for Redis; raise it after AWS has upgraded by itself. Default: `8.1`, Redis `7.1`."""
    node_type: NotRequired[Annotated[str, Field(pattern=r"^cache\.[a-z0-9]+\.[a-z0-9]+$")]]
    """Such as `cache.t4g.small`. Needed unless `serverless` is given."""
    replicas: NotRequired[Annotated[int, Field(ge=0, le=5)]]
    """Nodes beside the primary, 0 to 5, in other zones; with one or more it fails over. Default: 1."""
    serverless: NotRequired[InMemoryCacheServerlessArgs]
    """A serverless cache instead of nodes; it answers on 6379, and on 6380 for reads. Default: nodes."""
    access_string: NotRequired[Annotated[str, Field(default="on ~* +@all")]]
    """What the user may do, as AWS gives it back. Default: `on ~* +@all`."""
    parameters: NotRequired[Annotated[dict[str, str], Field(default={})]]
    """Engine parameters. Default: the engine's."""
    snapshot_retention_days: NotRequired[Annotated[int, Field(default=7, ge=0, le=35)]]
    """Days that daily snapshots are kept, 0 (none) to 35. Default: 7."""
    snapshot_window: NotRequired[Annotated[DailyWindow, Field(default="02:00-03:00")]]
    """Daily window in UTC, `HH:MM-HH:MM`, an hour at least. Default: `02:00-03:00`."""
    maintenance_window: NotRequired[Annotated[WeeklyWindow, Field(default="sun:03:30-sun:04:30")]]
    """Weekly window in UTC, `ddd:HH:MM-ddd:HH:MM`, outside the snapshot window. Default: `sun:03:30-sun:04:30`."""
    skip_final_snapshot: NotRequired[Annotated[bool, Field(default=False)]]
    """Deletes without a last snapshot. A serverless cache never leaves one. Default: false."""
    final_snapshot_identifier: NotRequired[Annotated[str, Field(pattern=rf"^{HYPHENATED_NAME}$", max_length=255)]]
    """Name of the last snapshot. Default: one that is new for every cache; set it if AWS says that the name is taken."""
    deletion_protection: NotRequired[DeletionProtection]
    """Pulumi refuses to delete or replace the cache, also when `engine_version` fell behind AWS's own upgrades. Default: true."""
    auto_minor_version_upgrade: NotRequired[Annotated[bool, Field(default=True)]]
    """AWS upgrades minor versions in the maintenance window. Default: true."""
    apply_immediately: NotRequired[Annotated[bool, Field(default=True)]]
    """Changes take effect now instead of in the maintenance window. Waiting, more replicas stay without failover until then, and none
    instead of some is refused, because the failover that needs them is still on. Default: true."""
    log_retention_days: NotRequired[LogRetentionDays]
    """Days that slow and engine logs are kept, one of CloudWatch's numbers. Default: 365."""
    description: NotRequired[Annotated[str, Field(min_length=1, max_length=255)]]
    """Default: the component's name."""


class InMemoryCacheArgs(InMemoryCacheOptions):
    """Arguments of `InMemoryCache`: its options, and where it stands."""

    subnet_ids_by_zone: SubnetIdsByZone
    """Data subnets by zone; two zones at least for replicas, two or three for a serverless cache."""
    security_group_ids: SecurityGroupIds
    """Security groups that admit the callers and nobody else; at least one."""
    password: NotRequired[InMemoryCacheCredentialArgs]
    """A user with a password (RBAC), kept in Secrets Manager. Excludes `auth_token`. Default: the user logs in through IAM."""
    auth_token: NotRequired[InMemoryCacheCredentialArgs]
    """One token for everyone (AUTH), kept in Secrets Manager. Excludes `password`. Not for serverless."""
    notification_topic_arn: NotRequired[pulumi.Input[str]]
    """SNS topic for the cache's events (failover, replaced nodes). Default: none."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics told when a node runs out of processor or memory. Default: no alarms are made."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Key for data, logs and secret; its policy must let CloudWatch Logs use it. Default: a key is made, and kept
    for the sake of the final snapshot."""
    tags: NotRequired[Tags]
    """Tags of every child. Default: none."""
