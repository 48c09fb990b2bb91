"""Reads what a program gave a resource; never raises for an unknown value."""

from typing import Any

from cloudpatterns_policies.core import UNKNOWN, Resource
from cloudpatterns_policies.graph.reading import read


def given(resource: Resource, path: str) -> Any:
    """The input at a dotted path: None when it is left out or the empty text, `UNKNOWN` when it, or one on the way to it, is unknown."""
    return read(resource.inputs, path)


def is_given(resource: Resource, path: str, *values: Any) -> bool:
    """Whether the input at a dotted path is one of some values; an unknown one is none of them."""
    value = given(resource, path)
    return value is not UNKNOWN and value in values
