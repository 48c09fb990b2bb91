"""Every folder of `examples/` is a whole program, named after its pattern, that runs and makes what it shows."""

import os
import runpy
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml
from offline_preview.graph import Graph

from tests.harness import record

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
FOLDERS = sorted(folder.name for folder in EXAMPLES.iterdir() if folder.is_dir() and not folder.name.startswith((".", "_")))
Mode = Literal["preview", "deployed"]


def config(folder: str) -> dict[str, str]:
    """What the example's own stack files set, if it has some."""
    found: dict[str, Any] = {}
    for file in sorted((EXAMPLES / folder).glob("Pulumi.*.yaml")):
        found |= yaml.safe_load(file.read_text(encoding="utf-8"))["config"]
    return found


def run(folder: str, mode: Mode) -> Graph:
    program = os.fspath(EXAMPLES / folder / "__main__.py")
    return record(lambda: runpy.run_path(program, run_name="__main__"), mode=mode, config=config(folder))


def test_there_are_examples() -> None:
    assert {"floating_ip"} <= set(FOLDERS)


@pytest.mark.parametrize("folder", FOLDERS)
def test_an_example_is_a_project_of_its_own(folder: str) -> None:
    project = yaml.safe_load((EXAMPLES / folder / "Pulumi.yaml").read_text(encoding="utf-8"))
    assert project["name"] == f"example-{folder.replace('_', '-')}"
    assert project["description"]
    runtime = project["runtime"]
    assert (runtime["name"] if isinstance(runtime, dict) else runtime) == "python"


@pytest.mark.parametrize("mode", ["preview", "deployed"])
@pytest.mark.parametrize("folder", FOLDERS)
def test_an_example_runs_and_shows_its_pattern(folder: str, mode: Mode) -> None:
    graph = run(folder, mode)
    pattern = "".join(word.capitalize() for word in folder.split("_"))
    assert graph.of_type(f"cloudpatterns:index:{pattern}")
    names = [resource.urn for resource in graph.resources]
    assert len(names) == len(set(names))
    assert graph.outputs
