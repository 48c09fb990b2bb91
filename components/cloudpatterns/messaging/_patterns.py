"""Event patterns of EventBridge and filter policies of SNS: what both refuse, found before anything is created.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html
"""

from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from typing import Any

import pulumi

from cloudpatterns.core import Problem

OPERATORS = ("anything-but", "cidr", "equals-ignore-case", "exists", "numeric", "prefix", "suffix", "wildcard")
"""What an object in a list of values may be, beside a value that must be equal."""
_COMPARISONS = ("=", "<", "<=", ">", ">=")
_NESTED = ("equals-ignore-case", "prefix", "suffix", "wildcard")
_FIX = "See https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html."


def pattern_problems(pattern: Mapping[str, Any], path: str) -> Iterator[Problem]:
    """What is wrong with a pattern that stands at ``path``: leaves are lists of values and known operators, and none is empty."""
    if not pattern:
        yield path, "is empty; a pattern needs at least one field. Name one."
    for field, value in pattern.items():
        place = f"{path}.{field}"
        if isinstance(value, pulumi.Output):
            continue
        if field == "$or":
            yield from _or_problems(value, place)
        elif isinstance(value, Mapping):
            yield from pattern_problems(value, place)
        elif not isinstance(value, list | tuple):
            yield place, f"is {value!r}; a field has a list of the values that match. Write [{value!r}]."
        elif not value:
            yield place, "is an empty list, which matches nothing and is refused. Name a value, or remove the field."
        else:
            for index, entry in enumerate(value):
                yield from _entry_problems(entry, f"{place}.{index}")


def pattern_json(pattern: Mapping[str, Any]) -> pulumi.Output[str]:
    """The JSON of a pattern. Programs in other languages deliver whole numbers as floats, and to AWS 5.0 is not equal to 5."""
    return pulumi.Output.json_dumps(_whole(pattern))


def _whole(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _whole(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_whole(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _or_problems(value: Any, place: str) -> Iterator[Problem]:
    if not isinstance(value, list | tuple) or len(value) < 2 or not all(isinstance(one, Mapping) for one in value):
        yield place, "must be a list of two patterns or more. Correct it."
        return
    for index, one in enumerate(value):
        yield from pattern_problems(one, f"{place}.{index}")


def _entry_problems(entry: Any, place: str) -> Iterator[Problem]:
    if isinstance(entry, list | tuple):
        yield place, f"is {entry!r}; lists are not nested. Put its values into the list around it."
    if not isinstance(entry, Mapping):
        return
    if len(entry) != 1 or (operator := next(iter(entry))) not in OPERATORS:
        found = ", ".join(entry) or "nothing"
        yield place, f"has {found}; an entry is a value, or an object with one of the operators {', '.join(OPERATORS)}. {_FIX}"
        return
    operand = entry[operator]
    if not isinstance(operand, pulumi.Output) and (allowed := _operand(operator, operand)):
        yield f"{place}.{operator}", f"is {operand!r}; must be {allowed}. {_FIX}"


def _operand(operator: str, operand: Any) -> str | None:
    """What an operator takes, where that is something else than its operand."""
    if operator == "exists":
        return None if isinstance(operand, bool) else "True or False"
    if operator == "numeric":
        return None if _is_range(operand) else "a comparison and a number, once or twice, such as ['>', 0, '<=', 5]"
    if operator == "cidr":
        return None if isinstance(operand, str) and _is_network(operand) else "a network such as 10.0.0.0/24"
    if operator == "anything-but":
        return None if _is_excluded(operand) else f"a value, a list of values, or an object with one of {', '.join(_NESTED)}"
    if operator in ("prefix", "suffix") and isinstance(operand, Mapping):
        return None if [*operand] == ["equals-ignore-case"] and isinstance(operand["equals-ignore-case"], str) else "a text"
    if operator == "wildcard" and isinstance(operand, str) and "**" in operand:
        return "a text without two * in a row"
    return None if isinstance(operand, str) else "a text"


def _is_range(operand: Any) -> bool:
    if not isinstance(operand, list | tuple) or len(operand) not in (2, 4):
        return False
    signs, numbers = operand[::2], operand[1::2]
    known = all(sign in _COMPARISONS for sign in signs) and all(_is_number(number) for number in numbers)
    # A range has a lower end first, then an upper one.
    return known and (len(signs) == 1 or (signs[0][0] == ">" and signs[1][0] == "<" and numbers[0] < numbers[1]))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_network(text: str) -> bool:
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return "/" in text


def _is_excluded(operand: Any) -> bool:
    if isinstance(operand, Mapping):
        nested = next(iter(operand.values()), None)
        texts = nested if isinstance(nested, list | tuple) else [nested]
        return len(operand) == 1 and next(iter(operand)) in _NESTED and bool(texts) and all(isinstance(text, str) for text in texts)
    values = operand if isinstance(operand, list | tuple) else [operand]
    return bool(values) and all(isinstance(value, str) or _is_number(value) for value in values)
