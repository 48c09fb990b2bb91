"""Systems Manager Automation: the rules of a document, and an interpreter that walks it with a stand-in for AWS.

The JSON schema that AWS publishes (npm ``aws-ssm-document-language-service`` 1.0.0) is of 2020: it refuses ``onCancel``, every Python that
still runs, and conditions with ``Not``. So the rules are here, from AWS's pages of each action:
https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-actions.html

Whatever a document uses that is not known here is an error. Every request and every answer is checked against botocore's models.
"""

import builtins
import datetime as real_datetime
import json
import re
import time as real_time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from types import ModuleType, SimpleNamespace
from typing import Any

import botocore.session
from botocore.exceptions import ClientError
from botocore.model import ServiceModel
from botocore.validate import ParamValidator
from jsonschema import Draft202012Validator

_TYPES = {"String": str, "StringList": list, "Boolean": bool, "Integer": int, "MapList": list, "StringMap": dict}
_REFERENCE = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")
_SYSTEM = ("automation:EXECUTION_ID", "global:DATE", "global:DATE_TIME", "global:REGION")
_OPERATORS = {
    "StringEquals": lambda found, given: found == given,
    "EqualsIgnoreCase": lambda found, given: found.lower() == given.lower(),
    "StartsWith": lambda found, given: found.startswith(given),
    "EndsWith": lambda found, given: found.endswith(given),
    "Contains": lambda found, given: given in found,
    "BooleanEquals": lambda found, given: found is given,
    "NumericEquals": lambda found, given: found == given,
    "NumericGreater": lambda found, given: found > given,
    "NumericLesser": lambda found, given: found < given,
}
_NOT_ON_CANCEL = ("aws:approve", "aws:copyImage", "aws:createImage", "aws:createStack", "aws:createTags", "aws:pause", "aws:runInstances")
"""Actions that ``onCancel`` does not go to, with aws:sleep."""
CANCEL_SECONDS = 120
"""How long the steps after a cancellation may take."""
_POLL_SECONDS = 5
_MOST_BYTES = 64 * 1024


# --- the rules of a document ---


def _object(required: Sequence[str], optional: Sequence[str] = (), *, more: bool = False, **typed: Any) -> dict[str, Any]:
    properties = {name: typed.get(name, {"type": ["string", "boolean", "array", "object"]}) for name in (*required, *optional)}
    return {"type": "object", "required": list(required), "properties": properties, "additionalProperties": more}


