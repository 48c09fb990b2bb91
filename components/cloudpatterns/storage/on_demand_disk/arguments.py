"""The arguments of ``OnDemandDisk``, and the rules over several of them."""

import re
from collections.abc import Iterator
from typing import Annotated, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.core import Choice, Matches, Problem, excludes, is_given, needs, one_of
from cloudpatterns.core.vocabulary import AlarmTopicArns, DeletionProtection, KmsKeyArn, RoleName, ShortNames, Tags

# https://docs.aws.amazon.com/ebs/latest/userguide/general-purpose.html#gp3-ebs-volume-type
GP3_IOPS, GP3_MIB_PER_SECOND = 3_000, 125
"""What a gp3 volume has at no further cost."""
_GP3_MOST_IOPS = 80_000
_GP3_IOPS_PER_GIB = 500
_GP3_MIB_PER_SECOND_PER_IOPS = 0.25
# https://docs.aws.amazon.com/ebs/latest/userguide/provisioned-iops.html
_IO2_LEAST_GIB = 4
_IO2_IOPS_PER_GIB = 1_000
_MOUNT_OPTION = "[a-z0-9_]+(=[A-Za-z0-9_./:-]+)?"
# The names that AWS recommends for EBS volumes: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/device_naming.html
_MOST_VOLUMES = 11
_SYSTEM_FOLDERS = ("bin", "boot", "dev", "etc", "lib", "lib64", "proc", "root", "run", "sbin", "sys", "usr")

SnapshotId = Annotated[pulumi.Input[str], Matches("snap-[0-9a-f]+", "the id of a snapshot such as snap-0abc1234def567890")]
VolumeId = Annotated[pulumi.Input[str], Matches("vol-[0-9a-f]+", "the id of a volume such as vol-0abc1234def567890")]


class OnDemandDiskVolumeArgs(TypedDict):
    """One volume: a new one of ``size_gib``, or one that exists."""

    size_gib: NotRequired[Annotated[int, Field(ge=1, le=65_536)]]
    """Size of a new volume, which can be raised later, never lowered; EBS takes four changes of a volume in 24 hours. Exactly one of
    ``size_gib`` and ``existing_volume_id``."""
    existing_volume_id: NotRequired[VolumeId]
    """A volume that exists, in the zone of the instance. What is on it stays: a file system is mounted, and LVM's volume group of
    ``volume_group_name`` is used as it is. Exactly one of ``size_gib`` and ``existing_volume_id``."""
    type: NotRequired[Annotated[str, Choice("gp3", "io2"), Field(default="gp3")]]
    """Type of a new volume: ``gp3`` (general purpose), ``io2`` (provisioned IOPS, the highest durability)."""
    iops: NotRequired[Annotated[int, Field(ge=100, le=256_000)]]
    """I/O operations a second: for gp3 3,000 to 80,000 and at most 500 for each GiB, for io2 100 to 256,000 and at most 1,000 for each GiB.
    Default: 3,000 for gp3; io2 needs a number."""
    throughput_mib_per_second: NotRequired[Annotated[int, Field(ge=125, le=2_000)]]
    """Throughput of gp3, at most a quarter of its IOPS. Default: 125."""
    snapshot_id: NotRequired[SnapshotId]
    """Snapshot that a new volume is created from. Of joined volumes each needs the snapshot of the same moment. Default: a blank volume."""
    device_name: NotRequired[Annotated[str, Matches("/dev/sd[f-p]", "/dev/sdf to /dev/sdp, such as /dev/sdg"), Field(default="/dev/sdf")]]
    """Name of the attachment, one for each volume of the instance; the script finds volumes by their ids. Another name attaches anew."""


