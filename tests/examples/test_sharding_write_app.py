"""The functions of examples/sharding_write: orders and the mover, on a real PostgreSQL."""

import importlib.util
import itertools
import json
import ssl
from collections.abc import Generator, Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pg8000.dbapi
import pytest
from cloudpatterns.database import rds_certificates
from cloudpatterns_runtime.shards import MapTable, Shard, SlotMap

from tests.emulators.locked_moto import client
from tests.program import ROOT
from tests.runtime.shard_servers import Shards, postgres_shards
from tests.runtime.shard_tables import map_table

NAMES = ["a", "b", "c"]
CONTEXT = SimpleNamespace(get_remaining_time_in_millis=lambda: 900_000)


@pytest.fixture(scope="module")
def server() -> Generator[Shards]:
    with postgres_shards() as shards:
        for name in NAMES:
            shards.run("", f"CREATE DATABASE {name}")
        yield shards


@pytest.fixture
def module(moto_account: None, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    dynamodb = client("dynamodb")
    maps = MapTable(dynamodb, map_table(dynamodb), "shop")
    maps.create(SlotMap(addresses={name: {"database": name} for name in NAMES}, shards=["a", "b"], slots=32))
    variables = {"TABLE": maps.table, "MAP": "shop", "ENGINE": "postgres"}
    for name, value in variables.items():
        monkeypatch.setenv(f"CLOUDPATTERNS_SHARDS_{name}", value)
    monkeypatch.setenv("DATABASE_USER", "app")
    monkeypatch.setenv("SHARDS_WITH_KEYS", "a,b")
    specification = importlib.util.spec_from_file_location("shop", ROOT / "examples/sharding_write/app/index.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture
def app(module: ModuleType, server: Shards, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.setattr(module, "connect", server.connect)
    monkeypatch.setattr(module.ROUTER, "_connect", server.connect)
    yield module
    for name in NAMES:
        server.run(name, "DROP TABLE IF EXISTS orders, customers, cloudpatterns_slots")


def batch(*orders: Any) -> dict[str, Any]:
    return {"Records": [{"messageId": str(number), "body": json.dumps(order)} for number, order in enumerate(orders)]}


def rows(server: Shards) -> dict[str, list[Any]]:
    return {name: server.run(name, "SELECT customer, id, articles FROM orders ORDER BY customer, id") for name in NAMES}


def test_orders_go_to_the_database_of_their_customer_and_move_with_it(app: ModuleType, server: Shards, monkeypatch: Any) -> None:
    assert app.mover_handler({}, CONTEXT) == {"left": 0}
    orders = [{"customer": str(number), "id": "1", "articles": ["book", number]} for number in range(60)]
    assert app.orders_handler(batch(*orders), None) == {"batchItemFailures": []}
    # The same messages again: nothing is there twice.
    assert app.orders_handler(batch(*orders), None) == {"batchItemFailures": []}
    before = rows(server)
    assert before["c"] == []
    assert min(len(before["a"]), len(before["b"])) > 10
    assert [list(row) for row in server.run("a", "SELECT DISTINCT orders FROM customers")] == [[1]]
    monkeypatch.setenv("SHARDS_WITH_KEYS", "a,b,c")
    assert app.mover_handler({}, CONTEXT) == {"left": 0}
    after = rows(server)
    assert len(after["c"]) > 10
    assert sorted(itertools.chain(*after.values())) == sorted(itertools.chain(*before.values()))
    # A function with the old map finds them.
    assert app.orders_handler(batch(*[{**order, "id": "2"} for order in orders]), None) == {"batchItemFailures": []}
    assert sum(map(len, rows(server).values())) == 120
    # Nothing is due.
    assert app.mover_handler({}, CONTEXT) == {"left": 0}


def test_an_order_that_cannot_be_written_comes_back_alone(app: ModuleType) -> None:
    app.mover_handler({}, CONTEXT)
    answer = app.orders_handler(batch({"customer": "1", "id": "1"}, {"customer": "2", "id": "1", "articles": []}), None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "0"}]}


def test_connections_verify_the_database_and_log_in_by_token(module: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    (tmp_path / "rds.pem").write_text(rds_certificates("eu-west-1"), encoding="ascii")
    monkeypatch.setattr(module, "__file__", str(tmp_path / "index.py"))
    seen: dict[str, Any] = {}

    def connect(user: str, host: str, database: str, port: int, password: str, **options: Any) -> None:
        seen.update(options, user=user, host=host, database=database, port=port, password=password)

    monkeypatch.setattr(pg8000.dbapi, "connect", connect)
    module.connect(Shard("a", {"host": "a.example", "port": "5432", "database": "shop"}))
    assert (seen["user"], seen["host"], seen["port"], seen["database"]) == ("app", "a.example", 5432, "shop")
    assert seen["password"].startswith("a.example:5432/?Action=connect&DBUser=app&")
    assert seen["ssl_context"].verify_mode == ssl.CERT_REQUIRED
    assert seen["ssl_context"].check_hostname
