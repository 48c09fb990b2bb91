"""Arguments of ``RelationalDatabase``: the options that a user tunes, and what it stands among."""

from typing import Annotated, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.core import HIDDEN, Choice, Matches
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
from cloudpatterns.database._shared import CredentialOptions, HyphenatedName, InstanceClass
from cloudpatterns.database.relational_database.engines import ENGINES


class RelationalDatabasePasswordArgs(CredentialOptions):
    """A master password that the caller gives, and the function that rotates it."""

    value: Annotated[pulumi.Input[str], HIDDEN]
    """The first password, a Pulumi secret: 8 to 41 printable characters without ``/ " @`` and space. It is rotated at once."""
    rotation_function_arn: pulumi.Input[str]
    """The function that rotates the secret, such as AWS's ``SecretsManagerRDSMySQLRotationSingleUser``; it must reach the database."""


class RelationalDatabaseReplicaArgs(TypedDict):
    """A read replica in another region, to be promoted when the first region is lost."""

    region: Region
    """The other region."""
    subnet_ids_by_zone: SubnetIdsByZones
    """Data subnets of a VPC in that region, by zone."""
    security_group_ids: SecurityGroupIds
    """Security groups in that region."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """A key in that region for storage and logs; its policy must let CloudWatch Logs use it. Default: a new key."""
    instance_class: NotRequired[InstanceClass]
    """Instance class of the replica. Default: that of the database."""
    engine_version: NotRequired[str]
    """Version of an existing replica, for an upgrade: the replica is upgraded in one update, the database in the next. Default: a new
    replica has the version of the database, and keeps it but for minor upgrades."""


class RelationalDatabaseRestoreArgs(TypedDict):
    """What a new database is restored from: a snapshot, or an existing or deleted database at a point in time."""

    snapshot_identifier: NotRequired[Annotated[str, Field(min_length=1, max_length=255)]]
    """Name or ARN of a snapshot; exactly one of ``snapshot_identifier``, ``source_identifier`` and ``source_resource_id``."""
    source_identifier: NotRequired[Annotated[str, Field(min_length=1, max_length=255)]]
    """Identifier of an existing instance, or of an Aurora cluster. Exactly one of the three."""
    source_resource_id: NotRequired[
        Annotated[str, Matches(r"(db|cluster)-[A-Z0-9]+", "a resource id such as db-ABCDEFGHIJKLMNOPQRSTUVWXYZ")]
    ]
    """Resource id of an instance or a cluster that exists, or that is deleted and whose automated backups are kept. Exactly one of the
    three."""
    restore_time: NotRequired[Annotated[str, Matches(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "a time in UTC such as 2027-01-31T03:00:00Z")]]
    """The point in time, with a source. Default: the latest that its backups allow."""


class RelationalDatabaseOptions(TypedDict):
    """What a user of ``RelationalDatabase`` tunes."""

    engine: Annotated[str, Choice(*ENGINES)]
    """The engine."""
    engine_version: str
    """A version in standard support, such as ``8.4`` (MySQL) or ``17`` (PostgreSQL). Without the last part, minor upgrades show no
    difference."""
    instance_class: InstanceClass
    """Instance class; ``db.serverless`` is for Aurora and needs ``max_capacity_units``."""
    allocated_storage_gib: NotRequired[Annotated[int, Field(ge=20, le=65_536)]]
    """First size of the storage. Needed with ``mysql`` and ``postgres``; Aurora's storage grows by itself."""
    max_allocated_storage_gib: NotRequired[Annotated[int, Field(ge=22, le=65_536)]]
    """Storage grows by itself up to this size, at least a tenth more than the first one. Default: it does not grow."""
    multi_az: NotRequired[Annotated[bool, Field(default=True)]]
    """A standby in a second zone; for Aurora, an instance in each of the first two zones instead of one."""
    min_capacity_units: NotRequired[Annotated[float, Field(default=0.5, ge=0, le=256, multiple_of=0.5)]]
    """Aurora capacity units of ``db.serverless`` at rest; 0 pauses the database when it is idle."""
    max_capacity_units: NotRequired[Annotated[float, Field(ge=1, le=256, multiple_of=0.5)]]
    """Most Aurora capacity units of ``db.serverless``. Needed with it."""
    database_name: NotRequired[
        Annotated[str, Matches(r"[A-Za-z][A-Za-z0-9_]{0,62}", "1 to 63 letters, digits and underscores, a letter first, such as shop")]
    ]
    """Name of a first database; a change creates no other. Default: none is created."""
    master_username: NotRequired[Annotated[str, Field(default="dbadmin")]]
    """Name of the master user. Changing it replaces the database."""
    restore_from: NotRequired[RelationalDatabaseRestoreArgs]
    """Restores the database when it is created; later changes have no effect, and it may be removed. ``engine``, the major version,
    ``database_name`` and ``master_username`` are those of the source, which must be encrypted. An instance keeps the source's key; with
    ``password``, give the source's password. Default: an empty database."""
    identifier: NotRequired[Annotated[HyphenatedName, Field(max_length=63)]]
    """Fixed name in AWS. Default: the component's name and a random suffix."""
    parameters: NotRequired[Annotated[dict[str, str], Field(default={})]]
    """More engine parameters; they take effect at the next reboot. Those that force TLS cannot be set."""
    allow_major_version_upgrade: NotRequired[Annotated[bool, Field(default=False)]]
    """Lets a higher major ``engine_version`` upgrade the database in place, with an outage. Needs ``apply_immediately``."""
    apply_immediately: NotRequired[Annotated[bool, Field(default=False)]]
    """Changes take effect at once, with the outage that some cause, instead of in the maintenance window."""
    backup_retention_days: NotRequired[Annotated[int, Field(default=30, ge=1, le=35)]]
    """Days that automated backups are kept."""
    backup_window: NotRequired[Annotated[DailyWindow, Field(default="02:00-03:00")]]
    """Daily window for backups, 30 minutes or more."""
    maintenance_window: NotRequired[Annotated[WeeklyWindow, Field(default="sun:03:30-sun:04:30")]]
    """Weekly window for maintenance, 30 minutes or more, outside the backup window."""
    deletion_protection: NotRequired[DeletionProtection]
    """AWS refuses to delete the database, and Pulumi to delete or replace it."""
    skip_final_snapshot: NotRequired[Annotated[bool, Field(default=False)]]
    """Deletes without a final snapshot: for data that may be lost."""
    final_snapshot_identifier: NotRequired[
        Annotated[
            str,
            Matches(r"[A-Za-z][A-Za-z0-9]*(-[A-Za-z0-9]+)*", "letters, digits and single hyphens, a letter first, such as orders-final"),
            Field(max_length=255),
        ]
    ]
    """Name of the final snapshot. Default: a new one for every database; set it if AWS says that the name is taken."""
    log_exports: NotRequired[list[str]]
    """Logs sent to CloudWatch; MySQL's ``slowquery`` and ``general`` are switched on as well. Default: ``error`` and ``slowquery`` (MySQL),
    ``postgresql`` and, on RDS, ``upgrade`` (PostgreSQL)."""
    log_retention_days: NotRequired[LogRetentionDays]
    """Days that the logs are kept."""
    performance_insights: NotRequired[bool]
    """Performance Insights. Default: on where the instance class supports it (not with MySQL on micro and small classes)."""
    database_insights_mode: NotRequired[Annotated[str, Choice("standard", "advanced"), Field(default="standard")]]
    """Mode of Database Insights; ``advanced`` is paid and keeps 465 days."""
    monitoring_interval_seconds: NotRequired[Annotated[int, Choice(0, 1, 5, 10, 15, 30, 60), Field(default=60)]]
    """Interval of Enhanced Monitoring; 0 switches it off."""
    ca_certificate: NotRequired[Annotated[str, Field(default="rds-ca-rsa2048-g1")]]
    """The certificate authority of the server's certificate."""
    alarm_connections: NotRequired[Annotated[int, Field(ge=1)]]
    """Raises an alarm above this many connections; how many are allowed depends on the class. Default: no alarm on connections."""


