"""Deep health checks: one of a shop behind its load balancer, one of a warehouse that the internet cannot reach."""

from typing import Any

import pulumi
from cloudpatterns.resilience import DeepHealthCheck

CONFIG = pulumi.Config()
# SNS topics that somebody reads; Route 53's metrics are in us-east-1.
ALARM_TOPIC_ARN, GLOBAL_ALARM_TOPIC_ARN = CONFIG.require("alarm_topic_arn"), CONFIG.require("global_alarm_topic_arn")
SUBNET_IDS_BY_ZONE: Any = CONFIG.require_object("subnet_ids_by_zone")
SECURITY_GROUP_IDS: Any = CONFIG.require_object("security_group_ids")

shop = DeepHealthCheck(
    "shop",
    {
        "domain_name": CONFIG.require("domain_name"),
        "listener_arn": CONFIG.require("listener_arn"),
        "listener_priority": 10,
        # The path that the balancer checks, on each server.
        "shallow_path": "/health",
        "layers": {
            "database": {"tcp": {"host": CONFIG.require("database_host"), "port": 5432}},
            "sessions": {"table": {"arn": CONFIG.require("table_arn"), "key": {"id": {"S": "health"}}}},
            "orders": {"queue": {"arn": CONFIG.require("queue_arn"), "most_messages": 10_000}},
        },
        "subnet_ids_by_zone": SUBNET_IDS_BY_ZONE,
        "security_group_ids": SECURITY_GROUP_IDS,
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
        "global_alarm_topic_arns": [GLOBAL_ALARM_TOPIC_ARN],
    },
)
warehouse = DeepHealthCheck(
    "warehouse",
    {
        "function": {
            "code": pulumi.FileArchive("app"),
            "memory_mib": 512,
            "runtime_library": True,
            "environment": {"SCALES_URL": "http://scales.warehouse.internal/weight"},
            "subnet_ids_by_zone": SUBNET_IDS_BY_ZONE,
            "security_group_ids": SECURITY_GROUP_IDS,
        },
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
    },
)

# For records that fail over, and for the health check of the load balancer.
pulumi.export("shop_health_check_id", shop.health_check_id)
pulumi.export("warehouse_health_check_id", warehouse.health_check_id)
pulumi.export("shallow_path", shop.shallow_path)
