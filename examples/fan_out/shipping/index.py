"""Ships the orders of a batch, which the topic delivers raw: each once, however often its message arrives.

Powertools for AWS Lambda names the messages that failed, so that SQS shows those alone again, and remembers what is done.
https://docs.aws.amazon.com/powertools/python/latest/utilities/batch/
"""

import os
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig, idempotent_function

# A message may come back from the dead-letter queue for 14 days.
REMEMBERED_SECONDS = 15 * 86_400

LOGGER = Logger()
# A batch in which every message failed is no failure of the function: its alarm would ring for poison messages too.
PROCESSOR = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
RECORDS = DynamoDBPersistenceLayer(table_name=os.environ["IDEMPOTENCY_TABLE"])
CONFIG = IdempotencyConfig(event_key_jmespath="id", raise_on_no_idempotency_key=True, expires_after_seconds=REMEMBERED_SECONDS)


def ship(order: dict[str, Any]) -> None:
    """What is to be done with an order; whatever it raises sends the message back to the queue."""
    if not order.get("address"):
        raise ValueError(f"order {order['id']} has no address")
    LOGGER.info("shipped", extra={"order": order["id"]})


@idempotent_function(data_keyword_argument="order", persistence_store=RECORDS, config=CONFIG)
def ship_once(order: dict[str, Any]) -> None:
    """Ships an order unless its id is known; while another invocation ships it, this one fails and tries again later."""
    ship(order)


def process(record: SQSRecord) -> None:
    """Processes one message."""
    ship_once(order=record.json_body)


def handler(event: dict[str, Any], context: Any) -> Any:
    """The entry point: names the messages that failed."""
    CONFIG.register_lambda_context(context)
    return process_partial_response(event=event, record_handler=process, processor=PROCESSOR, context=context)
