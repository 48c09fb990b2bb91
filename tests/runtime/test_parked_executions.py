"""The command that goes on with executions whose compensation had given up."""

import json
from typing import Any

import pytest
from cloudpatterns_runtime.parked_executions import main, resume, undo

from tests.emulators.locked_moto import client

MACHINE = "arn:aws:states:eu-west-1:123456789012:stateMachine:orders"
FIRST = "arn:aws:states:eu-west-1:123456789012:execution:orders:4711"


def record(execution: str = FIRST) -> dict[str, Any]:
    return {"execution": execution, "state": "Park", "document": {"input": {"id": 7}, "error": {"Error": "Declined"}, "steps": {}}}


@pytest.fixture
def sqs(moto_account: None) -> Any:
    return client("sqs")


@pytest.fixture
def states(sqs: Any) -> Any:
    states = client("stepfunctions")
    definition = {"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}
    role = "arn:aws:iam::123456789012:role/machine"
    states.create_state_machine(name="orders", definition=json.dumps(definition), roleArn=role)
    return states


@pytest.fixture
def queue(sqs: Any) -> str:
    url = sqs.create_queue(QueueName="parked", Attributes={"ReceiveMessageWaitTimeSeconds": "0"})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps(record()))
    return url


class Quick:
    """SQS without the wait for messages."""

    def __init__(self, sqs: Any) -> None:
        self._sqs = sqs

    def receive_message(self, **request: Any) -> Any:
        return self._sqs.receive_message(**{**request, "WaitTimeSeconds": 0})

    def delete_message(self, **request: Any) -> Any:
        return self._sqs.delete_message(**request)


