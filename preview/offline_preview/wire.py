"""The messages that a policy pack gets, built from a recorded graph exactly as the engine builds them.

Pulumi: ``pkg/resource/deploy/step_generator.go`` and ``sdk/go/common/resource/plugin/analyzer_plugin.go``. ``Analyze`` gets a resource's
inputs, ``AnalyzeStack`` its outputs. Secrets stay marked; whole-resource references become ids or URNs; internal keys (``__x``) of the top
level are left out. In the first preview of a stack no alias has matched anything, so packs see none.
"""

import re
from collections.abc import Mapping
from typing import Any

from offline_preview import protos
from offline_preview.graph import Graph, Resource
from offline_preview.values import RESOURCE, SIGNATURE, UNKNOWN, Secret, encode_struct

_DURATION = re.compile(r"([0-9.]+)(h|ms|m|s|us|µs|ns)")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


class Requests:
    """The requests of one graph. ``changed`` holds inputs by URN that a remediation has rewritten."""

    def __init__(self, graph: Graph, changed: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        self._pb = protos.load("analyzer_pb2")
        self._graph = graph
        self._changed = dict(changed or {})
        self._by_urn = graph.by_urn()
        self._providers: dict[str, Any] = {}

    def resources(self) -> list[Resource]:
        """The resources that packs see, in the order of registration: all but those that are only read."""
        return [resource for resource in self._graph.resources if not resource.options.get("external")]

    def analyze(self, resource: Resource) -> Any:
        """``AnalyzeRequest`` of one resource, with its inputs."""
        return self._pb.AnalyzeRequest(
            urn=resource.urn,
            type=resource.type,
            name=resource.name,
            properties=_properties(self._changed.get(resource.urn, resource.inputs)),
            options=self._options(resource),
            provider=self._provider(resource),
        )

    def analyze_stack(self) -> Any:
        """``AnalyzeStackRequest`` of all of them, with outputs, parents and dependencies."""
        return self._pb.AnalyzeStackRequest(resources=[self._stack_resource(resource) for resource in self.resources()])

    def _stack_resource(self, resource: Resource) -> Any:
        return self._pb.AnalyzerResource(
            urn=resource.urn,
            type=resource.type,
            name=resource.name,
            properties=_properties({**resource.outputs, **self._changed.get(resource.urn, {})}),
            options=self._options(resource),
            provider=self._provider(resource),
            parent=resource.parent,
            dependencies=resource.dependencies,
            propertyDependencies={
                key: self._pb.AnalyzerPropertyDependencies(urns=urns) for key, urns in resource.property_dependencies.items() if urns
            },
        )

    def _options(self, resource: Resource) -> Any:
        options = resource.options
        return self._pb.AnalyzerResourceOptions(
            protect=bool(options.get("protect", False)),
            ignoreChanges=options.get("ignoreChanges", ()),
            deleteBeforeReplace=bool(options.get("deleteBeforeReplace", False)),
            deleteBeforeReplaceDefined="deleteBeforeReplace" in options,
            additionalSecretOutputs=options.get("additionalSecretOutputs", ()),
            customTimeouts=self._pb.AnalyzerResourceOptions.CustomTimeouts(
                **{key: seconds(value) for key, value in options.get("customTimeouts", {}).items()}
            ),
            parent=resource.parent,
        )

    def _provider(self, resource: Resource) -> Any:
        """The provider of a custom resource; its reference is ``<urn>::<id>``."""
        urn = str(resource.options.get("provider", "")).rpartition("::")[0]
        provider = self._by_urn.get(urn)
        if provider is None:
            return None
        if urn not in self._providers:
            self._providers[urn] = self._pb.AnalyzerProviderResource(
                urn=urn, type=provider.type, name=provider.name, properties=_properties(provider.inputs)
            )
        return self._providers[urn]


def seconds(duration: Any) -> float:
    """A duration as Go writes it (``1h30m``) in seconds; numbers are seconds already."""
    if isinstance(duration, int | float):
        return float(duration)
    return sum(float(number) * _SECONDS[unit] for number, unit in _DURATION.findall(str(duration)))


def _properties(values: Mapping[str, Any]) -> Any:
    return encode_struct({key: _unreferenced(value) for key, value in values.items() if not key.startswith("__")})


def _unreferenced(value: Any) -> Any:
    """The value with whole-resource references replaced by the id, or the URN of a resource without one."""
    if isinstance(value, dict):
        if value.get(SIGNATURE) == RESOURCE:
            identity = value.get("id")
            # An empty id is an unknown id.
            return UNKNOWN if identity == "" else value["urn"] if identity is None else identity
        return {key: _unreferenced(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_unreferenced(item) for item in value]
    if isinstance(value, Secret):
        return Secret(_unreferenced(value.value))
    return value
