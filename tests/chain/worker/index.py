"""Charges the order of each message through a circuit breaker, and announces it on the bus: each once in effect."""

import contextlib
import json
import os
import random
import urllib.error
import urllib.request
from typing import Any

import boto3
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig, idempotent_function
from cloudpatterns_runtime.breaker import CircuitBreaker, client_config
from cloudpatterns_runtime.retry import Retry, botocore_config

RETRY = Retry(attempts=4, base_seconds=0.05, cap_seconds=0.5, deadline_seconds=2, call_timeout_seconds=1)
CALLS = botocore_config(RETRY, client_retries=False)
EVENTS, SQS = boto3.client("events", config=CALLS), boto3.client("sqs", config=CALLS)
BREAKER = CircuitBreaker.from_environment(boto3.client("dynamodb", config=client_config()), "payments")
PROCESSOR = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
RECORDS = DynamoDBPersistenceLayer(table_name=os.environ["IDEMPOTENCY_TABLE"])
CONFIG = IdempotencyConfig(event_key_jmespath="id", raise_on_no_idempotency_key=True)


def charge(order: dict[str, Any]) -> None:
    """Charges an order; the payments service knows orders by their id, and charges each once."""
    request = urllib.request.Request(
        os.environ["PAYMENTS_URL"], json.dumps(order).encode(), {"Idempotency-Key": order["id"], "Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=1):
            return
    except urllib.error.HTTPError as error:
        if error.code < 500:
            raise ValueError(f"order {order['id']} cannot be charged") from error
        raise ConnectionError(f"payments answered {error.code}") from error
    except OSError as error:
        raise ConnectionError("payments does not answer") from error


def announce(order: dict[str, Any]) -> None:
    """Puts the event on the bus, which may take a request and refuse what is in it."""
    entry = {
        "EventBusName": os.environ["BUS_NAME"],
        "Source": "shop.orders",
        "DetailType": "OrderPaid",
        "Detail": json.dumps({"id": order["id"]}),
    }
    if RETRY.call(EVENTS.put_events, Entries=[entry])["FailedEntryCount"]:
        raise ConnectionError("the bus refused the event")


def crash(place: str) -> None:
    """Ends the process now and then, as a lost server does."""
    if random.random() < float(os.environ.get("CRASHES", "0")):
        print("crashed", place, flush=True)
        os._exit(1)


@idempotent_function(data_keyword_argument="order", persistence_store=RECORDS, config=CONFIG)
def pay_once(order: dict[str, Any]) -> None:
    """Charges and announces an order, unless its id is known."""
    BREAKER.call(charge, order)
    crash("after the charge")
    announce(order)
    crash("after the event")


def show_again(receipt_handle: str, seconds: int) -> None:
    """Shows a message again after some seconds; where that fails, after the queue's visibility timeout."""
    with contextlib.suppress(Exception):
        RETRY.call(
            SQS.change_message_visibility,
            QueueUrl=os.environ["QUEUE_URL"],
            ReceiptHandle=receipt_handle,
            VisibilityTimeout=seconds,
        )


def process(record: SQSRecord) -> None:
    """Processes one message; one that failed is shown again after a short wait with full jitter, not after the visibility timeout."""
    try:
        pay_once(order=record.json_body)
    except Exception:
        tried = int(record.attributes.approximate_receive_count)
        wait = int(random.uniform(0, min(4, 2**tried)))
        show_again(record.receipt_handle, wait)
        raise


def handler(event: dict[str, Any], context: Any) -> Any:
    """The entry point."""
    CONFIG.register_lambda_context(context)
    return process_partial_response(event=event, record_handler=process, processor=PROCESSOR, context=context)
