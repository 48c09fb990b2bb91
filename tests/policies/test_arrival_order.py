"""What the packs find, word for word and in the same order, does not depend on the order in which resources and dependencies arrive.

The engine sends both in an order of its own, which differs from run to run.
"""

import random
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from cloudpatterns_policies.core import discover
from cloudpatterns_policies.core.server import Analyzer
from offline_preview.graph import Graph
from offline_preview.wire import Requests
from pulumi.runtime.proto import analyzer_pb2

from tests.program import copy_project, folder_graph
from tests.test_broken_variants import VARIANTS

BROKEN = (
    "the database's port open to both halves of everybody",
    "SSH open to everybody over IPv6",
    "the database moved to a public subnet, public, with its port open to everybody",
)


def _graph(name: str, folder: Path, deployed: bool) -> Graph:
    return folder_graph(copy_project(folder, VARIANTS[name].before, VARIANTS[name].after), "dev", deployed=deployed)


def _found(analyzes: list[analyzer_pb2.AnalyzeRequest], stack: analyzer_pb2.AnalyzeStackRequest) -> list[tuple[object, ...]]:
    analyzer: Any = Analyzer("test", "1.0", discover(pack=None), date(2026, 1, 1))
    for request in analyzes:
        analyzer.Analyze(request, None)
    answer = analyzer.AnalyzeStack(stack, None)
    return [(one.policyName, one.urn, one.enforcementLevel, one.severity, one.message) for one in answer.diagnostics]


def _shuffled(stack: analyzer_pb2.AnalyzeStackRequest, dice: random.Random) -> analyzer_pb2.AnalyzeStackRequest:
    resources = list(stack.resources)
    dice.shuffle(resources)
    shuffled = analyzer_pb2.AnalyzeStackRequest(resources=resources)
    for resource in shuffled.resources:
        for urns in (resource.dependencies, *(value.urns for value in resource.propertyDependencies.values())):
            order = list(urns)
            dice.shuffle(order)
            urns[:] = order
    return shuffled


@pytest.mark.parametrize("deployed", [False, True], ids=["preview", "deployed"])
@pytest.mark.parametrize("name", BROKEN)
def test_findings_do_not_depend_on_the_order_of_arrival(name: str, deployed: bool, tmp_path: Path) -> None:
    graph = _graph(name, tmp_path / "project", deployed)
    requests = Requests(graph)
    analyzes, stack = [requests.analyze(resource) for resource in requests.resources()], requests.analyze_stack()
    expected = _found(analyzes, stack)
    assert "functional-firewall" in {policy for policy, *_ in expected}
    for seed in range(3):
        dice = random.Random(seed)
        shuffled = list(analyzes)
        dice.shuffle(shuffled)
        assert _found(shuffled, _shuffled(stack, dice)) == expected
