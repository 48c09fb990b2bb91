"""Events of AWS services that reach topics."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.core import Component


def notify_on_event(
    component: Component,
    child_name: str,
    description: str,
    *,
    pattern: Mapping[str, Any],
    topic_arns: Sequence[pulumi.Input[str]],
    tags: Mapping[str, pulumi.Input[str]],
) -> aws.cloudwatch.EventRule:
    """A rule of the default event bus that sends the events of a pattern to SNS topics, as children of ``component``.

    The topics' policies must let ``events.amazonaws.com`` publish: the policy that a topic has by default does not.
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-sns-permissions
    """
    rule = aws.cloudwatch.EventRule(
        child_name,
        description=description,
        event_pattern=pulumi.Output.json_dumps(pattern),
        tags=tags,
        opts=component.child(),
    )
    # By number: a topic's ARN may be known only after its creation.
    for number, topic_arn in enumerate(topic_arns, start=1):
        aws.cloudwatch.EventTarget(f"{child_name}-topic-{number}", rule=rule.name, arn=topic_arn, opts=component.child())
    return rule
