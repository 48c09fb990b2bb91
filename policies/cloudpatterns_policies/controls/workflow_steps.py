"""Steps of state machines: failure paths, retries and time limits."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final

from cloudpatterns_policies.controls._state_machines import MACHINE, State, definition, states
from cloudpatterns_policies.core import Fail, Resource, Severity, Verdict, control
from cloudpatterns_policies.graph.reading import some

_PAGES: Final = "https://docs.aws.amazon.com/step-functions/latest/dg"
_WHERE: Final = "definition"
_SHOWN: Final = 3

_TOLERATES: Final = ("ToleratedFailureCount", "ToleratedFailurePercentage")
_LAMBDA_ERRORS: Final = frozenset(
    {
        *("Lambda.ServiceException", "Lambda.AWSLambdaException", "Lambda.SdkClientException", "Lambda.TooManyRequestsException"),
        *("Lambda.ClientExecutionTimeoutException", "States.TaskFailed", "States.ALL"),
    }
)
"""Errors one of which a retry has to name, so that it repeats a call that did not reach the function."""

_operation = partial(control, types=(MACHINE,), pack="operations")


@_operation(
    id="step-failure-paths",
    title="Steps of state machines have a failure path",
    severity=Severity.LOW,
    why="An error that no Catch handles ends the execution, and leaves what earlier steps did as it is.",
    remediation="Give the step, or the Parallel or Map around it, a Catch whose state undoes the earlier steps or tells somebody.",
    url=f"{_PAGES}/concepts-error-handling.html",
)
def step_failure_paths(resource: Resource) -> Iterator[Verdict]:
    # A distributed map that reads its items or writes its results elsewhere fails by itself too.
    own = (state for state in states(definition(resource)) if state.is_task or state.has("ItemReader", "ResultWriter"))
    open_ = [state.name for state in own if not state.has("Catch") and not any(map(_handles, state.around))]
    if open_:
        yield Fail(f"has no failure path for {some(open_, _SHOWN)}", _WHERE)


@_operation(
    id="step-callbacks-timed",
    title="Steps that wait for a callback have a time limit",
    severity=Severity.MEDIUM,
    why="When the answer never comes, the execution waits for a year, and keeps what it holds.",
    remediation="Set TimeoutSeconds of the step, and HeartbeatSeconds where the worker can report; or TimeoutSeconds of the state machine.",
    url=f"{_PAGES}/sfn-best-practices.html",
)
def step_callbacks_timed(resource: Resource) -> Iterator[Verdict]:
    machine = definition(resource)
    waiting = [state.name for state in states(machine) if state.waits_for_callback and not state.has("TimeoutSeconds", "HeartbeatSeconds")]
    if waiting and not machine.get("TimeoutSeconds"):
        yield Fail(f"waits without a limit in {some(waiting, _SHOWN)}", _WHERE)


@_operation(
    id="step-timeouts",
    title="Steps that call a service have a time limit",
    severity=Severity.LOW,
    why="Without a limit of its own a step may hold the execution for as long as the service answers nothing.",
    remediation="Set TimeoutSeconds of the step, or of the state machine.",
    url=f"{_PAGES}/sfn-best-practices.html",
)
def step_timeouts(resource: Resource) -> Iterator[Verdict]:
    machine = definition(resource)
    # Express executions end after five minutes.
    if machine.get("TimeoutSeconds") or resource.get("type", "STANDARD") == "EXPRESS":
        return
    tasks = (state for state in states(machine) if state.is_task and not state.waits_for_callback)
    endless = [state.name for state in tasks if not state.has("TimeoutSeconds")]
    if endless:
        yield Fail(f"has no time limit for {some(endless, _SHOWN)}", _WHERE)


@_operation(
    id="step-function-retries",
    title="Steps that call a function repeat calls that Lambda could not take",
    severity=Severity.LOW,
    why="Lambda has short failures and throttles now and then: one of them ends an execution that a second call would have saved.",
    remediation="Give the step a Retry for Lambda.ServiceException, Lambda.AWSLambdaException, Lambda.SdkClientException and"
    ' Lambda.TooManyRequestsException, with BackoffRate and JitterStrategy "FULL".',
    url=f"{_PAGES}/sfn-best-practices.html",
)
def step_function_retries(resource: Resource) -> Iterator[Verdict]:
    calls = (state for state in states(definition(resource)) if state.calls_function)
    once = [state.name for state in calls if not any(map(_repeats, (state.body, *state.around)))]
    if once:
        yield Fail(f"does not repeat calls that Lambda could not take in {some(once, _SHOWN)}", _WHERE)


def _handles(around: Mapping[str, Any]) -> bool:
    """Whether a Parallel or a Map handles the failures of what is inside."""
    return State("", around).has("Catch", *_TOLERATES)


def _repeats(body: Mapping[str, Any]) -> bool:
    """Whether a state repeats one of Lambda's own errors."""
    retries = body.get("Retry")
    named = (retry.get("ErrorEquals") for retry in (retries if isinstance(retries, list) else ()) if isinstance(retry, dict))
    return any(isinstance(errors, list) and _LAMBDA_ERRORS & {str(error) for error in errors} for errors in named)