class OnDemandDiskOptions(TypedDict):
    """What a user tunes of an ``OnDemandDisk``."""

    volumes: Annotated[dict[str, OnDemandDiskVolumeArgs], Field(min_length=1, max_length=_MOST_VOLUMES), ShortNames]
    """The volumes by a short name of your choice, which names the volume's resources."""
    mount_path: Annotated[str, Matches(r"(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+", "an absolute path such as /srv/data")]
    """Folder that the disk is mounted at. It is created; at the first mount it must be empty."""
    layout: NotRequired[Annotated[str, Choice("linear", "striped", "single"), Field(default="linear")]]
    """How volumes are joined: ``linear`` (LVM, one behind the other; more can be added later), ``striped`` (LVM, all at once, as fast as
    all of them together, of the same size; as many again can be added later), ``single`` (one volume without LVM)."""
    stripe_kib: NotRequired[Annotated[int, Choice(16, 32, 64, 128, 256, 512), Field(default=64)]]
    """Size of a stripe; cannot be changed later."""
    volume_group_name: NotRequired[
        Annotated[str, Matches("[A-Za-z0-9_][A-Za-z0-9_+.-]{0,99}", "a name of LVM such as data, at most 100 characters")]
    ]
    """LVM's volume group, such as that on existing volumes. Default: the component's name."""
    file_system: NotRequired[Annotated[str, Choice("xfs", "ext4"), Field(default="xfs")]]
    """File system; both grow while they are mounted, and XFS never shrinks."""
    mount_options: NotRequired[Annotated[str, Matches(f"{_MOUNT_OPTION}(,{_MOUNT_OPTION})*", "options of mount such as noatime,nodev")]]
    """Options of mount, beside ``nofail``. Default: ``noatime,nodev,nosuid``."""
    attach_timeout_seconds: NotRequired[Annotated[int, Field(default=600, ge=30, le=3600)]]
    """How long the script waits for the volumes."""
    deletion_protection: NotRequired[DeletionProtection]
    """Whether Pulumi refuses to delete or replace the new volumes."""
    retain_on_delete: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether the new volumes and their new key stay in the account when the component is deleted; no final snapshots then."""
    final_snapshot: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether a new volume leaves a snapshot when it is deleted; a new key stays then."""
    stop_instance_before_detaching: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether the instance is stopped before a volume is detached: EBS waits for ever for a volume that is mounted."""
    backup_tags: NotRequired[Annotated[dict[str, pulumi.Input[str]], Field(default={})]]
    """Tags of the new volumes alone, by which a backup plan such as that of ``Snapshot`` selects them."""
    full_percent: NotRequired[Annotated[int, Field(default=85, ge=50, le=99)]]
    """Used space, or inodes, above which the alarm is raised."""


class OnDemandDiskArgs(OnDemandDiskOptions):
    """Arguments of ``OnDemandDisk``."""

    availability_zone: NotRequired[Annotated[pulumi.Input[str], Matches(r"[a-z]{2}(-[a-z0-9]+)+[a-z]", "a zone such as eu-west-1a")]]
    """Zone of the new volumes, that of the instance. Needed with a ``size_gib``; not read without one."""
    instance_id: NotRequired[Annotated[pulumi.Input[str], Matches("i-[0-9a-f]+", "the id of an instance such as i-0abc1234def567890")]]
    """Instance that the volumes are attached to, one that Systems Manager manages. Default: none; in Python ``attach`` names it later,
    for an instance whose user data has ``boot_script``."""
    instance_role_name: NotRequired[RoleName]
    """Role of the instance, which gets ``instance_statements``. Default: the role has them already."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Key of the new volumes. Default: a new customer managed key."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify when the disk is nearly full, not mounted, could not be grown, or its I/O has stalled or runs out of credits."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some."""


def created(checked: OnDemandDiskOptions) -> dict[str, OnDemandDiskVolumeArgs]:
    """The volumes that the component creates, by name."""
    return {name: volume for name, volume in checked["volumes"].items() if volume.get("existing_volume_id") is None}


