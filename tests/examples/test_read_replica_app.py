"""The function of examples/read_replica: orders on the writer, lists from a replica, on PostgreSQL with a streaming replica."""

import importlib.util
import json
from collections.abc import Generator
from types import ModuleType
from typing import Any

import pytest

from tests.emulators.locked_moto import client
from tests.program import ROOT
from tests.runtime.replica_servers import Replicated, replicated_postgres
from tests.runtime.session_stores import session_table


@pytest.fixture(scope="module")
def servers() -> Generator[Replicated]:
    with replicated_postgres() as both:
        both.run(
            "primary",
            "DROP TABLE orders",
            "CREATE TABLE orders (customer text, article text)",
            "GRANT SELECT, INSERT ON orders TO app",
            "GRANT SELECT ON orders TO reader",
        )
        both.catch_up()
        yield both


@pytest.fixture
def app(moto_account: None, servers: Replicated, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    dynamodb = client("dynamodb")
    replicas = {"HOST": "proxy.rds.amazonaws.com", "PORT": "5432", "USER": "reader", "ENGINE": "postgres", "CONSISTENCY_SECONDS": "10"}
    variables = {
        "CLOUDPATTERNS_SESSIONS_STORE": "table",
        "CLOUDPATTERNS_SESSIONS_TABLE": session_table(dynamodb),
        **{f"CLOUDPATTERNS_REPLICAS_{name}": value for name, value in replicas.items()},
        "DATABASE_HOST": "orders.rds.amazonaws.com",
        "DATABASE_NAME": "shop",
        "DATABASE_USER": "app",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    specification = importlib.util.spec_from_file_location("orders", ROOT / "examples/read_replica/app/main.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)

    def connect(host: str, user: str, context: Any) -> Any:
        return servers.connect("standby" if host.startswith("proxy.") else "primary", user)

    monkeypatch.setattr(module, "_connect", connect)
    # The bundle is added where the function is deployed.
    monkeypatch.setattr(module.ssl, "create_default_context", lambda cafile=None: cafile)
    return module


def call(app: ModuleType, method: str, cookie: str = "", article: str = "") -> tuple[Any, str]:
    """The list that is answered, and the cookie that the browser keeps."""
    answer = app.handler(
        {
            "httpMethod": method,
            "path": "/orders",
            "headers": {"Cookie": cookie} if cookie else None,
            "requestContext": {"authorizer": {"claims": {"sub": "customer-17"}}},
            "body": json.dumps({"article": article}),
        },
        None,
    )
    return json.loads(answer["body"]), answer["headers"]["Set-Cookie"].split(";")[0]


def test_customers_see_their_orders_at_once_while_replicas_are_behind(app: ModuleType, servers: Replicated) -> None:
    servers.pause()
    try:
        articles, cookie = call(app, "POST", article="book")
        assert articles == ["book"]
        assert call(app, "GET", cookie)[0] == ["book"]
        # Another browser of theirs does not know of it yet.
        assert call(app, "GET")[0] == []
        assert call(app, "POST", cookie, "pen")[0] == ["book", "pen"]
    finally:
        servers.resume()
    servers.catch_up()
    servers.opened.clear()
    assert call(app, "GET")[0] == ["book", "pen"]
    assert servers.opened == ["standby"]
