"""The two query languages of Step Functions, each with the same few phrases about the document that a workflow's states hand on.

The document is ``{"input": ..., "earlier": {...}, "steps": {...}}``: what the execution was started with, results of the steps around a
nested sequence, and those of the sequence itself. A step has finished when its name is in ``steps``. After a failure there is ``error``.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

Fields = dict[str, Any]


class Reference(NamedTuple):
    """A value at run time, in both languages."""

    json_path: str
    jsonata: str


def at(path: str) -> Reference:
    """What is in the document at a path such as ``steps.Charge``."""
    return Reference(f"$.{path}", f"$states.input.{path}")


def steps_of(name: str) -> Reference:
    """The list of what is in ``steps`` of each branch of a step."""
    return Reference(f"$.steps.{name}.results[*].steps", f"[$states.input.steps.{name}.results.steps]")


DOCUMENT = Reference("$", "$states.input")
EARLIER = Reference("States.JsonMerge($.earlier, $.steps, false)", "$merge([$states.input.earlier, $states.input.steps])")
"""Results of all steps so far, for a nested sequence."""
EXECUTION_ID = Reference("$$.Execution.Id", "$states.context.Execution.Id")
STATE_NAME = Reference("$$.State.Name", "$states.context.State.Name")
TASK_TOKEN = Reference("$$.Task.Token", "$states.context.Task.Token")
ITEM = Reference("$$.Map.Item.Value", "$states.context.Map.Item.Value")
INDEX = Reference("$$.Map.Item.Index", "$states.context.Map.Item.Index")


class JsonPath:
    """The language with paths: https://docs.aws.amazon.com/step-functions/latest/dg/amazon-states-language-paths.html."""

    name = "JSONPath"

    def template(self, fields: Mapping[str, Any]) -> Fields:
        """An object with references resolved."""
        return {
            (f"{name}.$" if isinstance(value, Reference) else name): value.json_path if isinstance(value, Reference) else value
            for name, value in fields.items()
        }

    def arguments(self, fields: Mapping[str, Any]) -> Fields:
        """What a task, Parallel or Map gets."""
        return {"Parameters": self.template(fields)}

    def output(self, fields: Mapping[str, Any]) -> Fields:
        """A Pass whose output is a new document."""
        return {"Parameters": self.template(fields)}

    def put(self, path: str, fields: Mapping[str, Any]) -> Fields:
        """A Pass that adds an object to the document."""
        return {"Parameters": self.template(fields), "ResultPath": f"$.{path}"}

    def keep(self, path: str, result: str, whole: bool = True) -> Fields:
        """Adds a task's result to the document, or ``{}`` in its place."""
        return {**({} if whole else {"ResultSelector": {}}), "ResultPath": f"$.{path}"}

    def keep_branches(self, path: str) -> Fields:
        """Adds the outputs of branches or items to the document, and whether one of them failed."""
        selector = {"results.$": "$", "failed.$": "States.ArrayContains($[*].outcome, 'failed')"}
        return {"ResultSelector": selector, "ResultPath": f"$.{path}"}

    def items(self, expression: str) -> Fields:
        """The list of a Map."""
        return {"ItemsPath": expression}

    def items_at(self, path: str) -> Fields:
        """The list of a Map, from the document."""
        return {"ItemsPath": f"$.{path}"}

    def catcher(self, errors: Sequence[str], target: str, path: str = "error") -> Fields:
        """An entry of ``Catch`` that adds the error to the document."""
        return {"ErrorEquals": list(errors), "ResultPath": f"$.{path}", "Next": target}

    def has(self, parent: str, name: str) -> Fields:
        """The rule of a Choice that holds where the document, or what stands at ``parent`` of it, has a name."""
        return {"Variable": f"$.{parent}.{name}" if parent else f"$.{name}", "IsPresent": True}

    def failed_with(self, errors: Sequence[str]) -> Fields:
        """The rule of a Choice that holds where the error in the document is one of several."""
        return {"Or": [{"Variable": "$.error.Error", "StringEquals": error} for error in errors]}

    def resumed(self) -> Fields:
        """Of a Pass: the document of the record at ``parked``, with ``resumed`` in it."""
        document = "States.JsonMerge($.parked.document, States.StringToJson('{\"resumed\":true}'), false)"
        return {"Parameters": {"document.$": document}, "OutputPath": "$.document"}

    def holds(self, path: str) -> Fields:
        """The rule of a Choice that holds where there is true in the document."""
        return {"Variable": f"$.{path}", "BooleanEquals": True}

    def cause(self) -> Fields:
        """Of a Fail: the error in the document, as JSON."""
        return {"CausePath": "States.JsonToString($.error)"}

    def until(self, timestamp: str) -> Fields:
        """Of a Wait: a timestamp, or a path to one."""
        return {"TimestampPath" if timestamp.startswith("$") else "Timestamp": timestamp}


