"""What holds for every component of the package, and for every package of the project: one shape, one style, one public face."""

import ast
import functools
import importlib
import inspect
import pkgutil
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

import cloudpatterns
import pulumi
import pytest
from cloudpatterns.core import Component
from cloudpatterns.plugin.schema import DescribingAnalyzer
from pulumi.provider.experimental.analyzer import AnalyzeResult, PropertyDefinition
from pulumi.provider.experimental.schema import generate_schema

ROOT = Path(__file__).resolve().parents[2]
COMPONENTS = ROOT / "components" / "cloudpatterns"
PACKAGES = {
    "cloudpatterns": COMPONENTS,
    "cloudpatterns_runtime": ROOT / "components" / "runtime" / "cloudpatterns_runtime",
    "cloudpatterns_policies": ROOT / "policies" / "cloudpatterns_policies",
    "offline_preview": ROOT / "preview" / "offline_preview",
    "settings": ROOT / "settings",
    "program": ROOT / "program",
}
# What runs in AWS stands alone: it is not part of the package's public names.
SOURCES = sorted(path for path in COMPONENTS.rglob("*.py") if "on_aws" not in path.parts)

# Arguments that are JSON in the form of AWS, and have its names.
JSON_OF_AWS = {
    "EventBus.archivePattern",
    "EventBusOptions.archivePattern",
    "EventBusRule.eventPattern",
    "FanOutSubscriber.filterPolicy",
    "Workflow.definition",
    "WorkflowCallArgs.parameters",
    "WorkflowChoiceRuleArgs.test",
    "WorkflowCompensationArgs.input",
    "WorkflowItemArgs.item",
    "WorkflowItemArgs.parameters",
    "WorkflowMessageArgs.parameters",
    "WorkflowNotificationArgs.parameters",
    "WorkflowStepArgs.input",
    "WorkflowStepArgs.values",
    "WorkflowUpdateArgs.key",
    "WorkflowUpdateArgs.parameters",
}


def modules() -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(cloudpatterns.__path__, "cloudpatterns."):
        yield importlib.import_module(found.name)


@functools.cache
def components() -> list[type[pulumi.ComponentResource]]:
    """Every component class, where it is defined."""
    return [
        one
        for module in modules()
        for one in vars(module).values()
        if inspect.isclass(one) and issubclass(one, pulumi.ComponentResource) and one.__module__ == module.__name__ and one is not Component
    ]


@functools.cache
def analysis() -> AnalyzeResult:
    return DescribingAnalyzer("cloudpatterns").analyze(components())


def properties() -> dict[str, PropertyDefinition]:
    """Every argument and output of the schema, by ``Type.property``."""
    found = analysis()
    return {
        **{f"{name}.{key}": one for name, type_ in found["type_definitions"].items() for key, one in type_.properties.items()},
        **{
            f"{name}.{key}": one
            for name, component in found["component_definitions"].items()
            for key, one in [*component.inputs.items(), *component.outputs.items()]
        },
    }


def subpackage(module: str) -> ModuleType:
    return importlib.import_module(".".join(module.split(".")[:2]))


def pattern(component: type) -> list[str]:
    """Subpackage and pattern of a component: its module, or the package of several files whose ``component`` it is."""
    return component.__module__.removesuffix(".component").split(".")[1:]


def place(path: Path, line: int) -> str:
    return f"{path.relative_to(ROOT)}:{line}"


def test_there_are_components() -> None:
    assert {"Network", "ScaleOut", "RelationalDatabase", "Storefront"} <= {one.__name__ for one in components()}


def test_every_component_is_one_of_the_package() -> None:
    assert [one.__name__ for one in components() if not issubclass(one, Component)] == []


def test_a_component_is_public_and_so_is_every_type_of_its_arguments() -> None:
    # An enum is a text to Python.
    types = [(one.module, name) for name, one in analysis()["type_definitions"].items() if not one.enum]
    arguments = [(one.__module__, inspect.get_annotations(one.__init__)["args"].__name__) for one in components()]
    needed = [*[(one.__module__, one.__name__) for one in components()], *arguments, *types]
    assert [
        f"{module}.{name} is not in {subpackage(module).__name__}.__all__"
        for module, name in needed
        if name not in subpackage(module).__all__
    ] == []


