"""EFS: encryption at rest, backups, and access points that restrict their clients."""

from typing import Final

from cloudpatterns_policies.core import Fail, NotApplicable, Pass, Resource, Severity, Stack, Unknown, Verdict, control, stack_control
from cloudpatterns_policies.graph.reading import has_value, read

_PAGE: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/efs-controls.html"

_FILE_SYSTEM: Final = "aws:efs/fileSystem:FileSystem"
_ACCESS_POINT: Final = "aws:efs/accessPoint:AccessPoint"
_BACKUPS: Final = "aws:efs/backupPolicy:BackupPolicy"
_SELECTION: Final = "aws:backup/selection:Selection"


@control(
    id="efs-encrypted",
    title="EFS file systems are encrypted",
    severity=Severity.MEDIUM,
    types=(_FILE_SYSTEM,),
    why="Anyone who obtains a backup or a discarded disk of an unencrypted file system can read it.",
    remediation="Set encrypted to True, which replaces the file system; also set kms_key_id to a customer-managed key if possible.",
    url=f"{_PAGE}#efs-1",
    frameworks={"FSBP": ("EFS.1", "EFS.8"), "CIS 5.0": ("2.3.1",), "Checkov": ("CKV_AWS_42",)},
)
def efs_encrypted(resource: Resource) -> Verdict:
    return Pass() if resource.get("encrypted", False) else Fail("is not encrypted", "encrypted")


@control(
    id="efs-access-point-root",
    title="EFS access points have their own root directory",
    severity=Severity.MEDIUM,
    types=(_ACCESS_POINT,),
    why="From the root directory, each application can access the files of all others.",
    remediation='Set root_directory with a path below "/".',
    url=f"{_PAGE}#efs-3",
    frameworks={"FSBP": ("EFS.3",), "Checkov": ("CKV_AWS_329",)},
)
def efs_access_point_root(resource: Resource) -> Verdict:
    path = resource.get("rootDirectory.path", "/")
    return Pass() if path.strip("/") else Fail(f"exposes the root of the file system: {path}", "rootDirectory.path")


@control(
    id="efs-access-point-user",
    title="EFS access points enforce a user",
    severity=Severity.MEDIUM,
    types=(_ACCESS_POINT,),
    why="Without it, the client chooses its user, even root, and file permissions protect nothing.",
    remediation="Set posix_user to the uid and gid for every client of the access point.",
    url=f"{_PAGE}#efs-4",
    frameworks={"FSBP": ("EFS.4",), "Checkov": ("CKV_AWS_330",)},
)
def efs_access_point_user(resource: Resource) -> Verdict:
    return Pass() if resource.get("posixUser") is not None else Fail("lets the client choose its user", "posixUser")


@stack_control(
    id="efs-backups",
    title="EFS file systems are backed up",
    severity=Severity.MEDIUM,
    types=(_FILE_SYSTEM,),
    why="Files that are deleted or encrypted by an intruder are lost: EFS keeps no earlier versions.",
    remediation='Add an aws.efs.BackupPolicy with status "ENABLED", or name the file system in an aws.backup.Selection.',
    url=f"{_PAGE}#efs-7",
    frameworks={"FSBP": ("EFS.2", "EFS.7")},
    partial={"EFS.7": "automatic backups of a file system that a backup plan names"},
)
def efs_backups(resource: Resource, stack: Stack) -> Verdict:
    policies = [(item, read(item, "backupPolicy.status")) for item in stack.referrers(resource, _BACKUPS, "fileSystemId")]
    if any(status == "ENABLED" for _, status in policies if isinstance(status, str)) or stack.referrers(resource, _SELECTION, "resources"):
        return Pass()
    for item, status in policies:
        return (
            Fail("has no automatic backups", f"backupPolicy of {item.name}") if isinstance(status, str) else Unknown("backupPolicy.status")
        )
    doubtful = next((item for item in stack.of_type(_SELECTION) if _may_select(item, stack)), None)
    return NotApplicable(f"may be selected by {doubtful.name}") if doubtful else Fail("has no backups")


def _may_select(selection: Resource, stack: Stack) -> bool:
    """Whether a selection of AWS Backup picks resources by tags or a wildcard, or names some that are known only after deployment."""
    if any(has_value(selection, path, computed=True) for path in ("selectionTags", "conditions")):
        return True
    if selection.unknown_paths("resources") and not stack.refs(selection, "resources"):
        return True
    resources = read(selection, "resources")
    return isinstance(resources, list) and any(isinstance(item, str) and "*" in item for item in resources)
