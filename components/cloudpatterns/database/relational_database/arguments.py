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
from cloudpatterns.database._shared import HYPHENATED_NAME
from cloudpatterns.database.relational_database.engines import ENGINES

InstanceClass = Annotated[str, Matches(r"db\.[a-z0-9-]+(\.[a-z0-9-]+)?", "an instance class such as db.t4g.medium")]


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
    instance_class: NotRequired[InstanceClass]
    """Default: the class of the database."""


class RelationalDatabaseOptions(TypedDict):
    """What a user of `RelationalDatabase` tunes."""

    engine: Annotated[str, Field(pattern=rf"^({'|'.join(ENGINES)})$")]
    """`mysql`, `postgres`, `aurora-mysql` or `aurora-postgresql`."""
    engine_version: str
    """Version in standard support: MySQL `8.4`, PostgreSQL `14` and up. Without the last part, minor upgrades show no difference."""
    instance_class: InstanceClass
    """Such as `db.t4g.medium`; `db.serverless` is for Aurora and needs `max_capacity_units`."""
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
    identifier: NotRequired[Annotated[str, Field(pattern=rf"^{HYPHENATED_NAME}$", max_length=63)]]
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
    ca_certificate: NotRequired[Annotated[str, Field(default="rds-ca-rsa2048-g1")]]
    """The authority of the server's certificate. Default: `rds-ca-rsa2048-g1`."""
    alarm_connections: NotRequired[Annotated[int, Field(ge=1)]]
    """Alarm above this many connections; the limit depends on the class. Default: no alarm on connections."""


class RelationalDatabaseArgs(RelationalDatabaseOptions):
    """Arguments of `RelationalDatabase`: its options, and where it stands."""

    subnet_ids_by_zone: SubnetIdsByZones
    """Data subnets by zone, two zones at least."""
    security_group_ids: SecurityGroupIds
    """Security groups that admit the callers and nobody else; at least one."""
    password: NotRequired[RelationalDatabasePasswordArgs]
    """A password of one's own. Default: Secrets Manager makes the password and rotates it every seven days, which excludes `replica`."""
    replica: NotRequired[RelationalDatabaseReplicaArgs]
    """A read replica in another region. Needs `password`: RDS makes none of a database whose password it manages. Not for Aurora."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Key for storage, logs, secret and Performance Insights; its policy must let CloudWatch Logs use it. Default: a key is made, and kept
    when the database goes, for the sake of the final snapshot."""
    dual_stack: NotRequired[DualStack]
    """IPv6 beside IPv4; the subnets must have it. Default: false."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics told when processor, storage or connections run out. Default: no alarms are made."""
    tags: NotRequired[Tags]
    """Tags of every child. Default: none."""
