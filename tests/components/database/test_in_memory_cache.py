import json
import re

import pulumi
import pytest
from cloudpatterns.database import InMemoryCache
from offline_preview.graph import Graph
from offline_preview.values import UNKNOWN, Secret

from tests.components.database.stores import CACHE, CANARY, FUNCTION, SERVERLESS
from tests.components.database.stores import cache as make
from tests.harness import record, refs

COMPONENT = "cloudpatterns:index:InMemoryCache"
GROUP = "aws:elasticache/replicationGroup:ReplicationGroup"
SERVERLESS_CACHE = "aws:elasticache/serverlessCache:ServerlessCache"
USER = "aws:elasticache/user:User"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"


def children(graph: Graph) -> list[tuple[str, str]]:
    return sorted((each.type.split(":")[-1], each.name) for each in graph.resources if each.type.startswith("aws:"))


def test_a_cache_has_exactly_these_children() -> None:
    assert children(make()) == [
        ("Key", "sessions-key"),
        ("KeyPolicy", "sessions-key-policy"),
        ("LogGroup", "sessions-logs-engine-log"),
        ("LogGroup", "sessions-logs-slow-log"),
        ("ParameterGroup", "sessions-parameters"),
        ("ReplicationGroup", "sessions-cache"),
        ("SubnetGroup", "sessions-subnets"),
        ("User", "sessions-default"),
        ("User", "sessions-user"),
        ("UserGroup", "sessions-users"),
    ]


def test_the_group_fails_over_and_is_encrypted_both_ways() -> None:
    graph = make(tags={"Owner": "team"})
    group = graph.one(GROUP)
    expected = {
        "engine": "valkey",
        "engineVersion": "8.1",
        "numCacheClusters": 2,
        "automaticFailoverEnabled": True,
        "multiAzEnabled": True,
        "atRestEncryptionEnabled": True,
        "kmsKeyId": graph.one("aws:kms/key:Key").outputs["arn"],
        "transitEncryptionEnabled": True,
        "transitEncryptionMode": "required",
        "port": 6379,
        "securityGroupIds": ["sg-1"],
        "snapshotRetentionLimit": 7,
        "snapshotWindow": "02:00-03:00",
        "maintenanceWindow": "sun:03:30-sun:04:30",
        "autoMinorVersionUpgrade": True,
        "applyImmediately": True,
        "description": "Cache sessions",
        "tags": {"Name": "sessions", "Owner": "team"},
    }
    assert {key: group.inputs.get(key) for key in expected} == expected
    assert group.options["protect"] is True
    assert not {"authTokenWo", "authToken", "authTokenUpdateStrategy", "replicationGroupId", "notificationTopicArn"} & set(group.inputs)
    assert all(each.inputs["tags"]["Owner"] == "team" for each in graph.resources if "tags" in each.inputs)
    assert graph.one("aws:kms/key:Key").options["retainOnDelete"] is True


def test_names_share_the_suffix_of_the_subnet_group() -> None:
    graph = make()
    group, users = graph.one(GROUP), graph.one("aws:elasticache/userGroup:UserGroup")
    unique = users.inputs["userGroupId"]
    assert re.fullmatch(r"sessions-[0-9a-f]{7}", unique)
    assert graph.one("aws:elasticache/subnetGroup:SubnetGroup").outputs["name"] == unique.replace("sessions", "sessions-subnets")
    assert re.fullmatch(unique + r"-final-[0-9a-f]{8}", group.inputs["finalSnapshotIdentifier"])
    assert (
        make(kms_key_arn="arn:aws:kms:eu-west-1:123456789012:key/mine").one(GROUP).inputs["finalSnapshotIdentifier"]
        != (group.inputs["finalSnapshotIdentifier"])
    )


def test_the_caller_logs_in_through_iam_and_nobody_as_default() -> None:
    graph = make()
    user, nobody = graph.one(USER, "sessions-user"), graph.one(USER, "sessions-default")
    users = graph.one("aws:elasticache/userGroup:UserGroup")
    unique = users.inputs["userGroupId"]
    assert user.inputs == {
        "engine": "redis",
        "userId": unique,
        "userName": unique,
        "accessString": "on ~* +@all",
        "authenticationMode": {"type": "iam"},
        "tags": {},
    }
    assert nobody.inputs == {
        "engine": "redis",
        "userId": f"{unique}-default",
        "userName": "default",
        "accessString": "off ~* -@all",
        "noPasswordRequired": True,
        "tags": {},
    }
    assert users.inputs["engine"] == "redis"
    assert users.inputs["userIds"] == [f"{unique}-default", unique]
    assert set(refs(graph, users, "userIds")) >= {"sessions-default", "sessions-user"}
    group = graph.one(GROUP)
    assert group.inputs["userGroupIds"] == [unique]
    assert "sessions-users" in refs(graph, group, "userGroupIds")
    outputs = graph.one(COMPONENT).outputs
    assert outputs["user_name"] == unique
    assert "secret_arn" not in outputs
    assert outputs["connect_arns"] == [group.outputs["arn"], user.outputs["arn"]]
    assert graph.of_type("aws:secretsmanager/secret:Secret") == []


