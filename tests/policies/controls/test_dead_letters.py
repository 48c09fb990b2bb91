"""Queues, functions, streams, targets, subscriptions and schedules: where failures go."""

from typing import Any

import pytest
from cloudpatterns_policies.controls import dead_letters as controls
from cloudpatterns_policies.core import Control, Fail, NotApplicable, Pass, Resource, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, stack, verdicts

QUEUE, FUNCTION, MAPPING = "aws:sqs/queue:Queue", "aws:lambda/function:Function", "aws:lambda/eventSourceMapping:EventSourceMapping"
TARGET, SUBSCRIPTION = "aws:cloudwatch/eventTarget:EventTarget", "aws:sns/topicSubscription:TopicSubscription"
PIPE = "aws:pipes/pipe:Pipe"
SCHEDULE, ON_FAILURE = "aws:scheduler/schedule:Schedule", "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig"
REDRIVE, REDRIVE_ALLOW = "aws:sqs/redrivePolicy:RedrivePolicy", "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy"


def refers(type: str, name: str, path: str, to: str, props: dict[str, Any] | None = None) -> Resource:
    """A resource whose property at `path` holds what is not known yet of the resource `to`."""
    return resource(type, name, {path.partition(".")[0]: UNKNOWN, **(props or {})}, deps={path.partition(".")[0]: [to]})


def judged(control: Control, subject: Resource, *others: Resource) -> Verdict:
    return dict(verdicts(control, stack(subject, *others)))[subject.name]


NO_DEAD_LETTERS = Fail("has no dead-letter queue", "redrivePolicy")
IS_DEAD_LETTERS = NotApplicable("is a dead-letter queue")


@pytest.mark.parametrize(
    ("props", "deps", "expected"),
    [
        ({"redrivePolicy": '{"maxReceiveCount": 5}'}, {}, Pass()),
        ({"redrivePolicy": UNKNOWN}, {"redrivePolicy": ["dead"]}, Pass()),
        ({"redrivePolicy": UNKNOWN}, {}, NO_DEAD_LETTERS),
        ({"redrivePolicy": ""}, {}, NO_DEAD_LETTERS),
        ({}, {}, NO_DEAD_LETTERS),
        ({"redriveAllowPolicy": '{"redrivePermission": "byQueue"}'}, {}, IS_DEAD_LETTERS),
    ],
)
def test_queue(props: dict[str, Any], deps: dict[str, list[str]], expected: Verdict) -> None:
    dead = resource(QUEUE, "dead", {"redriveAllowPolicy": "{}"})
    assert judged(controls.queue_dead_letters, resource(QUEUE, "work", props, deps=deps), dead) == expected


@pytest.mark.parametrize(("type", "expected"), [(REDRIVE, Pass()), (REDRIVE_ALLOW, IS_DEAD_LETTERS)])
def test_queue_with_a_policy_of_its_own(type: str, expected: Verdict) -> None:
    assert judged(controls.queue_dead_letters, resource(QUEUE, "work"), refers(type, "policy", "queueUrl", "work")) == expected


@pytest.mark.parametrize(
    ("type", "path"),
    [
        (QUEUE, "redrivePolicy"),
        (REDRIVE, "redrivePolicy"),
        (SUBSCRIPTION, "redrivePolicy"),
        (FUNCTION, "deadLetterConfig"),
        (ON_FAILURE, "destinationConfig"),
        (MAPPING, "destinationConfig"),
        (TARGET, "deadLetterConfig"),
        (PIPE, "sourceParameters"),
        ("aws:cloudwatch/eventBus:EventBus", "deadLetterConfig"),
    ],
)
def test_queue_that_others_park_in(type: str, path: str) -> None:
    assert judged(controls.queue_dead_letters, resource(QUEUE, "dead"), refers(type, "other", path, "dead")) == IS_DEAD_LETTERS


@pytest.mark.parametrize("stream", ["dynamodbStreamParameters", "kinesisStreamParameters"])
@pytest.mark.parametrize("arn", [UNKNOWN, "arn:aws:sqs:eu-west-1:123456789012:q"])
def test_queue_of_a_pipe(stream: str, arn: Any) -> None:
    def found(props: dict[str, Any], path: str) -> Verdict:
        pipe = resource(PIPE, "pipe", props, deps={path: ["q"]} if arn is UNKNOWN else {})
        return judged(controls.queue_dead_letters, resource(QUEUE, "q", {"arn": arn}), pipe)

    assert found({"sourceParameters": {stream: {"deadLetterConfig": {"arn": arn}}}}, "sourceParameters") == IS_DEAD_LETTERS
    assert found({"source": arn, "sourceParameters": {"sqsQueueParameters": {"batchSize": 1}}}, "source") == NO_DEAD_LETTERS
    assert found({"target": arn}, "target") == NO_DEAD_LETTERS


