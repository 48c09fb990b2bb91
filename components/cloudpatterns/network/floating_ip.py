"""One public address in front of two instances, that moves to the healthy one.

Pattern: "Floating IP" (Cloud Design Patterns for AWS), for what cannot stand behind a load balancer. Made are an active and a standby
instance in different zones, an interface for each, an Elastic IP, an alarm for each instance, and a function that moves the address.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
from pydantic import Field

from cloudpatterns.compute._user_data import encoded
from cloudpatterns.core import ArgumentError, Arguments, Component, LogRetentionDays, check_names
from cloudpatterns.network._floating_mover import Place, make_mover
from cloudpatterns.network._server import ROOT_DEVICE, image_problems, server_profile, server_template


class FloatingIpMetricArgs(TypedDict):
    """A metric with the dimension ``InstanceId`` alone, of which each instance sends data points every minute."""

    namespace: str
    """The namespace, such as ``Shop``."""
    metric_name: str
    """The metric, such as ``Heartbeat``."""
    threshold: float
    """The value that the metric is compared with."""
    comparison_operator: str
    """``GreaterThanThreshold``, ``GreaterThanOrEqualToThreshold``, ``LessThanThreshold`` or ``LessThanOrEqualToThreshold``: when the
    instance fails."""
    statistic: NotRequired[str]
    """``Minimum``, ``Maximum``, ``Average``, ``Sum`` or ``SampleCount`` over a minute. Default: Maximum."""


class FloatingIpArgs(TypedDict):
    """Arguments of ``FloatingIp``."""

    subnet_ids_by_zone: dict[str, pulumi.Input[str]]
    """Two public subnets, in different zones."""
    security_group_ids: list[pulumi.Input[str]]
    """Security groups of both instances, 1 to 5."""
    instance_type: str
    """Type of both instances."""
    image_parameter: NotRequired[pulumi.Input[str]]
    """SSM parameter that names the image, such as ``/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64``. Exactly one of
    ``image_parameter`` and ``image_id``."""
    image_id: NotRequired[pulumi.Input[str]]
    """A fixed image (AMI)."""
    active_zone: NotRequired[str]
    """Zone of the instance that has the address first, and gets it when neither has it. Default: the first by name."""
    template_versions_by_zone: NotRequired[dict[str, int]]
    """Version of the launch template that a zone's instance is made from. A change of image, type, disk, profile or user data only adds a
    version; a zone's instance is replaced when its number here is raised: the standby first, then move the address, then the
    other. Default: 1."""
    user_data: NotRequired[pulumi.Input[str]]
    """Script for the first boot, as plain text of at most 16,384 bytes, without secrets. Only the instance with the address reaches the
    internet; the other has what the VPC has, such as endpoints. Default: none."""
    instance_profile_arn: NotRequired[pulumi.Input[str]]
    """Profile of the instances. Default: one is made whose role allows Session Manager and nothing else."""
    root_disk_gib: NotRequired[int]
    """Size of the root disk, at least the image's own. Default: 10."""
    root_device_name: NotRequired[str]
    """The image's root device. Default: ``/dev/xvda``, Amazon Linux's."""
    kms_key_arn: NotRequired[pulumi.Input[str]]
    """Key of the disks. Default: AWS's own key for EBS."""
    failover_minutes: NotRequired[int]
    """Minutes that the instance must fail, or send nothing, before the address moves, 1 to 60. Default: 2."""
    health_metric: NotRequired[FloatingIpMetricArgs]
    """Metric of your own that tells whether an instance works; no data counts as failing. EC2's status checks must be good as well before
    an instance gets the address. Default: EC2's ``StatusCheckFailed``."""
    alarm_topic_arns: NotRequired[list[pulumi.Input[str]]]
    """SNS topics that hear when an instance fails or recovers, and when the function does. Default: none."""
    log_retention_days: NotRequired[int]
    """Days that the function's log is kept. Default: 365."""
    tags: NotRequired[dict[str, pulumi.Input[str]]]
    """Tags of everything that takes some. Default: none but Name, and the mark of a public entrance on what has the address."""