_TEXT = {"type": "string", "minLength": 1}
_INPUTS: dict[str, Any] = {
    "aws:assertAwsResourceProperty": _object(
        ("Service", "Api", "PropertySelector", "DesiredValues"), more=True, DesiredValues={"type": "array"}
    ),
    "aws:branch": _object(("Choices",), ("Default",), Choices={"type": "array", "minItems": 1}, Default=_TEXT),
    "aws:changeInstanceState": _object(
        ("InstanceIds", "DesiredState"),
        ("CheckStateOnly", "Force", "FailOnUnexpectedStopped"),
        InstanceIds={"type": "array", "minItems": 1},
        FailOnUnexpectedStopped={"type": "boolean"},
        DesiredState={"enum": ["running", "stopped", "terminated"]},
    ),
    "aws:createImage": _object(("InstanceId", "ImageName"), ("ImageDescription", "NoReboot"), NoReboot={"type": "boolean"}),
    "aws:executeAwsApi": _object(("Service", "Api"), more=True, Service=_TEXT, Api={"type": "string", "pattern": "^[A-Z]"}),
    "aws:executeScript": _object(
        ("Runtime", "Handler", "Script"),
        ("InputPayload",),
        Runtime={"enum": ["python3.11"]},
        InputPayload={"type": "object"},
        Script=_TEXT,
    ),
    "aws:runCommand": _object(
        ("DocumentName",),
        ("InstanceIds", "MaxConcurrency", "MaxErrors", "Parameters", "Targets", "TimeoutSeconds"),
        MaxConcurrency=_TEXT,
        MaxErrors=_TEXT,
        Parameters={"type": "object"},
        TimeoutSeconds={"type": "integer", "minimum": 30},
    ),
    "aws:sleep": _object(("Duration",), Duration={"type": "string", "pattern": r"^PT(\d+H)?(\d+M)?(\d+S)?$"}),
    "aws:waitForAwsResourceProperty": _object(
        ("Service", "Api", "PropertySelector", "DesiredValues"), more=True, DesiredValues={"type": "array"}
    ),
}
_STEP = {
    "type": "object",
    "required": ["name", "action", "inputs"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "pattern": "^[a-zA-Z0-9_]{3,128}$"},
        "description": _TEXT,
        "action": {"enum": list(_INPUTS)},
        "maxAttempts": {"type": "integer", "minimum": 1, "maximum": 10},
        "timeoutSeconds": {"type": "integer", "minimum": 1},
        "onFailure": {"type": "string", "pattern": "^(Abort|Continue|step:[a-zA-Z0-9_]+)$"},
        "onCancel": {"type": "string", "pattern": "^(Abort|step:[a-zA-Z0-9_]+)$"},
        "nextStep": _TEXT,
        "isEnd": {"type": "boolean"},
        "isCritical": {"type": "boolean"},
        "inputs": {"type": "object"},
        "outputs": {
            "type": "array",
            "items": _object(
                ("Name", "Selector", "Type"), Name=_TEXT, Selector={"type": "string", "pattern": r"^\$"}, Type={"enum": list(_TYPES)}
            ),
        },
    },
    "allOf": [
        {"if": {"properties": {"action": {"const": action}}}, "then": {"properties": {"inputs": rule}}} for action, rule in _INPUTS.items()
    ],
}
_PARAMETER = {
    "type": "object",
    "required": ["type"],
    "additionalProperties": False,
    "properties": {
        "type": {"enum": list(_TYPES)},
        "description": _TEXT,
        "default": {},
        "allowedValues": {"type": "array", "minItems": 1},
        "allowedPattern": _TEXT,
    },
}
_DOCUMENT = {
    "type": "object",
    "required": ["schemaVersion", "assumeRole", "mainSteps"],
    "additionalProperties": False,
    "properties": {
        "schemaVersion": {"const": "0.3"},
        "description": _TEXT,
        "assumeRole": {"type": "string", "pattern": "^(arn:|{{)"},
        "parameters": {"type": "object", "minProperties": 1, "additionalProperties": _PARAMETER},
        "mainSteps": {"type": "array", "minItems": 1, "items": _STEP},
        "outputs": {"type": "array", "items": _TEXT},
    },
}


def errors(document: Mapping[str, Any]) -> list[str]:
    """What is wrong with a document; an empty list for a good one."""
    found = [f"{error.json_path}: {error.message}" for error in Draft202012Validator(_DOCUMENT).iter_errors(document)]
    return found or list(_meaning(document))


def _meaning(document: Mapping[str, Any]) -> Iterator[str]:
    steps = {step["name"]: step for step in document["mainSteps"]}
    if len(steps) != len(document["mainSteps"]):
        yield "two steps have the same name"
    if len(json.dumps(document).encode()) > _MOST_BYTES:
        yield "a document has at most 64 KB"
    outputs = {name: _output_names(step) for name, step in steps.items()}
    for name, step in steps.items():
        yield from _step_errors(name, step, steps)
        for reference in _REFERENCE.findall(json.dumps({**step, "outputs": []})):
            if not _is_known(reference, document, outputs):
                yield f"{name}: {{{{ {reference} }}}} is nothing that the document has"
    for reference in document.get("outputs", []):
        if not _is_known(reference, document, outputs):
            yield f"outputs: {reference} is nothing that a step has"
    if lost := set(steps) - _reachable(document["mainSteps"]):
        yield f"no step leads to {', '.join(sorted(lost))}"


