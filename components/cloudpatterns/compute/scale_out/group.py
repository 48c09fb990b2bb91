"""The Auto Scaling group of ``ScaleOut``, and what moves its size."""

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.core import Component

_METRICS = [
    aws.autoscaling.Metric.GROUP_MIN_SIZE,
    aws.autoscaling.Metric.GROUP_MAX_SIZE,
    aws.autoscaling.Metric.GROUP_DESIRED_CAPACITY,
    aws.autoscaling.Metric.GROUP_IN_SERVICE_INSTANCES,
    aws.autoscaling.Metric.GROUP_PENDING_INSTANCES,
    aws.autoscaling.Metric.GROUP_STANDBY_INSTANCES,
    aws.autoscaling.Metric.GROUP_TERMINATING_INSTANCES,
    aws.autoscaling.Metric.GROUP_TOTAL_INSTANCES,
]
# This many points above the burst threshold the group doubles.
_BURST_STEP = 10


def auto_scaling_group(
    component: Component, name: str, args: Mapping[str, Any], tags: Mapping[str, pulumi.Input[str]], template: aws.ec2.LaunchTemplate
) -> aws.autoscaling.Group:
    """The group: on one launch template, or on a mix of instance types and purchase options."""
    # The number of the newest version, never $Latest or $Default: only a new number starts an instance refresh.
    version = template.latest_version.apply(str)
    spot = args["spot_percentage"]
    mixed = spot > 0 or len(args["instance_types"]) > 1
    # An image behind an SSM parameter cannot be rolled back to.
    # https://docs.aws.amazon.com/autoscaling/ec2/userguide/instance-refresh-rollback.html
    rollback = args["image_id"] is not None
    return aws.autoscaling.Group(
        f"{name}-group",
        vpc_zone_identifiers=list(args["subnet_ids_by_zone"].values()),
        min_size=args["min_size"],
        max_size=args["max_size"],
        desired_capacity=args["min_size"],
        launch_template=None if mixed else {"id": template.id, "version": version},
        mixed_instances_policy=_mix(args, template.id, version) if mixed else None,
        capacity_rebalance=True if spot else None,
        target_group_arns=args["target_group_arns"] or None,
        health_check_type="ELB" if args["target_group_arns"] else "EC2",
        health_check_grace_period=args["health_check_grace_seconds"],
        default_instance_warmup=args["instance_warmup_seconds"],
        instance_refresh={
            "strategy": "Rolling",
            "preferences": {
                "min_healthy_percentage": args["refresh_min_healthy_percent"],
                # At most 100 points apart: https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_RefreshPreferences.html
                "max_healthy_percentage": 150,
                "auto_rollback": rollback,
                "scale_in_protected_instances": "Refresh" if args["protect_from_scale_in"] else "Ignore",
            },
        },
        max_instance_lifetime=args["max_instance_lifetime_seconds"],
        termination_policies=args["termination_policies"],
        protect_from_scale_in=args["protect_from_scale_in"],
        enabled_metrics=_METRICS,
        metrics_granularity="1Minute",
        service_linked_role_arn=args["service_linked_role_arn"],
        # Not 10 minutes, the provider's default: https://github.com/hashicorp/terraform-provider-aws/issues/5241
        wait_for_capacity_timeout=f"{args['wait_for_capacity_minutes']}m",
        tags=[{"key": key, "value": value, "propagate_at_launch": True} for key, value in tags.items()],
        opts=component.child(ignore_changes=_moved(args)),
    )


def _mix(
    args: Mapping[str, Any], template_id: pulumi.Output[str], version: pulumi.Output[str]
) -> aws.autoscaling.GroupMixedInstancesPolicyArgsDict:
    return {
        "launch_template": {
            "launch_template_specification": {"launch_template_id": template_id, "version": version},
            "overrides": [{"instance_type": kind} for kind in args["instance_types"]],
        },
        "instances_distribution": {
            "on_demand_allocation_strategy": "prioritized",
            "on_demand_base_capacity": args["on_demand_base_size"],
            "on_demand_percentage_above_base_capacity": 100 - args["spot_percentage"],
            "spot_allocation_strategy": "price-capacity-optimized",
        },
    }


