"""Charges the orders of a queue through the circuit of the payment service. The runtime has boto3, a layer the library."""

import json
import os
import random
from typing import Any
from urllib.request import Request, urlopen

import boto3
from cloudpatterns_runtime.breaker import CircuitBreaker, CircuitOpen, client_config

SECONDS = 5


def is_failure(error: Exception) -> bool:
    """No connection, no answer in time, and answers from 500 on; a declined card (402) is an answer."""
    return isinstance(error, OSError) and getattr(error, "code", 500) >= 500


SQS = boto3.client("sqs")
PAYMENTS = CircuitBreaker.from_environment(boto3.client("dynamodb", config=client_config()), "payments", count_on=is_failure)


@PAYMENTS
def charge(order: dict[str, Any]) -> None:
    """Charges an order once, however often it is called."""
    body = json.dumps({"amount": order["amount"]}).encode()
    headers = {"Content-Type": "application/json", "Idempotency-Key": str(order["id"])}
    with urlopen(Request(os.environ["PAYMENT_URL"], body, headers), timeout=SECONDS):
        pass


def wait(record: dict[str, Any], seconds: float) -> None:
    """Hides a message until the circuit may be closed, and up to ten seconds more, so that not all come back at once."""
    seconds = min(43_200, max(1, int(seconds + random.uniform(1, 11))))
    SQS.change_message_visibility(QueueUrl=os.environ["QUEUE_URL"], ReceiptHandle=record["receiptHandle"], VisibilityTimeout=seconds)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """The entry point: names the messages that failed or wait."""
    failures = []
    for record in event["Records"]:
        try:
            charge(json.loads(record["body"]))
        except CircuitOpen as error:
            failures.append(record)
            wait(record, error.retry_after_seconds)
        except Exception as error:
            print(json.dumps({"level": "ERROR", "message": "not charged", "error": type(error).__name__, "id": record["messageId"]}))
            failures.append(record)
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in failures]}
