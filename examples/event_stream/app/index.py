"""Reads the sales of the tills: one handler keeps the stock, the other looks for fraud.

Lambda delivers a shard's records in order, and after a failure that record and all behind it again. So each sale has an effect once, by
its id, and after a failed sale the later ones of its product wait with it: their order is kept until the failed one is given up.
https://docs.aws.amazon.com/powertools/python/latest/utilities/batch/
"""

import os
from collections.abc import Callable
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.kinesis_stream_event import KinesisStreamRecord
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig, idempotent_function

# A failed record may be processed again as long as the bucket keeps it.
REMEMBERED_SECONDS = 31 * 86_400
MOST_PIECES = 100

Sale = dict[str, Any]

LOGGER = Logger()
RECORDS = DynamoDBPersistenceLayer(table_name=os.environ["IDEMPOTENCY_TABLE"])
CONFIG = IdempotencyConfig(event_key_jmespath="id", raise_on_no_idempotency_key=True, expires_after_seconds=REMEMBERED_SECONDS)


class EarlierRecordError(Exception):
    """An earlier record of the same key has failed."""


def keep_stock(sale: Sale) -> None:
    """Takes the sold pieces off the stock; whatever it raises sends the sale back."""
    if sale["pieces"] < 1:
        raise ValueError(f"sale {sale['id']} has no pieces")
    LOGGER.info("sold", extra={"product": sale["product"], "pieces": sale["pieces"]})


def look_for_fraud(sale: Sale) -> None:
    """Reports sales that are unlikely."""
    if sale["pieces"] > MOST_PIECES:
        LOGGER.warning("unlikely", extra={"sale": sale["id"], "pieces": sale["pieces"]})


def process(event: dict[str, Any], context: Any, step: Callable[[Sale], None]) -> Any:
    """Takes the records of a batch through a step, each once, in order for each key; names those that failed."""
    failed_keys: set[str] = set()

    @idempotent_function(data_keyword_argument="sale", persistence_store=RECORDS, config=CONFIG)
    def once(sale: Sale) -> None:
        step(sale)

    def record_handler(record: KinesisStreamRecord) -> None:
        key = record.kinesis.partition_key
        if key in failed_keys:
            raise EarlierRecordError(f"waits for an earlier record of {key}")
        try:
            once(sale=record.kinesis.data_as_json())
        except Exception:
            failed_keys.add(key)
            raise

    CONFIG.register_lambda_context(context)
    # A batch in which every record failed is no failure of the function: its alarm would ring for poison records too.
    processor = BatchProcessor(event_type=EventType.KinesisDataStreams, raise_on_entire_batch_failure=False)
    return process_partial_response(event=event, record_handler=record_handler, processor=processor, context=context)


def stock_handler(event: dict[str, Any], context: Any) -> Any:
    """The entry point of the consumer ``stock``."""
    return process(event, context, keep_stock)


def fraud_handler(event: dict[str, Any], context: Any) -> Any:
    """The entry point of the consumer ``fraud``."""
    return process(event, context, look_for_fraud)