_OPERATORS = "GreaterThanThreshold|GreaterThanOrEqualToThreshold|LessThanThreshold|LessThanOrEqualToThreshold"
_METRIC = Arguments(
    FloatingIpMetricArgs,
    # AWS keeps its own namespaces to itself: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
    namespace=Field(pattern="^[^:].*$", max_length=255),
    metric_name=Field(min_length=1, max_length=255),
    comparison_operator=Field(pattern=f"^({_OPERATORS})$"),
    statistic=Field(default="Maximum", pattern="^(Minimum|Maximum|Average|Sum|SampleCount)$"),
)
_ARGUMENTS = Arguments(
    FloatingIpArgs,
    security_group_ids=Field(min_length=1, max_length=5),
    instance_type=Field(pattern=r"^[a-z0-9-]+\.[a-z0-9-]+$"),
    template_versions_by_zone=Field(default={}),
    root_disk_gib=Field(default=10, ge=1, le=65_536),
    root_device_name=Field(default=ROOT_DEVICE, pattern="^/dev/"),
    failover_minutes=Field(default=2, ge=1, le=60),
    alarm_topic_arns=Field(default=[]),
    log_retention_days=LogRetentionDays,
    tags=Field(default={}),
)
_RETENTION_DAYS = 365
_STATUS_CHECKS: FloatingIpMetricArgs = {
    "namespace": "AWS/EC2",
    "metric_name": "StatusCheckFailed",
    "threshold": 1,
    "comparison_operator": "GreaterThanOrEqualToThreshold",
    "statistic": "Maximum",
}
# What has the address is meant to be reached from the internet; the policy pack wants that said.
_PUBLIC = {"cloudpatterns:internet": "true"}