def _step_errors(name: str, step: Mapping[str, Any], steps: Mapping[str, Any]) -> Iterator[str]:
    for target in _targets(step):
        if target not in steps:
            yield f"{name}: there is no step {target}"
    if step.get("isEnd") and (step.get("onFailure", "Abort").startswith("step:") or "nextStep" in step):
        yield f"{name}: isEnd ends the execution whether the step fails or not, so no step follows it"
    cancel = step.get("onCancel", "Abort").removeprefix("step:")
    if cancel in steps and steps[cancel]["action"] in (*_NOT_ON_CANCEL, "aws:sleep"):
        yield f"{name}: onCancel does not go to {steps[cancel]['action']}"
    if step["action"] == "aws:executeScript" and not 1 <= step.get("timeoutSeconds", 600) <= 600:
        yield f"{name}: a script runs for 600 seconds at most"
    if step["action"] == "aws:executeScript" and "{{" in step["inputs"]["Script"]:
        yield f"{name}: braces in a script are taken for a reference"
    if step["action"] == "aws:branch":
        for choice in step["inputs"]["Choices"]:
            yield from _choice_errors(name, {key: value for key, value in choice.items() if key != "NextStep"})


def _choice_errors(name: str, choice: Mapping[str, Any]) -> Iterator[str]:
    if len(choice) == 1 and (key := next(iter(choice))) in ("And", "Or"):
        for one in choice[key]:
            yield from _choice_errors(name, one)
    elif set(choice) == {"Not"}:
        yield from _choice_errors(name, choice["Not"])
    elif "Variable" not in choice or len(choice) != 2 or not set(choice) & set(_OPERATORS):
        yield f"{name}: {sorted(choice)} is no condition of aws:branch"


def _targets(step: Mapping[str, Any]) -> list[str]:
    links = [step[key].removeprefix("step:") for key in ("onFailure", "onCancel") if step.get(key, "").startswith("step:")]
    choices = [choice.get("NextStep", "") for choice in step["inputs"]["Choices"]] if step["action"] == "aws:branch" else []
    default = [step["inputs"]["Default"]] if step["action"] == "aws:branch" and "Default" in step["inputs"] else []
    return [*links, *choices, *default, *([step["nextStep"]] if "nextStep" in step else [])]


def _reachable(steps: Sequence[Mapping[str, Any]]) -> set[str]:
    after = {step["name"]: following["name"] for step, following in pairwise(steps)}
    named, found, ahead = {step["name"]: step for step in steps}, set(), [steps[0]["name"]]
    while ahead:
        name = ahead.pop()
        if name in found or name not in named:
            continue
        found.add(name)
        step = named[name]
        branches = step["action"] == "aws:branch" and "Default" in step["inputs"]
        goes_on = not (step.get("isEnd") or "nextStep" in step or branches)
        ahead += [*_targets(step), *([after[name]] if goes_on and name in after else [])]
    return found


def _output_names(step: Mapping[str, Any]) -> set[str]:
    own = {"aws:createImage": {"ImageId", "ImageState"}, "aws:executeScript": {"Payload"}}.get(step["action"], set())
    return {output["Name"] for output in step.get("outputs", [])} | own


def _is_known(reference: str, document: Mapping[str, Any], outputs: Mapping[str, set[str]]) -> bool:
    step, _, output = reference.partition(".")
    return reference in document.get("parameters", {}) or reference in _SYSTEM or output in outputs.get(step, ())


# --- the interpreter ---


class AwsError(Exception):
    """An error that AWS answers."""

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


Aws = Callable[[str, str, dict[str, Any]], dict[str, Any]]
"""What plays AWS: service, operation and request, as boto3 names them, to the answer; it raises ``AwsError``.

Where a script has clients of other Regions, ``in_region`` of it gives what plays that Region.
"""


@dataclass
class Clock:
    """Simulated time, in seconds, which waiting moves."""

    now: float = 0.0
    begin: real_datetime.datetime = real_datetime.datetime(2026, 11, 24, 12, tzinfo=real_datetime.UTC)
    ahead: Callable[[float], None] = lambda _: None
    """Called with the seconds of each wait, before the time passes."""

    def sleep(self, seconds: float) -> None:
        """Lets time pass."""
        self.ahead(seconds)
        self.now += seconds

    def time(self) -> real_datetime.datetime:
        """The time of the day."""
        return self.begin + real_datetime.timedelta(seconds=self.now)


