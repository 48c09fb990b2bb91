"""StateSharing: the table or the cache, what its readers get, and every refusal."""

import json
from typing import Any

import pulumi
import pytest
import redis
from cloudpatterns.core import ArgumentError
from cloudpatterns.database import StateSharing
from cloudpatterns_runtime import sessions as library
from offline_preview.graph import Graph

from tests.examples.servers import cache_program
from tests.harness import record, refs
from tests.runtime.session_stores import session_cache

COMPONENT = "cloudpatterns:index:StateSharing"
TABLE, KEY, POLICY = "aws:dynamodb/table:Table", "aws:kms/key:Key", "aws:dynamodb/resourcePolicy:ResourcePolicy"
CACHE, ALARM = "aws:elasticache/replicationGroup:ReplicationGroup", "aws:cloudwatch/metricAlarm:MetricAlarm"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:alarms"
KEY_ARN = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
TABLE_ARN = "arn:aws:dynamodb:eu-west-1:123456789012:table/visits"
PLACE: Any = {
    "subnet_ids_by_zone": {"eu-west-1a": "subnet-a", "eu-west-1b": "subnet-b"},
    "security_group_ids": ["sg-cache"],
}
IN_CACHE: Any = {"cache": {"node_type": "cache.t4g.small"}, **PLACE}


def sharing(seen: dict[str, Any] | None = None, **args: Any) -> Graph:
    def program() -> None:
        store = StateSharing("visits", args)  # ty: ignore[invalid-argument-type]
        found = {"statements": store.reader_statements(), "environment": store.environment()}
        if seen is not None:
            pulumi.Output.from_input(found).apply(seen.update)

    return record(program, mode="deployed")


