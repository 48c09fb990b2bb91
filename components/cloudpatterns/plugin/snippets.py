"""The examples as programs in TypeScript, Python and YAML, written from the functions of ``examples``."""

import ast
import functools
import inspect
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import FunctionType
from typing import Any

import yaml
from pulumi.provider.experimental.util import camel_case

from cloudpatterns.plugin import examples


@dataclass(frozen=True)
class Reference:
    """An output of a component, or the entry of a map of outputs."""

    variable: str
    output: str
    key: str | None = None


@dataclass(frozen=True)
class Statement:
    """One component of an example."""

    component: str
    name: str
    args: Mapping[str, Any]
    """By their names in Python; values are plain or ``Reference``."""
    variable: str | None

    @property
    def id(self) -> str:
        """What other statements, and YAML, call it."""
        return self.variable or self.name


def example(component: type) -> FunctionType | None:
    """The example of a component: the function of ``examples`` that is named after the component's module."""
    found = vars(examples).get(component.__module__.removesuffix(".component").rpartition(".")[2])
    return found if isinstance(found, FunctionType) else None


def statements(function: FunctionType) -> list[Statement]:
    """What a function of ``examples`` creates, read from its source."""
    found: list[Statement] = []
    # The first is the docstring.
    for node in _definitions()[function.__name__].body[1:]:
        variable = node.targets[0].id if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) else None
        call = node.value if isinstance(node, ast.Assign | ast.Expr) else None
        if not isinstance(call, ast.Call):
            raise TypeError(f"an example consists of components, not of {ast.unparse(node)}")
        name, args = (_value(argument, {one.id for one in found}) for argument in call.args)
        found.append(Statement(ast.unparse(call.func), name, args, variable))
    return found


@functools.cache
def _definitions() -> dict[str, ast.FunctionDef]:
    module = ast.parse(inspect.getsource(examples))
    return {node.name: node for node in module.body if isinstance(node, ast.FunctionDef)}


def _value(node: ast.expr, variables: set[str]) -> Any:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.List(elts=entries):
            return [_value(entry, variables) for entry in entries]
        case ast.Dict(keys=keys, values=values):
            return {_value(key, variables): _value(value, variables) for key, value in zip(keys, values, strict=True) if key is not None}
        case ast.Subscript(value=ast.Attribute(value=ast.Name(id=variable), attr=output), slice=ast.Constant(value=str(key))):
            return Reference(variable, output, key)
        # In Python the output carries its zones; other languages write them down.
        case ast.Attribute(value=ast.Name(id=variable), attr=output) if variable in variables and output.endswith("_by_zone"):
            return {zone: Reference(variable, output, zone) for zone in examples.ZONES}
        case ast.Attribute(value=ast.Name(id=variable), attr=output) if variable in variables:
            return Reference(variable, output)
        case ast.Name(id=constant) if constant.isupper():
            return vars(examples)[constant]
    raise TypeError(f"no snippet can be written of {ast.unparse(node)}")


