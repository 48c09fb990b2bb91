"""EFS file systems and access points."""

from typing import Any

import pytest
from cloudpatterns_policies.controls import file_system as controls
from cloudpatterns_policies.core import Control, Fail, NotApplicable, Pass, Resource, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, stack, verdicts

FILES, POINT = "aws:efs/fileSystem:FileSystem", "aws:efs/accessPoint:AccessPoint"
ENCRYPTED, ROOT, USER = controls.efs_encrypted, controls.efs_access_point_root, controls.efs_access_point_user
PLAIN = Fail("is not encrypted", "encrypted")
CHOICE = Fail("lets the client choose its user", "posixUser")


@pytest.mark.parametrize(
    ("control", "type", "props", "expected"),
    [
        (ENCRYPTED, FILES, {"encrypted": True}, Pass()),
        (ENCRYPTED, FILES, {"encrypted": False}, PLAIN),
        (ENCRYPTED, FILES, {}, PLAIN),
        (ENCRYPTED, FILES, {"encrypted": UNKNOWN}, Unknown("encrypted")),
        (ROOT, POINT, {"rootDirectory": {"path": "/app"}}, Pass()),
        (ROOT, POINT, {"rootDirectory": {"path": "/"}}, Fail("exposes the root of the file system: /", "rootDirectory.path")),
        (ROOT, POINT, {"rootDirectory": {"path": "//"}}, Fail("exposes the root of the file system: //", "rootDirectory.path")),
        (ROOT, POINT, {"rootDirectory": {}}, Fail("exposes the root of the file system: /", "rootDirectory.path")),
        (ROOT, POINT, {}, Fail("exposes the root of the file system: /", "rootDirectory.path")),
        (ROOT, POINT, {"rootDirectory": {"path": UNKNOWN}}, Unknown("rootDirectory.path")),
        (USER, POINT, {"posixUser": {"uid": 1000, "gid": 1000}}, Pass()),
        (USER, POINT, {"posixUser": {"uid": UNKNOWN, "gid": UNKNOWN}}, Pass()),
        (USER, POINT, {}, CHOICE),
        (USER, POINT, {"posixUser": None}, CHOICE),
        (USER, POINT, {"posixUser": UNKNOWN}, Unknown("posixUser")),
    ],
)
def test_file_system(control: Control, type: str, props: dict[str, Any], expected: Verdict) -> None:
    assert verdicts(control, resource(type, props=props)) == [expected]


BACKUPS, SELECTION = "aws:efs/backupPolicy:BackupPolicy", "aws:backup/selection:Selection"


def policy(status: Any) -> Resource:
    props = {"fileSystemId": UNKNOWN, "backupPolicy": {"status": status}}
    return resource(BACKUPS, "backups", props, deps={"fileSystemId": ["files"]})


def selection(resources: Any = None, deps: list[str] | None = None, **props: Any) -> Resource:
    return resource(SELECTION, "plan", {"resources": resources, **props}, deps={"resources": deps or []})


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (policy("ENABLED"), Pass()),
        (policy("DISABLED"), Fail("has no automatic backups", "backupPolicy of backups")),
        (policy(UNKNOWN), Unknown("backupPolicy.status")),
        (selection([UNKNOWN], ["files"]), Pass()),
        (selection(UNKNOWN, ["files"]), Pass()),
        (selection([UNKNOWN], ["other"]), Fail("has no backups")),
        (selection(["arn:aws:rds:eu-west-1:123456789012:db:shop"]), Fail("has no backups")),
        (selection(), Fail("has no backups")),
        (selection([UNKNOWN]), NotApplicable("may be selected by plan")),
        (selection(["*"]), NotApplicable("may be selected by plan")),
        (selection(["arn:aws:rds:eu-west-1:123456789012:db:shop", "*"]), NotApplicable("may be selected by plan")),
        # The provider shows what it computes as unknown in a preview.
        (selection([], conditions=UNKNOWN), Fail("has no backups")),
        (selection(["arn:aws:elasticfilesystem:*:*:file-system/*"]), NotApplicable("may be selected by plan")),
        (selection(selectionTags=[{"key": "backup", "value": "daily"}]), NotApplicable("may be selected by plan")),
        (
            selection(conditions=[{"stringEquals": [{"key": "aws:ResourceTag/backup", "value": "daily"}]}]),
            NotApplicable("may be selected by plan"),
        ),
        (resource(SELECTION, "plan", {"resources": UNKNOWN}), NotApplicable("may be selected by plan")),
    ],
)
def test_backups(other: Resource, expected: Verdict) -> None:
    found = verdicts(controls.efs_backups, stack(resource(FILES, "files"), resource("aws:ec2/vpc:Vpc", "other"), other))
    assert found == [("files", expected)]


def test_no_backups() -> None:
    assert verdicts(controls.efs_backups, resource(FILES)) == [("x", Fail("has no backups"))]
