"""The effect of changed inputs on a resource: nothing, an update, or a replacement."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from offline_preview import provider_facts as facts
from offline_preview.provider_facts import DEFAULTS
from offline_preview.values import UNKNOWN


@dataclass(frozen=True)
class Difference:
    """The properties that change, those that replace the resource, and whether the old one is deleted first."""

    changed: tuple[str, ...]
    replaces: tuple[str, ...]
    delete_first: bool


def difference(kind: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Difference:
    """The changes from the old inputs of a type (without the package) to the new ones. An unknown value differs from every value."""
    changed = sorted(name for name in {*old, *new} - {DEFAULTS} if not _same(old.get(name), new.get(name)))
    forcing = facts.replaces(kind) | _forced(kind, old, new)
    replaces = [name for name in changed if name in forcing]
    return Difference(tuple(changed), tuple(replaces), bool(replaces) and _delete_first(kind, old, new))


def _same(old: Any, new: Any) -> bool:
    return old is not UNKNOWN and new is not UNKNOWN and old == new


def _forced(kind: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> set[str]:
    """Properties that replace under a condition."""
    if kind in facts.RULE_TYPES:
        sources = {name for name in facts.RULE_SOURCES if (old.get(name) is None) != (new.get(name) is None)}
        return sources if len(sources) > 1 else set()
    if kind == "ec2/instance:Instance" and new.get("userDataReplaceOnChange") is True:
        return {"userData", "userDataBase64"}
    if kind == "elasticache/replicationGroup:ReplicationGroup":
        back = old.get("engine") == "valkey" and new.get("engine") == "redis"
        down = new.get("engine") == old.get("engine") and _version(new.get("engineVersion")) < _version(old.get("engineVersion"))
        return {"engine", "engineVersion"} if back or down else set()
    return set()


def _delete_first(kind: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Two resources of the same name cannot coexist; with a newly generated name they can."""
    naming = facts.naming_of(kind).property
    given = old.get(naming)
    return kind in facts.DELETED_FIRST or (given is not None and given == new.get(naming) and naming not in new.get(DEFAULTS, []))


def _version(text: Any) -> tuple[int, ...]:
    return tuple(int(part) for part in str(text).split(".") if part.isdigit())
