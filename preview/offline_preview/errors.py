"""Errors that end a preview with one message and exit code 2."""

import difflib
from collections.abc import Iterable


class PreviewError(Exception):
    """Something in the project, its settings, a policy pack or the command line is wrong.

    The text is the whole message for the user: what is wrong, where, what is allowed and how to fix it. ``details`` is for debugging only.
    """

    def __init__(self, message: str, details: str = "") -> None:
        super().__init__(message)
        self.details = details


def nearest(name: str, known: Iterable[str]) -> str:
    """`` Did you mean 'x'?`` when a known name is similar, else an empty text."""
    matches = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean '{matches[0]}'?" if matches else ""


def listed(names: Iterable[str]) -> str:
    """Names for a message: ``a, b, c``, or ``none``."""
    return ", ".join(sorted(names)) or "none"
