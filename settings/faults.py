"""The errors of settings checks, and the code that runs every check even when other settings are wrong.

pydantic stops at the first layer: a model's own checks do not run while one of its fields is wrong. Here a model's rules run on the
valid fields; a rule that reads an invalid one is skipped. So all problems are reported at once, each only once.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import NoneType
from typing import Any, ClassVar, Self, TypeVar, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    GetJsonSchemaHandler,
    ModelWrapValidatorHandler,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, ValidationError
from pydantic_core.core_schema import ErrorType

T = TypeVar("T")

Location = tuple[str | int, ...]
ALLOWED_KEYWORD = "x-allowed"
"""The keyword of a field's text in the JSON schema."""

_FAULT = "setting"
# Only means that another field was wrong, which has its own error.
_NOISE = "default_factory_not_called"
_PYDANTIC_KINDS = frozenset(get_args(ErrorType))


@dataclass(frozen=True)
class Allowed:
    """Metadata of a field: a text about what is allowed, and an example. `{region}` in either is the stack's region."""

    text: str
    example: Any

    def __hash__(self) -> int:
        # An example may be a list or an object, and a type that may be None has a hash.
        return hash(self.text)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), ALLOWED_KEYWORD: self.text}


@dataclass(frozen=True)
class Assign:
    """A fix: set the setting at this place, relative to the model that reports it, to this value."""

    place: Location
    value: Any


@dataclass(frozen=True)
class Remove:
    """A fix: remove the setting at this place, relative to the model that reports it."""

    place: Location


@dataclass(frozen=True)
class Run:
    """A fix: a command that is not one of `pulumi config`, or what else to do. `{stack}` in it is the stack's name."""

    command: str


Fix = Assign | Remove | Run


@dataclass
class Context:
    """The context of one validation: the region, the sections as they are given, and the valid fields of each model so far."""

    region: str | None
    sections: Mapping[str, Any] = field(default_factory=dict)
    frames: list[dict[str, Any]] = field(default_factory=list)
    partials: dict[type, dict[str, Any]] = field(default_factory=dict)


class _NotValidError(AttributeError):
    """A rule read a field that is missing or wrong: `getattr` with a default returns that instead."""


class _Partial:
    """The valid fields of a model, as attributes."""

    def __init__(self, values: Mapping[str, Any]):
        self._values = values

    def __getattr__(self, name: str) -> Any:
        try:
            return self._values[name]
        except KeyError:
            raise _NotValidError(name) from None


def fault(place: Location, because: str, *, fix: Iterable[Fix] = (), allowed: str | None = None) -> InitErrorDetails:
    """A problem at `place`, relative to the model that reports it.

    `because` may contain values and is hidden for secrets. `allowed` replaces the field's own text and must not quote a value.
    """
    return InitErrorDetails(type=_error(because, fix, allowed, len(place)), loc=place, input=None)


def refuse(because: str, fix: Any = ..., *, allowed: str | None = None) -> PydanticCustomError:
    """The error of a field's validator: the reason, and a valid value or a fix, by default the field's example."""
    if fix is ...:
        fixes: tuple[Fix, ...] = ()
    else:
        fixes = (fix,) if isinstance(fix, (Assign, Remove, Run)) else (Assign((), fix),)
    return _error(because, fixes, allowed, 0)


def _error(because: str, fix: Iterable[Fix], allowed: str | None, depth: int) -> PydanticCustomError:
    return PydanticCustomError(_FAULT, "{because}", {"because": because, "fix": tuple(fix), "allowed": allowed, "depth": depth})


def collect(title: str, handler: Callable[[Any], T], data: Any, faults: Callable[[], Iterable[InitErrorDetails]]) -> T:
    """Runs a validator and the rules, and raises the errors of both together."""
    errors: list[InitErrorDetails] = []
    result: list[T] = []
    try:
        result.append(handler(data))
    except ValidationError as invalid:
        errors.extend(_again(error) for error in invalid.errors(include_url=False) if error["type"] != _NOISE)
        if not errors:
            raise
    errors.extend(faults())
    if errors:
        raise ValidationError.from_exception_data(title, errors)
    return result[0]


def _again(error: Any) -> InitErrorDetails:
    kind, context = error["type"], error.get("ctx", {})
    if kind == _FAULT:
        kind = PydanticCustomError(_FAULT, "{because}", context)
    elif kind not in _PYDANTIC_KINDS:
        # A limit of a component's argument, which pydantic cannot raise again by its name.
        kind = PydanticCustomError(kind, "{message}", {**context, "message": error["msg"]})
    return InitErrorDetails(type=kind, loc=error["loc"], input=error["input"], ctx=context)


Rule = Callable[[Any, Context], Iterable[InitErrorDetails]]


def _context(info: ValidationInfo) -> Context:
    if not isinstance(info.context, Context):
        raise TypeError("settings are validated with a Context; call settings.parse")
    return info.context


def _without_none(annotation: Any) -> Any:
    """The model of a setting that may be absent."""
    members = [member for member in get_args(annotation) if member is not NoneType]
    return members[0] if len(members) == 1 else annotation


class Model(BaseModel):
    """A frozen part of the settings. `checks` concern several fields together; each gets the valid fields and the context."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, use_attribute_docstrings=True)

    checks: ClassVar[tuple[Rule, ...]] = ()

    def as_args(self, *without: str) -> Any:
        """The settings as arguments of the component of the same name: plain values, without unset settings and those in `without`."""
        return self.model_dump(mode="json", exclude=set(without), exclude_none=True)

    @field_validator("*", mode="after")
    @classmethod
    def _keep(cls, value: Any, info: ValidationInfo) -> Any:
        context = _context(info)
        if info.field_name is not None:
            context.frames[-1][info.field_name] = value
        return value

    @model_validator(mode="wrap")
    @classmethod
    def _check(cls, data: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:
        context = _context(info)
        frame: dict[str, Any] = {}

        def checked(data: Any) -> Self:
            context.frames.append(frame)
            try:
                return handler(data)
            finally:
                context.frames.pop()

        def faults() -> Iterable[InitErrorDetails]:
            if isinstance(data, dict):
                yield from cls._faults(frame, context)

        context.partials[cls] = frame
        return collect(cls.__name__, checked, data, faults)

    @classmethod
    def _faults(cls, frame: dict[str, Any], context: Context) -> Iterable[InitErrorDetails]:
        # Of a nested model with a wrong field, the valid fields are available.
        nested = {
            name: _Partial(context.partials[model])
            for name, info in cls.model_fields.items()
            if name not in frame and isinstance(model := _without_none(info.annotation), type) and model in context.partials
        }
        valid = _Partial(nested | frame)
        for rule in cls.checks:
            try:
                yield from list(rule(valid, context))
            except _NotValidError:
                continue
