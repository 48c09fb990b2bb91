"""ReadReplica of an Aurora cluster: readers, the proxy, what a reader gets, and every refusal."""

import json
import re
from typing import Any

import pulumi
import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.database import ReadReplica, RelationalDatabase
from offline_preview.graph import Graph

from tests.components.database import servers, stores
from tests.harness import record, refs

COMPONENT = "cloudpatterns:index:ReadReplica"
PROXY, ENDPOINT, TARGET = "aws:rds/proxy:Proxy", "aws:rds/proxyEndpoint:ProxyEndpoint", "aws:rds/proxyTarget:ProxyTarget"
REMOVAL, SCALED = "aws:lambda/invocation:Invocation", "aws:appautoscaling/target:Target"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
CLUSTER = "arn:aws:rds:eu-west-1:123456789012:cluster:orders-1"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:alarms"
KEY_ARN = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
AURORA: Any = {
    "engine": "aurora-postgresql",
    "database_arn": CLUSTER,
    "resource_id": "cluster-ABC",
    "subnet_ids_by_zone": {"eu-west-1b": "subnet-b", "eu-west-1a": "subnet-a"},
    "security_group_ids": ["sg-reads"],
}


def replica(seen: dict[str, Any] | None = None, base: Any = AURORA, **changes: Any) -> Graph:
    def program() -> None:
        reads = ReadReplica("reads", {**base, **changes})
        found = {"statements": reads.reader_statements(), "environment": reads.environment(), "connect_arns": reads.connect_arns}
        if seen is not None:
            pulumi.Output.from_input(found).apply(seen.update)

    return record(program, mode="deployed")


