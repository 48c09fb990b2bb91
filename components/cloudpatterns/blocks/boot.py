"""Boot scripts: files for a shell with their parameters before them, and user data of several parts."""

import base64
import email
import hashlib
import re
import shlex
from collections.abc import Mapping, Sequence
from email.message import Message
from pathlib import Path
from typing import NamedTuple

SHELL, CLOUD_CONFIG = "text/x-shellscript", "text/cloud-config"
"""Parts of user data that cloud-init runs at the first boot of an instance, and that it is configured with.

https://cloudinit.readthedocs.io/en/latest/explanation/format.html
"""

SEVERAL_PARTS = "Content-Type: multipart/"
"""How user data of several parts begins, such as that of ``multipart``."""


class BootPart(NamedTuple):
    """A part of user data; ``name`` is the file's name, which orders the scripts: cloud-init runs them by name, not by place."""

    name: str
    content_type: str
    text: str


def boot_script(file: Path, parameters: Mapping[str, str | int], *, comments: bool = False) -> str:
    """The script in a file with its parameters before it as shell variables, each quoted, so that no value is ever run.

    EC2 takes 16 KB of user data, and comments are for those who read the file: they are left out, unless ``comments`` keeps the whole file.
    Lines of a here-document that begin with ``#`` are comments too.
    """
    settings = [f"{name}={shlex.quote(str(value))}" for name, value in parameters.items()]
    script = file.read_text(encoding="utf-8")
    shebang, _, body = script.partition("\n")
    body = script if comments else re.sub(r"^ *#.*\n", "", body, flags=re.MULTILINE)
    return "\n".join([shebang, *settings, body])


def multipart(parts: Sequence[BootPart]) -> str:
    """User data of several parts for cloud-init, the same for the same parts: a difference would replace the servers.

    https://cloudinit.readthedocs.io/en/latest/explanation/format.html#mime-multi-part-archive

    :raises ValueError: for a name twice, or one that the header cannot hold.
    """
    names = [part.name for part in parts]
    if len({*names}) != len(names) or not all(re.fullmatch(r"[A-Za-z0-9._-]+", name) for name in names):
        raise ValueError(f"names of parts must differ and have letters, digits, dots, hyphens and underscores alone: {names}")
    # Not in any part: it has the hash of all of them.
    boundary = f"part-{hashlib.sha256(repr(parts).encode()).hexdigest()[:32]}"
    lines = [f'Content-Type: multipart/mixed; boundary="{boundary}"', "MIME-Version: 1.0", ""]
    for part in parts:
        # cloud-init gives up on a part of 8 bits with an é in it, and writes other letters as Python escapes them.
        # https://github.com/canonical/cloud-init/blob/main/cloudinit/user_data.py (convert_string)
        encoding, text = ("8bit", part.text) if part.text.isascii() else ("base64", base64.encodebytes(part.text.encode()).decode())
        lines += [
            f"--{boundary}",
            f'Content-Type: {part.content_type}; charset="utf-8"',
            "MIME-Version: 1.0",
            f"Content-Transfer-Encoding: {encoding}",
            f'Content-Disposition: attachment; filename="{part.name}"',
            "",
            text,
        ]
    return "\n".join([*lines, f"--{boundary}--", ""])


def parts_after(name: str, user_data: str) -> list[BootPart]:
    """The parts of user data with names that begin with ``name``, so that they run after what is before it: one for a script alone."""
    if not user_data.startswith(SEVERAL_PARTS):
        return [BootPart(name, SHELL, user_data)]
    parts = [part for part in email.message_from_string(user_data).walk() if not part.is_multipart()]
    return [
        BootPart(f"{name}-{_file_name(part.get_filename(f'part-{index:03}'))}", part.get_content_type(), _text(part))
        for index, part in enumerate(parts)
    ]


def _file_name(given: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "-", given)


def _text(part: Message) -> str:
    if part.get("Content-Transfer-Encoding", "8bit").lower() in ("7bit", "8bit", "binary"):
        # Decoded as bytes, what is not ASCII in a text would be lost.
        return str(part.get_payload())
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode()
