"""The weekly schedules that start and stop a NAT instance, and the one role that may do so."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from cloudpatterns.core import Component, Statement, account_of, assume_role, document, partition_of
from cloudpatterns.network.on_demand_nat import windows as weekly

Tags = Mapping[str, pulumi.Input[str]]


@dataclass(frozen=True)
class Schedules:
    """The schedule group, the role its schedules run with, and the policy that must be in place before they run."""

    group: aws.scheduler.ScheduleGroup
    role: aws.iam.Role
    policy: aws.iam.RolePolicy


def make_schedules(
    component: Component,
    name: str,
    instance: aws.ec2.Instance,
    windows: Sequence[weekly.Window],
    time_zone: str,
    kms_key_arn: pulumi.Input[str] | None,
    alarm_topic_arns: Sequence[pulumi.Input[str]],
    tags: Tags,
) -> Schedules:
    """Schedules that start the instance when a window opens and stop it when it closes, and an alarm when either fails for good."""
    # The confused-deputy condition takes the ARN of a group, not of a schedule, so the component has a group of its own.
    # https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
    group = aws.scheduler.ScheduleGroup(f"{name}-windows", tags=dict(tags), opts=component.child())
    role = aws.iam.Role(
        f"{name}-windows-role",
        description="Starts and stops one NAT instance on schedule",
        assume_role_policy=assume_role(
            "scheduler.amazonaws.com",
            conditions={"StringEquals": {"aws:SourceAccount": account_of(group.arn), "aws:SourceArn": group.arn}},
        ),
        tags=dict(tags),
        opts=component.child(),
    )
    policy = aws.iam.RolePolicy(
        f"{name}-windows-policy",
        role=role.id,
        policy=document(
            Statement(actions=["ec2:StartInstances", "ec2:StopInstances"], resources=[instance.arn]),
            *start_with_key(instance, kms_key_arn),
        ),
        opts=component.child(),
    )
    for window in windows:
        retry = weekly.retry_seconds_open(window)
        _schedule(component, f"{name}-open-{window.name}", group, role, policy, instance, "start", weekly.opening(window), time_zone, retry)
        retry = weekly.retry_seconds_close(window, windows)
        _schedule(component, f"{name}-close-{window.name}", group, role, policy, instance, "stop", weekly.closing(window), time_zone, retry)
        again = second_closing(window, windows, time_zone)
        if again is not None:
            retry = weekly.retry_seconds_close(window, windows, after_minutes=60)
            _schedule(component, f"{name}-close-again-{window.name}", group, role, policy, instance, "stop", again, time_zone, retry)
    if alarm_topic_arns:
        _alarm(component, name, group, alarm_topic_arns, tags)
    return Schedules(group, role, policy)


def _alarm(
    component: Component, name: str, group: aws.scheduler.ScheduleGroup, topic_arns: Sequence[pulumi.Input[str]], tags: Tags
) -> None:
    """A stop that was dropped leaves the way out open; a start, shut."""
    # https://docs.aws.amazon.com/scheduler/latest/UserGuide/monitoring-cloudwatch.html
    aws.cloudwatch.MetricAlarm(
        f"{name}-windows-dropped",
        alarm_description="A scheduled start or stop of the NAT instance failed until its last retry: look whether the NAT is open or shut",
        namespace="AWS/Scheduler",
        metric_name="InvocationDroppedCount",
        dimensions={"ScheduleGroup": group.name},
        statistic="Sum",
        period=300,
        evaluation_periods=1,
        threshold=0,
        comparison_operator="GreaterThanThreshold",
        # The metric speaks only when something is dropped.
        treat_missing_data="notBreaching",
        alarm_actions=list(topic_arns),
        tags=dict(tags),
        opts=component.child(),
    )


def second_closing(window: weekly.Window, windows: Sequence[weekly.Window], time_zone: str) -> weekly.Occasion | None:
    """The second closing of a window, None where clocks never skip an hour."""
    return None if time_zone == "UTC" else weekly.closing_again(window, windows)


def start_with_key(instance: aws.ec2.Instance, kms_key_arn: pulumi.Input[str] | None) -> list[Statement]:
    """What a role needs besides StartInstances when a customer key encrypts the disk.

    Without it the instance goes from pending straight back to stopped, with no error to the caller.
    https://repost.aws/knowledge-center/kms-iam-ec2-permission
    """
    if kms_key_arn is None:
        return []
    suffix = partition_of(instance.arn).apply(lambda partition: "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com")
    return [
        Statement(
            actions=["kms:CreateGrant"],
            resources=[kms_key_arn],
            conditions={
                "Bool": {"kms:GrantIsForAWSResource": "true"},
                "StringEquals": {"kms:ViaService": pulumi.Output.concat("ec2.", instance.region, ".", suffix)},
            },
        )
    ]


def target_arn(arn: pulumi.Input[str], action: str) -> pulumi.Output[str]:
    """ARN of the universal target that starts or stops instances, in the partition of the given ARN."""
    # https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html
    return pulumi.Output.concat("arn:", partition_of(arn), ":scheduler:::aws-sdk:ec2:", action, "Instances")


def _schedule(
    component: Component,
    child_name: str,
    group: aws.scheduler.ScheduleGroup,
    role: aws.iam.Role,
    policy: aws.iam.RolePolicy,
    instance: aws.ec2.Instance,
    action: str,
    occasion: weekly.Occasion,
    time_zone: str,
    retry_seconds: int,
) -> None:
    aws.scheduler.Schedule(
        child_name,
        group_name=group.name,
        schedule_expression=occasion.cron,
        schedule_expression_timezone=time_zone,
        # Required; a window closes when it says.
        flexible_time_window={"mode": "OFF"},
        target={
            "arn": target_arn(group.arn, action),
            "role_arn": role.arn,
            # The names of the API's own parameters, with their capitals.
            "input": pulumi.Output.json_dumps({"InstanceIds": [instance.id]}),
            # The default, a day, would start the instance long after its window, or stop it in the next.
            "retry_policy": {"maximum_event_age_in_seconds": retry_seconds, "maximum_retry_attempts": 185},
        },
        opts=component.child(depends_on=[policy]),
    )
