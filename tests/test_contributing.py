"""The pattern that CONTRIBUTING.md shows is whole: its two files work as they stand there."""

import ast
import importlib.util
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import cloudpatterns.operations
import pytest
from cloudpatterns.core import Component
from cloudpatterns.plugin.schema import DescribingAnalyzer

from tests.components.test_shape import CHECKS, catalogue_problems

ROOT = Path(__file__).resolve().parents[1]
PATTERN, TEST = re.findall(r"```python\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.DOTALL)[:2]


def load(name: str, path: Path, text: str) -> ModuleType:
    path.write_text(text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ModuleType, ModuleType]]:
    """The pattern, public in its subpackage, and its test."""
    folder = tmp_path_factory.mktemp("contributing")
    pattern = load("cloudpatterns.operations.error_log", folder / "error_log.py", PATTERN)
    public: Any = cloudpatterns.operations
    public.ErrorLog = pattern.ErrorLog
    yield pattern, load("test_error_log", folder / "test_error_log.py", TEST)
    del public.ErrorLog, sys.modules["cloudpatterns.operations.error_log"], sys.modules["test_error_log"]


def cases(test: Callable[..., None]) -> Iterator[tuple[Any, ...]]:
    marks = [mark for mark in getattr(test, "pytestmark", []) if mark.name == "parametrize"]
    yield from marks[0].args[1] if marks else [()]


def test_its_tests_pass(files: tuple[ModuleType, ModuleType]) -> None:
    tests = [one for name, one in vars(files[1]).items() if name.startswith("test_")]
    assert len(tests) == 3
    for test in tests:
        for case in cases(test):
            test(*case)


def test_its_component_has_a_schema_with_defaults_and_limits(files: tuple[ModuleType, ModuleType]) -> None:
    component: type[Component] = files[0].ErrorLog
    found = DescribingAnalyzer("cloudpatterns").analyze([component])["component_definitions"]["ErrorLog"]
    assert found.inputs["mostErrors"].description == ("Errors in five minutes above which the alarm is raised. Default: 0; 0 to 1,000,000.")
    assert found.inputs["tags"].optional
    # Its test stands in the document alone.
    assert catalogue_problems(component) == [
        "Proven by of ErrorLog names test_error_log.py, which is neither a control nor a test file",
        "Proven by of ErrorLog names no test file",
    ]
    tree = ast.parse(PATTERN)
    assert [list(check(tree)) for check in CHECKS] == [[] for _ in CHECKS]
