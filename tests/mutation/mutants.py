"""The mutants of one module."""

import ast
import os
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any, Final

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.operators.operator import Operator
from parso.tree import NodeOrLeaf

from tests.mutation.operators import is_metadata, operators

ROOT: Final = Path(__file__).resolve().parents[2]
NAME: Final = os.environ.get("MUTATION_PACKAGE", "policies")
"""Which of the packages of ``[tool.mutation]``."""
SETTINGS: Final[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mutation"][NAME]
STATE: Final = ROOT / ".mutants" / NAME
PACKAGE: Final = ROOT / SETTINGS["package"]


@dataclass(frozen=True, eq=False, slots=True)
class Mutant:
    """One module with one change."""

    path: Path
    operator: str
    occurrence: int
    start: tuple[int, int]
    end: tuple[int, int]
    lines: frozenset[int]
    """Of the statement that is changed; a test that runs none of them cannot tell the mutant."""
    source: str
    """The whole module, changed."""
    code: CodeType
    """The same, compiled."""

    def difference(self) -> str:
        """The changed lines, before and after."""
        before, after = self.path.read_text().splitlines(), self.source.splitlines()
        first = next((index for index, (old, new) in enumerate(zip(before, after, strict=False)) if old != new), 0)
        kept = next((back for back, (old, new) in enumerate(zip(reversed(before), reversed(after), strict=False)) if old != new), 0)
        old, new = before[first : len(before) - kept], after[first : len(after) - kept]
        return "\n".join([*(f"- {line.strip()}" for line in old), *(f"+ {line.strip()}" for line in new if line.strip())])


def mutants(path: Path) -> Iterator[Mutant]:
    """All mutants of the module that compile to something else. Decorators, annotations and docstrings have none, see `is_metadata`."""
    source = path.read_text()
    code = compiled(path)
    tree = get_ast(source)
    statements = _statements(ast.parse(source))
    for name, make in operators().items():
        operator = make()
        occurrence = -1
        for node in list(ast_nodes(tree)):
            for index, (start, end) in enumerate(operator.mutation_positions(node)):
                occurrence += 1
                if is_metadata(node):
                    continue
                changed = _changed(tree, node, operator, index)
                try:
                    after = compile(changed, os.fspath(path), "exec")
                except SyntaxError:
                    continue
                if after != code:
                    yield Mutant(path, name, occurrence, start, end, _lines(statements, start[0]), changed, after)


@cache
def compiled(path: Path) -> CodeType:
    """The module as it is."""
    return compile(path.read_text(), os.fspath(path), "exec")


def _changed(tree: NodeOrLeaf, node: NodeOrLeaf, operator: Operator, index: int) -> str:
    """The source with one change. The tree is as it was afterwards: to parse it again for every mutant would take most of the time."""
    parent = node.parent
    near: list[Any] = [node, *getattr(node, "children", ())]
    before = [(item, getattr(item, "value", None), list(getattr(item, "children", ()))) for item in near]
    siblings = list(parent.children) if parent is not None else []
    changed = operator.mutate(node, index)
    if parent is not None:
        parent.children[siblings.index(node)] = changed
    source = tree.get_code()
    for item, value, children in before:
        if value is not None:
            item.value = value
        if children:
            item.children = children
    if parent is not None:
        parent.children = siblings
    return source


def _statements(tree: ast.Module) -> list[tuple[int, int]]:
    """First and last line of every statement; of a compound one, of its head."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt | ast.excepthandler):
            body = getattr(node, "body", None)
            last = body[0].lineno - 1 if isinstance(body, list) and body else node.end_lineno or node.lineno
            found.append((node.lineno, max(node.lineno, last)))
    return found


def _lines(statements: list[tuple[int, int]], line: int) -> frozenset[int]:
    around = [(last - first, first, last) for first, last in statements if first <= line <= last]
    _, first, last = min(around, default=(0, line, line))
    return frozenset(range(first, last + 1))
