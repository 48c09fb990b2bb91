"""Finds for a resource type of the SDK the operation that creates it, and for each input the member that it becomes: by name and kind."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tests.policies.acceptance.models.sdk import Input, Kind, ResourceType, blocks
from tests.policies.acceptance.models.service import Service, load, names, words

VERBS = ("Create", "Put", "Register", "Request", "Allocate", "Run", "Set", "Update", "Modify", "Enable", "Associate", "Attach", "Add")
"""What the operation that makes a thing is called, the likeliest first."""
LATER = ("Modify", "Update", "Put", "Set")
"""Operations that the provider calls after the first, for what the first does not take."""
WRAPPERS = ("", "Status", "Config", "Configuration", "Input", "Request", "Data", "Specification", "Settings")
"""The one member that some operations take everything in is called as the thing, with one of these: `DistributionConfig`."""
SKIPPED = frozenset({"tags", "tagsAll", "region", "timeouts", "triggers"})
"""Inputs of the provider itself."""
DEEPEST = 12
"""Blocks within blocks that are followed."""


@dataclass(frozen=True)
class Leaf:
    """An input and the shape that it becomes. `path` is in the SDK's names, with `[]` for the elements of a list."""

    path: str
    input: Input
    service: Service
    shape: str
    member: str
    prose: str
    kind: Kind


@dataclass
class Match:
    """What was found for one resource type."""

    type: ResourceType
    service: Service
    operation: str
    root: dict[str, Any] = field(default_factory=dict)
    """Input to `Leaf`, or for a block to a tuple (`block` or `each`, inputs)."""


def leaves(found: Any) -> Iterator[Leaf]:
    """The leaves of a match's `root`, or of a part of it."""
    if isinstance(found, Leaf):
        yield found
    else:
        for each in found.values() if isinstance(found, dict) else found[1:] if isinstance(found, tuple) else ():
            yield from leaves(each)


class Matcher:
    """The rules, with the entries of names.yaml before them."""

    def __init__(self, names: Mapping[str, Any]) -> None:
        self._services: Mapping[str, list[str]] = names["services"]
        self._prefixes: Mapping[str, tuple[list[str], list[str]]] = {
            module: (about.get("add", []), about.get("drop", [])) for module, about in names["prefixes"].items()
        }
        self._operations: Mapping[str, str] = names["operations"]
        self._shapes: Mapping[str, str] = names["shapes"]
        self._members: Mapping[str, str | None] = names["members"]

    def services(self, module: str) -> list[str]:
        """The services that a folder of the SDK stands for."""
        return self._services.get(module) or [name for name in names() if words(name) == words(module)]

    def match(self, type: ResourceType) -> Match | None:
        """The operation and members of a resource type; None where no operation is called like it."""
        found = self._operation(type)
        if found is None:
            return None
        service, operation, noun = found
        match = Match(type, service, operation)
        if type.token in self._shapes:
            match.root.update(_Walk(type, service, self._members).members(type.inputs, self._shapes[type.token], noun))
            return match
        for name in (operation, *(verb + noun for verb in LATER if verb + noun in service.operations and verb + noun != operation)):
            for shape in self._roots(service, name, noun):
                rest = tuple(each for each in type.inputs if each.name not in match.root and each.name not in SKIPPED)
                match.root.update(_Walk(type, service, self._members).members(rest, shape, noun))
        return match

    def _operation(self, type: ResourceType) -> tuple[Service, str, str] | None:
        if type.token in self._operations:
            name, _, operation = self._operations[type.token].partition(".")
            return (load(name), operation, re.sub(r"^[A-Z][a-z]+", "", operation) or type.name) if operation else None
        for noun in self._nouns(type):
            for name in self.services(type.module):
                service = load(name)
                by_words = {words(operation): operation for operation in service.operations}
                for verb in _verbs(type.name):
                    for form in (noun, f"{noun}s"):
                        if (operation := by_words.get(words(verb + form))) is not None:
                            return service, operation, operation[len(verb) :]
        return None

    def _nouns(self, type: ResourceType) -> list[str]:
        """What the API may call the resource: the SDK's name, and that with or without what names.yaml lists for the folder."""
        name = type.name.removesuffix("V2")
        for suffix in ("Attachment", "Association"):
            name = name.removesuffix(suffix) or name
        added, dropped = self._prefixes.get(type.module, ([], []))
        nouns = list(dict.fromkeys((type.name, type.name.removesuffix("V2"), name)))
        nouns += [noun.removeprefix(prefix) for prefix in dropped for noun in nouns if noun.startswith(prefix) and noun != prefix]
        return [*nouns, *(prefix + noun for prefix in added for noun in nouns)]

    @staticmethod
    def _roots(service: Service, operation: str, noun: str) -> Iterator[str]:
        """The shapes whose members are the resource's: the operation's input, and one wrapped in it."""
        name = service.input(operation)
        if not name:
            return
        yield name
        for member, about in service.shapes[name].get("members", {}).items():
            if words(member) in {suffix + words(wrapper) for suffix in _suffixes(noun) for wrapper in WRAPPERS} | {"input"}:
                shape = service.shapes[about["shape"]]
                if shape["type"] == "structure":
                    yield about["shape"]


