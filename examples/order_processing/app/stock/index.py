"""The stock: what an order reserves is taken from it once, and given back once, however often the step and its compensation come.

Articles are items of the service's table, ``{"id": "sku#chair", "available": 5, "cents": 9900}``. Prices come from here, never from the
customer: the result says what the order costs.
"""

import os
from typing import Any

import boto3
from cloudpatterns_runtime.saga import EffectRefused, StepLog

DYNAMODB = boto3.client("dynamodb")
TABLE = os.environ["TABLE_NAME"]
RESERVATIONS = StepLog(DYNAMODB, table=TABLE, step="Reserve")


class OutOfStock(Exception):
    """There are fewer than the order wants: the order is rejected."""


class UnknownArticle(Exception):
    """There is no such article: the order is rejected."""


def handler(event: dict[str, Any], _context: Any) -> Any:
    """Reserves the lines of an order, or releases them."""
    return {"Reserve": reserve, "Release": release}[event["action"]](event["order_id"], counts(event["order"]))


def counts(order: dict[str, Any]) -> dict[str, int]:
    """How many of each article: a transaction writes each item once."""
    found: dict[str, int] = {}
    for line in order["lines"]:
        found[line["sku"]] = found.get(line["sku"], 0) + line["count"]
    return found


def reserve(order_id: str, wanted: dict[str, int]) -> dict[str, Any]:
    """Takes what is wanted from the stock, all or nothing, at the prices of now."""
    articles = {sku: article(sku) for sku in wanted}
    cents = sum(count * articles[sku]["cents"] for sku, count in wanted.items())
    effects = [changed(sku, -count, articles[sku]["cents"]) for sku, count in wanted.items()]
    try:
        return RESERVATIONS.do(order_id, {"counts": wanted, "cents": cents}, *effects)
    except EffectRefused:
        for sku, count in wanted.items():
            if article(sku)["available"] < count:
                raise OutOfStock(sku) from None
        # A price has changed since it was read, or somebody gave back: the next attempt sees it.
        raise


def release(order_id: str, _wanted: dict[str, int]) -> dict[str, bool]:
    """Puts back what was taken."""
    return {"released": RESERVATIONS.undo(order_id, lambda result: [changed(sku, count) for sku, count in result["counts"].items()])}


def article(sku: str) -> dict[str, int]:
    """What there is of an article, and its price."""
    item = DYNAMODB.get_item(TableName=TABLE, Key={"id": {"S": f"sku#{sku}"}}, ConsistentRead=True).get("Item")
    if item is None:
        raise UnknownArticle(sku)
    return {name: int(item[name]["N"]) for name in ("available", "cents")}


def changed(sku: str, count: int, cents: int | None = None) -> dict[str, Any]:
    """The change of what there is of an article; what is taken must be there, at the price that the order is charged."""
    update: dict[str, Any] = {
        "TableName": TABLE,
        "Key": {"id": {"S": f"sku#{sku}"}},
        "UpdateExpression": "SET available = available + :count",
        "ExpressionAttributeValues": {":count": {"N": str(count)}},
    }
    if cents is not None:
        update["ConditionExpression"] = "available >= :wanted AND cents = :cents"
        update["ExpressionAttributeValues"] |= {":wanted": {"N": str(-count)}, ":cents": {"N": str(cents)}}
    return {"Update": update}
