"""Texts that the views for people have in common."""

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from offline_preview.findings import STACK_TYPE, short_name, short_type, type_of

_CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_NAMED: Final = 3
"""So many resources of a type are named; more are counted."""


def printable(text: str) -> str:
    """The text without control characters, with which a message could overwrite earlier output."""
    return _CONTROL.sub("", text)


def plural(count: int, noun: str) -> str:
    """``1 resource``, ``2 resources``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def shortened(names: Sequence[str]) -> str:
    """``a, b, c and 4 more``."""
    text = ", ".join(names[:_NAMED])
    return f"{text} and {len(names) - _NAMED} more" if len(names) > _NAMED else text


def named(urns: Sequence[str]) -> str:
    """Resources by type: ``s3.Bucket logs, data; sqs.Queue jobs``. The stack has its name only."""
    by_type: dict[str, list[str]] = defaultdict(list)
    for urn in urns:
        by_type[type_of(urn)].append(short_name(urn))
    kinds = ((f"{short_type(kind)} " if kind != STACK_TYPE else "", names) for kind, names in by_type.items())
    return "; ".join(f"{kind}{shortened(names)}" for kind, names in kinds)
