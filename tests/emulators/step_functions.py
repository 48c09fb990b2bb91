"""Runs a state machine in moto's interpreter of Amazon States Language, with a table of Python functions in the place of Lambda.

Both query languages run: JSONata by ``jsonata-python``. Retries and waits take no time; what they would have taken is recorded.
"""

import json
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple
from uuid import uuid4

import jsonata
import pytest
from moto.awslambda_simple.models import LambdaSimpleBackend
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.jsonata import jsonata as moto_jsonata
from moto.stepfunctions.parser.models import StepFunctionsParserBackend, stepfunctions_parser_backends

from tests.emulators.locked_moto import REGION, client, locked_moto

ACCOUNT = "123456789012"
_CONFIG = {"stepfunctions": {"execute_state_machine": True}, "lambda": {"use_docker": False}}
_ENDED = ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")
_SECONDS = 30

Function = Callable[[Any], Any]


def function_arn(name: str) -> str:
    """The ARN under which a state machine calls the function of this name."""
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"


class ServiceError(Exception):
    """Raised by a function of the table: Lambda itself answers with this error, such as ``Lambda.TooManyRequestsException``."""


class Call(NamedTuple):
    """One invocation of a function."""

    function: str
    payload: Any


class Execution(NamedTuple):
    """How an execution ended."""

    status: str
    output: Any
    error: str | None
    cause: str | None
    states: list[str]
    """Names of the states in the order in which they were entered."""


class Interpreter:
    """An account with functions by name. A function takes the payload; what it raises has its class's name as the error's.

    A ``TimeoutError`` is what the state machine sees as ``States.Timeout``: the function may have done its work.
    """

    def __init__(self, functions: Mapping[str, Function]) -> None:
        self.functions = dict(functions)
        self.calls: list[Call] = []
        self.waits: list[float] = []
        """Seconds that retries and Wait states would have taken."""
        self._lock = threading.Lock()

    @property
    def called(self) -> list[str]:
        """Names of the functions in the order of their invocations."""
        return [call.function for call in self.calls]

    def run(self, definition: Mapping[str, Any] | str, document: Any, *, seconds: float = _SECONDS) -> Execution:
        """Creates a machine of a definition, runs it with an input and waits for its end."""
        states = client("stepfunctions")
        text = definition if isinstance(definition, str) else json.dumps(definition)
        role = f"arn:aws:iam::{ACCOUNT}:role/machine"
        machine = states.create_state_machine(name=f"machine-{uuid4()}", definition=text, roleArn=role)["stateMachineArn"]
        arn = states.start_execution(stateMachineArn=machine, input=json.dumps(document))["executionArn"]
        end = time.monotonic() + seconds
        # Asked without a request: hundreds of them would take longer than the execution.
        running = stepfunctions_parser_backends[ACCOUNT][REGION].describe_execution(arn)
        while str(running.status) not in _ENDED:
            if time.monotonic() > end:
                raise AssertionError(f"the execution has not ended after {seconds} s; called were {self.called}")
            time.sleep(0.005)
        found = states.describe_execution(executionArn=arn)
        events = states.get_execution_history(executionArn=arn)["events"]
        entered = [event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event]
        output = json.loads(found["output"]) if found.get("output") else None
        return Execution(found["status"], output, found.get("error"), found.get("cause"), entered)

    def invoke(self, name: str, payload: Any, response_headers: dict[str, Any]) -> bytes:
        """Answers as Lambda does, for the name or ARN of a function."""
        name = name.rsplit(":function:", 1)[-1].split(":")[0]
        with self._lock:
            self.calls.append(Call(name, payload))
        if name not in self.functions:
            raise AssertionError(f"{name} is not one of the functions {', '.join(self.functions)}")
        try:
            return json.dumps(self.functions[name](payload)).encode()
        except (TimeoutError, AssertionError):
            raise
        except Exception as error:
            kind = str(error) if isinstance(error, ServiceError) else type(error).__name__
            response_headers["x-amz-function-error"] = "Unhandled"
            return json.dumps({"errorType": kind, "errorMessage": str(error)}).encode()

    def wait(self, seconds: float) -> None:
        """Records a wait instead of waiting."""
        with self._lock:
            self.waits.append(seconds)


def _evaluated(expression: str) -> Any:
    try:
        result = jsonata.Jsonata(expression).evaluate(None)
    except Exception as error:
        raise moto_jsonata.JSONataException("UNKNOWN", str(error)) from error
    return json.loads(json.dumps(result))


def _declared(bindings: Mapping[str, Any]) -> str:
    # moto puts a text between quotes as it is, so that one with quotes of its own ends early.
    return "".join(f"{name}:={json.dumps(value)};" for name, value in bindings.items())


class _Time:
    def __init__(self, interpreter: Interpreter) -> None:
        self.sleep = interpreter.wait


@contextmanager
def interpreter(functions: Mapping[str, Function]) -> Generator[Interpreter]:
    """An empty account whose state machines run, until the end of the block."""
    account = Interpreter(functions)

    def invoke(_self: Any, function_name: str, _qualifier: Any, body: Any, _headers: Any, response_headers: Any) -> bytes:
        return account.invoke(function_name, json.loads(body) if body else None, response_headers)

    with locked_moto(_CONFIG), pytest.MonkeyPatch.context() as patch:
        patch.setattr(LambdaSimpleBackend, "invoke", invoke)
        patch.setattr(retrier_decl, "time", _Time(account))
        # The execution parses it again, and parsing is most of the time.
        patch.setattr(StepFunctionsParserBackend, "_validate_definition", staticmethod(lambda definition: None))
        patch.setattr(WaitFunction, "_wait_interval", lambda _self, env, wait_seconds: account.wait(wait_seconds))
        patch.setattr(moto_jsonata, "_eval_jsonata", _evaluated)
        patch.setattr(moto_jsonata, "encode_jsonata_variable_declarations", _declared)
        yield account
