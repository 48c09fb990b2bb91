"""EC2 instances: CPU architecture, disks, launch templates and user data."""

import base64
import gzip
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.core import Component, Problem, Statement, partition_of, region_of

ROOT_DEVICE = "/dev/xvda"
"""The root device of Amazon Linux."""
METADATA_OPTIONS: aws.ec2.InstanceMetadataOptionsArgsDict = {
    "http_endpoint": "enabled",
    "http_tokens": "required",
    "http_put_response_hop_limit": 1,
}
"""The metadata service with session tokens alone (IMDSv2), out of the reach of containers."""
USER_DATA_BYTES = 16_384
"""What EC2 takes of user data, before it is encoded, see ``packed``."""
# Graviton families have a g among the letters after the generation (t4g, c7gn, im4gn, is4gen), and a1 is the first of them; g4dn and g5 are
# families of GPUs. https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html
_GRAVITON = re.compile(r"(a1|[a-z]+-?\d+[a-z]*g[a-z]*)\..+")


def architecture(instance_type: str) -> str:
    """The CPU architecture of an instance type as image names write it, ``arm64`` or ``x86_64``."""
    return "arm64" if _GRAVITON.fullmatch(instance_type) else "x86_64"


def amazon_linux(instance_type: str) -> str:
    """The public SSM parameter of the newest Amazon Linux 2023 for an instance type."""
    return f"/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-{architecture(instance_type)}"


def disk(
    device: str,
    size_gib: int | None,
    kms_key_arn: pulumi.Input[str] | None,
    *,
    iops: int | None = None,
    throughput_mib_per_second: int | None = None,
) -> aws.ec2.LaunchTemplateBlockDeviceMappingArgsDict:
    """An encrypted gp3 volume that goes with its instance; without a size it has the image's."""
    optional = {"volume_size": size_gib, "iops": iops, "throughput": throughput_mib_per_second, "kms_key_id": kms_key_arn}
    given: Any = {name: value for name, value in optional.items() if value is not None}
    return {"device_name": device, "ebs": {"volume_type": "gp3", "encrypted": "true", "delete_on_termination": "true", **given}}


def disk_key_statements(instance_arn: pulumi.Input[str], *kms_key_arns: pulumi.Input[str] | None) -> list[Statement]:
    """What a role needs besides StartInstances when customer managed keys encrypt the disks, those that were attached later included.

    Without it the instance goes from pending straight back to stopped, with no error to the caller.
    https://repost.aws/knowledge-center/kms-iam-ec2-permission
    """
    keys = [arn for arn in kms_key_arns if arn is not None]
    if not keys:
        return []
    suffix = partition_of(instance_arn).apply(lambda partition: "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com")
    return [
        Statement(
            actions=["kms:CreateGrant"],
            resources=keys,
            conditions={
                "Bool": {"kms:GrantIsForAWSResource": "true"},
                "StringEquals": {"kms:ViaService": pulumi.Output.concat("ec2.", region_of(instance_arn), ".", suffix)},
            },
        )
    ]


def launch_template(
    component: Component,
    child_name: str,
    *,
    image_parameter: pulumi.Input[str] | None,
    image_id: pulumi.Input[str] | None,
    disks: Sequence[aws.ec2.LaunchTemplateBlockDeviceMappingArgsDict],
    metadata_hop_limit: int = 1,
    metadata_tags: bool = False,
    tags: Mapping[str, pulumi.Input[str]],
    replace_on_changes: Sequence[str] = (),
    **more: Any,
) -> aws.ec2.LaunchTemplate:
    """Image, encrypted disks and metadata options: ``resolve:ssm:`` works in a launch template only, never on an instance.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/create-launch-template.html#use-an-ssm-parameter-instead-of-an-ami-id
    """
    metadata: Any = {**METADATA_OPTIONS, "http_put_response_hop_limit": metadata_hop_limit}
    if metadata_tags:
        metadata["instance_metadata_tags"] = "enabled"
    return aws.ec2.LaunchTemplate(
        child_name,
        image_id=image_id if image_parameter is None else pulumi.Output.concat("resolve:ssm:", image_parameter),
        block_device_mappings=list(disks),
        metadata_options=metadata,
        tags=tags,
        opts=component.child(replace_on_changes=list(replace_on_changes)),
        **more,
    )


def encoded(component: Component, user_data: pulumi.Input[str] | None) -> pulumi.Output[str] | None:
    """A script in base64, see ``packed``; None stays None.

    :raises ArgumentError: when it is longer than EC2 takes, or would not be run.
    """
    if user_data is None:
        return None

    def encode(script: str) -> str:
        if problems := list(_user_data_problems(script)):
            component.refuse(*problems)
        return base64.b64encode(packed(script)).decode()

    return pulumi.Output.from_input(user_data).apply(encode)


def packed(script: str) -> bytes:
    """A script as EC2 gets it: plain while EC2 takes that, so that the console shows it; else compressed, which cloud-init undoes.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-add-user-data.html
    """
    plain = script.encode()
    return plain if len(plain) <= USER_DATA_BYTES else compressed(script)


def compressed(script: str) -> bytes:
    """A script in gzip, the same for the same script: a difference would replace the servers."""
    data = bytearray(gzip.compress(script.encode(), mtime=0))
    # The operating system, in which Python's versions differ.
    data[9] = 255
    return bytes(data)


def _user_data_problems(script: str) -> Iterator[Problem]:
    size = len(packed(script))
    if size > USER_DATA_BYTES:
        yield "user_data", f"has {size:,} bytes, compressed; EC2 takes {USER_DATA_BYTES:,}. Fetch the rest from S3 at boot."
    if not script.startswith(("#", "Content-Type: multipart/")):
        yield "user_data", f"begins with {script[:10]!r}; cloud-init runs what begins with #!, #cloud-config and the like."
