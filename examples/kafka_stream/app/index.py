"""Bills orders from a Kafka topic, each once.

Lambda delivers a record again after a failure, and now and then without one, so the function remembers the orders it has billed. A record
that fails is reported alone, by its partition and offset; the others of its batch are not delivered again.
"""

import functools
import json
import os
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType
from aws_lambda_powertools.utilities.data_classes.kafka_event import KafkaEventRecord
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig, idempotent_function

logger = Logger(service="billing")


@functools.cache
def billed_orders() -> DynamoDBPersistenceLayer:
    """The table of orders that are billed already."""
    return DynamoDBPersistenceLayer(table_name=os.environ["IDEMPOTENCY_TABLE"], boto3_client=boto3.client("dynamodb"))


def bill(order: dict[str, Any]) -> None:
    """Bills an order; here it only writes a line."""
    if order["amount"] <= 0:
        raise ValueError(f"order {order['id']} has no amount")
    logger.info("billed", extra={"order": order["id"]})


def handle(record: KafkaEventRecord, lambda_context: Any) -> None:
    """Bills the order in a record, unless it is billed already."""
    config = IdempotencyConfig(event_key_jmespath="id", expires_after_seconds=7 * 86_400, lambda_context=lambda_context)
    once = idempotent_function(bill, data_keyword_argument="order", persistence_store=billed_orders(), config=config)
    once(order=json.loads(record.decoded_value))


def handler(event: dict[str, Any], context: Any) -> Any:
    """Takes the records of some partitions, and returns those that failed."""
    records = [record for partition in event["records"].values() for record in partition]
    # When all fail, their positions are returned all the same: Lambda then splits nothing that it need not.
    processor = BatchProcessor(event_type=EventType.Kafka, raise_on_entire_batch_failure=False)
    with processor(records=records, handler=handle, lambda_context=context):
        processor.process()
    return processor.response()
