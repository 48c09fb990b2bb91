import json
from typing import Any

import pulumi
import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.uploads import StorageIndex
from offline_preview.graph import Graph

from tests.emulators.events import drive_queue
from tests.emulators.handlers import load_handler
from tests.emulators.locked_moto import client
from tests.harness import record, refs
from tests.program import ROOT
from tests.runtime.index_table import index_table

TOPIC, BUCKET, KEY = "arn:aws:sns:eu-west-1:123456789012:operations", "arn:aws:s3:::photos", "arn:aws:kms:eu-west-1:123456789012:key/1"
FUNCTION, ALARM = "aws:lambda/function:Function", "aws:cloudwatch/metricAlarm:MetricAlarm"
CODE = ROOT / "components/cloudpatterns/uploads/storage_index/on_aws"


def make(mode: Any = "deployed", **args: Any) -> Graph:
    given: Any = {"bucket_arn": BUCKET, **args}
    return record(lambda: StorageIndex("album", given), mode=mode)


def statements(graph: Graph, name: str) -> dict[str, dict[str, Any]]:
    return {one["Sid"]: one for one in json.loads(graph.named(name).inputs["policy"])["Statement"]}


def pattern(graph: Graph) -> Any:
    return json.loads(graph.named("album-changed").inputs["eventPattern"])


