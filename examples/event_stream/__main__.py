"""Event stream: the sales of the tills, in order for each product; one function keeps the stock, another looks for fraud."""

import pulumi
from cloudpatterns.messaging import EventStream

# An SNS topic that somebody reads.
ALARM_TOPIC_ARN = pulumi.Config().require("alarm_topic_arn")

CODE = pulumi.FileArchive("app")

sales = EventStream(
    "sales",
    {
        "retention_hours": 72,
        "consumers": {
            "stock": {"function": {"code": CODE, "handler": "index.stock_handler"}, "parallelization_factor": 4},
            # Whom the others must not slow down.
            "fraud": {
                "function": {"code": CODE, "handler": "index.fraud_handler"},
                "enhanced_fan_out": True,
                "maximum_retry_attempts": 2,
                "maximum_record_age_seconds": 3600,
                "alarm_age_seconds": 60,
            },
        },
        "archive": {"prefix": "sales/"},
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
    },
)

# aws kinesis put-record --stream-name ... --partition-key tea --data "$(echo '{"id": "1", "product": "tea", "pieces": 2}' | base64)"
pulumi.export("stream_name", sales.stream_name)
# When the cause is fixed: python -m cloudpatterns_runtime.parked --bucket ...
pulumi.export("failed_record_bucket_name", sales.failed_record_bucket_name)
pulumi.export("archive_bucket_name", sales.archive_bucket_name)
