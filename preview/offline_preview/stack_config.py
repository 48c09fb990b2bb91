"""A stack's configuration as the CLI passes it to the program: every value is text, objects are JSON.

The rules are those of the CLI (pulumi: ``sdk/go/common/resource/config``, ``pkg/workspace/config.go``): a stack's value replaces the
project's default whole, without merging; one encrypted leaf makes its whole key a secret.
"""

import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from offline_preview.errors import PreviewError, listed
from offline_preview.project import Declared, Project, is_of_type, namespaced, type_name
from offline_preview.yaml_text import read_mapping

PLACEHOLDER: Final = "OfflinePlaceholder0Secret"
"""Replaces an encrypted value, which cannot be read here: 25 letters and digits, which pass the usual checks of passwords and tokens."""

_SEGMENT = re.compile(r"""\[(?P<index>\d+)\]|\["(?P<quoted>(?:[^"\\]|\\.)*)"\]|\.?(?P<name>[^.\[\]"]+)""")
_STACK_KEYS: Final = ("config", "environment", "secretsprovider", "encryptedkey", "encryptionsalt")
_PLACEHOLDERS: Final[dict[str | None, str]] = {"integer": "1", "boolean": "true"}


@dataclass(frozen=True, slots=True)
class StackConfig:
    """A stack's configuration: ``values`` by namespaced key, the keys that are secrets, and notes for the user."""

    values: dict[str, str]
    secret_keys: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def load_stack_config(project: Project, stack: str, sets: Iterable[str] = (), file: Path | None = None) -> StackConfig:
    """The configuration of a stack, from its file or the given one, with ``KEY=VALUE`` settings on top.

    A setting's key may be a path into an object or list: ``network.nat.strategy=single``, ``network.zones[0]=eu-west-1a``.
    Raises ``PreviewError`` for a file, a setting or a value that the CLI would refuse.
    """
    path = file or project.stack_file(stack)
    data = read_mapping(path)
    config = data.get("config")
    if config is not None and not isinstance(config, dict):
        raise PreviewError(f"{path}: 'config' must be a mapping of keys to values; it is {config!r}.")
    objects = {namespaced(project.name, str(key)): _checked(value, f"{path}: {key}") for key, value in (config or {}).items()}
    for setting in sets:
        _apply(project, objects, setting)
    notes = [f"{path}: '{key}' is unknown to Pulumi and ignored." for key in data if key not in _STACK_KEYS]
    if data.get("environment"):
        notes.append(f"{path}: values of 'environment' (Pulumi ESC) are not available offline; set those that matter with --set.")
    declared = {declaration.key: declaration for declaration in project.declared}
    missing = [key for key, item in declared.items() if item.default is None and key not in objects]
    if missing:
        first = missing[0].removeprefix(f"{project.name}:")
        raise PreviewError(
            f"{path}: required by {project.file.name} and missing: {listed(missing)}."
            f" Fix: pulumi config set {first} <value> --stack {stack}"
        )
    values, secrets = {}, []
    for key, value in objects.items():
        declaration = declared.get(key, Declared(key))
        if _holds_secret(value):
            secrets.append(key)
        elif declaration.secret and not any(_set_key(project, setting) == key for setting in sets):
            raise PreviewError(
                f"{path}: {key} is declared secret but stored in plain text. Fix: pulumi config set --secret {key} --stack {stack}"
            )
        elif declaration.secret:
            secrets.append(key)
        plain = _decrypted(value, _PLACEHOLDERS.get(declaration.type, PLACEHOLDER))
        if declaration.type is not None and not is_of_type(plain, declaration.type, declaration.items):
            raise PreviewError(f"{path}: {key} is {plain!r}; it must be of the type '{type_name(declaration.type, declaration.items)}'.")
        values[key] = as_text(plain)
    for key, declaration in declared.items():
        if key not in values:
            values[key] = as_text(_checked(declaration.default, f"{project.file}: {key}"))
    return StackConfig(values, secrets, notes)


