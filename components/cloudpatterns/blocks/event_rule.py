"""EventBridge rules that invoke a function."""

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks.function import allow_invocation
from cloudpatterns.core import Component


def invoke_on_event(
    component: Component,
    child_name: str,
    function: aws.lambda_.Function,
    description: str,
    *,
    pattern: Mapping[str, Any] | None = None,
    schedule: str | None = None,
    tags: Mapping[str, pulumi.Input[str]],
) -> aws.cloudwatch.EventRule:
    """A rule of the default event bus, by an event pattern or a schedule (``rate(1 minute)``), with its target and permission."""
    rule = aws.cloudwatch.EventRule(
        child_name,
        description=description,
        event_pattern=None if pattern is None else pulumi.Output.json_dumps(pattern),
        schedule_expression=schedule,
        tags=tags,
        opts=component.child(),
    )
    permission = allow_invocation(component, f"{child_name}-permission", function.name, "events.amazonaws.com", rule.arn)
    aws.cloudwatch.EventTarget(f"{child_name}-target", rule=rule.name, arn=function.arn, opts=component.child(depends_on=[permission]))
    return rule
