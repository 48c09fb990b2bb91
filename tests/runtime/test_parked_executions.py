"""The command that goes on with executions whose compensation had given up."""

import json
from typing import Any

import pytest
from cloudpatterns_runtime.parked_executions import main, resume

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


def test_a_long_name_keeps_room_for_its_end(sqs: Any, states: Any, queue: str) -> None:
    sqs.purge_queue(QueueUrl=queue)
    sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(record(f"{FIRST[:-4]}{'n' * 80}")))
    list(resume(Quick(sqs), states, queue, MACHINE))
    [execution] = executions(states)
    assert len(execution["name"]) == 80
