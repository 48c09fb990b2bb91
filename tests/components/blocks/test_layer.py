"""The layer of the runtime library: what AWS is given, and that it works where there is nothing else."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import cloudpatterns_runtime
import pytest
from cloudpatterns.blocks import layer, runtime_layer
from cloudpatterns.core import Component
from offline_preview.graph import Resource

from tests.harness import record

LIBRARY = Path(cloudpatterns_runtime.__file__).parent


class Guarded(Component):
    """Some component with a layer."""

    def __init__(self, name: str, **options: Any) -> None:
        super().__init__("Guarded", name)
        runtime_layer(self, f"{name}-runtime", **options)


def make(**options: Any) -> Resource:
    graph = record(lambda: Guarded("orders", **options))
    found = graph.one("aws:lambda/layerVersion:LayerVersion")
    assert found.parent == graph.one("cloudpatterns:index:Guarded").urn
    return found


def assets(resource: Resource) -> dict[str, Path]:
    return {name: Path(asset["path"]) for name, asset in resource.inputs["code"]["assets"].items()}


def test_a_version_of_a_layer_for_every_python_that_the_library_supports() -> None:
    version = make()
    assert version.name == "orders-runtime"
    assert {name: value for name, value in version.inputs.items() if name != "code"} == {
        "layerName": "orders-runtime",
        "description": f"cloudpatterns_runtime {cloudpatterns_runtime.__version__}",
        "licenseInfo": "Apache-2.0",
        "compatibleRuntimes": ["python3.11", "python3.12", "python3.13", "python3.14"],
        "compatibleArchitectures": ["arm64", "x86_64"],
        "skipDestroy": False,
    }


def test_old_versions_are_kept_on_demand() -> None:
    assert make(skip_destroy=True).inputs["skipDestroy"] is True


def test_it_holds_the_modules_of_the_library_and_nothing_else() -> None:
    expected = {f"python/cloudpatterns_runtime/{file.relative_to(LIBRARY)}": file for file in LIBRARY.rglob("*.py")}
    assert {"python/cloudpatterns_runtime/__init__.py", "python/cloudpatterns_runtime/retry.py"} <= expected.keys()
    assert assets(make()) == expected


def test_a_wheel_takes_its_own_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = tmp_path / "cloudpatterns_runtime"
    copy.mkdir()
    (copy / "__init__.py").write_text('"""A library."""\n\n__version__ = "1.2.3"\n', encoding="utf-8")
    monkeypatch.setattr(layer, "_COPY", copy)
    version = make()
    assert version.inputs["description"] == "cloudpatterns_runtime 1.2.3"
    assert assets(version) == {"python/cloudpatterns_runtime/__init__.py": copy / "__init__.py"}


PROGRAM = """\
import sys
sys.path.insert(0, sys.argv[1])
import cloudpatterns_runtime
from cloudpatterns_runtime.retry import Deadline, Retry

class Context:
    def get_remaining_time_in_millis(self):
        return 30_000

waits = []
errors = [TimeoutError(), ConnectionError()]

def answer():
    if errors:
        raise errors.pop()
    return "answered"

print(cloudpatterns_runtime.__file__)
print(Retry(sleep=waits.append).before(Deadline.of(Context())).call(answer), len(waits))
"""


def test_what_it_holds_works_in_a_python_without_any_other_package(tmp_path: Path) -> None:
    """Lambda puts a layer's folder ``python`` on the path."""
    for name, file in assets(make()).items():
        target = tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", PROGRAM, str(tmp_path / "python")], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == [str(tmp_path / "python" / "cloudpatterns_runtime" / "__init__.py"), "answered 2"]
