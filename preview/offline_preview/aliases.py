"""Which resources of an earlier run the engine finds again, by their URN or an alias.

The rules are those of ``generateAliases`` in pulumi's ``pkg/resource/deploy/step_generator.go``.
"""

from collections.abc import Collection, Iterator
from typing import Any, Final

from offline_preview.graph import Graph, Resource

_ROOT_TYPE: Final = "pulumi:pulumi:Stack"


def matched(graph: Graph, former: Collection[str]) -> dict[str, str]:
    """The former URN of each resource that was there before, by its URN now; ``former`` are the URNs of the earlier run."""
    by_urn = graph.by_urn()
    found: dict[str, str] = {}
    for resource in graph.resources:
        for urn in (resource.urn, *_aliases(resource, by_urn, found)):
            if urn in former:
                found[resource.urn] = urn
                break
    return found


def _aliases(resource: Resource, by_urn: dict[str, Resource], found: dict[str, str]) -> Iterator[str]:
    """The URNs that a resource may have had. ``found`` are the former URNs of the resources registered before it."""
    own = [_alias_urn(resource, alias, found) for alias in resource.options.get("aliases", [])]
    yield from own
    parent, parents_former = by_urn.get(resource.parent), found.get(resource.parent)
    if parent is None or parents_former in (None, parent.urn) or parent.type == _ROOT_TYPE:
        return
    for urn in (resource.urn, *own):
        # A child whose name begins with its parent's is taken to have been renamed with it.
        kind, name = _type(urn), _name(urn)
        if name.startswith(parent.name):
            name = _name(parents_former) + name.removeprefix(parent.name)
        yield _urn(*parents_former.split("::")[:2], parents_former.split("::")[2], kind, name)


def _alias_urn(resource: Resource, alias: str | dict[str, Any], found: dict[str, str]) -> str:
    if isinstance(alias, str):
        return alias
    parent = alias.get("parentUrn") or resource.parent
    parent_type = parent.split("::")[2] if parent else _ROOT_TYPE
    if "parentUrn" in alias:
        # A parent that was renamed itself counts by its former URN.
        parent_type = found.get(parent, parent).split("::")[2]
    if alias.get("noParent") or parent_type == _ROOT_TYPE:
        parent_type = ""
    stack, project = resource.urn.removeprefix("urn:pulumi:").split("::")[:2]
    head = (f"urn:pulumi:{alias.get('stack') or stack}", alias.get("project") or project)
    return _urn(*head, parent_type, alias.get("type") or resource.type, alias.get("name") or resource.name)


def _urn(stack: str, project: str, parent_type: str, kind: str, name: str) -> str:
    return f"{stack}::{project}::{parent_type}{'$' if parent_type else ''}{kind}::{name}"


def _type(urn: str) -> str:
    return urn.split("::")[2].rpartition("$")[2]


def _name(urn: str) -> str:
    return urn.split("::", 3)[3]
