"""ReadReplica of an RDS instance: replicas in zones and Regions, their records and health checks, and every refusal."""

import re
from typing import Any

import pulumi
import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.database import ReadReplica
from offline_preview.graph import Graph

from tests.components.database.test_read_replica import replica as recorded
from tests.harness import record, refs

COMPONENT = "cloudpatterns:index:ReadReplica"
INSTANCE, RECORD, CHECK, ZONE = (
    "aws:rds/instance:Instance",
    "aws:route53/record:Record",
    "aws:route53/healthCheck:HealthCheck",
    "aws:route53/zone:Zone",
)
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
SOURCE = "arn:aws:rds:eu-west-1:123456789012:db:orders-1"
TOPIC, THERE = "arn:aws:sns:eu-west-1:123456789012:alarms", "arn:aws:sns:eu-central-1:123456789012:alarms"
KEY_ARN = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
FAR: Any = {
    "region": "eu-central-1",
    "subnet_ids_by_zone": {"eu-central-1a": "subnet-x", "eu-central-1b": "subnet-y"},
    "security_group_ids": ["sg-x"],
    "alarm_topic_arns": [THERE],
    "weight": 10,
}
RDS: Any = {
    "engine": "postgres",
    "engine_version": "14",
    "database_arn": SOURCE,
    "security_group_ids": ["sg-reads"],
    "kms_key_arn": KEY_ARN,
    "instance_class": "db.m7g.large",
    "replicas": {"a": {"zone": "eu-west-1a"}, "far": FAR},
    "record_name": "reads.orders.internal",
    "vpc_id": "vpc-1",
}


def replica(seen: dict[str, Any] | None = None, **changes: Any) -> Graph:
    return recorded(seen, RDS, **changes)


def plain(inputs: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in inputs.items() if not key.startswith("__")}


def test_a_replica_in_a_zone_takes_what_its_source_has() -> None:
    graph = replica(max_allocated_storage_gib=200)
    near = graph.named("reads-a")
    identifier = near.inputs["identifier"]
    assert re.fullmatch("reads-a-[0-9a-f]{7}", identifier)
    assert plain(near.inputs) == {
        "identifier": identifier,
        # The identifier, not the ARN: the latter is that of another Region.
        "replicateSourceDb": "orders-1",
        "instanceClass": "db.m7g.large",
        "availabilityZone": "eu-west-1a",
        "storageType": "gp3",
        "maxAllocatedStorage": 200,
        "storageEncrypted": True,
        "vpcSecurityGroupIds": ["sg-reads"],
        "publiclyAccessible": False,
        "iamDatabaseAuthenticationEnabled": True,
        "autoMinorVersionUpgrade": True,
        "enabledCloudwatchLogsExports": ["postgresql", "upgrade"],
        "monitoringInterval": 60,
        "monitoringRoleArn": graph.named("reads-monitoring").outputs["arn"],
        "databaseInsightsMode": "standard",
        "performanceInsightsEnabled": True,
        "performanceInsightsKmsKeyId": KEY_ARN,
        "performanceInsightsRetentionPeriod": 7,
        "copyTagsToSnapshot": True,
        "deletionProtection": True,
        "skipFinalSnapshot": True,
        "tags": {"Name": "reads-a"},
    }
    assert (near.options["protect"], near.options["deleteBeforeReplace"]) == (True, True)
    assert {"reads-a-logs-postgresql", "reads-a-logs-upgrade"} <= set(refs(graph, near, "identifier"))
    group = graph.named("reads-a-logs-upgrade").inputs
    assert (group["name"], group["kmsKeyId"]) == (f"/aws/rds/instance/{identifier}/upgrade", KEY_ARN)


def test_a_replica_in_another_region_has_its_own_key_parameters_and_subnets_there() -> None:
    graph = replica()
    far = graph.named("reads-far").inputs
    assert far["replicateSourceDb"] == SOURCE
    assert far["vpcSecurityGroupIds"] == ["sg-x"]
    for path, name in (
        ("kmsKeyId", "reads-far-key"),
        ("dbSubnetGroupName", "reads-far-subnets"),
        ("parameterGroupName", "reads-far-parameters"),
    ):
        assert name in refs(graph, graph.named("reads-far"), path)
    assert far["performanceInsightsKmsKeyId"] == graph.named("reads-far-key").outputs["arn"]
    children = [one for one in graph.resources if one.name.startswith("reads-far") and "route53" not in one.type]
    assert {one.inputs.get("region") for one in children} == {"eu-central-1"}
    parameters = graph.named("reads-far-parameters").inputs
    # PostgreSQL 14 does not refuse connections without TLS by itself.
    assert (parameters["family"], parameters["parameters"]) == (
        "postgres14",
        [{"name": "rds.force_ssl", "value": "1", "applyMethod": "pending-reboot"}],
    )
    given = replica(replicas={"far": {**FAR, "kms_key_arn": "arn:aws:kms:eu-central-1:123456789012:key/k"}})
    assert given.named("reads-far").inputs["kmsKeyId"] == "arn:aws:kms:eu-central-1:123456789012:key/k"
    assert given.of_type("aws:kms/key:Key") == []


