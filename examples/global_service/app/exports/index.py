"""Exports: prepares the data of a player that was asked for, from the replica of this Region."""

import functools
import json
import os
from collections.abc import Mapping
from typing import Any

import boto3


@functools.cache
def client() -> Any:
    """The client of this Region."""
    return boto3.client("dynamodb")


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """The entry point: a batch of the queue, of which the failed messages are named."""
    failed: list[dict[str, str]] = []
    for record in event["Records"]:
        try:
            export(json.loads(record["body"])["player"])
        except Exception as error:
            print(json.dumps({"failed": record["messageId"], "error": f"{type(error).__name__}: {error}"}))
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


def export(player: str) -> None:
    """Notes in this Region's part that the export is ready: done again, it is the same."""
    item = client().get_item(TableName=os.environ["TABLE_NAME"], Key={"id": {"S": f"profile#{player}"}}).get("Item")
    if item is None:
        raise LookupError(f"there is no profile {player}")
    ready = {"id": {"S": f"export#{player}#{os.environ['AWS_REGION']}"}, "name": item["name"]}
    client().put_item(TableName=os.environ["TABLE_NAME"], Item=ready)
