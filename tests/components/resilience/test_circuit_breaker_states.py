"""The states of a state machine around a call, in moto's interpreter, with the library at the same table."""

import contextlib
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from cloudpatterns.messaging.workflow.asl import findings
from cloudpatterns.resilience.circuit_breaker import states as states_module
from cloudpatterns.resilience.circuit_breaker.states import Guard, guarded_states
from cloudpatterns_runtime.breaker import CLOSED, HALF_OPEN, OPEN, CircuitBreaker, CircuitOpen

from tests.emulators import asl
from tests.emulators.locked_moto import client
from tests.emulators.step_functions import Execution, Interpreter, function_arn, interpreter
from tests.runtime.breaker_table import create_table

SETTINGS = {
    "failures": 3,
    "failure_rate": None,
    "minimum_calls": 10,
    "window_seconds": 30,
    "open_seconds": 30,
    "probe_seconds": 30,
    "cache_seconds": 0,
    "clock_skew_seconds": 1,
}
TASK = {
    "Type": "Task",
    "Resource": "arn:aws:states:::lambda:invoke",
    "Arguments": {"FunctionName": function_arn("charge"), "Payload": "{% $states.input %}"},
    "Output": "{% $states.result.Payload %}",
    "TimeoutSeconds": 10,
}


class Bank:
    """The dependency, and the table of its circuit."""

    def __init__(self, account: Interpreter, **settings: Any) -> None:
        self.account, self.dynamodb = account, client("dynamodb")
        self.table = create_table(self.dynamodb)
        self.settings: dict[str, Any] = {**SETTINGS, **settings}

    def run(self, language: str = "JSONata", task: Any = TASK, table: str | None = None) -> Execution:
        guard = Guard(table or self.table, "bank", self.settings, "Shop")
        states = guarded_states(guard, "Charge card", task, next_state="Paid", open_state="Later", failure_state="Unpaid")
        ends = {
            "Paid": {"Type": "Succeed"},
            "Later": {"Type": "Pass", "QueryLanguage": "JSONata", "Output": {"later": "{% $states.input %}"}, "End": True},
            "Unpaid": {
                "Type": "Pass",
                "QueryLanguage": "JSONata",
                "Output": {"error": "{% $breaker_charge_card.error.Error %}", "order": "{% $states.input %}"},
                "End": True,
            },
        }
        definition = {"QueryLanguage": language, "StartAt": "Charge card guarded", "States": {**states, **ends}}
        return self.account.run(definition, {"order": 1})

    def outcome(self, **given: Any) -> Any:
        execution = self.run(**given)
        assert execution.status == "SUCCEEDED", (execution.error, execution.cause)
        return execution.output

    @property
    def item(self) -> dict[str, Any]:
        item = self.dynamodb.get_item(TableName=self.table, Key={"dependency": {"S": "bank"}}).get("Item", {})
        return {name: next(iter(value.values())) for name, value in item.items()}

    @property
    def circuit(self) -> str:
        return self.item.get("circuit", CLOSED)

    def change(self, **fields: Any) -> None:
        item = self.dynamodb.get_item(TableName=self.table, Key={"dependency": {"S": "bank"}})["Item"]
        self.dynamodb.put_item(TableName=self.table, Item={**item, **fields})

    def over(self) -> None:
        """The time of the state is over."""
        self.change(ends_at={"N": str(time.time() - 2)})

    def library(self, **settings: Any) -> CircuitBreaker:
        return CircuitBreaker(self.dynamodb, table=self.table, dependency="bank", **{**self.settings, **settings})


class Declined(Exception):
    """An answer of the bank."""


def fails(payload: Any) -> Any:
    raise ConnectionResetError("the bank")


def pays(payload: Any) -> Any:
    return {"paid": payload["order"]}


PAID, UNPAID, LATER = {"paid": 1}, {"error": "ConnectionResetError", "order": {"order": 1}}, {"later": {"order": 1}}


@pytest.fixture
def bank() -> Iterator[Bank]:
    with interpreter({"charge": pays}) as account:
        yield Bank(account)


