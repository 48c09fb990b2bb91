"""Storefront with containers: what they get, and what a change from servers to containers leaves alone."""

import functools
import json
from typing import Any

import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.database import rds_certificates
from offline_preview.graph import Graph

from tests.components.systems.storefronts import OPERATORS, make
from tests.harness import refs

IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop@sha256:" + "0" * 64
CONTAINERS: dict[str, Any] = {"image": IMAGE, "min_tasks": 2, "max_tasks": 6}
# With what makes the network of both large: operators, endpoints, alarms.
SURROUNDINGS: dict[str, Any] = {
    "operators": OPERATORS,
    "endpoint_cidr": "10.20.0.0/16",
    "s3_prefix_list_id": "pl-1",
    "alarm_topic_arns": ["arn:aws:sns:eu-west-1:123456789012:alarms"],
    "database__database_name": "shop",
}


@functools.cache
def in_containers() -> Graph:
    return make(servers=None, containers=CONTAINERS, **SURROUNDINGS)


def with_containers(**changes: Any) -> Graph:
    return make(servers=None, containers={**CONTAINERS, **changes})


def container(graph: Graph) -> dict[str, Any]:
    [found] = json.loads(graph.named("shop-app-task-definition").inputs["containerDefinitions"])
    return found


def resources(graph: Graph, *but: str) -> dict[str, Any]:
    """Inputs of the resources by URN, without the parts of the storefront that are named."""
    return {
        one.urn: one.inputs
        for one in graph.resources
        if one.type.startswith("aws:") and not any(one.name == part or one.name.startswith(f"{part}-") for part in but)
    }


def test_changing_from_servers_to_containers_touches_neither_network_nor_data() -> None:
    servers = make(**SURROUNDINGS)
    kept = resources(in_containers(), "shop-app")
    before = resources(servers, "shop-app", "shop-role", "shop-logs")
    assert kept.keys() == before.keys()
    parts = {urn.rpartition("::")[2].split("-")[1] for urn in kept}
    assert parts == {"firewall", "admin", "web", "waf", "db", "cache"}
    # The target group takes addresses instead of instances, which replaces it; what names it follows.
    changed = {urn.rpartition("::")[2] for urn in kept if kept[urn] != before[urn]}
    group = servers.named("shop-web-tg")
    assert changed == {"shop-web-tg"}
    assert {**group.inputs, "targetType": "ip"} == in_containers().named("shop-web-tg").inputs


def test_the_containers_stand_where_the_servers_stood() -> None:
    graph = in_containers()
    [service] = graph.of_type("aws:ecs/service:Service")
    network = service.inputs["networkConfiguration"]
    assert network["subnets"] == ["subnet-private-a", "subnet-private-b"]
    assert network["assignPublicIp"] is False
    groups = [one.name for one in graph.refs(service, "networkConfiguration") if one.type == "aws:ec2/securityGroup:SecurityGroup"]
    assert set(groups) == {"shop-firewall-app", "shop-admin-devops", "shop-admin-dba"}
    [target] = service.inputs["loadBalancers"]
    assert target == {"targetGroupArn": graph.named("shop-web-tg").outputs["arn"], "containerName": "app", "containerPort": 8080}
    # They come only once the listener is there.
    assert "shop-web-https" in refs(graph, service, "loadBalancers")
    assert graph.of_type("aws:autoscaling/group:Group") == graph.of_type("aws:ec2/launchTemplate:LaunchTemplate") == []


def test_containers_are_told_where_everything_is_and_no_secret() -> None:
    graph = in_containers()
    variables = {one["name"]: one["value"] for one in container(graph)["environment"]}
    cache = graph.named("shop-cache-cache")
    assert variables == {
        "AWS_REGION": "eu-west-1",
        "CACHE_ENDPOINT": cache.outputs["primaryEndpointAddress"],
        "CACHE_NAME": cache.id,
        "CACHE_PORT": "6379",
        "CACHE_SERVERLESS": "false",
        "CACHE_USER": variables["CACHE_USER"],
        "DATABASE_CERTIFICATES": rds_certificates("eu-west-1"),
        "DATABASE_ENGINE": "mysql",
        "DATABASE_HOST": graph.named("shop-db-instance").outputs["address"],
        "DATABASE_NAME": "shop",
        "DATABASE_PORT": "3306",
        "DATABASE_USER": "app",
        "HEALTH_CHECK_PATH": "/healthz",
        "PORT": "8080",
    }
    assert container(graph)["readonlyRootFilesystem"] is True