def refused(base: Any = AURORA, **changes: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as error:
        replica(base=base, **changes)
    return error.value.problems


def statements(graph: Graph, name: str) -> dict[str, Any]:
    return {one["Sid"]: one for one in json.loads(graph.named(name).inputs["policy"])["Statement"]}


def composed(**changes: Any) -> Graph:
    """Beside the database whose readers they are."""

    def program() -> None:
        database = RelationalDatabase("orders", stores.AURORA)
        own = {"database_arn": database.instance_arn, "resource_id": database.resource_id, "kms_key_arn": database.kms_key_arn}
        ReadReplica("reads", {**AURORA, **own, **changes})

    return record(program, mode="deployed")


def test_writes_cannot_reach_the_reader_endpoint() -> None:
    seen: dict[str, Any] = {}
    graph = replica(seen)
    endpoint, proxy = graph.one(ENDPOINT), graph.one(PROXY)
    assert endpoint.inputs["targetRole"] == "READ_ONLY"
    assert refs(graph, endpoint, "dbProxyName") == ["reads-proxy"]
    assert seen["environment"]["CLOUDPATTERNS_REPLICAS_HOST"] == endpoint.outputs["endpoint"]
    # The proxy logs in as the user of reads and as nobody else, so its own endpoint takes no writes either.
    assert statements(graph, "reads-proxy-policy")["Connect"]["Resource"] == [
        "arn:aws:rds-db:eu-west-1:123456789012:dbuser:cluster-ABC/reader"
    ]
    assert proxy.inputs["defaultAuthScheme"] == "IAM_AUTH"
    assert "auths" not in proxy.inputs
    prx = proxy.outputs["arn"].split(":")[-1]
    assert seen["connect_arns"] == [f"arn:aws:rds-db:eu-west-1:123456789012:dbuser:{prx}/reader"]
    assert seen["statements"] == [
        {"sid": "Reads", "actions": ["rds-db:connect"], "resources": [f"arn:aws:rds-db:eu-west-1:123456789012:dbuser:{prx}/reader"]}
    ]


def sql(engine: str, database_name: str) -> str:
    found: list[str] = []
    args = {**AURORA, "engine": engine}
    record(lambda: found.append(ReadReplica("reads", args).reader_sql(database_name)))  # ty: ignore[invalid-argument-type]
    return found[0]


def test_the_user_of_reads_cannot_write_on_a_real_postgres() -> None:
    owner: list[str] = []
    record(lambda: owner.append(RelationalDatabase("orders", {**stores.AURORA, "database_name": "orders"}).user_sql("app")))
    text = sql("aurora-postgresql", "orders")
    with servers.postgres() as client:
        client("CREATE TABLE old (id serial PRIMARY KEY, note text); INSERT INTO old (note) VALUES ('kept')")
        client(owner[0])
        client("CREATE TABLE own (id int)", "app")
        client(text)
        client("CREATE TABLE later (id int)")
        # Once more, and by another user who creates tables.
        client(text)
        client(text, "app")
        client("CREATE TABLE next (id int)", "app")
        for table in ("old", "later", "own", "next"):
            assert client(f"SELECT count(*) FROM {table}", "reader") == ("1" if table == "old" else "0")
            with pytest.raises(AssertionError, match="cannot execute DELETE in a read-only transaction"):
                client(f"DELETE FROM {table}", "reader")
            with pytest.raises(AssertionError, match=f"permission denied for table {table}"):
                client(f"SET default_transaction_read_only = off; DELETE FROM {table}", "reader")
        with pytest.raises(AssertionError, match="permission denied for schema public"):
            client("SET default_transaction_read_only = off; CREATE TABLE mine (id int)", "reader")
        assert client("SELECT pg_has_role('reader', 'rds_iam', 'member')") == "t"


def test_the_user_of_reads_cannot_write_on_a_real_mysql() -> None:
    # MariaDB has another plugin than RDS; what else there is to it is MySQL's.
    text = sql("aurora-mysql", "shop_eu").replace("AWSAuthenticationPlugin AS 'RDS' REQUIRE SSL", "mysql_native_password AS ''")
    with servers.mariadb() as client:
        client("CREATE TABLE shop_eu.orders (id int); INSERT INTO shop_eu.orders VALUES (7)")
        client(text)
        client(text)
        assert client("SELECT id FROM orders", "reader", "shop_eu") == "7"
        for statement in ("INSERT INTO orders VALUES (8)", "DELETE FROM orders", "CREATE TABLE mine (id int)"):
            with pytest.raises(AssertionError, match="command denied"):
                client(statement, "reader", "shop_eu")
        with pytest.raises(AssertionError, match="SELECT command denied"):
            client("SELECT * FROM shopXeu.secrets", "reader", "shop_eu")


def test_autoscaled_readers_do_not_block_destroy() -> None:
    graph = composed()
    removal, target = graph.one(REMOVAL), graph.one(SCALED)
    assert removal.inputs["lifecycleScope"] == "CRUD"
    assert json.loads(removal.inputs["input"]) == {"cluster_id": graph.one("aws:rds/cluster:Cluster").inputs["clusterIdentifier"]}
    # In this order they go: policy, scalable target, then the last readers, and only then the function, the instances and the cluster.
    assert removal.urn in target.dependencies
    assert refs(graph, graph.one("aws:appautoscaling/policy:Policy"), "resourceId") == ["reads-readers"]
    assert refs(graph, removal, "functionName") == ["reads-remover"]
    assert {"orders-cluster", "orders-eu-west-1a", "orders-eu-west-1b"} <= set(refs(graph, removal, "input"))
    assert removal.options["replaceOnChanges"] == ["input"]
    assert removal.options["deleteBeforeReplace"] is True
    function = graph.named("reads-remover")
    assert (function.inputs["timeout"], function.inputs["handler"]) == (900, "index.handler")


def test_the_function_may_delete_readers_of_autoscaling_in_this_cluster_alone() -> None:
    rights = statements(replica(), "reads-remover-policy")
    assert rights.keys() == {"Cluster", "Instances", "Readers", "Log"}
    assert rights["Cluster"]["Resource"] == [CLUSTER]
    assert rights["Instances"]["Action"] == ["rds:DescribeDBInstances"]
    readers = rights["Readers"]
    assert (readers["Action"], readers["Resource"]) == (
        ["rds:DeleteDBInstance"],
        ["arn:aws:rds:eu-west-1:123456789012:db:application-autoscaling-*"],
    )
    assert readers["Condition"] == {"StringEquals": {"aws:ResourceTag/application-autoscaling:resourceId": "cluster:orders-1"}}


def test_readers_are_autoscaled() -> None:
    graph = replica(min_readers=2, max_readers=5, target_connections=200, scale_in_cooldown_seconds=600)
    target, policy = graph.one(SCALED), graph.one("aws:appautoscaling/policy:Policy")
    assert {key: target.inputs[key] for key in ("serviceNamespace", "scalableDimension", "resourceId", "minCapacity", "maxCapacity")} == {
        "serviceNamespace": "rds",
        "scalableDimension": "rds:cluster:ReadReplicaCount",
        "resourceId": "cluster:orders-1",
        "minCapacity": 2,
        "maxCapacity": 5,
    }
    assert policy.inputs["targetTrackingScalingPolicyConfiguration"] == {
        "targetValue": 200,
        "predefinedMetricSpecification": {"predefinedMetricType": "RDSReaderAverageDatabaseConnections"},
        "scaleInCooldown": 600,
        "scaleOutCooldown": 300,
    }
    by_processor = replica().one("aws:appautoscaling/policy:Policy").inputs["targetTrackingScalingPolicyConfiguration"]
    assert (by_processor["targetValue"], by_processor["predefinedMetricSpecification"]) == (
        60,
        {"predefinedMetricType": "RDSReaderAverageCPUUtilization"},
    )


def test_the_proxy_is_private_takes_tls_alone_and_has_logs_that_end() -> None:
    graph = composed(log_retention_days=30)
    proxy, group = graph.one(PROXY), graph.named("reads-proxy-logs")
    assert {key: value for key, value in proxy.inputs.items() if not key.startswith("__")} == {
        "name": proxy.inputs["name"],
        "engineFamily": "POSTGRESQL",
        "roleArn": graph.named("reads-proxy-role").outputs["arn"],
        "defaultAuthScheme": "IAM_AUTH",
        "requireTls": True,
        "debugLogging": False,
        "vpcSubnetIds": ["subnet-a", "subnet-b"],
        "vpcSecurityGroupIds": ["sg-reads"],
        "tags": {},
    }
    assert re.fullmatch(r"reads-proxy-[0-9a-f]{7}", proxy.inputs["name"])
    assert group.inputs["name"] == f"/aws/rds/proxy/{proxy.inputs['name']}"
    assert (group.inputs["retentionInDays"], refs(graph, group, "kmsKeyId")[0]) == (30, "orders-key")
    assert "reads-proxy-logs" in refs(graph, proxy, "name")
    assert "reads-proxy-policy" in refs(graph, proxy, "roleArn")
    trust = json.loads(graph.named("reads-proxy-role").inputs["assumeRolePolicy"])["Statement"][0]
    assert trust["Principal"] == {"Service": ["rds.amazonaws.com"]}
    # It may not depend on a key that the proxy does not promise to send: no reader could be reached.
    assert {operator: list(keys) for operator, keys in trust["Condition"].items()} == {"StringEqualsIfExists": ["aws:SourceAccount"]}


def test_a_new_proxy_gets_its_target_and_endpoint_again() -> None:
    graph = composed()
    proxy, target, endpoint = graph.one(PROXY), graph.one(TARGET), graph.one(ENDPOINT)
    assert proxy.options["deleteBeforeReplace"] is True
    assert target.inputs["dbClusterIdentifier"] == graph.one("aws:rds/cluster:Cluster").inputs["clusterIdentifier"]
    # Readers are there before the proxy has a target.
    assert "orders-eu-west-1a" in refs(graph, target, "dbClusterIdentifier")
    assert refs(graph, target, "dbProxyName") == refs(graph, endpoint, "dbProxyName") == ["reads-proxy"]
    assert refs(graph, target, "targetGroupName") == ["reads-proxy-pool"]


def test_lag_a_broken_replication_and_silence_raise_the_alarm() -> None:
    alarm = replica(alarm_topic_arns=[TOPIC]).named("reads-lag").inputs
    result, metric = alarm["metricQueries"]
    # Milliseconds; a negative lag counts as above the limit.
    assert (result["expression"], alarm["threshold"], alarm["comparisonOperator"]) == (
        "IF(lag < 0, 1001, lag)",
        1000,
        "GreaterThanThreshold",
    )
    assert metric["metric"] == {
        "namespace": "AWS/RDS",
        "metricName": "AuroraReplicaLag",
        "dimensions": {"DBClusterIdentifier": "orders-1", "Role": "READER"},
        "stat": "Maximum",
        "period": 60,
    }
    assert (alarm["treatMissingData"], alarm["alarmActions"], alarm["evaluationPeriods"]) == ("breaching", [TOPIC], 5)
    own = replica(alarm_topic_arns=[TOPIC], max_lag_seconds=5).named("reads-lag").inputs
    assert (own["threshold"], own["metricQueries"][0]["expression"]) == (5000, "IF(lag < 0, 5001, lag)")
    assert replica().of_type(ALARM) == []


def test_a_proxy_that_reaches_no_reader_raises_an_alarm() -> None:
    graph = replica(alarm_topic_arns=[TOPIC])
    alarm = graph.named("reads-proxy-unavailable").inputs
    assert (alarm["metricName"], alarm["threshold"], alarm["comparisonOperator"]) == ("AvailabilityPercentage", 100, "LessThanThreshold")
    assert alarm["dimensions"] == {
        "ProxyName": graph.one(PROXY).inputs["name"],
        "TargetGroup": "default",
        "TargetRole": "READ_ONLY",
    }


def test_outputs() -> None:
    seen: dict[str, Any] = {}
    graph = replica(seen, engine="aurora-mysql", reader_user_name="reports", consistency_seconds=5)
    host = graph.one(ENDPOINT).outputs["endpoint"]
    assert seen["environment"] == {
        "CLOUDPATTERNS_REPLICAS_HOST": host,
        "CLOUDPATTERNS_REPLICAS_PORT": "3306",
        "CLOUDPATTERNS_REPLICAS_USER": "reports",
        "CLOUDPATTERNS_REPLICAS_ENGINE": "aurora-mysql",
        "CLOUDPATTERNS_REPLICAS_CONSISTENCY_SECONDS": "5",
    }
    assert graph.one(COMPONENT).outputs == {
        "reader_host": host,
        "reader_port": 3306,
        "reader_user_name": "reports",
        "connect_arns": seen["connect_arns"],
        "proxy_arn": graph.one(PROXY).outputs["arn"],
        "replica_arns": {},
        "replica_addresses": {},
        "hosted_zone_id": "",
        "variables": seen["environment"],
    }
    assert graph.one(PROXY).inputs["engineFamily"] == "MYSQL"


@pytest.mark.parametrize(
    ("changes", "path", "reason"),
    [
        ({"resource_id": None}, "resource_id", "is missing; aurora-postgresql needs it. Give it."),
        ({"subnet_ids_by_zone": None}, "subnet_ids_by_zone", "is missing; aurora-postgresql needs it. Give it."),
        (
            {"database_arn": "arn:aws:rds:eu-west-1:123456789012:db:orders-1"},
            "database_arn",
            "is 'arn:aws:rds:eu-west-1:123456789012:db:orders-1'; with aurora-postgresql it is the ARN of a cluster (:cluster:).",
        ),
        ({"min_readers": 4}, "min_readers", "is 4, above max_readers, 3. Lower it, or raise max_readers."),
        (
            {"target_connections": 100, "target_cpu_percent": 50},
            "target_connections",
            "excludes target_cpu_percent: one of them decides; both are given. Remove one of them.",
        ),
        (
            {"reader_user_name": "rds_reader"},
            "reader_user_name",
            "is 'rds_reader'; the name is reserved by aurora-postgresql. Use another, such as app.",
        ),
        (
            {"instance_class": "db.r7g.large"},
            "instance_class",
            "is given; it is for an RDS instance, and engine is aurora-postgresql. Remove it.",
        ),
    ],
)
def test_what_cannot_be_created_is_refused(changes: Any, path: str, reason: str) -> None:
    assert refused(**changes) == [(path, reason)]
