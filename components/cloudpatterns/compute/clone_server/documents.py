"""The Automation document of ``CloneServer``: an image of the master, published when it is whole."""

from pathlib import Path
from typing import Any

import pulumi

from cloudpatterns.blocks.automation import api_step, script_step, step, wait_step

_SCRIPT = Path(__file__).parent / "on_aws/images.py"
IMAGE_TAG = "cloudpatterns:clone-image-of"
"""Tag of the images and their snapshots; its value is the name of the component."""
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Image.html
_ENDED = ["available", "deregistered", "disabled", "error", "failed", "invalid"]


def image_steps(
    name: str,
    *,
    instance_id: pulumi.Input[str],
    parameter_name: pulumi.Input[str],
    group_name: pulumi.Input[str],
    keep: int,
) -> list[dict[str, Any]]:
    """Image, wait, publish, refresh, clean up; an image that does not become whole is deregistered, and nothing is published."""
    image = "{{ image.image_id }}"
    tags = [{"Key": IMAGE_TAG, "Value": name}, {"Key": "Name", "Value": name}]
    payload = {"parameter": parameter_name, "image_id": image}
    withdrawn: dict[str, Any] = {"onFailure": "step:withdraw", "onCancel": "step:withdraw"}
    return [
        api_step(
            "image",
            "Starts an image of the master, which goes on without a reboot.",
            "ec2",
            "CreateImage",
            {
                "InstanceId": instance_id,
                "Name": f"{name}-{{{{ automation:EXECUTION_ID }}}}",
                "Description": f"Image of the master of {name}",
                "NoReboot": True,
                "TagSpecifications": [{"ResourceType": kind, "Tags": tags} for kind in ("image", "snapshot")],
            },
            outputs=[{"Name": "image_id", "Selector": "$.ImageId", "Type": "String"}],
        ),
        wait_step(
            "ended",
            "Waits until the image is whole, or has failed.",
            "ec2",
            "DescribeImages",
            {"ImageIds": [image]},
            "$.Images[0].State",
            _ENDED,
            timeout_seconds=6 * 3600,
            # The image may not be visible at once.
            maxAttempts=3,
            **withdrawn,
        ),
        step(
            "whole",
            "aws:assertAwsResourceProperty",
            "Checks that the image is whole.",
            {
                **{"Service": "ec2", "Api": "DescribeImages", "ImageIds": [image]},
                **{"PropertySelector": "$.Images[0].State", "DesiredValues": ["available"]},
            },
            **withdrawn,
        ),
        api_step(
            "publish",
            "Names the image in the parameter that the clones start from.",
            "ssm",
            "PutParameter",
            {"Name": parameter_name, "Value": image, "Type": "String", "DataType": "aws:ec2:image", "Overwrite": True},
            maxAttempts=3,
            **withdrawn,
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
            [image],
        ),
        api_step(
            "refresh",
            "Replaces the clones.",
            "autoscaling",
            "StartInstanceRefresh",
            {"AutoScalingGroupName": group_name},
            maxAttempts=3,
            onFailure="Continue",
            isCritical=True,
        ),
        script_step(
            "clean",
            f"Keeps the newest {keep} images.",
            _SCRIPT,
            "clean",
            {"parameter": parameter_name, "tag_key": IMAGE_TAG, "tag_value": name, "keep": str(keep)},
            isEnd=True,
        ),
        script_step("withdraw", "Deregisters the image that is not whole.", _SCRIPT, "withdraw", payload, timeout_seconds=110, isEnd=True),
    ]
