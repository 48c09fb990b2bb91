from typing import Any

import pulumi_aws as aws
import pytest
from cloudpatterns.blocks import Metric, MetricMath, MetricSearch, alarm
from offline_preview.graph import Graph

from tests.components.blocks.parent import Parent, children, names
from tests.harness import refs

TOPIC = "arn:aws:sns:eu-west-1:123456789012:pager"
OTHER = "arn:aws:sns:eu-west-1:123456789012:log"


def make(mode: Any = "deployed", **options: Any) -> Graph:
    def create(parent: Parent) -> None:
        queue = aws.sqs.Queue("queue")
        metric = Metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", {"QueueName": queue.name})
        given: dict[str, Any] = {"actions": [TOPIC], "tags": {"Owner": "web"}, **options}
        alarm(parent, "shop-backlog", "Messages wait", metric, 100, **given)

    return children(create, mode)


def test_an_alarm_compares_the_average_of_the_last_minute_and_reports_either_change() -> None:
    graph = make()
    assert names(graph) == {"shop-backlog": "MetricAlarm"}
    assert graph.named("shop-backlog").inputs == {
        "alarmDescription": "Messages wait",
        "namespace": "AWS/SQS",
        "metricName": "ApproximateNumberOfMessagesVisible",
        "dimensions": {"QueueName": graph.named("queue").outputs["name"]},
        "statistic": "Average",
        "threshold": 100,
        "comparisonOperator": "GreaterThanThreshold",
        "period": 60,
        "evaluationPeriods": 1,
        "treatMissingData": "notBreaching",
        "alarmActions": [TOPIC],
        "okActions": [TOPIC],
        "tags": {"Owner": "web"},
    }


@pytest.mark.parametrize(
    ("options", "inputs"),
    [
        ({"comparison": "LessThanThreshold"}, {"comparisonOperator": "LessThanThreshold"}),
        ({"period_seconds": 300}, {"period": 300}),
        ({"periods": 3}, {"evaluationPeriods": 3}),
        ({"missing": "breaching"}, {"treatMissingData": "breaching"}),
        ({"actions": []}, {"alarmActions": [], "okActions": []}),
        ({"ok_actions": [OTHER]}, {"alarmActions": [TOPIC], "okActions": [OTHER]}),
    ],
)
def test_an_option_changes_its_inputs_alone(options: dict[str, Any], inputs: dict[str, Any]) -> None:
    assert make(**options).named("shop-backlog").inputs == {**make().named("shop-backlog").inputs, **inputs}


def test_missing_data_can_be_left_to_cloudwatch() -> None:
    inputs = make().named("shop-backlog").inputs
    del inputs["treatMissingData"]
    assert make(missing=None).named("shop-backlog").inputs == inputs


def test_the_statistic_belongs_to_the_metric() -> None:
    metric = Metric("Shop", "Orders", {"Site": "a"}, "Sum")
    graph = children(lambda parent: alarm(parent, "shop-orders", "No orders", metric, 1, actions=[], tags={}))
    found = graph.named("shop-orders").inputs
    assert [found[key] for key in ("namespace", "metricName", "statistic", "dimensions")] == ["Shop", "Orders", "Sum", {"Site": "a"}]


def test_a_preview_knows_what_the_alarm_watches() -> None:
    graph = make("preview")
    assert refs(graph, graph.named("shop-backlog")) == ["queue"]
    assert refs(graph, graph.named("shop-backlog"), "dimensions") == ["queue"]


def test_an_alarm_may_ask_for_some_of_its_periods() -> None:
    inputs = make(periods=3, datapoints=2).named("shop-backlog").inputs
    assert inputs == {**make(periods=3).named("shop-backlog").inputs, "datapointsToAlarm": 2}


def test_an_alarm_compares_an_expression_over_several_metrics() -> None:
    def create(parent: Parent) -> None:
        queue = aws.sqs.Queue("queue")
        metrics = {
            "sent": Metric("AWS/SQS", "NumberOfMessagesSent", {"QueueName": queue.name}, "Sum"),
            "received": Metric("AWS/SQS", "NumberOfMessagesReceived", {"QueueName": queue.name}, "Sum"),
        }
        math = MetricMath("sent - received", metrics)
        alarm(parent, "shop-backlog", "Messages wait", math, 100, period_seconds=300, actions=[TOPIC], tags={})

    graph = children(create)
    queue = graph.named("queue").outputs["name"]
    assert graph.named("shop-backlog").inputs == {
        "alarmDescription": "Messages wait",
        "metricQueries": [
            {"id": "result", "expression": "sent - received", "label": "Result", "returnData": True},
            *(
                {
                    "id": key,
                    "metric": {
                        "namespace": "AWS/SQS",
                        "metricName": f"NumberOfMessages{key.capitalize()}",
                        "dimensions": {"QueueName": queue},
                        "stat": "Sum",
                        "period": 300,
                    },
                }
                for key in ("sent", "received")
            ),
        ],
        "threshold": 100,
        "comparisonOperator": "GreaterThanThreshold",
        "evaluationPeriods": 1,
        "treatMissingData": "notBreaching",
        "alarmActions": [TOPIC],
        "okActions": [TOPIC],
        "tags": {},
    }


def test_an_alarm_looks_at_the_result_of_a_search() -> None:
    query = "SELECT MAX(Used) FROM \"AWS/Limits\" WHERE Id = 'a'"

    def create(parent: Parent) -> None:
        alarm(parent, "shop-limit", "The limit is reached", MetricSearch(query), 10, period_seconds=300, actions=[TOPIC], tags={})

    made = children(create, "deployed").named("shop-limit").inputs
    assert made["metricQueries"] == [{"id": "result", "expression": query, "label": "Result", "period": 300, "returnData": True}]
    assert "period" not in made
    assert "metricName" not in made
