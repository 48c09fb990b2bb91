"""Instances that grow and shrink with the load, spread over zones.

Pattern: "Scale-Out" (Cloud Design Patterns for AWS). Made are a launch template, an Auto Scaling group over the zones, target
tracking on CPU and, on request, on requests per target, a step policy with its alarm for bursts, and scheduled actions; and,
where none are passed in, the instances' role and, on request, a key for their disks.
"""

from typing import Annotated, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
from pydantic import Field

from cloudpatterns.blocks.key import create_key
from cloudpatterns.compute.scale_out.checks import disk_problems, instance_problems, schedule_problems
from cloudpatterns.compute.scale_out.group import auto_scaling_group, scaling
from cloudpatterns.compute.web_server.user_data import encoded
from cloudpatterns.core import ArgumentError, Component, Matches, Statement, account_of, partition_of
from cloudpatterns.core.component import check_names
from cloudpatterns.core.vocabulary import AlarmTopicArns, KmsKeyArn, RootDiskGib, SecurityGroupIds, SubnetIdsByZone, Tags
from cloudpatterns.security.workload_role import WorkloadRole, session_manager_statements


class ScaleOutDiskArgs(TypedDict):
    """A gp3 disk that each instance gets, encrypted and deleted with the instance."""

    size_gib: Annotated[int, Field(ge=1, le=65_536)]
    """Size, 1 to 65,536 GiB."""
    iops: NotRequired[Annotated[int, Field(ge=3000, le=80_000)]]
    """Operations per second, 3,000 to 80,000, at most 500 per GiB. Default: 3000, which gp3 includes."""
    throughput_mib_per_second: NotRequired[Annotated[int, Field(ge=125, le=2000)]]
    """Throughput, 125 to 2,000 MiB per second, at most a quarter of ``iops``. Default: 125, which gp3 includes."""


_Time = Annotated[str, Matches(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "a time in UTC such as 2027-01-31T18:00:00Z")]


class ScaleOutActionArgs(TypedDict):
    """A change of the group's sizes at a time; a size that is left out stays as it is."""

    recurrence: NotRequired[Annotated[str, Field(pattern=r"^[\d*/,A-Za-z-]+( [\d*/,A-Za-z-]+){4}$")]]
    """Five cron fields (``0 7 * * MON-FRI``) in ``time_zone``. Default: none; then ``start_time`` is needed."""
    time_zone: NotRequired[str]
    """IANA time zone, daylight saving included. Default: ``Etc/UTC``."""
    start_time: NotRequired[_Time]
    """First time, in UTC as ``2027-01-31T18:00:00Z``. Default: none; then ``recurrence`` is needed."""
    end_time: NotRequired[_Time]
    """End of the recurrence, in UTC as ``2027-01-31T18:00:00Z``. Default: none."""
    min_size: NotRequired[Annotated[int, Field(ge=0)]]
    """New minimum. Default: unchanged."""
    max_size: NotRequired[Annotated[int, Field(ge=0)]]
    """New maximum. Default: unchanged."""
    desired_capacity: NotRequired[Annotated[int, Field(ge=0)]]
    """New number of instances. Default: unchanged."""


