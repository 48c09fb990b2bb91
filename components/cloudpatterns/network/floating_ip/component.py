"""One public address in front of two instances, that moves to the healthy one.

Pattern: "Floating IP" (Cloud Design Patterns for AWS), for what cannot stand behind a load balancer.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
from pydantic import Field

from cloudpatterns.blocks import (
    Metric,
    PatternFunction,
    admit_events,
    alarm,
    invoke_on_event,
    messages_alarm,
    pattern_function,
    undelivered_queue,
)
from cloudpatterns.blocks.server import METADATA_OPTIONS, disk, encoded, launch_template
from cloudpatterns.core import Choice, Component, Keys, Matches, Problem, Statement, by_name, one_of, unknown
from cloudpatterns.core.vocabulary import (
    AlarmTopicArns,
    ImageId,
    ImageParameter,
    InstanceType,
    KmsKeyArn,
    LogRetentionDays,
    RootDeviceName,
    RootDiskGib,
    SecurityGroupIds,
    Tags,
)
from cloudpatterns.security import instance_profile, session_manager_statements


class FloatingIpMetricArgs(TypedDict):
    """A metric with the dimension ``InstanceId`` alone, to which each instance sends data points every minute."""

    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
    namespace: Annotated[
        str, Field(max_length=255), Matches("[^:].*", "a namespace such as Shop; those with a colon in front are reserved")
    ]
    """The namespace."""
    metric_name: Annotated[str, Field(min_length=1, max_length=255)]
    """The metric, such as ``Heartbeat``."""
    threshold: float
    """The value that the metric is compared with."""
    comparison_operator: Annotated[
        str, Choice("GreaterThanThreshold", "GreaterThanOrEqualToThreshold", "LessThanThreshold", "LessThanOrEqualToThreshold")
    ]
    """When the instance counts as failed."""
    statistic: NotRequired[Annotated[str, Choice("Minimum", "Maximum", "Average", "Sum", "SampleCount"), Field(default="Maximum")]]
    """Statistic over a minute."""


class FloatingIpArgs(TypedDict):
    """Arguments of ``FloatingIp``."""

    subnet_ids_by_zone: Annotated[
        dict[str, pulumi.Input[str]],
        Field(min_length=2, max_length=2),
        Keys("[a-z0-9-]+", "lower-case letters, digits and hyphens, such as eu-west-1a"),
    ]
    """Public subnets of the two instances, by zone."""
    security_group_ids: SecurityGroupIds
    """Security groups of both instances."""
    instance_type: InstanceType
    """Type of both instances."""
    image_parameter: NotRequired[ImageParameter]
    """SSM parameter that names the image, such as ``/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64``. Exactly one of
    ``image_parameter`` and ``image_id``."""
    image_id: NotRequired[ImageId]
    """A fixed image (AMI). Exactly one of ``image_parameter`` and ``image_id``."""
    active_zone: NotRequired[str]
    """Zone of the instance that has the address first, and gets it when neither instance has it. Default: the first by name."""
    template_versions_by_zone: NotRequired[Annotated[dict[str, Annotated[int, Field(ge=1)]], Field(default={})]]
    """Version of the launch template that a zone's instance is created from; 1 for a zone that is left out. A change of image, type, disk,
    profile or user data only adds a version; a zone's instance is replaced when its number here is raised: raise the standby's first, then
    move the address, then raise the other's."""
    user_data: NotRequired[pulumi.Input[str]]
    """Script for the first boot, as plain text of at most 16,384 bytes, without secrets. Only the instance with the address reaches the
    internet; the other has what the VPC offers, such as endpoints. Default: no script."""
    instance_profile_arn: NotRequired[pulumi.Input[str]]
    """Profile of the instances. Default: a new one whose role allows Session Manager and nothing else."""
    root_disk_gib: NotRequired[RootDiskGib]
    """Size of the root disk, at least that of the image."""
    root_device_name: NotRequired[RootDeviceName]
    """The image's root device."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of the disks. Default: the AWS managed key for EBS."""
    failover_minutes: NotRequired[Annotated[int, Field(default=2, ge=1, le=60)]]
    """Minutes that the metric must fail, or have no data, before the address moves. An instance that does not run, or fails EC2's status
    checks, loses the address at once."""
    health_metric: NotRequired[FloatingIpMetricArgs]
    """Custom metric that tells whether an instance works; missing data counts as failing. EC2's status checks must pass as well. Default:
    EC2's ``StatusCheckFailed``."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify when an instance fails or recovers, and when the failover function fails."""
    log_retention_days: NotRequired[LogRetentionDays]
    """Days that the function's log is kept."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some, beside Name and the mark ``cloudpatterns:internet`` of internet-facing resources."""


