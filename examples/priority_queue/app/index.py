"""Writes reports: each once, whichever queue asks for it, and however often.

A report that is asked for at night and by a customer has one id: the second message finds it written.
https://docs.aws.amazon.com/powertools/python/latest/utilities/idempotency/
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


def write(report: dict[str, Any]) -> None:
    """Writes a report; whatever it raises sends the message back to its queue."""
    if report["lines"] < 1:
        raise ValueError(f"report {report['id']} has no lines")
    LOGGER.info("written", extra={"report": report["id"]})


@idempotent_function(data_keyword_argument="report", persistence_store=RECORDS, config=CONFIG)
def write_once(report: dict[str, Any]) -> None:
    """Writes a report unless its id is known."""
    write(report)


def process(record: SQSRecord) -> None:
    """Processes one message."""
    # The last part of the queue's ARN is its name.
    LOGGER.info("received", extra={"queue": record.event_source_arn.rpartition(":")[2]})
    write_once(report=record.json_body)


def handler(event: dict[str, Any], context: Any) -> Any:
    """The entry point for both queues: names the messages that failed."""
    CONFIG.register_lambda_context(context)
    return process_partial_response(event=event, record_handler=process, processor=PROCESSOR, context=context)
