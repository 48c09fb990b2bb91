import json
import re
from typing import Any

import pulumi
import pytest
from cloudpatterns.database import RelationalDatabase
from cloudpatterns.database.relational_database.foundation import managed_secret
from offline_preview.graph import Graph
from offline_preview.values import Secret

from tests.components.database.stores import AURORA, CANARY, DATABASE, FUNCTION, PASSWORD, REPLICA
from tests.components.database.stores import database as make
from tests.harness import record, refs

INSTANCE, CLUSTER = "aws:rds/instance:Instance", "aws:rds/cluster:Cluster"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"


def plain(value: object) -> str:
    """Everything that would be readable in a state, as text: secrets show as such."""
    return repr(value)


def children(graph: Graph) -> list[tuple[str, str]]:
    return sorted((each.type.split(":")[-1], each.name) for each in graph.resources if each.type.startswith("aws:"))


def test_a_database_has_exactly_these_children() -> None:
    assert children(make()) == [
        ("Instance", "orders-instance"),
        ("Key", "orders-key"),
        ("KeyPolicy", "orders-key-policy"),
        ("LogGroup", "orders-logs-error"),
        ("LogGroup", "orders-logs-slowquery"),
        ("ParameterGroup", "orders-parameters"),
        ("Role", "orders-monitoring"),
        ("RolePolicyAttachment", "orders-monitoring-policy"),
        ("SubnetGroup", "orders-subnets"),
    ]


def test_the_instance_is_private_encrypted_protected_and_leaves_a_final_snapshot() -> None:
    graph = make(tags={"Owner": "team"})
    instance = graph.one(INSTANCE)
    expected = {
        "engine": "mysql",
        "engineVersion": "8.4",
        "engineLifecycleSupport": "open-source-rds-extended-support-disabled",
        "publiclyAccessible": False,
        "storageEncrypted": True,
        "storageType": "gp3",
        "multiAz": True,
        "deletionProtection": True,
        "skipFinalSnapshot": False,
        "deleteAutomatedBackups": False,
        "copyTagsToSnapshot": True,
        "manageMasterUserPassword": True,
        "username": "dbadmin",
        "iamDatabaseAuthenticationEnabled": True,
        "autoMinorVersionUpgrade": True,
        "applyImmediately": False,
        "backupRetentionPeriod": 30,
        "databaseInsightsMode": "standard",
        "performanceInsightsEnabled": True,
        "performanceInsightsRetentionPeriod": 7,
        "monitoringInterval": 60,
        "enabledCloudwatchLogsExports": ["error", "slowquery"],
        "caCertIdentifier": "rds-ca-rsa2048-g1",
        "networkType": "IPV4",
        "vpcSecurityGroupIds": ["sg-1"],
        "tags": {"Name": "orders", "Owner": "team"},
    }
    assert {key: instance.inputs.get(key) for key in expected} == expected
    assert not {"availabilityZone", "iops", "storageThroughput", "password", "passwordWo"} & set(instance.inputs)
    assert instance.options["protect"] is True
    assert instance.options["deleteBeforeReplace"] is True
    key = graph.one("aws:kms/key:Key")
    for used in ("kmsKeyId", "masterUserSecretKmsKeyId", "performanceInsightsKmsKeyId"):
        assert instance.inputs[used] == key.outputs["arn"]
    # Without its key the final snapshot could not be read.
    assert key.options["retainOnDelete"] is True
    assert all(each.inputs["tags"]["Owner"] == "team" for each in graph.resources if "tags" in each.inputs)


def test_the_identifier_is_known_before_the_database_and_its_log_groups_come_first() -> None:
    graph = make()
    instance = graph.one(INSTANCE)
    identifier = instance.inputs["identifier"]
    assert re.fullmatch(r"orders-[0-9a-f]{7}", identifier)
    groups = graph.of_type(LOG_GROUP)
    assert [group.inputs["name"] for group in groups] == [f"/aws/rds/instance/{identifier}/{kind}" for kind in ("error", "slowquery")]
    assert all(group.inputs["retentionInDays"] == 365 for group in groups)
    assert {"orders-logs-error", "orders-logs-slowquery", "orders-subnets"} <= set(refs(graph, instance, "identifier"))
    assert re.fullmatch(identifier + r"-final-[0-9a-f]{8}", instance.inputs["finalSnapshotIdentifier"])


