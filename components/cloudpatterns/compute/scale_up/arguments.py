"""The arguments of ``ScaleUp``, and the rules over them."""

from collections.abc import Iterator
from typing import Annotated, NotRequired, TypedDict
from zoneinfo import available_timezones

import pulumi
from pydantic import Field

from cloudpatterns.blocks.server import architecture
from cloudpatterns.core import Matches, Problem, WorkloadStatementArgs, excludes, is_given, needs, one_of, statement_problems
from cloudpatterns.core.vocabulary import (
    AlarmTopicArns,
    DeletionProtection,
    ImageId,
    ImageParameter,
    InstanceType,
    KmsKeyArn,
    RootDeviceName,
    RootDiskGib,
    SecurityGroupIds,
    ShortNames,
    Tags,
)

_OF_A_NEW_INSTANCE = ("image_parameter", "image_id", "subnet_id", "security_group_ids", "user_data", "instance_profile_arn", "statements")


class ScaleUpScheduleArgs(TypedDict):
    """A time at which the instance gets a type."""

    instance_type: InstanceType
    """The type that it has from then on, of the same CPU architecture."""
    schedule_expression: Annotated[
        str, Matches(r"cron\(\S+ \S+ \S+ \S+ \S+ \S+\)", "cron with six fields, such as cron(0 7 ? * MON-FRI *)")
    ]
    """When, in ``time_zone``: ``cron(0 7 ? * MON-FRI *)``."""


class ScaleUpOptions(TypedDict):
    """What a user tunes of a ``ScaleUp``."""

    instance_type: InstanceType
    """The type of the instance. A change stops the instance, changes it and starts it again; with ``schedules`` it is the type at the
    creation alone, and a change is ignored."""
    image_parameter: NotRequired[ImageParameter]
    """SSM parameter that names the image, read at the creation alone. Exactly one of ``image_parameter`` and ``image_id``."""
    image_id: NotRequired[ImageId]
    """A fixed image (AMI). Exactly one of ``image_parameter`` and ``image_id``."""
    template_version: NotRequired[Annotated[int, Field(default=1, ge=1)]]
    """Version of the launch template that the instance is created from. A change of image, disk, profile or user data only adds a
    version; the instance is replaced, its disk included, when the number is raised."""
    root_disk_gib: NotRequired[RootDiskGib]
    """Size of the root disk, at least that of the image."""
    root_device_name: NotRequired[RootDeviceName]
    """The image's root device."""
    schedules: NotRequired[Annotated[dict[str, ScaleUpScheduleArgs], Field(default={}), ShortNames]]
    """Changes of type by name, at least 30 minutes apart: one that comes while another is in progress fails and changes nothing. A stopped
    instance gets the type and stays stopped."""
    time_zone: NotRequired[Annotated[str, Field(default="UTC")]]
    """IANA time zone of the schedules."""
    high_cpu_percent: NotRequired[Annotated[int, Field(default=80, ge=1, le=99)]]
    """Average CPU over 15 minutes above which an alarm says that it is time for a larger type."""
    deletion_protection: NotRequired[DeletionProtection]
    """Whether AWS refuses to terminate a new instance; it must be unprotected before destroy."""


class ScaleUpArgs(ScaleUpOptions):
    """Arguments of ``ScaleUp``."""

    existing_instance_arn: NotRequired[pulumi.Input[str]]
    """An instance that exists, to be resized instead of a new one; ``instance_type`` is the type that it has. Its disks must be EBS. No
    member of an Auto Scaling group, which would replace it when it stops, and no Spot Instance. Default: a new instance."""
    subnet_id: NotRequired[pulumi.Input[str]]
    """Private subnet of a new instance, which needs it. Default: none, with ``existing_instance_arn``."""
    security_group_ids: NotRequired[Annotated[SecurityGroupIds, Field(default=[], min_length=0)]]
    """Security groups of a new instance, which needs them."""
    user_data: NotRequired[pulumi.Input[str]]
    """Script for the first boot of a new instance, as plain text of at most 16,384 bytes, without secrets. Default: no script."""
    instance_profile_arn: NotRequired[pulumi.Input[str]]
    """Profile of a new instance. Default: a new role with ``statements``."""
    statements: NotRequired[Annotated[list[WorkloadStatementArgs], Field(default=[])]]
    """What a new instance may do beside Session Manager, such as ``OnDemandDisk.instance_statements()``. Not with
    ``instance_profile_arn``."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of the disks, which the resize needs to start the instance again. Default: the AWS managed key for EBS."""
    attached_kms_key_arns: NotRequired[Annotated[list[KmsKeyArn], Field(default=[])]]
    """Customer managed keys of volumes that others attach to the instance, such as ``OnDemandDisk.kms_key_arn``: without the right to use
    them, the resize could not start the instance again. Needs ``schedules``."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify of high CPU, of failed status checks and of resizes that failed. With ``schedules`` their policies must let
    ``events.amazonaws.com`` publish."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some, beside Name."""


def child_names(checked: ScaleUpArgs) -> dict[str, int]:
    """AWS's limits of the names of children, by suffix."""
    schedules = {f"at-{key}": 64 for key in checked["schedules"]}
    roles = {"automation-role": 64, "restore-role": 64, "interrupted": 64, "schedules": 64} if schedules else {}
    return {"template": 128, "instance-role": 64, **roles, **schedules}


def problems(checked: ScaleUpArgs) -> Iterator[Problem]:
    """What is wrong with the arguments taken together."""
    if is_given(checked, "existing_instance_arn"):
        yield from excludes(checked, "existing_instance_arn", *_OF_A_NEW_INSTANCE, why="they are of a new instance")
        if not checked["schedules"]:
            yield from needs(checked, "existing_instance_arn", "schedules", why="nothing would resize the instance")
    else:
        yield from one_of(checked, "image_parameter", "image_id")
        for name in ("subnet_id", "security_group_ids"):
            if not is_given(checked, name):
                yield name, "is missing; a new instance needs it. Give it, or an existing instance (existing_instance_arn)."
    yield from excludes(checked, "instance_profile_arn", "statements", why="the profile's role is the caller's")
    yield from statement_problems(checked["statements"])
    if not checked["schedules"]:
        yield from needs(checked, "attached_kms_key_arns", "schedules", why="nothing else starts the instance")
    kind = architecture(checked["instance_type"])
    for key, schedule in checked["schedules"].items():
        if (other := architecture(schedule["instance_type"])) != kind:
            yield (
                f"schedules.{key}.instance_type",
                f"is {schedule['instance_type']} with {other}; instance_type {checked['instance_type']} has {kind}, and the disk boots on "
                f"that alone. Name a type with {kind}.",
            )
    if checked["time_zone"] != "UTC" and checked["time_zone"] not in available_timezones():
        yield "time_zone", f"is {checked['time_zone']!r}; must be an IANA time zone such as Europe/Berlin."
