"""The function that moves a floating address, what invokes it and what it may do."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import Metric, PatternFunction, alarm, invoke_on_event, pattern_function
from cloudpatterns.core import Component, Statement


class Server(NamedTuple):
    """One of the two instances, its network interface, which takes the address, and its alarm."""

    instance: aws.ec2.Instance
    interface: aws.ec2.NetworkInterface
    alarm: aws.cloudwatch.MetricAlarm


def failover_function(
    component: Component,
    child_name: str,
    *,
    address: aws.ec2.Eip,
    servers: Sequence[Server],
    topic_arns: Sequence[pulumi.Input[str]],
    log_retention_days: int,
    tags: Mapping[str, pulumi.Input[str]],
) -> PatternFunction:
    """The function, invoked at every change of an alarm and every minute besides."""
    settings = [
        {"instance_id": server.instance.id, "interface_id": server.interface.id, "alarm_name": server.alarm.name} for server in servers
    ]
    failover = pattern_function(
        component,
        child_name,
        Path(__file__).parent / "on_aws",
        description="Moves a floating address to the healthy instance",
        role_description="Moves one address between two instances",
        statements=_statements(address, servers),
        memory_mib=256,
        log_retention_days=log_retention_days,
        tags=tags,
        environment={"ALLOCATION_ID": address.allocation_id, "SERVERS": pulumi.Output.json_dumps(settings)},
    )
    function = failover.function
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
    changes = {
        "source": ["aws.cloudwatch"],
        "detail-type": ["CloudWatch Alarm State Change"],
        "resources": [server.alarm.arn for server in servers],
    }
    description = "An instance of a floating address fails or recovers"
    invoke_on_event(component, f"{child_name}-alarms", function, description, pattern=changes, tags=tags)
    # Alarms report changes only: an address that could not move then, or that something else moved, is noticed by this.
    description = "Checks where a floating address is"
    invoke_on_event(component, f"{child_name}-watch", function, description, schedule="rate(1 minute)", tags=tags)
    alarm(
        component,
        f"{child_name}-errors",
        "The function that moves the floating address fails",
        Metric("AWS/Lambda", "Errors", {"FunctionName": function.name}, "Sum"),
        1,
        comparison="GreaterThanOrEqualToThreshold",
        actions=topic_arns,
        tags=tags,
    )
    return failover


def _statements(address: aws.ec2.Eip, servers: Sequence[Server]) -> list[Statement]:
    alarms = [server.alarm.arn for server in servers]
    return [
        # Taking the address off the other interface is part of it.
        # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
        Statement(
            sid="Move",
            actions=["ec2:AssociateAddress"],
            resources=[address.arn, *[server.interface.arn for server in servers], *[server.instance.arn for server in servers]],
        ),
        # Neither has resource types.
        Statement(sid="Look", actions=["ec2:DescribeAddresses", "ec2:DescribeInstanceStatus"], resources=["*"]),
        # Enough for metric alarms: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
        Statement(sid="Listen", actions=["cloudwatch:DescribeAlarms"], resources=alarms),
    ]
