"""Groups of resources that many patterns create; each function makes them children of a component."""

from cloudpatterns.blocks.alarm import Metric, MetricMath, MetricSearch, alarm, dropped_schedules_alarm, messages_alarm
from cloudpatterns.blocks.delivery import BucketDelivery, Buffering, EncryptedPlace, bucket_delivery
from cloudpatterns.blocks.event import admit_events, notify_on_event, undelivered_queue
from cloudpatterns.blocks.event_source import MOST_WITHOUT_WINDOW, failed_record_statements, queue_source, stream_alarms, stream_source
from cloudpatterns.blocks.fargate import FargateSize, fargate_problems, task_memory_mib, task_vcpus
from cloudpatterns.blocks.function import PatternFunction, allow_invocation, errors_alarm, invoke_on_event, pattern_function
from cloudpatterns.blocks.key import create_key, logs_statement, sender_statements
from cloudpatterns.blocks.layer import runtime_layer, runtime_module
from cloudpatterns.blocks.log_group import log_group
from cloudpatterns.blocks.role import ServiceRole, service_role
from cloudpatterns.blocks.schedule import api_target, schedule
from cloudpatterns.blocks.table import (
    idempotency_table,
    item_statements,
    refuse_plain_requests,
    schema_table,
    stream_statements,
    table,
    throttled_alarm,
)
from cloudpatterns.blocks.topic import alarm_topic
from cloudpatterns.blocks.user_function import Idempotency, UserFunction, function_names, pattern_options, user_function
from cloudpatterns.blocks.work_queue import (
    Fifo,
    Sender,
    WorkQueue,
    dead_letter_queue,
    queue_policy,
    receive_statements,
    send_statements,
    work_queue,
)

__all__ = [
    "MOST_WITHOUT_WINDOW",
    "BucketDelivery",
    "Buffering",
    "EncryptedPlace",
    "FargateSize",
    "Fifo",
    "Idempotency",
    "Metric",
    "MetricMath",
    "MetricSearch",
    "PatternFunction",
    "Sender",
    "ServiceRole",
    "UserFunction",
    "WorkQueue",
    "admit_events",
    "alarm",
    "alarm_topic",
    "allow_invocation",
    "api_target",
    "bucket_delivery",
    "create_key",
    "dead_letter_queue",
    "dropped_schedules_alarm",
    "errors_alarm",
    "failed_record_statements",
    "fargate_problems",
    "function_names",
    "idempotency_table",
    "invoke_on_event",
    "item_statements",
    "log_group",
    "logs_statement",
    "messages_alarm",
    "notify_on_event",
    "pattern_function",
    "pattern_options",
    "queue_policy",
    "queue_source",
    "receive_statements",
    "refuse_plain_requests",
    "runtime_layer",
    "runtime_module",
    "schedule",
    "schema_table",
    "send_statements",
    "sender_statements",
    "service_role",
    "stream_alarms",
    "stream_source",
    "stream_statements",
    "table",
    "task_memory_mib",
    "task_vcpus",
    "throttled_alarm",
    "undelivered_queue",
    "user_function",
    "work_queue",
]
