"""Profiles: what is taken over, and what is refused with which words."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from cloudpatterns_policies.core import Level, Pass, ProfileError, Severity, control, read_profile, validate_profile
from cloudpatterns_policies.core.configuration import today

TODAY = date(2026, 11, 20)
META: dict[str, Any] = {"title": "t", "types": ("a:b:C",), "why": "w", "remediation": "r", "url": "https://example.com"}
SCHEMA = {
    "days": {"type": "integer", "default": 7},
    "share": {"type": "number", "default": 0.5},
    "mode": {"type": "string", "enum": ["warn", "fail"], "default": "warn"},
    "names": {"type": "array", "items": {"type": "string"}, "default": []},
    "any": {"default": None},
    "flag": {"type": "boolean", "default": False},
}


def check(resource: object) -> Pass:
    return Pass()


CONTROLS = [
    control(id="bucket-private", severity=Severity.LOW, **META)(check),
    control(id="key-rotated", severity=Severity.HIGH, config=SCHEMA, **META)(check),
]
ENTRY = {"control": "key-rotated", "urn": "*", "reason": "r", "owner": "o", "ticket": "T-1", "expires": "2026-11-20"}


def without(name: str) -> dict[str, str]:
    return {key: value for key, value in ENTRY.items() if key != name}


def test_a_profile_is_completed() -> None:
    profile = {
        "bucket-private": "mandatory",
        "key-rotated": {"enforcementLevel": "advisory", "days": 3, "share": 1, "mode": "fail", "names": ["a"], "any": 1, "flag": True},
        "exemptions": {"entries": [ENTRY]},
        "environments": ["team/policies"],
    }
    read = read_profile(profile, CONTROLS, TODAY)
    assert read.levels == {
        "bucket-private": Level.MANDATORY,
        "key-rotated": Level.ADVISORY,
        "exemptions": Level.MANDATORY,
        "baseline": Level.ADVISORY,
        "unknowns": Level.ADVISORY,
    }
    assert read.properties["key-rotated"] == {"days": 3, "share": 1, "mode": "fail", "names": ["a"], "any": 1, "flag": True}
    assert [(item.control, item.expires, item.detail) for item in read.exemptions] == [("key-rotated", TODAY, "*")]
    assert validate_profile(profile, CONTROLS, TODAY) == []


def test_an_empty_profile_leaves_the_defaults() -> None:
    assert read_profile({}, CONTROLS).levels == {
        "bucket-private": Level.ADVISORY,
        "key-rotated": Level.MANDATORY,
        "exemptions": Level.MANDATORY,
        "baseline": Level.ADVISORY,
        "unknowns": Level.ADVISORY,
    }


def test_a_control_that_is_shipped_disabled_runs_only_when_it_is_switched_on() -> None:
    off = control(id="off", severity=Severity.CRITICAL, disabled="it contradicts another one", **META)(check)
    assert [read_profile(profile, [off]).levels["off"].value for profile in ({}, {"off": "mandatory"})] == ["disabled", "mandatory"]


def test_all_reaches_what_is_not_named() -> None:
    read = read_profile({"all": "disabled", "key-rotated": "mandatory"}, CONTROLS)
    assert read.levels == {
        "bucket-private": Level.DISABLED,
        "key-rotated": Level.MANDATORY,
        "exemptions": Level.DISABLED,
        "baseline": Level.DISABLED,
        "unknowns": Level.DISABLED,
    }


@pytest.mark.parametrize(
    ("profile", "level"),
    [
        ({}, Level.ADVISORY),
        ({"all": "mandatory"}, Level.ADVISORY),
        # As the CLI sends it: "all" has reached every policy by then.
        ({"all": "mandatory", "unknowns": "mandatory"}, Level.ADVISORY),
        ({"all": "disabled", "unknowns": "advisory"}, Level.ADVISORY),
        ({"unknowns": "disabled"}, Level.DISABLED),
    ],
)
def test_the_summary_of_unknowns_never_blocks(profile: dict[str, Any], level: Level) -> None:
    assert read_profile(profile, CONTROLS).levels["unknowns"] is level


def test_an_unknown_fails_where_the_profile_says_so() -> None:
    read = read_profile({"key-rotated": {"onUnknown": "fail"}, "bucket-private": {"onUnknown": "warn"}}, CONTROLS)
    assert [read.fails_on_unknown(name) for name in ("key-rotated", "bucket-private", "other")] == [True, False, False]


@pytest.mark.parametrize(
    ("profile", "problem"),
    [
        ({"key-rotate": "advisory"}, "the profile names an unknown control 'key-rotate'; did you mean 'key-rotated'?"),
        ({"zzz": {"days": 1}}, "the profile names an unknown control 'zzz'"),
        (
            {"key-rotated": "madatory"},
            "key-rotated: 'madatory' is not an enforcement level; use one of advisory, mandatory, remediate, disabled",
        ),
        ({"key-rotated": 3}, "key-rotated: 3 is not an enforcement level; use one of advisory, mandatory, remediate, disabled"),
        (
            {"key-rotated": {"enforcementLevel": None}},
            "key-rotated: None is not an enforcement level; use one of advisory, mandatory, remediate, disabled",
        ),
        ({"key-rotated": {"day": 1}}, "key-rotated: unknown property 'day'; did you mean 'days'?"),
        ({"key-rotated": {"days": "x"}}, "key-rotated: days must be integer, not 'x'"),
        ({"key-rotated": {"days": True}}, "key-rotated: days must be integer, not True"),
        ({"key-rotated": {"mode": "block"}}, "key-rotated: mode must be warn or fail, not 'block'"),
        ({"key-rotated": {"names": [1]}}, "key-rotated: names must be array, not [1]"),
        ({"bucket-private": {"days": 1}}, "bucket-private: unknown property 'days'"),
        ({"bucket-private": {"onUnknown": "error"}}, "bucket-private: onUnknown must be warn or fail, not 'error'"),
        ({"bucket-private": {"onUnknown": True}}, "bucket-private: onUnknown must be warn or fail, not True"),
        ({"key-rotated": {"on_unknown": "fail"}}, "key-rotated: unknown property 'on_unknown'; did you mean 'onUnknown'?"),
        ({"all": {"onUnknown": "fail"}}, "all: takes an enforcement level and no properties"),
        ({"unknowns": {"onUnknown": "fail"}}, "unknowns: unknown property 'onUnknown'"),
        (
            {"unknowns": "mandatory"},
            "unknowns: is only a summary, so it must be advisory or disabled; set onUnknown to fail on the controls that should block",
        ),
        ({"all": {"days": 1}}, "all: takes an enforcement level and no properties"),
        ({"exemptions": {"entry": []}}, "exemptions: unknown property 'entry'; did you mean 'entries'?"),
        ({"exemptions": {"entries": {}}}, "exemptions: entries must be array, not {}"),
        ({"exemptions": {"entries": ["x"]}}, "exemptions: entries must be array, not ['x']"),
        ({"exemptions": {"entries": [without("owner")]}}, "exemptions: entries[0]: owner is missing or empty"),
        ({"exemptions": {"entries": [{**ENTRY, "reason": " "}]}}, "exemptions: entries[0]: reason is missing or empty"),
        ({"exemptions": {"entries": [{**ENTRY, "detail": " "}]}}, "exemptions: entries[0]: detail is empty"),
        (
            {"exemptions": {"entries": [{**ENTRY, "details": "x"}]}},
            "exemptions: entries[0]: unknown field 'details'; did you mean 'detail'?",
        ),
        (
            {"exemptions": {"entries": [{**ENTRY, "tickets": "x"}]}},
            "exemptions: entries[0]: unknown field 'tickets'; did you mean 'ticket'?",
        ),
        (
            {"exemptions": {"entries": [ENTRY, {**ENTRY, "control": "key-rotatd"}]}},
            "exemptions: entries[1]: unknown control 'key-rotatd'; did you mean 'key-rotated'?",
        ),
        (
            {"exemptions": {"entries": [{**ENTRY, "expires": "soon"}]}},
            "exemptions: entries[0]: expires must be a date such as 2027-01-31, not 'soon'",
        ),
        (
            {"exemptions": {"entries": [{**ENTRY, "expires": "2026-11-19"}]}},
            "exemptions: entries[0]: exemption of key-rotated for * (T-1) expired on 2026-11-19; fix the finding or renew it",
        ),
    ],
)
def test_a_mistake_is_named(profile: dict[str, Any], problem: str) -> None:
    problems = validate_profile(profile, CONTROLS, TODAY)
    assert problems[0] == problem
    with pytest.raises(ProfileError) as raised:
        read_profile(profile, CONTROLS, TODAY)
    assert str(raised.value) == "; ".join(problems)


def test_all_mistakes_are_named_at_once() -> None:
    profile = {
        "key-rotated": {"enforcementLevel": "never", "day": 1},
        "bucket-privat": "advisory",
        "exemptions": {"entries": [without("urn")]},
    }
    assert len(validate_profile(profile, CONTROLS, TODAY)) == 4


def test_today_is_in_utc() -> None:
    before = datetime.now(UTC).date()
    assert before <= today() <= datetime.now(UTC).date()


def test_levels_travel() -> None:
    assert [Level.of(item.wire) for item in (Level.ADVISORY, Level.MANDATORY, Level.DISABLED)] == [
        Level.ADVISORY,
        Level.MANDATORY,
        Level.DISABLED,
    ]
    assert Level.of(Level.REMEDIATE.wire) is Level.MANDATORY
    with pytest.raises(ValueError, match="99"):
        Level.of(99)
