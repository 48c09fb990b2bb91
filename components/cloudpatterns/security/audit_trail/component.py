"""A record of what happens in an account, which nobody can change, and alarms on who tries.

Pattern: "Real-Time Auditing" (Architecting for the Cloud).
"""

import functools
from collections.abc import Sequence
from typing import Any

import pulumi

from cloudpatterns.blocks import Metric, alarm, notify_on_event
from cloudpatterns.core import Component, after
from cloudpatterns.security.audit_trail.arguments import AuditTrailArgs
from cloudpatterns.security.audit_trail.checks import audit_problems, child_names
from cloudpatterns.security.audit_trail.detection import create_analyzer, create_detector, create_hub, create_inspector, notify_findings
from cloudpatterns.security.audit_trail.recording import create_recorder, create_rules
from cloudpatterns.security.audit_trail.trail import Trail, create_trail
from cloudpatterns.security.audit_trail.watches import API_CALL, ROOT_USE, WATCHED_OFF, WATCHES, switched_off_events, watch

_OUTPUTS = (
    *("trail_arn", "trail_bucket_name", "trail_bucket_arn", "trail_bucket_policy", "kms_key_arn"),
    *("recorder_name", "recorder_bucket_name", "detector_id", "hub_arn", "analyzer_arn"),
)


