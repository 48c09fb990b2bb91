"""Ships the orders of one worker's queue; Lambda runs it for every worker, each with its share of the concurrency.

An order may come twice, in two queues: what is done with it must be known by its id. The example queue_worker shows a table for that.
"""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

LOGGER = Logger()
# A batch in which every message failed is no failure of the function: its alarm would ring for poison messages too.
PROCESSOR = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


def ship(order: dict[str, Any]) -> None:
    """What is to be done with an order; whatever it raises sends the message back to the worker's queue."""
    if not order.get("address"):
        raise ValueError(f"order {order['id']} has no address")
    LOGGER.info("shipped", extra={"order": order["id"], "customer": order["customer"]})


def process(record: SQSRecord) -> None:
    """Processes one message."""
    ship(record.json_body)


def handler(event: dict[str, Any], context: Any) -> Any:
    """The entry point: names the messages that failed."""
    return process_partial_response(event=event, record_handler=process, processor=PROCESSOR, context=context)
