"""The line of the program in a stack trace."""

import functools
from collections.abc import Iterable
from pathlib import Path, PurePath


def own_line(frames: Iterable[tuple[str, int]], root: str) -> str:
    """``file:line``, relative to ``root``, of the innermost frame (first in ``frames``) that is the program's own, or empty.

    A file is the program's own when it is in ``root`` or in a package directly in it. Libraries that are installed from a
    folder of the project lie deeper; their lines are given only when the program has none.
    """
    return next(iter(own_lines(frames, root)), "")


def own_lines(frames: Iterable[tuple[str, int]], root: str) -> list[str]:
    """All such lines, the innermost first."""
    found = [(_kind(path, root), path, line) for path, line in frames]
    wanted = "own" if any(kind == "own" for kind, _, _ in found) else "library"
    return [f"{PurePath(path).relative_to(root)}:{line}" for kind, path, line in found if kind == wanted]


@functools.cache
def _kind(path: str, root: str) -> str:
    if not root or not path.startswith(root.rstrip("/") + "/") or "/site-packages/" in path:
        return "foreign"
    folders = PurePath(path).relative_to(root).parts[:-1]
    packages = (Path(root, *folders[: depth + 1], "__init__.py").exists() for depth in range(len(folders)))
    return "own" if all(packages) else "library"
