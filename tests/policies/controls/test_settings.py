"""Settings that many services share."""

from typing import Any

import pytest
from cloudpatterns_policies.controls import _settings as settings
from cloudpatterns_policies.core import UNKNOWN, Fail, Pass, Unknown, UnknownValueError, Verdict

from tests.policies.helpers import resource


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        ({"first": True}, Pass()),
        ({"second": "set"}, Pass()),
        ({"first": False, "second": True}, Pass()),
        ({"first": UNKNOWN, "second": True}, Pass()),
        ({"first": UNKNOWN, "second": UNKNOWN}, Unknown("first")),
        ({"second": UNKNOWN}, Unknown("second")),
        ({"first": False}, Fail("is off", "first")),
        ({}, Fail("is off", "first")),
    ],
)
def test_one_of_several(props: dict[str, Any], expected: Verdict) -> None:
    assert settings.any_set(resource("x:y:Z", props=props), ("first", "second"), "is off") == expected


def test_schemas_of_settings() -> None:
    assert settings.PRODUCTION["type"] == "boolean"
    assert settings.PRODUCTION["default"] is True
    days = settings.minimum_days(3, 5)["minimumDays"]
    assert [days[name] for name in ("type", "minimum", "maximum", "default")] == ["integer", 1, 5, 3]
    assert all(item["description"].endswith(".") for item in (days, settings.PRODUCTION))


@pytest.mark.parametrize(
    ("items", "wanted", "absent"),
    [
        (["a", "b"], ("b", "a"), []),
        (["a"], ("b", "a", "c"), ["b", "c"]),
        ([UNKNOWN, "a"], ("a",), []),
        (None, ("a",), ["a"]),
    ],
)
def test_what_is_missing_in_a_list(items: Any, wanted: tuple[str, ...], absent: list[str]) -> None:
    assert settings.missing(resource("x:y:Z", props={"logs": items}), "logs", wanted) == absent


def test_an_unknown_item_may_be_what_is_missing() -> None:
    with pytest.raises(UnknownValueError) as caught:
        settings.missing(resource("x:y:Z", props={"logs": ["a", UNKNOWN]}), "logs", ("b",))
    assert (caught.value.path, caught.value.urn) == ("logs", resource("x:y:Z").urn)


@pytest.mark.parametrize(
    ("items", "opened"),
    [
        (["10.0.0.0/8", "198.51.100.7"], ""),
        (["10.0.0.0/8", "0.0.0.0/0"], "0.0.0.0/0"),
        (["::/0", "10.0.0.0/8"], "::/0"),
        (["0.0.0.0/1", "128.0.0.0/1"], "0.0.0.0/1 and 128.0.0.0/1"),
        ([UNKNOWN, "0.0.0.0/0"], "0.0.0.0/0"),
        (["no CIDR"], ""),
        (None, ""),
    ],
)
def test_the_internet_among_cidrs(items: Any, opened: str) -> None:
    assert settings.internet_among(resource("x:y:Z", props={"cidrs": items}), "cidrs") == opened


def test_an_unknown_cidr_may_be_the_internet() -> None:
    with pytest.raises(UnknownValueError) as caught:
        settings.internet_among(resource("x:y:Z", props={"cidrs": ["10.0.0.0/8", UNKNOWN]}), "cidrs")
    assert (caught.value.path, caught.value.urn) == ("cidrs", resource("x:y:Z").urn)
    assert settings.internet_among(resource("x:y:Z"), "cidrs", ("0.0.0.0/0",)) == "0.0.0.0/0"
