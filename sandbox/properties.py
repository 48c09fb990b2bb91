"""The properties of a resource, their types and which are required, from the argument classes of the SDK.

The same classes that a program in Python is written against are used for every program, whatever language or transformation its
properties come from.
"""

import collections.abc
import functools
import inspect
import sys
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
from offline_preview import outputs
from offline_preview.provider_facts import DEFAULTS
from offline_preview.values import SIGNATURE, UNKNOWN, Secret
from pulumi import _types
from pulumi_aws import _utilities


@dataclass(frozen=True)
class Shape:
    """The properties of a resource, or of an object inside one, by their names on the wire."""

    kinds: Mapping[str, Any]
    required: frozenset[str]


@dataclass(frozen=True)
class Failure:
    """An error of Check, and its property."""

    property: str
    reason: str


@functools.cache
def shape_of(token: str) -> Shape | None:
    """The inputs of a resource type, or None when the SDK has no such type."""
    cls = outputs.class_of(token)
    if cls is None:
        return None
    module = sys.modules[cls.__module__]
    # By the module's own list: the expected name may be that of an object inside another resource.
    arguments = next(name for name in module.__all__ if name.endswith("Args"))
    return _shape(getattr(module, arguments))


@functools.cache
def _shape(cls: type) -> Shape:
    names = _types.input_type_py_to_pulumi_names(cls)
    parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
    required = frozenset(names.get(parameter.name, parameter.name) for parameter in parameters if parameter.default is parameter.empty)
    return Shape(_types.input_type_types(cls), required)


def failures(token: str, inputs: Mapping[str, Any]) -> list[Failure]:
    """All invalid inputs of a resource, in the order of the properties."""
    shape = shape_of(token)
    if shape is None:
        return [Failure("", f"the AWS provider has no resource type {token} in version {_utilities.get_version()} of pulumi-aws")]
    return list(_object("", {name: value for name, value in inputs.items() if name != DEFAULTS}, shape))


def _object(path: str, value: Mapping[str, Any], shape: Shape) -> Iterator[Failure]:
    for name in sorted(shape.required - {name for name, item in value.items() if item is not None}):
        yield Failure(_join(path, name), "is required")
    for name, item in value.items():
        if name not in shape.kinds:
            yield Failure(_join(path, name), "is not a property of this resource")
        else:
            yield from _value(_join(path, name), item, shape.kinds[name])


def _value(path: str, value: Any, annotation: Any) -> Iterator[Failure]:
    value = value.value if isinstance(value, Secret) else value
    kind = plain_kind(annotation)
    if value is None or value is UNKNOWN or kind is None or (isinstance(value, dict) and SIGNATURE in value):
        return
    origin = typing.get_origin(kind)
    if origin is collections.abc.Sequence:
        if not isinstance(value, list):
            yield Failure(path, f"is {_called(value)}, but a list is expected")
            return
        for index, item in enumerate(value):
            yield from _value(f"{path}[{index}]", item, typing.get_args(kind)[0])
    elif origin is collections.abc.Mapping:
        if not isinstance(value, dict):
            yield Failure(path, f"is {_called(value)}, but an object is expected")
            return
        for name, item in value.items():
            yield from _value(_join(path, name), item, typing.get_args(kind)[1])
    elif _types.is_input_type(kind):
        if not isinstance(value, dict):
            yield Failure(path, f"is {_called(value)}, but an object is expected")
            return
        yield from _object(path, value, _shape(kind))
    else:
        yield from _scalar(path, value, kind)


def _scalar(path: str, value: Any, kind: type) -> Iterator[Failure]:
    wanted = {str: "text", bool: "true or false", int: "a whole number", float: "a number"}.get(kind)
    # As the real provider does: numbers and booleans are converted to text.
    fits = {
        str: isinstance(value, str | int | float),
        bool: isinstance(value, bool),
        int: isinstance(value, int) and not isinstance(value, bool),
        float: isinstance(value, int | float) and not isinstance(value, bool),
    }.get(kind, True)
    if not fits:
        yield Failure(path, f"is {_called(value)}, but {wanted} is expected")


def plain_kind(annotation: Any) -> Any:
    """The one type that an annotation leaves after ``Input`` and ``Optional``; None when several are possible."""
    if typing.get_origin(annotation) not in (typing.Union, types.UnionType):
        return None if annotation is Any else annotation
    members = [
        member
        for member in typing.get_args(annotation)
        if member is not type(None) and (typing.get_origin(member) or member) not in (collections.abc.Awaitable, pulumi.Output)
    ]
    return plain_kind(members[0]) if len(members) == 1 else None


def _called(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false"
    return {list: "a list", dict: "an object", str: "text"}.get(type(value), "a number")


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
