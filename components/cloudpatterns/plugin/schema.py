"""The package's schema: what the SDKs of other languages are made from, and what must not break between major versions.

``python -m cloudpatterns.plugin`` writes ``schema.json`` beside ``pyproject.toml``, when a version is released.
"""

import importlib
import inspect
import json
import pkgutil
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pulumi
from pulumi.provider.experimental.schema import generate_schema

import cloudpatterns
from cloudpatterns.core import Component
from cloudpatterns.plugin.descriptions import DescribingAnalyzer
from cloudpatterns.plugin.names import Names

PACKAGE = "cloudpatterns"
_SOURCE = Path(__file__).parents[2]
_ABOUT = {
    "description": "The AWS cloud design patterns as Pulumi components.",
    "keywords": ["aws", "category/infrastructure", "kind/component"],
    "license": "Apache-2.0",
}


def components() -> list[type[pulumi.ComponentResource]]:
    """Every component of the distribution: the public components of its rooms, in alphabetical order."""
    rooms = [importlib.import_module(f"{PACKAGE}.{found.name}") for found in pkgutil.iter_modules(cloudpatterns.__path__) if found.ispkg]
    public = [getattr(room, name) for room in rooms for name in getattr(room, "__all__", ())]
    found = {one for one in public if inspect.isclass(one) and issubclass(one, Component) and one is not Component}
    return sorted(found, key=lambda one: one.__name__)


def package_schema(version: str) -> dict[str, Any]:
    """The schema of every component, with the docstrings as Markdown and names in them as the schema has them."""
    found = DescribingAnalyzer(PACKAGE).analyze(components())
    made, types = found["component_definitions"], found["type_definitions"]
    schema = generate_schema(PACKAGE, version, None, made, types, sorted(found["dependencies"], key=str)).to_json()
    names = {f"{PACKAGE}:index:{name}": Names(component, types) for name, component in made.items()}
    for token, resource in schema["resources"].items():
        _described(resource, names[token])
    for token, type_ in schema["types"].items():
        _described(type_, next(one for one in names.values() if token.rpartition(":")[2] in one.types))
    # Else the SDK for Python is installed by its setup.py, which pip gives up, and that for Go lacks types of plain arguments.
    schema["language"]["python"]["pyproject"] = {"enabled": True}
    schema["language"]["go"]["generateExtraInputTypes"] = True
    return {**schema, **_ABOUT}


def _described(part: dict[str, Any], names: Names) -> None:
    properties = [*(part.get("inputProperties") or {}).values(), *(part.get("properties") or {}).values()]
    for one in (part, *properties, *(part.get("enum") or ())):
        if one.get("description"):
            one["description"] = names.in_text(inspect.cleandoc(one["description"]))
    for one in properties:
        # The analyzer repeats a property's description at what it holds, where no SDK shows it.
        while one := one.get("items") or one.get("additionalProperties"):
            one.pop("description", None)


def breaking_changes(released: dict[str, Any], current: dict[str, Any]) -> list[str]:
    """What a program that uses the released schema would trip over, one sentence each."""
    given_out = set(_types_in([one["properties"] for one in released["resources"].values()], released))
    return [
        *_missing(released["resources"], current["resources"], ""),
        *_missing(released["types"], current["types"], ""),
        *(
            change
            for token, old in released["resources"].items()
            if (new := current["resources"].get(token))
            for change in (
                *_changed(old["inputProperties"], new["inputProperties"], f"{token}, input "),
                *_required(old["requiredInputs"], new["requiredInputs"], f"{token}, input "),
                *_changed(old["properties"], new["properties"], f"{token}, output "),
                *(f"{token}, output {name}: is no longer always there" for name in _no_longer(old["required"], new["required"])),
            )
        ),
        *(
            change
            for token, old in released["types"].items()
            if (new := current["types"].get(token))
            for change in _changed_type(old, new, token, token in given_out)
        ),
    ]


def _changed_type(old: dict[str, Any], new: dict[str, Any], token: str, given_out: bool) -> Iterator[str]:
    yield from _changed(old.get("properties", {}), new.get("properties", {}), f"{token}, property ")
    yield from _required(old.get("required", []), new.get("required", []), f"{token}, property ")
    if given_out:
        yield from (
            f"{token}, property {name}: is no longer always there" for name in _no_longer(old.get("required", []), new.get("required", []))
        )
    values = [[value["value"] for value in type_.get("enum", [])] for type_ in (old, new)]
    yield from (f"{token}, value {value!r}: is gone" for value in _no_longer(*values))


def _missing(old: dict[str, Any], new: dict[str, Any], where: str) -> Iterator[str]:
    yield from (f"{where}{name}: is gone" for name in old if name not in new)


def _changed(old: dict[str, Any], new: dict[str, Any], where: str) -> Iterator[str]:
    yield from _missing(old, new, where)
    for name in old.keys() & new.keys():
        if (before := _shape(old[name])) != (after := _shape(new[name])):
            yield f"{where}{name}: was {before}, is {after}"


def _required(old: list[str], new: list[str], where: str) -> Iterator[str]:
    yield from (f"{where}{name}: is newly required" for name in _no_longer(new, old))


def _no_longer(old: list[Any], new: list[Any]) -> list[Any]:
    return [one for one in old if one not in new]


def _shape(property_: dict[str, Any]) -> str:
    """The type of a property as the SDKs see it; ``plain`` is what takes no output."""
    kind = property_.get("$ref", property_.get("type", "")).rpartition("/")[2]
    below = [_shape(property_[key]) for key in ("items", "additionalProperties") if key in property_]
    return f"{'plain ' if property_.get('plain') else ''}{kind}{f' of {below[0]}' if below else ''}"


def _types_in(part: Any, schema: dict[str, Any]) -> Iterator[str]:
    for one in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        if isinstance(one, str) and one.startswith("#/types/"):
            token = one.removeprefix("#/types/")
            yield token
            yield from _types_in(schema["types"].get(token), schema)
        else:
            yield from _types_in(one, schema)


def may_break(released: str, version: str) -> bool:
    """Whether ``version`` may break what ``released`` promised: a new major version, or before 1.0 a new minor one."""
    before, after = ([int(part) for part in text.split(".")] for text in (released, version))
    return after[0] > before[0] or (before[0] == after[0] == 0 and after[1] > before[1])


def project_version(folder: Path = _SOURCE) -> str:
    """The one place that says the version: ``pyproject.toml``."""
    return tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]


def main(path: Path = _SOURCE / "schema.json") -> int:
    """Writes the schema of the version that is being released, unless it breaks the last one without saying so in its version."""
    version = project_version()
    current = package_schema(version)
    if path.exists():
        released = json.loads(path.read_text(encoding="utf-8"))
        changes = breaking_changes(released, current)
        if changes and not may_break(released["version"], version):
            print(f"{version} breaks programs that use {released['version']}; raise the version in pyproject.toml:", file=sys.stderr)
            print(*(f"  {change}" for change in changes), sep="\n", file=sys.stderr)
            return 1
    path.write_text(json.dumps(current, indent=1) + "\n", encoding="utf-8")
    return 0
