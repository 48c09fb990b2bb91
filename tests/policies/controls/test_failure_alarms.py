"""Alarms on dead letters, on streams that are read too slowly, and on failed executions."""

import json
from typing import Any

import pytest
from cloudpatterns_policies.controls import failure_alarms as controls
from cloudpatterns_policies.core import Control, Fail, NotApplicable, Pass, Resource, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, stack, verdicts

QUEUE, ALARM, MAPPING = "aws:sqs/queue:Queue", "aws:cloudwatch/metricAlarm:MetricAlarm", "aws:lambda/eventSourceMapping:EventSourceMapping"
STREAM, FUNCTION, MACHINE = "aws:kinesis/stream:Stream", "aws:lambda/function:Function", "aws:sfn/stateMachine:StateMachine"
CONSUMER, RULE, PIPE = "aws:kinesis/streamConsumer:StreamConsumer", "aws:cloudwatch/eventRule:EventRule", "aws:pipes/pipe:Pipe"
GONE = "urn:pulumi:test::project::x:y:Z::gone"


def alarm(on: str, metric: Any, dimension: str = "QueueName") -> Resource:
    return resource(ALARM, "alarm", {"metricName": metric, "dimensions": {dimension: UNKNOWN}}, deps={"dimensions": [on]})


def math(on: str, *metrics: Any) -> Resource:
    queries = [{"id": "e", "expression": "a + b"}, *({"id": "m", "metric": metric} for metric in metrics)]
    return resource(ALARM, "alarm", {"metricQueries": queries}, deps={"metricQueries": [on]})


def judged(control: Control, subject: Resource, *others: Resource) -> Verdict:
    return dict(verdicts(control, stack(subject, *others)))[subject.name]


DEAD = resource(QUEUE, "dead")
WORK = resource(QUEUE, "work", {"redrivePolicy": UNKNOWN}, deps={"redrivePolicy": ["dead"]})
TARGET = resource("aws:cloudwatch/eventTarget:EventTarget", "t", {"deadLetterConfig": UNKNOWN}, deps={"deadLetterConfig": ["dead"]})
SILENT = Fail("has no alarm on its messages")
SENT = Fail("has an alarm on NumberOfMessagesSent alone, which does not count what a queue gives up")


@pytest.mark.parametrize(
    ("alarms", "expected"),
    [
        ([alarm("dead", "ApproximateNumberOfMessagesVisible")], Pass()),
        ([alarm("dead", "ApproximateAgeOfOldestMessage")], Pass()),
        ([alarm("dead", UNKNOWN)], Pass()),
        ([math("dead", {"metricName": "ApproximateNumberOfMessagesVisible"})], Pass()),
        ([math("dead", {"metricName": UNKNOWN})], Pass()),
        ([math("dead", UNKNOWN)], Pass()),
        ([resource(ALARM, "alarm", {"metricQueries": UNKNOWN}, deps={"metricQueries": ["dead"]})], Pass()),
        ([math("dead")], SILENT),
        ([math("dead", {"metricName": "SentMessageSize"})], SILENT),
        ([alarm("work", "ApproximateNumberOfMessagesVisible")], SILENT),
        ([alarm("dead", "SentMessageSize")], SILENT),
        ([alarm("dead", "NumberOfMessagesSent")], SENT),
        ([], SILENT),
    ],
)
def test_dead_letters(alarms: list[Resource], expected: Verdict) -> None:
    assert judged(controls.dead_letters_alarmed, DEAD, WORK, *alarms) == expected


def test_what_a_service_sends_is_counted() -> None:
    assert judged(controls.dead_letters_alarmed, DEAD, TARGET, alarm("dead", "NumberOfMessagesSent")) == Pass()
    assert judged(controls.dead_letters_alarmed, DEAD, TARGET) == SILENT


def test_an_alarm_by_the_name() -> None:
    named = resource(ALARM, "alarm", {"metricName": "ApproximateNumberOfMessagesVisible", "dimensions": {"QueueName": "dead-1"}})
    assert judged(controls.dead_letters_alarmed, resource(QUEUE, "dead", {"name": "dead-1"}), TARGET, named) == Pass()


def test_queues_that_need_no_alarm() -> None:
    assert judged(controls.dead_letters_alarmed, WORK, DEAD) == NotApplicable("is no dead-letter queue")
    reader = resource(MAPPING, "reader", {"eventSourceArn": UNKNOWN}, deps={"eventSourceArn": ["dead"]})
    pipe = resource(PIPE, "pipe", {"source": UNKNOWN}, deps={"source": ["dead"]})
    assert judged(controls.dead_letters_alarmed, DEAD, WORK, reader) == NotApplicable("is read by reader")
    assert judged(controls.dead_letters_alarmed, DEAD, WORK, pipe) == NotApplicable("is read by pipe")


BEHIND = Fail("has no alarm on how far f is behind")


