import json
from typing import Any

import pulumi
import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.database import Cqrs
from offline_preview.graph import Graph

from tests.emulators.handlers import load_handler
from tests.emulators.locked_moto import client
from tests.emulators.tables import table_by_id
from tests.harness import record, refs
from tests.program import ROOT

TOPIC = "arn:aws:sns:eu-west-1:123456789012:operations"
IMAGE = {"image_uri": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/orders@sha256:0"}
EXISTING = {"arn": "arn:aws:lambda:eu-west-1:123456789012:function:rows:live", "timeout_seconds": 20, "role_name": "rows"}
TABLE = "arn:aws:dynamodb:eu-west-1:123456789012:table/orders"
STREAM = f"{TABLE}/stream/2026-11-30T00:00:00.000"
BUCKET, KEY = "arn:aws:s3:::kept", "arn:aws:kms:eu-west-1:123456789012:key/1"
TABLES, MAPPING = "aws:dynamodb/table:Table", "aws:lambda/eventSourceMapping:EventSourceMapping"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
BY_CUSTOMER = {"by-customer": {"partition_key": {"name": "customer"}}}


def make(mode: Any = "deployed", **args: Any) -> Graph:
    given: Any = {"projections": {"rows": {}}, **args}
    return record(lambda: Cqrs("orders", given), mode=mode)


def refused(**args: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as error:
        make(**args)
    return error.value.problems


def statements(graph: Graph, name: str) -> dict[str, dict[str, Any]]:
    return {one["Sid"]: one for one in json.loads(graph.named(name).inputs["policy"])["Statement"]}


def variables(graph: Graph, name: str) -> dict[str, str]:
    return graph.named(name).inputs["environment"]["variables"]


def test_the_projector_is_ordered_per_key() -> None:
    graph = make(projections={"rows": {"parallelization_factor": 4}})
    write = graph.named("orders-write")
    assert (write.inputs["streamEnabled"], write.inputs["streamViewType"]) == (True, "NEW_AND_OLD_IMAGES")
    source = graph.one(MAPPING).inputs
    assert source["eventSourceArn"] == write.outputs["streamArn"]
    # Several batches of a shard at once keep the order of a key; those of all shards begin at the oldest.
    assert (source["parallelizationFactor"], source["startingPosition"]) == (4, "TRIM_HORIZON")
    read = graph.named("orders-rows-read")
    assert "streamEnabled" not in read.inputs
    assert read.inputs["ttl"] == {"attributeName": "projection_expires_at", "enabled": True}
    # Rows are written under a condition, and read when one fails.
    rights = statements(graph, "orders-rows-function-policy")
    assert (rights["Rows"]["Action"], rights["Rows"]["Resource"]) == (["dynamodb:GetItem", "dynamodb:PutItem"], [read.outputs["arn"]])
    assert variables(graph, "orders-rows-function") == {
        "POWERTOOLS_SERVICE_NAME": "orders-rows-function",
        "CLOUDPATTERNS_PROJECTION_TABLE": read.outputs["name"],
        "CLOUDPATTERNS_PROJECTION_ATTRIBUTES": "[]",
        "CLOUDPATTERNS_PROJECTION_REMEMBER_SECONDS": str(32 * 86_400),
    }


def test_the_projector_is_idempotent(moto_account: None, monkeypatch: pytest.MonkeyPatch) -> None:
    table_by_id(client("dynamodb"), "rows")
    monkeypatch.setenv("CLOUDPATTERNS_PROJECTION_TABLE", "rows")
    monkeypatch.setenv("CLOUDPATTERNS_PROJECTION_ATTRIBUTES", '["state"]')
    index = load_handler(ROOT / "components/cloudpatterns/database/cqrs/on_aws/index.py")
    image = {"id": {"S": "7"}, "state": {"S": "paid"}, "card": {"S": "4111"}}
    event = {"Records": [{"eventName": "INSERT", "dynamodb": {"Keys": {"id": {"S": "7"}}, "NewImage": image, "SequenceNumber": "9"}}]}
    for _ in range(3):
        assert index.handler(event, None) == {"batchItemFailures": []}
    [row] = client("dynamodb").scan(TableName="rows")["Items"]
    assert row == {"id": {"S": "7"}, "state": {"S": "paid"}, "projection_order": {"S": "9".rjust(40, "0")}}


def test_poison_events_are_parked_whole_in_s3_with_retries_age_and_bisection_bounded() -> None:
    graph = make()
    source, bucket = graph.one(MAPPING).inputs, graph.named("orders-failed-bucket")
    assert {key: value for key, value in source.items() if key not in ("eventSourceArn", "functionName", "startingPosition")} == {
        "batchSize": 100,
        "maximumBatchingWindowInSeconds": 0,
        "parallelizationFactor": 1,
        "maximumRetryAttempts": 5,
        "maximumRecordAgeInSeconds": 10_800,
        "bisectBatchOnFunctionError": True,
        "functionResponseTypes": ["ReportBatchItemFailures"],
        "destinationConfig": {"onFailure": {"destinationArn": bucket.outputs["arn"]}},
        "metricsConfig": {"metrics": ["EventCount"]},
        "tags": {},
    }
    rights = statements(graph, "orders-rows-function-policy")
    account = graph.named("orders-write").outputs["arn"].split(":")[4]
    assert rights["KeepFailed"]["Resource"] == [f"{bucket.outputs['arn']}/aws/lambda/*"]
    assert rights["KeepFailed"]["Condition"] == {"StringEquals": {"s3:ResourceAccount": account}}
    assert rights["KeepFailedKey"]["Resource"] == [graph.one("aws:kms/key:Key").outputs["arn"]]
    # Deleted items are remembered longer than failed changes are kept.
    kept = make(failed_record_retention_days=7)
    assert kept.named("orders-failed-lifecycle").inputs["rules"][0]["expiration"] == {"days": 7}
    assert variables(kept, "orders-rows-function")["CLOUDPATTERNS_PROJECTION_REMEMBER_SECONDS"] == str(9 * 86_400)


def test_a_projection_that_is_late_or_fails_and_throttled_tables_raise_alarms() -> None:
    graph = make(alarm_topic_arns=[TOPIC], projections={"rows": {"alarm_age_seconds": 120}})
    alarms = {one.name: one.inputs for one in graph.of_type(ALARM)}
    assert sorted(alarms) == [
        "orders-rows-age",
        "orders-rows-dropped",
        "orders-rows-failed",
        "orders-rows-function-errors",
        "orders-rows-read-throttled",
        "orders-rows-undelivered",
        "orders-write-throttled",
    ]
    assert (alarms["orders-rows-age"]["metricName"], alarms["orders-rows-age"]["threshold"]) == ("IteratorAge", 120_000)
    assert all(one["alarmActions"] == [TOPIC] for one in alarms.values())
    assert make().of_type(ALARM) == []


def test_tables_are_encrypted_recoverable_and_protected_and_have_the_keys_and_indexes_of_their_readers() -> None:
    graph = make(
        partition_key={"name": "shop"},
        sort_key={"name": "number", "type": "N"},
        projections={"rows": {"indexes": {"by-customer": {"partition_key": {"name": "customer"}, "attributes": []}}}},
    )
    key = graph.one("aws:kms/key:Key").outputs["arn"]
    for table in graph.of_type(TABLES):
        assert (table.inputs["hashKey"], table.inputs["rangeKey"], table.inputs["billingMode"]) == ("shop", "number", "PAY_PER_REQUEST")
        assert table.inputs["serverSideEncryption"] == {"enabled": True, "kmsKeyArn": key}
        assert table.inputs["pointInTimeRecovery"] == {"enabled": True}
        assert table.inputs["deletionProtectionEnabled"] is True
        [refused] = json.loads(graph.named(f"{table.name}-policy").inputs["policy"])["Statement"]
        assert (refused["Effect"], refused["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    write, read = graph.named("orders-write").inputs, graph.named("orders-rows-read").inputs
    own = [{"name": "number", "type": "N"}, {"name": "shop", "type": "S"}]
    assert write["attributes"] == own
    assert read["attributes"] == [{"name": "customer", "type": "S"}, *own]
    schema = [{"attributeName": "customer", "keyType": "HASH"}]
    assert read["globalSecondaryIndexes"] == [{"name": "by-customer", "keySchemas": schema, "projectionType": "KEYS_ONLY"}]
    assert "globalSecondaryIndexes" not in write
    assert all(one.inputs["deletionProtectionEnabled"] is False for one in make(deletion_protection=False).of_type(TABLES))


def test_lambda_can_read_the_stream_and_the_source_waits_for_the_rights() -> None:
    graph = make()
    rights = statements(graph, "orders-rows-function-policy")
    actions = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"]
    assert (rights["ReadStream"]["Action"], rights["ReadStream"]["Resource"]) == (
        actions,
        [graph.named("orders-write").outputs["streamArn"]],
    )
    assert (rights["FindStream"]["Action"], rights["FindStream"]["Resource"]) == (["dynamodb:ListStreams"], ["*"])
    assert rights["ReadStreamKey"]["Resource"] == rights["RowsKey"]["Resource"] == [graph.one("aws:kms/key:Key").outputs["arn"]]
    preview = make(mode="preview")
    assert set(refs(preview, preview.named("orders-rows-function"), "role")) == {"orders-rows-function-role", "orders-rows-function-policy"}
    assert "orders-failed-policy" in refs(preview, preview.one(MAPPING), "destinationConfig")
    pattern = statements(graph, "orders-key-policy")["CloudWatchLogs"]["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]
    assert pattern.endswith(":log-group:orders-*-function-logs*")


def test_a_function_of_the_user_has_the_library_and_the_variables() -> None:
    graph = make(projections={"rows": {"function": {"code": pulumi.FileArchive("app")}}, "images": {"function": IMAGE}})
    assert len(graph.named("orders-rows-function").inputs["layers"]) == 2
    assert "layers" not in graph.named("orders-images-function").inputs
    for projection in ("rows", "images"):
        table = graph.named(f"orders-{projection}-read").outputs["name"]
        assert variables(graph, f"orders-{projection}-function")["CLOUDPATTERNS_PROJECTION_TABLE"] == table
    assert len(graph.of_type(MAPPING)) == 2


def test_what_is_there_is_not_changed() -> None:
    graph = make(
        existing_write_table={"arn": TABLE, "stream_arn": STREAM, "kms_key_arn": KEY},
        projections={
            "rows": {"existing_function": EXISTING, "existing_read_table": {"arn": f"{TABLE}-rows", "kms_key_arn": f"{KEY}2"}},
            "plain": {"existing_function": {**EXISTING, "role_name": "plain"}, "existing_read_table": {"arn": f"{TABLE}-plain"}},
        },
        failed_record_bucket_arn=BUCKET,
        alarm_topic_arns=[TOPIC],
    )
    assert graph.of_type(TABLES, "aws:s3/bucket:Bucket", "aws:lambda/function:Function") == []
    source = graph.named("orders-rows-source").inputs
    assert (source["eventSourceArn"], source["functionName"]) == (STREAM, EXISTING["arn"])
    lines = {sid: one["Resource"] for sid, one in statements(graph, "orders-rows-function-policy").items()}
    assert lines == {
        "ReadStream": [STREAM],
        "FindStream": ["*"],
        "ReadStreamKey": [KEY],
        "Rows": [f"{TABLE}-rows"],
        "RowsKey": [f"{KEY}2"],
        "KeepFailed": [f"{BUCKET}/aws/lambda/*"],
        "FindBucket": [BUCKET],
    }
    assert "RowsKey" not in statements(graph, "orders-plain-function-policy")
    component = graph.one("cloudpatterns:index:Cqrs").outputs
    assert component["read_table_names"] == {"rows": "orders-rows", "plain": "orders-plain"}
    assert (component["write_table_name"], component["failed_record_bucket_name"]) == ("orders", "kept")


def test_commands_write_and_queries_cannot() -> None:
    seen: list[Any] = []

    def program() -> None:
        orders = Cqrs("orders", {"projections": {"rows": {}}})
        pulumi.Output.from_input([orders.command_statements(), orders.query_statements("rows")]).apply(seen.extend)

    graph = record(program, mode="deployed")
    write, read = (graph.named(name).outputs["arn"] for name in ("orders-write", "orders-rows-read"))
    commands, queries = ({one["sid"]: (one["actions"], one["resources"]) for one in lines} for lines in seen)
    key = graph.one("aws:kms/key:Key").outputs["arn"]
    items = ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
    assert commands == {
        "Commands": (items, [write]),
        "CommandsKey": (["kms:Decrypt"], [key]),
        "CommandsCheck": (["dynamodb:ConditionCheckItem"], [write]),
    }
    reads = ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan"]
    assert queries == {"Queries": (reads, [read, f"{read}/index/*"]), "QueriesKey": (["kms:Decrypt"], [key])}

    def unknown() -> None:
        Cqrs("orders", {"projections": {"rows": {}}}).query_statements("pages")

    with pytest.raises(ArgumentError) as error:
        record(unknown)
    assert error.value.problems == [("projection", "is 'pages', which is not a projection; known are rows.")]


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        ({"projections": {}}, ("projections", "has 0 entries; at least 1 is needed")),
        ({"projections": {"a": {}, "b": {}, "c": {}}}, ("projections", "has 3 entries; at most 2 are allowed")),
        (
            {"projections": {"rows": {"function": IMAGE, "attributes": ["state"]}}},
            (
                "projections.rows.function",
                "excludes attributes: the function decides what a row has; both are given. Remove one of them.",
            ),
        ),
        (
            {"projections": {"rows": {"existing_function": EXISTING, "function": IMAGE}}},
            (
                "projections.rows.existing_function",
                "excludes function: the function is there already; both are given. Remove one of them.",
            ),
        ),
        (
            {"projections": {"rows": {"existing_read_table": {"arn": TABLE}, "indexes": BY_CUSTOMER}}},
            (
                "projections.rows.existing_read_table",
                "excludes indexes: the table is there already; both are given. Remove one of them.",
            ),
        ),
        (
            {"projections": {"rows": {"indexes": {"own": {"partition_key": {"name": "id"}, "attributes": ["state"]}}}}},
            (
                "projections.rows.indexes.own.attributes",
                "leaves out which rows are of deleted items: the keys of the index, id, are those of the table. Remove attributes, so that "
                "the index has all.",
            ),
        ),
        (
            {"projections": {"rows": {"indexes": {"own": {"partition_key": {"name": "id", "type": "N"}}}}}},
            (
                "projections.rows.indexes.own.partition_key.type",
                "is 'N', but the key 'id' has the type 'S' elsewhere. Give both the same type.",
            ),
        ),
        ({"sort_key": {"name": "id"}}, ("sort_key.name", "is 'id', the partition key. Name another attribute.")),
        (
            {"failed_record_kms_key_arn": KEY},
            ("failed_record_bucket_arn", "is missing; failed_record_kms_key_arn needs it. Give it, or remove failed_record_kms_key_arn."),
        ),
        (
            {"failed_record_bucket_arn": "kept"},
            (
                "failed_record_bucket_arn",
                "is 'kept'; must be the ARN of a bucket, not its name, such as arn:aws:s3:::uploads",
            ),
        ),
        (
            {"failed_record_bucket_arn": BUCKET, "log_bucket_name": "logs"},
            (
                "failed_record_bucket_arn",
                "excludes log_bucket_name: the bucket is there already; both are given. Remove one of them.",
            ),
        ),
    ],
)
def test_what_cannot_be_created_is_refused(args: Any, problem: tuple[str, str]) -> None:
    assert refused(**args) == [problem]


def test_the_sample_projects_orders_and_leaves_out_drafts(moto_account: None, monkeypatch: pytest.MonkeyPatch) -> None:
    table_by_id(client("dynamodb"), "customers")
    monkeypatch.setenv("CLOUDPATTERNS_PROJECTION_TABLE", "customers")
    index = load_handler(ROOT / "examples/cqrs/app/index.py")
    lines = {"L": [{"M": {"price": {"N": price}, "pieces": {"N": pieces}}} for price, pieces in (("2.50", "2"), ("4", "1"))]}

    def change(number: int, state: str, **more: Any) -> dict[str, Any]:
        order = {"customer": {"S": "ada"}, "placed_at": {"S": "2026-11-30"}, "state": {"S": state}, "lines": lines, **more}
        change = {"Keys": {"id": {"S": "7"}}, "NewImage": {"id": {"S": "7"}, **order}, "SequenceNumber": str(number)}
        return {"eventName": "MODIFY", "dynamodb": change}

    def row() -> Any:
        return client("dynamodb").get_item(TableName="customers", Key={"id": {"S": "7"}})["Item"]

    assert index.handler({"Records": [change(1, "draft")]}, None) == {"batchItemFailures": []}
    assert "customer" not in row()
    broken = index.handler({"Records": [change(2, "placed"), change(3, "placed", lines={"S": "none"})]}, None)
    assert broken == {"batchItemFailures": [{"itemIdentifier": "3"}]}
    assert row() == {
        "id": {"S": "7"},
        "customer": {"S": "ada"},
        "placed_at": {"S": "2026-11-30"},
        "state": {"S": "placed"},
        "total": {"N": "9.00"},
        "projection_order": {"S": "2".rjust(40, "0")},
    }
