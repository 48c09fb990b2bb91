"""EventBridge schedules that call an AWS API."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.core import Component, partition_of


def api_target(arn: pulumi.Input[str], service: str, action: str) -> pulumi.Output[str]:
    """ARN of the universal target that calls an action (``ec2``, ``startInstances``), in the partition of the given ARN."""
    # https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html
    return pulumi.Output.concat("arn:", partition_of(arn), ":scheduler:::aws-sdk:", service, ":", action)


def schedule(
    component: Component,
    child_name: str,
    *,
    group: aws.scheduler.ScheduleGroup,
    expression: str,
    time_zone: str,
    target_arn: pulumi.Input[str],
    target_input: Mapping[str, Any],
    role_arn: pulumi.Input[str],
    retry_seconds: int,
    depends_on: Sequence[pulumi.Resource] = (),
) -> aws.scheduler.Schedule:
    """A schedule at exact times (``cron(0 6 ? * MON *)`` in an IANA time zone) that retries for at most ``retry_seconds``.

    ``target_input`` has the names of the API's own parameters, with their capitals.
    """
    return aws.scheduler.Schedule(
        child_name,
        group_name=group.name,
        schedule_expression=expression,
        schedule_expression_timezone=time_zone,
        flexible_time_window={"mode": "OFF"},
        target={
            "arn": target_arn,
            "role_arn": role_arn,
            "input": pulumi.Output.json_dumps(target_input),
            # The default is a day.
            "retry_policy": {"maximum_event_age_in_seconds": retry_seconds, "maximum_retry_attempts": 185},
        },
        opts=component.child(depends_on=list(depends_on)),
    )
