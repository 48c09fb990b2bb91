"""Nothing unknown is ever a finding: what is unknown in a template, and findings that would not hold for every value of it.

In a template an unknown value is a reference to a parameter without a value; a reference to a resource is known, but for its text. The
validator's own rules know what that means. A rule in Rego may take it for absent, so each of its findings is tried with the values that the
rule itself names: one that disappears depends on what is not known.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from cloudpatterns_policies.acceptance.preflight import Rule
from cloudpatterns_policies.acceptance.references import targets

Path = tuple[str | int, ...]

_TEXT: Final = re.compile(r'"([\w.:/*-]{1,60})"')
_NUMBER: Final = re.compile(r"(?<![\w.\"])\d{1,9}(?![\w.\"])")
_TYPE: Final = re.compile(r'"(AWS::\w+::\w+)"')
_COMMENT: Final = re.compile(r"^\s*#.*$", re.MULTILINE)
_BODY: Final = re.compile(r"\n(?=[^\s}])")
_WORD: Final = re.compile(r"\w+")
_MOST: Final = 20


def is_unknown(value: Any, parameters: Mapping[str, Any]) -> bool:
    """Whether a value is a reference to a parameter without a value."""
    return isinstance(value, Mapping) and len(value) == 1 and "Default" not in parameters.get(str(value.get("Ref")), {"Default": ""})


def has_unknown(path: Path, properties: Any, parameters: Mapping[str, Any]) -> bool:
    """Whether something is unknown at a path, around it or within it."""
    values = list(_along(path, properties))
    if any(is_unknown(value, parameters) for value in values):
        return True
    value = values[-1] if values else properties
    return len(values) == len(path) and next(unknown_paths(value, parameters), None) is not None


def is_about_unknown(path: Path, message: str, properties: Mapping[str, Any], parameters: Mapping[str, Any]) -> bool:
    """Whether a finding is about what is unknown: at its path, or in a property that its message names."""
    if path and has_unknown(path, properties, parameters):
        return True
    named = set(_WORD.findall(message))
    return any(name in named and has_unknown((name,), properties, parameters) for name in properties)


def leads_into_unknown(path: Path, properties: Any) -> bool:
    """Whether a path leads to something inside a reference, which an unknown value is too."""
    return any(_is_reference(value) for value in _along(path[:-1], properties))


def ends_in_unknown(path: Path, properties: Any, parameters: Mapping[str, Any]) -> bool:
    """Whether a path leads to an unknown value."""
    values = list(_along(path, properties))
    return len(values) == len(path) > 0 and is_unknown(values[-1], parameters)


def ends_in_reference(path: Path, properties: Any) -> bool:
    """Whether a path leads to a reference, of which only the target can be known."""
    values = list(_along(path, properties))
    return len(values) == len(path) > 0 and _is_reference(values[-1])


def _along(path: Path, value: Any) -> Iterator[Any]:
    """The values on a path, up to what is not there or is a document as text."""
    for part in path:
        if isinstance(value, Mapping) and part in value:
            value = value[str(part)]
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            return
        yield value


def variants(rule: Rule, helpers: str, properties: Mapping[str, Any], parameters: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The properties with one unknown value at a time replaced by what the rule compares with, where the rule names the property."""
    used = "\n".join(_used(rule.rego, helpers))
    for path in unknown_paths(properties, parameters):
        name = next((part for part in reversed(path) if isinstance(part, str)), "")
        is_list = str(parameters[_at(properties, path)["Ref"]].get("Type", "")).startswith("List")
        source = rule.rego if _names(rule.rego, name) else helpers if _names(used, name) else ""
        if not source:
            continue
        texts = dict.fromkeys(text for text in _TEXT.findall(source) if not text.startswith(("Properties", "AWS::", "pf-", "_")))
        numbers = dict.fromkeys(int(number) for number in _NUMBER.findall(source))
        if is_list:
            yield _replaced(properties, path, [])
        values: list[Any] = ["x", True, False, 1, *list(texts)[:_MOST], *list(numbers)[:_MOST]]
        for value in values:
            yield _replaced(properties, path, [value] if is_list else value)


