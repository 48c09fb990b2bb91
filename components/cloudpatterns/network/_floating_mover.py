"""The function that moves a floating address, what starts it and what it may touch."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pulumi
import pulumi_aws as aws

from cloudpatterns.core import Component, HandlerFunction, Statement, handler_function


class Place(NamedTuple):
    """One of the two instances, the interface that takes the address and the alarm that watches the instance."""

    instance: aws.ec2.Instance
    interface: aws.ec2.NetworkInterface
    alarm: aws.cloudwatch.MetricAlarm


def make_mover(
    component: Component,
    child_name: str,
    *,
    address: aws.ec2.Eip,
    places: Sequence[Place],
    topic_arns: Sequence[pulumi.Input[str]],
    log_retention_days: int,
    tags: Mapping[str, pulumi.Input[str]],
) -> HandlerFunction:
    """The function, run at every change of an alarm and every minute besides."""
    servers = [{"instance_id": place.instance.id, "interface_id": place.interface.id, "alarm_name": place.alarm.name} for place in places]
    mover = handler_function(
        component,
        child_name,
        handler="floating_ip",
        description="Moves a floating address to the healthy instance",
        role_description="Moves one address between two instances",
        statements=_rights(address, places),
        memory_mib=256,
        log_retention_days=log_retention_days,
        tags=tags,
        environment={"ALLOCATION_ID": address.allocation_id, "SERVERS": pulumi.Output.json_dumps(servers)},
    )
    function = mover.function
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
    pattern = {
        "source": ["aws.cloudwatch"],
        "detail-type": ["CloudWatch Alarm State Change"],
        "resources": [place.alarm.arn for place in places],
    }
    _run(component, f"{child_name}-alarms", function, "An instance of a floating address fails or recovers", tags, pattern)
    # An alarm tells only of its changes: an address that could not move then, or was left alone, is seen by this.
    _run(component, f"{child_name}-watch", function, "Looks after a floating address", tags, None)
    aws.cloudwatch.MetricAlarm(
        f"{child_name}-errors",
        alarm_description="The function that moves the floating address fails",
        namespace="AWS/Lambda",
        metric_name="Errors",
        dimensions={"FunctionName": function.name},
        statistic="Sum",
        threshold=1,
        comparison_operator="GreaterThanOrEqualToThreshold",
        period=60,
        evaluation_periods=1,
        treat_missing_data="notBreaching",
        alarm_actions=list(topic_arns),
        ok_actions=list(topic_arns),
        tags=dict(tags),
        opts=component.child(),
    )
    return mover


def _rights(address: aws.ec2.Eip, places: Sequence[Place]) -> list[Statement]:
    return [
        # Taking the address off the other interface is part of it.
        # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
        Statement(
            sid="Move",
            actions=["ec2:AssociateAddress"],
            resources=[address.arn, *[place.interface.arn for place in places], *[place.instance.arn for place in places]],
        ),
        # Neither has resource types.
        Statement(sid="Look", actions=["ec2:DescribeAddresses", "ec2:DescribeInstanceStatus"], resources=["*"]),
        # Enough for metric alarms: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
        Statement(sid="Listen", actions=["cloudwatch:DescribeAlarms"], resources=[place.alarm.arn for place in places]),
    ]


def _run(
    component: Component,
    child_name: str,
    function: aws.lambda_.Function,
    description: str,
    tags: Mapping[str, pulumi.Input[str]],
    pattern: Mapping[str, object] | None,
) -> None:
    rule = aws.cloudwatch.EventRule(
        child_name,
        description=description,
        event_pattern=None if pattern is None else pulumi.Output.json_dumps(pattern),
        schedule_expression="rate(1 minute)" if pattern is None else None,
        tags=dict(tags),
        opts=component.child(),
    )
    permission = aws.lambda_.Permission(
        f"{child_name}-permission",
        action="lambda:InvokeFunction",
        function=function.name,
        principal="events.amazonaws.com",
        source_arn=rule.arn,
        opts=component.child(),
    )
    aws.cloudwatch.EventTarget(f"{child_name}-target", rule=rule.name, arn=function.arn, opts=component.child(depends_on=[permission]))
