"""The table that translates resource types and properties into CloudFormation's; ``tests/policies/acceptance/generate.py`` writes it."""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Any, NamedTuple


class Facts(NamedTuple):
    """CloudFormation's form of one resource type of the provider."""

    type: str
    """CloudFormation's type, or, of what is part of another resource there, the type of that resource."""
    properties: Mapping[str, Any]
    """Property to its entry, in the forms of ``translate``."""
    part_of: str | None = None
    """The property that names the resource it is part of; None for a resource of its own."""
    item: str | None = None
    """The list of that resource in which it is one object; None where its properties are among that resource's."""


@cache
def _table() -> Mapping[str, Any]:
    return json.loads(resources.files("cloudpatterns_policies.acceptance").joinpath("facts.json").read_text(encoding="utf-8"))


def facts(token: str) -> Facts | None:
    """What is known of a type token such as ``aws:ec2/vpc:Vpc``."""
    entry = _table().get(token)
    return None if entry is None else Facts(*entry)


def tokens() -> Iterable[str]:
    """The type tokens that are known."""
    return _table().keys()


def cfn_type(token: str) -> str | None:
    """CloudFormation's type of a token, None where there is none of its own."""
    found = facts(token)
    return None if found is None or found.part_of is not None else found.type


def is_translated(token: str, path: str) -> bool:
    """Whether a property, nested ones with dots and without indices, has a place in CloudFormation's form."""
    known = facts(token)
    inside: Any = None if known is None else known.properties
    for name in path.split("."):
        if not isinstance(inside, Mapping) or name not in inside:
            return False
        entry = inside[name]
        while not isinstance(entry, str) and entry[1] in ("in", "item"):
            entry = entry[2]
        inside = None if isinstance(entry, str) else entry[2]
    return True
