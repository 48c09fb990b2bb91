"""Runs the state machine of ``examples/order_processing`` over the real functions of its services, many orders at once, and with faults.

moto's interpreter takes half a second for an order. This one runs the states that the definition has, and the order of events is a random
one that can be repeated: at every attempt of a step another order, or an attempt that was given up, may go first.
"""

import functools
import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import jsonata
from botocore.exceptions import ClientError

_PATH = re.compile(r"\$states((?:\.[A-Za-z_]\w*)+)")
_SICK = 0.85
ATTEMPTS = ("before", "after", "late", "twice", "killed")
"""How an attempt of a step fails."""
_NEVER_CAUGHT_BY_ALL = ("States.DataLimitExceeded", "States.Runtime")

Function = Callable[[Any], Any]


class Killed(Exception):
    """A function that ended in the middle: its memory or its time was used up."""


class StepError(Exception):
    """An attempt that failed, with the name of the error as the state machine has it."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


@functools.cache
def _compiled(expression: str) -> jsonata.Jsonata:
    return jsonata.Jsonata(expression)


def evaluated(template: Any, states: Mapping[str, Any]) -> Any:
    """A template with the values of its expressions."""
    if isinstance(template, dict):
        return {name: evaluated(value, states) for name, value in template.items()}
    if isinstance(template, list):
        return [evaluated(value, states) for value in template]
    if not isinstance(template, str) or not template.startswith("{%"):
        return template
    expression = template[2:-2].strip()
    if path := _PATH.fullmatch(expression):
        return functools.reduce(lambda value, name: value[name], path[1].split(".")[1:], states)
    compiled = _compiled(expression)
    frame = compiled.create_frame()
    frame.bind("states", states)
    result = compiled.evaluate(None, frame)
    assert result is not None, expression
    return json.loads(json.dumps(result))


@dataclass
class Weather:
    """How often what fails, and how."""

    random: random.Random
    rate: float
    sick: str | None = None
    """What fails most of the time, beside that: a word in the name of a function, or of an integration."""
    sickness: tuple[str, ...] = ATTEMPTS
    """How it fails."""
    fuse: int | None = None
    """Requests after which the function that runs now is killed."""
    counts: Counter[str] = field(default_factory=Counter)

    def draw(self, *kinds: str, of: str = "") -> str:
        """One of the kinds of failures, or ``fine``."""
        sick = self.sick is not None and self.sick in of
        fails = self.random.random() < (_SICK if sick else self.rate)
        kind = self.random.choice(self.sickness if sick else kinds) if fails else "fine"
        self.counts[kind] += 1
        return kind


class Faulty:
    """A client whose requests are refused, sent twice, or whose answers are lost, as often as the weather says; others go in between."""

    def __init__(self, client: Any, weather: Weather, meanwhile: Callable[[], None]) -> None:
        self._client, self._weather, self._meanwhile = client, weather, meanwhile

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)

        def called(*args: Any, **named: Any) -> Any:
            self._meanwhile()
            if (fuse := self._weather.fuse) is not None:
                self._weather.fuse = fuse - 1
                if not fuse:
                    raise Killed
            # A step has several requests: each fails less often than the step does.
            fate = self._weather.draw("refused", "lost", "again", *["fine"] * 6)
            if fate == "refused":
                raise ConnectionError(name)
            answer = method(*args, **named)
            if fate == "lost":
                raise ConnectionError(name)
            # The SDK sends a request without an answer again; a transaction has a token for that.
            return method(*args, **named) if fate == "again" and name != "transact_write_items" else answer

        return called


class Declined(Exception):
    """The customer's bank refuses."""


class Bank:
    """The payment provider: payments by key, and each movement of money."""

    def __init__(self) -> None:
        self.payments: dict[str, dict[str, Any]] = {}
        self.movements: list[tuple[str, int]] = []

    def create(self, key: str, cents: int, method: str) -> str:
        self.payments.setdefault(key, {"cents": cents, "method": method, "state": "created"})
        assert self.payments[key]["cents"] == cents, "a provider refuses another amount under the same key"
        return key

    def confirm(self, payment: str) -> None:
        found = self.payments[payment]
        if found["method"] == "declined":
            raise Declined
        if found["state"] in ("cancelled", "refunded"):
            raise ConnectionError("409")
        if found["state"] == "created":
            found["state"] = "confirmed"
            self.movements.append((payment, found["cents"]))

    def cancel(self, payment: str) -> None:
        found = self.payments[payment]
        if found["state"] == "confirmed":
            self.movements.append((payment, -found["cents"]))
        found["state"] = {"created": "cancelled", "confirmed": "refunded"}.get(found["state"], found["state"])