@pytest.fixture
def down(bank: Bank) -> Bank:
    bank.account.functions["charge"] = fails
    return bank


def opened(bank: Bank) -> Bank:
    bank.account.functions["charge"] = fails
    assert [bank.outcome() for _ in range(3)] == [UNPAID] * 3
    assert bank.circuit == OPEN
    return bank


@pytest.mark.parametrize("language", ["JSONata", "JSONPath"])
def test_a_closed_circuit_lets_calls_through_and_reads_alone(bank: Bank, language: str) -> None:
    execution = bank.run(language)
    assert execution.output == PAID
    assert execution.states == ["Charge card guarded", "Charge card circuit", "Charge card", "Charge card succeeded", "Paid"]
    assert bank.item == {}


def test_the_third_failure_opens_the_circuit_and_is_reported(down: Bank) -> None:
    assert down.outcome() == down.outcome() == UNPAID
    assert down.circuit == CLOSED
    execution = down.run()
    assert execution.output == UNPAID
    assert execution.states[3:] == [f"Charge card {name}" for name in ("failed", "count", "counted", "open", "report", "done")] + ["Unpaid"]
    assert down.circuit == OPEN
    calls = len(down.account.calls)
    execution = down.run()
    assert (execution.output, execution.states) == (LATER, ["Charge card guarded", "Charge card circuit", "Later"])
    assert len(down.account.calls) == calls
    metrics = client("cloudwatch").list_metrics(Namespace="Shop")["Metrics"]
    assert [(one["MetricName"], {entry["Name"]: entry["Value"] for entry in one["Dimensions"]}) for one in metrics] == [
        ("Opened", {"Table": down.table, "Dependency": "bank"})
    ]


def test_a_probe_that_succeeds_closes_the_circuit(bank: Bank) -> None:
    opened(bank).over()
    seen: list[str] = []
    bank.account.functions["charge"] = lambda payload: (seen.append(bank.circuit), pays(payload))[1]
    execution = bank.run()
    assert execution.output == PAID
    assert execution.states[2:] == [f"Charge card{name}" for name in (" probe", "", " succeeded", " close")] + ["Paid"]
    assert (seen, bank.circuit) == ([HALF_OPEN], CLOSED)
    assert bank.outcome() == PAID


def test_a_probe_that_fails_opens_the_circuit_again_and_is_reported(bank: Bank) -> None:
    opened(bank).over()
    execution = bank.run()
    assert execution.output == UNPAID
    assert execution.states[4:] == [f"Charge card {name}" for name in ("failed", "reopen", "report", "done")] + ["Unpaid"]
    assert bank.circuit == OPEN
    assert float(bank.item["ends_at"]) > time.time() + 25
    assert bank.outcome() == LATER


def test_while_one_execution_probes_functions_are_refused(bank: Bank) -> None:
    opened(bank).over()
    refused: list[str] = []

    def charge(payload: Any) -> Any:
        with pytest.raises(CircuitOpen) as caught:
            bank.library().call(bool)
        refused.append(caught.value.dependency)
        return pays(payload)

    bank.account.functions["charge"] = charge
    assert bank.outcome() == PAID
    assert refused == ["bank"]


def test_while_a_function_probes_executions_are_refused(bank: Bank) -> None:
    opened(bank).over()
    assert bank.library().call(bank.outcome) == LATER
    assert bank.circuit == CLOSED


