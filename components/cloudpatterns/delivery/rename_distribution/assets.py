"""The files of a folder, each with the name that its content gives it."""

import hashlib
import re
from pathlib import Path, PurePosixPath
from typing import NamedTuple

# Not by Python's own table, which differs between machines and would change objects that are as they were.
_CONTENT_TYPES = {
    ".avif": "image/avif",
    ".css": "text/css; charset=utf-8",
    ".csv": "text/csv; charset=utf-8",
    ".gif": "image/gif",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/vnd.microsoft.icon",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".mp4": "video/mp4",
    ".otf": "font/otf",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webm": "video/webm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
    ".xml": "application/xml",
    ".zip": "application/zip",
}
_NAME = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*")
# 64 bits: the contents of one name do not meet by chance.
_HASH_CHARACTERS = 16


class Asset(NamedTuple):
    """A file, by its path in the folder."""

    path: str
    file: Path
    digest: str
    """SHA-256 of the content."""

    @property
    def renamed(self) -> str:
        """The path with a part of the digest before the ending: ``js/app.js`` is ``js/app.0123456789abcdef.js``."""
        path = PurePosixPath(self.path)
        return str(path.with_name(f"{path.stem}.{self.digest[:_HASH_CHARACTERS]}{path.suffix}"))


def read_assets(folder: Path) -> list[Asset]:
    """The files below a folder, in order of their paths; names that begin with a dot are left out."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    paths = {file.relative_to(folder).as_posix(): file for file in files}
    visible = [path for path in sorted(paths) if not any(part.startswith(".") for part in path.split("/"))]
    return [Asset(path, paths[path], hashlib.sha256(paths[path].read_bytes()).hexdigest()) for path in visible]


def has_url(path: str) -> bool:
    """Whether a URL has the path as it stands."""
    return bool(_NAME.fullmatch(path))


def content_type(path: str, chosen: dict[str, str]) -> str:
    """By the ending, ``chosen`` first."""
    ending = PurePosixPath(path).suffix.lower()
    return {**_CONTENT_TYPES, **chosen}.get(ending, "application/octet-stream")