def test_logs_go_to_groups_with_a_retention_under_the_key() -> None:
    graph = make(log_retention_days=30)
    unique = graph.one("aws:elasticache/userGroup:UserGroup").inputs["userGroupId"]
    key = graph.one("aws:kms/key:Key").outputs["arn"]
    groups = graph.of_type(LOG_GROUP)
    assert [each.inputs["name"] for each in groups] == [f"/aws/elasticache/{unique}/{kind}" for kind in ("engine-log", "slow-log")]
    assert all((each.inputs["retentionInDays"], each.inputs["kmsKeyId"]) == (30, key) for each in groups)
    assert graph.one(GROUP).inputs["logDeliveryConfigurations"] == [
        {
            "destination": f"/aws/elasticache/{unique}/{kind}",
            "destinationType": "cloudwatch-logs",
            "logFormat": "json",
            "logType": kind,
        }
        for kind in ("engine-log", "slow-log")
    ]
    statement = json.loads(graph.one("aws:kms/keyPolicy:KeyPolicy").inputs["policy"])["Statement"][1]
    assert statement["Condition"] == {
        "ArnLike": {"kms:EncryptionContext:aws:logs:arn": "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/elasticache/*"}
    }


@pytest.mark.parametrize(
    ("engine", "version", "family"),
    [
        ("valkey", "7.2", "valkey7"),
        ("valkey", None, "valkey8"),
        ("valkey", "9.0", "valkey9"),
        ("redis", None, "redis7"),
        ("redis", "7.0", "redis7"),
    ],
)
def test_parameter_family(engine: str, version: str | None, family: str) -> None:
    graph = make(engine=engine, engine_version=version, parameters={"timeout": "300", "maxmemory-policy": "allkeys-lru"})
    parameters = graph.one("aws:elasticache/parameterGroup:ParameterGroup").inputs
    assert parameters["family"] == family
    assert parameters["parameters"] == [{"name": "maxmemory-policy", "value": "allkeys-lru"}, {"name": "timeout", "value": "300"}]
    assert graph.one(GROUP).inputs["engine"] == engine
    assert graph.one(GROUP).inputs["engineVersion"] == (version or {"valkey": "8.1", "redis": "7.1"}[engine])


def test_outputs_are_registered() -> None:
    graph = make()
    group = graph.one(GROUP)
    assert graph.one(COMPONENT).outputs == {
        "primary_endpoint": group.outputs["primaryEndpointAddress"],
        "reader_endpoint": group.outputs["readerEndpointAddress"],
        "port": 6379,
        "reader_port": 6379,
        "replication_group_id": group.id,
        "arn": group.outputs["arn"],
        "user_name": graph.one(USER, "sessions-user").outputs["userName"],
        "connect_arns": [group.outputs["arn"], graph.one(USER, "sessions-user").outputs["arn"]],
        "kms_key_arn": graph.one("aws:kms/key:Key").outputs["arn"],
        "log_group_names": [each.inputs["name"] for each in graph.of_type(LOG_GROUP)],
    }
    unknown = make(mode="preview").one(COMPONENT).outputs
    assert unknown["primary_endpoint"] is UNKNOWN
    assert unknown["port"] == 6379


def test_a_user_with_a_password_in_secrets_manager() -> None:
    graph = make(password={"value": CANARY, "rotation_function_arn": FUNCTION})
    user, group = graph.one(USER, "sessions-user"), graph.one(GROUP)
    assert "authenticationMode" not in user.inputs
    assert isinstance(user.inputs["passwordsWo"], Secret)
    assert user.inputs["passwordsWo"].value == CANARY
    assert user.inputs["passwordsWoVersion"] == 1
    version = graph.one("aws:secretsmanager/secretVersion:SecretVersion")
    assert json.loads(version.inputs["secretStringWo"].value) == {
        "username": user.inputs["userName"],
        "password": CANARY,
        "host": group.outputs["primaryEndpointAddress"],
        "port": 6379,
        "user_arn": user.outputs["arn"],
    }
    rotation = graph.one("aws:secretsmanager/secretRotation:SecretRotation")
    assert rotation.inputs["rotationRules"] == {"automaticallyAfterDays": 30}
    assert "sessions-cache" in {urn.split("::")[-1] for urn in rotation.dependencies}
    outputs = graph.one(COMPONENT).outputs
    assert outputs["secret_arn"] == graph.one("aws:secretsmanager/secret:Secret").outputs["arn"]
    assert outputs["connect_arns"] == []
    assert CANARY not in repr([(each.inputs, each.outputs) for each in graph.resources])