class FloatingIp(Component):
    """An Elastic IP over an active and a standby instance (Cloud Design Patterns for AWS, "Floating IP").

    When the alarm of the instance with the address fires and the other instance is healthy, a function moves the address, and it stays
    there: nothing moves it back. The next ``pulumi up`` leaves it where it is. For maintenance, invoke the function with
    ``{"move_to": "<instance id>"}``. After a failover, destroy with ``pulumi destroy --refresh``: the address is released only where the
    program knows it to be.
    """

    public_ip: pulumi.Output[str]
    """The address."""
    allocation_id: pulumi.Output[str]
    """Id of the address."""
    instance_ids_by_zone: pulumi.Output[dict[str, str]]
    """Zone to id of its instance."""
    network_interface_ids_by_zone: pulumi.Output[dict[str, str]]
    """Zone to id of the interface that its instance stands at."""
    alarm_arns_by_zone: pulumi.Output[dict[str, str]]
    """Zone to ARN of its instance's alarm."""
    function_name: pulumi.Output[str]
    """Name of the function that moves the address."""
    function_role_arn: pulumi.Output[str]
    """ARN of the function's role."""
    launch_template_id: pulumi.Output[str]
    """Id of the launch template."""
    launch_template_latest_version: pulumi.Output[int]
    """Newest version of the launch template, for ``template_versions_by_zone``."""

    def __init__(self, name: str, args: FloatingIpArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        checked = _ARGUMENTS.check("FloatingIp", name, args)
        if problems := list(_problems(checked)):
            raise ArgumentError("FloatingIp", name, problems)
        limits = {} if checked.get("instance_profile_arn") else {"instance-role": 64}
        check_names("FloatingIp", name, {"mover": 64, "mover-role": 64, "mover-alarms": 64, **limits})
        super().__init__("FloatingIp", name, opts)
        self._prefix, self._tags = name, checked["tags"]
        self._own_tags: Mapping[str, pulumi.Input[str]] = {"Name": name, **_PUBLIC, **checked["tags"]}
        active = checked.get("active_zone") or min(checked["subnet_ids_by_zone"])
        (standby,) = set(checked["subnet_ids_by_zone"]) - {active}

        template = self._template(checked)
        interfaces = {active: self._interface(checked, active)}
        # Not an association of its own: that has a new id after every move, so a refresh would lose it and the next `up` take the address
        # back, perhaps to the instance that fails.
        # https://github.com/hashicorp/terraform-provider-aws/blob/main/internal/service/ec2/ec2_eip_association.go
        address = aws.ec2.Eip(
            f"{name}-address",
            domain="vpc",
            network_interface=interfaces[active].id,
            tags={"Name": name, **checked["tags"]},
            opts=self.child(ignore_changes=["networkInterface", "instance", "associateWithPrivateIp"]),
        )
        # Destroyed before the address, which can only be released when it is on nothing.
        interfaces[standby] = self._interface(checked, standby, address)
        places: dict[str, Place] = {}
        for zone in (active, standby):
            # One after the other, so that changes of both never come at once, and the standby is not healthy first.
            earlier = [place.instance for place in places.values()]
            instance = self._instance(checked, zone, template, interfaces[zone], [address, *earlier])
            places[zone] = Place(instance, interfaces[zone], self._alarm(checked, zone, instance))
        mover = make_mover(
            self,
            f"{name}-mover",
            address=address,
            places=list(places.values()),
            topic_arns=checked["alarm_topic_arns"],
            log_retention_days=checked.get("log_retention_days") or _RETENTION_DAYS,
            tags=self._tags,
        )
        self.public_ip, self.allocation_id = address.public_ip, address.allocation_id
        self.instance_ids_by_zone = pulumi.Output.all(**{zone: place.instance.id for zone, place in places.items()})
        self.network_interface_ids_by_zone = pulumi.Output.all(**{zone: place.interface.id for zone, place in places.items()})
        self.alarm_arns_by_zone = pulumi.Output.all(**{zone: place.alarm.arn for zone, place in places.items()})
        self.function_name, self.function_role_arn = mover.function.name, mover.role.arn
        self.launch_template_id, self.launch_template_latest_version = template.id, template.latest_version
        self.register()

    def _template(self, checked: FloatingIpArgs) -> aws.ec2.LaunchTemplate:
        name, user_data = self._prefix, checked.get("user_data")
        profile = server_profile(self, f"{name}-instance", checked.get("instance_profile_arn"), session_manager=True, tags=self._tags)
        return server_template(
            self,
            f"{name}-template",
            image_parameter=checked.get("image_parameter"),
            image_id=checked.get("image_id"),
            root_disk_gib=checked.get("root_disk_gib") or 0,
            root_device_name=checked.get("root_device_name") or "",
            kms_key_arn=checked.get("kms_key_arn"),
            tags={"Name": name, **self._tags},
            instance_type=checked["instance_type"],
            iam_instance_profile={"name": profile},
            monitoring={"enabled": True},
            user_data=None
            if user_data is None
            else pulumi.Output.from_input(user_data).apply(lambda text: encoded("FloatingIp", name, text)),
        )

    def _interface(self, checked: FloatingIpArgs, zone: str, address: aws.ec2.Eip | None = None) -> aws.ec2.NetworkInterface:
        # Made apart from the instances: the address stays where it is while an instance is replaced, and the rights to move it name these.
        return aws.ec2.NetworkInterface(
            f"{self._prefix}-interface-{zone}",
            subnet_id=checked["subnet_ids_by_zone"][zone],
            security_groups=checked["security_group_ids"],
            description=f"Takes the floating address in {zone}",
            tags={**self._own_tags, "Name": f"{self._prefix}-{zone}"},
            opts=self.child(depends_on=[address] if address else []),
        )

    def _instance(
        self,
        checked: FloatingIpArgs,
        zone: str,
        template: aws.ec2.LaunchTemplate,
        interface: aws.ec2.NetworkInterface,
        after: list[pulumi.Resource],
    ) -> aws.ec2.Instance:
        own_tags = {**self._own_tags, "Name": f"{self._prefix}-{zone}"}
        return aws.ec2.Instance(
            f"{self._prefix}-instance-{zone}",
            # A number, not $Latest: an edit of the template would replace both instances.
            launch_template={"id": template.id, "version": str(checked["template_versions_by_zone"].get(zone, 1))},
            primary_network_interface={"network_interface_id": interface.id},
            metadata_options={"http_endpoint": "enabled", "http_tokens": "required", "http_put_response_hop_limit": 1},
            tags=own_tags,
            volume_tags={"Name": f"{self._prefix}-{zone}", **self._tags},
            # The interface fits one instance at a time.
            opts=self.child(depends_on=after, delete_before_replace=True),
        )

    def _alarm(self, checked: FloatingIpArgs, zone: str, instance: aws.ec2.Instance) -> aws.cloudwatch.MetricAlarm:
        # Both are watched, whichever has the address: a standby must be known to be well before it gets it, and fails later like the other.
        metric = checked.get("health_metric") or _STATUS_CHECKS
        minutes, topics = checked["failover_minutes"], checked["alarm_topic_arns"]
        return aws.cloudwatch.MetricAlarm(
            f"{self._prefix}-alarm-{zone}",
            alarm_description=f"The instance in {zone} fails; when it has the floating address, the other one gets it",
            namespace=metric["namespace"],
            metric_name=metric["metric_name"],
            dimensions={"InstanceId": instance.id},
            statistic=metric["statistic"],
            threshold=metric["threshold"],
            comparison_operator=metric["comparison_operator"],
            period=60,
            evaluation_periods=minutes,
            datapoints_to_alarm=minutes,
            # A stopped instance sends nothing.
            treat_missing_data="breaching",
            alarm_actions=topics,
            ok_actions=topics,
            tags=self._tags,
            opts=self.child(),
        )


def _problems(checked: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    zones = sorted(checked["subnet_ids_by_zone"])
    if len(zones) != 2:
        yield "subnet_ids_by_zone", f"has {', '.join(zones) or 'no zone'}; one zone for each of the two instances is needed. Name two."
    for zone in zones:
        if not re.fullmatch("[a-z0-9-]+", zone):
            yield f"subnet_ids_by_zone.{zone}", f"is the zone {zone!r}; a zone is named like eu-west-1a. Correct it."
    active = checked["active_zone"]
    if active is not None and active not in zones:
        yield "active_zone", f"is {active!r}; it must be one of {', '.join(zones)}."
    for zone, version in checked["template_versions_by_zone"].items():
        if zone not in zones:
            yield f"template_versions_by_zone.{zone}", f"is no zone of an instance; those are {', '.join(zones)}. Remove it."
        elif version < 1:
            yield f"template_versions_by_zone.{zone}", f"is {version}; versions count from 1. Correct it."
    yield from image_problems("image_parameter", checked["image_parameter"], checked["image_id"])
