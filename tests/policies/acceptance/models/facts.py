"""What the model says of a member, and whether it is safe to judge by it: no false alarm outranks coverage.

A constraint is left out, with the reason counted, where AWS has loosened it before, where it will, or where the SDK's documentation of the
input says otherwise, so that the provider translates the value or the name stands for another thing.
"""

import re
import warnings
from collections import Counter
from collections.abc import Mapping
from typing import Any

from tests.policies.acceptance.models.history import Stable
from tests.policies.acceptance.models.match import Leaf

GROWING = (
    # Hardware and places.
    *("InstanceType", "NodeType", "InstanceClass", "Accelerator", "Device", "DiskType", "VolumeType", "Size", "Region"),
    # Software and what it speaks.
    *("Version", "Runtime", "Engine", "Platform", "OperatingSystem", "Ami", "Driver", "Framework", "Model", "Codec", "Profile", "Family"),
    *("Language", "Locale", "Country", "Currency", "Spec", "Algorithm", "Suite", "Cipher", "Ssl", "Tls", "Policies", "Standard", "Unit"),
    # Services and what they have.
    *("Service", "Source", "Resource", "Entity", "Feature", "Dimension", "Namespace", "Metric", "Capability", "Purpose", "StorageClass"),
    # Companies and what they sell.
    *("Connector", "Provider", "Vendor", "License", "Sku", "Edition"),
)
"""Parts of names of shapes and members whose enumerations are not judged: AWS adds to them, whatever the last four years saw."""

SWITCHES = frozenset(
    ("enabled", "disabled", "enable", "disable", "on", "off", "allow", "deny", "none", "active", "inactive", "true", "false")
)
"""Values of an enumeration that is closed, however young it is."""

FEWEST, MOST = 2, 30
"""An enumeration of one value is one that has just begun; a long one is a catalogue."""

_TICKS = re.compile(r"`([\w.:/+-]+)`")
_NUMBER = re.compile(r"(?<![\w.])-?\d{1,12}(?:,\d{3})*(?:\.\d+)?(?![\w.]*\w)")
_UNITS = ("second", "minute", "hour", "day", "week", "month")


