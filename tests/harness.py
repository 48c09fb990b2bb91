"""Records a component, or a whole program, for a test."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import offline_preview.record
from offline_preview.graph import Graph, Resource

REGION = "eu-west-1"


def record(
    program: Callable[[], Any], *, mode: Literal["preview", "deployed"] = "preview", config: Mapping[str, str] | None = None
) -> Graph:
    """The graph that ``program`` registers, with outputs unknown (``preview``) or invented (``deployed``)."""
    return offline_preview.record.record(program, deployed=mode == "deployed", config={"aws:region": REGION, **(config or {})})


def refs(graph: Graph, resource: Resource, *properties: str) -> list[str]:
    """Names of the resources that the given properties take values from."""
    return [target.name for target in graph.refs(resource, *properties)]
