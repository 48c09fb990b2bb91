"""Saved files: what changed under some folders, by the library ``watchfiles`` where it is installed, else by looking again and again."""

import contextlib
import hashlib
import importlib
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

_IGNORED: Final = frozenset({"__pycache__", "node_modules", "site-packages", "venv", "build", "dist"})
_ENDINGS: Final = (".pyc", ".swp", ".swx", ".tmp", "~")
_LOOK_SECONDS: Final = 0.2
_SETTLE_MILLISECONDS: Final = 30
"""What an editor, or a formatter after it, writes within this time is one save."""


def kept(path: str) -> bool:
    """Whether a path, relative to a watched folder, is of interest: neither hidden, nor compiled, nor an editor's own."""
    parts = path.split(os.sep)
    return not (any(part.startswith(".") or part in _IGNORED for part in parts) or parts[-1].endswith(_ENDINGS) or parts[-1] == "4913")


class Saves:
    """The files under some folders; ``changed`` is called after each change, in another thread. ``close`` ends it."""

    def __init__(self, folders: Iterable[Path], ignored: Iterable[Path], changed: Callable[[], None]) -> None:
        existing = sorted({folder.resolve() for folder in folders if folder.is_dir()})
        self._folders = [folder for folder in existing if not any(folder != other and folder.is_relative_to(other) for other in existing)]
        self._ignored = {str(path.resolve()) for path in ignored}
        self._stop = threading.Event()
        self._stats = self._look()
        self._digests: dict[str, str] = {}
        self._thread = threading.Thread(target=self._wait, args=(changed,), daemon=True)
        self._thread.start()

    def changes(self) -> set[Path]:
        """The files that have changed, appeared or gone since the last call: whose content has, not only the time of it."""
        before, self._stats = self._stats, self._look()
        found = {path for path in before.keys() | self._stats.keys() if before.get(path) != self._stats.get(path)}
        return {Path(path) for path in found if self._differs(path)}

    def close(self) -> None:
        """Ends the watch."""
        self._stop.set()
        self._thread.join(timeout=5)

    def _differs(self, path: str) -> bool:
        before = self._digests.get(path)
        try:
            now = hashlib.sha256(Path(path).read_bytes()).hexdigest()
        except OSError:
            now = ""
        self._digests[path] = now
        return before != now

    def _look(self) -> dict[str, tuple[int, int, int]]:
        return {path: stat for folder in self._folders for path, stat in _files(str(folder), str(folder)) if path not in self._ignored}

    def _wait(self, changed: Callable[[], None]) -> None:
        try:
            watchfiles: Any = importlib.import_module("watchfiles")
        except ImportError:
            self._poll(changed)
            return

        def wanted(_change: Any, path: str) -> bool:
            return path not in self._ignored and any(
                kept(os.path.relpath(path, folder)) for folder in self._folders if _below(path, folder)
            )

        # It would raise what interrupts the command in this thread.
        for _ in watchfiles.watch(
            *self._folders, watch_filter=wanted, step=_SETTLE_MILLISECONDS, stop_event=self._stop, rust_timeout=500, raise_interrupt=False
        ):
            changed()

    def _poll(self, changed: Callable[[], None]) -> None:
        before = self._stats
        while not self._stop.wait(_LOOK_SECONDS):
            now = self._look()
            if now != before:
                before = now
                changed()


def _below(path: str, folder: Path) -> bool:
    return path.startswith(f"{folder}{os.sep}")


def _files(folder: str, root: str) -> Iterator[tuple[str, tuple[int, int, int]]]:
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if not kept(os.path.relpath(entry.path, root)):
                continue
            with contextlib.suppress(OSError):
                if entry.is_dir(follow_symlinks=False):
                    yield from _files(entry.path, root)
                else:
                    stat = entry.stat()
                    yield entry.path, (stat.st_mtime_ns, stat.st_size, stat.st_ino)
