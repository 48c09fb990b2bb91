"""The Automation document of ``CloneServer``: an image of the master, published when it is whole."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi

from cloudpatterns.blocks.automation import alone_step, api_step, script_step, step, wait_step

_SCRIPT = Path(__file__).parent / "on_aws/images.py"
IMAGE_TAG = "cloudpatterns:image-parameter"
"""Tag of the images and their snapshots. Its value is the name of the parameter, which no other stack of the account has."""
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Image.html
_ENDED = ["available", "deregistered", "disabled", "error", "failed", "invalid"]
_IMAGE = "{{ image.image_id }}"
# https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_InstanceRefresh.html
_REFRESHED = ["Successful", "Failed", "Cancelled", "RollbackFailed", "RollbackSuccessful"]
_STATUS = "$.InstanceRefreshes[0].Status"
_WITHDRAWN: dict[str, Any] = {"onFailure": "step:withdraw", "onCancel": "step:withdraw"}


def image_steps(
    name: str,
    *,
    instance_id: pulumi.Input[str],
    parameter_name: pulumi.Input[str],
    group_name: pulumi.Input[str],
    keep: int,
    reboot: bool = False,
    protected_instances: str = "Ignore",
    tags: Mapping[str, pulumi.Input[str]] | None = None,
) -> list[dict[str, Any]]:
    """Image, wait, publish, refresh, clean up; an image that does not become whole is deregistered, and nothing is published.

    When the refresh fails, since clones of the image are not healthy, the parameter names the image of before again.
    """
    payload = {"parameter": parameter_name, "image_id": _IMAGE}
    kept = {"parameter": parameter_name, "tag_key": IMAGE_TAG, "keep": str(keep)}
    return [
        # An older image must not be published after a newer one.
        alone_step(),
        *_image(name, instance_id, reboot, {"Name": name, **(tags or {}), IMAGE_TAG: parameter_name}),
        *_publish(parameter_name),
        *_refresh(group_name, protected_instances),
        script_step("clean", f"Keeps the newest {keep} images.", _SCRIPT, "clean", kept, isEnd=True),
        script_step("withdraw", "Deregisters the image that is not whole.", _SCRIPT, "withdraw", payload, timeout_seconds=110, isEnd=True),
        script_step(
            "restore",
            "Names the image of before again: clones of the new one are not healthy.",
            _SCRIPT,
            "restore",
            {**payload, "before": "{{ before.image_id }}"},
            maxAttempts=3,
            nextStep="clean",
        ),
    ]


def _image(name: str, instance_id: pulumi.Input[str], reboot: bool, tags: Mapping[str, pulumi.Input[str]]) -> list[Any]:
    marks = [{"Key": key, "Value": value} for key, value in tags.items()]
    return [
        api_step(
            "image",
            "Starts an image of the master.",
            "ec2",
            "CreateImage",
            {
                "InstanceId": instance_id,
                "Name": f"{name}-{{{{ automation:EXECUTION_ID }}}}",
                "Description": f"Image of the master of {name}",
                "NoReboot": not reboot,
                "TagSpecifications": [{"ResourceType": kind, "Tags": marks} for kind in ("image", "snapshot")],
            },
            outputs=[{"Name": "image_id", "Selector": "$.ImageId", "Type": "String"}],
        ),
        wait_step(
            "ended",
            "Waits until the image is whole, or has failed.",
            "ec2",
            "DescribeImages",
            {"ImageIds": [_IMAGE]},
            "$.Images[0].State",
            _ENDED,
            timeout_seconds=6 * 3600,
            # The image may not be visible at once.
            maxAttempts=3,
            **_WITHDRAWN,
        ),
        step(
            "whole",
            "aws:assertAwsResourceProperty",
            "Checks that the image is whole.",
            {
                **{"Service": "ec2", "Api": "DescribeImages", "ImageIds": [_IMAGE]},
                **{"PropertySelector": "$.Images[0].State", "DesiredValues": ["available"]},
            },
            **_WITHDRAWN,
        ),
    ]


def _publish(parameter_name: pulumi.Input[str]) -> list[Any]:
    return [
        api_step(
            "before",
            "Notes the image that the clones start from now.",
            "ssm",
            "GetParameter",
            {"Name": parameter_name},
            outputs=[{"Name": "image_id", "Selector": "$.Parameter.Value", "Type": "String"}],
            maxAttempts=3,
            **_WITHDRAWN,
        ),
        api_step(
            "publish",
            "Names the image in the parameter that the clones start from.",
            "ssm",
            "PutParameter",
            {"Name": parameter_name, "Value": _IMAGE, "Type": "String", "DataType": "aws:ec2:image", "Overwrite": True},
            maxAttempts=3,
            **_WITHDRAWN,
        ),
        # Systems Manager answers before it has checked the image: https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-ec2-aliases.html
        # On failure the image stays, since the parameter may name it later; a later execution removes it.
        wait_step(
            "published",
            "Waits until the parameter names the image.",
            "ssm",
            "GetParameter",
            {"Name": parameter_name},
            "$.Parameter.Value",
            [_IMAGE],
        ),
    ]


def _refresh(group_name: pulumi.Input[str], protected_instances: str) -> list[Any]:
    # Auto Scaling rolls nothing back to an image behind a parameter: the parameter itself goes back.
    # https://docs.aws.amazon.com/autoscaling/ec2/userguide/instance-refresh-rollback.html
    refresh = {"AutoScalingGroupName": group_name, "InstanceRefreshIds": ["{{ refresh.refresh_id }}"]}
    return [
        api_step(
            "refresh",
            "Replaces the clones.",
            "autoscaling",
            "StartInstanceRefresh",
            # How many stay healthy is in the group's maintenance policy.
            {"AutoScalingGroupName": group_name, "Preferences": {"ScaleInProtectedInstances": protected_instances}},
            outputs=[{"Name": "refresh_id", "Selector": "$.InstanceRefreshId", "Type": "String"}],
            maxAttempts=3,
            onFailure="step:clean",
        ),
        wait_step(
            "refreshed",
            "Waits until the clones are replaced, or cannot be.",
            "autoscaling",
            "DescribeInstanceRefreshes",
            refresh,
            _STATUS,
            _REFRESHED,
            timeout_seconds=12 * 3600,
            maxAttempts=3,
            onFailure="step:clean",
        ),
        step(
            "healthy",
            "aws:assertAwsResourceProperty",
            "Checks that the new clones are healthy.",
            {
                **{"Service": "autoscaling", "Api": "DescribeInstanceRefreshes", **refresh, "PropertySelector": _STATUS},
                # A deployment that replaces the clones cancels this refresh, and reports its own.
                "DesiredValues": ["Successful", "Cancelled"],
            },
            onFailure="step:restore",
        ),
    ]
