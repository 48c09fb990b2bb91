"""The one place that reads the declarations of arguments, and checks what is given for them.

An argument is declared once, in a component's ``TypedDict``, with its type, default and limits:

    root_disk_gib: NotRequired[Annotated[int, Field(default=10, ge=1, le=65_536)]]

Pulumi's component host turns the TypedDict into a schema, but knows no ``Annotated`` and checks nothing: it accepts unknown keys and
delivers integers as floats. So ``declared`` reads the metadata and leaves the bare types for the host, and ``Arguments`` builds a
validator: unknown keys are refused, plain values are validated, whole floats become integers again, and an ``Output`` or awaitable is
left as it is.
"""

import ast
import functools
import inspect
import itertools
import re
import sys
import textwrap
import typing
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from enum import Enum
from types import GenericAlias
from typing import Annotated, Any, ForwardRef, Generic, NotRequired, Required, TypeVar, Union, get_args, get_origin, is_typeddict

import pulumi
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Strict, ValidationError, WrapValidator, create_model, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from cloudpatterns.core.limits import Hidden
from cloudpatterns.core.ordering import ByName
from cloudpatterns.core.problems import is_late, late_in, not_an_argument, reason, shown

Problem = tuple[str, str]
"""Path of an argument (``data_disks./dev/sdf.iops``), and what is wrong with it, what is allowed and the fix."""

_ArgsT = TypeVar("_ArgsT", bound=Mapping[str, Any])


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


_SCALARS: dict[type, Any] = {
    str: Annotated[str, Strict()],
    bool: Annotated[bool, Strict()],
    int: Annotated[int, Strict(), BeforeValidator(_whole)],
    float: float,
}
# Values of arguments named like these never appear in a message.
_SECRET_NAMES = re.compile("password|passphrase|secret|token|credential|(private|access|api)_key", re.IGNORECASE)
_HIDDEN = "has the wrong type or shape; what was given is not shown, as it may be a secret."


class ArgumentError(pulumi.InputPropertiesError, pulumi.RunError):
    """Arguments of a component that cannot be used; names each argument, its value, what is allowed and the fix.

    It is a ``RunError`` so that the CLI prints the message without a traceback, and an ``InputPropertiesError`` so that a
    caller in another language sees which property is meant. ``errors`` holds one entry per problem.
    """

    def __init__(self, component: str, name: str, problems: Sequence[Problem], *, headline: str = "cannot be created") -> None:
        self.component = component
        self.name = name
        self.problems = list(problems)
        lines = "".join(f"\n  {path}: {reason}" if path else f"\n  {reason}" for path, reason in problems)
        super().__init__(
            f'{component} "{name}" {headline}:{lines}',
            [{"property_path": path, "reason": reason} for path, reason in problems],
        )

    def __str__(self) -> str:
        return self.message


_DECLARED: dict[type, Mapping[str, Any]] = {}
# The bare types that were left in TypedDicts, by identity, with what was declared there. A TypedDict that inherits holds the same objects,
# and before Python 3.12 nothing else of it names its bases.
_BARE: dict[int, tuple[Any, Any]] = {}


def declared(args_type: type) -> Mapping[str, Any]:
    """The annotations of a ``TypedDict`` of arguments by name, with their metadata, inherited ones first.

    From the first call on the TypedDict itself and those within it have the bare types that Pulumi's component host understands.
    """
    if args_type not in _DECLARED:
        annotations: Mapping[str, Any] = args_type.__annotations__
        hints = {name: _BARE.get(id(hint), (hint, hint))[1] for name, hint in annotations.items()}
        _DECLARED[args_type] = hints
        for hint in hints.values():
            for nested in _typeddicts(hint):
                declared(nested)
        bare_hints = {name: _left_bare(hint) for name, hint in hints.items()}
        if sys.version_info >= (3, 14):
            # What inherits asks the function, and the annotations follow from it.
            args_type.__annotate__ = lambda _format, /: bare_hints
        else:
            args_type.__annotations__ = bare_hints
    return _DECLARED[args_type]


