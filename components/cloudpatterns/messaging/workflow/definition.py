"""Typed steps as a definition in Amazon States Language, with their compensations.

A sequence within another (of a Parallel, a Map or a saga) is a scope: a block of states with a document of its own. Where steps of a
scope have compensations, every failure in it goes to one chain of states: for each such step, from the last to the first, a Choice asks the
document whether the step has finished, and if so its compensation runs. What stands in ``steps`` of the document is therefore the log of
the saga, and loops and choices need nothing more.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi

from cloudpatterns.messaging.workflow.arguments import WorkflowArgs, WorkflowMapArgs, WorkflowStepArgs
from cloudpatterns.messaging.workflow.asl import reachable
from cloudpatterns.messaging.workflow.language import (
    DOCUMENT,
    EARLIER,
    EXECUTION_ID,
    INDEX,
    ITEM,
    STATE_NAME,
    Fields,
    Language,
    at,
    language,
    steps_of,
)
from cloudpatterns.messaging.workflow.tasks import UNCERTAIN_ERRORS, FunctionArns, kind_of, task_state

FAILED, STUCK = "WorkflowFailed", "CompensationFailed"
"""Errors of an execution that failed and was compensated, and of one whose compensation failed."""

_LOST = "States.DataLimitExceeded"


@dataclass
class _Scope:
    """A block of states, and the names of those that failures go to: None where the block as a whole fails instead."""

    states: dict[str, Fields]
    done: str
    failed: str | None = None
    stuck: str | None = None


@dataclass
class _Chain:
    """The states that compensate a scope, and the first of them."""

    start: str
    states: dict[str, Fields] = field(default_factory=dict)


class Definition:
    """The definition of typed steps, whose names and sequences have been checked."""

    def __init__(self, checked: WorkflowArgs, functions: FunctionArns, queue_arn: pulumi.Input[str], timeout_seconds: int) -> None:
        self._sequences: Mapping[str, list[WorkflowStepArgs]] = checked["sequences"]
        self._steps: list[WorkflowStepArgs] = checked["steps"]
        self._language: Language = language(checked["query_language"])
        self._park_failures: bool = checked["park_failures"]
        self._refusals: list[str] = checked["refusals"]
        self._resumes: bool = checked["resume_parked"]
        self._functions = functions
        self._queue_arn, self._timeout = queue_arn, timeout_seconds
        self._given_names = {step["name"] for steps in [self._steps, *self._sequences.values()] for step in steps}
        self._names = set(self._given_names)

    def block(self) -> dict[str, Any]:
        """The definition, as a dictionary with outputs in it."""
        names = {name: self._name(name) for name in ("Begin", "Done", "Failed")}
        states: dict[str, Fields] = {}
        stuck, failed = None, names["Failed"]
        if self._undoable(self._steps):
            stuck = self._name("Stuck")
            park, parking = self._parking("Park", stuck)
            states |= {**parking, stuck: {"Type": "Fail", "Error": STUCK, **self._language.cause()}}
            stuck = park
        if self._park_failures:
            failed, parking = self._parking("Park failure", failed)
            states |= parking
        end, ends = self._compensated(failed)
        chain = self._chain(self._undoable(self._steps), end, stuck)
        scope = _Scope({}, names["Done"], chain.start, stuck)
        start = self._sequence(scope, self._steps, scope.done)
        begin = self._language.output({"input": DOCUMENT, "earlier": {}, "steps": {}})
        first, firsts = self._resumption(names["Begin"], chain.start)
        block = {
            "QueryLanguage": self._language.name,
            "TimeoutSeconds": self._timeout,
            "StartAt": first,
            "States": {
                **firsts,
                names["Begin"]: {"Type": "Pass", **begin, "Next": start},
                **scope.states,
                names["Done"]: {"Type": "Succeed"},
                **chain.states,
                **ends,
                **states,
                names["Failed"]: {"Type": "Fail", "Error": FAILED, **self._language.cause()},
            },
        }
        return self._pruned(block)

    def _compensated(self, failed: str) -> tuple[str, dict[str, Fields]]:
        """Where the execution goes when all is compensated: it fails, unless somebody refused, or its compensations were the work."""
        rules = [self._language.failed_with(self._refusals)] if self._refusals else []
        rules += [self._language.has("", "resumed")] if self._resumes else []
        if not rules:
            return failed, {}
        choice, end = self._name("Compensated?"), self._name("Compensated")
        choices = [{**rule, "Next": end} for rule in rules]
        return choice, {choice: {"Type": "Choice", "Choices": choices, "Default": failed}, end: {"Type": "Succeed"}}

    def _resumption(self, begin: str, compensations: str) -> tuple[str, dict[str, Fields]]:
        """The first state, which tells a record of the parking queue from a new input."""
        if not self._resumes:
            return begin, {}
        choice, resume = self._name("Parked?"), self._name("Resume")
        return choice, {
            choice: {"Type": "Choice", "Choices": [{**self._language.has("", "parked"), "Next": resume}], "Default": begin},
            resume: {"Type": "Pass", **self._language.resumed(), "Next": compensations},
        }

    def _name(self, wanted: str) -> str:
        """The name of a further state, unique in the whole definition."""
        names = [wanted, *(f"{wanted} {number}" for number in range(2, 10_000))]
        name = next(one for one in names if one not in self._names)
        self._names.add(name)
        return name

    def settles(self, step: WorkflowStepArgs) -> bool:
        """Whether the sequences of a step run to their ends whatever fails, so that all that has finished is known."""
        return step.get("saga") is None and any(self._undoable(self._sequences[one]) for one in nested(step))

    # What has compensations.

    def _undoable(self, steps: Sequence[WorkflowStepArgs]) -> list[WorkflowStepArgs]:
        """The steps of a scope that have something to undo, in their order."""
        found: list[WorkflowStepArgs] = []
        for step in steps:
            if step.get("compensation") is not None or any(self._undoable(self._sequences[one]) for one in nested(step)):
                found.append(step)
            for name in inlined(step):
                found += self._undoable(self._sequences[name])
        return found

    def _chain(self, steps: Sequence[WorkflowStepArgs], done: str, stuck: str | None) -> _Chain:
        chain = _Chain(done)
        for step in steps:
            gate, following = self._name(f"{step['name']} finished?"), chain.start
            undo, states = self._undo(step, following, stuck or "")
            choice = {"Type": "Choice", "Choices": [{**self._language.has("steps", step["name"]), "Next": undo}], "Default": following}
            chain = _Chain(gate, {gate: choice, **states, **chain.states})
        return chain

    def _undo(self, step: WorkflowStepArgs, following: str, stuck: str) -> tuple[str, dict[str, Fields]]:
        """The states that undo one step, and the first of them."""
        compensation = step.get("compensation")
        name = step["name"]
        given = compensation.get("name") if compensation else None
        undo = self._name(f"Undo {name}" if given is None else given)
        if compensation:
            state = task_state(compensation, self._language, self._functions, f"compensated.{name}", undoes=True)
            return undo, {undo: {**state, "Catch": self._catch([_LOST, "States.ALL"], stuck, "compensation_error"), "Next": following}}
        settled = self._name(f"{undo} done?")
        mapped = step.get("map")
        state = self._undo_items(step, mapped) if mapped else self._undo_branches(step)
        return undo, {
            undo: {
                **state,
                **self._language.keep_branches("undone"),
                "Catch": self._catch([_LOST, "States.ALL"], stuck, "compensation_error"),
                "Next": settled,
            },
            settled: {"Type": "Choice", "Choices": [{**self._language.holds("undone.failed"), "Next": stuck}], "Default": following},
        }

    def _undo_branches(self, step: WorkflowStepArgs) -> Fields:
        branches = []
        for number, name in enumerate(nested(step)):
            if self._undoable(self._sequences[name]):
                begin = self._name(f"Undo sequence {name}")
                document = {"input": at("input"), "earlier": at("earlier"), "steps": at(f"finished[{number}]")}
                block = self._undo_block(name)
                states = {begin: {"Type": "Pass", **self._language.output(document), "Next": block["StartAt"]}, **block["States"]}
                branches.append({"StartAt": begin, "States": states})
        given = {"input": at("input"), "earlier": EARLIER, "finished": steps_of(step["name"])}
        return {"Type": "Parallel", **self._language.arguments(given), "Branches": branches}

    def _undo_items(self, step: WorkflowStepArgs, mapped: WorkflowMapArgs) -> Fields:
        item = ITEM
        document = {
            "input": at("input"),
            "earlier": EARLIER,
            "item": item._replace(json_path=f"{item.json_path}.item", jsonata=f"{item.jsonata}.item"),
            "steps": item._replace(json_path=f"{item.json_path}.steps", jsonata=f"{item.jsonata}.steps"),
        }
        return {
            "Type": "Map",
            **self._language.items_at(f"steps.{step['name']}.results"),
            "ItemSelector": self._language.template(document),
            "MaxConcurrency": mapped["max_concurrency"],
            "ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE"}, **self._undo_block(mapped["sequence"])},
        }

    def _undo_block(self, sequence: str) -> dict[str, Any]:
        """The compensations of a sequence, as a block that always ends with an outcome."""
        done, stuck = self._name(f"Undid {sequence}"), self._name(f"{sequence} stuck")
        park, parking = self._parking(f"Park {sequence}", stuck)
        chain = self._chain(self._undoable(self._sequences[sequence]), done, park)
        ends = {end: self._end({"outcome": outcome}) for end, outcome in ((done, "finished"), (stuck, "failed"))}
        return {"StartAt": chain.start, "States": {**chain.states, **parking, **ends}}

    def _parking(self, wanted: str, following: str) -> tuple[str, dict[str, Fields]]:
        """The state that sends the whole document to the queue."""
        name = self._name(wanted)
        body = {"execution": EXECUTION_ID, "state": STATE_NAME, "document": DOCUMENT}
        task: Any = {
            "send_message": {"queue_arn": self._queue_arn, "parameters": {}},
            "input": self._language.template(body),
            "timeout_seconds": 60,
            "retry": {"attempts": 6, "base_seconds": 2, "cap_seconds": 60, "errors": ["States.ALL"]},
        }
        state = task_state(task, self._language, self._functions, "parked")
        catch = self._catch([_LOST, "States.ALL"], following, "parking_error")
        return name, {name: {**state, "Catch": catch, "Next": following}}

    # The steps.

    def _sequence(self, scope: _Scope, steps: Sequence[WorkflowStepArgs], following: str) -> str:
        """Adds the states of a sequence to a scope; the first of them."""
        for step, after in zip(steps, [*(step["name"] for step in steps[1:]), following], strict=True):
            given = step.get("next")
            scope.states |= self._step(scope, step, after if given is None else given)
        return steps[0]["name"]

    def _step(self, scope: _Scope, step: WorkflowStepArgs, following: str) -> dict[str, Fields]:
        name, description = step["name"], step.get("description")
        states = self._states(scope, step, following)
        if description:
            states[name] = {"Comment": description, **states[name]}
        return states

    def _states(self, scope: _Scope, step: WorkflowStepArgs, following: str) -> dict[str, Fields]:
        name, path = step["name"], f"steps.{step['name']}"
        if kind_of(step):
            state = task_state(step, self._language, self._functions, path, keep=step["keep_result"], refusals=self._refusals)
            catch, more = self._catchers(scope, step, following)
            return {name: {**state, **({"Catch": catch} if catch else {}), "Next": following}, **more}
        if wait := step.get("wait"):
            until = wait.get("until")
            pause = {"Seconds": wait["seconds"]} if until is None else self._language.until(until)
            return {name: {"Type": "Wait", **pause, "Next": following}}
        if choice := step.get("choice"):
            rules = [{**self._condition(rule), "Next": self._target(scope, rule, following)} for rule in choice["rules"]]
            return {name: {"Type": "Choice", "Choices": rules, "Default": self._target(scope, choice["default"], following)}}
        if values := step.get("values"):
            return {name: {"Type": "Pass", **self._language.put(path, values), "Next": following}}
        if fail := step.get("fail"):
            return {name: self._fail(scope, fail["error"], fail["cause"])}
        if step["succeed"]:
            return {name: {"Type": "Pass", "Next": scope.done}}
        return self._compound(scope, step, following)

    def _condition(self, rule: Any) -> Fields:
        condition = rule.get("condition")
        return dict(rule["test"]) if condition is None else {"Condition": condition}

    def _target(self, scope: _Scope, target: Any, following: str) -> str:
        if (sequence := target.get("sequence")) is not None:
            return self._sequence(scope, self._sequences[sequence], following)
        given = target.get("next")
        return following if given is None else given

    def _fail(self, scope: _Scope, error: str, cause: str) -> Fields:
        if scope.failed is None:
            return {"Type": "Fail", "Error": error, "Cause": cause}
        return {"Type": "Pass", **self._language.put("error", {"Error": error, "Cause": cause}), "Next": scope.failed}

    def _catch(self, errors: Sequence[str], target: str, path: str = "error") -> list[Fields]:
        # States.ALL stands alone, and does not catch States.DataLimitExceeded.
        # https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
        return [self._language.catcher([error], target, path) for error in errors]

    def _given(self, scope: _Scope, step: WorkflowStepArgs, following: str) -> list[tuple[list[str], str]]:
        """Errors that the caller catches and where they go, ``States.ALL`` last."""
        given = [(one["errors"], self._target(scope, one, following)) for one in step["catch"]]
        return sorted(given, key=lambda one: one[0] == ["States.ALL"])

    def _catchers(self, scope: _Scope, step: WorkflowStepArgs, following: str) -> tuple[list[Fields], dict[str, Fields]]:
        """What a task catches: what the caller names, then everything else.

        Errors that leave open whether the step happened, by choice all, pass a state that counts it as finished, where it has a
        compensation.
        """
        given = self._given(scope, step, following)
        if scope.failed is not None and ["States.ALL"] not in [errors for errors, _ in given]:
            given.append((["States.ALL"], scope.failed))
        compensation = step.get("compensation")
        always = compensation is not None and compensation["after_failure"]
        open_errors = list(UNCERTAIN_ERRORS) if compensation and (compensation["after_timeout"] or always) else []
        named = {error for errors, _ in given for error in errors}
        catchers: list[Fields] = []
        marks: dict[str, str] = {}
        for errors, target in given:
            everything = errors == ["States.ALL"]
            uncertain = [error for error in open_errors if (error not in named if everything else error in errors)]
            if (uncertain or always) and target not in marks:
                marks[target] = self._name(f"{step['name']} uncertain")
            if uncertain:
                catchers += [self._language.catcher(uncertain, marks[target])]
            elif everything and _LOST not in named:
                catchers += [self._language.catcher([_LOST], target)]
            if certain := [error for error in errors if error not in uncertain]:
                catchers += [self._language.catcher(certain, marks[target] if always else target)]
        mark = self._language.put(f"steps.{step['name']}", {"uncertain": True})
        return catchers, {name: {"Type": "Pass", **mark, "Next": target} for target, name in marks.items()}

    def _compound(self, scope: _Scope, step: WorkflowStepArgs, following: str) -> dict[str, Fields]:
        """A Parallel, a Map, or the Parallel of one branch that a saga is."""
        name, path = step["name"], f"steps.{step['name']}"
        undoable = any(self._undoable(self._sequences[one]) for one in nested(step))
        settles = self.settles(step)
        mapped = step.get("map")
        state = self._items(mapped, settles) if mapped else self._branches(step, settles)
        catch, more = list[Fields](), dict[str, Fields]()
        if undoable and scope.stuck is not None:
            # What has happened within is not in the document, so it cannot be compensated: somebody has to look.
            lost = [_LOST, "States.ALL"] if settles else [STUCK, _LOST]
            catch = self._catch(lost, scope.stuck)
        if not settles:
            caught, more = self._catchers(scope, step, following)
            catch += [one for one in caught if not (undoable and one["ErrorEquals"] == [_LOST])]
        target = following
        if settles and scope.failed is not None:
            target, failed = self._name(f"{name} settled?"), self._name(f"{name} failed")
            rule = {**self._language.holds(f"{path}.failed"), "Next": failed}
            more = {
                target: {"Type": "Choice", "Choices": [rule], "Default": following},
                failed: self._fail(scope, "SequenceFailed", f"A sequence of {name} failed; its error stands in steps.{name}.results."),
            }
        kept = self._language.keep_branches(path)
        return {name: {**state, **kept, **({"Catch": catch} if catch else {}), "Next": target}, **more}

    def _branches(self, step: WorkflowStepArgs, settles: bool) -> Fields:
        document = {"input": at("input"), "earlier": EARLIER, "steps": {}}
        branches = [self._block(name, settles, saga=bool(step.get("saga"))) for name in nested(step)]
        return {"Type": "Parallel", **self._language.arguments(document), "Branches": branches}

    def _items(self, mapped: WorkflowMapArgs, settles: bool) -> Fields:
        document = {"input": at("input"), "item": ITEM, "index": INDEX, "earlier": EARLIER, "steps": {}}
        return {
            "Type": "Map",
            **self._language.items(mapped["items"]),
            "ItemSelector": self._language.template(document),
            "MaxConcurrency": mapped["max_concurrency"],
            "ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE"}, **self._block(mapped["sequence"], settles, item=True)},
        }

    def _block(self, sequence: str, settles: bool, *, saga: bool = False, item: bool = False) -> dict[str, Any]:
        """A nested sequence: one that settles always ends with an outcome, a saga compensates itself and fails, and any other fails."""
        steps, ends = self._sequences[sequence], {"item": at("item")} if item else {}
        scope = _Scope({}, self._name(f"End of {sequence}"))
        states = {scope.done: self._end({"outcome": "finished", "steps": at("steps"), **ends})}
        chain = _Chain("")
        if settles:
            scope.failed = chain.start = self._name(f"{sequence} failed")
            states[scope.failed] = self._end({"outcome": "failed", "error": at("error"), "steps": at("steps"), **ends})
            scope.stuck = self._name(f"{sequence} stuck")
            states[scope.stuck] = {"Type": "Fail", "Error": STUCK, **self._language.cause()}
        elif saga and self._undoable(steps):
            failed, stuck = self._name(f"{sequence} failed"), self._name(f"{sequence} stuck")
            scope.stuck, parking = self._parking(f"Park {sequence}", stuck)
            chain = self._chain(self._undoable(steps), failed, scope.stuck)
            scope.failed = chain.start
            states |= parking
            states |= {one: {"Type": "Fail", "Error": error, **self._language.cause()} for one, error in ((failed, FAILED), (stuck, STUCK))}
        start = self._sequence(scope, steps, scope.done)
        return self._pruned({"StartAt": start, "States": {**scope.states, **chain.states, **states}})

    def _pruned(self, block: dict[str, Any]) -> dict[str, Any]:
        """A block without the states of ours that nothing leads to, which Step Functions refuses."""
        seen = reachable(block)
        return {**block, "States": {name: state for name, state in block["States"].items() if name in seen or name in self._given_names}}

    def _end(self, fields: Mapping[str, Any]) -> Fields:
        return {"Type": "Pass", **self._language.output(fields), "End": True}


def parks(checked: WorkflowArgs) -> bool:
    """Whether a state of typed steps sends records to the queue."""
    every = [step for steps in [checked["steps"], *checked["sequences"].values()] for step in steps]
    return checked["park_failures"] or any(step.get("compensation") is not None for step in every)


def nested(step: WorkflowStepArgs) -> list[str]:
    """The sequences that run as scopes of their own."""
    if parallel := step.get("parallel"):
        return parallel["sequences"]
    if mapped := step.get("map"):
        return [mapped["sequence"]]
    saga = step.get("saga")
    return [] if saga is None else [saga]


def inlined(step: WorkflowStepArgs) -> Iterator[str]:
    """The sequences that a step goes to, among the states of its own scope."""
    choice = step.get("choice")
    targets: list[Any] = [*choice["rules"], choice["default"]] if choice else []
    for target in [*targets, *step["catch"]]:
        if (name := target.get("sequence")) is not None:
            yield name
