"""Copies of disks."""

from typing import Any

import pytest
from cloudpatterns_policies.controls import image_copies as controls
from cloudpatterns_policies.core import Control, Fail, Pass, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, verdicts

Props = dict[str, Any]


def nested(path: str, value: Any) -> Props:
    for part in reversed(path.split(".")):
        value = {part: value}
    return value


@pytest.mark.parametrize(
    ("control", "path", "good", "bad", "message", "omitted"),
    [
        (controls.image_copy_encrypted, "encrypted", True, False, "is not encrypted", False),
        (controls.snapshot_copy_encrypted, "encrypted", True, False, "is not encrypted", False),
    ],
)
def test_settings(control: Control, path: str, good: Any, bad: Any, message: str, omitted: bool) -> None:
    [type] = control.types[:1]

    def judged(value: Any) -> list[Verdict]:
        found = verdicts(control, resource(type, "x", nested(path, value)))
        return [item[1] if isinstance(item, tuple) else item for item in found]

    weak = Fail(message, path)
    assert judged(good) == [Pass()]
    assert judged(bad) == [weak]
    assert judged(UNKNOWN) == [Unknown(path)]
    # Whether the property may be omitted.
    assert judged(None) == [Pass() if omitted else weak]


DEVICES, COPIES = "ebsBlockDevices", "does not encrypt its copies in another region"


@pytest.mark.parametrize(
    ("devices", "expected"),
    [
        ([{"encrypted": True}, {"snapshotId": "snap-1"}, {"snapshotId": UNKNOWN}], [Pass()]),
        ([{"encrypted": True}, {"encrypted": False}], [Fail("does not encrypt a volume", f"{DEVICES}.1.encrypted")]),
        ([{}], [Fail("does not encrypt a volume", f"{DEVICES}.0.encrypted")]),
        ([{"encrypted": UNKNOWN}], [Unknown(f"{DEVICES}.0.encrypted")]),
        (UNKNOWN, [Unknown(DEVICES)]),
        (None, [Pass()]),
    ],
)
def test_images(devices: Any, expected: list[Verdict]) -> None:
    assert verdicts(controls.image_volumes_encrypted, resource("aws:ec2/ami:Ami", props={DEVICES: devices})) == expected


MAPPINGS = "blockDeviceMappings"


@pytest.mark.parametrize(
    ("mappings", "expected"),
    [
        ([{"ebs": {"encrypted": "true"}}, {"ebs": {"snapshotId": "snap-1"}}, {"noDevice": True}], [Pass()]),
        ([{"ebs": {"encrypted": "false"}}], [Fail("does not encrypt a volume", f"{MAPPINGS}.0.ebs.encrypted")]),
        ([{"ebs": {}}], [Fail("does not encrypt a volume", f"{MAPPINGS}.0.ebs.encrypted")]),
        ([{"ebs": {"encrypted": UNKNOWN}}], [Unknown(f"{MAPPINGS}.0.ebs.encrypted")]),
        ([], [Fail("does not encrypt its root volume", MAPPINGS)]),
        (None, [Fail("does not encrypt its root volume", MAPPINGS)]),
        (UNKNOWN, [Unknown(MAPPINGS)]),
    ],
)
def test_recipes_of_image_builder(mappings: Any, expected: list[Verdict]) -> None:
    type_ = "aws:imagebuilder/imageRecipe:ImageRecipe"
    assert verdicts(controls.image_volumes_encrypted, resource(type_, props={MAPPINGS: mappings})) == expected


RULE, COPY = "policyDetails.schedules.1.crossRegionCopyRules.0.encrypted", "policyDetails.action.crossRegionCopies.0"


def schedules(*rules: Any) -> Props:
    return {"policyDetails": {"schedules": [{"name": "plain"}, {"crossRegionCopyRules": list(rules)}]}}


def event(*copies: Any) -> Props:
    return {"policyDetails": {"action": {"crossRegionCopies": list(copies)}}}


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        (schedules({"encrypted": True}), [Pass()]),
        (schedules(), [Pass()]),
        (schedules({"encrypted": False}), [Fail(COPIES, RULE)]),
        (schedules({}), [Fail(COPIES, RULE)]),
        (schedules({"encrypted": UNKNOWN}), [Unknown(RULE)]),
        (event({"encryptionConfiguration": {"encrypted": True}}), [Pass()]),
        (event({"encryptionConfiguration": {"encrypted": False}}), [Fail(COPIES, f"{COPY}.encryptionConfiguration.encrypted")]),
        (event({"target": "eu-west-2"}), [Fail(COPIES, f"{COPY}.encryptionConfiguration.encrypted")]),
        (event({"encryptionConfiguration": UNKNOWN}), [Unknown(f"{COPY}.encryptionConfiguration.encrypted")]),
        ({}, [Pass()]),
    ],
)
def test_lifecycles(props: Props, expected: list[Verdict]) -> None:
    assert verdicts(controls.lifecycle_copies_encrypted, resource("aws:dlm/lifecyclePolicy:LifecyclePolicy", props=props)) == expected


ROOT = Fail("does not encrypt its root volume", "rootVolumeEncryptionEnabled")
USER = Fail("does not encrypt its user volume", "userVolumeEncryptionEnabled")


@pytest.mark.parametrize(
    ("root", "user", "expected"),
    [
        (True, True, [Pass()]),
        (False, True, [ROOT]),
        (True, None, [USER]),
        (None, False, [ROOT, USER]),
        (UNKNOWN, UNKNOWN, [Unknown("rootVolumeEncryptionEnabled"), Unknown("userVolumeEncryptionEnabled")]),
    ],
)
def test_desktops(root: Any, user: Any, expected: list[Verdict]) -> None:
    props = {"rootVolumeEncryptionEnabled": root, "userVolumeEncryptionEnabled": user}
    assert verdicts(controls.workspace_volumes_encrypted, resource("aws:workspaces/workspace:Workspace", props=props)) == expected