class _Keys:
    """Names of arguments in the schema, where keys of maps stay as they are."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._types = schema["types"]
        self._resources = schema["resources"]

    def in_schema(self, statement: Statement) -> dict[str, Any]:
        """The arguments of a statement by their names in the schema."""
        return self._object(statement.args, self._resources[f"cloudpatterns:index:{statement.component}"]["inputProperties"])

    def _object(self, args: Mapping[str, Any], properties: Mapping[str, Any]) -> dict[str, Any]:
        return {camel_case(name): self._renamed(value, properties[camel_case(name)]) for name, value in args.items()}

    def _renamed(self, value: Any, of: Mapping[str, Any]) -> Any:
        if of.get("$ref") == "pulumi.json#/Any":
            return value
        if isinstance(value, list):
            return [self._renamed(entry, of["items"]) for entry in value]
        if not isinstance(value, dict):
            return value
        if "additionalProperties" in of:
            return {key: self._renamed(entry, of["additionalProperties"]) for key, entry in value.items()}
        return self._object(value, self._types[of["$ref"].removeprefix("#/types/")]["properties"])


def in_typescript(function: FunctionType, schema: Mapping[str, Any]) -> str:
    """An example as a program in TypeScript."""

    def written(value: Any, indent: str) -> str:
        if isinstance(value, Reference):
            entry = "" if value.key is None else f"[{json.dumps(value.key)}]"
            return f"{camel_case(value.variable)}.{camel_case(value.output)}{entry}"
        if isinstance(value, dict):
            lines = [f"{key if key.isidentifier() else json.dumps(key)}: {written(entry, f'{indent}    ')}" for key, entry in value.items()]
            return _block("{", lines, "}", indent)
        if isinstance(value, list):
            return f"[{', '.join(written(entry, indent) for entry in value)}]"
        return json.dumps(value)

    keys = _Keys(schema)
    lines = ['import * as cloudpatterns from "@pulumi/cloudpatterns";', ""]
    for one in statements(function):
        variable = "" if one.variable is None else f"const {camel_case(one.variable)} = "
        lines.append(f"{variable}new cloudpatterns.{one.component}({json.dumps(one.name)}, {written(keys.in_schema(one), '')});")
    return "\n".join(lines)


def in_python(function: FunctionType) -> str:
    """An example as a program in Python that uses the generated SDK."""

    def written(value: Any, indent: str) -> str:
        if isinstance(value, Reference):
            return f"{value.variable}.{value.output}{'' if value.key is None else f'[{json.dumps(value.key)}]'}"
        if isinstance(value, dict):
            return _block("{", [f"{json.dumps(key)}: {written(entry, f'{indent}    ')}" for key, entry in value.items()], "}", indent)
        if isinstance(value, list):
            return f"[{', '.join(written(entry, indent) for entry in value)}]"
        return str(value) if isinstance(value, bool) else json.dumps(value)

    lines = ["import pulumi_cloudpatterns as cloudpatterns", ""]
    for one in statements(function):
        args = [json.dumps(one.name), *(f"{name}={written(value, '    ')}" for name, value in one.args.items())]
        variable = "" if one.variable is None else f"{one.variable} = "
        lines.append(_block(f"{variable}cloudpatterns.{one.component}(", args, ")", ""))
    return "\n".join(lines)


def in_yaml(function: FunctionType, schema: Mapping[str, Any]) -> str:
    """An example as the resources of a program in YAML."""

    def written(value: Any) -> Any:
        if isinstance(value, Reference):
            return f"${{{value.variable}.{camel_case(value.output)}{'' if value.key is None else f'[{json.dumps(value.key)}]'}}}"
        if isinstance(value, dict):
            return {key: written(entry) for key, entry in value.items()}
        return [written(entry) for entry in value] if isinstance(value, list) else value

    keys = _Keys(schema)
    resources = {
        one.id: {"type": f"cloudpatterns:{one.component}", "properties": written(keys.in_schema(one))} for one in statements(function)
    }
    return yaml.safe_dump({"resources": resources}, sort_keys=False, default_flow_style=False, width=1000).rstrip()


def section(function: FunctionType, schema: Mapping[str, Any]) -> str:
    """An example in every language, as the schema's descriptions have it; each SDK shows its own language."""
    title = inspect.cleandoc(function.__doc__ or "").rstrip(".")
    programs = {"typescript": in_typescript(function, schema), "python": in_python(function), "yaml": in_yaml(function, schema)}
    return "\n".join(_section(title, programs))


def _section(title: str, programs: Mapping[str, str]) -> Iterator[str]:
    # https://www.pulumi.com/docs/iac/using-pulumi/extending-pulumi/schema/#examples
    # The heading is within: an SDK for another language leaves the example out, and must not keep a heading without one.
    yield from ("{{% examples %}}", "{{% example %}}", "## Example Usage", "", f"### {title}", "")
    for language, program in programs.items():
        yield from (f"```{language}", program, "```")
    yield from ("{{% /example %}}", "{{% /examples %}}")


def _block(opening: str, lines: list[str], closing: str, indent: str) -> str:
    if not lines:
        return f"{opening}{closing}"
    return "\n".join([opening, *(f"{indent}    {line}," for line in lines), f"{indent}{closing}"])
