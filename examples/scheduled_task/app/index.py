"""Writes the report of a day: once, although Scheduler may start it twice, and Lambda again after an error."""

import os
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig, idempotent

LOGGER = Logger()
RECORDS = DynamoDBPersistenceLayer(table_name=os.environ["IDEMPOTENCY_TABLE"])
CONFIG = IdempotencyConfig(event_key_jmespath="scheduled_time", raise_on_no_idempotency_key=True, expires_after_seconds=7 * 86_400)


def write_report(day: str) -> None:
    """What is to be done; whatever it raises is tried twice more, and then parked."""
    LOGGER.info("report written", extra={"day": day})


@idempotent(persistence_store=RECORDS, config=CONFIG)
def handler(event: dict[str, Any], _context: Any) -> str:
    """The entry point: ``scheduled_time`` is the time of the schedule, the same in every attempt."""
    day = event["scheduled_time"][:10]
    write_report(day)
    return day