def _left_bare(hint: Any) -> Any:
    plain = bare(hint)
    alias: Any = plain if get_origin(plain) in (NotRequired, Required) else Required[plain]
    # An object of its own, whose identity tells it from the same type of another argument; typing itself gives one for both.
    plain = type(alias)(get_origin(alias), get_args(alias))
    _BARE[id(plain)] = (plain, hint)
    return plain


def bases(args_type: type) -> list[type]:
    """The TypedDicts that a TypedDict inherits from, as its source names them."""
    namespace = vars(sys.modules[args_type.__module__])
    found = [namespace.get(ast.unparse(base)) for base in _definition(args_type).bases]
    return [base for base in found if isinstance(base, type) and is_typeddict(base)]


@functools.cache
def _definition(args_type: type) -> ast.ClassDef:
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(args_type))).body
    return typing.cast(ast.ClassDef, definition)


@functools.cache
def docstrings(args_type: type) -> Mapping[str, str]:
    """The docstrings that stand behind the arguments of a ``TypedDict`` in its source, inherited ones included."""
    found: dict[str, str] = {}
    for base in bases(args_type):
        found |= docstrings(base)
    for statement, following in itertools.pairwise(_definition(args_type).body):
        if isinstance(statement, ast.AnnAssign) and isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
            found[ast.unparse(statement.target)] = inspect.cleandoc(str(following.value.value))
    return found


def bare(hint: Any) -> Any:
    """A type without the metadata of ``Annotated``, at any depth."""
    origin, members = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return bare(members[0])
    plain = tuple(bare(member) for member in members)
    if plain == members:
        return hint
    if origin in (NotRequired, Required):
        return origin[plain[0]]
    return Union[plain] if origin is Union else GenericAlias(origin, plain)  # noqa: UP007 (built at run time)


def metadata(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """A declared type without ``NotRequired``, and its metadata, with each ``Field`` followed by the limits in it."""
    found: tuple[Any, ...] = ()
    while (origin := get_origin(hint)) in (NotRequired, Required, Annotated):
        if origin is Annotated:
            for item in hint.__metadata__:
                found += (item, *item.metadata) if isinstance(item, FieldInfo) else (item,)
        hint = get_args(hint)[0]
    return hint, found


_MISSING = object()


def default_of(hint: Any) -> Any:
    """The declared default, None where there is none."""
    default = _declared_default(metadata(hint)[1])
    return None if default is _MISSING else default


def _declared_default(found: Sequence[Any]) -> Any:
    # A later Field (Annotated[LogRetentionDays, Field(default=30)]) comes before the one that it narrows down.
    defaults = [item.get_default(call_default_factory=True) for item in found if isinstance(item, FieldInfo) and not item.is_required()]
    return defaults[-1] if defaults else _MISSING


def _typeddicts(hint: Any) -> Iterator[type]:
    if is_typeddict(hint):
        yield hint
    for member in get_args(hint):
        yield from _typeddicts(member)


class Arguments(Generic[_ArgsT]):
    """Checks the arguments of one component, or of one nested object, against its ``TypedDict``."""

    def __init__(self, args_type: type[_ArgsT]) -> None:
        self.component = args_type.__name__.removesuffix("Args")
        self._type = args_type
        declared(args_type)

    @functools.cached_property
    def model(self) -> type[BaseModel]:
        """The pydantic model behind the checks, built at the first use."""
        return _model(self._type)

    def check(self, name: str, args: _ArgsT | None) -> _ArgsT:
        """The checked arguments: every key is there, an optional one without default as None.

        :raises ArgumentError: with all problems at once.
        """
        given = {} if args is None else args
        if not isinstance(given, Mapping):
            raise ArgumentError(self.component, name, [("args", f"is of type {type(given).__name__}; a dictionary of arguments is needed")])
        try:
            checked = self.model.model_validate(given)
        except ValidationError as error:
            hidden = list(_hidden_paths(self._type))
            problems = [_problem(detail, self._type, hidden) for detail in error.errors(include_url=False)]
            raise ArgumentError(self.component, name, problems) from None
        return typing.cast(_ArgsT, _as_dict(checked))


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True, protected_namespaces=())

    @model_validator(mode="before")
    @classmethod
    def _none_is_left_out(cls, given: Any) -> Any:
        # Callers pass optional values through.
        return {key: value for key, value in given.items() if value is not None} if isinstance(given, Mapping) else given


