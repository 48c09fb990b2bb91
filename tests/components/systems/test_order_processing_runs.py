"""``examples/order_processing`` as it runs: its own definition and functions, with every kind of failure at every step."""

import functools
import json
import os
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from cloudpatterns_runtime.saga import StepLog
from offline_preview.graph import Graph

from tests.components.systems.order_simulation import ATTEMPTS, Bank, Faulty, Weather, World
from tests.emulators.handlers import load_handler
from tests.emulators.memory_dynamodb import MemoryDynamoDb
from tests.program import ROOT, folder_graph

EXAMPLE = ROOT / "examples" / "order_processing"
SERVICES = ("stock", "payment", "shipping")
STOCK = {"chair": (40, 9_900), "table": (12, 24_900), "lamp": (25, 1_900)}
"""What there is of each article, and its price."""
TOGETHER, BATCHES, ORDERS = 25, 20, 500
"""Orders at the same time, and batches of how many orders."""
RATES, SICK = (0.0, 0.05, 0.15, 0.3), (None, *SERVICES, "updateItem")
"""How often something fails, and what fails most of the time."""


@functools.cache
def graph() -> Graph:
    return folder_graph(EXAMPLE, "dev", deployed=True)


@functools.cache
def definition() -> str:
    return graph().one("aws:sfn/stateMachine:StateMachine").inputs["definition"]


class Shop:
    """A world with the services of the example, which orders pass."""

    def __init__(self, seed: int, patch: pytest.MonkeyPatch, emulator: Any = None) -> None:
        chance = random.Random(seed)
        kinds = tuple(chance.sample(ATTEMPTS, chance.randrange(1, 3)))
        self.weather = Weather(chance, chance.choice(RATES), chance.choice(SICK), kinds)
        memory, self.bank = MemoryDynamoDb(), Bank()
        self.world = World(json.loads(definition()), {}, memory, self.weather)
        bank = Faulty(self.bank, self.weather, self.world.meanwhile)
        dynamodb = Faulty(memory, self.weather, self.world.meanwhile) if emulator is None else emulator
        with pytest.MonkeyPatch.context() as while_loading:
            while_loading.setattr(boto3, "client", lambda *_, **__: dynamodb)
            modules = {service: load_service(service, patch) for service in SERVICES}
        modules["payment"].PROVIDER = bank
        modules["payment"].CIRCUIT = Through()
        self.world.functions = {
            graph().named(f"shop-saga-{service}").outputs["name"]: functools.partial(_handled, module)
            for service, module in modules.items()
        }
        names = {name: graph().named(f"shop-stores-{name}-table").outputs["name"] for name in ("orders", *SERVICES)}
        self.tables = {name: memory.tables[table] for name, table in names.items()}
        for sku, (available, cents) in STOCK.items():
            article = {"id": {"S": f"sku#{sku}"}, "available": {"N": str(available)}, "cents": {"N": str(cents)}}
            (memory if emulator is None else emulator).put_item(TableName=names["stock"], Item=article)

    def order(self, name: str) -> None:
        """A random order: of up to three lines, some of what there is not, some of somebody who cannot pay."""
        chance = self.weather.random
        lines = [{"sku": chance.choice([*STOCK]), "count": chance.randrange(1, 4)} for _ in range(chance.randrange(1, 4))]
        if chance.random() < 0.02:
            lines.append({"sku": "unicorn", "count": 1})
        method = "declined" if chance.random() < 0.1 else "card"
        order = {"lines": lines, "payment_method": method, "address": "1 Main Street"}
        self.world.start(name, {"order_id": name, "customer": f"customer of {name}", "fingerprint": "f", "order": order})

    def repair(self) -> int:
        """Goes on with what is parked, when nothing fails any more; how many that were."""
        parked, self.weather.rate, self.weather.sick = [*self.world.parked], 0.0, None
        self.world.parked.clear()
        for number, record in enumerate(parked):
            assert record["state"] == "Park"
            self.world.start(f"resumed-{number}", {"parked": record})
        self.world.run()
        assert not self.world.parked
        assert all(self.world.ends[f"resumed-{number}"] == ("Succeed", "") for number in range(len(parked)))
        return len(parked)

    def text(self, table: str, key: str, name: str) -> str | None:
        """A text of an item; None where there is none."""
        return self.tables[table].get(key, {}).get(name, {}).get("S")

    def check(self, orders: list[str]) -> Counter[str]:
        """What must hold when all is at rest; how many orders have each status."""
        statuses: Counter[str] = Counter()
        left = {sku: available for sku, (available, _) in STOCK.items()}
        moved: dict[str, list[int]] = {}
        for payment, cents in self.bank.movements:
            moved.setdefault(payment, []).append(cents)
        for order in orders:
            status = self.text("orders", order, "status")
            statuses[str(status)] += 1
            reserved = self.text("stock", f"Reserve#{order}", "state") == "done"
            shipment = self.text("shipping", f"shipment#{order}", "state")
            movements = moved.pop(order, [])
            if status == "CONFIRMED":
                result = json.loads(self.tables["stock"][f"Reserve#{order}"]["result"]["S"])
                assert reserved, f"{order} is confirmed without stock"
                assert movements == [result["cents"]], f"{order} is confirmed, and paid {movements} instead of {result['cents']}"
                assert shipment == "requested", f"{order} is confirmed, and its shipment is {shipment}"
                for sku, count in result["counts"].items():
                    left[sku] -= count
            else:
                assert status in ("REJECTED", "FAILED"), f"{order} is {status} when all is at rest"
                assert not reserved, f"{order} is {status} and has stock"
                assert sum(movements) == 0, f"{order} is {status} and paid {sum(movements)}"
                assert len(movements) in (0, 2), f"{order} is {status} with the movements {movements}"
                assert shipment in (None, "cancelled"), f"{order} is {status} and ships"
        assert not moved, "money moved without an order"
        available = {sku: int(self.tables["stock"][f"sku#{sku}"]["available"]["N"]) for sku in STOCK}
        assert available == left, f"the stock is {available}, and should be {left}"
        return statuses


