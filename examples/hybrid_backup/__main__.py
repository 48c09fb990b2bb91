"""Hybrid backup: the database and the files of an office, each night, locked for two weeks."""

from pathlib import Path

import pulumi
from cloudpatterns.storage import HybridBackup

config = pulumi.Config()
# An SNS topic that somebody reads, and whose policy lets EventBridge publish.
ALARM_TOPIC_ARN = config.require("alarm_topic_arn")

backup = HybridBackup(
    "office",
    {
        # Certificates alone: an authority's key never comes near a program.
        "certificate_bundle": Path(__file__).with_name("ca.pem").read_text(encoding="utf-8"),
        "organizational_unit": "backup",
        "servers": {
            "db": {"common_name": "db1.example.com", "folders": ["/var/backups/postgresql"]},
            "files": {
                "common_name": "files.example.com",
                "folders": ["/srv/files", "/etc"],
                "schedule": "*-*-* 00/6:00:00",
                "alarm_hours": 14,
            },
        },
        # The agent and the gateway are virtual machines of the office, which show their keys once: pulumi config set --secret.
        "data_sync": {
            "activation_key": config.require("agent_activation_key"),
            "server_hostname": "nas.example.com",
            "path": "/export/projects",
            "excluded_patterns": ["*.tmp"],
        },
        "file_gateway": {
            "activation_key": config.require("gateway_activation_key"),
            "client_cidrs": ["10.1.0.0/16"],
            # Not in the first deployment: aws storagegateway list-local-disks shows it afterwards.
            "cache_disk_id": config.require("gateway_cache_disk_id"),
        },
        "object_lock": {"mode": "GOVERNANCE", "retention_days": 14},
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
    },
)

# pulumi stack output install_scripts --json | jq -r .db | ssh db1.example.com sudo bash
pulumi.export("install_scripts", backup.install_scripts)
pulumi.export("bucket_name", backup.bucket_name)
pulumi.export("file_share_path", backup.file_share_path)
