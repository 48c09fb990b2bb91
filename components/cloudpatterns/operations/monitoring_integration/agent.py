"""The CloudWatch agent: its configuration as a parameter, the document that installs it, and the association that runs the document."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import Metric, MetricMath, alarm, log_group, notify_on_event
from cloudpatterns.blocks.managed_instance import managed_instance_statements
from cloudpatterns.core import Component, Statement, document, partition_of, region_of
from cloudpatterns.operations.monitoring_integration.arguments import MonitoringAgentArgs, MonitoringIntegrationArgs
from cloudpatterns.operations.monitoring_integration.exports import Workspace

NAMESPACE = "CWAgent"
"""The agent's own namespace, which AWS's consoles and policies expect."""
MEMORY, DISK = "mem_used_percent", "disk_used_percent"
_GROUP = "AutoScalingGroupName"
_INSTALL, _CONFIGURE = "AWS-ConfigureAWSPackage", "AmazonCloudWatch-ManageAgent"
_PACKAGE = "AmazonCloudWatchAgent"
# It undoes what somebody stopped or changed by hand, and installs what failed.
_RERUN = "rate(1 day)"


class Agent(NamedTuple):
    """What belongs to the agent."""

    parameter: aws.ssm.Parameter
    document: aws.ssm.Document
    log_groups: dict[str, aws.cloudwatch.LogGroup]


def create_agent(
    component: Component,
    checked: MonitoringIntegrationArgs,
    agent: MonitoringAgentArgs,
    *,
    kms_key_arn: pulumi.Input[str] | None,
    workspace: Workspace | None,
) -> Agent:
    """The parameter, the document, its association and, with topics, the alarms."""
    name, tags = component.pulumi_resource_name, checked["tags"]
    groups = {
        key: log_group(component, f"{name}-{key}-log", agent["log_retention_days"], kms_key_arn=kms_key_arn, tags=tags)
        for key in agent["log_files"]
    }
    workspace_id = None if workspace is None else workspace.id
    content = pulumi.Output.all({key: group.name for key, group in groups.items()}, workspace_id).apply(
        lambda known: configuration(agent, *known)
    )
    parameter = _parameter(component, content, tags)
    run = aws.ssm.Document(
        f"{name}-agent",
        document_type="Command",
        document_format="JSON",
        target_type="/AWS::EC2::Instance",
        content=parameter.name.apply(lambda found: json.dumps(document_content(found))),
        tags=tags,
        opts=component.child(),
    )
    made = Agent(parameter, run, groups)
    rights = [
        aws.iam.RolePolicy(
            f"{name}-agent-{key}",
            role=role_name,
            policy=document(*agent_statements(made, None if workspace is None else workspace.arn)),
            opts=component.child(),
        )
        for key, role_name in checked["instance_role_names"].items()
    ]
    association = aws.ssm.Association(
        f"{name}-agent",
        name=run.name,
        association_name=f"cloudwatch-agent-{name}",
        targets=_targets(checked, agent),
        # A changed association runs at once.
        parameters={"revision": content.apply(lambda text: hashlib.sha256(text.encode()).hexdigest())},
        schedule_expression=_RERUN,
        compliance_severity="MEDIUM",
        tags=tags,
        # It runs when the roles have their rights.
        opts=component.child(depends_on=[parameter, *rights]),
    )
    if checked["alarm_topic_arns"]:
        _alarms(component, checked, agent, association)
    return made


def agent_statements(agent: Agent, workspace_arn: pulumi.Output[str] | None) -> list[Statement]:
    """What the role of an instance needs for Systems Manager to install the agent, and for the agent itself."""
    arn = agent.document.arn
    # The documents of AWS have no account, and the package is one.
    of_aws = pulumi.Output.concat("arn:", partition_of(arn), ":ssm:", region_of(arn), ":*:document/")
    documents = [pulumi.Output.concat(of_aws, known) for known in (_INSTALL, _CONFIGURE, _PACKAGE)]
    statements = [
        *managed_instance_statements(arn),
        Statement(sid="AgentDocuments", actions=["ssm:GetDocument", "ssm:DescribeDocument"], resources=[arn, *documents]),
        Statement(sid="AgentConfiguration", actions=["ssm:GetParameter"], resources=[agent.parameter.arn]),
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/iam-cw-condition-keys-namespace.html
        Statement(
            sid="AgentMetrics",
            actions=["cloudwatch:PutMetricData"],
            resources=["*"],
            conditions={"StringEquals": {"cloudwatch:namespace": [NAMESPACE]}},
        ),
        # By the tags the agent knows the Auto Scaling group of its instance.
        Statement(sid="AgentDimensions", actions=["ec2:DescribeTags", "ec2:DescribeVolumes", "ssm:GetManifest"], resources=["*"]),
    ]
    if agent.log_groups:
        streams = [pulumi.Output.concat(group.arn, ":*") for group in agent.log_groups.values()]
        actions = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
        statements.append(Statement(sid="AgentLogs", actions=actions, resources=streams))
    if workspace_arn is not None:
        statements.append(Statement(sid="AgentRemoteWrite", actions=["aps:RemoteWrite"], resources=[workspace_arn]))
    return statements


def configuration(agent: MonitoringAgentArgs, log_groups: Mapping[str, str], workspace_id: str | None) -> str:
    """The agent's configuration in JSON.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-Agent-Configuration-File-Details.html
    """
    metrics: dict[str, Any] = {
        "namespace": NAMESPACE,
        "append_dimensions": {_GROUP: f"${{aws:{_GROUP}}}", "InstanceId": "${aws:InstanceId}"},
        # What alarms and the dashboard look at: one series for a group, whatever instances it has.
        "aggregation_dimensions": [[_GROUP]],
        "metrics_collected": {
            "mem": {"measurement": ["used_percent"]},
            "swap": {"measurement": ["used_percent"]},
            "disk": {"measurement": ["used_percent"], "resources": agent["disk_mount_points"], "drop_device": True},
        },
    }
    if workspace_id is not None:
        metrics["metrics_destinations"] = {"cloudwatch": {}, "amp": {"workspace_id": workspace_id}}
    result: dict[str, Any] = {"agent": {"metrics_collection_interval": agent["metrics_interval_seconds"]}, "metrics": metrics}
    if log_groups:
        files = [_log_file(agent["log_files"][key], group) for key, group in log_groups.items()]
        result["logs"] = {"logs_collected": {"files": {"collect_list": files}}}
    # On lines of their own: Systems Manager takes two braces in a row for the name of another parameter.
    return json.dumps(result, indent=1)


def document_content(parameter_name: str) -> dict[str, Any]:
    """A document that installs the agent, or updates it, and starts it with the configuration."""

    def run(step: str, name: str, parameters: Mapping[str, str]) -> dict[str, Any]:
        inputs = {"documentType": "SSMDocument", "documentPath": name, "documentParameters": json.dumps(parameters)}
        return {"action": "aws:runDocument", "name": step, "inputs": inputs}

    configured = {
        "action": "configure",
        "mode": "ec2",
        "optionalConfigurationSource": "ssm",
        "optionalConfigurationLocation": parameter_name,
        "optionalRestart": "yes",
    }
    steps = [run("install", _INSTALL, {"action": "Install", "name": _PACKAGE}), run("configure", _CONFIGURE, configured)]
    return {
        "schemaVersion": "2.2",
        "description": f"Installs the CloudWatch agent and configures it from {parameter_name}",
        "parameters": {
            "revision": {"type": "String", "default": "", "description": "Hash of the configuration, whose change runs it again"}
        },
        "mainSteps": steps,
    }


def _parameter(component: Component, content: pulumi.Output[str], tags: Mapping[str, pulumi.Input[str]]) -> aws.ssm.Parameter:
    name = component.pulumi_resource_name
    return aws.ssm.Parameter(
        f"{name}-agent",
        # The beginning is what AWS's CloudWatchAgentServerPolicy lets the agent read.
        # https://docs.aws.amazon.com/aws-managed-policy/latest/reference/CloudWatchAgentServerPolicy.html
        name=f"AmazonCloudWatch-{pulumi.get_project()}-{pulumi.get_stack()}-{name}",
        description=f"Configuration of the CloudWatch agent on the instances of {name}",
        type="String",
        # A dozen log files pass the 4 KB of a standard parameter.
        tier="Intelligent-Tiering",
        # No secret: a preview shows what changes.
        insecure_value=content,
        tags=tags,
        opts=component.child(),
    )


def _log_file(file: Mapping[str, Any], group: str) -> dict[str, Any]:
    optional = {name: file[name] for name in ("timestamp_format", "multi_line_start_pattern") if file.get(name) is not None}
    return {"file_path": file["file_path"], "log_group_name": group, "log_stream_name": "{instance_id}", **optional}


def _targets(checked: MonitoringIntegrationArgs, agent: MonitoringAgentArgs) -> list[aws.ssm.AssociationTargetArgsDict]:
    if agent["instance_tags"]:
        return [{"key": f"tag:{key}", "values": [value]} for key, value in agent["instance_tags"].items()]
    # Auto Scaling tags its instances.
    return [{"key": "tag:aws:autoscaling:groupName", "values": [*checked["watched_auto_scaling_groups"].values()]}]


def _alarms(component: Component, checked: MonitoringIntegrationArgs, agent: MonitoringAgentArgs, association: aws.ssm.Association) -> None:
    name, topics, tags = component.pulumi_resource_name, checked["alarm_topic_arns"], checked["tags"]
    limits = (
        ("memory", MEMORY, agent["alarm_memory_percent"], "memory"),
        ("disk", DISK, agent["alarm_disk_percent"], "a disk"),
    )
    for key, group in checked["watched_auto_scaling_groups"].items():
        for suffix, metric, percent, subject in limits:
            alarm(
                component,
                f"{name}-{key}-{suffix}",
                f"More than {percent} percent of {subject} of an instance of {key} are used for a quarter of an hour",
                Metric(NAMESPACE, metric, {_GROUP: group}, "Maximum"),
                percent,
                period_seconds=300,
                periods=3,
                # The alarm below reports a group without data.
                missing="notBreaching",
                actions=topics,
                tags=tags,
            )
        _silent_alarm(component, key, group, topics, tags)
    notify_on_event(
        component,
        f"{name}-agent-failed",
        f"The CloudWatch agent of {name} could not be installed or configured on an instance",
        pattern={
            "source": ["aws.ssm"],
            "detail-type": ["EC2 State Manager Instance Association State Change"],
            "detail": {"association-id": [association.association_id], "status": ["Failed"]},
        },
        topic_arns=topics,
        tags=tags,
    )


def _silent_alarm(
    component: Component,
    key: str,
    group: pulumi.Input[str],
    topics: Sequence[pulumi.Input[str]],
    tags: Mapping[str, pulumi.Input[str]],
) -> None:
    """An alarm when a group has instances, and no agent of any of them reports: nothing else would say that the limits are blind."""
    metrics = {
        "reports": Metric(NAMESPACE, MEMORY, {_GROUP: group}, "SampleCount"),
        "instances": Metric("AWS/EC2", "CPUUtilization", {_GROUP: group}, "SampleCount"),
    }
    alarm(
        component,
        f"{component.pulumi_resource_name}-{key}-silent",
        f"Instances of {key} run, and no CloudWatch agent has reported their memory for half an hour",
        MetricMath("IF(FILL(instances, 0) > 0 AND FILL(reports, 0) < 1, 1, 0)", metrics),
        0,
        period_seconds=300,
        periods=6,
        # A group without instances reports nothing.
        missing="notBreaching",
        actions=topics,
        tags=tags,
    )
