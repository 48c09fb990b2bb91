"""CloudWatch alarms that somebody hears."""

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
"""What reads an alarm's state by itself, so that the alarm needs no action."""

_SENDERS: Final = (
    *((kind, path) for kind in (_METRIC_ALARM, _COMPOSITE_ALARM) for path in ("alarmActions", "okActions", "insufficientDataActions")),
    ("aws:cloudwatch/eventTarget:EventTarget", "arn"),
    ("aws:s3/bucketNotification:BucketNotification", "topics"),
    ("aws:budgets/budget:Budget", "notifications"),
)
"""AWS services that publish to a topic in their own name."""


@stack_control(
    id="alarm-actions",
    title="Alarms tell somebody",
    severity=Severity.MEDIUM,
    types=(_METRIC_ALARM, _COMPOSITE_ALARM),
    why="An alarm without an action turns red where nobody looks.",
    remediation="Set alarm_actions to the ARN of an SNS topic or of what mends the matter, and leave actions_enabled at True.",
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
        return Fail("has its actions switched off", "actionsEnabled")
    actions = read(resource, "alarmActions", computed=True)
    if UNKNOWN in (item for item in (enabled, actions) if item is UNKNOWN):
        return Unknown("actionsEnabled" if enabled is UNKNOWN else "alarmActions")
    return Pass() if actions else Fail("tells nobody", "alarmActions")


@stack_control(
    id="alarm-topic-key",
    title="Topics that AWS services publish to lie under a key that admits these",
    severity=Severity.MEDIUM,
    types=(_TOPIC,),
    why="The AWS managed key admits no service: alarms and events are dropped without a word.",
    remediation="Set kms_master_key_id to a key of your own, whose policy names the publishing service.",
    url="https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html#compatibility-with-aws-services",
    pack="operations",
)
def alarm_topic_key(resource: Resource, stack: Stack) -> Verdict:
    senders = [item for kind, path in _SENDERS for item in stack.referrers(resource, kind, path)]
    if not senders:
        return NotApplicable("hears from no AWS service of the stack")
    key = read(resource, "kmsMasterKeyId")
    managed = key is not UNKNOWN and str(key).endswith("alias/aws/sns")
    return Fail(f"never hears from {senders[0].name}: it lies under the AWS managed key", "kmsMasterKeyId") if managed else Pass()
