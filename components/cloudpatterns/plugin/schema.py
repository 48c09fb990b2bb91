"""The package's schema: what the SDKs of other languages are made from."""

import importlib
import inspect
import pkgutil
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args, get_origin, is_typeddict

import pulumi
from pulumi.provider.experimental.analyzer import Analyzer, EnumValueDefinition, PropertyDefinition, PropertyType, TypeDefinition
from pulumi.provider.experimental.schema import generate_schema

import cloudpatterns
from cloudpatterns.core import Choice, Component, declared
from cloudpatterns.core.arguments import bases, docstrings, metadata
from cloudpatterns.core.phrases import default_phrase, limit_phrases
from cloudpatterns.plugin.names import Names
from cloudpatterns.plugin.snippets import example, section

PACKAGE = "cloudpatterns"


class DescribingAnalyzer(Analyzer):
    """Pulumi's analyzer, with docstrings of inherited arguments, which it does not find, with defaults and limits, and with enums.

    A text that is one of a few is an enum for other languages, which complete it and refuse others; the component takes the text.
    """

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

    def analyze_property(self, arg: type, typ: type, name: str, **options: Any) -> PropertyDefinition:
        """The property; the analyzer asks for what a list or map holds by the same name."""
        found = super().analyze_property(arg, typ, name, **options)
        choice = _choice(declared(typ)[name]) if is_typeddict(typ) else None
        if found.type is PropertyType.STRING and choice:
            found.ref, found.type = f"#/types/{self.name}:index:{self._enum(typ, name, choice)}", None
        return found

    def _enum(self, typ: type, name: str, choice: Choice) -> str:
        owner = _declaring(typ, name)
        text, values = self.docstring(owner, name) or "", [str(value) for value in choice.values]
        definition = TypeDefinition(
            name=_enum_name(owner, name),
            type=PropertyType.STRING,
            properties={},
            properties_mapping={},
            module=owner.__module__,
            python_type=str,
            description=text,
            enum=[
                EnumValueDefinition(member, value, _meaning(value, text)) for member, value in zip(_members(values), values, strict=True)
            ],
        )
        known = self.type_definitions.setdefault(definition.name, definition)
        if known != definition:
            raise TypeError(f"{owner.__name__}.{name} is the second {definition.name} of the schema; rename the argument or its TypedDict")
        return definition.name


def _choice(hint: Any) -> Choice | None:
    """The few texts that an argument, or each entry of it, is one of."""
    plain, found = metadata(hint)
    if choice := next((limit for limit in found if isinstance(limit, Choice)), None):
        return choice if isinstance(choice.values[0], str) else None
    return _choice(get_args(plain)[-1]) if get_origin(plain) in (list, dict) else None


def _declaring(args_type: type, name: str) -> type:
    """The TypedDict that declares an argument: itself, or the one it inherits it from."""
    inherited = (base for base in bases(args_type) if declared(base).get(name) is declared(args_type)[name])
    base = next(inherited, None)
    return args_type if base is None else _declaring(base, name)


def _enum_name(owner: type, name: str) -> str:
    """``OnDemandNatOptions.strategy`` is an ``OnDemandNatStrategy``, each entry of ``NatWindow.days`` a ``NatWindowDay``."""
    of, words = owner.__name__.removesuffix("Args").removesuffix("Options"), [word.capitalize() for word in name.split("_")]
    if get_origin(metadata(declared(owner)[name])[0]) in (list, dict):
        words[-1] = words[-1].removesuffix("s")
    # RelationalDatabaseOptions.database_insights_mode: one Database is enough.
    return f"{of.removesuffix(words[0])}{''.join(words)}"


def _members(values: Sequence[str]) -> list[str]:
    """``on_demand`` and ``ON_DEMAND`` as ``OnDemand``; where all are single words, upper case stays."""
    words = [re.split(r"[^A-Za-z0-9]+", value) for value in values]
    if all(len(one) == 1 for one in words):
        return [f"{value[0].upper()}{value[1:]}" for value in values]
    return ["".join(map(str.capitalize, one)) for one in words]


def _meaning(value: str, docstring: str) -> str | None:
    """What a docstring says of a value in brackets behind it: ``single`` (one NAT gateway)."""
    found = re.search(rf"``{re.escape(value)}``\s+\(([^)]+)\)", docstring)
    if not found:
        return None
    text = " ".join(found[1].split())
    return f"{text[0].upper()}{text[1:]}."


def components() -> list[type[pulumi.ComponentResource]]:
    """Every component of the distribution: the public components of its rooms, in alphabetical order."""
    rooms = [importlib.import_module(f"{PACKAGE}.{found.name}") for found in pkgutil.iter_modules(cloudpatterns.__path__) if found.ispkg]
    public = [getattr(room, name) for room in rooms for name in getattr(room, "__all__", ())]
    found = {one for one in public if inspect.isclass(one) and issubclass(one, Component) and one is not Component}
    return sorted(found, key=lambda one: one.__name__)


def package_schema(version: str) -> dict[str, Any]:
    """The schema of every component, with an example each, the docstrings as Markdown, and names in them as the schema has them."""
    found = DescribingAnalyzer(PACKAGE).analyze(components())
    made, types = found["component_definitions"], found["type_definitions"]
    schema = generate_schema(PACKAGE, version, None, made, types, sorted(found["dependencies"], key=str)).to_json()
    names = {f"{PACKAGE}:index:{name}": Names(component, types) for name, component in made.items()}
    for token, resource in schema["resources"].items():
        _described(resource, names[token])
    for token, type_ in schema["types"].items():
        _described(type_, next(one for one in names.values() if token.rpartition(":")[2] in one.types))
    schema = without_args(schema)
    for component in components():
        if function := example(component):
            resource = schema["resources"][f"{PACKAGE}:index:{component.__name__}"]
            resource["description"] = f"{resource['description']}\n\n{section(function, schema)}"
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
            # Docstrings are reStructuredText.
            one["description"] = names.in_text(inspect.cleandoc(one["description"])).replace("``", "`")
        else:
            one.pop("description", None)
    for one in properties:
        # The analyzer repeats a property's description at what it holds, where no SDK shows it.
        while one := one.get("items") or one.get("additionalProperties"):
            one.pop("description", None)


def without_args(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with types of nested arguments by their name without ``Args``, which the SDKs add: not ``FunctionArgsArgs``."""
    names = {token: token.removesuffix("Args") for token in schema["types"]}
    taken = {*schema["resources"], *(f"{token}Args" for token in schema["resources"])}
    twice = [new for token, new in names.items() if new in taken or (new != token and new in names)]
    if twice:
        raise TypeError(f"the schema has two things of the name {', '.join(twice)}; rename the TypedDict")

    def renamed(part: Any) -> Any:
        if isinstance(part, list):
            return [renamed(entry) for entry in part]
        if not isinstance(part, dict):
            return part
        return {key: f"#/types/{names[_token(value)]}" if _token(value) in names else renamed(value) for key, value in part.items()}

    return {**renamed(schema), "types": {names[token]: renamed(type_) for token, type_ in schema["types"].items()}}


def _token(reference: Any) -> str:
    return reference.removeprefix("#/types/") if isinstance(reference, str) and reference.startswith("#/types/") else ""


def project_version() -> str:
    """The one place that says the version: ``pyproject.toml``."""
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)["project"]["version"]
