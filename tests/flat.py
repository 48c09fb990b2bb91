"""Writes, from a recorded preview, the program that somebody would have written without components.

It registers the same custom resources in the same order, flat: same types, names, inputs and edges. What a preview does not know comes
from the resources that it came from, so this program waits where the recorded one waits.
"""

from typing import Any

from offline_preview import outputs
from offline_preview.graph import Graph, Resource
from offline_preview.values import UNKNOWN, Secret
from pulumi import _types


def custom(graph: Graph) -> list[Resource]:
    """The AWS resources of a graph; providers, components and the stack are not among them."""
    return [resource for resource in graph.resources if resource.custom and resource.type.startswith("aws:")]


def source(graph: Graph) -> str:
    """The text of the program. Raises ``ValueError`` for an unknown value that comes from no resource."""
    variables: dict[str, str] = {}
    lines = ["import pulumi", "import pulumi_aws as aws", ""]
    for resource in custom(graph):
        given = _arguments(resource, variables)
        variable = variables[resource.urn] = f"r{len(variables)}"
        lines.append(f"{variable} = {_class(resource.type)}({', '.join([repr(resource.name), *given])})")
    return "\n".join([*lines, ""])


def registered(graph: Graph) -> list[Any]:
    """What of the custom resources must be the same in both programs, in the order of their names."""
    names = {resource.urn: resource.name for resource in graph.resources}

    def named(urns: list[str]) -> list[str]:
        return sorted({names[urn] for urn in urns})

    found = [
        (
            resource.type,
            resource.name,
            resource.inputs,
            named(resource.dependencies),
            {name: named(urns) for name, urns in resource.property_dependencies.items() if urns},
        )
        for resource in custom(graph)
    ]
    return sorted(found, key=lambda one: one[:2])


def _class(token: str) -> str:
    cls = outputs.class_of(token)
    if cls is None:
        raise ValueError(f"no class of {token}")
    # Where a program takes it from, aws.ec2.Vpc: the SDK keeps every class in a module of its own below that.
    return f"{cls.__module__.rpartition('.')[0].replace('pulumi_aws', 'aws', 1)}.{cls.__name__}"


def _arguments(resource: Resource, variables: dict[str, str]) -> list[str]:
    found = []
    cls = outputs.class_of(resource.type)
    for name, wire in (_types.resource_py_to_pulumi_names(cls) if cls else {}).items():
        if wire in resource.inputs:
            sources = [variables[urn] for urn in resource.property_dependencies.get(wire, ())]
            found.append(f"{name}={_property(resource, resource.inputs[wire], sources)}")
    by_property = {urn for urns in resource.property_dependencies.values() for urn in urns}
    if options := _options(resource, [variables[urn] for urn in resource.dependencies if urn not in by_property]):
        found.append(f"opts=pulumi.ResourceOptions({options})")
    return found


def _options(resource: Resource, after: list[str]) -> str:
    options = {"protect": "protect", "retain_on_delete": "retainOnDelete", "delete_before_replace": "deleteBeforeReplace"}
    given = [f"{name}={resource.options[wire]!r}" for name, wire in options.items() if resource.options.get(wire)]
    if after:
        given.append(f"depends_on=[{', '.join(after)}]")
    return ", ".join(given)


def _property(resource: Resource, value: Any, sources: list[str]) -> str:
    waiting = [f"{source}.id" for source in sources]
    unknown = waiting[0] if len(waiting) == 1 else f"pulumi.Output.all({', '.join(waiting)})" if waiting else ""

    def text(value: Any) -> str:
        if value is UNKNOWN:
            if not unknown:
                raise ValueError(f"{resource.name} has an unknown input that comes from no resource")
            return unknown
        if isinstance(value, Secret):
            return f"pulumi.Output.secret({text(value.value)})"
        if isinstance(value, dict):
            return f"{{{', '.join(f'{key!r}: {text(item)}' for key, item in value.items())}}}"
        return f"[{', '.join(map(text, value))}]" if isinstance(value, list) else repr(value)

    found = text(value)
    if sources and (not unknown or unknown not in found):
        # The value of another resource that a preview knows: its name is known as well.
        return f"pulumi.Output.all({', '.join(f'{source}.urn' for source in sources)}).apply(lambda _urns: {found})"
    return found
