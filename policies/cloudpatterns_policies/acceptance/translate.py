"""A stack as a CloudFormation template: what AWS's validator can judge of it, and where each value came from.

An entry of the table says what becomes of one property:

| entry                        | the value                                                                              |
|------------------------------|----------------------------------------------------------------------------------------|
| ``"Name"``                   | as it is                                                                               |
| ``["Name", "json", None]``   | a document as text, parsed                                                             |
| ``["Name", "object", {...}]``| an object, its properties by the entries inside                                        |
| ``["Name", "list", {...}]``  | a list of objects                                                                      |
| ``["Name", "wrap", {...}]``  | one object, of which CloudFormation takes a list                                       |
| ``["Name", "first", {...}]`` | a list of at most one object, of which CloudFormation takes that one                   |
| ``["Name", "in", entry]``    | inside the property, by the entry                                                      |
| ``["", "up", {...}]``        | an object whose properties are CloudFormation's own, one level higher                  |
| ``["Name", "each", None]``   | one value, of which CloudFormation takes a list                                        |
| ``["Name", "wrap-as", "X"]`` | one value, of which CloudFormation takes a list of objects with it as ``X``            |
| ``["Name", "pairs", [k, v]]``| a map, of which CloudFormation takes a list of objects with a key and a value          |
| ``["Name", "named", [k, v]]``| a list of objects with a key and a value, of which CloudFormation takes a map          |
| ``["Name", "values", {...}]``| as it is, but for the provider's own words of these (None: nothing that is judged)     |
| ``["Name", "item", entry]``   | inside the one object of a list, by the entry                                          |
| ``["Name", "append", None]`` | one value, which is one more of a list                                                 |
| ``["Name", "attribute", k]`` | one value, which is one more of a list of objects, with the key ``k``                  |
| ``["Name", "key", k]``       | one attribute's name, which is one more of a key schema, as a key of the kind ``k``    |
| ``["", "own", entry]``       | what the resource itself has under that name, by the entry                             |
| ``["Name", "with", {...}]``  | as it is, with these properties beside it                                              |
| ``["Name", "head", None]``   | a list of values, of which CloudFormation takes one: the first                         |
| ``["Name", "parsed", entry]``| JSON as text, of which the parsed form goes by the entry                               |
| ``["Name", "default", x]``    | as it is; without one ``x``, which the provider sends then (None: a value of its own)  |

What is unknown, secret, or comes from another resource becomes a reference to a parameter without a value: the validator knows its shape
and nothing else, so nothing of it is ever a finding. Where the stack tells which resource in the template it comes from, it becomes a
reference to that resource (``references``), so that rules about several resources work.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cloudpatterns_policies.acceptance.facts import Facts, cfn_type, facts
from cloudpatterns_policies.acceptance.models import is_given
from cloudpatterns_policies.acceptance.references import Referrer
from cloudpatterns_policies.core.resource import Resource
from cloudpatterns_policies.core.stack import Stack
from cloudpatterns_policies.core.values import UNKNOWN

_TEXT, _LIST = "String", "List<String>"
# The provider's own arguments, and those that no rule asks for.
_OWN = {
    *("__defaults", "tags", "tagsAll", "region", "name", "namePrefix", "timeouts"),
    *("applyImmediately", "finalSnapshotIdentifier", "forceDestroy", "skipDestroy", "skipFinalSnapshot"),
}
# What may come from elsewhere: the keys of a table are those of the table that it is restored from.
_BY_OTHERS = {"key", "own"}
Path = tuple[str | int, ...]


@dataclass
class Template:
    """A CloudFormation template, and the way back to the stack."""

    document: dict[str, Any] = field(default_factory=lambda: {"Parameters": {}, "Resources": {}})
    """The template."""
    origins: dict[str, dict[Path, tuple[Resource, str]]] = field(default_factory=dict)
    """Logical id to the path of each property in it, with the resource and the property that it comes from."""
    names: dict[str, dict[Path, set[str]]] = field(default_factory=dict)
    """Logical id to the path of each object in it, with the properties that the table can translate there."""
    partial: set[tuple[str, Path]] = field(default_factory=set)
    """Logical id and path of each object within a resource that had something which the table does not know."""
    incomplete: set[str] = field(default_factory=set)
    """Logical ids of resources that have a property of their own which the table does not know."""
    stand_ins: set[str] = field(default_factory=set)
    """Logical ids of resources that are not in the stack, each of which has what one part of it is given."""
    not_judged: list[tuple[Resource, str]] = field(default_factory=list)
    """Resources of AWS that are not in it, with the reason."""
    words: dict[tuple[str, Path], Mapping[str, Any]] = field(default_factory=dict)
    """Logical id and path of each property of which the provider has words of its own, with CloudFormation's for each."""
    ids: dict[str, str] = field(default_factory=dict)
    """URN to logical id of each resource in it."""

    def can_have(self, logical_id: str, path: Path, name: str) -> bool:
        """Whether a property that is not in an object would be, had the program given it."""
        return name in self.names[logical_id].get(path, ())

    def lacks(self, logical_id: str, path: Path) -> bool:
        """Whether a path leads to what is not there, and which the table cannot translate."""
        value: Any = self.document["Resources"][logical_id]["Properties"]
        for depth, part in enumerate(path):
            if isinstance(value, dict) and isinstance(part, str) and part not in value:
                known = self.names[logical_id].get(path[:depth])
                return known is not None and part not in known
            inside = part in value if isinstance(value, dict) else isinstance(value, list) and part in range(len(value))
            if not inside:
                return False
            value = value[part]
        return False

    def is_partial(self, logical_id: str, path: Path) -> bool:
        """Whether an object around a place, or within it, is translated in part."""
        return any(one == logical_id and (place == path[: len(place)] or path == place[: len(path)]) for one, place in self.partial)

    def knows(self, logical_id: str, names: Iterable[str]) -> bool:
        """Whether the table can translate properties of all these names, anywhere in a resource."""
        return set(names) <= set().union(*self.names[logical_id].values())

    def unknown(self, kind: str) -> dict[str, str]:
        """A reference to a parameter of its own: two unknown values are not the same."""
        parameters = self.document["Parameters"]
        name = f"P{len(parameters)}"
        parameters[name] = {"Type": kind}
        return {"Ref": name}

    @property
    def types(self) -> set[str]:
        """CloudFormation's types in it."""
        return {resource["Type"] for resource in self.document["Resources"].values()}

    def origin(self, logical_id: str, path: Path) -> tuple[Resource, str]:
        """The resource and property behind a place in the template, or behind the nearest place around it."""
        known = self.origins[logical_id]
        while path not in known:
            path = path[:-1]
        return known[path]


