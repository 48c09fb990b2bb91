"""Where two values differ: the innermost parts, with their paths, and the paths of resource options."""

import difflib
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from offline_preview.provider_facts import DEFAULTS
from offline_preview.values import UNKNOWN

_WORD: Final = re.compile(r"[\w-]+")

Steps = tuple[str | int, ...]


def leaves(steps: Steps, was: Any, now: Any) -> Iterator[tuple[Steps, Any, Any]]:
    """The innermost values that differ. Texts that hold JSON documents are compared as documents."""
    if now is not UNKNOWN and was == now:
        return
    documents = document(was), document(now)
    if None not in documents:
        was, now = documents
    if isinstance(was, dict) and isinstance(now, dict):
        for name in sorted({*was, *now} - {DEFAULTS}, key=str):
            if name in was or name in now:
                yield from leaves((*steps, name), was.get(name), now.get(name))
    elif isinstance(was, list) and isinstance(now, list):
        yield from _items(steps, was, now)
    else:
        yield steps, was, now


def _items(steps: Steps, was: Sequence[Any], now: Sequence[Any]) -> Iterator[tuple[Steps, Any, Any]]:
    """The items of a list that differ; one that is put in between moves the others, and changes none of them."""
    texts = [[repr(item) for item in items] for items in (was, now)]
    for tag, start, end, first, last in difflib.SequenceMatcher(None, *texts, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        common = min(end - start, last - first)
        for offset in range(common):
            yield from leaves((*steps, first + offset), was[start + offset], now[first + offset])
        yield from (((*steps, index), was[index], None) for index in range(start + common, end))
        yield from (((*steps, index), None, now[index]) for index in range(first + common, last))


def document(value: Any) -> Any:
    """A JSON document in a text; None when it is none."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            found = json.loads(value)
        except (ValueError, RecursionError):
            return None
        return found if isinstance(found, dict | list) else None
    return None


def path(steps: Steps) -> str:
    """Steps as a property path: ``tags.Owner``, ``ingress[0].cidrBlocks``, ``tags["aws:name"]``."""
    text = ""
    for step in steps:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _WORD.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f"[{json.dumps(step)}]"
    return text


def steps(path: str) -> tuple[str, ...]:
    """The steps of a path in a resource option: ``tags.Owner``, ``tags["aws:name"]``, ``ingress[*].cidrBlocks``."""
    found = re.findall(r'\["((?:[^"\\]|\\.)*)"\]|\[(\*|\d+)\]|([^.\[\]]+)', path)
    return tuple(next(part for part in parts if part) for parts in found)


def covers(pattern: Sequence[str], steps: Steps) -> bool:
    """Whether a path of an option is that of a value, or of one that it is part of."""
    return len(pattern) <= len(steps) and all(want in ("*", str(step)) for want, step in zip(pattern, steps, strict=False))