class Checked(dict[str, Any]):
    """Checked arguments, which know what the caller chose: ``given`` are the names whose value is not the default."""

    given: frozenset[str] = frozenset()


def pick(checked: Mapping[str, Any], *names: str) -> Any:
    """Those of the arguments that have a value, to pass them on to a component: ``{**pick(checked, "kms_key_arn", "tags")}``."""
    return {name: checked[name] for name in names if checked[name] is not None}


def _as_dict(value: Any) -> Any:
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        checked = Checked({name: _as_dict(getattr(value, name)) for name in fields})
        # A default that is passed through, by a system that composes the component, says nothing.
        checked.given = frozenset(name for name in value.model_fields_set if not _is_default(getattr(value, name), fields[name].default))
        return checked
    if isinstance(value, list):
        return [_as_dict(item) for item in value]
    if isinstance(value, dict):
        return {key: _as_dict(item) for key, item in value.items()}
    return value


def _is_default(value: Any, default: Any) -> bool:
    if isinstance(value, BaseModel) and isinstance(default, dict):
        # A nested object is passed through with the defaults in it, and the declared default has none.
        return _as_dict(value) == _as_dict(type(value).model_validate(default))
    return value == default


@functools.cache
def _model(args_type: type) -> type[BaseModel]:
    required = getattr(args_type, "__required_keys__", frozenset())
    fields = {name: _field(args_type, name, hint, name in required) for name, hint in declared(args_type).items()}
    return create_model(args_type.__name__, __base__=_Model, **fields)


def _field(args_type: type, name: str, hint: Any, required: bool) -> Any:
    kind, found = _kind(hint), metadata(hint)[1]
    default = _declared_default(found)
    if required:
        if default is not _MISSING:
            raise TypeError(f"{args_type.__name__}.{name} has a default, so it must be NotRequired")
        return kind, ...
    if default is _MISSING or default is None:
        return kind | None, None
    # The default of a nested object is completed with the defaults in it.
    return kind, Field(default=default, validate_default=is_typeddict(metadata(hint)[0]))


def _is_output(hint: Any) -> bool:
    # `pulumi.Input` holds the forward reference "Output[T]".
    return pulumi.Output in (hint, get_origin(hint)) or (isinstance(hint, ForwardRef) and hint.__forward_arg__ == "Output[T]")


def _unless_output(value: Any, validate: Any) -> Any:
    if isinstance(value, pulumi.Output):
        return value
    # An awaitable can be awaited once, and a component may use the value often.
    return pulumi.Output.from_input(value) if isinstance(value, Awaitable) else validate(value)


def _known_names(value: Any) -> Any:
    # Its names are plain, and each of its values is an output of its own.
    return {**value} if isinstance(value, ByName) else value


def _kind(hint: Any) -> Any:
    """The type that validates plain values of a declared type; limits are those of the plain value."""
    hint, found = metadata(hint)
    origin, members = get_origin(hint), get_args(hint)
    passes_outputs = any(_is_output(member) for member in members)
    if passes_outputs:
        plain = tuple(_kind(member) for member in members if not _is_output(member) and Awaitable not in (member, get_origin(member)))
        kind: Any = Union[plain]  # noqa: UP007 (built at run time)
    elif origin in (list, Sequence):
        kind = GenericAlias(list, (_kind(members[0]),))
    elif origin in (dict, Mapping):
        kind = typing.cast(Any, Annotated)[GenericAlias(dict, (str, _kind(members[1]))), BeforeValidator(_known_names)]
    elif is_typeddict(hint):
        kind = _model(hint)
    elif isinstance(hint, type) and issubclass(hint, Enum):
        kind = hint
    else:
        kind = _SCALARS.get(hint, hint)
    for item in found:
        if not isinstance(item, FieldInfo | Hidden):
            kind = typing.cast(Any, Annotated)[kind, item]
    return typing.cast(Any, Annotated)[kind, WrapValidator(_unless_output)] if passes_outputs else kind


