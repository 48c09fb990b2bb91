"""Reads properties and follows references; never raises for an unknown value."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cloudpatterns_policies.core import UNKNOWN, Resource, ResourceReference, Stack


def read(resource: Resource, path: str, *, computed: bool = False) -> Any:
    """The value at a dotted path: None when it is missing or the empty text, `UNKNOWN` when it, or one on the way to it, is unknown.

    With `computed`, an unknown value that comes from no other resource counts as missing: when the program omits such a property, the
    provider's preview shows it as unknown.
    """
    if computed and from_provider(resource, path):
        return None
    value: Any = resource.raw
    for part in path.split("."):
        if value is UNKNOWN:
            return UNKNOWN
        if type(value) is dict:
            value = value.get(part)
        elif type(value) is list and part.isdigit():
            value = value[int(part)] if int(part) < len(value) else None
        else:
            return None
    return None if value is not UNKNOWN and value == "" else value


def has_value(resource: Resource, path: str, *, computed: bool = False) -> bool:
    """Whether the property at a dotted path has a value, known or unknown. False, zero and empty values do not count.

    With `computed`, an unknown value that comes from no other resource counts as missing; see `read`.
    """
    value = read(resource, path, computed=computed)
    return value is UNKNOWN or bool(value)


def from_provider(resource: Resource, path: str) -> bool:
    """Whether the top-level property of `path` is unknown as a whole without coming from another resource."""
    top = path.partition(".")[0]
    return resource.raw.get(top) is UNKNOWN and not resource.property_dependencies.get(top)


def expand(resource: Resource, path: str) -> list[str]:
    """The paths that a path with `*` for list items stands for: `networkInterfaces.*.subnetId` gives one for each interface there is."""
    head, star, rest = path.partition(".*")
    if not star:
        return [path]
    items = read(resource, head, computed=True)
    if items is UNKNOWN:
        return [head]
    indices = range(len(items)) if isinstance(items, list) else ()
    return [found for index in indices for found in expand(resource, f"{head}.{index}{rest}")]


@dataclass(frozen=True, slots=True)
class Reference:
    """What a property refers to."""

    path: str
    """The property."""
    targets: tuple[Resource, ...] = ()
    """Resources of the stack."""
    foreign: tuple[str, ...] = ()
    """Literal ids and names that no resource of the stack has."""
    certain: bool = True
    """Whether every target is certain. It is not when the value depends on more resources than it has items."""
    unresolved: bool = False
    """Whether a part of the value is unknown and comes from no resource of the requested types."""

    @property
    def empty(self) -> bool:
        """Whether nothing is referred to at all."""
        return not (self.targets or self.foreign or self.unresolved)


def refer(stack: Stack, resource: Resource, path: str, types: Sequence[str], *, computed: bool = False) -> Reference:
    """Follows the reference at `path` to resources of `types`.

    A known text is the id, ARN or name of a resource, or foreign. For an unknown value, the property's dependencies of the requested
    types decide: a subnet's id may be available only after its route exists, and then depends on the route as well.
    """
    value = read(resource, path, computed=computed)
    if value is None:
        return Reference(path)
    texts = list(_texts(value))
    candidates = {target.urn: target for target in _candidates(stack, resource, path, types)}
    by_name: dict[str, list[Resource]] = {}
    for target in candidates.values():
        for name in _names(target):
            by_name.setdefault(name, []).append(target)
    targets: dict[str, Resource] = {}
    foreign: list[str] = []
    for text in texts:
        if text is not UNKNOWN:
            found = by_name.get(text, [])
            targets.update((target.urn, target) for target in found)
            foreign += [] if found else [text]
    left = [target for target in candidates.values() if target.urn not in targets]
    unknown = sum(1 for text in texts if text is UNKNOWN)
    if foreign and not unknown:
        # A text may be the id of a candidate whose id is unknown.
        left = [target for target in left if not _names(target)]
        unknown, foreign = (len(foreign), []) if left else (0, foreign)
    if not unknown:
        return Reference(path, tuple(targets.values()), tuple(foreign))
    whole = value is UNKNOWN
    certain = len(left) <= 1 if whole else len(left) <= unknown
    targets.update((target.urn, target) for target in left)
    return Reference(path, tuple(targets.values()), tuple(foreign), certain, not left if whole else len(left) < unknown)


def refer_all(stack: Stack, resource: Resource, pattern: str, types: Sequence[str], *, computed: bool = False) -> list[Reference]:
    """Follows the references at all paths that a pattern such as `subnetMappings.*.subnetId` stands for.

    Dependencies are recorded for the top-level property only. When they do not show which item refers to which resource, but the list
    refers to all of them, the result is one reference.
    """
    found = [refer(stack, resource, path, types, computed=computed) for path in expand(resource, pattern)]
    if len(found) < 2:
        return found
    texts = [text for item in found for text in _texts(read(resource, item.path))]
    targets = {target.urn: target for item in found for target in item.targets}
    if any(text is not UNKNOWN for text in texts) or len(targets) > len(texts):
        return found
    return [Reference(found[0].path, tuple(targets.values()), unresolved=len(targets) < len(texts))]


def owning(stack: Stack, types: Sequence[str], attributes: Sequence[str], ids: Sequence[str]) -> list[Resource]:
    """Resources of `types` with a known value of `attributes` that is one of `ids`."""
    return [
        resource
        for resource in stack.of_type(*types)
        if any(isinstance(value := resource.raw.get(name), str) and value in ids for name in attributes)
    ]


def _candidates(stack: Stack, resource: Resource, path: str, types: Sequence[str]) -> Iterator[Resource]:
    """Resources that the property depends on, and those that its value names."""
    for urn in resource.property_dependencies.get(path.partition(".")[0], ()):
        target = stack.by_urn(urn)
        if target is not None and target.type in types:
            yield target
    yield from stack.refs(resource, path, *types)


def _texts(value: Any) -> Iterator[Any]:
    """Texts and unknowns in a value, in order."""
    if value is UNKNOWN:
        yield UNKNOWN
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, ResourceReference):
        yield value.id or UNKNOWN
    elif isinstance(value, str) and value:
        yield value


def _names(resource: Resource) -> set[str]:
    """Id, ARN and name of a resource, as far as they are known. An EC2 resource's ARN ends in its id."""
    known = {key: value for key in ("id", "arn", "name") if isinstance(value := resource.raw.get(key), str) and value}
    return {*known.values(), *([known["arn"].rpartition("/")[2]] if "arn" in known else [])}


def label(resource: Resource, noun: str = "") -> str:
    """The name of a resource in messages: its noun and logical name."""
    return f"{noun or spaced(resource.type.rpartition(':')[2])} {resource.name}"


def spaced(name: str) -> str:
    """`SecurityGroupIngressRule` as words: `security group ingress rule`."""
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()


def arrow(*hops: str) -> str:
    """A path in a message, hop by hop."""
    return " -> ".join(hop for hop in hops if hop)


def all_of(items: Sequence[str]) -> str:
    """A list for a message: `alert, audit and listener`."""
    return " and ".join(filter(None, (", ".join(items[:-1]), *items[-1:])))


def some(items: Sequence[str], limit: int = 2, separator: str = ", ") -> str:
    """The first of a list for a message, and how many more there are."""
    more = len(items) - limit
    return separator.join(items[:limit]) + (f" and {more} more" if more > 0 else "")
