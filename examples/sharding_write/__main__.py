"""Sharding write: orders of a shop are written by three databases, each with its customers; a mover spreads customers anew."""

from typing import Any

import pulumi
from cloudpatterns.database import ShardingWrite, rds_certificates
from cloudpatterns.messaging import QueueWorker, ScheduledTask
from cloudpatterns.network import FunctionalFirewall, Network

CONFIG = pulumi.Config()
REGION = pulumi.Config("aws").require("region")
# An SNS topic that somebody reads.
ALARM_TOPIC_ARN = CONFIG.require("alarm_topic_arn")
# The driver: pip install --target python pg8000, and zip the folder `python`.
DRIVER_LAYER_ARN = CONFIG.require("driver_layer_arn")
# To add a shard, add it here and deploy; then add it to SHARDS_WITH_KEYS, and deploy again. To remove one, the other way round.
SHARDS: Any = {"a": {}, "b": {}, "c": {}}
SHARDS_WITH_KEYS = ["a", "b", "c"]
USER = "app"

network = Network("net", {"cidr_block": "10.52.0.0/16", "zones": [f"{REGION}a", f"{REGION}b"]})
firewall = FunctionalFirewall(
    "firewall",
    {
        "vpc_id": network.vpc_id,
        "functions": {
            "client": {
                "egress": {
                    "shard-map": {"ports": [443], "prefix_list_id": network.dynamodb_prefix_list_id or "", "description": "DynamoDB"},
                },
            },
            "postgres": {"callers": ["client"]},
        },
    },
)

shop = ShardingWrite(
    "shop",
    {
        "shards": SHARDS,
        "database": {
            "engine": "postgres",
            "engine_version": "17",
            "instance_class": "db.r7g.large",
            "allocated_storage_gib": 100,
            "max_allocated_storage_gib": 500,
            "database_name": "shop",
        },
        "subnet_ids_by_zone": network.data_subnet_ids_by_zone,
        "security_group_ids": [firewall.group_id("postgres")],
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
    },
)

function: Any = {
    "code": pulumi.AssetArchive({"index.py": pulumi.FileAsset("app/index.py"), "rds.pem": pulumi.StringAsset(rds_certificates(REGION))}),
    "layers": [DRIVER_LAYER_ARN],
    "runtime_library": True,
    "subnet_ids_by_zone": network.private_subnet_ids_by_zone,
    "security_group_ids": [firewall.group_id("client")],
    "environment": {**shop.environment(), "DATABASE_USER": USER},
}
orders = QueueWorker(
    "orders",
    {
        "function": {
            **function,
            "handler": "index.orders_handler",
            "timeout_seconds": 30,
            "statements": [*shop.router_statements(), *shop.connect_statements(USER)],
        },
        "maximum_concurrency": 50,
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
    },
)
mover = ScheduledTask(
    "mover",
    {
        "schedule_expression": "rate(15 minutes)",
        "function": {
            **function,
            "handler": "index.mover_handler",
            "timeout_seconds": 900,
            "environment": {**function["environment"], "SHARDS_WITH_KEYS": ",".join(SHARDS_WITH_KEYS)},
            "statements": [*shop.mover_statements(), *shop.connect_statements(USER)],
        },
        # Two at once do no harm.
        "idempotency": False,
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
    },
)

# The master user of each new database runs it once: the secrets have the passwords.
pulumi.export("user_sql", shop.user_sql(USER))
pulumi.export("secret_arns", shop.secret_arns)
# aws sqs send-message --queue-url ... --message-body '{"customer": "17", "id": "4711", "articles": ["book"]}'
pulumi.export("queue_url", orders.queue_url)
# Not to wait for the schedule: aws lambda invoke --function-name ... /dev/stdout
pulumi.export("mover_name", mover.function_name)