def test_one_token_for_everyone() -> None:
    graph = make(auth_token={"value": CANARY, "version": 2})
    group = graph.one(GROUP)
    assert isinstance(group.inputs["authTokenWo"], Secret)
    assert group.inputs["authTokenWo"].value == CANARY
    assert (group.inputs["authTokenWoVersion"], group.inputs["authTokenUpdateStrategy"]) == (2, "ROTATE")
    assert "userGroupIds" not in group.inputs
    assert graph.of_type(USER, "aws:elasticache/userGroup:UserGroup", "aws:secretsmanager/secretRotation:SecretRotation") == []
    version = graph.one("aws:secretsmanager/secretVersion:SecretVersion")
    assert version.inputs["secretStringWoVersion"] == 2
    written = json.loads(version.inputs["secretStringWo"].value)
    assert (written["username"], written["password"]) == ("default", CANARY)
    assert "user_arn" not in written
    outputs = graph.one(COMPONENT).outputs
    assert (outputs["user_name"], outputs["connect_arns"]) == ("default", [])
    assert CANARY not in repr([(each.inputs, each.outputs) for each in graph.resources])


def test_a_serverless_cache() -> None:
    graph = make(SERVERLESS)
    assert children(graph) == [
        ("Key", "sessions-key"),
        ("KeyPolicy", "sessions-key-policy"),
        ("ServerlessCache", "sessions-cache"),
        ("User", "sessions-default"),
        ("User", "sessions-user"),
        ("UserGroup", "sessions-users"),
    ]
    cache = graph.one(SERVERLESS_CACHE)
    unique = graph.one("aws:elasticache/userGroup:UserGroup").inputs["userGroupId"]
    assert re.fullmatch(r"sessions-[0-9a-f]{7}", unique)
    assert cache.inputs == {
        "description": "Cache sessions",
        "engine": "valkey",
        "majorEngineVersion": "8",
        "cacheUsageLimits": {"dataStorage": {"maximum": 10, "unit": "GB"}, "ecpuPerSeconds": [{"maximum": 5000}]},
        "subnetIds": ["subnet-a", "subnet-b"],
        "securityGroupIds": ["sg-1"],
        "kmsKeyId": graph.one("aws:kms/key:Key").outputs["arn"],
        "userGroupId": unique,
        "snapshotRetentionLimit": 7,
        "dailySnapshotTime": "02:00",
        "tags": {"Name": "sessions"},
    }
    assert cache.options["protect"] is True
    outputs = graph.one(COMPONENT).outputs
    assert outputs["primary_endpoint"] == cache.outputs["endpoints"][0]["address"]
    assert outputs["port"] == cache.outputs["endpoints"][0]["port"]
    assert outputs["reader_endpoint"] == cache.outputs["readerEndpoints"][0]["address"]
    assert outputs["reader_port"] == cache.outputs["readerEndpoints"][0]["port"]
    assert outputs["replication_group_id"] == cache.outputs["name"]
    assert outputs["connect_arns"] == [cache.outputs["arn"], graph.one(USER, "sessions-user").outputs["arn"]]
    assert outputs["log_group_names"] == []
    without = make(SERVERLESS, snapshot_retention_days=0).one(SERVERLESS_CACHE).inputs
    assert "dailySnapshotTime" not in without


def test_a_new_cache_begins_with_a_snapshot_that_counts_once() -> None:
    group = make(restore_from_snapshot="sessions-final").one(GROUP)
    assert group.inputs["snapshotName"] == "sessions-final"
    assert set(group.options["ignoreChanges"]) == {"snapshotArnsToRestores", "snapshotName"}
    arn = "arn:aws:elasticache:eu-west-1:123456789012:serverlesscachesnapshot:sessions-final"
    assert make(SERVERLESS, restore_from_snapshot=arn).one(SERVERLESS_CACHE).inputs["snapshotArnsToRestores"] == [arn]
    assert "snapshotName" not in make().one(GROUP).inputs