class Jsonata:
    """The language with expressions: https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html."""

    name = "JSONata"

    def template(self, fields: Mapping[str, Any]) -> Fields:
        """See ``JsonPath``."""
        return {name: _expression(value.jsonata) if isinstance(value, Reference) else value for name, value in fields.items()}

    def arguments(self, fields: Mapping[str, Any]) -> Fields:
        """See ``JsonPath``."""
        return {"Arguments": self.template(fields)}

    def output(self, fields: Mapping[str, Any]) -> Fields:
        """See ``JsonPath``."""
        return {"Output": self.template(fields)}

    def put(self, path: str, fields: Mapping[str, Any]) -> Fields:
        """See ``JsonPath``."""
        return {"Output": _expression(_merged(path, _value(fields)))}

    def keep(self, path: str, result: str, whole: bool = True) -> Fields:
        """See ``JsonPath``. ``result`` is the part of the task's result that is kept."""
        # Without a value the name would not be there, and the step would seem not to have happened.
        value = f"$exists({result}) ? {result} : null" if whole else "{}"
        return {"Output": _expression(_merged(path, value))}

    def keep_branches(self, path: str) -> Fields:
        """See ``JsonPath``."""
        return {"Output": _expression(_merged(path, "{'results': $states.result, 'failed': 'failed' in $states.result.outcome}"))}

    def items(self, expression: str) -> Fields:
        """See ``JsonPath``."""
        return {"Items": expression}

    def items_at(self, path: str) -> Fields:
        """See ``JsonPath``."""
        return {"Items": _expression(f"$states.input.{path}")}

    def catcher(self, errors: Sequence[str], target: str, path: str = "error") -> Fields:
        """See ``JsonPath``."""
        return {"ErrorEquals": list(errors), "Output": _expression(_merged(path, "$states.errorOutput")), "Next": target}

    def has(self, parent: str, name: str) -> Fields:
        """See ``JsonPath``."""
        # Not $exists: what a step returned may be null.
        return {"Condition": _expression(f"'{name}' in $keys($states.input{f'.{parent}' if parent else ''})")}

    def failed_with(self, errors: Sequence[str]) -> Fields:
        """See ``JsonPath``."""
        return {"Condition": _expression(f"$states.input.error.Error in {json.dumps([*errors])}")}

    def resumed(self) -> Fields:
        """See ``JsonPath``."""
        return {"Output": _expression("$merge([$states.input.parked.document, {'resumed': true}])")}

    def holds(self, path: str) -> Fields:
        """See ``JsonPath``."""
        return {"Condition": _expression(f"$states.input.{path} = true")}

    def cause(self) -> Fields:
        """See ``JsonPath``."""
        return {"Cause": _expression("$string($states.input.error)")}

    def until(self, timestamp: str) -> Fields:
        """See ``JsonPath``."""
        return {"Timestamp": timestamp}


Language = JsonPath | Jsonata


def language(name: str) -> Language:
    """The language of a name."""
    return JsonPath() if name == JsonPath.name else Jsonata()


def _expression(text: str) -> str:
    return f"{{% {text} %}}"


def _merged(path: str, value: str) -> str:
    """The document with a value at a path of one or two names."""
    first, _, second = path.partition(".")
    inner = f"$merge([$states.input.{first}, {{'{second}': {value}}}])" if second else value
    return f"$merge([$states.input, {{'{first}': {inner}}}])"


def _value(value: Any) -> str:
    """A template as one expression."""
    if isinstance(value, Reference):
        return value.jsonata
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{json.dumps(name)}: {_value(inner)}' for name, inner in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, str) and value.startswith("{%") and value.endswith("%}"):
        return f"({value[2:-2].strip()})"
    return json.dumps(value)
