"""Does something for each paid order, once: here it writes down that it was done, and how often it was asked to."""

import contextlib
import json
import os
import random
from typing import Any

import boto3
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from cloudpatterns_runtime.retry import Retry, botocore_config

RETRY = Retry(attempts=4, base_seconds=0.05, cap_seconds=0.5, deadline_seconds=2, call_timeout_seconds=1)
CALLS = botocore_config(RETRY, client_retries=False)
DYNAMODB, SQS = boto3.client("dynamodb", config=CALLS), boto3.client("sqs", config=CALLS)
PROCESSOR = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


def work(order_id: str) -> None:
    """The effect, which is one write under a condition: a repeated message changes nothing, a lost answer neither."""
    name, table = os.environ["SUBSCRIBER"], os.environ["EFFECTS_TABLE"]
    broken = RETRY.call(DYNAMODB.get_item, TableName=table, Key={"id": {"S": f"{name} is broken"}}, ConsistentRead=True)
    if "Item" in broken:
        raise RuntimeError(f"{name} is broken")
    if random.random() < float(os.environ.get("CRASHES", "0")):
        os._exit(1)
    try:
        RETRY.call(
            DYNAMODB.put_item, TableName=table, Item={"id": {"S": f"{name} {order_id}"}}, ConditionExpression="attribute_not_exists(id)"
        )
    except DYNAMODB.exceptions.ConditionalCheckFailedException:
        print("repeated", name, order_id, flush=True)


def process(record: SQSRecord) -> None:
    """Processes one message; one that failed is shown again after a short wait."""
    try:
        work(json.loads(record.body)["detail"]["id"])
    except Exception:
        with contextlib.suppress(Exception):
            RETRY.call(
                SQS.change_message_visibility,
                QueueUrl=os.environ["QUEUE_URL"],
                ReceiptHandle=record.receipt_handle,
                VisibilityTimeout=1,
            )
        raise


def handler(event: dict[str, Any], context: Any) -> Any:
    """The entry point."""
    return process_partial_response(event=event, record_handler=process, processor=PROCESSOR, context=context)
