"""Definitions of workflows are valid Amazon States Language, and do what they promise in an interpreter, with a failure at each step."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from cloudpatterns.messaging import Workflow
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.emulators import asl
from tests.emulators.locked_moto import client
from tests.emulators.step_functions import ServiceError, function_arn, interpreter
from tests.emulators.tables import table_by_id
from tests.harness import record

LANGUAGES = ["JSONata", "JSONPath"]
PARKED = "arn:aws:sqs:eu-west-1:123456789012:parked"

Step = dict[str, Any]


def call(name: str, **more: Any) -> Step:
    """What a step or compensation does: it invokes the function of this name."""
    return {"function": {"function_arn": function_arn(name)}, **more}


def step(name: str, **more: Any) -> Step:
    """A step with a compensation."""
    return {"name": name, **call(name), "compensation": call(f"undo_{name}"), **more}


def definition(language: str, steps: list[Step], **args: Any) -> dict[str, Any]:
    """The definition that the component gives Step Functions."""
    every: Any = {"query_language": language, "parking_queue_arn": PARKED, "steps": steps, **args}
    if not any("compensation" in one for steps in [steps, *args.get("sequences", {}).values()] for one in steps):
        del every["parking_queue_arn"]
    graph = record(lambda: Workflow("orders", every), mode="deployed")
    return json.loads(graph.one("aws:sfn/stateMachine:StateMachine").inputs["definition"])


def items(language: str, path: str) -> str:
    return f"{{% $states.input.{path} %}}" if language == "JSONata" else f"$.{path}"


def is_more(language: str, path: str, number: int) -> dict[str, Any]:
    if language == "JSONata":
        return {"condition": f"{{% $states.input.{path} > {number} %}}"}
    return {"test": {"Variable": f"$.{path}", "NumericGreaterThan": number}}


def functions(*names: str, failing: Mapping[str, Exception] | None = None) -> dict[str, Callable[[Any], Any]]:
    """Functions that return their names, but those that fail."""

    def function(name: str) -> Callable[[Any], Any]:
        def invoked(_: Any) -> Any:
            if failing and name in failing:
                raise failing[name]
            return {"by": name}

        return invoked

    return {every: function(every) for name in names for every in (name, f"undo_{name}")}


def nested(language: str) -> dict[str, Any]:
    """A workflow with everything that can be inside another."""
    return definition(
        language,
        [
            step("A"),
            {"name": "Decide", "choice": {"rules": [{**is_more(language, "input.total", 100), "sequence": "large"}]}},
            {"name": "Both", "parallel": {"sequences": ["left", "right"]}},
            {"name": "Each", "map": {"items": items(language, "input.lines"), "sequence": "line"}},
            {"name": "Inner", "saga": "inner"},
            step("Z"),
        ],
        sequences={
            "large": [step("B")],
            "left": [step("C"), step("D")],
            "right": [step("E"), {"name": "Deep", "parallel": {"sequences": ["deep"]}}],
            "deep": [step("F")],
            "line": [step("I")],
            "inner": [step("G"), step("H")],
        },
    )


@pytest.fixture(scope="module")
def sagas() -> dict[str, dict[str, Any]]:
    return {language: nested(language) for language in LANGUAGES}


def samples() -> Iterator[dict[str, Any]]:
    """A definition for every kind of step, in both languages."""
    for language in LANGUAGES:
        dollar = language == "JSONPath"
        order = {"id.$": "$.input.id"} if dollar else {"id": "{% $states.input.input.id %}"}
        key = {"id": {"S.$": "$.input.id"}} if dollar else {"id": {"S": "{% $states.input.input.id %}"}}
        table = "arn:aws:dynamodb:eu-west-1:123456789012:table/orders"
        yield nested(language)
        always = step("B", compensation=call("undo_B", after_failure=True), catch=[{"errors": ["Rare"], "next": "C"}])
        yield definition(language, [step("A"), always, step("C")], refusals=["Rare", "Declined"], resume_parked=True)
        yield definition(
            language,
            [
                {"name": "Message", "send_message": {"queue_arn": PARKED}, "input": order},
                {"name": "Notify", "publish": {"topic_arn": "arn:aws:sns:eu-west-1:123456789012:orders"}},
                {
                    "name": "Tell",
                    "put_event": {
                        "event_bus_arn": "arn:aws:events:eu-west-1:123456789012:event-bus/shop",
                        "source": "shop.orders",
                        "detail_type": "OrderPaid",
                    },
                },
                {"name": "Put", "put_item": {"table_arn": table, "item": key}, "keep_result": False},
                {"name": "Update", "update_item": {"table_arn": table, "key": key, "update_expression": "SET paid = :yes"}},
                {"name": "Pause", "wait": {"seconds": 5}},
                {"name": "Later", "wait": {"until": items(language, "input.at")}},
                {"name": "Keep", "values": order},
                {"name": "Approve", "function": {"function_arn": function_arn("ask"), "callback": True}, "heartbeat_seconds": 30},
                {
                    "name": "Again",
                    "choice": {
                        "rules": [
                            {**is_more(language, "input.total", 100), "next": "Pause"},
                            {**is_more(language, "input.total", 50), "next": "Never"},
                        ],
                        "default": {"sequence": "end"},
                    },
                },
                {"name": "Never", "fail": {"error": "Impossible", "cause": 'it\'s "quoted"'}},
            ],
            sequences={"end": [{"name": "Stop", "succeed": True}]},
            timeout_seconds=86_400,
            park_failures=True,
        )


@pytest.mark.skipif(asl.missing() is not None, reason=asl.missing() or "")
def test_the_definition_is_valid_amazon_states_language_by_a_validator() -> None:
    found = list(samples())
    assert asl.errors(found) == [[]] * len(found)


@pytest.mark.skipif(asl.missing() is not None, reason=asl.missing() or "")
def test_the_validator_sees_what_is_wrong() -> None:
    states = {"A": {"Type": "Pass", "Next": "B"}, "C": {"Type": "Pass", "End": True}}
    [found] = asl.errors([{"StartAt": "A", "States": states}])
    assert len(found) > 1


def expected(failing: str) -> tuple[set[str], list[set[str]]]:
    """Which steps have finished when one fails, and what is undone after what: each set in any order, one set after the other."""
    order: list[set[str]] = [{"A"}, {"B"}, {"C", "D", "E", "F"}, {"I"}, {"G"}, {"H"}, {"Z"}]
    before = order[: next(number for number, names in enumerate(order) if failing in names)]
    same = {"C": {"E", "F"}, "D": {"C", "E", "F"}, "E": {"C", "D"}, "F": {"C", "D", "E"}}.get(failing, set())
    groups = [*before, *([same] if same else [])]
    return {name for group in groups for name in group}, groups[::-1]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("failing", list("ABCDEFGHIZ"))
def test_after_a_failure_the_compensations_of_exactly_the_finished_steps_run_in_reverse_order(
    sagas: dict[str, dict[str, Any]], language: str, failing: str
) -> None:
    with interpreter(functions(*"ABCDEFGHIZ", failing={failing: ValueError("no")})) as account:
        execution = account.run(sagas[language], {"total": 101, "lines": [1]})
    undone = [name.removeprefix("undo_") for name in account.called if name.startswith("undo_")]
    finished, groups = expected(failing)
    assert (execution.status, execution.error) == ("FAILED", "WorkflowFailed")
    assert json.loads(execution.cause or "")["Error"] in ("ValueError", "SequenceFailed", "WorkflowFailed")
    assert sorted(undone) == sorted(finished)
    for group in groups:
        assert set(undone[: len(group)]) == group
        undone = undone[len(group) :]
    if {"C", "D"} <= finished:
        assert account.called.index("undo_D") < account.called.index("undo_C")


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_a_failure_nothing_is_undone_and_the_document_has_every_result(sagas: dict[str, dict[str, Any]], language: str) -> None:
    with interpreter(functions(*"ABCDEFGHIZ")) as account:
        execution = account.run(sagas[language], {"total": 1, "lines": [1, 2]})
    assert execution.status == "SUCCEEDED"
    assert not [name for name in account.called if name.startswith("undo_")]
    assert account.called.count("I") == 2
    document = execution.output
    assert document["input"] == {"total": 1, "lines": [1, 2]}
    assert list(document["steps"]) == ["A", "Both", "Each", "Inner", "Z"]
    assert document["steps"]["A"] == {"by": "A"}
    assert [one["steps"].get("D") for one in document["steps"]["Both"]["results"]] == [{"by": "D"}, None]
    assert [one["item"] for one in document["steps"]["Each"]["results"]] == [1, 2]


@pytest.mark.parametrize("language", LANGUAGES)
def test_items_that_have_finished_are_undone_and_those_that_failed_are_not(language: str) -> None:
    machine = definition(
        language,
        [{"name": "Each", "map": {"items": items(language, "input"), "sequence": "line"}}],
        sequences={"line": [step("I")]},
    )

    def odd(payload: Any) -> Any:
        if payload["item"] % 2 == 0:
            raise ValueError("even")
        return payload["index"]

    with interpreter({**functions("I"), "I": odd}) as account:
        assert account.run(machine, [1, 2, 3, 4, 5]).error == "WorkflowFailed"
    assert sorted(one.payload["item"] for one in account.calls if one.function == "undo_I") == [1, 3, 5]
    assert all(one.payload["steps"]["I"] == one.payload["item"] - 1 for one in account.calls if one.function == "undo_I")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("error", [TimeoutError(), ServiceError("Lambda.Unknown"), ServiceError("Sandbox.Timedout")])
def test_a_step_that_timed_out_is_undone_because_it_may_have_happened(language: str, error: Exception) -> None:
    machine = definition(language, [step("A"), step("B")])
    with interpreter(functions("A", "B", failing={"B": error})) as account:
        execution = account.run(machine, {})
    assert account.called[-2:] == ["undo_B", "undo_A"]
    assert "B uncertain" in execution.states
    assert account.calls[-2].payload["steps"]["B"] == {"uncertain": True}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_step_that_timed_out_is_not_undone_where_that_is_not_wanted(language: str) -> None:
    later = step("B", compensation=call("undo_B", after_timeout=False))
    with interpreter(functions("A", "B", failing={"B": TimeoutError()})) as account:
        account.run(definition(language, [step("A"), later]), {})
    assert account.called == ["A", "B", "undo_A"]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("error", [ValueError(), TimeoutError(), ServiceError("Lambda.Unknown")])
def test_a_step_that_failed_in_any_way_is_undone_where_that_is_wanted(language: str, error: Exception) -> None:
    later = step("B", compensation=call("undo_B", after_failure=True))
    with interpreter(functions("A", "B", failing={"B": error})) as account:
        execution = account.run(definition(language, [step("A"), later]), {})
    assert account.called == ["A", "B", "undo_B", "undo_A"]
    assert "B uncertain" in execution.states
    assert execution.error == "WorkflowFailed"


class OutOfStock(Exception):
    """An answer."""


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("error", [OutOfStock("chair"), ValueError()])
def test_a_refusal_is_not_retried_and_succeeds_once_all_is_compensated(language: str, error: Exception) -> None:
    retry = {"attempts": 3, "errors": ["States.ALL"]}
    machine = definition(language, [step("A"), step("B", retry=retry)], refusals=["Declined", "OutOfStock"])
    with interpreter(functions("A", "B", failing={"B": error})) as account:
        execution = account.run(machine, {})
    if isinstance(error, OutOfStock):
        assert account.called == ["A", "B", "undo_A"]
        assert (execution.status, execution.output["error"]["Error"]) == ("SUCCEEDED", "OutOfStock")
        assert execution.states[-2:] == ["Compensated?", "Compensated"]
    else:
        assert account.called == ["A", "B", "B", "B", "undo_A"]
        assert execution.error == "WorkflowFailed"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_parked_record_is_resumed_with_the_compensations_that_are_left(language: str) -> None:
    machine = definition(language, [step("A"), step("B"), step("C")], resume_parked=True)
    # The queue of the test's own, so that its record can be read.
    with interpreter(functions("A", "B", "C", failing={"C": ValueError(), "undo_A": KeyError()})) as account:
        queue = client("sqs").create_queue(QueueName="parked")["QueueUrl"]
        assert account.run(machine, {"id": 7}).error == "CompensationFailed"
        [message] = client("sqs").receive_message(QueueUrl=queue)["Messages"]
        account.functions |= functions("A")
        account.calls.clear()
        execution = account.run(machine, {"parked": json.loads(message["Body"])})
    assert account.called == ["undo_B", "undo_A"]
    assert account.calls[-1].payload["input"] == {"id": 7}
    assert execution.states[:3] == ["Parked?", "Resume", "C finished?"]
    assert (execution.status, execution.states[-1]) == ("SUCCEEDED", "Compensated")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_record_that_cannot_be_compensated_again_is_parked_again(language: str) -> None:
    machine = definition(language, [step("A"), step("B")], resume_parked=True)
    with interpreter(functions("A", "B", failing={"B": ValueError(), "undo_A": KeyError()})) as account:
        queue = client("sqs").create_queue(QueueName="parked")["QueueUrl"]
        account.run(machine, {"id": 7})
        [first] = client("sqs").receive_message(QueueUrl=queue)["Messages"]
        assert account.run(machine, {"parked": json.loads(first["Body"])}).error == "CompensationFailed"
        [second] = client("sqs").receive_message(QueueUrl=queue)["Messages"]
    assert json.loads(second["Body"])["document"]["steps"] == json.loads(first["Body"])["document"]["steps"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_compensation_that_fails_keeps_the_whole_document_in_the_queue(language: str) -> None:
    machine = definition(language, [step("A"), step("B"), step("C")])
    failing = {"C": ValueError("no"), "undo_B": ValueError("broken")}
    with interpreter(functions("A", "B", "C", failing=failing)) as account:
        queue = client("sqs").create_queue(QueueName="parked")["QueueUrl"]
        execution = account.run(machine, {"id": "o-1"})
        [message] = client("sqs").receive_message(QueueUrl=queue)["Messages"]
    assert (execution.status, execution.error) == ("FAILED", "CompensationFailed")
    assert account.called == ["A", "B", "C", *["undo_B"] * 6]
    record_ = json.loads(message["Body"])
    assert record_["document"]["input"] == {"id": "o-1"}
    assert record_["document"]["steps"] == {"A": {"by": "A"}, "B": {"by": "B"}}
    assert record_["document"]["error"]["Error"] == record_["document"]["compensation_error"]["Error"] == "ValueError"
    assert ":execution:" in record_["execution"]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("failing", ["undo_D", "undo_H", "undo_I"])
def test_a_compensation_that_fails_inside_another_step_stops_and_parks(
    sagas: dict[str, dict[str, Any]], language: str, failing: str
) -> None:
    with interpreter(functions(*"ABCDEFGHIZ", failing={"Z": ValueError("no"), failing: ValueError("no")})) as account:
        queue = client("sqs").create_queue(QueueName="parked")["QueueUrl"]
        execution = account.run(sagas[language], {"total": 1, "lines": [1]})
        messages = client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    assert execution.error == "CompensationFailed"
    assert "undo_A" not in account.called
    # That of the sequence, and that of the execution.
    documents = [json.loads(message["Body"])["document"] for message in messages]
    assert [document["input"] for document in documents] == [{"total": 1, "lines": [1]}] * 2
    assert failing[-1] in documents[0]["steps"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_transient_errors_are_retried_with_full_jitter_and_others_are_not(language: str) -> None:
    machine = definition(language, [step("A"), step("B")])
    [retrier] = machine["States"]["A"]["Retry"]
    assert (retrier["JitterStrategy"], retrier["MaxAttempts"], retrier["IntervalSeconds"]) == ("FULL", 2, 2)
    with interpreter(functions("A", "B", failing={"B": ServiceError("Lambda.TooManyRequestsException")})) as account:
        account.run(machine, {})
    assert account.called == ["A", "B", "B", "B", "undo_A"]
    assert len(account.waits) == 2
    assert account.waits[0] <= 2
    assert account.waits[1] <= 4
    with interpreter(functions("A", "B", failing={"B": ValueError("no")})) as account:
        account.run(machine, {})
    assert account.called == ["A", "B", "undo_A"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_saga_that_failed_has_compensated_itself_when_its_error_is_caught(language: str) -> None:
    machine = definition(
        language,
        [
            step("A"),
            {"name": "Try", "saga": "first", "catch": [{"errors": ["WorkflowFailed"], "sequence": "second"}]},
            step("Z"),
        ],
        sequences={"first": [step("B"), step("C")], "second": [step("D")]},
    )
    with interpreter(functions(*"ABCDZ", failing={"C": ValueError("no")})) as account:
        assert account.run(machine, {}).status == "SUCCEEDED"
    assert account.called == ["A", "B", "C", "undo_B", "D", "Z"]
    with interpreter(functions(*"ABCDZ", failing={"C": ValueError("no"), "Z": ValueError("no")})) as account:
        account.run(machine, {})
    assert account.called == ["A", "B", "C", "undo_B", "D", "Z", "undo_D", "undo_A"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_error_that_is_caught_goes_where_the_step_says(language: str) -> None:
    machine = definition(
        language,
        [step("A", catch=[{"errors": ["OutOfStock"], "next": "Order"}]), {"name": "Pay", **call("B")}, {"name": "Order", **call("C")}],
    )

    class OutOfStock(Exception): ...

    with interpreter(functions("A", "B", "C", failing={"A": OutOfStock("none")})) as account:
        execution = account.run(machine, {})
    assert (execution.status, account.called) == ("SUCCEEDED", ["A", "C"])
    assert execution.output["error"]["Error"] == "OutOfStock"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_timeout_that_is_caught_counts_as_finished_when_a_later_step_fails(language: str) -> None:
    later = step("B", catch=[{"errors": ["OutOfStock"], "next": "C"}, {"errors": ["States.ALL"], "next": "C"}])
    machine = definition(language, [step("A"), later, step("C")])
    with interpreter(functions("A", "B", "C", failing={"B": TimeoutError(), "C": ValueError("no")})) as account:
        account.run(machine, {})
    assert account.called == ["A", "B", "C", "undo_B", "undo_A"]
    with interpreter(functions("A", "B", "C", failing={"B": ValueError("no"), "C": ValueError("no")})) as account:
        account.run(machine, {})
    assert account.called == ["A", "B", "C", "undo_A"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_step_that_fails_on_purpose_compensates_what_came_before(language: str) -> None:
    reject = {"name": "Reject", "fail": {"error": "OrderRejected", "cause": 'it\'s "full"'}}
    machine = definition(
        language, [step("A"), {"name": "Both", "parallel": {"sequences": ["left"]}}], sequences={"left": [step("B"), reject]}
    )
    with interpreter(functions("A", "B")) as account:
        execution = account.run(machine, {})
    assert (execution.error, account.called) == ("WorkflowFailed", ["A", "B", "undo_B", "undo_A"])
    assert json.loads(execution.cause or "")["Error"] == "SequenceFailed"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_step_gets_the_results_of_all_steps_before_it(language: str) -> None:
    machine = definition(
        language,
        [step("A"), {"name": "Outer", "saga": "outer"}, step("Z", input={"id.$": "$.input.id"} if language == "JSONPath" else None)],
        sequences={"outer": [step("B"), {"name": "Inner", "saga": "inner"}], "inner": [step("C")]},
    )
    with interpreter(functions("A", "B", "C", "Z")) as account:
        account.run(machine, {"id": 1})
    inner = next(one.payload for one in account.calls if one.function == "C")
    assert inner == {"input": {"id": 1}, "earlier": {"A": {"by": "A"}, "B": {"by": "B"}}, "steps": {}}
    if language == "JSONPath":
        assert account.calls[-1].payload == {"id": 1}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_loop_compensates_each_step_once(language: str) -> None:
    again = {"rules": [{**is_more(language, "steps.Poll", 0), "next": "Poll"}]}
    machine = definition(language, [step("A"), step("Poll"), {"name": "Again", "choice": again}, step("Z")])
    left = [2, 1, 0]
    with interpreter({**functions("A", "Poll", "Z", failing={"Z": ValueError("no")}), "Poll": lambda _: left.pop(0)}) as account:
        account.run(machine, {})
    assert account.called == ["A", "Poll", "Poll", "Poll", "Z", "undo_Poll", "undo_A"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_failure_is_parked_where_that_is_wanted(language: str) -> None:
    with interpreter(functions("A", failing={"A": ValueError("no")})) as account:
        queue = client("sqs").create_queue(QueueName="parked")["QueueUrl"]
        machine = definition(language, [{"name": "A", **call("A")}], park_failures=True)
        machine = json.loads(json.dumps(machine).replace(machine["States"]["Park failure"][_arguments(language)]["QueueUrl"], queue))
        assert account.run(machine, {"id": 1}).error == "WorkflowFailed"
        [message] = client("sqs").receive_message(QueueUrl=queue)["Messages"]
    assert json.loads(message["Body"])["document"]["input"] == {"id": 1}


def _arguments(language: str) -> str:
    return "Arguments" if language == "JSONata" else "Parameters"


@pytest.mark.parametrize("language", LANGUAGES)
def test_services_are_called_with_what_the_steps_say(language: str) -> None:
    dollar = language == "JSONPath"
    key = {"id": {"S.$": "$.input.id"}} if dollar else {"id": {"S": "{% $states.input.input.id %}"}}
    table = {"table_arn": "arn:aws:dynamodb:eu-west-1:123456789012:table/orders"}
    values = {"ExpressionAttributeValues": {":yes": {"BOOL": True}}}
    machine = definition(
        language,
        [
            {"name": "Message", "send_message": {"queue_arn": PARKED}, "keep_result": False},
            {"name": "Put", "put_item": {**table, "item": key}},
            {"name": "Update", "update_item": {**table, "key": key, "update_expression": "SET paid = :yes", "parameters": values}},
        ],
    )
    with interpreter({}) as account:
        queue, dynamodb = client("sqs").create_queue(QueueName="parked")["QueueUrl"], client("dynamodb")
        table_by_id(dynamodb, "orders")
        execution = account.run(machine, {"id": "o-1"})
        assert execution.status == "SUCCEEDED", execution
        assert execution.output["steps"]["Message"] == {}
        [message] = client("sqs").receive_message(QueueUrl=queue)["Messages"]
        assert json.loads(message["Body"]) == {"input": {"id": "o-1"}, "earlier": {}, "steps": {}}
        assert dynamodb.get_item(TableName="orders", Key={"id": {"S": "o-1"}})["Item"] == {"id": {"S": "o-1"}, "paid": {"BOOL": True}}


# Sagas that nobody has thought of.

FLOWS = ("task", "task", "bare", "parallel", "map", "saga", "choice")


@st.composite
def sagas_of(draw: st.DrawFn) -> tuple[list[Step], dict[str, list[Step]], str]:
    """Steps, their sequences, and which of the tasks fails; the steps of a parallel's branches run one after the other in moto, too."""
    numbers = iter(range(1000))
    sequences: dict[str, list[Step]] = {}
    tasks: list[str] = []

    def steps(depth: int) -> list[Step]:
        return [one(depth) for _ in range(draw(st.integers(1, 3)))]

    def sequence(depth: int) -> str:
        name = f"s{next(numbers)}"
        sequences[name] = steps(depth + 1)
        return name

    def one(depth: int) -> Step:
        kind, name = draw(st.sampled_from(FLOWS if depth < 2 else ("task", "bare"))), f"T{next(numbers)}"
        if kind in ("task", "bare"):
            tasks.append(name)
            return step(name) if kind == "task" else {"name": name, **call(name)}
        if kind == "parallel":
            return {"name": name, "parallel": {"sequences": [sequence(depth) for _ in range(draw(st.integers(1, 2)))]}}
        if kind == "map":
            return {"name": name, "map": {"items": "{% $states.input.input %}", "sequence": sequence(depth)}}
        if kind == "saga":
            return {"name": name, "saga": sequence(depth)}
        condition = draw(st.sampled_from(["{% true %}", "{% false %}"]))
        return {"name": name, "choice": {"rules": [{"condition": condition, "sequence": sequence(depth)}]}}

    found = steps(0)
    return found, sequences, draw(st.sampled_from([*tasks, ""]) if tasks else st.just(""))


@settings(max_examples=8)
@given(sagas_of())
def test_in_any_saga_what_has_finished_is_undone_once_and_nothing_else(saga: tuple[list[Step], dict[str, list[Step]], str]) -> None:
    steps, sequences, failing = saga
    machine = definition("JSONata", steps, sequences=sequences)
    finished: list[str] = []
    undone: list[str] = []
    compensated = {one["name"] for every in [steps, *sequences.values()] for one in every if "compensation" in one}

    def function(name: str) -> Callable[[Any], Any]:
        def invoked(_: Any) -> Any:
            if name == failing:
                raise ValueError("no")
            if name.startswith("undo_"):
                undone.append(name.removeprefix("undo_"))
            elif name in compensated:
                finished.append(name)

        return invoked

    names = [one["name"] for every in [steps, *sequences.values()] for one in every]
    with interpreter({each: function(each) for name in names for each in (name, f"undo_{name}")}) as account:
        execution = account.run(machine, [1])
    if failing in account.called:
        assert (execution.status, execution.error) == ("FAILED", "WorkflowFailed")
        assert sorted(undone) == sorted(finished)
    else:
        assert (execution.status, undone) == ("SUCCEEDED", [])