@dataclass
class StepRun:
    """One run of a step."""

    name: str
    status: str
    attempts: int
    error: str = ""


@dataclass
class Execution:
    """What an execution came to."""

    id: str
    status: str = "InProgress"
    runs: list[StepRun] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    """Outputs of steps: ``step.output``."""

    @property
    def path(self) -> list[str]:
        """The steps in the order in which they ran."""
        return [run.name for run in self.runs]

    @property
    def errors(self) -> dict[str, str]:
        """Step to why it failed last."""
        return {run.name: run.error for run in self.runs if run.error}


class _TimedOut(Exception):
    """The step ran for longer than it may."""


class _Cancelled(Exception):
    """A user cancelled the execution, or the two minutes after that are over."""


class Automation:
    """Executions of one document."""

    def __init__(self, document: Mapping[str, Any], aws: Aws, clock: Clock | None = None) -> None:
        if found := errors(document):
            raise ValueError("\n".join(found))
        self._document, self._aws, self.clock = document, aws, clock or Clock()
        self._steps = {step["name"]: step for step in document["mainSteps"]}
        self._order = list(self._steps)

    def run(
        self,
        parameters: Mapping[str, Any] | None = None,
        *,
        cancel_in: tuple[str, float] | None = None,
        execution_id: str = "4105a4fc-f944-11e6-9d32-0a1b2c3d4e5f",
    ) -> Execution:
        """Runs the document to its end. ``cancel_in`` cancels it that many seconds into a step: 0 is after the step's first request."""
        execution = Execution(execution_id)
        self._values = self._parameters(parameters or {}, execution_id)
        self._cancel, self._over = cancel_in, float("inf")
        self.clock.ahead = self._ahead
        name: str | None = self._order[0]
        critical = ""
        while name is not None:
            step = self._steps[name]
            run, target = self._run_step(step)
            execution.runs.append(run)
            if run.status == "Cancelled":
                link = step.get("onCancel", "Abort") if self._over == float("inf") else "Abort"
                self._cancel, self._over = None, min(self._over, self.clock.now + CANCEL_SECONDS)
                name = link.removeprefix("step:") if link != "Abort" else None
                continue
            failed = run.status != "Success"
            link = step.get("onFailure", "Abort")
            if failed and step.get("isCritical", link != "Continue"):
                critical = critical or run.status
            if failed and link == "Abort":
                critical = critical or run.status
            name = self._after(step, target, failed)
        execution.status = "Cancelled" if self._over < float("inf") else critical or "Success"
        execution.values, self.clock.ahead = self._values, lambda _: None
        return execution

    def _after(self, step: Mapping[str, Any], target: str | None, failed: bool) -> str | None:
        link = step.get("onFailure", "Abort")
        if step.get("isEnd") and target is None:
            return None
        if failed and link != "Continue":
            return None if link == "Abort" else link.removeprefix("step:")
        if target is not None:
            return target
        if "nextStep" in step:
            return step["nextStep"]
        place = self._order.index(step["name"]) + 1
        return self._order[place] if place < len(self._order) else None

    def _run_step(self, step: Mapping[str, Any]) -> tuple[StepRun, str | None]:
        """The run of a step, and where a branch leads."""
        action = {
            "aws:assertAwsResourceProperty": self._assert,
            "aws:branch": self._branch,
            "aws:changeInstanceState": self._change_state,
            "aws:createImage": self._create_image,
            "aws:executeAwsApi": self._api,
            "aws:executeScript": self._script,
            "aws:sleep": self._sleep,
            "aws:waitForAwsResourceProperty": self._wait,
        }[step["action"]]
        self._name, run = step["name"], StepRun(step["name"], "Success", 0)
        self._step_begin = self.clock.now
        while run.attempts < step.get("maxAttempts", 1):
            run.attempts += 1
            self._until = self.clock.now + step.get("timeoutSeconds", 600 if step["action"] == "aws:executeScript" else 3600)
            try:
                answer = action(self._resolved(step["inputs"]))
                self._check_cancel(0)
                self._select(step, answer)
            except _Cancelled:
                run.status, run.error = "Cancelled", "cancelled"
                return run, None
            except _TimedOut:
                run.status, run.error = "TimedOut", "timed out"
            except (AwsError, _FailedError) as error:
                run.status, run.error = "Failed", str(error)
            else:
                run.status, run.error = "Success", ""
                return run, answer if step["action"] == "aws:branch" else None
        return run, None

    def _ahead(self, seconds: float) -> None:
        self._check_cancel(seconds)
        if self.clock.now + seconds > self._until:
            self.clock.now = self._until
            raise _TimedOut

    def _check_cancel(self, seconds: float) -> None:
        if self._cancel and self._cancel[0] == self._name and self.clock.now + seconds >= self._step_begin + self._cancel[1]:
            self.clock.now = max(self.clock.now, self._step_begin + self._cancel[1])
            raise _Cancelled
        if self.clock.now + seconds > self._over:
            self.clock.now = self._over
            raise _Cancelled

    # Actions.

    def _call(self, service: str, api: str, request: dict[str, Any], region: str | None = None) -> dict[str, Any]:
        model = _model(service).operation_model(api)
        _check_shape(request, model.input_shape, f"{service}:{api}")
        aws: Any = self._aws
        answer = (aws if region is None else aws.in_region(region))(service, api, request)
        _check_shape(answer, model.output_shape, f"the answer of {service}:{api}")
        return answer

    def _api(self, inputs: dict[str, Any]) -> Any:
        return self._call(inputs.pop("Service"), inputs.pop("Api"), inputs)

    def _property(self, inputs: dict[str, Any]) -> tuple[Any, list[Any]]:
        selector, desired = inputs.pop("PropertySelector"), inputs.pop("DesiredValues")
        return _selected(self._api(inputs), selector), desired

    def _assert(self, inputs: dict[str, Any]) -> Any:
        found, desired = self._property(inputs)
        if found not in desired:
            raise _FailedError(f"is {found!r}, not one of {desired}")

    def _wait(self, inputs: dict[str, Any]) -> Any:
        while True:
            found, desired = self._property(dict(inputs))
            if found in desired:
                return
            self.clock.sleep(_POLL_SECONDS)

    def _change_state(self, inputs: dict[str, Any]) -> Any:
        ids, desired = inputs["InstanceIds"], inputs["DesiredState"]
        api = {"running": "StartInstances", "stopped": "StopInstances", "terminated": "TerminateInstances"}[desired]
        if not inputs.get("CheckStateOnly"):
            self._call("ec2", api, {"InstanceIds": ids, **({"Force": True} if inputs.get("Force") else {})})
        fails = desired == "running" and inputs.get("FailOnUnexpectedStopped")
        while not all(self._is_in_state(instance_id, desired) for instance_id in ids):
            if fails and any(self._state(instance_id) == "stopped" for instance_id in ids):
                raise _FailedError("the instance stopped while it was started")
            self.clock.sleep(_POLL_SECONDS)

    def _state(self, instance_id: str) -> Any:
        return _selected(
            self._call("ec2", "DescribeInstances", {"InstanceIds": [instance_id]}), "$.Reservations[0].Instances[0].State.Name"
        )

    def _is_in_state(self, instance_id: str, desired: str) -> bool:
        state = self._state(instance_id)
        if state != desired or desired != "running":
            return state == desired
        statuses = self._call("ec2", "DescribeInstanceStatus", {"InstanceIds": [instance_id]})["InstanceStatuses"]
        return all(one[check]["Status"] == "ok" for one in statuses for check in ("InstanceStatus", "SystemStatus"))

    def _create_image(self, inputs: dict[str, Any]) -> Any:
        request = {"InstanceId": inputs["InstanceId"], "Name": inputs["ImageName"], "NoReboot": inputs.get("NoReboot", False)}
        description = {"Description": inputs["ImageDescription"]} if "ImageDescription" in inputs else {}
        image_id = self._call("ec2", "CreateImage", {**request, **description})["ImageId"]
        while (state := self._call("ec2", "DescribeImages", {"ImageIds": [image_id]})["Images"][0]["State"]) == "pending":
            self.clock.sleep(_POLL_SECONDS)
        if state != "available":
            raise _FailedError(f"the image is {state}")
        self._values |= {f"{self._name}.ImageId": image_id, f"{self._name}.ImageState": state}

    def _sleep(self, inputs: dict[str, Any]) -> Any:
        parts = re.findall(r"(\d+)([HMS])", inputs["Duration"])
        self.clock.sleep(sum(int(number) * {"H": 3600, "M": 60, "S": 1}[unit] for number, unit in parts))

    def _branch(self, inputs: dict[str, Any]) -> str | None:
        return next((choice["NextStep"] for choice in inputs["Choices"] if _holds(choice)), inputs.get("Default"))

    def _script(self, inputs: dict[str, Any]) -> Any:
        handler = load_script(inputs["Script"], self._call, self.clock)[inputs["Handler"]]
        try:
            answer = handler(inputs.get("InputPayload", {}), {"global": {}})
        except (_TimedOut, _Cancelled):
            raise
        except Exception as error:
            raise _FailedError(f"{type(error).__name__}: {error}") from error
        return {"Payload": json.loads(json.dumps(answer))}

    # Values.

    def _parameters(self, given: Mapping[str, Any], execution_id: str) -> dict[str, Any]:
        declared = self._document.get("parameters", {})
        if unknown := set(given) - set(declared):
            raise ValueError(f"the document has no parameter {', '.join(sorted(unknown))}")
        values: dict[str, Any] = {"global:REGION": "eu-west-1", "automation:EXECUTION_ID": execution_id}
        values |= {"global:DATE": f"{self.clock.time():%Y-%m-%d}", "global:DATE_TIME": f"{self.clock.time():%Y-%m-%d_%H.%M.%S}"}
        for name, rule in declared.items():
            if name not in given and "default" not in rule:
                raise ValueError(f"the parameter {name} is missing")
            value = given.get(name, rule.get("default"))
            if not isinstance(value, _TYPES[rule["type"]]):
                raise ValueError(f"{name} is {value!r}, no {rule['type']}")
            if "allowedValues" in rule and value not in rule["allowedValues"]:
                raise ValueError(f"{name} is {value!r}, not one of {rule['allowedValues']}")
            if "allowedPattern" in rule and not re.search(rule["allowedPattern"], value):
                raise ValueError(f"{name} is {value!r}, which does not match {rule['allowedPattern']}")
            values[name] = value
        return values

    def _resolved(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._resolved(one) for key, one in value.items()}
        if isinstance(value, list):
            return [self._resolved(one) for one in value]
        if not isinstance(value, str):
            return value
        if whole := _REFERENCE.fullmatch(value):
            return self._value(whole[1])
        return _REFERENCE.sub(lambda match: str(self._value(match[1])), value)

    def _value(self, reference: str) -> Any:
        if reference not in self._values:
            raise _FailedError(f"{reference} has no value: the step has not run, or failed")
        return self._values[reference]

    def _select(self, step: Mapping[str, Any], answer: Any) -> None:
        for output in step.get("outputs", []):
            value = _selected(answer, output["Selector"])
            if not isinstance(value, _TYPES[output["Type"]]):
                raise _FailedError(f"the output {output['Name']} is {value!r}, no {output['Type']}")
            self._values[f"{step['name']}.{output['Name']}"] = value


