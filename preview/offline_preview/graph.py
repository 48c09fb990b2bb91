"""The recorded graph: every resource a program registered, with inputs, edges and options."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from offline_preview.values import from_json, shown, to_json


@dataclass(slots=True, eq=False)
class Resource:
    """One registered resource.

    ``inputs`` and ``outputs`` have the wire's camelCase keys and hold plain Python, ``UNKNOWN`` and ``Secret`` (see ``values``).
    ``id`` is empty for components and for custom resources whose id is not known before the deployment.
    ``options`` holds only what was set: protect, retainOnDelete, aliases, ignoreChanges, provider, version, ...
    ``source`` is the program's own line that led to the resource, ``file:line``, or empty.
    """

    urn: str
    type: str
    name: str
    custom: bool
    parent: str = ""
    inputs: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    id: str = ""
    dependencies: list[str] = field(default_factory=list)
    property_dependencies: dict[str, list[str]] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    source: str = ""

    def to_json(self) -> dict[str, Any]:
        """Lossless JSON, secrets included: for the pipe between processes only."""
        return {
            **self._common(),
            "inputs": to_json(self.inputs),
            "outputs": to_json(self.outputs),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Resource":
        """The resource from its lossless JSON."""
        return cls(
            urn=data["urn"],
            type=data["type"],
            name=data["name"],
            custom=data["custom"],
            parent=data["parent"],
            inputs=from_json(data["inputs"]),
            outputs=from_json(data["outputs"]),
            id=data["id"],
            dependencies=data["dependencies"],
            property_dependencies=data["propertyDependencies"],
            options=data["options"],
            source=data["source"],
        )

    def shown(self) -> dict[str, Any]:
        """The resource as reports show it: unknowns and secrets named, never their values."""
        return {
            **self._common(),
            "inputs": shown(self.inputs),
            "outputs": shown(self.outputs),
        }

    def _common(self) -> dict[str, Any]:
        return {
            "urn": self.urn,
            "type": self.type,
            "name": self.name,
            "custom": self.custom,
            "parent": self.parent,
            "id": self.id,
            "dependencies": self.dependencies,
            "propertyDependencies": self.property_dependencies,
            "options": self.options,
            "source": self.source,
        }


@dataclass(slots=True, eq=False)
class Graph:
    """What one run of a program recorded, in the order of registration, and the stack's outputs."""

    project: str
    stack: str
    resources: list[Resource] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)

    def of_type(self, *types: str) -> list[Resource]:
        """Resources of any of the given type tokens."""
        return [resource for resource in self.resources if resource.type in types]

    def one(self, type: str, name: str | None = None) -> Resource:
        """The one resource of a type (and name). Raises ``LookupError``, naming what there is, when it is not exactly one."""
        found = [resource for resource in self.of_type(type) if name is None or resource.name == name]
        if len(found) != 1:
            wanted = type if name is None else f"{type} named {name}"
            there = ", ".join(resource.name for resource in self.of_type(type)) or "none of that type"
            raise LookupError(f"{len(found)} resources are {wanted}; there: {there}")
        return found[0]

    def named(self, name: str) -> Resource:
        """The one resource of a logical name, of whatever type. Raises ``LookupError`` when it is not exactly one."""
        found = [resource for resource in self.resources if resource.name == name]
        if len(found) != 1:
            raise LookupError(f"{len(found)} resources are named {name}: {[resource.type for resource in found]}")
        return found[0]

    def by_urn(self) -> dict[str, Resource]:
        """The resources keyed by URN."""
        return {resource.urn: resource for resource in self.resources}

    def children(self, urn: str) -> list[Resource]:
        """Resources whose parent is the given one."""
        return [resource for resource in self.resources if resource.parent == urn]

    def refs(self, resource: Resource, *properties: str) -> list[Resource]:
        """The resources that the given properties (all properties when none is given) take values from."""
        names = properties or tuple(resource.property_dependencies)
        urns: Iterable[str] = dict.fromkeys(urn for name in names for urn in resource.property_dependencies.get(name, ()))
        known = self.by_urn()
        return [known[urn] for urn in urns if urn in known]

    def to_json(self) -> dict[str, Any]:
        """Lossless JSON, secrets included: for the pipe between processes only."""
        return {
            "project": self.project,
            "stack": self.stack,
            "resources": [resource.to_json() for resource in self.resources],
            "outputs": to_json(self.outputs),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Graph":
        """The graph from its lossless JSON."""
        return cls(
            project=data["project"],
            stack=data["stack"],
            resources=[Resource.from_json(item) for item in data["resources"]],
            outputs=from_json(data["outputs"]),
        )
