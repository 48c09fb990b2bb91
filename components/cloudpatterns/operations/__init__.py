"""Operations: how a change reaches an account, and how people learn what happens there."""

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

__all__ = [
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
]
