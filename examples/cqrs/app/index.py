"""Projects orders into what the pages of their customers show."""

import functools
from collections.abc import Mapping
from typing import Any

import boto3
from cloudpatterns_runtime.projection import Projection


def project(order: dict[str, Any]) -> Mapping[str, Any] | None:
    """The row of an order; a draft has none."""
    if order["state"] == "draft":
        return None
    return {
        "customer": order["customer"],
        "placed_at": order["placed_at"],
        "state": order["state"],
        "total": sum(line["price"] * line["pieces"] for line in order["lines"]),
    }


@functools.cache
def projection() -> Projection:
    """The projection into this function's read table, kept between invocations."""
    return Projection.from_environment(boto3.client("dynamodb"), project)


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """The entry point: the answer names the changes that failed."""
    return projection().handle(event)
