"""The arguments of ``NfsSharing``, and the rules over several of them."""

import re
from collections.abc import Iterator
from typing import Annotated, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.blocks.security_group import group_name_problems
from cloudpatterns.core import Choice, Keys, Matches, Problem, excludes, is_given
from cloudpatterns.core.vocabulary import AlarmTopicArns, DeletionProtection, KmsKeyArn, Region, ShortNames, SubnetIdsByZone, Tags

# https://docs.aws.amazon.com/efs/latest/ug/API_LifecyclePolicy.html
_DAYS = (1, 7, 14, 30, 60, 90, 180, 270, 365)
_MOST_IDS = 4_294_967_295
RoleArn = Annotated[
    pulumi.Input[str],
    Matches(r"arn:[a-z-]+:iam::\d{12}:role/[\w+=,.@/-]+", "the ARN of a role such as arn:aws:iam::123456789012:role/shop"),
]


class NfsSharingAccessPointArgs(TypedDict):
    """One application's folder: whoever mounts the access point is its user, and sees nothing above it."""

    path: Annotated[str, Field(max_length=100), Matches(r"(/[A-Za-z0-9._-]+){1,4}", "a path of one to four folders such as /shop/uploads")]
    """The folder on the file system; it is created with the first mount."""
    uid: Annotated[int, Field(ge=1, le=_MOST_IDS)]
    """User that every client of the access point is, and that owns the folder."""
    gid: Annotated[int, Field(ge=1, le=_MOST_IDS)]
    """Group of that user."""
    secondary_gids: NotRequired[Annotated[list[Annotated[int, Field(ge=0, le=_MOST_IDS)]], Field(default=[], max_length=16)]]
    """Further groups of the user."""
    permissions: NotRequired[Annotated[str, Matches("0?[0-7]{3}", "an octal mode such as 0750"), Field(default="0750")]]
    """Mode of the folder when it is created; that of an existing folder stays."""
    mount_path: NotRequired[Annotated[str, Matches(r"(/[A-Za-z0-9._-]+)+", "an absolute path such as /srv/uploads")]]
    """Where the mount script mounts it. Default: ``/mnt/`` and the access point's name."""
    writer_role_arns: NotRequired[Annotated[list[RoleArn], Field(default=[])]]
    """Roles that may read and write, beside those that have ``client_statements``; they exist before the file system."""
    reader_role_arns: NotRequired[Annotated[list[RoleArn], Field(default=[])]]
    """Roles that may read."""


class NfsSharingLifecycleArgs(TypedDict):
    """When files that nobody reads move to cheaper storage, and whether they come back."""

    infrequent_access_days: NotRequired[Annotated[int, Choice(*_DAYS), Field(default=30)]]
    """Days without access after which a file moves to Infrequent Access."""
    archive_days: NotRequired[Annotated[int, Choice(*_DAYS)]]
    """Days without access after which a file moves to Archive, later than ``infrequent_access_days``; needs the throughput mode ``elastic``
    or ``provisioned``. Default: never."""
    back_on_access: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether a file moves back to standard storage when it is read."""


class NfsSharingReplicationArgs(TypedDict):
    """A copy of the file system in another Region, read-only while the replication exists, minutes behind."""

    region: Region
    """Region of the copy."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Key of the copy, in its Region. Default: a new customer managed key there."""
    most_lag_minutes: NotRequired[Annotated[int, Field(default=60, ge=15, le=1440)]]
    """Minutes without a completed synchronisation after which the alarm is raised; EFS aims at 15."""


class NfsSharingOptions(TypedDict):
    """What a user tunes of ``NfsSharing``."""

    access_points: Annotated[dict[str, NfsSharingAccessPointArgs], Field(min_length=1), ShortNames]
    """The access points by name; nothing is mounted without one."""
    throughput_mode: NotRequired[Annotated[str, Choice("elastic", "provisioned", "bursting"), Field(default="elastic")]]
    """``elastic`` (pays by use), ``provisioned`` (a fixed throughput), ``bursting`` (grows with the stored bytes, with credits)."""
    provisioned_mib_per_second: NotRequired[Annotated[int, Field(ge=1, le=3414)]]
    """Throughput of the mode ``provisioned``. Needed with that mode. Default: none."""
    lifecycle: NotRequired[NfsSharingLifecycleArgs]
    """Storage classes. Default: files stay in standard storage."""
    automatic_backups: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether AWS Backup's own plan backs the file system up daily and keeps that for 35 days."""
    backup_tags: NotRequired[Annotated[dict[str, pulumi.Input[str]], Field(default={})]]
    """Tags of the file system alone, by which a backup plan such as that of ``Snapshot`` selects it."""
    deletion_protection: NotRequired[DeletionProtection]
    """Whether Pulumi refuses to delete or replace the file system."""