def test_what_replaces_the_database_renames_the_final_snapshot() -> None:
    names = {
        make(**changes).one(INSTANCE).inputs["finalSnapshotIdentifier"]
        for changes in (
            {},
            {"master_username": "other"},
            {"database_name": "shop"},
            {"kms_key_arn": "arn:aws:kms:eu-west-1:123456789012:key/k"},
        )
    }
    assert len(names) == 4
    assert make(instance_class="db.m7g.xlarge").one(INSTANCE).inputs["finalSnapshotIdentifier"] in names


def test_the_key_policy_lets_the_logs_service_use_the_key_for_database_logs_alone() -> None:
    statement = json.loads(make().one("aws:kms/keyPolicy:KeyPolicy").inputs["policy"])["Statement"][1]
    assert statement["Principal"] == {"Service": ["logs.eu-west-1.amazonaws.com"]}
    assert statement["Condition"] == {
        "ArnLike": {"kms:EncryptionContext:aws:logs:arn": "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/rds/*"}
    }


def test_the_monitoring_role_is_used_for_this_account_alone_and_once_its_policy_is_attached() -> None:
    graph = make()
    trust = json.loads(graph.one("aws:iam/role:Role").inputs["assumeRolePolicy"])["Statement"][0]
    assert trust["Principal"] == {"Service": ["monitoring.rds.amazonaws.com"]}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}
    assert "orders-monitoring-policy" in refs(graph, graph.one(INSTANCE), "monitoringRoleArn")


@pytest.mark.parametrize(
    ("engine", "version", "family", "expected"),
    [
        ("mysql", "8.4", "mysql8.4", [("require_secure_transport", "1", "immediate")]),
        ("mysql", "8.4.5", "mysql8.4", [("require_secure_transport", "1", "immediate")]),
        ("mysql", "9.7", "mysql9.7", []),
        ("mysql", "9.7.1", "mysql9.7", []),
        ("postgres", "14", "postgres14", [("rds.force_ssl", "1", "pending-reboot")]),
        ("postgres", "15", "postgres15", []),
        ("postgres", "17.4", "postgres17", []),
        ("aurora-mysql", "8.0", "aurora-mysql8.0", [("require_secure_transport", "ON", "immediate")]),
        ("aurora-mysql", "8.0.mysql_aurora.3.10.0", "aurora-mysql8.0", [("require_secure_transport", "ON", "immediate")]),
        ("aurora-mysql", "8.4", "aurora-mysql8.4", []),
        ("aurora-mysql", "8.4.7", "aurora-mysql8.4", []),
        ("aurora-postgresql", "16.6", "aurora-postgresql16", [("rds.force_ssl", "1", "pending-reboot")]),
        ("aurora-postgresql", "17", "aurora-postgresql17", []),
    ],
)
def test_every_engine_refuses_plain_connections(engine: str, version: str, family: str, expected: list[tuple[str, str, str]]) -> None:
    aurora = engine.startswith("aurora")
    graph = make(engine=engine, engine_version=version, allocated_storage_gib=None if aurora else 20, log_exports=[])
    group = graph.one("aws:rds/clusterParameterGroup:ClusterParameterGroup" if aurora else "aws:rds/parameterGroup:ParameterGroup")
    assert group.inputs["family"] == family
    assert [(each["name"], each["value"], each["applyMethod"]) for each in group.inputs["parameters"]] == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {"slow_query_log": "1", "log_output": "FILE"}),
        ({"log_exports": ["general"]}, {"general_log": "1", "log_output": "FILE"}),
        ({"log_exports": ["error", "audit", "iam-db-auth-error"]}, {}),
        ({"engine": "postgres", "engine_version": "17"}, {}),
        ({"engine": "aurora-mysql", "engine_version": "8.0", "allocated_storage_gib": None}, {"slow_query_log": "1"}),
    ],
)
def test_an_exported_log_is_written(changes: dict[str, Any], expected: dict[str, str]) -> None:
    [group] = make(**changes).of_type("aws:rds/parameterGroup:ParameterGroup", "aws:rds/clusterParameterGroup:ClusterParameterGroup")
    made = [each for each in group.inputs["parameters"] if each["name"] != "require_secure_transport"]
    assert {each["name"]: each["value"] for each in made} == expected
    assert {each["applyMethod"] for each in made} <= {"immediate"}


