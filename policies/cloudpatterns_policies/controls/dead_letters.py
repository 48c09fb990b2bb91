"""Asynchronous processing: events and messages that fail are kept in a dead-letter queue instead of being lost."""

from collections.abc import Iterator
from typing import Final

from cloudpatterns_policies.controls._dead_letters import REDRIVE, is_dead_letter_queue
from cloudpatterns_policies.controls._event_sources import MAPPING, PIPE, QUEUE, service, shards
from cloudpatterns_policies.core import UNKNOWN, Fail, NotApplicable, Pass, Resource, Severity, Stack, Unknown, Verdict, stack_control
from cloudpatterns_policies.graph.reading import has_value, read

_FUNCTION: Final = "aws:lambda/function:Function"
_ALIAS: Final = "aws:lambda/alias:Alias"
_ON_FAILURE: Final = "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig"
_EVENT_TARGET: Final = "aws:cloudwatch/eventTarget:EventTarget"
_SUBSCRIPTION: Final = "aws:sns/topicSubscription:TopicSubscription"
_NOTIFICATION: Final = "aws:s3/bucketNotification:BucketNotification"
_SCHEDULE: Final = "aws:scheduler/schedule:Schedule"

_INVOKERS: Final = (
    (_EVENT_TARGET, "arn"),
    (_SUBSCRIPTION, "endpoint"),
    (_NOTIFICATION, "lambdaFunctions"),
    (_SCHEDULE, "target"),
    ("aws:ses/receiptRule:ReceiptRule", "lambdaActions"),
    ("aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter", "destinationArn"),
)
"""What invokes a function asynchronously: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async.html"""


@stack_control(
    id="queue-dead-letters",
    title="Queues have a dead-letter queue",
    severity=Severity.MEDIUM,
    types=(QUEUE,),
    why="A message that always fails is retried until it expires: each retry costs money, and then the message is lost.",
    remediation="Set redrive_policy with deadLetterTargetArn and maxReceiveCount; on a dead-letter queue itself, set redrive_allow_policy.",
    url="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html",
    pack="operations",
)
def queue_dead_letters(resource: Resource, stack: Stack) -> Verdict:
    if has_value(resource, "redrivePolicy", computed=True) or stack.referrers(resource, REDRIVE, "queueUrl"):
        return Pass()
    if is_dead_letter_queue(resource, stack):
        return NotApplicable("is a dead-letter queue")
    return Fail("has no dead-letter queue", "redrivePolicy")


@stack_control(
    id="function-async-failures-kept",
    title="Functions that are invoked asynchronously keep failed events",
    severity=Severity.MEDIUM,
    types=(_FUNCTION,),
    why="Lambda retries an event twice and then drops it, and nobody is notified.",
    remediation="Set dead_letter_config, or add an aws.lambda_.FunctionEventInvokeConfig with on_failure in destination_config.",
    url="https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html",
    frameworks={"Checkov": ("CKV_AWS_116",)},
    pack="operations",
)
def function_async_failures_kept(resource: Resource, stack: Stack) -> Verdict:
    names = [resource, *stack.referrers(resource, _ALIAS, "functionName")]
    invokers = [item for name in names for kind, path in _INVOKERS for item in stack.referrers(name, kind, path)]
    if not invokers:
        return NotApplicable("is not invoked asynchronously by the stack")
    if has_value(resource, "deadLetterConfig.targetArn", computed=True):
        return Pass()
    for name in names:
        for item in stack.referrers(name, _ON_FAILURE, "functionName"):
            if has_value(item, "destinationConfig.onFailure.destination", computed=True):
                return Pass()
    return Fail(f"loses failed events from {invokers[0].name}", "deadLetterConfig")


@stack_control(
    id="stream-failures-kept",
    title="Functions and pipes that read streams keep failed records",
    severity=Severity.MEDIUM,
    types=(MAPPING, PIPE),
    why="One bad record blocks its shard until it expires, and the good records behind it expire too.",
    remediation="Set destination_config with on_failure, and maximum_retry_attempts; for a pipe, dead_letter_config of its source.",
    url="https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html",
    pack="operations",
)
def stream_failures_kept(resource: Resource, stack: Stack) -> Verdict:
    if resource.type == PIPE:
        prefix = shards(resource, stack)
        if not isinstance(prefix, str):
            return prefix
        kept = has_value(resource, f"{prefix}deadLetterConfig.arn")
        return Pass() if kept else Fail("has no queue for failed records", f"{prefix}deadLetterConfig")
    source = service(resource, stack)
    if source is UNKNOWN:
        return Unknown("eventSourceArn")
    if source in ("", "sqs"):
        return NotApplicable("does not read a stream")
    kept = has_value(resource, "destinationConfig.onFailure.destinationArn", computed=True)
    return Pass() if kept else Fail("has no destination for failed records", "destinationConfig.onFailure")


@stack_control(
    id="event-target-dead-letters",
    title="Targets of event rules have a dead-letter queue",
    severity=Severity.MEDIUM,
    types=(_EVENT_TARGET,),
    why="EventBridge retries for a day, or not at all when a permission is missing, and then drops the event.",
    remediation="Set dead_letter_config with the ARN of an SQS queue whose policy allows events.amazonaws.com.",
    url="https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html",
    pack="operations",
)
def event_target_dead_letters(resource: Resource, stack: Stack) -> Verdict:
    return (
        Pass()
        if has_value(resource, "deadLetterConfig.arn", computed=True)
        else Fail("drops events that it cannot deliver", "deadLetterConfig")
    )


@stack_control(
    id="subscription-dead-letters",
    title="Subscriptions other than e-mail and SMS have a dead-letter queue",
    severity=Severity.MEDIUM,
    types=(_SUBSCRIPTION,),
    why="SNS drops a message after its retries, or at once when a permission is missing.",
    remediation="Set redrive_policy with deadLetterTargetArn, the ARN of an SQS queue whose policy allows sns.amazonaws.com.",
    url="https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html",
    pack="operations",
)
def subscription_dead_letters(resource: Resource, stack: Stack) -> Verdict:
    protocol = str(resource.get("protocol"))
    if protocol not in ("sqs", "lambda", "firehose", "http", "https"):
        return NotApplicable(f"notifies people by {protocol}")
    return Pass() if has_value(resource, "redrivePolicy", computed=True) else Fail("drops messages that it cannot deliver", "redrivePolicy")


@stack_control(
    id="schedule-dead-letters",
    title="Schedules have a dead-letter queue",
    severity=Severity.LOW,
    types=(_SCHEDULE,),
    why="A scheduled task that could not start is visible only in a metric.",
    remediation="Set dead_letter_config in target to the ARN of an SQS queue.",
    url="https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html",
    pack="operations",
)
def schedule_dead_letters(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    # When the whole target is unknown, so is whether it has one.
    if read(resource, "target") is UNKNOWN:
        yield Unknown("target")
    elif not has_value(resource, "target.deadLetterConfig.arn", computed=True):
        yield Fail("drops failed invocations", "target.deadLetterConfig")
