"""Finds the controls: every `Control` that a module under `cloudpatterns_policies.controls` defines. No list is kept."""

import importlib
import itertools
import pkgutil
from collections.abc import Iterable

from cloudpatterns_policies.core.control import SECURITY, Control

CONTROLS_PACKAGE = "cloudpatterns_policies.controls"
"""The package of the project's own controls."""


def discover(package: str = CONTROLS_PACKAGE, *, pack: str | None = SECURITY) -> tuple[Control, ...]:
    """Returns the controls of one pack, or for None of all, that the modules of `package` define, sorted by id.

    Raises `ValueError` for an id that is used twice, be it in two packs.
    """
    root = importlib.import_module(package)
    names = sorted(info.name for info in pkgutil.walk_packages(root.__path__, f"{package}."))
    found: dict[int, Control] = {}
    for name in names:
        for value in vars(importlib.import_module(name)).values():
            if isinstance(value, Control):
                found[id(value)] = value
    return tuple(control for control in checked(found.values()) if pack in (None, control.pack))


def checked(controls: Iterable[Control]) -> tuple[Control, ...]:
    """Returns `controls` sorted by id. Raises `ValueError` when an id is used twice; metadata is checked by `Control` itself."""
    ordered = tuple(sorted(controls, key=lambda item: item.id))
    twice = sorted({left.id for left, right in itertools.pairwise(ordered) if left.id == right.id})
    if twice:
        raise ValueError(f"control ids used twice: {', '.join(twice)}")
    return ordered
