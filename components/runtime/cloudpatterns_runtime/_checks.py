"""What the libraries check of their settings, and how they tell errors apart."""

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

Errors: TypeAlias = type[Exception] | tuple[type[Exception], ...] | Callable[[Exception], bool]
"""Which errors are meant: a class, a tuple of classes, or a function that says so of an error."""


def is_among(error: Exception, errors: Errors) -> bool:
    """Whether an error is one of those meant."""
    return isinstance(error, errors) if isinstance(errors, type | tuple) else errors(error)


def is_errors(value: Any) -> bool:
    """Whether a setting says which errors are meant."""
    if isinstance(value, tuple):
        return all(isinstance(one, type) and issubclass(one, Exception) for one in value)
    return issubclass(value, Exception) if isinstance(value, type) else callable(value)


def is_count(value: Any) -> bool:
    """Whether a setting is a whole number from 1."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def is_duration(value: Any) -> bool:
    """Whether a setting is a finite number above 0."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value > 0


def entry(response: Any, *path: str) -> str | int | None:
    """The text or number at a path of a response; None where something else stands there."""
    for key in path:
        response = response.get(key) if isinstance(response, dict) else None
    return response if isinstance(response, str | int) else None


def variable(environment: Mapping[str, str], name: str, remedy: str) -> str:
    """An environment variable that a component sets.

    :raises ValueError: where it is missing, with the remedy.
    """
    if not (value := environment.get(name)):
        raise ValueError(f"{name} is missing. {remedy}")
    return value


def write_on_condition(write: Callable[..., object], **request: object) -> bool:
    """Writes an item by a method of the client; False where DynamoDB refuses because the condition of the request does not hold."""
    try:
        write(**request)
    except Exception as error:
        if entry(getattr(error, "response", None), "Error", "Code") == "ConditionalCheckFailedException":
            return False
        raise
    return True


def refuse_asynchronous(function: Callable[..., Any], caller: str, remedy: str) -> None:
    """:raises TypeError: for a function whose call only makes a coroutine, which never fails."""
    called = (function, getattr(function, "__call__", None))  # noqa: B004 (an object's own method, which may be asynchronous)
    if any(inspect.iscoroutinefunction(one) or inspect.isasyncgenfunction(one) for one in called):
        raise TypeError(f"{name_of(function)} is asynchronous; {caller} calls synchronous functions only. {remedy}")


def name_of(function: Callable[..., Any]) -> str:
    """What messages call a function: not its representation, where it has no name: that of a partial function shows arguments."""
    return getattr(function, "__name__", type(function).__name__)
