"""Goes on with executions of a state machine whose compensation had given up, and undoes those that ended without compensations.

``Workflow`` of ``cloudpatterns`` sends the whole document of such an execution to its parking queue. With its argument ``resume_parked``,
an execution that is started with the record at ``parked`` of its input goes on with the compensations. When the cause is fixed, run::

    python -m cloudpatterns_runtime.parked_executions --queue-url <parking_queue_url> --state-machine-arn <state_machine_arn>

A record leaves the queue when its execution has begun. The name of the execution is that of the record's message: whoever runs the command
twice, or runs it again after a lost answer, starts nothing twice. An execution that gives up again is in the queue again.

What was stopped by somebody, or ended by its timeout, left no record. With ``--execution`` instead of ``--queue-url`` it is made of the
history: the document of the state in which it ended, which counts as one that may have happened.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from cloudpatterns_runtime._checks import entry

__all__ = ["Resumed", "record_of", "resume", "undo"]

_HIDDEN_SECONDS = 60
_MOST_NAME = 80
_ENDED = ("ABORTED", "FAILED", "TIMED_OUT")


class Resumed(NamedTuple):
    """What became of one record."""

    execution: str
    """The execution that had given up; the message's id where the record does not say."""
    error: str
    """What it failed of in the first place."""
    resumed_by: str
    """ARN of the execution that goes on; empty where there is none."""
    problem: str
    """Why the record is still in the queue; empty: it is not."""


def resume(sqs: Any, states: Any, queue_url: str, state_machine_arn: str, *, dry_run: bool = False) -> Iterator[Resumed]:
    """Starts an execution for each record of the queue; what became of each. ``sqs`` and ``states`` are boto3's clients."""
    seen: set[str] = set()
    while messages := _received(sqs, queue_url, dry_run):
        fresh = [message for message in messages if message["MessageId"] not in seen]
        seen |= {message["MessageId"] for message in fresh}
        for message in fresh:
            yield _resumed(sqs, states, queue_url, state_machine_arn, message, dry_run)
        if not fresh:
            return


def record_of(states: Any, execution_arn: str) -> dict[str, Any]:
    """The record of an execution that ended without compensations, from its history.

    :raises ValueError: for an execution that runs or has succeeded, or whose history does not say how far it came.
    """
    execution = states.describe_execution(executionArn=execution_arn)
    if execution["status"] not in _ENDED:
        raise ValueError(f"is {execution['status']}; those that are {', '.join(_ENDED)} can be undone")
    pages = states.get_paginator("get_execution_history").paginate(executionArn=execution_arn, reverseOrder=True)
    state, text = next(filter(None, (_document(event) for page in pages for event in page["events"])), ("", "null"))
    document = json.loads(text)
    if not isinstance(document, dict) or "steps" not in document:
        raise ValueError("has no document in its history: no step has begun")
    if state:
        document["steps"] = {**document["steps"], state: {"uncertain": True}}
    error = {"Error": execution.get("error") or f"Execution.{execution['status'].title()}", "Cause": execution.get("cause") or ""}
    return {"execution": execution_arn, "state": state, "document": {"error": error, **document}}


def _document(event: Any) -> tuple[str, str] | None:
    """The document as a state got it, with the state's name, or as a state left it, without."""
    if (entered := event.get("stateEnteredEventDetails")) is not None:
        return entered["name"], entered.get("input", "null")
    exited = event.get("stateExitedEventDetails")
    return None if exited is None else ("", exited.get("output", "null"))


def undo(states: Any, execution_arn: str, state_machine_arn: str) -> Resumed:
    """Starts the compensations of an execution that ended without them."""
    try:
        record = record_of(states, execution_arn)
    except ValueError as problem:
        return Resumed(execution_arn, "", "", str(problem))
    arn, problem = _started(states, state_machine_arn, record, execution_arn)
    return Resumed(execution_arn, record["document"]["error"]["Error"], arn, problem)


def _received(sqs: Any, queue_url: str, dry_run: bool) -> list[Any]:
    # A record that is only looked at is there again after a moment.
    hidden = 10 if dry_run else _HIDDEN_SECONDS
    request = {"QueueUrl": queue_url, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 2, "VisibilityTimeout": hidden}
    return sqs.receive_message(**request).get("Messages", [])


def _resumed(sqs: Any, states: Any, queue_url: str, state_machine_arn: str, message: Any, dry_run: bool) -> Resumed:
    try:
        record = json.loads(message["Body"])
        execution, document = record["execution"], record["document"]
        error = document.get("error", {}).get("Error", "unknown")
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        return Resumed(message["MessageId"], "", "", f"is no record of an execution: {problem!r}")
    if dry_run:
        return Resumed(execution, error, "", "not resumed: dry run")
    arn, problem = _started(states, state_machine_arn, record, message["MessageId"])
    if not problem:
        sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
    return Resumed(execution, error, arn, problem)


def _started(states: Any, state_machine_arn: str, record: Any, why: str) -> tuple[str, str]:
    """The ARN of the execution that goes on with a record, and why there is none."""
    name = _name(record["execution"], why)
    try:
        started = states.start_execution(stateMachineArn=state_machine_arn, name=name, input=json.dumps({"parked": record}))
    except Exception as failure:
        # It has begun, and the answer or what followed was lost.
        if entry(getattr(failure, "response", None), "Error", "Code") == "ExecutionAlreadyExists":
            return f"{state_machine_arn.replace(':stateMachine:', ':execution:')}:{name}", ""
        return "", f"cannot be resumed: {failure}"
    return started["executionArn"], ""


def _name(execution: str, why: str) -> str:
    """The name of the execution that goes on: it begins with the name of the first one, and is the same for the same reason."""
    digest = hashlib.sha256(why.encode()).hexdigest()[:16]
    end = f"-resumed-{digest}"
    return execution.rsplit(":", 1)[-1][: _MOST_NAME - len(end)] + end


def main(arguments: Sequence[str] | None = None, sqs: Any = None, states: Any = None) -> int:
    """Goes on with executions whose compensation had given up; ends with 1 when records are left."""
    parser = argparse.ArgumentParser(prog="python -m cloudpatterns_runtime.parked_executions", description=main.__doc__)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--queue-url", help="the parking queue of the workflow")
    source.add_argument("--execution", help="ARN of an execution that was stopped or timed out, and is to be undone")
    parser.add_argument("--state-machine-arn", required=True, help="the state machine of the workflow")
    parser.add_argument("--dry-run", action="store_true", help="print what would be resumed, and change nothing")
    given = parser.parse_args(arguments)
    if given.execution is not None and given.dry_run:
        parser.error("--dry-run is for --queue-url")
    if sqs is None or states is None:
        import boto3

        sqs, states = boto3.client("sqs"), boto3.client("stepfunctions")
    left = 0
    if given.execution is not None:
        every = iter([undo(states, given.execution, given.state_machine_arn)])
    else:
        every = resume(sqs, states, given.queue_url, given.state_machine_arn, dry_run=given.dry_run)
    for one in every:
        left += bool(one.problem)
        print(f"{one.execution} ({one.error}): {one.problem or f'goes on as {one.resumed_by}'}", flush=True)
    print(f"{left} left" if left else "nothing is left")
    return 1 if left and not given.dry_run else 0


if __name__ == "__main__":
    sys.exit(main())
