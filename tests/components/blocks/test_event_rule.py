import json
from typing import Any

import pulumi_aws as aws
import pytest
from cloudpatterns.blocks import invoke_on_event
from offline_preview.graph import Graph

from tests.components.blocks.parent import Parent, children, names
from tests.harness import refs

TAGS = {"Owner": "web"}


def make(mode: Any = "deployed", **options: Any) -> Graph:
    def create(parent: Parent) -> None:
        function = aws.lambda_.Function("watch", role="arn:aws:iam::123456789012:role/watch")
        rule = invoke_on_event(parent, "shop-check", function, "Checks the shop", undelivered=aws.sqs.Queue("lost"), tags=TAGS, **options)
        assert rule.pulumi_resource_name == "shop-check"

    return children(create, mode)


def test_a_schedule_starts_the_function() -> None:
    graph = make(schedule="rate(1 minute)")
    assert names(graph) == {"shop-check": "EventRule", "shop-check-permission": "Permission", "shop-check-target": "EventTarget"}
    rule, function = graph.named("shop-check"), graph.named("watch")
    assert rule.inputs == {"description": "Checks the shop", "scheduleExpression": "rate(1 minute)", "tags": TAGS}
    assert graph.named("shop-check-target").inputs == {
        "rule": rule.outputs["name"],
        "arn": function.outputs["arn"],
        "deadLetterConfig": {"arn": graph.named("lost").outputs["arn"]},
    }
    assert graph.named("shop-check-permission").inputs == {
        "action": "lambda:InvokeFunction",
        "function": function.outputs["name"],
        "principal": "events.amazonaws.com",
        "sourceArn": rule.outputs["arn"],
    }


def test_an_event_starts_the_function_also_one_about_what_is_still_to_be_created() -> None:
    def create(parent: Parent) -> None:
        function = aws.lambda_.Function("watch", role="arn:aws:iam::123456789012:role/watch")
        topic = aws.sns.Topic("topic")
        pattern = {"source": ["aws.sns"], "resources": [topic.arn]}
        invoke_on_event(parent, "shop-check", function, "Checks", pattern=pattern, undelivered=aws.sqs.Queue("lost"), tags=TAGS)

    graph = children(create)
    rule = graph.named("shop-check").inputs
    assert json.loads(rule.pop("eventPattern")) == {"source": ["aws.sns"], "resources": [graph.named("topic").outputs["arn"]]}
    assert rule == {"description": "Checks", "tags": TAGS}
    graph = children(create, "preview")
    assert refs(graph, graph.named("shop-check"), "eventPattern") == ["topic"]


@pytest.mark.parametrize("options", [{"schedule": "rate(1 minute)"}, {"pattern": {"source": ["aws.sns"]}}])
def test_no_event_comes_before_the_function_may_be_invoked(options: dict[str, Any]) -> None:
    graph = make("preview", **options)
    target = graph.named("shop-check-target")
    assert graph.named("shop-check-permission").urn in target.dependencies
    assert (refs(graph, target, "rule"), refs(graph, target, "arn")) == (["shop-check"], ["watch"])
