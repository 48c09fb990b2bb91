"""What of a program is judged: each AWS type by CloudFormation's form, by the API's model or not, and each property that is set.

`coverage(stacks)` is the function; the document of what is judged, and the test that holds the shares, are written with it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from cloudpatterns_policies.acceptance.facts import facts
from cloudpatterns_policies.acceptance.models import judged
from cloudpatterns_policies.core.stack import Stack

FORM: Final = "form"
"""Judged in CloudFormation's form, by AWS's validator."""

MODEL: Final = "model"
"""Judged by the model of AWS's API alone."""

NONE: Final = "none"
"""Not judged."""

PROVIDER: Final = "provider"
"""Nothing for AWS to refuse: it is the provider's own, or names what a part belongs to."""

PROVIDERS: Final[Mapping[str, str]] = {
    "allowOverwrite": "whether the provider takes over what exists",
    "applyImmediately": "when the provider changes what exists",
    "finalSnapshotIdentifier": "what the provider does when it deletes",
    "forceDelete": "what the provider does when it deletes",
    "forceDestroy": "what the provider does when it deletes",
    "forceDetachPolicies": "what the provider does when it deletes",
    "namePrefix": "the provider invents the rest of the name",
    "recoveryWindowInDays": "what the provider does when it deletes",
    "region": "which of its clients the provider uses",
    "revokeRulesOnDelete": "what the provider does when it deletes",
    "skipDestroy": "what the provider does when it deletes",
    "skipFinalSnapshot": "what the provider does when it deletes",
    "tags": "judged by the packs' own controls of tags",
    "tagsAll": "judged by the packs' own controls of tags",
    "timeouts": "how long the provider waits",
    "triggers": "when the provider replaces it",
    "updateDefaultVersion": "what the provider does after a change",
    "userDataReplaceOnChange": "when the provider replaces it",
    "volumeTags": "judged by the packs' own controls of tags",
    "waitForCapacityTimeout": "how long the provider waits",
    "waitForDeployment": "whether the provider waits",
    "waitForSteadyState": "whether the provider waits",
}
"""Arguments that the provider keeps for itself, with the reason."""

OWN: Final[Mapping[str, Mapping[str, str]]] = {
    "aws:autoscaling/group:Group": {"minElbCapacity": "how long the provider waits"},
    "aws:lambda/function:Function": {"code": "the provider uploads it"},
    "aws:secretsmanager/secretVersion:SecretVersion": {
        "secretStringWo": "a secret's value, which is never judged",
        "secretStringWoVersion": "when the provider sends the value again",
    },
}
"""The same of one type."""

NOTHING: Final[Mapping[str, str]] = {
    "aws:acm/certificateValidation:CertificateValidation": "the provider waits; nothing is sent",
}
"""Types that are no resource of AWS, with the reason."""


_OBJECTS: Final = ("object", "list", "wrap", "first", "up")
"""Forms of an entry with entries inside."""


class Judged(NamedTuple):
    """How something is judged, with the reason where it is not AWS's to judge or nobody knows it."""

    by: str
    reason: str = ""


@dataclass(slots=True)
class TypeCoverage:
    """One resource type."""

    by: Judged
    properties: dict[str, Judged] = field(default_factory=dict)
    """Each property that a program sets, as a path without indices."""


@dataclass(slots=True)
class Coverage:
    """What is judged of some stacks."""

    types: dict[str, TypeCoverage] = field(default_factory=dict)
    """By type token."""

    @property
    def type_share(self) -> float:
        """The share of the types that are judged."""
        return _share(found.by for found in self.types.values())

    @property
    def property_share(self) -> float:
        """The share of the properties that are judged, each counted once for its type."""
        return _share(judged for found in self.types.values() for judged in found.properties.values())

    def missing(self) -> list[str]:
        """Types and properties that are not judged."""
        types = [token for token, found in self.types.items() if found.by.by == NONE]
        properties = [
            f"{token} {path}" for token, found in self.types.items() for path, judged in found.properties.items() if judged.by == NONE
        ]
        return [*types, *properties]


def coverage(stacks: Iterable[Stack]) -> Coverage:
    """What is judged of the AWS resources of some stacks, of what their programs set."""
    found: dict[str, TypeCoverage] = {}
    for stack in stacks:
        for resource in stack.resources:
            if not resource.type.startswith("aws:"):
                continue
            known = found.setdefault(resource.type, TypeCoverage(of_type(resource.type)))
            for name, value in resource.inputs.raw.items():
                for path in _paths(resource.type, name, value):
                    if path not in known.properties:
                        known.properties[path] = of_property(resource.type, path)
    sorted_types = {token: TypeCoverage(one.by, dict(sorted(one.properties.items()))) for token, one in sorted(found.items())}
    return Coverage(sorted_types)


def of_type(token: str) -> Judged:
    """How a type is judged."""
    if token in NOTHING:
        return Judged(PROVIDER, NOTHING[token])
    if facts(token) is not None:
        return Judged(FORM)
    return Judged(MODEL) if judged(token) else Judged(NONE, "neither CloudFormation's form nor a model of it is known")


def of_property(token: str, path: str) -> Judged:
    """How a property is judged, a path without indices."""
    top, known = path.partition(".")[0], facts(token)
    if token in NOTHING:
        return Judged(PROVIDER, NOTHING[token])
    if known is not None and top == known.part_of:
        return Judged(PROVIDER, f"names the {known.type} that it is part of")
    if _entry(token, path) is not None:
        return Judged(FORM)
    if any(one == path or one.startswith(f"{path}.") for one in judged(token)):
        return Judged(MODEL)
    if (own := next((part for part in path.split(".") if part in PROVIDERS and (part == top or part == "tags")), None)) is not None:
        return Judged(PROVIDER, PROVIDERS[own])
    if path in OWN.get(token, {}):
        return Judged(PROVIDER, OWN[token][path])
    return Judged(NONE, "no property of CloudFormation, and no constraint of the API, is known")


def _paths(token: str, path: str, value: Any) -> Iterator[str]:
    """The properties within a value: down to what CloudFormation takes as a whole."""
    if value is None:
        return
    entry = _entry(token, path)
    if entry is not None and not isinstance(_nested(entry), Mapping):
        yield path
    elif isinstance(value, list):
        yield from dict.fromkeys(found for one in value for found in _paths(token, path, one))
    elif isinstance(value, dict) and value:
        for name, inside in value.items():
            yield from _paths(token, f"{path}.{name}", inside)
    else:
        yield path


def _entry(token: str, path: str) -> Any:
    """The entry of a property in the table, or None."""
    known = facts(token)
    inside: Any = None if known is None else known.properties
    entry: Any = None
    for name in path.split("."):
        entry = inside.get(name) if isinstance(inside, Mapping) else None
        if entry is None:
            return None
        inside = _nested(entry)
    return entry


def _nested(entry: Any) -> Any:
    while not isinstance(entry, str) and entry[1] in ("in", "item"):
        entry = entry[2]
    return entry[2] if not isinstance(entry, str) and entry[1] in _OBJECTS else None


def _share(found: Iterable[Judged]) -> float:
    counted = [one.by != NONE for one in found if one.by != PROVIDER]
    return sum(counted) / len(counted) if counted else 1.0
