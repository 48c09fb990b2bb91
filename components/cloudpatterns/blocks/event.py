"""Events of AWS services that reach topics."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks.alarm import messages_alarm
from cloudpatterns.core import Component, Statement, after, document

_TWO_WEEKS_SECONDS = 1_209_600


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

    The topics' policies must let ``events.amazonaws.com`` publish: the policy that a topic has by default does not. An event that cannot
    be delivered stays in a queue for two weeks and raises an alarm, which reaches the topics by another permission.
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-sns-permissions
    """
    rule = aws.cloudwatch.EventRule(
        child_name,
        description=description,
        event_pattern=pulumi.Output.json_dumps(pattern),
        tags=tags,
        opts=component.child(),
    )
    queue = undelivered_queue(component, f"{child_name}-undelivered", tags)
    messages_alarm(
        component,
        f"{child_name}-undelivered-alarm",
        f"Events are in the queue {child_name}-undelivered, because a topic refused them: does its policy, and that of its key, allow "
        "events.amazonaws.com?",
        queue,
        topic_arns,
        tags,
    )
    queue_arn = after(queue.arn, admit_events(component, f"{child_name}-undelivered-policy", queue, [rule.arn]))
    # By number: a topic's ARN may be known only after its creation.
    for number, topic_arn in enumerate(topic_arns, start=1):
        aws.cloudwatch.EventTarget(
            f"{child_name}-topic-{number}",
            rule=rule.name,
            arn=topic_arn,
            dead_letter_config={"arn": queue_arn},
            opts=component.child(),
        )
    return rule


def undelivered_queue(component: Component, child_name: str, tags: Mapping[str, pulumi.Input[str]]) -> aws.sqs.Queue:
    """A queue that keeps for two weeks what could not be delivered; who may send to it is the caller's (``admit_events``)."""
    return aws.sqs.Queue(
        child_name,
        sqs_managed_sse_enabled=True,
        message_retention_seconds=_TWO_WEEKS_SECONDS,
        tags=tags,
        opts=component.child(),
    )


def admit_events(
    component: Component, child_name: str, queue: aws.sqs.Queue, rule_arns: Sequence[pulumi.Input[str]]
) -> aws.sqs.QueuePolicy:
    """Lets EventBridge send to a queue for the given rules."""
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html#eb-dlq-perms
    return aws.sqs.QueuePolicy(
        child_name,
        queue_url=queue.id,
        policy=document(
            Statement(
                actions=["sqs:SendMessage"],
                resources=[queue.arn],
                principals={"Service": ["events.amazonaws.com"]},
                conditions={"ArnEquals": {"aws:SourceArn": rule_arns[0] if len(rule_arns) == 1 else list(rule_arns)}},
            )
        ),
        opts=component.child(),
    )
