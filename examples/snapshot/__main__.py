"""Snapshot: whatever has the tag Backup=yes is backed up, copied to another Region, and restored each week as a test."""

import pulumi
from cloudpatterns.storage import Snapshot

config = pulumi.Config()
# An SNS topic that somebody reads.
ALARM_TOPIC_ARN = config.require("alarm_topic_arn")

backups = Snapshot(
    "backups",
    {
        "rules": {
            # Databases and buckets to any second of the last five weeks.
            "daily": {"frequency": "daily", "time_zone": "Europe/Dublin", "continuous": True, "retention_days": 35},
            "monthly": {"frequency": "monthly", "retention_days": 400, "cold_storage_after_days": 30},
        },
        "selections": {"tagged": {"tags": {"Backup": "yes"}}},
        # An administrator can delete this lock. With "COMPLIANCE" and changeable_for_days nobody can, ever: try this one first.
        "lock": {"mode": "GOVERNANCE"},
        "copies": {"frankfurt": {"region": "eu-central-1", "rules": ["monthly"]}},
        "restore_tests": {"tests": {"databases": {"resource_type": "RDS"}, "volumes": {"resource_type": "EBS"}}},
        # The keys of what is backed up: of databases, volumes, tables and buckets.
        "key_arns": [config.require("database_key_arn")],
        "backup_administrator_arns": [config.require("deploy_role_arn")],
        "alarm_hours_without_backup": 36,
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
    },
)

# aws backup list-recovery-points-by-backup-vault --backup-vault-name ...
pulumi.export("vault_name", backups.vault_name)
# aws backup start-restore-job --iam-role-arn ...
pulumi.export("restore_role_arn", backups.restore_role_arn)
