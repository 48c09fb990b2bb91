"""Instances that scale with the load, spread over zones.

Pattern: "Scale-Out" (Cloud Design Patterns for AWS).
"""

from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import Metric, MetricMath, alarm, create_key, notify_on_event
from cloudpatterns.blocks.server import disk, encoded, launch_template
from cloudpatterns.compute.scale_out.arguments import ScaleOutArgs
from cloudpatterns.compute.scale_out.checks import argument_problems, burst_percent, protected_instances
from cloudpatterns.core import Component, Statement, account_of, is_given, partition_of, pick
from cloudpatterns.security import instance_profile, session_manager_statements

_METRICS = (
    *("GroupMinSize", "GroupMaxSize", "GroupDesiredCapacity", "GroupInServiceInstances", "GroupPendingInstances"),
    *("GroupStandbyInstances", "GroupTerminatingInstances", "GroupTotalInstances"),
)
# Not Cancelled: a refresh that starts while another runs cancels that one.
# https://docs.aws.amazon.com/autoscaling/ec2/userguide/instance-refresh-eventbridge-events.html
_REFRESH_FAILURES = tuple(f"EC2 Auto Scaling Instance Refresh {end}" for end in ("Failed", "Rollback Succeeded", "Rollback Failed"))
# https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-event-reference.html
_INSTANCE_FAILURES = ("EC2 Instance Launch Unsuccessful", "EC2 Instance Terminate Unsuccessful")
_TIMES_AND_SIZES = ["recurrence", "timeZone", "startTime", "endTime", "minSize", "maxSize", "desiredCapacity"]
# At most 100 points above the share that stays healthy.
# https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_InstanceMaintenancePolicy.html
_MAX_HEALTHY_PERCENT = 150
# This many points above the burst threshold the group doubles.
_BURST_STEP = 10


