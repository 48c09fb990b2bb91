"""Whether a resource names another one, when ids and ARNs are not known yet."""

from cloudpatterns_policies.core import UNKNOWN, Resource, Stack, UnknownValueError
from cloudpatterns_policies.graph.reading import read


def given(stack: Stack, resource: Resource, path: str, *types: str, computed: bool = False) -> bool:
    """Whether the program sets the id or ARN at `path`. For stack controls.

    One that is unknown counts when it comes from a resource of `types`; else `UnknownValueError` is raised. With `computed`, what is
    unknown and came from no resource counts as left out, since the provider works it out then.
    """
    value = read(resource, path, computed=computed)
    if value is UNKNOWN and not stack.refs(resource, path, *types):
        raise UnknownValueError(path, resource.urn)
    return value is UNKNOWN or value is not None
