"""Queues for what failed: FIFO where the source is FIFO, standard everywhere else."""

import re
from collections.abc import Iterator
from functools import partial
from typing import Final

from cloudpatterns_policies.acceptance.controls._given import given
from cloudpatterns_policies.acceptance.relations import target, targets
from cloudpatterns_policies.core import UNKNOWN, Fail, Resource, Severity, Stack, Verdict, stack_control
from cloudpatterns_policies.graph.reading import expand, read

_QUEUE: Final = "aws:sqs/queue:Queue"
_TOPIC: Final = "aws:sns/topic:Topic"
_REDRIVE: Final = "aws:sqs/redrivePolicy:RedrivePolicy"
_SUBSCRIPTION: Final = "aws:sns/topicSubscription:TopicSubscription"

_FIFO: Final = re.compile(r"arn:[^:]+:(sqs|sns):.*\.fifo")
_SAME_KIND: Final = ((_QUEUE, ""), (_REDRIVE, "queueUrl"), (_SUBSCRIPTION, "topic"))
"""What has a `redrivePolicy`, and the property that names the source; empty for a source itself."""

_STANDARD: Final = (
    ("aws:autoscaling/lifecycleHook:LifecycleHook", "notificationTargetArn"),
    ("aws:cloudwatch/eventBus:EventBus", "deadLetterConfig.arn"),
    ("aws:cloudwatch/eventTarget:EventTarget", "deadLetterConfig.arn"),
    ("aws:lambda/eventSourceMapping:EventSourceMapping", "destinationConfig.onFailure.destinationArn"),
    ("aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig", "destinationConfig.onFailure.destination"),
    ("aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig", "destinationConfig.onSuccess.destination"),
    ("aws:s3/bucketNotification:BucketNotification", "queues.*.queueArn"),
    ("aws:s3/bucketNotification:BucketNotification", "topics.*.topicArn"),
    ("aws:scheduler/schedule:Schedule", "target.deadLetterConfig.arn"),
)
"""Properties that take a standard queue or topic alone."""

_refusal = partial(stack_control, severity=Severity.HIGH, pack="acceptance")


@_refusal(
    id="dead-letters-same-kind",
    title="A FIFO queue's dead-letter queue is FIFO, and a standard queue's is standard",
    types=tuple(type_ for type_, _ in _SAME_KIND),
    why="AWS refuses a redrive policy to a queue of the other kind.",
    remediation="Set fifo_queue of the dead-letter queue to that of the source.",
    url="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html",
)
def dead_letters_same_kind(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    named = dict(_SAME_KIND)[resource.type]
    source = target(stack, resource, named, _QUEUE, _TOPIC) if named else resource
    queue = target(stack, resource, "redrivePolicy", _QUEUE) or _named(resource, stack)
    if source is None or queue is None or queue is source:
        return
    kinds = _is_fifo(source), _is_fifo(queue)
    if kinds in ((True, False), (False, True)):
        words = ("is FIFO", "is standard") if kinds[1] else ("is standard", "is FIFO")
        yield Fail(f"sends what fails to {queue.name}, which {words[0]}, while {source.name} {words[1]}", "redrivePolicy")


@_refusal(
    id="standard-queue-required",
    title="Where AWS takes no FIFO queue or topic, none is named",
    types=tuple(dict.fromkeys(type_ for type_, _ in _STANDARD)),
    why="AWS refuses a FIFO queue there, or does not deliver to it.",
    remediation="Name a standard queue or topic.",
    url="https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html",
)
def standard_queue_required(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    for type_, pattern in _STANDARD:
        if resource.type != type_:
            continue
        for path, item in targets(stack, resource, pattern, _QUEUE, _TOPIC):
            if _is_fifo(item):
                yield Fail(f"names {item.name}, which is FIFO", path)
        for path in expand(resource, pattern):
            arn = read(resource, path)
            if isinstance(arn, str) and _FIFO.fullmatch(arn) and not stack.refs(resource, path, _QUEUE, _TOPIC):
                yield Fail(f"names {arn}, which is FIFO", path)


def _is_fifo(item: Resource) -> bool | None:
    """Whether a queue or topic is FIFO; None where it is not known."""
    value = given(item, "fifoQueue" if item.type == _QUEUE else "fifoTopic")
    return None if value is UNKNOWN else value is True


def _named(resource: Resource, stack: Stack) -> Resource | None:
    """The queue that a known redrive policy names by its ARN."""
    if resource.is_unknown("redrivePolicy"):
        return None
    try:
        document = resource.json("redrivePolicy")
    except ValueError:
        return None
    arn = document.get("deadLetterTargetArn") if isinstance(document, dict) else None
    arns = [(queue, queue.raw.get("arn")) for queue in stack.of_type(_QUEUE)] if isinstance(arn, str) else []
    found = [queue for queue, own in arns if isinstance(own, str) and own == arn]
    return found[0] if len(found) == 1 else None
