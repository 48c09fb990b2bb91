"""Web storage archive: the logs of a shop and of its old servers, locked for seven years, most of them in S3 Glacier."""

import pulumi
import pulumi_aws as aws
from cloudpatterns.storage import WebStorageArchive

config = pulumi.Config()
# An SNS topic that somebody reads.
ALARM_TOPIC_ARN = config.require("alarm_topic_arn")

orders = aws.cloudwatch.LogGroup("orders", retention_in_days=30, kms_key_id=config.require("log_key_arn"))

archive = WebStorageArchive(
    "audit",
    {
        "log_groups": {
            "orders": {"log_group": orders.name},
            "trail": {"log_group": config.require("trail_log_group_arn")},
        },
        # What the servers write is sent by the agent that they start with `agent_script`.
        "files": {
            "access": {"path": "/var/log/httpd/access_log", "timestamp_format": "%d/%b/%Y:%H:%M:%S %z"},
            "app": {"path": "/var/log/app/**.log", "multi_line_start_pattern": r"^\d{4}-\d{2}-\d{2}"},
        },
        "retention_days": 2557,
        # COMPLIANCE in production: try the archive with GOVERNANCE and few days, nobody can shorten the other one.
        "lock_mode": config.require("lock_mode"),
        "transitions": [{"storage_class": "GLACIER_IR", "days": 30}, {"storage_class": "DEEP_ARCHIVE", "days": 365}],
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
    },
)

pulumi.export("bucket_name", archive.bucket_name)
# Behind the server's own boot script, or as a command of Systems Manager; its role has archive.agent_statements().
pulumi.export("agent_script", archive.agent_script)
