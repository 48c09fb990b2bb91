"""Operations: how a change reaches an account, how people learn what happens there, and when what it runs is stopped."""

from cloudpatterns.operations.build_agents.arguments import (
    BuildAgentsArgs,
    BuildAgentsOptions,
    BuildArgs,
    BuildGroupArgs,
    BuildHoursArgs,
    BuildQueueArgs,
    BuildSourceArgs,
    BuildWebhookArgs,
)
from cloudpatterns.operations.build_agents.component import BuildAgents
from cloudpatterns.operations.cost_guard import (
    CostAnomaliesArgs,
    CostBudgetArgs,
    CostGuard,
    CostGuardArgs,
    CostGuardOptions,
    CostTagArgs,
)
from cloudpatterns.operations.delivery_pipeline import DeliveryEnvironment, DeliveryPipeline, DeliveryPipelineArgs
from cloudpatterns.operations.monitoring_integration.arguments import (
    MonitoringAgentArgs,
    MonitoringAlarmArgs,
    MonitoringCacheArgs,
    MonitoringChartArgs,
    MonitoringCompositeAlarmArgs,
    MonitoringDatabaseArgs,
    MonitoringGrafanaArgs,
    MonitoringIntegrationArgs,
    MonitoringIntegrationOptions,
    MonitoringLoadBalancerArgs,
    MonitoringLogFileArgs,
    MonitoringMetricArgs,
    MonitoringMetricStreamArgs,
    MonitoringPrometheusArgs,
    MonitoringServiceArgs,
)
from cloudpatterns.operations.monitoring_integration.component import MonitoringIntegration
from cloudpatterns.operations.office_hours.arguments import OfficeHoursArgs, OfficeHoursOptions
from cloudpatterns.operations.office_hours.component import OfficeHours
from cloudpatterns.operations.stack_deployment.arguments import StackDeploymentArgs, StackDeploymentOptions, StackOutputArgs
from cloudpatterns.operations.stack_deployment.component import StackDeployment
from cloudpatterns.operations.stack_deployment.references import StackOutputError, StackOutputs
from cloudpatterns.operations.temporary_environment.arguments import TemporaryEnvironmentArgs, TemporaryEnvironmentOptions
from cloudpatterns.operations.temporary_environment.component import TemporaryEnvironment

__all__ = [
    "BuildAgents",
    "BuildAgentsArgs",
    "BuildAgentsOptions",
    "BuildArgs",
    "BuildGroupArgs",
    "BuildHoursArgs",
    "BuildQueueArgs",
    "BuildSourceArgs",
    "BuildWebhookArgs",
    "CostAnomaliesArgs",
    "CostBudgetArgs",
    "CostGuard",
    "CostGuardArgs",
    "CostGuardOptions",
    "CostTagArgs",
    "DeliveryEnvironment",
    "DeliveryPipeline",
    "DeliveryPipelineArgs",
    "MonitoringAgentArgs",
    "MonitoringAlarmArgs",
    "MonitoringCacheArgs",
    "MonitoringChartArgs",
    "MonitoringCompositeAlarmArgs",
    "MonitoringDatabaseArgs",
    "MonitoringGrafanaArgs",
    "MonitoringIntegration",
    "MonitoringIntegrationArgs",
    "MonitoringIntegrationOptions",
    "MonitoringLoadBalancerArgs",
    "MonitoringLogFileArgs",
    "MonitoringMetricArgs",
    "MonitoringMetricStreamArgs",
    "MonitoringPrometheusArgs",
    "MonitoringServiceArgs",
    "OfficeHours",
    "OfficeHoursArgs",
    "OfficeHoursOptions",
    "StackDeployment",
    "StackDeploymentArgs",
    "StackDeploymentOptions",
    "StackOutputArgs",
    "StackOutputError",
    "StackOutputs",
    "TemporaryEnvironment",
    "TemporaryEnvironmentArgs",
    "TemporaryEnvironmentOptions",
]
