import json
from typing import Any

import pulumi
import pytest
from botocore.exceptions import ClientError
from cloudpatterns.core import ArgumentError
from cloudpatterns.storage import WebStorageArchive
from offline_preview.graph import Graph

from tests.emulators.locked_moto import client
from tests.harness import record, refs

TOPIC = "arn:aws:sns:eu-west-1:123456789012:operations"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1"
GROUP = "arn:aws:logs:eu-west-1:123456789012:log-group:/shop/web:*"
GROUPS = {"web": {"log_group": GROUP}}
DELIVERY, FILTER = "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream", "aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"


def make(mode: Any = "deployed", **args: Any) -> Graph:
    given: Any = {"log_groups": GROUPS, **args}
    return record(lambda: WebStorageArchive("logs", given), mode=mode)


def refused(**args: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as error:
        make(**args)
    return error.value.problems


def statements(graph: Graph, name: str, key: str = "policy") -> list[dict[str, Any]]:
    return json.loads(graph.named(name).inputs[key])["Statement"]


def lines(method: str, **args: Any) -> list[dict[str, Any]]:
    """What one of the component's methods gives."""
    found: list[Any] = []

    def program() -> None:
        given: Any = {"log_groups": GROUPS, **args}
        archive = WebStorageArchive("logs", given)
        pulumi.Output.from_input(getattr(archive, method)()).apply(found.extend)

    record(program, mode="deployed")
    return found


def test_log_objects_cannot_be_changed_during_retention(moto_account: None) -> None:
    graph = make(retention_days=30)
    lock = graph.named("logs-archive-object-lock")
    assert lock.inputs["rule"] == {"defaultRetention": {"mode": "COMPLIANCE", "days": 30}}
    assert refs(graph, lock, "bucket") == ["logs-archive-bucket"]
    # Nothing is delivered before the lock, so no object is without one.
    assert "logs-archive-object-lock" in refs(graph, graph.one(DELIVERY), "extendedS3Configuration")
    s3, bucket = client("s3"), {"Bucket": "kept"}
    s3.create_bucket(**bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}, ObjectLockEnabledForBucket=True)
    [mode, days] = lock.inputs["rule"]["defaultRetention"].values()
    rule = {"DefaultRetention": {"Mode": mode, "Days": days}}
    s3.put_object_lock_configuration(**bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule})
    version = s3.put_object(**bucket, Key="logs/1", Body=b"first")["VersionId"]
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.delete_object(**bucket, Key="logs/1", VersionId=version)
    s3.put_object(**bucket, Key="logs/1", Body=b"second")
    assert s3.get_object(**bucket, Key="logs/1", VersionId=version)["Body"].read() == b"first"


def test_a_lock_of_the_mode_governance_is_bypassed_by_nobody_as_long_as_the_policy_stands() -> None:
    graph = make(lock_mode="GOVERNANCE")
    assert graph.named("logs-archive-object-lock").inputs["rule"] == {"defaultRetention": {"mode": "GOVERNANCE", "days": 365}}
    bucket = graph.named("logs-archive-bucket").outputs["arn"]
    assert {"DenyBypass"} <= {one.get("Sid") for one in statements(graph, "logs-archive-policy")}
    [deny] = [one for one in statements(graph, "logs-archive-policy") if one.get("Sid") == "DenyBypass"]
    assert deny == {
        "Sid": "DenyBypass",
        "Effect": "Deny",
        "Action": ["s3:BypassGovernanceRetention"],
        "Resource": [f"{bucket}/*"],
        "Principal": {"AWS": ["*"]},
    }


def test_what_nobody_can_delete_can_be_read_as_long_as_it_is_there() -> None:
    def retained(**more: Any) -> list[str]:
        graph = make(**more)
        return [one.name for one in graph.of_type("aws:kms/key:Key", "aws:s3/bucket:Bucket") if one.options.get("retainOnDelete")]

    assert sorted(retained()) == ["logs-archive-bucket", "logs-key"]
    assert retained(lock_mode="GOVERNANCE") == []
    assert retained(existing_bucket={"arn": "arn:aws:s3:::kept", "kms_key_arn": KEY}) == []
    # Deleted before its key, where it can be deleted.
    graph = make(lock_mode="GOVERNANCE")
    assert graph.named("logs-key").urn in graph.named("logs-archive-bucket").dependencies


