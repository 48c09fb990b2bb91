"""EBS volumes beside the instance that they are attached to."""

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from cloudpatterns_policies.acceptance.controls._given import given
from cloudpatterns_policies.acceptance.relations import target
from cloudpatterns_policies.core import Fail, Resource, Severity, Stack, Verdict, stack_control

_INSTANCE: Final = "aws:ec2/instance:Instance"

_refusal = partial(stack_control, severity=Severity.HIGH, types=("aws:ec2/volumeAttachment:VolumeAttachment",), pack="acceptance")


@_refusal(
    id="volume-zone",
    title="A volume is in the Availability Zone of its instance",
    why="EC2 attaches no volume of another zone.",
    remediation="Set availability_zone of the volume to that of the instance's subnet.",
    url="https://docs.aws.amazon.com/ebs/latest/userguide/ebs-attaching-volume.html",
)
def volume_zone(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    volume, instance = target(stack, resource, "volumeId", "aws:ebs/volume:Volume"), target(stack, resource, "instanceId", _INSTANCE)
    if volume is None or instance is None:
        return
    zones = given(volume, "availabilityZone"), _zone(instance, stack)
    if isinstance(zones[0], str) and isinstance(zones[1], str) and zones[0] != zones[1]:
        yield Fail(f"attaches volume {volume.name} in {zones[0]} to instance {instance.name} in {zones[1]}", "volumeId")


@_refusal(
    id="volume-attached-once",
    title="An instance has its volumes inline or by attachments, not both",
    why="An instance with ebs_block_devices takes each attached volume for one too many, and is replaced again and again.",
    remediation="Move the volumes of ebs_block_devices into aws.ebs.Volume and aws.ec2.VolumeAttachment.",
    url="https://www.pulumi.com/registry/packages/aws/api-docs/ec2/instance/",
)
def volume_attached_once(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    instance = target(stack, resource, "instanceId", _INSTANCE)
    if instance is not None and _has_devices(instance) and "ebsBlockDevices" not in instance.options.ignoreChanges:
        yield Fail(f"attaches a volume to instance {instance.name}, which has ebsBlockDevices", "instanceId")


def _has_devices(instance: Resource) -> bool:
    devices = given(instance, "ebsBlockDevices")
    return isinstance(devices, list) and bool(devices)


def _zone(instance: Resource, stack: Stack) -> Any:
    own = given(instance, "availabilityZone")
    subnet = target(stack, instance, "subnetId", "aws:ec2/subnet:Subnet")
    return own if own is not None or subnet is None else given(subnet, "availabilityZone")
