"""The sample function of ``examples/workflow``: once for each order, however often it is called, and in the workflow itself."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from tests.emulators.handlers import load_handler
from tests.emulators.locked_moto import client
from tests.emulators.step_functions import Interpreter, interpreter
from tests.emulators.tables import table_by_id
from tests.program import ROOT, folder_graph

ORDER = {"id": "4711", "sku": "chair", "count": 2, "cents": 19_800}


@pytest.fixture
def account() -> Iterator[Interpreter]:
    with interpreter({}) as found:
        client("events").create_event_bus(Name="shop")
        table_by_id(client("dynamodb"), "shop")
        client("dynamodb").put_item(TableName="shop", Item={"id": {"S": "sku#chair"}, "available": {"N": "5"}})
        yield found


@pytest.fixture
def handler(account: Interpreter, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any, Any], Any]:
    monkeypatch.setenv("TABLE_NAME", "shop")
    return load_handler(ROOT / "examples" / "workflow" / "app" / "index.py").handler


def items() -> dict[str, Any]:
    found = client("dynamodb").scan(TableName="shop")["Items"]
    return {item["id"]["S"]: item.get("available", {}).get("N") for item in found}


@pytest.mark.parametrize(("action", "undo"), [("reserve", "release"), ("charge", "refund"), ("ship", "recall")])
def test_each_action_and_its_undo_count_once(handler: Callable[[Any, Any], Any], action: str, undo: str) -> None:
    before = items()
    assert [handler({"action": action, "order": ORDER}, None)["again"] for _ in range(3)] == [False, True, True]
    after = items()
    assert after["sku#chair"] == ("3" if action == "reserve" else "5")
    assert [next(iter(handler({"action": undo, "order": ORDER}, None).values())) for _ in range(3)] == [True, False, False]
    assert items() == before


def run(account: Interpreter, handler: Callable[[Any, Any], Any], order: Any, failing: str = "") -> Any:
    """The example's own definition, with its handler."""

    def invoked(payload: Any) -> Any:
        if payload["action"] == failing:
            raise ConnectionError(failing)
        return handler(payload, None)

    graph = folder_graph(ROOT / "examples" / "workflow", "dev", deployed=True)
    definition = json.loads(graph.one("aws:sfn/stateMachine:StateMachine").inputs["definition"])
    account.functions[graph.named("orders-actions").outputs["name"]] = invoked
    return account.run(definition, order)


def test_an_order_goes_through(account: Interpreter, handler: Callable[[Any, Any], Any]) -> None:
    execution = run(account, handler, ORDER)
    assert execution.status == "SUCCEEDED"
    assert execution.states == ["Begin", "Reserve", "Charge", "Ship", "Notify", "Done"]
    assert items() == {"sku#chair": "3", "reserve#4711": None, "charge#4711": None, "ship#4711": None}


@pytest.mark.parametrize("failing", ["reserve", "charge", "ship"])
def test_an_order_that_fails_leaves_nothing_behind(account: Interpreter, handler: Callable[[Any, Any], Any], failing: str) -> None:
    assert run(account, handler, ORDER, failing).error == "WorkflowFailed"
    assert items() == {"sku#chair": "5"}


def test_a_payment_that_is_declined_gives_the_stock_back(account: Interpreter, handler: Callable[[Any, Any], Any]) -> None:
    execution = run(account, handler, {**ORDER, "cents": 2_000_000})
    assert json.loads(execution.cause)["Error"] == "Declined"
    assert items() == {"sku#chair": "5"}


def test_an_order_above_the_stock_is_rejected_and_does_not_fail(account: Interpreter, handler: Callable[[Any, Any], Any]) -> None:
    execution = run(account, handler, {**ORDER, "count": 6})
    assert (execution.status, execution.states[-3:]) == ("SUCCEEDED", ["Reject", "Rejected", "Done"])
    assert items() == {"sku#chair": "5"}


def test_a_write_that_met_another_one_is_an_error_to_be_tried_again(
    account: Interpreter, handler: Callable[[Any, Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_call = BaseClient._make_api_call

    def conflict(self: Any, operation: str, request: Any) -> Any:
        if operation != "TransactWriteItems":
            return make_call(self, operation, request)
        reasons = [{"Code": "TransactionConflict"}, {"Code": "None"}]
        response: Any = {"Error": {"Code": "TransactionCanceledException", "Message": ""}, "CancellationReasons": reasons}
        raise self.exceptions.TransactionCanceledException(response, operation)

    monkeypatch.setattr(BaseClient, "_make_api_call", conflict)
    with pytest.raises(ClientError, match="TransactionCanceledException"):
        handler({"action": "reserve", "order": ORDER}, None)
