"""Checks the layers of the warehouse each minute: the line that it prints is the metric that the alarm compares."""

import os
import shutil
from collections.abc import Mapping
from typing import Any

from cloudpatterns_runtime.health import DeepHealth, http_get, lambda_handler

LEAST_FREE_BYTES = 10 * 1024 * 1024


def room() -> None:
    """A check of one's choice raises when its layer does not work."""
    free = shutil.disk_usage("/tmp").free
    if free < LEAST_FREE_BYTES:
        raise RuntimeError(f"{free} bytes are free")


HEALTH = DeepHealth({"scales": http_get(os.environ["SCALES_URL"], contains="kg"), "room": room})
ANSWER = lambda_handler(HEALTH)


def handler(event: Mapping[str, Any], context: object) -> Any:
    """The entry point: of the schedule, and of a balancer or an API where there is one."""
    if event.get("source") == "aws.events":
        print(HEALTH.check().metric(os.environ["DEEP_HEALTH_NAMESPACE"], {"Check": os.environ["DEEP_HEALTH_CHECK"]}))
        return None
    return ANSWER(event, context)
