"""GlobalTable: every replica protected by itself, what roles get in every Region, and every refusal."""

from typing import Any

import pulumi
import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.database import GlobalTable
from offline_preview.graph import Graph

from tests.harness import record, refs

TABLE, KEY, ALARM = "aws:dynamodb/table:Table", "aws:kms/key:Key", "aws:cloudwatch/metricAlarm:MetricAlarm"
HOME, AWAY = "arn:aws:sns:eu-west-1:123456789012:alarms", "arn:aws:sns:us-east-1:123456789012:alarms"
KEY_ARN = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
PLACE: Any = {"partition_key": {"name": "player"}, "replicas": {"us-east-1": {}, "ap-south-1": {}}}
STRONG: Any = {"strong_consistency": True, "region": "eu-west-1", "replicas": {"eu-west-2": {}, "eu-west-3": {}}}


def profiles(seen: dict[str, Any] | None = None, **args: Any) -> Graph:
    def program() -> None:
        table = GlobalTable("profiles", {**PLACE, **args})
        found = {
            "reader": table.reader_statements(),
            "writer": table.writer_statements(),
            "stream": table.stream_statements(),
            "arns": table.table_arns,
            "streams": table.stream_arns,
            "keys": table.kms_key_arns,
        }
        if seen is not None:
            pulumi.Output.from_input(found).apply(seen.update)

    return record(program, mode="deployed")


def test_a_role_of_one_region_may_use_its_replica_alone() -> None:
    found: dict[str, Any] = {}

    def program() -> None:
        table = GlobalTable("profiles", {**PLACE, "region": "eu-west-1"})
        known = {"reader": table.reader_statements("us-east-1"), "writer": table.writer_statements("eu-west-1", "us-east-1")}
        pulumi.Output.from_input(known).apply(found.update)
        with pytest.raises(ArgumentError) as caught:
            table.reader_statements("sa-east-1")
        [(path, reason)] = caught.value.problems
        assert path == "regions"
        assert reason.startswith("is 'sa-east-1', which is not a Region of it; known are eu-west-1, us-east-1")

    record(program, mode="deployed")
    assert {arn.split(":")[3] for one in found["reader"] for arn in one["resources"]} == {"us-east-1"}
    assert {arn.split(":")[3] for one in found["writer"] for arn in one["resources"]} == {"eu-west-1", "us-east-1"}


