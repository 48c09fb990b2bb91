"""DurableBucket: what is made, in which order, and what is refused."""

import json

import pulumi
import pulumi_aws as aws
import pytest
from cloudpatterns.storage import DurableBucket, DurableBucketArgs
from cloudpatterns.storage.durable_bucket.arguments import ObjectLock
from cloudpatterns.storage.durable_bucket.component import BUCKET_KIND_TAG
from offline_preview.graph import Graph
from offline_preview.values import UNKNOWN

from tests.harness import record, refs

ACCOUNT = "123456789012"
KEY = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/mine"
DATA: DurableBucketArgs = {"kind": "data"}
LOG_TARGET: DurableBucketArgs = {"kind": "log_target", "log_writers": [{"service": "server_access"}]}


def make(args: DurableBucketArgs, name: str = "store") -> Graph:
    return record(lambda: DurableBucket(name, args), mode="deployed")


def children(graph: Graph, name: str) -> dict[str, str]:
    parent = graph.one("cloudpatterns:index:DurableBucket", name)
    return {child.name: child.type.split(":")[-1] for child in graph.children(parent.urn)}


def statements(graph: Graph, name: str) -> list[dict]:
    return json.loads(graph.named(name).inputs["policy"])["Statement"]


def waits_for(graph: Graph, name: str) -> set[str]:
    by_urn = graph.by_urn()
    return {by_urn[urn].name for urn in graph.named(name).dependencies}


SETTINGS = {
    "access-block": "BucketPublicAccessBlock",
    "bucket": "Bucket",
    "encryption": "BucketServerSideEncryptionConfiguration",
    "lifecycle": "BucketLifecycleConfiguration",
    "ownership": "BucketOwnershipControls",
    "policy": "BucketPolicy",
    "versioning": "BucketVersioning",
}
DATA_SETTINGS = {**SETTINGS, "key": "Key", "key-policy": "KeyPolicy", "logging": "BucketLogging"}


def named(prefix: str, suffixes: dict[str, str]) -> dict[str, str]:
    return {f"{prefix}-{suffix}": kind for suffix, kind in suffixes.items()}


def test_data_makes_a_versioned_encrypted_closed_and_logged_bucket():
    graph = make(DATA)
    assert children(graph, "store") == {**named("store", DATA_SETTINGS), "store-logs": "DurableBucket"}
    assert children(graph, "store-logs") == named("store-logs", SETTINGS)
    bucket = graph.named("store-bucket")
    assert bucket.inputs["tags"] == {BUCKET_KIND_TAG: "data"}
    assert bucket.inputs["forceDestroy"] is False
    assert "objectLockEnabled" not in bucket.inputs
    assert graph.named("store-versioning").inputs["versioningConfiguration"] == {"status": "Enabled"}
    assert graph.named("store-ownership").inputs["rule"] == {"objectOwnership": "BucketOwnerEnforced"}
    block = graph.named("store-access-block").inputs
    assert {key: value for key, value in block.items() if key != "bucket"} == {
        "blockPublicAcls": True,
        "blockPublicPolicy": True,
        "ignorePublicAcls": True,
        "restrictPublicBuckets": True,
    }
    encryption = graph.named("store-encryption")
    assert encryption.inputs["rules"] == [
        {
            "applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": graph.named("store-key").outputs["arn"]},
            "bucketKeyEnabled": True,
            "blockedEncryptionTypes": ["SSE-C"],
        }
    ]
    assert refs(graph, encryption, "rules") == ["store-key", "store-key-policy"]
    assert graph.named("store-key").inputs["enableKeyRotation"] is True
    for suffix in set(DATA_SETTINGS) - {"bucket", "key", "key-policy"}:
        assert refs(graph, graph.named(f"store-{suffix}"), "bucket") == ["store-bucket"]


