"""The chain as a program of components: what a shop would write."""

from pathlib import Path

import pulumi
from cloudpatterns.core import FunctionOptions
from cloudpatterns.messaging import EventBus, FanOut, QueueWorker
from cloudpatterns.network import ApiGateway
from cloudpatterns.resilience import CircuitBreaker

FOLDER = Path(__file__).parent
SUBSCRIBERS = ("shipping", "mail")
EFFECTS = "effects"
TRIES = 4


def program(payments_url: str) -> None:
    """API, queue, worker behind a breaker, bus, fan-out, and a worker for each subscriber."""
    breaker = CircuitBreaker(
        "breaker",
        {"dependencies": {"payments": {"failures": 5, "window_seconds": 10, "open_seconds": 2, "probe_seconds": 5, "cache_seconds": 0.2}}},
    )
    paid = FanOut(
        "paid",
        {
            "subscribers": {name: {"max_receive_count": TRIES, "visibility_timeout_seconds": 18} for name in SUBSCRIBERS},
            "publishers": [{"service": "events.amazonaws.com", "source_arn": "*"}],
        },
    )
    pattern = {"source": ["shop.orders"], "detail-type": ["OrderPaid"]}
    bus = EventBus(
        "shop", {"rules": {"paid": {"event_pattern": pattern, "targets": {"paid": {"topic": {"arn": paid.topic_arn}}}}}, "log_level": "OFF"}
    )
    orders = QueueWorker(
        "orders",
        {
            "function": {
                **_function("worker"),
                "environment": {
                    **breaker.environment("payments"),
                    "PAYMENTS_URL": payments_url,
                    "BUS_NAME": bus.bus_name,
                },
                "statements": [*breaker.statements("payments"), *bus.put_statements()],
            },
            "max_receive_count": TRIES,
            "maximum_concurrency": 4,
        },
    )
    for name in SUBSCRIBERS:
        QueueWorker(
            name,
            {
                "function": {**_function("subscriber"), "environment": {"SUBSCRIBER": name, "EFFECTS_TABLE": EFFECTS}},
                "existing_queue": paid.existing_queue(name),
                "maximum_concurrency": 2,
                "idempotency": False,
            },
        )
    api = ApiGateway(
        "shop-api",
        {
            "kind": "rest",
            "account_logging_role": "existing",
            "routes": {"POST /orders": {"queue": {"queue_arn": orders.queue_arn, "kms_key_arn": orders.kms_key_arn}, "public": True}},
        },
    )
    pulumi.export("url", api.invoke_url)


def _function(folder: str) -> FunctionOptions:
    return {"code": pulumi.FileArchive(str(FOLDER / folder)), "timeout_seconds": 3, "runtime_library": True}
