"""Containers that work off the queues of ``QueueWorker`` and ``PriorityQueue``: rights, names, backlog, and refusals."""

import json
from typing import Any

import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.messaging import PriorityQueue, QueueWorker
from offline_preview.graph import Graph

from tests.harness import record

IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/worker@sha256:" + "a" * 64
PLACE: dict[str, Any] = {"subnet_ids_by_zone": {"eu-west-1a": "subnet-a", "eu-west-1b": "subnet-b"}, "security_group_ids": ["sg-1"]}
SERVICE: dict[str, Any] = {"image": IMAGE, "min_tasks": 0, "max_tasks": 4}
PRIORITIES = [{"name": "urgent"}, {"name": "bulk"}]


def worker(**changes: Any) -> Graph:
    args: Any = {"service": SERVICE, "visibility_timeout_seconds": 60, **PLACE, **changes}
    return record(lambda: QueueWorker("orders", args), mode="deployed")


def priorities(**changes: Any) -> Graph:
    args: Any = {"priorities": PRIORITIES, "service": SERVICE, **PLACE, **changes}
    return record(lambda: PriorityQueue("orders", args), mode="deployed")


def environment(graph: Graph) -> dict[str, str]:
    [container] = json.loads(graph.one("aws:ecs/taskDefinition:TaskDefinition").inputs["containerDefinitions"])
    return {entry["name"]: entry["value"] for entry in container["environment"]}


def rights(graph: Graph) -> dict[str, list[str]]:
    policy = json.loads(graph.named("orders-service-task-policy").inputs["policy"])
    return {statement["Sid"]: statement["Resource"] for statement in policy["Statement"]}


def backlog(graph: Graph) -> dict[str, Any]:
    configuration = graph.named("orders-service-backlog").inputs["targetTrackingScalingPolicyConfiguration"]
    metrics = configuration["customizedMetricSpecification"]["metrics"]
    expression = next(metric["expression"] for metric in metrics if "expression" in metric)
    queues = {
        dimension["value"]
        for metric in metrics
        if "metricStat" in metric
        for dimension in metric["metricStat"]["metric"]["dimensions"]
        if dimension["name"] == "QueueName"
    }
    return {"target": configuration["targetValue"], "expression": expression, "queues": queues}


def test_a_service_may_read_the_queue_and_follows_its_backlog() -> None:
    graph = worker(messages_per_task=50)
    queue, key = graph.named("orders-queue"), graph.named("orders-key")
    assert environment(graph) == {"QUEUE_URL": queue.outputs["url"]}
    assert rights(graph) == {"Receive": [queue.outputs["arn"]], "ReceiveKey": [key.outputs["arn"]]}
    assert backlog(graph) == {"target": 50, "expression": "(visible1 + hidden1) / tasks", "queues": {queue.outputs["name"]}}
    outputs = graph.one("cloudpatterns:index:QueueWorker").outputs
    assert outputs["service_name"] == graph.one("aws:ecs/service:Service").outputs["name"]
    assert outputs["cluster_arn"] == graph.one("aws:ecs/cluster:Cluster").outputs["arn"]
    assert outputs["function_arn"] == ""


def test_the_first_tasks_are_started_by_steps() -> None:
    steps = worker(messages_per_task=50).named("orders-service-start").inputs["stepScalingPolicyConfiguration"]["stepAdjustments"]
    assert [(step["metricIntervalLowerBound"], step.get("metricIntervalUpperBound"), step["scalingAdjustment"]) for step in steps] == [
        ("0", "51", 1),
        ("51", "101", 2),
        ("101", None, 4),
    ]
    always = worker(service={**SERVICE, "min_tasks": 1})
    assert [one.name for one in always.of_type("aws:appautoscaling/policy:Policy")] == ["orders-service-cpu", "orders-service-backlog"]


def test_a_fixed_number_of_tasks_is_not_scaled() -> None:
    graph = worker(service={**SERVICE, "min_tasks": 2, "max_tasks": 2})
    assert graph.of_type("aws:appautoscaling/target:Target") == []


def test_the_key_of_the_queue_encrypts_the_logs_too() -> None:
    graph = worker()
    assert [key.name for key in graph.of_type("aws:kms/key:Key")] == ["orders-key"]
    policy = json.loads(graph.named("orders-key-policy").inputs["policy"])
    [logs] = [one for one in policy["Statement"] if one.get("Sid") == "CloudWatchLogs"]
    pattern = logs["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]
    assert pattern.endswith(":log-group:orders-service-logs*")
    assert graph.named("orders-service-logs").inputs["kmsKeyId"] == graph.named("orders-key").outputs["arn"]


def test_a_service_polls_all_priorities_by_the_settings_in_the_parameter() -> None:
    graph = priorities()
    parameter = graph.one("aws:ssm/parameter:Parameter")
    queues = [graph.named(f"orders-{name}-queue") for name in ("urgent", "bulk")]
    assert environment(graph) == {"PRIORITY_SETTINGS_PARAMETER": parameter.outputs["name"]}
    assert rights(graph) == {
        "Receive": [queue.outputs["arn"] for queue in queues],
        "ReceiveKey": [graph.named("orders-key").outputs["arn"]],
        "Settings": [parameter.outputs["arn"]],
    }
    assert backlog(graph) == {
        "target": 100,
        "expression": "(visible1 + visible2 + hidden1 + hidden2) / tasks",
        "queues": {queue.outputs["name"] for queue in queues},
    }


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (
            {"service": None, "messages_per_task": 5},
            ("service", "is missing; messages_per_task needs it. Give it, or remove messages_per_task."),
        ),
        ({"subnet_ids_by_zone": None}, ("subnet_ids_by_zone", "is missing; service needs it. Give it, or remove service.")),
        (
            {"function": {"image_uri": IMAGE}},
            ("service", "excludes function: one of them processes the messages; both are given. Remove one of them."),
        ),
        (
            {"service": {**SERVICE, "environment": {"QUEUE_URL": "https://queue"}}},
            ("service.environment.QUEUE_URL", "is set by the pattern. Choose another name."),
        ),
        (
            {"service": {**SERVICE, "scaling": {"backlog": {"queue_names": ["other"], "messages_per_task": 1}}}},
            ("service.scaling.backlog", "is set by messages_per_task, for the queues themselves. Leave it out."),
        ),
        (
            {"service": {**SERVICE, "min_tasks": 5}},
            ("service.min_tasks", "is 5, above max_tasks 4. Lower it or raise max_tasks."),
        ),
    ],
)
def test_what_cannot_be_created_is_refused(changes: dict[str, Any], problem: tuple[str, str]) -> None:
    with pytest.raises(ArgumentError) as caught:
        worker(**changes)
    assert problem in caught.value.problems


def test_a_service_follows_four_queues_at_most_and_shares_none_with_functions() -> None:
    with pytest.raises(ArgumentError) as caught:
        priorities(priorities=[{"name": f"p{number}"} for number in range(5)])
    reason = "has 5 entries; a service follows the backlog of 4 queues at most. Remove some, or service."
    assert caught.value.problems == [("priorities", reason)]
    existing = {"arn": "arn:aws:lambda:eu-west-1:123456789012:function:work", "timeout_seconds": 10}
    with pytest.raises(ArgumentError) as caught:
        priorities(priorities=[{"name": name, "existing_function": existing} for name in ("urgent", "bulk")])
    assert ("service", "polls all queues, and some have a function. Remove the functions, or service.") in caught.value.problems