class ScaleOut(Component):
    """An Auto Scaling group over zones (Cloud Design Patterns for AWS, "Scale-Out").

    Target tracking holds the average CPU (unless ``scaling.by_cpu`` is False) and, on request, the requests per instance. A step policy
    with an alarm adds half of the group, or doubles it, in a burst. Scheduled actions change the sizes at known times. A change of the
    launch template starts an instance refresh, which replaces the instances in batches, and so does their age. With ``alarm_topic_arns``,
    alarms report fewer instances than the minimum, failed instance refreshes, and instances that could not be launched or terminated.

    **Use when**: servers keep no state of their own, and the load changes or a server may fail at any time.

    **Not when**: one server must be the only active one (``FloatingIp``), or the work fits into functions or containers.

    **Cost drivers**: the instances and their disks, detailed monitoring, and the alarms. Spot instances reduce the first.

    **Trade-offs**: a new instance takes its boot time and ``instance_warmup_seconds`` before it helps; Spot instances can be reclaimed
    within two minutes. A deployment does not reset the number of instances that scaling has chosen.

    **Proven by**: controls ``auto-scaling-launch-template``, ``auto-scaling-load-balancer-health``, ``auto-scaling-several-zones``,
    ``imdsv2-required``, ``imds-hop-limit``, ``launch-template-volumes-encrypted``, ``instance-no-public-ip``; ``test_scale_out.py``.
    """

    auto_scaling_group_name: pulumi.Output[str]
    """Name of the Auto Scaling group."""
    auto_scaling_group_arn: pulumi.Output[str]
    """ARN of the Auto Scaling group."""
    launch_template_id: pulumi.Output[str]
    """Id of the launch template."""
    instance_profile_arn: pulumi.Output[str]
    """ARN of the instances' profile, given or new."""

    def __init__(self, name: str, args: ScaleOutArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        checked = self.begin(name, args, opts, problems=argument_problems, names=_child_names)
        self._checked = checked
        self._tags: dict[str, pulumi.Input[str]] = {"Name": name, **checked["tags"]}
        given_profile = checked.get("instance_profile_arn")
        self.instance_profile_arn = instance_profile(self, f"{name}-instance", given_profile, session_manager_statements(), self._tags).arn
        template = self._template(name)
        group = self._group(name, template)
        self._target_tracking(name, group)
        if checked["scaling"]["by_cpu"]:
            self._burst(name, group)
        self._scheduled_actions(name, group)
        self._failures(name, group)
        self.auto_scaling_group_name, self.auto_scaling_group_arn = group.name, group.arn
        self.launch_template_id = template.id
        self.register()

    def _key_arn(self, name: str) -> pulumi.Input[str] | None:
        if not self._checked["create_kms_key"]:
            return self._checked.get("kms_key_arn")
        role_arn = self._checked.get("service_linked_role_arn")
        if role_arn is None:
            role_arn = pulumi.Output.concat(
                *("arn:", partition_of(self.instance_profile_arn), ":iam::", account_of(self.instance_profile_arn)),
                ":role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling",
            )
        # https://docs.aws.amazon.com/autoscaling/ec2/userguide/key-policy-requirements-EBS-encryption.html
        statements = [
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
        ]
        return create_key(self, f"{name}-key", f"Disks of the instances of {name}", statements, tags=self._tags)

    def _template(self, name: str) -> aws.ec2.LaunchTemplate:
        checked, disks, key_arn = self._checked, self._checked["disks"], self._key_arn(name)
        return launch_template(
            self,
            f"{name}-template",
            image_parameter=checked.get("image_parameter"),
            image_id=checked.get("image_id"),
            disks=[
                disk(disks["root_device_name"], disks["root_disk_gib"], key_arn),
                *(disk(device, kms_key_arn=key_arn, **data_disk) for device, data_disk in disks["data_disks"].items()),
            ],
            metadata_hop_limit=checked["metadata_hop_limit"],
            metadata_tags=checked["instance_metadata_tags"],
            tags=self._tags,
            description=f"Instances of {name}",
            instance_type=checked["instance_types"][0],
            iam_instance_profile={"arn": self.instance_profile_arn},
            ebs_optimized="true" if disks["ebs_optimized"] else "false",
            monitoring={"enabled": True},
            # Groups belong to the interface once there is one, and only an interface can refuse a public address.
            network_interfaces=[
                {
                    "device_index": 0,
                    "associate_public_ip_address": "false",
                    "security_groups": checked["security_group_ids"],
                    "delete_on_termination": "true",
                }
            ],
            user_data=encoded(self, checked.get("user_data")),
            update_default_version=True,
            # The provider's default tags reach the template, not what it launches.
            tag_specifications=[{"resource_type": kind, "tags": self._tags} for kind in ("instance", "network-interface", "volume")],
        )

    def _group(self, name: str, template: aws.ec2.LaunchTemplate) -> aws.autoscaling.Group:
        checked, scaling, refresh = self._checked, self._checked["scaling"], self._checked["refresh"]
        # The number of the newest version, never $Latest or $Default: only a new number starts an instance refresh.
        version, spot = template.latest_version.apply(str), checked["spot_percentage"] > 0
        mixed = spot or len(checked["instance_types"]) > 1
        return aws.autoscaling.Group(
            f"{name}-group",
            vpc_zone_identifiers=list(checked["subnet_ids_by_zone"].values()),
            min_size=checked["min_size"],
            max_size=checked["max_size"],
            desired_capacity=checked["min_size"],
            launch_template=None if mixed else {"id": template.id, "version": version},
            mixed_instances_policy=self._mix(template.id, version) if mixed else None,
            capacity_rebalance=True if spot else None,
            target_group_arns=checked["target_group_arns"] or None,
            health_check_type="ELB" if checked["target_group_arns"] else "EC2",
            health_check_grace_period=checked["health_check_grace_seconds"],
            default_instance_warmup=refresh["instance_warmup_seconds"],
            instance_refresh={
                "strategy": "Rolling",
                "preferences": {
                    "min_healthy_percentage": refresh["min_healthy_percent"],
                    "max_healthy_percentage": _MAX_HEALTHY_PERCENT,
                    # An image behind an SSM parameter cannot be rolled back to.
                    # https://docs.aws.amazon.com/autoscaling/ec2/userguide/instance-refresh-rollback.html
                    "auto_rollback": checked.get("image_id") is not None,
                    "scale_in_protected_instances": protected_instances(scaling, refresh),
                },
            },
            # The refresh does not reach instances that are unhealthy or too old: without a policy AWS terminates these first.
            # https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-instance-maintenance-policy.html
            instance_maintenance_policy={
                "min_healthy_percentage": refresh["min_healthy_percent"],
                "max_healthy_percentage": _MAX_HEALTHY_PERCENT,
            },
            max_instance_lifetime=refresh["max_instance_lifetime_seconds"],
            termination_policies=scaling["termination_policies"],
            protect_from_scale_in=scaling["protect_from_scale_in"],
            force_delete=checked["force_delete"] or None,
            enabled_metrics=[aws.autoscaling.Metric(metric) for metric in _METRICS],
            metrics_granularity="1Minute",
            service_linked_role_arn=checked.get("service_linked_role_arn"),
            # At creation only. wait_for_elb_capacity would count at updates too, and wait for exactly as many.
            # https://github.com/hashicorp/terraform-provider-aws/issues/5241
            min_elb_capacity=checked["min_size"] if checked["target_group_arns"] else None,
            wait_for_capacity_timeout=f"{checked['wait_for_capacity_minutes']}m",
            tags=[{"key": key, "value": value, "propagate_at_launch": True} for key, value in self._tags.items()],
            opts=self.child(
                ignore_changes=self._changed_by_scaling(),
                # Connections drain for as long as the target group says, an hour at most; the provider would wait for 10 minutes.
                custom_timeouts=pulumi.CustomTimeouts(delete="75m"),
            ),
        )

    def _mix(self, template_id: pulumi.Output[str], version: pulumi.Output[str]) -> aws.autoscaling.GroupMixedInstancesPolicyArgsDict:
        return {
            "launch_template": {
                "launch_template_specification": {"launch_template_id": template_id, "version": version},
                "overrides": [{"instance_type": instance_type} for instance_type in self._checked["instance_types"]],
            },
            "instances_distribution": {
                "on_demand_allocation_strategy": "prioritized",
                "on_demand_base_capacity": self._checked["on_demand_base_size"],
                "on_demand_percentage_above_base_capacity": 100 - self._checked["spot_percentage"],
                "spot_allocation_strategy": "price-capacity-optimized",
            },
        }

    def _changed_by_scaling(self) -> list[str]:
        """Properties that scaling changes, and that a deployment must not reset."""
        actions = self._checked["scaling"]["scheduled_actions"].values()
        sizes = {"minSize": "min_size", "maxSize": "max_size"}
        return ["desiredCapacity", *(key for key, size in sizes.items() if any(is_given(action, size) for action in actions))]

    def _target_tracking(self, name: str, group: aws.autoscaling.Group) -> None:
        scaling = self._checked["scaling"]
        metrics: dict[str, aws.autoscaling.PolicyTargetTrackingConfigurationPredefinedMetricSpecificationArgsDict] = {
            "cpu": {"predefined_metric_type": "ASGAverageCPUUtilization"}
        }
        targets: dict[str, int] = {"cpu": scaling["cpu_target_percent"]}
        if not scaling["by_cpu"]:
            del metrics["cpu"]
        if (requests := scaling.get("requests_per_target")) is not None:
            label = pulumi.Output.concat(self._checked["load_balancer_arn_suffix"], "/", self._checked["target_group_arn_suffix"])
            targets["requests"] = requests
            metrics["requests"] = {"predefined_metric_type": "ALBRequestCountPerTarget", "resource_label": label}
        for suffix, metric in metrics.items():
            aws.autoscaling.Policy(
                f"{name}-{suffix}",
                autoscaling_group_name=group.name,
                policy_type="TargetTrackingScaling",
                target_tracking_configuration={"predefined_metric_specification": metric, "target_value": targets[suffix]},
                opts=self.child(),
            )

    def _burst(self, name: str, group: aws.autoscaling.Group) -> None:
        policy = aws.autoscaling.Policy(
            f"{name}-burst",
            autoscaling_group_name=group.name,
            policy_type="StepScaling",
            adjustment_type="PercentChangeInCapacity",
            min_adjustment_magnitude=1,
            metric_aggregation_type="Average",
            step_adjustments=[
                {"metric_interval_lower_bound": "0", "metric_interval_upper_bound": str(_BURST_STEP), "scaling_adjustment": 50},
                {"metric_interval_lower_bound": str(_BURST_STEP), "scaling_adjustment": 100},
            ],
            opts=self.child(),
        )
        alarm(
            self,
            f"{name}-burst-alarm",
            f"CPU of {name} is too high for target tracking alone; the group grows at once",
            Metric("AWS/EC2", "CPUUtilization", {"AutoScalingGroupName": group.name}),
            burst_percent(self._checked["scaling"]),
            comparison="GreaterThanOrEqualToThreshold",
            periods=2,
            # A group without instances has no CPU.
            missing="notBreaching",
            actions=[policy.arn, *self._checked["alarm_topic_arns"]],
            ok_actions=[],
            tags=self._tags,
        )

    def _failures(self, name: str, group: aws.autoscaling.Group) -> None:
        """Reports a group that is too small, a refresh that failed, and instances that did not start or stop."""
        topic_arns, notified = self._checked["alarm_topic_arns"], self._checked.get("notification_topic_arn")
        if notified is not None:
            aws.autoscaling.Notification(
                f"{name}-failures",
                group_names=[group.name],
                notifications=[
                    aws.autoscaling.NotificationType.INSTANCE_LAUNCH_ERROR,
                    aws.autoscaling.NotificationType.INSTANCE_TERMINATE_ERROR,
                ],
                topic_arn=notified,
                opts=self.child(),
            )
        if not topic_arns:
            return
        sizes = {
            key: Metric("AWS/AutoScaling", metric, {"AutoScalingGroupName": group.name}, "Minimum")
            for key, metric in (("instances", "GroupInServiceInstances"), ("fewest", "GroupMinSize"))
        }
        alarm(
            self,
            f"{name}-too-few-instances",
            f"{name} has had fewer instances in service than its minimum size for five minutes: AWS cannot launch them, or they stop again",
            # The group's own minimum, which scheduled actions change.
            MetricMath("instances - fewest", sizes),
            0,
            comparison="LessThanThreshold",
            periods=5,
            # The group reports every minute, also when it is empty: without data nobody would notice a dead fleet.
            missing="breaching",
            actions=topic_arns,
            tags=self._tags,
        )
        # Events, not one notification for each topic: AWS keeps a notification by its topic, so the removal of one child would take the
        # notification of another with it, whose place in the list has changed.
        failures = _REFRESH_FAILURES if notified is not None else (*_INSTANCE_FAILURES, *_REFRESH_FAILURES)
        notify_on_event(
            self,
            f"{name}-failed",
            f"An instance refresh of {name} failed, or an instance could not be launched or terminated",
            pattern={
                "source": ["aws.autoscaling"],
                "detail-type": list(failures),
                "detail": {"AutoScalingGroupName": [group.name]},
            },
            topic_arns=topic_arns,
            tags=self._tags,
        )

    def _scheduled_actions(self, name: str, group: aws.autoscaling.Group) -> None:
        # One after the other: of several at the same moment AWS refuses one now and then, because "this scheduled start time already
        # exists", whatever the times are. https://github.com/TerraConstructs/base/issues/127
        previous: list[pulumi.Resource] = []
        for key, action in self._checked["scaling"]["scheduled_actions"].items():
            # Left out, a size would become 0; -1 leaves it as it is.
            change: dict[str, Any] = {"min_size": -1, "max_size": -1, "desired_capacity": -1, **pick(action, *action)}
            schedule = aws.autoscaling.Schedule(
                f"{name}-at-{key}",
                scheduled_action_name=key,
                autoscaling_group_name=group.name,
                **change,
                # An update would send the first time that AWS worked out at the creation, which is in the past by then, and be refused.
                # https://github.com/pulumi/pulumi-aws/issues/2473
                opts=self.child(depends_on=previous, replace_on_changes=_TIMES_AND_SIZES, delete_before_replace=True),
            )
            previous = [schedule]


def _child_names(checked: ScaleOutArgs) -> dict[str, int]:
    profile = {} if checked.get("instance_profile_arn") else {"instance-role": 64}
    rule = {"failed": 64} if checked["alarm_topic_arns"] else {}
    return {"template": 128, **profile, **rule}
