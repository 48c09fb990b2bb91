"""Every folder of `examples/` is a whole program, named after its pattern or its use, that runs and makes what it shows."""

import pytest
from offline_preview.graph import Graph
from offline_preview.project import load_project

from tests.program import ROOT, folder_graph

EXAMPLES = ROOT / "examples"
FOLDERS = sorted(folder.name for folder in EXAMPLES.iterdir() if (folder / "Pulumi.yaml").is_file())
STACK = "dev"
# The patterns of folders that show several, or one in a second way.
SHOWN = {"container_worker": ("QueueWorker", "PriorityQueue", "ContainerService")}


def run(folder: str, *, deployed: bool) -> Graph:
    """What the example registers, with the settings of its own stack file."""
    return folder_graph(EXAMPLES / folder, STACK, deployed=deployed)


def test_there_are_examples() -> None:
    assert {"floating_ip", "management_network", "multi_load_balancer"} <= set(FOLDERS)
    assert [folder.name for folder in EXAMPLES.iterdir() if (folder / "__main__.py").is_file() and folder.name not in FOLDERS] == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_an_example_is_a_project_of_its_own(folder: str) -> None:
    assert load_project(EXAMPLES / folder).name == f"example-{folder.replace('_', '-')}"


@pytest.mark.parametrize("deployed", [False, True], ids=["preview", "deployed"])
@pytest.mark.parametrize("folder", FOLDERS)
def test_an_example_runs_and_shows_its_pattern(folder: str, deployed: bool) -> None:
    graph = run(folder, deployed=deployed)
    for pattern in SHOWN.get(folder, ("".join(word.capitalize() for word in folder.split("_")),)):
        assert graph.of_type(f"cloudpatterns:index:{pattern}"), pattern
    urns = [resource.urn for resource in graph.resources]
    assert len(urns) == len(set(urns))
    assert graph.outputs
