"""How problems in the settings are reported: the key, the value, what is allowed, and the commands that fix it."""

import json
import re
import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin

import pulumi
from cloudpatterns.core import looks_secret
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from settings.faults import Allowed, Assign, Context, Fix, Location, Remove, Run

_SECRET = "[secret]"
NOTHING = "nothing"
_LONGEST_VALUE = 160
# Texts that `pulumi config set --path` would store as a number or a boolean.
_LOOKS_TYPED = re.compile(r"true|false|0|[+-]?[1-9]\d*")
_BARE_NAME = re.compile(r"[A-Za-z0-9_$-]+")


@dataclass(frozen=True)
class Problem:
    """One problem: the configuration key, the value as shown, the reason, what is allowed, and the commands that fix it."""

    key: str
    given: str
    because: str | None
    allowed: str
    fix: tuple[str, ...]

    def __str__(self) -> str:
        lines = [self.key, f"  given:    {self.given}"]
        if self.because:
            lines.append(f"  problem:  {self.because}")
        lines.append(f"  allowed:  {self.allowed}")
        lines.extend(
            f"  {'fix:' if first else '    '}      {command}"
            for first, command in zip((True, *(False,) * len(self.fix)), self.fix, strict=False)
        )
        return "\n".join(lines)


class SettingsError(pulumi.RunError):
    """The settings of a stack are wrong. `problems` has all of them; the Pulumi CLI prints the text without a traceback."""

    def __init__(self, stack: str, problems: Iterable[Problem]):
        self.stack = stack
        self.problems = tuple(problems)
        count = len(self.problems)
        title = f"The settings of stack {stack} have {count} problem{'' if count == 1 else 's'}:"
        super().__init__("\n\n".join([title, *map(str, self.problems)]))


