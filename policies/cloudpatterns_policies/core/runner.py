"""Runs one control in isolation: its failure never affects the others."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cloudpatterns_policies.core.control import Control
from cloudpatterns_policies.core.resource import Resource, forget_last_read, locate
from cloudpatterns_policies.core.stack import Stack
from cloudpatterns_policies.core.verdicts import Fail, NotApplicable, Pass, Unknown, UnknownValueError, Verdict


@dataclass(frozen=True, slots=True)
class Broken:
    """The control itself failed: `error` is the exception's type. Its text is left out, since it may hold a secret."""

    error: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """The verdict of one control on one resource. `urn` is empty for the whole stack."""

    control: Control
    urn: str
    verdict: Verdict | Broken


def judge_resource(control: Control, resource: Resource, config: Mapping[str, Any] | None = None, *, isolate: bool = True) -> list[Outcome]:
    """Runs a resource control. `config` completes the control's defaults. Without `isolate` its exceptions are passed on."""
    if resource.type not in control.types:
        return [Outcome(control, resource.urn, NotApplicable(f"not of type {', '.join(control.types)}"))]
    return _run(control, (resource,), resource.urn, config, isolate)


def judge_stack(control: Control, stack: Stack, config: Mapping[str, Any] | None = None, *, isolate: bool = True) -> list[Outcome]:
    """Runs a stack control. `config` completes the control's defaults. Without `isolate` its exceptions are passed on."""
    subjects = stack.of_type(*control.types)
    if control.types and not subjects:
        return [Outcome(control, "", NotApplicable(f"the stack has no resource of type {', '.join(control.types)}"))]
    if not control.per_resource:
        return _run(control, (stack,), "", config, isolate)
    return [outcome for subject in subjects for outcome in _run(control, (subject, stack), subject.urn, config, isolate)]


def _run(control: Control, arguments: tuple[Any, ...], urn: str, config: Mapping[str, Any] | None, isolate: bool) -> list[Outcome]:
    forget_last_read()
    outcomes: list[Outcome] = []
    keywords = {"config": {**control.defaults(), **(config or {})}} if control.takes_config else {}
    try:
        # `extend` keeps what a generator yielded before it met an unknown value or failed.
        outcomes.extend(_outcomes(control, control.check(*arguments, **keywords), urn))
    except UnknownValueError as error:
        where, path = locate(error)
        if urn and where not in ("", urn):
            path = f"{path} of {where.rsplit('::', 1)[-1]}"
        outcomes.append(Outcome(control, urn or where, Unknown(path)))
    except Exception as error:  # a control may raise anything, and must not affect other controls
        if not isolate:
            raise
        outcomes.append(Outcome(control, urn, Broken(type(error).__name__)))
    return outcomes or [Outcome(control, urn, Pass())]


def _outcomes(control: Control, result: object, urn: str) -> Iterator[Outcome]:
    if isinstance(result, Verdict):
        yield Outcome(control, urn, result)
        return
    if not isinstance(result, Iterable):
        raise TypeError(f"control {control.id} returned {type(result).__name__}, not a verdict")
    for item in result:
        if isinstance(item, Verdict):
            yield Outcome(control, urn, item)
        elif isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], Resource) and isinstance(item[1], Verdict):
            yield Outcome(control, item[0].urn, item[1])
        else:
            raise TypeError(f"control {control.id} yielded {type(item).__name__}, not a verdict")


def sort_key(outcome: Outcome) -> tuple[str, ...]:
    """Sorts outcomes independently of the order of resources."""
    verdict = outcome.verdict
    detail = (verdict.where, verdict.message) if isinstance(verdict, Fail) else (str(verdict),)
    return (outcome.control.id, outcome.urn, *detail)
