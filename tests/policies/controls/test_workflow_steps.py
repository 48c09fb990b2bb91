"""Steps of state machines: failure paths, retries and time limits."""

import json
from typing import Any

import pytest
from cloudpatterns_policies.controls import workflow_steps as controls
from cloudpatterns_policies.core import Control, Fail, Pass, Unknown

from tests.policies.helpers import UNKNOWN, resource, verdicts

MACHINE = "aws:sfn/stateMachine:StateMachine"
INVOKE = "arn:aws:states:::lambda:invoke"
TOKEN, JOB = "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "arn:aws:states:::ecs:runTask.sync"
FUNCTION, ACTIVITY = "arn:aws:lambda:eu-west-1:1:function:f", "arn:aws:states:eu-west-1:1:activity:sign"
CATCH = [{"ErrorEquals": ["States.ALL"], "Next": "Undo"}]
RETRY = [{"ErrorEquals": ["Lambda.ServiceException"]}]
CONTROLS = [controls.step_failure_paths, controls.step_callbacks_timed, controls.step_timeouts, controls.step_function_retries]


def task(resource: str = INVOKE, **fields: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": resource, "End": True, **fields}


def machine(states: Any, **fields: Any) -> str:
    return json.dumps({"StartAt": "A", "States": states, **fields})


def parallel(*branches: Any, **fields: Any) -> dict[str, Any]:
    return {"Type": "Parallel", "Branches": [{"StartAt": "B", "States": branch} for branch in branches], "End": True, **fields}


def each(inside: Any, by: str = "ItemProcessor", **fields: Any) -> dict[str, Any]:
    return {"Type": "Map", by: {"StartAt": "B", "States": inside}, "End": True, **fields}


def judged(control: Control, definition: Any, **props: Any) -> list[Any]:
    return verdicts(control, resource(MACHINE, "x", {"definition": definition, **props}))


def fails(message: str) -> list[Any]:
    return [Fail(message, "definition")]


@pytest.mark.parametrize("control", CONTROLS)
def test_definitions_without_steps(control: Control) -> None:
    nothing = ("{", "[]", "{}", None)
    for text in (*nothing, machine([]), machine({"A": "x"}), machine({"A": {"Type": "Pass", "End": True}}), machine({"A": {}})):
        assert judged(control, text) == [Pass()]
    assert judged(control, machine({"A": {"Type": "Parallel", "Branches": {"B": task()}}})) == [Pass()]


@pytest.mark.parametrize("control", CONTROLS)
def test_a_definition_that_is_not_known(control: Control) -> None:
    assert judged(control, UNKNOWN) == [Unknown("definition")]


@pytest.mark.parametrize(
    ("states", "without"),
    [
        ({"A": task(Catch=CATCH)}, ""),
        ({"A": task(Catch=[])}, "A"),
        ({"A": task()}, "A"),
        ({"A": task(), "B": task(), "C": task()}, "A, B, C"),
        ({"A": task(), "B": task(), "C": task(), "D": task()}, "A, B, C and 1 more"),
        ({"A": {"Type": "Wait", "Seconds": 1, "End": True}, "B": {"Type": "Pass", "End": True}}, ""),
        ({"A": parallel({"B": task()}, {"C": task()})}, "B, C"),
        ({"A": parallel({"B": task()}, {"C": task()}, Catch=CATCH)}, ""),
        ({"A": parallel({"B": parallel({"C": task()})}, Catch=CATCH)}, ""),
        ({"A": parallel({"B": task()}, Catch=CATCH), "D": task()}, "D"),
        ({"A": each({"B": task()})}, "B"),
        ({"A": each({"B": task()}, "Iterator")}, "B"),
        ({"A": each({"B": task()}, Catch=CATCH)}, ""),
        ({"A": each({"B": task()}, ToleratedFailurePercentage=5)}, ""),
        ({"A": each({"B": task()}, ToleratedFailureCountPath="$.n")}, ""),
        ({"A": each({"B": task(Catch=CATCH)}, ItemReader={"Resource": "arn:aws:states:::s3:getObject"})}, "A"),
        ({"A": each({"B": task(Catch=CATCH)}, ItemReader={"Resource": "x"}, Catch=CATCH)}, ""),
        ({"A": each({"B": task(Catch=CATCH)}, ResultWriter={"Resource": "x"})}, "A"),
    ],
)
def test_failure_paths(states: Any, without: str) -> None:
    expected = fails(f"has no failure path for {without}") if without else [Pass()]
    assert judged(controls.step_failure_paths, machine(states)) == expected


@pytest.mark.parametrize("resource", [TOKEN, ACTIVITY])
def test_time_limits_of_callbacks(resource: str) -> None:
    endless = fails("waits without a limit in A")
    assert judged(controls.step_callbacks_timed, machine({"A": task(resource)})) == endless
    assert judged(controls.step_callbacks_timed, machine({"A": task(resource)}), type="EXPRESS") == endless
    for limit in ("TimeoutSeconds", "HeartbeatSeconds"):
        assert judged(controls.step_callbacks_timed, machine({"A": task(resource, **{limit: 60})})) == [Pass()]
        assert judged(controls.step_callbacks_timed, machine({"A": task(resource, **{f"{limit}Path": "$.n"})})) == [Pass()]
    assert judged(controls.step_callbacks_timed, machine({"A": task(resource)}, TimeoutSeconds=3600)) == [Pass()]
    assert judged(controls.step_callbacks_timed, machine({"A": each({"B": task(resource)})})) == fails("waits without a limit in B")
    assert judged(controls.step_timeouts, machine({"A": task(resource)})) == [Pass()]


@pytest.mark.parametrize("resource", [INVOKE, FUNCTION, JOB])
def test_time_limits(resource: str) -> None:
    endless = fails("has no time limit for A")
    assert judged(controls.step_timeouts, machine({"A": task(resource)})) == endless
    assert judged(controls.step_timeouts, machine({"A": task(resource)}), type="STANDARD") == endless
    assert judged(controls.step_timeouts, machine({"A": task(resource, HeartbeatSeconds=5)})) == endless
    assert judged(controls.step_timeouts, machine({"A": task(resource, TimeoutSeconds=5)})) == [Pass()]
    assert judged(controls.step_timeouts, machine({"A": task(resource, TimeoutSecondsPath="$.n")})) == [Pass()]
    assert judged(controls.step_timeouts, machine({"A": task(resource)}, TimeoutSeconds=60)) == [Pass()]
    assert judged(controls.step_timeouts, machine({"A": task(resource)}), type="EXPRESS") == [Pass()]
    assert judged(controls.step_timeouts, machine({"A": task(resource)}), type=UNKNOWN) == [Unknown("type")]
    assert judged(controls.step_callbacks_timed, machine({"A": task(resource)})) == [Pass()]


@pytest.mark.parametrize("resource", [INVOKE, FUNCTION, "arn:aws-cn:states:::lambda:invoke"])
def test_retries_of_functions(resource: str) -> None:
    once = fails("does not repeat calls that Lambda could not take in A")
    assert judged(controls.step_function_retries, machine({"A": task(resource)})) == once
    others = [[{"ErrorEquals": errors}] for errors in ("States.ALL", ["PaymentRefused"], ["States.Timeout"])]
    for retry in ([], "x", ["x"], *others):
        assert judged(controls.step_function_retries, machine({"A": task(resource, Retry=retry)})) == once
    for error in ("Lambda.ServiceException", "Lambda.TooManyRequestsException", "States.TaskFailed", "States.ALL"):
        repeated = [{"ErrorEquals": ["PaymentRefused"]}, {"ErrorEquals": ["x", error]}]
        assert judged(controls.step_function_retries, machine({"A": task(resource, Retry=repeated)})) == [Pass()]
    assert judged(controls.step_function_retries, machine({"A": parallel({"B": task(resource)}, Retry=RETRY)})) == [Pass()]


@pytest.mark.parametrize("resource", [JOB, TOKEN, ACTIVITY, "arn:aws:states:::sqs:sendMessage", f"{INVOKE}.waitForTaskToken"])
def test_retries_of_other_services_are_left_to_the_author(resource: str) -> None:
    assert judged(controls.step_function_retries, machine({"A": task(resource)})) == [Pass()]