class ScaleOutArgs(TypedDict):
    """Arguments of ``ScaleOut``."""

    subnet_ids_by_zone: SubnetIdsByZone
    """Private subnets, one per zone. Two zones or more, unless ``single_zone``."""
    security_group_ids: SecurityGroupIds
    """Security groups of the instances, 1 to 5."""
    # https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_LaunchTemplate.html
    instance_types: Annotated[list[str], Field(min_length=1, max_length=40)]
    """Types, the preferred first, all of one CPU architecture, at most 40. With Spot, two or more."""
    min_size: Annotated[int, Field(ge=0)]
    """Least number of instances, and the number at the first deployment."""
    max_size: Annotated[int, Field(ge=1)]
    """Greatest number of instances."""
    image_parameter: NotRequired[Annotated[pulumi.Input[str], Field(pattern=r"^[A-Za-z0-9_./:-]+$")]]
    """SSM parameter that names the image, such as
    ``/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64``. Each launch takes the newest; a new image starts no
    refresh by itself: set ``max_instance_lifetime_seconds`` for that. Exactly one of ``image_parameter`` and ``image_id``."""
    image_id: NotRequired[Annotated[pulumi.Input[str], Field(pattern=r"^ami-[0-9a-f]+$")]]
    """A fixed image (AMI). A change rolls through the group, and a failed roll is taken back, which AWS cannot do with
    ``image_parameter``."""
    single_zone: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether a single zone is meant, such as for a licence server. Default: False."""
    user_data: NotRequired[pulumi.Input[str]]
    """Script for the first boot, as plain text of at most 16,384 bytes, without secrets. Default: none."""
    target_group_arns: NotRequired[Annotated[list[pulumi.Input[str]], Field(default=[])]]
    """Target groups to register with. With any, the balancer's health checks count, not only EC2's. Default: none."""
    health_check_grace_seconds: NotRequired[Annotated[int, Field(default=300, ge=0, le=7200)]]
    """Time after launch before health checks count, 0 to 7,200. Default: 300."""
    instance_profile_arn: NotRequired[pulumi.Input[str]]
    """Profile of the instances. Default: one is made whose role allows Session Manager and nothing else."""
    spot_percentage: NotRequired[Annotated[int, Field(default=0, ge=0, le=100)]]
    """Share of Spot instances above ``on_demand_base_size``, 0 to 100. Default: 0."""
    on_demand_base_size: NotRequired[Annotated[int, Field(default=0, ge=0)]]
    """Instances that are never Spot. Default: 0."""
    cpu_target_percent: NotRequired[Annotated[int, Field(default=50, ge=10, le=90)]]
    """Average CPU that target tracking holds, 10 to 90. Default: 50."""
    burst_cpu_percent: NotRequired[Annotated[int, Field(le=95)]]
    """Average CPU over two minutes that adds half of the group at once (ten points more: doubles it); above
    ``cpu_target_percent``, at most 95. Default: 85, or five points above a target that is higher than 80."""
    requests_per_target: NotRequired[Annotated[int, Field(ge=1)]]
    """Requests per minute and instance that target tracking holds. Needs ``target_group_arns`` and both suffixes. Default: not tracked."""
    load_balancer_arn_suffix: NotRequired[pulumi.Input[str]]
    """``app/<name>/<id>`` of the load balancer; for ``requests_per_target``."""
    target_group_arn_suffix: NotRequired[pulumi.Input[str]]
    """``targetgroup/<name>/<id>`` of a target group that has a listener; for ``requests_per_target``."""
    scheduled_actions: NotRequired[Annotated[dict[str, ScaleOutActionArgs], Field(default={})]]
    """Changes of size by name. Where one sets ``min_size`` or ``max_size``, deployments leave that size of the group alone.
    Default: none."""
    root_disk_gib: NotRequired[RootDiskGib]
    """Size of the root disk, at least the image's own. Default: 10."""
    root_device_name: NotRequired[Annotated[str, Field(default="/dev/xvda", pattern=r"^/dev/[a-z0-9]+$")]]
    """The image's root device. Default: ``/dev/xvda``, Amazon Linux's."""
    data_disks: NotRequired[Annotated[dict[str, ScaleOutDiskArgs], Field(default={})]]
    """More disks by device name (``/dev/sdf``). Default: none."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Key of the disks. Its policy must let ``AWSServiceRoleForAutoScaling`` use it and create grants, or no instance starts. Default:
    AWS's own key for EBS, or one that is made (``own_key``)."""
    own_key: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether to make a key for the disks. Its policy names Auto Scaling's service-linked role, which must exist: any earlier group of the
    account has made it, else run ``aws iam create-service-linked-role --aws-service-name autoscaling.amazonaws.com``. Default: False."""
    service_linked_role_arn: NotRequired[pulumi.Input[str]]
    """Service-linked role with a suffix of your own for the group and its key. Default: ``AWSServiceRoleForAutoScaling``."""
    metadata_hop_limit: NotRequired[Annotated[int, Field(default=1, ge=1, le=2)]]
    """Hops of the metadata service's answers: 1, or 2 where containers ask it. Default: 1."""
    ebs_optimized: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether disks have bandwidth of their own. False only for old types that cannot, such as t2. Default: True."""
    instance_warmup_seconds: NotRequired[Annotated[int, Field(default=120, ge=0, le=3600)]]
    """Time until an instance counts in metrics and in a refresh, 0 to 3,600. Default: 120."""
    refresh_min_healthy_percent: NotRequired[Annotated[int, Field(default=100, ge=50, le=100)]]
    """Share of the group that stays healthy in a refresh, 50 to 100. At 100, new instances come before old ones go. Default: 100."""
    max_instance_lifetime_seconds: NotRequired[Annotated[int, Field(ge=86_400, le=31_536_000)]]
    """Age at which an instance is replaced, 86,400 to 31,536,000. Default: never."""
    termination_policies: NotRequired[Annotated[list[str], Field(default=["Default"], min_length=1)]]
    """Which instance goes first, as AWS names it. Default: ``Default``: the fullest zone, then the oldest template."""
    protect_from_scale_in: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether new instances are never scaled in; a refresh still replaces them, and ``destroy`` has to be helped. Default: False."""
    wait_for_capacity_minutes: NotRequired[Annotated[int, Field(default=0, ge=0, le=60)]]
    """How long a deployment waits for ``min_size`` instances, 0 to 60. A later change of ``min_size`` waits as well, for exactly as many
    as the state knows of, and so fails in a group that scaling has moved since. Default: 0, which does not wait."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics that the burst alarm tells. Default: none."""
    notification_topic_arn: NotRequired[pulumi.Input[str]]
    """SNS topic that is told of instances that could not be launched or terminated. Default: none."""
    tags: NotRequired[Tags]
    """Tags of everything made, instances, disks and network interfaces included. Default: none."""


