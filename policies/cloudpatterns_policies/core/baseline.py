"""Known findings of a stack that exists, as data in the profile: they are reported apart and do not block, so that only new ones do.

In the profile:

    "baseline": {"entries": [{
        "control": "s3-versioning",
        "urn": "urn:pulumi:prod::shop::aws:s3/bucket:Bucket::logs",
        "detail": "keeps no old versions - versioning"}]}

`offline-preview --write-baseline` records them, and `python -m offline_preview.baseline` prints a profile with them. `detail` is what the
finding says. Positions in lists and generated ids in it may change; another port, address or number of days is another finding.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

BASELINE: Final = "baseline"
"""Name of the pseudo-policy that carries the known findings and reports those that are gone."""
BASELINE_TITLE: Final = "Every known finding of the baseline is still there"
"""Its title."""
BASELINE_REMEDY: Final = "Remove it from the baseline of the profile."

_TEXTS: Final = {
    "control": "Id of the control.",
    "urn": "URN of the resource, or of the stack.",
    "detail": "What the finding says, without the remedy.",
}

SCHEMA: Final[Mapping[str, Mapping[str, Any]]] = {
    "entries": {
        "type": "array",
        "description": "The known findings.",
        "default": [],
        "items": {
            "type": "object",
            "properties": {name: {"type": "string", "minLength": 1, "description": text} for name, text in _TEXTS.items()},
            "required": list(_TEXTS),
            "additionalProperties": False,
        },
    }
}
"""JSON schema of the pseudo-policy's configuration."""

_STACK: Final = "::pulumi:pulumi:Stack::"
# rules[0].port, rules.0.port, statement 2.
_POSITION: Final = re.compile(r"\[\d+\]|(?<=[A-Za-z\]])\.\d+(?!\w)|\bstatement \d+(?!\w)")
# Ids and the ends of generated names: vpc-0a1b2c3d4e5f60718, logs-1a2b3c4.
_GENERATED: Final = re.compile(r"-(?=[0-9a-f]*\d)[0-9a-f]{7,}\b")


@dataclass(frozen=True, slots=True, order=True)
class Known:
    """One known finding; the fields are those of the profile, but that `urn` is empty for the stack as a whole."""

    control: str
    urn: str
    detail: str

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes it the same finding."""
        return self.control, self.urn, _GENERATED.sub("-*", _POSITION.sub("*", self.detail))


def place(urn: str) -> str:
    """The URN of a resource, empty for that of the stack: findings on the stack as a whole have none."""
    return "" if _STACK in urn else urn


def recognised(findings: Sequence[Known], entries: Iterable[Known]) -> list[Known | None]:
    """The entry of each of `findings` that is known. An entry fits one finding, first one that says exactly the same: of two that differ
    in nothing else, the second is new.
    """
    free: dict[tuple[str, str, str], list[Known]] = {}
    for entry in entries:
        free.setdefault(entry.key, []).append(entry)
    result: list[Known | None] = [None] * len(findings)
    for exactly in (True, False):
        for index, finding in enumerate(findings):
            left = free.get(finding.key, [])
            fitting = next((entry for entry in left if entry == finding or not exactly), None)
            if result[index] is None and fitting is not None:
                left.remove(fitting)
                result[index] = fitting
    return result


def parse(entries: object, stack: str = "") -> tuple[list[Known], list[str]]:
    """Returns the known findings, and the problems of the entries: wrong fields, or URNs that do not begin with that of the `stack`."""
    if not isinstance(entries, list):
        return [], ["baseline: entries must be a list"]
    known, problems = [], []
    for index, entry in enumerate(entries):
        fields = entry if isinstance(entry, Mapping) else {}
        if fields.keys() != _TEXTS.keys() or not all(isinstance(text, str) and text for text in fields.values()):
            problems.append(f"baseline: entries[{index}]: must have the texts {', '.join(_TEXTS)}, and nothing else")
        elif not fields["urn"].startswith(stack):
            problems.append(f"baseline: entries[{index}]: is of another stack, {fields['urn']}; record the findings of this one")
        else:
            known.append(Known(fields["control"], place(fields["urn"]), fields["detail"]))
    # One is enough to tell that the whole list is wrong.
    return known, problems[:1]
