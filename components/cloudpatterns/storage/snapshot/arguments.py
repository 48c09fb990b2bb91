"""The arguments of ``Snapshot``."""

from collections.abc import Mapping
from typing import Annotated, Final, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.core import Choice, Matches, Unique
from cloudpatterns.core.vocabulary import AlarmTopicArns, KmsKeyArn, Region, ShortNames, Tags, TopicArn

RESOURCE_ARNS: Final[Mapping[str, str]] = {
    "Aurora": ":rds:*:*:cluster:*",
    "DynamoDB": ":dynamodb:*:*:table/*",
    "EBS": ":ec2:*:*:volume/*",
    "EC2": ":ec2:*:*:instance/*",
    "EFS": ":elasticfilesystem:*:*:file-system/*",
    "RDS": ":rds:*:*:db:*",
    "S3": ":s3:::*",
}
"""AWS Backup's names of types, and all resources of each as a selection names them, without the partition.

A pattern that names the type takes it whether or not the Region has opted in to it; one of a whole service (``arn:aws:ec2:*``) does not.
https://docs.aws.amazon.com/aws-backup/latest/devguide/assigning-resources-json.html
"""
FREQUENCIES: Final[Mapping[str, str]] = {
    "hourly": "cron(0 * * * ? *)",
    "daily": "cron(0 3 * * ? *)",
    "weekly": "cron(0 3 ? * SUN *)",
    "monthly": "cron(0 3 1 * ? *)",
    "yearly": "cron(0 3 1 1 ? *)",
}
MOST_SILENCE_HOURS = 7 * 24
"""Seven days, over which an alarm may look: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html"""

_Cron = Annotated[
    str,
    # AWS Backup runs a rule once an hour at most.
    Matches(r"cron\([0-5]?\d( [^\s)]+){5}\)", "cron with six fields and a fixed minute, such as cron(0 3 * * ? *) (3:00 every day)"),
]
_RetentionDays = Annotated[int, Field(ge=1, le=36_500)]
_ResourceType = Annotated[str, Choice(*RESOURCE_ARNS)]
_VaultArn = Annotated[
    pulumi.Input[str],
    Matches(
        r"arn:[^:]+:backup:[^:]+:\d{12}:backup-vault:[A-Za-z0-9_-]{2,50}",
        "the ARN of a backup vault, such as arn:aws:backup:eu-west-1:123456789012:backup-vault:central",
    ),
]
_Arn = Annotated[
    pulumi.Input[str], Matches(r"arn:[^:]+:[^:]+:.+", "an ARN, not a name or id, such as arn:aws:rds:eu-west-1:123456789012:db:shop")
]
_Arns = Annotated[list[_Arn], Field(default=[])]


class SnapshotRuleArgs(TypedDict):
    """When backups are taken, and how long they are kept."""

    retention_days: _RetentionDays
    """Days after which a backup is deleted."""
    frequency: NotRequired[Annotated[str, Choice(*FREQUENCIES)]]
    """How often: each hour, or at 3:00 each day, each Sunday, on the first of each month or year. Exactly one of ``frequency`` and
    ``schedule``."""
    schedule: NotRequired[_Cron]
    """When: ``cron(30 22 ? * MON-FRI *)``, once an hour at most. Exactly one of ``frequency`` and ``schedule``."""
    time_zone: NotRequired[Annotated[str, Field(default="Etc/UTC")]]
    """Time zone of the schedule, a name of the IANA database."""
    continuous: NotRequired[Annotated[bool, Field(default=False)]]
    """Continuous backups, from which RDS, Aurora and S3 are restored to any second; other types get snapshots by the same rule. Kept for
    35 days at most, and never in cold storage. AWS Backup then sets the retention and the window of a database's automated backups, and RDS
    refuses others: give the database the same retention, and let Pulumi ignore changes of its window (``ignoreChanges``)."""
    cold_storage_after_days: NotRequired[Annotated[int, Field(ge=1)]]
    """Days after which a backup moves to cold storage, where the type supports it (DynamoDB, EFS; EBS with ``archive_volumes``); it stays
    there for at least 90 days. Default: it stays warm."""
    archive_volumes: NotRequired[Annotated[bool, Field(default=False)]]
    """Cold storage for snapshots of EBS volumes too, each a full copy; for rules that run monthly or less often. Needs
    ``cold_storage_after_days``."""
    start_window_minutes: NotRequired[Annotated[int, Field(ge=60, le=10_080)]]
    """Minutes within which a backup starts; after that it counts as expired. Default: 480, and 60 for ``hourly``."""
    completion_window_minutes: NotRequired[Annotated[int, Field(default=10_080, ge=120, le=43_200)]]
    """Minutes after which an unfinished backup is cancelled, at least 60 more than the start window."""