def test_queue_of_a_schedule() -> None:
    def found(target: dict[str, Any], *more: str) -> Verdict:
        schedule = resource(SCHEDULE, "nightly", {"target": target}, deps={"target": ["q", *more]})
        queues = [resource(QUEUE, name, {"arn": f"arn:aws:sqs:eu-west-1:123456789012:{name}"}) for name in ("q", *more)]
        return judged(controls.queue_dead_letters, *queues, schedule)

    assert found({"arn": "arn:aws:lambda:::x", "deadLetterConfig": {"arn": UNKNOWN}}) == IS_DEAD_LETTERS
    assert found({"arn": UNKNOWN}) == NO_DEAD_LETTERS
    # What is unknown in a preview may be any queue that the target depends on: the only one takes the dead letters.
    assert found({"arn": UNKNOWN, "deadLetterConfig": {"arn": UNKNOWN}}) == IS_DEAD_LETTERS
    assert found({"arn": UNKNOWN, "deadLetterConfig": {"arn": UNKNOWN}}, "other") == Unknown("target.arn of nightly")
    itself = "arn:aws:sqs:eu-west-1:123456789012:q"
    assert found({"arn": itself, "deadLetterConfig": {"arn": itself}}) == NO_DEAD_LETTERS


LOSES = Fail("loses failed events from source", "deadLetterConfig")


@pytest.mark.parametrize(
    ("type", "path"),
    [
        (TARGET, "arn"),
        (SUBSCRIPTION, "endpoint"),
        (SCHEDULE, "target"),
        ("aws:s3/bucketNotification:BucketNotification", "lambdaFunctions"),
        ("aws:ses/receiptRule:ReceiptRule", "lambdaActions"),
        ("aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter", "destinationArn"),
    ],
)
def test_function_that_is_invoked_asynchronously(type: str, path: str) -> None:
    assert judged(controls.function_async_failures_kept, resource(FUNCTION, "f"), refers(type, "source", path, "f")) == LOSES


@pytest.mark.parametrize(
    ("props", "others", "expected"),
    [
        ({"deadLetterConfig": {"targetArn": UNKNOWN}}, [], Pass()),
        ({"deadLetterConfig": {}}, [], LOSES),
        ({}, [refers(ON_FAILURE, "c", "functionName", "f", {"destinationConfig": {"onFailure": {"destination": "arn"}}})], Pass()),
        ({}, [refers(ON_FAILURE, "c", "functionName", "f", {"destinationConfig": {"onSuccess": {"destination": "arn"}}})], LOSES),
    ],
)
def test_function_keeps_failures(props: dict[str, Any], others: list[Resource], expected: Verdict) -> None:
    subject = resource(FUNCTION, "f", props)
    assert judged(controls.function_async_failures_kept, subject, refers(TARGET, "source", "arn", "f"), *others) == expected


def test_function_behind_an_alias() -> None:
    alias = refers("aws:lambda/alias:Alias", "live", "functionName", "f")
    source = refers(TARGET, "source", "arn", "live")
    assert judged(controls.function_async_failures_kept, resource(FUNCTION, "f"), alias, source) == LOSES
    kept = refers(ON_FAILURE, "c", "functionName", "live", {"destinationConfig": {"onFailure": {"destination": "arn"}}})
    assert judged(controls.function_async_failures_kept, resource(FUNCTION, "f"), alias, source, kept) == Pass()


def test_function_that_is_waited_for() -> None:
    expected = NotApplicable("is not invoked asynchronously by the stack")
    assert judged(controls.function_async_failures_kept, resource(FUNCTION, "f")) == expected


KEPT = {"destinationConfig": {"onFailure": {"destinationArn": UNKNOWN}}}
NOT_KEPT = Fail("has no destination for failed records", "destinationConfig.onFailure")
NO_STREAM = NotApplicable("does not read a stream")


@pytest.mark.parametrize("service", ["kinesis", "dynamodb", "kafka"])
def test_stream_by_its_arn(service: str) -> None:
    props = {"eventSourceArn": f"arn:aws:{service}:eu-west-1:123456789012:x"}
    assert judged(controls.stream_failures_kept, resource(MAPPING, "m", {**props, **KEPT})) == Pass()
    assert judged(controls.stream_failures_kept, resource(MAPPING, "m", props)) == NOT_KEPT