class _FailedError(Exception):
    """The step failed by itself."""


def _selected(answer: Any, selector: str) -> Any:
    """What a JSON path (names, numbers, ``[*]``) finds; None where there is nothing."""
    found: list[Any] = [answer]
    many = "[*]" in selector
    for name, index in re.findall(r"\.([A-Za-z0-9_]+)|\[(\d+|\*)\]", selector.removeprefix("$")):
        if name:
            found = [one[name] for one in found if isinstance(one, Mapping) and name in one]
        elif index == "*":
            found = [entry for one in found for entry in one]
        else:
            found = [one[int(index)] for one in found if len(one) > int(index)]
    return found if many else (found[0] if found else None)


def _holds(choice: Mapping[str, Any]) -> bool:
    if "And" in choice:
        return all(_holds(one) for one in choice["And"])
    if "Or" in choice:
        return any(_holds(one) for one in choice["Or"])
    if "Not" in choice:
        return not _holds(choice["Not"])
    operator = next(key for key in choice if key in _OPERATORS)
    return _OPERATORS[operator](choice["Variable"], choice[operator])


def _check_shape(value: dict[str, Any], shape: Any, what: str) -> None:
    if shape is None:
        if value:
            raise TypeError(f"{what} has {value}, and takes nothing")
        return
    report = ParamValidator().validate(value, shape)
    if report.has_errors():
        raise TypeError(f"{what}: {report.generate_report()}")


