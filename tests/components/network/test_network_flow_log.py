"""`Network`'s flow log: to a log group or a bucket, made or given, under which key, and what does not go together."""

import json
from collections.abc import Mapping
from typing import Any, cast

import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.network import Network, NetworkArgs
from offline_preview.graph import Graph

from tests.harness import record, refs

FLOW_LOG, GROUP, KEY = "aws:ec2/flowLog:FlowLog", "aws:cloudwatch/logGroup:LogGroup", "aws:kms/key:Key"
BUCKET, POLICY, ENCRYPTION = (
    "aws:s3/bucket:Bucket",
    "aws:s3/bucketPolicy:BucketPolicy",
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
)
LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
COMPONENT = "cloudpatterns:index:Network"
GIVEN_KEY = "arn:aws:kms:eu-west-1:123456789012:key/1"
ACCOUNT = "123456789012"
FROM_HERE = {"aws:SourceAccount": ACCOUNT}
SOURCE = f"arn:aws:logs:eu-west-1:{ACCOUNT}:*"


def network(name: str = "net", **args: Any) -> Graph:
    given = {"cidr_block": "10.20.0.0/16", "zones": ["eu-west-1a"], **args}
    return record(lambda: Network(name, cast(NetworkArgs, given)), mode="deployed")


def statements(graph: Graph, name: str, kind: str = POLICY) -> dict[str, Any]:
    return {statement["Sid"]: statement for statement in json.loads(graph.one(kind, name).inputs["policy"])["Statement"]}


