"""ContainerService: the service and its roles, what rolls back, what scales, and every refusal."""

import json
from typing import Any

import pytest
from cloudpatterns.compute import ContainerService
from cloudpatterns.core import ArgumentError
from offline_preview.graph import Graph, Resource

from tests.harness import record, refs

IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop@sha256:" + "a" * 64
TARGETS = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/0123456789abcdef"
GREEN = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/green/fedcba9876543210"
RULE = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener-rule/app/web/1/2/3"
BALANCER = "app/web/0123456789abcdef"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:alarms"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop-a1b2c3"

ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
POLICY = "aws:appautoscaling/policy:Policy"
SERVICE = "aws:ecs/service:Service"
TASK = "aws:ecs/taskDefinition:TaskDefinition"
GRADUAL: dict[str, Any] = {
    "port": 8080,
    "target_group_arns": [TARGETS],
    "alternate_target_group_arn": GREEN,
    "production_listener_rule_arn": RULE,
    "load_balancer_arn_suffix": BALANCER,
}


def arguments(**changes: Any) -> Any:
    """Arguments of a small service; a change to None leaves the argument out."""
    return {
        "image": IMAGE,
        "min_tasks": 2,
        "max_tasks": 6,
        "subnet_ids_by_zone": {"eu-west-1a": "subnet-a", "eu-west-1b": "subnet-b"},
        "security_group_ids": ["sg-app"],
        **changes,
    }


def made(name: str = "web", mode: Any = "deployed", **changes: Any) -> Graph:
    return record(lambda: ContainerService(name, arguments(**changes)), mode=mode)


def refused(name: str = "web", **changes: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as error:
        made(name, **changes)
    return error.value.problems


def containers(graph: Graph) -> list[dict[str, Any]]:
    return json.loads(graph.one(TASK).inputs["containerDefinitions"])


def statements(graph: Graph, policy: str) -> list[dict[str, Any]]:
    return json.loads(graph.named(policy).inputs["policy"])["Statement"]


def depended_on(graph: Graph, resource: Resource) -> set[str]:
    """Names of everything that a resource needs, at any distance."""
    found: set[str] = set()
    urns, resources = [*resource.dependencies], graph.by_urn()
    while urns:
        one = resources[urns.pop()]
        if one.name not in found:
            found.add(one.name)
            urns += one.dependencies
    return found


def test_at_least_the_desired_count_stays_in_service_in_a_deploy() -> None:
    gradual: dict[str, Any] = {**GRADUAL, "deployment": {"strategy": "CANARY"}}
    for graph in (made(), made(**gradual)):
        service = graph.one(SERVICE)
        assert (service.inputs["deploymentMinimumHealthyPercent"], service.inputs["deploymentMaximumPercent"]) == (100, 200)


def test_a_failed_rolling_deploy_rolls_back_by_the_circuit_breaker() -> None:
    service = made().one(SERVICE)
    assert service.inputs["deploymentConfiguration"] == {"strategy": "ROLLING"}
    assert service.inputs["deploymentCircuitBreaker"] == {"enable": True, "rollback": True}
    assert "alarms" not in service.inputs


@pytest.mark.parametrize("strategy", ["BLUE_GREEN", "CANARY", "LINEAR"])
def test_a_failed_blue_green_or_canary_rolls_back_by_alarms(strategy: str) -> None:
    graph = made(**GRADUAL, deployment={"strategy": strategy})
    service = graph.one(SERVICE)
    names = [graph.named(name).outputs["name"] for name in ("web-errors-1", "web-errors-alternate")]
    assert service.inputs["alarms"] == {"alarmNames": names, "enable": True, "rollback": True}
    assert ("deploymentCircuitBreaker" in service.inputs) == (strategy == "BLUE_GREEN")


@pytest.mark.parametrize("strategy", ["ROLLING", "BLUE_GREEN", "CANARY", "LINEAR"])
def test_native_ecs_strategies_not_codedeploy(strategy: str) -> None:
    graph = made(**(GRADUAL if strategy != "ROLLING" else {}), deployment={"strategy": strategy})
    assert graph.one(SERVICE).inputs["deploymentController"] == {"type": "ECS"}
    assert graph.one(SERVICE).inputs["deploymentConfiguration"]["strategy"] == strategy
    assert [resource for resource in graph.resources if resource.type.startswith("aws:codedeploy")] == []


@pytest.mark.parametrize(
    ("variable", "value", "like"),
    [
        ("DB_PASSWORD", "x", "is named"),
        ("DATABASE", "postgres://me:word@db/shop", "has a value that looks"),
    ],
)
def test_no_secret_in_plain_environment(variable: str, value: str, like: str) -> None:
    reason = f"{like} like a secret, and task definitions can be read. Use secrets, by its ARN."
    assert refused(environment={variable: value}) == [(f"environment.{variable}", reason)]
    sidecar = {"image": IMAGE, "environment": {variable: value}}
    assert refused(sidecars={"proxy": sidecar}) == [(f"sidecars.proxy.environment.{variable}", reason)]


def test_role_policies_outlive_the_service() -> None:
    graph = made(
        **GRADUAL, deployment={"strategy": "BLUE_GREEN"}, statements=[{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::a/*"]}]
    )
    needed = depended_on(graph, graph.one(SERVICE))
    assert {"web-task-policy", "web-execution-policy", "web-traffic-policy", "web-capacity"} <= needed


def test_task_role_and_execution_role_are_apart() -> None:
    graph = made(secrets={"PASSWORD": {"secret_arn": SECRET, "json_key": "password", "kms_key_arn": KEY}})
    task = graph.one(TASK)
    assert refs(graph, task, "taskRoleArn") != refs(graph, task, "executionRoleArn")
    assert [statement["Sid"] for statement in statements(graph, "web-execution-policy")] == [
        "Logs",
        "Registry",
        "Images",
        "Secrets",
        "SecretKeys",
    ]
    assert [one for one in graph.of_type("aws:iam/rolePolicy:RolePolicy") if one.name == "web-task-policy"] == []
