"""The document of ``CloneServer``, walked through every failure: what the parameter names is a whole image, always."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from cloudpatterns.compute.clone_server.documents import IMAGE_TAG, image_steps

from tests.emulators import automation
from tests.emulators.automation import INSTANCE_ID, Automation, AwsError, Clock, Execution, errors

PARAMETER, GROUP, FIRST, NEW = "/shop/image", "shop-clones", "ami-00000000000000000", "ami-0123456789abcdef9"
DOCUMENT = {
    "schemaVersion": "0.3",
    "assumeRole": "arn:aws:iam::123456789012:role/shop",
    "mainSteps": image_steps("shop", instance_id=INSTANCE_ID, parameter_name=PARAMETER, group_name=GROUP, keep=2),
}


@dataclass
class Images:
    """EC2's images, the parameter and the group; what was published and when is noted."""

    clock: Clock = field(default_factory=Clock)
    seconds: float = 300
    ends: str = "available"
    refused: bool = False
    """Whether Systems Manager answers, and then refuses the image."""
    faults: dict[str, list[AwsError | None]] = field(default_factory=dict)
    value: str = FIRST
    images: dict[str, dict[str, Any]] = field(default_factory=dict)
    snapshots: set[str] = field(default_factory=set)
    calls: list[str] = field(default_factory=list)
    published: list[str] = field(default_factory=list)
    refresh: str = "Successful"
    """How the refresh ends, after ``refresh_seconds``."""
    refresh_seconds: float = 600
    others: dict[str, float] = field(default_factory=dict)
    """Other executions of the document that are in progress, with the second of their start."""

    def old(self, number: int, state: str = "available") -> str:
        """Adds an image of an earlier day."""
        image_id = f"ami-0000000000000000{number}"
        self._add(image_id, f"2026-11-0{number}T00:00:00.000Z", state)
        return image_id

    def _add(self, image_id: str, date: str, state: str) -> None:
        snapshot = image_id.replace("ami", "snap")
        self.snapshots.add(snapshot)
        disks = [{"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": snapshot}}, {"DeviceName": "/dev/sdb", "VirtualName": "ephemeral0"}]
        self.images[image_id] = {"ImageId": image_id, "CreationDate": date, "State": state, "BlockDeviceMappings": disks}

    def __call__(self, service: str, api: str, request: dict[str, Any]) -> dict[str, Any]:
        if NEW in self.images and self.images[NEW]["State"] == "pending" and self.clock.now >= self.seconds:
            self.images[NEW]["State"] = self.ends
        self.calls.append(api)
        if (faults := self.faults.get(api)) and (error := faults.pop(0)):
            raise error
        return getattr(self, f"_{api}")(request)

    def _execution(self, execution_id: str, seconds: float) -> dict[str, Any]:
        start = self.clock.begin + timedelta(seconds=seconds)
        return {"AutomationExecutionId": execution_id, "DocumentName": "shop-take-image", "ExecutionStartTime": start}

    def _GetAutomationExecution(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"AutomationExecution": self._execution(request["AutomationExecutionId"], 0)}

    def _DescribeAutomationExecutions(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"AutomationExecutionMetadataList": [self._execution(*one) for one in self.others.items()]}

    def _CreateImage(self, request: dict[str, Any]) -> dict[str, Any]:
        assert (request["InstanceId"], request["NoReboot"]) == (INSTANCE_ID, True)
        kinds = {one["ResourceType"]: {tag["Key"]: tag["Value"] for tag in one["Tags"]} for one in request["TagSpecifications"]}
        assert {kind: tags[IMAGE_TAG] for kind, tags in kinds.items()} == {"image": PARAMETER, "snapshot": PARAMETER}
        self._add(NEW, "2026-11-30T00:00:00.000Z", "pending")
        return {"ImageId": NEW}

    def _DescribeImages(self, request: dict[str, Any]) -> dict[str, Any]:
        if "ImageIds" in request:
            return {"Images": [self.images[one] for one in request["ImageIds"] if one in self.images]}
        assert request == {"Owners": ["self"], "Filters": [{"Name": f"tag:{IMAGE_TAG}", "Values": [PARAMETER]}]}
        return {"Images": list(self.images.values())}

    def _DescribeSnapshots(self, request: dict[str, Any]) -> dict[str, Any]:
        assert request == {"OwnerIds": ["self"], "Filters": [{"Name": f"tag:{IMAGE_TAG}", "Values": [PARAMETER]}]}
        return {"Snapshots": [{"SnapshotId": one, "State": "completed"} for one in sorted(self.snapshots)]}

    def _DeregisterImage(self, request: dict[str, Any]) -> dict[str, Any]:
        del self.images[request["ImageId"]]
        return {}

    def _DeleteSnapshot(self, request: dict[str, Any]) -> dict[str, Any]:
        used = {disk["Ebs"]["SnapshotId"] for image in self.images.values() for disk in image["BlockDeviceMappings"] if "Ebs" in disk}
        assert request["SnapshotId"] not in used
        self.snapshots.remove(request["SnapshotId"])
        return {}

    def _PutParameter(self, request: dict[str, Any]) -> dict[str, Any]:
        assert (request["Name"], request["DataType"], request["Overwrite"]) == (PARAMETER, "aws:ec2:image", True)
        self.published.append(self.images.get(request["Value"], {"State": "of others"})["State"])
        if not self.refused:
            self.value = request["Value"]
        return {}

    def _GetParameter(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"Parameter": {"Name": PARAMETER, "Value": self.value}}

    def _StartInstanceRefresh(self, request: dict[str, Any]) -> dict[str, Any]:
        assert request == {"AutoScalingGroupName": GROUP, "Preferences": {"ScaleInProtectedInstances": "Ignore"}}
        self.refresh_ends = self.clock.now + self.refresh_seconds
        return {"InstanceRefreshId": "1"}

    def _DescribeInstanceRefreshes(self, request: dict[str, Any]) -> dict[str, Any]:
        assert request == {"AutoScalingGroupName": GROUP, "InstanceRefreshIds": ["1"]}
        status = self.refresh if self.clock.now >= self.refresh_ends else "InProgress"
        return {"InstanceRefreshes": [{"InstanceRefreshId": "1", "Status": status}]}


