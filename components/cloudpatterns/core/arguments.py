"""The one place that checks a component's arguments.

Pulumi's component host turns a ``TypedDict`` into a schema but checks nothing: it accepts unknown keys and delivers
integers as floats. ``Arguments`` builds a validator from the TypedDict: unknown keys are refused, plain values are
validated, whole floats become integers again, and a value that is an ``Output`` or awaitable is left as it is.
"""

import re
import typing
from collections.abc import Awaitable, Mapping, Sequence
from enum import Enum
from types import GenericAlias
from typing import Annotated, Any, Generic, NotRequired, Required, TypeVar, is_typeddict

import pulumi
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Strict, ValidationError, WrapValidator, create_model
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticCustomError

_ArgsT = TypeVar("_ArgsT", bound=Mapping[str, Any])

# CloudWatch Logs accepts these numbers of days only.
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
LOG_RETENTION_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _retention(value: Any) -> Any:
    value = _whole(value)
    if value not in LOG_RETENTION_DAYS or isinstance(value, bool):
        allowed = ", ".join(map(str, LOG_RETENTION_DAYS))
        raise PydanticCustomError("log_retention", "must be one of the days that CloudWatch Logs keeps: {allowed}", {"allowed": allowed})
    return value


LogRetentionDays = Annotated[int, BeforeValidator(_retention)]
"""Days that a CloudWatch log group keeps its events: one of AWS's fixed numbers."""

_SCALARS: dict[type, Any] = {
    str: Annotated[str, Strict()],
    bool: Annotated[bool, Strict()],
    int: Annotated[int, Strict(), BeforeValidator(_whole)],
    float: float,
}
# Values of arguments named like these never appear in a message.
_SECRET_NAMES = re.compile("password|secret|token|private_key", re.IGNORECASE)
_REGISTERED: dict[type, "Arguments[Any]"] = {}


class ArgumentError(pulumi.InputPropertiesError, pulumi.RunError):
    """Arguments of a component that cannot be used; names each argument, its value, what is allowed and the remedy.

    It is a ``RunError`` so that the CLI prints the message without a traceback, and an ``InputPropertiesError`` so that a
    caller in another language sees which property is meant. ``errors`` holds one entry per problem.
    """

    def __init__(self, component: str, name: str, problems: Sequence[tuple[str, str]]) -> None:
        self.component = component
        self.name = name
        self.problems = list(problems)
        lines = "".join(f"\n  {path}: {reason}" if path else f"\n  {reason}" for path, reason in problems)
        super().__init__(
            f'{component} "{name}" cannot be made:{lines}',
            [{"property_path": path, "reason": reason} for path, reason in problems],
        )

    def __str__(self) -> str:
        return self.message


class Arguments(Generic[_ArgsT]):
    """Checks the arguments of one component (or one nested object) against its ``TypedDict``.

    ``constraints`` give, by argument, what the TypedDict cannot say: a pydantic ``Field(default=..., ge=...)`` with the
    default and limits, or another (``Annotated``) type to validate plain values with. Defaults live here only. A nested
    TypedDict uses the ``Arguments`` made for it, if there is one; make it first.
    """

    def __init__(self, args_type: type[_ArgsT], **constraints: Any) -> None:
        self._type = args_type
        # `pulumi.Input` holds the forward reference "Output[T]", which the module of the TypedDict need not have imported.
        hints = typing.get_type_hints(args_type, localns={"Output": pulumi.Output, "T": Any}, include_extras=True)
        if unknown := sorted(set(constraints) - set(hints)):
            raise TypeError(f"{args_type.__name__} has no argument {', '.join(unknown)}")
        fields: dict[str, Any] = {}
        for name, hint in hints.items():
            required = name in getattr(args_type, "__required_keys__", ())
            fields[name] = _field(_bare(hint), required, constraints.get(name))
        self._model: type[BaseModel] = create_model(
            args_type.__name__, __config__=ConfigDict(extra="forbid", arbitrary_types_allowed=True, protected_namespaces=()), **fields
        )
        _REGISTERED[args_type] = self

    @property
    def model(self) -> type[BaseModel]:
        """The pydantic model behind the checks."""
        return self._model

    def check(self, component: str, name: str, args: _ArgsT | None) -> _ArgsT:
        """The checked arguments: every key is there, an optional one without default as None.

        :raises ArgumentError: with all problems at once.
        """
        given = {} if args is None else args
        if not isinstance(given, Mapping):
            raise ArgumentError(component, name, [("args", f"is {_shown(given)}; a dictionary of arguments is needed")])
        # A None given is the same as an argument left out: callers pass optional values through.
        present = {key: value for key, value in given.items() if value is not None}
        try:
            checked = self._model.model_validate(present)
        except ValidationError as error:
            problems = [_problem(detail, self._model) for detail in error.errors(include_url=False)]
            raise ArgumentError(component, name, problems) from None
        return typing.cast(_ArgsT, _as_dict(checked))


