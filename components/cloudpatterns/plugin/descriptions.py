"""The descriptions of arguments in the schema: their docstrings, and the defaults and limits that are declared beside their types."""

import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import annotated_types
from pulumi.provider.experimental.analyzer import Analyzer
from pydantic.fields import FieldInfo

from cloudpatterns.core.arguments import declared, default_of, inherited, metadata
from cloudpatterns.core.limits import Choice, Matches


class DescribingAnalyzer(Analyzer):
    """Pulumi's analyzer, with docstrings of inherited arguments, which it does not find, and with defaults and limits."""

    def get_docstring(self, typ: type, name: str) -> str | None:
        """The docstring of an argument or output, with default and limits."""
        text = self.docstring(typ, name)
        if not typing.is_typeddict(typ):
            return text
        return " ".join(filter(None, [text and text.strip(), _sentence(declared(typ)[name])])) or None

    def docstring(self, typ: type, name: str) -> str | None:
        """The docstring as it stands in the source, of the base where an argument is inherited."""
        text = super().get_docstring(typ, name)
        for base in inherited(typ) if text is None and typing.is_typeddict(typ) else ():
            if name in declared(base):
                return self.docstring(base, name)
        return text


def _sentence(hint: Any) -> str:
    """Default and limits, such as "Default: 10; 1 to 65,536."."""
    phrases = [*_default(hint), *_limits(hint)]
    if not phrases:
        return ""
    text = "; ".join(phrases)
    return f"{text[0].upper()}{text[1:]}."


def _default(hint: Any) -> Iterator[str]:
    default = default_of(hint)
    if isinstance(default, bool):
        yield f"default: {str(default).lower()}"
    elif isinstance(default, int | float):
        yield f"default: {_number(default)}"
    elif isinstance(default, str):
        yield f"default: `{default}`"
    elif isinstance(default, Sequence | Mapping):
        yield f"default: {', '.join(f'`{item}`' if isinstance(item, str) else str(item) for item in default) or 'none'}"


def _limits(hint: Any) -> Iterator[str]:
    hint, found = metadata(hint)
    least, most, unit = None, None, ""
    for item in found:
        match item:
            case FieldInfo():
                continue
            case Choice() | Matches():
                yield item.allowed
            case annotated_types.Ge():
                least = item.ge
            case annotated_types.Le():
                most = item.le
            case annotated_types.MinLen():
                least, unit = item.min_length, _unit(hint)
            case annotated_types.MaxLen():
                most, unit = item.max_length, _unit(hint)
            case annotated_types.MultipleOf():
                yield f"a multiple of {item.multiple_of}"
    if least is not None and most is not None:
        yield f"{_number(least)} to {_number(most)}{unit}" if least != most else f"{_number(least)}{unit}"
    elif least is not None:
        yield f"at least {_number(least)}{unit}"
    elif most is not None:
        yield f"at most {_number(most)}{unit}"
    if typing.get_origin(hint) in (list, dict):
        yield from (f"each {limit}" for limit in _limits(typing.get_args(hint)[-1]))


def _unit(hint: Any) -> str:
    return " entries" if typing.get_origin(hint) in (list, dict) else " characters"


def _number(value: Any) -> str:
    return f"{value:,}" if value >= 10_000 else str(value)
