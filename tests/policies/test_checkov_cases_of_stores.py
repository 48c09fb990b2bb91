"""Controls of data stores and EKS that claim an id of Checkov decide as Checkov's own cases do, with properties in Pulumi's names.

Cases are from `tests/terraform` of https://github.com/bridgecrewio/checkov, one line for each resource that Checkov and AWS judge alike.
"""

import json
from typing import Any

import pytest

from tests.policies.helpers import resource, stack, verdicts
from tests.policies.test_checkov_cases import claiming, fails

EKS, NODES = "aws:eks/cluster:Cluster", "aws:eks/nodeGroup:NodeGroup"
SEARCH, ELASTIC = "aws:opensearch/domain:Domain", "aws:elasticsearch/domain:Domain"
DOCDB, DOCDB_GROUP = "aws:docdb/cluster:Cluster", "aws:docdb/clusterParameterGroup:ClusterParameterGroup"
DOCDB_GLOBAL = "aws:docdb/globalCluster:GlobalCluster"
REDSHIFT, REDSHIFT_GROUP = "aws:redshift/cluster:Cluster", "aws:redshift/parameterGroup:ParameterGroup"
NEPTUNE, MEMORYDB, DAX = "aws:neptune/cluster:Cluster", "aws:memorydb/cluster:Cluster", "aws:dax/cluster:Cluster"
ENDPOINT, INSTANCE = "aws:dms/endpoint:Endpoint", "aws:dms/replicationInstance:ReplicationInstance"
BROKER, MSK = "aws:mq/broker:Broker", "aws:msk/cluster:Cluster"
CATALOG = "aws:glue/dataCatalogEncryptionSettings:DataCatalogEncryptionSettings"
GLUE_CONFIGURATION = "aws:glue/securityConfiguration:SecurityConfiguration"
WORKGROUP, DATABASE = "aws:athena/workgroup:Workgroup", "aws:athena/database:Database"
EMR, EMR_CONFIGURATION = "aws:emr/cluster:Cluster", "aws:emr/securityConfiguration:SecurityConfiguration"
EMR_BLOCK = "aws:emr/blockPublicAccessConfiguration:BlockPublicAccessConfiguration"
FIREHOSE = "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream"

LOG_TYPES = ["api", "audit", "authenticator", "controllerManager", "scheduler"]
LOCAL_DISK = {"EncryptionKeyProviderType": "AwsKms", "AwsKmsKey": "key"}


def parameter(name: str, value: str, family: str = "docdb3.6") -> dict[str, Any]:
    return {"family": family, "parameters": [{"name": name, "value": value}]}


def log(kind: str, **more: Any) -> dict[str, Any]:
    return {"logPublishingOptions": [{"logType": kind, "cloudwatchLogGroupArn": "arn", **more}]}


def catalog(mode: str, passwords: bool) -> dict[str, Any]:
    return {
        "dataCatalogEncryptionSettings": {
            "connectionPasswordEncryption": {"awsKmsKeyId": "key", "returnConnectionPasswordEncrypted": passwords},
            "encryptionAtRest": {"catalogEncryptionMode": mode, "sseAwsKmsKeyId": "key"},
        }
    }


def glue(s3: str, logs: str, bookmarks: str) -> dict[str, Any]:
    return {
        "encryptionConfiguration": {
            "s3Encryption": {"s3EncryptionMode": s3},
            "cloudwatchEncryption": {"cloudwatchEncryptionMode": logs, "kmsKeyArn": "key"},
            "jobBookmarksEncryption": {"jobBookmarksEncryptionMode": bookmarks, "kmsKeyArn": "key"},
        }
    }


def emr(at_rest: bool = True, in_transit: bool = True, mode: str = "SSE-KMS", **disk: Any) -> dict[str, Any]:
    document = {
        "EncryptionConfiguration": {
            "EnableInTransitEncryption": in_transit,
            "EnableAtRestEncryption": at_rest,
            "AtRestEncryptionConfiguration": {"S3EncryptionConfiguration": {"EncryptionMode": mode}, **disk},
        }
    }
    return {"configuration": json.dumps(document)}


