"""Programs of `examples/` as a policy pack sees them, whole or with a few words of them changed."""

import os
from collections.abc import Mapping
from pathlib import Path

import offline_preview.record
from cloudpatterns_policies.core import Resource, Stack
from offline_preview.project import load_project
from offline_preview.stack_config import load_stack_config
from offline_preview.wire import Requests

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


def example(folder: str, changes: Mapping[str, str] | None = None, *, after: str = "", deployed: bool = False) -> Stack:
    """The stack of an example. `changes` are texts of its program and what stands there instead; `after` are more lines at its end."""
    path = EXAMPLES / folder / "__main__.py"
    text = path.read_text(encoding="utf-8")
    for old, new in (changes or {}).items():
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {path}"
        text = text.replace(old, new)
    project = load_project(EXAMPLES / folder)
    program = compile(f"{text}\n{after}\n", os.fspath(path), "exec")
    graph = offline_preview.record.record(
        lambda: exec(program, {"__name__": "__main__"}),  # the example's own text, which the repository holds
        project=project.name,
        stack="dev",
        config=load_stack_config(project, "dev").values,
        deployed=deployed,
        root=os.fspath(EXAMPLES / folder),
    )
    return Stack(Resource(message) for message in Requests(graph).analyze_stack().resources)
