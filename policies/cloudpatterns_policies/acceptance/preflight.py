"""The Rego rules of the package cdk-preflight, read out of its installed distribution.

The package itself is never imported: it would want Node.js and the AWS CDK. Its wheel holds an npm archive, and one file in that has all
rules as JSON. Unpacking it takes a second, so what was read is kept in the user's cache folder, one line for each rule, under the name of
the archive's hash: only the lines of the stack's types are parsed again.
"""

import hashlib
import json
import os
import re
import sys
import tarfile
import tempfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from cloudpatterns_policies.acceptance.rules import rego_family

DISTRIBUTION: Final = "cdk-preflight"
"""The distribution's name."""

INSTALL: Final = "pip install --no-deps cdk-preflight"
"""The command that installs the rules without the AWS CDK."""

ANY_TYPE: Final = "*"
"""The type of rules that concern every resource."""

HEADER: Final = "package cdk_preflight\n\nimport rego.v1\n"
"""The first lines of every rule and library; helpers are shared by being in one package."""

_FORMAT: Final = 2  # of the cached file; raise it when its lines change
_ARCHIVE: Final = re.compile(r"_jsii/[^/]+\.jsii\.tgz$")
_MEMBER: Final = "lib/rules.generated.js"
_DEFINED: Final = re.compile(r"^(?:default\s+)?([A-Za-z_]\w*)", re.MULTILINE)
_NAME: Final = re.compile(r"[A-Za-z_]\w*")
_NO_HELPERS: Final = frozenset({"package", "import", "violation", "default", "else"})
# The rules take a number that is not there for one that cannot be read, which ends the rule; in Rego `to_number(null)` is 0.
_ABSENT: Final = re.compile(r"(to_number\(object\.get\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*, )null\)\)")
_MESSAGE: Final = re.compile(r'"((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True)
class Rule:
    """One constraint that AWS enforces."""

    id: str
    title: str
    """The constraint as a statement that holds."""
    severity: str
    """`ERROR` where AWS refuses, `WARN` for advice."""
    types: tuple[str, ...]
    """The CloudFormation types that it concerns; `ANY_TYPE` alone for all."""
    rego: str
    """The rule's source."""
    needs: tuple[str, ...]
    """Names of the sources whose helpers it uses, directly or not."""
    family: str
    """`value`, `combination` or `reference`."""
    superseded: str
    """The version of AWS's validator that finds the same by itself; empty for none."""

    @property
    def message(self) -> str:
        """The rule's message, which quotes AWS's error; `%s` and `%d` stand for values. Empty where the source has no such text."""
        texts = [text.replace('\\"', '"') for text in _MESSAGE.findall(self.rego)]
        sentences = [text for text in texts if text.count(" ") > 2 and not text.startswith("http")]
        return max((text for text in sentences if '"' in text), key=len, default=sentences[0] if len(sentences) > 1 else "")


class FormatError(Exception):
    """The distribution does not look as expected."""


class Preflight:
    """The rules of one version, read by type. With a `problem` there are none."""

    def __init__(self, lines: Sequence[bytes] = (), *, version: str = "", problem: str = "") -> None:
        self._lines = lines
        self._index: dict[str, Any] = json.loads(lines[0]) if lines else {"types": {}, "shared": {}}
        self._parsed: dict[int, Rule] = {}
        self.version = version
        """The distribution's version; empty when it is not installed."""
        self.problem = problem
        """One sentence that says why there are no rules; empty when there are."""

    def of(self, types: Iterable[str]) -> list[Rule]:
        """The rules that concern one of `types`, sorted by id. Those for all types come with `ANY_TYPE`."""
        numbers = {number for name in types for number in self._index["types"].get(name, ())}
        return sorted((self._rule(number) for number in numbers), key=lambda rule: rule.id)

    def shared(self, names: Iterable[str]) -> dict[str, str]:
        """The sources of the helpers with these names, by name."""
        return {name: json.loads(self._lines[self._index["shared"][name]])["rego"] for name in sorted(names)}

    @cached_property
    def types(self) -> Mapping[str, int]:
        """All types with their number of rules, sorted by name."""
        return {name: len(numbers) for name, numbers in sorted(self._index["types"].items())}

    def _rule(self, number: int) -> Rule:
        if number not in self._parsed:
            parsed: dict[str, Any] = json.loads(self._lines[number])
            self._parsed[number] = Rule(types=tuple(parsed.pop("types")), needs=tuple(parsed.pop("needs")), **parsed)
        return self._parsed[number]


def load(cache: Path | None = None) -> Preflight:
    """Reads the rules of the installed distribution. Never raises: `problem` of the result says why there are none.

    `cache` is the folder for what was read; by default the user's cache folder. One that cannot be written to is not used.
    """
    try:
        distribution = metadata.distribution(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return Preflight(problem=f"{DISTRIBUTION} is not installed: judged without its rules. Install it with `{INSTALL}`")
    version = distribution.version or "of an unknown version"
    try:
        archive, digest = _archive(distribution)
        folder = cache or cache_folder()
        kept = folder / f"preflight-{_FORMAT}-{digest}.jsonl" if folder is not None else None
        lines = _kept(kept) if kept is not None else None
        if lines is None:
            lines = _lines(*read(archive))
            if kept is not None:
                write_whole(kept, b"\n".join(lines))
        return Preflight(lines, version=version)
    except (FormatError, OSError, tarfile.TarError, EOFError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = str(error) if isinstance(error, FormatError) else type(error).__name__
        return Preflight(version=version, problem=f"{DISTRIBUTION} {version} has another format ({reason}): judged without its rules")


def cache_folder() -> Path | None:
    """The folder in the platform's user cache folder for what takes long to read; None for a user without a home."""
    if base := os.environ.get("XDG_CACHE_HOME"):
        return Path(base) / "cloudpatterns"
    if sys.platform == "win32" and (base := os.environ.get("LOCALAPPDATA")):
        return Path(base) / "cloudpatterns" / "cache"
    try:
        home = Path.home()
    except RuntimeError:
        return None
    return home / ("Library/Caches" if sys.platform == "darwin" else ".cache") / "cloudpatterns"


def write_whole(path: Path, content: bytes) -> None:
    """Writes a file in one step, so that another run sees all of it or nothing; does nothing where the folder cannot be written to."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            os.replace(name, path)
        except OSError:
            with suppress(OSError):
                os.unlink(name)


def read(archive: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Returns the rules and the libraries of helpers that an archive holds. Raises `FormatError` when it has none."""
    with tarfile.open(archive, mode="r|gz") as members:
        for member in members:
            if member.name.endswith(_MEMBER) and (file := members.extractfile(member)) is not None:
                text = file.read().decode()
                return _array(text, "BUNDLED_RULES"), _array(text, "BUNDLED_LIBS")
    raise FormatError(f"its archive has no {_MEMBER}")


def _archive(distribution: metadata.Distribution) -> tuple[Path, str]:
    """The archive in the distribution, and a name for its content."""
    for file in distribution.files or ():
        if _ARCHIVE.search(file.as_posix()):
            path = Path(str(distribution.locate_file(file)))
            digest = file.hash.value if file.hash is not None else hashlib.sha256(path.read_bytes()).hexdigest()
            return path, re.sub(r"[^\w-]", "", digest)
    raise FormatError("it has no npm archive")


def _array(text: str, name: str) -> list[dict[str, Any]]:
    marker = f"exports.{name} = ["
    if (at := text.find(marker)) < 0:
        raise FormatError(f"{_MEMBER} has no {name}")
    found, _ = json.JSONDecoder().raw_decode(text, at + len(marker) - 1)
    return found


def _lines(rules: list[dict[str, Any]], libraries: list[dict[str, Any]]) -> list[bytes]:
    """One line of JSON for the index, each rule and each source of shared helpers."""
    texts = {library["name"]: library["rego"] for library in libraries} | {rule["id"]: rule["rego"] for rule in rules}
    sources = {name: _ABSENT.sub(r'\1"__pf_absent"))', text) for name, text in texts.items()}
    if not rules or not all(source.startswith(HEADER) for source in sources.values()):
        raise FormatError("its rules are not of one Rego package")
    needs = _needs(sources)
    lines: list[bytes] = [b""]
    types: dict[str, list[int]] = {}
    for rule in rules:
        for name in rule["resourceTypes"]:
            types.setdefault(name, []).append(len(lines))
        superseded = (rule.get("supersededBy") or {}).get("engine", "")
        kind = rego_family(rule["id"], rule["title"], rule["rego"])
        about = {"id": rule["id"], "title": rule["title"], "severity": rule["severity"], "types": rule["resourceTypes"]}
        lines.append(_line({**about, "rego": sources[rule["id"]], "needs": needs[rule["id"]], "family": kind, "superseded": superseded}))
    shared: dict[str, int] = {}
    for name in sorted({name for found in needs.values() for name in found}):
        shared[name] = len(lines)
        lines.append(_line({"rego": sources[name]}))
    lines[0] = _line({"types": types, "shared": shared, "sum": _sum(lines[1:])})
    return lines


def _sum(lines: Sequence[bytes]) -> int:
    return zlib.crc32(b"\n".join(lines))


def _line(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _needs(sources: Mapping[str, str]) -> dict[str, list[str]]:
    """For each source the other sources that define a helper that it uses, directly or through a helper."""
    defined = {name: source for source, text in sources.items() for name in _DEFINED.findall(text) if name not in _NO_HELPERS}
    used = {source: set(_NAME.findall(text)) & defined.keys() for source, text in sources.items()}
    direct = {source: {defined[name] for name in names} - {source} for source, names in used.items()}
    needs: dict[str, list[str]] = {}
    for source in sources:
        found: set[str] = set()
        open_names = [source]
        while open_names:
            new = direct[open_names.pop()] - found
            found |= new
            open_names += new
        needs[source] = sorted(found - {source})
    return needs


def _kept(path: Path) -> list[bytes] | None:
    """The lines of the cached file, or None when there is none that is whole."""
    try:
        lines = path.read_bytes().split(b"\n")
        return lines if json.loads(lines[0])["sum"] == _sum(lines[1:]) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
