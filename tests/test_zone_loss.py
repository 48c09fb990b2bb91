"""Losing a zone, proved on the graphs of our own stacks: production keeps a member of each tier and a target of each route."""

import pytest
from cloudpatterns_policies.controls.availability import zone_loss
from cloudpatterns_policies.core import Fail, NotApplicable, Resource, Stack, Unknown
from offline_preview.graph import Graph
from offline_preview.wire import Requests

from tests.policies.helpers import verdicts
from tests.program import ROOT, folder_graph, program_graph


def judged(graph: Graph) -> dict[str, object]:
    """The verdict on each tier and each route by its name."""
    found = verdicts(zone_loss, Stack.sent(Resource(message) for message in Requests(graph).analyze_stack().resources))
    return {name: verdict for name, verdict in found if not isinstance(verdict, NotApplicable)}


@pytest.mark.parametrize("deployed", [False, True], ids=["preview", "deployed"])
def test_production_survives_the_loss_of_each_zone(deployed: bool) -> None:
    found = judged(folder_graph(ROOT, "prod", deployed=deployed))
    assert {name: verdict for name, verdict in found.items() if isinstance(verdict, Fail | Unknown)} == {}
    # Each tier of the storefront and each zone's route is among what was judged.
    assert {"shop-origin-lb", "shop-app-group", "shop-db-cluster", "shop-cache-cache"} <= found.keys()
    assert {f"nat-eu-west-1{letter}" for letter in "abc"} <= found.keys()


def test_development_is_reported() -> None:
    found = judged(program_graph("dev"))
    lost = {name: verdict.message for name, verdict in found.items() if isinstance(verdict, Fail)}
    assert lost == {
        "nat-eu-west-1b": "leads eu-west-1b to network interface nat-interface in eu-west-1a: with eu-west-1a, eu-west-1b lose it",
        "shop-cache-cache": "has no replica that takes over: with its zone, the cache is empty and away",
        "shop-db-instance": "has no standby in a second zone: with its zone, the data cannot be reached",
    }
