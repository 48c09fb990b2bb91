"""Alarms on failures: messages in dead-letter queues, streams that are read too slowly, workflows that fail.

Advice only: an alarm may be in another stack, or in another product.
"""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from cloudpatterns_policies.controls._dead_letters import is_dead_letter_queue, takes_from_queues
from cloudpatterns_policies.controls._event_sources import CLUSTERS, CONSUMER, MAPPING, PIPE, QUEUE, STREAM, functions, service
from cloudpatterns_policies.core import UNKNOWN, Fail, NotApplicable, Pass, Resource, Severity, Stack, Unknown, Verdict, stack_control
from cloudpatterns_policies.graph.reading import read

_ALARM: Final = "aws:cloudwatch/metricAlarm:MetricAlarm"
_RULE: Final = "aws:cloudwatch/eventRule:EventRule"
_MACHINE: Final = "aws:sfn/stateMachine:StateMachine"

_IN_QUEUE: Final = frozenset({"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"})
_SENT: Final = "NumberOfMessagesSent"
_BEHIND: Final = frozenset(
    {
        *("IteratorAge", "OffsetLag", "GetRecords.IteratorAgeMilliseconds"),
        *("MaxOffsetLag", "SumOffsetLag", "EstimatedMaxTimeLag"),
    }
)
"""Metrics of Lambda, of Kinesis and of MSK that say how far a reader is behind."""
_FAILED: Final = frozenset({"ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"})

_operation = partial(stack_control, severity=Severity.LOW, pack="operations")


@_operation(
    id="dead-letters-alarmed",
    title="Dead-letter queues have an alarm on their messages",
    types=(QUEUE,),
    why="Nobody looks into a dead-letter queue by chance, and after two weeks at most its messages are gone.",
    remediation="Add an aws.cloudwatch.MetricAlarm on ApproximateNumberOfMessagesVisible with the queue's name as the dimension QueueName.",
    url="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/dead-letter-queues-alarms-cloudwatch.html",
)
def dead_letters_alarmed(resource: Resource, stack: Stack) -> Verdict:
    if not is_dead_letter_queue(resource, stack):
        return NotApplicable("is no dead-letter queue")
    readers = [*stack.referrers(resource, MAPPING, "eventSourceArn"), *stack.referrers(resource, PIPE, "source")]
    if readers:
        return NotApplicable(f"is read by {readers[0].name}")
    metrics = set(_metrics_on(resource, stack))
    if metrics & {*_IN_QUEUE, None}:
        return Pass()
    if _SENT in metrics:
        if not takes_from_queues(resource, stack):
            return Pass()
        # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
        return Fail(f"has an alarm on {_SENT} alone, which does not count what a queue gives up")
    return Fail("has no alarm on its messages")


@_operation(
    id="stream-age-alarmed",
    title="Functions that read streams have an alarm on how far they are behind",
    types=(MAPPING,),
    why="Records that are read too slowly expire in the stream, and no error says so.",
    remediation="Add an aws.cloudwatch.MetricAlarm on IteratorAge (Kafka: OffsetLag) with the function's name as dimension FunctionName.",
    url="https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html",
)
def stream_age_alarmed(resource: Resource, stack: Stack) -> Verdict:
    source = service(resource, stack)
    if source is UNKNOWN:
        return Unknown("eventSourceArn")
    if source in ("", "sqs"):
        return NotApplicable("does not read a stream")
    found = functions(resource, stack)
    if not found:
        return NotApplicable("calls a function of another stack")
    streams = stack.refs(resource, "eventSourceArn", STREAM, *CLUSTERS)
    for consumer in stack.refs(resource, "eventSourceArn", CONSUMER):
        streams += stack.refs(consumer, "streamArn", STREAM)
    watched = [*found, *streams]
    if any(metric is None or metric in _BEHIND for item in watched for metric in _metrics_on(item, stack)):
        return Pass()
    return Fail(f"has no alarm on how far {found[0].name} is behind")


@_operation(
    id="step-functions-failures-alarmed",
    title="State machines have an alarm on failed executions",
    types=(_MACHINE,),
    why="What no Catch can handle, such as States.Runtime and the machine's own timeout, ends an execution without a word.",
    remediation="Add an aws.cloudwatch.MetricAlarm on ExecutionsFailed and ExecutionsTimedOut with the ARN as dimension StateMachineArn,"
    ' or an aws.cloudwatch.EventRule for the source "aws.states".',
    url="https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html",
)
def step_functions_failures_alarmed(resource: Resource, stack: Stack) -> Verdict:
    if any(metric is None or metric in _FAILED for metric in _metrics_on(resource, stack)):
        return Pass()
    if any(_tells(rule, resource, stack) for rule in stack.of_type(_RULE)):
        kind = read(resource, "type", computed=True)
        # Express executions send no events.
        if kind is UNKNOWN or kind != "EXPRESS":
            return Unknown("type") if kind is UNKNOWN else Pass()
    return Fail("has no alarm on failed executions")


def _metrics_on(resource: Resource, stack: Stack) -> Iterator[Any]:
    """The metrics of the alarms on a resource; None for one that is not known."""
    for alarm in stack.referrers(resource, _ALARM, "dimensions"):
        yield _name(read(alarm, "metricName", computed=True))
    for alarm in stack.referrers(resource, _ALARM, "metricQueries"):
        queries = read(alarm, "metricQueries")
        for query in queries if isinstance(queries, list) else [UNKNOWN]:
            metric = query.get("metric") if isinstance(query, dict) else UNKNOWN
            if isinstance(metric, dict):
                yield _name(metric.get("metricName", UNKNOWN))
            elif metric is UNKNOWN:
                yield None


def _name(metric: Any) -> Any:
    return metric if isinstance(metric, str) else None


def _tells(rule: Resource, machine: Resource, stack: Stack) -> bool:
    """Whether an event rule is about executions of a state machine."""
    pattern = read(rule, "eventPattern")
    if pattern is UNKNOWN:
        return machine in stack.refs(rule, "eventPattern")
    text = pattern if isinstance(pattern, str) else json.dumps(pattern, default=str)
    return "aws.states" in text