def translate(stack: Stack) -> Template:
    """The template of a stack's AWS resources, as far as the table knows them."""
    template = Template()
    own: list[tuple[Resource, Facts]] = []
    parts: list[tuple[Resource, Facts]] = []
    for resource in stack.resources:
        if not resource.type.startswith("aws:"):
            continue
        known = facts(resource.type)
        if known is None:
            template.not_judged.append((resource, "CloudFormation has no such type, or the table does not know it"))
        elif known.part_of is not None:
            parts.append((resource, known))
        else:
            logical_id = template.ids[resource.urn] = f"R{len(template.ids)}"
            template.document["Resources"][logical_id] = {"Type": known.type, "Properties": {}}
            template.origins[logical_id] = {(): (resource, "")}
            template.names[logical_id] = {(): set()}
            own.append((resource, known))
    for resource, known in own:
        _Writer(template, template.ids[resource.urn], resource, stack).write(known)
    for resource, known in parts:
        owners = [one for one in stack.refs(resource, known.part_of or "") if cfn_type(one.type) == known.type]
        logical_id = template.ids[owners[0].urn] if len(owners) == 1 else _stand_in(template, resource, known)
        _Writer(template, logical_id, resource, stack).write(known)
    return template


def _stand_in(template: Template, resource: Resource, known: Facts) -> str:
    """The logical id of what stands for the resource that a part belongs to: of that one nothing else is known."""
    logical_id = f"R{len(template.origins)}"
    template.document["Resources"][logical_id] = {"Type": known.type, "Properties": {}}
    template.origins[logical_id] = {(): (resource, "")}
    template.names[logical_id] = {}
    template.incomplete.add(logical_id)
    template.stand_ins.add(logical_id)
    return logical_id