def test_what_dev_loosens() -> None:
    graph = make(
        replicas=0,
        subnet_ids_by_zone={"eu-west-1a": "subnet-a"},
        deletion_protection=False,
        skip_final_snapshot=True,
        snapshot_retention_days=1,
        auto_minor_version_upgrade=False,
        description="Sessions",
    )
    group = graph.one(GROUP)
    expected = {
        "numCacheClusters": 1,
        "automaticFailoverEnabled": False,
        "multiAzEnabled": False,
        "snapshotRetentionLimit": 1,
        "autoMinorVersionUpgrade": False,
        "description": "Sessions",
    }
    assert {key: group.inputs[key] for key in expected} == expected
    assert "finalSnapshotIdentifier" not in group.inputs
    assert not group.options.get("protect")
    assert not graph.one("aws:kms/key:Key").options.get("retainOnDelete")


def test_changes_can_wait_for_the_maintenance_window() -> None:
    assert make(apply_immediately=False).one(GROUP).inputs["applyImmediately"] is False


def test_a_key_of_the_caller() -> None:
    key = "arn:aws:kms:eu-west-1:123456789012:key/mine"
    for base, token in ((CACHE, GROUP), (SERVERLESS, SERVERLESS_CACHE)):
        graph = make(base, kms_key_arn=key)
        assert graph.of_type("aws:kms/key:Key") == []
        assert graph.one(token).inputs["kmsKeyId"] == key
        assert graph.one(COMPONENT).outputs["kms_key_arn"] == key
    assert make(final_snapshot_identifier="last-one").one(GROUP).inputs["finalSnapshotIdentifier"] == "last-one"


def test_alarms_and_events_notify_the_topics() -> None:
    topic = "arn:aws:sns:eu-west-1:123456789012:alarms"
    graph = make(alarm_topic_arns=[topic], notification_topic_arn=topic)
    group = graph.one(GROUP)
    assert group.inputs["notificationTopicArn"] == topic
    alarms = graph.of_type("aws:cloudwatch/metricAlarm:MetricAlarm")
    assert [
        (each.name, each.inputs["metricName"], each.inputs["threshold"], each.inputs["dimensions"]["CacheClusterId"]) for each in alarms
    ] == [
        (f"sessions-{suffix}-{node}", metric, threshold, f"{group.id}-{node}")
        for node in ("001", "002")
        for suffix, metric, threshold in (("cpu", "EngineCPUUtilization", 90), ("memory", "DatabaseMemoryUsagePercentage", 80))
    ]
    assert all(each.inputs["alarmActions"] == each.inputs["okActions"] == [topic] for each in alarms)


def test_events_go_to_the_first_of_the_topics_of_alarms() -> None:
    topics = [f"arn:aws:sns:eu-west-1:123456789012:{name}" for name in ("first", "second")]
    assert make(alarm_topic_arns=topics).one(GROUP).inputs["notificationTopicArn"] == topics[0]
    own = "arn:aws:sns:eu-west-1:123456789012:cache"
    assert make(alarm_topic_arns=topics, notification_topic_arn=own).one(GROUP).inputs["notificationTopicArn"] == own
    assert "notificationTopicArn" not in make().one(GROUP).inputs


def test_a_failed_rotation_is_reported() -> None:
    topic = "arn:aws:sns:eu-west-1:123456789012:alarms"
    rotated = {"value": CANARY, "rotation_function_arn": FUNCTION}
    for changes in ({"password": rotated}, {"auth_token": rotated}):
        graph = make(alarm_topic_arns=[topic], **changes)
        rule = graph.named("sessions-rotation-failed")
        detail = json.loads(rule.inputs["eventPattern"])["detail"]
        assert detail["eventName"] == ["RotationFailed"]
        assert detail["additionalEventData"] == {"SecretId": [graph.one(COMPONENT).outputs["secret_arn"]]}
        assert graph.named("sessions-rotation-failed-topic-1").inputs["arn"] == topic
    assert make(**changes).of_type("aws:cloudwatch/eventRule:EventRule") == []
    for changes in ({}, {"auth_token": {"value": CANARY}}):
        assert make(alarm_topic_arns=[topic], **changes).of_type("aws:cloudwatch/eventRule:EventRule") == []


def test_transforms_reach_the_children() -> None:
    def larger(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
        if args.type_ != GROUP:
            return None
        return pulumi.ResourceTransformResult(props={**args.props, "nodeType": "cache.m7g.large"}, opts=args.opts)

    graph = record(lambda: InMemoryCache("sessions", CACHE, pulumi.ResourceOptions(transforms=[larger])))
    assert graph.one(GROUP).inputs["nodeType"] == "cache.m7g.large"
