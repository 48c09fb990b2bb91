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


def _json(given: Mapping[str, Any] | pulumi.Input[str]) -> pulumi.Input[str]:
    return pulumi.Output.json_dumps(given) if isinstance(given, Mapping) else given


def schedule(
    component: Component,
    child_name: str,
    *,
    group: aws.scheduler.ScheduleGroup,
    expression: str,
    time_zone: str,
    target_arn: pulumi.Input[str],
    target_input: Mapping[str, Any] | pulumi.Input[str] | None,
    role_arn: pulumi.Input[str],
    retry_seconds: int,
    retry_attempts: int = 185,
    flexible_minutes: int = 0,
    dead_letter_arn: pulumi.Input[str] | None = None,
    depends_on: Sequence[pulumi.Resource] = (),
    target: Mapping[str, Any] | None = None,
    **options: Any,
) -> aws.scheduler.Schedule:
    """A schedule (``cron(0 6 ? * MON *)`` in an IANA time zone) that retries for at most ``retry_seconds``.

    ``target_input`` is JSON, or has the names of the API's own parameters, with their capitals; None for no input. It is at exact times,
    or within ``flexible_minutes`` after them. ``target`` adds parameters of the target's kind, ``options`` arguments of the schedule.
    """
    window: Any = {"mode": "FLEXIBLE", "maximum_window_in_minutes": flexible_minutes} if flexible_minutes else {"mode": "OFF"}
    return aws.scheduler.Schedule(
        child_name,
        group_name=group.name,
        schedule_expression=expression,
        schedule_expression_timezone=time_zone,
        flexible_time_window=window,
        target={
            "arn": target_arn,
            "role_arn": role_arn,
            **({} if target_input is None else {"input": _json(target_input)}),
            # The default is a day.
            "retry_policy": {"maximum_event_age_in_seconds": retry_seconds, "maximum_retry_attempts": retry_attempts},
            **({} if dead_letter_arn is None else {"dead_letter_config": {"arn": dead_letter_arn}}),
            **(target or {}),
        },
        opts=component.child(depends_on=list(depends_on)),
        **options,
    )
