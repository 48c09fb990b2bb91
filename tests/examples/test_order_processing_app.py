"""The sample services of ``examples/order_processing``: the payment provider and its circuit, prices, shipments that have left."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from cloudpatterns_runtime.breaker import CircuitOpen
from cloudpatterns_runtime.saga import EffectRefused

from tests.components.systems.order_simulation import Bank, Declined
from tests.components.systems.test_order_processing_runs import graph, load_service
from tests.emulators.locked_moto import client
from tests.emulators.tables import table_by_id

ORDER = {"lines": [{"sku": "chair", "count": 2}, {"sku": "chair", "count": 1}], "payment_method": "card", "address": "1 Main Street"}


class Provider:
    """A payment provider over HTTP on loopback, which may be down."""

    def __init__(self) -> None:
        self.bank, self.down, self.keys, self.url = Bank(), False, list[str](), ""

    def answer(self, path: str, body: Any, key: str) -> tuple[int, Any]:
        self.keys.append(key)
        if self.down:
            return 503, {}
        match path.strip("/").split("/"):
            case ["payments"]:
                return 200, {"id": self.bank.create(key, body["amount"], body["method"])}
            case ["payments", payment, "confirm"]:
                try:
                    self.bank.confirm(payment)
                except Declined:
                    return 402, {}
                return 200, {}
            case ["payments", payment, "cancel"]:
                self.bank.cancel(payment)
                return 200, {}
        raise AssertionError(path)


@pytest.fixture
def provider() -> Iterator[Provider]:
    found = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, answer = found.answer(self.path, body, self.headers["Idempotency-Key"])
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    found.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()


def call(module: Any, action: str, order: Any = ORDER, order_id: str = "4711", cents: int = 300) -> Any:
    event = {"action": action, "order_id": order_id, "customer": "ada", "order": order, "steps": {"Reserve": {"cents": cents}}}
    return module.handler(event, None)


@pytest.fixture
def payment(moto_account: None, provider: Provider, monkeypatch: pytest.MonkeyPatch) -> Any:
    for child, key in (("shop-stores-payment-table", "id"), ("shop-circuits-table", "dependency")):
        table(child, key)
    module = load_service("payment", monkeypatch)
    monkeypatch.setenv("PAYMENT_URL", provider.url)
    return module


def table(child: str, key: str = "id") -> str:
    name = graph().named(child).outputs["name"]
    table_by_id(client("dynamodb"), name, key)
    return name


def test_an_order_is_one_payment_and_is_refunded_once(payment: Any, provider: Provider) -> None:
    assert [call(payment, "Charge") for _ in range(2)] == [{"payment": "4711", "cents": 300}] * 2
    assert [call(payment, "Refund") for _ in range(2)] == [{"refunded": True}, {"refunded": False}]
    assert provider.bank.movements == [("4711", 300), ("4711", -300)]
    assert provider.keys == ["4711", "4711-confirm", "4711-cancel"]


def test_a_declined_payment_is_an_answer_and_can_never_be_confirmed_after_its_compensation(payment: Any, provider: Provider) -> None:
    for number in range(10):
        with pytest.raises(Exception, match="confirm") as error:
            call(payment, "Charge", {**ORDER, "payment_method": "declined"}, str(number))
        assert type(error.value).__name__ == "Declined", "and the circuit stays closed"
    assert call(payment, "Refund", {**ORDER, "payment_method": "declined"}, "0") == {"refunded": True}
    assert provider.bank.payments["0"]["state"] == "cancelled"
    assert provider.bank.movements == []


def test_a_provider_that_is_down_opens_the_circuit_and_what_was_uncertain_is_cancelled_later(payment: Any, provider: Provider) -> None:
    provider.down = True
    for _ in range(5):
        with pytest.raises(OSError, match="503"):
            call(payment, "Charge")
    asked = len(provider.keys)
    for action in ("Charge", "Refund"):
        with pytest.raises(CircuitOpen):
            call(payment, action)
    assert len(provider.keys) == asked, "nobody called it"
    provider.down = False
    client("dynamodb").delete_item(TableName=graph().named("shop-circuits-table").outputs["name"], Key={"dependency": {"S": "payment"}})
    # Beyond what the process remembers of the circuit.
    object.__setattr__(payment.CIRCUIT, "clock", lambda: 4e9)
    assert call(payment, "Refund") == {"refunded": True}
    assert provider.bank.payments["4711"]["state"] == "cancelled"


def test_an_order_costs_what_the_stock_says_and_lines_of_one_article_are_one_change(
    moto_account: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = table("shop-stores-stock-table")
    dynamodb = client("dynamodb")
    dynamodb.put_item(TableName=name, Item={"id": {"S": "sku#chair"}, "available": {"N": "5"}, "cents": {"N": "100"}})
    stock = load_service("stock", monkeypatch)
    assert [call(stock, "Reserve") for _ in range(2)] == [{"counts": {"chair": 3}, "cents": 300}] * 2
    with pytest.raises(stock.OutOfStock, match="chair"):
        call(stock, "Reserve", order_id="4712")
    with pytest.raises(stock.UnknownArticle, match="lamp"):
        call(stock, "Reserve", {**ORDER, "lines": [{"sku": "lamp", "count": 1}]}, "4713")
    # The price is another one between its read and the reservation.
    monkeypatch.setattr(stock, "article", lambda sku: {"available": 2, "cents": 99})
    with pytest.raises(EffectRefused):
        call(stock, "Reserve", {**ORDER, "lines": [{"sku": "chair", "count": 1}]}, "4714")
    assert [call(stock, "Release") for _ in range(2)] == [{"released": True}, {"released": False}]
    assert dynamodb.get_item(TableName=name, Key={"id": {"S": "sku#chair"}})["Item"]["available"] == {"N": "5"}


def test_a_shipment_that_has_left_cannot_be_recalled(moto_account: None, monkeypatch: pytest.MonkeyPatch) -> None:
    name = table("shop-stores-shipping-table")
    dynamodb = client("dynamodb")
    shipping = load_service("shipping", monkeypatch)
    assert call(shipping, "Ship") == {"shipment": "shipment#4711"}
    key = {"id": {"S": "shipment#4711"}}
    shipment = dynamodb.get_item(TableName=name, Key=key)["Item"]
    assert (shipment["state"], json.loads(shipment["lines"]["S"])) == ({"S": "requested"}, ORDER["lines"])
    dynamodb.put_item(TableName=name, Item={**shipment, "state": {"S": "dispatched"}})
    with pytest.raises(EffectRefused):
        call(shipping, "Recall")
    dynamodb.put_item(TableName=name, Item=shipment)
    assert [call(shipping, "Recall") for _ in range(2)] == [{"recalled": True}, {"recalled": False}]
    assert dynamodb.get_item(TableName=name, Key=key)["Item"]["state"] == {"S": "cancelled"}
