"""Checks a large order: once, however often its event arrives, also when it is replayed.

EventBridge invokes the function asynchronously: what it raises is tried again twice by Lambda, and then kept in the dead-letter queue.
https://docs.aws.amazon.com/powertools/python/latest/utilities/idempotency/
"""

import os
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig, idempotent_function

# As long as events are archived: a replay repeats no work.
REMEMBERED_SECONDS = 91 * 86_400

LOGGER = Logger()
RECORDS = DynamoDBPersistenceLayer(table_name=os.environ["IDEMPOTENCY_TABLE"])
# The order's id and not the event's: the shop may send the same fact in two events.
CONFIG = IdempotencyConfig(event_key_jmespath="id", raise_on_no_idempotency_key=True, expires_after_seconds=REMEMBERED_SECONDS)


def check(order: dict[str, Any]) -> None:
    """What is to be done with an order; whatever it raises is tried again, and kept at last."""
    if order["total"] > 1_000_000:
        raise ValueError(f"order {order['id']} needs a person")
    LOGGER.info("checked", extra={"order": order["id"]})


@idempotent_function(data_keyword_argument="order", persistence_store=RECORDS, config=CONFIG)
def check_once(order: dict[str, Any]) -> None:
    """Checks an order unless its id is known; while another invocation checks it, this one fails and is tried again."""
    check(order)


def handler(event: dict[str, Any], context: Any) -> None:
    """The entry point: one event of EventBridge."""
    CONFIG.register_lambda_context(context)
    check_once(order=event["detail"])
