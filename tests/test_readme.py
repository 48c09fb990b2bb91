"""What the README shows works as it is shown."""

import re
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cloudpatterns_policies.core import discover
from offline_preview import cli

from settings.systems import SYSTEMS
from tests.components.test_package import components, pattern
from tests.harness import record

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_the_component_example_makes_a_network_with_a_way_out() -> None:
    graph = record(lambda: exec(EXAMPLES[0], {}))
    assert len(graph.of_type("aws:ec2/natGateway:NatGateway")) == 2
    assert set(graph.outputs) == {"private_subnets"}


def test_the_example_of_a_pattern_with_a_function_creates_both() -> None:
    graph = record(lambda: exec(EXAMPLES[1], {}), mode="deployed")
    function = graph.one("aws:lambda/function:Function").inputs
    assert (function["code"]["path"], function["timeout"]) == ("app", 30)
    assert graph.one("aws:lambda/eventSourceMapping:EventSourceMapping").inputs["scalingConfig"] == {"maximumConcurrency": 20}
    assert "arn:aws:s3:::prices/*" in graph.named("orders-function-policy").inputs["policy"]


def test_the_example_of_a_function_repeats_the_call() -> None:
    errors: list[Exception] = [TimeoutError()]

    def charge(order: str) -> str:
        if errors:
            raise errors.pop()
        return f"charged {order}"

    names: dict[str, Any] = {"charge": charge}
    exec(EXAMPLES[2], names)
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: 30_000)
    assert names["handler"]({"order": "o-1"}, context) == "charged o-1"
    assert errors == []


def test_the_policy_example_takes_the_controls_of_databases() -> None:
    names: dict[str, list] = {}
    exec(EXAMPLES[3], names)
    taken = {policy.name for policy in names["policies"]}
    assert taken == {control.id for control in discover() if control.id.startswith("rds-")}
    assert "rds-private" in taken


def test_every_python_example_is_executed_here() -> None:
    assert len(EXAMPLES) == 4


def test_the_number_of_controls_is_right() -> None:
    assert f"`{len(discover())}` controls are registered in the security pack" in README


def test_the_shown_verdicts_are_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    shown = re.search(r"```text\n(dev .*?)\n(prod .*?)\n```", README)
    assert shown is not None
    assert cli.main(["--project", str(ROOT)]) == 0
    printed = [re.sub(r"\s*\([\d.]+ s\)$", "", line.rstrip()) for line in capsys.readouterr().out.splitlines()]
    for line in shown.groups():
        assert re.sub(r"\s*\([\d.]+ s\)$", "", line.rstrip()) in printed


def test_every_target_and_file_that_is_named_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"(?:^|`)make ([\w-]+)", README, re.MULTILINE)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    for file in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / file).exists(), file
    for component in re.findall(r"`([A-Z]\w+)`", README[README.index("| package |") : README.index("Arguments and outputs")]):
        assert any(f"class {component}(Component)" in path.read_text() for path in (ROOT / "components").rglob("*.py")), component


def test_the_tables_name_every_component_and_every_module_of_the_library() -> None:
    table = README[README.index("| package | components |") :].partition("\n\n")[0]
    rows = {room: re.findall(r"`(\w+)`", names) for room, names in re.findall(r"^\| `(\w+)` \| (`.*) \|$", table, re.MULTILINE)}
    assert {room: Counter(names) for room, names in rows.items()} == {
        room: Counter(one.__name__ for one in components() if pattern(one)[0] == room) for room in {pattern(one)[0] for one in components()}
    }
    pages = {path.name for path in (ROOT / "docs" / "runtime").glob("*.md")}
    assert pages == set(re.findall(r"\(docs/runtime/([\w-]+\.md)\)", README))


def test_every_optional_section_has_a_row_and_a_stack_file_that_uses_it() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)`: .* \| \[`([\w-]+)`\]\((.*)\) \|$", README, re.MULTILINE)
    assert [(section, component) for section, component, *_ in rows] == [
        (section, path.partition(":")[2]) for section, path in SYSTEMS.items()
    ]
    for section, _component, stack, file in rows:
        assert file in (f"Pulumi.{stack}.yaml", f"examples/stacks/Pulumi.{stack}.yaml")
        assert f"\n  cloudpatterns:{section}:\n" in (ROOT / file).read_text(encoding="utf-8")