def test_weighted_private_records_stand_before_the_replicas() -> None:
    seen: dict[str, Any] = {}
    graph = replica(seen)
    zone = graph.one(ZONE)
    assert (zone.inputs["name"], zone.inputs["vpcs"]) == ("orders.internal", [{"vpcId": "vpc-1"}])
    near, far = graph.named("reads-a-record"), graph.named("reads-far-record")
    assert plain(near.inputs) == {
        "zoneId": zone.outputs["zoneId"],
        "name": "reads.orders.internal",
        "type": "CNAME",
        "ttl": 5,
        "records": [graph.named("reads-a").outputs["address"]],
        "setIdentifier": "a",
        "weightedRoutingPolicies": [{"weight": 100}],
        "healthCheckId": graph.named("reads-a-check").id,
    }
    assert (far.inputs["setIdentifier"], far.inputs["weightedRoutingPolicies"]) == ("far", [{"weight": 10}])
    assert seen["environment"]["CLOUDPATTERNS_REPLICAS_HOST"] == "reads.orders.internal"
    existing = replica(vpc_id=None, existing_hosted_zone_id="Z0123456789ABCDEFGHIJ")
    assert existing.of_type(ZONE) == []
    assert existing.named("reads-a-record").inputs["zoneId"] == "Z0123456789ABCDEFGHIJ"


def test_a_reader_logs_in_to_each_replica_as_the_user_of_reads_alone() -> None:
    seen: dict[str, Any] = {}
    graph = replica(seen, reader_user_name="reports")
    expected = []
    for name in ("reads-a", "reads-far"):
        outputs = graph.named(name).outputs
        region, account = outputs["arn"].split(":")[3:5]
        expected.append(f"arn:aws:rds-db:{region}:{account}:dbuser:{outputs['resourceId']}/reports")
    assert seen["statements"] == [{"sid": "Reads", "actions": ["rds-db:connect"], "resources": expected}]


@pytest.mark.parametrize(("engine", "version", "expected"), [("postgres", "17", 600), ("mysql", "8.4", 60)])
def test_lag_minus_one_and_silence_raise_an_alarm_and_take_the_replica_out(engine: str, version: str, expected: int) -> None:
    graph = replica(engine=engine, engine_version=version, alarm_topic_arns=[TOPIC])
    lag, broken = graph.named("reads-a-lag").inputs, graph.named("reads-a-broken").inputs
    for alarm in (lag, broken):
        assert (alarm["namespace"], alarm["metricName"], alarm["statistic"]) == ("AWS/RDS", "ReplicaLag", "Average")
        assert alarm["dimensions"] == {"DBInstanceIdentifier": graph.named("reads-a").outputs["identifier"]}
        assert (alarm["treatMissingData"], alarm["alarmActions"], alarm["period"]) == ("breaching", [TOPIC], 60)
    assert (lag["comparisonOperator"], lag["threshold"]) == ("GreaterThanThreshold", expected)
    assert (broken["comparisonOperator"], broken["threshold"]) == ("LessThanThreshold", 0)
    for kind in ("lag", "broken"):
        check = graph.named(f"reads-a-{kind}-check")
        assert (check.inputs["type"], check.inputs["insufficientDataHealthStatus"]) == ("CLOUDWATCH_METRIC", "Unhealthy")
        assert refs(graph, check, "cloudwatchAlarmName") == [f"reads-a-{kind}"]
    whole = graph.named("reads-a-check")
    assert (whole.inputs["type"], whole.inputs["childHealthThreshold"]) == ("CALCULATED", 2)
    assert sorted(refs(graph, whole, "childHealthchecks")) == ["reads-a-broken-check", "reads-a-lag-check"]
    assert graph.named("reads-a-lag-check").inputs["triggers"] == {"threshold": str(expected)}
    # Alarms notify topics of their own Region.
    assert graph.named("reads-far-lag").inputs["alarmActions"] == [THERE]
    assert graph.named("reads-far-lag").inputs["region"] == "eu-central-1"