def test_only_tls_reaches_the_bucket():
    graph = make(DATA)
    arn = graph.named("store-bucket").outputs["arn"]
    assert statements(graph, "store-policy") == [
        {
            "Sid": "DenyInsecureTransport",
            "Effect": "Deny",
            "Action": ["s3:*"],
            "Resource": [arn, f"{arn}/*"],
            "Principal": "*",
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    ]


def test_access_block_policy_and_ownership_come_one_after_the_other():
    graph = make(DATA)
    assert "store-access-block" in waits_for(graph, "store-policy")
    assert "store-policy" in waits_for(graph, "store-ownership")
    assert "store-versioning" in waits_for(graph, "store-lifecycle")


def test_the_name_is_given_out_once_the_settings_are_in_place():
    def program():
        made = DurableBucket("store", {"kind": "data", "object_lock": {"mode": "GOVERNANCE", "retention_days": 1}})
        DurableBucket("other", {"kind": "data", "log_bucket_name": made.bucket_name})
        DurableBucket("third", {"kind": "data", "log_bucket_name": made.bucket_arn})

    graph = record(program, mode="deployed")
    waited = {
        "store-access-block",
        "store-bucket",
        "store-encryption",
        "store-object-lock",
        "store-ownership",
        "store-policy",
        "store-versioning",
    }
    assert set(refs(graph, graph.named("other-logging"), "targetBucket")) == waited
    assert set(refs(graph, graph.named("third-logging"), "targetBucket")) == waited
    assert record(program).named("other-logging").inputs["targetBucket"] is UNKNOWN


def test_data_is_logged_to_a_log_target_of_its_own():
    graph = make(DATA)
    logs = graph.named("store-logs-bucket").outputs
    logging = graph.named("store-logging").inputs
    assert logging == {
        "bucket": graph.named("store-bucket").id,
        "targetBucket": logs["bucket"],
        "targetPrefix": "s3/",
        "targetObjectKeyFormat": {"partitionedPrefix": {"partitionDateSource": "EventTime"}},
    }
    assert graph.named("store-logs-bucket").inputs["tags"] == {BUCKET_KIND_TAG: "log-target"}
    assert statements(graph, "store-logs-policy")[1] == {
        "Effect": "Allow",
        "Action": ["s3:PutObject"],
        "Resource": [f"{logs['arn']}/s3/*"],
        "Principal": {"Service": ["logging.s3.amazonaws.com"]},
        "Condition": {"StringEquals": {"aws:SourceAccount": [ACCOUNT]}},
    }
    assert graph.named("store").outputs["log_bucket_name"] == logs["bucket"]


def test_a_log_bucket_can_be_given():
    graph = make({"kind": "data", "log_bucket_name": "central-logs"})
    assert children(graph, "store") == named("store", DATA_SETTINGS)
    assert graph.named("store-logging").inputs["targetBucket"] == "central-logs"
    assert graph.named("store").outputs["log_bucket_name"] == "central-logs"


def test_logging_can_be_left_out_openly():
    graph = make({"kind": "data", "access_logging": False})
    assert set(children(graph, "store")) == {f"store-{suffix}" for suffix in DATA_SETTINGS if suffix != "logging"}
    assert graph.named("store").outputs["log_bucket_name"] == ""


def test_a_key_can_be_given():
    graph = make({"kind": "data", "kms_key_arn": KEY, "region": "eu-west-3"})
    assert graph.of_type("aws:kms/key:Key") == []
    rule = graph.named("store-encryption").inputs["rules"][0]
    assert rule["applyServerSideEncryptionByDefault"] == {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": KEY}
    assert graph.named("store").outputs["kms_key_arn"] == KEY
    # The key may be another account's: the policy of the log bucket names the bucket's own account by variable.
    assert statements(graph, "store-logs-policy")[1]["Condition"] == {"StringEquals": {"aws:SourceAccount": ["${aws:ResourceAccount}"]}}
    assert graph.named("store-logs-bucket").inputs["region"] == "eu-west-3"


def test_a_log_target_takes_sse_s3_and_is_neither_locked_nor_logged():
    graph = make(LOG_TARGET)
    assert children(graph, "store") == named("store", SETTINGS)
    assert graph.named("store-bucket").inputs["tags"] == {BUCKET_KIND_TAG: "log-target"}
    assert graph.named("store-encryption").inputs["rules"] == [
        {
            "applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"},
            "bucketKeyEnabled": False,
            "blockedEncryptionTypes": ["SSE-C"],
        }
    ]
    assert statements(graph, "store-policy")[0]["Sid"] == "DenyInsecureTransport"
    assert graph.named("store").outputs["kms_key_arn"] == ""


@pytest.mark.parametrize(
    ("args", "changed"),
    [
        (DATA, {}),
        (LOG_TARGET, {"expiration": {"days": 365}, "noncurrentVersionExpiration": {"noncurrentDays": 7}}),
        (
            {**LOG_TARGET, "retention_days": 30, "noncurrent_retention_days": 1},
            {"expiration": {"days": 30}, "noncurrentVersionExpiration": {"noncurrentDays": 1}},
        ),
        (
            {**DATA, "retention_days": 10, "noncurrent_retention_days": 5, "abort_multipart_upload_days": 1},
            {
                "expiration": {"days": 10},
                "noncurrentVersionExpiration": {"noncurrentDays": 5},
                "abortIncompleteMultipartUpload": {"daysAfterInitiation": 1},
            },
        ),
        (
            {
                **DATA,
                "retention_days": 61,
                "transitions": [{"storage_class": "STANDARD_IA", "days": 30}, {"storage_class": "GLACIER", "days": 60}],
            },
            {
                "expiration": {"days": 61},
                "transitions": [{"storageClass": "STANDARD_IA", "days": 30}, {"storageClass": "GLACIER", "days": 60}],
            },
        ),
    ],
)
def test_lifecycle(args, changed):
    rule = make(args).named("store-lifecycle").inputs["rules"]
    assert rule == [
        {
            "id": "durable",
            "status": "Enabled",
            "filter": {"prefix": ""},
            "expiration": {"expiredObjectDeleteMarker": True},
            "noncurrentVersionExpiration": {"noncurrentDays": 90},
            "abortIncompleteMultipartUpload": {"daysAfterInitiation": 7},
            "transitions": [],
            **changed,
        }
    ]


@pytest.mark.parametrize("mode", ["deployed", "preview"])
@pytest.mark.parametrize("given", [False, True])
def test_the_key_outlives_a_bucket_that_cannot_be_deleted(mode, given):
    def program():
        args: DurableBucketArgs = {"kind": "data", "access_logging": False}
        DurableBucket("store", {**args, "kms_key_arn": aws.kms.Key("given").arn} if given else args)

    graph = record(program, mode=mode)
    # Deleted first, the key would be gone in 30 days, and with it what the bucket still has.
    assert waits_for(graph, "store-bucket") == ({"given"} if given else {"store-key", "store-key-policy"})
    # Its name is not made from the key, and stays known.
    assert refs(graph, graph.named("store-bucket"), "tags") == []


def test_what_nobody_can_delete_is_left_behind_with_its_settings_and_key():
    lock: ObjectLock = {"mode": "COMPLIANCE", "retention_days": 30}
    graph = make({"kind": "data", "object_lock": lock, "replication": {"region": "eu-central-1"}})
    settings = [*SETTINGS, "key", "key-policy", "object-lock"]
    for name in ("store", "store-replica"):
        options = {suffix: graph.named(f"{name}-{suffix}").options for suffix in settings}
        assert [suffix for suffix, found in options.items() if found.get("retainOnDelete") is not True] == []
        assert [suffix for suffix, found in options.items() if found.get("protect")] == ["bucket"]
    open_lock = make({"kind": "data", "object_lock": {"mode": "GOVERNANCE", "retention_days": 30}})
    assert [one.name for one in open_lock.resources if one.options.keys() & {"protect", "retainOnDelete"}] == []


def test_object_lock_waits_for_versioning():
    graph = make({"kind": "data", "object_lock": {"mode": "COMPLIANCE", "retention_days": 30}})
    lock = graph.named("store-object-lock")
    assert lock.inputs["rule"] == {"defaultRetention": {"mode": "COMPLIANCE", "days": 30}}
    assert "store-versioning" in waits_for(graph, "store-object-lock")


REPLICATED: DurableBucketArgs = {
    "kind": "data",
    "object_lock": {"mode": "GOVERNANCE", "retention_days": 30},
    "replication": {"region": "eu-central-1"},
    "noncurrent_retention_days": 5,
    "tags": {"Team": "storage"},
}


def test_the_replica_stands_in_the_other_region_with_the_same_settings():
    graph = make(REPLICATED)
    extra = {"object-lock": "BucketObjectLockConfiguration"}
    assert children(graph, "store-replica") == {**named("store-replica", {**DATA_SETTINGS, **extra}), "store-replica-logs": "DurableBucket"}
    assert children(graph, "store-replica-logs") == named("store-replica-logs", SETTINGS)
    for resource in graph.resources:
        if resource.custom and not resource.type.startswith("pulumi:"):
            assert resource.inputs.get("region") == ("eu-central-1" if resource.name.startswith("store-replica-") else None), resource.name
    for suffix in ("versioning", "object-lock", "lifecycle"):
        ours, theirs = (
            {k: v for k, v in graph.named(f"{name}-{suffix}").inputs.items() if k not in ("bucket", "region")}
            for name in ("store", "store-replica")
        )
        assert ours == theirs
    assert "store-replica-object-lock" in waits_for(graph, "store-object-lock")
    outputs = graph.named("store").outputs
    assert outputs["replica_bucket_name"] == graph.named("store-replica-bucket").outputs["bucket"]
    assert outputs["replica_bucket_arn"] == graph.named("store-replica-bucket").outputs["arn"]


def test_replication_waits_for_both_sides_and_the_rights():
    graph = make(REPLICATED)
    replication = graph.one("aws:s3/bucketReplicationConfig:BucketReplicationConfig")
    assert replication.name == "store-replication"
    assert replication.inputs["rules"] == [
        {
            "id": "everything",
            "status": "Enabled",
            "priority": 0,
            "filter": {"prefix": ""},
            "deleteMarkerReplication": {"status": "Enabled"},
            "sourceSelectionCriteria": {"sseKmsEncryptedObjects": {"status": "Enabled"}},
            "destination": {
                "bucket": graph.named("store-replica-bucket").outputs["arn"],
                "encryptionConfiguration": {"replicaKmsKeyId": graph.named("store-replica-key").outputs["arn"]},
                "metrics": {"status": "Enabled"},
            },
        }
    ]
    assert {"store-versioning", "store-object-lock"} <= set(refs(graph, replication, "bucket"))
    assert {"store-replica-versioning", "store-replica-object-lock"} <= set(refs(graph, replication, "rules"))
    assert "store-replication-policy" in refs(graph, replication, "role")


@pytest.mark.parametrize("locked", [True, False])
def test_the_replication_role_has_rights_on_both_buckets_and_keys_alone(locked):
    graph = make(REPLICATED if locked else {"kind": "data", "replication": {"region": "eu-central-1"}})
    source, replica = (graph.named(f"{name}-bucket").outputs["arn"] for name in ("store", "store-replica"))
    lock_reads = ["s3:GetObjectRetention", "s3:GetObjectLegalHold"] if locked else []

    def key(name: str, region: str, bucket: str, *actions: str) -> dict:
        return {
            "Effect": "Allow",
            "Action": list(actions),
            "Resource": [graph.named(name).outputs["arn"]],
            "Condition": {
                "StringEquals": {"kms:ViaService": f"s3.{region}.amazonaws.com"},
                "StringLike": {"kms:EncryptionContext:aws:s3:arn": [bucket, f"{bucket}/*"]},
            },
        }

    assert statements(graph, "store-replication-policy") == [
        {"Effect": "Allow", "Action": ["s3:GetReplicationConfiguration", "s3:ListBucket"], "Resource": [source]},
        {
            "Effect": "Allow",
            "Action": ["s3:GetObjectVersionForReplication", "s3:GetObjectVersionAcl", "s3:GetObjectVersionTagging", *lock_reads],
            "Resource": [f"{source}/*"],
        },
        {"Effect": "Allow", "Action": ["s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags"], "Resource": [f"{replica}/*"]},
        key("store-key", "eu-west-1", source, "kms:Decrypt"),
        key("store-replica-key", "eu-central-1", replica, "kms:Encrypt", "kms:GenerateDataKey"),
    ]
    role = graph.one("aws:iam/role:Role", "store-replication")
    assert json.loads(role.inputs["assumeRolePolicy"])["Statement"][0]["Principal"] == {"Service": ["s3.amazonaws.com"]}


def test_the_replica_takes_a_given_key_and_log_bucket():
    key = f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/theirs"
    graph = make({"kind": "data", "replication": {"region": "eu-central-1", "kms_key_arn": key, "log_bucket_name": "logs-there"}})
    assert set(children(graph, "store-replica")) == {f"store-replica-{suffix}" for suffix in DATA_SETTINGS if not suffix.startswith("key")}
    assert graph.named("store-replica-logging").inputs["targetBucket"] == "logs-there"
    rule = graph.one("aws:s3/bucketReplicationConfig:BucketReplicationConfig").inputs["rules"][0]
    assert rule["destination"]["encryptionConfiguration"] == {"replicaKmsKeyId": key}


def test_an_adopted_bucket_is_not_touched():
    graph = make({"kind": "data", "existing_bucket_arn": "arn:aws-cn:s3:::theirs", "kms_key_arn": KEY}, name="an adopted one")
    assert [resource.name for resource in graph.resources if resource.custom] == []
    assert graph.named("an adopted one").outputs == {
        "bucket_name": "theirs",
        "bucket_arn": "arn:aws-cn:s3:::theirs",
        "bucket_regional_domain_name": "",
        "kms_key_arn": KEY,
        "log_bucket_name": "",
        "replica_bucket_name": "",
        "replica_bucket_arn": "",
        "replica_bucket_regional_domain_name": "",
    }
    assert make({"kind": "log_target", "existing_bucket_arn": "arn:aws:s3:::theirs"}).named("store").outputs["kms_key_arn"] == ""


def test_outputs_of_a_new_bucket():
    graph = make(DATA)
    bucket = graph.named("store-bucket").outputs
    assert graph.named("store").outputs == {
        "bucket_name": bucket["bucket"],
        "bucket_arn": bucket["arn"],
        "bucket_regional_domain_name": bucket["bucketRegionalDomainName"],
        "kms_key_arn": graph.named("store-key").outputs["arn"],
        "log_bucket_name": graph.named("store-logs-bucket").outputs["bucket"],
        "replica_bucket_name": "",
        "replica_bucket_arn": "",
        "replica_bucket_regional_domain_name": "",
    }


def test_tags_and_force_destroy_reach_everything():
    graph = make({"kind": "data", "replication": {"region": "eu-central-1"}, "tags": {"Team": "storage"}, "force_destroy": True})
    taggable = [*graph.of_type("aws:kms/key:Key"), *graph.of_type("aws:s3/bucket:Bucket"), *graph.of_type("aws:iam/role:Role")]
    assert len(taggable) == 2 + 4 + 1
    assert {resource.inputs["tags"]["Team"] for resource in taggable} == {"storage"}
    assert all(resource.inputs["forceDestroy"] is True for resource in graph.of_type("aws:s3/bucket:Bucket"))


def test_the_marker_tag_cannot_be_overridden():
    graph = make({"kind": "data", "tags": {BUCKET_KIND_TAG: "log-target"}})
    assert graph.named("store-bucket").inputs["tags"] == {BUCKET_KIND_TAG: "data"}


def test_transforms_reach_the_children():
    def rename(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
        if args.type_ != "aws:s3/bucket:Bucket":
            return None
        return pulumi.ResourceTransformResult({**args.props, "bucket": "my-own-name"}, args.opts)

    graph = record(lambda: DurableBucket("store", LOG_TARGET, pulumi.ResourceOptions(transforms=[rename])))
    assert graph.named("store-bucket").inputs["bucket"] == "my-own-name"
