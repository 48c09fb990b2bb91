"""What a stack's resources refer to, and which of them exist before others: what the controls over several resources share."""

from collections.abc import Iterator
from functools import lru_cache

from cloudpatterns_policies.core import Resource, Stack
from cloudpatterns_policies.graph.reading import has_value, refer_all


def targets(stack: Stack, resource: Resource, pattern: str, *types: str) -> Iterator[tuple[str, Resource]]:
    """The resources of `types` that the properties at a path with `*` surely refer to, each with its property."""
    for reference in refer_all(stack, resource, pattern, types):
        if reference.certain and not reference.unresolved:
            for target in reference.targets:
                yield reference.path, target


def target(stack: Stack, resource: Resource, path: str, *types: str) -> Resource | None:
    """The one resource of `types` that a property surely refers to."""
    found = [item for _, item in targets(stack, resource, path, *types)]
    return found[0] if len(found) == 1 else None


def gives(resource: Resource, path: str) -> bool:
    """Whether the program gives something at a dotted path, known or not: no empty text, list or object, and not False."""
    return has_value(resource.inputs, path)


def waits_for(stack: Stack, resource: Resource, other: Resource) -> bool:
    """Whether the engine creates `other` before `resource`."""
    return other.urn in _before(stack, resource)


@lru_cache(maxsize=256)
def _before(stack: Stack, resource: Resource) -> frozenset[str]:
    """The URNs of all that exists before a resource. Of a component that it depends on, everything inside does."""
    found: set[str] = set()
    left = [*resource.dependencies, resource.parent]
    while left:
        urn = left.pop()
        item = stack.by_urn(urn)
        if item is None or urn in found:
            continue
        is_component = not item.type.startswith(("aws:", "pulumi:"))
        if is_component and urn not in resource.dependencies:
            # A parent that is a component orders nothing.
            left.append(item.parent)
            continue
        found.add(urn)
        left += [*item.dependencies, item.parent]
        left += [child.urn for child in stack.children(item)] if is_component else []
    return frozenset(found)