_BURST_PERCENT, _BURST_DISTANCE = 85, 5


class ScaleOut(Component):
    """An Auto Scaling group over zones, with its launch template, scaling policies and alarm."""

    auto_scaling_group_name: pulumi.Output[str]
    """Name of the Auto Scaling group."""
    auto_scaling_group_arn: pulumi.Output[str]
    """ARN of the Auto Scaling group."""
    launch_template_id: pulumi.Output[str]
    """Id of the launch template."""
    instance_profile_arn: pulumi.Output[str]
    """ARN of the instances' profile, whether passed in or made."""

    def __init__(self, name: str, args: ScaleOutArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        checked = self._arguments.check(name, args)
        limits = {"template": 128} if checked.get("instance_profile_arn") else {"template": 128, "instance-role": 64}
        check_names("ScaleOut", name, limits)
        if checked.get("burst_cpu_percent") is None:
            checked["burst_cpu_percent"] = max(_BURST_PERCENT, (checked.get("cpu_target_percent") or 0) + _BURST_DISTANCE)
        if problems := _problems(checked):
            raise ArgumentError("ScaleOut", name, problems)
        super().__init__("ScaleOut", name, opts)
        tags: dict[str, pulumi.Input[str]] = {"Name": name, **(checked.get("tags") or {})}
        self.instance_profile_arn = _profile(self, name, checked, tags)
        key_arn = _key_arn(self, name, checked, tags, self.instance_profile_arn)
        template = _template(self, name, checked, tags, self.instance_profile_arn, key_arn)
        group = auto_scaling_group(self, name, checked, tags, template)
        scaling(self, name, checked, tags, group)
        self.auto_scaling_group_name = group.name
        self.auto_scaling_group_arn = group.arn
        self.launch_template_id = template.id
        self.register()


def _problems(checked: ScaleOutArgs) -> list[tuple[str, str]]:
    problems: list[tuple[str, str]] = []
    zones, single = sorted(checked["subnet_ids_by_zone"]), checked.get("single_zone")
    if len(zones) < 2 and not single:
        reason = f"has {zones[0]} alone; a zone can fail. Name subnets in two zones or more, or set single_zone to True."
        problems.append(("subnet_ids_by_zone", reason))
    if len(zones) > 1 and single:
        problems.append(("single_zone", f"is True with {len(zones)} zones. Leave it out, or name one subnet."))
    least, most = checked["min_size"], checked["max_size"]
    if least > most:
        problems.append(("min_size", f"is {least}, above max_size {most}. Lower it or raise max_size."))
    image_parameter, image_id = checked.get("image_parameter"), checked.get("image_id")
    if (image_parameter is None) == (image_id is None):
        given = "neither is given" if image_id is None else "both are given"
        problems.append(("image_parameter", f"excludes image_id, and one of them is needed; {given}."))
    problems += instance_problems(checked["instance_types"], checked.get("spot_percentage") or 0, image_parameter)
    burst, target = checked.get("burst_cpu_percent") or 0, checked.get("cpu_target_percent") or 0
    if burst <= target:
        problems.append(
            ("burst_cpu_percent", f"is {burst}; it must lie above cpu_target_percent {target}, or every rise counts as a burst.")
        )
    problems += _request_problems(checked)
    if checked.get("own_key") and checked.get("kms_key_arn"):
        problems.append(("own_key", "excludes kms_key_arn; both are given. Leave one of them out."))
    for device, disk in (checked.get("data_disks") or {}).items():
        if device == checked.get("root_device_name"):
            problems.append((f"data_disks.{device}", "is the root disk. Set root_disk_gib, or choose another device."))
        problems += disk_problems(f"data_disks.{device}", disk)
    for key, action in (checked.get("scheduled_actions") or {}).items():
        problems += schedule_problems(f"scheduled_actions.{key}", action, (least, most))
    return problems


def _request_problems(checked: ScaleOutArgs) -> list[tuple[str, str]]:
    if checked.get("requests_per_target") is None:
        return []
    needed = {
        "target_group_arns": checked.get("target_group_arns"),
        "load_balancer_arn_suffix": checked.get("load_balancer_arn_suffix"),
        "target_group_arn_suffix": checked.get("target_group_arn_suffix"),
    }
    return [(key, "is needed for requests_per_target. Give it, or leave requests_per_target out.") for key, it in needed.items() if not it]


def _profile(component: Component, name: str, args: ScaleOutArgs, tags: dict[str, pulumi.Input[str]]) -> pulumi.Output[str]:
    given = args.get("instance_profile_arn")
    if given is not None:
        return pulumi.Output.from_input(given)
    role = WorkloadRole(
        f"{name}-instance",
        {"service": "ec2.amazonaws.com", "statements": session_manager_statements(), "instance_profile": True, "tags": tags},
        component.child(),
    )
    return role.instance_profile_arn


def _key_arn(
    component: Component, name: str, args: ScaleOutArgs, tags: dict[str, pulumi.Input[str]], profile_arn: pulumi.Output[str]
) -> pulumi.Input[str] | None:
    if not args.get("own_key"):
        return args.get("kms_key_arn")
    role_arn = args.get("service_linked_role_arn") or pulumi.Output.concat(
        *("arn:", partition_of(profile_arn), ":iam::", account_of(profile_arn)),
        ":role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling",
    )
    # https://docs.aws.amazon.com/autoscaling/ec2/userguide/key-policy-requirements-EBS-encryption.html
    return create_key(
        component,
        f"{name}-key",
        f"Disks of the instances of {name}",
        [
            Statement(
                sid="AutoScalingUse",
                actions=["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"],
                resources=["*"],
                principals={"AWS": [role_arn]},
            ),
            Statement(
                sid="AutoScalingGrants",
                actions=["kms:CreateGrant"],
                resources=["*"],
                principals={"AWS": [role_arn]},
                conditions={"Bool": {"kms:GrantIsForAWSResource": "true"}},
            ),
        ],
        tags=tags,
    ).arn


def _disk(device: str, disk: ScaleOutDiskArgs, key_arn: pulumi.Input[str] | None) -> aws.ec2.LaunchTemplateBlockDeviceMappingArgsDict:
    ebs: aws.ec2.LaunchTemplateBlockDeviceMappingEbsArgsDict = {
        "volume_type": "gp3",
        "volume_size": disk["size_gib"],
        "encrypted": "true",
        "delete_on_termination": "true",
    }
    iops, throughput = disk.get("iops"), disk.get("throughput_mib_per_second")
    if iops is not None:
        ebs["iops"] = iops
    if throughput is not None:
        ebs["throughput"] = throughput
    if key_arn is not None:
        ebs["kms_key_id"] = key_arn
    return {"device_name": device, "ebs": ebs}


def _template(
    component: Component,
    name: str,
    args: ScaleOutArgs,
    tags: dict[str, pulumi.Input[str]],
    profile_arn: pulumi.Output[str],
    key_arn: pulumi.Input[str] | None,
) -> aws.ec2.LaunchTemplate:
    parameter, user_data = args.get("image_parameter"), args.get("user_data")
    root: ScaleOutDiskArgs = {"size_gib": args.get("root_disk_gib") or 0}
    disks = {args.get("root_device_name") or "": root, **(args.get("data_disks") or {})}
    return aws.ec2.LaunchTemplate(
        f"{name}-template",
        description=f"Instances of {name}",
        image_id=args.get("image_id") if parameter is None else pulumi.Output.concat("resolve:ssm:", parameter),
        instance_type=args["instance_types"][0],
        iam_instance_profile={"arn": profile_arn},
        block_device_mappings=[_disk(device, disk, key_arn) for device, disk in disks.items()],
        ebs_optimized="true" if args.get("ebs_optimized") else "false",
        metadata_options={
            "http_endpoint": "enabled",
            "http_tokens": "required",
            "http_put_response_hop_limit": args.get("metadata_hop_limit"),
        },
        monitoring={"enabled": True},
        # Groups belong to the interface once there is one, and only an interface can refuse a public address.
        network_interfaces=[
            {
                "device_index": 0,
                "associate_public_ip_address": "false",
                "security_groups": args["security_group_ids"],
                "delete_on_termination": "true",
            }
        ],
        user_data=None if user_data is None else pulumi.Output.all(name, user_data).apply(lambda it: encoded("ScaleOut", it[0], it[1])),
        update_default_version=True,
        # The provider's default tags reach the template, not what it launches.
        tag_specifications=[{"resource_type": kind, "tags": tags} for kind in ("instance", "network-interface", "volume")],
        tags=tags,
        opts=component.child(),
    )