class Through:
    """A circuit that is always closed; that of the library has its own tests."""

    def call(self, function: Any, *args: Any) -> Any:
        return function(*args)


def _handled(module: Any, payload: Any) -> Any:
    return module.handler(payload, None)


def load_service(service: str, patch: pytest.MonkeyPatch) -> Any:
    """The code of a service with the environment that its function has."""
    for name, value in graph().named(f"shop-saga-{service}").inputs["environment"]["variables"].items():
        patch.setitem(os.environ, name, value)
    return load_handler(EXAMPLE / "app" / service / "index.py")


@pytest.fixture
def patch() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as context:
        yield context


def simulate(
    seed: int, patch: pytest.MonkeyPatch, mistake: Callable[[Shop, pytest.MonkeyPatch], None] | None = None
) -> tuple[Counter[str], int, Counter[str]]:
    """Sends orders through a shop, repairs what is parked, and checks what must hold: statuses, parked orders, and failures by kind."""
    shop = Shop(seed, patch)
    if mistake is not None:
        mistake(shop, patch)
    orders = [f"order-{number}" for number in range(TOGETHER)]
    for order in orders:
        shop.order(order)
    shop.world.run()
    parked = shop.repair()
    return shop.check(orders), parked, shop.weather.counts


def _states(shop: Shop) -> dict[str, Any]:
    return shop.world.definition["States"]


def undo_nothing_uncertain(shop: Shop, _patch: pytest.MonkeyPatch) -> None:
    """A step that failed counts as one that did not happen."""
    for state in _states(shop).values():
        for catcher in state.get("Catch", []):
            catcher["Next"] = re.sub(".* uncertain", "Ship finished?", catcher["Next"])


def confirm_what_is_closed(shop: Shop, _patch: pytest.MonkeyPatch) -> None:
    """An attempt to confirm that comes late wins."""
    del _states(shop)["Confirm"]["Arguments"]["ConditionExpression"]


def open_what_is_closed(shop: Shop, _patch: pytest.MonkeyPatch) -> None:
    """An attempt to open that comes late wins."""
    update = _states(shop)["Open"]["Arguments"]
    update["UpdateExpression"] = update["UpdateExpression"].replace("if_not_exists(#status, :pending)", ":pending")


def forget_a_compensation(shop: Shop, _patch: pytest.MonkeyPatch) -> None:
    """Nobody releases the stock."""
    _states(shop)["Charge finished?"]["Default"] = "Open finished?"


def leave_no_trace_of_an_undo(_shop: Shop, patch: pytest.MonkeyPatch) -> None:
    """A compensation of what did not happen does nothing at all."""
    put = StepLog._put
    patch.setattr(StepLog, "_put", lambda log, item: True if item["state"]["S"] == "undone" else put(log, item))


def call_without_a_trace(_shop: Shop, patch: pytest.MonkeyPatch) -> None:
    """A call elsewhere is known only when it has succeeded."""

    def call(log: StepLog, saga_id: str, action: Any) -> Any:
        result = action()
        log._put(log._item(saga_id, "done", result))
        return result

    patch.setattr(StepLog, "call", call)


MISTAKES = (
    undo_nothing_uncertain,
    confirm_what_is_closed,
    open_what_is_closed,
    forget_a_compensation,
    leave_no_trace_of_an_undo,
    call_without_a_trace,
)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_simulation_sees_a_mistake(mistake: Callable[[Shop, pytest.MonkeyPatch], None], patch: pytest.MonkeyPatch) -> None:
    def batches() -> None:
        for seed in range(60):
            simulate(seed, patch, mistake)

    with pytest.raises(AssertionError, match="order-"):
        batches()


# 10,000 orders in all: about a second for each batch, side by side.
@pytest.mark.parametrize("batch", range(BATCHES))
def test_no_stock_is_lost_and_no_payment_is_taken_without_an_order(batch: int, patch: pytest.MonkeyPatch) -> None:
    statuses, parked, failures = Counter[str](), 0, Counter[str]()
    for number in range(ORDERS // TOGETHER):
        found, left, counts = simulate(1000 * batch + number, patch)
        statuses, parked, failures = statuses + found, parked + left, failures + counts
    assert statuses.total() == ORDERS
    assert set(statuses) == {"CONFIRMED", "REJECTED", "FAILED"}
    # Not a test of fair weather, nor of orders that all fail.
    assert statuses["CONFIRMED"] > ORDERS / 10
    assert parked > 0
    assert min(failures[kind] for kind in (*ATTEMPTS, "refused", "lost", "again")) > 20
