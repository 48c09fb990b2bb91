"""All resources of a stack, with the references between them.

At preview ids are unknown, so a reference is the property's dependency, not its value. A literal id, ARN or name is matched as well, for
resources that are referred to by value.
"""

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any, Self

from cloudpatterns_policies.core.resource import Resource
from cloudpatterns_policies.core.values import ResourceReference


class Stack:
    """The resources of one stack, in the order given. Every index is built once, in linear time."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        self.resources: tuple[Resource, ...] = tuple(resources)
        """All resources, components and providers included."""
        self._by_urn = {resource.urn: resource for resource in self.resources}
        self._by_type: dict[str, list[Resource]] = {}
        for resource in self.resources:
            self._by_type.setdefault(resource.type, []).append(resource)
        self.asked: set[str] = set()
        """The resource types that controls have looked at."""
        self._refs: dict[tuple[str, str], tuple[Resource, ...]] = {}
        self._referrers: dict[tuple[str, str], dict[str, list[Resource]]] = {}

    @classmethod
    def sent(cls, resources: Iterable[Resource]) -> Self:
        """The stack that the engine sent, sorted by URN: the engine's order differs from run to run, and messages must not."""
        return cls(sorted(resources, key=lambda resource: resource.urn))

    def of_type(self, *types: str) -> list[Resource]:
        """Resources of the given types, type by type."""
        self.asked.update(types)
        return [resource for name in types for resource in self._by_type.get(name, ())]

    def by_urn(self, urn: str) -> Resource | None:
        """The resource with that URN, or None."""
        return self._by_urn.get(urn)

    def parent(self, resource: Resource) -> Resource | None:
        """The resource's parent, or None."""
        return self._by_urn.get(resource.parent)

    def children(self, resource: Resource) -> list[Resource]:
        """Resources whose parent is `resource`."""
        return list(self._children.get(resource.urn, ()))

    def refs(self, resource: Resource, path: str, *types: str) -> list[Resource]:
        """Resources that the property at `path` refers to, in a fixed order; with `types`, only those of these types.

        They come from the dependencies of the top-level property, and from literal ids, ARNs and names found in its value. Dependencies are
        recorded for the top-level property only: under a deeper path they are used where the value there is unknown.
        """
        self.asked.update(types)
        key = (resource.urn, path)
        if key not in self._refs:
            found: dict[str, Resource] = {}
            top = path.partition(".")[0]
            if top == path or resource.is_unknown(path) or resource.unknown_paths(path):
                for urn in resource.property_dependencies.get(top, ()):
                    if (target := self._by_urn.get(urn)) is not None:
                        found[urn] = target
            value = None if resource.is_unknown(path) else resource.get(path)
            for text in _literals(value):
                for target in self._named(text):
                    if target is not resource:
                        found[target.urn] = target
            self._refs[key] = tuple(found[urn] for urn in sorted(found))
        return [target for target in self._refs[key] if not types or target.type in types]

    def referrers(self, resource: Resource, type: str, path: str) -> list[Resource]:
        """Resources of `type` whose property at `path` refers to `resource`, in the stack's order."""
        index = self._referrers.get((type, path))
        if index is None:
            index = self._referrers[(type, path)] = {}
            for source in self.of_type(type):
                for target in self.refs(source, path):
                    index.setdefault(target.urn, []).append(source)
        return list(index.get(resource.urn, ()))

    @cached_property
    def _children(self) -> dict[str, list[Resource]]:
        index: dict[str, list[Resource]] = {}
        for resource in self.resources:
            index.setdefault(resource.parent, []).append(resource)
        return index

    @cached_property
    def _identities(self) -> tuple[dict[str, list[Resource]], dict[str, list[Resource]]]:
        exact: dict[str, list[Resource]] = {}
        names: dict[str, list[Resource]] = {}
        for resource in self.resources:
            for index, key in ((exact, "id"), (exact, "arn"), (names, "name")):
                value = resource.raw.get(key)
                if isinstance(value, str) and value:
                    index.setdefault(value, []).append(resource)
        return exact, names

    def _named(self, text: str) -> list[Resource]:
        exact, names = self._identities
        return exact.get(text) or names.get(text) or []


def _literals(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, ResourceReference):
        yield value.id
    elif isinstance(value, list):
        for item in value:
            yield from _literals(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _literals(item)
