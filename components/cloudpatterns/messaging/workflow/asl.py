"""What is wrong with a definition in Amazon States Language, so far as it can be seen without AWS: https://states-language.net/spec.html."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from cloudpatterns.messaging.workflow.tasks import needs_standard

_TYPES = ("Task", "Pass", "Choice", "Wait", "Succeed", "Fail", "Parallel", "Map")
_FALLIBLE = ("Task", "Parallel", "Map")
_MOST_NAME = 80


class Finding(NamedTuple):
    """A state, None for the definition itself, and what is wrong."""

    state: str | None
    reason: str


class Block(NamedTuple):
    """The states of a machine, of a branch or of an item's processor."""

    start: Any
    states: Mapping[str, Any]
    caught: bool
    """Whether a failure of the block is caught by the state around it."""


def blocks(definition: Any, caught: bool = False) -> Iterator[Block]:
    """The block of a definition, and those within it."""
    states = definition.get("States") if isinstance(definition, Mapping) else None
    states = {name: state for name, state in states.items() if isinstance(state, Mapping)} if isinstance(states, Mapping) else {}
    yield Block(definition.get("StartAt") if isinstance(definition, Mapping) else None, states, caught)
    for state in states.values():
        branches = state.get("Branches")
        for inside in (state.get("ItemProcessor"), state.get("Iterator"), *(branches if isinstance(branches, list) else [])):
            if inside is not None:
                yield from blocks(inside, caught or catches_all(state))


def reachable(block: Mapping[str, Any]) -> set[str]:
    """Names of the states that a block may come to."""
    states, seen, left = block["States"], set(), [block["StartAt"]]
    while left:
        name = left.pop()
        if name not in seen and name in states:
            seen.add(name)
            left += targets(states[name])
    return seen


def targets(state: Mapping[str, Any]) -> list[str]:
    """Names of the states that a state may go to."""
    entries = [state, *_entries(state, "Catch"), *_entries(state, "Choices")]
    return [one[key] for one in entries for key in ("Next", "Default") if isinstance(one.get(key), str)]


def catches_all(state: Mapping[str, Any]) -> bool:
    """Whether a state catches ``States.ALL``."""
    return any("States.ALL" in one.get("ErrorEquals", []) for one in _entries(state, "Catch"))


def findings(definition: Mapping[str, Any], *, express: bool, without_catch: list[str]) -> Iterator[Finding]:
    """What is wrong with a definition."""
    found = list(blocks(definition))
    for block in found:
        yield from _block_findings(block)
        for name, state in block.states.items():
            yield from _state_findings(name, state, express)
            if state.get("Type") in _FALLIBLE and not block.caught and not catches_all(state) and name not in without_catch:
                yield Finding(
                    name,
                    "has no failure path: neither it nor a state around it has a Catch with States.ALL. Add one, "
                    "or name the state in states_without_catch.",
                )
    for name, times in Counter(name for block in found for name in block.states).items():
        if times > 1:
            yield Finding(name, f"is the name of {times} states; a name is unique in the whole definition. Rename all but one.")
    known = [name for block in found for name in block.states]
    for name in without_catch:
        if name not in known:
            yield Finding(None, f"states_without_catch names {name}, which is not a state.")


def _block_findings(block: Block) -> Iterator[Finding]:
    if block.start not in block.states:
        yield Finding(None, f"StartAt is {block.start!r}, which is not one of the states {', '.join(block.states) or '(there are none)'}.")
        return
    for name, state in block.states.items():
        for target in targets(state):
            if target not in block.states:
                yield Finding(name, f"goes to {target!r}, which is not a state beside it; those are {', '.join(block.states)}.")
    seen = reachable({"StartAt": block.start, "States": block.states})
    for name in block.states:
        if name not in seen:
            yield Finding(name, "is not reachable: no state goes there. Remove it, or let a state go there.")


def _state_findings(name: str, state: Mapping[str, Any], express: bool) -> Iterator[Finding]:
    kind = state.get("Type")
    if kind not in _TYPES:
        yield Finding(name, f"has the Type {kind!r}; allowed are {', '.join(_TYPES)}.")
    if len(name) > _MOST_NAME:
        yield Finding(name, f"has a name of {len(name)} characters; at most {_MOST_NAME} are allowed.")
    if kind == "Choice" and "Default" not in state:
        yield Finding(name, "is a Choice without a Default: an input that no rule matches ends the execution. Add one.")
    if kind in ("Task", "Pass", "Wait", "Parallel", "Map") and ("Next" in state) == (state.get("End") is True):
        yield Finding(name, "needs exactly one of Next and End.")
    if kind == "Task":
        yield from _task_findings(name, state, express)
    if kind == "Map" and express and _mode(state) == "DISTRIBUTED":
        yield Finding(name, "runs in the mode DISTRIBUTED, which Express executions do not have. Use INLINE, or express=False.")


def _task_findings(name: str, state: Mapping[str, Any], express: bool) -> Iterator[Finding]:
    timeout, heartbeat = state.get("TimeoutSeconds"), state.get("HeartbeatSeconds")
    if timeout is None and "TimeoutSecondsPath" not in state:
        yield Finding(name, "has no TimeoutSeconds: a task that never answers would hold the execution for up to a year. Add it.")
    if isinstance(timeout, int) and isinstance(heartbeat, int) and heartbeat >= timeout:
        yield Finding(name, f"has HeartbeatSeconds of {heartbeat}; it must be below TimeoutSeconds, which is {timeout}.")
    resource = state.get("Resource")
    if express and isinstance(resource, str) and needs_standard(resource):
        yield Finding(name, f"uses {resource}, which Express executions do not have. Use another integration, or express=False.")


def _mode(state: Mapping[str, Any]) -> Any:
    processor = state.get("ItemProcessor")
    return processor.get("ProcessorConfig", {}).get("Mode") if isinstance(processor, Mapping) else None


def _entries(state: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    value = state.get(key)
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
