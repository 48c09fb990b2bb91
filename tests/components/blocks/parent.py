"""A component whose children are what a test creates by a block."""

from collections.abc import Callable
from typing import Any, Literal, TypedDict

import pulumi
from cloudpatterns.core import Component
from offline_preview.graph import Graph

from tests.harness import record


class ParentArgs(TypedDict):
    """No arguments."""


class Parent(Component):
    """A component without children of its own."""

    def __init__(self, name: str, args: ParentArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self.begin(name, args, opts)
        self.register()


def children(create: Callable[[Parent], Any], mode: Literal["preview", "deployed"] = "deployed") -> Graph:
    """The graph of a component "shop" and of what is created in it; everything that a block creates must be its child."""
    graph = record(lambda: create(Parent("shop", {})), mode=mode)
    component = graph.one("cloudpatterns:index:Parent")
    strays = [one.name for one in graph.resources if one.name.startswith("shop-") and one.parent != component.urn]
    assert strays == []
    return graph


def names(graph: Graph) -> dict[str, str]:
    """Name to type, without the module, of what was created in the component."""
    return {one.name: one.type.split(":")[-1] for one in graph.children(graph.one("cloudpatterns:index:Parent").urn)}
