"""Legacy backup: a system that exports nothing but CSV, copied into PostgreSQL every night, dumped and exported to S3."""

import pulumi
from cloudpatterns.network import Network, OnDemandNat
from cloudpatterns.systems import LegacyBackup

CONFIG = pulumi.Config()
REGION = pulumi.Config("aws").require("region")
# An SNS topic that somebody reads.
ALARM_TOPIC_ARN = CONFIG.require("alarm_topic_arn")
# The driver: pip install --target python pg8000, and zip the folder `python`.
DRIVER_LAYER_ARN = CONFIG.require("driver_layer_arn")
EXPORT_SECRET_ARN = CONFIG.require("export_secret_arn")

network = Network("net", {"cidr_block": "10.58.0.0/16", "zones": [f"{REGION}a", f"{REGION}b"]})
# The puller reaches the legacy system and AWS through it; a VPN or Direct Connect would be routes of this network.
nat = OnDemandNat(
    "nat",
    {
        "strategy": "per_zone",
        "vpc_id": network.vpc_id,
        "vpc_cidr_block": network.vpc_cidr_block,
        "public_subnet_ids_by_zone": network.public_subnet_ids_by_zone,
        "private_route_table_ids_by_zone": network.private_route_table_ids_by_zone,
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
    },
)

backup = LegacyBackup(
    "legacy",
    {
        "custom": {
            "code": pulumi.FileArchive("app"),
            "environment": {"EXPORT_URL": CONFIG.require("export_url"), "EXPORT_SECRET_ARN": EXPORT_SECRET_ARN},
            "statements": [{"actions": ["secretsmanager:GetSecretValue"], "resources": [EXPORT_SECRET_ARN]}],
        },
        "driver_layer_arn": DRIVER_LAYER_ARN,
        "database": {
            "engine": "postgres",
            "engine_version": "17",
            "instance_class": "db.t4g.medium",
            "allocated_storage_gib": 100,
            "max_allocated_storage_gib": 500,
        },
        # The system knows nothing of changes: each run reads all of it.
        "full_schedule": "cron(0 1 ? * SUN *)",
        "incremental_schedule": "cron(0 1 ? * MON-SAT *)",
        "time_zone": "Europe/Berlin",
        # Nobody can delete a dump of the last month, by mistake or on purpose.
        "object_lock": {"mode": "GOVERNANCE", "retention_days": 30},
        "vpc_id": network.vpc_id,
        "private_subnet_ids_by_zone": network.private_subnet_ids_by_zone,
        "data_subnet_ids_by_zone": network.data_subnet_ids_by_zone,
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
    },
)

# For the firewall of the legacy system.
pulumi.export("egress_ips", nat.public_ips)
# aws stepfunctions start-execution --state-machine-arn ... --input '{"kind": "full"}'
pulumi.export("pull_state_machine_arn", backup.pull_state_machine_arn)
pulumi.export("export_state_machine_arn", backup.export_state_machine_arn)
# python -m cloudpatterns_runtime.backup_dump list --bucket ...
pulumi.export("dump_bucket_name", backup.dump_bucket_name)
pulumi.export("export_bucket_name", backup.export_bucket_name)
# What takes the place of the legacy system reads here.
pulumi.export("database_address", backup.database_address)
pulumi.export("database_secret_arn", backup.database_secret_arn)
