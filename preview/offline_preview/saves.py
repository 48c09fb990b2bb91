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

Stat = tuple[int, int, int]


def kept(path: str) -> bool:
    """Whether a path, relative to a watched folder, is of interest: neither hidden, nor compiled, nor an editor's own."""
    parts = path.split(os.sep)
    return not (any(part.startswith(".") or part in _IGNORED for part in parts) or parts[-1].endswith(_ENDINGS) or parts[-1] == "4913")


class Saves:
    """The files under some folders; ``changed`` is called after each change, in another thread. ``close`` ends it.

    ``tell`` gets one line when the system cannot report changes, in the same thread; the files are then looked at again and again.
    """

    def __init__(
        self,
        folders: Iterable[Path],
        ignored: Iterable[Path],
        changed: Callable[[], None],
        tell: Callable[[str], None] = lambda _line: None,
    ) -> None:
        wanted = {folder.resolve() for folder in folders}
        self._places = {folder: _identity(folder) for folder in wanted}
        existing = sorted(folder for folder in wanted if self._places[folder] is not None)
        self._folders = [folder for folder in existing if not any(folder != other and folder.is_relative_to(other) for other in existing)]
        self._ignored = {str(path.resolve()) for path in ignored}
        self._changed, self._tell = changed, tell
        self._stop = threading.Event()
        self._stats = self._look()
        self._digests: dict[str, str] = {}
        self._thread = threading.Thread(target=self._wait, daemon=True)
        self._thread.start()

    def changes(self) -> set[Path]:
        """The files that have changed, appeared or gone since the last call: whose content has, not only the time of it."""
        before, self._stats = self._stats, self._look()
        found = {path for path in before.keys() | self._stats.keys() if before.get(path) != self._stats.get(path)}
        return {Path(path) for path in found if self._differs(path)}

    @property
    def stale(self) -> bool:
        """Whether a folder is gone, back, or another one of the same name. Nothing is reported from there: it needs another ``Saves``."""
        return any(_identity(folder) != before for folder, before in self._places.items())

    def close(self) -> None:
        """Ends the watch."""
        self._stop.set()
        self._thread.join(timeout=5)

    def _differs(self, path: str) -> bool:
        before = self._digests.get(path)
        try:
            with open(path, "rb") as file:
                now = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            now = ""
        self._digests[path] = now
        return before != now

    def _look(self) -> dict[str, Stat]:
        seen: set[tuple[int, int]] = set()
        files = (file for folder in self._folders for file in _files(str(folder), str(folder), seen))
        return {path: stat for path, stat in files if path not in self._ignored}

    def _wait(self) -> None:
        try:
            watchfiles: Any = importlib.import_module("watchfiles")
        except ImportError:
            self._poll()
            return
        try:
            self._listen(watchfiles)
        except Exception as error:
            # Such as the system's limit of watched folders, or one that has gone just now.
            if not self.stale and not self._stop.is_set():
                reason = " ".join(str(error).split())
                self._tell(
                    f"the system cannot report saves ({reason}), so the files are looked at five times a second."
                    " On Linux, raise fs.inotify.max_user_watches or max_user_instances."
                )
            self._poll()

    def _listen(self, watchfiles: Any) -> None:
        def wanted(_change: Any, path: str) -> bool:
            return path not in self._ignored and any(
                kept(os.path.relpath(path, folder)) for folder in self._folders if _below(path, folder)
            )

        first = True
        # It would raise what interrupts the command in this thread.
        for found in watchfiles.watch(
            *self._folders,
            watch_filter=wanted,
            step=_SETTLE_MILLISECONDS,
            stop_event=self._stop,
            rust_timeout=500,
            yield_on_timeout=True,
            raise_interrupt=False,
        ):
            # What was saved before the system began to report is found by looking, once.
            if found or (first and self._look() != self._stats):
                self._changed()
            first = False

    def _poll(self) -> None:
        before = self._stats
        while not self._stop.wait(_LOOK_SECONDS):
            now = self._look()
            if now != before:
                before = now
                self._changed()


def _identity(folder: Path) -> tuple[int, int] | None:
    """Which folder it is; None where there is none."""
    with contextlib.suppress(OSError):
        status = folder.stat()
        return status.st_dev, status.st_ino
    return None


def _below(path: str, folder: Path) -> bool:
    return path.startswith(f"{folder}{os.sep}")


def _files(folder: str, root: str, seen: set[tuple[int, int]]) -> Iterator[tuple[str, Stat]]:
    """The files in a folder and below, links to folders followed; each folder once, for a link may lead back."""
    with contextlib.suppress(OSError):
        status = os.stat(folder)
        if (status.st_dev, status.st_ino) in seen:
            return
        seen.add((status.st_dev, status.st_ino))
        with os.scandir(folder) as entries:
            for entry in entries:
                if not kept(os.path.relpath(entry.path, root)):
                    continue
                with contextlib.suppress(OSError):
                    if entry.is_dir():
                        yield from _files(entry.path, root, seen)
                    else:
                        stat = entry.stat()
                        yield entry.path, (stat.st_mtime_ns, stat.st_size, stat.st_ino)
