"""The archive of a artifact: checked, or packed from a folder, before anything leaves this machine."""

import gzip
import hashlib
import os
import stat
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from publish.problem import PublishError

KINDS: Final = {"app": "bin/start", "static": "index.html"}
"""What an artifact of each kind has at its root: the program that a server starts, or the page that it serves."""

# A server downloads and unpacks it when it boots, on a root disk of 10 GiB by default. S3 itself takes up to 5 GiB in one request.
LARGEST_BYTES: Final = 1024**3
LARGEST_UNPACKED_BYTES: Final = 4 * 1024**3
_MOST_SHOWN: Final = 10
_UNREADABLE: Final = (tarfile.TarError, EOFError, zlib.error, OSError)


def sha256(archive: Path) -> str:
    """The version: an artifact is named after its content."""
    with archive.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def check(archive: Path, kind: str, given: str) -> None:
    """Raises ``PublishError`` for an archive that servers could not unpack or start, with all problems of its entries."""
    size = archive.stat().st_size
    if size > LARGEST_BYTES:
        raise PublishError(
            "ARTIFACT",
            given=given,
            problem=f"has {size:,} bytes; every server downloads it when it boots",
            allowed=f"at most {LARGEST_BYTES:,} bytes",
            fix="leave out what the application does not need to run, or fetch large data from another bucket",
        )
    entries: dict[str, tarfile.TarInfo] = {}
    try:
        problems = list(_entry_problems(archive, entries))
    except _UnreadableAtError as error:
        raise PublishError(
            "ARTIFACT",
            given=given,
            problem=f"cannot be read as a gzip-compressed tar archive: {error}",
            allowed="a complete .tar.gz file, or a folder",
            fix="tar -C FOLDER -czf ARTIFACT.tar.gz .",
        ) from None
    problems.extend(_tree_problems(entries))
    problems.extend(_root_problems(entries, kind))
    if problems:
        more = [f"and {len(problems) - _MOST_SHOWN:,} more"] if len(problems) > _MOST_SHOWN else []
        raise PublishError(
            "ARTIFACT",
            given=given,
            problem="\n".join([*problems[:_MOST_SHOWN], *more]),
            allowed=f"files and folders that all users may read, links inside the archive, and {_root(kind)}",
            fix="change the build; a folder given as ARTIFACT is packed with its own entries at the root, and modes that fit",
        )


class _UnreadableAtError(Exception):
    """The archive ends early, or is no archive."""


def _entry_problems(archive: Path, entries: dict[str, tarfile.TarInfo]) -> Iterator[str]:
    """What is wrong with single entries; ``entries`` gets all of them by name. Reads to the end, where gzip has its checksum."""
    unpacked = 0
    try:
        with gzip.open(archive) as content:
            with tarfile.open(fileobj=content, mode="r|") as tar:
                for entry in tar:
                    unpacked += entry.size
                    if unpacked > LARGEST_UNPACKED_BYTES:
                        yield f"has more than {LARGEST_UNPACKED_BYTES:,} bytes when it is unpacked"
                        return
                    yield from _problems_of(entry, entries)
                    entries[_clean(entry.name)] = entry
            while content.read(1024**2):
                pass
    except _UNREADABLE as error:
        raise _UnreadableAtError(str(error) or type(error).__name__) from None


def _clean(name: str) -> str:
    return str(PurePosixPath(name))


def _problems_of(entry: tarfile.TarInfo, before: dict[str, tarfile.TarInfo]) -> Iterator[str]:
    path = PurePosixPath(entry.name)
    if path.is_absolute() or ".." in path.parts:
        yield f"{entry.name}: is outside the archive's own folder"
    if not (entry.isfile() or entry.isdir() or entry.issym() or entry.islnk()):
        yield f"{entry.name}: is a device, a pipe or of another special type"
    if entry.mode & (stat.S_ISUID | stat.S_ISGID) and not entry.issym():
        yield f"{entry.name}: is set-user-id or set-group-id (mode {_mode(entry)})"
    readable = 0o555 if entry.isdir() else 0o444
    if (entry.isfile() or entry.isdir()) and entry.mode & readable != readable:
        yield f"{entry.name}: has mode {_mode(entry)}, and the application's user does not own it"
    # A link that leads inside by this rule does so on disk too, because nothing lies below another link.
    if entry.issym() and not _stays_inside(path, PurePosixPath(entry.linkname)):
        yield f"{entry.name}: links to {entry.linkname}, which is absolute, leads outside or has .. after a name"
    if entry.islnk() and not ((target := before.get(_clean(entry.linkname))) and target.isfile()):
        yield f"{entry.name}: is a hard link to {entry.linkname}, which is not a file before it in the archive"
    if (first := before.get(str(path))) and not (first.isdir() and entry.isdir()):
        yield f"{entry.name}: occurs twice"


def _tree_problems(entries: dict[str, tarfile.TarInfo]) -> Iterator[str]:
    for name in entries:
        for parent in PurePosixPath(name).parents:
            above = entries.get(str(parent))
            if above is not None and not above.isdir():
                yield f"{name}: is below {parent}, which is not a folder"


def _stays_inside(path: PurePosixPath, target: PurePosixPath) -> bool:
    ups = sum(part == ".." for part in target.parts)
    return not target.is_absolute() and ".." not in target.parts[ups:] and ups <= len(path.parents) - 1


def _mode(entry: tarfile.TarInfo) -> str:
    return f"{stat.S_IMODE(entry.mode):04o}"


def _root(kind: str) -> str:
    return f"{KINDS[kind]} at its root{', with mode 0755' if kind == 'app' else ''}"


def _root_problems(entries: dict[str, tarfile.TarInfo], kind: str) -> Iterator[str]:
    name = KINDS[kind]
    entry = entries.get(name)
    if entry is None:
        deeper = next((path for path in entries if PurePosixPath(path).match(f"*/{name}")), None)
        yield f"{name}: is missing" + (f"; {deeper} is there, one folder too deep" if deeper else "")
    elif not entry.isfile():
        yield f"{name}: is not a regular file"
    elif kind == "app" and entry.mode & 0o111 != 0o111:
        yield f"{name}: is not executable (mode {_mode(entry)})"


def pack(folder: Path, archive: Path) -> None:
    """Packs what is in a folder: the same content becomes the same bytes, and so the same version, on every machine.

    Entries are sorted; times, owners and names of owners are left out. Of the modes only what git keeps too: whether a file is
    executable. The rest would be the umask of whoever built it.
    """
    with (
        archive.open("wb") as file,
        gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=file, mtime=0) as content,
        tarfile.open(fileobj=content, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for path in sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).parts):
            _add(tar, path, path.relative_to(folder).as_posix())


def _add(tar: tarfile.TarFile, path: Path, name: str) -> None:
    status = path.lstat()
    entry = tarfile.TarInfo(name)
    if stat.S_ISLNK(status.st_mode):
        entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, os.readlink(path), 0o777
        tar.addfile(entry)
    elif stat.S_ISDIR(status.st_mode):
        entry.type, entry.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(entry)
    elif stat.S_ISREG(status.st_mode):
        entry.size, entry.mode = status.st_size, 0o755 if status.st_mode & stat.S_IXUSR else 0o644
        with path.open("rb") as content:
            tar.addfile(entry, content)
    else:
        # Reported by `check`, like one in an archive that was packed elsewhere.
        entry.type = tarfile.FIFOTYPE
        tar.addfile(entry)
