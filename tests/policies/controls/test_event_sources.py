"""Event sources of functions and pipes: retries, batches, what is kept, and how often functions are called."""

import json
from typing import Any

import pytest
from cloudpatterns_policies.controls import event_sources as controls
from cloudpatterns_policies.core import Control, Fail, NotApplicable, Pass, Resource, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, stack, verdicts

MAPPING, PIPE, QUEUE = "aws:lambda/eventSourceMapping:EventSourceMapping", "aws:pipes/pipe:Pipe", "aws:sqs/queue:Queue"
STREAM, TABLE, FUNCTION = "aws:kinesis/stream:Stream", "aws:dynamodb/table:Table", "aws:lambda/function:Function"
ALIAS, REDRIVE = "aws:lambda/alias:Alias", "aws:sqs/redrivePolicy:RedrivePolicy"
SHARDS = ("aws:kinesis/stream:Stream", "aws:kinesis/streamConsumer:StreamConsumer", "aws:dynamodb/table:Table")
KAFKA = ("aws:msk/cluster:Cluster", "aws:msk/serverlessCluster:ServerlessCluster")
OF_PIPES = ("kinesisStreamParameters", "dynamodbStreamParameters")

NO_SHARDS = NotApplicable("reads neither Kinesis nor DynamoDB")
ONE = NotApplicable("reads one at a time")
GONE = "urn:pulumi:test::project::x:y:Z::gone"


def mapping(props: dict[str, Any], source: str = "source", name: str = "m", function: str = "") -> Resource:
    """A mapping of a source and, where one is named, of a function."""
    given = {"eventSourceArn": UNKNOWN, **({"functionName": UNKNOWN} if function else {}), **props}
    deps = {"eventSourceArn": [source], **({"functionName": [function]} if function else {})}
    return resource(MAPPING, name, given, deps=deps)


def judged(control: Control, subject: Resource, *others: Resource) -> Verdict:
    return dict(verdicts(control, stack(subject, *others)))[subject.name]


def pipe(parameters: dict[str, Any], name: str = OF_PIPES[0]) -> Resource:
    return resource(PIPE, "p", {"sourceParameters": {name: parameters}})


STREAM_CONTROLS = (controls.stream_retries_bounded, controls.stream_batches_split)
ENDLESS = Fail("repeats a failed batch until its records expire", "maximumRetryAttempts")


@pytest.mark.parametrize("control", STREAM_CONTROLS)
def test_sources_without_shards(control: Control) -> None:
    for type in (QUEUE, *KAFKA):
        assert judged(control, mapping({}), resource(type, "source")) == NO_SHARDS
    assert judged(control, resource(MAPPING, "m", {"eventSourceArn": "arn:aws:sqs:eu-west-1:123456789012:q"})) == NO_SHARDS
    assert judged(control, resource(MAPPING, "m", {})) == NO_SHARDS
    assert judged(control, mapping({}), resource("aws:mq/broker:Broker", "source")) == NO_SHARDS
    assert judged(control, resource(PIPE, "p", {"sourceParameters": {"sqsQueueParameters": {"batchSize": 1}}})) == NO_SHARDS
    assert judged(control, resource(PIPE, "p", {})) == NO_SHARDS


@pytest.mark.parametrize("control", [*STREAM_CONTROLS, controls.stream_failures_whole, controls.queue_batch_failures_reported])
def test_a_source_that_is_not_known(control: Control) -> None:
    assert judged(control, mapping({}, GONE)) == Unknown("eventSourceArn")


@pytest.mark.parametrize("control", STREAM_CONTROLS)
def test_parameters_of_a_pipe_that_are_not_known(control: Control) -> None:
    subject = resource(PIPE, "p", {"sourceParameters": UNKNOWN}, deps={"sourceParameters": [GONE]})
    assert judged(control, subject) == Unknown("sourceParameters")


@pytest.mark.parametrize("type", SHARDS)
def test_retries_of_a_stream(type: str) -> None:
    def found(props: dict[str, Any]) -> Verdict:
        return judged(controls.stream_retries_bounded, mapping(props), resource(type, "source"))

    assert found({"maximumRetryAttempts": 3, "maximumRecordAgeInSeconds": 3600}) == Pass()
    for bounded in ({"maximumRetryAttempts": 0}, {"maximumRetryAttempts": 3}, {"maximumRecordAgeInSeconds": 60}):
        assert found(bounded) == Pass()
    for endless in ({}, {"maximumRetryAttempts": -1}, {"maximumRecordAgeInSeconds": -1, "maximumRetryAttempts": -1}):
        assert found(endless) == ENDLESS