def test_class_names_are_unique_over_all_subpackages() -> None:
    # All types of the schema live in one module.
    names = Counter(name for module in modules() if module.__name__.count(".") == 1 for name in set(module.__all__))
    assert [name for name, times in names.items() if times > 1] == []


def test_a_component_is_called_like_its_module_and_its_arguments_like_it() -> None:
    for one in components():
        words = pattern(one)[-1].split("_")
        assert one.__name__ == "".join(word.capitalize() for word in words), f"the class of {one.__module__} is named like its file"
        parameters = inspect.signature(one.__init__).parameters
        assert list(parameters) == ["self", "name", "args", "opts"], one.__name__
        assert parameters["args"].annotation.__name__ == f"{one.__name__}Args"
        assert parameters["opts"].default is None


def test_pulumis_component_host_makes_a_schema_of_every_component() -> None:
    found = analysis()
    assert found["component_definitions"].keys() == {one.__name__ for one in components()}
    schema = generate_schema(
        "cloudpatterns", "0.1.0", None, found["component_definitions"], found["type_definitions"], sorted(found["dependencies"], key=str)
    ).to_json()
    assert schema["resources"].keys() == {f"cloudpatterns:index:{one.__name__}" for one in components()}
    # A type that the host cannot say becomes "anything" in every language; JSON in AWS's own form is meant to be.
    anything = {place for place, one in properties().items() if "pulumi.json#/Any" in repr(one)}
    assert anything == JSON_OF_AWS


def test_every_argument_and_output_is_described() -> None:
    found, described = analysis(), properties()
    assert len(described) > 300
    assert [name for name, one in described.items() if not (one.description or "").strip()] == []
    everything = [*found["type_definitions"].values(), *found["component_definitions"].values()]
    assert [one.name for one in everything if not (one.description or "").strip()] == []