def test_a_parameter_of_the_callers_stands_before_that_of_a_log() -> None:
    group = make(parameters={"slow_query_log": "0"}).one("aws:rds/parameterGroup:ParameterGroup")
    assert [(each["name"], each["value"], each["applyMethod"]) for each in group.inputs["parameters"]] == [
        ("require_secure_transport", "1", "immediate"),
        ("log_output", "FILE", "immediate"),
        ("slow_query_log", "0", "pending-reboot"),
    ]


def test_own_parameters_wait_for_a_reboot() -> None:
    group = make(engine="postgres", engine_version="17", parameters={"work_mem": "8192", "max_connections": "200"}).one(
        "aws:rds/parameterGroup:ParameterGroup"
    )
    assert [(each["name"], each["value"], each["applyMethod"]) for each in group.inputs["parameters"]] == [
        ("max_connections", "200", "pending-reboot"),
        ("work_mem", "8192", "pending-reboot"),
    ]


def test_a_password_that_is_about_to_be_managed_has_no_secret_yet() -> None:
    assert managed_secret([]) == ""


def test_the_secret_of_a_managed_password_is_an_output() -> None:
    graph = make()
    assert (
        graph.one("cloudpatterns:index:RelationalDatabase").outputs["secret_arn"]
        == (graph.one(INSTANCE).outputs["masterUserSecrets"][0]["secretArn"])
    )


def test_outputs_are_registered() -> None:
    graph = make()
    instance, outputs = graph.one(INSTANCE), graph.one("cloudpatterns:index:RelationalDatabase").outputs
    assert outputs == {
        "endpoint": instance.outputs["endpoint"],
        "address": instance.outputs["address"],
        "reader_address": instance.outputs["address"],
        "port": 3306,
        "secret_arn": instance.outputs["masterUserSecrets"][0]["secretArn"],
        "instance_id": instance.inputs["identifier"],
        "instance_arn": instance.outputs["arn"],
        "resource_id": instance.outputs["resourceId"],
        "engine_family": "mysql",
        "kms_key_arn": graph.one("aws:kms/key:Key").outputs["arn"],
        "log_group_names": [group.inputs["name"] for group in graph.of_type(LOG_GROUP)],
        "replica_endpoints": [],
    }


def test_an_own_password_is_in_no_plain_state_and_rotates_at_once() -> None:
    graph = make(**PASSWORD, database_name="shop")
    instance = graph.one(INSTANCE)
    assert "manageMasterUserPassword" not in instance.inputs
    assert "masterUserSecretKmsKeyId" not in instance.inputs
    assert isinstance(instance.inputs["passwordWo"], Secret)
    assert instance.inputs["passwordWo"].value == CANARY
    assert instance.inputs["passwordWoVersion"] == 1
    version = graph.one("aws:secretsmanager/secretVersion:SecretVersion")
    assert isinstance(version.inputs["secretStringWo"], Secret)
    assert json.loads(version.inputs["secretStringWo"].value) == {
        "engine": "mysql",
        "host": instance.outputs["address"],
        "port": 3306,
        "username": "dbadmin",
        "password": CANARY,
        "dbname": "shop",
        "dbInstanceIdentifier": instance.inputs["identifier"],
    }
    # A stage of its own keeps the version after two rotations, and nothing moves AWSCURRENT back.
    assert version.inputs["versionStages"] == ["AWSCURRENT", "cloudpatterns-first"]
    assert version.options["ignoreChanges"] == ["versionStages"]
    rotation = graph.one("aws:secretsmanager/secretRotation:SecretRotation")
    assert rotation.inputs["rotationLambdaArn"] == FUNCTION
    assert rotation.inputs["rotationRules"] == {"automaticallyAfterDays": 30}
    assert rotation.inputs["rotateImmediately"] is True
    depended = {urn.split("::")[-1] for urn in rotation.dependencies}
    assert {"orders-instance", "orders-master-rotation-permission", "orders-master-value"} <= depended
    permission = graph.one("aws:lambda/permission:Permission")
    assert permission.inputs["principal"] == "secretsmanager.amazonaws.com"
    assert permission.inputs["sourceArn"] == graph.one("aws:secretsmanager/secret:Secret").outputs["arn"]
    assert CANARY not in plain([(each.inputs, each.outputs) for each in graph.resources])
    assert graph.one("cloudpatterns:index:RelationalDatabase").outputs["secret_arn"] == permission.inputs["sourceArn"]


