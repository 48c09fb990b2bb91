"""Changes as people read them: equal ones together, a component with what is in it, long values cut."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from offline_preview.changes import MARKS, UNKNOWN_TEXT, Change, Kind, Property

_CONTEXT: Final = 20
"""Characters before the first difference of two long values that are still shown."""


@dataclass(slots=True)
class Group:
    """Changes that are the same on several resources, or of a component with all that is in it."""

    kind: Kind
    changes: list[Change] = field(default_factory=list)
    inside: list[Change] = field(default_factory=list)
    """What is in the component, if it is one."""

    @property
    def first(self) -> Change:
        """The change that stands for all."""
        return self.changes[0]

    def values(self, longest: int) -> Iterator[tuple[Property, str, str]]:
        """Each property that changes, and its values as views show them; empty for old ones that differ from resource to resource."""
        for index, one in enumerate(self.first.properties):
            same = all(change.properties[index].before == one.before for change in self.changes)
            before, after = _value_text(one.before), _value_text(one.after)
            start = _common(before, after) if max(len(before), len(after)) > longest else 0
            yield one, _cut(before, start, longest) if same else "", _cut(after, start, longest)


def grouped(changes: Sequence[Change]) -> list[Group]:
    """Changes for views that people read, in their order: equal ones together, and what is in an added or removed component with it."""
    whole = {(change.kind, change.urn): change for change in changes if not change.custom and change.kind in ("added", "removed")}
    groups: dict[object, Group] = {}
    for change in changes:
        top, seen = change, {change.urn}
        while (parent := whole.get((change.kind, top.parent))) is not None and parent.urn not in seen:
            top = parent
            seen.add(top.urn)
        if not top.custom and top.kind in ("added", "removed"):
            key: object = (change.kind, top.urn)
        elif change.kind in ("added", "removed"):
            key = (change.kind, change.type, change.notes)
        else:
            # New values that nobody knows are the same to a reader, whatever the old ones are.
            values = [
                (one.path, one.after if one.after == UNKNOWN_TEXT else (one.before, one.after), one.replaces) for one in change.properties
            ]
            key = (change.kind, repr(values), change.notes, change.is_known, change.former and change.urn)
        group = groups.setdefault(key, Group(change.kind))
        (group.changes if change is top else group.inside).append(change)
    return list(groups.values())


def _common(before: str, after: str) -> int:
    """Where two long values begin to differ, with something before it."""
    first = next((index for index, (one, other) in enumerate(zip(before, after, strict=False)) if one != other), 0)
    return max(0, first - _CONTEXT)


def _cut(text: str, start: int, longest: int) -> str:
    text = f"...{text[start:]}" if start else text
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def _value_text(value: Any) -> str:
    """A value for views that people read."""
    if value in (None, *MARKS):
        return "not set" if value is None else value
    return json.dumps(value, ensure_ascii=False)
