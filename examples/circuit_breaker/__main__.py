"""Circuit breaker: a function charges orders; while the payment service is down, it is left alone, and the orders wait in their queue."""

import pulumi
from cloudpatterns.messaging import QueueWorker
from cloudpatterns.resilience import CircuitBreaker

config = pulumi.Config()
# An SNS topic that somebody reads.
ALARM_TOPIC_ARN = config.require("alarm_topic_arn")

breaker = CircuitBreaker(
    "calls",
    {
        # Five failures of all callers in a minute open the circuit for half a minute; then one call probes.
        "dependencies": {"payments": {"failures": 5, "window_seconds": 60, "open_seconds": 30}},
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
    },
)

orders = QueueWorker(
    "orders",
    {
        "function": {
            "code": pulumi.FileArchive("app"),
            "runtime_library": True,
            "environment": {**breaker.environment("payments"), "PAYMENT_URL": config.require("payment_url")},
            "statements": breaker.statements("payments"),
        },
        # The payment service takes the order's id as its idempotency key.
        "idempotency": False,
        # A message that waits for the circuit is received again each time: enough of them for an outage of hours.
        "max_receive_count": 100,
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
    },
)

# aws sqs send-message --queue-url ... --message-body '{"id": "4711", "amount": 1250}'
pulumi.export("queue_url", orders.queue_url)
# What is open: aws dynamodb scan --table-name ...
pulumi.export("table_name", breaker.table_name)