CASES = [
    ("CKV_AWS_37", EKS, {"enabledClusterLogTypes": LOG_TYPES}, False),
    ("CKV_AWS_37", EKS, {"enabledClusterLogTypes": LOG_TYPES[:3]}, True),
    ("CKV_AWS_37", EKS, {}, True),
    ("CKV_AWS_38", EKS, {"vpcConfig": {"publicAccessCidrs": ["10.0.0.0/16"]}}, False),
    ("CKV_AWS_38", EKS, {"vpcConfig": {"publicAccessCidrs": ["0.0.0.0/0"]}}, True),
    ("CKV_AWS_38", EKS, {"vpcConfig": {"subnetIds": ["subnet-1"]}}, True),
    ("CKV_AWS_38", EKS, {"vpcConfig": {"endpointPublicAccess": False}}, False),
    ("CKV_AWS_39", EKS, {"vpcConfig": {"endpointPublicAccess": False}}, False),
    ("CKV_AWS_39", EKS, {"vpcConfig": {"endpointPublicAccess": True}}, True),
    ("CKV_AWS_39", EKS, {"vpcConfig": {"subnetIds": ["subnet-1"]}}, True),
    ("CKV_AWS_58", EKS, {"encryptionConfig": {"resources": ["secrets"]}}, False),
    ("CKV_AWS_58", EKS, {"encryptionConfig": {"resources": []}}, True),
    ("CKV_AWS_58", EKS, {}, True),
    ("CKV_AWS_100", NODES, {"remoteAccess": {"ec2SshKey": "key", "sourceSecurityGroupIds": ["sg-1"]}}, False),
    ("CKV_AWS_100", NODES, {"remoteAccess": {"ec2SshKey": "key"}}, True),
    ("CKV_AWS_100", NODES, {}, False),
    *[
        case
        for kind in (SEARCH, ELASTIC)
        for case in (
            ("CKV_AWS_5", kind, {"encryptAtRest": {"enabled": True}}, False),
            ("CKV_AWS_5", kind, {}, True),
            ("CKV_AWS_6", kind, {"clusterConfig": {"instanceCount": 2}, "nodeToNodeEncryption": {"enabled": True}}, False),
            ("CKV_AWS_6", kind, {"clusterConfig": {"instanceCount": 2}, "nodeToNodeEncryption": {"enabled": False}}, True),
            ("CKV_AWS_6", kind, {"clusterConfig": {"instanceCount": 2}}, True),
            ("CKV_AWS_83", kind, {"domainEndpointOptions": {"enforceHttps": True}}, False),
            ("CKV_AWS_83", kind, {"domainEndpointOptions": {"enforceHttps": False}}, True),
            ("CKV_AWS_84", kind, log("ES_APPLICATION_LOGS"), False),
            ("CKV_AWS_84", kind, log("ES_APPLICATION_LOGS", enabled=False), True),
            ("CKV_AWS_84", kind, {}, True),
            ("CKV_AWS_137", kind, {"vpcOptions": {"subnetIds": ["subnet-1"]}}, False),
            ("CKV_AWS_137", kind, {}, True),
            ("CKV_AWS_228", kind, {"domainEndpointOptions": {"tlsSecurityPolicy": "Policy-Min-TLS-1-2-2019-07"}}, False),
            ("CKV_AWS_228", kind, {"domainEndpointOptions": {"tlsSecurityPolicy": "Policy-Min-TLS-1-2-PFS-2023-10"}}, False),
            ("CKV_AWS_228", kind, {"domainEndpointOptions": {"tlsSecurityPolicy": "Policy-Min-TLS-1-0-2019-07"}}, True),
            ("CKV_AWS_228", kind, {}, True),
            ("CKV_AWS_317", kind, log("AUDIT_LOGS", enabled=True), False),
            ("CKV_AWS_317", kind, log("AUDIT_LOGS", enabled=False), True),
            ("CKV_AWS_317", kind, {}, True),
            ("CKV_AWS_318", kind, {"clusterConfig": {"dedicatedMasterEnabled": True, "dedicatedMasterCount": 1}}, True),
            ("CKV_AWS_318", kind, {}, True),
            ("CKV2_AWS_52", kind, {"advancedSecurityOptions": {"enabled": True, "internalUserDatabaseEnabled": True}}, False),
            ("CKV2_AWS_52", kind, {"advancedSecurityOptions": {"enabled": False}}, True),
            ("CKV2_AWS_52", kind, {}, True),
            ("CKV2_AWS_59", kind, {"clusterConfig": {"dedicatedMasterEnabled": True, "dedicatedMasterCount": 3}}, False),
            ("CKV2_AWS_59", kind, {"clusterConfig": {"dedicatedMasterEnabled": False}}, True),
        )
    ],
    ("CKV_AWS_74", DOCDB, {"storageEncrypted": True}, False),
    ("CKV_AWS_74", DOCDB, {}, True),
    ("CKV_AWS_85", DOCDB, {"enabledCloudwatchLogsExports": ["audit", "profiler"]}, False),
    ("CKV_AWS_85", DOCDB, {}, True),
    ("CKV_AWS_90", DOCDB_GROUP, parameter("tls", "enabled"), False),
    ("CKV_AWS_90", DOCDB_GROUP, parameter("tls", "disabled"), True),
    ("CKV_AWS_90", DOCDB_GROUP, {"family": "docdb3.6"}, False),
    ("CKV_AWS_104", DOCDB_GROUP, parameter("audit_logs", "enabled"), False),
    ("CKV_AWS_104", DOCDB_GROUP, parameter("audit_logs", "ddl"), False),
    ("CKV_AWS_104", DOCDB_GROUP, parameter("audit_logs", "disabled"), True),
    ("CKV_AWS_104", DOCDB_GROUP, {"family": "docdb3.6"}, True),
    ("CKV_AWS_292", DOCDB_GLOBAL, {"storageEncrypted": True}, False),
    ("CKV_AWS_292", DOCDB_GLOBAL, {"storageEncrypted": False}, True),
    ("CKV_AWS_292", DOCDB_GLOBAL, {}, True),
    ("CKV_AWS_360", DOCDB, {"backupRetentionPeriod": 35}, False),
    ("CKV_AWS_360", DOCDB, {"backupRetentionPeriod": 3}, True),
    ("CKV_AWS_360", DOCDB, {}, True),
    ("CKV_AWS_64", REDSHIFT, {"encrypted": True}, False),
    ("CKV_AWS_64", REDSHIFT, {"encrypted": False}, True),
    ("CKV_AWS_71", REDSHIFT, {"logging": {"enable": True}}, False),
    ("CKV_AWS_71", REDSHIFT, {"logging": {"enable": False}}, True),
    ("CKV_AWS_71", REDSHIFT, {}, True),
    ("CKV_AWS_105", REDSHIFT_GROUP, parameter("require_ssl", "true", "redshift-1.0"), False),
    ("CKV_AWS_105", REDSHIFT_GROUP, parameter("require_ssl", "false", "redshift-1.0"), True),
    ("CKV_AWS_105", REDSHIFT_GROUP, {"family": "redshift-1.0"}, True),
    ("CKV_AWS_141", REDSHIFT, {"allowVersionUpgrade": True}, False),
    ("CKV_AWS_141", REDSHIFT, {}, False),
    ("CKV_AWS_141", REDSHIFT, {"allowVersionUpgrade": False}, True),
    ("CKV_AWS_320", REDSHIFT, {"databaseName": "mydb"}, False),
    ("CKV_AWS_320", REDSHIFT, {}, True),
    ("CKV_AWS_321", REDSHIFT, {"enhancedVpcRouting": True}, False),
    ("CKV_AWS_321", REDSHIFT, {"enhancedVpcRouting": False}, True),
    ("CKV_AWS_321", REDSHIFT, {}, True),
    ("CKV_AWS_343", REDSHIFT, {"automatedSnapshotRetentionPeriod": 7}, False),
    ("CKV_AWS_343", REDSHIFT, {"automatedSnapshotRetentionPeriod": 0}, True),
    ("CKV_AWS_44", NEPTUNE, {"storageEncrypted": True}, False),
    ("CKV_AWS_44", NEPTUNE, {}, True),
    ("CKV_AWS_101", NEPTUNE, {"enableCloudwatchLogsExports": ["audit"]}, False),
    ("CKV_AWS_101", NEPTUNE, {"enableCloudwatchLogsExports": []}, True),
    ("CKV_AWS_101", NEPTUNE, {}, True),
    ("CKV_AWS_359", NEPTUNE, {"iamDatabaseAuthenticationEnabled": True}, False),
    ("CKV_AWS_359", NEPTUNE, {"iamDatabaseAuthenticationEnabled": False}, True),
    ("CKV_AWS_359", NEPTUNE, {}, True),
    ("CKV_AWS_361", NEPTUNE, {"backupRetentionPeriod": 7}, False),
    ("CKV_AWS_361", NEPTUNE, {"backupRetentionPeriod": 6}, True),
    ("CKV_AWS_361", NEPTUNE, {}, True),
    ("CKV_AWS_362", NEPTUNE, {"copyTagsToSnapshot": True}, False),
    ("CKV_AWS_362", NEPTUNE, {}, True),
    ("CKV2_AWS_58", NEPTUNE, {"deletionProtection": True}, False),
    ("CKV2_AWS_58", NEPTUNE, {"deletionProtection": False}, True),
    ("CKV2_AWS_58", NEPTUNE, {}, True),
    ("CKV_AWS_202", MEMORYDB, {"tlsEnabled": True}, False),
    ("CKV_AWS_202", MEMORYDB, {}, False),
    ("CKV_AWS_202", MEMORYDB, {"tlsEnabled": False}, True),
    ("CKV_AWS_47", DAX, {"serverSideEncryption": {"enabled": True}}, False),
    ("CKV_AWS_47", DAX, {"serverSideEncryption": {"enabled": False}}, True),
    ("CKV_AWS_47", DAX, {}, True),
    ("CKV_AWS_239", DAX, {"clusterEndpointEncryptionType": "TLS"}, False),
    ("CKV_AWS_239", DAX, {"clusterEndpointEncryptionType": "NONE"}, True),
    ("CKV_AWS_239", DAX, {}, True),
    ("CKV2_AWS_49", ENDPOINT, {"endpointType": "source", "engineName": "aurora", "sslMode": "require"}, False),
    ("CKV2_AWS_49", ENDPOINT, {"endpointType": "source", "engineName": "aurora", "sslMode": "none"}, True),
    ("CKV2_AWS_49", ENDPOINT, {"endpointType": "source", "engineName": "s3", "sslMode": "none"}, False),
    ("CKV2_AWS_49", ENDPOINT, {"endpointType": "target", "engineName": "kafka", "sslMode": "none"}, False),
    ("CKV_AWS_222", INSTANCE, {"autoMinorVersionUpgrade": True}, False),
    ("CKV_AWS_222", INSTANCE, {"autoMinorVersionUpgrade": False}, True),
    ("CKV_AWS_222", INSTANCE, {}, True),
    ("CKV_AWS_48", BROKER, {"logs": {"general": True}}, False),
    ("CKV_AWS_48", BROKER, {}, True),
    ("CKV_AWS_69", BROKER, {"publiclyAccessible": False}, False),
    ("CKV_AWS_69", BROKER, {}, False),
    ("CKV_AWS_69", BROKER, {"publiclyAccessible": True}, True),
    ("CKV_AWS_197", BROKER, {"engineType": "ActiveMQ", "logs": {"general": True, "audit": True}}, False),
    ("CKV_AWS_197", BROKER, {"engineType": "ActiveMQ", "logs": {"general": True}}, True),
    ("CKV_AWS_197", BROKER, {"engineType": "RabbitMQ"}, False),
    ("CKV_AWS_207", BROKER, {"autoMinorVersionUpgrade": True}, False),
    ("CKV_AWS_207", BROKER, {}, True),
    ("CKV_AWS_80", MSK, {"loggingInfo": {"brokerLogs": {"firehose": {"enabled": True}, "s3": {"enabled": False}}}}, False),
    ("CKV_AWS_80", MSK, {"loggingInfo": {"brokerLogs": {"cloudwatchLogs": {"enabled": False}}}}, True),
    ("CKV_AWS_80", MSK, {}, True),
    ("CKV_AWS_94", CATALOG, catalog("SSE-KMS", True), False),
    ("CKV_AWS_94", CATALOG, catalog("DISABLED", True), True),
    ("CKV_AWS_94", CATALOG, catalog("SSE-KMS", False), True),
    ("CKV_AWS_99", GLUE_CONFIGURATION, glue("SSE-KMS", "SSE-KMS", "CSE-KMS"), False),
    ("CKV_AWS_99", GLUE_CONFIGURATION, glue("SSE-S3", "DISABLED", "CSE-KMS"), True),
    ("CKV_AWS_99", GLUE_CONFIGURATION, glue("SSE-S3", "SSE-KMS", "DISABLED"), True),
    ("CKV_AWS_99", GLUE_CONFIGURATION, glue("DISABLED", "SSE-KMS", "CSE-KMS"), True),
    *[
        ("CKV_AWS_195", kind, props, not props)
        for kind in ("aws:glue/crawler:Crawler", "aws:glue/devEndpoint:DevEndpoint", "aws:glue/job:Job")
        for props in ({"securityConfiguration": "example"}, {})
    ],
    ("CKV_AWS_77", DATABASE, {"encryptionConfiguration": {"encryptionOption": "SSE_S3"}}, False),
    ("CKV_AWS_77", DATABASE, {}, True),
    ("CKV_AWS_82", WORKGROUP, {"configuration": {"enforceWorkgroupConfiguration": True}}, False),
    ("CKV_AWS_82", WORKGROUP, {"configuration": {"enforceWorkgroupConfiguration": False}}, True),
    ("CKV_AWS_82", WORKGROUP, {}, False),
    (
        "CKV_AWS_159",
        WORKGROUP,
        {"configuration": {"resultConfiguration": {"encryptionConfiguration": {"encryptionOption": "SSE_KMS"}}}},
        False,
    ),
    ("CKV_AWS_159", WORKGROUP, {"configuration": {"resultConfiguration": {"outputLocation": "s3://example"}}}, True),
    ("CKV_AWS_171", EMR_CONFIGURATION, emr(), False),
    ("CKV_AWS_171", EMR_CONFIGURATION, emr(mode="SSE-S3"), True),
    ("CKV_AWS_349", EMR_CONFIGURATION, emr(LocalDiskEncryptionConfiguration={**LOCAL_DISK, "EnableEbsEncryption": True}), False),
    ("CKV_AWS_349", EMR_CONFIGURATION, emr(), True),
    ("CKV_AWS_350", EMR_CONFIGURATION, emr(LocalDiskEncryptionConfiguration={**LOCAL_DISK, "EnableEbsEncryption": True}), False),
    ("CKV_AWS_350", EMR_CONFIGURATION, emr(LocalDiskEncryptionConfiguration=LOCAL_DISK), True),
    ("CKV_AWS_350", EMR_CONFIGURATION, emr(at_rest=False, LocalDiskEncryptionConfiguration=LOCAL_DISK), True),
    ("CKV_AWS_351", EMR_CONFIGURATION, emr(), False),
    ("CKV_AWS_351", EMR_CONFIGURATION, emr(in_transit=False), True),
    ("CKV_AWS_390", EMR_BLOCK, {"blockPublicSecurityGroupRules": True}, False),
    ("CKV_AWS_390", EMR_BLOCK, {"blockPublicSecurityGroupRules": False}, True),
    ("CKV2_AWS_55", EMR, {"securityConfiguration": "example"}, False),
    ("CKV2_AWS_55", EMR, {}, True),
    ("CKV_AWS_240", FIREHOSE, {"serverSideEncryption": {"enabled": True}}, False),
    ("CKV_AWS_240", FIREHOSE, {"serverSideEncryption": {"enabled": False}}, True),
    ("CKV_AWS_240", FIREHOSE, {}, True),
    ("CKV_AWS_240", FIREHOSE, {"kinesisSourceConfiguration": {"kinesisStreamArn": "arn"}}, False),
]

