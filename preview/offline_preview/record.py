"""Runs a Pulumi program, given as a function, under the recording monitor, in this process.

The child process of a preview uses it for a whole program, tests for one component.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

import pulumi
from pulumi.runtime import settings as runtime_settings
from pulumi.runtime._callbacks import _CallbackServicer

from offline_preview.graph import Graph
from offline_preview.monitor import RecordingMonitor

_P = ParamSpec("_P")
_T = TypeVar("_T")


class _InlineExecutor(ThreadPoolExecutor):
    """Runs work immediately, in the caller's thread: the monitor answers from memory, so threads would only make the order random.

    Transforms are the exception: the monitor then waits for the program's own event loop, which must be able to respond.
    """

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        """Runs ``fn`` and returns its finished future."""
        if _CallbackServicer._servicers:
            return super().submit(fn, *args, **kwargs)
        future: Future[_T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:  # any exception is passed to the caller through the future
            future.set_exception(error)
        return future


def record(
    program: Callable[[], Any],
    *,
    project: str = "project",
    stack: str = "test",
    organization: str = "organization",
    config: Mapping[str, str] | None = None,
    config_secret_keys: frozenset[str] = frozenset(),
    deployed: bool = False,
    stack_references: Mapping[str, Mapping[str, Any]] | None = None,
    root: str = "",
) -> Graph:
    """The graph that ``program`` registers.

    ``config`` has full keys (``aws:region``); structured values are JSON text, as the CLI hands them over.
    ``deployed`` invents the outputs that AWS would compute, otherwise they are unknown. What the program raises passes through.
    """
    values = dict(config or {})
    monitor = RecordingMonitor(
        project,
        stack,
        organization=organization,
        deployed=deployed,
        region=values.get("aws:region", "us-east-1"),
        config=values,
        config_secret_keys=config_secret_keys,
        stack_references=stack_references,
        root=root,
    )
    pulumi.runtime.set_all_config(values, sorted(config_secret_keys))
    runtime_settings.ROOT.set(None)
    pulumi.runtime.configure(
        pulumi.runtime.Settings(
            project=project,
            stack=stack,
            organization=organization,
            dry_run=True,
            monitor=monitor,
            engine=monitor,
            root_directory=root or None,
        )
    )
    # A program that fails leaves unresolved futures; asyncio would report each of them.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    executor = _InlineExecutor()
    loop.set_default_executor(executor)
    try:
        loop.run_until_complete(pulumi.runtime.run_in_stack(program))
    finally:
        executor.shutdown(wait=True)
        loop.close()
    return monitor.graph
