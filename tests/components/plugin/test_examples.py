"""The examples of the schema: each is executed, and is the same program in every language."""

import ast
import inspect
import re
from types import FunctionType
from typing import Any

import pulumi
import pytest
import yaml
from cloudpatterns.plugin import ComponentHost, components, examples, package_schema, project_version, snippets
from offline_preview.graph import Graph

from tests.harness import record

COMPONENTS = components()
NAMES = [component.__name__ for component in COMPONENTS]
# The components of an example and what they hold: more than this is no small example.
MOST_STATEMENTS = 4


@pytest.fixture(scope="module")
def host() -> ComponentHost:
    return ComponentHost(project_version())


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return package_schema(project_version())


def example(component: type) -> FunctionType:
    found = snippets.example(component)
    assert found, f"add an example of {component.__name__} to components/cloudpatterns/plugin/examples.py, named after its module"
    return found


def registered(graph: Graph) -> list[tuple[str, str, Any]]:
    """What a program creates, in an order that does not hang on when outputs become known."""
    return sorted(((one.type, one.name, one.inputs) for one in graph.resources), key=lambda one: one[:2])


@pytest.mark.parametrize("component", COMPONENTS, ids=NAMES)
@pytest.mark.parametrize("mode", ["preview", "deployed"])
def test_an_example_creates_its_component(component: type, mode: Any) -> None:
    function = example(component)
    last = snippets.statements(function)[-1]
    assert last.component == component.__name__
    assert record(function, mode=mode).one(f"cloudpatterns:index:{last.component}", last.name)
    assert len(snippets.statements(function)) <= MOST_STATEMENTS
    assert inspect.cleandoc(function.__doc__ or "").endswith(".")


def test_every_example_is_one_of_a_component() -> None:
    functions = {function for _, function in inspect.getmembers(examples, inspect.isfunction)}
    assert functions == {example(component) for component in COMPONENTS}


def test_a_component_without_an_example_has_none() -> None:
    assert snippets.example(Graph) is None


def run(program: str, host: ComponentHost) -> None:
    """Creates what a program in YAML holds, as the engine has the plugin do it."""
    states: dict[str, Any] = {}

    def resolved(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: resolved(entry) for key, entry in value.items()}
        if isinstance(value, list):
            return [resolved(entry) for entry in value]
        if isinstance(value, bool) or not isinstance(value, int | str):
            return value
        if isinstance(value, int):
            return float(value)
        reference = re.fullmatch(r'\$\{(\w+)\.(\w+)(?:\["([\w-]+)"\])?\}', value)
        if reference is None:
            assert "${" not in value
            return value
        # Over the wire an output has no plain keys.
        output = pulumi.Output.from_input(states[reference[1]][reference[2]]).apply(lambda found: found)
        return output if reference[3] is None else output[reference[3]]

    for name, resource in yaml.safe_load(program)["resources"].items():
        package, component = resource["type"].split(":")
        states[name] = host.construct(name, f"{package}:index:{component}", resolved(resource["properties"])).state


@pytest.mark.parametrize("component", COMPONENTS, ids=NAMES)
def test_the_example_in_yaml_creates_what_it_creates_in_python(component: type, host: ComponentHost, schema: dict[str, Any]) -> None:
    function = example(component)
    program = snippets.in_yaml(function, schema)
    expected, made = record(function, mode="deployed"), record(lambda: run(program, host), mode="deployed")
    assert registered(made) == registered(expected)


@pytest.mark.parametrize("component", COMPONENTS, ids=NAMES)
def test_the_example_for_the_python_sdk_names_the_same_arguments(component: type) -> None:
    """The SDK's arguments have the names of the component's, as keywords."""
    function = example(component)
    calls = [node for node in ast.walk(ast.parse(snippets.in_python(function))) if isinstance(node, ast.Call)]
    assert [(ast.unparse(call.func), [keyword.arg for keyword in call.keywords]) for call in calls] == [
        (f"cloudpatterns.{one.component}", list(one.args)) for one in snippets.statements(function)
    ]


def test_a_description_ends_with_the_example_in_each_language(schema: dict[str, Any]) -> None:
    nat = schema["resources"]["cloudpatterns:index:OnDemandNat"]["description"]
    text, _, section = nat.partition("{{% examples %}}")
    assert text.startswith("The default route of private subnets to a NAT")
    assert text.endswith("\n\n")
    assert re.findall(r"```(\w+)\n", section) == ["typescript", "python", "yaml"]
    assert section.startswith(
        "\n{{% example %}}\n## Example Usage\n\n### Internet egress of private subnets in a maintenance window\n\n"
        '```typescript\nimport * as cloudpatterns from "@pulumi/cloudpatterns";\n\n'
        'const network = new cloudpatterns.Network("network", {\n    cidrBlock: "10.40.0.0/16",\n'
        '    zones: ["eu-west-1a", "eu-west-1b"],\n});\n'
        'new cloudpatterns.OnDemandNat("nat", {\n    strategy: "on_demand",\n    vpcId: network.vpcId,\n'
    )
    assert '        "eu-west-1a": network.publicSubnetIdsByZone["eu-west-1a"],\n' in section
    assert 'import pulumi_cloudpatterns as cloudpatterns\n\nnetwork = cloudpatterns.Network(\n    "network",\n' in section
    assert "      windows:\n      - name: patch\n        days:\n        - TUE\n" in section
    assert section.endswith("```\n{{% /example %}}\n{{% /examples %}}")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("x = 1", "an example consists of components, not of x = 1"),
        ("Network('n', {'zones': [zone for zone in ZONES]})", "no snippet can be written of"),
        ("Network('n', {'cidr_block': f'10.{1}'})", "no snippet can be written of"),
        ("Network('n', {'vpc_id': other.vpc_id})", "no snippet can be written of other.vpc_id"),
    ],
)
def test_what_not_every_language_can_say_is_refused(source: str, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (definition,) = ast.parse(f'def network():\n    """Text."""\n    {source}\n').body
    monkeypatch.setattr(snippets, "_definitions", lambda: {"network": definition})
    with pytest.raises(TypeError, match=re.escape(reason)):
        snippets.statements(examples.network)
