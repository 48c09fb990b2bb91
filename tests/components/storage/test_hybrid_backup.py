import json
from typing import Any

import pulumi
import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.storage import HybridBackup
from offline_preview.graph import Graph
from offline_preview.values import Secret

from tests.harness import record, refs

TOPIC = "arn:aws:sns:eu-west-1:123456789012:operations"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1"
CA = "-----BEGIN CERTIFICATE-----\nMIIBAgME\n-----END CERTIFICATE-----\n"
PRIVATE_CA = "arn:aws:acm-pca:eu-west-1:123456789012:certificate-authority/1"
ANCHOR = "arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/00000000-0000-4000-8000-000000000001"
DB = {"common_name": "db1.example.com", "folders": ["/var/backups"]}
FILES = {"common_name": "files.example.com", "folders": ["/srv/files", "/etc"], "alarm_hours": 14}


def make(mode: Any = "deployed", **args: Any) -> Graph:
    given: Any = {"certificate_bundle": CA, "servers": {"db": DB, "files": FILES}, **args}
    return record(lambda: HybridBackup("office", {key: value for key, value in given.items() if value is not None}), mode=mode)  # ty: ignore[invalid-argument-type]


def refused(**args: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as error:
        make(**args)
    return error.value.problems


def statements(graph: Graph, name: str, key: str = "policy") -> list[dict[str, Any]]:
    return json.loads(graph.named(name).inputs[key])["Statement"]


def test_encrypted_with_a_customer_key() -> None:
    graph = make()
    key = graph.one("aws:kms/key:Key")
    [rule] = graph.named("office-backups-encryption").inputs["rules"]
    assert rule["applyServerSideEncryptionByDefault"] == {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": key.outputs["arn"]}
    assert refs(graph, graph.named("office-backups-encryption"), "rules") == ["office-key", "office-key-policy"]
    [use] = [one for one in statements(graph, "office-server-role-policy") if one["Sid"] == "WriteKey"]
    assert use["Resource"] == [key.outputs["arn"]]
    graph = make(kms_key_arn=KEY)
    assert graph.of_type("aws:kms/key:Key") == []
    assert graph.named("office").outputs["kms_key_arn"] == KEY


def test_no_iam_user() -> None:
    graph = make(alarm_topic_arns=[TOPIC])
    assert [one.type for one in graph.resources if one.type.startswith("aws:iam/user") or "accessKey" in one.type] == []
    [trust] = statements(graph, "office-server-role", "assumeRolePolicy")
    assert trust["Principal"] == {"Service": ["rolesanywhere.amazonaws.com"]}


def test_the_trust_admits_the_named_certificates_of_one_authority_alone() -> None:
    graph = make(organizational_unit="backup")
    anchor = graph.one("aws:rolesanywhere/trustAnchor:TrustAnchor")
    assert anchor.inputs["enabled"] is True
    assert anchor.inputs["source"] == {"sourceType": "CERTIFICATE_BUNDLE", "sourceData": {"x509CertificateData": CA}}
    [trust] = statements(graph, "office-server-role", "assumeRolePolicy")
    assert trust["Action"] == ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"]
    assert trust["Condition"] == {
        "ArnEquals": {"aws:SourceArn": anchor.outputs["arn"]},
        "StringEquals": {
            "aws:PrincipalTag/x509Subject/CN": ["db1.example.com", "files.example.com"],
            "aws:PrincipalTag/x509Subject/OU": "backup",
        },
    }
    profile = graph.one("aws:rolesanywhere/profile:Profile")
    assert (profile.inputs["enabled"], profile.inputs["durationSeconds"]) == (True, 3600)
    # A profile that is used before the role has its policy gives credentials without rights.
    assert refs(graph, profile, "roleArns") == ["office-server-role", "office-server-role-policy"]
    source = make(certificate_bundle=None, private_ca_arn=PRIVATE_CA).one("aws:rolesanywhere/trustAnchor:TrustAnchor").inputs["source"]
    assert source == {"sourceType": "AWS_ACM_PCA", "sourceData": {"acmPcaArn": PRIVATE_CA}}


def test_the_role_writes_and_cannot_delete_versions_or_the_lock() -> None:
    graph = make()
    rights = {one["Sid"]: one for one in statements(graph, "office-server-role-policy")}
    bucket = graph.named("office-backups-bucket").outputs["arn"]
    assert rights["Write"]["Resource"] == [f"{bucket}/${{aws:PrincipalTag/x509Subject/CN}}/*"]
    assert rights["Compare"]["Condition"] == {"StringLike": {"s3:prefix": ["${aws:PrincipalTag/x509Subject/CN}/*"]}}
    assert rights["Report"]["Condition"] == {"StringEquals": {"cloudwatch:namespace": "HybridBackup/office"}}
    allowed = {action for one in rights.values() if one["Effect"] == "Allow" for action in one["Action"]}
    assert {action for action in allowed if action.startswith("s3:")} == {
        *("s3:AbortMultipartUpload", "s3:ListBucket", "s3:ListMultipartUploadParts", "s3:PutObject"),
    }
    protect = rights["Protect"]
    assert (protect["Effect"], protect["Resource"]) == ("Deny", [bucket, f"{bucket}/*"])
    assert {"s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObjectRetention", "s3:BypassGovernanceRetention"} < set(protect["Action"])


def test_old_versions_are_kept_and_cold() -> None:
    graph = make(object_lock={"mode": "COMPLIANCE", "retention_days": 14})
    [rule] = graph.named("office-backups-lifecycle").inputs["rules"]
    assert rule["transitions"] == [{"storageClass": "GLACIER_IR", "days": 30}]
    assert (rule["noncurrentVersionExpiration"], rule["expiration"]) == ({"noncurrentDays": 90}, {"expiredObjectDeleteMarker": True})
    assert graph.named("office-backups-object-lock").inputs["rule"] == {"defaultRetention": {"mode": "COMPLIANCE", "days": 14}}
    # Nobody can delete them, so nobody deletes their key either.
    kept = [graph.named(name).options.get("retainOnDelete") for name in ("office-key", "office-key-policy", "office-backups-bucket")]
    assert kept == [True, True, True]
    assert "retainOnDelete" not in make(object_lock={"mode": "GOVERNANCE", "retention_days": 14}).named("office-key").options
    assert make(retention_days=119).named("office-backups-lifecycle").inputs["rules"][0]["transitions"] == []


def test_each_server_has_its_own_script() -> None:
    graph = make()
    scripts = graph.named("office").outputs["install_scripts"]
    assert set(scripts) == {"db", "files"}
    assert "\nCOMMON_NAME=files.example.com\n" in scripts["files"]
    assert "\nFOLDERS='/srv/files /etc'\n" in scripts["files"]
    assert f"\nBUCKET={graph.named('office-backups-bucket').outputs['bucket']}\n" in scripts["db"]
    adopted = make(certificate_bundle=None, existing_trust_anchor_arn=ANCHOR).named("office").outputs["install_scripts"]
    assert "\nREGION=eu-central-1\n" in adopted["db"]


def test_what_is_there_is_adopted() -> None:
    existing = {"arn": "arn:aws:s3:::kept", "kms_key_arn": KEY}
    graph = make(certificate_bundle=None, existing_trust_anchor_arn=ANCHOR, existing_bucket=existing)
    assert graph.of_type("aws:s3/bucket:Bucket", "aws:kms/key:Key", "aws:rolesanywhere/trustAnchor:TrustAnchor") == []
    outputs = graph.named("office").outputs
    assert (outputs["bucket_name"], outputs["trust_anchor_arn"], outputs["replica_bucket_name"]) == ("kept", ANCHOR, "")


def test_missing_backups_and_expiring_certificates_are_reported() -> None:
    graph = make(alarm_topic_arns=[TOPIC])
    found = {one.name: one.inputs for one in graph.of_type("aws:cloudwatch/metricAlarm:MetricAlarm")}
    assert set(found) == {"office-db-missing", "office-files-missing", "office-expiry-undelivered-alarm"}
    missing = found["office-files-missing"]
    assert (missing["namespace"], missing["metricName"], missing["dimensions"]) == (
        *("HybridBackup/office", "Succeeded"),
        {"Server": "files.example.com"},
    )
    assert (missing["evaluationPeriods"], missing["period"], missing["treatMissingData"]) == (14, 3600, "breaching")
    assert missing["comparisonOperator"] == "LessThanThreshold"
    assert json.loads(graph.named("office-expiry").inputs["eventPattern"])["source"] == ["aws.rolesanywhere"]
    assert make().of_type("aws:cloudwatch/metricAlarm:MetricAlarm") == []


def test_others_restore() -> None:
    found: list[Any] = []

    def program() -> None:
        backup = HybridBackup("office", {"certificate_bundle": CA, "servers": {"db": DB}})  # ty: ignore[invalid-argument-type]
        pulumi.Output.from_input(backup.restore_statements()).apply(found.extend)

    record(program, mode="deployed")
    assert [one["sid"] for one in found] == ["FindBackups", "ReadBackups", "ReadBackupsKey"]
    assert found[1]["actions"] == ["s3:GetObject", "s3:GetObjectVersion", "s3:RestoreObject"]


AGENT = "arn:aws:datasync:eu-west-1:123456789012:agent/agent-0123456789abcdef0"
NAS: dict[str, Any] = {"existing_agent_arn": AGENT, "server_hostname": "nas.example.com", "path": "/export/files"}
GATEWAY: dict[str, Any] = {"activation_key": "AAAAA-BBBBB", "client_cidrs": ["10.1.0.0/16"], "cache_disk_id": "disk-1"}
NO_SERVERS: dict[str, Any] = {"servers": {}, "certificate_bundle": None}


def test_a_file_server_is_copied_verified_and_never_deleted() -> None:
    graph = make(**NO_SERVERS, data_sync={**NAS, "excluded_patterns": ["*.tmp", "/cache"], "bandwidth_mib": 10})
    task = graph.one("aws:datasync/task:Task")
    assert task.inputs["options"] == {
        **{"verifyMode": "ONLY_FILES_TRANSFERRED", "transferMode": "CHANGED", "preserveDeletedFiles": "PRESERVE"},
        **{"overwriteMode": "ALWAYS", "logLevel": "BASIC", "bytesPerSecond": 10 * 1024 * 1024},
    }
    assert task.inputs["excludes"] == {"filterType": "SIMPLE_PATTERN", "value": "*.tmp|/cache"}
    assert task.inputs["schedule"] == {"scheduleExpression": "cron(30 2 * * ? *)"}
    assert refs(graph, task, "sourceLocationArn") == ["office-data-sync-source"]
    # The log group is used when DataSync may write to it.
    assert refs(graph, task, "cloudwatchLogGroupArn") == ["office-data-sync-logs", "office-data-sync-logs-policy"]
    source = graph.one("aws:datasync/nfsLocation:NfsLocation").inputs
    assert (source["subdirectory"], source["onPremConfig"]) == ("/export/files/", {"agentArns": [AGENT]})
    target = graph.one("aws:datasync/s3Location:S3Location")
    assert target.inputs["subdirectory"] == "/nas/"
    assert "office-data-sync-bucket-role-policy" in refs(graph, target, "s3Config")
    [trust] = statements(graph, "office-data-sync-bucket-role", "assumeRolePolicy")
    assert trust["Condition"] == {
        "StringEquals": {"aws:SourceAccount": "123456789012"},
        "ArnLike": {"aws:SourceArn": "arn:aws:datasync:eu-west-1:123456789012:*"},
    }
    rights = [action for one in statements(graph, "office-data-sync-bucket-role-policy") for action in one["Action"]]
    assert {"s3:DeleteObjectVersion", "s3:BypassGovernanceRetention", "s3:PutObjectRetention"}.isdisjoint(rights)
    assert [one.name for one in graph.of_type("aws:iam/role:Role")] == ["office-data-sync-bucket-role"]
    [logs] = [one for one in statements(graph, "office-key-policy") if one["Sid"] == "CloudWatchLogs"]
    assert logs["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"].endswith(":log-group:/aws/datasync/office-*")
    assert graph.named("office-data-sync-logs").inputs["namePrefix"] == "/aws/datasync/office-"
    enhanced = make(**NO_SERVERS, data_sync={**NAS, "task_mode": "ENHANCED"})
    assert "cloudwatchLogGroupArn" not in enhanced.one("aws:datasync/task:Task").inputs
    assert enhanced.of_type("aws:cloudwatch/logGroup:LogGroup") == []


def test_two_stacks_of_an_account_do_not_overwrite_each_others_log_policy() -> None:
    graph = make(**NO_SERVERS, data_sync=NAS)
    policy, group = graph.named("office-data-sync-logs-policy"), graph.named("office-data-sync-logs")
    assert refs(graph, policy, "policyName") == ["office-data-sync-logs"]
    assert policy.inputs["policyName"] == group.outputs["name"].removeprefix("/aws/datasync/")


def test_a_windows_file_server_has_no_posix_owners_and_modes() -> None:
    graph = make(**NO_SERVERS, data_sync={**NAS, "smb": {"user": "backup", "password": "hunter2"}})
    options = graph.one("aws:datasync/task:Task").inputs["options"]
    assert (options["uid"], options["gid"], options["posixPermissions"]) == ("NONE", "NONE", "NONE")


def test_passwords_and_activation_keys_are_secret() -> None:
    smb = {"user": "backup", "password": "hunter2", "domain": "EXAMPLE"}
    sync = {**NAS, "existing_agent_arn": None, "activation_key": "AAAAA-BBBBB", "smb": smb}
    graph = make(**NO_SERVERS, data_sync={key: value for key, value in sync.items() if value is not None}, file_gateway=GATEWAY)
    location = graph.one("aws:datasync/locationSmb:LocationSmb")
    for resource, name in (
        (location, "password"),
        (graph.one("aws:datasync/agent:Agent"), "activationKey"),
        (graph.one("aws:storagegateway/gateway:Gateway"), "activationKey"),
    ):
        assert isinstance(resource.inputs[name], Secret)
    # A key that is used up, or forgotten, does not replace what it activated.
    assert graph.one("aws:datasync/agent:Agent").options["ignoreChanges"] == ["activationKey", "ipAddress"]
    with pytest.raises(ArgumentError) as error:
        make(**NO_SERVERS, data_sync={**NAS, "smb": {"user": "backup", "password": 1}})
    assert "1" not in error.value.problems[0][1]


def test_the_share_is_encrypted_and_for_named_networks() -> None:
    graph = make(**NO_SERVERS, file_gateway=GATEWAY, alarm_topic_arns=[TOPIC])
    key, bucket = graph.one("aws:kms/key:Key").outputs["arn"], graph.named("office-backups-bucket").outputs["arn"]
    assert graph.one("aws:storagegateway/gateway:Gateway").inputs["gatewayType"] == "FILE_S3"
    share = graph.one("aws:storagegateway/nfsFileShare:NfsFileShare")
    assert (share.inputs["kmsEncrypted"], share.inputs["kmsKeyArn"], share.inputs["clientLists"]) == (True, key, ["10.1.0.0/16"])
    assert (share.inputs["locationArn"], share.inputs["fileShareName"], share.inputs["squash"]) == (
        *(f"{bucket}/gateway/", "gateway", "RootSquash"),
    )
    assert graph.named("office-gateway-cache").urn in share.dependencies
    # The bucket has no ACLs, and takes no other one.
    assert share.inputs["objectAcl"] == "bucket-owner-full-control"
    assert graph.named("office-backups-ownership").inputs["rule"] == {"objectOwnership": "BucketOwnerEnforced"}
    assert share.options["deleteBeforeReplace"] is True
    rights = [action for one in statements(graph, "office-gateway-bucket-role-policy") for action in one["Action"]]
    assert {"s3:DeleteObjectVersion", "s3:BypassGovernanceRetention", "s3:PutObjectRetention"}.isdisjoint(rights)
    found = {one.name: one.inputs for one in graph.of_type("aws:cloudwatch/metricAlarm:MetricAlarm")}
    assert set(found) == {"office-gateway-dirty", "office-gateway-health"}
    assert found["office-gateway-dirty"]["treatMissingData"] == "breaching"


def test_a_gateway_without_a_cache_has_no_share_yet() -> None:
    gateway = {key: value for key, value in GATEWAY.items() if key != "cache_disk_id"}
    graph = make(**NO_SERVERS, file_gateway=gateway, alarm_topic_arns=[TOPIC])
    assert graph.of_type("aws:storagegateway/nfsFileShare:NfsFileShare", "aws:storagegateway/cache:Cache") == []
    assert graph.named("office").outputs["file_share_path"] == ""
    # It reports nothing about a cache, and an alarm on that would be raised until there is one.
    assert [one.name for one in graph.of_type("aws:cloudwatch/metricAlarm:MetricAlarm")] == ["office-gateway-health"]


def test_failed_copies_are_reported() -> None:
    graph = make(**NO_SERVERS, data_sync=NAS, alarm_topic_arns=[TOPIC])
    pattern = json.loads(graph.named("office-data-sync-failed").inputs["eventPattern"])
    assert pattern["detail"] == {"State": ["ERROR", "OFFLINE"]}
    assert pattern["resources"] == [{"prefix": graph.one("aws:datasync/task:Task").outputs["arn"]}, {"prefix": AGENT}]


ONE_OF = "exactly one of certificate_bundle, private_ca_arn and existing_trust_anchor_arn is needed; "


@pytest.mark.parametrize(
    ("args", "problems"),
    [
        ({"certificate_bundle": None}, [("certificate_bundle", f"{ONE_OF}none is given. Give one.")]),
        ({"private_ca_arn": PRIVATE_CA}, [("certificate_bundle", f"{ONE_OF}both are given. Remove one.")]),
        (
            {"certificate_bundle": f"{CA}-----BEGIN PRIVATE KEY-----"},
            [
                (
                    "certificate_bundle",
                    "is not certificates in PEM alone. Give those of the authority; a private key stays where it is.",
                )
            ],
        ),
        (
            {"servers": {"db": DB, "other": DB}},
            [
                (
                    "servers.other.common_name",
                    "is 'db1.example.com', as that of db: each would overwrite the other's files. Give each a certificate.",
                )
            ],
        ),
        (
            {"existing_bucket": {"arn": "arn:aws:s3:::kept", "kms_key_arn": KEY}, "retention_days": 30},
            [("existing_bucket", "excludes retention_days: the bucket is there already; both are given. Remove one of them.")],
        ),
        (NO_SERVERS, [("servers", "is empty, and nothing else is backed up. Give one of servers, data_sync and file_gateway.")]),
        (
            {"servers": {}, "data_sync": NAS},
            [("servers", "is missing; certificate_bundle needs it. Give it, or remove certificate_bundle.")],
        ),
        (
            {**NO_SERVERS, "data_sync": {**NAS, "activation_key": "AAAAA-BBBBB"}},
            [
                (
                    "data_sync.activation_key",
                    "exactly one of activation_key and existing_agent_arn is needed; both are given. Remove one.",
                )
            ],
        ),
        (
            {**NO_SERVERS, "data_sync": {**NAS, "task_mode": "ENHANCED", "bandwidth_mib": 10}},
            [
                (
                    "data_sync.bandwidth_mib",
                    "is for the task_mode BASIC; DataSync does not limit ENHANCED tasks. Remove it, or use BASIC.",
                )
            ],
        ),
        (
            {**NO_SERVERS, "file_gateway": {**GATEWAY, "client_cidrs": ["0.0.0.0/0"]}},
            [("file_gateway.client_cidrs.0", "is '0.0.0.0/0', everybody. Name the networks of the clients.")],
        ),
        (
            {**NO_SERVERS, "file_gateway": GATEWAY, "transitions": [{"storage_class": "GLACIER", "days": 30}]},
            [
                (
                    "transitions.0.storage_class",
                    "is GLACIER, from which a file gateway cannot read. Use GLACIER_IR, or remove file_gateway.",
                )
            ],
        ),
        (
            {"retention_days": 100, "transitions": [{"storage_class": "GLACIER", "days": 30}]},
            [
                (
                    "transitions.0.days",
                    "is 30; GLACIER is paid for at least 90 days, and retention_days 100 leaves 70. Raise retention_days to 120 or more, "
                    "or remove the transition.",
                )
            ],
        ),
    ],
)
def test_refused(args: dict[str, Any], problems: list[tuple[str, str]]) -> None:
    assert refused(**args) == problems