def test_an_own_password_of_a_cluster() -> None:
    def program() -> None:
        password: Any = {"value": pulumi.Output.secret(CANARY), "version": 2, "rotation_function_arn": FUNCTION}
        RelationalDatabase("orders", {**AURORA, "password": password})

    graph = record(program, mode="deployed")
    cluster = graph.one(CLUSTER)
    assert cluster.inputs["masterPasswordWo"].value == CANARY
    assert cluster.inputs["masterPasswordWoVersion"] == 2
    written = json.loads(graph.one("aws:secretsmanager/secretVersion:SecretVersion").inputs["secretStringWo"].value)
    assert (written["engine"], written["dbClusterIdentifier"]) == ("postgres", cluster.inputs["clusterIdentifier"])
    assert CANARY not in plain([(each.inputs, each.outputs) for each in graph.resources])


def test_a_replica_in_another_region() -> None:
    graph = make(**PASSWORD, **REPLICA)
    source, replica = graph.one(INSTANCE, "orders-instance"), graph.one(INSTANCE, "orders-replica")
    expected = {
        "region": "eu-central-1",
        "replicateSourceDb": source.outputs["arn"],
        "kmsKeyId": graph.one("aws:kms/key:Key", "orders-replica-key").outputs["arn"],
        "storageEncrypted": True,
        "publiclyAccessible": False,
        "instanceClass": "db.m7g.large",
        "vpcSecurityGroupIds": ["sg-x"],
        "skipFinalSnapshot": True,
        "deletionProtection": True,
        "backupRetentionPeriod": 30,
        "databaseInsightsMode": "standard",
    }
    assert {key: replica.inputs.get(key) for key in expected} == expected
    assert not {"engine", "username", "passwordWo", "finalSnapshotIdentifier", "multiAz", "allocatedStorage"} & set(replica.inputs)
    there = [each.name for each in graph.resources if each.inputs.get("region") == "eu-central-1" and each.type != "pulumi:providers:aws"]
    assert sorted(there) == [
        "orders-replica",
        "orders-replica-key",
        "orders-replica-key-policy",
        "orders-replica-logs-error",
        "orders-replica-logs-slowquery",
        "orders-replica-parameters",
        "orders-replica-subnets",
    ]
    assert re.fullmatch(r"orders-replica-[0-9a-f]{7}", replica.inputs["identifier"])
    assert graph.one("cloudpatterns:index:RelationalDatabase").outputs["replica_endpoints"] == [replica.outputs["endpoint"]]


def test_a_cluster_has_an_instance_in_each_of_two_zones() -> None:
    graph = make(base=AURORA)
    cluster = graph.one(CLUSTER)
    expected = {
        "engine": "aurora-postgresql",
        "storageEncrypted": True,
        "deletionProtection": True,
        "skipFinalSnapshot": False,
        "deleteAutomatedBackups": False,
        "copyTagsToSnapshot": True,
        "manageMasterUserPassword": True,
        "iamDatabaseAuthenticationEnabled": True,
        "engineLifecycleSupport": "open-source-rds-extended-support-disabled",
        "databaseInsightsMode": "standard",
        "enabledCloudwatchLogsExports": ["postgresql"],
        "port": 5432,
    }
    assert {key: cluster.inputs.get(key) for key in expected} == expected
    assert "serverlessv2ScalingConfiguration" not in cluster.inputs
    assert cluster.options["protect"] is True
    assert cluster.options["deleteBeforeReplace"] is True
    instances = graph.of_type("aws:rds/clusterInstance:ClusterInstance")
    assert [(each.name, each.inputs["availabilityZone"]) for each in instances] == [
        ("orders-eu-west-1a", "eu-west-1a"),
        ("orders-eu-west-1b", "eu-west-1b"),
    ]
    assert all(each.inputs["publiclyAccessible"] is False and each.inputs["monitoringInterval"] == 60 for each in instances)
    outputs = graph.one("cloudpatterns:index:RelationalDatabase").outputs
    assert outputs["endpoint"] == f"{cluster.outputs['endpoint']}:5432"
    assert outputs["reader_address"] == cluster.outputs["readerEndpoint"]
    assert outputs["secret_arn"] == cluster.outputs["masterUserSecrets"][0]["secretArn"]
    assert outputs["log_group_names"] == [f"/aws/rds/cluster/{cluster.inputs['clusterIdentifier']}/postgresql"]