# --- what plays EC2 ---

INSTANCE_ID = "i-0123456789abcdef0"


@dataclass
class Ec2:
    """EC2 with one instance: its states take time, types may have no capacity or not boot, and operations may fail."""

    clock: Clock
    state: str = "running"
    type: str = "t3.small"
    stop_seconds: float = 60
    start_seconds: float = 30
    no_capacity: set[str] = field(default_factory=set)
    """Types that EC2 has no capacity for."""
    impaired: set[str] = field(default_factory=set)
    """Types on which the instance runs and never passes its status checks."""
    locked: bool = False
    """Whether the caller may not use the key of the disk: a start is accepted, and the instance stops again."""
    faults: dict[str, list[AwsError | None]] = field(default_factory=dict)
    """Operation to the errors of its next calls, in order; None lets one through."""
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """Every request but those that describe."""
    others: Aws | None = None
    """What plays the operations that are not here."""

    def __post_init__(self) -> None:
        self._done = self.clock.now + (self.stop_seconds if self.state == "stopping" else self.start_seconds)

    def __call__(self, service: str, api: str, request: dict[str, Any]) -> dict[str, Any]:
        """Answers a request."""
        self._settle()
        if not api.startswith(("Describe", "Get", "List")):
            self.calls.append((api, request))
        if (faults := self.faults.get(api)) and (error := faults.pop(0)):
            raise error
        method = getattr(self, f"_{api}", None)
        if service == "ec2" and method is not None:
            assert request.get("InstanceIds", [INSTANCE_ID]) == [INSTANCE_ID]
            return method(request)
        if self.others is None:
            raise NotImplementedError(f"nothing plays {service}:{api}")
        return self.others(service, api, request)

    def _settle(self) -> None:
        if self.state in ("pending", "stopping") and self.clock.now >= self._done:
            self.state = "running" if self.state == "pending" and not self.locked else "stopped"

    def _DescribeInstances(self, _: dict[str, Any]) -> dict[str, Any]:
        instance = {"InstanceId": INSTANCE_ID, "InstanceType": self.type, "State": {"Name": self.state}}
        return {"Reservations": [{"Instances": [instance]}]}

    def _DescribeInstanceStatus(self, _: dict[str, Any]) -> dict[str, Any]:
        check = {"Status": "impaired" if self.type in self.impaired else "ok"}
        return {"InstanceStatuses": [{"InstanceId": INSTANCE_ID, "InstanceStatus": check, "SystemStatus": check}]}

    def _StopInstances(self, _: dict[str, Any]) -> dict[str, Any]:
        if self.state == "pending":
            raise AwsError("IncorrectInstanceState", "the instance is not in a state from which it can be stopped")
        if self.state == "running":
            self.state, self._done = "stopping", self.clock.now + self.stop_seconds
        return {}

    def _StartInstances(self, _: dict[str, Any]) -> dict[str, Any]:
        if self.state == "stopping":
            raise AwsError("IncorrectInstanceState", "the instance is not in a state from which it can be started")
        if self.state == "stopped" and self.type in self.no_capacity:
            raise AwsError("InsufficientInstanceCapacity", f"there is no {self.type} in this zone")
        if self.state == "stopped":
            self.state, self._done = "pending", self.clock.now + self.start_seconds
        return {}

    def _ModifyInstanceAttribute(self, request: dict[str, Any]) -> dict[str, Any]:
        if self.state != "stopped":
            raise AwsError("IncorrectInstanceState", "the instance must be stopped")
        self.type = request["InstanceType"]["Value"]
        return {}


