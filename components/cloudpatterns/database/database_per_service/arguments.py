"""Arguments of ``DatabasePerService``: the options that a user tunes, and what it stands among."""

from typing import Annotated, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.core import Choice, Keys, TableKeyArgs
from cloudpatterns.core.tables import AttributeName, TableIndexes
from cloudpatterns.core.vocabulary import (
    SHORT_NAME,
    SHORT_NAME_WORDS,
    AlarmTopicArns,
    DeletionProtection,
    LogRetentionDays,
    SubnetIdsByZones,
    Tags,
)
from cloudpatterns.database._shared import InstanceClass
from cloudpatterns.database.relational_database.arguments import RelationalDatabaseOptions


class DatabasePerServiceTableArgs(TypedDict):
    """A DynamoDB table on demand, with point-in-time recovery."""

    partition_key: TableKeyArgs
    """Partition key. Another one replaces the table."""
    sort_key: NotRequired[TableKeyArgs]
    """Sort key. Another one replaces the table. Default: none."""
    indexes: NotRequired[TableIndexes]
    """Global secondary indexes by name. After the table exists, add or remove one in each update: DynamoDB builds one at a time."""
    ttl_attribute: NotRequired[AttributeName]
    """Attribute with the time, in seconds since 1970, after which an item is deleted, within days. Default: none."""
    stream: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether the table has a stream of its changes, with each item before and after it."""
    deletion_protection: NotRequired[DeletionProtection]
    """Whether AWS refuses to delete the table."""


class DatabasePerServiceDocumentsArgs(TypedDict):
    """A DocumentDB cluster, which speaks MongoDB's protocol. Its password is in a secret that DocumentDB rotates, under AWS's own key of
    Secrets Manager: the provider has no argument for another.
    """

    engine_version: NotRequired[Annotated[str, Choice("5.0.0", "8.0.0"), Field(default="5.0.0")]]
    """Version of the engine. A higher one needs ``allow_major_version_upgrade``; there is no way back."""
    allow_major_version_upgrade: NotRequired[Annotated[bool, Field(default=False)]]
    """Lets a higher ``engine_version`` upgrade the cluster in place, with an outage. Needs ``apply_immediately``."""
    apply_immediately: NotRequired[Annotated[bool, Field(default=False)]]
    """Changes take effect at once, with the outage that some cause, instead of in the maintenance window."""
    instance_class: NotRequired[Annotated[InstanceClass, Field(default="db.r6g.large")]]
    """Instance class."""
    instance_count: NotRequired[Annotated[int, Field(default=2, ge=1, le=16)]]
    """Instances, over the zones in turn: the first writes, the others read and take over."""
    backup_retention_days: NotRequired[Annotated[int, Field(default=30, ge=1, le=35)]]
    """Days that automated backups are kept."""
    deletion_protection: NotRequired[DeletionProtection]
    """AWS refuses to delete the cluster, and Pulumi to delete or replace it."""


class DatabasePerServiceServiceArgs(TypedDict):
    """The store of one service: exactly one of ``table``, ``relational`` and ``documents``."""

    table: NotRequired[DatabasePerServiceTableArgs]
    """A DynamoDB table. Exactly one of the three."""
    relational: NotRequired[RelationalDatabaseOptions]
    """A relational database, such as PostgreSQL; see ``RelationalDatabase``. Exactly one of the three."""
    documents: NotRequired[DatabasePerServiceDocumentsArgs]
    """A DocumentDB cluster. Exactly one of the three."""
    user_name: NotRequired[Annotated[str, Field(default="app", min_length=1, max_length=32)]]
    """User as whom the service logs in to ``relational`` through IAM; ``user_sql`` has the SQL that creates it."""


class DatabasePerServiceOptions(TypedDict):
    """What a user tunes of a ``DatabasePerService``."""

    services: Annotated[dict[str, DatabasePerServiceServiceArgs], Keys(SHORT_NAME, SHORT_NAME_WORDS), Field(min_length=1, max_length=40)]
    """The stores by the name of their service."""
    log_retention_days: NotRequired[LogRetentionDays]
    """Days that the audit logs of ``documents`` are kept; ``relational`` has its own."""


class DatabasePerServiceArgs(DatabasePerServiceOptions):
    """Arguments of ``DatabasePerService``: its options, and what it stands among."""

    vpc_id: NotRequired[pulumi.Input[str]]
    """VPC of the security groups. Needed with ``relational`` and ``documents``."""
    subnet_ids_by_zone: NotRequired[SubnetIdsByZones]
    """Data subnets by zone. Needed with ``relational`` and ``documents``."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify of throttled requests to a table, of what ``RelationalDatabase`` reports, and of a cluster without memory."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some; each store also has a tag ``Service``."""
