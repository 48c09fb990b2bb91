"""Fan-out: an order is published once; one function ships it, and another writes an invoice for those that are paid."""

import pulumi
from cloudpatterns.messaging import FanOut, QueueWorker

# An SNS topic that somebody reads.
ALARM_TOPIC_ARN = pulumi.Config().require("alarm_topic_arn")

orders = FanOut(
    "orders",
    {
        "subscribers": {
            "shipping": {"visibility_timeout_seconds": 180},
            "invoices": {"visibility_timeout_seconds": 360, "filter_policy": {"state": ["paid"], "total": [{"numeric": [">", 0]}]}},
        },
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
    },
)

# Each function has a queue of its own: when one fails or is slow, the other goes on.
QueueWorker(
    "shipping",
    {
        "existing_queue": orders.existing_queue("shipping"),
        "function": {"code": pulumi.FileArchive("shipping"), "timeout_seconds": 30},
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
    },
)
QueueWorker(
    "invoices",
    {
        "existing_queue": orders.existing_queue("invoices"),
        "function": {"code": pulumi.FileArchive("invoices"), "timeout_seconds": 60},
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
    },
)

# aws sns publish --topic-arn ... --message '{"id": "4711", "address": "1 Main Street", "total": 25}' \
#   --message-attributes '{"state": {"DataType": "String", "StringValue": "paid"}, "total": {"DataType": "Number", "StringValue": "25"}}'
pulumi.export("topic_arn", orders.topic_arn)
pulumi.export("dead_letter_queue_arns", orders.dead_letter_queue_arns)
