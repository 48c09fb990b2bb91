"""The project's own program, run in this process with the real stack files."""

import json
import os
import runpy
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import offline_preview.record
from offline_preview.graph import Graph
from offline_preview.project import load_project
from offline_preview.stack_config import load_stack_config

ROOT = Path(__file__).resolve().parents[1]
STACKS = ("dev", "prod")


def program_graph(stack: str, sections: Mapping[str, Mapping[str, Any]] | None = None) -> Graph:
    """What the program registers for a stack; ``sections`` replace settings of the stack file: ``{"network": {"dual_stack": True}}``."""
    project = load_project(ROOT)
    config = dict(load_stack_config(project, stack).values)
    for section, values in (sections or {}).items():
        key = f"{project.name}:{section}"
        config[key] = json.dumps({**json.loads(config[key]), **values})
    return offline_preview.record.record(
        lambda: runpy.run_path(os.fspath(ROOT / "__main__.py"), run_name="__main__"),
        project=project.name,
        stack=stack,
        config=config,
        deployed=True,
        root=os.fspath(ROOT),
    )


def copy_project(folder: Path, before: str = "", after: str = "") -> Path:
    """A project of its own in a folder: the program with more lines before or after it, its settings and stacks, and no packs."""
    folder.mkdir(exist_ok=True)
    for file in ("Pulumi.yaml", *(f"Pulumi.{stack}.yaml" for stack in STACKS)):
        shutil.copy(ROOT / file, folder)
    (folder / "settings").symlink_to(ROOT / "settings", target_is_directory=True)
    text = (ROOT / "__main__.py").read_text(encoding="utf-8")
    (folder / "__main__.py").write_text(f"{before}\n{text}\n{after}\n", encoding="utf-8")
    return folder