def test_encrypted() -> None:
    graph = make(files={"app": {"path": "/var/log/app.log"}}, direct_put=True)
    key = graph.one("aws:kms/key:Key")
    assert key.name == "logs-key"
    own = {"enabled": True, "keyType": "CUSTOMER_MANAGED_CMK", "keyArn": key.outputs["arn"]}
    for stream in graph.of_type(DELIVERY):
        assert stream.inputs["serverSideEncryption"] == own
        assert stream.inputs["extendedS3Configuration"]["kmsKeyArn"] == key.outputs["arn"]
    [rule] = graph.named("logs-archive-encryption").inputs["rules"]
    assert rule["applyServerSideEncryptionByDefault"] == {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": key.outputs["arn"]}
    groups = graph.of_type("aws:cloudwatch/logGroup:LogGroup")
    assert {one.name: one.inputs["kmsKeyId"] for one in groups} == dict.fromkeys(
        ("logs-delivery-logs", "logs-direct-logs", "logs-files"), key.outputs["arn"]
    )
    # Auto-named groups begin with the names of their resources.
    [logs] = [one for one in statements(graph, "logs-key-policy") if one["Sid"] == "CloudWatchLogs"]
    assert logs["Condition"] == {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": "arn:aws:logs:eu-west-1:123456789012:log-group:logs-*"}}
    assert make(kms_key_arn=KEY).of_type("aws:kms/key:Key") == []


def test_objects_move_to_glacier_and_expire_with_their_old_versions() -> None:
    [rule] = make().named("logs-archive-lifecycle").inputs["rules"]
    assert (rule["expiration"], rule["noncurrentVersionExpiration"]) == ({"days": 365}, {"noncurrentDays": 1})
    assert rule["transitions"] == [{"storageClass": "GLACIER", "days": 90}]
    assert "transitionDefaultMinimumObjectSize" not in make().named("logs-archive-lifecycle").inputs
    # Not worth the 90 days that Glacier is paid for.
    assert make(retention_days=179).named("logs-archive-lifecycle").inputs["rules"][0]["transitions"] == []
    moves = [{"storage_class": "GLACIER_IR", "days": 1}, {"storage_class": "DEEP_ARCHIVE", "days": 91}]
    graph = make(retention_days=271, transitions=moves, small_object_transitions=True, replication={"region": "eu-central-1"})
    for name in ("logs-archive-lifecycle", "logs-archive-replica-lifecycle"):
        lifecycle = graph.named(name).inputs
        assert [one["days"] for one in lifecycle["rules"][0]["transitions"]] == [1, 91]
        assert lifecycle["transitionDefaultMinimumObjectSize"] == "varies_by_storage_class"
    assert graph.named("logs-archive-replica-object-lock").inputs["rule"]["defaultRetention"]["days"] == 271


def test_log_groups_are_subscribed_by_name_or_arn() -> None:
    groups = {
        "web": {"log_group": GROUP},
        "api": {"log_group": "arn:aws:logs:eu-west-1:123456789012:log-group:/shop/api", "filter_pattern": "ERROR"},
        "jobs": {"log_group": "/shop/jobs"},
    }
    graph = make(log_groups=groups)
    found = {one.name: (one.inputs["logGroup"], one.inputs["filterPattern"]) for one in graph.of_type(FILTER)}
    assert found == {
        "logs-group-web": ("/shop/web", ""),
        "logs-group-api": ("/shop/api", "ERROR"),
        "logs-group-jobs": ("/shop/jobs", ""),
    }
    for subscription in graph.of_type(FILTER):
        assert refs(graph, subscription, "destinationArn") == ["logs-delivery"]
        # CloudWatch Logs tries the role at once.
        assert refs(graph, subscription, "roleArn") == ["logs-delivery-put-role", "logs-delivery-put-role-policy"]
    stream = graph.one(DELIVERY).outputs["arn"]
    assert statements(graph, "logs-delivery-put-role-policy") == [
        {"Sid": "PutRecords", "Effect": "Allow", "Action": ["firehose:PutRecord", "firehose:PutRecordBatch"], "Resource": [stream]}
    ]
    [trust] = statements(graph, "logs-delivery-put-role", "assumeRolePolicy")
    assert trust["Principal"] == {"Service": ["logs.amazonaws.com"]}
    assert trust["Condition"] == {"StringLike": {"aws:SourceArn": "arn:aws:logs:eu-west-1:123456789012:*"}}


def test_all_log_groups_of_the_account_without_those_that_would_feed_themselves() -> None:
    account = {"excluded_log_group_names": ["/aws/lambda/noisy", GROUP], "filter_pattern": "-DEBUG"}
    graph = make(log_groups={}, account=account, files={"app": {"path": "/var/log/app.log"}})
    created = graph.one("aws:cloudwatch/logAccountPolicy:LogAccountPolicy")
    policy = created.inputs
    own = [graph.named(name).outputs["name"] for name in ("logs-delivery-logs", "logs-files")]
    assert policy["selectionCriteria"] == f"LogGroupName NOT IN {json.dumps([*own, '/aws/lambda/noisy', '/shop/web'])}"
    assert (policy["policyType"], policy["scope"]) == ("SUBSCRIPTION_FILTER_POLICY", "ALL")
    # Neither another stack's archive nor a change of the selection leaves the account without this policy.
    assert policy["policyName"] == graph.one(DELIVERY).outputs["name"]
    assert created.options["deleteBeforeReplace"] is True
    role, stream = graph.named("logs-delivery-put-role").outputs["arn"], graph.one(DELIVERY).outputs["arn"]
    assert json.loads(policy["policyDocument"]) == {"DestinationArn": stream, "RoleArn": role, "FilterPattern": "-DEBUG"}
    # The policy leaves it out, so it is subscribed once.
    assert [one.name for one in graph.of_type(FILTER)] == ["logs-files-filter"]


@pytest.mark.parametrize(
    ("record_format", "compression", "processors"),
    [
        ("events", "GZIP", ["Decompression", "AppendDelimiterToRecord"]),
        ("messages", "GZIP", ["Decompression", "CloudWatchLogProcessing", "AppendDelimiterToRecord"]),
        ("raw", "UNCOMPRESSED", []),
    ],
)
def test_nothing_is_compressed_twice(record_format: str, compression: str, processors: list[str]) -> None:
    config = make(record_format=record_format).one(DELIVERY).inputs["extendedS3Configuration"]
    assert config["compressionFormat"] == compression
    assert [one["type"] for one in config.get("processingConfiguration", {}).get("processors", [])] == processors


def test_objects_are_large_and_named_by_their_day() -> None:
    graph = make(prefix="audit/", direct_put=True)
    config = graph.named("logs-delivery").inputs["extendedS3Configuration"]
    assert (config["bufferingSize"], config["bufferingInterval"]) == (128, 900)
    assert config["prefix"] == "audit/!{timestamp:yyyy/MM/dd}/"
    assert config["errorOutputPrefix"] == "errors/audit/!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd}/"
    direct = graph.named("logs-direct").inputs["extendedS3Configuration"]
    assert direct["prefix"] == "direct/!{timestamp:yyyy/MM/dd}/"
    assert (direct["compressionFormat"], "processingConfiguration" in direct) == ("GZIP", False)


def test_a_bucket_that_is_there_is_filled_and_not_changed() -> None:
    graph = make(existing_bucket={"arn": "arn:aws:s3:::kept", "kms_key_arn": KEY})
    assert graph.of_type("aws:s3/bucket:Bucket") == []
    config = graph.one(DELIVERY).inputs["extendedS3Configuration"]
    assert (config["bucketArn"], config["kmsKeyArn"]) == ("arn:aws:s3:::kept", KEY)
    [use] = [one for one in statements(graph, "logs-delivery-policy") if one["Sid"] == "ObjectsKey"]
    assert use["Resource"] == [KEY]
    assert graph.named("logs").outputs["bucket_name"] == "kept"
    assert graph.named("logs").outputs["replica_bucket_name"] == ""


def test_alarms() -> None:
    graph = make(alarm_topic_arns=[TOPIC], alarm_silence_hours=48, direct_put=True)
    found = {one.name: one.inputs for one in graph.of_type(ALARM)}
    suffixes = ("late", "failed", "throttled", "silent")
    assert set(found) == {f"logs-{stream}-{suffix}" for stream in ("delivery", "direct") for suffix in suffixes}
    silent = found["logs-delivery-silent"]
    assert (silent["metricName"], silent["comparisonOperator"], silent["threshold"]) == ("IncomingRecords", "LessThanThreshold", 1)
    assert (silent["period"], silent["evaluationPeriods"], silent["treatMissingData"]) == (3600, 48, "breaching")
    failed = found["logs-delivery-failed"]
    assert (failed["namespace"], failed["metricName"], failed["threshold"]) == ("AWS/Logs", "IncomingLogEvents", 0)
    assert failed["dimensions"] == {"LogGroupName": graph.named("logs-delivery-logs").outputs["name"]}
    assert found["logs-delivery-late"]["threshold"] == 900 + 1800
    assert all(one["alarmActions"] == [TOPIC] for one in found.values())
    assert make().of_type(ALARM) == []


def test_programs_put_records_and_auditors_read_logs() -> None:
    [put] = lines("put_statements", direct_put=True)
    assert (put["sid"], put["actions"]) == ("PutRecords", ["firehose:PutRecord", "firehose:PutRecordBatch"])
    assert ":deliverystream/logs-direct" in put["resources"][0]
    find, read, key = lines("reader_statements")
    assert find["actions"] == ["s3:ListBucket", "s3:ListBucketVersions"]
    assert read["resources"] == [f"{find['resources'][0]}/*"]
    assert not [action for action in read["actions"] if "Put" in action or "Delete" in action or "Bypass" in action]
    assert key["actions"] == ["kms:Decrypt"]


def test_servers_send_files() -> None:
    [send] = lines("agent_statements", files={"app": {"path": "/var/log/app.log"}})
    assert send["actions"] == ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    assert ":log-group:logs-files" in send["resources"][0]
    graph = make(files={"app": {"path": "/var/log/app.log"}})
    outputs, group = graph.named("logs").outputs, graph.named("logs-files")
    assert outputs["files_log_group_name"] == group.outputs["name"]
    assert f"LOG_GROUP={group.outputs['name']}\n" in outputs["agent_script"]
    assert make().named("logs").outputs["agent_script"] == ""


@pytest.mark.parametrize(
    ("args", "problems"),
    [
        (
            {"log_groups": {}},
            [("log_groups", "is empty, and nothing else is archived. Give one of log_groups, account, files and direct_put.")],
        ),
        (
            {"account": {}},
            [("account", "excludes log_groups: their events would be archived twice; both are given. Remove one of them.")],
        ),
        (
            {"existing_bucket": {"arn": "arn:aws:s3:::kept", "kms_key_arn": KEY}, "retention_days": 30},
            [("existing_bucket", "excludes retention_days: the bucket is there already; both are given. Remove one of them.")],
        ),
        (
            {"retention_days": 100, "transitions": [{"storage_class": "DEEP_ARCHIVE", "days": 30}]},
            [
                (
                    "transitions.0.days",
                    "is 30; DEEP_ARCHIVE is paid for at least 180 days, and retention_days 100 leaves 70. Raise retention_days to 210 or "
                    "more, or remove the transition.",
                )
            ],
        ),
    ],
)
def test_refused(args: dict[str, Any], problems: list[tuple[str, str]]) -> None:
    assert refused(**args) == problems


@pytest.mark.parametrize(
    ("method", "problem"),
    [
        ("put_statements", ("direct_put", "is False, so nobody can put records. Set it to True.")),
        ("agent_statements", ("files", "is empty, so servers have nothing to send. Name a file.")),
    ],
)
def test_what_is_not_there_cannot_be_used(method: str, problem: tuple[str, str]) -> None:
    with pytest.raises(ArgumentError) as error:
        lines(method)
    assert error.value.problems == [problem]