def test_out_of_order_and_repeated_events_leave_the_index_right(moto_account: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the functions do; the state machine in the tests of the library has any order."""
    s3, sqs = client("s3"), client("sqs")
    s3.create_bucket(Bucket="photos", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    url = sqs.create_queue(QueueName="looks")["QueueUrl"]
    environment = {"TABLE": index_table(client("dynamodb"), "entries"), "BUCKET": "photos", "QUEUE_URL": url, "METADATA": '["owner"]'}
    for name, value in environment.items():
        monkeypatch.setenv(f"CLOUDPATTERNS_INDEX_{name}", value)
    s3.put_object(Bucket="photos", Key="ada/1.jpg", Body=b"12", Metadata={"owner": "ada"})
    s3.put_object(Bucket="photos", Key="ada/2.jpg", Body=b"123")
    for key, kind, sequencer in (
        ("ada/1.jpg", "Object Created", "0F"),
        ("ada/1.jpg", "Object Deleted", "0A"),
        ("ada/1.jpg", "Object Created", "0F"),
        ("ada/3.jpg", "Object Deleted", "10"),
        ("ada/3.jpg", "Object Created", "0B"),
    ):
        detail = {"bucket": {"name": "photos"}, "object": {"key": key, "sequencer": sequencer}}
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"source": "aws.s3", "detail-type": kind, "detail": detail}))
    sqs.send_message(QueueUrl=url, MessageBody='{"reindex": {}}')
    drive_queue(sqs, url, load_handler(CODE / "indexer" / "index.py").handler, batch_size=2)
    answer = load_handler(CODE / "query" / "index.py").handler
    assert [(one["key"], one["size"]) for one in answer({"folder": "ada/"}, None)["entries"]] == [("ada/1.jpg", 2), ("ada/2.jpg", 3)]
    assert [one["key"] for one in answer({"metadata": {"owner": "ada"}}, None)["entries"]] == ["ada/1.jpg"]


def test_events_go_through_eventbridge_and_a_queue() -> None:
    graph = make()
    assert graph.one("aws:s3/bucketNotification:BucketNotification").inputs == {"bucket": "photos", "eventbridge": True}
    assert pattern(graph) == {
        "source": ["aws.s3"],
        "detail-type": ["Object Created", "Object Deleted", "Object Storage Class Changed"],
        "detail": {"bucket": {"name": ["photos"]}},
    }
    rule, queue = graph.named("album-changed").outputs["arn"], graph.named("album-queue")
    target = graph.named("album-changed-target").inputs
    assert (target["arn"], target["deadLetterConfig"]) == (queue.outputs["arn"], {"arn": graph.named("album-undelivered").outputs["arn"]})
    [sender] = [one for sid, one in statements(graph, "album-queue-policy").items() if sid.startswith("Sender")]
    assert (sender["Principal"], sender["Condition"]) == ({"Service": ["events.amazonaws.com"]}, {"ArnEquals": {"aws:SourceArn": rule}})
    assert statements(graph, "album-key-policy")["SenderEvents"]["Principal"] == {"Service": ["events.amazonaws.com"]}
    assert json.loads(queue.inputs["redrivePolicy"])["maxReceiveCount"] == 5
    assert queue.inputs["visibilityTimeoutSeconds"] == 6 * graph.named("album-indexer").inputs["timeout"]
    source = graph.one("aws:lambda/eventSourceMapping:EventSourceMapping").inputs
    assert source["functionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["scalingConfig"] == {"maximumConcurrency": 10}
    preview = make(mode="preview")
    assert "album-queue-policy" in refs(preview, preview.named("album-changed-target"), "arn")


def test_the_buckets_notification_is_left_to_who_has_it() -> None:
    graph = make(create_notification=False, prefix="ada/", unreadable_left_out=True)
    assert graph.of_type("aws:s3/bucketNotification:BucketNotification") == []
    assert pattern(graph) == {
        "source": ["aws.s3"],
        # An object may become readable by a tag.
        "detail-type": ["Object Created", "Object Deleted", "Object Storage Class Changed", "Object Tags Added"],
        "detail": {"bucket": {"name": ["photos"]}, "object": {"key": [{"prefix": "ada/"}]}},
    }
    assert statements(graph, "album-indexer-policy")["Look"]["Resource"] == [f"{BUCKET}/ada/*"]
    variables = graph.named("album-indexer").inputs["environment"]["variables"]
    assert (variables["CLOUDPATTERNS_INDEX_PREFIX"], variables["CLOUDPATTERNS_INDEX_UNREADABLE"]) == ("ada/", "left-out")


def test_the_indexer_looks_at_objects_and_cannot_read_them_and_its_jobs_are_not_stopped_as_loops() -> None:
    graph = make(indexed_metadata=["owner"])
    key, table = graph.one("aws:kms/key:Key").outputs["arn"], graph.named("album-entries").outputs["arn"]
    queue = graph.named("album-queue").outputs
    rights = {sid: (one["Action"], one["Resource"]) for sid, one in statements(graph, "album-indexer-policy").items()}
    assert {sid: rights[sid] for sid in ("Look", "ListObjects", "Entries", "ReceiveKey", "SendKey")} == {
        "Look": (["s3:GetObject"], [f"{BUCKET}/*"]),
        "ListObjects": (["s3:ListBucket"], [BUCKET]),
        "Entries": (["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Scan"], [table]),
        "ReceiveKey": (["kms:Decrypt"], [key]),
        "SendKey": (["kms:Decrypt", "kms:GenerateDataKey"], [key]),
    }
    assert rights["Receive"][1] == rights["Send"][1] == [queue["arn"]]
    loop = graph.one("aws:lambda/functionRecursionConfig:FunctionRecursionConfig")
    assert loop.inputs == {"functionName": graph.named("album-indexer").outputs["name"], "recursiveLoop": "Allow"}
    preview = make(mode="preview")
    source = preview.one("aws:lambda/eventSourceMapping:EventSourceMapping")
    assert "album-indexer-recursion" in refs(preview, source, "functionName")
    assert graph.named("album-indexer").inputs["environment"]["variables"] == {
        "POWERTOOLS_SERVICE_NAME": "album-indexer",
        "CLOUDPATTERNS_INDEX_TABLE": graph.named("album-entries").outputs["name"],
        "CLOUDPATTERNS_INDEX_BUCKET": "photos",
        "CLOUDPATTERNS_INDEX_QUEUE_URL": queue["url"],
        "CLOUDPATTERNS_INDEX_PREFIX": "",
        "CLOUDPATTERNS_INDEX_METADATA": '["owner"]',
        "CLOUDPATTERNS_INDEX_UNREADABLE": "error",
    }


def test_the_table_has_an_index_for_each_query_and_is_encrypted_recoverable_and_protected() -> None:
    graph = make(indexed_metadata=["owner", "camera-model"])
    table = graph.named("album-entries").inputs
    assert (table["hashKey"], table["rangeKey"], table["ttl"]) == ("folder", "name", {"attributeName": "expires_at", "enabled": True})
    assert {one["name"]: [key["attributeName"] for key in one["keySchemas"]] for one in table["globalSecondaryIndexes"]} == {
        "by-modified": ["folder", "last_modified"],
        "by-owner": ["metadata_owner", "last_modified"],
        "by-camera-model": ["metadata_camera_model", "last_modified"],
    }
    assert table["serverSideEncryption"] == {"enabled": True, "kmsKeyArn": graph.one("aws:kms/key:Key").outputs["arn"]}
    assert (table["pointInTimeRecovery"], table["deletionProtectionEnabled"]) == ({"enabled": True}, True)
    assert make(deletion_protection=False).named("album-entries").inputs["deletionProtectionEnabled"] is False
    given = make(kms_key_arn=KEY)
    assert given.of_type("aws:kms/key:Key") == []
    assert given.named("album-queue").inputs["kmsMasterKeyId"] == KEY


def test_failed_late_and_undelivered_events_raise_alarms() -> None:
    graph = make(alarm_topic_arns=[TOPIC], alarm_age_seconds=600)
    alarms = {one.name: (one.inputs.get("metricName"), one.inputs["threshold"]) for one in graph.of_type(ALARM)}
    assert alarms == {
        "album-entries-throttled": (None, 0),
        "album-indexer-errors": ("Errors", 0),
        "album-query-errors": ("Errors", 0),
        "album-queue-age": ("ApproximateAgeOfOldestMessage", 600),
        "album-queue-dead-letters-alarm": ("ApproximateNumberOfMessagesVisible", 0),
        "album-undelivered-alarm": ("ApproximateNumberOfMessagesVisible", 0),
    }
    assert make().of_type(ALARM) == []


def test_the_query_function_reads_the_index_alone_and_readers_and_jobs_get_the_statements_that_they_need() -> None:
    seen: list[Any] = []

    def program() -> None:
        index = StorageIndex("album", {"bucket_arn": BUCKET})
        lists = [index.read_statements(), index.query_statements(), index.reindex_statements(), index.environment()]
        pulumi.Output.from_input(lists).apply(seen.extend)

    graph = record(program, mode="deployed")
    table, key = graph.named("album-entries").outputs, graph.one("aws:kms/key:Key").outputs["arn"]
    *lists, environment = seen
    read, query, job = ({one["sid"]: one["resources"] for one in lines} for lines in lists)
    assert read == {"ReadIndex": [table["arn"], f"{table['arn']}/index/*"], "ReadIndexKey": [key]}
    assert query == {"QueryIndex": [graph.named("album-query").outputs["arn"]]}
    assert job == {"Send": [graph.named("album-queue").outputs["arn"]], "SendKey": [key]}
    assert environment == {"CLOUDPATTERNS_INDEX_TABLE": table["name"]}
    assert set(statements(graph, "album-query-policy")) == {"ReadIndex", "ReadIndexKey", "Log", "Environment"}
    assert len(graph.of_type(FUNCTION)) == 2


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (
            {"indexed_metadata": ["modified"]},
            ("indexed_metadata", "has modified, whose index would have the name of the one by time. Choose another name for the metadata."),
        ),
        (
            {"indexed_metadata": ["Owner"]},
            (
                "indexed_metadata.0",
                "is 'Owner'; must be the name of user-defined metadata without x-amz-meta-, such as owner",
            ),
        ),
        (
            # The index would never have an entry: S3's answers have the names without it.
            {"indexed_metadata": ["x-amz-meta-owner"]},
            (
                "indexed_metadata.0",
                "is 'x-amz-meta-owner'; must be the name of user-defined metadata without x-amz-meta-, such as owner",
            ),
        ),
        (
            {"bucket_arn": "photos"},
            ("bucket_arn", "is 'photos'; must be the ARN of a bucket, not its name, such as arn:aws:s3:::uploads"),
        ),
    ],
)
def test_what_cannot_be_created_is_refused(args: Any, problem: tuple[str, str]) -> None:
    with pytest.raises(ArgumentError) as error:
        make(**args)
    assert error.value.problems == [problem]
