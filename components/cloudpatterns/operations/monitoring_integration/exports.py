"""Metrics for other products: a workspace of Prometheus, a role for Grafana, a stream of CloudWatch's metrics."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import Metric, alarm, log_group, service_role
from cloudpatterns.core import Component, Statement, WorkloadStatementArgs, account_of, as_arguments, partition_of
from cloudpatterns.operations.monitoring_integration.arguments import (
    MonitoringGrafanaArgs,
    MonitoringMetricStreamArgs,
    MonitoringPrometheusArgs,
)
from cloudpatterns.security import WorkloadAssumeArgs, WorkloadRole, WorkloadRoleArgs

_VENDED = "/aws/vendedlogs/prometheus/"
"""Where services may write logs without filling the account's resource policy of CloudWatch Logs."""


class Workspace(NamedTuple):
    """A workspace of Amazon Managed Service for Prometheus."""

    id: pulumi.Output[str]
    arn: pulumi.Output[str]


def workspace_log_groups(name: str) -> str:
    """Pattern of the names of the log group of a new workspace, for the policy of its key."""
    return f"{_VENDED}{name}*"


def create_workspace(
    component: Component,
    prometheus: MonitoringPrometheusArgs,
    *,
    kms_key_arn: pulumi.Input[str] | None,
    tags: Mapping[str, pulumi.Input[str]],
) -> Workspace:
    """The existing workspace, or a new one, encrypted and with a log."""
    name, existing = component.pulumi_resource_name, prometheus.get("existing_workspace_arn")
    if existing is not None:
        arn = pulumi.Output.from_input(existing)
        return Workspace(arn.apply(lambda text: text.rpartition("/")[2]), arn)
    group = log_group(
        component,
        f"{name}-workspace-log",
        prometheus["log_retention_days"],
        name_prefix=f"{_VENDED}{name}-",
        kms_key_arn=kms_key_arn,
        tags=tags,
    )
    workspace = aws.amp.Workspace(
        f"{name}-workspace",
        alias=name,
        kms_key_arn=kms_key_arn,
        # The service wants the ARN with all streams.
        logging_configuration={"log_group_arn": pulumi.Output.concat(group.arn, ":*")},
        tags=tags,
        opts=component.child(),
    )
    return Workspace(workspace.id, workspace.arn)


def grafana_role(
    component: Component,
    grafana: MonitoringGrafanaArgs,
    *,
    place: pulumi.Output[str],
    region: pulumi.Output[str],
    workspace: Workspace | None,
    log_group_arns: Sequence[pulumi.Input[str]],
    tags: Mapping[str, pulumi.Input[str]],
) -> WorkloadRole:
    """The role that Grafana's data sources use; ``place`` is an ARN of the account."""
    name = f"{component.pulumi_resource_name}-grafana"
    statements = _grafana_statements(place, region, workspace, [*log_group_arns, *grafana["log_group_arns"]])
    trust: WorkloadRoleArgs
    if grafana["managed"]:
        conditions: dict[str, dict[str, list[pulumi.Input[str]]]] = {"StringEquals": {"aws:SourceAccount": [account_of(place)]}}
        trust = {"service": "grafana.amazonaws.com", "trust_conditions": conditions}
    else:
        # Programs have no MFA.
        assume: WorkloadAssumeArgs = {"principal_arns": grafana["principal_arns"], "mfa_required": False}
        if (external_id := grafana.get("external_id")) is not None:
            assume["external_id"] = external_id
        trust = {"assume": assume}
    role: WorkloadRoleArgs = {
        **trust,
        "description": "Grafana reads metrics, alarms and logs",
        "statements": statements,
        "tags": dict(tags),
    }
    return WorkloadRole(name, role, component.child())


def _grafana_statements(
    place: pulumi.Output[str], region: pulumi.Output[str], workspace: Workspace | None, log_group_arns: Sequence[pulumi.Input[str]]
) -> list[WorkloadStatementArgs]:
    """https://grafana.com/docs/grafana/latest/datasources/aws-cloudwatch/configure/#iam-policies."""
    alarms = pulumi.Output.concat("arn:", partition_of(place), ":cloudwatch:", region, ":", account_of(place), ":alarm:*")
    names = ["ec2:DescribeInstances", "ec2:DescribeRegions", "ec2:DescribeTags", "tag:GetResources"]
    metrics = ["cloudwatch:DescribeAlarmsForMetric", "cloudwatch:GetMetricData", "cloudwatch:ListMetrics"]
    statements = [
        Statement(sid="Metrics", actions=[*metrics, *names, "logs:DescribeLogGroups", "logs:StopQuery"], resources=["*"]),
        Statement(sid="Alarms", actions=["cloudwatch:DescribeAlarmHistory", "cloudwatch:DescribeAlarms"], resources=[alarms]),
    ]
    if log_group_arns:
        groups = [pulumi.Output.concat(arn, ":*") for arn in log_group_arns]
        actions = ["logs:GetLogEvents", "logs:GetLogGroupFields", "logs:GetQueryResults", "logs:StartQuery"]
        statements.append(Statement(sid="Logs", actions=actions, resources=groups))
    if workspace is not None:
        # https://docs.aws.amazon.com/prometheus/latest/userguide/security-iam-awsmanpol.html
        actions = ["aps:GetLabels", "aps:GetMetricMetadata", "aps:GetSeries", "aps:QueryMetrics"]
        statements.append(Statement(sid="Prometheus", actions=actions, resources=[workspace.arn]))
    return as_arguments(statements)


def create_metric_stream(
    component: Component,
    stream: MonitoringMetricStreamArgs,
    *,
    alarm_topic_arns: Sequence[pulumi.Input[str]],
    tags: Mapping[str, pulumi.Input[str]],
) -> pulumi.Output[str]:
    """The ARN of a stream of metrics to a delivery stream, with its role and an alarm."""
    name = f"{component.pulumi_resource_name}-metric-stream"
    role = service_role(
        component,
        f"{name}-role",
        "streams.metrics.cloudwatch.amazonaws.com",
        f"What the stream of metrics {name} may do",
        statements={
            f"{name}-policy": [
                Statement(sid="Put", actions=["firehose:PutRecord", "firehose:PutRecordBatch"], resources=[stream["firehose_arn"]])
            ]
        },
        tags=tags,
    )
    metrics = aws.cloudwatch.MetricStream(
        name,
        firehose_arn=stream["firehose_arn"],
        role_arn=role.arn,
        output_format=stream["output_format"],
        include_filters=[{"namespace": namespace} for namespace in stream["namespaces"]] or None,
        tags=tags,
        opts=component.child(),
    )
    if alarm_topic_arns:
        _refused_alarm(component, name, metrics, alarm_topic_arns, tags)
    return metrics.arn


def _refused_alarm(
    component: Component,
    name: str,
    stream: aws.cloudwatch.MetricStream,
    topic_arns: Sequence[pulumi.Input[str]],
    tags: Mapping[str, pulumi.Input[str]],
) -> None:
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-metric-streams-monitoring.html
    alarm(
        component,
        f"{name}-failed",
        f"More than a tenth of what the stream of metrics {name} sends is refused: the delivery stream is gone, full or its role changed",
        Metric("AWS/CloudWatch/MetricStreams", "PublishErrorRate", {"MetricStreamName": stream.name}),
        0.1,
        period_seconds=300,
        periods=3,
        missing="notBreaching",
        actions=topic_arns,
        tags=tags,
    )
