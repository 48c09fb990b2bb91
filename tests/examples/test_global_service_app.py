"""The sample functions of ``examples/global_service`` in two Regions of a global table, and who may ask for the health of a cell."""

import importlib.util
import json
import random
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.emulators.global_tables import GlobalTableModel
from tests.program import ROOT

IRELAND, VIRGINIA = REGIONS = ("eu-west-1", "us-east-1")
URLS = {region: f"https://{region}.players.example.com" for region in REGIONS}
CHECKERS = ROOT / "components/cloudpatterns/systems/global_service/on_aws/checkers/index.py"


def load(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("index", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Cells:
    """The functions of both cells, each with the client and the environment of its Region."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.table = GlobalTableModel("players", REGIONS)
        self._patch = monkeypatch
        monkeypatch.setenv("TABLE_NAME", "players")
        monkeypatch.setenv("CELL_URLS_BY_REGION", json.dumps(URLS))
        self._modules = {name: load(ROOT / f"examples/global_service/app/{name}/index.py") for name in ("profiles", "exports")}

    def call(self, region: str, name: str, event: Any) -> Any:
        self._patch.setenv("AWS_REGION", region)
        module = self._modules[name]
        self._patch.setattr(module, "client", lambda: self.table.client(region))
        return module.handler(event, None)

    def request(self, region: str, method: str, player: str = "ann", body: Any = None) -> Any:
        event = {"httpMethod": method, "pathParameters": {"id": player}, "body": body if isinstance(body, str) else json.dumps(body)}
        return self.call(region, "profiles", event)

    def deliver(self) -> None:
        self.table.deliver(random.Random(1))


@pytest.fixture
def cells(moto_account: None, monkeypatch: pytest.MonkeyPatch) -> Cells:
    return Cells(monkeypatch)


def test_a_profile_is_changed_in_its_home_and_read_everywhere(cells: Cells) -> None:
    answers = {region: cells.request(region, "PATCH", body={"name": "Ann"}) for region in REGIONS}
    (home,) = [region for region, answer in answers.items() if answer["statusCode"] == 204]
    (other,) = set(REGIONS) - {home}
    # The client repeats the request there, with method and body.
    assert (answers[other]["statusCode"], answers[other]["headers"]["Location"]) == (307, f"{URLS[home]}/profiles/ann")
    cells.deliver()
    for region in REGIONS:
        assert json.loads(cells.request(region, "GET")["body"]) == {"name": "Ann", "visits": 0}


def test_visits_of_all_regions_are_counted(cells: Cells) -> None:
    for region in REGIONS:
        cells.request(region, "PATCH", body={"name": "Ann"})
    for region in (IRELAND, VIRGINIA, VIRGINIA):
        assert cells.request(region, "POST")["statusCode"] == 204
    cells.deliver()
    assert [json.loads(cells.request(region, "GET")["body"])["visits"] for region in REGIONS] == [3, 3]


@pytest.mark.parametrize("body", ["", "no", [], {"name": ""}, {"name": 1}, {"name": "x" * 101}])
def test_a_name_that_is_none_is_refused(cells: Cells, body: Any) -> None:
    assert cells.request(IRELAND, "PATCH", body=body)["statusCode"] == 400


def test_there_is_no_such_profile(cells: Cells) -> None:
    assert cells.request(IRELAND, "GET")["statusCode"] == 404


def test_an_export_is_prepared_and_what_fails_is_named(cells: Cells) -> None:
    for region in REGIONS:
        cells.request(region, "PATCH", body={"name": "Ann"})
    cells.deliver()
    records = [{"messageId": str(number), "body": json.dumps({"player": player})} for number, player in enumerate(["ann", "bob"])]
    assert cells.call(IRELAND, "exports", {"Records": records}) == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert cells.table.items(IRELAND)["export#ann#eu-west-1"]["name"] == {"S": "Ann"}


@pytest.mark.parametrize(
    ("address", "more", "allowed"),
    [
        ("15.177.2.3", "", True),
        ("176.34.159.200", "", True),
        ("203.0.113.7", "", False),
        ("203.0.113.7", "198.51.100.0/24 203.0.113.0/24", True),
        ("2001:db8::1", "", False),
        ("2001:db8::1", "2001:db8::/32", True),
    ],
)
def test_the_checkers_of_route_53_and_named_networks_may_ask_for_the_health(
    monkeypatch: pytest.MonkeyPatch, address: str, more: str, allowed: bool
) -> None:
    monkeypatch.setenv("CLIENT_CIDRS", more)
    handler = load(CHECKERS).handler
    assert handler({"requestContext": {"http": {"sourceIp": address}}}, None) == {"isAuthorized": allowed}
    arn = "arn:aws:execute-api:eu-west-1:123456789012:a/live/GET/health/deep"
    policy = handler({"requestContext": {"identity": {"sourceIp": address}}, "methodArn": arn}, None)["policyDocument"]
    statement = {"Effect": "Allow" if allowed else "Deny", "Action": "execute-api:Invoke", "Resource": arn}
    assert policy["Statement"] == [statement]