@pytest.mark.parametrize("service", ["kinesis", "dynamodb"])
def test_retries_of_a_stream_by_its_arn(service: str) -> None:
    assert judged(controls.stream_retries_bounded, resource(MAPPING, "m", {"eventSourceArn": f"arn:aws:{service}:x:1:s"})) == ENDLESS


def test_retries_that_are_not_known() -> None:
    def found(**props: Any) -> Verdict:
        subject = resource(
            MAPPING,
            "m",
            {"eventSourceArn": "arn:aws:kinesis:x:1:s", **props},
            deps={path: [GONE] for path in props if props[path] is UNKNOWN},
        )
        return judged(controls.stream_retries_bounded, subject)

    assert found(maximumRetryAttempts=UNKNOWN) == Unknown("maximumRetryAttempts")
    assert found(maximumRetryAttempts=-1, maximumRecordAgeInSeconds=UNKNOWN) == Unknown("maximumRecordAgeInSeconds")
    assert found(maximumRetryAttempts=UNKNOWN, maximumRecordAgeInSeconds=60) == Pass()


def test_retries_that_the_provider_computes_are_endless() -> None:
    assert judged(controls.stream_retries_bounded, mapping({"maximumRetryAttempts": UNKNOWN}), resource(STREAM, "source")) == ENDLESS


@pytest.mark.parametrize("name", OF_PIPES)
def test_retries_of_a_pipe(name: str) -> None:
    endless = Fail("repeats a failed batch until its records expire", f"sourceParameters.{name}.maximumRetryAttempts")
    assert judged(controls.stream_retries_bounded, pipe({"maximumRetryAttempts": 2}, name)) == Pass()
    assert judged(controls.stream_retries_bounded, pipe({"maximumRecordAgeInSeconds": 900}, name)) == Pass()
    assert judged(controls.stream_retries_bounded, pipe({"startingPosition": "LATEST"}, name)) == endless
    unknown = f"sourceParameters.{name}.maximumRetryAttempts"
    assert judged(controls.stream_retries_bounded, pipe({"maximumRetryAttempts": UNKNOWN}, name)) == Unknown(unknown)


WHOLE_BATCH = Fail("gives up a whole batch for one bad record", "bisectBatchOnFunctionError")


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        ({"bisectBatchOnFunctionError": True}, Pass()),
        ({"functionResponseTypes": ["ReportBatchItemFailures"]}, Pass()),
        ({"bisectBatchOnFunctionError": False, "functionResponseTypes": ["ReportBatchItemFailures"]}, Pass()),
        ({"bisectBatchOnFunctionError": True, "functionResponseTypes": [UNKNOWN]}, Pass()),
        ({"batchSize": 1}, ONE),
        ({"batchSize": 2}, WHOLE_BATCH),
        ({"bisectBatchOnFunctionError": False}, WHOLE_BATCH),
        ({"functionResponseTypes": []}, WHOLE_BATCH),
        ({}, WHOLE_BATCH),
        ({"functionResponseTypes": [UNKNOWN]}, Unknown("functionResponseTypes")),
    ],
)
def test_batches_of_a_stream(props: dict[str, Any], expected: Verdict) -> None:
    assert judged(controls.stream_batches_split, mapping(props), resource(STREAM, "source")) == expected


def test_a_switch_that_is_not_known() -> None:
    subject = resource(
        MAPPING, "m", {"eventSourceArn": "arn:aws:kinesis:x:1:s", "bisectBatchOnFunctionError": UNKNOWN, "batchSize": UNKNOWN},
        deps={"bisectBatchOnFunctionError": [GONE], "batchSize": [GONE]},
    )  # fmt: skip
    assert judged(controls.stream_batches_split, subject) == Unknown("bisectBatchOnFunctionError")


def test_batches_of_a_pipe() -> None:
    path = f"sourceParameters.{OF_PIPES[0]}.onPartialBatchItemFailure"
    assert judged(controls.stream_batches_split, pipe({"onPartialBatchItemFailure": "AUTOMATIC_BISECT"})) == Pass()
    assert judged(controls.stream_batches_split, pipe({"batchSize": 1})) == ONE
    assert judged(controls.stream_batches_split, pipe({"batchSize": 5})) == Fail("gives up a whole batch for one bad record", path)
    assert judged(controls.stream_batches_split, pipe({"onPartialBatchItemFailure": UNKNOWN})) == Unknown(path)