class RelationalDatabaseArgs(RelationalDatabaseOptions):
    """Arguments of ``RelationalDatabase``: its options, and what it stands among."""

    subnet_ids_by_zone: SubnetIdsByZones
    """Data subnets by zone."""
    security_group_ids: SecurityGroupIds
    """Security groups that admit the callers and nobody else."""
    password: NotRequired[RelationalDatabasePasswordArgs]
    """A master password that the caller gives. Default: Secrets Manager creates the password and rotates it every seven days, which
    excludes ``replica``."""
    replica: NotRequired[RelationalDatabaseReplicaArgs]
    """A read replica in another region. Needs ``password``, as RDS creates none of a database whose password it manages. Not for Aurora.
    Default: no replica."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Key for storage, logs, secret and Performance Insights; its policy must let CloudWatch Logs use it. Storage keeps the key with which
    it was created. Default: a new key, which stays when the database goes, because the final snapshot cannot be read without it."""
    dual_stack: NotRequired[DualStack]
    """IPv6 beside IPv4; the subnets must have it."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify when processor, memory, storage or connections run out, of events such as a failover, and of a failed rotation
    of the password, which needs a trail of management events. Their policies must let ``events.rds.amazonaws.com`` and
    ``events.amazonaws.com`` publish. Without any, nothing is reported."""
    tags: NotRequired[Tags]
    """Tags of every child."""
