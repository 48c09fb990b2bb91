"""What stand-alone instances share: their launch template and their instance profile."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.core import Component
from cloudpatterns.security.workload_role import WorkloadRole, session_manager_statements

Tags = Mapping[str, pulumi.Input[str]]

ROOT_DEVICE = "/dev/xvda"
"""The root device of Amazon Linux."""


def server_template(
    component: Component,
    child_name: str,
    *,
    image_parameter: pulumi.Input[str] | None,
    image_id: pulumi.Input[str] | None,
    root_disk_gib: int,
    root_device_name: str,
    kms_key_arn: pulumi.Input[str] | None,
    tags: Tags,
    replace_on_changes: Sequence[str] = (),
    **more: Any,
) -> aws.ec2.LaunchTemplate:
    """Image, encrypted disk and metadata options: `resolve:ssm:` works in a launch template only, never on an instance.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/create-launch-template.html#use-an-ssm-parameter-instead-of-an-ami-id
    """
    return aws.ec2.LaunchTemplate(
        child_name,
        image_id=image_id if image_parameter is None else pulumi.Output.concat("resolve:ssm:", image_parameter),
        block_device_mappings=[
            {
                "device_name": root_device_name,
                "ebs": {
                    "volume_size": root_disk_gib,
                    "volume_type": "gp3",
                    "encrypted": "true",
                    "delete_on_termination": "true",
                    **({} if kms_key_arn is None else {"kms_key_id": kms_key_arn}),
                },
            }
        ],
        metadata_options={"http_endpoint": "enabled", "http_tokens": "required", "http_put_response_hop_limit": 1},
        tags=dict(tags),
        opts=component.child(replace_on_changes=list(replace_on_changes)),
        **more,
    )


def server_profile(
    component: Component, child_name: str, given_arn: pulumi.Input[str] | None, *, session_manager: bool, tags: Tags
) -> pulumi.Output[str]:
    """Name of the instances' profile: that of the given ARN, or a new one, whose role allows Session Manager or nothing at all."""
    if given_arn is not None:
        return pulumi.Output.from_input(given_arn).apply(lambda arn: arn.rpartition("/")[2])
    role = WorkloadRole(
        child_name,
        {
            "service": "ec2.amazonaws.com",
            "statements": session_manager_statements() if session_manager else [],
            "instance_profile": True,
            "tags": dict(tags),
        },
        component.child(),
    )
    return role.instance_profile_name


def image_problems(path: str, image_parameter: Any, image_id: Any) -> Iterator[tuple[str, str]]:
    """Exactly one of the two names the image."""
    if (image_parameter is None) == (image_id is None):
        given = "neither is given" if image_id is None else "both are given"
        yield path, f"excludes image_id, and one of them is needed; {given}."
