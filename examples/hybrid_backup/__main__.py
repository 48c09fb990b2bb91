"""Hybrid backup: the database and the files of an office, each night, locked for two weeks."""

from pathlib import Path

import pulumi
from cloudpatterns.storage import HybridBackup

# An SNS topic that somebody reads, and whose policy lets EventBridge publish.
ALARM_TOPIC_ARN = pulumi.Config().require("alarm_topic_arn")

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
        "object_lock": {"mode": "GOVERNANCE", "retention_days": 14},
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
    },
)

# pulumi stack output install_scripts --json | jq -r .db | ssh db1.example.com sudo bash
pulumi.export("install_scripts", backup.install_scripts)
pulumi.export("bucket_name", backup.bucket_name)