_STATUS_CHECKS: FloatingIpMetricArgs = {
    "namespace": "AWS/EC2",
    "metric_name": "StatusCheckFailed",
    "threshold": 1,
    "comparison_operator": "GreaterThanOrEqualToThreshold",
    "statistic": "Maximum",
}


class FloatingIp(Component):
    """An Elastic IP over an active and a standby instance (Cloud Design Patterns for AWS, "Floating IP").

    When the instance with the address does not run, fails EC2's status checks, or fails or stops sending ``health_metric``, and the other
    instance is healthy, a function moves the address, and it stays there: nothing moves it back. The next ``pulumi up`` leaves it where it
    is. For maintenance, invoke the function with ``{"move_to": "<instance id>"}``. After a failover, destroy with
    ``pulumi destroy --refresh``: the address is released only where the program knows it to be.

    **Use when**: clients know an address, not a name, or the protocol is none that a load balancer takes.

    **Not when**: a load balancer can stand in front: it fails over in seconds and uses both instances.

    **Cost drivers**: two instances, one of which is idle, their disks, and a public IPv4 address.

    **Trade-offs**: a failover breaks connections. It takes seconds, at most a minute, when the instance stops or is terminated; up to a
    minute after EC2 reports it when its status checks fail, which run every minute; and ``failover_minutes`` and up to two more when
    ``health_metric`` fails or stops. The standby has no internet access.

    **Proven by**: controls ``imdsv2-required``, ``imds-hop-limit``, ``launch-template-volumes-encrypted``, ``functional-firewall``;
    ``test_floating_ip.py``, and ``test_floating_ip_on_aws.py``, which runs the function against failures of either instance and against
    repeated, late and lost events, and measures the time of a failover on a simulated clock.
    """

    public_ip: pulumi.Output[str]
    """The address."""
    allocation_id: pulumi.Output[str]
    """Id of the address."""
    instance_ids_by_zone: pulumi.Output[dict[str, str]]
    """Zone to id of its instance."""
    network_interface_ids_by_zone: pulumi.Output[dict[str, str]]
    """Zone to id of its instance's network interface."""
    alarm_arns_by_zone: pulumi.Output[dict[str, str]]
    """Zone to ARN of its instance's alarm."""
    function_name: pulumi.Output[str]
    """Name of the failover function."""
    function_role_arn: pulumi.Output[str]
    """ARN of the function's role."""
    launch_template_id: pulumi.Output[str]
    """Id of the launch template."""
    launch_template_latest_version: pulumi.Output[int]
    """Newest version of the launch template, for ``template_versions_by_zone``."""

    def __init__(self, name: str, args: FloatingIpArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        checked = self.begin(name, args, opts, problems=_problems, names=_child_names)
        self._checked, self._tags = checked, checked["tags"]
        # The policy pack asks that internet-facing resources are marked.
        self._facing_tags: Mapping[str, pulumi.Input[str]] = {"cloudpatterns:internet": "true", **checked["tags"]}
        zone = checked.get("active_zone")
        active = min(checked["subnet_ids_by_zone"]) if zone is None else zone
        (standby,) = set(checked["subnet_ids_by_zone"]) - {active}

        template = self._template(name)
        self._interfaces = {active: self._interface(active)}
        # Not an association of its own: that has a new id after every move, so a refresh would lose it and the next `up` take the address
        # back, perhaps to the instance that fails.
        # https://github.com/hashicorp/terraform-provider-aws/blob/main/internal/service/ec2/ec2_eip_association.go
        address = aws.ec2.Eip(
            f"{name}-address",
            domain="vpc",
            network_interface=self._interfaces[active].id,
            tags={"Name": name, **checked["tags"]},
            opts=self.child(ignore_changes=["networkInterface", "instance", "associateWithPrivateIp"]),
        )
        # Destroyed before the address, which can only be released when it is on nothing.
        self._interfaces[standby] = self._interface(standby, address)
        self._instances: dict[str, aws.ec2.Instance] = {}
        self._alarms: dict[str, aws.cloudwatch.MetricAlarm] = {}
        for zone in (active, standby):
            # One after the other, so that changes of both never come at once, and the standby is not healthy first.
            self._instances[zone] = self._instance(zone, template, [address, *self._instances.values()])
            self._alarms[zone] = self._alarm(zone)
        failover = self._failover(f"{name}-mover", address)
        self.public_ip, self.allocation_id = address.public_ip, address.allocation_id
        self.instance_ids_by_zone = by_name({zone: instance.id for zone, instance in self._instances.items()})
        self.network_interface_ids_by_zone = by_name({zone: interface.id for zone, interface in self._interfaces.items()})
        self.alarm_arns_by_zone = by_name({zone: zone_alarm.arn for zone, zone_alarm in self._alarms.items()})
        self.function_name, self.function_role_arn = failover.function.name, failover.role.arn
        self.launch_template_id, self.launch_template_latest_version = template.id, template.latest_version
        self.register()

    def _template(self, name: str) -> aws.ec2.LaunchTemplate:
        checked = self._checked
        given, key_arn = checked.get("instance_profile_arn"), checked.get("kms_key_arn")
        profile = instance_profile(self, f"{name}-instance", given, session_manager_statements(), self._tags)
        return launch_template(
            self,
            f"{name}-template",
            image_parameter=checked.get("image_parameter"),
            image_id=checked.get("image_id"),
            disks=[disk(checked["root_device_name"], checked["root_disk_gib"], key_arn)],
            tags={"Name": name, **self._tags},
            instance_type=checked["instance_type"],
            iam_instance_profile={"name": profile.name},
            monitoring={"enabled": True},
            user_data=encoded(self, checked.get("user_data")),
        )

    def _interface(self, zone: str, address: aws.ec2.Eip | None = None) -> aws.ec2.NetworkInterface:
        # Apart from the instances: the address stays where it is while an instance is replaced, and the rights to move it name these.
        return aws.ec2.NetworkInterface(
            f"{self.pulumi_resource_name}-interface-{zone}",
            subnet_id=self._checked["subnet_ids_by_zone"][zone],
            security_groups=self._checked["security_group_ids"],
            description=f"Takes the floating address in {zone}",
            tags={**self._facing_tags, "Name": self._server_name(zone)},
            opts=self.child(depends_on=[address] if address else []),
        )

    def _instance(self, zone: str, template: aws.ec2.LaunchTemplate, after: list[pulumi.Resource]) -> aws.ec2.Instance:
        return aws.ec2.Instance(
            f"{self.pulumi_resource_name}-instance-{zone}",
            # A number, not $Latest: an edit of the template would replace both instances.
            launch_template={"id": template.id, "version": str(self._checked["template_versions_by_zone"].get(zone, 1))},
            primary_network_interface={"network_interface_id": self._interfaces[zone].id},
            metadata_options=METADATA_OPTIONS,
            tags={**self._facing_tags, "Name": self._server_name(zone)},
            volume_tags={"Name": self._server_name(zone), **self._tags},
            # The interface fits one instance at a time.
            opts=self.child(depends_on=after, delete_before_replace=True),
        )

    def _alarm(self, zone: str) -> aws.cloudwatch.MetricAlarm:
        # On both, whichever has the address: a standby must be known to be healthy before it gets it, and can fail later like the other.
        custom = self._checked.get("health_metric")
        metric = _STATUS_CHECKS if custom is None else custom
        return alarm(
            self,
            f"{self.pulumi_resource_name}-alarm-{zone}",
            f"The instance in {zone} fails; when it has the floating address, the other one gets it",
            Metric(metric["namespace"], metric["metric_name"], {"InstanceId": self._instances[zone].id}, metric["statistic"]),
            metric["threshold"],
            comparison=metric["comparison_operator"],
            periods=self._checked["failover_minutes"],
            # A stopped instance sends nothing.
            missing="breaching",
            actions=self._checked["alarm_topic_arns"],
            tags=self._tags,
        )

    def _failover(self, child_name: str, address: aws.ec2.Eip) -> PatternFunction:
        """The function that moves the address, invoked when an instance stops, when an alarm changes and every minute besides."""
        interfaces, instances, alarms, custom = self._interfaces, self._instances, self._alarms, self._checked.get("health_metric")
        alarm_arns = [zone_alarm.arn for zone_alarm in alarms.values()]
        movable = [address.arn, *[interface.arn for interface in interfaces.values()], *[instance.arn for instance in instances.values()]]
        servers = [
            {"instance_id": instances[zone].id, "interface_id": interfaces[zone].id, "alarm_name": alarms[zone].name} for zone in instances
        ]
        undelivered = undelivered_queue(self, f"{child_name}-undelivered", self._tags)
        failover = pattern_function(
            self,
            child_name,
            Path(__file__).parent / "on_aws",
            description="Moves a floating address to the healthy instance",
            role_description="Moves one address between two instances",
            statements=[
                # Taking the address off the other interface is part of it.
                # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
                Statement(sid="Move", actions=["ec2:AssociateAddress"], resources=movable),
                # Neither has resource types.
                Statement(sid="Look", actions=["ec2:DescribeAddresses", "ec2:DescribeInstanceStatus"], resources=["*"]),
                # Enough for metric alarms: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
                Statement(sid="Listen", actions=["cloudwatch:DescribeAlarms"], resources=alarm_arns),
                # Has no resource types: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html
                *([] if custom is None else [Statement(sid="Hear", actions=["cloudwatch:GetMetricStatistics"], resources=["*"])]),
            ],
            memory_mib=256,
            log_retention_days=self._checked["log_retention_days"],
            tags=self._tags,
            environment={"ALLOCATION_ID": address.allocation_id, "SERVERS": pulumi.Output.json_dumps(servers), **self._silence()},
            dead_letter_arn=undelivered.arn,
        )
        self._invoke(child_name, failover.function, alarm_arns, undelivered)
        return failover

    def _silence(self) -> dict[str, pulumi.Input[str]]:
        """What the function needs to know to notice that an instance stops sending the custom metric, sooner than the alarm does."""
        metric = self._checked.get("health_metric")
        if metric is None:
            return {}
        seen = {"namespace": metric["namespace"], "metric_name": metric["metric_name"]}
        return {"HEALTH_METRIC": json.dumps({**seen, "failover_minutes": self._checked["failover_minutes"]})}

    def _invoke(
        self, child_name: str, function: aws.lambda_.Function, alarm_arns: list[pulumi.Output[str]], undelivered: aws.sqs.Queue
    ) -> None:
        """What invokes the failover function, and the alarm when it fails."""
        # https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-instance-state-changes.html
        ends = {
            "source": ["aws.ec2"],
            "detail-type": ["EC2 Instance State-change Notification"],
            "detail": {
                "instance-id": [instance.id for instance in self._instances.values()],
                "state": ["stopping", "stopped", "shutting-down", "terminated"],
            },
        }
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
        changes = {"source": ["aws.cloudwatch"], "detail-type": ["CloudWatch Alarm State Change"], "resources": alarm_arns}
        rules: dict[str, tuple[str, dict[str, Any]]] = {
            "states": ("An instance of a floating address stops", {"pattern": ends}),
            "alarms": ("An instance of a floating address fails or recovers", {"pattern": changes}),
            # Events report changes only: an address that could not move then, or that something else moved, is noticed by this.
            "watch": ("Checks where a floating address is", {"schedule": "rate(1 minute)"}),
        }
        rule_arns = [
            invoke_on_event(self, f"{child_name}-{suffix}", function, description, undelivered=undelivered, tags=self._tags, **source).arn
            for suffix, (description, source) in rules.items()
        ]
        admit_events(self, f"{child_name}-undelivered-policy", undelivered, rule_arns)
        if topics := self._checked["alarm_topic_arns"]:
            description = f"The function {child_name} was not invoked for events, or failed on them: it looks again every minute"
            messages_alarm(self, f"{child_name}-undelivered-alarm", description, undelivered, topics, self._tags)
        alarm(
            self,
            f"{child_name}-errors",
            "The function that moves the floating address fails",
            Metric("AWS/Lambda", "Errors", {"FunctionName": function.name}, "Sum"),
            1,
            comparison="GreaterThanOrEqualToThreshold",
            actions=self._checked["alarm_topic_arns"],
            tags=self._tags,
        )

    def _server_name(self, zone: str) -> str:
        return f"{self.pulumi_resource_name}-{zone}"


def _child_names(checked: FloatingIpArgs) -> dict[str, int]:
    profile = {} if checked.get("instance_profile_arn") else {"instance-role": 64}
    return {"mover": 64, "mover-role": 64, "mover-undelivered": 80, "mover-alarms": 64, "mover-states": 64, **profile}


def _problems(checked: FloatingIpArgs) -> Iterator[Problem]:
    zones, active = sorted(checked["subnet_ids_by_zone"]), checked.get("active_zone")
    if active is not None and active not in zones:
        yield "active_zone", unknown(active, "a zone of an instance", zones)
    for zone in checked["template_versions_by_zone"]:
        if zone not in zones:
            yield f"template_versions_by_zone.{zone}", unknown(zone, "a zone of an instance", zones)
    yield from one_of(checked, "image_parameter", "image_id")
