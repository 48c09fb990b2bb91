"""Records a component, or a whole program, for a test."""

import contextvars
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import offline_preview.record
from offline_preview.graph import Graph, Resource

REGION = "eu-west-1"


def record(
    program: Callable[[], Any], *, mode: Literal["preview", "deployed"] = "preview", config: Mapping[str, str] | None = None
) -> Graph:
    """The graph that ``program`` registers, with outputs unknown (``preview``) or invented (``deployed``)."""
    return record_with(program, deployed=mode == "deployed", config={"aws:region": REGION, **(config or {})})


def record_with(program: Callable[[], Any], **options: Any) -> Graph:
    """As ``offline_preview.record.record``, in a thread of its own.

    The SDK reads the whole stack of calls at each resource. In a thread it begins here, without pytest's forty frames.
    """
    context = contextvars.copy_context()
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(lambda: context.run(lambda: offline_preview.record.record(program, **options))).result()


def refs(graph: Graph, resource: Resource, *properties: str) -> list[str]:
    """Names of the resources that the given properties take values from."""
    return [target.name for target in graph.refs(resource, *properties)]
