"""Drives a handler with what an event source sends it, as Lambda's pollers do: real event shapes, bounded tries, bisected batches.

https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html and .../with-kinesis.html
"""

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

ACCOUNT, REGION = "123456789012", "eu-west-1"

Handler = Callable[[dict[str, Any], Any], Any]


class Context:
    """What a handler gets of its invocation."""

    function_name = "function"
    function_version = "$LATEST"
    memory_limit_in_mb = 256
    invoked_function_arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:function"
    aws_request_id = "00000000-0000-4000-8000-000000000001"
    log_group_name, log_stream_name = "/function", "stream"

    def __init__(self, milliseconds: int = 30_000) -> None:
        self._milliseconds = milliseconds

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the end of the invocation."""
        return self._milliseconds


def queue_event(messages: Sequence[Mapping[str, Any]], queue_arn: str) -> dict[str, Any]:
    """The event of an SQS event source for messages that ``receive_message`` returned, with all their attributes."""
    return {
        "Records": [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": dict(message.get("Attributes", {})),
                "messageAttributes": {
                    name: {
                        **{key[0].lower() + key[1:]: value for key, value in attribute.items()},
                        "stringListValues": [],
                        "binaryListValues": [],
                    }
                    for name, attribute in message.get("MessageAttributes", {}).items()
                },
                "md5OfBody": message["MD5OfBody"],
                "eventSource": "aws:sqs",
                "eventSourceARN": queue_arn,
                "awsRegion": REGION,
            }
            for message in messages
        ]
    }


def failures(result: Any, identifiers: Sequence[str]) -> set[str]:
    """The identifiers that a handler's answer names as failed: all of a batch when one is unknown or empty, as Lambda reads it."""
    named = [one.get("itemIdentifier") for one in (result or {}).get("batchItemFailures") or []]
    return set(identifiers) if any(one not in identifiers for one in named) else set(named)


def drive_queue(sqs: Any, queue_url: str, handler: Handler, *, batch_size: int = 10, rounds: int = 100, context: Any = None) -> int:
    """Receives, invokes, deletes what did not fail and shows the rest again at once, until the queue is empty; how often it invoked."""
    arn = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    for invoked in range(rounds):
        received = sqs.receive_message(
            QueueUrl=queue_url, MaxNumberOfMessages=batch_size, AttributeNames=["All"], MessageAttributeNames=["All"]
        ).get("Messages", [])
        if not received:
            return invoked
        identifiers = [message["MessageId"] for message in received]
        try:
            failed = failures(handler(queue_event(received, arn), context or Context()), identifiers)
        except Exception:
            failed = set(identifiers)
        for message in received:
            if message["MessageId"] in failed:
                sqs.change_message_visibility(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
            else:
                sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
    raise AssertionError(f"the queue is not empty after {rounds} invocations")


class Parked(NamedTuple):
    """Records of a stream that were given up, whole, as they go to the on-failure destination."""

    reason: str
    records: list[dict[str, Any]]


def kinesis_event(records: Sequence[tuple[str, bytes]], stream_arn: str, first: int = 1) -> dict[str, Any]:
    """The event of a Kinesis event source for (partition key, data) of one shard."""
    return {
        "Records": [
            {
                "kinesis": {
                    "kinesisSchemaVersion": "1.0",
                    "partitionKey": key,
                    "sequenceNumber": f"{number:056d}",
                    "data": base64.b64encode(data).decode(),
                    "approximateArrivalTimestamp": 1_700_000_000.0 + number,
                },
                "eventSource": "aws:kinesis",
                "eventVersion": "1.0",
                "eventID": f"shardId-000000000000:{number:056d}",
                "eventName": "aws:kinesis:record",
                "invokeIdentityArn": f"arn:aws:iam::{ACCOUNT}:role/consumer",
                "awsRegion": REGION,
                "eventSourceARN": stream_arn,
            }
            for number, (key, data) in enumerate(records, start=first)
        ]
    }


def drive_stream(
    records: Sequence[dict[str, Any]],
    handler: Handler,
    *,
    batch_size: int = 100,
    retries: int = 3,
    bisect: bool = True,
    identifier: Callable[[dict[str, Any]], str] = lambda record: record["kinesis"]["sequenceNumber"],
    context: Any = None,
) -> list[Parked]:
    """Invokes a handler with the records of one shard in order, as Lambda does; what was given up.

    A failure named in ``batchItemFailures`` is a checkpoint: everything from the first one named on is sent again, at most ``retries``
    times. A batch that fails as a whole is halved first where ``bisect`` says so.
    """
    parked: list[Parked] = []

    def send(batch: list[dict[str, Any]], left: int) -> None:
        while batch:
            identifiers = [identifier(record) for record in batch]
            try:
                failed = failures(handler({"Records": batch}, context or Context()), identifiers)
                if not failed:
                    return
                start = min(identifiers.index(one) for one in failed)
                # Before the first one named everything succeeded.
                batch = batch[start:]
            except Exception:
                start = 0
            if bisect and len(batch) > 1:
                # Halving does not count as a retry: https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html
                middle = len(batch) // 2
                send(batch[:middle], left)
                batch = batch[middle:]
                continue
            if left == 0:
                parked.append(Parked("RetryAttemptsExhausted", batch))
                return
            left -= 1

    for begin in range(0, len(records), batch_size):
        send(list(records[begin : begin + batch_size]), retries)
    return parked


def fingerprint(text: str) -> str:
    """A short name for a text, for unique names on a shared server."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]