PLACE = "destinationConfig.onFailure.destinationArn"
POSITION = Fail("keeps the position of failed records, but not the records", PLACE)


def kept(arn: Any, to: str = "") -> Resource:
    deps = {"eventSourceArn": ["source"], **({"destinationConfig": [to]} if to else {})}
    return resource(MAPPING, "m", {"eventSourceArn": UNKNOWN, "destinationConfig": {"onFailure": {"destinationArn": arn}}}, deps=deps)


@pytest.mark.parametrize(
    ("type", "expected"),
    [("aws:s3/bucket:Bucket", Pass()), (QUEUE, POSITION), ("aws:sns/topic:Topic", POSITION)],
)
def test_where_failed_records_are_kept(type: str, expected: Verdict) -> None:
    for source in (*SHARDS, *KAFKA):
        assert judged(controls.stream_failures_whole, kept(UNKNOWN, "to"), resource(source, "source"), resource(type, "to")) == expected


@pytest.mark.parametrize(
    ("arn", "expected"),
    [
        ("arn:aws:s3:::parked", Pass()),
        ("kafka://parked", Pass()),
        ("arn:aws:sqs:eu-west-1:123456789012:q", POSITION),
        ("arn:aws:sns:eu-west-1:123456789012:t", POSITION),
        (UNKNOWN, Unknown(PLACE)),
        (None, NotApplicable("has no destination for failed records")),
    ],
)
def test_where_failed_records_are_kept_by_arn(arn: Any, expected: Verdict) -> None:
    assert judged(controls.stream_failures_whole, kept(arn), resource(STREAM, "source")) == expected


def test_a_queue_has_no_records() -> None:
    assert judged(controls.stream_failures_whole, kept(UNKNOWN), resource(QUEUE, "source")) == NotApplicable("does not read a stream")


WHOLE_QUEUE_BATCH = Fail("fails a whole batch for one bad message", "functionResponseTypes")


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        ({"functionResponseTypes": ["ReportBatchItemFailures"]}, Pass()),
        ({"functionResponseTypes": [UNKNOWN, "ReportBatchItemFailures"]}, Pass()),
        ({"functionResponseTypes": []}, WHOLE_QUEUE_BATCH),
        ({}, WHOLE_QUEUE_BATCH),
        ({"batchSize": 10}, WHOLE_QUEUE_BATCH),
        ({"batchSize": 1}, ONE),
        ({"functionResponseTypes": [UNKNOWN]}, Unknown("functionResponseTypes")),
    ],
)
def test_failures_in_a_batch_of_a_queue(props: dict[str, Any], expected: Verdict) -> None:
    assert judged(controls.queue_batch_failures_reported, mapping(props), resource(QUEUE, "source")) == expected


def test_response_types_that_are_not_known() -> None:
    props = {"eventSourceArn": "arn:aws:sqs:x:1:q", "functionResponseTypes": UNKNOWN}
    subject = resource(MAPPING, "m", props, deps={"functionResponseTypes": [GONE]})
    assert judged(controls.queue_batch_failures_reported, subject) == Unknown("functionResponseTypes")


@pytest.mark.parametrize("control", [controls.queue_batch_failures_reported, controls.queue_readers_not_throttled])
def test_streams_are_no_queues(control: Control) -> None:
    assert judged(control, mapping({}), resource(TABLE, "source")) == NotApplicable("does not read a queue")


MAXIMUM = "scalingConfig.maximumConcurrency"
OFTEN_ENOUGH = NotApplicable("calls a function that may run as often as Lambda reads a queue")


def limited(maximum: Any, reserved: Any, *others: Resource, **props: Any) -> Verdict:
    given = {**({} if maximum is None else {"scalingConfig": {"maximumConcurrency": maximum}}), **props}
    function = resource(FUNCTION, "f", {} if reserved is None else {"reservedConcurrentExecutions": reserved}, deps=reserved_from(reserved))
    return judged(controls.queue_readers_not_throttled, mapping(given, function="f"), resource(QUEUE, "source"), function, *others)


def reserved_from(reserved: Any) -> dict[str, list[str]]:
    return {"reservedConcurrentExecutions": [GONE]} if reserved is UNKNOWN else {}


