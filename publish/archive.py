"""The archive of an artifact: checked, or packed from a folder, before anything leaves this machine."""

import gzip
import hashlib
import os
import shlex
import stat
import tarfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
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
# What is in folders beside the application, by names, and what could be in their files.
_PRIVATE: Final = (
    *(".git", ".hg", ".svn", ".env*", ".aws", ".ssh", ".git-credentials", ".netrc", ".pgpass"),
    *("id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", "*.p12", "*.pfx"),
)
_PUBLIC: Final = (".env.example", ".env.sample", ".env.template", "*.pub")
_KEYS: Final = ("*.pem", "*.key")
_MOST_OF_A_KEY: Final = 1024**2
# https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html
_ELF: Final = b"\x7fELF"
_MACHINES: Final = {3: "i386", 40: "arm (32 bits)", 62: "x86_64", 183: "arm64"}
_FIRST_BYTES: Final = 1024


@dataclass(frozen=True)
class Wanted:
    """What the servers of a stack can run."""

    kind: str
    """One of ``KINDS``."""
    kind_command: str
    """The command that sets another kind, without its value."""
    instance_type: str | None = None
    """The preferred type of the servers, where it is known."""
    architecture: str | None = None
    """Its CPU architecture, ``arm64`` or ``x86_64``."""


@dataclass
class Content:
    """What is in an archive."""

    entries: dict[str, tarfile.TarInfo] = field(default_factory=dict)
    """All entries, by name."""
    start: bytes = b""
    """The first bytes of the program that a server starts."""

    def __str__(self) -> str:
        files = [entry for entry in self.entries.values() if entry.isfile()]
        return f"{len(files):,} {'file' if len(files) == 1 else 'files'}, {sum(entry.size for entry in files):,} bytes"


def sha256(archive: Path) -> str:
    """The version: an artifact is named after its content."""
    with archive.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def check(archive: Path, wanted: Wanted, given: Path) -> Content:
    """What is in an archive that is ``given``, or was packed from that folder.

    Raises ``PublishError`` for one that servers could not unpack or start, with all problems of its entries.
    """
    size = archive.stat().st_size
    if size > LARGEST_BYTES:
        raise PublishError(
            "ARTIFACT",
            given=str(given),
            problem=f"has {size:,} bytes; every server downloads it when it boots",
            allowed=f"at most {LARGEST_BYTES:,} bytes",
            fix="leave out what the application does not need to run, or fetch large data from another bucket",
        )
    content = Content()
    try:
        problems = list(_entry_problems(archive, content))
    except _UnreadableAtError as error:
        raise PublishError(
            "ARTIFACT",
            given=str(given),
            problem=f"cannot be read as a gzip-compressed tar archive: {error}",
            allowed="a complete .tar.gz file, or a folder",
            fix="tar -C FOLDER -czf ARTIFACT.tar.gz .",
        ) from None
    problems.extend(_tree_problems(content.entries))
    roots = list(_root_problems(content, wanted, given))
    problems.extend(problem for problem, _fix in roots)
    if problems:
        build = "change the build; a folder given as ARTIFACT is packed with its own entries at the root, and modes that fit"
        fixes = [fix or build for _problem, fix in roots] + ([build] if len(problems) > len(roots) else [])
        raise PublishError(
            "ARTIFACT",
            given=str(given),
            problem=_shown(problems),
            allowed=f"files and folders that all users may read, links inside the archive, and {_root(wanted.kind)}",
            fix="\n".join(dict.fromkeys(fixes)),
        )
    return content


def _shown(problems: Sequence[str]) -> str:
    more = [f"and {len(problems) - _MOST_SHOWN:,} more"] if len(problems) > _MOST_SHOWN else []
    return "\n".join([*problems[:_MOST_SHOWN], *more])


class _UnreadableAtError(Exception):
    """The archive ends early, or is no archive."""


def _entry_problems(archive: Path, content: Content) -> Iterator[str]:
    """What is wrong with single entries; ``content`` gets all of them. Reads to the end, where gzip has its checksum."""
    unpacked, entries = 0, content.entries
    try:
        with gzip.open(archive) as file:
            with tarfile.open(fileobj=file, mode="r|") as tar:
                for entry in tar:
                    unpacked += entry.size
                    if unpacked > LARGEST_UNPACKED_BYTES:
                        yield f"has more than {LARGEST_UNPACKED_BYTES:,} bytes when it is unpacked"
                        return
                    yield from _problems_of(entry, entries)
                    entries[_clean(entry.name)] = entry
                    if _clean(entry.name) == KINDS["app"] and entry.isfile() and (start := tar.extractfile(entry)):
                        content.start = start.read(_FIRST_BYTES)
            while file.read(1024**2):
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


