"""The profile of a pack: the level of each control, its properties, and the exemptions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any, Final

from pulumi.runtime.proto import analyzer_pb2

from cloudpatterns_policies.core import baseline, exemptions
from cloudpatterns_policies.core.baseline import BASELINE, Known
from cloudpatterns_policies.core.control import FAIL_ON_UNKNOWN, ON_UNKNOWN, Control
from cloudpatterns_policies.core.exemptions import EXEMPTIONS, Exemption, nearest
from cloudpatterns_policies.core.unknowns import UNKNOWNS
from cloudpatterns_policies.core.verdicts import Severity


class Level(Enum):
    """Enforcement levels, named as in a profile."""

    ADVISORY = "advisory"
    MANDATORY = "mandatory"
    REMEDIATE = "remediate"
    DISABLED = "disabled"

    @property
    def wire(self) -> analyzer_pb2.EnforcementLevel.ValueType:
        """The protocol's number."""
        return analyzer_pb2.EnforcementLevel.Value(self.name)

    @classmethod
    def of(cls, number: int) -> "Level":
        """The level of a protocol number; raises `ValueError` when there is none. No control remediates: `remediate` is `mandatory`."""
        level = cls[analyzer_pb2.EnforcementLevel.Name(number)]  # ty: ignore[invalid-argument-type] - a newer engine may send another number
        return cls.MANDATORY if level is cls.REMEDIATE else level