def test_a_probe_that_another_execution_takes_first_is_refused(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(bank).over()
    calls = len(bank.account.calls)
    # Its generation changes between the read and the write.
    text = "$exists($states.result.Item.generation.S) ? $states.result.Item.generation.S"
    guard = Guard(bank.table, "bank", bank.settings, "Shop")
    states = guarded_states(guard, "Charge card", TASK, next_state="Paid", open_state="Later", failure_state="Paid")
    definition = json.dumps(
        {"StartAt": "Charge card guarded", "States": {**states, **{name: {"Type": "Succeed"} for name in ("Paid", "Later")}}}
    )
    assert text in definition
    execution = bank.account.run(definition.replace(text, text.replace("? $states.result.Item.generation.S", "? 'stale'")), {})
    assert execution.states == ["Charge card guarded", "Charge card circuit", "Charge card probe", "Later"]
    assert len(bank.account.calls) == calls
    assert bank.circuit == OPEN


def test_a_probe_whose_execution_ended_is_taken_over_when_its_time_is_over(bank: Bank) -> None:
    opened(bank)
    bank.change(circuit={"S": HALF_OPEN})
    bank.account.functions["charge"] = pays
    assert bank.outcome() == LATER
    bank.over()
    assert bank.outcome() == PAID
    assert bank.circuit == CLOSED


def test_a_time_that_begins_in_the_future_is_over(bank: Bank) -> None:
    opened(bank).change(ends_at={"N": str(time.time() + 86_400)})
    bank.account.functions["charge"] = pays
    assert bank.outcome() == PAID


def test_calls_go_through_when_the_table_cannot_be_reached(bank: Bank) -> None:
    execution = bank.run(table="gone")
    assert execution.output == PAID
    assert execution.states == ["Charge card guarded", "Charge card unguarded", "Charge card", "Charge card succeeded", "Paid"]
    bank.account.functions["charge"] = fails
    assert bank.outcome(table="gone") == UNPAID
    metrics = client("cloudwatch").list_metrics(Namespace="Shop")["Metrics"]
    assert {one["MetricName"] for one in metrics} == {"Unreachable"}


@pytest.mark.parametrize("broken", ["probe", "close", "reopen", "count", "open", "report"])
def test_a_write_that_fails_stops_nothing(bank: Bank, broken: str) -> None:
    if broken in ("probe", "close", "reopen"):
        opened(bank).over()
    bank.account.functions["charge"] = pays if broken in ("probe", "close") else fails
    guard = Guard(bank.table, "bank", {**bank.settings, "failures": 1}, "Shop")
    states = guarded_states(guard, "Charge card", TASK, next_state="Paid", open_state="Later", failure_state="Unpaid")
    state = states[f"Charge card {broken}"]
    field = "Namespace" if broken == "report" else "TableName"
    states[f"Charge card {broken}"] = {**state, "Arguments": {**state["Arguments"], field: "" if broken == "report" else "gone"}}
    ends = {name: {"Type": "Succeed"} for name in ("Paid", "Later", "Unpaid")}
    execution = bank.account.run({"StartAt": "Charge card guarded", "States": {**states, **ends}}, {"order": 1})
    assert (execution.status, execution.states[-1]) == ("SUCCEEDED", "Paid" if broken in ("probe", "close") else "Unpaid")
    assert f"Charge card {broken}" in execution.states


def test_a_rate_opens_the_circuit_from_the_least_number_of_calls_on(bank: Bank) -> None:
    bank.settings |= {"failures": None, "failure_rate": 0.5, "minimum_calls": 4}
    bank.account.functions["charge"] = fails
    assert bank.outcome() == bank.outcome() == UNPAID
    bank.account.functions["charge"] = pays
    assert bank.run().states[-4:] == ["Charge card count", "Charge card counted", "Charge card done", "Paid"]
    assert bank.circuit == CLOSED
    # The fourth call need not fail.
    assert bank.outcome() == PAID
    assert bank.circuit == OPEN


def test_successes_without_failures_are_not_written(bank: Bank) -> None:
    bank.settings |= {"failures": None, "failure_rate": 0.5}
    assert bank.outcome() == PAID
    assert bank.item == {}


def test_errors_that_the_task_catches_itself_are_answers(bank: Bank) -> None:
    def declines(payload: Any) -> Any:
        raise Declined("no funds")

    bank.account.functions["charge"] = declines
    task = {**TASK, "Catch": [{"ErrorEquals": ["Declined"], "Next": "Paid"}]}
    assert bank.run(task=task).states[-2:] == ["Charge card", "Paid"]
    assert bank.item == {}


def test_counts_that_are_too_old_do_not_count_and_are_removed(down: Bank) -> None:
    assert down.outcome() == down.outcome() == UNPAID
    item = down.item
    old = int(time.time() * 1000) - 31_000
    renamed = {kind + str(old): {"N": "2"} for kind in "fc"}
    down.dynamodb.put_item(TableName=down.table, Item={"dependency": {"S": "bank"}, **renamed})
    assert down.outcome() == UNPAID
    assert {value for name, value in down.item.items() if name[0] in "fc" and name[1:].isdigit()} == {"1"}
    assert not renamed.keys() & down.item.keys()
    assert item.keys() - renamed.keys()
    assert down.circuit == CLOSED


def test_functions_and_state_machines_share_the_counts_and_the_circuit(down: Bank) -> None:
    library = down.library()
    assert down.outcome() == UNPAID
    for _ in range(2):
        with pytest.raises(TimeoutError):
            library.call(_time_out)
    # The library counted what the state machine wrote, in the same tenth or another.
    assert down.circuit == OPEN
    assert down.outcome() == LATER
    down.over()
    assert down.library().call(lambda: down.outcome()) == LATER
    assert down.circuit == CLOSED
    opened(down)
    with pytest.raises(CircuitOpen):
        down.library().call(bool)
    down.over()
    down.account.functions["charge"] = pays
    assert down.outcome() == PAID
    assert down.library().call(bool, 1)


def _time_out() -> None:
    raise TimeoutError


def test_counts_have_the_names_that_the_library_gives_them(down: Bank) -> None:
    down.settings["window_seconds"] = 12_000
    assert down.outcome() == UNPAID
    with contextlib.suppress(TimeoutError):
        down.library().call(_time_out)
    assert sorted(value for name, value in down.item.items() if name[0] in "fc" and name[1:].isdigit()) in (
        ["2", "2"],
        ["1", "1", "1", "1"],
    )


@pytest.mark.parametrize("settings", [{}, {"failures": None, "failure_rate": 0.5}])
@pytest.mark.parametrize("language", ["JSONata", "JSONPath"])
def test_the_states_are_valid_amazon_states_language(language: str, settings: dict[str, Any]) -> None:
    """By the checks of `Workflow`, which wants a failure path of each state that can fail, and by the validator on Node."""
    guard = Guard("breakers", "bank", {**SETTINGS, **settings}, "Shop")
    states = guarded_states(guard, "Charge card", TASK, next_state="Paid", open_state="Later", failure_state="Unpaid")
    ends = {name: {"Type": "Succeed"} for name in ("Paid", "Later", "Unpaid")}
    definition = {"QueryLanguage": language, "StartAt": "Charge card guarded", "TimeoutSeconds": 60, "States": {**states, **ends}}
    for express in (False, True):
        assert list(findings(definition, express=express, without_catch=[])) == []
    if reason := asl.missing():
        pytest.skip(reason)
    assert asl.errors([definition]) == [[]]


@pytest.mark.parametrize(
    ("name", "task", "message"),
    [
        ("x" * 67, TASK, f"the name '{'x' * 67}' has 67 characters; at most 66 are allowed, as states are named after it."),
        ("x", {**TASK, "Next": "y"}, "the task 'x' has Next; the states around it say what follows. Leave it out."),
        ("x", {**TASK, "End": True}, "the task 'x' has End; the states around it say what follows. Leave it out."),
        (
            "x",
            {**TASK, "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "y"}]},
            "the task 'x' catches States.ALL, so that no error would count. Catch the errors by name that are answers.",
        ),
    ],
)
def test_a_task_that_cannot_be_guarded_is_refused(name: str, task: Any, message: str) -> None:
    guard = Guard("t", "bank", SETTINGS, "Shop")
    with pytest.raises(ValueError, match="the ") as caught:
        guarded_states(guard, name, task, next_state="y", open_state="y", failure_state="y")
    assert str(caught.value) == message


def test_the_longest_name_has_states_with_names_that_are_allowed() -> None:
    states = guarded_states(Guard("t", "bank", SETTINGS, "Shop"), "x" * 66, TASK, next_state="y", open_state="y", failure_state="y")
    assert max(map(len, states)) <= 80
    assert states_module._MOST_NAME == 66
