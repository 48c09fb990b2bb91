"""Alarms whose actions AWS does not take, and subscriptions to cost anomalies."""

import re
from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from cloudpatterns_policies.acceptance.controls._given import given, is_given
from cloudpatterns_policies.acceptance.relations import target, targets
from cloudpatterns_policies.core import UNKNOWN, Fail, Resource, Severity, Stack, Verdict, control, stack_control
from cloudpatterns_policies.graph.reading import read

_ALARM: Final = "aws:cloudwatch/metricAlarm:MetricAlarm"
_COMPOSITE: Final = "aws:cloudwatch/compositeAlarm:CompositeAlarm"
_ACTIONS: Final = ("alarmActions", "okActions", "insufficientDataActions")
_RECOVER: Final = re.compile(r"arn:[^:]+:(automate:[^:]+:ec2:recover|swf:.*AWS_EC2\.InstanceId\.Recover.*)")
_OF_EC2: Final = re.compile(r"arn:[^:]+:(automate:[^:]+:ec2:.+|swf:.*AWS_EC2\.InstanceId\..*|autoscaling:.+)")
_BY_FREQUENCY: Final = {"IMMEDIATE": "SNS", "DAILY": "EMAIL", "WEEKLY": "EMAIL"}

_refusal = partial(control, severity=Severity.HIGH, pack="acceptance")


@_refusal(
    id="alarm-recover-metric",
    title="An alarm that recovers an instance is on StatusCheckFailed_System",
    types=(_ALARM,),
    why="Recovery moves an instance off broken hardware; CloudWatch takes the action for that metric alone.",
    remediation="Set metric_name to StatusCheckFailed_System in the namespace AWS/EC2, or use the action reboot.",
    url="https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/cloudwatch-recovery.html",
)
def alarm_recover_metric(resource: Resource) -> Iterator[Verdict]:
    actions = read(resource, "alarmActions")
    recovers = isinstance(actions, list) and any(isinstance(action, str) and _RECOVER.fullmatch(action) for action in actions)
    metric = resource.get("metricName") if recovers else None
    if recovers and metric != "StatusCheckFailed_System":
        yield Fail(f"recovers an instance by the metric {metric}", "metricName")


@stack_control(
    id="composite-alarm-actions",
    title="A composite alarm has no EC2 or Auto Scaling action",
    severity=Severity.HIGH,
    types=(_COMPOSITE,),
    why="CloudWatch runs these actions from metric alarms alone.",
    remediation="Give the action to a metric alarm, or notify an SNS topic.",
    url="https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html",
    pack="acceptance",
)
def composite_alarm_actions(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    for name in _ACTIONS:
        actions = read(resource, name, computed=True)
        for action in actions if isinstance(actions, list) else ():
            if isinstance(action, str) and _OF_EC2.fullmatch(action):
                yield Fail(f"has the action {action}", name)
        if not _has_texts(actions):
            for _, policy in targets(stack, resource, name, "aws:autoscaling/policy:Policy", "aws:appautoscaling/policy:Policy"):
                yield Fail(f"has the scaling policy {policy.name} as an action", name)


@_refusal(
    id="cost-anomaly-subscribers",
    title="Cost anomalies go to a topic at once, or to e-mail addresses once a day or week",
    types=("aws:costexplorer/anomalySubscription:AnomalySubscription",),
    why="Cost Anomaly Detection refuses e-mail for IMMEDIATE, and topics for DAILY and WEEKLY.",
    remediation="Set frequency to IMMEDIATE for SNS, and to DAILY or WEEKLY for EMAIL; make a second subscription for the other.",
    url="https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_AnomalySubscription.html",
)
def cost_anomaly_subscribers(resource: Resource) -> Iterator[Verdict]:
    frequency = resource.get("frequency")
    allowed = _BY_FREQUENCY.get(str(frequency))
    for index, subscriber in enumerate(resource.get("subscribers", [])):
        kind = UNKNOWN if subscriber is UNKNOWN else subscriber.get("type")
        if allowed and isinstance(kind, str) and kind != allowed:
            yield Fail(f"sends by {kind} with the frequency {frequency}, which takes {allowed}", f"subscribers.{index}.type")


@stack_control(
    id="runtime-monitoring-once",
    title="A detector has one kind of runtime monitoring",
    severity=Severity.HIGH,
    types=("aws:guardduty/detectorFeature:DetectorFeature",),
    why="GuardDuty refuses EKS_RUNTIME_MONITORING beside RUNTIME_MONITORING, which includes it.",
    remediation="Keep RUNTIME_MONITORING.",
    url="https://docs.aws.amazon.com/guardduty/latest/APIReference/API_DetectorFeatureConfiguration.html",
    pack="acceptance",
)
def runtime_monitoring_once(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    if not (is_given(resource, "name", "EKS_RUNTIME_MONITORING") and is_given(resource, "status", "ENABLED")):
        return
    own = _detector(resource, stack)
    for other in stack.of_type(resource.type):
        rival = is_given(other, "name", "RUNTIME_MONITORING") and is_given(other, "status", "ENABLED")
        if rival and own is not None and own == _detector(other, stack):
            yield Fail(f"is enabled beside {other.name}, which enables RUNTIME_MONITORING", "name")


def _detector(feature: Resource, stack: Stack) -> str | None:
    found, name = target(stack, feature, "detectorId", "aws:guardduty/detector:Detector"), given(feature, "detectorId")
    return found.urn if found is not None else name if isinstance(name, str) else None


def _has_texts(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(one, str) for one in value)
