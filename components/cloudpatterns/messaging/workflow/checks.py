"""What is wrong with the arguments of a ``Workflow``, found before anything is created."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pulumi

from cloudpatterns.core import Problem, excludes, function_problems, needs, one_of, statement_problems, unknown
from cloudpatterns.messaging.workflow.arguments import WorkflowArgs, WorkflowStepArgs
from cloudpatterns.messaging.workflow.asl import Finding, findings
from cloudpatterns.messaging.workflow.definition import Definition, inlined, nested
from cloudpatterns.messaging.workflow.tasks import KINDS, is_callback, kind_of, most_seconds

DAY_SECONDS, EXPRESS_SECONDS = 86_400, 300

_COMPOUNDS = ("parallel", "map", "saga")
_FLOW = ("wait", "choice", "values", "fail", "succeed")
_STEP_KINDS = (*KINDS, *_FLOW, *_COMPOUNDS)
_WITH_INPUT = ("function", "send_message", "publish", "put_event")
# Paths into the document, or of the context object.
_PATH = re.compile(r"\$\.(input|steps|earlier|item|index|error)\b|\$\$\.")
# In the place of what is not there yet.
_QUEUE, _FUNCTION = "arn:aws:sqs:eu-west-1:123456789012:parked", "arn:aws:lambda:eu-west-1:123456789012:function:new"


def sequences_of(checked: WorkflowArgs) -> Iterator[tuple[str, list[WorkflowStepArgs]]]:
    """The path and the steps of each sequence, that of the whole workflow first."""
    yield "steps", checked["steps"]
    for name, steps in checked["sequences"].items():
        yield f"sequences.{name}", steps


def workflow_problems(checked: WorkflowArgs) -> Iterator[Problem]:
    """All problems; those of the steps together come only when each for itself is right."""
    yield from one_of(checked, "steps", "definition")
    yield from needs(checked, "most_failed_executions", "alarm_topic_arns")
    yield from needs(checked, "parking_queue_kms_key_arn", "parking_queue_arn")
    yield from statement_problems(checked["statements"])
    for name, options in checked["functions"].items():
        yield from function_problems(options, f"functions.{name}")
    for other in ("sequences", "functions", "refusals", "resume_parked", "park_failures", "parking_queue_arn"):
        yield from excludes(checked, "definition", other, why="it belongs to steps")
    yield from needs(checked, "states_without_catch", "definition", why="steps have a failure path")
    timeout = checked.get("timeout_seconds")
    if checked["express"] and timeout is not None and timeout > EXPRESS_SECONDS:
        yield "timeout_seconds", f"is {timeout}; an Express execution lasts at most {EXPRESS_SECONDS} seconds. Give less, or express=False."
    yield from excludes(checked, "resume_parked", "park_failures", why="what it parks is compensated already")
    if checked["steps"]:
        found = [*_step_problems(checked), *_sequence_problems(checked), *_resume_problems(checked)]
        yield from found or _definition_problems(checked)
    elif (text := checked.get("definition")) is not None and not isinstance(text, pulumi.Output):
        yield from given_problems(checked, text)


def most_seconds_of(checked: WorkflowArgs, steps: Sequence[WorkflowStepArgs]) -> float:
    """What a sequence takes at worst, with its retries and compensations; loops and the items of a Map count once."""
    return sum(_most_seconds(checked, step) for step in steps)


def _most_seconds(checked: WorkflowArgs, step: WorkflowStepArgs) -> float:
    sequences = checked["sequences"]
    each = [most_seconds_of(checked, sequences[name]) for name in (*nested(step), *inlined(step))]
    wait, compensation = step.get("wait"), step.get("compensation")
    pause = wait.get("seconds") if wait else None
    own = most_seconds(step) if kind_of(step) else 0 if pause is None else pause
    return own + max(each, default=0) + (most_seconds(compensation, undoes=True) if compensation else 0)


def _step_problems(checked: WorkflowArgs) -> Iterator[Problem]:
    for path, steps in sequences_of(checked):
        if not steps:
            yield path, "is empty; a sequence has at least one step."
        names = [step["name"] for step in steps]
        for number, step in enumerate(steps):
            yield from _problems_of(checked, step, f"{path}.{number}", names)


def _problems_of(checked: WorkflowArgs, step: WorkflowStepArgs, path: str, names: list[str]) -> Iterator[Problem]:
    here, where = step["name"], f"{path}."
    kinds = [kind for kind in _STEP_KINDS if step.get(kind) not in (None, False)]
    if len(kinds) != 1:
        found = f"{' and '.join(kinds)} are" if kinds else "none is"
        yield path, f"{here} needs exactly one of {', '.join(_STEP_KINDS)}; {found} given."
        return
    (kind,) = kinds
    yield from _task_problems(checked, step, path, kind)
    yield from _flow_problems(checked, step, where, kind)
    if (compensation := step.get("compensation")) is not None:
        inner = [one for one in KINDS if compensation.get(one) is not None]
        if kind not in KINDS:
            yield (
                f"{where}compensation",
                f"is for what can be undone ({', '.join(KINDS)}); {here} has {kind}. Move it to the step that acts.",
            )
        if len(inner) != 1:
            yield f"{where}compensation", f"needs exactly one of {', '.join(KINDS)}; {' and '.join(inner) or 'none'} is given."
        else:
            yield from _task_problems(checked, compensation, f"{where}compensation", inner[0])
    for target_path, target in _targets(step, where):
        given = target.get("next")
        if given is not None and given not in names:
            yield target_path, unknown(given, "a step of the same sequence", names)
        if given is not None and target.get("sequence") is not None:
            yield target_path, "excludes sequence; both are given. Remove one of them."


def _targets(step: WorkflowStepArgs, where: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Everything in a step that may have ``next``, with the path of that."""
    yield f"{where}next", step
    if choice := step.get("choice"):
        for number, rule in enumerate(choice["rules"]):
            yield f"{where}choice.rules.{number}.next", rule
        yield f"{where}choice.default.next", choice["default"]
    for number, one in enumerate(step["catch"]):
        yield f"{where}catch.{number}.next", one


