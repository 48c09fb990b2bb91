"""Priority queue: reports that a customer waits for come first; those that are due by the morning still get a fifth of the work."""

import pulumi
from cloudpatterns.messaging import PriorityQueue

# An SNS topic that somebody reads.
ALARM_TOPIC_ARN = pulumi.Config().require("alarm_topic_arn")

reports = PriorityQueue(
    "reports",
    {
        "priorities": [
            # A customer waits for it.
            {"name": "interactive", "alarm_age_seconds": 120},
            # Due by the morning.
            {"name": "nightly", "alarm_age_seconds": 14_400},
        ],
        "function": {"code": pulumi.FileArchive("app"), "timeout_seconds": 60, "memory_mib": 1024},
        # 16 at the same time for interactive reports, 4 for nightly ones.
        "maximum_concurrency": 20,
        "batch_size": 1,
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
    },
)

# aws sqs send-message --queue-url ... --message-body '{"id": "2026-11-30/sales", "lines": 120}'
pulumi.export("queue_urls", reports.queue_urls)
# When the cause is fixed: aws sqs start-message-move-task --source-arn ...
pulumi.export("dead_letter_queue_arns", reports.dead_letter_queue_arns)
