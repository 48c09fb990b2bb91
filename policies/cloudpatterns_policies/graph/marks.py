"""Marks by which a program states the purpose of its resources: tags or names."""

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final

from cloudpatterns_policies.core import UNKNOWN, Resource
from cloudpatterns_policies.graph.reading import read

PUBLIC_TAG: Final = "cloudpatterns:internet=true"
"""Marks resources that may be reached from the internet."""

OPERATOR_TAG: Final = "cloudpatterns:operator"
"""Marks security groups of operators, with any value: all their ports are administration ports."""

DATA_SUBNET_TAG: Final = "cloudpatterns:tier=data"
"""Marks subnets for data stores."""

MANAGEMENT_SUBNET_TAG: Final = "cloudpatterns:tier=management"
"""Marks subnets for management interfaces."""


@dataclass(frozen=True, slots=True)
class Marks:
    """Tags, as `key` (any value) or `key=value`, and patterns of logical names or literal ids (`bastion-*`)."""

    tags: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, tags: Iterable[str], names: Iterable[str] = ()) -> "Marks":
        """Marks from configuration."""
        return cls(tuple(tags), tuple(names))

    def named(self, name: str) -> bool:
        """Whether the name or id is a mark."""
        return any(fnmatchcase(name, pattern) for pattern in self.names)

    def on(self, resource: Resource) -> bool | str:
        """Whether the resource is marked; the path of the tag when that is unknown."""
        if self.named(resource.name):
            return True
        unknown = ""
        for path, tags in _tags(resource):
            if tags is UNKNOWN:
                unknown = unknown or path
                continue
            for mark in self.tags:
                key, equals, wanted = mark.partition("=")
                if key in tags:
                    value = tags[key]
                    if value is UNKNOWN and equals:
                        unknown = unknown or f"{path}.{key}"
                    elif not equals or str(value).lower() == wanted.lower():
                        return True
        return unknown or False


def _tags(resource: Resource) -> list[tuple[str, Any]]:
    """Paths and mappings of the tags of the resource, or of the instances that it launches."""
    found: list[tuple[str, Any]] = []
    tags = read(resource, "tags", computed=True)
    if isinstance(tags, list):
        # Auto Scaling groups have a list of another form.
        pairs = [item for item in tags if isinstance(item, dict) and isinstance(item.get("key"), str)]
        found.append(("tags", {item["key"]: item.get("value") for item in pairs}))
        if any(item is UNKNOWN or (isinstance(item, dict) and item.get("key") is UNKNOWN) for item in tags):
            found.append(("tags", UNKNOWN))
    elif tags is UNKNOWN or isinstance(tags, dict):
        found.append(("tags", tags))
    specifications = read(resource, "tagSpecifications", computed=True)
    for index, item in enumerate(specifications if isinstance(specifications, list) else ()):
        if isinstance(item, dict) and item.get("resourceType") is not UNKNOWN and item.get("resourceType") == "instance":
            path = f"tagSpecifications.{index}.tags"
            if (value := read(resource, path)) is UNKNOWN or isinstance(value, dict):
                found.append((path, value))
    return found