@dataclass(frozen=True)
class Reporter:
    """Converts the errors of checks to problems, for one stack, with the models' texts, the region and the secret keys."""

    root: type[BaseModel]
    project: str
    stack: str
    region: str
    secret_keys: Collection[str]
    sections: Mapping[str, Any]
    renamed: set[str] = field(default_factory=set)
    """Keys of settings that were found under a misspelt name, so they are not missing."""

    def key(self, place: Location) -> str:
        """The configuration key at a place: `cloudpatterns:network.zones[1]`."""
        return f"{self.project}:{place[0]}{''.join(path_step(step) for step in place[1:])}"

    def problem(self, error: Mapping[str, Any]) -> Problem:
        """The problem of a pydantic error."""
        place: Location = tuple(error["loc"])
        kind, context = error["type"], error.get("ctx", {})
        value = self._given(place)
        shown = NOTHING if value is ... else _show(value, place[-1])
        if kind == "extra_forbidden":
            return self._unknown(place, shown, value)
        annotation, allowed, default = self._field(place)
        text = _text(annotation, allowed)
        if kind == "setting":
            base = place[: len(place) - context["depth"]]
            fixes = [fix if isinstance(fix, Run) else replace(fix, place=base + fix.place) for fix in context["fix"]]
            text = context["allowed"] or text
            if value is ... and isinstance(default, (bool, int, str)):
                shown = f"{_show(default, place[-1])}, the default"
            fixes = fixes or self._plausible(place, annotation, allowed, default)
            return self._problem(place, shown, context["because"], text, fixes)
        if kind == "missing":
            fixes = self._plausible(place, annotation, allowed, default)
            # What is missing cannot be removed.
            fixes = (
                [Run(f"pulumi config set --stack {{stack}} --path {_quote(self.key(place))} ...")] if fixes == [Remove(place)] else fixes
            )
            return self._problem(place, NOTHING, "is missing", text, fixes)
        if kind == "too_long" and isinstance(value, list):
            return self._problem(place, shown, f"{len(value)} are too many", text, [Remove((*place, len(value) - 1))])
        fixes = self._plausible(place, annotation, allowed, default)
        if get_origin(annotation) is Literal and (near := get_close_matches(str(value), get_args(annotation), n=1)):
            fixes = [Assign(place, near[0])]
        if (
            kind == "string_type"
            and isinstance(value, (int, float))
            and fixes == [Remove(place)]
            and not _has_secret(value, str(place[-1]))
        ):
            fixes = [Assign(place, str(value).lower() if isinstance(value, bool) else str(value))]
        if _is_container(annotation) and value:
            example = allowed.example if allowed is not None else None
            if not _is_object(annotation) and _fits(annotation, [value]) and not (isinstance(example, list) and len(example) > 1):
                # The entry itself, instead of a list of it.
                fixes = [Assign((*place, 0), value)]
            fixes = [Remove(place), *(fix for fix in fixes if fix != Remove(place))]
        return self._problem(place, shown, _because(kind, value, annotation), text, fixes)

    def missing_section(self, section: str, shown: str | None = None, because: str = "the whole section is missing") -> Problem:
        """The problem of a section that is missing or not readable."""
        annotation, allowed, default = self._field((section,))
        fixes = self._plausible((section,), annotation, allowed, default)
        given = shown or NOTHING
        return self._problem((section,), given, because, _text(annotation, allowed), fixes)

    def unknown_section(self, name: str, text: str, sections: Iterable[str]) -> Problem:
        """The problem of a key that is not a section."""
        known = tuple(sections)
        near = get_close_matches(name, known, n=1)
        key = f"{self.project}:{name}"
        secret = key in self.secret_keys
        commands = [f"pulumi config rm --stack {shlex.quote(self.stack)} {_quote(key)}"]
        value = _parsed(text)
        if near and near[0] not in self.sections:
            commands = [*self._commands(self._renamed(self.root, (near[0],), value), secret=secret), *commands]
        given = text if value is None else value
        shown = _SECRET if secret else _show(given, name) if _has_secret(given, name) else _cut(text)
        because = f"unknown key; did you mean {self.project}:{near[0]}?" if near else "unknown key"
        return Problem(key, shown, because, f"the sections {', '.join(known)}", tuple(commands))

    def region_problem(self, value: str | None, example: str) -> Problem:
        """The problem of a region that is missing or invalid."""
        key = "aws:region"
        secret = key in self.secret_keys
        shown = NOTHING if value is None else _SECRET if secret else _show(value, key)
        command = f"pulumi config set --stack {shlex.quote(self.stack)} aws:region {example}"
        return Problem(key, shown, "is missing" if value is None else None, "the name of an AWS region, such as eu-west-1", (command,))

    def _problem(self, place: Location, shown: str, because: str | None, allowed: str, fixes: Iterable[Fix]) -> Problem:
        secret = f"{self.project}:{place[0]}" in self.secret_keys
        fixes = list(fixes)
        commands = tuple(self._commands(fixes, secret=secret))
        if secret:
            # The reason may quote the value, or the value of another setting of the section.
            because, shown = None, _SECRET
        return Problem(self.key(place), shown, because, self._local(allowed), commands)

    def _unknown(self, place: Location, shown: str, value: Any) -> Problem:
        annotation, _, _ = self._field(place[:-1])
        known = list(annotation.model_fields)
        near = get_close_matches(str(place[-1]), known, n=1)
        because = f"unknown key; did you mean {near[0]}?" if near else "unknown key"
        fixes: list[Fix] = [Remove(place)]
        if near and self._given(right := (*place[:-1], near[0])) is ...:
            fixes = [*self._renamed(annotation, right, value), *fixes]
        problem = self._problem(place, shown, because, f"the keys {', '.join(known)}", fixes)
        return problem if problem.because else Problem(problem.key, problem.given, because, problem.allowed, problem.fix)

    def _renamed(self, model: type[BaseModel], place: Location, value: Any) -> list[Fix]:
        """Fixes that give a setting of a model the value under its misspelt name, or an example where that cannot be its value."""
        if _has_secret(value, str(place[-1])):
            # Nothing prints it.
            return []
        if (info := model.model_fields.get(str(place[-1]))) is None:
            # An optional section, whose model is there once the section is.
            return [Assign(place, value)]
        annotation, allowed, default = _of_field(info)
        self.renamed.add(self.key(place))
        if isinstance(value, dict) and _model(annotation):
            return [Assign(place, value)]
        kind = cast(Any, Annotated)[(info.annotation, *info.metadata)]
        if (fitting := next((candidate for candidate in (value, [value]) if _fits(kind, candidate)), ...)) is not ...:
            return [Assign(place, fitting)]
        return [fix for fix in self._plausible(place, annotation, allowed, default) if fix != Remove(place)]

    def _commands(self, fixes: Iterable[Fix], *, secret: bool) -> Iterator[str]:
        stack = shlex.quote(self.stack)
        assigns: list[Assign] = []
        for fix in fixes:
            if isinstance(fix, Assign):
                assigns.extend(_leaves(fix.place, fix.value))
                continue
            yield from self._assignments(assigns, secret=secret)
            assigns = []
            if isinstance(fix, Remove):
                yield f"pulumi config rm --stack {stack} --path {_quote(self.key(fix.place))}"
            else:
                yield fix.command.replace("{stack}", stack)
        yield from self._assignments(assigns, secret=secret)

    def _assignments(self, assigns: Sequence[Assign], *, secret: bool) -> Iterator[str]:
        stack = shlex.quote(self.stack)
        if secret:
            # Without a value, the CLI prompts for it and hides the input.
            yield from (f"pulumi config set --stack {stack} --secret --path {_quote(self.key(leaf.place))}" for leaf in assigns)
            return
        plain = [(self.key(leaf.place), self._word(leaf.value)) for leaf in assigns if not _typed_text(leaf.value)]
        if len(plain) == 1:
            yield f"pulumi config set --stack {stack} --path {_quote(plain[0][0])} {shlex.quote(plain[0][1])}"
        elif plain:
            pairs = " ".join(f"--plaintext {_quote(f'{key}={value}')}" for key, value in plain)
            yield f"pulumi config set-all --stack {stack} --path {pairs}"
        for leaf in assigns:
            if _typed_text(leaf.value):
                yield f"pulumi config set --stack {stack} --path --type string {_quote(self.key(leaf.place))} {shlex.quote(leaf.value)}"

    def _word(self, value: Any) -> str:
        return ("true" if value else "false") if isinstance(value, bool) else self._local(str(value))

    def _local(self, text: str) -> str:
        return text.replace("{region}", self.region)

    def _plausible(self, place: Location, annotation: Any, allowed: Allowed | None, default: Any) -> list[Fix]:
        if allowed is not None and isinstance(allowed.example, Run):
            return [allowed.example]
        if isinstance(default, (bool, int, str)):
            return [Assign(place, default)]
        if allowed is not None and allowed.example is not None:
            return [Assign(place, self._localised(allowed.example))]
        fixes: list[Fix] = []
        model = _model(annotation)
        for name, info in model.model_fields.items() if model else ():
            if info.is_required():
                fixes.extend(self._plausible((*place, name), *_of_field(info)))
        return fixes or [Remove(place)]

    def _localised(self, example: Any) -> Any:
        if isinstance(example, dict):
            return {self._local(key): self._localised(value) for key, value in example.items()}
        if isinstance(example, list):
            return [self._localised(value) for value in example]
        return self._local(example) if isinstance(example, str) else example

    def _given(self, place: Location) -> Any:
        """The value in the configuration; an ellipsis when there is none."""
        value: Any = self.sections
        for step in place:
            try:
                value = value[step]
            except (KeyError, IndexError, TypeError):
                return ...
        return value

    def _field(self, place: Location) -> tuple[Any, Allowed | None, Any]:
        """The type at a place, the text nearest to it, and its default."""
        annotation: Any = self.root
        allowed: Allowed | None = None
        default: Any = None
        for step in place:
            model = _model(annotation)
            if model is not None:
                info = model.model_fields.get(str(step))
                if info is None:
                    break
                annotation, allowed, default = _of_field(info)
            else:
                annotation, inner = _unwrap(_item(annotation))
                allowed, default = inner or allowed, None
        return annotation, allowed, default


