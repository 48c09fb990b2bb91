from collections.abc import Callable
from enum import Enum
from typing import Any, NotRequired, TypedDict

import pulumi
import pytest
from cloudpatterns.core import ArgumentError, Arguments, LogRetentionDays
from pydantic import Field

from tests.harness import record


class Color(Enum):
    RED = "red"


class WindowArgs(TypedDict):
    day: str
    minutes: NotRequired[int]


class ShopArgs(TypedDict):
    vpc_id: pulumi.Input[str]
    size: NotRequired[int]
    storage: NotRequired[pulumi.Input[int]]
    ratio: NotRequired[float]
    open: NotRequired[bool]
    color: NotRequired[Color]
    cidrs: NotRequired[list[pulumi.Input[str]]]
    zones: NotRequired[dict[str, pulumi.Input[str]]]
    windows: NotRequired[list[WindowArgs]]
    retention_days: NotRequired[int]
    admin_password: NotRequired[pulumi.Input[int]]


Arguments(WindowArgs, minutes=Field(default=60, ge=1, le=100))
SHOP = Arguments(
    ShopArgs,
    vpc_id=Field(pattern="^vpc-"),
    size=Field(default=3, ge=1, le=5),
    storage=Field(default=20, ge=10),
    retention_days=LogRetentionDays,
)


def problems(**args: Any) -> list[tuple[str, str]]:
    given: Any = {"vpc_id": "vpc-1", **args}
    with pytest.raises(ArgumentError) as caught:
        SHOP.check("Shop", "s", given)
    return caught.value.problems


def test_every_key_is_there_with_its_default_or_none() -> None:
    assert SHOP.check("Shop", "s", {"vpc_id": "vpc-1"}) == {
        "vpc_id": "vpc-1",
        "size": 3,
        "storage": 20,
        "ratio": None,
        "open": None,
        "color": None,
        "cidrs": None,
        "zones": None,
        "windows": None,
        "retention_days": None,
        "admin_password": None,
    }


def test_a_none_counts_as_left_out() -> None:
    given: Any = {"vpc_id": "vpc-1", "size": None, "cidrs": None}
    checked: Any = SHOP.check("Shop", "s", given)
    assert checked["size"] == 3
    assert checked["cidrs"] is None


def test_whole_floats_become_integers_as_the_component_host_delivers_floats() -> None:
    given: Any = {"vpc_id": "vpc-1", "size": 2.0, "storage": 30.0, "retention_days": 7.0, "windows": [{"day": "MON", "minutes": 5.0}]}
    checked: Any = SHOP.check("Shop", "s", given)
    assert [checked["size"], checked["storage"], checked["retention_days"], checked["windows"]] == [
        2,
        30,
        7,
        [{"day": "MON", "minutes": 5}],
    ]
    assert [type(checked[key]) for key in ("size", "storage", "retention_days")] == [int, int, int]


def test_outputs_and_awaitables_are_left_alone_wherever_they_stand() -> None:
    async def later() -> str:
        return "x"

    def program() -> None:
        output, coroutine = pulumi.Output.from_input("a"), later()
        given: Any = {"vpc_id": output, "storage": output, "cidrs": [output, "b"], "zones": {"z": coroutine}}
        checked: Any = SHOP.check("Shop", "s", given)
        found = [checked["vpc_id"], checked["storage"], checked["cidrs"][0], checked["zones"]["z"]]
        coroutine.close()
        assert [item is output for item in found] == [True, True, True, False]
        assert found[3] is coroutine

    record(program)


@pytest.mark.parametrize(
    ("args", "path", "reason"),
    [
        ({"vpc_id": "x"}, "vpc_id", "is 'x'; string should match pattern '^vpc-'"),
        ({"vpc_id": 3}, "vpc_id", "is 3; input should be a valid string"),
        ({"size": 9}, "size", "is 9; input should be less than or equal to 5"),
        ({"size": 2.5}, "size", "is 2.5; input should be a valid integer"),
        ({"size": True}, "size", "is True; input should be a valid integer"),
        ({"size": "2"}, "size", "is '2'; input should be a valid integer"),
        ({"open": "yes"}, "open", "is 'yes'; input should be a valid boolean"),
        ({"color": "blue"}, "color", "is 'blue'; input should be 'red'"),
        ({"storage": 3}, "storage", "is 3; input should be greater than or equal to 10"),
        ({"cidrs": "x"}, "cidrs", "is 'x'; input should be a valid list"),
        ({"cidrs": ["a", 1]}, "cidrs.1", "is 1; input should be a valid string"),
        ({"zones": {"a": 1}}, "zones.a", "is 1; input should be a valid string"),
        ({"windows": [{}]}, "windows.0.day", "is missing; give it a value"),
        ({"windows": [{"day": "MON", "minutes": 0}]}, "windows.0.minutes", "is 0; input should be greater than or equal to 1"),
        ({"windows": [{"day": "MON", "hours": 1}]}, "windows.0.hours", "is no argument; known are day, minutes"),
        ({"admin_password": "hunter2"}, "admin_password", "is [hidden]; input should be a valid integer"),
        (
            {"retention_days": 8},
            "retention_days",
            "is 8; must be one of the days that CloudWatch Logs keeps: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, "
            "1096, 1827, 2192, 2557, 2922, 3288, 3653",
        ),
        ({"cidrs": "x" * 200}, "cidrs", f"is '{'x' * 76}...; input should be a valid list"),
    ],
)
def test_each_wrong_value_is_named_with_what_is_allowed(args: dict[str, Any], path: str, reason: str) -> None:
    assert problems(**args) == [(path, reason)]


def test_an_unknown_argument_is_refused_and_the_known_ones_listed() -> None:
    [(path, reason)] = problems(vpcid="x")
    assert path == "vpcid"
    assert reason == (
        "is no argument; known are admin_password, cidrs, color, open, ratio, retention_days, size, storage, vpc_id, windows, zones"
    )


def test_all_problems_are_told_at_once_in_one_message_without_traceback() -> None:
    given: Any = {"size": 9}
    with pytest.raises(ArgumentError) as caught:
        SHOP.check("Shop", "front", given)
    error = caught.value
    assert isinstance(error, pulumi.RunError)
    assert str(error) == (
        'Shop "front" cannot be made:\n  vpc_id: is missing; give it a value\n  size: is 9; input should be less than or equal to 5'
    )
    assert error.errors == [
        {"property_path": "vpc_id", "reason": "is missing; give it a value"},
        {"property_path": "size", "reason": "is 9; input should be less than or equal to 5"},
    ]


@pytest.mark.parametrize(("given", "shown"), [([], "[]"), ("text", "'text'")])
def test_arguments_must_be_a_dictionary(given: Any, shown: str) -> None:
    with pytest.raises(ArgumentError, match="a dictionary of arguments is needed") as caught:
        SHOP.check("Shop", "s", given)
    assert caught.value.problems == [("args", f"is {shown}; a dictionary of arguments is needed")]


def test_no_arguments_are_an_empty_dictionary() -> None:
    assert [path for path, _ in _problems_of(lambda: SHOP.check("Shop", "s", None))] == ["vpc_id"]


def test_a_constraint_for_an_argument_that_does_not_exist_is_a_mistake_of_the_component() -> None:
    with pytest.raises(TypeError, match="WindowArgs has no argument minuets"):
        Arguments(WindowArgs, minuets=Field(default=1))


def _problems_of(call: Callable[[], Any]) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as caught:
        call()
    return caught.value.problems
