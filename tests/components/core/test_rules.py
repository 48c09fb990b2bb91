from typing import Annotated, Any, NotRequired, TypedDict

import pulumi
import pytest
from cloudpatterns.core import Arguments, excludes, is_given, needs, one_of, unknown
from cloudpatterns.core.rules import name_problems
from pydantic import Field


@pytest.mark.parametrize("value", ["", 0, "a", True, {"a": 1}, [0], pulumi.Output.from_input("x")])
def test_given(value: Any) -> None:
    assert is_given({"a": value}, "a")


@pytest.mark.parametrize("value", [None, False, [], {}])
def test_not_given(value: Any) -> None:
    assert not is_given({"a": value}, "a")


class LidOptions(TypedDict):
    """Options of the lid of a ``Box``."""

    locked: NotRequired[Annotated[bool, Field(default=True)]]


class BoxArgs(TypedDict):
    """Arguments of ``Box``."""

    days: NotRequired[Annotated[int, Field(default=365)]]
    names: NotRequired[Annotated[list[str], Field(default=["a"])]]
    lid: NotRequired[Annotated[LidOptions, Field(default={})]]


class ShelfArgs(TypedDict):
    """Arguments of ``Shelf``."""

    box: NotRequired[Annotated[BoxArgs, Field(default={})]]


def test_the_defaults_of_a_nested_object_are_not_given_when_they_are_passed_on() -> None:
    shelf: Any = Arguments(ShelfArgs).check("s", {})
    passed: Any = Arguments(ShelfArgs).check("s", {"box": shelf["box"]})
    assert not is_given(passed, "box")
    assert is_given(Arguments(ShelfArgs).check("s", {"box": {"days": 30}}), "box")


@pytest.mark.parametrize(("given", "expected"), [({}, False), ({"days": 365}, False), ({"days": 30}, True), ({"days": 365.0}, False)])
def test_a_default_is_not_given_even_when_it_is_passed(given: Any, expected: bool) -> None:
    box: Any = Arguments(BoxArgs).check("b", given)
    assert is_given(box, "days") is expected
    assert not is_given(box, "names")
    assert box["days"] in (30, 365)


@pytest.mark.parametrize(("lid", "expected"), [({}, False), ({"locked": True}, False), ({"locked": False}, True)])
def test_a_part_with_nothing_but_its_defaults_is_not_given(lid: Any, expected: bool) -> None:
    # As a component passes it on that composes another: with all defaults filled in.
    passed = Arguments(BoxArgs).check("b", {"lid": lid})
    assert is_given(Arguments(BoxArgs).check("b", passed), "lid") is expected


def checked(**given: Any) -> dict[str, Any]:
    return {"certificate_arn": None, "domain_name": None, "hosted_zone_id": None, "key": None, "other": None, **given}


@pytest.mark.parametrize("given", [{"key": "k"}, {"other": "o"}])
def test_one_of_two(given: dict[str, Any]) -> None:
    assert list(one_of(checked(**given), "key", "other")) == []


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({}, "exactly one of key and other is needed; none is given. Give one."),
        ({"key": "k", "other": "o"}, "exactly one of key and other is needed; both are given. Remove one."),
    ],
)
def test_none_or_both_of_two(given: dict[str, Any], reason: str) -> None:
    assert list(one_of(checked(**given), "key", "other", path="a.")) == [("a.key", reason)]


@pytest.mark.parametrize(
    ("given", "problems"),
    [
        ({"certificate_arn": "c"}, []),
        ({"domain_name": "d", "hosted_zone_id": "z"}, []),
        ({"domain_name": "d"}, [("hosted_zone_id", "is missing; domain_name needs it. Give it, or remove domain_name.")]),
        (
            {"certificate_arn": "c", "hosted_zone_id": "z"},
            [
                (
                    "certificate_arn",
                    "exactly one of certificate_arn and domain_name with hosted_zone_id is needed; both are given. Remove one.",
                )
            ],
        ),
    ],
)
def test_one_of_a_certificate_and_a_domain_with_its_zone(given: dict[str, Any], problems: list[tuple[str, str]]) -> None:
    assert list(one_of(checked(**given), "certificate_arn", ("domain_name", "hosted_zone_id"))) == problems


def test_several_of_three() -> None:
    [(_, reason)] = one_of(checked(key=1, other=1, domain_name=1), "key", "other", "domain_name")
    assert reason == "exactly one of key, other and domain_name is needed; several are given. Remove one."


def test_needs() -> None:
    assert list(needs(checked(), "key", "other")) == []
    assert list(needs(checked(key=1, other=1), "key", "other")) == []
    assert list(needs(checked(key=1), "key", "other", "domain_name", path="p.")) == [
        ("p.other", "is missing; key needs it. Give it, or remove key."),
        ("p.domain_name", "is missing; key needs it. Give it, or remove key."),
    ]
    assert list(needs(checked(key=1), "key", "other", why="AWS says so")) == [
        ("other", "is missing; key needs it: AWS says so. Give it, or remove key.")
    ]


def test_excludes() -> None:
    assert list(excludes(checked(other=1), "key", "other")) == []
    assert list(excludes(checked(key=1), "key", "other")) == []
    assert list(excludes(checked(key=1, other=1), "key", "other")) == [("key", "excludes other; both are given. Remove one of them.")]
    assert list(excludes(checked(key=1, other=1), "key", "other", path="p.", why="there is one lock")) == [
        ("p.key", "excludes other: there is one lock; both are given. Remove one of them.")
    ]


def test_unknown_names_what_is_known() -> None:
    assert unknown("web", "a function", {"app": 1, "db": 2}) == "is 'web', which is not a function; known are app, db."
    assert unknown("web", "a function", []) == "is 'web', which is not a function; known are none."


def test_a_name_is_too_long_when_a_child_would_pass_aws_limit() -> None:
    # 32 characters - 8 of the auto-name - "-lb" leaves 21.
    assert list(name_problems("x" * 21, {"lb": 32})) == []
    assert list(name_problems("x" * 22, {"lb": 32})) == [
        (
            "name",
            f"has 22 characters; the child {'x' * 22}-lb would pass the 32 characters that AWS allows. "
            "Give the component a name of at most 21 characters.",
        )
    ]
