"""The interpreter of state machines: retries, catchers, timeouts and texts, in both query languages."""

from typing import Any

import pytest

from tests.emulators.step_functions import Call, ServiceError, function_arn, interpreter

INPUT = {"text": 'a "quoted" word', "list": [[1]]}


def _task(language: str, name: str, **fields: Any) -> dict[str, Any]:
    if language == "JSONPath":
        return {"Type": "Task", "Resource": function_arn(name), "ResultPath": f"$.{name}", **fields}
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {"FunctionName": function_arn(name), "Payload": "{% $states.input %}"},
        "Output": f"{{% $merge([$states.input, {{'{name}': $states.result.Payload}}]) %}}",
        **fields,
    }


def _machine(language: str) -> dict[str, Any]:
    output = {"Output": "{% {'error': $states.errorOutput} %}"} if language == "JSONata" else {"ResultPath": "$.error"}
    retry = [{"ErrorEquals": ["Busy"], "IntervalSeconds": 2, "MaxAttempts": 2, "BackoffRate": 2}]
    catch = [{"ErrorEquals": ["States.Timeout"], "Next": "late", **output}, {"ErrorEquals": ["States.ALL"], "Next": "failed", **output}]
    return {
        "QueryLanguage": language,
        "StartAt": "first",
        "States": {
            "first": _task(language, "first", Retry=retry, Next="pause"),
            "pause": {"Type": "Wait", "Seconds": 3600, "Next": "second"},
            "second": _task(language, "second", Catch=catch, End=True),
            "late": {"Type": "Succeed"},
            "failed": {"Type": "Fail", "Error": "Failed"},
        },
    }


def _busy_once() -> Any:
    class Busy(Exception): ...

    answers: list[Any] = [Busy("try again")]

    def function(payload: Any) -> Any:
        if answers:
            raise answers.pop()
        return {"seen": payload["text"]}

    return function


@pytest.mark.parametrize("language", ["JSONPath", "JSONata"])
def test_a_machine_runs_with_retries_and_waits_that_take_no_time(language: str) -> None:
    with interpreter({"first": _busy_once(), "second": lambda _: 2}) as account:
        execution = account.run(_machine(language), INPUT)
    assert (execution.status, execution.output) == ("SUCCEEDED", {**INPUT, "first": {"seen": INPUT["text"]}, "second": 2})
    assert (execution.states, account.waits) == (["first", "pause", "second"], [2, 3600])
    assert account.calls[0] == Call("first", INPUT)


@pytest.mark.parametrize("language", ["JSONPath", "JSONata"])
@pytest.mark.parametrize(("error", "state"), [(TimeoutError(), "late"), (ValueError("no"), "failed"), (ServiceError("Lambda.X"), "failed")])
def test_errors_reach_the_catcher_of_their_name(language: str, error: Exception, state: str) -> None:
    def second(_: Any) -> None:
        raise error

    with interpreter({"first": lambda _: 1, "second": second}) as account:
        execution = account.run(_machine(language), INPUT)
    assert execution.states[-1] == state
    assert account.called == ["first", "second"]
