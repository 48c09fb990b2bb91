"""Puts a copy of the packs' folders into the distribution, as data: ``cloudpatterns_policies.packs`` says where they are.

Everything else stands in ``pyproject.toml``. Only what is built holds the copy; in this folder there are the packs themselves.
"""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

FOLDERS = ("security", "operations", "acceptance", "launcher")
# No package is called like this, with a dash: the programs of the packs cannot be imported by accident.
COPY = Path("cloudpatterns_policies", "pack-folders")


class BuildWithPacks(build_py):
    """Builds the packages, and copies the packs into them."""

    def get_source_files(self) -> list[str]:
        """What a source distribution holds."""
        return [*super().get_source_files(), *map(str, _files())]

    def run(self) -> None:
        """Builds and copies; an editable installation uses the packs where they are."""
        super().run()
        if self.editable_mode:
            return
        for file in _files():
            copy = Path(self.build_lib) / COPY / file
            self.mkpath(str(copy.parent))
            # With its mode: the launcher is executable.
            self.copy_file(str(file), str(copy))


def _files() -> list[Path]:
    return sorted(file for name in FOLDERS for file in Path(name).rglob("*") if file.is_file() and "__pycache__" not in file.parts)


setup(cmdclass={"build_py": BuildWithPacks})
