"""Announces each change of an order's status as an event: it reads the stream of the store of orders, in the order of the changes.

So there is an event for each status that is stored, and none for one that is not. An event may come twice, with the same ``event_id``.
"""

import json
import os
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

DETAIL_TYPES = {"PENDING": "OrderReceived", "CONFIRMED": "OrderConfirmed", "REJECTED": "OrderRejected", "FAILED": "OrderFailed"}
"""The kind of event by the order's status."""
_MOST_ENTRIES, _MOST_BYTES = 10, 200_000
"""https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html"""


class Announcer:
    """Sends events to a bus, with a client of EventBridge."""

    def __init__(self, events: Any, bus_arn: str, source: str) -> None:
        self._events, self._bus_arn, self._source = events, bus_arn, source

    def announce(self, records: list[Mapping[str, Any]]) -> list[str]:
        """Sends the events of records of the stream; the sequence number of the first that failed, where Lambda begins again."""
        entries = [(record["dynamodb"]["SequenceNumber"], entry) for record in records if (entry := self._entry(record))]
        for batch in _batches(entries):
            answer = self._events.put_events(Entries=[entry for _, entry in batch])
            for (number, _), result in zip(batch, answer["Entries"], strict=True):
                if "ErrorCode" in result:
                    _log("not announced", number, result["ErrorCode"])
                    return [number]
        return []

    def _entry(self, record: Mapping[str, Any]) -> dict[str, Any] | None:
        """The event of a record; None where the order's status is the same."""
        new, old = (_texts(record["dynamodb"].get(image)) for image in ("NewImage", "OldImage"))
        if not new or new["status"] == old.get("status"):
            return None
        if new["status"] not in DETAIL_TYPES:
            # Somebody has set it by hand: no event of the system, and no reason to hold back those of other orders.
            _log("an unknown status is not announced", record["dynamodb"]["SequenceNumber"], new["status"])
            return None
        detail = {
            "order_id": new["order_id"],
            "status": new["status"],
            "reason": new.get("reason", ""),
            "customer": new["customer"],
            "at": new["updated_at"],
            "event_id": record["eventID"],
            "order": json.loads(new["order"]),
        }
        return {
            "EventBusName": self._bus_arn,
            "Source": self._source,
            "DetailType": DETAIL_TYPES[new["status"]],
            "Resources": [],
            "Detail": json.dumps(detail, separators=(",", ":"), ensure_ascii=False),
        }


def _log(message: str, number: str, error: str) -> None:
    print(json.dumps({"level": "ERROR", "message": message, "record": number, "error": error}))


def _texts(image: Mapping[str, Any] | None) -> dict[str, str]:
    return {name: value["S"] for name, value in (image or {}).items() if "S" in value}


def _batches(entries: list[tuple[str, dict[str, Any]]]) -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """As many entries as one request takes."""
    batch: list[tuple[str, dict[str, Any]]] = []
    size = 0
    for entry in entries:
        own = len(json.dumps(entry[1]).encode())
        if batch and (len(batch) == _MOST_ENTRIES or size + own > _MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch, size = [*batch, entry], size + own
    if batch:
        yield batch


@cache
def _announcer() -> Announcer:
    import boto3

    return Announcer(boto3.client("events"), os.environ["EVENT_BUS_ARN"], os.environ["EVENT_SOURCE"])


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """The entry point."""
    return {"batchItemFailures": [{"itemIdentifier": number} for number in _announcer().announce(event["Records"])]}
