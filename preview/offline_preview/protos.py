"""Pulumi's generated protobuf modules without the import of the whole SDK, which costs a quarter of a second at every start."""

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from offline_preview.errors import PreviewError

_PACKAGE = "offline_preview._pulumi_proto"


def load(name: str) -> ModuleType:
    """One module of ``pulumi.runtime.proto``, such as ``analyzer_pb2``. Raises ``PreviewError`` when Pulumi is not installed."""
    if _PACKAGE not in sys.modules:
        spec = importlib.util.find_spec("pulumi")
        if spec is None or not spec.submodule_search_locations:
            raise PreviewError("the Python package 'pulumi' is not installed with offline-preview. Fix: pip install pulumi")
        package = ModuleType(_PACKAGE)
        # The generated modules import each other relatively, so they work under any package name.
        package.__path__ = [str(Path(spec.submodule_search_locations[0]) / "runtime" / "proto")]
        sys.modules[_PACKAGE] = package
    return importlib.import_module(f"{_PACKAGE}.{name}")
