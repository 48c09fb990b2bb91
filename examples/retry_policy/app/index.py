"""Prices the orders of a queue with today's exchange rate, which it asks for again when the answer is late. A layer has the library."""

import json
import os
from typing import Any
from urllib.request import urlopen

from cloudpatterns_runtime.retry import Deadline, Retry


def is_failure(error: Exception) -> bool:
    """No connection, no answer in time, and answers from 500 on: another attempt may succeed."""
    return isinstance(error, OSError) and getattr(error, "code", 500) >= 500


RETRY = Retry.from_environment(retry_on=is_failure)


def exchange_rate(currency: str) -> float:
    """The euros for a unit of a currency: a question, which may be asked twice."""
    with urlopen(f"{os.environ['RATES_URL']}?currency={currency}", timeout=RETRY.call_timeout_seconds) as answer:
        return float(json.load(answer)["rate"])


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """The entry point, with one message: whatever is raised sends it back to the queue."""
    retry = RETRY.before(Deadline.of(context))
    for record in event["Records"]:
        order = json.loads(record["body"])
        euros = order["amount"] * retry.call(exchange_rate, order["currency"])
        print(json.dumps({"level": "INFO", "message": "priced", "order": order["id"], "euros": round(euros, 2)}))
    return {"batchItemFailures": []}
