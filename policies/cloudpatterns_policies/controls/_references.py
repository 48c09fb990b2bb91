"""Whether a resource names another one, when ids and ARNs are not known yet."""

from collections.abc import Sequence
from functools import lru_cache

from cloudpatterns_policies.core import UNKNOWN, Resource, Stack, UnknownValueError
from cloudpatterns_policies.graph.reading import read, refer


def sets_reference(stack: Stack, resource: Resource, path: str, *types: str, computed: bool = False) -> bool:
    """Whether the program sets the id or ARN at `path`. For stack controls.

    One that is unknown counts when it comes from a resource of `types`; else `UnknownValueError` is raised. With `computed`, what is
    unknown and came from no resource counts as left out, since the provider works it out then.
    """
    value = read(resource, path, computed=computed)
    if value is UNKNOWN and not stack.refs(resource, path, *types):
        raise UnknownValueError(path, resource.urn)
    return value is UNKNOWN or value is not None


def joints(stack: Stack, target: Resource, token: str, path: str, types: Sequence[str]) -> tuple[list[Resource], list[Resource]]:
    """The resources of type `token` that surely belong to `target` by what `path` names, and those that may.

    `types` are all that the property can name: what is unknown and comes from none of them may belong to anything.
    """
    named = stack.referrers(target, token, path)
    sure = [item for item in named if refer(stack, item, path, types).certain]
    return sure, [item for item in (*named, *_unresolved(stack, token, path, tuple(types))) if item not in sure]


@lru_cache(maxsize=8)
def _unresolved(stack: Stack, token: str, path: str, types: tuple[str, ...]) -> tuple[Resource, ...]:
    return tuple(item for item in stack.of_type(token) if refer(stack, item, path, types).unresolved)
