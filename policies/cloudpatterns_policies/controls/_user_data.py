"""Finds secrets in texts, such as user data. Their values are never returned."""

import base64
import binascii
import re
import zlib
from typing import Final

_LIMIT: Final = 1 << 20
"""Maximum number of bytes that are decompressed; EC2 accepts 16 KB of user data, compressed."""

# A value that is fetched or filled in when the script runs begins with one of these.
_LITERAL: Final = r"""["']?(?![$`{<%(\[|>&*!#"'])"""
_NO_VALUE: Final = r"(?:true|false|none|null)"

_PATTERNS: Final = {
    "an AWS access key": re.compile(r"(?<![A-Z0-9])(?:AKIA|ASIA)[A-Z2-7]{16}(?![A-Z0-9])"),
    "an AWS secret access key": re.compile(r"(?i)aws_?secret_?access_?key[\"']?[ \t]*[:=][ \t]*[\"']?[A-Za-z0-9/+=]{40}(?![A-Za-z0-9/+=])"),
    "a private key": re.compile(r"-----BEGIN (?:[A-Z]+ ){0,3}PRIVATE KEY-----"),
    "a password": re.compile(
        rf"""(?i)(?:password|passwd|passphrase|_pwd)["']?[ \t]*[:=][ \t]*{_LITERAL}(?!{_NO_VALUE}["',;]?(?:\s|$))"""
        r"""[^\s"'()\[\]]{4,}(?=["'\s,;]|$)"""
    ),
    # Forms that the services document, so that others recognize a leaked one.
    "an API token": re.compile(
        r"(?<![A-Za-z0-9_-])(?:[sr]k_live_[A-Za-z0-9]{16,}|gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{50,}|glpat-[A-Za-z0-9_-]{20,}"
        r"|xox[abprs]-[A-Za-z0-9-]{20,}|SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}|npm_[A-Za-z0-9]{36}|dckr_pat_[A-Za-z0-9_-]{20,}"
        r"|sk-(?:ant|proj)-[A-Za-z0-9_-]{20,}|pypi-AgEI[A-Za-z0-9_-]{50,}|shp(?:at|ss)_[0-9a-fA-F]{32})"
    ),
    "a URL with a password": re.compile(r"://[^\s:/@\"'$]+:(?![$<{%*])[^\s/@\"']{3,}@"),
}


# A block of Base64 inside a text, as multipart user data and cloud-init's write_files carry scripts; its lines may be indented.
_BLOCK: Final = re.compile(r"[A-Za-z0-9+/]{24,}(?:\r?\n[ \t]*[A-Za-z0-9+/]+)*={0,2}")
_DEPTH: Final = 3
"""Maximum nesting of encoded text."""


def secrets_in(text: str) -> list[str]:
    """The kinds of secrets in a text: plain, in Base64, or in Base64 and gzip, as a whole or in blocks within it."""
    readings = _readings(text)
    return [kind for kind, pattern in _PATTERNS.items() if any(pattern.search(reading) for reading in readings)]


def _readings(text: str) -> list[str]:
    """The text and everything that is encoded in it."""
    found = layer = [text, _decoded(text, whole=True)]
    room = _LIMIT
    for _ in range(_DEPTH):
        inner = [_decoded(match[0], whole=False) for reading in layer for match in _BLOCK.finditer(reading[:room])]
        layer = [reading for reading in inner if reading]
        found = found + layer
        room = _LIMIT // max(len(layer), 1)
    return found


def _decoded(text: str, *, whole: bool) -> str:
    packed = "".join(text.split())
    # The line after a block may look like Base64 as well.
    packed = packed if whole else packed[: len(packed) // 4 * 4]
    try:
        data = base64.b64decode(packed, validate=True)
    except (binascii.Error, ValueError):
        return ""
    if data[:2] == b"\x1f\x8b":
        try:
            data = zlib.decompressobj(wbits=31).decompress(data, _LIMIT)
        except zlib.error:
            return ""
    return data.decode("utf-8", errors="replace")
