"""Snapshots of volumes and images of instances by Data Lifecycle Manager, without AWS Backup."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import notify_on_event, service_role
from cloudpatterns.core import Component
from cloudpatterns.storage.snapshot.arguments import SnapshotDisksArgs, SnapshotDiskScheduleArgs

_POLICY_TYPES = {"VOLUME": "EBS_SNAPSHOT_MANAGEMENT", "INSTANCE": "IMAGE_MANAGEMENT"}
# https://docs.aws.amazon.com/ebs/latest/userguide/managed-policies-dlm.html
_MANAGED = {
    "VOLUME": "service-role/AWSDataLifecycleManagerServiceRole",
    "INSTANCE": "service-role/AWSDataLifecycleManagerServiceRoleForAMIManagement",
}


def create_disk_policy(
    component: Component,
    name: str,
    disks: SnapshotDisksArgs,
    *,
    role_arn: pulumi.Input[str] | None,
    alarm_topic_arns: Sequence[pulumi.Input[str]],
    tags: Mapping[str, pulumi.Input[str]],
) -> tuple[aws.dlm.LifecyclePolicy, pulumi.Output[str]]:
    """The policy, and the ARN of its role."""
    kind = disks["resource_type"]
    if role_arn is None:
        description = f"Data Lifecycle Manager for {name}"
        managed = {f"{name}-role-disks": _MANAGED[kind]}
        role_arn = service_role(component, f"{name}-role", "dlm.amazonaws.com", description, managed_policies=managed, tags=tags).arn
    details: Any = {
        "policy_type": _POLICY_TYPES[kind],
        "resource_types": [kind],
        "target_tags": disks["tags"],
        "schedules": [_schedule(key, schedule) for key, schedule in disks["schedules"].items()],
    }
    if kind == "INSTANCE":
        details["parameters"] = {"no_reboot": not disks["reboot"]}
    policy = aws.dlm.LifecyclePolicy(
        f"{name}-disks",
        # AWS takes letters, digits, spaces, underscores and hyphens alone.
        description=f"Disks of {name}",
        execution_role_arn=role_arn,
        state="ENABLED",
        policy_details=details,
        tags=tags,
        opts=component.child(),
    )
    if alarm_topic_arns:
        # https://docs.aws.amazon.com/ebs/latest/userguide/dlm-monitor-lifecycle-events.html
        notify_on_event(
            component,
            f"{name}-disks-failed",
            f"Data Lifecycle Manager could not carry out the policy of {name}",
            pattern={
                "source": ["aws.dlm"],
                "detail-type": ["DLM Policy State Change"],
                "resources": [policy.arn],
                "detail": {"state": ["ERROR"]},
            },
            topic_arns=alarm_topic_arns,
            tags=tags,
        )
    return policy, pulumi.Output.from_input(role_arn)


def _schedule(key: str, schedule: SnapshotDiskScheduleArgs) -> dict[str, Any]:
    count, days = schedule.get("retention_count"), schedule.get("retention_days")
    return {
        "name": key,
        "create_rule": {"cron_expression": schedule["schedule"]},
        "retain_rule": {"count": count} if days is None else {"interval": days, "interval_unit": "DAYS"},
        "copy_tags": True,
    }
