"""Whole programs, the project's own above all, run in this process with their real stack files."""

import json
import os
import runpy
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from offline_preview.graph import Graph
from offline_preview.project import load_project
from offline_preview.stack_config import load_stack_config

from tests.harness import record_with

ROOT = Path(__file__).resolve().parents[1]
STACKS = ("dev", "prod")


def program_graph(stack: str, sections: Mapping[str, Mapping[str, Any]] | None = None) -> Graph:
    """What the program registers for a stack; ``sections`` replace settings of the stack file: ``{"network": {"dual_stack": True}}``."""
    return folder_graph(ROOT, stack, deployed=True, sections=sections)


def folder_graph(
    folder: Path,
    stack: str,
    *,
    deployed: bool,
    sections: Mapping[str, Mapping[str, Any]] | None = None,
    program: Callable[[], Any] | None = None,
) -> Graph:
    """What the project of a folder registers for a stack; ``program`` is run in place of its ``__main__.py``."""
    project = load_project(folder)
    config = dict(load_stack_config(project, stack).values)
    for section, values in (sections or {}).items():
        key = f"{project.name}:{section}"
        config[key] = json.dumps({**json.loads(config.get(key, "{}")), **values})
    return record_with(
        program or (lambda: runpy.run_path(os.fspath(folder / "__main__.py"), run_name="__main__")),
        project=project.name,
        stack=stack,
        config=config,
        deployed=deployed,
        root=os.fspath(folder),
    )


def copy_project(folder: Path, before: str = "", after: str = "") -> Path:
    """A project of its own in a folder: the program with more lines before or after it, its settings and stacks, and no packs."""
    folder.mkdir(exist_ok=True)
    for file in ("Pulumi.yaml", *(f"Pulumi.{stack}.yaml" for stack in STACKS)):
        shutil.copy(ROOT / file, folder)
    for package in ("settings", "program"):
        (folder / package).symlink_to(ROOT / package, target_is_directory=True)
    text = (ROOT / "__main__.py").read_text(encoding="utf-8")
    (folder / "__main__.py").write_text(f"{before}\n{text}\n{after}\n", encoding="utf-8")
    return folder
