"""The three stages of an order of prints: checked, developed, shipped. Each handler serves one stage.

A stage remembers the result of its step by the order's id, sends it on, and only then reports success. Whatever fails in between, the
message comes again, the step is not repeated, and its result is sent once more: the next stage knows the id already.
https://docs.aws.amazon.com/powertools/python/latest/utilities/idempotency/
"""

import json
import os
from collections.abc import Callable
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig, idempotent_function

# A message may come back from the dead-letter queue for 14 days.
REMEMBERED_SECONDS = 15 * 86_400
SIZES = ("9x13", "10x15", "13x18")

Order = dict[str, Any]

LOGGER = Logger()
SQS = boto3.client("sqs")
# The chain sets it, but at the last stage.
NEXT_QUEUE_URL = os.environ.get("NEXT_QUEUE_URL")
RECORDS = DynamoDBPersistenceLayer(table_name=os.environ["IDEMPOTENCY_TABLE"])
CONFIG = IdempotencyConfig(event_key_jmespath="id", raise_on_no_idempotency_key=True, expires_after_seconds=REMEMBERED_SECONDS)


def check(order: Order) -> Order:
    """The order with its price; whatever it raises sends the message back to this stage's queue."""
    if order["size"] not in SIZES:
        raise ValueError(f"order {order['id']} has the size {order['size']}; known are {', '.join(SIZES)}")
    return {**order, "cents": 25 * order["copies"]}


def develop(order: Order) -> Order:
    """The order with the place of its prints."""
    if not order["picture"]:
        raise ValueError(f"order {order['id']} has no picture")
    return {**order, "tray": f"tray-{order['id']}"}


def ship(order: Order) -> Order:
    """The order as it was shipped. A service that is called here gets the id as its own idempotency key."""
    LOGGER.info("shipped", extra={"order": order["id"], "tray": order["tray"]})
    return order


def process(event: dict[str, Any], context: Any, step: Callable[[Order], Order]) -> Any:
    """Takes the messages of a batch through one step and sends the results on; names the messages that failed."""

    @idempotent_function(data_keyword_argument="order", persistence_store=RECORDS, config=CONFIG)
    def once(order: Order) -> Order:
        return step(order)

    def record_handler(record: SQSRecord) -> None:
        result = once(order=record.json_body)
        if NEXT_QUEUE_URL:
            # Before success is reported: what was not sent on comes again.
            SQS.send_message(QueueUrl=NEXT_QUEUE_URL, MessageBody=json.dumps(result))

    CONFIG.register_lambda_context(context)
    # A batch in which every message failed is no failure of the function: its alarm would ring for poison messages too.
    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    return process_partial_response(event=event, record_handler=record_handler, processor=processor, context=context)


def check_handler(event: dict[str, Any], context: Any) -> Any:
    """The entry point of the stage ``check``."""
    return process(event, context, check)


def develop_handler(event: dict[str, Any], context: Any) -> Any:
    """The entry point of the stage ``develop``."""
    return process(event, context, develop)


def ship_handler(event: dict[str, Any], context: Any) -> Any:
    """The entry point of the stage ``ship``."""
    return process(event, context, ship)
