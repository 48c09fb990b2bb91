"""Exemptions: accepted weaknesses, as data in the profile, each with an owner and an expiry date.

In the profile:

    "exemptions": {"entries": [{
        "control": "lb-deletion-protection", "urn": "*::aws:lb/loadBalancer:LoadBalancer::preview-*",
        "reason": "Torn down every night.", "owner": "platform@example.com", "ticket": "OPS-12", "expires": "2027-01-31"}]}

A control may find several things on one resource; `"detail": "*port 8080*"` limits the exemption to findings with that text.
"""

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from typing import Any, Final

EXEMPTIONS: Final = "exemptions"
"""Name of the pseudo-policy that carries the exemptions and reports those that match nothing."""

_TEXTS: Final = {
    "control": "Id of the control whose finding is exempted.",
    "urn": "Pattern of the resource's URN; `*` matches any text.",
    "reason": "Why the weakness is acceptable.",
    "owner": "The owner of the exemption.",
    "ticket": "The ticket in which it was decided.",
    "expires": "Last day on which it is valid, as YYYY-MM-DD (UTC).",
}
_ANY: Final = "*"
_OPTIONAL: Final = {
    "detail": "Pattern of the finding: of what it says, or of where in the resource it stands; `*` matches any text. Default: every "
    "finding of the control on the resource.",
}

SCHEMA: Final[Mapping[str, Mapping[str, Any]]] = {
    "entries": {
        "type": "array",
        "description": "The exemptions.",
        "default": [],
        "items": {
            "type": "object",
            "properties": {name: {"type": "string", "minLength": 1, "description": text} for name, text in {**_TEXTS, **_OPTIONAL}.items()},
            "required": list(_TEXTS),
            "additionalProperties": False,
        },
    }
}
"""JSON schema of the pseudo-policy's configuration."""


@dataclass(frozen=True, slots=True)
class Exemption:
    """One exemption; the fields are those of the profile."""

    control: str
    urn: str
    reason: str
    owner: str
    ticket: str
    expires: date
    detail: str = _ANY

    def covers(self, control: str, urn: str) -> bool:
        """Whether it is for this control on this resource."""
        return control == self.control and fnmatchcase(urn, self.urn)

    def accepts(self, control: str, urn: str, *texts: str) -> bool:
        """Whether it also covers a finding with these `texts`: its message and its path."""
        return self.covers(control, urn) and any(fnmatchcase(text, self.detail) for text in texts)

    @property
    def scope(self) -> str:
        """The resources, and the findings, that it covers."""
        return self.urn if self.detail == _ANY else f"{self.urn} with detail {self.detail}"

    @property
    def note(self) -> str:
        """The note on an exempted finding."""
        return f"Exempted until {self.expires} by {self.owner} ({self.ticket}): {self.reason.rstrip('.')}"


def parse(entries: object, controls: Collection[str], today: date) -> tuple[list[Exemption], list[str]]:
    """Returns the valid exemptions and the problems of the others: missing or unknown fields, an unknown control, a bad or past date."""
    if not isinstance(entries, list):
        return [], ["exemptions: entries must be a list"]
    exemptions, problems = [], []
    for index, entry in enumerate(entries):
        found = _problems(entry, controls, today)
        if found:
            problems += [f"exemptions: entries[{index}]: {problem}" for problem in found]
        else:
            texts = {name: entry[name] for name in (*_TEXTS, *_OPTIONAL) if name in entry and name != "expires"}
            exemptions.append(Exemption(**texts, expires=date.fromisoformat(entry["expires"])))
    return exemptions, problems


def _problems(entry: object, controls: Collection[str], today: date) -> list[str]:
    if not isinstance(entry, Mapping):
        return ["must be an object"]
    problems = [f"{name} is missing or empty" for name in _TEXTS if not (isinstance(entry.get(name), str) and entry[name].strip())]
    problems += [f"{name} is empty" for name in _OPTIONAL if name in entry and not (isinstance(entry[name], str) and entry[name].strip())]
    fields = (*_TEXTS, *_OPTIONAL)
    problems += [f"unknown field {name!r}{nearest(name, fields)}" for name in entry if name not in fields]
    if problems:
        return problems
    if entry["control"] not in controls:
        problems.append(f"unknown control {entry['control']!r}{nearest(entry['control'], controls)}")
    try:
        expires = date.fromisoformat(entry["expires"])
    except ValueError:
        return [*problems, f"expires must be a date such as 2027-01-31, not {entry['expires']!r}"]
    if expires < today:
        problems.append(
            f"exemption of {entry['control']} for {entry['urn']} ({entry['ticket']}) expired on {expires}; fix the finding or renew it"
        )
    return problems


def nearest(name: str, known: Collection[str]) -> str:
    """Returns `; did you mean '...'?` for a misspelt name, or nothing when no known name is near."""
    found = difflib.get_close_matches(name, sorted(known), n=1)
    return f"; did you mean {found[0]!r}?" if found else ""
