"""Storefront with read replicas: what they are to the network, the application and its permissions, and every refusal."""

import functools
import json
from typing import Any

import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns_runtime.replicas import Reads
from offline_preview.graph import Graph, Resource

from tests.components.systems.storefronts import make
from tests.harness import refs

INGRESS, EGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
CLUSTER, PROXY, ENDPOINT = "aws:rds/cluster:Cluster", "aws:rds/proxy:Proxy", "aws:rds/proxyEndpoint:ProxyEndpoint"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:alarms"
AURORA = {"engine": "aurora-mysql", "engine_version": "8.4", "instance_class": "db.r7g.large", "database_name": "shop"}
CONTAINERS = {"image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop:1", "min_tasks": 2, "max_tasks": 6}


@functools.cache
def with_reads(engine: str = "aurora-mysql") -> Graph:
    version = {"aurora-mysql": "8.4", "aurora-postgresql": "17"}[engine]
    database = {**AURORA, "engine": engine, "engine_version": version}
    return make(database=database, read_replicas={"max_readers": 5}, alarm_topic_arns=[TOPIC])


@functools.cache
def in_containers() -> Graph:
    return make(servers=None, containers=CONTAINERS, database=AURORA, read_replicas={})


def refused(**changes: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as error:
        make(**changes)
    return error.value.problems


def statements(graph: Graph, role_name: str) -> dict[str, dict[str, Any]]:
    [role] = [one for one in graph.of_type("cloudpatterns:index:WorkloadRole") if one.name == role_name]
    [policy] = [one for one in graph.children(role.urn) if one.type == "aws:iam/rolePolicy:RolePolicy"]
    return {one.get("Sid", ""): one for one in json.loads(policy.inputs["policy"])["Statement"]}


def connections(graph: Graph, kind: str) -> dict[str, tuple[str, int]]:
    """Rules between groups: which group admits, or calls, which other one on which port."""
    found: dict[str, tuple[str, int]] = {}
    for rule in graph.of_type(kind):
        if "referencedSecurityGroupId" in rule.inputs:
            [group] = [one.name for one in graph.refs(rule, "referencedSecurityGroupId")]
            found[rule.name] = (group, rule.inputs["fromPort"])
    return found


def test_the_application_calls_the_proxy_and_the_proxy_calls_the_database() -> None:
    graph = with_reads()
    admitted = connections(graph, INGRESS)
    assert {name: group for name, (group, port) in admitted.items() if port == 3306} == {
        "shop-firewall-reads-from-app-3306": "shop-firewall-app",
        "shop-firewall-mysql-from-app-3306": "shop-firewall-app",
        "shop-firewall-mysql-from-reads-3306": "shop-firewall-reads",
    }
    called = {(name, group) for name, (group, port) in connections(graph, EGRESS).items() if port == 3306}
    assert {group for name, group in called if name.startswith("shop-firewall-reads-")} == {"shop-firewall-mysql"}


@pytest.mark.parametrize(("engine", "port"), [("aurora-mysql", 3306), ("aurora-postgresql", 5432)])
def test_the_readers_are_those_of_the_database_behind_a_proxy_among_the_data(engine: str, port: int) -> None:
    graph = with_reads(engine)
    proxy, cluster = graph.one(PROXY), graph.one(CLUSTER)
    assert proxy.inputs["vpcSubnetIds"] == ["subnet-data-a", "subnet-data-b"]
    assert refs(graph, proxy, "vpcSecurityGroupIds")[0] == "shop-firewall-reads"
    assert cluster.name in refs(graph, graph.one("aws:rds/proxyTarget:ProxyTarget"), "dbClusterIdentifier")
    assert graph.one("aws:appautoscaling/target:Target").inputs["maxCapacity"] == 5
    endpoint = graph.one(ENDPOINT)
    assert endpoint.inputs["targetRole"] == "READ_ONLY"
    outputs = graph.one("cloudpatterns:index:Storefront").outputs
    assert outputs["reader_endpoint"] == f"{endpoint.outputs['endpoint']}:{port}"
    assert outputs["reader_endpoint"] != outputs["database_endpoint"]
    assert "reads" in outputs["security_group_ids"]


def test_the_proxy_logs_with_the_key_of_the_database() -> None:
    graph = with_reads()
    assert "shop-db-key" in refs(graph, graph.named("shop-reads-proxy-logs"), "kmsKeyId")


def test_alarms_tell_the_topics_of_the_storefront() -> None:
    alarms = [one for one in with_reads().of_type("aws:cloudwatch/metricAlarm:MetricAlarm") if one.name.startswith("shop-reads-")]
    assert {one.name: one.inputs["alarmActions"] for one in alarms} == {
        "shop-reads-lag": [TOPIC],
        "shop-reads-proxy-unavailable": [TOPIC],
    }
    assert [one.name for one in in_containers().of_type("aws:cloudwatch/metricAlarm:MetricAlarm") if "reads" in one.name] == []


def environment_of_servers(graph: Graph) -> Resource:
    return graph.one("aws:ec2/launchTemplate:LaunchTemplate")


def test_containers_are_told_where_reads_go_as_the_library_expects_it() -> None:
    [container] = json.loads(in_containers().named("shop-app-task-definition").inputs["containerDefinitions"])
    variables = {one["name"]: one["value"] for one in container["environment"]}
    endpoint = in_containers().one(ENDPOINT).outputs["endpoint"]
    assert Reads.from_environment(variables) == Reads(endpoint, 3306, "reader", "aurora-mysql", 10)
    assert variables["DATABASE_ENGINE"] == "mysql"


@pytest.mark.parametrize(("graph", "role"), [(with_reads, "shop-role"), (in_containers, "shop-app-task")])
def test_the_role_logs_in_to_the_proxy_as_the_reader_alone(graph: Any, role: str) -> None:
    granted = statements(graph(), role)
    proxy_id = graph().one(PROXY).outputs["arn"].rpartition(":")[2]
    assert granted["Reads"]["Action"] == ["rds-db:connect"]
    [resource] = granted["Reads"]["Resource"]
    assert resource.endswith(f":dbuser:{proxy_id}/reader")
    assert granted["DatabaseLogin"]["Resource"][0].endswith("/app")


def test_sql_creates_the_user_of_reads_in_the_database() -> None:
    mysql = with_reads().one("cloudpatterns:index:Storefront").outputs["reader_sql"]
    assert "GRANT SELECT, SHOW VIEW ON `shop`.* TO 'reader'@'%';" in mysql
    postgres = with_reads("aurora-postgresql").one("cloudpatterns:index:Storefront").outputs["reader_sql"]
    assert 'GRANT CONNECT ON DATABASE "shop" TO "reader";' in postgres
    nameless = {name: value for name, value in AURORA.items() if name != "database_name"}
    assert make(database=nameless, read_replicas={}).one("cloudpatterns:index:Storefront").outputs["reader_sql"] == ""


def test_without_replicas_there_is_none_and_nothing_is_told_of_them() -> None:
    graph = make(database=AURORA)
    assert graph.of_type(PROXY) == []
    outputs = graph.one("cloudpatterns:index:Storefront").outputs
    assert (outputs["reader_endpoint"], outputs["reader_sql"]) == ("", "")
    assert "reads" not in outputs["security_group_ids"]


RDS = "RDS creates no replica of a database whose password it manages"


@pytest.mark.parametrize(
    ("changes", "problems"),
    [
        (
            {"read_replicas": {}},
            [
                (
                    "read_replicas",
                    f"needs Aurora, and database.engine is 'mysql': {RDS}. Use aurora-mysql, or remove read_replicas.",
                )
            ],
        ),
        (
            {"read_replicas": {"max_readers": 2}, "database__engine": "postgres", "database__engine_version": "17"},
            [
                (
                    "read_replicas",
                    f"needs Aurora, and database.engine is 'postgres': {RDS}. Use aurora-postgresql, or remove read_replicas.",
                )
            ],
        ),
        (
            {"read_replicas": {"min_readers": 4}, "database": AURORA},
            [("read_replicas.min_readers", "is 4, above max_readers, 3. Lower it, or raise max_readers.")],
        ),
        (
            {"read_replicas": {"instance_class": "db.r7g.large"}, "database": AURORA},
            [("read_replicas.instance_class", "is given; it is for an RDS instance, and engine is aurora-mysql. Remove it.")],
        ),
        (
            {"read_replicas": {"reader_user_name": "app"}, "database": AURORA},
            [("read_replicas.reader_user_name", "is 'app', the application's user, who writes. Choose another name.")],
        ),
        (
            {"read_replicas": {"reader_user_name": "dbadmin"}, "database": AURORA},
            [("read_replicas.reader_user_name", "is 'dbadmin', the master user, who logs in with a password. Choose another name.")],
        ),
        (
            {"read_replicas": {}, "database": AURORA, "servers__environment": {"CLOUDPATTERNS_REPLICAS_HOST": "x"}},
            [("servers.environment.CLOUDPATTERNS_REPLICAS_HOST", "is set by the storefront. Choose another name.")],
        ),
        (
            {
                "read_replicas": {},
                "database": AURORA,
                "servers__statements": [{"sid": "Reads", "actions": ["sqs:SendMessage"], "resources": ["arn:aws:sqs:eu-west-1:1:q"]}],
            },
            [("servers.statements.0.sid", "is 'Reads', which is a statement of the storefront. Choose another id.")],
        ),
    ],
)
def test_what_does_not_fit_read_replicas_is_refused(changes: dict[str, Any], problems: list[tuple[str, str]]) -> None:
    assert refused(**changes) == problems


def test_a_variable_of_replicas_is_free_without_them() -> None:
    make(servers__environment={"CLOUDPATTERNS_REPLICAS_HOST": "replica.example.com"})