class _Walk:
    """Follows the inputs of one resource type and the members of the shapes beside them."""

    def __init__(self, type: ResourceType, service: Service, members: Mapping[str, str | None]) -> None:
        self._type = type
        self._service = service
        self._entries = members
        self._active: list[tuple[str, str]] = []

    def members(self, inputs: tuple[Input, ...], shape: str, noun: str, prefix: str = "") -> dict[str, Any]:
        """For each input the member of the shape that it becomes; the better name wins a member that two inputs fit."""
        members = self._service.shapes[shape].get("members", {})
        by_words = {words(member): member for member in members}
        found: dict[str, tuple[int, str, Input]] = {}
        for each in inputs:
            rank, member = self._member(each.name, by_words, noun, f"{self._type.token}.{prefix}{each.name}".replace("[]", ""))
            if member and (member not in found or rank < found[member][0]):
                found[member] = (rank, member, each)
        result: dict[str, Any] = {}
        for _, member, each in found.values():
            about = members[member]
            place = _Place(f"{prefix}{each.name}", each, about["shape"], member, about.get("documentation", ""))
            value = self._value(each.kind, place)
            if value is not None:
                result[each.name] = value
        return result

    def _member(self, name: str, by_words: Mapping[str, str], noun: str, path: str) -> tuple[int, str]:
        if path in self._entries:
            return 0, by_words.get(words(self._entries[path] or ""), "")
        plain = words(name)
        suffixes = _suffixes(noun)
        candidates = [*_forms(plain), *(suffix + form for suffix in suffixes for form in _forms(plain)[:1])]
        candidates += [plain.removeprefix(suffix) for suffix in suffixes if plain.startswith(suffix) and len(plain) > len(suffix) + 2]
        for rank, candidate in enumerate(candidates):
            if candidate in by_words:
                return rank, by_words[candidate]
        return 99, ""

    def _value(self, kind: Kind, place: "_Place") -> Any:
        shape = self._service.shapes[place.shape]
        if kind.name == "list" and kind.of is not None:
            inner = _list_of(self._service, place.shape)
            if not inner and kind.of.name == "block" and shape["type"] == "structure":
                inner = place.shape  # one block, which the SDK has as a list
            if not inner:
                return None
            value = self._value(kind.of, replace(place, path=f"{place.path}[]", shape=inner))
            own = self._leaf(kind, place) if shape["type"] == "list" else None
            return ("each", value, own) if value is not None or own is not None else None
        if kind.name == "block":
            return self._block(kind, place)
        return self._leaf(kind, place) if kind.name in ("str", "int", "float") and _fits(kind.name, shape["type"]) else None

    def _block(self, kind: Kind, place: "_Place") -> Any:
        shape = place.shape if self._service.shapes[place.shape]["type"] == "structure" else _list_of(self._service, place.shape)
        step = (kind.block, shape)
        if not shape or self._service.shapes[shape]["type"] != "structure" or step in self._active or len(self._active) > DEEPEST:
            return None
        self._active.append(step)
        nested = self.members(blocks(self._type.module).get(kind.block, ()), shape, place.member, f"{place.path}.")
        self._active.pop()
        return ("block", nested) if nested else None

    def _leaf(self, kind: Kind, place: "_Place") -> Leaf:
        prose = f"{place.prose} {self._service.shapes[place.shape].get('documentation', '')}"
        return Leaf(place.path, place.input, self._service, place.shape, place.member, prose, kind)


@dataclass(frozen=True)
class _Place:
    path: str
    input: Input
    shape: str
    member: str
    prose: str


def _suffixes(noun: str) -> list[str]:
    """The noun without each of its first words: of `LogSubscriptionFilter` also `subscriptionfilter` and `filter`."""
    parts = [words(part) for part in re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9]*", noun)]
    return ["".join(parts[index:]) for index in range(len(parts))]


def _verbs(name: str) -> tuple[str, ...]:
    """An association is made by another verb than a thing is."""
    for suffix, verb in (("Attachment", "Attach"), ("Association", "Associate")):
        if name.endswith(suffix):
            return (verb, *(each for each in VERBS if each != verb))
    return VERBS


def _forms(plain: str) -> list[str]:
    forms = [plain, f"{plain}s", plain.removesuffix("s")]
    forms += [plain.removesuffix("ies") + "y"] if plain.endswith("ies") else []
    forms += [plain.removesuffix("es")] if plain.endswith("es") else []
    forms += [plain.removesuffix("y") + "ies"] if plain.endswith("y") else []
    return list(dict.fromkeys(forms))


def _list_of(service: Service, name: str) -> str:
    """The shape of the elements, be it a list, or CloudFront's structure of `Quantity` and `Items`; empty for any other."""
    shape = service.shapes[name]
    if shape["type"] == "list":
        return shape["member"]["shape"]
    members = shape.get("members", {})
    return _list_of(service, members["Items"]["shape"]) if shape["type"] == "structure" and "Items" in members else ""


def _fits(kind: str, shape: str) -> bool:
    return shape == "string" if kind == "str" else shape in ("integer", "long", "float", "double")
