"""Restore tests of AWS Backup."""

from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.core import Component
from cloudpatterns.storage.snapshot.arguments import SnapshotRestoreTestArgs, SnapshotRestoreTestsArgs


def create_restore_tests(
    component: Component,
    name: str,
    tests: SnapshotRestoreTestsArgs,
    *,
    plan_name: pulumi.Output[str],
    vault_arn: pulumi.Output[str],
    role_arn: pulumi.Output[str],
    tags: Any,
) -> None:
    """A plan, and a selection for each test."""
    plan = aws.backup.RestoreTestingPlan(
        f"{name}-restore-tests",
        # Letters, digits and underscores alone. The backup plan's name has a random suffix, so that two stacks differ.
        name=_underscored(plan_name),
        schedule_expression=tests["schedule"],
        schedule_expression_timezone=tests["time_zone"],
        start_window_hours=tests["start_window_hours"],
        recovery_point_selection={
            "algorithm": "LATEST_WITHIN_WINDOW" if tests["latest"] else "RANDOM_WITHIN_WINDOW",
            "include_vaults": [vault_arn],
            "recovery_point_types": ["SNAPSHOT", "CONTINUOUS"],
            "selection_window_days": tests["selection_window_days"],
        },
        tags=tags,
        opts=component.child(),
    )
    for key, test in tests["tests"].items():
        aws.backup.RestoreTestingSelection(
            f"{name}-restore-tests-{key}",
            **_selection(plan, key, test, role_arn),
            # Another type is another selection of the same name. Other ARNs alone the provider takes, and does not send.
            opts=component.child(delete_before_replace=True, replace_on_changes=["protectedResourceArns"]),
        )


def _selection(
    plan: aws.backup.RestoreTestingPlan, key: str, test: SnapshotRestoreTestArgs, role_arn: pulumi.Output[str]
) -> dict[str, Any]:
    return {
        "name": key.replace("-", "_"),
        "restore_testing_plan_name": plan.name,
        "iam_role_arn": role_arn,
        "protected_resource_type": test["resource_type"],
        # ARNs and conditions exclude each other; all of the type have a backup in the one vault that the plan includes.
        "protected_resource_arns": test["resource_arns"] or ["*"],
        "restore_metadata_overrides": test["metadata_overrides"] or None,
        "validation_window_hours": test["validation_window_hours"],
    }


def _underscored(name: pulumi.Output[str]) -> pulumi.Output[str]:
    return name.apply(lambda text: "".join(letter if letter.isalnum() else "_" for letter in text))