def test_a_log_group_under_a_key_of_its_own() -> None:
    graph = network(flow_log_customer_key=True, tags={"Owner": "platform"})
    group = graph.one(GROUP, "net-flow-log")
    # The key's policy is in place before the group asks for it.
    assert set(refs(graph, group, "kmsKeyId")) == {"net-flow-log-key", "net-flow-log-key-policy"}
    assert graph.one(KEY, "net-flow-log-key").inputs["tags"] == {"Owner": "platform"}
    logs = statements(graph, "net-flow-log-key-policy", "aws:kms/keyPolicy:KeyPolicy")["CloudWatchLogs"]
    assert logs["Principal"] == {"Service": ["logs.eu-west-1.amazonaws.com"]}
    assert logs["Condition"] == {
        "ArnLike": {"kms:EncryptionContext:aws:logs:arn": f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:net-flow-log-*"}
    }
    assert group.outputs["name"].startswith("net-flow-log-")


def test_a_log_group_has_no_key_by_default() -> None:
    graph = network()
    assert graph.of_type(KEY) == []
    assert "kmsKeyId" not in graph.one(GROUP).inputs


@pytest.mark.parametrize(("args", "seconds"), [({}, 600), ({"flow_log_aggregation_seconds": 60.0}, 60)])
def test_flows_are_counted_together_for_so_long(args: Mapping[str, Any], seconds: int) -> None:
    assert network(**args).one(FLOW_LOG).inputs["maxAggregationInterval"] == seconds


@pytest.mark.parametrize("args", [{}, {"flow_log_destination": "s3"}, {"flow_log_bucket_arn": "arn:aws:s3:::logs"}])
def test_a_flow_log_that_changes_makes_room_for_its_successor(args: Mapping[str, Any]) -> None:
    log = network(**args).one(FLOW_LOG)
    assert (log.inputs["trafficType"], log.options.get("deleteBeforeReplace")) == ("ALL", True)


def test_a_bucket_takes_the_logs_of_this_account_and_region_and_keeps_them_for_a_year() -> None:
    graph = network(flow_log_destination="s3", tags={"Owner": "platform"})
    log = graph.one(FLOW_LOG)
    assert (log.inputs["logDestinationType"], "iamRoleArn" in log.inputs, "destinationOptions" in log.inputs) == ("s3", False, False)
    # The ARN is given out once the bucket's policy is in place.
    assert {"net-flow-logs-bucket", "net-flow-logs-policy"} <= set(refs(graph, log, "logDestination"))
    bucket = graph.one(BUCKET)
    assert bucket.inputs["tags"] == {"Owner": "platform", "cloudpatterns:bucket-kind": "log-target"}
    assert (bucket.name, bucket.inputs["forceDestroy"]) == ("net-flow-logs-bucket", False)
    found = statements(graph, "net-flow-logs-policy")
    assert found["AWSLogDeliveryWrite"] == {
        "Sid": "AWSLogDeliveryWrite",
        "Effect": "Allow",
        "Action": ["s3:PutObject"],
        "Resource": [f"{bucket.outputs['arn']}/AWSLogs/{ACCOUNT}/*"],
        "Principal": {"Service": ["delivery.logs.amazonaws.com"]},
        "Condition": {
            "StringEquals": {"aws:SourceAccount": [ACCOUNT], "s3:x-amz-acl": ["bucket-owner-full-control"]},
            "ArnLike": {"aws:SourceArn": [SOURCE]},
        },
    }
    assert found["AWSLogDeliveryAclCheck"]["Action"] == ["s3:GetBucketAcl"]
    assert found["AWSLogDeliveryAclCheck"]["Condition"] == {
        "StringEquals": {"aws:SourceAccount": [ACCOUNT]},
        "ArnLike": {"aws:SourceArn": [SOURCE]},
    }
    assert set(found) == {"DenyInsecureTransport", "AWSLogDeliveryWrite", "AWSLogDeliveryAclCheck"}
    (rule,) = graph.one(LIFECYCLE).inputs["rules"]
    assert (rule["expiration"], rule["noncurrentVersionExpiration"]) == ({"days": 365}, {"noncurrentDays": 7})
    (encryption,) = graph.one(ENCRYPTION).inputs["rules"]
    assert encryption["applyServerSideEncryptionByDefault"] == {"sseAlgorithm": "AES256"}
    assert graph.of_type(KEY, GROUP, "aws:iam/role:Role") == []
    outputs = graph.one(COMPONENT).outputs
    assert outputs["flow_log_bucket_name"] == bucket.outputs["bucket"]
    assert "flow_log_group_name" not in outputs


def test_a_bucket_under_a_key_of_its_own_admits_log_delivery_to_both() -> None:
    graph = network(flow_log_destination="s3", flow_log_customer_key=True, flow_log_retention_days=30)
    (encryption,) = graph.one(ENCRYPTION, "net-flow-logs-encryption").inputs["rules"]
    default = encryption["applyServerSideEncryptionByDefault"]
    assert default == {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": graph.one(KEY).outputs["arn"]}
    delivery = statements(graph, "net-flow-log-key-policy", "aws:kms/keyPolicy:KeyPolicy")["LogDelivery"]
    assert delivery["Principal"] == {"Service": ["delivery.logs.amazonaws.com"]}
    assert delivery["Condition"] == {"StringEquals": FROM_HERE, "ArnLike": {"aws:SourceArn": SOURCE}}
    assert "AWSLogDeliveryWrite" in statements(graph, "net-flow-logs-policy")
    (rule,) = graph.one(LIFECYCLE, "net-flow-logs-lifecycle").inputs["rules"]
    assert (rule["expiration"], rule["noncurrentVersionExpiration"]) == ({"days": 30}, {"noncurrentDays": 7})
    # Who reads it is logged in turn.
    assert {bucket.name for bucket in graph.of_type(BUCKET)} == {"net-flow-logs-bucket", "net-flow-logs-logs-bucket"}


def test_a_bucket_under_a_key_that_is_given() -> None:
    graph = network(flow_log_destination="s3", kms_key_arn=GIVEN_KEY)
    (encryption,) = graph.one(ENCRYPTION, "net-flow-logs-encryption").inputs["rules"]
    assert encryption["applyServerSideEncryptionByDefault"]["kmsMasterKeyId"] == GIVEN_KEY
    assert graph.of_type(KEY) == []


@pytest.mark.parametrize(
    ("files", "options", "folder"),
    [
        ({}, ("plain-text", False, False), "AWSLogs/"),
        ({"format": "parquet"}, ("parquet", False, False), "AWSLogs/"),
        ({"hive_partitions": True, "hourly_partitions": True}, ("plain-text", True, True), "AWSLogs/aws-account-id="),
    ],
)
def test_files_are_written_as_asked_where_the_policy_admits_them(
    files: Mapping[str, Any], options: tuple[str, bool, bool], folder: str
) -> None:
    graph = network(flow_log_destination="s3", flow_log_files=files)
    keys = ("fileFormat", "hiveCompatiblePartitions", "perHourPartition")
    assert graph.one(FLOW_LOG).inputs["destinationOptions"] == dict(zip(keys, options, strict=True))
    (resource,) = statements(graph, "net-flow-logs-policy")["AWSLogDeliveryWrite"]["Resource"]
    assert resource == f"{graph.one(BUCKET).outputs['arn']}/{folder}{ACCOUNT}/*"


def test_a_bucket_that_is_given_stays_as_it_is() -> None:
    graph = network(flow_log_bucket_arn="arn:aws:s3:::logs/vpc", flow_log_destination="s3", flow_log_files={"format": "parquet"})
    inputs = graph.one(FLOW_LOG).inputs
    assert (inputs["logDestination"], inputs["destinationOptions"]["fileFormat"]) == ("arn:aws:s3:::logs/vpc", "parquet")
    assert graph.of_type(BUCKET, KEY, GROUP) == []
    assert graph.one(COMPONENT).outputs.keys() & {"flow_log_bucket_name", "flow_log_group_name"} == set()


def test_destroying_may_take_the_logs_along() -> None:
    graph = network(flow_log_destination="s3", flow_log_force_destroy=True, flow_log_customer_key=True)
    assert [bucket.inputs["forceDestroy"] for bucket in graph.of_type(BUCKET)] == [True, True]


def refused(name: str = "net", **args: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as error:
        network(name, **args)
    return error.value.problems


OWN = "arn:aws:s3:::logs"
CREATED = "nothing is created for the flow log; both are given. Remove one of them."


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (
            {"flow_log_bucket_arn": OWN, "flow_log_destination": "cloud-watch-logs"},
            ("flow_log_destination", "is cloud-watch-logs, and flow_log_bucket_arn names a bucket. Remove one."),
        ),
        (
            {"flow_log_bucket_arn": OWN, "flow_log_customer_key": True},
            ("flow_log_bucket_arn", f"excludes flow_log_customer_key: {CREATED}"),
        ),
        (
            {"flow_log_bucket_arn": OWN, "flow_log_retention_days": 30},
            ("flow_log_bucket_arn", f"excludes flow_log_retention_days: {CREATED}"),
        ),
        (
            {"flow_log_files": {}},
            ("flow_log_files", "is about files in a bucket. Remove it, or set flow_log_destination to s3."),
        ),
        (
            {"flow_log_customer_key": True, "kms_key_arn": GIVEN_KEY},
            ("flow_log_customer_key", "excludes kms_key_arn: one creates a key, the other gives one; both are given. Remove one of them."),
        ),
        *(
            (
                {**args, "flow_log_force_destroy": True},
                ("flow_log_force_destroy", "is about the bucket that is created with flow_log_destination s3. Remove it."),
            )
            for args in ({}, {"flow_log_bucket_arn": OWN})
        ),
    ],
)
def test_what_does_not_go_together_is_refused(args: dict[str, Any], problem: tuple[str, str]) -> None:
    assert refused(**args) == [problem]


def test_names_that_no_bucket_can_have_are_refused_before_anything_is_made() -> None:
    text = "is 'my_net'; names of buckets have letters, digits and dashes only. Give the component such a name."
    assert refused("my_net", flow_log_destination="s3") == [("name", text)]
    network("my_net")
    ((path, reason),) = refused("n" * 34, flow_log_destination="s3")
    assert path == "name"
    assert "the child " + "n" * 34 + "-flow-logs-logs-bucket would pass the 63 characters" in reason
    network("n" * 33, flow_log_destination="s3", flow_log_customer_key=True)


@pytest.mark.parametrize(
    ("args", "path"),
    [
        ({"flow_log_destination": "firehose"}, "flow_log_destination"),
        ({"flow_log_aggregation_seconds": 300}, "flow_log_aggregation_seconds"),
        ({"flow_log_destination": "s3", "flow_log_files": {"format": "csv"}}, "flow_log_files.format"),
    ],
)
def test_values_out_of_range_are_refused(args: dict[str, Any], path: str) -> None:
    assert [where for where, _ in refused(**args)] == [path]
