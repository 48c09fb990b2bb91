"""The shape that every pattern is copied from: arguments declared once and read in one way, and the fields of the catalogue."""

import ast
import functools
import inspect
import re
import typing
from collections.abc import Iterator
from pathlib import Path

import pulumi
import pytest
from cloudpatterns.core import Component, FunctionOptions, declared
from cloudpatterns.core.arguments import Arguments, bases, default_of
from cloudpatterns.plugin import components
from cloudpatterns.plugin.schema import DescribingAnalyzer
from cloudpatterns_policies.core import discover

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "components" / "cloudpatterns"
# How arguments are made, and what runs in AWS, which stands alone.
APART = (PACKAGE / "core", PACKAGE / "plugin")
SOURCES = sorted(
    path for path in PACKAGE.rglob("*.py") if "on_aws" not in path.parts and not any(folder in path.parents for folder in APART)
)
FIELDS = ("Use when", "Not when", "Cost drivers", "Trade-offs", "Proven by")


def types_of_arguments() -> list[type]:
    """The TypedDict of every component's arguments, and every one within."""
    found: list[type] = []

    def add(args_type: type) -> None:
        if args_type not in found:
            found.append(args_type)
            for hint in declared(args_type).values():
                for nested in nested_types(hint):
                    add(nested)

    for component in components():
        add(inspect.get_annotations(component.__init__)["args"])
    return found


def nested_types(hint: typing.Any) -> Iterator[type]:
    if typing.is_typeddict(hint):
        yield hint
    for member in typing.get_args(hint):
        yield from nested_types(member)


def place(path: Path, node: ast.AST) -> str:
    return f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}"


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def test_what_reads_the_environment_of_a_component_is_in_the_library() -> None:
    """A class that a docstring names as ``Class.from_environment`` is one of the library's."""
    library = ROOT / "components" / "runtime" / "cloudpatterns_runtime"
    classes = {
        node.name: {member.name for member in node.body if isinstance(member, ast.FunctionDef)}
        for path in library.glob("*.py")
        for node in parsed(path).body
        if isinstance(node, ast.ClassDef)
    }
    named = {(path, name) for path in PACKAGE.rglob("*.py") for name in re.findall(r"``(\w+)\.from_environment", path.read_text("utf-8"))}
    assert named
    assert [(path.name, name) for path, name in named if "from_environment" not in classes.get(name, ())] == []


@pytest.mark.parametrize("args_type", types_of_arguments(), ids=lambda args_type: args_type.__name__)
def test_a_default_is_declared_or_told_and_never_both(args_type: type) -> None:
    """The schema's descriptions name a declared default by themselves; what happens without a value is told where there is none."""
    analyzer = DescribingAnalyzer("cloudpatterns")
    for name, hint in declared(args_type).items():
        told = "Default:" in (analyzer.docstring(args_type, name) or "")
        if name in getattr(args_type, "__required_keys__", ()):
            assert not told, f"{name} is required and tells a default"
        elif default_of(hint) is None:
            needed = told or re.search(r"[Ee]xactly one of|Required with|Needed with", analyzer.docstring(args_type, name) or "")
            assert needed, f"{name} has no default declared; its docstring must say what happens without a value, as Default: ..."
        else:
            assert not told, f"{name} declares its default; its docstring must not repeat it"


@pytest.mark.parametrize("args_type", types_of_arguments(), ids=lambda args_type: args_type.__name__)
def test_the_checks_of_all_arguments_can_be_built(args_type: typing.Any) -> None:
    assert set(Arguments(args_type).model.model_fields) == set(declared(args_type))


def reads_with_a_second_default(tree: ast.Module) -> Iterator[ast.AST]:
    """``checked.get("x") or 365``: the default would stand a second time."""
    for node in ast.walk(tree):
        if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
            for value in node.values[:-1]:
                if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr == "get":
                    yield node


def untyped_arguments(tree: ast.Module) -> Iterator[ast.AST]:
    """Checked arguments that are annotated with anything but their TypedDict."""
    for node in ast.walk(tree):
        annotation = getattr(node, "annotation", None)
        name = node.arg if isinstance(node, ast.arg) else ast.unparse(node.target) if isinstance(node, ast.AnnAssign) else ""
        if name in ("checked", "args") and annotation is not None and "Any" in ast.unparse(annotation):
            yield node


def declarations_elsewhere(tree: ast.Module) -> Iterator[ast.AST]:
    """``Arguments(...)`` in a pattern: its arguments are declared in the TypedDict alone, and ``begin`` checks them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Arguments":
            yield node


def waits_on_ids(tree: ast.Module) -> Iterator[ast.AST]:
    """``Output.all(value, ...).apply(lambda values: values[0])``: ``after`` waits on URNs, which a preview knows."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Lambda) and ast.unparse(node.body) == "values[0]":
            yield node