def refused(**args: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as error:
        profiles(**args)
    return error.value.problems


def test_every_replica_is_protected_by_itself() -> None:
    graph = profiles(tags={"team": "games"}, replicas={"us-east-1": {}, "ap-south-1": {"kms_key_arn": KEY_ARN}})
    keys = {key.name: key for key in graph.of_type(KEY)}
    assert {name: key.inputs.get("region") for name, key in keys.items()} == {"profiles-key": None, "profiles-key-us-east-1": "us-east-1"}
    assert {key.inputs["enableKeyRotation"] for key in keys.values()} == {True}
    protection = {"pointInTimeRecovery": True, "deletionProtectionEnabled": True, "propagateTags": True}
    assert {key: value for key, value in graph.one(TABLE).inputs.items() if not key.startswith("__")} == {
        "billingMode": "PAY_PER_REQUEST",
        "hashKey": "player",
        "attributes": [{"name": "player", "type": "S"}],
        "replicas": [
            {"regionName": "us-east-1", "kmsKeyArn": keys["profiles-key-us-east-1"].outputs["arn"], **protection},
            {"regionName": "ap-south-1", "kmsKeyArn": KEY_ARN, **protection},
        ],
        "streamEnabled": True,
        "streamViewType": "NEW_AND_OLD_IMAGES",
        "serverSideEncryption": {"enabled": True, "kmsKeyArn": keys["profiles-key"].outputs["arn"]},
        "pointInTimeRecovery": {"enabled": True, "recoveryPeriodInDays": 35},
        "deletionProtectionEnabled": True,
        "tags": {"team": "games"},
    }
    # The key admits the table's service before the table asks for it.
    assert refs(graph, graph.one(TABLE), "serverSideEncryption") == ["profiles-key", "profiles-key-policy"]
    assert refs(graph, graph.one(TABLE), "replicas") == ["profiles-key-us-east-1", "profiles-key-us-east-1-policy"]
    open_ = profiles(deletion_protection=False, recovery_days=7).one(TABLE).inputs
    assert open_["deletionProtectionEnabled"] is False
    assert [one["deletionProtectionEnabled"] for one in open_["replicas"]] == [False, False]
    assert open_["pointInTimeRecovery"] == {"enabled": True, "recoveryPeriodInDays": 7}


def test_there_are_at_least_two_regions() -> None:
    assert refused(replicas={}) == [("replicas", "has 0 entries; at least 1 is needed")]
    own = [("replicas.us-east-1", "is 'us-east-1', the table's own Region. Name another one.")]
    assert refused(region="us-east-1") == own
    given = profiles(region="eu-west-1").one(TABLE)
    assert given.inputs["region"] == "eu-west-1"


def test_only_attributes_of_keys_are_declared() -> None:
    by_guild: Any = {"partition_key": {"name": "guild"}, "sort_key": {"name": "score", "type": "N"}}
    indexes: Any = {
        "by-guild": {**by_guild, "attributes": ["nick"]},
        "all": by_guild,
        "keys": {"partition_key": {"name": "score", "type": "N"}, "attributes": []},
    }
    table = profiles(sort_key={"name": "part"}, indexes=indexes, ttl_attribute="until").one(TABLE).inputs
    kinds = {"guild": "S", "part": "S", "player": "S", "score": "N"}
    assert table["attributes"] == [{"name": name, "type": kind} for name, kind in kinds.items()]
    assert (table["hashKey"], table["rangeKey"], table["ttl"]) == ("player", "part", {"attributeName": "until", "enabled": True})
    keys = [{"attributeName": "guild", "keyType": "HASH"}, {"attributeName": "score", "keyType": "RANGE"}]
    assert table["globalSecondaryIndexes"] == [
        {"name": "all", "keySchemas": keys, "projectionType": "ALL"},
        {"name": "by-guild", "keySchemas": keys, "projectionType": "INCLUDE", "nonKeyAttributes": ["nick"]},
        {"name": "keys", "keySchemas": [{"attributeName": "score", "keyType": "HASH"}], "projectionType": "KEYS_ONLY"},
    ]
    wrong: Any = {"by-score": {"partition_key": {"name": "player", "type": "N"}, "sort_key": {"name": "player", "type": "N"}}}
    type_ = "is 'N', but the key 'player' has the type 'S' elsewhere. Give both the same type."
    assert refused(indexes=wrong) == [
        ("indexes.by-score.partition_key.type", type_),
        ("indexes.by-score.sort_key.type", type_),
        ("indexes.by-score.sort_key.name", "is 'player', the partition key. Name another attribute."),
    ]
    assert refused(sort_key={"name": "player"}) == [("sort_key.name", "is 'player', the partition key. Name another attribute.")]


def test_roles_work_in_every_region() -> None:
    seen: dict[str, Any] = {}
    graph = profiles(seen)
    name, arn = graph.one(TABLE).outputs["name"], graph.one(TABLE).outputs["arn"]
    own = arn.split(":")[3]
    arns = {region: f"arn:aws:dynamodb:{region}:123456789012:table/{name}" for region in (own, "us-east-1", "ap-south-1")}
    assert seen["arns"] == arns
    assert list(seen["streams"]) == [own]
    assert seen["keys"].keys() == arns.keys()
    places = [place for one in arns.values() for place in (one, f"{one}/index/*")]
    reader, key = seen["reader"]
    assert reader["resources"] == places
    assert reader["actions"] == [
        f"dynamodb:{one}" for one in ("BatchGetItem", "ConditionCheckItem", "DescribeTable", "GetItem", "Query", "Scan")
    ]
    assert (key["actions"], key["resources"]) == (["kms:Decrypt"], list(seen["keys"].values()))
    added = {action.removeprefix("dynamodb:") for action in seen["writer"][0]["actions"]} - {
        action.removeprefix("dynamodb:") for action in reader["actions"]
    }
    assert added == {"BatchWriteItem", "DeleteItem", "PutItem", "UpdateItem"}
    assert seen["stream"][0]["resources"] == [f"{one}/stream/*" for one in arns.values()]


def test_alarms_notify_topics_of_their_own_region() -> None:
    assert profiles().of_type(ALARM) == []
    graph = profiles(alarm_topic_arns=[HOME], replicas={"us-east-1": {"alarm_topic_arns": [AWAY]}, "ap-south-1": {}})
    found = {alarm.name: (alarm.inputs.get("region"), alarm.inputs["alarmActions"]) for alarm in graph.of_type(ALARM)}
    assert found == {
        "profiles-throttled": (None, [HOME]),
        "profiles-throttled-us-east-1": ("us-east-1", [AWAY]),
        "profiles-late-us-east-1": (None, [HOME]),
        "profiles-late-ap-south-1": (None, [HOME]),
    }
    late = graph.named("profiles-late-us-east-1")
    assert (late.inputs["metricName"], late.inputs["namespace"], late.inputs["threshold"]) == ("ReplicationLatency", "AWS/DynamoDB", 60_000)
    assert late.inputs["dimensions"] == {"TableName": graph.one(TABLE).outputs["name"], "ReceivingRegion": "us-east-1"}
    # Without the table's own topics, a replica's alarm is there all the same.
    [alone] = profiles(replicas={"us-east-1": {"alarm_topic_arns": [AWAY]}}).of_type(ALARM)
    assert alone.name == "profiles-throttled-us-east-1"


def test_a_strongly_consistent_table_is_in_three_regions() -> None:
    table = profiles(**STRONG, alarm_topic_arns=[HOME])
    assert [one["consistencyMode"] for one in table.one(TABLE).inputs["replicas"]] == ["STRONG", "STRONG"]
    # Nothing is late that a write waits for.
    assert [alarm.name for alarm in table.of_type(ALARM)] == ["profiles-throttled"]
    witness: Any = {**STRONG, "replicas": {"eu-west-2": {}}, "witness_region": "eu-central-1"}
    inputs = profiles(**witness).one(TABLE).inputs
    assert inputs["globalTableWitness"] == {"regionName": "eu-central-1"}
    assert "consistencyMode" not in profiles().one(TABLE).inputs["replicas"][0]


@pytest.mark.parametrize(
    ("args", "problems"),
    [
        (
            {"strong_consistency": True, "replicas": {"eu-west-2": {}}},
            [
                (
                    "replicas",
                    "has 1 Region; a strongly consistent table is in exactly three: its own and two replicas, or its own, one replica "
                    "and witness_region.",
                )
            ],
        ),
        (
            {**STRONG, "replicas": {"eu-west-2": {}, "eu-west-3": {}}, "witness_region": "eu-west-2"},
            [("witness_region", "is 'eu-west-2', which has a replica. Name another Region, or remove it from replicas.")],
        ),
        (
            {**STRONG, "replicas": {"eu-west-2": {}, "us-east-1": {}}},
            [
                (
                    "replicas",
                    "has eu-west-1, eu-west-2, us-east-1; a strongly consistent table is in Regions of one of these sets: us-east-1, "
                    "us-east-2, us-west-2; eu-west-1, eu-west-2, eu-west-3, eu-central-1; ap-northeast-1, ap-northeast-2, ap-northeast-3.",
                )
            ],
        ),
        (
            {"witness_region": "eu-central-1"},
            [("strong_consistency", "is False; witness_region needs it. Set it to True, or remove witness_region.")],
        ),
        (
            {**STRONG, "ttl_attribute": "until"},
            [
                (
                    "ttl_attribute",
                    "excludes strong_consistency: DynamoDB deletes no expired items of such a table; both are given. Remove one of them.",
                )
            ],
        ),
        (
            {"replicas": {"Frankfurt": {}}},
            [("replicas", "has 'Frankfurt'; a name has the form of an AWS Region such as eu-central-1. Rename it")],
        ),
    ],
)
def test_what_aws_refuses_is_refused_first(args: dict[str, Any], problems: list[tuple[str, str]]) -> None:
    assert refused(**args) == problems
