"""Judges inputs by the models of AWS's APIs: what CloudFormation has no type or property for.

The table `models.jsonl` has for each resource type the constraints of its inputs: enumerations, patterns, lengths, ranges, numbers of
elements. It is generated (tests/policies/acceptance/models) from the SDK and from botocore, so that neither is needed here: botocore
takes seconds to read the models of the services that a stack uses, up to one for EC2's alone, and the table takes milliseconds.

Required members are not judged: the SDK and the provider ask for what AWS requires, and send what their users may leave out.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from cloudpatterns_policies.core.resource import Resource
from cloudpatterns_policies.core.stack import Stack

TABLE: Final = Path(__file__).with_name("models.jsonl")
"""A line for each resource type: token, tab, `{"api", "root", "nodes"}`."""

Skip = Callable[[str, str], bool]
"""`(token, property)`: whether another part judges the property, a path without indices, such as `rules.visibilityConfig.metricName`."""

_NOT_SET: Final = (0, -1)
"""Numbers that the provider sends for an input that is not set, or that stand for `unlimited` and are translated."""
_LONGEST: Final = 4096
"""Texts of more characters are not matched with a pattern: it might take for ever."""
_GIVEN: Final = re.compile(r"-[0-9a-f]{7,8}$")
"""How a text ends that nobody has written: a name from the engine, and in an offline preview a result of a provider function."""
_SHOWN: Final = 80
"""Characters of a value that a message shows."""
_DOCUMENT: Final = re.compile(r"\s*[{\[]")
_REFERENCE: Final = "https://docs.aws.amazon.com/goto/WebAPI"


@dataclass(frozen=True, slots=True)
class Problem:
    """A value that the API refuses."""

    path: str
    """The property, as `Resource.get` takes it: `rules.0.action`."""
    message: str
    """What is wrong, and what the API takes. It never has a secret's value."""
    rule: str
    """`api-enum`, `api-pattern`, `api-length`, `api-range` or `api-items`."""
    url: str
    """The operation's page in the API reference."""


def judge_models(stack: Stack, skip: Skip) -> Iterator[tuple[Resource, Problem]]:
    """Every input that the API would refuse, in the stack's order. What is unknown is never a problem.

    `skip` is asked only about properties with a problem.
    """
    for resource in stack.resources:
        facts = _facts(resource.type)
        if facts is None:
            continue
        url = f"{_REFERENCE}/{facts['api']}"
        for path, value, rule, limit in _block(resource.inputs.raw, facts["root"], facts["nodes"], ""):
            if not _taken_from_elsewhere(stack, resource, path, value) and not skip(resource.type, _without_indices(path)):
                message = _demand(rule, limit)
                if not resource.inputs.is_secret(path):
                    message = f"{_seen(value, rule)}{message}"
                yield resource, Problem(path, message, f"api-{rule}", url)


def judged(token: str) -> dict[str, tuple[str, ...]]:
    """The inputs of a resource type that are judged, as paths without indices, with the kinds of constraints; empty for one that is not."""
    facts = _facts(token)
    return {} if facts is None else dict(sorted(_covered(facts["root"], facts["nodes"], "")))


def is_given(text: str) -> bool:
    """Whether a text ends as those that nobody has written: a name from the engine, or what an offline preview invents."""
    return _GIVEN.search(text) is not None


def tokens() -> tuple[str, ...]:
    """The resource types of which something is judged."""
    return tuple(_table())


@cache
def _table() -> dict[str, str]:
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    return {token: facts for token, _, facts in (line.partition("\t") for line in lines)}


@cache
def _facts(token: str) -> dict[str, Any] | None:
    text = _table().get(token)
    return None if text is None else json.loads(text)


_Finding = tuple[str, Any, str, Any]
"""Path, value, kind of constraint, what it allows."""


def _block(value: Mapping[str, Any], number: int, nodes: list[dict[str, Any]], prefix: str) -> Iterator[_Finding]:
    for name, fact in nodes[number].items():
        if name in value:
            yield from _member(value[name], fact, nodes, f"{prefix}{name}")


