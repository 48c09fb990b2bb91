"""Reads each price list that was released, once, although its event may come more than once."""

import csv
import io
import os
from decimal import Decimal
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig, idempotent

LOGGER = Logger()
RECORDS = DynamoDBPersistenceLayer(table_name=os.environ["IDEMPOTENCY_TABLE"])
CONFIG = IdempotencyConfig(
    event_key_jmespath='detail.object.["version-id"]', raise_on_no_idempotency_key=True, expires_after_seconds=7 * 86_400
)


def prices(text: str) -> dict[str, Decimal]:
    """Article to price; whatever is wrong with the file raises, and the event is kept."""
    return {row["article"]: Decimal(row["price"]) for row in csv.DictReader(io.StringIO(text))}


@idempotent(persistence_store=RECORDS, config=CONFIG)
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """The entry point: the event of S3 for an object of the bucket with released files."""
    found = event["detail"]
    place = {"Bucket": found["bucket"]["name"], "Key": found["object"]["key"], "VersionId": found["object"]["version-id"]}
    articles = prices(boto3.client("s3").get_object(**place)["Body"].read().decode("utf-8"))
    supplier, _, name = place["Key"].partition("/")
    LOGGER.info("price list read", extra={"supplier": supplier, "file": name, "articles": len(articles)})
    return {"supplier": supplier, "articles": len(articles)}
