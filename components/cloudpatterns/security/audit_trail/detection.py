"""GuardDuty, Security Hub, Inspector and IAM Access Analyzer: what looks for trouble, and events of what they find."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import notify_on_event
from cloudpatterns.core import Component, partition_of, region_of
from cloudpatterns.security.audit_trail.arguments import (
    DETECTOR_FEATURES,
    STANDARDS,
    AuditAnalyzer,
    AuditDetector,
    AuditHub,
    AuditInspector,
    AuditTrailArgs,
)

_RUNTIME_AGENTS = ("EKS_ADDON_MANAGEMENT", "ECS_FARGATE_AGENT_MANAGEMENT", "EC2_AGENT_MANAGEMENT")


def create_detector(component: Component, name: str, settings: AuditDetector, tags: Mapping[str, pulumi.Input[str]]) -> pulumi.Output[str]:
    """The detector's id. Each plan is stated: GuardDuty switches on those that are not."""
    existing = settings.get("existing_detector_id")
    if existing is not None:
        return pulumi.Output.from_input(existing)
    detector = aws.guardduty.Detector(
        f"{name}-detector",
        enable=True,
        # How soon EventBridge hears of a finding that occurs again; of a new one it hears within five minutes.
        finding_publishing_frequency="FIFTEEN_MINUTES",
        tags=tags,
        opts=component.child(),
    )
    for feature in DETECTOR_FEATURES:
        aws.guardduty.DetectorFeature(
            f"{name}-detector-{feature.lower().replace('_', '-')}",
            detector_id=detector.id,
            name=feature,
            status="ENABLED" if feature in settings["features"] else "DISABLED",
            opts=component.child(),
        )
    runtime = settings.get("runtime_monitoring")
    if runtime is not None:
        status = "ENABLED" if runtime else "DISABLED"
        aws.guardduty.DetectorFeature(
            f"{name}-detector-runtime",
            detector_id=detector.id,
            name="RUNTIME_MONITORING",
            status=status,
            additional_configurations=[{"name": agent, "status": status} for agent in _RUNTIME_AGENTS],
            opts=component.child(),
        )
    return detector.id


def create_hub(component: Component, name: str, settings: AuditHub, after: Sequence[pulumi.Resource]) -> pulumi.Output[str]:
    """The hub's ARN. Its standards are checked by AWS Config, whose recorder comes first."""
    existing, hub = settings.get("existing_hub_arn"), None
    if existing is None:
        hub = aws.securityhub.Account(
            f"{name}-hub",
            # The standards are stated: by default there would be two, one of them of 2018.
            enable_default_standards=False,
            control_finding_generator="SECURITY_CONTROL",
            auto_enable_controls=True,
            opts=component.child(depends_on=list(after)),
        )
    arn: Any = pulumi.Output.from_input(existing) if hub is None else hub.arn
    for standard in settings["standards"]:
        aws.securityhub.StandardsSubscription(
            f"{name}-standard-{standard}",
            standards_arn=pulumi.Output.concat(
                "arn:", partition_of(arn), ":securityhub:", region_of(arn), "::standards/", STANDARDS[standard]
            ),
            opts=component.child(depends_on=[*([hub] if hub else []), *after]),
        )
    return arn


def create_inspector(component: Component, name: str, settings: AuditInspector, account_id: pulumi.Output[str] | None) -> None:
    """Inspector for the accounts, or the stack's own."""
    own = [] if account_id is None else [account_id]
    aws.inspector2.Enabler(
        f"{name}-inspector",
        account_ids=settings["account_ids"] or own,
        resource_types=settings["resource_types"],
        opts=component.child(),
    )


def create_analyzer(component: Component, name: str, settings: AuditAnalyzer, tags: Mapping[str, pulumi.Input[str]]) -> pulumi.Output[str]:
    """The ARN of the analyzer of access from outside."""
    # Another scope or age is another analyzer of the same name, and of few that an account may have in a Region.
    opts = component.child(delete_before_replace=True)
    analyzer = aws.accessanalyzer.Analyzer(
        f"{name}-analyzer", analyzer_name=f"{name}-analyzer", type=settings["scope"], tags=tags, opts=opts
    )
    days = settings.get("unused_access_days")
    if days is not None:
        aws.accessanalyzer.Analyzer(
            f"{name}-unused",
            analyzer_name=f"{name}-unused",
            type=f"{settings['scope']}_UNUSED_ACCESS",
            configuration={"unused_access": {"unused_access_age": days}},
            tags=tags,
            opts=opts,
        )
    return analyzer.arn


def notify_findings(component: Component, name: str, checked: AuditTrailArgs) -> None:
    """A rule for the findings of each service that somebody should read today."""
    for suffix, (description, pattern) in _findings(checked).items():
        notify_on_event(
            component, f"{name}-{suffix}", description, pattern=pattern, topic_arns=checked["alarm_topic_arns"], tags=checked["tags"]
        )


def _findings(checked: AuditTrailArgs) -> dict[str, tuple[str, dict[str, Any]]]:
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    if (detector := checked.get("detector")) is not None:
        severity = {"severity": [{"numeric": [">=", detector["alarm_severity"]]}]}
        found["threat"] = (
            "GuardDuty found a threat",
            {"source": ["aws.guardduty"], "detail-type": ["GuardDuty Finding"], "detail": severity},
        )
    if checked.get("hub") is not None:
        # Its own checks alone: the other services report for themselves.
        finding = {
            # The older name is the one of another service now, and of findings until then.
            "ProductName": ["Security Hub", "Security Hub CSPM"],
            "RecordState": ["ACTIVE"],
            "Severity": {"Label": ["CRITICAL"]},
            "Workflow": {"Status": ["NEW"]},
        }
        pattern = {"source": ["aws.securityhub"], "detail-type": ["Security Hub Findings - Imported"], "detail": {"findings": finding}}
        found["check-failed"] = ("A critical check of Security Hub failed", pattern)
    if checked.get("inspector") is not None:
        detail = {"severity": ["CRITICAL"], "status": ["ACTIVE"], "exploitAvailable": ["YES"]}
        pattern = {"source": ["aws.inspector2"], "detail-type": ["Inspector2 Finding"], "detail": detail}
        found["vulnerability"] = ("Inspector found a critical vulnerability that somebody can exploit", pattern)
    if checked.get("analyzer") is not None:
        pattern = {
            "source": ["aws.access-analyzer"],
            "detail-type": ["Access Analyzer Finding"],
            "detail": {"status": ["ACTIVE"]},
        }
        found["open-to-others"] = ("Access Analyzer found a resource that others can reach", pattern)
    return found