def _task_problems(checked: WorkflowArgs, task: Any, path: str, kind: str) -> Iterator[Problem]:
    retry = task.get("retry")
    errors = None if retry is None else retry.get("errors")
    if errors is not None and "States.ALL" in errors and len(errors) > 1:
        yield f"{path}.retry.errors", "has States.ALL beside others; it stands alone. Remove the others."
    heartbeat, timeout = task.get("heartbeat_seconds"), task["timeout_seconds"]
    if task.get("input") is not None and kind not in _WITH_INPUT:
        yield f"{path}.input", f"is for {', '.join(_WITH_INPUT)}; {kind} takes its values from its own arguments. Remove it."
    if heartbeat is not None and not is_callback(task):
        yield f"{path}.heartbeat_seconds", "is for a callback: nobody else can send a heartbeat. Remove it, or set callback."
    elif heartbeat is not None and heartbeat >= timeout:
        yield f"{path}.heartbeat_seconds", f"is {heartbeat}; it must be below timeout_seconds, which is {timeout}."
    if checked["express"] and kind in KINDS and is_callback(task):
        yield path, "waits for a callback or the end of a job, which Express executions cannot. Use another integration, or express=False."
    if kind == "call" and not checked["statements"]:
        yield "statements", f"is empty, and {path} calls {task['call']['resource']}: say what the role needs for it."
    if (function := task.get("function")) is not None:
        yield from one_of(function, "name", "function_arn", path=f"{path}.function.")
        yield from _function_problems(checked, task, path)
    for name in ("input", "values", *KINDS):
        yield from _template_problems(checked["query_language"], task.get(name), f"{path}.{name}")