def _moved(args: Mapping[str, Any]) -> list[str]:
    """Properties that AWS moves, and that a deployment must not move back."""
    actions = args["scheduled_actions"].values()
    moved = {"minSize": "min_size", "maxSize": "max_size"}
    return ["desiredCapacity", *[wire for wire, key in moved.items() if any(action[key] is not None for action in actions)]]


def scaling(
    component: Component, name: str, args: Mapping[str, Any], tags: Mapping[str, pulumi.Input[str]], group: aws.autoscaling.Group
) -> None:
    """Target tracking, the burst policy with its alarm, scheduled actions and notifications."""
    aws.autoscaling.Policy(
        f"{name}-cpu",
        autoscaling_group_name=group.name,
        policy_type="TargetTrackingScaling",
        target_tracking_configuration={
            "predefined_metric_specification": {"predefined_metric_type": "ASGAverageCPUUtilization"},
            "target_value": args["cpu_target_percent"],
        },
        opts=component.child(),
    )
    if args["requests_per_target"] is not None:
        label = pulumi.Output.concat(args["load_balancer_arn_suffix"], "/", args["target_group_arn_suffix"])
        aws.autoscaling.Policy(
            f"{name}-requests",
            autoscaling_group_name=group.name,
            policy_type="TargetTrackingScaling",
            target_tracking_configuration={
                "predefined_metric_specification": {"predefined_metric_type": "ALBRequestCountPerTarget", "resource_label": label},
                "target_value": args["requests_per_target"],
            },
            opts=component.child(),
        )
    _burst(component, name, args, tags, group)
    for key, action in args["scheduled_actions"].items():
        aws.autoscaling.Schedule(
            f"{name}-at-{key}",
            scheduled_action_name=key,
            autoscaling_group_name=group.name,
            recurrence=action["recurrence"],
            time_zone=action["time_zone"] or "Etc/UTC",
            start_time=action["start_time"],
            end_time=action["end_time"],
            # Left out, a size would become 0; -1 leaves it as it is.
            min_size=_or_unchanged(action["min_size"]),
            max_size=_or_unchanged(action["max_size"]),
            desired_capacity=_or_unchanged(action["desired_capacity"]),
            opts=component.child(),
        )
    if args["notification_topic_arn"] is not None:
        aws.autoscaling.Notification(
            f"{name}-failures",
            group_names=[group.name],
            notifications=[
                aws.autoscaling.NotificationType.INSTANCE_LAUNCH_ERROR,
                aws.autoscaling.NotificationType.INSTANCE_TERMINATE_ERROR,
            ],
            topic_arn=args["notification_topic_arn"],
            opts=component.child(),
        )


def _or_unchanged(size: int | None) -> int:
    return -1 if size is None else size


def _burst(
    component: Component, name: str, args: Mapping[str, Any], tags: Mapping[str, pulumi.Input[str]], group: aws.autoscaling.Group
) -> None:
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
        opts=component.child(),
    )
    aws.cloudwatch.MetricAlarm(
        f"{name}-burst-alarm",
        alarm_description=f"CPU of {name} is too high for target tracking alone; the group grows at once",
        namespace="AWS/EC2",
        metric_name="CPUUtilization",
        dimensions={"AutoScalingGroupName": group.name},
        statistic="Average",
        period=60,
        evaluation_periods=2,
        comparison_operator="GreaterThanOrEqualToThreshold",
        threshold=args["burst_cpu_percent"],
        # A group without instances has no CPU.
        treat_missing_data="notBreaching",
        alarm_actions=[policy.arn, *args["alarm_topic_arns"]],
        tags=tags,
        opts=component.child(),
    )
