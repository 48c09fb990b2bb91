"""CloudWatch alarms: their actions, and the SNS topics that receive their notifications."""

from typing import Final

from cloudpatterns_policies.core import UNKNOWN, Fail, NotApplicable, Pass, Resource, Severity, Stack, Unknown, Verdict, stack_control
from cloudpatterns_policies.graph.reading import read

_METRIC_ALARM: Final = "aws:cloudwatch/metricAlarm:MetricAlarm"
_COMPOSITE_ALARM: Final = "aws:cloudwatch/compositeAlarm:CompositeAlarm"
_TOPIC: Final = "aws:sns/topic:Topic"

_READERS: Final = (
    (_COMPOSITE_ALARM, "alarmRule"),
    (_COMPOSITE_ALARM, "actionsSuppressor"),
    ("aws:route53/healthCheck:HealthCheck", "cloudwatchAlarmName"),
    ("aws:ecs/service:Service", "alarms"),
    ("aws:codedeploy/deploymentGroup:DeploymentGroup", "alarmConfiguration"),
    ("aws:autoscaling/group:Group", "instanceRefresh"),
    ("aws:appconfig/environment:Environment", "monitors"),
)
"""Resources that read an alarm's state themselves, so that the alarm needs no action."""

_SENDERS: Final = (
    *((kind, path) for kind in (_METRIC_ALARM, _COMPOSITE_ALARM) for path in ("alarmActions", "okActions", "insufficientDataActions")),
    ("aws:cloudwatch/eventTarget:EventTarget", "arn"),
    ("aws:s3/bucketNotification:BucketNotification", "topics"),
    ("aws:budgets/budget:Budget", "notifications"),
)
"""AWS services that publish to a topic as service principals."""


@stack_control(
    id="alarm-actions",
    title="CloudWatch alarms have alarm actions",
    severity=Severity.MEDIUM,
    types=(_METRIC_ALARM, _COMPOSITE_ALARM),
    why="Nobody is notified when an alarm without an action changes to ALARM.",
    remediation="Set alarm_actions to the ARN of an SNS topic, or of an action that fixes the problem, and leave actions_enabled at True.",
    url="https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-actions.html",
    frameworks={"Checkov": ("CKV_AWS_319",)},
    pack="operations",
)
def alarm_actions(resource: Resource, stack: Stack) -> Verdict:
    readers = [item for kind, path in _READERS for item in stack.referrers(resource, kind, path)]
    if readers:
        return NotApplicable(f"is read by {readers[0].name}")
    enabled = read(resource, "actionsEnabled", computed=True)
    if enabled is False:
        return Fail("has its actions disabled", "actionsEnabled")
    actions = read(resource, "alarmActions", computed=True)
    if UNKNOWN in (item for item in (enabled, actions) if item is UNKNOWN):
        return Unknown("actionsEnabled" if enabled is UNKNOWN else "alarmActions")
    return Pass() if actions else Fail("has no alarm actions", "alarmActions")


@stack_control(
    id="alarm-topic-key",
    title="SNS topics that AWS services publish to use a key that these services may use",
    severity=Severity.MEDIUM,
    types=(_TOPIC,),
    why="AWS services cannot use the AWS managed key: their alarms and events are dropped silently.",
    remediation="Set kms_master_key_id to a customer-managed key whose policy allows the publishing service.",
    url="https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html#compatibility-with-aws-services",
    pack="operations",
)
def alarm_topic_key(resource: Resource, stack: Stack) -> Verdict:
    senders = [item for kind, path in _SENDERS for item in stack.referrers(resource, kind, path)]
    if not senders:
        return NotApplicable("is not published to by an AWS service of the stack")
    key = read(resource, "kmsMasterKeyId")
    managed = key is not UNKNOWN and str(key).endswith("alias/aws/sns")
    return (
        Fail(f"receives nothing from {senders[0].name}: it is encrypted with the AWS managed key", "kmsMasterKeyId") if managed else Pass()
    )
