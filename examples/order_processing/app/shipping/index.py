"""Shipping: the warehouse gets one shipment for an order, and recalls it while it has not left.

Shipments are items of the service's table, ``{"id": "shipment#<order>", "state": "requested", ...}``; the warehouse sets ``dispatched``.
"""

import json
import os
from typing import Any

import boto3
from cloudpatterns_runtime.saga import StepLog

TABLE = os.environ["TABLE_NAME"]
SHIPMENTS = StepLog(boto3.client("dynamodb"), table=TABLE, step="Ship")


def handler(event: dict[str, Any], _context: Any) -> Any:
    """Ships an order, or recalls it."""
    return {"Ship": ship, "Recall": recall}[event["action"]](event["order_id"], event["order"])


def ship(order_id: str, order: dict[str, Any]) -> dict[str, Any]:
    """Hands the order to the warehouse."""
    shipment = {
        "id": {"S": f"shipment#{order_id}"},
        "state": {"S": "requested"},
        "address": {"S": order["address"]},
        "lines": {"S": json.dumps(order["lines"])},
    }
    return SHIPMENTS.do(order_id, {"shipment": f"shipment#{order_id}"}, {"Put": {"TableName": TABLE, "Item": shipment}})


def recall(order_id: str, _order: dict[str, Any]) -> dict[str, bool]:
    """Recalls it. One that has left fails: the order is parked, and somebody decides."""
    cancel = {
        "TableName": TABLE,
        "Key": {"id": {"S": f"shipment#{order_id}"}},
        "UpdateExpression": "SET #state = :cancelled",
        "ConditionExpression": "#state <> :dispatched",
        "ExpressionAttributeNames": {"#state": "state"},
        "ExpressionAttributeValues": {":cancelled": {"S": "cancelled"}, ":dispatched": {"S": "dispatched"}},
    }
    return {"recalled": SHIPMENTS.undo(order_id, lambda result: [{"Update": cancel}])}