class NfsSharingArgs(NfsSharingOptions):
    """Arguments of ``NfsSharing``."""

    vpc_id: pulumi.Input[str]
    """VPC of the mount targets and their security group."""
    subnet_ids_by_zone: Annotated[SubnetIdsByZone, Keys("[a-z0-9-]+", "a zone such as eu-west-1a")]
    """Subnets of the mount targets, one for each zone that has clients. A file system that is adopted has none in these zones yet."""
    client_security_group_ids: NotRequired[Annotated[dict[str, pulumi.Input[str]], ShortNames, Field(default={})]]
    """Security groups of clients, by a name of your choice: the mount targets admit these and ``client_security_group_id`` alone, on port
    2049, and each gets a rule that lets it reach them."""
    existing_file_system_arn: NotRequired[
        Annotated[
            pulumi.Input[str],
            Matches(
                r"arn:[^:]+:elasticfilesystem:[^:]+:\d{12}:file-system/fs-[0-9a-f]+",
                "the ARN of a file system such as arn:aws:elasticfilesystem:eu-west-1:123456789012:file-system/fs-0abc1234",
            ),
        ]
    ]
    """A file system that exists and is encrypted. Its policy is replaced by this component's, its data and settings stay. Default: a new
    one."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Key of the file system. Default: a new customer managed key."""
    replication: NotRequired[NfsSharingReplicationArgs]
    """A copy in another Region. Default: none."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify when the file system comes near its limits, or the copy falls behind."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some."""


_NEW_ONLY = ("throughput_mode", "provisioned_mib_per_second", "lifecycle", "backup_tags", "kms_key_arn", "replication")


def problems(name: str, checked: NfsSharingArgs) -> Iterator[Problem]:
    """What is wrong with the arguments together."""
    yield from group_name_problems(name)
    yield from excludes(checked, "existing_file_system_arn", *_NEW_ONLY, why="an adopted file system keeps its settings")
    if checked["throughput_mode"] == "provisioned" and checked.get("provisioned_mib_per_second") is None:
        yield "provisioned_mib_per_second", "is missing; throughput_mode provisioned needs it. Give it, or use elastic."
    if checked["throughput_mode"] != "provisioned" and is_given(checked, "provisioned_mib_per_second"):
        reason = f"is for throughput_mode provisioned; it is {checked['throughput_mode']}. Remove provisioned_mib_per_second."
        yield "provisioned_mib_per_second", reason
    yield from _lifecycle_problems(checked)
    paths: dict[str, str] = {}
    for key, point in checked["access_points"].items():
        mount_path = mount_path_of(key, point)
        if mount_path in paths:
            reason = f"is {mount_path}, as for {paths[mount_path]}; give each its own."
            yield f"access_points.{key}.mount_path", reason
        paths.setdefault(mount_path, key)
        if re.search(r"/\.\.?(/|$)", point["path"]):
            yield f"access_points.{key}.path", f"is {point['path']!r}; . and .. are no folders. Name the folder."


def _lifecycle_problems(checked: NfsSharingArgs) -> Iterator[Problem]:
    lifecycle = checked.get("lifecycle")
    archive = None if lifecycle is None else lifecycle.get("archive_days")
    if lifecycle is None or archive is None:
        return
    if checked["throughput_mode"] == "bursting":
        yield "lifecycle.archive_days", "needs throughput_mode elastic or provisioned; it is bursting. Remove it, or use elastic."
    if archive <= lifecycle["infrequent_access_days"]:
        reason = f"is {archive}; it must be more than infrequent_access_days, {lifecycle['infrequent_access_days']}."
        yield "lifecycle.archive_days", reason


def mount_path_of(key: str, point: NfsSharingAccessPointArgs) -> str:
    """Where the mount script mounts an access point."""
    given = point.get("mount_path")
    return f"/mnt/{key}" if given is None else given
