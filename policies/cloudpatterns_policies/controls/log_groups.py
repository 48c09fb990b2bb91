"""CloudWatch log groups: how long their events are kept."""

from collections.abc import Mapping
from typing import Any, Final

from cloudpatterns_policies.core import Fail, NotApplicable, Pass, Resource, Severity, Verdict, control

_LOG_GROUP: Final = "aws:cloudwatch/logGroup:LogGroup"
_RETENTION: Final = "retentionInDays"
_DELIVERY: Final = "DELIVERY"
"""A class whose events CloudWatch Logs always keeps for one or two days."""


@control(
    id="log-group-retention-set",
    title="Log groups say how long they keep events",
    severity=Severity.LOW,
    types=(_LOG_GROUP,),
    why="Without a retention, events are kept and paid for without end, personal data in them included.",
    remediation="Set retention_in_days.",
    url="https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/Working-with-log-groups-and-streams.html",
    frameworks={"Checkov": ("CKV_AWS_66",)},
    pack="operations",
)
def log_group_retention_set(resource: Resource) -> Verdict:
    if resource.get("logGroupClass") == _DELIVERY:
        return NotApplicable("is of the class DELIVERY, which has its own retention")
    # The number 0, when it is written, says that events are kept forever.
    return Fail("keeps events without end", _RETENTION) if resource.get(_RETENTION) is None else Pass()


@control(
    id="log-group-retention-long-enough",
    title="Log groups keep events long enough",
    severity=Severity.LOW,
    types=(_LOG_GROUP,),
    why="An intrusion is often found weeks later; by then the events that explain it are gone.",
    remediation="Set retention_in_days to the days that the profile names as minimumDays, or more.",
    url="https://docs.aws.amazon.com/securityhub/latest/userguide/cloudwatch-controls.html#cloudwatch-16",
    frameworks={"Checkov": ("CKV_AWS_338",)},
    partial={"CKV_AWS_338": "retentions between minimumDays and a year, unless minimumDays is 365"},
    config={
        "minimumDays": {
            "type": "integer",
            "minimum": 1,
            "maximum": 3653,
            "default": 7,
            "description": "Minimum number of days that events are kept; 365 where a standard demands a year.",
        }
    },
)
def log_group_retention_long_enough(resource: Resource, config: Mapping[str, Any]) -> Verdict:
    if resource.get("logGroupClass") == _DELIVERY:
        return NotApplicable("is of the class DELIVERY, which has its own retention")
    days = int(resource.get(_RETENTION, 0))
    if not days or days >= config["minimumDays"]:
        return Pass()
    return Fail(f"keeps events for {days} day{'s' if days > 1 else ''}, not {config['minimumDays']}", _RETENTION)