def _root_problems(content: Content, wanted: Wanted, given: Path) -> Iterator[tuple[str, str]]:
    """What is wrong with the entry that a server starts or serves, each with its own fix or none."""
    entries, name = content.entries, KINDS[wanted.kind]
    entry = entries.get(name)
    if entry is None:
        deeper = next((path for path in entries if PurePosixPath(path).match(f"*/{name}")), None)
        other = next(kind for kind in KINDS if kind != wanted.kind)
        if KINDS[other] in entries:
            reason = f"{KINDS[other]} is there, as in an artifact of the kind {other}, and the stack's artifact_kind is {wanted.kind}"
            yield f"{name}: is missing; {reason}", f"{wanted.kind_command} {other}"
        else:
            yield f"{name}: is missing" + (f"; {deeper} is there, one folder too deep" if deeper else ""), ""
    elif not entry.isfile():
        yield f"{name}: is not a regular file", ""
    elif wanted.kind == "app":
        if entry.mode & 0o111 != 0o111:
            fix = f"chmod +x {shlex.quote(str(given / name))}" if given.is_dir() else ""
            yield f"{name}: is not executable (mode {_mode(entry)})", fix
        yield from ((f"{name}: {problem}", fix) for problem, fix in _start_problems(content.start, wanted))


def _start_problems(start: bytes, wanted: Wanted) -> Iterator[tuple[str, str]]:
    """Why Linux would not run a program that begins so."""
    first = start.partition(b"\n")[0]
    if start.startswith(_ELF) and len(start) > 20:
        number = int.from_bytes(start[18:20], "big" if start[5] == 2 else "little")
        machine = _MACHINES.get(number, f"machine {number}")
        if wanted.architecture not in (None, machine):
            fix = f"build it for {wanted.architecture}, or set instance_types and image_parameter of servers of the other architecture"
            yield f"is a program for {machine}, and the servers ({wanted.instance_type}) are {wanted.architecture}", fix
    elif not start.startswith(b"#!"):
        yield (
            "is no Linux program (ELF), and does not begin with #!, so Linux does not know what runs it",
            "write its interpreter in its first line, such as #!/bin/bash, without spaces or a byte order mark before it",
        )
    elif first.endswith(b"\r"):
        yield (
            "has Windows line ends (CRLF), so Linux looks for an interpreter whose name ends in CR",
            "write it with LF line ends: sed -i 's/\\r$//' bin/start; in git: bin/start text eol=lf in .gitattributes",
        )


def refuse_private(folder: Path) -> None:
    """Raises ``PublishError`` for a folder with what is not meant for servers: a repository, credentials, private keys."""
    private = list(_private(folder))
    if private:
        raise PublishError(
            "ARTIFACT",
            given=str(folder),
            problem=_shown([f"{path.relative_to(folder)}: {reason}" for path, reason in private]),
            allowed="a folder with what the application needs to run, and nothing else: every user of a server may read it",
            fix="build into a folder of its own, without these; "
            "if the application does need one, pack an archive yourself and give that as ARTIFACT",
        )


def opened_files(folder: Path) -> list[str]:
    """Files that not everyone may read here, and that every user of a server may read once they are packed."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())
    return [path.relative_to(folder).as_posix() for path in paths if not path.stat().st_mode & stat.S_IROTH]


def _private(folder: Path) -> Iterator[tuple[Path, str]]:
    for path in sorted(folder.iterdir()):
        if _named(path, _PRIVATE) and not _named(path, _PUBLIC):
            yield path, "holds sources or credentials that are not meant for servers"
        elif path.is_symlink():
            continue
        elif path.is_dir():
            yield from _private(path)
        elif path.is_file() and _named(path, _KEYS) and _is_private_key(path):
            yield path, "is a private key"


def _named(path: Path, patterns: Iterable[str]) -> bool:
    return any(path.match(pattern) for pattern in patterns)


def _is_private_key(path: Path) -> bool:
    with path.open("rb") as content:
        return b"PRIVATE KEY-----" in content.read(_MOST_OF_A_KEY)


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
