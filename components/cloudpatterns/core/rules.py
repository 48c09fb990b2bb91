"""Rules over several arguments, and the names of children, as problems that an ``ArgumentError`` reports.

An argument counts as given when the caller chose something: see ``is_given``.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pulumi

from cloudpatterns.core.arguments import Checked, Problem

# Pulumi's auto-naming adds a dash and seven random characters to the logical name.
_AUTO_NAME_SUFFIX = 8


def is_given(checked: Mapping[str, Any], name: str) -> bool:
    """Whether the caller chose something for an argument: neither left it out, nor gave the default, None, False or nothing in it."""
    value = checked[name]
    if isinstance(checked, Checked) and name not in checked.given:
        return False
    return isinstance(value, pulumi.Output) or not (value is None or value is False or value in ([], {}))


def one_of(checked: Mapping[str, Any], *alternatives: str | tuple[str, ...], path: str = "") -> Iterator[Problem]:
    """Exactly one of the alternatives is given; a tuple of arguments is one alternative, all of them together.

    ``path`` is where ``checked`` stands among the component's arguments, with a dot behind it.
    """
    groups = [(one,) if isinstance(one, str) else one for one in alternatives]
    given = [group for group in groups if any(is_given(checked, name) for name in group)]
    if len(given) != 1:
        *first, last = (" with ".join(group) for group in groups)
        choice = f"{', '.join(first)} and {last}"
        found = "none" if not given else "both" if len(given) == 2 else "several"
        verb = "is" if found == "none" else "are"
        yield f"{path}{groups[0][0]}", f"exactly one of {choice} is needed; {found} {verb} given. {'Remove' if given else 'Give'} one."
        return
    for name in given[0]:
        if not is_given(checked, name):
            there = " and ".join(one for one in given[0] if is_given(checked, one))
            yield f"{path}{name}", f"is missing; {there} needs it. Give it, or remove {there}."


def needs(checked: Mapping[str, Any], name: str, *others: str, path: str = "", why: str = "") -> Iterator[Problem]:
    """Where ``name`` is given, the others are; ``why`` is a clause that says the reason."""
    for other in others if is_given(checked, name) else ():
        if not is_given(checked, other):
            yield f"{path}{other}", f"is missing; {name} needs it{f': {why}' if why else ''}. Give it, or remove {name}."


def excludes(checked: Mapping[str, Any], name: str, *others: str, path: str = "", why: str = "") -> Iterator[Problem]:
    """Where ``name`` is given, none of the others is; ``why`` is a clause that says the reason."""
    for other in others if is_given(checked, name) else ():
        if is_given(checked, other):
            yield f"{path}{name}", f"excludes {other}{f': {why}' if why else ''}; both are given. Remove one of them."


def unknown(value: str, kind: str, known: Iterable[str]) -> str:
    """The reason for a name that is none of those known: ``unknown("web", "a function", functions)``."""
    return f"is {value!r}, which is not {kind}; known are {', '.join(known) or 'none'}."


def name_problems(name: str, limits: Mapping[str, int]) -> Iterator[Problem]:
    """A component name with which an auto-named child would pass AWS's limit.

    ``limits`` maps the child's fixed suffix (``"lb"`` for the child ``f"{name}-lb"``) to the service's limit in characters.
    """
    for suffix, limit in limits.items():
        longest = limit - _AUTO_NAME_SUFFIX - len(suffix) - 1
        if len(name) > longest:
            yield (
                "name",
                f"has {len(name)} characters; the child {name}-{suffix} would pass the {limit} characters that AWS allows. "
                f"Give the component a name of at most {longest} characters.",
            )