class SnapshotSelectionArgs(TypedDict):
    """What is backed up: resources with tags, of named types, or resources by their ARNs."""

    tags: NotRequired[Annotated[dict[str, str], Field(default={}, max_length=30)]]
    """Tags that a resource has, all of them. Exactly one of ``tags`` and ``resource_arns``."""
    excluded_tags: NotRequired[Annotated[dict[str, str], Field(default={}, max_length=30)]]
    """Tags that a resource does not have, none of them. Goes with ``tags``."""
    resource_types: NotRequired[Annotated[list[_ResourceType], Unique(), Field(default=[*RESOURCE_ARNS], min_length=1)]]
    """Types of the tagged resources. A type that is named is backed up whether or not the Region has opted in to it, but for Aurora (see
    ``opt_in_region``). An EC2 instance includes its volumes; a bucket needs versioning."""
    resource_arns: NotRequired[Annotated[_Arns, Field(max_length=500)]]
    """ARNs of resources of any type that AWS Backup supports, instead of ``tags``."""


class SnapshotLockArgs(TypedDict):
    """A lock that keeps the backups of a vault until their retention ends."""

    mode: Annotated[str, Choice("GOVERNANCE", "COMPLIANCE")]
    """``GOVERNANCE`` (who may delete the lock, such as an administrator, can delete backups after that) or ``COMPLIANCE`` (once
    ``changeable_for_days`` are over nobody deletes the lock, the vault or a backup, neither the root user nor AWS nor ``destroy``)."""
    changeable_for_days: NotRequired[Annotated[int, Field(ge=3, le=36_500)]]
    """Days in which a ``COMPLIANCE`` lock can still be changed and deleted. Needed with it, and for it alone."""
    min_retention_days: NotRequired[_RetentionDays]
    """Least retention: AWS fails jobs with a shorter one. Default: the shortest retention of the rules and copies in the vault. Needed with
    ``COMPLIANCE``, whose limits cannot follow the rules later."""
    max_retention_days: NotRequired[_RetentionDays]
    """Longest retention: AWS fails jobs with a longer one. Default: none; of a ``COMPLIANCE`` lock it could never be raised."""


class SnapshotCopyArgs(TypedDict):
    """A second vault for copies of the backups: a new one in another Region, or an existing one by its ARN."""

    region: NotRequired[Region]
    """Region of a new vault, with a key, a policy and a lock of its own. Exactly one of ``region`` and ``vault_arn``."""
    vault_arn: NotRequired[_VaultArn]
    """An existing vault, in any Region and account of the organization; see ``destination_vault_policy``. Exactly one of ``region`` and
    ``vault_arn``."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Key of the new vault, in its Region. Default: a new customer managed key there."""
    rules: NotRequired[Annotated[list[str], Unique(), Field(default=[])]]
    """Names of the rules whose backups are copied; without any, those of all rules."""
    retention_days: NotRequired[_RetentionDays]
    """Days after which a copy is deleted. Default: as long as the backup."""
    cold_storage_after_days: NotRequired[Annotated[int, Field(ge=1)]]
    """Days after which a copy moves to cold storage, for at least 90 days. Default: it stays warm."""


class SnapshotRestoreTestArgs(TypedDict):
    """Resources of one type that are restored in a test."""

    resource_type: _ResourceType
    """Type of the resources."""
    resource_arns: NotRequired[Annotated[_Arns, Field(max_length=30)]]
    """Resources whose backups are restored; without any, all of the type with a backup in the vault."""
    metadata_overrides: NotRequired[Annotated[dict[str, pulumi.Input[str]], Field(default={})]]
    """Settings of the restored resource, such as ``dbSubnetGroupName`` and ``vpcSecurityGroupIds`` (a text that is a JSON list) of a
    database. AWS Backup works out the others.
    https://docs.aws.amazon.com/aws-backup/latest/devguide/restore-testing-inferred-metadata.html"""
    validation_window_hours: NotRequired[Annotated[int, Field(default=1, ge=1, le=168)]]
    """Hours that a restored resource stays, for a function of yours to check it, before AWS Backup deletes it."""


