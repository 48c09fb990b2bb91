"""Checks the layers that LAYERS names: answers a balancer, and each minute prints a metric line for the alarm.

Environment: LAYERS (JSON: name to kind, settings and timeout_seconds), CACHE_SECONDS, and of the metric DEEP_HEALTH_NAMESPACE and
DEEP_HEALTH_CHECK.
"""

import functools
import json
import os
from collections.abc import Callable, Mapping
from typing import Any

import boto3
from botocore.config import Config
from cloudpatterns_runtime.health import DeepHealth, Layer, dynamodb, http_get, lambda_handler, sqs, tcp


def check(layer: Mapping[str, Any], client: Callable[[str, str, float], Any]) -> Callable[[], object]:
    """The check of one layer."""
    limit = layer["timeout_seconds"]
    if layer["kind"] == "tcp":
        return tcp(layer["host"], layer["port"], timeout_seconds=limit)
    if layer["kind"] == "http":
        return http_get(layer["url"], contains=layer["contains"], timeout_seconds=limit)
    if layer["kind"] == "table":
        return dynamodb(client("dynamodb", layer["region"], limit), layer["name"], layer["key"])
    return sqs(client("sqs", layer["region"], limit), layer["url"], most_messages=layer["most_messages"])


def health(environment: Mapping[str, str], client: Callable[[str, str, float], Any]) -> DeepHealth:
    """The layers of the environment."""
    layers: dict[str, dict[str, Any]] = json.loads(environment["LAYERS"])
    checks = {name: Layer(check(layer, client), layer["timeout_seconds"]) for name, layer in layers.items()}
    return DeepHealth(checks, cache_seconds=float(environment["CACHE_SECONDS"]))


def client(service: str, region: str, seconds: float) -> Any:
    """A client of the layer's Region that tries once, within the layer's limit."""
    config = Config(connect_timeout=seconds, read_timeout=seconds, retries={"total_max_attempts": 1})
    return boto3.client(service, region_name=region, config=config)


@functools.cache
def current() -> DeepHealth:
    """The layers of this function, kept between invocations."""
    return health(os.environ, client)


def handler(event: Mapping[str, Any], context: object) -> Any:
    """The entry point: of the schedule, which is answered by a line in the log, and of a balancer."""
    if event.get("source") == "aws.events":
        dimensions = {"Check": os.environ["DEEP_HEALTH_CHECK"]}
        print(current().check().metric(os.environ["DEEP_HEALTH_NAMESPACE"], dimensions))
        return None
    return lambda_handler(current())(event, context)
