import json
from typing import Any

import pulumi_aws as aws
import pytest
from cloudpatterns.blocks import alarm_topic
from offline_preview.graph import Graph

from tests.components.blocks.parent import Parent, children, names
from tests.harness import refs

ACCOUNT, TAGS = "123456789012", {"Owner": "web"}
KEY_USE = ["kms:Decrypt", "kms:GenerateDataKey*"]
OF_ACCOUNT = {"StringEquals": {"aws:SourceAccount": ACCOUNT}}


def make(mode: Any = "deployed", **options: Any) -> Graph:
    def create(parent: Parent) -> None:
        aws.sns.Topic("reader", tags={"topic": alarm_topic(parent, "shop-alarms", tags=TAGS, **options)})

    return children(create, mode)


def statements(graph: Graph, name: str) -> dict[str, dict[str, Any]]:
    return {one["Sid"]: one for one in json.loads(graph.named(name).inputs["policy"])["Statement"]}


def test_the_topic_is_encrypted_with_a_key_of_its_own() -> None:
    graph = make()
    assert names(graph) == {
        "shop-alarms": "Topic",
        "shop-alarms-key": "Key",
        "shop-alarms-key-policy": "KeyPolicy",
        "shop-alarms-policy": "TopicPolicy",
    }
    topic, key = graph.named("shop-alarms"), graph.named("shop-alarms-key")
    assert topic.inputs == {"kmsMasterKeyId": key.outputs["arn"], "tags": TAGS}
    assert key.inputs["tags"] == TAGS
    # A message before the policy would be lost.
    assert refs(graph, topic, "kmsMasterKeyId") == ["shop-alarms-key", "shop-alarms-key-policy"]


def test_alarms_rules_and_subscriptions_of_the_account_may_publish() -> None:
    graph = make()
    arn = graph.named("shop-alarms").outputs["arn"]
    assert graph.named("shop-alarms-policy").inputs["arn"] == arn
    assert list(statements(graph, "shop-alarms-policy").values()) == [
        {
            "Sid": sid,
            "Effect": "Allow",
            "Action": ["sns:Publish"],
            "Resource": [arn],
            "Principal": {"Service": [service]},
            **condition,
        }
        for sid, service, condition in [
            ("CloudWatchAlarms", "cloudwatch.amazonaws.com", {"Condition": OF_ACCOUNT}),
            ("EventBridgeRules", "events.amazonaws.com", {}),
            ("RdsEvents", "events.rds.amazonaws.com", {"Condition": OF_ACCOUNT}),
        ]
    ]


@pytest.mark.parametrize(
    ("sid", "principal", "condition"),
    [
        ("CloudWatchAlarms", {"Service": ["cloudwatch.amazonaws.com"]}, OF_ACCOUNT),
        ("Events", {"Service": ["events.amazonaws.com", "events.rds.amazonaws.com"]}, None),
        (
            "AutoScalingNotifications",
            {"AWS": ["*"]},
            {
                "StringEquals": {"kms:CallerAccount": ACCOUNT},
                "ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/autoscaling.amazonaws.com/*"},
            },
        ),
    ],
)
def test_who_may_publish_may_use_the_key(sid: str, principal: dict[str, Any], condition: dict[str, Any] | None) -> None:
    statement = statements(make(), "shop-alarms-key-policy")[sid]
    assert (statement["Effect"], statement["Action"], statement["Resource"]) == ("Allow", KEY_USE, ["*"])
    assert (statement["Principal"], statement.get("Condition")) == (principal, condition)


def test_the_key_policy_admits_nobody_else() -> None:
    assert set(statements(make(), "shop-alarms-key-policy")) == {
        *("Administration", "CloudWatchAlarms", "Events", "AutoScalingNotifications"),
    }


def test_an_alarm_that_is_sent_finds_the_policy() -> None:
    graph = make("preview")
    assert refs(graph, graph.named("reader"), "tags") == ["shop-alarms", "shop-alarms-policy"]


def test_every_address_has_a_subscription() -> None:
    graph = make(email_addresses=["ops@example.com", "shop@example.com"])
    for address in ("ops@example.com", "shop@example.com"):
        subscription = graph.named(f"shop-alarms-email-{address}")
        assert subscription.inputs == {
            "topic": graph.named("shop-alarms").outputs["arn"],
            "protocol": "email",
            "endpoint": address,
        }
    assert len(graph.of_type("aws:sns/topicSubscription:TopicSubscription")) == 2
