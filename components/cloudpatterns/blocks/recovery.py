"""Alarms that act on one EC2 instance: recover moves it to other hardware, reboot restarts its operating system."""

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks.alarm import Metric, alarm
from cloudpatterns.core import Component

_METRICS = {"recover": "StatusCheckFailed_System", "reboot": "StatusCheckFailed_Instance"}
"""Recover is for the hardware alone: EC2 refuses it on the instance's own check."""


def recovery_alarm(
    component: Component,
    child_name: str,
    action: str,
    subject: str,
    *,
    instance_id: pulumi.Input[str],
    partition: pulumi.Input[str],
    region: pulumi.Input[str],
    minutes: int,
    topic_arns: Sequence[pulumi.Input[str]],
    notify_at_end: bool,
    alarm_region: str | None = None,
    tags: Mapping[str, pulumi.Input[str]],
) -> aws.cloudwatch.MetricAlarm:
    """An alarm whose action is to ``recover`` or ``reboot`` the instance when its status check has failed for some minutes.

    The minutes of the two differ, or both act at once: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/UsingAlarmActions.html
    Without data it stays as it is: a stopped instance has no status checks, and is not broken.
    """
    metric = _METRICS[action]
    arn = pulumi.Output.concat("arn:", partition, ":automate:", region, ":ec2:", action)
    return alarm(
        component,
        child_name,
        f"{metric} of {subject} is raised; the alarm's action is to {action} it",
        Metric("AWS/EC2", metric, {"InstanceId": instance_id}, "Maximum"),
        1,
        comparison="GreaterThanOrEqualToThreshold",
        periods=minutes,
        missing=None,
        actions=[arn, *topic_arns],
        ok_actions=topic_arns if notify_at_end else [],
        region=alarm_region,
        tags=tags,
    )
