"""What stands before a database: its place in the network, its name, key, log groups, monitoring role and alarms."""

from typing import Any, NamedTuple

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks.key import create_key, logs_statement
from cloudpatterns.core import Component, assume_role
from cloudpatterns.database._shared import digest, log_groups, parts_of, unique_name
from cloudpatterns.database.relational_database.engines import Engine

__all__ = ["Foundation", "Made", "insights", "log_kinds", "make_alarms", "make_foundation", "subnets_and_identifier"]


class Foundation(NamedTuple):
    """What an instance and a cluster are built on."""

    subnet_group: aws.rds.SubnetGroup
    identifier: pulumi.Output[str]
    """Known before the database; it waits for the log groups."""
    kms_key_arn: pulumi.Input[str]
    log_groups: list[aws.cloudwatch.LogGroup]
    monitoring_role_arn: pulumi.Output[str] | None
    """None without Enhanced Monitoring."""
    final_snapshot_identifier: pulumi.Input[str] | None


class Made(NamedTuple):
    """What there is to know about a database that was made."""

    endpoint: pulumi.Output[str]
    address: pulumi.Output[str]
    reader_address: pulumi.Output[str]
    port: pulumi.Output[int]
    secret_arn: pulumi.Output[str]
    identifier: pulumi.Output[str]
    arn: pulumi.Output[str]
    resource_id: pulumi.Output[str]


def subnets_and_identifier(
    component: Component, name: str, child_prefix: str, description: str, subnets: dict[str, pulumi.Input[str]], checked: Any, **place: Any
) -> tuple[aws.rds.SubnetGroup, pulumi.Output[str]]:
    """A subnet group, and the identifier that takes its random suffix: unique in the account, known before the database."""
    group = aws.rds.SubnetGroup(
        f"{child_prefix}-subnets",
        description=description,
        subnet_ids=list(subnets.values()),
        tags={"Name": child_prefix, **checked["tags"]},
        opts=component.child(),
        **place,
    )
    return group, unique_name(group.name, f"{child_prefix}-subnets", child_prefix)


def make_foundation(component: Component, name: str, engine: Engine, checked: Any) -> Foundation:
    """Makes everything that has to be there first."""
    group, derived = subnets_and_identifier(component, name, name, f"Data subnets of {name}", checked["subnet_ids_by_zone"], checked)
    identifier = pulumi.Output.from_input(checked["identifier"] or derived)
    kms_key_arn = checked["kms_key_arn"]
    if not kms_key_arn:
        # RDS, Performance Insights and Secrets Manager use the key through grants of whoever creates the database: the account's
        # administrators. CloudWatch Logs comes by itself.
        statement = logs_statement(group.arn, "/aws/rds/*")
        # The final snapshot and the retained backups are worth nothing without it.
        kms_key_arn = create_key(
            component,
            f"{name}-key",
            f"Database {name}",
            [statement],
            tags=checked["tags"],
            retain_on_delete=not checked["skip_final_snapshot"],
        ).arn
    kind = "cluster" if engine.aurora else "instance"
    groups = log_groups(
        component,
        f"{name}-logs",
        pulumi.Output.concat(f"/aws/rds/{kind}/", identifier),
        log_kinds(engine, checked),
        retention_days=checked["log_retention_days"],
        kms_key_arn=kms_key_arn,
        tags=checked["tags"],
    )
    return Foundation(
        group,
        pulumi.Output.all(identifier, *[each.name for each in groups]).apply(lambda values: values[0]),
        kms_key_arn,
        groups,
        _monitoring_role(component, name, group, checked) if checked["monitoring_interval_seconds"] else None,
        None if checked["skip_final_snapshot"] else _final_snapshot(identifier, kms_key_arn, checked),
    )


def log_kinds(engine: Engine, checked: Any) -> list[str]:
    """The logs to export, in a fixed order."""
    return sorted(set(engine.default_logs if checked["log_exports"] is None else checked["log_exports"]))


def _final_snapshot(identifier: pulumi.Output[str], kms_key_arn: pulumi.Input[str], checked: Any) -> pulumi.Input[str]:
    """A name that no earlier database of this component has used.

    The identifier's suffix is new when the component is made anew. The digest is of what replaces the database alone, so the old one
    and its replacement leave snapshots of different names.
    """
    if checked["final_snapshot_identifier"]:
        return checked["final_snapshot_identifier"]
    replacing = digest(checked["engine"], checked["master_username"], checked["database_name"], kms_key_arn)
    return pulumi.Output.concat(identifier, "-final-", replacing)


def _monitoring_role(component: Component, name: str, group: aws.rds.SubnetGroup, checked: Any) -> pulumi.Output[str]:
    partition, _, account = parts_of(group.arn)
    role = aws.iam.Role(
        f"{name}-monitoring",
        description=f"Enhanced Monitoring of {name}",
        # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Monitoring.OS.Enabling.html, confused deputy
        assume_role_policy=assume_role("monitoring.rds.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": account}}),
        tags=checked["tags"],
        opts=component.child(),
    )
    attachment = aws.iam.RolePolicyAttachment(
        f"{name}-monitoring-policy",
        role=role.name,
        policy_arn=pulumi.Output.concat("arn:", partition, ":iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"),
        opts=component.child(),
    )
    return pulumi.Output.all(role.arn, attachment.id).apply(lambda values: values[0])


def insights(engine: Engine, instance_class: str, checked: Any, kms_key_arn: pulumi.Input[str]) -> dict[str, Any]:
    """Arguments for Performance Insights; none but `enabled` where the class has no insights."""
    wanted = engine.has_insights(instance_class) if checked["performance_insights"] is None else checked["performance_insights"]
    if not wanted:
        return {"performance_insights_enabled": False}
    # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_DatabaseInsights.Considerations.html
    days = 465 if checked["database_insights_mode"] == "advanced" else 7
    return {
        "performance_insights_enabled": True,
        "performance_insights_kms_key_id": kms_key_arn,
        "performance_insights_retention_period": days,
    }


def make_alarms(component: Component, name: str, checked: Any, dimension: dict[str, pulumi.Output[str]]) -> None:
    """Alarms that tell the topics; none without topics."""
    if not checked["alarm_topic_arns"]:
        return
    alarms: dict[str, tuple[str, str, float, str]] = {
        "cpu": ("CPUUtilization", "GreaterThanThreshold", 80, "Processor of the database above 80 percent for a quarter of an hour"),
    }
    if first := checked["allocated_storage_gib"]:
        alarms["storage"] = (
            "FreeStorageSpace",
            "LessThanThreshold",
            first * 1024**3 / 10,
            "Free storage of the database below a tenth of its first size for a quarter of an hour",
        )
    if most := checked["alarm_connections"]:
        alarms["connections"] = (
            "DatabaseConnections",
            "GreaterThanThreshold",
            most,
            f"More than {most} connections to the database for a quarter of an hour",
        )
    for suffix, (metric, comparison, threshold, description) in alarms.items():
        aws.cloudwatch.MetricAlarm(
            f"{name}-{suffix}",
            alarm_description=description,
            namespace="AWS/RDS",
            metric_name=metric,
            dimensions=dimension,
            statistic="Average",
            period=300,
            evaluation_periods=3,
            comparison_operator=comparison,
            threshold=threshold,
            # A database that reports nothing is down or gone.
            treat_missing_data="breaching",
            alarm_actions=checked["alarm_topic_arns"],
            ok_actions=checked["alarm_topic_arns"],
            tags=checked["tags"],
            opts=component.child(),
        )