@dataclass
class World:
    """What the orders share: stores, functions, the queue of parked orders, and what is under way."""

    definition: Mapping[str, Any]
    functions: Mapping[str, Function]
    dynamodb: Any
    weather: Weather
    parked: list[Any] = field(default_factory=list)
    ends: dict[str, tuple[str, str]] = field(default_factory=dict)
    entered: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """The states that each execution has entered."""
    resting: list[Iterator[None]] = field(default_factory=list)

    def start(self, name: str, document: Any) -> None:
        """Starts an execution."""
        self.resting.append(self._execution(name, document))

    def run(self) -> None:
        """Runs all that is under way to its end, one attempt here and one there."""
        while self.resting:
            self._step()

    def meanwhile(self) -> None:
        """Lets others go on in the middle of an attempt: the next attempts of other orders, and those that were given up."""
        fuse, self.weather.fuse = self.weather.fuse, None
        while self.resting and self.weather.random.random() < self.weather.rate / 2:
            self._step()
        self.weather.fuse = fuse

    def _step(self) -> None:
        chosen = self.resting.pop(self.weather.random.randrange(len(self.resting)))
        # Not among those at rest while it goes on: it may be interrupted, and not by itself.
        if next(chosen, self) is not self:
            self.resting.append(chosen)

    def _execution(self, name: str, document: Any) -> Generator[None]:
        states, following = self.definition["States"], self.definition["StartAt"]
        while True:
            current, state = following, states[following]
            self.entered[name].append(current)
            known: dict[str, Any] = {
                "input": document,
                "context": {"Execution": {"Id": f"arn:aws:states:::execution:{name}"}, "State": {"Name": current}},
            }
            if state["Type"] in ("Succeed", "Fail"):
                self.ends[name] = (state["Type"], state.get("Error", ""))
                return
            if state["Type"] == "Choice":
                rules = (rule["Next"] for rule in state["Choices"] if evaluated(rule["Condition"], known) is True)
                following = next(rules, state["Default"])
                continue
            if state["Type"] == "Task":
                error, result = yield from self._task(state, evaluated(state["Arguments"], known))
                if error is not None:
                    catcher = next(one for one in state["Catch"] if _matches(one["ErrorEquals"], error))
                    document = evaluated(catcher["Output"], {**known, "errorOutput": {"Error": error, "Cause": "..."}})
                    following = catcher["Next"]
                    continue
                known["result"] = result
            document, following = evaluated(state.get("Output", "{% $states.input %}"), known), state["Next"]

    def _task(self, state: Mapping[str, Any], arguments: Any) -> Generator[None, None, tuple[str | None, Any]]:
        """The attempts of a task: the error of the last one, or the result."""
        left = [retrier["MaxAttempts"] for retrier in state["Retry"]]
        while True:
            yield
            try:
                return None, self._attempt(state["Resource"], arguments)
            except StepError as failure:
                error = failure.name
            number = next((number for number, one in enumerate(state["Retry"]) if _matches(one["ErrorEquals"], error)), None)
            if number is None or not left[number]:
                return error, None
            left[number] -= 1

    def _attempt(self, resource: str, arguments: Any) -> Any:
        def act() -> Any:
            try:
                return self._act(resource, arguments)
            except (StepError, AssertionError):
                raise
            except Exception as error:
                raise StepError(type(error).__name__) from error

        fate = self.weather.draw(*ATTEMPTS, of=arguments.get("FunctionName", resource))
        if fate == "before":
            raise StepError(self.weather.random.choice(["Lambda.TooManyRequestsException", "States.Timeout", "ConnectionError"]))
        if fate == "late":
            # Given up, and still running: it acts some time later, or never.
            self.resting.append(_later(act, self.weather.random.randrange(60)))
            raise StepError(self.weather.random.choice(["States.Timeout", "Lambda.SdkClientException", "Lambda.Unknown"]))
        if fate == "twice":
            self.resting.append(_later(act, self.weather.random.randrange(10)))
        self.weather.fuse = self.weather.random.randrange(6) if fate == "killed" else None
        try:
            result = act()
        finally:
            self.weather.fuse = None
        if fate in ("after", "killed"):
            raise StepError(self.weather.random.choice(["States.Timeout", "Lambda.Unknown", "ConnectionError", "Runtime.ExitError"]))
        return result

    def _act(self, resource: str, arguments: Any) -> Any:
        kind = resource.rsplit(":", 1)[-1]
        if kind == "invoke":
            name = arguments["FunctionName"].rsplit(":", 1)[-1]
            return {"Payload": json.loads(json.dumps(self.functions[name](json.loads(json.dumps(arguments["Payload"])))))}
        if kind == "sendMessage":
            self.parked.append(arguments["MessageBody"])
            return {}
        assert kind == "updateItem", resource
        try:
            return self.dynamodb.update_item(**arguments)
        except ClientError as error:
            raise StepError(f"DynamoDB.{error.response['Error']['Code']}") from error


def _later(act: Callable[[], Any], attempts: int) -> Iterator[None]:
    for _ in range(attempts):
        yield
    try:
        act()
    except StepError:
        return


def _matches(names: list[str], error: str) -> bool:
    everything = "States.ALL" in names and error not in _NEVER_CAUGHT_BY_ALL
    return error in names or everything or ("States.TaskFailed" in names and error != "States.Timeout")