def _of_field(info: FieldInfo) -> tuple[Any, Allowed | None, Any]:
    annotation, inner = _unwrap(info.annotation)
    own = next((item for item in info.metadata if isinstance(item, Allowed)), None)
    last = [item for item in info.metadata if isinstance(item, Allowed)]
    default = None if info.default is PydanticUndefined else info.default
    return annotation, (last[-1] if own else inner), default


def _unwrap(annotation: Any) -> tuple[Any, Allowed | None]:
    """A type without Annotated and None, and its text, the outermost if there are several."""
    found: Allowed | None = None
    while True:
        if get_origin(annotation) is Annotated:
            inner, *metadata = get_args(annotation)
            texts = [item for item in metadata if isinstance(item, Allowed)]
            found = found or (texts[-1] if texts else None)
            annotation = inner
        elif get_origin(annotation) in (Union, UnionType) and NoneType in get_args(annotation):
            annotation = next(item for item in get_args(annotation) if item is not NoneType)
        else:
            return annotation, found


def _item(annotation: Any) -> Any:
    """The item type of a list or an object."""
    arguments = [item for item in get_args(annotation) if item is not ...]
    return arguments[-1] if arguments else Any


def _fits(kind: Any, value: Any) -> bool:
    """Whether a value is of a type, with its limits."""
    try:
        TypeAdapter(kind).validate_python(value, context=Context(None))
    except ValidationError:
        return False
    return True


