import json
from typing import Any

from cloudpatterns.blocks import notify_on_event
from offline_preview.graph import Graph

from tests.components.blocks.parent import Parent, children, names
from tests.harness import refs

TAGS = {"Owner": "web"}
TOPICS = ["arn:aws:sns:eu-west-1:123456789012:alarms", "arn:aws:sns:eu-west-1:123456789012:pager"]


def make(topic_arns: list[str], mode: Any = "deployed") -> Graph:
    def create(parent: Parent) -> None:
        pattern = {"source": ["aws.autoscaling"], "detail-type": ["EC2 Auto Scaling Instance Refresh Failed"]}
        notify_on_event(parent, "shop-refresh", "A refresh failed", pattern=pattern, topic_arns=topic_arns, tags=TAGS)

    return children(create, mode)


def test_every_topic_is_a_target_of_the_rule() -> None:
    graph = make(TOPICS)
    assert names(graph) == {
        "shop-refresh": "EventRule",
        "shop-refresh-topic-1": "EventTarget",
        "shop-refresh-topic-2": "EventTarget",
        "shop-refresh-undelivered": "Queue",
        "shop-refresh-undelivered-policy": "QueuePolicy",
        "shop-refresh-undelivered-alarm": "MetricAlarm",
    }
    rule = graph.named("shop-refresh")
    assert json.loads(rule.inputs["eventPattern"]) == {
        "source": ["aws.autoscaling"],
        "detail-type": ["EC2 Auto Scaling Instance Refresh Failed"],
    }
    assert (rule.inputs["description"], rule.inputs["tags"]) == ("A refresh failed", TAGS)
    targets = [graph.named(f"shop-refresh-topic-{number}") for number in (1, 2)]
    assert [target.inputs["arn"] for target in targets] == TOPICS
    assert [refs(graph, target, "rule") for target in targets] == [["shop-refresh"], ["shop-refresh"]]


def test_what_no_topic_takes_stays_in_a_queue_of_the_rule_alone() -> None:
    graph = make(TOPICS)
    queue, rule = graph.named("shop-refresh-undelivered"), graph.named("shop-refresh")
    assert queue.inputs == {"sqsManagedSseEnabled": True, "messageRetentionSeconds": 1_209_600, "tags": TAGS}
    policy = graph.named("shop-refresh-undelivered-policy").inputs
    assert policy["queueUrl"] == queue.id
    assert json.loads(policy["policy"])["Statement"] == [
        {
            "Effect": "Allow",
            "Action": ["sqs:SendMessage"],
            "Resource": [queue.outputs["arn"]],
            "Principal": {"Service": ["events.amazonaws.com"]},
            "Condition": {"ArnEquals": {"aws:SourceArn": rule.outputs["arn"]}},
        }
    ]
    graph = make(TOPICS, "preview")
    for number in (1, 2):
        target = graph.named(f"shop-refresh-topic-{number}")
        assert refs(graph, target, "deadLetterConfig") == ["shop-refresh-undelivered", "shop-refresh-undelivered-policy"]


def test_the_topics_hear_of_events_that_they_did_not_take() -> None:
    graph = make(TOPICS)
    assert graph.named("shop-refresh-undelivered-alarm").inputs == {
        "alarmDescription": "Events are in the queue shop-refresh-undelivered, because a topic refused them: does its policy, and that of "
        "its key, allow events.amazonaws.com?",
        "namespace": "AWS/SQS",
        "metricName": "ApproximateNumberOfMessagesVisible",
        "dimensions": {"QueueName": graph.named("shop-refresh-undelivered").outputs["name"]},
        "statistic": "Maximum",
        "threshold": 0,
        "comparisonOperator": "GreaterThanThreshold",
        "period": 60,
        "evaluationPeriods": 1,
        "treatMissingData": "notBreaching",
        "alarmActions": TOPICS,
        "okActions": TOPICS,
        "tags": TAGS,
    }
