"""Programs of `examples/` as a policy pack sees them, whole or with a few words of them changed."""

import os
from collections.abc import Mapping

from cloudpatterns_policies.core import Resource, Stack
from offline_preview.wire import Requests

from tests.program import ROOT, folder_graph

EXAMPLES = ROOT / "examples"


def example(folder: str, changes: Mapping[str, str] | None = None, *, after: str = "", deployed: bool = False) -> Stack:
    """The stack of an example. `changes` are texts of its program and what stands there instead; `after` are more lines at its end."""
    path = EXAMPLES / folder / "__main__.py"
    text = path.read_text(encoding="utf-8")
    for old, new in (changes or {}).items():
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {path}"
        text = text.replace(old, new)
    program = compile(f"{text}\n{after}\n", os.fspath(path), "exec")
    # The example's own text, which the repository holds.
    graph = folder_graph(
        EXAMPLES / folder,
        "dev",
        deployed=deployed,
        program=lambda: exec(program, {"__name__": "__main__", "__file__": str(EXAMPLES / folder / "__main__.py")}),
    )
    return Stack(Resource(message) for message in Requests(graph).analyze_stack().resources)