class Facts:
    """Turns leaves into facts; `left` counts why constraints were left out, `examples` has some of each."""

    def __init__(self, stable: Stable, names: Mapping[str, Any]) -> None:
        self._stable = stable
        self._unjudged = {key.partition("#")[0]: (key.partition("#")[2], reason) for key, reason in names["unjudged"].items()}
        self._any_case = frozenset(names["any_case"])
        self.left: Counter[str] = Counter()
        self.examples: dict[str, list[str]] = {}

    def of(self, token: str, leaf: Leaf) -> dict[str, Any]:
        """The constraints of a leaf: `enum`, `pattern`, `length` or `range` as a pair, `items` for a list."""
        shape = leaf.service.shapes[leaf.shape]
        stable = self._stable.get(leaf.service.name, {}).get(leaf.shape)
        facts: dict[str, Any] = {}
        place = f"{token}.{leaf.path}"
        only, reason = self._unjudged.get(place, ("", ""))
        for name, value, why in (
            ("enum", shape.get("enum"), lambda: self._enum(leaf, shape, stable)),
            ("pattern", shape.get("pattern"), lambda: self._pattern(leaf, shape, stable)),
            (_bounds_name(leaf), _bounds(shape), lambda: self._bounds(leaf, shape, stable)),
        ):
            if value is None or (name != "enum" and "enum" in shape):
                continue
            why_not = "in names.yaml" if reason and (not only or only == name) else why()
            if why_not:
                self.left[f"{name}: {why_not}"] += 1
                self.examples.setdefault(f"{name}: {why_not}", []).append(f"{place} {leaf.service.name}.{leaf.shape} {str(value)[:100]}")
            else:
                facts[name] = value
        return facts

    def _enum(self, leaf: Leaf, shape: dict[str, Any], stable: list[str] | None) -> str:
        values = shape["enum"]
        if f"{leaf.service.name}.{leaf.shape}" in self._any_case:
            return "taken in any case"
        if stable is not None and "enum" not in stable:
            return "has grown"
        if not FEWEST <= len(values) <= MOST:
            return "one value or many"
        closed = all(value.casefold() in SWITCHES for value in values)
        if stable is None and not closed:
            return "too young to tell"
        if not closed and any(part in leaf.shape or part in leaf.member for part in GROWING):
            return "grows by its nature"
        return _told_otherwise(leaf.input.prose, values)

    def _pattern(self, leaf: Leaf, shape: dict[str, Any], stable: list[str] | None) -> str:
        pattern = shape["pattern"]
        if stable is None:
            return "too young to tell"
        if "pattern" not in stable:
            return "was changed"
        if "arn" in pattern.casefold() and not re.search(r"aws(\[|\(|[a-z|-]*-|\.)|\(aws|\[\^|\.\*", pattern):
            return "knows one partition"
        if pattern.startswith("/") or re.search(r"\\\\[+dws.]", pattern):
            return "written wrongly in the model"
        if re.search(r"\\[pPuxhHzZR]|\[\[:|&&|\(\?[a-z]", pattern):
            return "not for Python"
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                re.compile(pattern)
        except (re.error, FutureWarning, DeprecationWarning):
            return "not for Python"
        if re.fullmatch(pattern, "x y, Zä\n./:-_0", re.DOTALL):
            return "says nothing"
        if re.search(r"[+*]\)[+*{]|[+*]\)\?[+*]", pattern):
            return "may take for ever"
        return ""

    def _bounds(self, leaf: Leaf, shape: dict[str, Any], stable: list[str] | None) -> str:
        if stable is None:
            return "too young to tell"
        if {"min", "max"} & shape.keys() - set(stable):
            return "was changed"
        low, high = _bounds(shape) or (None, None)
        if high is None and (low is None or low <= 1):
            return "says nothing"
        if _bounds_name(leaf) == "range":
            return _number_told_otherwise(leaf, low, high)
        return "says nothing" if (low is None or low <= 1) and high is not None and high > 1_000_000 else ""


def _bounds_name(leaf: Leaf) -> str:
    return {"str": "length", "list": "items"}.get(leaf.kind.name, "range")


def _bounds(shape: dict[str, Any]) -> tuple[float | None, float | None] | None:
    return (shape.get("min"), shape.get("max")) if {"min", "max"} & shape.keys() else None


def _told_otherwise(prose: str, values: list[str]) -> str:
    """Why the documentation of the input and the enumeration do not go together; empty when they do."""
    told = {value for value in _TICKS.findall(prose) if not re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)+|true|false|null|-?\d+", value)} - {""}
    told |= {value for value in _TICKS.findall(prose) if value in values}
    if not told:
        return ""
    folded = {value.casefold() for value in values}
    if not told & set(values):
        return "documented in another case" if {value.casefold() for value in told} & folded else "documented with other values"
    more = {value for value in told - set(values) if _alike(value, values)}
    return "documented with more values" if more else ""


def _alike(value: str, values: list[str]) -> bool:
    """Whether a text could be one more of the values: written in the same way."""
    if value.casefold() in {each.casefold() for each in values}:
        return True
    return any((value.isupper(), value.islower(), "." in value) == (each.isupper(), each.islower(), "." in each) for each in values)


def _number_told_otherwise(leaf: Leaf, low: float | None, high: float | None) -> str:
    prose = re.sub(r"https?://\S+|\(\S+\)", "", leaf.input.prose)
    for text in _NUMBER.findall(prose):
        number = float(text.replace(",", ""))
        if number and not ((low is None or number >= low) and (high is None or number <= high)):
            return "documented with other numbers"
    ours = {unit for unit in _UNITS if unit in f"{prose} {leaf.input.name}".casefold()}
    theirs = {unit for unit in _UNITS if unit in f"{leaf.prose} {leaf.member} {leaf.shape}".casefold()}
    return "documented in another unit" if ours and theirs and not ours & theirs else ""
