"""Reads definitions of state machines, in Amazon States Language: the states, also those inside maps and parallel branches."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from cloudpatterns_policies.core import Resource

MACHINE: Final = "aws:sfn/stateMachine:StateMachine"

_FUNCTION_ARN: Final = re.compile(r"arn:[^:]*:lambda:[^:]*:[^:]*:function:.*")
_CALLBACK: Final = re.compile(r".*\.waitForTaskToken|arn:[^:]*:states:[^:]*:[^:]*:activity:.*")


class State(NamedTuple):
    """A state, and those that it is inside of, the outermost first."""

    name: str
    body: Mapping[str, Any]
    around: tuple[Mapping[str, Any], ...] = ()

    @property
    def is_task(self) -> bool:
        """Whether it calls something."""
        return self.body.get("Type") == "Task"

    @property
    def resource(self) -> str:
        """What a task calls, without ARNs of functions that its parameters name."""
        found = self.body.get("Resource")
        return found if isinstance(found, str) else ""

    @property
    def calls_function(self) -> bool:
        """Whether a task calls a Lambda function, and waits for its answer."""
        return self.is_task and (self.resource.endswith(":states:::lambda:invoke") or bool(_FUNCTION_ARN.fullmatch(self.resource)))

    @property
    def function(self) -> str:
        """The function that a task calls, by its name or ARN; empty where it is not written down."""
        if _FUNCTION_ARN.fullmatch(self.resource):
            return self.resource
        given = self.body.get("Parameters") or self.body.get("Arguments")
        name = given.get("FunctionName") if isinstance(given, dict) else None
        return name if isinstance(name, str) else ""

    @property
    def waits_for_callback(self) -> bool:
        """Whether a task ends only when somebody says so."""
        return self.is_task and bool(_CALLBACK.fullmatch(self.resource))

    def has(self, *fields: str) -> bool:
        """Whether the state has a value in one of some fields, or in one whose value is found at run time."""
        return any(self.body.get(name) or self.body.get(f"{name}Path") for name in fields)


def definition(machine: Resource) -> dict[str, Any]:
    """The definition of a state machine; empty where it is not valid JSON. Raises `UnknownValueError` when it is not known."""
    text = machine.get("definition")
    try:
        found = json.loads(text) if isinstance(text, str) else None
    except ValueError:
        return {}  # accepted-value says it
    return found if isinstance(found, dict) else {}


def states(value: Any, around: tuple[Mapping[str, Any], ...] = ()) -> Iterator[State]:
    """The states of a machine, of a branch or of an item processor, with those inside them."""
    found = value.get("States") if isinstance(value, dict) else None
    for name, body in found.items() if isinstance(found, dict) else ():
        if isinstance(body, dict):
            yield State(name, body, around)
            branches = body.get("Branches")
            for inside in (body.get("ItemProcessor"), body.get("Iterator"), *(branches if isinstance(branches, list) else ())):
                yield from states(inside, (*around, body))
