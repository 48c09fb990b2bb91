"""Plain values that a comparison does not show: where a control has found a secret, and variables whose names say that they are secrets.

A comparison is published, as the comment of a pull request for example, and what the program gives in plain text is no secret to Pulumi.
Paths are compared without positions in lists, since a change moves the items: of a list with a secret, no item's value is shown.
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from offline_preview.causes import parted
from offline_preview.findings import Control, Finding, shown_message
from offline_preview.leaves import document

Place = tuple[str, ...]
"""A path in lower case, with ``*`` for positions."""

# Of any pack: lambda-no-secret-in-environment, rds-password-not-in-state, no-plaintext-password, event-connection-secrets-marked.
_CONTROL: Final = re.compile(
    r"\b(?:no-(?:\w+-)*(?:secret|password|credential|token|key)s?|not-in-state|plain-?(?:text)?|hard-?coded"
    r"|(?:secret|password|credential|token)s?-(?:encrypted|marked))\b"
)
_MESSAGE: Final = re.compile(r"\b(?:in plain ?text|plaintext|hard-?coded)\b", re.IGNORECASE)
_NAME: Final = re.compile(r"passw|passphrase|pwd|secret|token|credential|authorization|(?:api|private|access)[-_]?key", re.IGNORECASE)
# These say where the secret is, or something else of it.
_ABOUT: Final = re.compile(r"(?:arn|name|url|uri|path|file|length|ttl|expiry|seconds)\Z", re.IGNORECASE)
_REFERENCE: Final = re.compile(r"arn:\S+|\{\{resolve:.*|true|false", re.IGNORECASE | re.DOTALL)
_LOGIN: Final = re.compile(r"://[^/\s:@]*:[^/\s@]+@")
_VARIABLES: Final = re.compile(r"environment|variables|settings|\Aenv\Z", re.IGNORECASE)


def place_of(steps: Iterable[str | int]) -> Place:
    """Steps of a path as a place."""
    return tuple("*" if part.isdigit() else part.lower() for step in steps for part in str(step).split("."))


def reported(finding: Finding) -> Place | None:
    """Where a finding is about a secret in plain text, empty for the whole resource; None when it is about something else."""
    text, where = parted(shown_message(finding, Control(finding.control, finding.pack, remediation=finding.remediation)))
    if not (_CONTROL.search(finding.control) or _MESSAGE.search(text)):
        return None
    return place_of(part for part in re.split(r"[.\[\]]+", where) if part)


def named(value: Any, place: Place = (), variables: bool = False) -> Iterator[Place]:
    """The places of variables that are secrets by their names, or have a login in their value."""
    value = _opened(value)
    if isinstance(value, list):
        for item in value:
            yield from named(item, (*place, "*"), variables)
    elif isinstance(value, dict):
        pair = {str(key).lower(): item for key, item in value.items()}
        if variables and _is_secret(pair.get("name"), pair.get("value")):
            yield (*place, "value")
        for key, item in value.items():
            inner = (*place, *place_of([key]))
            if variables and _is_secret(key, item):
                yield inner
            yield from named(item, inner, variables or bool(_VARIABLES.search(str(key))))


def _is_secret(name: Any, value: Any) -> bool:
    if not isinstance(name, str) or not isinstance(value, str) or _REFERENCE.fullmatch(value.strip()):
        return False
    return bool((_NAME.search(name) and not _ABOUT.search(name)) or _LOGIN.search(value))


def without(value: Any, place: Place, hidden: Iterable[Place], mark: str, kept: tuple[Any, ...]) -> Any:
    """The value at a place with ``mark`` for everything that is hidden; what is in ``kept`` stays."""
    near = [one for one in hidden if one[: len(place)] == place[: len(one)]]
    if not near or value is None or (isinstance(value, str) and value in kept):
        return value
    opened = _opened(value)
    if any(len(one) <= len(place) for one in near) or not isinstance(opened, dict | list):
        return mark
    items = opened.items() if isinstance(opened, dict) else ((index, item) for index, item in enumerate(opened))
    parts = {key: without(item, (*place, *place_of([key])), near, mark, kept) for key, item in items}
    result = parts if isinstance(opened, dict) else list(parts.values())
    return result if opened is value else json.dumps(result, ensure_ascii=False)


def _opened(value: Any) -> Any:
    """A text that holds a JSON document as the document."""
    opened = document(value)
    return value if opened is None else opened