def components_that_do_not_register(tree: ast.Module) -> Iterator[ast.AST]:
    """A component whose constructor does not end with ``self.register()``: its outputs would be missing in the state."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and "Component" in map(ast.unparse, node.bases):
            for method in node.body:
                if isinstance(method, ast.FunctionDef) and method.name == "__init__" and ast.unparse(method.body[-1]) != "self.register()":
                    yield method


CHECKS = (components_that_do_not_register, reads_with_a_second_default, untyped_arguments, declarations_elsewhere, waits_on_ids)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_sources_hold_the_shape(check: typing.Callable[[ast.Module], Iterator[ast.AST]]) -> None:
    found = [place(path, node) for path in SOURCES for node in check(parsed(path))]
    assert not found, f"{check.__doc__}\nfound at {', '.join(found)}"


def test_the_checks_find_what_they_look_for() -> None:
    tree = ast.parse(
        "days = checked.get('days') or 365\n"
        "def f(checked: Any, args: Mapping[str, Any], other: Any): pass\n"
        "checked: Any = 1\n"
        "_ARGUMENTS = Arguments(FooArgs)\n"
        "pulumi.Output.all(a, b).apply(lambda values: values[0])\n"
        "fine = checked.get('days')\n"
        "class Foo(Component):\n"
        "    def __init__(self, name):\n"
        "        self.begin(name)\n"
    )
    assert [sorted(getattr(node, "lineno", 0) for node in check(tree)) for check in CHECKS] == [[8], [1], [2, 2, 3], [4], [5]]


def repeated_in_systems() -> Iterator[str]:
    """Arguments of a system, or within them, that stand among the options of a component already: it should embed these."""
    options = {base for component in components() for base in bases(inspect.get_annotations(component.__init__)["args"])}
    # Whatever runs code of the user's has environment, statements, logs and more of the same name: functions, containers, servers.
    shared = set(declared(FunctionOptions))
    for component in components():
        if component.__module__.split(".")[1] != "systems":
            continue
        args_type = inspect.get_annotations(component.__init__)["args"]
        for own in (
            args_type,
            *(nested for hint in declared(args_type).values() for nested in nested_types(hint) if nested not in options),
        ):
            # An argument of a component that a system takes is that component's own.
            if own.__module__.split(".")[1] != "systems":
                continue
            names = set(declared(own)) - {name for base in bases(own) for name in declared(base)}
            for one in options:
                if len(repeated := names & set(declared(one)) - shared) > 3:
                    yield f"{own.__name__} repeats {', '.join(sorted(repeated))} of {one.__name__}"


def test_systems_embed_the_options_of_components() -> None:
    assert list(repeated_in_systems()) == []


@functools.cache
def control_ids() -> frozenset[str]:
    """Of all three packs."""
    packages = ("cloudpatterns_policies.controls", "cloudpatterns_policies.acceptance.controls")
    return frozenset(control.id for package in packages for control in discover(package, pack=None))


def catalogue_problems(component: type[pulumi.ComponentResource]) -> list[str]:
    """What is wrong with the fields of a component's catalogue page."""
    text = inspect.cleandoc(component.__doc__ or "")
    parts = re.split(r"^\*\*([A-Z][a-z -]+)\*\*: ", text, flags=re.MULTILINE)
    fields = dict(zip(parts[1::2], parts[2::2], strict=True))
    if list(fields) != list(FIELDS):
        return [f"the docstring of {component.__name__} has the fields {list(fields)}; it needs {list(FIELDS)}, each as **Field**: text"]
    empty = [name for name, words in fields.items() if len(words.split()) < 3]
    named = re.findall(r"``([^`]+)``", fields["Proven by"])
    tests = {path.name for path in (ROOT / "tests").rglob("test_*.py")}
    unknown = [name for name in named if name not in control_ids() | tests]
    return [
        *(f"the field {name} of {component.__name__} says nothing" for name in empty),
        *(f"Proven by of {component.__name__} names {name}, which is neither a control nor a test file" for name in unknown),
        *([] if set(named) & tests else [f"Proven by of {component.__name__} names no test file"]),
    ]


@pytest.mark.parametrize("component", components(), ids=lambda component: component.__name__)
def test_a_component_has_its_catalogue_fields(component: type[pulumi.ComponentResource]) -> None:
    assert catalogue_problems(component) == []


def test_only_components_have_the_base_class() -> None:
    assert all(issubclass(component, Component) for component in components())
