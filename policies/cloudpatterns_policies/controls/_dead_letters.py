"""Which queue takes what another one, a topic, a rule or a function gives up."""

from typing import Final

from cloudpatterns_policies.controls._event_sources import MAPPING, PIPE, QUEUE
from cloudpatterns_policies.core import UNKNOWN, Resource, Stack, UnknownValueError
from cloudpatterns_policies.graph.reading import has_value, read

REDRIVE: Final = "aws:sqs/redrivePolicy:RedrivePolicy"
REDRIVE_ALLOW: Final = "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy"
_SCHEDULE: Final = "aws:scheduler/schedule:Schedule"

OF_QUEUES: Final = ((QUEUE, "redrivePolicy"), (REDRIVE, "redrivePolicy"))
"""Properties by which a queue names its dead-letter queue."""

_OF_OTHERS: Final = (
    ("aws:sns/topicSubscription:TopicSubscription", "redrivePolicy"),
    ("aws:lambda/function:Function", "deadLetterConfig"),
    ("aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig", "destinationConfig"),
    (MAPPING, "destinationConfig"),
    ("aws:cloudwatch/eventTarget:EventTarget", "deadLetterConfig"),
    # A queue that a pipe reads is its source: only those for failed records are among the parameters.
    (PIPE, "sourceParameters"),
    ("aws:cloudwatch/eventBus:EventBus", "deadLetterConfig"),
)
"""Properties by which anything else does."""


def is_dead_letter_queue(queue: Resource, stack: Stack) -> bool:
    """Whether something in the stack parks in a queue what it gives up, or the queue says whose dead letters it takes."""
    if has_value(queue, "redriveAllowPolicy", computed=True) or stack.referrers(queue, REDRIVE_ALLOW, "queueUrl"):
        return True
    if any(stack.referrers(queue, kind, path) for kind, path in (*OF_QUEUES, *_OF_OTHERS)):
        return True
    return any(_keeps_of(schedule, queue, stack) for schedule in stack.referrers(queue, _SCHEDULE, "target"))


def _keeps_of(schedule: Resource, queue: Resource, stack: Stack) -> bool:
    """Whether a schedule parks in a queue what it gives up; its target may be a queue as well, so the path decides."""
    queues = stack.refs(schedule, "target.deadLetterConfig.arn", QUEUE)
    if queue not in queues or queue not in stack.refs(schedule, "target.arn", QUEUE):
        return queue in queues
    if not schedule.is_unknown("target.deadLetterConfig.arn"):
        return False
    # Both ARNs are unknown in a preview, so either may be of any queue that the target depends on: the only one takes the dead letters.
    if len(queues) > 1:
        raise UnknownValueError("target.arn", schedule.urn)
    return True


def takes_from_queues(queue: Resource, stack: Stack) -> bool:
    """Whether another queue of the stack sends there what it gives up."""
    return any(stack.referrers(queue, kind, path) for kind, path in OF_QUEUES)


def dead_letter_queue(resource: Resource, stack: Stack) -> Resource | None:
    """The one queue of the stack that a redrive policy, inside a queue or by itself, names."""
    found = stack.refs(resource, "redrivePolicy", QUEUE)
    if not found and not resource.is_unknown("redrivePolicy"):
        arn = _named(resource)
        found = [queue for queue in stack.of_type(QUEUE) if read(queue, "arn") is not UNKNOWN and read(queue, "arn") == arn] if arn else []
    return found[0] if len(found) == 1 else None


def _named(resource: Resource) -> str:
    """The ARN in a redrive policy that is known; empty where there is none."""
    try:
        document = resource.json("redrivePolicy")
    except ValueError:
        return ""  # accepted-value says it
    arn = document.get("deadLetterTargetArn") if isinstance(document, dict) else None
    return arn if isinstance(arn, str) else ""