def as_text(value: Any) -> str:
    """A configuration value as the program gets it: texts as they are, nothing as an empty text, all else as JSON in Go's form."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, dict | list):
        text = json.dumps(_whole_numbers(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return json.dumps(value)


def _number(value: float) -> str:
    if value == int(value) and abs(value) < 1e21:
        return str(int(value))
    return f"{Decimal(repr(value)):f}" if 1e-6 <= abs(value) < 1e21 else repr(value).replace("e-0", "e-")


def _whole_numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _whole_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_whole_numbers(item) for item in value]
    return int(value) if isinstance(value, float) and value == int(value) else value


def _checked(value: Any, where: str) -> Any:
    """The value with texts as keys, as JSON needs them. Numbers that JSON cannot hold are refused."""
    if isinstance(value, dict):
        return {str(key): _checked(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, list):
        return [_checked(item, f"{where}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, float) and not math.isfinite(value):
        raise PreviewError(f"{where}: {value} is not a number that configuration supports; write it as text in quotes.")
    return value


def _is_secure(value: Any) -> bool:
    return isinstance(value, dict) and len(value) == 1 and isinstance(value.get("secure"), str)


def _holds_secret(value: Any) -> bool:
    if _is_secure(value):
        return True
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(_holds_secret(item) for item in items)


def _decrypted(value: Any, placeholder: str) -> Any:
    if _is_secure(value):
        return placeholder
    if isinstance(value, dict):
        return {key: _decrypted(item, PLACEHOLDER) for key, item in value.items()}
    if isinstance(value, list):
        return [_decrypted(item, PLACEHOLDER) for item in value]
    return value


def _set_key(project: Project, setting: str) -> str:
    return namespaced(project.name, re.split(r"[.\[=]", setting, maxsplit=1)[0])


def _apply(project: Project, objects: dict[str, Any], setting: str) -> None:
    """Puts one ``KEY=VALUE`` into the configuration as ``pulumi config set --path`` does: texts that look like integers become integers."""
    path, equals, text = setting.partition("=")
    top = re.split(r"[.\[]", path, maxsplit=1)[0]
    if not equals or not top or top.endswith(":"):
        raise PreviewError(f"--set: '{setting}' must be KEY=VALUE, e.g. --set aws:region=eu-west-1 or --set network.nat.strategy=single")
    key = namespaced(project.name, top)
    segments = _segments(setting, path.removeprefix(top))
    if not segments:
        objects[key] = text
        return
    current = objects.get(key)
    # A text or number in place of an object is replaced, as with the CLI.
    objects[key] = _placed(current if isinstance(current, dict | list) else None, segments, _coerced(text), setting)


def _placed(current: Any, segments: list[str | int], value: Any, setting: str) -> Any:
    """``current`` with the value at the path of the segments; missing objects are created."""
    if not segments:
        return value
    segment, rest = segments[0], segments[1:]
    if isinstance(segment, int):
        items = [] if current is None else current
        if not isinstance(items, list):
            raise PreviewError(f"--set: '{setting}': [{segment}] points into {items!r}, which is not a list.")
        if segment > len(items):
            raise PreviewError(f"--set: '{setting}': the list has {len(items)} items; allowed are the indices 0 to {len(items)}.")
        child = items[segment] if segment < len(items) else None
        return [*items[:segment], _placed(child, rest, value, setting), *items[segment + 1 :]]
    fields = {} if current is None else current
    if not isinstance(fields, dict):
        raise PreviewError(f"--set: '{setting}': '{segment}' points into {fields!r}, which is not a mapping.")
    return {**fields, segment: _placed(fields.get(segment), rest, value, setting)}


def _segments(setting: str, rest: str) -> list[str | int]:
    segments: list[str | int] = []
    position = 0
    while position < len(rest):
        match = _SEGMENT.match(rest, position)
        if match is None or (match["name"] is not None and not match[0].startswith(".")):
            raise PreviewError(f"--set: '{setting}': the path is invalid at '{rest[position:]}'; use the form a.b[0].c or a[\"b.c\"].")
        if match["index"] is not None:
            segments.append(int(match["index"]))
        elif match["quoted"] is not None:
            segments.append(re.sub(r"\\(.)", r"\1", match["quoted"]))
        else:
            segments.append(match["name"])
        position = match.end()
    return segments


def _coerced(text: str) -> Any:
    if text in ("true", "false"):
        return text == "true"
    return int(text) if re.fullmatch(r"0|[-+]?[1-9][0-9]{0,17}", text) else text