def test_the_task_role_logs_in_to_database_and_cache_and_does_what_else_is_named() -> None:
    more = {"sid": "Orders", "actions": ["sqs:SendMessage"], "resources": ["arn:aws:sqs:eu-west-1:123456789012:orders"]}
    graph = with_containers(statements=[more], database_user="web", port=9000)
    [role] = [one for one in graph.of_type("cloudpatterns:index:WorkloadRole") if one.name == "shop-app-task"]
    [policy] = [one for one in graph.children(role.urn) if one.type == "aws:iam/rolePolicy:RolePolicy"]
    granted = {one.get("Sid"): one for one in json.loads(policy.inputs["policy"])["Statement"]}
    assert set(granted) == {"DatabaseLogin", "CacheLogin", "Orders"}
    assert granted["DatabaseLogin"]["Resource"][0].endswith("/web")
    assert {one["name"]: one["value"] for one in container(graph)["environment"]}["PORT"] == "9000"
    rules = graph.of_type("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")
    assert [rule.inputs["toPort"] for rule in rules if rule.name == "shop-firewall-app-from-https-9000"] == [9000]


def test_secrets_come_by_reference_and_further_variables_and_certificates_are_as_given() -> None:
    secret = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop-a1b2c3"
    graph = with_containers(
        secrets={"STRIPE_KEY": {"secret_arn": secret, "json_key": "key"}}, environment={"MODE": "fast"}, database_certificates="PEM"
    )
    variables = {one["name"]: one["value"] for one in container(graph)["environment"]}
    assert (variables["MODE"], variables["DATABASE_CERTIFICATES"]) == ("fast", "PEM")
    assert container(graph)["secrets"] == [{"name": "STRIPE_KEY", "valueFrom": f"{secret}:key::"}]


def test_outputs_say_where_the_containers_are() -> None:
    graph = in_containers()
    outputs = graph.one("cloudpatterns:index:Storefront").outputs
    assert outputs["auto_scaling_group_name"] == ""
    assert outputs["service_name"] == graph.named("shop-app-service").outputs["name"]
    assert outputs["cluster_name"] == graph.named("shop-app-cluster").outputs["arn"].rpartition("/")[2]
    assert outputs["log_group_name"] == graph.named("shop-app-logs").outputs["name"]
    assert outputs["server_role_arn"] == graph.named("shop-app-task-role").outputs["arn"]
    assert outputs["database_user_sql"] != ""


def test_a_gradual_deployment_has_a_second_target_group_and_the_rule_that_ecs_moves() -> None:
    graph = with_containers(deployment={"strategy": "CANARY"})
    [target] = graph.named("shop-app-service").inputs["loadBalancers"]
    advanced = target["advancedConfiguration"]
    assert advanced["alternateTargetGroupArn"] == graph.named("shop-web-tg2").outputs["arn"]
    assert advanced["productionListenerRule"] == graph.named("shop-web-rule").outputs["arn"]
    assert {graph.named(name).inputs["targetType"] for name in ("shop-web-tg", "shop-web-tg2")} == {"ip"}


@pytest.mark.parametrize(
    ("changes", "path", "reason"),
    [
        (
            {"containers": CONTAINERS},
            "servers",
            "exactly one of servers and containers is needed; both are given. Remove one.",
        ),
        (
            {"servers": None, "containers": {**CONTAINERS, "environment": {"PORT": "1"}}},
            "containers.environment.PORT",
            "is set by the storefront. Choose another name.",
        ),
        (
            {"servers": None, "containers": {**CONTAINERS, "min_tasks": 7}},
            "containers.min_tasks",
            "is 7, above max_tasks 6. Lower it or raise max_tasks.",
        ),
        (
            {"servers": None, "containers": {**CONTAINERS, "database_user": "dbadmin"}},
            "containers.database_user",
            "is 'dbadmin', the master user, who logs in with a password. Choose another name.",
        ),
        (
            {"servers": None, "containers": {**CONTAINERS, "port": 80}},
            "containers.port",
            "is 80; must be at least 1024",
        ),
    ],
)
def test_what_containers_refuse_is_refused_before_any_part_exists(changes: dict[str, Any], path: str, reason: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        make(**changes)
    assert (caught.value.component, caught.value.problems) == ("Storefront", [(path, reason)])
