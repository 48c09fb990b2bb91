"""Keys under which services deliver: queues, topics, event buses and archives."""

from collections.abc import Iterator
from typing import Final

from cloudpatterns_policies.acceptance.controls._given import given
from cloudpatterns_policies.acceptance.controls.keys import KEY, key_documents, may_admit
from cloudpatterns_policies.acceptance.relations import target
from cloudpatterns_policies.core import Fail, Resource, Severity, Stack, Verdict, stack_control

_QUEUE: Final = "aws:sqs/queue:Queue"
_TOPIC: Final = "aws:sns/topic:Topic"
_OF_EVENTS: Final = ("aws:cloudwatch/eventBus:EventBus", "aws:cloudwatch/eventArchive:EventArchive")

_SENT: Final = (
    *(("aws:cloudwatch/eventTarget:EventTarget", path, "events") for path in ("arn", "deadLetterConfig.arn")),
    ("aws:cloudwatch/eventBus:EventBus", "deadLetterConfig.arn", "events"),
    *(("aws:sns/topicSubscription:TopicSubscription", path, "sns") for path in ("endpoint", "redrivePolicy")),
    *(("aws:s3/bucketNotification:BucketNotification", path, "s3") for path in ("queues", "topics")),
    *(
        (f"aws:cloudwatch/{name[0].lower()}{name[1:]}:{name}", path, "cloudwatch")
        for name in ("MetricAlarm", "CompositeAlarm")
        for path in ("alarmActions", "okActions", "insufficientDataActions")
    ),
)
"""Properties that name a queue or a topic, and the service that sends there in its own name."""


@stack_control(
    id="delivery-key-policy",
    title="Keys of queues, topics and event buses admit the services that send there",
    severity=Severity.HIGH,
    types=(_QUEUE, _TOPIC, *_OF_EVENTS),
    why="A service that may send, and may not use the key, delivers nothing; only a metric shows it.",
    remediation="Allow kms:GenerateDataKey* and kms:Decrypt (EventBridge: kms:DescribeKey too) to the service in the policy of the key.",
    url="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html",
    pack="acceptance",
)
def delivery_key_policy(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    """A key of the stack whose policy is known, or which has none. Who sends with a role of its own is let in by that."""
    path = "kmsKeyIdentifier" if resource.type in _OF_EVENTS else "kmsMasterKeyId"
    key = target(stack, resource, path, KEY)
    if key is None:
        return
    documents = key_documents(key, stack)
    for service, sender in _senders(resource, stack).items():
        if not any(may_admit(document, service) for document in documents):
            from_ = "" if sender is resource else f" from {sender.name}"
            yield Fail(f"gets nothing{from_}: the policy of its key {key.name} does not allow {service}.amazonaws.com", path)


def _senders(destination: Resource, stack: Stack) -> dict[str, Resource]:
    """The services that send to a queue or a topic, each with the first resource that names it."""
    if destination.type in _OF_EVENTS:
        return {"events": destination}
    found: dict[str, Resource] = {}
    for type_, path, service in _SENT:
        for sender in stack.referrers(destination, type_, path):
            if not (path == "arn" and given(sender, "roleArn") is not None):
                found.setdefault(service, sender)
    return found
