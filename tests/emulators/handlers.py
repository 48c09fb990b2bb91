"""Loads the code that runs in AWS, as Lambda does: from a file, anew for each test."""

import importlib.util
from pathlib import Path
from types import ModuleType


def load_handler(file: Path) -> ModuleType:
    """The module of a handler, executed with the environment that the test has set."""
    spec = importlib.util.spec_from_file_location(f"{file.parent.name}_{file.stem}", file)
    assert spec, file
    assert spec.loader, file
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