# --- scripts ---


def load_script(source: str, call: Aws, clock: Clock) -> dict[str, Any]:
    """The names of a Python script whose boto3, ``time`` and ``datetime`` are those of the simulation."""
    stand_ins = {"boto3": _boto3(call), "time": _time(clock), "datetime": _datetime(clock)}

    def load(name: str, *given: Any) -> Any:
        return stand_ins[name] if name in stand_ins else builtins.__import__(name, *given)

    names: dict[str, Any] = {"__name__": "automation_script", "__builtins__": {**vars(builtins), "__import__": load}}
    exec(compile(source, "automation_script", "exec"), names)
    return names


class _Client:
    """A client of boto3: ``describe_instances(InstanceIds=...)``."""

    def __init__(self, service: str, call: Callable[..., dict[str, Any]], region: str | None = None) -> None:
        self._service, self._call, self.exceptions = service, call, _Exceptions()
        self._region = {} if region is None else {"region": region}

    def __getattr__(self, method: str) -> Callable[..., Any]:
        names = _operations(self._service)

        def request(**given: Any) -> Any:
            try:
                return self._call(self._service, names[method], given, **self._region)
            except AwsError as error:
                raise self.exceptions.named(error.code)({"Error": {"Code": error.code, "Message": str(error)}}, names[method]) from error

        return request

    def get_paginator(self, method: str) -> Any:
        """Every page is one answer here."""
        return SimpleNamespace(paginate=lambda **given: iter([getattr(self, method)(**given)]))


