"""EFS file systems and access points."""

from typing import Any

import pytest
from cloudpatterns_policies.controls import file_system as controls
from cloudpatterns_policies.core import Control, Fail, Pass, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, verdicts

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
