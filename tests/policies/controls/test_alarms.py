"""Alarms, and the topics they speak to."""

from typing import Any

import pytest
from cloudpatterns_policies.controls import alarms as controls
from cloudpatterns_policies.core import Fail, NotApplicable, Pass, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, stack, verdicts

ALARM, COMPOSITE, TOPIC = "aws:cloudwatch/metricAlarm:MetricAlarm", "aws:cloudwatch/compositeAlarm:CompositeAlarm", "aws:sns/topic:Topic"
NOBODY = Fail("has no alarm actions", "alarmActions")
ACTIONS = {"alarmActions": [UNKNOWN]}


@pytest.mark.parametrize("type", [ALARM, COMPOSITE])
@pytest.mark.parametrize(
    ("props", "deps", "expected"),
    [
        (ACTIONS, {}, Pass()),
        ({**ACTIONS, "actionsEnabled": True}, {}, Pass()),
        ({**ACTIONS, "actionsEnabled": UNKNOWN}, {}, Pass()),
        ({**ACTIONS, "actionsEnabled": False}, {}, Fail("has its actions disabled", "actionsEnabled")),
        ({"alarmActions": []}, {}, NOBODY),
        ({"okActions": ["arn"]}, {}, NOBODY),
        ({"alarmActions": UNKNOWN}, {}, NOBODY),
        ({}, {}, NOBODY),
        ({"alarmActions": UNKNOWN}, {"alarmActions": ["source"]}, Unknown("alarmActions")),
        ({**ACTIONS, "actionsEnabled": UNKNOWN}, {"actionsEnabled": ["source"]}, Unknown("actionsEnabled")),
    ],
)
def test_actions(type: str, props: dict[str, Any], deps: dict[str, list[str]], expected: Verdict) -> None:
    alarm = resource(type, "alarm", props, deps=deps)
    assert verdicts(controls.alarm_actions, stack(resource("x:y:Z", "source"), alarm)) == [("alarm", expected)]


READERS = [
    ("aws:route53/healthCheck:HealthCheck", "cloudwatchAlarmName"),
    ("aws:ecs/service:Service", "alarms"),
    ("aws:codedeploy/deploymentGroup:DeploymentGroup", "alarmConfiguration"),
    ("aws:autoscaling/group:Group", "instanceRefresh"),
    ("aws:appconfig/environment:Environment", "monitors"),
]


@pytest.mark.parametrize(("type", "path"), READERS)
def test_alarm_that_is_read_by_others(type: str, path: str) -> None:
    reader = resource(type, "reader", {path: UNKNOWN}, deps={path: ["alarm"]})
    found = verdicts(controls.alarm_actions, stack(resource(ALARM, "alarm"), reader))
    assert found == [("alarm", NotApplicable("is read by reader"))]


@pytest.mark.parametrize("path", ["alarmRule", "actionsSuppressor"])
def test_alarm_that_another_alarm_is_made_of(path: str) -> None:
    whole = resource(COMPOSITE, "whole", {path: UNKNOWN, **ACTIONS}, deps={path: ["alarm"]})
    found = verdicts(controls.alarm_actions, stack(resource(ALARM, "alarm"), whole))
    assert found == [("alarm", NotApplicable("is read by whole")), ("whole", Pass())]


MANAGED = Fail("receives nothing from sender: it is encrypted with the AWS managed key", "kmsMasterKeyId")


@pytest.mark.parametrize(
    ("type", "path"),
    [
        *[(type, path) for type in (ALARM, COMPOSITE) for path in ("alarmActions", "okActions", "insufficientDataActions")],
        ("aws:cloudwatch/eventTarget:EventTarget", "arn"),
        ("aws:s3/bucketNotification:BucketNotification", "topics"),
        ("aws:budgets/budget:Budget", "notifications"),
    ],
)
@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("alias/aws/sns", MANAGED),
        ("arn:aws:kms:eu-west-1:123456789012:alias/aws/sns", MANAGED),
        ("alias/alarms", Pass()),
        (UNKNOWN, Pass()),
        (None, Pass()),
    ],
)
def test_key_of_a_topic(type: str, path: str, key: Any, expected: Verdict) -> None:
    sender = resource(type, "sender", {path: UNKNOWN}, deps={path: ["topic"]})
    assert verdicts(controls.alarm_topic_key, stack(resource(TOPIC, "topic", {"kmsMasterKeyId": key}), sender)) == [("topic", expected)]


def test_the_first_of_several_is_named() -> None:
    readers = [resource(type, type[-5:], {path: UNKNOWN}, deps={path: ["alarm"]}) for type, path in READERS[:2]]
    found = verdicts(controls.alarm_actions, stack(resource(ALARM, "alarm"), *readers))
    assert found == [("alarm", NotApplicable(f"is read by {readers[0].name}"))]
    senders = [resource(ALARM, name, {"okActions": UNKNOWN}, deps={"okActions": ["topic"]}) for name in ("sender", "second")]
    found = verdicts(controls.alarm_topic_key, stack(resource(TOPIC, "topic", {"kmsMasterKeyId": "alias/aws/sns"}), *senders))
    assert found == [("topic", MANAGED)]


def test_topic_of_the_stack_s_own() -> None:
    found = verdicts(controls.alarm_topic_key, resource(TOPIC, "topic", {"kmsMasterKeyId": "alias/aws/sns"}))
    assert found == [("topic", NotApplicable("is not published to by an AWS service of the stack"))]
