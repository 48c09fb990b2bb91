"""Monitoring of a whole system: a dashboard, alarms of your own, an agent on instances, and export to other products.

Pattern: "Monitoring Integration" (Cloud Design Patterns for AWS).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import Metric, MetricMath, alarm, create_key, logs_statement
from cloudpatterns.core import Component, WorkloadStatementArgs, as_arguments, by_name, region_of
from cloudpatterns.operations.monitoring_integration.agent import Agent, agent_statements, create_agent
from cloudpatterns.operations.monitoring_integration.arguments import (
    EDGE_REGION,
    STATISTICS,
    WATCHED,
    MonitoringAlarmArgs,
    MonitoringCompositeAlarmArgs,
    MonitoringIntegrationArgs,
    MonitoringMetricArgs,
    child_names,
    has_dashboard,
    is_at_edge,
    placing_arns,
    problems,
)
from cloudpatterns.operations.monitoring_integration.dashboard import dashboard_body
from cloudpatterns.operations.monitoring_integration.exports import (
    Workspace,
    create_metric_stream,
    create_workspace,
    grafana_role,
    workspace_log_groups,
)

_SUPPRESSOR_SECONDS = 120
"""How long a composite alarm waits for its suppressor, and stays quiet after it."""


class MonitoringIntegration(Component):
    """A dashboard, alarms, an agent on instances, export of metrics (Cloud Design Patterns for AWS, "Monitoring Integration").

    The dashboard has a row of charts for each thing that is watched, by kind. Other patterns have alarms of their own; those here are
    yours: each has an action and says what missing data means. Composite alarms report an outage once instead of each of its symptoms. The
    CloudWatch agent, which Systems Manager installs, adds memory, disks and log files of instances; their roles get its rights by
    ``instance_role_names``, or have ``agent_statements()``. Metrics leave CloudWatch by a
    workspace of Prometheus, by Grafana's data sources, or as a stream to another product.

    **Use when**: people run a system of several parts, and want to see and to be told what is wrong with it.

    **Not when**: one resource alone matters: the alarms of its own pattern are enough.

    **Cost drivers**: alarms, the dashboard beyond the account's third, the agent's metrics of each instance and disk, the ingestion of
    logs, samples in Prometheus, updates in a metric stream.

    **Trade-offs**: a metric is a minute old, an alarm two; the agent needs the instance's role and a path to Systems Manager; what nobody
    names is not on the dashboard.

    **Proven by**: controls ``alarm-actions``, ``alarm-topic-key``; ``test_monitoring_integration.py``.
    """

    dashboard_name: pulumi.Output[str]
    """The dashboard. Empty when there is nothing to show."""
    alarm_arns: pulumi.Output[dict[str, str]]
    """ARNs of the alarms, and of the composite ones, by name."""
    agent_parameter_name: pulumi.Output[str]
    """Parameter with the configuration of the agent. Empty without ``agent``."""
    agent_document_name: pulumi.Output[str]
    """Document that installs and configures the agent, for more instances. Empty without ``agent``."""
    log_group_names: pulumi.Output[dict[str, str]]
    """Log groups of the agent's log files by name."""
    workspace_arn: pulumi.Output[str]
    """The workspace of Prometheus. Empty without ``prometheus``."""
    grafana_role_arn: pulumi.Output[str]
    """The role for Grafana's data sources, available after its policies. Empty without ``grafana``."""
    metric_stream_arn: pulumi.Output[str]
    """The stream of metrics. Empty without ``metric_stream``."""

    def __init__(self, name: str, args: MonitoringIntegrationArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._checked = checked = self.begin(name, args, opts, problems=problems, names=child_names)
        for output in ("dashboard_name", "agent_parameter_name", "agent_document_name", "grafana_role_arn", "metric_stream_arn"):
            setattr(self, output, pulumi.Output.from_input(""))
        self._workspace: Workspace | None = None
        self._agent: Agent | None = None
        self._export(name)
        alarms = {key: self._alarm(f"{name}-{key}", settings).arn for key, settings in checked["alarms"].items()}
        known = {**alarms, **{key: pulumi.Output.from_input(arn) for key, arn in checked["existing_alarm_arns"].items()}}
        composite = {key: self._composite(f"{name}-{key}", one, known).arn for key, one in checked["composite_alarms"].items()}
        self.alarm_arns = by_name({**alarms, **composite})
        if has_dashboard(checked):
            self._dashboard(name, [*composite.values(), *known.values()])
        if (grafana := checked.get("grafana")) is not None:
            place = self._place()
            logs = [] if self._agent is None else [group.arn for group in self._agent.log_groups.values()]
            self.grafana_role_arn = grafana_role(
                self,
                grafana,
                place=place,
                region=self._region(),
                workspace=self._workspace,
                log_group_arns=logs,
                tags=checked["tags"],
            ).role_arn
        self.register()

    def agent_statements(self) -> list[WorkloadStatementArgs]:
        """What the role of an instance needs for the agent and for Systems Manager, for a ``WorkloadRole`` or ``ScaleOut``.

        :raises ArgumentError: without ``agent``.
        """
        if self._agent is None:
            self.refuse(("agent", "is missing; there is no agent that needs rights. Give it."))
        return as_arguments(agent_statements(self._agent, None if self._workspace is None else self._workspace.arn))

    def _export(self, name: str) -> None:
        """The agent, and where metrics go beside CloudWatch."""
        checked, agent, prometheus = self._checked, self._checked.get("agent"), self._checked.get("prometheus")
        new_workspace = prometheus is not None and prometheus.get("existing_workspace_arn") is None
        encrypts = new_workspace or (agent is not None and bool(agent["log_files"]))
        key = self._key(name) if encrypts else None
        if prometheus is not None:
            self._workspace = create_workspace(self, prometheus, kms_key_arn=key, tags=checked["tags"])
        self.workspace_arn = pulumi.Output.from_input("") if self._workspace is None else self._workspace.arn
        if agent is not None:
            self._agent = create_agent(self, checked, agent, kms_key_arn=key, workspace=self._workspace)
            self.agent_parameter_name, self.agent_document_name = self._agent.parameter.name, self._agent.document.name
        groups = {} if self._agent is None else self._agent.log_groups
        self.log_group_names = by_name({key: group.name for key, group in groups.items()})
        if (stream := checked.get("metric_stream")) is not None:
            self.metric_stream_arn = create_metric_stream(self, stream, alarm_topic_arns=checked["alarm_topic_arns"], tags=checked["tags"])

    def _key(self, name: str) -> pulumi.Input[str]:
        given = self._checked.get("kms_key_arn")
        if given is not None:
            return given

        return create_key(
            self,
            f"{name}-key",
            f"Logs and metrics of {name}",
            lambda arn: [logs_statement(arn, f"{name}-*", workspace_log_groups(name))],
            tags=self._checked["tags"],
        )

    def _place(self) -> pulumi.Output[str]:
        """An ARN of the Region and account of what is watched."""
        own = [] if self._agent is None else [self._agent.parameter.arn]
        workspace = [] if self._workspace is None else [self._workspace.arn]
        return pulumi.Output.from_input([*own, *workspace, *placing_arns(self._checked)][0])

    def _region(self) -> pulumi.Output[str]:
        region = self._checked.get("region")
        return region_of(self._place()) if region is None else pulumi.Output.from_input(region)

    def _alarm(self, child_name: str, settings: MonitoringAlarmArgs) -> aws.cloudwatch.MetricAlarm:
        topics = self._topics(settings)
        return alarm(
            self,
            child_name,
            settings["description"],
            _watched(settings),
            settings["threshold"],
            comparison=settings["comparison"],
            period_seconds=settings["period_seconds"],
            periods=settings["periods"],
            datapoints=settings.get("datapoints"),
            missing=settings["missing_data"],
            actions=[*topics, *settings["action_arns"]],
            # What reboots or scales does so at the alarm alone.
            ok_actions=topics,
            region=EDGE_REGION if is_at_edge(settings) else None,
            tags=self._checked["tags"],
        )

    def _composite(
        self, child_name: str, settings: MonitoringCompositeAlarmArgs, known: Mapping[str, pulumi.Output[str]]
    ) -> aws.cloudwatch.CompositeAlarm:
        topics = self._topics(settings)
        suppressor = settings.get("suppressed_by")
        suppressed: Any = (
            None
            if suppressor is None
            else {
                "alarm": known[suppressor],
                "wait_period": _SUPPRESSOR_SECONDS,
                "extension_period": _SUPPRESSOR_SECONDS,
            }
        )
        arns = [known[key] for key in settings["alarms"]]
        return aws.cloudwatch.CompositeAlarm(
            child_name,
            # Composite alarms are not named automatically.
            alarm_name=f"{pulumi.get_project()}-{pulumi.get_stack()}-{child_name}",
            alarm_description=settings["description"],
            # By reference: an alarm that a composite one reads cannot be deleted before it.
            alarm_rule=pulumi.Output.all(*arns).apply(lambda found: alarm_rule(found, settings["least_in_alarm"])),
            actions_suppressor=suppressed,
            alarm_actions=topics,
            ok_actions=topics,
            tags=self._checked["tags"],
            opts=self.child(),
        )

    def _topics(self, settings: Mapping[str, Any]) -> list[pulumi.Input[str]]:
        given = settings.get("alarm_topic_arns")
        return [*(self._checked["alarm_topic_arns"] if given is None else given)]

    def _dashboard(self, name: str, alarm_arns: Sequence[pulumi.Output[str]]) -> None:
        settings: Mapping[str, Any] = self._checked
        shown = {**{kind: settings[kind] for kind in (*WATCHED, "charts")}, "alarm_arns": list(alarm_arns)}
        agent = self._agent is not None
        self.dashboard_name = aws.cloudwatch.Dashboard(
            f"{name}-dashboard",
            # One account has one list of dashboards, of all Regions.
            dashboard_name=f"{pulumi.get_project()}-{pulumi.get_stack()}-{name}".replace(".", "-"),
            dashboard_body=pulumi.Output.all(shown, self._region()).apply(lambda found: dashboard_body(name, *found, agent=agent)),
            opts=self.child(),
        ).dashboard_name


def alarm_rule(arns: Sequence[str], least: int) -> str:
    """The rule of a composite alarm that is raised while at least some of the alarms are.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html
    """
    if least in (1, len(arns)):
        return (" OR " if least == 1 else " AND ").join(f'ALARM("{arn}")' for arn in arns)
    quoted = ", ".join(f'"{arn}"' for arn in arns)
    return f"AT_LEAST({least}, ALARM, ({quoted}))"


def _watched(settings: MonitoringAlarmArgs) -> Metric | MetricMath:
    metric, expression = settings.get("metric"), settings.get("expression")
    if metric is None:
        return MetricMath(str(expression), {key: _metric(one) for key, one in settings["metrics"].items()})
    # A percentile is no statistic of an alarm on one metric, but of a metric in an expression.
    return _metric(metric) if metric["statistic"] in STATISTICS else MetricMath("value", {"value": _metric(metric)})


def _metric(metric: MonitoringMetricArgs) -> Metric:
    return Metric(metric["namespace"], metric["name"], metric["dimensions"], metric["statistic"])
