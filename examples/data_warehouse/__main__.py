"""Data warehouse: sales land in a bucket, are copied into Redshift Serverless each night, and a report reads them."""

import pulumi
from cloudpatterns.database import DataWarehouse
from cloudpatterns.messaging import ScheduledTask
from cloudpatterns.network import FunctionalFirewall, Network

CONFIG = pulumi.Config()
REGION = pulumi.Config("aws").require("region")
# An SNS topic that somebody reads.
ALARM_TOPIC_ARN = CONFIG.require("alarm_topic_arn")
# The bucket in which other systems leave their sales, and its key.
LANDING_BUCKET_ARN = CONFIG.require("landing_bucket_arn")
LANDING_KEY_ARN = CONFIG.require("landing_key_arn")

network = Network("net", {"cidr_block": "10.54.0.0/16", "zones": [f"{REGION}{zone}" for zone in "abc"]})
firewall = FunctionalFirewall(
    "firewall",
    {
        "vpc_id": network.vpc_id,
        "functions": {
            "reports": {},
            "warehouse": {
                "callers": ["reports"],
                "ports": [5439],
                # COPY and UNLOAD.
                "egress": {"bucket": {"ports": [443], "prefix_list_id": network.s3_prefix_list_id or "", "description": "S3"}},
            },
        },
    },
)

sales = DataWarehouse(
    "sales",
    {
        "database_name": "sales",
        "max_capacity_rpus": 64,
        "usage_limits": {"daily": {"rpu_hours": 60}, "monthly": {"rpu_hours": 600, "action": "deactivate"}},
        # Private subnets, which reach S3; data subnets reach nothing.
        "subnet_ids_by_zone": network.private_subnet_ids_by_zone,
        "security_group_ids": [firewall.group_id("warehouse")],
        "load_statements": [
            {"sid": "Landing", "actions": ["s3:GetObject"], "resources": [f"{LANDING_BUCKET_ARN}/sales/*"]},
            {"sid": "LandingList", "actions": ["s3:ListBucket"], "resources": [LANDING_BUCKET_ARN]},
            {"sid": "LandingKey", "actions": ["kms:Decrypt"], "resources": [LANDING_KEY_ARN]},
        ],
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
    },
)

COPY = "COPY orders FROM 's3://shop-sales-landing/sales/' IAM_ROLE default FORMAT PARQUET"
# Starts the copy through the Data API, as a database user of its own. Once, as the administrator: GRANT INSERT ON orders TO "IAMR:<role>".
ScheduledTask(
    "load",
    {
        "schedule_expression": "cron(30 1 * * ? *)",
        "api_action": {
            "service": "redshiftdata",
            "action": "executeStatement",
            "statements": [*sales.connect_statements(), *sales.data_api_statements()],
        },
        "input_json": pulumi.Output.json_dumps(
            {
                "WorkgroupName": sales.workgroup_name,
                "Database": sales.database_name,
                "Sql": COPY,
                # COPY appends: with the token of a run, a second attempt starts nothing.
                "ClientToken": "<aws.scheduler.execution-id>",
            }
        ),
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
    },
)

pulumi.export("endpoint", sales.endpoint)
pulumi.export("secret_arn", sales.secret_arn)
pulumi.export("load_role_arn", sales.load_role_arn)
