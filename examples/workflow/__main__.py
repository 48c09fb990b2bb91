"""Workflow: an order is reserved, charged and shipped; when a step fails, what was done before is undone in reverse order."""

from typing import Any

import pulumi
import pulumi_aws as aws
from cloudpatterns.messaging import Workflow

config = pulumi.Config()
# An SNS topic that somebody reads, and the bus on which others hear of orders.
ALARM_TOPIC_ARN, EVENT_BUS_ARN = config.require("alarm_topic_arn"), config.require("event_bus_arn")

key = aws.kms.Key("shop", description="Stock and orders of the shop", enable_key_rotation=True)
table = aws.dynamodb.Table(
    "shop",
    billing_mode="PAY_PER_REQUEST",
    hash_key="id",
    attributes=[{"name": "id", "type": "S"}],
    point_in_time_recovery={"enabled": True},
    server_side_encryption={"enabled": True, "kms_key_arn": key.arn},
    deletion_protection_enabled=True,
)


def call(action: str, **more: Any) -> Any:
    """A call of the function for one action on the order."""
    return {"function": {"name": "actions"}, "input": {"action": action, "order": "{% $states.input.input %}"}, **more}


def event(name: str, detail_type: str) -> Any:
    """A step that tells others about the order."""
    bus = {"event_bus_arn": EVENT_BUS_ARN, "source": "shop.orders", "detail_type": detail_type}
    return {"name": name, "put_event": bus, "input": {"id": "{% $states.input.input.id %}"}}


orders = Workflow(
    "orders",
    {
        "functions": {
            "actions": {
                "code": pulumi.FileArchive("app"),
                "environment": {"TABLE_NAME": table.name},
                "statements": [
                    {
                        "actions": ["dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:UpdateItem"],
                        "resources": [table.arn],
                    },
                    {"actions": ["kms:Decrypt"], "resources": [key.arn]},
                ],
            },
        },
        "steps": [
            {
                "name": "Reserve",
                **call("reserve", compensation=call("release")),
                "catch": [{"errors": ["OutOfStock"], "sequence": "rejected"}],
            },
            {"name": "Charge", **call("charge", compensation=call("refund"))},
            {"name": "Ship", **call("ship", compensation=call("recall"))},
            event("Notify", "OrderShipped"),
        ],
        "sequences": {"rejected": [event("Reject", "OrderRejected"), {"name": "Rejected", "succeed": True}]},
        "timeout_seconds": 3600,
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
    },
)

# aws stepfunctions start-execution --state-machine-arn ... --input '{"id": "4711", "sku": "chair", "count": 2, "cents": 19800}'
pulumi.export("state_machine_arn", orders.state_machine_arn)
# Documents of orders that could not be undone, for somebody to look at.
pulumi.export("parking_queue_url", orders.parking_queue_url)