def _as_dict(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return {name: _as_dict(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, list):
        return [_as_dict(item) for item in value]
    if isinstance(value, dict):
        return {key: _as_dict(item) for key, item in value.items()}
    return value


def _bare(hint: Any) -> Any:
    while typing.get_origin(hint) in (NotRequired, Required):
        hint = typing.get_args(hint)[0]
    return hint


def _field(hint: Any, required: bool, constraint: Any) -> tuple[Any, Any]:
    if isinstance(constraint, FieldInfo):
        default = constraint.get_default(call_default_factory=True) if not constraint.is_required() else ...
        # Limits belong to plain values: inside the wrapper that lets outputs pass.
        kind = _kind(hint, constraint.metadata)
        if default is ...:
            default = ... if required else None
        return (kind if required or default is not None else kind | None), Field(default=default, validate_default=False)
    kind = _kind(hint) if constraint is None else (_input(constraint) if _is_input(hint) else constraint)
    return (kind, ...) if required else (kind | None, None)


def _is_input(hint: Any) -> bool:
    members = typing.get_args(hint)
    return any(typing.get_origin(member) is pulumi.Output or member is pulumi.Output for member in members)


def _input(kind: Any) -> Any:
    def unless_output(value: Any, validate: Any) -> Any:
        return value if isinstance(value, pulumi.Output | Awaitable) else validate(value)

    return Annotated[kind, WrapValidator(unless_output)]


def _kind(hint: Any, metadata: Sequence[Any] = ()) -> Any:
    """The type that validates plain values of a declared type; ``metadata`` are limits of the plain value."""
    if _is_input(hint):
        plain = [
            member
            for member in typing.get_args(hint)
            if typing.get_origin(member) not in (pulumi.Output, Awaitable) and member not in (pulumi.Output, Awaitable)
        ]
        return _input(_kind(typing.Union[tuple(plain)], metadata))  # noqa: UP007 (built at run time)
    origin, members = typing.get_origin(hint), typing.get_args(hint)
    if origin in (list, Sequence):
        kind: Any = GenericAlias(list, (_kind(members[0]),))
    elif origin in (dict, Mapping):
        kind = GenericAlias(dict, (str, _kind(members[1])))
    elif is_typeddict(hint):
        kind = (_REGISTERED.get(hint) or Arguments(hint)).model
    elif isinstance(hint, type) and issubclass(hint, Enum):
        kind = hint
    else:
        kind = _SCALARS.get(hint, hint)
    for item in metadata:
        kind = typing.cast(Any, Annotated)[kind, item]
    return kind


def _problem(detail: ErrorDetails, model: type[BaseModel]) -> tuple[str, str]:
    path = ".".join(str(part) for part in detail["loc"] if not str(part).startswith("function-"))
    if detail["type"] == "missing":
        return path, "is missing; give it a value"
    if detail["type"] == "extra_forbidden":
        return path, f"is no argument; known are {', '.join(_known(model, detail['loc']))}"
    message = detail["msg"]
    message = message.removeprefix("Value error, ")
    shown = "[hidden]" if _SECRET_NAMES.search(path) else _shown(detail["input"])
    return path, f"is {shown}; {message[0].lower()}{message[1:]}"


def _known(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    for part in location[:-1]:
        field = model.model_fields.get(str(part))
        nested = _models_in(field.annotation) if field else []
        if nested:
            model = nested[0]
    return sorted(model.model_fields)


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for member in typing.get_args(annotation) for model in _models_in(member)]


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