class _Writer:
    """Writes the properties of one resource into a template."""

    def __init__(self, template: Template, logical_id: str, resource: Resource, stack: Stack) -> None:
        self._logical_id, self._names = logical_id, template.names[logical_id]
        self._template, self._origins, self._resource, self._stack = template, template.origins[logical_id], resource, stack
        self._properties: dict[str, Any] = template.document["Resources"][logical_id]["Properties"]
        self._referrer = Referrer(template.document, logical_id, template.ids, resource, stack)
        self._foreign: dict[str, frozenset[str]] = {}
        self._top = ""

    def write(self, known: Facts) -> None:
        into: dict[str, Any] = self._properties
        place: Path = ()
        if known.item is not None:
            items = into.setdefault(known.item, [])
            if not isinstance(items, list):
                return
            place = (known.item, len(items))
            into = {}
            items.append(into)
            self._origins[place] = (self._resource, "")
        # The provider invents a name where the program gives none.
        own = {name: entry for name, entry in known.properties.items() if name != "name" or place}
        self._names.setdefault(place, set()).update(_names(own))
        given = {name for name, value in self._resource.inputs.raw.items() if value is not None}
        if not given <= known.properties.keys() | _OWN | {known.part_of}:
            self._template.incomplete.add(self._logical_id)
        entry = known.properties.get("name")
        if isinstance(entry, str) and known.part_of is None and "name" not in given:
            self._properties[entry] = self._template.unknown(_TEXT)
        for name, entry in known.properties.items():
            self._top = name
            self._into(into, place, {name: entry}, self._resource.inputs.raw, "")
            self._referrer.settle()

    def _put(self, into: dict[str, Any], place: Path, entry: Any, value: Any, path: str) -> None:
        name, kind, inside = (entry, "", None) if isinstance(entry, str) else entry
        if kind == "up":
            self._into(into, place, inside or {}, value[0] if isinstance(value, list) and value else value, path)
            return
        here = (*place, name)
        self._origins.setdefault(here, (self._resource, path))
        if kind in ("in", "item"):
            listed = kind == "item"
            around = into.setdefault(name, [{}] if listed else {})
            self._put(around[0] if listed else around, (*here, 0) if listed else here, inside, value, path)
            return
        if kind in ("append", "attribute", "key"):
            self._append(into.setdefault(name, []), here, entry, value, path)
            return
        if kind == "with":
            into |= dict(inside or {})
        result = self._converted(kind, inside, value, here, path)
        if result is not None:
            into[name] = result

    def _append(self, items: Any, here: Path, entry: Sequence[Any], value: Any, path: str) -> None:
        _, kind, key = entry
        # A list that is unknown altogether, and an empty text or a zero, which the provider takes for not set.
        if not isinstance(items, list) or (isinstance(value, str | int | float) and value in ("", 0) and value is not False):
            return
        place = (*here, len(items))
        self._origins.setdefault(place, (self._resource, path))
        if self._resource.inputs.is_secret(path):
            value = UNKNOWN
        if kind == "append":
            items.append(self._plain(value, place, path))
        elif kind == "key":
            items.append({"AttributeName": self._plain(value, (*place, "AttributeName"), path), "KeyType": key})
        else:
            text = json.dumps(value) if isinstance(value, bool | int | float) else value
            items.append({"Key": key, "Value": self._plain(text, (*place, "Value"), path)})

    def _into(self, into: dict[str, Any], place: Path, inside: Mapping[str, Any], value: Any, path: str) -> None:
        for name, entry in inside.items() if isinstance(value, dict) else ():
            if value.get(name) is not None:
                self._put(into, place, entry, value[name], f"{path}.{name}" if path else name)
            elif not isinstance(entry, str) and entry[1] == "own":
                if (own := self._resource.inputs.raw.get(name)) is not None:
                    self._put(into, place, entry[2], own, name)
            elif not isinstance(entry, str) and entry[1] == "default":
                into[entry[0]] = self._template.unknown(_TEXT) if entry[2] is None else entry[2]
            elif name in value:
                # Given, and null: an output of which the preview knows no more.
                self._names.get(place, set()).difference_update(_names({name: entry}))

    def _converted(self, kind: str, inside: Any, value: Any, here: Path, path: str) -> Any:
        if self._resource.inputs.is_secret(path) or (value is UNKNOWN and kind not in ("each", "wrap-as")):
            is_list = kind == "list" or path.endswith("s")
            unknown = self._template.unknown(_LIST if is_list else _TEXT)
            can_refer = value is UNKNOWN and not is_list and kind in ("", "default", "with")
            return self._referrer.later(unknown, here, self._top) if can_refer else unknown
        if kind in ("object", "wrap", "first"):
            one = (value[0] if value else None) if isinstance(value, list) else value
            if one is None:
                return None
            result = self._object(inside, one, (*here, 0) if kind == "wrap" else here, path)
            return [result] if kind == "wrap" else result
        if kind == "list":
            if not isinstance(value, list):
                return None
            return [self._object(inside, one, (*here, index), f"{path}.{index}") for index, one in enumerate(value)]
        if kind == "json":
            return self._document(value, path)
        if kind == "parsed":
            return self._parsed(inside, value, here, path)
        if kind == "values":
            plain = self._plain(value, here, path)
            self._template.words[self._logical_id, here] = inside
            one = inside.get(_word(plain), plain)
            return self._template.unknown(_TEXT) if one is None else one
        if kind == "head":
            one = value[0] if isinstance(value, list) and value else None
            return None if one is None else self._plain(one, here, f"{path}.0")
        if kind == "each":
            return [self._plain(value, (*here, 0), path)]
        if kind == "wrap-as":
            return [{inside: self._plain(value, (*here, 0, inside), path)}]
        if kind == "pairs":
            return [{inside[0]: key, inside[1]: self._plain(one, here, f"{path}.{key}")} for key, one in value.items()]
        if kind == "named":
            return {
                one[inside[0]]: self._plain(one[inside[1]], here, path)
                for one in value
                if isinstance(one, dict) and one.get(inside[0]) is not UNKNOWN
            }
        return self._plain(value, here, path)

    def _object(self, inside: Mapping[str, Any], value: Any, place: Path, path: str) -> Any:
        if value is UNKNOWN:
            return self._template.unknown(_TEXT)
        self._origins.setdefault(place, (self._resource, path))
        self._names[place] = set(_names(inside))
        if isinstance(value, dict) and not value.keys() <= inside.keys():
            self._template.partial.add((self._logical_id, place))
        result: dict[str, Any] = {}
        self._into(result, place, inside, value, path)
        return result

    def _document(self, value: Any, path: str) -> Any:
        if not isinstance(value, str):
            return self._plain(value, (), path)
        try:
            document = json.loads(value)
        except ValueError:
            # The provider says it in its own words.
            return self._template.unknown(_TEXT)
        return self._plain(document, (), path)

    def _parsed(self, entry: Sequence[Any], value: Any, here: Path, path: str) -> Any:
        try:
            document = json.loads(value) if isinstance(value, str) else value
        except ValueError:
            document = UNKNOWN
        return self._converted(entry[1], entry[2], document, here, path)

    def _plain(self, value: Any, place: Path, path: str) -> Any:
        """The value, with references and parameters for what is unknown or comes from another resource."""
        if isinstance(value, list):
            for index in range(len(value)) if place else ():
                self._origins.setdefault((*place, index), (self._resource, f"{path}.{index}"))
            return [self._plain(one, (*place, index) if place else (), f"{path}.{index}") for index, one in enumerate(value)]
        if isinstance(value, dict):
            return {key: self._plain(one, (), f"{path}.{key}") for key, one in value.items()}
        if value is UNKNOWN:
            return self._referrer.later(self._template.unknown(_TEXT), place, self._top)
        if isinstance(value, str) and (is_given(value) or self._is_foreign(value)):
            return self._referrer.to(value, place, self._top) or self._template.unknown(_TEXT)
        if isinstance(value, float) and value.is_integer():
            return int(value)
        return value if isinstance(value, str | bool | int | float) else self._template.unknown(_TEXT)

    def _is_foreign(self, text: str) -> bool:
        """Whether a text is, or holds, what another resource gave: an offline preview makes these up."""
        if self._top not in self._foreign:
            sources = self._resource.property_dependencies.get(self._top, ())
            given = (found for urn in sources if (source := self._stack.by_urn(urn)) is not None for found in _texts(source.raw))
            self._foreign[self._top] = frozenset(given)
        given = self._foreign[self._top]
        return text in given or any(one in text for one in given if len(one) > 5)


def _word(value: Any) -> str | None:
    """A value as a word of an entry; None for what is no text, number or boolean."""
    return value if isinstance(value, str) else json.dumps(value) if isinstance(value, bool | int | float) else None


def _names(entries: Mapping[str, Any]) -> Iterator[str]:
    for entry in entries.values():
        if isinstance(entry, str):
            yield entry
        elif entry[1] == "up":
            yield from _names(entry[2])
        elif entry[1] not in _BY_OTHERS:
            yield entry[0]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
