"""Arguments that the provider refuses together, before it asks AWS; ``tests/policies/acceptance/generate_provider.py`` writes the table.

A fact is the path of a block, empty for the resource itself, what holds of the arguments in it, and their names:

| fact      | what the provider demands                         |
|-----------|---------------------------------------------------|
| ``most``  | at most one of them                               |
| ``one``   | exactly one of them                               |
| ``any``   | at least one of them                              |
| ``needs`` | the first only together with all others           |

The provider looks at what the program gave. A secret is given, and so is an unknown value that comes from another resource.
Whether false, zero or an empty value counts differs between its two frameworks, so these count in the program's favour.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from importlib import resources
from json import loads
from typing import Any, Final

from cloudpatterns_policies.core import UNKNOWN, Resource

TABLE: Final = resources.files("cloudpatterns_policies.acceptance") / "provider.jsonl"
"""The table: token, tab, facts."""

Fact = tuple[str, ...]
"""Path, demand, arguments."""

_DEFAULTS: Final = "__defaults"
"""Where the provider's bridge lists the arguments that it filled in itself, such as names."""


def judge_arguments(resource: Resource) -> Iterator[tuple[str, str]]:
    """Path of an argument, and what the provider refuses about it."""
    for path, demand, *names in _facts(resource.type):
        for place, block in _blocks(resource.inputs.raw, path.split(".") if path else [], ""):
            unknown = {name for name in names if block.get(name) is UNKNOWN}
            from_others = {name for name in unknown if resource.property_dependencies.get(f"{place}{name}".partition(".")[0])}
            yield from _judge(place, block, demand, names, unknown - from_others)


def tokens() -> tuple[str, ...]:
    """The resource types of which something is judged."""
    return tuple(_table())


def _judge(place: str, block: dict[str, Any], demand: str, names: Sequence[str], unsure: set[str]) -> Iterator[tuple[str, str]]:
    filled = block.get(_DEFAULTS)
    own = [name for name in names if name not in unsure and not (isinstance(filled, list) and name in filled)]
    sure = [name for name in own if block.get(name) is UNKNOWN or block.get(name)]
    maybe = [name for name in names if block.get(name) is not None]
    if demand == "needs":
        missing = [name for name in names[1:] if name not in maybe]
        if names[0] in sure and missing:
            yield f"{place}{names[0]}", f"needs {_list(place, missing, 'and')}, which the program does not give"
    elif demand != "any" and len(sure) > 1:
        yield f"{place}{sure[-1]}", f"excludes {_list(place, sure[:-1], 'and')}; at most one of {_list(place, names, 'and')} is allowed"
    elif demand in ("one", "any") and not maybe:
        count = "exactly one" if demand == "one" else "at least one"
        yield place.removesuffix("."), f"has none of {_list(place, names, 'and')}; {count} of them is required"


def _blocks(value: Any, path: list[str], place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The blocks at a path, with the path to each in the form of `Resource.get`."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _blocks(item, path, f"{place}{index}.")
    elif isinstance(value, dict):
        if path:
            yield from _blocks(value.get(path[0]), path[1:], f"{place}{path[0]}.")
        else:
            yield place, value


def _list(place: str, names: Sequence[str], word: str) -> str:
    shown = [f"{place}{name}" for name in names]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} {word} {shown[-1]}"


@cache
def _facts(token: str) -> tuple[Fact, ...]:
    text = _table().get(token)
    return () if text is None else tuple(map(tuple, loads(text)))


@cache
def _table() -> dict[str, str]:
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    return {token: facts for token, _, facts in (line.partition("\t") for line in lines)}