def test_outputs_by_replica() -> None:
    graph = replica()
    outputs = graph.one(COMPONENT).outputs
    assert outputs["replica_arns"] == {"a": graph.named("reads-a").outputs["arn"], "far": graph.named("reads-far").outputs["arn"]}
    assert outputs["replica_addresses"]["a"] == graph.named("reads-a").outputs["address"]
    assert (outputs["proxy_arn"], outputs["reader_host"], outputs["reader_port"]) == ("", "reads.orders.internal", 5432)
    assert outputs["hosted_zone_id"] == graph.one(ZONE).outputs["zoneId"]
    assert graph.of_type("aws:rds/proxy:Proxy", "aws:lambda/function:Function") == []


def test_the_user_of_reads_may_ask_how_far_behind_a_mysql_replica_is() -> None:
    found: list[str] = []
    args = {**RDS, "engine": "mysql", "engine_version": "8.4"}
    record(lambda: found.append(ReadReplica("reads", args).reader_sql("shop")))  # ty: ignore[invalid-argument-type]
    assert found[0].splitlines()[1:] == [
        "GRANT SELECT, SHOW VIEW ON `shop`.* TO 'reader'@'%';",
        "GRANT REPLICATION CLIENT ON *.* TO 'reader'@'%';",
    ]


def test_names_of_the_source_may_be_known_later() -> None:
    graph = record(lambda: ReadReplica("reads", {**RDS, "database_arn": pulumi.Output.from_input(SOURCE)}), mode="deployed")
    assert graph.named("reads-a").inputs["replicateSourceDb"] == "orders-1"


@pytest.mark.parametrize(
    ("changes", "problems"),
    [
        (
            {"replicas": {}, "record_name": None, "vpc_id": None, "instance_class": None},
            [
                ("replicas", "is missing; postgres needs it. Give it."),
                ("record_name", "is missing; postgres needs it. Give it."),
                ("vpc_id", "exactly one of vpc_id and existing_hosted_zone_id is needed; none is given. Give one."),
            ],
        ),
        (
            {"replicas": {"a": {}}, "instance_class": None},
            [("instance_class", "is missing; replicas.a needs it. Give it, here or there.")],
        ),
        (
            {"replicas": {"a": {"weight": 0}, "b": {"weight": 0}}},
            [("replicas", "have the weight 0 alone, so every one gets reads in equal shares. Give those that should have some a weight.")],
        ),
        (
            {"engine_version": None},
            [("engine_version", "is missing; replicas.far.region needs it: its parameter group has the family of the version. Give it.")],
        ),
        (
            {"engine_version": "13"},
            [
                (
                    "engine_version",
                    "is '13'; postgres before 14 has left standard support, and paid extended support is off. Use 14 or newer.",
                )
            ],
        ),
        (
            {"replicas": {"far": {"region": "eu-central-1", "zone": "eu-central-1a"}}},
            [
                ("replicas.far.subnet_ids_by_zone", "is missing; region needs it. Give it, or remove region."),
                ("replicas.far.security_group_ids", "is missing; region needs it. Give it, or remove region."),
                ("replicas.far.region", "excludes zone: the subnets have the zones of another Region; both are given. Remove one of them."),
            ],
        ),
        (
            {"replicas": {"a": {"kms_key_arn": KEY_ARN}}},
            [
                (
                    "replicas.a.region",
                    "is missing; kms_key_arn needs it: elsewhere it is the instance's. Give it, or remove kms_key_arn.",
                )
            ],
        ),
        (
            {"min_readers": 2, "resource_id": "cluster-ABC"},
            [
                ("resource_id", "is given; it is for Aurora, and engine is postgres. Remove it."),
                ("min_readers", "is given; it is for Aurora, and engine is postgres. Remove it."),
            ],
        ),
        (
            {"database_arn": "arn:aws:rds:eu-west-1:123456789012:cluster:orders"},
            [
                (
                    "database_arn",
                    "is 'arn:aws:rds:eu-west-1:123456789012:cluster:orders'; with postgres it is the ARN of a database (:db:).",
                )
            ],
        ),
    ],
)
def test_what_cannot_be_created_is_refused(changes: Any, problems: list[tuple[str, str]]) -> None:
    with pytest.raises(ArgumentError) as error:
        replica(**changes)
    assert error.value.problems == problems


def test_a_name_that_an_instance_cannot_carry_is_refused() -> None:
    with pytest.raises(ArgumentError) as error:
        record(lambda: ReadReplica("r" * 53, RDS))
    assert error.value.problems[0][0] == "name"
