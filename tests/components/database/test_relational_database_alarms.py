import json
from typing import Any

import pytest
from cloudpatterns.database.relational_database.alarms import memory_bytes
from offline_preview.graph import Graph, Resource

from tests.components.database.stores import AURORA, DATABASE, PASSWORD, REPLICA
from tests.components.database.stores import database as make

TOPICS = ["arn:aws:sns:eu-west-1:123456789012:alarms", "arn:aws:sns:eu-west-1:123456789012:pager"]
ALARM, SUBSCRIPTION, RULE = (
    "aws:cloudwatch/metricAlarm:MetricAlarm",
    "aws:rds/eventSubscription:EventSubscription",
    "aws:cloudwatch/eventRule:EventRule",
)
GIB = 1024**3


def alarms(graph: Graph) -> list[tuple[Any, ...]]:
    keys = ("metricName", "comparisonOperator", "threshold", "statistic")
    return [(each.name, *(each.inputs[key] for key in keys)) for each in own_alarms(graph)]


def own_alarms(graph: Graph) -> list[Resource]:
    """Those on the database: not the one on events that do not reach a topic."""
    return [each for each in graph.of_type(ALARM) if each.inputs["namespace"] == "AWS/RDS"]


def test_alarms_notify_the_topics() -> None:
    graph = make(alarm_topic_arns=TOPICS, alarm_connections=100)
    assert alarms(graph) == [
        ("orders-cpu", "CPUUtilization", "GreaterThanThreshold", 80, "Average"),
        ("orders-memory", "FreeableMemory", "LessThanThreshold", 8 * GIB / 20, "Minimum"),
        ("orders-storage", "FreeStorageSpace", "LessThanThreshold", 2 * GIB, "Average"),
        ("orders-connections", "DatabaseConnections", "GreaterThanThreshold", 100, "Average"),
    ]
    identifier = graph.one("aws:rds/instance:Instance").inputs["identifier"]
    for alarm in own_alarms(graph):
        assert alarm.inputs["dimensions"] == {"DBInstanceIdentifier": identifier}
        assert alarm.inputs["alarmActions"] == alarm.inputs["okActions"] == TOPICS
        assert alarm.inputs["treatMissingData"] == "breaching"


def test_a_cluster_is_watched_as_a_whole() -> None:
    graph = make(base=AURORA, alarm_topic_arns=TOPICS[:1], instance_class="db.serverless", max_capacity_units=16)
    assert alarms(graph) == [
        ("orders-cpu", "CPUUtilization", "GreaterThanThreshold", 80, "Average"),
        ("orders-memory", "FreeableMemory", "LessThanThreshold", 32 * GIB / 20, "Minimum"),
    ]
    identifier = graph.one("aws:rds/cluster:Cluster").inputs["clusterIdentifier"]
    assert all(alarm.inputs["dimensions"] == {"DBClusterIdentifier": identifier} for alarm in own_alarms(graph))


@pytest.mark.parametrize(
    ("instance_class", "gib"),
    [
        ("db.t4g.micro", 1),
        ("db.t4g.small", 2),
        ("db.t4g.medium", 4),
        ("db.m7g.large", 8),
        ("db.m8gd.xlarge", 16),
        ("db.r7g.large", 15.25),
        ("db.r6i.32xlarge", 976),
        ("db.x2g.16xlarge", 976),
        ("db.z1d.2xlarge", 64),
        ("db.c6gd.large", 4),
        ("db.new1.huge", 0.5),
    ],
)
def test_the_memory_of_a_class_is_that_of_its_family_and_size(instance_class: str, gib: float) -> None:
    assert memory_bytes(instance_class, None) == gib * GIB


def test_each_topic_hears_of_the_events_of_an_instance() -> None:
    graph = make(alarm_topic_arns=TOPICS)
    subscriptions = graph.of_type(SUBSCRIPTION)
    assert [(each.name, each.inputs["snsTopic"]) for each in subscriptions] == [
        ("orders-events-1", TOPICS[0]),
        ("orders-events-2", TOPICS[1]),
    ]
    for subscription in subscriptions:
        assert subscription.inputs["sourceType"] == "db-instance"
        assert subscription.inputs["sourceIds"] == [graph.one("aws:rds/instance:Instance").inputs["identifier"]]
        # Of those that AWS has for instances.
        assert subscription.inputs["eventCategories"] == [
            *("availability", "deletion", "failover", "failure", "low storage", "maintenance", "notification", "read replica"),
            *("recovery", "security patching"),
        ]


def test_each_topic_hears_of_the_events_of_a_cluster_and_its_instances() -> None:
    graph = make(base=AURORA, alarm_topic_arns=TOPICS[:1])
    instances, cluster = graph.named("orders-events-1"), graph.named("orders-cluster-events-1")
    assert len(graph.of_type(SUBSCRIPTION)) == 2
    members = graph.of_type("aws:rds/clusterInstance:ClusterInstance")
    assert instances.inputs["sourceIds"] == [each.outputs["identifier"] for each in members]
    assert cluster.inputs["sourceIds"] == [graph.one("aws:rds/cluster:Cluster").inputs["clusterIdentifier"]]
    assert cluster.inputs["eventCategories"] == ["deletion", "failover", "failure", "maintenance", "notification"]


@pytest.mark.parametrize("changes", [{}, PASSWORD], ids=["managed by RDS", "given"])
def test_a_failed_rotation_of_the_password_is_reported(changes: Any) -> None:
    graph = make(alarm_topic_arns=TOPICS, **changes)
    rule = graph.one(RULE)
    assert rule.name == "orders-rotation-failed"
    assert json.loads(rule.inputs["eventPattern"]) == {
        "source": ["aws.secretsmanager"],
        "detail-type": ["AWS Service Event via CloudTrail"],
        "detail": {
            "eventSource": ["secretsmanager.amazonaws.com"],
            "eventName": ["RotationFailed"],
            "additionalEventData": {"SecretId": [graph.one("cloudpatterns:index:RelationalDatabase").outputs["secret_arn"]]},
        },
    }
    targets = graph.of_type("aws:cloudwatch/eventTarget:EventTarget")
    assert [(each.name, each.inputs["arn"]) for each in targets] == [
        ("orders-rotation-failed-topic-1", TOPICS[0]),
        ("orders-rotation-failed-topic-2", TOPICS[1]),
    ]
    assert graph.named("orders-rotation-failed-undelivered-alarm").inputs["alarmActions"] == TOPICS


@pytest.mark.parametrize("base", [DATABASE, AURORA, {**DATABASE, **PASSWORD, **REPLICA}])
def test_without_topics_nothing_is_reported(base: Any) -> None:
    assert make(base=base).of_type(ALARM, SUBSCRIPTION, RULE) == []