@cache
def _model(service: str) -> ServiceModel:
    """Model of a service in botocore, which takes up to half a second to read."""
    return botocore.session.get_session().get_service_model(service)


@cache
def _operations(service: str) -> dict[str, str]:
    """Operations by boto3's names for them."""
    return {botocore.xform_name(name): name for name in _model(service).operation_names}


class _Exceptions:
    """``client.exceptions.ConflictException``."""

    ClientError = ClientError

    def __init__(self) -> None:
        self._kinds: dict[str, type[ClientError]] = {}

    def named(self, code: str) -> type[ClientError]:
        """The class of an error code."""
        return self._kinds.setdefault(code, type(code.replace(".", ""), (ClientError,), {}))

    def __getattr__(self, name: str) -> type[ClientError]:
        return self.named(name)


def _boto3(call: Aws) -> ModuleType:
    module = ModuleType("boto3")
    module.__dict__["client"] = lambda service, region_name=None: _Client(service, call, region_name)
    return module


def _time(clock: Clock) -> ModuleType:
    module = ModuleType("time")
    module.__dict__.update(
        vars(real_time) | {"sleep": clock.sleep, "monotonic": lambda: clock.now, "time": lambda: clock.time().timestamp()}
    )
    return module


def _datetime(clock: Clock) -> ModuleType:
    class Datetime(real_datetime.datetime):
        """The class with the simulation's time."""

        @classmethod
        def now(cls, tz: real_datetime.tzinfo | None = None) -> Any:
            return cls.fromtimestamp(clock.time().timestamp(), tz)

    module = ModuleType("datetime")
    module.__dict__.update(vars(real_datetime) | {"datetime": Datetime})
    return module
