"""Installed packages: whether `pip install` changed them, or a virtual environment is gone, back or another one."""

import os
import site
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_LIBRARIES: Final = ("lib/python*/site-packages", "Lib/site-packages")
_CHECK_SECONDS: Final = 60.0


class Environments:
    """Virtual environments, and other folders of installed packages, that are looked at again and again."""

    def __init__(self) -> None:
        self._folders: set[Path] = set()
        self._stamps: dict[str, tuple[int, int] | None] = {}

    def follow(self, environments: Iterable[Path], libraries: Iterable[str]) -> None:
        """Looks at these as well, as they are now: environments, which need not be there, and folders of packages."""
        self._folders |= {Path(sys.prefix), *environments}
        for path in {*_own_libraries(), *libraries, *self._within()}:
            self._stamps.setdefault(path, _stamp(path))

    def changed(self) -> bool:
        """Whether a package was installed or removed, or an environment is gone or back, since the last call."""
        # What is gone stays known, to be seen when it is back; what is new in an environment that was gone is a change.
        now = {path: _stamp(path) for path in {*self._stamps, *self._within()}}
        before, self._stamps = self._stamps, now
        return now != before

    def _within(self) -> set[str]:
        found = {str(folder / "pyvenv.cfg") for folder in self._folders}
        return found | {str(path) for folder in self._folders for pattern in _LIBRARIES for path in folder.glob(pattern)}


def usable() -> bool:
    """Whether a new process of this interpreter has this package and what it needs."""
    command = [sys.executable, "-P", "-c", "import offline_preview.cli, offline_preview.engine_service, offline_preview.reports.terminal"]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=_CHECK_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _own_libraries() -> set[str]:
    paths = sysconfig.get_paths()
    return {paths["purelib"], paths["platlib"], *([site.getusersitepackages()] if site.ENABLE_USER_SITE else [])}


def _stamp(path: str) -> tuple[int, int] | None:
    """When entries of a folder were added or removed last, and which folder it is; None where there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino
