import json
from collections.abc import Callable, Iterator
from typing import Any

import pulumi
import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.messaging import EventStream
from offline_preview.graph import Graph

from tests.emulators.events import Context, drive_stream, kinesis_event
from tests.emulators.handlers import load_handler
from tests.emulators.locked_moto import client
from tests.emulators.tables import table_by_id
from tests.harness import record, refs
from tests.program import ROOT

TOPIC = "arn:aws:sns:eu-west-1:123456789012:operations"
IMAGE = {"image_uri": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/sales@sha256:0"}
EXISTING = {"arn": "arn:aws:lambda:eu-west-1:123456789012:function:stock:live", "timeout_seconds": 20, "role_name": "stock"}
STREAM = "arn:aws:kinesis:eu-west-1:123456789012:stream/sales"
BUCKET, KEY = "arn:aws:s3:::kept", "arn:aws:kms:eu-west-1:123456789012:key/1"
MAPPING, ALARM = "aws:lambda/eventSourceMapping:EventSourceMapping", "aws:cloudwatch/metricAlarm:MetricAlarm"


def consumer(**changes: Any) -> dict[str, Any]:
    return {"function": {**IMAGE}, **changes}


def make(mode: Any = "deployed", **args: Any) -> Graph:
    given: Any = {"consumers": {"stock": consumer()}, **args}
    return record(lambda: EventStream("sales", given), mode=mode)


def refused(**args: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as error:
        make(**args)
    return error.value.problems


def statements(graph: Graph, name: str) -> list[dict[str, Any]]:
    return json.loads(graph.named(name).inputs["policy"])["Statement"]


def alarms(graph: Graph) -> dict[str, dict[str, Any]]:
    return {one.name: one.inputs for one in graph.of_type(ALARM)}


def test_iterator_age_alarm() -> None:
    graph = make(alarm_topic_arns=[TOPIC], consumers={"stock": consumer(alarm_age_seconds=120), "fraud": consumer(enhanced_fan_out=True)})
    found = alarms(graph)
    # Lambda's metric sees both kinds of consumers; Kinesis has one for each kind.
    assert {name: (one["metricName"], one["threshold"]) for name, one in found.items() if name.endswith("-age")} == {
        "sales-stock-age": ("IteratorAge", 120_000),
        "sales-fraud-age": ("IteratorAge", 900_000),
        "sales-fraud-consumer-age": ("SubscribeToShardEvent.MillisBehindLatest", 900_000),
        # Half of the retention.
        "sales-age": ("GetRecords.IteratorAgeMilliseconds", 12 * 3_600_000),
    }
    stream = graph.one("aws:kinesis/stream:Stream")
    assert found["sales-stock-age"]["dimensions"] == {"FunctionName": graph.named("sales-stock-function").outputs["name"]}
    registered = graph.one("aws:kinesis/streamConsumer:StreamConsumer")
    assert found["sales-fraud-consumer-age"]["dimensions"] == {
        "StreamName": stream.outputs["arn"].split("/")[1],
        "ConsumerName": registered.outputs["name"],
    }
    assert found["sales-age"]["dimensions"] == {"StreamName": stream.outputs["name"]}
    assert all(one["alarmActions"] == [TOPIC] for one in found.values())
    assert alarms(make()) == {}


def test_failures_kept_whole_in_s3() -> None:
    graph = make(alarm_topic_arns=[TOPIC])
    bucket, key = graph.named("sales-failed-bucket"), graph.one("aws:kms/key:Key").outputs["arn"]
    source = graph.one(MAPPING).inputs
    # A queue or topic would get the position of the records alone.
    assert source["destinationConfig"] == {"onFailure": {"destinationArn": bucket.outputs["arn"]}}
    account = graph.one("aws:kinesis/stream:Stream").outputs["arn"].split(":")[4]
    kept = {one["Sid"]: one for one in statements(graph, "sales-stock-function-policy") if "Keep" in one["Sid"] or "Find" in one["Sid"]}
    owned = {"StringEquals": {"s3:ResourceAccount": account}}
    assert {sid: (one["Action"], one["Resource"], one.get("Condition")) for sid, one in kept.items()} == {
        "KeepFailed": (["s3:PutObject"], [f"{bucket.outputs['arn']}/aws/lambda/*"], owned),
        "FindBucket": (["s3:ListBucket"], [bucket.outputs["arn"]], owned),
        "KeepFailedKey": (["kms:GenerateDataKey"], [key], None),
    }
    found = alarms(graph)
    uuid = {"EventSourceMappingUUID": graph.one(MAPPING).outputs["uuid"]}
    name = {"FunctionName": graph.named("sales-stock-function").outputs["name"]}
    seen = {suffix: found[f"sales-stock-{suffix}"] for suffix in ("failed", "dropped", "undelivered")}
    assert {suffix: (one["metricName"], one["dimensions"], one["threshold"]) for suffix, one in seen.items()} == {
        "failed": ("OnFailureDestinationDeliveredEventCount", uuid, 0),
        "dropped": ("DroppedEventCount", uuid, 0),
        "undelivered": ("DestinationDeliveryFailures", name, 0),
    }
    assert source["metricsConfig"] == {"metrics": ["EventCount"]}
    rules = graph.named("sales-failed-lifecycle").inputs["rules"]
    assert rules[0]["expiration"] == {"days": 30}


def test_retries_and_age_bounded() -> None:
    graph = make()
    source = graph.one(MAPPING).inputs
    assert source == {
        "eventSourceArn": graph.one("aws:kinesis/stream:Stream").outputs["arn"],
        "functionName": graph.named("sales-stock-function").outputs["arn"],
        "startingPosition": "TRIM_HORIZON",
        "batchSize": 100,
        "maximumBatchingWindowInSeconds": 0,
        "parallelizationFactor": 1,
        "maximumRetryAttempts": 5,
        "maximumRecordAgeInSeconds": 6 * 3600,
        "bisectBatchOnFunctionError": True,
        "functionResponseTypes": ["ReportBatchItemFailures"],
        "destinationConfig": {"onFailure": {"destinationArn": graph.named("sales-failed-bucket").outputs["arn"]}},
        "metricsConfig": {"metrics": ["EventCount"]},
        "tags": {},
    }
    reason = "is 43201, more than half of the 86400 seconds that a record stays in the stream. Lower it, or raise retention_hours."
    assert refused(consumers={"stock": consumer(maximum_record_age_seconds=43_201)}) == [
        ("consumers.stock.maximum_record_age_seconds", reason)
    ]
    assert refused(consumers={"stock": consumer(alarm_age_seconds=43_201)}) == [("consumers.stock.alarm_age_seconds", reason)]
    longest = make(retention_hours=48, consumers={"stock": consumer(maximum_record_age_seconds=86_400)})
    assert longest.one(MAPPING).inputs["maximumRecordAgeInSeconds"] == 86_400


def test_a_stream_is_on_demand_unless_its_shards_are_given_and_encrypted_under_its_own_key() -> None:
    graph = make()
    stream, key = graph.one("aws:kinesis/stream:Stream").inputs, graph.one("aws:kms/key:Key").outputs["arn"]
    assert stream["streamModeDetails"] == {"streamMode": "ON_DEMAND"}
    assert "shardCount" not in stream
    assert (stream["encryptionType"], stream["kmsKeyId"], stream["enforceConsumerDeletion"]) == ("KMS", key, True)
    assert stream["retentionPeriod"] == 24
    provisioned = make(shard_count=4, retention_hours=168).one("aws:kinesis/stream:Stream").inputs
    assert provisioned["streamModeDetails"] == {"streamMode": "PROVISIONED"}
    assert (provisioned["shardCount"], provisioned["retentionPeriod"]) == (4, 168)
    pattern = statements(graph, "sales-key-policy")[1]["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]
    assert pattern.endswith(":log-group:sales-*-logs*")
    assert make(kms_key_arn=KEY).of_type("aws:kms/key:Key") == []


def test_the_functions_role_reads_the_stream_and_its_key_and_the_source_waits_for_it() -> None:
    graph = make()
    stream, key = graph.one("aws:kinesis/stream:Stream").outputs["arn"], graph.one("aws:kms/key:Key").outputs["arn"]
    read, use = statements(graph, "sales-stock-function-policy")[:2]
    actions = ["DescribeStream", "DescribeStreamSummary", "GetRecords", "GetShardIterator", "ListShards"]
    assert (read["Action"], read["Resource"]) == ([f"kinesis:{action}" for action in actions], [stream])
    assert (use["Action"], use["Resource"]) == (["kms:Decrypt"], [key])
    variables = graph.named("sales-stock-function").inputs["environment"]["variables"]
    assert variables["IDEMPOTENCY_TABLE"] == graph.named("sales-stock-idempotency").outputs["name"]
    preview = make(mode="preview")
    assert set(refs(preview, preview.named("sales-stock-function"), "role")) == {"sales-stock-function-role", "sales-stock-function-policy"}
    assert "sales-failed-policy" in refs(preview, preview.one(MAPPING), "destinationConfig")
    without = make(consumers={"stock": consumer(idempotency=False)})
    assert without.of_type("aws:dynamodb/table:Table") == []


def test_enhanced_fan_out_is_read_through_a_registered_consumer() -> None:
    graph = make(consumers={"fraud": consumer(enhanced_fan_out=True, starting_position="LATEST")})
    registered = graph.one("aws:kinesis/streamConsumer:StreamConsumer")
    assert registered.inputs["streamArn"] == graph.one("aws:kinesis/stream:Stream").outputs["arn"]
    source = graph.one(MAPPING).inputs
    assert (source["eventSourceArn"], source["startingPosition"]) == (registered.outputs["arn"], "LATEST")
    fan_out = next(one for one in statements(graph, "sales-fraud-function-policy") if one["Sid"] == "FanOut")
    assert (fan_out["Action"], fan_out["Resource"]) == (
        ["kinesis:DescribeStreamConsumer", "kinesis:SubscribeToShard"],
        [registered.outputs["arn"]],
    )


def test_throttled_requests_raise_an_alarm() -> None:
    found = alarms(make(alarm_topic_arns=[TOPIC]))
    throttled = {name: (one["metricName"], one["statistic"], one["threshold"], one["evaluationPeriods"]) for name, one in found.items()}
    assert throttled["sales-read-throttled"] == ("ReadProvisionedThroughputExceeded", "Sum", 0, 5)
    assert throttled["sales-write-throttled"] == ("WriteProvisionedThroughputExceeded", "Sum", 0, 5)


@pytest.mark.parametrize("name", ["stream", "archive", "failed", "key"])
def test_a_consumer_may_have_any_name(name: str) -> None:
    graph = make(consumers={name: consumer(enhanced_fan_out=True)}, archive={}, alarm_topic_arns=[TOPIC])
    urns = [one.urn for one in graph.resources]
    assert len(urns) == len(set(urns))


def test_what_is_there_is_not_changed() -> None:
    graph = make(
        consumers={"stock": {"existing_function": EXISTING}},
        existing_stream={"arn": STREAM, "retention_hours": 24, "kms_key_arn": KEY},
        failed_record_bucket_arn=BUCKET,
        failed_record_kms_key_arn=f"{KEY}2",
        alarm_topic_arns=[TOPIC],
    )
    assert (
        graph.of_type("aws:kinesis/stream:Stream", "aws:s3/bucket:Bucket", "aws:lambda/function:Function", "aws:dynamodb/table:Table") == []
    )
    source = graph.one(MAPPING).inputs
    assert (source["eventSourceArn"], source["functionName"]) == (STREAM, EXISTING["arn"])
    assert graph.named("sales-stock-function-policy").inputs["role"] == "stock"
    lines = [(one["Sid"], one["Resource"], one.get("Condition")) for one in statements(graph, "sales-stock-function-policy")]
    assert lines == [
        ("Read", [STREAM], None),
        ("ReadKey", [KEY], None),
        ("KeepFailed", [f"{BUCKET}/aws/lambda/*"], None),
        ("FindBucket", [BUCKET], None),
        ("KeepFailedKey", [f"{KEY}2"], None),
    ]
    # Those of the stream itself are its owner's.
    assert sorted(alarms(graph)) == [f"sales-stock-{suffix}" for suffix in ("age", "dropped", "failed", "undelivered")]
    reason = "is 43201, more than half of the 86400 seconds that a record stays in the stream. Lower it."
    stock = {"stock": consumer(maximum_record_age_seconds=43_201)}
    assert refused(existing_stream={"arn": STREAM, "retention_hours": 24}, consumers=stock) == [
        ("consumers.stock.maximum_record_age_seconds", reason)
    ]


def test_the_archive_delivers_all_records_to_s3() -> None:
    graph = make(archive={"prefix": "sales/", "buffering_mib": 32, "buffering_seconds": 600}, alarm_topic_arns=[TOPIC])
    delivery, bucket = graph.one("aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream"), graph.named("sales-archived-bucket")
    stream, key = graph.one("aws:kinesis/stream:Stream").outputs["arn"], graph.one("aws:kms/key:Key").outputs["arn"]
    role = graph.named("sales-archive-role").outputs["arn"]
    # AWS refuses server-side encryption with a stream as the source.
    assert "serverSideEncryption" not in delivery.inputs
    assert delivery.inputs["kinesisSourceConfiguration"] == {"kinesisStreamArn": stream, "roleArn": role}
    assert delivery.inputs["extendedS3Configuration"] == {
        "roleArn": role,
        "bucketArn": bucket.outputs["arn"],
        "prefix": "sales/!{timestamp:yyyy/MM/dd/HH}/",
        "errorOutputPrefix": "errors/!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd/HH}/",
        "bufferingSize": 32,
        "bufferingInterval": 600,
        "compressionFormat": "GZIP",
        "kmsKeyArn": key,
        "cloudwatchLoggingOptions": {
            "enabled": True,
            "logGroupName": graph.named("sales-archive-logs").outputs["name"],
            "logStreamName": graph.named("sales-archive-log").outputs["name"],
        },
    }
    rights = {one["Sid"]: (one["Action"], one["Resource"]) for one in statements(graph, "sales-archive-policy")}
    arn = bucket.outputs["arn"]
    assert rights == {
        "Read": (["kinesis:DescribeStream", "kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards"], [stream]),
        "Bucket": (["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"], [arn]),
        "Objects": (["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"], [f"{arn}/*"]),
        "Log": (["logs:PutLogEvents"], [graph.named("sales-archive-log").outputs["arn"]]),
        "ReadKey": (["kms:Decrypt"], [key]),
        "ObjectsKey": (["kms:Decrypt", "kms:GenerateDataKey"], [key]),
    }
    late = alarms(graph)["sales-archive-late"]
    assert (late["metricName"], late["threshold"]) == ("DeliveryToS3.DataFreshness", 2400)
    # The access logs of both buckets go to one.
    assert {one.inputs["targetBucket"] for one in graph.of_type("aws:s3/bucketLogging:BucketLogging")} == {
        graph.named("sales-failed-logs-bucket").outputs["bucket"]
    }
    preview = make(mode="preview", archive={})
    assert "sales-archive-policy" in refs(preview, preview.one(delivery.type), "kinesisSourceConfiguration")


def test_the_archive_may_have_a_bucket_that_is_there_and_a_stream_needs_no_consumers() -> None:
    graph = make(consumers={}, archive={"bucket_arn": BUCKET})
    assert graph.of_type("aws:s3/bucket:Bucket", MAPPING) == []
    delivery = graph.one("aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream").inputs["extendedS3Configuration"]
    assert (delivery["bucketArn"], "kmsKeyArn" in delivery) == (BUCKET, False)
    assert "ObjectsKey" not in [one["Sid"] for one in statements(graph, "sales-archive-policy")]
    plain = make(consumers={})
    assert plain.of_type("aws:s3/bucket:Bucket", "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream") == []


def test_producers_and_consumers_elsewhere_get_the_statements_that_they_need() -> None:
    seen: list[Any] = []

    def program() -> None:
        stream = EventStream("sales", {})
        pulumi.Output.from_input([stream.put_statements(), stream.read_statements()]).apply(seen.extend)

    graph = record(program, mode="deployed")
    stream, key = graph.one("aws:kinesis/stream:Stream").outputs["arn"], graph.one("aws:kms/key:Key").outputs["arn"]
    assert [[(one["sid"], one["actions"][-1], one["resources"]) for one in lines] for lines in seen] == [
        [("Put", "kinesis:PutRecords", [stream]), ("PutKey", "kms:GenerateDataKey", [key])],
        [("Read", "kinesis:ListShards", [stream]), ("ReadKey", "kms:Decrypt", [key])],
    ]


def test_a_stream_and_buckets_without_a_key_of_yours_need_no_right_to_one() -> None:
    seen: list[Any] = []

    def program() -> None:
        args: Any = {
            "existing_stream": {"arn": STREAM, "retention_hours": 24},
            "failed_record_bucket_arn": BUCKET,
            "consumers": {"stock": {"existing_function": EXISTING}},
            "archive": {"bucket_arn": f"{BUCKET}2"},
        }
        stream = EventStream("sales", args)
        pulumi.Output.from_input([stream.put_statements(), stream.read_statements()]).apply(seen.extend)

    graph = record(program, mode="deployed")
    assert [[one["sid"] for one in lines] for lines in seen] == [["Put"], ["Read"]]
    assert [one["Sid"] for one in statements(graph, "sales-stock-function-policy")] == ["Read", "KeepFailed", "FindBucket"]
    assert [one["Sid"] for one in statements(graph, "sales-archive-policy")] == ["Read", "Bucket", "Objects", "Log"]


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (
            {"existing_stream": {"arn": STREAM, "retention_hours": 24}, "shard_count": 2},
            ("existing_stream", "excludes shard_count: the stream is there already; both are given. Remove one of them."),
        ),
        (
            {"existing_stream": {"arn": STREAM, "retention_hours": 24}, "consumers": {}},
            ("existing_stream", "is read by nobody: neither consumers nor archive is given. Give one."),
        ),
        (
            {"consumers": {"stock": {}}},
            (
                "consumers.stock.function",
                "exactly one of function and existing_function is needed; none is given. Give one.",
            ),
        ),
        (
            {"failed_record_kms_key_arn": KEY},
            (
                "failed_record_bucket_arn",
                "is missing; failed_record_kms_key_arn needs it. Give it, or remove failed_record_kms_key_arn.",
            ),
        ),
        (
            {"failed_record_bucket_arn": "kept"},
            (
                "failed_record_bucket_arn",
                "is 'kept'; must be the ARN of a bucket, not its name, such as arn:aws:s3:::uploads",
            ),
        ),
        (
            {"failed_record_bucket_arn": BUCKET, "failed_record_retention_days": 7},
            (
                "failed_record_bucket_arn",
                "excludes failed_record_retention_days: the bucket is there already; both are given. Remove one of them.",
            ),
        ),
        (
            {"archive": {"bucket_arn": BUCKET, "retention_days": 7}},
            ("archive.bucket_arn", "excludes retention_days: the bucket is there already; both are given. Remove one of them."),
        ),
        (
            {"consumers": {"a": {"function": IMAGE, "enhanced_fan_out": True}, "a-consumer": {"function": IMAGE}}},
            ("consumers.a-consumer", "names its alarm a-consumer-age, as the consumer a does. Choose another name."),
        ),
        (
            {"archive": {"prefix": "/sales"}},
            ("archive.prefix", "is '/sales'; must be a prefix that ends in a slash such as records/"),
        ),
    ],
)
def test_what_cannot_be_created_is_refused(args: Any, problem: tuple[str, str]) -> None:
    assert refused(**args) == [problem]


class Till:
    """The sample handler of the example, its table on moto, and what it did, by product."""

    def __init__(self, index: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.index = index
        self.done: dict[str, list[str]] = {}
        step = index.keep_stock

        def recorded(sale: dict[str, Any]) -> None:
            step(sale)
            self.done.setdefault(sale["product"], []).append(sale["id"])

        monkeypatch.setattr(index, "keep_stock", recorded)

    def drive(self, sales: list[tuple[str, str, int]], wrap: Callable[[Any], Any] = lambda handler: handler, **options: Any) -> list[Any]:
        data = [(key, json.dumps({"id": number, "product": key, "pieces": pieces}).encode()) for number, key, pieces in sales]
        records = kinesis_event(data, STREAM)["Records"]
        return drive_stream(records, wrap(self.index.stock_handler), context=Context(1), **options)


@pytest.fixture
def till(moto_account: None, monkeypatch: pytest.MonkeyPatch) -> Till:
    table_by_id(client("dynamodb"), "idempotency")
    monkeypatch.setenv("IDEMPOTENCY_TABLE", "idempotency")
    monkeypatch.setenv("POWERTOOLS_TRACE_DISABLED", "true")
    return Till(load_handler(ROOT / "examples/event_stream/app/index.py"), monkeypatch)


SALES = [(f"{number}", ("tea", "coffee", "cocoa")[number % 3], 1 + number) for number in range(12)]
IN_ORDER = {key: [number for number, product, _ in SALES if product == key] for key in ("tea", "coffee", "cocoa")}


def poison(sales: list[tuple[str, str, int]], *numbers: str) -> list[tuple[str, str, int]]:
    return [(number, key, 0 if number in numbers else pieces) for number, key, pieces in sales]


@pytest.mark.parametrize("bisect", [True, False])
def test_a_poison_record_is_parked_whole_and_the_others_are_processed_in_order(till: Till, bisect: bool) -> None:
    parked = till.drive(poison(SALES, "3"), batch_size=5, bisect=bisect)
    given_up = [(one["kinesis"]["partitionKey"], one["kinesis"]["data"]) for batch in parked for one in batch.records]
    assert {batch.reason for batch in parked} == {"RetryAttemptsExhausted"}
    if bisect:
        # Alone, with its data.
        assert given_up == [("tea", "eyJpZCI6ICIzIiwgInByb2R1Y3QiOiAidGVhIiwgInBpZWNlcyI6IDB9")]
        assert till.done == {**IN_ORDER, "tea": ["0", "6", "9"]}
    else:
        # With what is behind it in its batch: that is why batches are halved.
        assert ("tea", "eyJpZCI6ICIzIiwgInByb2R1Y3QiOiAidGVhIiwgInBpZWNlcyI6IDB9") in given_up
        assert till.done["tea"] == ["0", "6", "9"]


@pytest.mark.parametrize("batch_size", [1, 4, 12])
def test_the_order_of_a_key_is_kept_when_a_record_fails_for_a_while(till: Till, monkeypatch: pytest.MonkeyPatch, batch_size: int) -> None:
    step, failures = till.index.keep_stock, {"0": iter([True, True]), "4": iter([True]), "6": iter([True, True])}

    def flaky(sale: dict[str, Any]) -> None:
        if next(failures.get(sale["id"], iter([])), False):
            raise TimeoutError("the stock does not answer")
        step(sale)

    monkeypatch.setattr(till.index, "keep_stock", flaky)
    assert till.drive(SALES, batch_size=batch_size, retries=6) == []
    assert till.done == IN_ORDER


def test_repeated_records_are_harmless(till: Till) -> None:
    # A producer that got no answer puts a record again: the second is another record with the same id.
    assert till.drive([sale for sale in SALES for _ in range(2)], batch_size=7) == []
    assert till.done == IN_ORDER
    assert till.drive(SALES) == []
    assert till.done == IN_ORDER


def test_an_invocation_that_ends_without_an_answer_is_repeated_without_another_effect(till: Till) -> None:
    ends: Iterator[bool] = iter([True, True, True])

    def wrap(handler: Any) -> Any:
        def killed(event: Any, context: Any) -> Any:
            answer = handler(event, context)
            if next(ends, False):
                raise RuntimeError("the invocation times out when all is done")
            return answer

        return killed

    assert till.drive(SALES, wrap, batch_size=6) == []
    assert till.done == IN_ORDER


@pytest.mark.parametrize("shift", [1, 5])
def test_keys_in_another_order_have_the_same_effect(till: Till, shift: int) -> None:
    # Shards and keys may overtake each other; within a key the order is the stream's.
    queues = {key: [sale for sale in SALES if sale[1] == key] for key in ("cocoa", "coffee", "tea")}
    mixed = [sale for key in queues for sale in queues[key][:shift]] + [sale for key in queues for sale in queues[key][shift:]]
    assert till.drive(mixed, batch_size=5) == []
    assert till.done == IN_ORDER


def test_what_was_parked_is_processed_by_an_invocation_with_its_payload(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    [parked] = till.drive(poison(SALES, "3"), batch_size=5)
    monkeypatch.setattr(till.index, "keep_stock", lambda sale: till.done["tea"].append(sale["id"]))
    assert till.index.stock_handler({"Records": parked.records}, Context(1)) == {"batchItemFailures": []}
    assert till.done["tea"] == ["0", "6", "9", "3"]


def test_unlikely_sales_are_reported(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    reported: list[str] = []
    monkeypatch.setattr(till.index.LOGGER, "warning", lambda _, extra: reported.append(extra["sale"]))
    events = kinesis_event([("tea", b'{"id": "1", "product": "tea", "pieces": 101}'), ("tea", b'{"id": "2", "pieces": 100}')], STREAM)
    assert till.index.fraud_handler(events, Context()) == {"batchItemFailures": []}
    assert reported == ["1"]
