"""Sections that are the options of a component: declared there, once, and read here as models.

Types, defaults, limits and descriptions come from the component's `TypedDict`; a section adds what the stack's configuration alone needs:
real types (networks), rules over several settings, and texts for the problems that need more than the limits.
"""

import functools
import typing
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from types import GenericAlias
from typing import Annotated, Any, ForwardRef, Literal, NotRequired, get_args, get_origin, is_typeddict

import annotated_types
import pulumi
from cloudpatterns.core import Choice, Matches, declared
from cloudpatterns.core.arguments import default_of, docstrings, metadata
from cloudpatterns.core.limits import CidrBlock, Ipv4Network, Unique
from cloudpatterns.core.phrases import limit_phrases
from cloudpatterns.core.vocabulary import LOG_RETENTION_DAYS
from pydantic import AfterValidator, ConfigDict, Field, GetJsonSchemaHandler, create_model
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema

from settings.faults import Allowed, Model
from settings.fields import WHOLE, Cidr, FolderOrArchive, Ipv4Cidr, LogRetentionDays, each_once

_UNITS = {"days": "days", "gib": "GiB", "minutes": "minutes", "percent": "percent", "percentage": "percent", "seconds": "seconds"}
_KINDS: Mapping[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    pulumi.Archive: "a folder or archive beside the stack file",
}


def options(
    of: type,
    *,
    without: Sequence[str] = (),
    limits: Mapping[str, Any] | None = None,
    texts: Mapping[str, Allowed] | None = None,
    optional: Sequence[str] = (),
) -> Any:
    """A base class with a field for each option of a component.

    `without` are options that the program decides. `limits` are annotated types that narrow down the declared ones for the stack
    configuration alone. `texts` say more than the limits. `optional` are options that the program has when a section leaves them out.
    """
    hints = {name: hint for name, hint in declared(of).items() if name not in without}
    for name, limit in (limits or {}).items():
        hint = hints[name]
        # Inside NotRequired, so that it comes after what it narrows down.
        plain = get_args(hint)[0] if get_origin(hint) is NotRequired else hint
        hints[name] = _annotated(plain, *limit.__metadata__)
    required = getattr(of, "__required_keys__", frozenset()) - set(optional)
    fields = {name: _setting(of, name, hint, (texts or {}).get(name), required=name in required) for name, hint in hints.items()}
    model = create_model(of.__name__, __base__=_Declared, __module__=of.__module__, __doc__=of.__doc__, **fields)
    # A section that is derived from it describes its own fields again.
    model.model_config["use_attribute_docstrings"] = True
    return model


class _Declared(Model):
    """The base of models without a source: to look for it, pydantic goes through every module of the SDK, some thousand times."""

    model_config = ConfigDict(use_attribute_docstrings=False)


@dataclass(frozen=True)
class _Described:
    """Metadata of a field: its description in the JSON schema, which alone needs it. Reading the sources takes longer than all the rest."""

    of: type
    name: str

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "description": docstrings(self.of)[self.name]}


@functools.cache
def _nested(of: type) -> Any:
    return options(of)


def _setting(of: type, name: str, hint: Any, text: Allowed | None, *, required: bool) -> Any:
    default, described = default_of(hint), _Described(of, name)
    annotation = _kind(hint)
    if text is not None or annotation is not LogRetentionDays:
        annotation = _annotated(annotation, text or Allowed(_allowed(name, hint), _example(hint)))
    if required:
        return _annotated(annotation, described), ...
    return _annotated(annotation if default is not None else annotation | None, described), Field(default=default)


def _plain(hint: Any) -> Any:
    """The plain type of a `pulumi.Input`, or the type itself."""
    members = get_args(hint)
    if any(isinstance(member, ForwardRef) or get_origin(member) in (Awaitable, pulumi.Output) for member in members):
        return next(
            member for member in members if not isinstance(member, ForwardRef) and get_origin(member) not in (Awaitable, pulumi.Output)
        )
    return hint


def _kind(hint: Any) -> Any:
    hint, found = metadata(hint)
    hint = _plain(hint)
    choice = next((limit for limit in found if isinstance(limit, Choice)), None)
    origin, members = get_origin(hint), get_args(hint)
    kind: Any = hint
    if choice is not None and choice.values == LOG_RETENTION_DAYS:
        return LogRetentionDays
    if any(isinstance(limit, Ipv4Network) for limit in found):
        kind = Ipv4Cidr
    elif any(isinstance(limit, CidrBlock) for limit in found):
        kind = Cidr
    elif choice is not None and hint is str:
        # Of texts, the nearest to what is given can be proposed.
        kind = typing.cast(Any, Literal)[choice.values]
    elif origin is list:
        kind = GenericAlias(tuple, (_entry(members[0]), ...))
    elif origin is dict:
        kind = GenericAlias(dict, (str, _entry(members[1])))
    elif is_typeddict(hint):
        kind = _nested(hint)
    elif hint is pulumi.Archive:
        kind = FolderOrArchive
    for limit in found:
        if isinstance(limit, Unique):
            kind = _annotated(kind, AfterValidator(each_once))
        elif not isinstance(limit, FieldInfo | CidrBlock) and (limit is not choice or hint is int):
            kind = _annotated(kind, limit)
    # Behind the limits, or the JSON schema would not show them.
    return _annotated(kind, WHOLE) if hint in (int, float) else kind


def _entry(hint: Any) -> Any:
    return _annotated(_kind(hint), Allowed(_allowed("", hint), _example(hint)))


def _annotated(kind: Any, *more: Any) -> Any:
    return typing.cast(Any, Annotated)[(kind, *more)]


def _allowed(name: str, hint: Any) -> str:
    phrases = list(limit_phrases(hint))
    plain, _ = metadata(hint)
    unit = next((unit for suffix, unit in _UNITS.items() if name.endswith(f"_{suffix}")), "")
    if get_origin(plain) is list:
        return "; ".join(["a list", *phrases])
    if not phrases:
        return unit or _KINDS.get(_plain(plain), "an object")
    return "; ".join([f"{unit}, {phrases[0]}" if unit else phrases[0], *phrases[1:]])


def _example(hint: Any) -> Any:
    """A plausible value: the default, else the least or the first that is allowed."""
    default, (plain, found) = default_of(hint), metadata(hint)
    if default not in (None, [], {}):
        return default
    for limit in found:
        if isinstance(limit, Choice):
            return limit.values[0]
        if isinstance(limit, Matches):
            return limit.example
        if isinstance(limit, CidrBlock):
            return "10.20.0.0/16" if isinstance(limit, Ipv4Network) else "203.0.113.0/24"
        if isinstance(limit, annotated_types.Ge):
            return limit.ge
    plain = _plain(plain)
    if get_origin(plain) is list:
        example = _example(get_args(plain)[0])
        return None if example is None else [example]
    return {bool: True, int: 1}.get(plain)
