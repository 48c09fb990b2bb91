"""References from one resource to another in a template: `Ref` and `Fn::GetAtt`, as far as the stack tells them.

The table `references.json` has for each CloudFormation type the properties that name another resource, with the types that can stand there
and the attribute that it takes; ``tests/policies/acceptance/generate_references.py`` writes it. A type that is not listed there gives no
reference: a subnet behind `VpcId` means the VPC of that subnet.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, Final

from cloudpatterns_policies.core.resource import Resource
from cloudpatterns_policies.core.stack import Stack

Path = tuple[str | int, ...]

_IDENTITIES: Final = re.compile(r"id|arn|name|url|\w+(Id|Arn|Name|Identifier)")
"""Outputs that stand for a resource."""


@cache
def _table() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    return json.loads(resources.files("cloudpatterns_policies.acceptance").joinpath("references.json").read_text(encoding="utf-8"))


def targets(type: str, path: Path) -> Mapping[str, str]:
    """CloudFormation's types that a property can name, each with the attribute that it takes; an empty one for `Ref`."""
    known = _table().get(type)
    return {} if known is None else known.get("/".join(part for part in path if isinstance(part, str)), {})


class Referrer:
    """Finds what the properties of one resource refer to."""

    def __init__(self, document: Mapping[str, Any], logical_id: str, ids: Mapping[str, str], resource: Resource, stack: Stack) -> None:
        self._resources: Mapping[str, Any] = document["Resources"]
        self._type: str = self._resources[logical_id]["Type"]
        self._logical_id, self._ids, self._resource, self._stack = logical_id, ids, resource, stack
        self._open: dict[tuple[str, ...], list[tuple[Path, dict[str, Any], list[dict[str, Any]]]]] = {}

    def to(self, text: str, place: Path, top: str) -> dict[str, Any] | None:
        """A reference to the one resource behind the property `top` that has this id, ARN or name."""
        found = [
            reference
            for source, reference in self._behind(place, top)
            if any(value == text and _IDENTITIES.fullmatch(name) for name, value in source.raw.items() if isinstance(value, str))
        ]
        return found[0] if len(found) == 1 else None

    def later(self, unknown: dict[str, Any], place: Path, top: str) -> dict[str, Any]:
        """Keeps an unknown value, which `settle` makes a reference in its place where only one resource can be behind it."""
        if behind := self._behind(place, top):
            urns = tuple(source.urn for source, _ in behind)
            self._open.setdefault(urns, []).append((place, unknown, [reference for _, reference in behind]))
        return unknown

    def settle(self) -> None:
        """Makes references of the unknown values of one property.

        Dependencies are those of the whole property, so there have to be as many unknown values as resources; several are known apart only
        where it does not matter, in one list.
        """
        for urns, values in self._open.items():
            if len(values) == len(urns) and len({place[:-1] for place, _, _ in values}) == 1:
                for index, (_, unknown, references) in enumerate(values):
                    unknown.clear()
                    unknown.update(references[index])
        self._open.clear()

    def _behind(self, place: Path, top: str) -> list[tuple[Resource, dict[str, Any]]]:
        """The resources in the template that the value at a place can be, with the reference to each."""
        forms = targets(self._type, place) if place else {}
        found: list[tuple[Resource, dict[str, Any]]] = []
        for urn in self._resource.property_dependencies.get(top, ()) if forms else ():
            logical_id, source = self._ids.get(urn), self._stack.by_urn(urn)
            if logical_id is None or source is None or logical_id == self._logical_id:
                continue
            attribute = forms.get(self._resources[logical_id]["Type"])
            if attribute is not None:
                found.append((source, {"Fn::GetAtt": [logical_id, attribute]} if attribute else {"Ref": logical_id}))
        return found
