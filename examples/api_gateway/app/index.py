"""Answers GET /orders/{id}: what the API expects of a function behind it, and what it may rely on.

Powertools for AWS Lambda matches the route and writes the response in the form that API Gateway takes.
https://docs.aws.amazon.com/powertools/python/latest/core/event_handler/api_gateway/
"""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from aws_lambda_powertools.event_handler.exceptions import NotFoundError

LOGGER = Logger()
APP = APIGatewayRestResolver()
# Stands for a table of yours: the customer by the claim `sub` of the token, and the customer's orders.
ORDERS: dict[str, dict[str, dict[str, str]]] = {"customer-1": {"4711": {"state": "shipped"}}}


@APP.get("/orders/<order_id>")
def order(order_id: str) -> dict[str, str]:
    """One order of the caller, whom API Gateway has authenticated; another's is not found."""
    caller = APP.current_event.request_context.authorizer["claims"]["sub"]
    found = ORDERS.get(caller, {}).get(order_id)
    if found is None:
        raise NotFoundError("no such order")
    LOGGER.info("shown", extra={"order": order_id})
    return {"id": order_id, **found}


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """The entry point."""
    return APP.resolve(event, context)