@pytest.mark.parametrize(
    ("maximum", "reserved", "expected"),
    [
        (5, 5, Pass()),
        (2, 50, Pass()),
        (5, None, OFTEN_ENOUGH),
        (None, -1, OFTEN_ENOUGH),
        (None, 1000, OFTEN_ENOUGH),
        (None, 5, Fail("calls f, which may run 5 times at once, without a maximum concurrency", MAXIMUM)),
        (None, 1, Fail("calls f, which may run once at a time, without a maximum concurrency", MAXIMUM)),
        (6, 5, Fail("calls f, which may run 5 times at once, up to 6 times at once", MAXIMUM)),
        (UNKNOWN, 5, Unknown(MAXIMUM)),
        (5, UNKNOWN, Unknown("reservedConcurrentExecutions of f")),
    ],
)
def test_reserved_concurrency(maximum: Any, reserved: Any, expected: Verdict) -> None:
    assert limited(maximum, reserved) == expected


def test_reserved_concurrency_that_several_queues_share() -> None:
    def other(maximum: Any, source: str = "other-queue") -> Resource:
        return mapping({"scalingConfig": {"maximumConcurrency": maximum}}, source, "n", "f")

    queue = resource(QUEUE, "other-queue")
    shared = Fail("calls f, which may run 8 times at once, up to 9 times at once together with n", MAXIMUM)
    assert limited(5, 8, other(4), queue) == shared
    assert limited(5, 9, other(4), queue) == Pass()
    assert limited(5, 8, other(UNKNOWN), queue) == Pass()
    assert limited(5, 8, other(4, "table"), resource(TABLE, "table")) == Pass()


def test_functions_behind_an_alias_elsewhere_and_with_pollers_of_their_own() -> None:
    function = resource(FUNCTION, "f", {"reservedConcurrentExecutions": 3})
    alias = resource(ALIAS, "live", {"functionName": UNKNOWN}, deps={"functionName": ["f"]})
    found = judged(controls.queue_readers_not_throttled, mapping({}, function="live"), resource(QUEUE, "source"), alias, function)
    assert found == Fail("calls f, which may run 3 times at once, without a maximum concurrency", MAXIMUM)
    elsewhere = NotApplicable("calls a function of another stack, or with pollers of its own")
    named = mapping({"functionName": "arn:aws:lambda:x:1:function:f"})
    assert judged(controls.queue_readers_not_throttled, named, resource(QUEUE, "source")) == elsewhere
    assert limited(None, 3, provisionedPollerConfig={"maximumPollers": 2}) == elsewhere


def redriven(policy: Any, *others: Resource, deps: bool = False) -> Verdict:
    props = {} if policy is None else {"redrivePolicy": policy}
    queue = resource(QUEUE, "source", props, deps={"redrivePolicy": [GONE]} if deps else {})
    return judged(controls.queue_receives_enough, queue, *others)


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (json.dumps({"maxReceiveCount": 5}), Pass()),
        ({"maxReceiveCount": 10}, Pass()),
        (json.dumps({"deadLetterTargetArn": "arn"}), Pass()),
        (json.dumps({"maxReceiveCount": 4}), Fail("gives a message up after 4 receives", "redrivePolicy")),
        (json.dumps({"maxReceiveCount": "1"}), Fail("gives a message up after 1 receive", "redrivePolicy")),
        ({"maxReceiveCount": UNKNOWN}, Unknown("redrivePolicy")),
        (None, NotApplicable("has no redrive policy here")),
        (UNKNOWN, NotApplicable("has no redrive policy here")),
    ],
)
def test_receives_of_a_message(policy: Any, expected: Verdict) -> None:
    assert redriven(policy, mapping({})) == expected


def test_receives_that_are_not_known() -> None:
    assert redriven(UNKNOWN, mapping({}), deps=True) == Unknown("redrivePolicy")


def test_receives_that_a_policy_of_its_own_says_and_receives_by_servers() -> None:
    few = {"queueUrl": UNKNOWN, "redrivePolicy": json.dumps({"maxReceiveCount": 2})}
    policy = resource(REDRIVE, "policy", few, deps={"queueUrl": ["source"]})
    failed = Fail("gives a message up after 2 receives", "redrivePolicy")
    assert judged(controls.queue_receives_enough, policy, mapping({}), resource(QUEUE, "source")) == failed
    assert redriven(few["redrivePolicy"]) == NotApplicable("is read by no function of the stack")