def _model(annotation: Any) -> type[BaseModel] | None:
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def _is_object(annotation: Any) -> bool:
    origin = get_origin(annotation)
    return _model(annotation) is not None or (isinstance(origin, type) and issubclass(origin, Mapping))


def _is_container(annotation: Any) -> bool:
    origin = get_origin(annotation)
    return _is_object(annotation) or (isinstance(origin, type) and issubclass(origin, tuple))


def _text(annotation: Any, allowed: Allowed | None) -> str:
    model = _model(annotation)
    if model is not None:
        return f"an object with the keys {', '.join(model.model_fields)}"
    return allowed.text if allowed else "another type of value"


def _because(kind: str, value: Any, annotation: Any) -> str | None:
    """A reason when the type of the value is wrong: the value alone would not show it."""
    if kind.endswith(("_type", "_parsing")) or kind == "int_from_float":
        names = {
            bool: "a boolean",
            int: "a number",
            float: "a number",
            str: "text",
            list: "a list",
            dict: "an object",
            NoneType: "empty",
        }
        expected = ("an object" if _is_object(annotation) else "a list") if _is_container(annotation) else "another type of value"
        wrong = f"{names.get(type(value), 'something')} where {expected} is expected"
        return f"{wrong}: write it in quotes" if kind == "string_type" and isinstance(value, (int, float)) else wrong
    return None


def _leaves(place: Location, value: Any) -> Iterator[Assign]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _leaves((*place, name), item)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _leaves((*place, index), item)
    elif value is not None:
        yield Assign(place, value)


def _parsed(text: str) -> Any:
    """The list or object in a text; None where there is none."""
    with suppress(ValueError):
        value = json.loads(text)
        return value if isinstance(value, (dict, list)) else None
    return None


def _typed_text(value: Any) -> bool:
    return isinstance(value, str) and _LOOKS_TYPED.fullmatch(value) is not None


def path_step(step: str | int) -> str:
    """One step of a configuration key's path: `.name`, `[0]` or `["a name"]`."""
    if isinstance(step, int):
        return f"[{step}]"
    if _BARE_NAME.fullmatch(step):
        return f".{step}"
    escaped = step.replace('"', '\\"')
    return f'["{escaped}"]'


def _quote(text: str) -> str:
    quoted = shlex.quote(text)
    return quoted if quoted.startswith("'") else f"'{text}'"


def _show(value: Any, name: str | int = "") -> str:
    """A value under a name, without what looks like a secret."""
    clean = _without_secrets(value, str(name))
    return _SECRET if clean == _SECRET else _cut(json.dumps(clean, default=str, ensure_ascii=False))


def _without_secrets(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return {key: _without_secrets(item, str(key)) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_secrets(item, name) for item in value]
    return _SECRET if looks_secret(name, value) else value


def _has_secret(value: Any, name: str = "") -> bool:
    """Whether a value under a name looks like a secret, or something in it does."""
    if isinstance(value, dict):
        return any(_has_secret(item, str(key)) for key, item in value.items())
    if isinstance(value, list):
        return any(_has_secret(item, name) for item in value)
    return looks_secret(name, value)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}..."
