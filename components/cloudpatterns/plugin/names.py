"""Names of arguments in the caller's language: ``subnetIdsByZone`` there is ``subnet_ids_by_zone`` here."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pulumi import Output
from pulumi.provider.experimental.analyzer import ComponentDefinition, PropertyDefinition, PropertyType, TypeDefinition

from cloudpatterns.core import Problem
from cloudpatterns.core.problems import late, not_an_argument

# A quoted word is a value, not a name.
_NAME = re.compile(r"(?<!['\"\w])([a-z]\w*_\w+|True|False|None)(?!['\"\w])")
_LITERALS = {"True": "true", "False": "false", "None": "null"}


class Names:
    """The names of one component's arguments and outputs, in Python and in the schema."""

    def __init__(self, component: ComponentDefinition, types: Mapping[str, TypeDefinition]) -> None:
        self._component = component
        self._types = types
        self.types = set(self._reachable([*component.inputs.values(), *component.outputs.values()]))
        """Types of the nested arguments."""
        mappings = [component.inputs_mapping, component.outputs_mapping, *(types[name].properties_mapping for name in self.types)]
        self._in_schema = {python: schema for mapping in mappings for schema, python in mapping.items()}

    def in_text(self, text: str) -> str:
        """A text with the arguments and outputs that it speaks of named as in the schema, and Python's literals as JSON's."""
        return _NAME.sub(lambda word: self._in_schema.get(word[0], _LITERALS.get(word[0], word[0])), text)

    def in_path(self, path: str) -> str:
        """``entries.0.prefix_list_id`` as ``entries.0.prefixListId``; keys of maps stay as they are."""
        found: list[str] = []
        here: Any = self._component
        for part in path.split("."):
            if isinstance(here, PropertyDefinition):
                found.append(part)
                here = here.items or here.additional_properties
            else:
                mapping, properties = _fields(here)
                name = next((schema for schema, python in mapping.items() if python == part), part)
                found.append(name)
                here = properties.get(name)
            here = self._type(here) or here
        return ".".join(found)

    def from_caller(self, given: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
        """The arguments by their names in Python, and which of them are not arguments or come too late.

        The SDK's own mapping drops what it does not know, takes an unknown object for an empty one, and ends with a traceback when
        an ``Output`` stands where an integer belongs.
        """
        problems: list[Problem] = []
        return self._object(given, self._component, "", problems), problems

    def _object(
        self, given: Mapping[str, Any], of: ComponentDefinition | TypeDefinition, path: str, problems: list[Problem]
    ) -> dict[str, Any]:
        mapping, properties = _fields(of)
        found = {}
        # The wire keeps no order.
        for name, value in sorted(given.items()):
            if name in properties:
                found[mapping[name]] = self._value(value, properties[name], f"{path}{name}", problems)
            else:
                problems.append((f"{path}{name}", not_an_argument(name, properties)))
        return found

    def _value(self, value: Any, of: PropertyDefinition, path: str, problems: list[Problem]) -> Any:
        if isinstance(value, Output) and of.plain:
            problems.append((path, _late(of)))
        if isinstance(value, list) and of.items:
            return [self._value(item, of.items, f"{path}.{index}", problems) for index, item in enumerate(value)]
        if isinstance(value, dict) and of.additional_properties:
            return {key: self._value(item, of.additional_properties, f"{path}.{key}", problems) for key, item in value.items()}
        if isinstance(value, dict) and (type_ := self._type(of)):
            return self._object(value, type_, f"{path}.", problems)
        # The wire knows floats only.
        return int(value) if of.type is PropertyType.INTEGER and isinstance(value, float) and value.is_integer() else value

    def _type(self, of: PropertyDefinition | None) -> TypeDefinition | None:
        return self._types.get(of.ref.rpartition(":")[2]) if isinstance(of, PropertyDefinition) and of.ref else None

    def _reachable(self, properties: Iterable[PropertyDefinition | None]) -> Iterator[str]:
        for one in properties:
            if one:
                yield from self._reachable([one.items, one.additional_properties])
                if type_ := self._type(one):
                    yield type_.name
                    yield from self._reachable(type_.properties.values())


def _fields(of: ComponentDefinition | TypeDefinition | None) -> tuple[dict[str, str], dict[str, PropertyDefinition]]:
    if isinstance(of, ComponentDefinition):
        return of.inputs_mapping, of.inputs
    return (of.properties_mapping, of.properties) if of else ({}, {})


def _late(of: PropertyDefinition) -> str:
    within = of.additional_properties or of.items
    return late(a_map=bool(of.additional_properties), a_list=bool(of.items), of_outputs=bool(within and not within.plain))
