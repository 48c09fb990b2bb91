"""The arguments of ``ScaleOut``: what a user tunes, in groups, and where the instances stand."""

from typing import Annotated, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.core import Choice, Matches, Unique
from cloudpatterns.core.vocabulary import (
    AlarmTopicArns,
    ImageId,
    ImageParameter,
    InstanceType,
    KmsKeyArn,
    RootDeviceName,
    RootDiskGib,
    SecurityGroupIds,
    SubnetIdsByZone,
    Tags,
)

_UtcTime = Annotated[str, Matches(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "a time in UTC such as 2027-01-31T18:00:00Z")]


class ScaleOutActionArgs(TypedDict):
    """A change of the group's sizes at a time; a size that is left out stays as it is."""

    recurrence: NotRequired[Annotated[str, Matches(r"[\d*/,A-Za-z-]+( [\d*/,A-Za-z-]+){4}", "five cron fields such as 0 7 * * MON-FRI")]]
    """When it happens, in ``time_zone``. Default: once, at ``start_time``."""
    time_zone: NotRequired[Annotated[str, Field(default="Etc/UTC")]]
    """IANA time zone; daylight saving applies."""
    start_time: NotRequired[_UtcTime]
    """First time. Default: the next ``recurrence``."""
    end_time: NotRequired[_UtcTime]
    """End of the recurrence. Default: it does not end."""
    min_size: NotRequired[Annotated[int, Field(ge=0)]]
    """New minimum. Default: unchanged."""
    max_size: NotRequired[Annotated[int, Field(ge=0)]]
    """New maximum. Default: unchanged."""
    desired_capacity: NotRequired[Annotated[int, Field(ge=0)]]
    """New number of instances. Default: unchanged."""


