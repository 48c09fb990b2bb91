"""What is wrong with arguments, in words: pydantic's errors as reasons that follow an argument's name."""

import difflib
import re
from collections.abc import Awaitable, Collection, Mapping, Sequence
from enum import Enum
from typing import Any, get_args, get_origin

import pulumi
from pydantic_core import ErrorDetails

from cloudpatterns.core.ordering import ByName

_LATE = "is an output or a secret. It decides what is created, so it must be known when the program runs: give"
# Who has values by zone, and how their keys are plain.
_METHODS = {
    "subnet_ids_by_zone": "Network.subnet_ids(...) returns one",
    "route_table_ids_by_zone": "Network.route_table_ids(...) returns one",
}
_MESSAGES = {
    "too_short": "has {actual_length} {unit}; at least {min_length} {are} needed",
    "too_long": "has {actual_length} {unit}; at most {max_length} {are} allowed",
    "string_too_short": "must have at least {min_length} {unit}",
    "string_too_long": "must have at most {max_length} {unit}",
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be greater than {gt}",
    "less_than_equal": "must be at most {le}",
    "less_than": "must be less than {lt}",
    "multiple_of": "must be a multiple of {multiple_of}",
    "string_type": "must be text",
    "string_unicode": "must be text",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "bool_type": "must be True or False",
    "list_type": "must be a list",
    "dict_type": "must be a dictionary",
    "model_type": "must be a dictionary",
    "is_instance_of": "must be of the class {class}",
}
_SHORT = 3
"""Letters of a word that a longer name may contain by chance."""


def not_an_argument(name: str, known: Collection[str]) -> str:
    """The reason for an unknown argument: the nearest names, or all of them where none is near.

    ``known`` are spelled as the caller spells them, in Python (``vpc_id``) or in Pulumi's schema (``vpcId``).
    """
    if near := _near(name, known):
        return f"is not an argument; did you mean {_either(near)}?"
    return f"is not an argument; known are {', '.join(sorted(known)) or 'none'}"


def _near(name: str, known: Collection[str]) -> list[str]:
    by_letters: dict[str, str] = {_letters(one): one for one in sorted(known)}
    letters = _letters(name)
    if letters in by_letters:
        # Another spelling, such as vpcId for vpc_id.
        return [by_letters[letters]]
    near = difflib.get_close_matches(letters, by_letters, n=3, cutoff=0.7)
    # Without its unit, such as cpu for cpu_units.
    words = [_letters(one) for one in sorted(known) if re.match(rf"{re.escape(name)}(_|[A-Z])", one)]
    near += [one for one in words if one not in near][: 3 - len(near)]
    if len(letters) > _SHORT:
        near += [one for one in by_letters if letters in one and one not in near][: 3 - len(near)]
    return [by_letters[one] for one in near]


def _letters(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


def _either(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}" if len(names) > 1 else names[0]


def is_late(value: Any) -> bool:
    """Whether a value becomes known only while the program runs."""
    return isinstance(value, pulumi.Output | Awaitable)


def late(name: str = "", *, a_map: bool = False, a_list: bool = False, of_outputs: bool = False) -> str:
    """The reason for an output where a plain value is needed; ``of_outputs`` says that what is in it may be outputs."""
    if not a_map and not a_list:
        return f"{_LATE} a plain value."
    kind = "dictionary" if a_map else "list"
    if not of_outputs:
        return f"{_LATE} a {kind} of plain values."
    shape = "dictionary with plain keys, whose values may be outputs" if a_map else "list, whose entries may be outputs"
    method = next((f"; {words}" for suffix, words in _METHODS.items() if name.endswith(suffix)), "")
    return f"{_LATE} a {shape}{method}."


def late_in(name: str, hint: Any, may_be_output: bool) -> str:
    """As ``late``, of a Python type: ``may_be_output`` says whether what is in it may be an output."""
    origin = get_origin(hint)
    return late(name, a_map=origin in (dict, Mapping), a_list=origin in (list, Sequence), of_outputs=bool(get_args(hint)) and may_be_output)


def reason(detail: ErrorDetails) -> str:
    """What is allowed, in words that follow the value."""
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "enum":
        # pydantic quotes the values, and gives them as one text.
        return f"must be one of {context['expected'].replace(chr(39), '').replace(' or ', ', ')}"
    if kind not in _MESSAGES:
        message = detail["msg"].removeprefix("Value error, ")
        return message if kind == "limit" else f"{message[0].lower()}{message[1:]}"
    if kind == "too_long":
        # Of a dictionary pydantic does not count the entries.
        given = detail["input"]
        context = {**context, "actual_length": len(given.keys() if isinstance(given, ByName) else given)}
    limit = context.get("min_length", context.get("max_length"))
    unit = "character" if kind.startswith("string") else "entry"
    if (context.get("actual_length", limit)) != 1:
        unit = "characters" if unit == "character" else "entries"
    message = _MESSAGES[kind].format(**context, unit=unit, are="is" if limit == 1 else "are")
    return f"{message}: give one of the resource's outputs" if isinstance(detail["input"], pulumi.Resource) else message


def shown(value: Any) -> str:
    """A value as messages show it: shortened, and never the address of an object."""
    text = _text(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _text(value: Any) -> str:
    if isinstance(value, Enum):
        return _text(value.value)
    if value is None or isinstance(value, str | int | float):
        return repr(value)
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{_text(key)}: {_text(one)}' for key, one in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_text, value))}]"
    name = "output" if is_late(value) else type(value).__name__
    return f"{'an' if name[0] in 'AEIOUaeiou' else 'a'} {name}"