def refused(**args: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as error:
        sharing(**args)
    return error.value.problems


def test_a_table_is_encrypted_at_rest_and_kept() -> None:
    graph = sharing(tags={"team": "web"})
    sessions = graph.one(TABLE)
    assert {key: value for key, value in sessions.inputs.items() if not key.startswith("__")} == {
        "billingMode": "PAY_PER_REQUEST",
        "hashKey": "id",
        "attributes": [{"name": "id", "type": "S"}],
        "ttl": {"attributeName": "expires_at", "enabled": True},
        "serverSideEncryption": {"enabled": True, "kmsKeyArn": graph.one(KEY).outputs["arn"]},
        "pointInTimeRecovery": {"enabled": True},
        "deletionProtectionEnabled": True,
        "tags": {"team": "web"},
    }
    given = sharing(kms_key_arn=KEY_ARN, deletion_protection=False)
    assert given.of_type(KEY) == []
    assert given.one(TABLE).inputs["serverSideEncryption"] == {"enabled": True, "kmsKeyArn": KEY_ARN}
    assert given.one(TABLE).inputs["deletionProtectionEnabled"] is False


def test_a_table_is_encrypted_in_transit() -> None:
    graph = sharing()
    policy, arn = graph.one(POLICY), graph.one(TABLE).outputs["arn"]
    assert refs(graph, policy, "resourceArn") == ["visits-table"]
    [statement] = json.loads(policy.inputs["policy"])["Statement"]
    assert statement == {
        "Sid": "DenyPlain",
        "Effect": "Deny",
        "Principal": "*",
        "Action": ["dynamodb:*"],
        "Resource": [arn],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def test_a_cache_is_encrypted_in_transit_and_at_rest() -> None:
    graph = sharing(**IN_CACHE, alarm_topic_arns=[TOPIC])
    cache = graph.one(CACHE)
    assert (cache.name, cache.inputs["transitEncryptionMode"], cache.inputs["atRestEncryptionEnabled"]) == (
        "visits-cache-cache",
        "required",
        True,
    )
    assert cache.inputs["kmsKeyId"] == graph.one(KEY).outputs["arn"]
    assert graph.of_type(TABLE, POLICY) == []
    assert {alarm.name for alarm in graph.of_type(ALARM)} >= {"visits-cache-cpu-001", "visits-cache-memory-002"}
    assert graph.named("visits-cache-user").inputs["accessString"] == "on ~session:* +@all -@dangerous"
    own = sharing(**{**IN_CACHE, "cache": {"node_type": "cache.t4g.small", "access_string": "on ~* +@read"}})
    assert own.named("visits-cache-user").inputs["accessString"] == "on ~* +@read"


def test_the_user_of_a_cache_reaches_sessions_and_nothing_else() -> None:
    program = cache_program()
    if program is None:
        pytest.skip("neither Valkey nor Redis is installed")
    rules = sharing(**IN_CACHE).named("visits-cache-user").inputs["accessString"].split()
    with session_cache(program) as administrator:
        administrator.execute_command("ACL", "SETUSER", "server", *rules, ">secret")
        administrator.set("other", "1")
        place = administrator.connection_pool.connection_kwargs["path"]
        client = redis.Redis(unix_socket_path=place, username="server", password="secret")
        store = library.CacheSessions(client)
        session = store.rotate(store.write(store.create({}), {"user": "ada"}))
        found = store.read(store.touch(session).id)
        assert found is not None
        assert found.data == {"user": "ada"}
        for command in ("FLUSHALL", "KEYS *", "GET other"):
            with pytest.raises(redis.exceptions.NoPermissionError):
                client.execute_command(*command.split())
        store.destroy(session.id)
        assert store.read(session.id) is None
        client.close()


def test_entries_expire_and_readers_compare_the_time_themselves() -> None:
    seen: dict[str, Any] = {}
    graph = sharing(seen, idle_seconds=600, lifetime_seconds=3600)
    name = graph.one(TABLE).outputs["name"]
    assert seen["environment"] == {
        "CLOUDPATTERNS_SESSIONS_STORE": "table",
        "CLOUDPATTERNS_SESSIONS_TABLE": name,
        "CLOUDPATTERNS_SESSIONS_IDLE_SECONDS": "600",
        "CLOUDPATTERNS_SESSIONS_LIFETIME_SECONDS": "3600",
    }
    client: Any = object()
    store = library.TableSessions.from_environment(client, environment=seen["environment"])
    assert (store.table, store.idle_seconds, store.lifetime_seconds) == (name, 600, 3600)
    assert graph.one(COMPONENT).outputs["variables"] == seen["environment"]
    # The component's defaults are the library's.
    sharing(seen)
    default = library.TableSessions.from_environment(client, environment=seen["environment"])
    assert default == library.TableSessions(client, table=default.table)


def test_readers_of_a_cache_log_in_through_iam() -> None:
    seen: dict[str, Any] = {}
    graph = sharing(seen, **IN_CACHE)
    cache, user = graph.one(CACHE), graph.named("visits-cache-user")
    assert seen["statements"] == [
        {"sid": "Sessions", "actions": ["elasticache:Connect"], "resources": [cache.outputs["arn"], user.outputs["arn"]]}
    ]
    environment = seen["environment"]
    assert environment == {
        "CLOUDPATTERNS_SESSIONS_STORE": "cache",
        "CLOUDPATTERNS_SESSIONS_ENDPOINT": cache.outputs["primaryEndpointAddress"],
        "CLOUDPATTERNS_SESSIONS_PORT": "6379",
        "CLOUDPATTERNS_SESSIONS_CACHE_NAME": cache.id,
        "CLOUDPATTERNS_SESSIONS_USER": user.outputs["userName"],
        "CLOUDPATTERNS_SESSIONS_SERVERLESS": "false",
        "CLOUDPATTERNS_SESSIONS_IDLE_SECONDS": "1800",
        "CLOUDPATTERNS_SESSIONS_LIFETIME_SECONDS": "43200",
    }
    client: Any = object()
    # Keys begin with what the user may reach.
    assert library.CacheSessions.from_environment(client, environment=environment) == library.CacheSessions(client)


def test_a_serverless_cache() -> None:
    seen: dict[str, Any] = {}
    limits = {"serverless": {"max_storage_gb": 1, "max_ecpu_per_second": 1000}}
    graph = sharing(seen, cache=limits, **PLACE, alarm_topic_arns=[TOPIC])
    assert seen["environment"]["CLOUDPATTERNS_SESSIONS_SERVERLESS"] == "true"
    assert graph.of_type(ALARM) == []


def test_a_reader_may_use_single_sessions_and_their_key() -> None:
    seen: dict[str, Any] = {}
    graph = sharing(seen)
    assert seen["statements"] == [
        {
            "sid": "Sessions",
            "actions": ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"],
            "resources": [graph.one(TABLE).outputs["arn"]],
        },
        {"sid": "SessionsKey", "actions": ["kms:Decrypt"], "resources": [graph.one(KEY).outputs["arn"]]},
    ]


def test_a_table_that_is_there_is_adopted() -> None:
    seen: dict[str, Any] = {}
    graph = sharing(seen, existing_table={"arn": TABLE_ARN, "kms_key_arn": KEY_ARN})
    assert [resource.type for resource in graph.children(graph.one(COMPONENT).urn)] == []
    assert seen["environment"]["CLOUDPATTERNS_SESSIONS_TABLE"] == "visits"
    assert [statement["resources"] for statement in seen["statements"]] == [[TABLE_ARN], [KEY_ARN]]
    sharing(seen, existing_table={"arn": TABLE_ARN})
    assert [statement["resources"] for statement in seen["statements"]] == [[TABLE_ARN]]
    assert sharing(existing_table={"arn": TABLE_ARN}).one(COMPONENT).outputs["kms_key_arn"] == ""


def test_throttled_requests_raise_an_alarm() -> None:
    alarm = sharing(alarm_topic_arns=[TOPIC]).one(ALARM)
    expression, *metrics = alarm.inputs["metricQueries"]
    assert (alarm.name, expression["expression"]) == ("visits-throttled", "FILL(read, 0) + FILL(write, 0)")
    assert [query["metric"]["metricName"] for query in metrics] == ["ReadThrottleEvents", "WriteThrottleEvents"]
    assert (alarm.inputs["evaluationPeriods"], alarm.inputs["alarmActions"]) == (5, [TOPIC])


def test_outputs() -> None:
    graph = sharing()
    outputs = graph.one(COMPONENT).outputs
    del outputs["variables"]
    sessions = graph.one(TABLE).outputs
    key = graph.one(KEY).outputs["arn"]
    assert outputs == {"table_name": sessions["name"], "table_arn": sessions["arn"], "cache_endpoint": "", "kms_key_arn": key}
    outputs = sharing(**IN_CACHE).one(COMPONENT).outputs
    assert (outputs["table_name"], outputs["table_arn"]) == ("", "")
    assert outputs["cache_endpoint"] != ""


@pytest.mark.parametrize(
    ("args", "path", "reason"),
    [
        (
            {"idle_seconds": 7200, "lifetime_seconds": 3600},
            "lifetime_seconds",
            "is 3600, less than idle_seconds, 7200. Raise it, or lower idle_seconds.",
        ),
        (
            {"subnet_ids_by_zone": PLACE["subnet_ids_by_zone"]},
            "cache",
            "is missing; subnet_ids_by_zone needs it. Give it, or remove subnet_ids_by_zone.",
        ),
        (
            {"cache": IN_CACHE["cache"], "security_group_ids": ["sg-cache"]},
            "subnet_ids_by_zone",
            "is missing; cache needs it. Give it, or remove cache.",
        ),
        (
            {**IN_CACHE, "existing_table": {"arn": TABLE_ARN}},
            "cache",
            "excludes existing_table: the sessions are in one store; both are given. Remove one of them.",
        ),
        (
            {**IN_CACHE, "deletion_protection": False},
            "deletion_protection",
            "is False, and is the table's; there is a cache. Set cache.deletion_protection to False instead.",
        ),
        (
            {"existing_table": {"arn": TABLE_ARN}, "kms_key_arn": KEY_ARN},
            "existing_table",
            "excludes kms_key_arn: the table is there already; both are given. Remove one of them.",
        ),
        (
            {**IN_CACHE, "cache": {}},
            "cache.node_type",
            "exactly one of node_type and serverless is needed; none is given. Give one.",
        ),
        (
            {**IN_CACHE, "cache": {"node_type": "cache.t4g.small", "engine_version": "6.0"}},
            "cache.engine_version",
            "is '6.0'; valkey takes 7.2 to 9. Use 8.1.",
        ),
    ],
)
def test_what_cannot_be_created_is_refused(args: Any, path: str, reason: str) -> None:
    assert refused(**args) == [(path, reason)]
