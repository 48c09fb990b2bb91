"""Queuing chain: orders of prints are checked, developed and shipped; each stage waits, fails and grows alone."""

import pulumi
from cloudpatterns.messaging import QueuingChain

# An SNS topic that somebody reads.
ALARM_TOPIC_ARN = pulumi.Config().require("alarm_topic_arn")

CODE = pulumi.FileArchive("app")

prints = QueuingChain(
    "prints",
    {
        "stages": [
            {"name": "check", "function": {"code": CODE, "handler": "index.check_handler"}, "maximum_concurrency": 20},
            {
                "name": "develop",
                "function": {"code": CODE, "handler": "index.develop_handler", "memory_mib": 2048, "timeout_seconds": 120},
                "batch_size": 1,
                "maximum_concurrency": 50,
                "alarm_age_seconds": 3600,
            },
            # The carrier accepts two requests at the same time.
            {"name": "ship", "function": {"code": CODE, "handler": "index.ship_handler"}, "maximum_concurrency": 2},
        ],
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
    },
)

# aws sqs send-message --queue-url ... --message-body '{"id": "4711", "size": "10x15", "copies": 2, "picture": "s3://prints/4711.jpg"}'
pulumi.export("queue_url", prints.queue_url)
# When the cause is fixed: aws sqs start-message-move-task --source-arn ...
pulumi.export("dead_letter_queue_arns", prints.dead_letter_queue_arns)
