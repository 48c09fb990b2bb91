"""What the steps of an order do, and what undoes it: each action may come twice, and an undo may come for what never happened.

Stock (``sku#chair``) and what was done for an order (``reserve#4711``) are items of one table. A step writes its item and its effect in one
transaction, on the condition that the item is not there yet; its undo takes the item away in one transaction with the opposite effect.
"""

import os
from collections.abc import Callable
from typing import Any

import boto3


class OutOfStock(Exception):
    """There are fewer than the order wants: the workflow rejects the order."""


class Declined(Exception):
    """The payment was declined: the workflow undoes the reservation."""


Order = dict[str, Any]
_MOST_CENTS = 1_000_000


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Does one action for an order: ``{"action": "reserve", "order": {"id": ..., "sku": ..., "count": ..., "cents": ...}}``."""
    return _ACTIONS[event["action"]](boto3.client("dynamodb"), event["order"])


def reserve(dynamodb: Any, order: Order) -> dict[str, Any]:
    """Takes what was ordered from the stock."""
    take = {
        "UpdateExpression": "SET available = available - :count",
        "ConditionExpression": "available >= :count",
        "ExpressionAttributeValues": {":count": {"N": str(order["count"])}},
    }
    done, short = _once(dynamodb, f"reserve#{order['id']}", {"Update": {**_key(f"sku#{order['sku']}"), **take}})
    if short:
        raise OutOfStock(order["sku"])
    return {"reserved": order["count"], "again": not done}


def release(dynamodb: Any, order: Order) -> dict[str, Any]:
    """Puts it back."""
    give = {
        "UpdateExpression": "SET available = available + :count",
        "ExpressionAttributeValues": {":count": {"N": str(order["count"])}},
    }
    return {"released": _undone(dynamodb, f"reserve#{order['id']}", {"Update": {**_key(f"sku#{order['sku']}"), **give}})}


def charge(dynamodb: Any, order: Order) -> dict[str, Any]:
    """Charges the customer: call your payment provider here, with the order's id as the idempotency key."""
    if order["cents"] > _MOST_CENTS:
        raise Declined(f"{order['cents']} cents")
    done, _ = _once(dynamodb, f"charge#{order['id']}")
    return {"charged": order["cents"], "again": not done}


def refund(dynamodb: Any, order: Order) -> dict[str, Any]:
    """Gives the money back, if any was taken."""
    return {"refunded": _undone(dynamodb, f"charge#{order['id']}")}


def ship(dynamodb: Any, order: Order) -> dict[str, Any]:
    """Hands the order to the warehouse."""
    done, _ = _once(dynamodb, f"ship#{order['id']}")
    return {"shipment": f"shipment-{order['id']}", "again": not done}


def recall(dynamodb: Any, order: Order) -> dict[str, Any]:
    """Takes it back from the warehouse, if it is there."""
    return {"recalled": _undone(dynamodb, f"ship#{order['id']}")}


_ACTIONS: dict[str, Callable[[Any, Order], dict[str, Any]]] = {
    "reserve": reserve,
    "release": release,
    "charge": charge,
    "refund": refund,
    "ship": ship,
    "recall": recall,
}


def _key(key: str) -> dict[str, Any]:
    return {"TableName": os.environ["TABLE_NAME"], "Key": {"id": {"S": key}}}


def _once(dynamodb: Any, key: str, *effects: dict[str, Any]) -> tuple[bool, bool]:
    """Writes an item with its effects unless it is there: whether it did, and whether an effect was refused."""
    item = {"TableName": os.environ["TABLE_NAME"], "Item": {"id": {"S": key}}, "ConditionExpression": "attribute_not_exists(id)"}
    return _written(dynamodb, {"Put": item}, *effects)


def _undone(dynamodb: Any, key: str, *effects: dict[str, Any]) -> bool:
    """Takes an item away with the opposite effects, if it is there."""
    return _written(dynamodb, {"Delete": {**_key(key), "ConditionExpression": "attribute_exists(id)"}}, *effects)[0]


def _written(dynamodb: Any, item: dict[str, Any], *effects: dict[str, Any]) -> tuple[bool, bool]:
    try:
        dynamodb.transact_write_items(TransactItems=[item, *effects])
    except dynamodb.exceptions.TransactionCanceledException as error:
        first, *others = [reason["Code"] for reason in error.response["CancellationReasons"]]
        if {first, *others} - {"None", "ConditionalCheckFailed"}:
            raise
        return False, first == "None" and "ConditionalCheckFailed" in others
    return True, False