def play(images: Images, cancel_in: tuple[str, float] | None = None) -> Execution:
    return Automation(DOCUMENT, images, images.clock).run(cancel_in=cancel_in)


def test_the_parameter_is_written_only_after_the_image_is_available() -> None:
    assert errors(DOCUMENT) == []
    images = Images()
    assert play(images).status == "Success"
    assert (images.value, images.published) == (NEW, ["available"])
    assert images.calls.index("PutParameter") < images.calls.index("StartInstanceRefresh")
    assert images.clock.now >= images.seconds


@pytest.mark.parametrize(
    "images",
    [
        pytest.param(Images(ends="failed"), id="an image that fails"),
        pytest.param(Images(ends="error"), id="an image in error"),
        pytest.param(Images(seconds=10**6), id="an image that never ends"),
        pytest.param(Images(faults={"DescribeImages": [AwsError("Unavailable")] * 3}), id="a wait that fails for good"),
        pytest.param(Images(faults={"PutParameter": [AwsError("AccessDenied")] * 3}), id="a parameter that cannot be written"),
    ],
)
def test_a_failed_image_is_deregistered_and_nothing_is_published(images: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    # Six hours, with a look every minute.
    monkeypatch.setattr(automation, "_POLL_SECONDS", 60)
    images.old(1)
    assert play(images).status in ("Failed", "TimedOut")
    assert (images.value, NEW in images.images, NEW.replace("ami", "snap") in images.snapshots) == (FIRST, False, False)
    assert "StartInstanceRefresh" not in images.calls


def test_without_an_image_nothing_happens() -> None:
    images = Images(faults={"CreateImage": [AwsError("InvalidInstanceID.NotFound")]})
    assert (play(images).status, images.calls[2:], images.value) == ("Failed", ["CreateImage"], FIRST)


def test_two_executions_at_once_publish_no_older_image_after_a_newer_one() -> None:
    other = "11111111-f944-11e6-9d32-0a1b2c3d4e5f"
    images = Images(others={other: -5.0})
    run = play(images)
    reason = f"the execution {other} of this document is in progress; start this one again when it is over"
    assert (run.status, run.path, run.errors["alone"], images.images) == ("Failed", ["alone"], f"RuntimeError: {reason}", {})
    # The older one goes on.
    assert play(Images(others={other: 5.0})).status == "Success"


@pytest.mark.parametrize("step", ["ended", "whole", "publish"])
def test_a_cancelled_execution_publishes_a_whole_image_or_none(step: str) -> None:
    images = Images()
    assert play(images, (step, 0)).status == "Cancelled"
    assert (images.value == NEW) == (NEW in images.images) == (step == "publish")


def test_an_image_that_systems_manager_refuses_starts_no_refresh() -> None:
    images = Images(refused=True)
    run = play(images)
    assert (run.status, run.path[-1], images.value, "StartInstanceRefresh" in images.calls) == ("TimedOut", "published", FIRST, False)


def test_a_refresh_that_cannot_start_fails_the_execution_and_cleans_up() -> None:
    images = Images(faults={"StartInstanceRefresh": [AwsError("InstanceRefreshInProgress")] * 3})
    run = play(images)
    assert (run.status, run.path[-1], images.value) == ("Failed", "clean", NEW)


def test_clones_that_are_not_healthy_take_the_parameter_back_to_the_image_of_before() -> None:
    images = Images(refresh="Failed")
    images.value = images.old(1)
    [images.old(number) for number in (2, 3)]
    run = play(images)
    assert (run.status, run.path[-3:], images.value) == ("Failed", ["healthy", "restore", "clean"], "ami-00000000000000001")
    # It is older than those that are kept.
    assert images.value in images.images


def test_a_refresh_that_a_deployment_cancels_leaves_the_new_image() -> None:
    assert (play(images := Images(refresh="Cancelled")).status, images.value) == ("Success", NEW)


def test_the_parameter_that_somebody_wrote_during_the_refresh_stays() -> None:
    class ByHand(Images):
        def _DescribeInstanceRefreshes(self, request: dict[str, Any]) -> dict[str, Any]:
            self.value = "ami-by-hand"
            return super()._DescribeInstanceRefreshes(request)

    assert (play(images := ByHand(refresh="Failed")).status, images.value) == ("Failed", "ami-by-hand")


def test_a_refresh_that_takes_too_long_leaves_the_new_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(automation, "_POLL_SECONDS", 600)
    run = play(images := Images(refresh_seconds=10**6))
    assert (run.status, run.path[-2:], images.value) == ("TimedOut", ["refreshed", "clean"], NEW)


def test_the_newest_images_and_the_published_one_stay() -> None:
    images = Images()
    kept = [images.old(number) for number in (1, 2, 3, 4)][-1]
    failed = images.old(5, "failed")
    images.snapshots.add("snap-of-an-image-that-is-gone")
    assert play(images).status == "Success"
    assert (sorted(images.images), failed in images.images) == (sorted([kept, NEW]), False)
    assert images.snapshots == {one.replace("ami", "snap") for one in (kept, NEW)}


def test_snapshots_stay_while_an_image_is_in_progress() -> None:
    images = Images()
    images.old(1, "pending")
    images.snapshots.add("snap-of-the-pending-image")
    assert play(images).status == "Success"
    assert "snap-of-the-pending-image" in images.snapshots
