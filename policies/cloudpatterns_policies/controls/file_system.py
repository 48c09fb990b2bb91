"""EFS: encryption at rest, and access points that restrict their clients."""

from typing import Final

from cloudpatterns_policies.core import Fail, Pass, Resource, Severity, Verdict, control

_PAGE: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/efs-controls.html"

_ACCESS_POINT: Final = "aws:efs/accessPoint:AccessPoint"


@control(
    id="efs-encrypted",
    title="EFS file systems are encrypted",
    severity=Severity.MEDIUM,
    types=("aws:efs/fileSystem:FileSystem",),
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