def _function_problems(checked: WorkflowArgs, task: Any, path: str) -> Iterator[Problem]:
    name, functions = task["function"].get("name"), checked["functions"]
    if name is None:
        return
    if name not in functions:
        yield f"{path}.function.name", unknown(name, "one of functions", functions)
    elif task["timeout_seconds"] < functions[name]["timeout_seconds"] and not task["function"]["callback"]:
        yield (
            f"{path}.timeout_seconds",
            f"is {task['timeout_seconds']}, below the {functions[name]['timeout_seconds']} of the function {name}, which would run on "
            "after the step has failed. Give at least as much.",
        )


def _template_problems(language: str, value: Any, path: str) -> Iterator[Problem]:
    """Expressions of the other language, and those that are not marked as such: they would arrive as plain text."""
    if isinstance(value, Mapping) and not isinstance(value, pulumi.Output):
        for name, inner in value.items():
            if language == "JSONata" and str(name).endswith(".$"):
                yield f"{path}.{name}", "is a path of JSONPath; query_language is JSONata. Write an expression: {% $states.input... %}."
            yield from _template_problems(language, inner, f"{path}.{name}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _template_problems(language, inner, f"{path}.{number}")
    elif language == "JSONPath" and isinstance(value, str) and value.startswith("{%"):
        yield path, 'is an expression of JSONata; query_language is JSONPath. Write a path: {"name.$": "$..."}.'
    elif language == "JSONata" and isinstance(value, str) and value.startswith("$states."):
        yield path, f"is {value!r}, which would arrive as that text. Write an expression: {{% {value} %}}."
    elif language == "JSONPath" and isinstance(value, str) and _PATH.match(value) and not path.endswith(".$"):
        name = path.rpartition(".")[2]
        yield path, f'is {value!r}, which would arrive as that text. Write a path: {{"{name}.$": "{value}"}}.'


def _flow_problems(checked: WorkflowArgs, step: WorkflowStepArgs, where: str, kind: str) -> Iterator[Problem]:
    language = checked["query_language"]
    if (wait := step.get("wait")) is not None:
        yield from one_of(wait, "seconds", "until", path=f"{where}wait.")
    if (choice := step.get("choice")) is not None:
        wanted, other = ("condition", "test") if language == "JSONata" else ("test", "condition")
        for number, rule in enumerate(choice["rules"]):
            if rule.get(wanted) is None or rule.get(other) is not None:
                yield f"{where}choice.rules.{number}", f"needs {wanted}, and no {other}: query_language is {language}."
    if kind in ("choice", "fail", "succeed") and step.get("next") is not None:
        yield f"{where}next", f"is not for {kind}, which goes elsewhere. Remove it."
    if step["catch"] and kind not in (*KINDS, *_COMPOUNDS):
        yield f"{where}catch", f"is for steps that call something or contain a sequence; {kind} cannot fail. Remove it."
    for number, one in enumerate(step["catch"]):
        if "States.ALL" in one["errors"] and len(one["errors"]) > 1:
            yield f"{where}catch.{number}.errors", "has States.ALL beside others; it stands alone. Remove the others."
    if (mapped := step.get("map")) is not None:
        begins, example = ("{%", "{% $states.input.input.lines %}") if language == "JSONata" else ("$", "$.input.lines")
        if not mapped["items"].startswith(begins):
            yield f"{where}map.items", f"is {mapped['items']!r}; for {language} it must be such as {example}."
    if _contains_output(step.get("values")):
        yield f"{where}values", "contains an output; an expression needs plain values. Pass it as input of the function that needs it."


def _contains_output(value: Any) -> bool:
    if isinstance(value, Mapping) and not isinstance(value, pulumi.Output):
        return any(_contains_output(inner) for inner in value.values())
    return any(map(_contains_output, value)) if isinstance(value, list) else isinstance(value, pulumi.Output)


def _sequence_problems(checked: WorkflowArgs) -> Iterator[Problem]:
    sequences, uses, names = checked["sequences"], Counter[str](), Counter[str]()
    for path, steps in sequences_of(checked):
        for number, step in enumerate(steps):
            compensation = step.get("compensation")
            given = compensation.get("name") if compensation else None
            names.update([step["name"], *([given] if given else [])])
            for name in (*nested(step), *inlined(step)):
                uses[name] += 1
                if name not in sequences:
                    known = ", ".join(sequences) or "none"
                    yield f"{path}.{number}", f"{step['name']} names {name!r}, which is not one of sequences; known are {known}."
    for name, times in names.items():
        if times > 1:
            yield "steps", f"{name} is the name of {times} steps or compensations; a name is unique in the workflow. Rename all but one."
    for name in sequences:
        if uses[name] > 1:
            yield f"sequences.{name}", f"is used {uses[name]} times; the states of a sequence are there once. Copy it under another name."
        elif name not in _reached(checked):
            yield f"sequences.{name}", "is used by no step that runs. Remove it, or name it in a choice, parallel, map, saga or catch."


def _resume_problems(checked: WorkflowArgs) -> Iterator[Problem]:
    if not checked["resume_parked"]:
        return
    having = {path: [step["name"] for step in steps if step.get("compensation")] for path, steps in sequences_of(checked)}
    if not having.pop("steps"):
        yield "resume_parked", "is True, and none of steps has a compensation. Add one, or leave it out."
    for path, names in having.items():
        if names:
            yield (
                "resume_parked",
                f"is for compensations of steps; {path} has one, of {names[0]}, and its record is a part of the document. Leave it out.",
            )


def _reached(checked: WorkflowArgs) -> set[str]:
    found: set[str] = set()
    left = [checked["steps"]]
    while left:
        for step in left.pop():
            for name in (*nested(step), *inlined(step)):
                if name in checked["sequences"] and name not in found:
                    found.add(name)
                    left.append(checked["sequences"][name])
    return found


def _definition_problems(checked: WorkflowArgs) -> Iterator[Problem]:
    definition = Definition(checked, dict.fromkeys(checked["functions"], _FUNCTION), _QUEUE, timeout_of(checked))
    paths = {step["name"]: f"{path}.{number}" for path, steps in sequences_of(checked) for number, step in enumerate(steps)}
    for finding in findings(definition.block(), express=checked["express"], without_catch=[]):
        yield paths.get(finding.state or "", "steps"), _words(finding)
    for path, steps in sequences_of(checked):
        for number, step in enumerate(steps):
            if step["catch"] and definition.settles(step):
                yield (
                    f"{path}.{number}.catch",
                    "is not for a step with compensations inside, whose sequences all run to their ends. Put the step into a saga, and the "
                    "catch there.",
                )
    worst, timeout = most_seconds_of(checked, checked["steps"]), timeout_of(checked)
    if worst > timeout:
        yield (
            "timeout_seconds",
            f"is {timeout}, and the steps may take {worst:.0f} with their retries and compensations: an execution that is ended "
            "compensates nothing. Give more, or shorter timeout_seconds and fewer attempts of the steps.",
        )


def timeout_of(checked: WorkflowArgs) -> int:
    """Seconds after which an execution is ended."""
    given = checked.get("timeout_seconds")
    if given is not None:
        return given
    if checked["express"]:
        return EXPRESS_SECONDS
    return max(DAY_SECONDS, round(most_seconds_of(checked, checked["steps"])))


def given_problems(checked: WorkflowArgs, given: Any) -> Iterator[Problem]:
    """The problems of a definition that the caller has given."""
    definition = parsed(given)
    if definition is None:
        yield "definition", "is neither a dictionary nor JSON text of an object in Amazon States Language."
        return
    for finding in findings(definition, express=checked["express"], without_catch=checked["states_without_catch"]):
        yield "definition", _words(finding)
    # What is known only later, such as the name of a table, is no task.
    tasks = '"Task"' in json.dumps(definition, default=lambda _: None)
    if tasks and not checked["statements"]:
        yield "statements", "is empty, and definition has tasks: say what the role needs for them."


def parsed(given: Any) -> dict[str, Any] | None:
    """A definition as a dictionary, None where it is none."""
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except ValueError:
            return None
    return dict(given) if isinstance(given, Mapping) else None


def _words(finding: Finding) -> str:
    return finding.reason if finding.state is None else f"{finding.state} {finding.reason}"
