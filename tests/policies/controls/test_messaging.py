"""Queues, topics, streams and event buses."""

import json
from typing import Any

import pytest
from cloudpatterns_policies.controls import messaging as controls
from cloudpatterns_policies.core import Control, Fail, NotApplicable, Pass, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, stack, verdicts

QUEUE, QUEUE_POLICY = "aws:sqs/queue:Queue", "aws:sqs/queuePolicy:QueuePolicy"
TOPIC, TOPIC_POLICY = "aws:sns/topic:Topic", "aws:sns/topicPolicy:TopicPolicy"
STREAM, BUS, BUS_POLICY = "aws:kinesis/stream:Stream", "aws:cloudwatch/eventBus:EventBus", "aws:cloudwatch/eventBusPolicy:EventBusPolicy"
BUS_PERMISSION = "aws:cloudwatch/eventPermission:EventPermission"
DEFAULT_POLICY = NotApplicable("sets no policy here; the default policy allows the owner only")


EVERYONE = "allows * to everyone (Principal *) in statement"


def policy(principal: Any, **fields: Any) -> str:
    return json.dumps({"Statement": [{"Effect": "Allow", "Principal": principal, "Action": "*", "Resource": "*", **fields}]})


def judged(control: Control, type: str, props: dict[str, Any]) -> Verdict:
    (found,) = verdicts(control, resource(type, props=props))
    return found[1] if isinstance(found, tuple) else found


PLAIN = Fail("stores messages unencrypted", "sqsManagedSseEnabled")


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        ({}, Pass()),
        ({"sqsManagedSseEnabled": True}, Pass()),
        ({"kmsMasterKeyId": UNKNOWN}, Pass()),
        ({"sqsManagedSseEnabled": False, "kmsMasterKeyId": "alias/queue"}, Pass()),
        ({"sqsManagedSseEnabled": False}, PLAIN),
        ({"sqsManagedSseEnabled": False, "kmsMasterKeyId": ""}, PLAIN),
        ({"sqsManagedSseEnabled": False, "kmsMasterKeyId": UNKNOWN}, Unknown("kmsMasterKeyId")),
        ({"sqsManagedSseEnabled": UNKNOWN}, Unknown("sqsManagedSseEnabled")),
    ],
)
def test_queue_encryption(props: dict[str, Any], expected: Verdict) -> None:
    assert judged(controls.sqs_encrypted, QUEUE, props) == expected


@pytest.mark.parametrize(
    ("control", "type"),
    [
        (controls.sqs_not_public, QUEUE),
        (controls.sqs_not_public, QUEUE_POLICY),
        (controls.sns_not_public, TOPIC),
        (controls.sns_not_public, TOPIC_POLICY),
        (controls.event_bus_not_public, BUS_POLICY),
    ],
)
def test_policies_are_not_public(control: Control, type: str) -> None:
    assert judged(control, type, {"policy": policy({"Service": "s3.amazonaws.com"})}) == Pass()
    assert judged(control, type, {"policy": policy("*", Sid="All")}) == Fail(f"{EVERYONE} All", "policy")
    assert judged(control, type, {"policy": policy("*", Condition={"StringEquals": {"aws:SourceAccount": "123456789012"}})}) == Pass()
    assert judged(control, type, {"policy": UNKNOWN}) == Unknown("policy")
    assert judged(control, type, {"policy": "no document"}) == Fail("is not a valid policy document", "policy")


def test_each_public_statement_is_told() -> None:
    document = {"Statement": [json.loads(policy(who))["Statement"][0] for who in ("*", {"AWS": "123456789012"}, {"AWS": "*"})]}
    assert verdicts(controls.sqs_not_public, resource(QUEUE, props={"policy": json.dumps(document)})) == [
        Fail(f"{EVERYONE} 1", "policy"),
        Fail(f"{EVERYONE} 3", "policy"),
    ]


@pytest.mark.parametrize(("control", "type"), [(controls.sqs_not_public, QUEUE), (controls.sns_not_public, TOPIC)])
def test_no_policy(control: Control, type: str) -> None:
    assert judged(control, type, {}) == judged(control, type, {"policy": ""}) == DEFAULT_POLICY


@pytest.mark.parametrize(
    ("props", "deps", "expected"),
    [
        ({"kmsMasterKeyId": "alias/aws/sns"}, {}, Pass()),
        ({"kmsMasterKeyId": UNKNOWN}, {"kmsMasterKeyId": ["key"]}, Pass()),
        ({"kmsMasterKeyId": UNKNOWN}, {"kmsMasterKeyId": ["other"]}, Unknown("kmsMasterKeyId")),
        ({"kmsMasterKeyId": UNKNOWN}, {}, Fail("is not encrypted", "kmsMasterKeyId")),
        ({"kmsMasterKeyId": ""}, {}, Fail("is not encrypted", "kmsMasterKeyId")),
        ({}, {}, Fail("is not encrypted", "kmsMasterKeyId")),
    ],
)
def test_topic_encryption(props: dict[str, Any], deps: dict[str, list[str]], expected: Verdict) -> None:
    around = [resource("aws:kms/key:Key", "key"), resource("x:y:Z", "other")]
    assert verdicts(controls.sns_encrypted, stack(*around, resource(TOPIC, "t", props, deps=deps))) == [("t", expected)]


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        ({"encryptionType": "KMS", "kmsKeyId": UNKNOWN}, Pass()),
        ({"encryptionType": "NONE"}, Fail("stores records unencrypted", "encryptionType")),
        ({}, Fail("stores records unencrypted", "encryptionType")),
        ({"encryptionType": UNKNOWN}, Unknown("encryptionType")),
    ],
)
def test_stream_encryption(props: dict[str, Any], expected: Verdict) -> None:
    assert judged(controls.kinesis_encrypted, STREAM, props) == expected


@pytest.mark.parametrize("type", [BUS_POLICY, BUS_PERMISSION])
def test_bus_has_a_policy(type: str) -> None:
    holder = resource(type, "policy", {"eventBusName": UNKNOWN}, deps={"eventBusName": ["orders"]})
    found = verdicts(controls.event_bus_policy, stack(resource(BUS, "orders"), resource(BUS, "other"), holder))
    assert found == [("orders", Pass()), ("other", Fail("has no policy"))]


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        ({"principal": "123456789012"}, Pass()),
        ({"principal": "*", "condition": {"key": "aws:PrincipalOrgID", "type": "StringEquals", "value": "o-abcdefghij"}}, Pass()),
        ({"principal": "*", "condition": {"value": "*"}}, Fail("allows events:PutEvents to everyone (Principal *)", "principal")),
        ({"principal": "*"}, Fail("allows events:PutEvents to everyone (Principal *)", "principal")),
        ({"principal": "*", "condition": {"value": UNKNOWN}}, Unknown("condition.value")),
        ({"principal": UNKNOWN}, Unknown("principal")),
    ],
)
def test_bus_permission(props: dict[str, Any], expected: Verdict) -> None:
    assert judged(controls.event_bus_not_public, BUS_PERMISSION, props) == expected