def test_a_serverless_cluster_with_one_instance() -> None:
    graph = make(base=AURORA, instance_class="db.serverless", max_capacity_units=4.0, multi_az=False)
    assert graph.one(CLUSTER).inputs["serverlessv2ScalingConfiguration"] == {"minCapacity": 0.5, "maxCapacity": 4.0}
    assert graph.one("aws:rds/clusterInstance:ClusterInstance").name == "orders-eu-west-1a"
    paused = make(base=AURORA, instance_class="db.serverless", max_capacity_units=4, min_capacity_units=0)
    assert paused.one(CLUSTER).inputs["serverlessv2ScalingConfiguration"] == {"minCapacity": 0.0, "maxCapacity": 4.0}


@pytest.mark.parametrize(
    ("engine", "version", "instance_class", "enabled"),
    [
        ("mysql", "8.4", "db.t4g.micro", False),
        ("mysql", "8.4", "db.t3.small", False),
        ("mysql", "8.4", "db.t4g.medium", True),
        ("postgres", "17", "db.t4g.micro", True),
        ("aurora-mysql", "8.0", "db.t3.medium", False),
        ("aurora-mysql", "8.0", "db.t4g.medium", True),
    ],
)
def test_insights_only_where_the_class_has_them(engine: str, version: str, instance_class: str, enabled: bool) -> None:
    aurora = engine.startswith("aurora")
    graph = make(engine=engine, engine_version=version, instance_class=instance_class, allocated_storage_gib=None if aurora else 20)
    inputs = graph.one(CLUSTER if aurora else INSTANCE).inputs
    assert inputs["performanceInsightsEnabled"] is enabled
    assert ("performanceInsightsRetentionPeriod" in inputs) is enabled
    assert inputs["databaseInsightsMode"] == "standard"


def test_advanced_insights_keep_465_days() -> None:
    inputs = make(database_insights_mode="advanced").one(INSTANCE).inputs
    assert (inputs["databaseInsightsMode"], inputs["performanceInsightsRetentionPeriod"]) == ("advanced", 465)


def test_insights_and_monitoring_can_be_off() -> None:
    graph = make(performance_insights=False, monitoring_interval_seconds=0)
    inputs = graph.one(INSTANCE).inputs
    assert inputs["performanceInsightsEnabled"] is False
    assert inputs["monitoringInterval"] == 0
    assert "monitoringRoleArn" not in inputs
    assert graph.of_type("aws:iam/role:Role") == []


def test_what_dev_loosens() -> None:
    graph = make(
        multi_az=False,
        deletion_protection=False,
        skip_final_snapshot=True,
        backup_retention_days=1,
        log_exports=[],
        dual_stack=True,
        identifier="fixed-name",
        max_allocated_storage_gib=22,
        log_retention_days=30.0,
    )
    instance = graph.one(INSTANCE)
    assert instance.inputs["multiAz"] is False
    assert instance.inputs["deletionProtection"] is False
    assert not instance.options.get("protect")
    assert instance.inputs["skipFinalSnapshot"] is True
    assert "finalSnapshotIdentifier" not in instance.inputs
    assert instance.inputs["identifier"] == "fixed-name"
    assert instance.inputs["networkType"] == "DUAL"
    assert instance.inputs["maxAllocatedStorage"] == 22
    assert graph.of_type(LOG_GROUP) == []
    assert not graph.one("aws:kms/key:Key").options.get("retainOnDelete")


def test_a_key_of_the_caller() -> None:
    key = "arn:aws:kms:eu-west-1:123456789012:key/mine"
    graph = make(kms_key_arn=key, final_snapshot_identifier="last-one")
    assert graph.of_type("aws:kms/key:Key") == []
    instance = graph.one(INSTANCE)
    assert (instance.inputs["kmsKeyId"], instance.inputs["finalSnapshotIdentifier"]) == (key, "last-one")
    assert {group.inputs["kmsKeyId"] for group in graph.of_type(LOG_GROUP)} == {key}


def test_transforms_reach_the_children() -> None:
    def smaller(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
        if args.type_ != INSTANCE:
            return None
        return pulumi.ResourceTransformResult(props={**args.props, "backupRetentionPeriod": 3}, opts=args.opts)

    graph = record(lambda: RelationalDatabase("orders", DATABASE, pulumi.ResourceOptions(transforms=[smaller])))
    assert graph.one(INSTANCE).inputs["backupRetentionPeriod"] == 3