class SnapshotRestoreTestsArgs(TypedDict):
    """Tests that restore backups, and delete what they restored."""

    tests: Annotated[dict[str, SnapshotRestoreTestArgs], ShortNames, Field(min_length=1)]
    """What is restored, by name."""
    schedule: NotRequired[Annotated[_Cron, Field(default="cron(0 6 ? * MON *)")]]
    """When a test begins: Monday at 6:00."""
    time_zone: NotRequired[Annotated[str, Field(default="Etc/UTC")]]
    """Time zone of the schedule, a name of the IANA database."""
    start_window_hours: NotRequired[Annotated[int, Field(default=24, ge=1, le=168)]]
    """Hours within which a test starts."""
    latest: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether the latest backup is restored; otherwise a random one of the last ``selection_window_days``."""
    selection_window_days: NotRequired[Annotated[int, Field(default=30, ge=1, le=365)]]
    """Days back within which a backup is chosen."""


class SnapshotDiskScheduleArgs(TypedDict):
    """When Data Lifecycle Manager takes snapshots or images, and how many are kept."""

    schedule: _Cron
    """When, in UTC: ``cron(0 3 * * ? *)``."""
    retention_count: NotRequired[Annotated[int, Field(ge=1, le=1000)]]
    """How many are kept for each volume or instance. Exactly one of ``retention_count`` and ``retention_days``."""
    retention_days: NotRequired[Annotated[int, Field(ge=1, le=36_500)]]
    """Days that each is kept. Exactly one of ``retention_count`` and ``retention_days``."""


class SnapshotDisksArgs(TypedDict):
    """A policy of Data Lifecycle Manager: snapshots of EBS volumes, or images (AMIs) of instances."""

    resource_type: Annotated[str, Choice("VOLUME", "INSTANCE")]
    """``VOLUME`` (a snapshot of each volume) or ``INSTANCE`` (an image of each instance)."""
    tags: Annotated[dict[str, str], Field(min_length=1, max_length=45)]
    """Tags of the volumes or instances; any of them suffices. Two policies for the same tag and type exclude each other."""
    schedules: Annotated[dict[str, SnapshotDiskScheduleArgs], ShortNames, Field(min_length=1, max_length=4)]
    """Schedules by name."""
    reboot: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether an instance is rebooted for its image, which then has a consistent file system. Only for ``INSTANCE``."""


class SnapshotOptions(TypedDict):
    """What a user of ``Snapshot`` tunes."""

    rules: NotRequired[Annotated[dict[str, SnapshotRuleArgs], ShortNames, Field(default={}, max_length=10)]]
    """Rules of the backup plan by name. Exactly one of ``rules`` with ``selections``, and ``disks``."""
    selections: NotRequired[Annotated[dict[str, SnapshotSelectionArgs], ShortNames, Field(default={})]]
    """What is backed up, by name."""
    lock: NotRequired[SnapshotLockArgs]
    """Lock of the new vaults. Default: none; their policies deny the deletion of backups, until somebody changes the policies."""
    restore_tests: NotRequired[SnapshotRestoreTestsArgs]
    """Tests that restore backups. Default: none."""
    opt_in_region: NotRequired[Annotated[bool, Field(default=False)]]
    """Opts the whole account in this Region in to all types that a selection can name, and to AWS Backup's management of DynamoDB and EFS
    (copies, cold storage). Aurora is skipped without. It changes a setting that is there once: set it in one component of the account and
    Region; it stays when the component goes."""
    disks: NotRequired[SnapshotDisksArgs]
    """Data Lifecycle Manager instead of AWS Backup, for disks alone: no vault, lock, copies or restore tests. Default: AWS Backup."""
    alarm_hours_without_backup: NotRequired[Annotated[int, Field(ge=1, le=MOST_SILENCE_HOURS)]]
    """Raises an alarm when no backup was completed in the vault for that many hours, more than lie between two of its backups. A new vault
    is in that state until its first backup. Needs ``alarm_topic_arns``. Default: no such alarm."""


class SnapshotArgs(SnapshotOptions):
    """Arguments of ``Snapshot``: its options, and what it stands among."""

    existing_vault_arn: NotRequired[_VaultArn]
    """A vault of this account and Region to adopt: its key, policy and lock are not changed. Default: a new vault."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Key of the vault. Default: a new customer managed key, which stays when the vault is kept."""
    key_arns: NotRequired[_Arns]
    """Customer managed keys of what is backed up, and of an existing vault, which the roles of backup and restore may use. Without them
    jobs fail, or succeed with nothing inside. Their policies must let this account's IAM policies allow it, as those of this package's keys
    do."""
    copies: NotRequired[Annotated[dict[str, SnapshotCopyArgs], ShortNames, Field(default={})]]
    """Vaults for copies of the backups, by name."""
    copy_source_account_ids: NotRequired[
        Annotated[list[Annotated[str, Matches(r"\d{12}", "an account's 12 digits such as 210987654321")]], Unique(), Field(default=[])]
    ]
    """Accounts of the same organization that may copy backups into the vault."""
    backup_administrator_arns: NotRequired[_Arns]
    """Roles that may still delete backups and change the policy of a new vault, unless a lock forbids it; name the role that deploys.
    Without any, nobody may delete backups, and who may change the policy can lift that."""
    existing_role_arn: NotRequired[pulumi.Input[str]]
    """An existing role that ``backup.amazonaws.com`` (with ``disks``: ``dlm.amazonaws.com``) assumes, with all rights that it needs.
    Default: a new role."""
    notification_topic_arn: NotRequired[TopicArn]
    """Topic for objects of S3 that could not be backed up or restored, of which there is no event; its policy, and its key's, let
    ``backup.amazonaws.com`` publish. Default: they are not reported."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify of backups, copies and restore tests that failed; their policies let ``events.amazonaws.com`` publish."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some, not of backups, which have those of their source."""
