"""The stack files of twenty cells: as their script writes them, each loads, and together they are one service.

That all of them are clean under the packs is one command: ``offline-preview --config-file 'examples/stacks/cells/Pulumi.*.yaml'``.
"""

import json
import runpy
from collections import Counter
from typing import Any

import pytest
from offline_preview.project import load_project
from offline_preview.stack_config import load_stack_config

import settings
from tests.program import ROOT

FOLDER = ROOT / "examples" / "stacks" / "cells"
SCRIPT = runpy.run_path(str(FOLDER / "write.py"))
FILES: dict[str, str] = SCRIPT["files"](json.loads((FOLDER / "shared.json").read_text(encoding="utf-8")))


def config(name: str) -> dict[str, str]:
    project = load_project(ROOT)
    stack = name.removeprefix("Pulumi.").removesuffix(".yaml")
    return dict(load_stack_config(project, stack, file=FOLDER / name).values)


def section(name: str) -> Any:
    return json.loads(config(name)["cloudpatterns:global_service"])


@pytest.fixture(scope="module")
def cells() -> dict[str, Any]:
    """The section of each cell's stack by the cell's name."""
    found = [section(name) for name in FILES]
    return {name: one for one in found for name in one["cells"]}


def test_the_files_are_as_the_script_writes_them() -> None:
    files = {file.name: file.read_text(encoding="utf-8") for file in FOLDER.glob("Pulumi.prod-cell-c*.yaml")}
    assert files == FILES


def test_there_are_twenty_cells_in_four_regions_and_a_stack_of_what_they_share(cells: dict[str, Any]) -> None:
    regions = Counter(one["cells"][cell]["region"] for cell, one in cells.items())
    assert (len(cells), sorted(regions.values())) == (20, [5, 5, 5, 5])
    shared = section("Pulumi.prod-cell-all.yaml")
    assert {shared["table"]["region"], *shared["table"]["replica_regions"]} == set(regions)
    assert shared["table"]["partition_key"] == next(iter(cells.values()))["existing_table"]["partition_key"]


def test_what_they_share_is_deployed_before_them() -> None:
    # A workflow deploys stacks of one environment in the order of their names.
    assert sorted(["prod-cell-all", *(name.split(".")[1] for name in FILES)])[0] == "prod-cell-all"


def test_the_cells_of_a_partition_know_each_other(cells: dict[str, Any]) -> None:
    for cell, one in cells.items():
        partition = one["cells"][cell]["partition"]
        others = {
            name: {"region": other["cells"][name]["region"], "partition": partition}
            for name, other in cells.items()
            if name != cell and other["cells"][name]["partition"] == partition
        }
        assert one["other_cells"] == others


def test_the_account_role_for_logs_is_created_once_in_a_region(cells: dict[str, Any]) -> None:
    creating = [one["cells"][cell]["region"] for cell, one in cells.items() if one["cells"][cell]["account_logging_role"] == "create"]
    assert len(creating) == len(set(creating)) == 4


@pytest.mark.parametrize("name", ["Pulumi.prod-cell-all.yaml", *FILES])
def test_each_file_is_a_stack(name: str) -> None:
    values = config(name)
    found = settings.parse(values, name.split(".")[1])
    assert [system.section for system in found.systems] == ["global_service"]
