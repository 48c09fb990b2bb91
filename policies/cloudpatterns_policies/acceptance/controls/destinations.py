"""Destinations that let a service in by a policy of their own: AWS tests some of them when the sender is created, and others never."""

from collections.abc import Iterator
from functools import partial
from typing import Final, NamedTuple

from cloudpatterns_policies.acceptance.controls._given import given
from cloudpatterns_policies.acceptance.relations import gives, targets, waits_for
from cloudpatterns_policies.core import UNKNOWN, Fail, Resource, Severity, Stack, Verdict, stack_control

_BUCKET: Final = "aws:s3/bucket:Bucket"
_QUEUE: Final = "aws:sqs/queue:Queue"
_TOPIC: Final = "aws:sns/topic:Topic"
_FUNCTION: Final = "aws:lambda/function:Function"
_PERMISSION: Final = "aws:lambda/permission:Permission"

_POLICIES: Final = {
    _BUCKET: ("aws:s3/bucketPolicy:BucketPolicy", "bucket", "policy"),
    _QUEUE: ("aws:sqs/queuePolicy:QueuePolicy", "queueUrl", "policy"),
    _TOPIC: ("aws:sns/topicPolicy:TopicPolicy", "arn", "policy"),
    _FUNCTION: (_PERMISSION, "function", ""),
}
"""For each destination its policy's type, the property that names the destination, and the property that holds a policy inline."""


class _Sender(NamedTuple):
    """A property that names a destination, and the service that sends."""

    type: str
    path: str
    destination: str
    service: str


_NOTIFICATION: Final = "aws:s3/bucketNotification:BucketNotification"
_EVENTS: Final = "aws:cloudwatch/eventTarget:EventTarget"
_SUBSCRIPTION: Final = "aws:sns/topicSubscription:TopicSubscription"

_TESTED: Final = (
    _Sender(_NOTIFICATION, "queues.*.queueArn", _QUEUE, "s3"),
    _Sender(_NOTIFICATION, "topics.*.topicArn", _TOPIC, "s3"),
    _Sender(_NOTIFICATION, "lambdaFunctions.*.lambdaFunctionArn", _FUNCTION, "s3"),
    _Sender("aws:cloudtrail/trail:Trail", "s3BucketName", _BUCKET, "cloudtrail"),
    _Sender("aws:cfg/deliveryChannel:DeliveryChannel", "s3BucketName", _BUCKET, "config"),
    _Sender("aws:guardduty/publishingDestination:PublishingDestination", "destinationArn", _BUCKET, "guardduty"),
    _Sender("aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter", "destinationArn", _FUNCTION, "logs"),
    _Sender("aws:secretsmanager/secretRotation:SecretRotation", "rotationLambdaArn", _FUNCTION, "secretsmanager"),
)
"""Senders whose creation AWS refuses when they may not send yet."""

_UNTESTED: Final = (
    _Sender(_EVENTS, "arn", _QUEUE, "events"),
    _Sender(_EVENTS, "arn", _TOPIC, "events"),
    _Sender(_EVENTS, "arn", _FUNCTION, "events"),
    _Sender(_EVENTS, "deadLetterConfig.arn", _QUEUE, "events"),
    _Sender(_SUBSCRIPTION, "endpoint", _QUEUE, "sns"),
    _Sender(_SUBSCRIPTION, "endpoint", _FUNCTION, "sns"),
    _Sender(_SUBSCRIPTION, "redrivePolicy", _QUEUE, "sns"),
    _Sender("aws:cloudwatch/eventBus:EventBus", "deadLetterConfig.arn", _QUEUE, "events"),
)
"""Senders that AWS creates whether they may send or not."""

_refusal = partial(stack_control, severity=Severity.HIGH, pack="acceptance")


@_refusal(
    id="destination-policy-first",
    title="What lets a service write to a destination exists before the sender that names it",
    types=tuple(dict.fromkeys(item.type for item in _TESTED)),
    why="AWS tests the destination when it is named, and refuses the request while its policy is missing: the first deployment fails, "
    "or succeeds by chance.",
    remediation="Create the destination's policy (for a function, an aws.lambda_.Permission), and name it in depends_on of this resource.",
    url="https://docs.aws.amazon.com/AmazonS3/latest/userguide/grant-destinations-permissions-to-s3.html",
)
def destination_policy_first(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    """Of the destinations in the stack; another's may have its policy already."""
    for sender in _TESTED:
        for path, destination in _destinations(sender, resource, stack):
            policies = list(_policies(sender, destination, stack))
            if not policies:
                yield Fail(f"names {_words(destination)}, which has no policy that lets {sender.service}.amazonaws.com in", path)
            elif not any(item is destination or waits_for(stack, resource, item) for item in policies):
                yield Fail(f"does not wait for {policies[0].name}, which lets {sender.service}.amazonaws.com into {destination.name}", path)


@_refusal(
    id="destination-permitted",
    title="Queues, topics and functions that a service delivers to let it in",
    types=tuple(dict.fromkeys(item.type for item in _UNTESTED)),
    why="AWS accepts a target that it may not deliver to; every message is then lost, and only a metric shows it.",
    remediation="Give the queue or topic a policy that names the service, and a function an aws.lambda_.Permission.",
    url="https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html",
)
def destination_permitted(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    """Of the destinations in the stack. A target with a role of its own delivers by that."""
    for sender in _UNTESTED:
        if sender.path == "arn" and given(resource, "roleArn") is not None:
            continue
        for path, destination in _destinations(sender, resource, stack):
            if not list(_policies(sender, destination, stack)):
                yield Fail(f"delivers to {_words(destination)}, which has no policy that lets {sender.service}.amazonaws.com in", path)


def _destinations(sender: _Sender, resource: Resource, stack: Stack) -> Iterator[tuple[str, Resource]]:
    if resource.type == sender.type:
        yield from targets(stack, resource, sender.path, sender.destination)


def _policies(sender: _Sender, destination: Resource, stack: Stack) -> Iterator[Resource]:
    """What lets the service in: the destination itself for a policy inside it. Whom a policy's document names is not read."""
    policy, names, inline = _POLICIES[destination.type]
    if inline and gives(destination, inline):
        yield destination
    for item in stack.referrers(destination, policy, names):
        principal = given(item, "principal") if policy == _PERMISSION else UNKNOWN
        if not isinstance(principal, str) or principal.startswith(f"{sender.service}."):
            yield item


def _words(destination: Resource) -> str:
    return f"{destination.type.rpartition(':')[2].lower()} {destination.name}"
