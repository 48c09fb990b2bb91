"""The sample function of ``examples/kafka_stream``, with Lambda's events of Kafka and a table in moto."""

import base64
import importlib.util
import json
from collections.abc import Sequence
from typing import Any

import boto3
import pytest

from tests.emulators.events import Context
from tests.emulators.tables import table_by_id
from tests.program import ROOT

CLUSTER_ARN = "arn:aws:kafka:eu-west-1:123456789012:cluster/orders/279c0212-d057-4dba-9aa9-1c4e5a25bfc7-3"


def kafka_event(*records: tuple[int, int, Any]) -> dict[str, Any]:
    """Lambda's event of records (partition, offset, value): https://docs.aws.amazon.com/lambda/latest/dg/with-msk.html."""
    by_partition: dict[str, list[dict[str, Any]]] = {}
    for partition, offset, value in records:
        encoded = base64.b64encode((value if isinstance(value, str) else json.dumps(value)).encode()).decode()
        record = {
            "topic": "orders",
            "partition": partition,
            "offset": offset,
            "timestamp": 1_796_000_000_000,
            "timestampType": "CREATE_TIME",
        }
        by_partition.setdefault(f"orders-{partition}", []).append({**record, "key": None, "value": encoded, "headers": []})
    return {"eventSource": "aws:kafka", "eventSourceArn": CLUSTER_ARN, "bootstrapServers": "b-1:9098", "records": by_partition}


class App:
    """The function's module, and the orders that it billed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        spec = importlib.util.spec_from_file_location("billing", ROOT / "examples/kafka_stream/app/index.py")
        assert spec is not None
        assert spec.loader is not None
        self.module: Any = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.module)
        self.billed: list[str] = []
        monkeypatch.setattr(self.module.logger, "info", lambda message, extra: self.billed.append(extra["order"]))

    def call(self, *records: tuple[int, int, Any]) -> Sequence[tuple[str, int]]:
        answer = self.module.handler(kafka_event(*records), Context())
        return [(one["itemIdentifier"]["partition"], one["itemIdentifier"]["offset"]) for one in answer["batchItemFailures"]]


@pytest.fixture
def app(moto_account: None, monkeypatch: pytest.MonkeyPatch) -> App:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("IDEMPOTENCY_TABLE", "billed")
    table_by_id(boto3.client("dynamodb", region_name="eu-west-1"), "billed")
    return App(monkeypatch)


def test_each_order_is_billed_once_however_often_it_comes(app: App) -> None:
    order = {"id": "o-1", "amount": 5}
    assert app.call((0, 1, order), (1, 7, {"id": "o-2", "amount": 7})) == []
    assert app.call((0, 1, order)) == []
    assert app.billed == ["o-1", "o-2"]


def test_a_record_that_fails_is_reported_by_its_position_and_the_others_are_not(app: App) -> None:
    failed = app.call(
        (0, 1, {"id": "o-1", "amount": 5}), (0, 2, "no JSON"), (1, 9, {"id": "o-3", "amount": 0}), (1, 10, {"id": "o-4", "amount": 1})
    )
    assert failed == [("orders-0", 2), ("orders-1", 9)]
    assert app.billed == ["o-1", "o-4"]


def test_when_all_fail_all_are_reported(app: App) -> None:
    assert app.call((0, 2, "no JSON"), (0, 3, {"id": "o-3", "amount": 0})) == [("orders-0", 2), ("orders-0", 3)]


def test_an_order_that_failed_is_billed_when_it_comes_again(app: App) -> None:
    assert app.call((0, 3, {"id": "o-3", "amount": 0})) == [("orders-0", 3)]
    assert app.call((0, 3, {"id": "o-3", "amount": 9})) == []
    assert app.billed == ["o-3"]
