"""Production is behind a CDN: no path leads from the internet to the load balancer."""

from typing import Any

from cloudpatterns_policies.controls.no_path import no_path
from cloudpatterns_policies.core import Fail, Pass, Resource, Stack
from offline_preview.graph import Graph
from offline_preview.wire import Requests

from tests.policies.helpers import verdicts
from tests.program import program_graph


def without_cdn() -> Graph:
    """Production with a load balancer that faces the internet."""
    # A section replaces values alone.
    return program_graph("prod", {"storefront": {"cdn": None}})


def reached(graph: Graph) -> list[Any]:
    stack = Stack.sent(Resource(message) for message in Requests(graph).analyze_stack().resources)
    statement = {"from": "internet", "to": "aws:lb/loadBalancer:LoadBalancer", "ports": "all"}
    return verdicts(no_path, stack, config={"statements": [statement]})


def test_the_internet_reaches_the_load_balancer_through_the_cdn_alone() -> None:
    assert reached(program_graph("prod")) == [("", Pass())]
    [(name, verdict)] = reached(without_cdn())
    assert name == "shop-web-lb"
    assert isinstance(verdict, Fail)


def test_exports_say_which_distribution_is_invalidated() -> None:
    outputs = program_graph("prod").one("pulumi:pulumi:Stack").outputs
    assert outputs["distribution_id"]
    assert outputs["url"] == "https://shop.example.com"
    assert "distribution_id" not in without_cdn().one("pulumi:pulumi:Stack").outputs
