"""The form of the controls' cases: the resources of a stack, and what one control finds in them."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from cloudpatterns_policies.core import UNKNOWN, Control, Fail, Unknown

from tests.policies.helpers import resource, stack, verdicts

OTHERS = ""
"""The key of what a resource depends on without a property: ``depends_on``."""


class Made(NamedTuple):
    """One resource: type, properties, the names that its properties come from, and options."""

    type: str
    props: Mapping[str, Any] = {}
    deps: Mapping[str, Any] = {}
    options: Mapping[str, Any] = {}


class Case(NamedTuple):
    """Resources by name, and the one finding: resource, property and a piece of the message. An `unknown` is a resource and a path."""

    control: Control
    made: Mapping[str, Made]
    said: tuple[str, str, str] | None = None
    unknown: tuple[str, str] | None = None


def refers(type: str, name: str, target: Any, props: Mapping[str, Any] | None = None, **more: Any) -> Made:
    """A resource with a property that is unknown, because it comes from another one."""
    return Made(type, {**(props or {}), name: UNKNOWN}, {name: target}, **more)


def check(case: Case) -> None:
    """Runs the control over the case's resources."""
    built = [
        resource(
            made.type,
            name,
            made.props,
            deps={key: [to] if isinstance(to, str) else to for key, to in made.deps.items()},
            options=made.options,
        )
        for name, made in case.made.items()
    ]
    found = verdicts(case.control, stack(*built))
    fails = [(name, verdict) for name, verdict in found if isinstance(verdict, Fail)]
    assert [(name, verdict.path) for name, verdict in found if isinstance(verdict, Unknown)] == ([case.unknown] if case.unknown else [])
    assert [(name, fail.where) for name, fail in fails] == ([case.said[:2]] if case.said else [])
    assert all(case.said[2] in fail.message for _, fail in fails if case.said)
