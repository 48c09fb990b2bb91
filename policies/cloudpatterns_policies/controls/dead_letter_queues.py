"""Dead-letter queues: how long they keep messages, whose messages they take, and where a chain of them ends."""

import json
from functools import partial
from typing import Final

from cloudpatterns_policies.controls._dead_letters import REDRIVE, REDRIVE_ALLOW, dead_letter_queue, takes_from_queues
from cloudpatterns_policies.controls._event_sources import QUEUE
from cloudpatterns_policies.core import UNKNOWN, Fail, NotApplicable, Pass, Resource, Severity, Stack, Unknown, Verdict, stack_control
from cloudpatterns_policies.graph.reading import arrow, has_value, read

_PAGES: Final = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide"
_BUS: Final = "aws:cloudwatch/eventBus:EventBus"

_RETENTION: Final = 345_600
"""Seconds that a queue keeps a message when the program does not say."""
_LONGEST: Final = 1_209_600

_operation = partial(stack_control, pack="operations")


@_operation(
    id="dead-letters-kept-longer",
    title="Dead-letter queues keep messages longer than their sources",
    severity=Severity.MEDIUM,
    types=(QUEUE, REDRIVE),
    why="A message keeps its age when it moves: one that waited for days is deleted before anybody has seen it.",
    remediation="Set message_retention_seconds of the dead-letter queue to 1209600, and of its source to less.",
    url=f"{_PAGES}/setting-up-dead-letter-queue-retention.html",
)
def dead_letters_kept_longer(resource: Resource, stack: Stack) -> Verdict:
    sources = [resource] if resource.type == QUEUE else stack.refs(resource, "queueUrl", QUEUE)
    queue = dead_letter_queue(resource, stack)
    if queue is None or len(sources) != 1:
        return NotApplicable("names no dead-letter queue of the stack")
    source = sources[0]
    if read(source, "fifoQueue") is not UNKNOWN and read(source, "fifoQueue"):
        return NotApplicable("is FIFO, where a message that moves is as good as new")
    path = "messageRetentionSeconds"
    own, its = (read(item, path, computed=True) for item in (source, queue))
    for item, seconds in ((source, own), (queue, its)):
        if seconds is UNKNOWN:
            return Unknown(path if item is resource else f"{path} of {item.name}")
    own, its = own or _RETENTION, its or _RETENTION
    if its > own or its >= _LONGEST:
        return Pass()
    name = "keeps" if source is resource else f"is of {source.name}, which keeps"
    return Fail(f"{name} messages for {_long(own)}, and its dead-letter queue {queue.name} for {_long(its)}", "redrivePolicy")


@_operation(
    id="dead-letters-of-known-queues",
    title="Dead-letter queues say whose messages they take",
    severity=Severity.LOW,
    types=(QUEUE,),
    why="Every queue of the account may send what it gives up there, among the messages that somebody is to repair and send back.",
    remediation='Set redrive_allow_policy, or an aws.sqs.RedriveAllowPolicy, with redrivePermission "byQueue" and sourceQueueArns.',
    url=f"{_PAGES}/sqs-dead-letter-queues.html",
)
def dead_letters_of_known_queues(resource: Resource, stack: Stack) -> Verdict:
    if not takes_from_queues(resource, stack):
        return NotApplicable("is the dead-letter queue of no queue of the stack")
    path = "redriveAllowPolicy"
    holders = [resource] if has_value(resource, path, computed=True) else []
    holders += stack.referrers(resource, REDRIVE_ALLOW, "queueUrl")
    if not holders:
        return Fail("takes the dead letters of every queue", path)
    for holder in holders:
        policy = read(holder, path)
        # An unknown one comes from the queues that it lists.
        if policy is not UNKNOWN and _permission(policy) == "allowAll":
            return Fail("takes the dead letters of every queue", path if holder is resource else f"{path} of {holder.name}")
    return Pass()


@_operation(
    id="dead-letter-chain-ends",
    title="A chain of dead-letter queues ends",
    severity=Severity.MEDIUM,
    types=(QUEUE,),
    why="Messages that fail everywhere go round until they expire: nobody finds them at rest, and every round costs as much as the first.",
    remediation="Remove redrive_policy of the last queue, and let an alarm tell when it has messages.",
    url=f"{_PAGES}/sqs-dead-letter-queues.html",
)
def dead_letter_chain_ends(resource: Resource, stack: Stack) -> Verdict:
    chain = [resource]
    while (following := _next(chain[-1], stack)) is not None and following not in chain:
        chain.append(following)
    if following is not resource:
        return Pass()
    if resource.urn != min(item.urn for item in chain):
        return NotApplicable("is in a circle that another queue reports")
    return Fail(f"gets back what it gave up: {arrow(*(item.name for item in chain), resource.name)}", "redrivePolicy")


@_operation(
    id="event-bus-dead-letters",
    title="Event buses under a customer-managed key have a dead-letter queue",
    severity=Severity.MEDIUM,
    types=(_BUS,),
    why="An event that arrives while the key is disabled or its policy is wrong is lost before any rule sees it.",
    remediation="Set dead_letter_config with the ARN of an SQS queue whose policy allows events.amazonaws.com.",
    url="https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-encryption-event-bus-dlq.html",
)
def event_bus_dead_letters(resource: Resource, stack: Stack) -> Verdict:
    if not has_value(resource, "kmsKeyIdentifier", computed=True):
        return NotApplicable("has no customer-managed key")
    kept = has_value(resource, "deadLetterConfig.arn", computed=True)
    return Pass() if kept else Fail("loses events when its key cannot be used", "deadLetterConfig")


def _next(queue: Resource, stack: Stack) -> Resource | None:
    """The dead-letter queue of a queue."""
    for holder in (queue, *stack.referrers(queue, REDRIVE, "queueUrl")):
        if (found := dead_letter_queue(holder, stack)) is not None:
            return found
    return None


def _permission(policy: object) -> object:
    """What a redrive allow policy permits: `byQueue`, `denyAll`, or `allowAll`, also when it does not say."""
    if isinstance(policy, str):
        try:
            policy = json.loads(policy)
        except ValueError:
            return None  # accepted-value says it
    found = policy.get("redrivePermission", "allowAll") if isinstance(policy, dict) else None
    return None if found is UNKNOWN else found


def _long(seconds: float) -> str:
    for unit, name in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds % unit == 0:
            count = int(seconds // unit)
            return f"{count} {name}{'' if count == 1 else 's'}"
    return f"{seconds:g} seconds"
