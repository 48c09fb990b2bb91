"""The package's schema: what the SDKs of other languages are made from."""

import importlib
import inspect
import pkgutil
import tomllib
from pathlib import Path
from typing import Any, is_typeddict

import pulumi
from pulumi.provider.experimental.analyzer import Analyzer
from pulumi.provider.experimental.schema import generate_schema

import cloudpatterns
from cloudpatterns.core import Component, declared
from cloudpatterns.core.arguments import docstrings
from cloudpatterns.core.phrases import default_phrase, limit_phrases
from cloudpatterns.plugin.names import Names

PACKAGE = "cloudpatterns"


class DescribingAnalyzer(Analyzer):
    """Pulumi's analyzer, with docstrings of inherited arguments, which it does not find, and with defaults and limits."""

    def get_docstring(self, typ: type, name: str) -> str | None:
        """The docstring of an argument or output, with default and limits: "Size of the disk. Default: 10; 1 to 65,536."."""
        text = self.docstring(typ, name)
        if not is_typeddict(typ):
            return text
        hint = declared(typ)[name]
        default = default_phrase(hint)
        phrases = "; ".join([*([f"default: {default}"] if default else []), *limit_phrases(hint)])
        sentence = f"{phrases[0].upper()}{phrases[1:]}." if phrases else ""
        return " ".join(filter(None, [text and text.strip(), sentence])) or None

    def docstring(self, typ: type, name: str) -> str | None:
        """The docstring as it stands in the source, also of an inherited argument."""
        return docstrings(typ).get(name) if is_typeddict(typ) else super().get_docstring(typ, name)


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
    return {
        **schema,
        "description": "The AWS cloud design patterns as Pulumi components.",
        "keywords": ["aws", "category/infrastructure", "kind/component"],
        "license": "Apache-2.0",
    }


def _described(part: dict[str, Any], names: Names) -> None:
    properties = [*(part.get("inputProperties") or {}).values(), *(part.get("properties") or {}).values()]
    for one in (part, *properties, *(part.get("enum") or ())):
        if one.get("description"):
            one["description"] = names.in_text(inspect.cleandoc(one["description"]))
    for one in properties:
        # The analyzer repeats a property's description at what it holds, where no SDK shows it.
        while one := one.get("items") or one.get("additionalProperties"):
            one.pop("description", None)


def project_version() -> str:
    """The one place that says the version: ``pyproject.toml``."""
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)["project"]["version"]
