"""Groups of resources that many patterns create; each function makes them children of a component."""

from cloudpatterns.blocks.alarm import Metric, MetricMath, alarm
from cloudpatterns.blocks.event import notify_on_event
from cloudpatterns.blocks.function import PatternFunction, allow_invocation, invoke_on_event, pattern_function
from cloudpatterns.blocks.key import create_key, logs_statement
from cloudpatterns.blocks.layer import runtime_layer
from cloudpatterns.blocks.log_group import log_group
from cloudpatterns.blocks.role import ServiceRole, service_role
from cloudpatterns.blocks.schedule import api_target, schedule
from cloudpatterns.blocks.topic import alarm_topic

__all__ = [
    "Metric",
    "MetricMath",
    "PatternFunction",
    "ServiceRole",
    "alarm",
    "alarm_topic",
    "allow_invocation",
    "api_target",
    "create_key",
    "invoke_on_event",
    "log_group",
    "logs_statement",
    "notify_on_event",
    "pattern_function",
    "runtime_layer",
    "schedule",
    "service_role",
]
