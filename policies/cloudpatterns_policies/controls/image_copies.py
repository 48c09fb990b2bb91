"""Copies of disks: machine images, snapshots, what Data Lifecycle Manager copies, and the disks of desktops."""

from collections.abc import Iterator
from typing import Final

from cloudpatterns_policies.core import UNKNOWN, Fail, Pass, Resource, Severity, Unknown, Verdict, control
from cloudpatterns_policies.graph.reading import expand, read

_WORKSPACES: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/workspaces-controls.html"
_DETAILS: Final = "policyDetails"
_RECIPE: Final = "aws:imagebuilder/imageRecipe:ImageRecipe"


@control(
    id="image-copy-encrypted",
    title="Copies of machine images are encrypted",
    severity=Severity.MEDIUM,
    types=("aws:ec2/amiCopy:AmiCopy",),
    why="Anyone who obtains an unencrypted image can read the disk of the server, and all secrets there.",
    remediation="Set encrypted to True; also set kms_key_id to a customer-managed key if possible.",
    url="https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/AMIEncryption.html",
    frameworks={"Checkov": ("CKV_AWS_235",)},
)
def image_copy_encrypted(resource: Resource) -> Verdict:
    return Pass() if resource.get("encrypted", False) else Fail("is not encrypted", "encrypted")


@control(
    id="image-volumes-encrypted",
    title="Machine images are registered and built with encrypted volumes",
    severity=Severity.MEDIUM,
    types=("aws:ec2/ami:Ami", _RECIPE),
    why="Each instance launched from the image gets an unencrypted disk, unless the account encrypts all by default.",
    remediation="Set encrypted to True in each of ebs_block_devices, in a recipe in ebs of block_device_mappings, that of the root volume "
    "included; or name the snapshot_id of an encrypted snapshot.",
    url="https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/AMIEncryption.html",
)
def image_volumes_encrypted(resource: Resource) -> Iterator[Verdict]:
    is_recipe = resource.type == _RECIPE
    name, part = ("blockDeviceMappings", ".ebs") if is_recipe else ("ebsBlockDevices", "")
    devices = resource.get(name, ())
    if is_recipe and not devices:
        yield Fail("does not encrypt its root volume", name)
    for index in range(len(devices)):
        device = f"{name}.{index}{part}"
        # A snapshot brings its own encryption, which the program does not show. A mapping without `ebs` removes a device of the parent.
        if read(resource, f"{device}.snapshotId") is not None or read(resource, device) is None:
            continue
        # A recipe has it as text.
        if resource.is_unknown(f"{device}.encrypted"):
            yield Unknown(f"{device}.encrypted")
        elif str(resource.get(f"{device}.encrypted", False)).lower() != "true":
            yield Fail("does not encrypt a volume", f"{device}.encrypted")


@control(
    id="snapshot-copy-encrypted",
    title="Copies of EBS snapshots are encrypted",
    severity=Severity.MEDIUM,
    types=("aws:ebs/snapshotCopy:SnapshotCopy",),
    why="Anyone who obtains an unencrypted snapshot can read the volume.",
    remediation="Set encrypted to True; also set kms_key_id to a customer-managed key if possible.",
    url="https://docs.aws.amazon.com/ebs/latest/userguide/ebs-copy-snapshot.html",
)
def snapshot_copy_encrypted(resource: Resource) -> Verdict:
    return Pass() if resource.get("encrypted", False) else Fail("is not encrypted", "encrypted")


@control(
    id="lifecycle-copies-encrypted",
    title="Data Lifecycle Manager encrypts the copies that it makes in other regions",
    severity=Severity.MEDIUM,
    types=("aws:dlm/lifecyclePolicy:LifecyclePolicy",),
    why="Anyone who obtains an unencrypted copy can read the volume.",
    remediation="Set encrypted to True in each of cross_region_copy_rules, and in encryption_configuration of each of cross_region_copies.",
    url="https://docs.aws.amazon.com/ebs/latest/userguide/snapshot-ami-policy.html",
    frameworks={"Checkov": ("CKV_AWS_253", "CKV_AWS_255")},
)
def lifecycle_copies_encrypted(resource: Resource) -> Iterator[Verdict]:
    places = [
        *[f"{path}.encrypted" for path in expand(resource, f"{_DETAILS}.schedules.*.crossRegionCopyRules.*")],
        *[f"{path}.encryptionConfiguration.encrypted" for path in expand(resource, f"{_DETAILS}.action.crossRegionCopies.*")],
    ]
    for path in places:
        encrypted = read(resource, path)
        if encrypted is UNKNOWN:
            yield Unknown(path)
        elif not encrypted:
            yield Fail("does not encrypt its copies in another region", path)


@control(
    id="workspace-volumes-encrypted",
    title="WorkSpaces encrypt their volumes",
    severity=Severity.MEDIUM,
    types=("aws:workspaces/workspace:Workspace",),
    why="Anyone who obtains a snapshot or a discarded disk of a desktop can read it.",
    remediation="Set root_volume_encryption_enabled and user_volume_encryption_enabled to True, and volume_encryption_key.",
    url=f"{_WORKSPACES}#workspaces-1",
    frameworks={"FSBP": ("WorkSpaces.1", "WorkSpaces.2"), "Checkov": ("CKV_AWS_155", "CKV_AWS_156")},
)
def workspace_volumes_encrypted(resource: Resource) -> Iterator[Verdict]:
    for path, volume in (("rootVolumeEncryptionEnabled", "root"), ("userVolumeEncryptionEnabled", "user")):
        if resource.is_unknown(path):
            yield Unknown(path)
        elif not resource.get(path, False):
            yield Fail(f"does not encrypt its {volume} volume", path)