def _member(value: Any, fact: Mapping[str, Any], nodes: list[dict[str, Any]], path: str) -> Iterator[_Finding]:
    # What is neither of these, as unknown values and nulls, is no problem.
    kind = type(value)
    if kind is dict:
        if "node" in fact:
            yield from _block(value, fact["node"], nodes, f"{path}.")
    elif kind is list:
        if "items" in fact and value and _too_many_or_few(value, fact["items"]):
            yield path, value, "items", fact["items"]
        # A block that may stand once: some versions of the provider have it as a list of one.
        each: Mapping[str, Any] = fact.get("each") or (fact if "node" in fact else {})
        for index, item in enumerate(value) if each else ():
            yield from _member(item, each, nodes, f"{path}.{index}")
    elif kind is str:
        yield from _text(value, fact, path)
    elif (kind is int or kind is float) and "range" in fact and value not in _NOT_SET and _outside(value, fact["range"]):
        yield path, value, "range", fact["range"]


def _text(value: str, fact: Mapping[str, Any], path: str) -> Iterator[_Finding]:
    # The provider takes an empty text for not set, and writes a document anew before it sends it.
    if not value or ("enum" not in fact and _DOCUMENT.match(value)):
        return
    if "enum" in fact and value not in fact["enum"]:
        yield path, value, "enum", fact["enum"]
    if "length" in fact and _outside(len(value), fact["length"]):
        yield path, value, "length", fact["length"]
    elif "pattern" in fact and not _matches(fact["pattern"], value):
        yield path, value, "pattern", fact["pattern"]


def _outside(number: float, limits: list[float | None]) -> bool:
    low, high = limits
    return (low is not None and number < low) or (high is not None and number > high)


def _too_many_or_few(value: list[Any], limits: list[float | None]) -> bool:
    # Equal elements count as one: the provider has a set where the API has a list. Unknown ones may be equal.
    low, high = limits
    return (low is not None and len(value) < low) or (high is not None and len({repr(item) for item in value}) > high)


def _matches(pattern: str, value: str) -> bool:
    if len(value) > _LONGEST or is_given(value):
        return True
    # A pattern without anchors is meant for the whole text in the older models; one with an anchor says itself what it is for.
    anchored = pattern.startswith("^") or pattern.endswith("$")
    compiled = re.compile(pattern, re.DOTALL)
    return (compiled.search(value) if anchored else compiled.fullmatch(value)) is not None


def _taken_from_elsewhere(stack: Stack, resource: Resource, path: str, value: Any) -> bool:
    """Whether the value holds an output of another resource: an id or an address that only AWS makes, and that a preview may invent."""
    if not isinstance(value, str):
        return False
    targets = (stack.by_urn(urn) for urn in resource.property_dependencies.get(path.partition(".")[0], ()))
    texts = (text for target in targets if target is not None for text in _texts(target.raw))
    return any(text == value or (len(text) > 3 and text in value) for text in texts)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)


def _seen(value: Any, rule: str) -> str:
    """What is wrong with a value that may be shown."""
    if rule == "pattern":
        return ""
    if rule in ("enum", "range"):
        return f"is {value if len(str(value)) <= _SHOWN else f'{str(value)[:_SHOWN]}...'!r}; "
    return f"has {len(value)} {'characters' if rule == 'length' else 'elements'}; "


def _demand(rule: str, limit: Any) -> str:
    if rule == "enum":
        return f"must be one of {', '.join(limit)}"
    if rule == "pattern":
        return f"must match the pattern {limit}"
    low, high = limit
    bounds = f"{low}" if low == high else f"between {low} and {high}"
    if low is None or high is None:
        bounds = f"at most {high}" if low is None else f"at least {low}"
    return f"must be {bounds}" if rule == "range" else f"must have {bounds}"


def _without_indices(path: str) -> str:
    return ".".join(part for part in path.split(".") if not part.isdigit())


def _covered(number: int, nodes: list[dict[str, Any]], prefix: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    for name, fact in nodes[number].items():
        yield from _covered_member(fact, nodes, f"{prefix}{name}")


def _covered_member(fact: Mapping[str, Any], nodes: list[dict[str, Any]], path: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    kinds = [kind for kind in ("enum", "pattern", "length", "range", "items") if kind in fact]
    each = fact.get("each", {})
    kinds += [kind for kind in ("enum", "pattern", "length", "range") if kind in each and kind not in kinds]
    if kinds:
        yield path, tuple(kinds)
    for node in (fact.get("node"), each.get("node")):
        if node is not None:
            yield from _covered(node, nodes, f"{path}.")