# Where AWS or the provider has changed since, or Checkov looks at less, the control fails what Checkov passes, or the reverse.
DIFFERENT = [
    # Without the block, the domain accepts HTTP.
    ("CKV_AWS_83", SEARCH, {}, True),
    # One node sends nothing to another, but the next one will.
    ("CKV_AWS_6", SEARCH, {}, True),
    # Slow logs show neither failures nor logins.
    ("CKV_AWS_84", SEARCH, log("INDEX_SLOW_LOGS"), True),
    # The provider enables a log that does not say otherwise.
    ("CKV_AWS_317", SEARCH, log("AUDIT_LOGS"), False),
    # The profiler says nothing about logins.
    ("CKV_AWS_85", DOCDB, {"enabledCloudwatchLogsExports": ["profiler"]}, True),
    # The provider encrypts by default.
    ("CKV_AWS_64", REDSHIFT, {}, False),
    # Security Hub requires seven days; the default is one.
    ("CKV_AWS_343", REDSHIFT, {}, True),
    # Its family requires TLS by default.
    ("CKV_AWS_105", REDSHIFT_GROUP, {"family": "redshift-2.0"}, False),
]


@pytest.mark.parametrize(("item", "kind", "props", "expected"), [*CASES, *DIFFERENT])
def test_a_claim_decides_as_checkov_does(item: str, kind: str, props: dict[str, Any], expected: bool) -> None:
    assert any(kind in control.types for control in claiming(item))
    assert fails(item, kind, props) == expected


def test_zone_awareness_is_not_covered() -> None:
    (masters,) = claiming("CKV_AWS_318")
    props = {"clusterConfig": {"dedicatedMasterEnabled": True, "dedicatedMasterCount": 3}}
    assert not fails("CKV_AWS_318", SEARCH, props)
    assert "CKV_AWS_318" in masters.partial


def test_logging_of_redshift_is_a_resource_of_its_own() -> None:
    (audit,) = claiming("CKV_AWS_71")
    cluster = resource(REDSHIFT, "warehouse", {"id": "warehouse"})
    logging = resource("aws:redshift/logging:Logging", "log", {"clusterIdentifier": "warehouse"})
    assert not any(type(verdict).__name__ == "Fail" for _, verdict in verdicts(audit, stack(cluster, logging)))