class ProfileError(Exception):
    """The profile is invalid. The text names every problem."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))


LOWEST_MANDATORY: Final = Severity.MEDIUM
"""Without a profile, controls of this severity and above block."""


def default_level(control: Control, lowest_mandatory: Severity = LOWEST_MANDATORY) -> Level:
    """The level a control has by its severity, unless it is shipped disabled."""
    if control.disabled:
        return Level.DISABLED
    return Level.MANDATORY if control.severity >= lowest_mandatory else Level.ADVISORY


def today() -> date:
    """The current date in UTC, by which exemptions expire."""
    return datetime.now(UTC).date()


@dataclass(frozen=True)
class Configuration:
    """A checked profile, complete for every control."""

    levels: Mapping[str, Level]
    properties: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    exemptions: tuple[Exemption, ...] = ()
    baseline: tuple[Known, ...] = ()

    def fails_on_unknown(self, control: str) -> bool:
        """Whether an unknown verdict of that control counts as a failure of it."""
        return self.properties.get(control, {}).get(ON_UNKNOWN) == FAIL_ON_UNKNOWN


def configure(
    controls: Iterable[Control],
    levels: Mapping[str, Level],
    properties: Mapping[str, Mapping[str, Any]],
    on: date,
    stack: str = "",
) -> Configuration:
    """Returns the complete configuration. `levels` and `properties` are by control id, `all` or pseudo-policy; `on` is today.

    `stack` is the beginning of its URNs, if it is known. Raises `ProfileError` for unknown names, unknown or ill-typed properties, a
    summary that is to block, exemptions that are malformed, expired or of unknown controls, and a baseline of another stack.
    """
    known = {control.id: control for control in controls}
    schemas = {EXEMPTIONS: exemptions.SCHEMA, BASELINE: baseline.SCHEMA, UNKNOWNS: {}}
    names = {*known, *schemas, "all"}
    problems = [
        f"the profile names an unknown control {name!r}{nearest(name, names)}"
        for name in sorted({*levels, *properties})
        if name not in names
    ]
    for name, given in sorted(properties.items()):
        schema = known[name].schema if name in known else schemas.get(name)
        if schema is None and name == "all" and given:
            problems.append("all: takes an enforcement level and no properties")
        if schema is not None:
            problems += [f"{name}: {problem}" for problem in _property_problems(given, schema)]
    everywhere = levels.get("all")
    # "all" includes the summary; only an entry that names it can mean that it should block.
    if levels.get(UNKNOWNS) is Level.MANDATORY and everywhere is not Level.MANDATORY:
        problems.append(
            f"{UNKNOWNS}: is only a summary, so it must be advisory or disabled; set {ON_UNKNOWN} to fail on the controls that should block"
        )
    if levels.get(BASELINE) is Level.MANDATORY and everywhere is not Level.MANDATORY:
        problems.append(f"{BASELINE}: a finding that is gone never blocks, so it must be advisory or disabled")
    entries = {name: properties.get(name, {}).get("entries", []) for name in (EXEMPTIONS, BASELINE)}
    parsed, wrong = exemptions.parse(entries[EXEMPTIONS], known.keys(), on)
    accepted, unusable = baseline.parse(entries[BASELINE], stack)
    problems += [problem for problem in (*wrong, *unusable) if problem not in problems]
    if problems:
        raise ProfileError(problems)
    complete = {control.id: levels.get(control.id, everywhere or default_level(control)) for control in known.values()}
    complete[EXEMPTIONS] = levels.get(EXEMPTIONS, everywhere or Level.MANDATORY)
    for name in (UNKNOWNS, BASELINE):
        complete[name] = Level.DISABLED if levels.get(name, everywhere) is Level.DISABLED else Level.ADVISORY
    return Configuration(complete, {name: dict(given) for name, given in properties.items()}, tuple(parsed), tuple(accepted))


def read_profile(profile: Mapping[str, Any], controls: Iterable[Control], on: date | None = None) -> Configuration:
    """Returns the configuration that a profile file (`dev.json`, parsed) gives. Raises `ProfileError`, which names every problem."""
    levels: dict[str, Level] = {}
    properties: dict[str, dict[str, Any]] = {}
    problems: list[str] = []
    for name, value in profile.items():
        if name == "environments":  # the CLI's own key, which never reaches a pack
            continue
        given = dict(value) if isinstance(value, Mapping) else {"enforcementLevel": value}
        if "enforcementLevel" in given:
            level = given.pop("enforcementLevel")
            try:
                levels[name] = Level(level)
            except ValueError:
                problems.append(f"{name}: {level!r} is not an enforcement level; use one of {', '.join(item.value for item in Level)}")
        properties[name] = given
    try:
        configuration = configure(controls, levels, properties, on or today())
    except ProfileError as error:
        raise ProfileError([*problems, *error.problems]) from None
    if problems:
        raise ProfileError(problems)
    return configuration


def validate_profile(profile: Mapping[str, Any], controls: Iterable[Control], on: date | None = None) -> list[str]:
    """Returns the problems of a profile file, one line each; an empty list when it is valid."""
    try:
        read_profile(profile, controls, on)
    except ProfileError as error:
        return list(error.problems)
    return []


_TYPES: Final[Mapping[str, type | tuple[type, ...]]] = {
    "string": str,
    "number": (int, float),
    "integer": int,
    "boolean": bool,
    "array": list,
    "object": Mapping,
}


def _property_problems(given: Mapping[str, Any], schema: Mapping[str, Mapping[str, Any]]) -> list[str]:
    problems = []
    for name, value in given.items():
        if name not in schema:
            problems.append(f"unknown property {name!r}{nearest(name, schema.keys())}")
        elif not _fits(value, schema[name]):
            allowed = schema[name].get("enum") or schema[name].get("type")
            problems.append(
                f"{name} must be {allowed if isinstance(allowed, str) else ' or '.join(map(str, allowed or ()))}, not {value!r}"
            )
    return problems


def _fits(value: Any, schema: Mapping[str, Any]) -> bool:
    """A small part of JSON schema (`type`, `enum`, type of `items`); the CLI checks the rest."""
    expected = schema.get("type", "")
    if expected in _TYPES and (not isinstance(value, _TYPES[expected]) or (isinstance(value, bool) and expected != "boolean")):
        return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    return expected != "array" or all(_fits(item, {"type": schema.get("items", {}).get("type", "")}) for item in value)
