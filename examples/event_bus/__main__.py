"""Event bus: a shop sends events; a function checks large orders, the ledger has all orders in its queue, refunds reach a topic."""

import pulumi
from cloudpatterns.messaging import EventBus, FanOut

# An SNS topic that somebody reads.
ALARM_TOPIC_ARN = pulumi.Config().require("alarm_topic_arn")

refunds = FanOut("refunds", {"subscribers": {"mail": {}, "bank": {}}, "alarm_topic_arns": [ALARM_TOPIC_ARN]})

shop = EventBus(
    "shop",
    {
        "rules": {
            "large": {
                "description": "Orders that somebody looks at",
                "event_pattern": {"source": ["shop.orders"], "detail": {"total": [{"numeric": [">", 1000]}]}},
                "targets": {"check": {"function": {"code": pulumi.FileArchive("app")}, "maximum_event_age_seconds": 3600}},
            },
            "orders": {
                "event_pattern": {"source": ["shop.orders"]},
                "targets": {
                    "ledger": {
                        "queue": {},
                        "input": {"paths": {"id": "$.detail.id", "total": "$.detail.total"}, "template": '{"id": <id>, "total": <total>}'},
                    },
                },
            },
            "refunds": {
                "event_pattern": {"source": ["shop.orders"], "detail-type": ["Refunded"]},
                "targets": {"refunds": {"topic": {"arn": refunds.topic_arn, "kms_key_arn": refunds.kms_key_arn}}},
            },
        },
        "archive_retention_days": 90,
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
    },
)

# aws events put-events --entries '[{"EventBusName": "...", "Source": "shop.orders", "DetailType": "Placed",
#   "Detail": "{\"id\": \"4711\", \"total\": 1200}"}]'
pulumi.export("bus_name", shop.bus_name)
pulumi.export("ledger_queue_url", shop.queue_urls["orders/ledger"])
# To replay: aws events start-replay --event-source-arn ...
pulumi.export("archive_arn", shop.archive_arn)
