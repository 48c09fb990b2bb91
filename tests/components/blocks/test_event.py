import json

from cloudpatterns.blocks import notify_on_event
from offline_preview.graph import Graph

from tests.components.blocks.parent import Parent, children, names
from tests.harness import refs

TAGS = {"Owner": "web"}
TOPICS = ["arn:aws:sns:eu-west-1:123456789012:alarms", "arn:aws:sns:eu-west-1:123456789012:pager"]


def make(topic_arns: list[str]) -> Graph:
    def create(parent: Parent) -> None:
        pattern = {"source": ["aws.autoscaling"], "detail-type": ["EC2 Auto Scaling Instance Refresh Failed"]}
        notify_on_event(parent, "shop-refresh", "A refresh failed", pattern=pattern, topic_arns=topic_arns, tags=TAGS)

    return children(create)


def test_every_topic_is_a_target_of_the_rule() -> None:
    graph = make(TOPICS)
    assert names(graph) == {"shop-refresh": "EventRule", "shop-refresh-topic-1": "EventTarget", "shop-refresh-topic-2": "EventTarget"}
    rule = graph.named("shop-refresh")
    assert json.loads(rule.inputs["eventPattern"]) == {
        "source": ["aws.autoscaling"],
        "detail-type": ["EC2 Auto Scaling Instance Refresh Failed"],
    }
    assert (rule.inputs["description"], rule.inputs["tags"]) == ("A refresh failed", TAGS)
    targets = [graph.named(f"shop-refresh-topic-{number}") for number in (1, 2)]
    assert [target.inputs["arn"] for target in targets] == TOPICS
    assert [refs(graph, target, "rule") for target in targets] == [["shop-refresh"], ["shop-refresh"]]