def problems(name: str, checked: OnDemandDiskArgs) -> Iterator[Problem]:
    """What is wrong with the arguments together."""
    if not re.fullmatch("[A-Za-z0-9][A-Za-z0-9-]{0,60}", name):
        yield "name", f"is {name!r}; it names LVM's volume group and systemd units: letters, digits and hyphens, at most 61. Rename it."
    # https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_CreateDocument.html
    if re.match("aws-|amazon|amzn", name, re.IGNORECASE):
        yield "name", f"is {name!r}; names of SSM documents cannot begin with aws-, amazon or amzn. Give the component another name."
    top = checked["mount_path"].split("/")[1]
    if top in _SYSTEM_FOLDERS:
        yield "mount_path", f"is {checked['mount_path']!r}, in a folder of the operating system; choose one such as /srv/data."
    if created(checked) and checked.get("availability_zone") is None:
        yield "availability_zone", "is missing; the new volumes need it. Give the zone of the instance's subnet."
    yield from needs(checked, "instance_role_name", "instance_id", why="the rights are for what the instance runs")
    yield from _layout_problems(checked)
    for volume_name, volume in checked["volumes"].items():
        yield from _volume_problems(volume, f"volumes.{volume_name}.")


def _layout_problems(checked: OnDemandDiskArgs) -> Iterator[Problem]:
    volumes, layout = checked["volumes"], checked["layout"]
    if layout == "single":
        if len(volumes) > 1:
            yield "layout", f"is single, for one volume; there are {len(volumes)}. Use linear or striped."
        if is_given(checked, "volume_group_name"):
            yield "volume_group_name", "is for LVM; the layout is single. Remove volume_group_name, or use linear or striped."
    elif layout == "striped" and len(volumes) == 1:
        yield "layout", "is striped, for two volumes or more; there is one. Add a volume, or use linear."
    if layout != "striped" and is_given(checked, "stripe_kib"):
        yield "stripe_kib", f"is for the layout striped; the layout is {layout}. Remove stripe_kib, or use striped."
    sizes = {name: size for name, volume in volumes.items() if (size := volume.get("size_gib")) is not None}
    if layout == "striped" and len(set(sizes.values())) > 1:
        given = ", ".join(f"{name} {size}" for name, size in sizes.items())
        yield "volumes", f"have different sizes ({given} GiB); stripes use as much of each as the smallest has. Give them the same size."
    names: dict[str, str] = {}
    for volume_name, volume in volumes.items():
        device = volume["device_name"]
        if device in names:
            reason = f"is {device}, as for {names[device]}; each volume needs its own, /dev/sdf to /dev/sdp. It never changes later."
            yield f"volumes.{volume_name}.device_name", reason
        names.setdefault(device, volume_name)


def _volume_problems(volume: OnDemandDiskVolumeArgs, path: str) -> Iterator[Problem]:
    yield from one_of(volume, "size_gib", "existing_volume_id", path=path)
    others = ("type", "iops", "throughput_mib_per_second", "snapshot_id")
    yield from excludes(volume, "existing_volume_id", *others, path=path, why="an existing volume is not changed")
    size, iops, throughput = volume.get("size_gib"), volume.get("iops"), volume.get("throughput_mib_per_second")
    if size is None:
        return
    if volume["type"] == "io2":
        if size < _IO2_LEAST_GIB:
            yield f"{path}size_gib", f"is {size}; an io2 volume has at least {_IO2_LEAST_GIB} GiB."
        if iops is None:
            yield f"{path}iops", "is missing; an io2 volume needs it: 100 to 256,000, at most 1,000 for each GiB."
        elif iops > size * _IO2_IOPS_PER_GIB:
            yield f"{path}iops", f"is {iops}; io2 has at most {_IO2_IOPS_PER_GIB:,} for each GiB, here {size * _IO2_IOPS_PER_GIB:,}."
        if throughput is not None:
            yield f"{path}throughput_mib_per_second", "is for gp3; io2 has the throughput that its IOPS give. Remove it."
        return
    most = min(_GP3_MOST_IOPS, max(GP3_IOPS, size * _GP3_IOPS_PER_GIB))
    if iops is not None and not GP3_IOPS <= iops <= most:
        yield f"{path}iops", f"is {iops}; a gp3 volume of {size} GiB has {GP3_IOPS:,} to {most:,}."
    provisioned = GP3_IOPS if iops is None else iops
    fastest = int(provisioned * _GP3_MIB_PER_SECOND_PER_IOPS)
    if throughput is not None and throughput > fastest:
        yield f"{path}throughput_mib_per_second", f"is {throughput}; with {provisioned:,} IOPS gp3 has at most {fastest}. Raise iops."
