"""Queue worker: orders wait in a queue, and a function ships each once; those that cannot be shipped are parked."""

import pulumi
from cloudpatterns.messaging import QueueWorker

# An SNS topic that somebody reads.
ALARM_TOPIC_ARN = pulumi.Config().require("alarm_topic_arn")

orders = QueueWorker(
    "orders",
    {
        "function": {"code": pulumi.FileArchive("app"), "timeout_seconds": 30},
        "maximum_concurrency": 20,
        "max_receive_count": 5,
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
    },
)

# aws sqs send-message --queue-url ... --message-body '{"id": "4711", "address": "1 Main Street"}'
pulumi.export("queue_url", orders.queue_url)
# When the cause is fixed: aws sqs start-message-move-task --source-arn ...
pulumi.export("dead_letter_queue_arn", orders.dead_letter_queue_arn)