def reads() -> Resource:
    props = {"eventSourceArn": UNKNOWN, "functionName": UNKNOWN}
    return resource(MAPPING, "m", props, deps={"eventSourceArn": ["s"], "functionName": ["f"]})


@pytest.mark.parametrize(
    ("type", "alarms", "expected"),
    [
        (STREAM, [alarm("f", "IteratorAge", "FunctionName")], Pass()),
        (STREAM, [alarm("s", "GetRecords.IteratorAgeMilliseconds", "StreamName")], Pass()),
        (STREAM, [math("f", {"metricName": "IteratorAge"})], Pass()),
        (STREAM, [alarm("f", UNKNOWN, "FunctionName")], Pass()),
        ("aws:msk/cluster:Cluster", [alarm("f", "OffsetLag", "FunctionName")], Pass()),
        ("aws:msk/cluster:Cluster", [alarm("s", "MaxOffsetLag", "Cluster Name")], Pass()),
        ("aws:msk/serverlessCluster:ServerlessCluster", [alarm("s", "EstimatedMaxTimeLag", "Cluster Name")], Pass()),
        ("aws:msk/cluster:Cluster", [alarm("s", "OfflinePartitionsCount", "Cluster Name")], BEHIND),
        ("aws:dynamodb/table:Table", [alarm("f", "IteratorAge", "FunctionName")], Pass()),
        (STREAM, [alarm("f", "Errors", "FunctionName")], BEHIND),
        ("aws:dynamodb/table:Table", [alarm("s", "SystemErrors", "TableName")], BEHIND),
        (STREAM, [], BEHIND),
        (QUEUE, [], NotApplicable("does not read a stream")),
    ],
)
def test_readers_of_streams(type: str, alarms: list[Resource], expected: Verdict) -> None:
    assert judged(controls.stream_age_alarmed, reads(), resource(type, "s"), resource(FUNCTION, "f"), *alarms) == expected


def test_a_consumer_with_its_own_throughput() -> None:
    consumer = resource(CONSUMER, "s", {"streamArn": UNKNOWN}, deps={"streamArn": ["stream"]})
    others = (resource(STREAM, "stream"), resource(FUNCTION, "f"), consumer)
    assert judged(controls.stream_age_alarmed, reads(), *others) == BEHIND
    watched = alarm("stream", "GetRecords.IteratorAgeMilliseconds", "StreamName")
    assert judged(controls.stream_age_alarmed, reads(), *others, watched) == Pass()


def test_functions_and_sources_elsewhere() -> None:
    named = resource(MAPPING, "m", {"eventSourceArn": UNKNOWN, "functionName": "f"}, deps={"eventSourceArn": ["s"]})
    found = judged(controls.stream_age_alarmed, named, resource(STREAM, "s"))
    assert found == NotApplicable("calls a function of another stack")
    unknown = resource(MAPPING, "m", {"eventSourceArn": UNKNOWN}, deps={"eventSourceArn": [GONE]})
    assert judged(controls.stream_age_alarmed, unknown) == Unknown("eventSourceArn")


FAILS = Fail("has no alarm on failed executions")
PATTERN = {"source": ["aws.states"], "detail": {"status": ["FAILED"]}}


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        *[([alarm("x", metric, "StateMachineArn")], Pass()) for metric in ("ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted")],
        ([math("x", {"metricName": "ExecutionsFailed"})], Pass()),
        ([resource(RULE, "rule", {"eventPattern": json.dumps(PATTERN)})], Pass()),
        ([resource(RULE, "rule", {"eventPattern": PATTERN})], Pass()),
        ([resource(RULE, "rule", {"eventPattern": UNKNOWN}, deps={"eventPattern": ["x"]})], Pass()),
        ([resource(RULE, "rule", {"eventPattern": UNKNOWN}, deps={"eventPattern": [GONE]})], FAILS),
        ([resource(RULE, "rule", {"eventPattern": '{"source": ["aws.ec2"]}'})], FAILS),
        ([resource(RULE, "rule", {"scheduleExpression": "rate(1 day)"})], FAILS),
        ([alarm("x", "ExecutionsStarted", "StateMachineArn")], FAILS),
        ([], FAILS),
    ],
)
def test_state_machines(others: list[Resource], expected: Verdict) -> None:
    assert judged(controls.step_functions_failures_alarmed, resource(MACHINE, "x"), *others) == expected


def test_express_workflows_send_no_events() -> None:
    rule = resource(RULE, "rule", {"eventPattern": json.dumps(PATTERN)})
    assert judged(controls.step_functions_failures_alarmed, resource(MACHINE, "x", {"type": "EXPRESS"}), rule) == FAILS
    assert judged(controls.step_functions_failures_alarmed, resource(MACHINE, "x", {"type": "STANDARD"}), rule) == Pass()
    unknown = resource(MACHINE, "x", {"type": UNKNOWN}, deps={"type": [GONE]})
    assert judged(controls.step_functions_failures_alarmed, unknown, rule) == Unknown("type")