def _hidden_paths(args_type: type) -> Iterator[tuple[str, ...]]:
    """Paths of the arguments that are ``Hidden``; ``*`` stands for any key or index."""
    for name, hint in declared(args_type).items():
        yield from ((name, *path) for path in _hidden_within(hint))


def _hidden_within(hint: Any) -> Iterator[tuple[str, ...]]:
    hint, found = metadata(hint)
    if any(isinstance(item, Hidden) for item in found):
        yield ()
    elif is_typeddict(hint):
        yield from _hidden_paths(hint)
    elif get_origin(hint) in (list, Sequence, dict, Mapping):
        yield from (("*", *path) for path in _hidden_within(get_args(hint)[-1]))


def _may_show_secret(parts: Sequence[str], hidden: Sequence[tuple[str, ...]]) -> bool:
    # A parent of a secret counts: what stands there may be the secret itself, given in the wrong place. And so does what is in it.
    return any(all(wanted in ("*", part) for wanted, part in zip(path, parts, strict=False)) for path in hidden)


def _problem(detail: ErrorDetails, args_type: type, hidden: Sequence[tuple[str, ...]]) -> Problem:
    # pydantic names the validators on the way, such as function-wrap[_unless_output()], and what is wrong with a key.
    parts = [str(part) for part in detail["loc"] if not re.fullmatch(r"function-\w+\[.*\]|\[key\]", str(part))]
    path, kind = ".".join(parts), detail["type"]
    if "[key]" in detail["loc"] or kind == "invalid_key":
        return path, "is a key, which must be text"
    if kind == "missing":
        return path, "is missing; give it a value"
    if kind == "extra_forbidden":
        return path, not_an_argument(parts[-1], declared(_within(args_type, parts[:-1])))
    # A map by name may break a limit, and then it was a dictionary already.
    if kind not in ("limit", "too_short", "too_long") and is_late(detail["input"]):
        return path, _late(args_type, parts)
    message = reason(detail)
    if kind in ("too_short", "too_long"):
        # Says nothing but how many there are.
        return path, message
    if _may_show_secret(parts, hidden):
        if kind == "string_type":
            # Such as a number in YAML, which is right in quotes.
            return path, f"is [hidden]; {message}"
        # A name that is not allowed is not shown, what a name must have is.
        _, separator, allowed = message.partition("; a name has ")
        return path, f"has [hidden]; a name has {allowed}" if separator else _HIDDEN
    if _SECRET_NAMES.search(path):
        if kind != "limit":
            return path, f"is [hidden]; {message}"
        # A limit of a text says the value first, and then what is allowed.
        *value, allowed = message.split("; must be ")
        return path, f"is [hidden]; must be {allowed}" if len(value) == 1 and isinstance(detail["input"], str) else _HIDDEN
    return path, message if kind == "limit" else f"is {shown(detail['input'])}; {message}"


def _late(args_type: type, parts: Sequence[str]) -> str:
    hint = _within(args_type, parts)
    members = get_args(hint)
    in_it = metadata(members[-1])[0] if members else None
    return late_in(parts[-1], hint, any(_is_output(member) for member in get_args(in_it)))


def _within(args_type: type, parts: Sequence[str]) -> Any:
    """The declared type of what stands at a path, without its metadata."""
    hint: Any = args_type
    for part in parts:
        hint = declared(hint)[part] if is_typeddict(hint) else get_args(hint)[-1]
        hint = metadata(hint)[0]
        # Of an input that is a TypedDict, the plain form.
        hint = next((member for member in get_args(hint) if is_typeddict(member)), hint) if get_origin(hint) is Union else hint
    return hint