def depends_on_unknown(rule: Rule, helpers: str, logical_id: str, document: Mapping[str, Any], near: Collection[str]) -> bool:
    """Whether a rule looks at other resources of which something that it names is unknown: it may miss what is there.

    What is unknown counts in the resources that are `near`, and everywhere where it may be the reference that the rule looks for.
    """
    source = "\n".join(_used(rule.rego, helpers))
    types, words = set(_TYPE.findall(source)), set(_WORD.findall(source))
    parameters = document.get("Parameters", {})
    for name, other in document["Resources"].items():
        if name != logical_id and other["Type"] in types:
            for path in unknown_paths(other.get("Properties", {}), parameters):
                if any(part in words for part in path) and (name in near or targets(other["Type"], path)):
                    return True
    return False


def neighbours(resources: Mapping[str, Any]) -> Mapping[str, frozenset[str]]:
    """For each resource of a template those that it refers to, directly or not, and those that refer to it or to one of these."""
    direct = {name: {one for one in _referred(resource.get("Properties", {})) if one in resources} for name, resource in resources.items()}
    referring: dict[str, set[str]] = {}
    for name, found in direct.items():
        for one in found:
            referring.setdefault(one, set()).add(name)
    found = {}
    for name in resources:
        reached = _all(name, direct)
        found[name] = frozenset(reached.union(*(referring.get(one, ()) for one in (name, *reached))))
    return found


def _all(name: str, direct: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    left = [name]
    while left:
        new = direct[left.pop()] - found
        found |= new
        left += new
    return found


def _referred(value: Any) -> Iterator[str]:
    """The logical ids that a value refers to."""
    if isinstance(value, Mapping):
        for key, inside in value.items():
            if key == "Ref" and isinstance(inside, str):
                yield inside
            elif key == "Fn::GetAtt" and isinstance(inside, list):
                yield str(inside[0])
            else:
                yield from _referred(inside)
    elif isinstance(value, list):
        for inside in value:
            yield from _referred(inside)


def _used(source: str, helpers: str) -> Iterator[str]:
    """A rule's source and the helpers that it uses, directly or not, without comments."""
    bodies: dict[str, list[str]] = {}
    for body in _BODY.split(_COMMENT.sub("", helpers)):
        if (name := _WORD.match(body)) is not None:
            bodies.setdefault(name[0], []).append(body)
    waiting = [_COMMENT.sub("", source)]
    while waiting:
        text = waiting.pop()
        yield text
        for name in set(_WORD.findall(text)) & bodies.keys():
            waiting += bodies.pop(name)


def _names(source: str, name: str) -> bool:
    """Whether a source names a property: `Resources` is not `Resource`."""
    return name in source and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", source) is not None


def asks_for_unknown_list(rule: Rule, helpers: str, properties: Mapping[str, Any], parameters: Mapping[str, Any]) -> bool:
    """Whether a rule names a list of which nothing is known: what may be in it is more than can be tried."""
    source = rule.rego + helpers
    return any(
        str(path[-1]) in source and str(parameters[_at(properties, path)["Ref"]].get("Type", "")).startswith("List")
        for path in unknown_paths(properties, parameters)
    )


def unknown_paths(value: Any, parameters: Mapping[str, Any], path: Path = ()) -> Iterator[Path]:
    """The paths of all unknown values."""
    if is_unknown(value, parameters):
        yield path
    elif isinstance(value, Mapping):
        for key, inside in value.items():
            yield from unknown_paths(inside, parameters, (*path, key))
    elif isinstance(value, list):
        for number, inside in enumerate(value):
            yield from unknown_paths(inside, parameters, (*path, number))


def _is_reference(value: Any) -> bool:
    return isinstance(value, Mapping) and len(value) == 1 and (next(iter(value)) == "Ref" or str(next(iter(value))).startswith("Fn::"))


def _at(value: Any, path: Path) -> Any:
    for part in path:
        value = value[part]
    return value


def _replaced(value: Any, path: Path, new: Any) -> Any:
    if not path:
        return new
    changed = value.copy()
    changed[path[0]] = _replaced(value[path[0]], path[1:], new)
    return changed
