"""Whether a resource refers to another one, when ids and ARNs are unknown."""

from collections.abc import Sequence
from functools import lru_cache

from cloudpatterns_policies.core import UNKNOWN, Resource, Stack, UnknownValueError
from cloudpatterns_policies.graph.reading import read, refer


def sets_reference(stack: Stack, resource: Resource, path: str, *types: str, computed: bool = False) -> bool:
    """Whether the program sets the id or ARN at `path`. For stack controls.

    An unknown value counts when it comes from a resource of `types`; else `UnknownValueError` is raised. With `computed`, an unknown value
    that comes from no resource counts as omitted: the provider computes it.
    """
    value = read(resource, path, computed=computed)
    if value is UNKNOWN and not stack.refs(resource, path, *types):
        raise UnknownValueError(path, resource.urn)
    return value is UNKNOWN or value is not None


def associations(stack: Stack, target: Resource, token: str, path: str, types: Sequence[str]) -> tuple[list[Resource], list[Resource]]:
    """The resources of type `token` whose `path` surely refers to `target`, and those whose `path` may.

    `types` are all types that the property can name: an unknown value that comes from none of them may refer to any resource.
    """
    named = stack.referrers(target, token, path)
    sure = [item for item in named if refer(stack, item, path, types).certain]
    return sure, [item for item in (*named, *_unresolved(stack, token, path, tuple(types))) if item not in sure]


@lru_cache(maxsize=8)
def _unresolved(stack: Stack, token: str, path: str, types: tuple[str, ...]) -> tuple[Resource, ...]:
    return tuple(item for item in stack.of_type(token) if refer(stack, item, path, types).unresolved)