class ScaleOutScaling(TypedDict):
    """When the group grows and shrinks."""

    by_cpu: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether the CPU scales the group: target tracking, and a step for bursts. False where something else does, such as a backlog."""
    cpu_target_percent: NotRequired[Annotated[int, Field(default=50, ge=10, le=90)]]
    """Average CPU that target tracking holds."""
    burst_cpu_percent: NotRequired[Annotated[int, Field(le=95)]]
    """Average CPU over two minutes that adds half of the group at once (ten points more: doubles it); above ``cpu_target_percent``.
    Default: 85, or five points above a target that is higher than 80."""
    requests_per_target: NotRequired[Annotated[int, Field(ge=1)]]
    """Requests per minute and instance that target tracking holds. Needs ``target_group_arns`` and both suffixes. Default: not tracked."""
    scheduled_actions: NotRequired[Annotated[dict[str, ScaleOutActionArgs], Field(default={})]]
    """Changes of size by name. Where one sets ``min_size`` or ``max_size``, deployments leave that size of the group alone."""
    termination_policies: NotRequired[Annotated[list[str], Field(default=["Default"], min_length=1)]]
    """Which instance is terminated first, in AWS's names. ``Default``: the zone with the most instances, then the oldest template."""
    protect_from_scale_in: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether new instances are protected from scale-in. An instance refresh still replaces them, and ``destroy`` terminates them."""


class ScaleOutDiskArgs(TypedDict):
    """A gp3 disk that each instance gets, encrypted and deleted with the instance."""

    size_gib: Annotated[int, Field(ge=1, le=65_536)]
    """Size."""
    iops: NotRequired[Annotated[int, Field(ge=3000, le=80_000)]]
    """Operations per second, at most 500 per GiB. Default: 3000, which gp3 includes."""
    throughput_mib_per_second: NotRequired[Annotated[int, Field(ge=125, le=2000)]]
    """Throughput, at most a quarter of ``iops``. Default: 125, which gp3 includes."""


class ScaleOutDisks(TypedDict):
    """Disks of each instance."""

    root_disk_gib: NotRequired[RootDiskGib]
    """Size of the root disk, at least the image's own."""
    root_device_name: NotRequired[RootDeviceName]
    """The image's root device."""
    data_disks: NotRequired[Annotated[dict[str, ScaleOutDiskArgs], Field(default={})]]
    """More disks by device name (``/dev/sdf``)."""
    ebs_optimized: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether disks have dedicated bandwidth. False only for old types that do not support it, such as t2."""


class ScaleOutRefresh(TypedDict):
    """How instances are replaced."""

    instance_warmup_seconds: NotRequired[Annotated[int, Field(default=120, ge=0, le=3600)]]
    """Time until a new instance counts in metrics and in an instance refresh."""
    min_healthy_percent: NotRequired[Annotated[int, Field(default=100, ge=50, le=100)]]
    """Share of the group that stays healthy while instances are replaced: in an instance refresh, at the end of their lifetime, or when
    they are unhealthy. At 100, new instances start before old ones are terminated."""
    protected_instances: NotRequired[Annotated[str, Choice("Ignore", "Refresh", "Wait")]]
    """What an instance refresh does with instances that are protected from scale-in: ``Ignore`` (leaves them), ``Refresh`` (replaces them),
    ``Wait`` (for an hour until they are no longer protected, then it fails). Default: ``Refresh`` with ``protect_from_scale_in``, else
    ``Ignore``."""
    max_instance_lifetime_seconds: NotRequired[Annotated[int, Field(default=1_209_600, ge=0, le=31_536_000)]]
    """Age at which an instance is replaced, at least a day (86400), 0 for never: nothing else patches a running instance. AWS replaces
    instances a few at a time, and keeps ``min_healthy_percent`` of the group healthy."""


class ScaleOutServerOptions(TypedDict):
    """What the instances are, and how they are replaced: what a group of a fixed size has too."""

    # https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_LaunchTemplate.html
    instance_types: Annotated[list[InstanceType], Field(min_length=1, max_length=40), Unique()]
    """Types, the preferred first, all of one CPU architecture. With Spot, two or more."""
    image_parameter: NotRequired[ImageParameter]
    """SSM parameter that names the image, such as
    ``/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64``. Each launch takes the newest; a new image starts no
    instance refresh by itself: running instances are replaced at ``refresh.max_instance_lifetime_seconds``. Exactly one of
    ``image_parameter`` and ``image_id``."""
    image_id: NotRequired[ImageId]
    """A fixed image (AMI). A change starts an instance refresh, which rolls back when it fails; with ``image_parameter`` AWS cannot roll
    back. Exactly one of ``image_parameter`` and ``image_id``."""
    disks: NotRequired[Annotated[ScaleOutDisks, Field(default={})]]
    """Disks of each instance."""
    refresh: NotRequired[Annotated[ScaleOutRefresh, Field(default={})]]
    """How instances are replaced."""
    health_check_grace_seconds: NotRequired[Annotated[int, Field(default=300, ge=0, le=7200)]]
    """Time after launch before health checks count."""
    force_delete: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether ``destroy`` terminates the instances at once, also those that are protected or held by a lifecycle hook."""
    metadata_hop_limit: NotRequired[Annotated[int, Field(default=1, ge=1, le=2)]]
    """Network hops that answers of the metadata service may take; 2 where containers use it."""
    instance_metadata_tags: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether programs on the instance read its tags from the metadata service. Keys then have no spaces and slashes, or nothing starts.
    What has the metadata service may read the tags."""
    wait_for_capacity_minutes: NotRequired[Annotated[int, Field(default=15, ge=0, le=60)]]
    """How long the first deployment waits until ``min_size`` instances are in service, and healthy in the target groups where there are
    some; 0 does not wait. It fails when the time is up, or as soon as AWS cannot launch an instance, and the group stays: fix the cause,
    and run ``pulumi up --refresh``, which does not wait again. Later deployments do not wait for an instance refresh, nor for scaling.
    Only one that changes ``min_size`` waits, for exactly as many instances as the state records, and so fails in a group that scaling has
    changed since: run it with ``--refresh``, or set 0 in the same deployment."""


class ScaleOutOptions(ScaleOutServerOptions):
    """What the instances are, how many, and how they change."""

    min_size: Annotated[int, Field(ge=0)]
    """Fewest instances, and the number at the first deployment."""
    max_size: Annotated[int, Field(ge=1)]
    """Most instances."""
    spot_percentage: NotRequired[Annotated[int, Field(default=0, ge=0, le=100)]]
    """Share of Spot instances above ``on_demand_base_size``."""
    on_demand_base_size: NotRequired[Annotated[int, Field(default=0, ge=0)]]
    """Instances that are never Spot."""
    scaling: NotRequired[Annotated[ScaleOutScaling, Field(default={})]]
    """When the group grows and shrinks."""


class ScaleOutArgs(ScaleOutOptions):
    """Arguments of ``ScaleOut``."""

    subnet_ids_by_zone: SubnetIdsByZone
    """Private subnets, one per zone. Two zones or more, unless ``single_zone``."""
    security_group_ids: SecurityGroupIds
    """Security groups of the instances."""
    single_zone: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether a single zone is intended, such as for a licence server."""
    user_data: NotRequired[pulumi.Input[str]]
    """Script for the first boot, as plain text of at most 16,384 bytes, without secrets. Default: no script."""
    target_group_arns: NotRequired[Annotated[list[pulumi.Input[str]], Field(default=[])]]
    """Target groups to register with. With any, the load balancer's health checks count, not only EC2's."""
    load_balancer_arn_suffix: NotRequired[pulumi.Input[str]]
    """``app/<name>/<id>`` of the load balancer. Needed with ``requests_per_target``."""
    target_group_arn_suffix: NotRequired[pulumi.Input[str]]
    """``targetgroup/<name>/<id>`` of a target group that has a listener. Needed with ``requests_per_target``."""
    instance_profile_arn: NotRequired[pulumi.Input[str]]
    """Profile of the instances. Default: a new one whose role allows Session Manager and nothing else."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Key of the disks. Its policy must let ``AWSServiceRoleForAutoScaling`` use it and create grants, or no instance starts. Default: the
    AWS managed key for EBS, or a new key (``create_kms_key``)."""
    create_kms_key: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether to create a key for the disks. Its policy names Auto Scaling's service-linked role, which must exist: AWS created it with the
    account's first group; otherwise run ``aws iam create-service-linked-role --aws-service-name autoscaling.amazonaws.com``."""
    service_linked_role_arn: NotRequired[pulumi.Input[str]]
    """Service-linked role with a custom suffix, for the group and its key. Default: ``AWSServiceRoleForAutoScaling``."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify of bursts, of fewer instances than ``min_size``, and of instance refreshes that failed; at most four, or five
    without ``scaling.by_cpu``."""
    notification_topic_arn: NotRequired[pulumi.Input[str]]
    """SNS topic to notify of instances that could not be launched or terminated. Default: those of ``alarm_topic_arns``."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some, and of the instances, disks and network interfaces, beside Name."""