def waiting(sqs: Any, queue: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    return sum(int(value) for value in sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"].values())


def executions(states: Any) -> list[Any]:
    found = states.list_executions(stateMachineArn=MACHINE)["executions"]
    return [states.describe_execution(executionArn=one["executionArn"]) for one in found]


def test_each_record_starts_an_execution_with_the_record_and_leaves_the_queue(sqs: Any, states: Any, queue: str) -> None:
    [resumed] = resume(Quick(sqs), states, queue, MACHINE)
    [execution] = executions(states)
    assert json.loads(execution["input"]) == {"parked": record()}
    assert execution["name"].startswith("4711-resumed-")
    assert resumed == (FIRST, "Declined", execution["executionArn"], "")
    assert waiting(sqs, queue) == 0


def test_a_record_that_comes_twice_starts_nothing_twice(sqs: Any, states: Any, queue: str) -> None:
    class Forgetful(Quick):
        def delete_message(self, **request: Any) -> Any:
            raise ConnectionError("the command was stopped")

    with pytest.raises(ConnectionError):
        list(resume(Forgetful(sqs), states, queue, MACHINE))
    [started] = executions(states)

    class Closed:
        """Step Functions, whose execution of this name has ended."""

        def start_execution(self, **request: Any) -> Any:
            error: Any = {"Error": {"Code": "ExecutionAlreadyExists", "Message": ""}}
            raise states.exceptions.ExecutionAlreadyExists(error, "StartExecution")

    message = sqs.receive_message(QueueUrl=queue, VisibilityTimeout=0).get("Messages")
    assert message is None, "hidden for others meanwhile"
    sqs.purge_queue(QueueUrl=queue)
    sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(record()))
    [again] = resume(Quick(sqs), Closed(), queue, MACHINE)
    assert again.problem == ""
    assert again.resumed_by.startswith(f"{MACHINE.replace('stateMachine', 'execution')}:4711-resumed-")
    assert waiting(sqs, queue) == 0
    assert len(executions(states)) == 1
    assert started["name"] != again.resumed_by.rsplit(":", 1)[-1], "another message is another execution"


def test_a_dry_run_changes_nothing(sqs: Any, states: Any, queue: str) -> None:
    assert [one.problem for one in resume(Quick(sqs), states, queue, MACHINE, dry_run=True)] == ["not resumed: dry run"]
    assert (waiting(sqs, queue), executions(states)) == (1, [])


def test_what_cannot_be_resumed_stays_and_the_others_go(sqs: Any, states: Any, queue: str, capsys: pytest.CaptureFixture[str]) -> None:
    for body in ("no JSON", "[]", json.dumps({"execution": FIRST})):
        sqs.send_message(QueueUrl=queue, MessageBody=body)
    arguments = ["--queue-url", queue, "--state-machine-arn", MACHINE]
    assert main(arguments, Quick(sqs), states) == 1
    shown = capsys.readouterr().out.splitlines()
    assert sum("is no record of an execution" in line for line in shown) == 3
    assert sum(line.startswith(f"{FIRST} (Declined): goes on as ") for line in shown) == 1
    assert shown[-1] == "3 left"
    assert waiting(sqs, queue) == 3


def test_an_execution_that_cannot_be_started_leaves_its_record(sqs: Any, states: Any, queue: str) -> None:
    other = MACHINE.replace("orders", "gone")
    [one] = resume(Quick(sqs), states, queue, other)
    assert one.problem.startswith("cannot be resumed: ")
    assert waiting(sqs, queue) == 1


def test_a_queue_without_records_is_done(sqs: Any, states: Any, capsys: pytest.CaptureFixture[str]) -> None:
    empty = sqs.create_queue(QueueName="empty")["QueueUrl"]
    assert main(["--queue-url", empty, "--state-machine-arn", MACHINE], Quick(sqs), states) == 0
    assert capsys.readouterr().out == "nothing is left\n"


class History:
    """Step Functions with one execution that has ended, and those that are started."""

    def __init__(self, status: str, *events: dict[str, Any], error: str | None = None) -> None:
        self.execution = {"status": status, **({} if error is None else {"error": error, "cause": "why"})}
        self.events, self.started = events, list[Any]()

    def describe_execution(self, **_: Any) -> Any:
        return self.execution

    def get_paginator(self, name: str) -> Any:
        assert name == "get_execution_history"
        return self

    def paginate(self, *, executionArn: str, reverseOrder: bool) -> Any:
        assert reverseOrder
        assert executionArn == FIRST
        return [{"events": [event]} for event in reversed(self.events)]

    def start_execution(self, **request: Any) -> Any:
        self.started.append(request)
        return {"executionArn": f"arn of {request['name']}"}


def entered(name: str, **steps: Any) -> dict[str, Any]:
    document = {"input": {"id": 7}, "earlier": {}, "steps": steps}
    return {"type": "TaskStateEntered", "stateEnteredEventDetails": {"name": name, "input": json.dumps(document)}}


def exited(name: str, **steps: Any) -> dict[str, Any]:
    document = {"input": {"id": 7}, "earlier": {}, "steps": steps}
    return {"type": "TaskStateExited", "stateExitedEventDetails": {"name": name, "output": json.dumps(document)}}


FIRST_STEP = [entered("Reserve"), exited("Reserve", Reserve={"cents": 5})]


@pytest.mark.parametrize(
    ("history", "error", "steps"),
    [
        # The step in which it ended may have happened.
        (
            History("ABORTED", *FIRST_STEP, entered("Charge", Reserve={"cents": 5}), {"type": "ExecutionAborted"}),
            "Execution.Aborted",
            ["Reserve", "Charge"],
        ),
        (History("TIMED_OUT", *FIRST_STEP, {"type": "ExecutionTimedOut"}), "Execution.Timed_Out", ["Reserve"]),
        (History("FAILED", entered("Reserve"), {"type": "ExecutionFailed"}, error="States.Runtime"), "States.Runtime", ["Reserve"]),
    ],
)
def test_an_execution_that_ended_without_compensations_is_undone_as_far_as_it_came(
    history: History, error: str, steps: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--execution", FIRST, "--state-machine-arn", MACHINE], object(), history) == 0
    [request] = history.started
    parked = json.loads(request["input"])["parked"]
    assert (request["stateMachineArn"], parked["execution"], parked["document"]["error"]["Error"]) == (MACHINE, FIRST, error)
    assert [*parked["document"]["steps"]] == steps
    assert parked["document"]["steps"].get("Charge", {"uncertain": True}) == {"uncertain": True}
    assert parked["document"]["input"] == {"id": 7}
    assert capsys.readouterr().out.splitlines() == [f"{FIRST} ({error}): goes on as arn of {request['name']}", "nothing is left"]


@pytest.mark.parametrize(
    ("history", "problem"),
    [
        (History("RUNNING", entered("Reserve")), "is RUNNING; those that are ABORTED, FAILED, TIMED_OUT can be undone"),
        (History("SUCCEEDED", *FIRST_STEP), "is SUCCEEDED; those that are ABORTED, FAILED, TIMED_OUT can be undone"),
        (History("ABORTED", {"type": "ExecutionAborted"}), "has no document in its history: no step has begun"),
    ],
)
def test_an_execution_with_nothing_to_undo_is_refused(history: History, problem: str) -> None:
    assert undo(history, FIRST, MACHINE) == (FIRST, "", "", problem)
    assert history.started == []


def test_a_dry_run_is_for_the_queue(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--execution", FIRST, "--state-machine-arn", MACHINE, "--dry-run"], object(), object())
    assert "--dry-run is for --queue-url" in capsys.readouterr().err


def test_a_long_name_keeps_room_for_its_end(sqs: Any, states: Any, queue: str) -> None:
    sqs.purge_queue(QueueUrl=queue)
    sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(record(f"{FIRST[:-4]}{'n' * 80}")))
    list(resume(Quick(sqs), states, queue, MACHINE))
    [execution] = executions(states)
    assert len(execution["name"]) == 80