@pytest.mark.parametrize(
    ("type", "expected"),
    [
        ("aws:kinesis/stream:Stream", NOT_KEPT),
        ("aws:kinesis/streamConsumer:StreamConsumer", NOT_KEPT),
        ("aws:dynamodb/table:Table", NOT_KEPT),
        ("aws:msk/cluster:Cluster", NOT_KEPT),
        ("aws:msk/serverlessCluster:ServerlessCluster", NOT_KEPT),
        (QUEUE, NO_STREAM),
    ],
)
def test_stream_by_reference(type: str, expected: Verdict) -> None:
    mapping = refers(MAPPING, "m", "eventSourceArn", "source")
    assert judged(controls.stream_failures_kept, mapping, resource(type, "source")) == expected


def test_source_that_is_no_stream_or_not_known() -> None:
    queue = {"eventSourceArn": "arn:aws:sqs:eu-west-1:123456789012:q"}
    assert judged(controls.stream_failures_kept, resource(MAPPING, "m", queue)) == NO_STREAM
    for props in ({}, {"eventSourceArn": UNKNOWN}):
        assert judged(controls.stream_failures_kept, resource(MAPPING, "m", props)) == NO_STREAM
    gone = {"eventSourceArn": ["urn:pulumi:test::project::x:y:Z::gone"]}
    elsewhere = resource(MAPPING, "m", {"eventSourceArn": UNKNOWN}, deps=gone)
    assert judged(controls.stream_failures_kept, elsewhere) == Unknown("eventSourceArn")


@pytest.mark.parametrize(
    ("control", "type", "good", "bad", "expected"),
    [
        (
            controls.event_target_dead_letters,
            TARGET,
            {"deadLetterConfig": {"arn": UNKNOWN}},
            {"deadLetterConfig": {}},
            Fail("drops events that it cannot deliver", "deadLetterConfig"),
        ),
        (
            controls.subscription_dead_letters,
            SUBSCRIPTION,
            {"protocol": "sqs", "redrivePolicy": "{...}"},
            {"protocol": "lambda", "redrivePolicy": UNKNOWN},
            Fail("drops messages that it cannot deliver", "redrivePolicy"),
        ),
        (
            controls.schedule_dead_letters,
            SCHEDULE,
            {"target": {"arn": "x", "deadLetterConfig": {"arn": UNKNOWN}}},
            {"target": {"arn": "x"}},
            Fail("drops failed invocations", "target.deadLetterConfig"),
        ),
    ],
)
def test_deliveries(control: Control, type: str, good: dict[str, Any], bad: dict[str, Any], expected: Verdict) -> None:
    assert judged(control, resource(type, "x", good)) == Pass()
    assert judged(control, resource(type, "x", bad)) == expected


def test_deliveries_that_are_not_judged() -> None:
    people = resource(SUBSCRIPTION, "s", {"protocol": "email"})
    assert judged(controls.subscription_dead_letters, people) == NotApplicable("notifies people by email")
    assert judged(controls.subscription_dead_letters, resource(SUBSCRIPTION, "s", {"protocol": UNKNOWN})) == Unknown("protocol")
    assert judged(controls.schedule_dead_letters, resource(SCHEDULE, "s", {"target": UNKNOWN})) == Unknown("target")


@pytest.mark.parametrize("stream", ["dynamodbStreamParameters", "kinesisStreamParameters"])
def test_stream_of_a_pipe(stream: str) -> None:
    def found(parameters: Any) -> Verdict:
        return judged(controls.stream_failures_kept, resource(PIPE, "p", {"sourceParameters": {stream: parameters}}))

    assert found({"deadLetterConfig": {"arn": UNKNOWN}}) == Pass()
    assert found({"startingPosition": "LATEST"}) == Fail("has no queue for failed records", f"sourceParameters.{stream}.deadLetterConfig")


def test_pipe_of_a_queue_or_of_what_is_not_known() -> None:
    queue = resource(PIPE, "p", {"sourceParameters": {"sqsQueueParameters": {"batchSize": 1}}})
    assert judged(controls.stream_failures_kept, queue) == NotApplicable("reads neither Kinesis nor DynamoDB")
    unknown = resource(PIPE, "p", {"sourceParameters": UNKNOWN}, deps={"sourceParameters": ["urn:pulumi:test::project::x:y:Z::gone"]})
    assert judged(controls.stream_failures_kept, unknown) == Unknown("sourceParameters")
