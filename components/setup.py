"""Puts a copy of the runtime library into the distribution, as data: the block ``runtime_layer`` makes a Lambda layer of it.

Everything else stands in ``pyproject.toml``. Only what is built holds the copy; in this folder there is the library itself.
"""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

LIBRARY = Path("runtime", "cloudpatterns_runtime")
# No package is called like this, with a dash: the copy cannot be imported, and so taken for an installed cloudpatterns-runtime.
COPY = Path("cloudpatterns", "runtime-copy")


class BuildWithRuntime(build_py):
    """Builds the packages, and copies the runtime library into them."""

    def get_source_files(self) -> list[str]:
        """What a source distribution holds."""
        return [*super().get_source_files(), *map(str, _files())]

    def run(self) -> None:
        """Builds and copies; an editable installation uses the library where it is."""
        super().run()
        if self.editable_mode:
            return
        for file in _files():
            copy = Path(self.build_lib) / COPY / file.relative_to(LIBRARY.parent)
            self.mkpath(str(copy.parent))
            self.copy_file(str(file), str(copy))


def _files() -> list[Path]:
    return sorted(LIBRARY.rglob("*.py"))


setup(cmdclass={"build_py": BuildWithRuntime})
