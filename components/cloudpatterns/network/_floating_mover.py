"""The function that moves a floating address, what starts it and what it may touch."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pulumi
import pulumi_aws as aws

from cloudpatterns.core import Component, Statement, assume_role, document

_HANDLER = Path(__file__).parents[1] / "handlers" / "floating_ip" / "index.py"


class Place(NamedTuple):
    """One of the two instances, the interface that takes the address and the alarm that watches the instance."""

    instance: aws.ec2.Instance
    interface: aws.ec2.NetworkInterface
    alarm: aws.cloudwatch.MetricAlarm


class Mover(NamedTuple):
    """The function and its role."""

    function: aws.lambda_.Function
    role: aws.iam.Role


def make_mover(
    component: Component,
    child_name: str,
    *,
    address: aws.ec2.Eip,
    places: Sequence[Place],
    topic_arns: Sequence[pulumi.Input[str]],
    log_retention_days: int,
    tags: Mapping[str, pulumi.Input[str]],
) -> Mover:
    """The function, run at every change of an alarm and every minute besides."""
    # No customer key: ids are all that is logged.
    group = aws.cloudwatch.LogGroup(f"{child_name}-logs", retention_in_days=log_retention_days, tags=dict(tags), opts=component.child())
    role = aws.iam.Role(
        f"{child_name}-role",
        description="Moves one address between two instances",
        assume_role_policy=assume_role("lambda.amazonaws.com"),
        tags=dict(tags),
        opts=component.child(),
    )
    policy = aws.iam.RolePolicy(f"{child_name}-policy", role=role.name, policy=_rights(address, places, group), opts=component.child())
    servers = [{"instance_id": place.instance.id, "interface_id": place.interface.id, "alarm_name": place.alarm.name} for place in places]
    function = aws.lambda_.Function(
        child_name,
        description="Moves a floating address to the healthy instance",
        role=pulumi.Output.all(role.arn, policy.id).apply(lambda values: values[0]),
        runtime="python3.13",
        architectures=["arm64"],
        handler="index.handler",
        code=pulumi.AssetArchive({"index.py": pulumi.FileAsset(str(_HANDLER))}),
        timeout=30,
        memory_size=256,
        environment={"variables": {"ALLOCATION_ID": address.allocation_id, "SERVERS": pulumi.Output.json_dumps(servers)}},
        logging_config={"log_format": "JSON", "log_group": group.name},
        tags=dict(tags),
        opts=component.child(),
    )
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
    return Mover(function, role)


def _rights(address: aws.ec2.Eip, places: Sequence[Place], group: aws.cloudwatch.LogGroup) -> pulumi.Output[str]:
    return document(
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
        Statement(sid="Log", actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[pulumi.Output.concat(group.arn, ":*")]),
    )


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
