"""The function of examples/state_sharing: baskets by cookie, on moto."""

import importlib.util
import json
from types import ModuleType
from typing import Any

import pytest

from tests.emulators.locked_moto import client
from tests.program import ROOT
from tests.runtime.session_stores import session_table


@pytest.fixture
def app(moto_account: None, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    dynamodb = client("dynamodb")
    monkeypatch.setenv("CLOUDPATTERNS_SESSIONS_STORE", "table")
    monkeypatch.setenv("CLOUDPATTERNS_SESSIONS_TABLE", session_table(dynamodb))
    monkeypatch.setattr("boto3.client", lambda service: dynamodb)
    specification = importlib.util.spec_from_file_location("basket", ROOT / "examples/state_sharing/app/main.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def call(app: ModuleType, method: str, path: str, cookie: str = "", body: Any = None) -> tuple[Any, str]:
    """The basket that is answered, and the cookie that the browser keeps."""
    headers = {"Cookie": cookie} if cookie else None
    answer = app.handler({"httpMethod": method, "path": path, "headers": headers, "body": json.dumps(body)}, None)
    return json.loads(answer.get("body", "null")), answer["headers"]["Set-Cookie"].split(";")[0]


def test_a_basket_follows_its_cookie(app: ModuleType) -> None:
    basket, cookie = call(app, "GET", "/basket")
    assert basket == []
    assert call(app, "POST", "/basket", cookie, {"article": "book"}) == (["book"], cookie)
    assert call(app, "POST", "/basket", cookie, {"article": "pen"}) == (["book", "pen"], cookie)
    assert call(app, "GET", "/basket", cookie) == (["book", "pen"], cookie)
    assert call(app, "GET", "/basket")[0] == []


def test_a_checkout_gives_another_id(app: ModuleType) -> None:
    _, cookie = call(app, "POST", "/basket", "", {"article": "book"})
    basket, other = call(app, "POST", "/checkout", cookie)
    assert (basket, other == cookie) == (["book"], False)
    assert call(app, "GET", "/basket", cookie)[0] == []
    assert call(app, "GET", "/basket", other) == (["book"], other)


def test_after_a_logout_there_is_no_basket(app: ModuleType) -> None:
    _, cookie = call(app, "POST", "/basket", "", {"article": "book"})
    assert call(app, "POST", "/logout", cookie) == (None, "__Host-session=")
    assert call(app, "GET", "/basket", cookie)[0] == []
    assert call(app, "GET", "/basket", "not a cookie; =")[0] == []


def test_two_tabs_lose_no_article(app: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    _, cookie = call(app, "POST", "/basket", "", {"article": "book"})
    current = app._current

    def another_tab(event: Any) -> Any:
        found = current(event)
        monkeypatch.setattr(app, "_current", current)
        call(app, "POST", "/basket", cookie, {"article": "pen"})
        return found

    monkeypatch.setattr(app, "_current", another_tab)
    assert call(app, "POST", "/basket", cookie, {"article": "ink"})[0] == ["book", "pen", "ink"]
