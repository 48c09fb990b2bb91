"""States of Amazon States Language that call a dependency through its circuit: the protocol of ``cloudpatterns_runtime.breaker``.

They read and write the same item, so that functions and state machines share a circuit. What differs: an execution has no memory of its
own. It reads at each call, writes each failure, and cannot watch a time pass: one that began in the future is of a wrong clock, and over.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pulumi

_MOST_NAME = 66
"""State names have at most 80 characters, and suffixes here up to 14."""
_RETENTION_SECONDS = 7 * 86_400
_TIMEOUT_SECONDS = 5
_REFUSED = ["DynamoDB.ConditionalCheckFailedException"]
# Only over what was seen. What is gone since (TTL, or somebody's reset) may be written over as well.
_UNCHANGED = "attribute_not_exists(#generation) OR #generation = :generation"


class Guard(NamedTuple):
    """The circuit of one dependency."""

    table_name: pulumi.Input[str]
    dependency: str
    settings: Mapping[str, Any]
    """As the library has them."""
    namespace: str


def guarded_states(
    guard: Guard, name: str, task: Mapping[str, Any], *, next_state: str, open_state: str, failure_state: str
) -> dict[str, Any]:
    """The states; see ``CircuitBreaker.states``.

    :raises ValueError: for a task with an end of its own or a catcher of all errors, and for a name that is too long.
    """
    if len(name) > _MOST_NAME:
        raise ValueError(f"the name {name!r} has {len(name)} characters; at most {_MOST_NAME} are allowed, as states are named after it.")
    if wrong := [field for field in ("Next", "End") if field in task]:
        raise ValueError(f"the task {name!r} has {wrong[0]}; the states around it say what follows. Leave it out.")
    catchers = task.get("Catch", [])
    if any("States.ALL" in catcher["ErrorEquals"] for catcher in catchers):
        raise ValueError(f"the task {name!r} catches States.ALL, so that no error would count. Catch the errors by name that are answers.")
    states = _States(guard, name)
    return {
        **states.before(open_state),
        name: {
            **task,
            "QueryLanguage": "JSONata",
            "Catch": [
                *catchers,
                {**states.kept("States.ALL", "failed"), **states.assigned("'failed': true, 'error': $states.errorOutput")},
            ],
            "Next": f"{name} succeeded",
        },
        **states.after_success(next_state),
        **states.after_failure(failure_state),
        **states.counting(next_state, failure_state),
    }


class _States:
    """Builds the states around one task. What they know stands in the variable ``breaker_<name>``."""

    def __init__(self, guard: Guard, name: str) -> None:
        self._guard, self._name, self._settings = guard, name, guard.settings
        self._variable = "breaker_" + re.sub("[^a-z0-9]+", "_", name.lower())

    def before(self, open_state: str) -> dict[str, Any]:
        """Reads the item, and lets the call through, refuses it, or takes the probe."""
        known, now, slack = f"${self._variable}", "$millis() / 1000", self._settings["clock_skew_seconds"]
        over = f"{now} >= {known}.ends_at + {slack} or {known}.ends_at - {known}.seconds > {now} + {slack}"
        unknown = self.assigned("'circuit': 'unknown', 'generation': 'none', 'failed': false, 'probe': false", anew=True)
        item = "$states.result.Item"
        seen = (
            f"'circuit': {_given(f'{item}.circuit.S', 'closed')}, 'generation': {_given(f'{item}.generation.S', 'none')}, "
            f"'ends_at': $number({_given(f'{item}.ends_at.N', '0')}), 'seconds': $number({_given(f'{item}.seconds.N', '0')}), "
            f"'failures': {self._sum(item, 'f')}, 'old': {self._old(item)}, 'failed': false, 'probe': false, "
            "'mine': $states.context.Execution.Id & ' ' & $string($random())"
        )
        key = {"dependency": {"S": self._guard.dependency}}
        read = {"TableName": self._guard.table_name, "Key": key, "ConsistentRead": True}
        half_open = self._item("half_open", self._settings["probe_seconds"], "a state machine probes", f"{{% {known}.mine %}}")
        probing = self.assigned("'probe': true")
        return {
            f"{self._name} guarded": {
                **self._task("dynamodb:getItem", read, "circuit", catch=[{**self.kept("States.ALL", "unguarded"), **unknown}]),
                **self.assigned(seen, anew=True),
            },
            f"{self._name} unguarded": self._metric("Unreachable", self._name),
            f"{self._name} circuit": {
                "Type": "Choice",
                "QueryLanguage": "JSONata",
                "Choices": [
                    {"Condition": f"{{% {known}.circuit = 'closed' %}}", "Next": self._name},
                    {"Condition": f"{{% {over} %}}", "Next": f"{self._name} probe"},
                ],
                "Default": open_state,
            },
            f"{self._name} probe": {
                **self._put(
                    half_open,
                    f"{known}.generation",
                    self._name,
                    catch=[
                        {"ErrorEquals": _REFUSED, "Output": "{% $states.input %}", "Next": open_state},
                        # Perhaps it is written; only then its end is written, too.
                        {**self.kept("States.ALL", "unguarded"), **probing},
                    ],
                ),
                **probing,
            },
        }

    def after_success(self, next_state: str) -> dict[str, Any]:
        """Closes the circuit after a probe; counts a success where there is a rate, and failures to compare it with."""
        known = f"${self._variable}"
        choices = [{"Condition": f"{{% {known}.probe %}}", "Next": f"{self._name} close"}]
        if self._settings["failure_rate"] is not None:
            condition = f"{{% {known}.circuit = 'closed' and {known}.failures > 0 %}}"
            choices.append({"Condition": condition, "Next": f"{self._name} count"})
        closed = self._item("closed", 0, "the probe succeeded", self._new_generation())
        return {
            f"{self._name} succeeded": {"Type": "Choice", "QueryLanguage": "JSONata", "Choices": choices, "Default": next_state},
            f"{self._name} close": self._put(closed, f"{known}.mine", next_state),
        }

    def after_failure(self, failure_state: str) -> dict[str, Any]:
        """Opens the circuit again after a probe, and counts a failure where the circuit was closed."""
        known = f"${self._variable}"
        opened = self._item("open", self._settings["open_seconds"], "the probe failed", self._new_generation())
        return {
            f"{self._name} failed": {
                "Type": "Choice",
                "QueryLanguage": "JSONata",
                "Choices": [
                    {"Condition": f"{{% {known}.probe %}}", "Next": f"{self._name} reopen"},
                    {"Condition": f"{{% {known}.circuit = 'closed' %}}", "Next": f"{self._name} count"},
                ],
                "Default": failure_state,
            },
            f"{self._name} reopen": self._put(
                opened, f"{known}.mine", f"{self._name} report", catch=[self.kept("States.ALL", failure_state, is_own=False)]
            ),
        }

    def counting(self, next_state: str, failure_state: str) -> dict[str, Any]:
        """Adds a call to the counts, and opens the circuit where they say so."""
        known, settings, attributes = f"${self._variable}", self._settings, "$states.result.Attributes"
        width = settings["window_seconds"] * 100
        start = f"$string($floor($floor($millis() / {width:g}) * {width:g}))"
        removed = f"($count({known}.old) > 0 ? ' REMOVE ' & $join($map({known}.old, function($n) {{ '#' & $n }}), ', ') : '')"
        names = (
            "[{'#generation': 'generation', '#expires_at': 'expires_at', '#failures': 'f' & "
            f"{start}, '#calls': 'c' & {start}}}], $map({known}.old, function($n) {{ {{'#' & $n: $n}} }})"
        )
        arguments = {
            "TableName": self._guard.table_name,
            "Key": {"dependency": {"S": self._guard.dependency}},
            "UpdateExpression": f"{{% 'SET #expires_at = :expires_at ADD #failures :failures, #calls :calls' & {removed} %}}",
            "ConditionExpression": _UNCHANGED,
            "ExpressionAttributeNames": f"{{% $merge($append({names})) %}}",
            "ExpressionAttributeValues": {
                ":generation": {"S": f"{{% {known}.generation %}}"},
                ":expires_at": {"N": _expiry()},
                ":failures": {"N": f"{{% {known}.failed ? '1' : '0' %}}"},
                ":calls": {"N": "1"},
            },
            "ReturnValues": "ALL_NEW",
        }
        opens = [f"{known}.failures >= {settings['failures']}"] if settings["failures"] is not None else []
        if settings["failure_rate"] is not None:
            rate = settings["failure_rate"]
            opens.append(f"({known}.calls >= {settings['minimum_calls']} and {known}.failures >= {rate} * {known}.calls)")
        opened = self._item("open", settings["open_seconds"], "too many calls failed", self._new_generation())
        return {
            f"{self._name} count": {
                **self._task("dynamodb:updateItem", arguments, "counted", catch=[self.kept("States.ALL", "done")]),
                **self.assigned(f"'failures': {self._sum(attributes, 'f')}, 'calls': {self._sum(attributes, 'c')}"),
            },
            f"{self._name} counted": {
                "Type": "Choice",
                "QueryLanguage": "JSONata",
                "Choices": [{"Condition": f"{{% {' or '.join(opens)} %}}", "Next": f"{self._name} open"}],
                "Default": f"{self._name} done",
            },
            f"{self._name} open": self._put(opened, f"{known}.generation", f"{self._name} report", catch=[self.kept("States.ALL", "done")]),
            f"{self._name} report": self._metric("Opened", f"{self._name} done"),
            f"{self._name} done": {
                "Type": "Choice",
                "QueryLanguage": "JSONata",
                "Choices": [{"Condition": f"{{% {known}.failed %}}", "Next": failure_state}],
                "Default": next_state,
            },
        }

    def kept(self, error: str, next_state: str, *, is_own: bool = True) -> dict[str, Any]:
        """A catcher that goes on with the state's input; to one of these states, unless it ``is_own``."""
        return {
            "ErrorEquals": [error],
            "Output": "{% $states.input %}",
            "Next": f"{self._name} {next_state}" if is_own else next_state,
        }

    def assigned(self, fields: str, *, anew: bool = False) -> dict[str, Any]:
        """``Assign`` of the variable: with further fields, or anew."""
        value = f"{{{fields}}}" if anew else f"$merge([${self._variable}, {{{fields}}}])"
        return {"Assign": {self._variable: f"{{% {value} %}}"}}

    def _task(
        self, action: str, arguments: Mapping[str, Any], next_state: str, *, catch: Sequence[Mapping[str, Any]], is_own: bool = True
    ) -> dict[str, Any]:
        return {
            "Type": "Task",
            "QueryLanguage": "JSONata",
            "Resource": f"arn:aws:states:::{action}",
            "Arguments": arguments,
            "TimeoutSeconds": _TIMEOUT_SECONDS,
            "Output": "{% $states.input %}",
            "Catch": [*catch],
            "Next": f"{self._name} {next_state}" if is_own else next_state,
        }

    def _put(
        self, item: Mapping[str, Any], generation: str, next_state: str, *, catch: Sequence[Mapping[str, Any]] | None = None
    ) -> dict[str, Any]:
        arguments = {
            "TableName": self._guard.table_name,
            "Item": item,
            "ConditionExpression": _UNCHANGED,
            "ExpressionAttributeNames": {"#generation": "generation"},
            "ExpressionAttributeValues": {":generation": {"S": f"{{% {generation} %}}"}},
        }
        catchers = [self.kept("States.ALL", next_state, is_own=False)] if catch is None else catch
        return self._task("dynamodb:putItem", arguments, next_state, catch=catchers, is_own=False)

    def _metric(self, metric: str, next_state: str) -> dict[str, Any]:
        dimensions = [{"Name": "Table", "Value": self._guard.table_name}, {"Name": "Dependency", "Value": self._guard.dependency}]
        data = [{"MetricName": metric, "Value": 1, "Unit": "Count", "Dimensions": dimensions}]
        arguments = {"Namespace": self._guard.namespace, "MetricData": data}
        catch = [self.kept("States.ALL", next_state, is_own=False)]
        return self._task("aws-sdk:cloudwatch:putMetricData", arguments, next_state, catch=catch, is_own=False)

    def _item(self, circuit: str, seconds: float, reason: str, generation: str) -> dict[str, Any]:
        return {
            "dependency": {"S": self._guard.dependency},
            "generation": {"S": generation},
            "circuit": {"S": circuit},
            "ends_at": {"N": f"{{% $string($round($millis() / 1000 + {seconds}, 3)) %}}"},
            "seconds": {"N": f"{seconds:g}"},
            "reason": {"S": reason},
            "expires_at": {"N": _expiry()},
        }

    @staticmethod
    def _new_generation() -> str:
        return "{% $states.context.Execution.Id & ' ' & $string($random()) %}"

    def _in_window(self) -> str:
        return f"$abs($number($substring($k, 1)) - $millis()) < {self._settings['window_seconds'] * 1000:g}"

    def _sum(self, item: str, kind: str) -> str:
        """The counts of a kind in the window."""
        counts = f"$each({item}, function($v, $k) {{ $contains($k, /^{kind}[0-9]+$/) and {self._in_window()} ? $number($v.N) }})"
        return f"$sum($append([0], {counts}))"

    def _old(self, item: str) -> str:
        """The names of counts that are out of the window."""
        names = f"$each({item}, function($v, $k) {{ $contains($k, /^[fc][0-9]+$/) and $not({self._in_window()}) ? $k }})"
        return f"$append([], {names})"


def _given(value: str, default: str) -> str:
    return f"($exists({value}) ? {value} : '{default}')"


def _expiry() -> str:
    return f"{{% $string($floor($millis() / 1000) + {_RETENTION_SECONDS}) %}}"
