from pathlib import Path

import pytest
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.operator import Example

from tests.mutation.mutants import PACKAGE, mutants
from tests.mutation.operators import operators

SOURCE = '''"""Words."""

import a.b
from c import d

__all__ = ["f"]
TABLE: "dict[int, str | None]" = {5: "x"}


@d(title="text", number=1)
def f(size: "int | None" = 7) -> "str | None":
    """Words."""
    return g(size) if size else None


@d
class C:
    size: int
    """Words."""
    name: str = "y"
'''


@pytest.fixture
def module(tmp_path: Path) -> Path:
    path = tmp_path / "module.py"
    path.write_text(SOURCE)
    return path


@pytest.mark.parametrize(
    ("name", "example"),
    [(name, example) for name, make in operators().items() if name.startswith("policies/") for example in make().examples()],
)
def test_own_operators_change_what_they_say(name: str, example: Example) -> None:
    assert mutate_code(example.pre_mutation_code, operators()[name](), 0) == example.post_mutation_code


def test_only_what_runs_is_changed(module: Path) -> None:
    assert [mutant.difference() for mutant in mutants(module)] == [
        "- return g(size) if size else None\n+ return g(size) if not size else None",
        '- TABLE: "dict[int, str | None]" = {5: "x"}\n+ TABLE: "dict[int, str | None]" = { 6: "x"}',
        '- TABLE: "dict[int, str | None]" = {5: "x"}\n+ TABLE: "dict[int, str | None]" = { 4: "x"}',
        '- def f(size: "int | None" = 7) -> "str | None":\n+ def f(size: "int | None" = 8) -> "str | None":',
        '- def f(size: "int | None" = 7) -> "str | None":\n+ def f(size: "int | None" = 6) -> "str | None":',
        '- TABLE: "dict[int, str | None]" = {5: "x"}\n+ TABLE: "dict[int, str | None]" = {5: "XXx"}',
        '- name: str = "y"\n+ name: str = "XXy"',
    ]


def test_a_mutant_knows_the_lines_of_its_statement(module: Path) -> None:
    module.write_text("def f(a):\n    if (\n        a > 1\n    ):\n        return g(\n            a,\n            2,\n        )\n")
    lines = {mutant.operator: sorted(mutant.lines) for mutant in mutants(module)}
    assert lines["core/ReplaceComparisonOperator_Gt_GtE"] == [2, 3, 4]
    assert lines["core/NumberReplacer"] == [5, 6, 7, 8]


def test_changes_are_those_of_cosmic_ray() -> None:
    path = PACKAGE / "graph" / "spans.py"
    source = path.read_text()
    found = list(mutants(path))
    assert len(found) > 50
    assert [mutate_code(source, operators()[mutant.operator](), mutant.occurrence) for mutant in found] == [
        mutant.source for mutant in found
    ]
