"""Defaults and limits of declared arguments in words, for the schema's descriptions and the settings' errors."""

import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import annotated_types
from pydantic.fields import FieldInfo

from cloudpatterns.core.arguments import default_of, metadata
from cloudpatterns.core.limits import Limit


def default_phrase(hint: Any) -> str:
    """The declared default (``10``, ``true``, ``none``), empty without one and for an object, whose entries have theirs."""
    default = default_of(hint)
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, int | float):
        return _number(default)
    if isinstance(default, str):
        return f"`{default}`" if default else "none"
    if typing.is_typeddict(metadata(hint)[0]):
        # An object with defaults of its own.
        return ""
    if isinstance(default, Sequence | Mapping):
        return ", ".join(f"`{item}`" if isinstance(item, str) else str(item) for item in default) or "none"
    return ""


def limit_phrases(hint: Any) -> Iterator[str]:
    """The declared limits, one phrase each: ``1 to 65,536``, ``at most 5 entries``, ``each a port``."""
    hint, found = metadata(hint)
    unit = " entries" if typing.get_origin(hint) in (list, dict) else " characters"
    for item in found:
        if isinstance(item, Limit):
            yield item.words()
        elif isinstance(item, annotated_types.MultipleOf):
            yield f"a multiple of {item.multiple_of}"
    limits = [item for item in found if not isinstance(item, FieldInfo)]
    yield from _range(
        [item.ge for item in limits if isinstance(item, annotated_types.Ge)],
        [item.le for item in limits if isinstance(item, annotated_types.Le)],
        "",
    )
    yield from _range(
        [item.min_length for item in limits if isinstance(item, annotated_types.MinLen)],
        [item.max_length for item in limits if isinstance(item, annotated_types.MaxLen)],
        unit,
    )
    if typing.get_origin(hint) in (list, dict):
        yield from (f"each {limit}" for limit in limit_phrases(typing.get_args(hint)[-1]))


def _range(least: Sequence[Any], most: Sequence[Any], unit: str) -> Iterator[str]:
    # The last one narrows down those before it.
    if least and most:
        low, high = _number(least[-1]), _number(most[-1])
        yield f"{low}{_one(unit, low)}" if low == high else f"{low} to {high}{unit}"
    elif least:
        yield f"at least {_number(least[-1])}{_one(unit, least[-1])}"
    elif most:
        yield f"at most {_number(most[-1])}{_one(unit, most[-1])}"


def _one(unit: str, count: Any) -> str:
    return {" entries": " entry", " characters": " character"}.get(unit, unit) if str(count) == "1" else unit


def _number(value: Any) -> str:
    return f"{value:,}" if value >= 10_000 else str(value)
