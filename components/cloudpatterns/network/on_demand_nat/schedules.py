"""The weekly schedules that start and stop a NAT instance, and the one role that may do so."""

from typing import NamedTuple

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import Metric, ServiceRole, alarm, api_target, schedule, service_role
from cloudpatterns.core import Component, Statement, account_of, partition_of
from cloudpatterns.network.on_demand_nat.arguments import OnDemandNatArgs
from cloudpatterns.network.on_demand_nat.windows import closing, closing_again, opening, retry_seconds_close, retry_seconds_open


class Schedules(NamedTuple):
    """The schedule group, and the role that its schedules run with."""

    group: aws.scheduler.ScheduleGroup
    role: ServiceRole


def weekly_schedules(component: Component, checked: OnDemandNatArgs, instance: aws.ec2.Instance) -> Schedules:
    """Schedules that start the instance when a window opens and stop it when it closes, and an alarm when either fails for good."""
    name, tags, windows, time_zone = component.pulumi_resource_name, checked["tags"], checked["windows"], checked["time_zone"]
    # The confused-deputy condition takes the ARN of a group, not of a schedule, so the component has a group of its own.
    # https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
    group = aws.scheduler.ScheduleGroup(f"{name}-windows", tags=tags, opts=component.child())
    rights = Statement(actions=["ec2:StartInstances", "ec2:StopInstances"], resources=[instance.arn])
    role = service_role(
        component,
        f"{name}-windows-role",
        "scheduler.amazonaws.com",
        "Starts and stops one NAT instance on schedule",
        statements={f"{name}-windows-policy": [rights, *disk_key_statements(instance, checked.get("kms_key_arn"))]},
        conditions={"StringEquals": {"aws:SourceAccount": account_of(group.arn), "aws:SourceArn": group.arn}},
        tags=tags,
    )
    for window in windows:
        runs = [
            ("open", "startInstances", opening(window), retry_seconds_open(window)),
            ("close", "stopInstances", closing(window), retry_seconds_close(window, windows)),
        ]
        if again := closing_again(window, windows, time_zone):
            runs.append(("close-again", "stopInstances", again, retry_seconds_close(window, windows, after_minutes=60)))
        for suffix, action, time, retry_seconds in runs:
            schedule(
                component,
                f"{name}-{suffix}-{window['name']}",
                group=group,
                expression=time.cron,
                time_zone=time_zone,
                target_arn=api_target(group.arn, "ec2", action),
                target_input={"InstanceIds": [instance.id]},
                role_arn=role.arn,
                retry_seconds=retry_seconds,
            )
    if checked["alarm_topic_arns"]:
        # A stop that was dropped leaves the instance running, a start stopped.
        # https://docs.aws.amazon.com/scheduler/latest/UserGuide/monitoring-cloudwatch.html
        alarm(
            component,
            f"{name}-windows-dropped",
            "A scheduled start or stop of the NAT instance failed until its last retry: check whether the NAT instance is running",
            Metric("AWS/Scheduler", "InvocationDroppedCount", {"ScheduleGroup": group.name}, "Sum"),
            0,
            period_seconds=300,
            actions=checked["alarm_topic_arns"],
            ok_actions=[],
            tags=tags,
        )
    return Schedules(group, role)


def disk_key_statements(instance: aws.ec2.Instance, kms_key_arn: pulumi.Input[str] | None) -> list[Statement]:
    """What a role needs besides StartInstances when a customer managed key encrypts the disk.

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