class AuditTrail(Component):
    """A trail of all calls in all Regions, kept where nobody can change it, with alarms (Architecting for the Cloud, "Real-Time Auditing").

    CloudTrail writes validated log files, encrypted under a customer managed key, to a bucket with object lock, and events to a log group.
    Metric filters raise alarms on the use of the root user, on whatever switches the trail or another service off, and on ``watches``; a
    rule of EventBridge reports what is switched off within a minute; and an alarm is raised when no events come any more, for whatever
    reason. With ``organization_id`` it is the trail of all accounts.

    AWS Config (``recorder``), GuardDuty (``detector``), Security Hub (``hub``), Inspector and IAM Access Analyzer (``analyzer``) exist once
    for an account and Region: each is created when its argument is given, in one stack. ``existing_...`` adopts one that is there.
    AWS Config has a bucket of its own, whose policy denies deletion: it does not deliver to a bucket with a default lock.

    ``destroy`` removes the trail and the services, and GuardDuty's findings with them, and stops at buckets that have objects: change the
    policy of the recorder's, and wait for the end of the lock or bypass it.

    **Use when**: somebody must be able to say who did what, and to prove that nobody changed the answer: in each account, or once for an
    organization.

    **Not when**: AWS Control Tower or a central team has all of this already; then adopt the trail, and keep the alarms.

    **Cost drivers**: configuration items of AWS Config, most of all; events that GuardDuty reads, checks of Security Hub, resources that
    Inspector scans; data events; events in the log group. The first trail's management events are free, a second trail's are not.

    **Trade-offs**: events reach the log group up to five minutes late, and buckets later; a lock cannot be shortened; alarms see what
    their patterns name; findings are of the stack's Region alone, where the trail has all Regions.

    **Proven by**: controls ``cloudtrail-all-regions``, ``cloudtrail-management-events``, ``cloudtrail-log-validation``,
    ``cloudtrail-encrypted``, ``cloudtrail-log-group``, ``config-recorder-started``, ``config-recorder-complete``,
    ``guardduty-detector-enabled``, ``inspector-scans-everything``; ``test_audit_trail.py``.
    """

    trail_arn: pulumi.Output[str]
    """The trail, new or adopted."""
    trail_bucket_name: pulumi.Output[str]
    """Bucket of the log files. Empty with ``existing_trail``."""
    trail_bucket_arn: pulumi.Output[str]
    """ARN of that bucket. Empty with ``existing_trail``."""
    trail_bucket_policy: pulumi.Output[str]
    """Statements (a policy in JSON) that ``existing_trail_bucket_arn`` needs. Empty without it."""
    log_group_name: pulumi.Output[str]
    """Log group with the events."""
    kms_key_arn: pulumi.Output[str]
    """Key of log files and events. Empty with ``existing_trail``, unless ``kms_key_arn`` is given."""
    recorder_name: pulumi.Output[str]
    """Recorder of AWS Config, new or adopted. Empty without ``recorder``."""
    recorder_bucket_name: pulumi.Output[str]
    """Bucket of the configurations. Empty without a new recorder."""
    detector_id: pulumi.Output[str]
    """Detector of GuardDuty, new or adopted. Empty without ``detector``."""
    hub_arn: pulumi.Output[str]
    """Hub of Security Hub, new or adopted. Empty without ``hub``."""
    analyzer_arn: pulumi.Output[str]
    """Analyzer of access from outside. Empty without ``analyzer``."""

    def __init__(self, name: str, args: AuditTrailArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        problems = functools.partial(audit_problems, name)
        self._checked = checked = self.begin(name, args, opts, problems=problems, names=child_names)
        for output in _OUTPUTS:
            setattr(self, output, pulumi.Output.from_input(""))
        trail = self._trail(name)
        self._alarms(name, trail)
        running = self._recorder(name, trail)
        self._detection(name, trail, running)
        if checked["alarm_topic_arns"]:
            notify_findings(self, name, checked)
        self.register()

    def _trail(self, name: str) -> Trail | None:
        checked, existing = self._checked, self._checked.get("existing_trail")
        if existing is not None:
            self.trail_arn = pulumi.Output.from_input(existing["trail_arn"])
            self.log_group_name = pulumi.Output.from_input(existing["log_group_name"])
            given = checked.get("kms_key_arn")
            self.kms_key_arn = pulumi.Output.from_input("" if given is None else given)
            return None
        made = create_trail(self, name, checked)
        self.trail_arn, self.kms_key_arn = made.trail.arn, made.kms_key_arn
        self.trail_bucket_name, self.trail_bucket_arn = made.bucket_name, made.bucket_arn
        self.trail_bucket_policy = made.bucket_policy
        # Available after the trail, which fills it: the alarm on its silence comes later.
        self.log_group_name = after(made.log_group.name, made.trail)
        return made

    def _alarms(self, name: str, trail: Trail | None) -> None:
        checked = self._checked
        topics, tags = checked["alarm_topic_arns"], checked["tags"]
        if not topics:
            return
        watches = {"root-use": ROOT_USE, "less-recorded": WATCHED_OFF, **{key: WATCHES[key] for key in checked["watches"]}}
        watch(self, self.log_group_name, watches, topics, tags)
        alarm(
            self,
            f"{name}-silent",
            f"No event reached the log group for {checked['alarm_hours_without_events']} hours: the trail is off, or cannot deliver",
            Metric("AWS/Logs", "IncomingLogEvents", {"LogGroupName": self.log_group_name}, "Sum"),
            1,
            comparison="LessThanThreshold",
            period_seconds=3600,
            periods=checked["alarm_hours_without_events"],
            missing="breaching",
            actions=topics,
            tags=tags,
        )
        description = "The trail, or a service that watches the account, was switched off or changed"
        self._report(f"{name}-switched-off", description, switched_off_events())
        if trail is not None:
            description = "What keeps the events was changed: bucket, log group or key"
            self._report(f"{name}-evidence", description, {"detail-type": [API_CALL], "detail": {"$or": self._evidence(trail)}})

    def _report(self, child_name: str, description: str, pattern: dict[str, Any]) -> None:
        checked = self._checked
        notify_on_event(self, child_name, description, pattern=pattern, topic_arns=checked["alarm_topic_arns"], tags=checked["tags"])

    def _evidence(self, trail: Trail) -> list[dict[str, Any]]:
        """Calls that change what the component created for the trail."""
        found: list[dict[str, Any]] = [
            {
                "eventSource": ["logs.amazonaws.com"],
                "eventName": ["DeleteLogGroup", "DeleteLogStream", "DeleteMetricFilter", "DeleteRetentionPolicy", "PutRetentionPolicy"],
                "requestParameters": {"logGroupName": [trail.log_group.name]},
            }
        ]
        if trail.bucket is not None:
            put = ("Policy", "Lifecycle", "Versioning", "ObjectLockConfiguration", "PublicAccessBlock", "Encryption")
            deleted = ("", "Policy", "Lifecycle", "PublicAccessBlock", "Encryption")
            names = [*(f"PutBucket{part}" for part in put), *(f"DeleteBucket{part}" for part in deleted)]
            bucket = {"bucketName": [trail.bucket_name]}
            found.append({"eventSource": ["s3.amazonaws.com"], "eventName": names, "requestParameters": bucket})
        if self._checked.get("kms_key_arn") is None:
            names = ["DisableKey", "PutKeyPolicy", "ScheduleKeyDeletion"]
            found.append({"eventSource": ["kms.amazonaws.com"], "eventName": names, "resources": {"ARN": [trail.kms_key_arn]}})
        return found

    def _recorder(self, name: str, trail: Trail | None) -> Sequence[pulumi.Resource]:
        checked, settings = self._checked, self._checked.get("recorder")
        if settings is None:
            return []
        given, log_bucket_name = checked.get("kms_key_arn"), checked.get("log_bucket_name")
        if log_bucket_name is None and trail is not None and trail.bucket is not None:
            log_bucket_name = trail.bucket.log_bucket_name
        recording = create_recorder(
            self,
            name,
            checked,
            settings,
            kms_key_arn=pulumi.Output.from_input(given) if trail is None and given is not None else trail.kms_key_arn if trail else None,
            log_bucket_name=log_bucket_name,
        )
        self.recorder_name = recording.name
        if recording.bucket is not None:
            self.recorder_bucket_name = recording.bucket.bucket_name
        create_rules(self, name, checked, settings, recording)
        return recording.running

    def _detection(self, name: str, trail: Trail | None, running: Sequence[pulumi.Resource]) -> None:
        checked, tags = self._checked, self._checked["tags"]
        if (detector := checked.get("detector")) is not None:
            self.detector_id = create_detector(self, name, detector, tags)
        if (hub := checked.get("hub")) is not None:
            self.hub_arn = create_hub(self, name, hub, running)
        if (inspector := checked.get("inspector")) is not None:
            create_inspector(self, name, inspector, None if trail is None else trail.account_id)
        if (analyzer := checked.get("analyzer")) is not None:
            self.analyzer_arn = create_analyzer(self, name, analyzer, tags)
