"""Database per service: baskets in a table, orders in PostgreSQL, a catalogue in DocumentDB; each service reaches its own store alone."""

import pulumi
from cloudpatterns.database import DatabasePerService
from cloudpatterns.network import Network
from cloudpatterns.security import WorkloadRole

CONFIG = pulumi.Config()
REGION = pulumi.Config("aws").require("region")
# An SNS topic that somebody reads.
ALARM_TOPIC_ARN = CONFIG.require("alarm_topic_arn")

network = Network("net", {"cidr_block": "10.56.0.0/16", "zones": [f"{REGION}a", f"{REGION}b"]})

stores = DatabasePerService(
    "shop",
    {
        "services": {
            "basket": {"table": {"partition_key": {"name": "customer"}, "ttl_attribute": "expires_at"}},
            "orders": {
                "relational": {
                    "engine": "postgres",
                    "engine_version": "17",
                    "instance_class": "db.m7g.large",
                    "allocated_storage_gib": 100,
                    "database_name": "orders",
                }
            },
            "catalogue": {"documents": {}},
        },
        "vpc_id": network.vpc_id,
        "subnet_ids_by_zone": network.data_subnet_ids_by_zone,
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
    },
)

# The role of each service; its containers carry stores.client_group_id(...) beside their own group.
for service in ("basket", "orders", "catalogue"):
    role = WorkloadRole(
        service,
        {
            "service": "ecs-tasks.amazonaws.com",
            "description": f"The service {service} and its store",
            "statements": stores.statements(service),
        },
    )
    pulumi.export(f"{service}_role_arn", role.role_arn)

# The master user of the new database runs it once: its secret has the password.
pulumi.export("orders_user_sql", stores.user_sql("orders"))
pulumi.export("addresses", stores.addresses)
pulumi.export("client_security_group_ids", stores.client_security_group_ids)