def fields_without_docstring(path: Path) -> Iterator[str]:
    """Annotated attributes of public TypedDicts and components that no docstring follows."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef) and any(
            ast.unparse(base).endswith(("TypedDict", "Component", "Args", "Options")) for base in node.bases
        ):
            for item, following in zip(node.body, [*node.body[1:], None], strict=True):
                if not isinstance(item, ast.AnnAssign) or ast.unparse(item.target).startswith("_"):
                    continue
                if not (
                    isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant) and isinstance(following.value.value, str)
                ):
                    yield f"{place(path, item.lineno)}: {node.name}.{ast.unparse(item.target)}"


def test_every_field_has_its_docstring_right_after_it() -> None:
    assert [found for path in SOURCES for found in fields_without_docstring(path)] == []


def test_every_component_has_a_test_file_of_its_name() -> None:
    wanted = {f"{folder}/test_{name}.py" for folder, name in map(pattern, components())}
    missing = sorted(f"tests/components/{name}" for name in wanted if not (ROOT / "tests" / "components" / name).is_file())
    assert not missing, f"create {', '.join(missing)}"


def calls(path: Path) -> Iterator[ast.Call]:
    return (node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call))


def data_source_calls(path: Path) -> Iterator[str]:
    for call in calls(path):
        *owner, function = ast.unparse(call.func).split(".")
        if (owner[:1] in (["aws"], ["pulumi_aws"]) and function.startswith("get_")) or function in ("invoke", "invoke_async", "call"):
            yield f"{place(path, call.lineno)}: {ast.unparse(call.func)}"


def test_no_component_asks_aws_anything() -> None:
    """Data sources need credentials: previews would."""
    assert [found for path in SOURCES for found in data_source_calls(path)] == []


def inline_rules(path: Path) -> Iterator[str]:
    for call in calls(path):
        if ast.unparse(call.func).rpartition(".")[2] in ("SecurityGroup", "DefaultSecurityGroup"):
            for keyword in call.keywords:
                # Empty lists are how a VPC's default group is closed.
                if keyword.arg in ("ingress", "egress") and ast.unparse(keyword.value) != "[]":
                    yield f"{place(path, call.lineno)}: {keyword.arg}"


def test_rules_of_security_groups_are_resources_of_their_own() -> None:
    assert [found for path in SOURCES for found in inline_rules(path)] == []


def test_the_checks_of_sources_find_what_they_look_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    path = tmp_path / "bad.py"
    path.write_text(
        "class FooArgs(TypedDict):\n    size: int\n    zone: str\n    '''Where.'''\n"
        "class Foo(Component):\n    _hidden: int\n    arn: Output[str]\n"
        "aws.ec2.SecurityGroup('a', ingress=rules, egress=[])\n"
        "aws.ec2.get_vpc(id='vpc-1')\n"
        "pulumi.runtime.invoke('aws:x')\n"
        "args.get_type()\n"
    )
    assert list(fields_without_docstring(path)) == ["bad.py:2: FooArgs.size", "bad.py:7: Foo.arn"]
    assert list(inline_rules(path)) == ["bad.py:8: ingress"]
    assert list(data_source_calls(path)) == ["bad.py:9: aws.ec2.get_vpc", "bad.py:10: pulumi.runtime.invoke"]


def sources(package: str) -> list[Path]:
    return sorted(PACKAGES[package].rglob("*.py"))


LONGEST_FUNCTION = 60


def function_lines(path: Path) -> dict[str, int]:
    """The lines of each function, from ``def`` on, so without its decorators, and without its docstring."""
    found: dict[str, int] = {}

    def look(node: ast.AST, names: tuple[str, ...]) -> None:
        for inner in ast.iter_child_nodes(node):
            if not isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                look(inner, names)
                continue
            inner_names = (*names, inner.name)
            if not isinstance(inner, ast.ClassDef):
                name = f"{path.relative_to(ROOT)}: {'.'.join(inner_names)}"
                # Of two functions of one name, such as a property's getter and setter, the longer counts.
                found[name] = max(found.get(name, 0), lines(inner) - (lines(inner.body[0]) if ast.get_docstring(inner) is not None else 0))
            look(inner, inner_names)

    def lines(node: ast.stmt) -> int:
        return (node.end_lineno or node.lineno) - node.lineno + 1

    look(ast.parse(path.read_text(encoding="utf-8")), ())
    return found


def too_long(paths: Iterable[Path]) -> dict[str, int]:
    return {name: count for path in paths for name, count in function_lines(path).items() if count > LONGEST_FUNCTION}


@pytest.mark.parametrize("package", PACKAGES)
def test_no_function_has_more_than_60_lines(package: str) -> None:
    assert sum(len(function_lines(path)) for path in sources(package)) > 5
    assert too_long(sources(package)) == {}


def test_a_function_that_is_too_long_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    path = tmp_path / "long.py"
    path.write_text(
        '@decorated(\n    1,\n)\ndef short():\n    """One.\n\n    Two.\n    """\n    return 1\n\n'
        "class Foo:\n    async def make(self):\n        def inner(): pass\n" + "        step()\n" * 59 + "\n"
        "if True:\n    def last():\n" + "        step()\n" * 59
    )
    assert function_lines(path) == {"long.py: short": 2, "long.py: Foo.make": 61, "long.py: Foo.make.inner": 1, "long.py: last": 60}
    assert too_long([path]) == {"long.py: Foo.make": 61}


@pytest.mark.parametrize("package", PACKAGES)
def test_what_a_package_gives_out_is_what_it_imports_for_that(package: str) -> None:
    checked = 0
    for path in sources(package):
        if path.name != "__init__.py":
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        imported = {alias.asname or alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names}
        assigned = {
            target.id for node in tree.body if isinstance(node, ast.Assign) for target in node.targets if isinstance(target, ast.Name)
        } - {"__all__"}
        public = {name for name in imported | assigned if not name.startswith("_")}
        name = ".".join([package, *path.parent.relative_to(PACKAGES[package]).parts])
        module = importlib.import_module(name)
        exported: list[str] = getattr(module, "__all__", [])
        assert set(exported) == public, name
        assert len(exported) == len(set(exported)), name
        assert all(hasattr(module, one) for one in exported)
        checked += 1
    assert checked


def test_every_file_that_runs_in_aws_is_in_the_wheel() -> None:
    project = tomllib.loads((ROOT / "components" / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = project["tool"]["setuptools"]["package-data"]["cloudpatterns"]
    packed = {path for pattern in patterns for path in COMPONENTS.glob(pattern)}
    # Modules are found by themselves.
    files = {
        path for folder in COMPONENTS.rglob("on_aws") for path in folder.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")
    }
    assert sorted(files - packed) == []
