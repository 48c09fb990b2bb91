from collections.abc import Callable
from enum import Enum
from typing import Annotated, Any, NotRequired, Required, TypedDict

import pulumi
import pytest
from cloudpatterns.core import HIDDEN, ArgumentError, Arguments, Choice, Matches, Unique, by_name, declared
from cloudpatterns.core.arguments import bases, docstrings
from cloudpatterns.core.vocabulary import Conditions, LogRetentionDays, Ports, SecurityGroupIds, SubnetIdsByZone
from pydantic import Field

from tests.harness import record

NOT_SHOWN = "has the wrong type or shape; what was given is not shown, as it may be a secret."


class Color(Enum):
    RED = "red"
    GREEN = "dark green"
    BLACK = "black"


class WindowArgs(TypedDict):
    """A window."""

    day: str
    minutes: NotRequired[Annotated[int, Field(default=60, ge=1, le=100)]]


class LoginArgs(TypedDict):
    """Who logs in, and with what."""

    user: str
    value: Annotated[pulumi.Input[str], HIDDEN]


class ShopOptions(TypedDict):
    """What a user tunes."""

    size: NotRequired[Annotated[int, Field(default=3, ge=1, le=5)]]
    """How large."""
    storage: NotRequired[Annotated[pulumi.Input[int], Field(default=20, ge=10)]]
    ratio: NotRequired[float]
    open: NotRequired[bool]
    color: NotRequired[Color]
    mode: NotRequired[Annotated[str, Choice("fast", "slow"), Field(default="fast")]]
    log_retention_days: NotRequired[LogRetentionDays]


class ShopArgs(ShopOptions):
    """Arguments of ``Shop``."""

    vpc_id: Annotated[pulumi.Input[str], Matches("vpc-.*", "the id of a VPC such as vpc-0abc")]
    cidrs: NotRequired[Annotated[list[pulumi.Input[str]], Field(min_length=1, max_length=2)]]
    ports: NotRequired[list[Annotated[int, Field(ge=1)]]]
    zones: NotRequired[dict[str, pulumi.Input[str]]]
    windows: NotRequired[list[WindowArgs]]
    first_window: NotRequired[Annotated[WindowArgs, Field(default={"day": "MON"})]]
    logins: NotRequired[dict[str, LoginArgs]]
    admin_password: NotRequired[pulumi.Input[int]]


SHOP = Arguments(ShopArgs)
BARE = ShopArgs.__annotations__


def problems(**args: Any) -> list[tuple[str, str]]:
    given: Any = {"vpc_id": "vpc-1", **args}
    with pytest.raises(ArgumentError) as caught:
        SHOP.check("s", given)
    return caught.value.problems


def test_every_key_is_there_with_its_default_or_none() -> None:
    assert SHOP.check("s", {"vpc_id": "vpc-1"}) == {
        "size": 3,
        "storage": 20,
        "ratio": None,
        "open": None,
        "color": None,
        "mode": "fast",
        "log_retention_days": 365,
        "vpc_id": "vpc-1",
        "cidrs": None,
        "ports": None,
        "zones": None,
        "windows": None,
        "first_window": {"day": "MON", "minutes": 60},
        "logins": None,
        "admin_password": None,
    }


def test_a_none_counts_as_left_out() -> None:
    given: Any = {"vpc_id": "vpc-1", "size": None, "cidrs": None}
    checked: Any = SHOP.check("s", given)
    assert checked["size"] == 3
    assert checked["cidrs"] is None


def test_a_none_in_a_nested_object_counts_as_left_out_and_in_a_map_as_a_value() -> None:
    given: Any = {"vpc_id": "vpc-1", "windows": [{"day": "MON", "minutes": None}]}
    checked: Any = SHOP.check("s", given)
    assert checked["windows"] == [{"day": "MON", "minutes": 60}]
    assert problems(zones={"a": None}) == [("zones.a", "is None; must be text")]


def test_whole_floats_become_integers_as_the_component_host_delivers_floats() -> None:
    given: Any = {"vpc_id": "vpc-1", "size": 2.0, "storage": 30.0, "log_retention_days": 7.0, "windows": [{"day": "MON", "minutes": 5.0}]}
    checked: Any = SHOP.check("s", given)
    assert [checked["size"], checked["storage"], checked["log_retention_days"], checked["windows"]] == [
        2,
        30,
        7,
        [{"day": "MON", "minutes": 5}],
    ]
    assert [type(checked[key]) for key in ("size", "storage", "log_retention_days")] == [int, int, int]


def test_outputs_and_awaitables_are_left_alone_wherever_they_stand() -> None:
    async def later() -> str:
        return "x"

    def program() -> None:
        output, coroutine = pulumi.Output.from_input("a"), later()
        given: Any = {"vpc_id": output, "storage": output, "cidrs": [output, "b"], "zones": {"z": coroutine}}
        checked: Any = SHOP.check("s", given)
        found = [checked["vpc_id"], checked["storage"], checked["cidrs"][0], checked["zones"]["z"]]
        assert [item is output for item in found] == [True, True, True, False]
        # It could be awaited once only.
        assert isinstance(found[3], pulumi.Output)

    record(program)


@pytest.mark.parametrize(
    ("args", "path", "reason"),
    [
        ({"vpc_id": "x"}, "vpc_id", "is 'x'; must be the id of a VPC such as vpc-0abc"),
        ({"vpc_id": 3}, "vpc_id", "is 3; must be text"),
        ({"size": 9}, "size", "is 9; must be at most 5"),
        ({"size": 2.5}, "size", "is 2.5; must be a whole number"),
        ({"size": True}, "size", "is True; must be a whole number"),
        ({"size": "2"}, "size", "is '2'; must be a whole number"),
        ({"ratio": "x"}, "ratio", "is 'x'; must be a number"),
        ({"ratio": []}, "ratio", "is []; must be a number"),
        ({"open": "yes"}, "open", "is 'yes'; must be True or False"),
        ({"color": "blue"}, "color", "is 'blue'; must be one of red, dark green, black"),
        ({"mode": "slower"}, "mode", "is 'slower'; must be one of fast, slow"),
        ({"storage": 3}, "storage", "is 3; must be at least 10"),
        ({"cidrs": "x"}, "cidrs", "is 'x'; must be a list"),
        ({"cidrs": []}, "cidrs", "has 0 entries; at least 1 is needed"),
        ({"cidrs": ["a", "b", "c"]}, "cidrs", "has 3 entries; at most 2 are allowed"),
        ({"cidrs": ["a", 1]}, "cidrs.1", "is 1; must be text"),
        ({"ports": [1, 0]}, "ports.1", "is 0; must be at least 1"),
        ({"zones": {"a": 1}}, "zones.a", "is 1; must be text"),
        ({"zones": {1: "a"}}, "zones.1", "is a key, which must be text"),
        ({"windows": [{1: "a", "day": "MON"}]}, "windows.0.1", "is a key, which must be text"),
        ({"zones": ["a"]}, "zones", "is ['a']; must be a dictionary"),
        ({"windows": [3]}, "windows.0", "is 3; must be a dictionary"),
        ({"windows": [{}]}, "windows.0.day", "is missing; give it a value"),
        ({"windows": [{"day": "MON", "minutes": 0}]}, "windows.0.minutes", "is 0; must be at least 1"),
        ({"windows": [{"day": "MON", "hours": 1}]}, "windows.0.hours", "is not an argument; known are day, minutes"),
        ({"windows": [{"day": "MON", "minuts": 1}]}, "windows.0.minuts", "is not an argument; did you mean minutes?"),
        ({"logins": {"a": {"usr": "u", "value": "v", "user": "u"}}}, "logins.a.usr", "is not an argument; did you mean user?"),
        ({"admin_password": "hunter2"}, "admin_password", "is [hidden]; must be a whole number"),
        ({"logins": {"a": {"user": "u", "value": 3}}}, "logins.a.value", "is [hidden]; must be text"),
        ({"logins": {"a": "hunter2"}}, "logins.a", NOT_SHOWN),
        ({"logins": ["hunter2"]}, "logins", NOT_SHOWN),
        ({"logins": {"a": {"user": 3, "value": "v"}}}, "logins.a.user", "is 3; must be text"),
        ({"logins": {"a": {"user": "u"}}}, "logins.a.value", "is missing; give it a value"),
        (
            {"log_retention_days": 8},
            "log_retention_days",
            "is 8; must be one of the days that CloudWatch Logs keeps: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, "
            "1096, 1827, 2192, 2557, 2922, 3288, 3653",
        ),
        ({"cidrs": "x" * 200}, "cidrs", f"is '{'x' * 76}...; must be a list"),
    ],
)
def test_each_wrong_value_is_named_with_what_is_allowed(args: dict[str, Any], path: str, reason: str) -> None:
    assert problems(**args) == [(path, reason)]


def test_an_unknown_argument_is_refused_and_the_known_ones_listed_where_none_is_near() -> None:
    assert problems(flavour="x") == [
        (
            "flavour",
            "is not an argument; known are admin_password, cidrs, color, first_window, log_retention_days, logins, mode, open, ports, "
            "ratio, size, storage, vpc_id, windows, zones",
        )
    ]


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("vpcid", "vpc_id"),
        ("vpcId", "vpc_id"),
        ("vpc-id", "vpc_id"),
        ("logRetentionDays", "log_retention_days"),
        ("retention_days", "log_retention_days"),
        ("window", "windows or first_window"),
        ("retention", "log_retention_days"),
        ("colour", "color"),
    ],
)
def test_a_misspelt_argument_is_refused_with_the_nearest_names(name: str, near: str) -> None:
    assert problems(**{name: "x"}) == [(name, f"is not an argument; did you mean {near}?")]


LATE = "is an output or a secret. It decides what is created, so it must be known when the program runs: give"
PLAIN_KEYS = f"{LATE} a dictionary with plain keys"


class SubnetsArgs(TypedDict):
    subnet_ids_by_zone: NotRequired[SubnetIdsByZone]
    private_route_table_ids_by_zone: NotRequired[dict[str, pulumi.Input[str]]]
    conditions: NotRequired[Conditions]
    weights: NotRequired[dict[str, int]]
    security_group_ids: NotRequired[SecurityGroupIds]
    ports: NotRequired[Ports]
    size: NotRequired[int]
    password: NotRequired[str]
    hidden: NotRequired[Annotated[str, HIDDEN]]
    color: NotRequired[Color]
    window: NotRequired[WindowArgs]
    windows: NotRequired[dict[str, WindowArgs]]
    limits: NotRequired[Annotated[dict[str, pulumi.Input[str]], Field(max_length=1)]]


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        ({"subnet_ids_by_zone": "$"}, f"{PLAIN_KEYS}, whose values may be outputs; Network.subnet_ids(...) returns one."),
        (
            {"private_route_table_ids_by_zone": "$"},
            f"{PLAIN_KEYS}, whose values may be outputs; Network.route_table_ids(...) returns one.",
        ),
        ({"conditions": "$"}, f"{LATE} a dictionary of plain values."),
        ({"conditions": {"StringEquals": {"a": "$"}}}, f"{LATE} a list, whose entries may be outputs."),
        ({"weights": "$"}, f"{LATE} a dictionary of plain values."),
        ({"security_group_ids": "$"}, f"{LATE} a list, whose entries may be outputs."),
        ({"ports": "$"}, f"{LATE} a list of plain values."),
        ({"ports": ["$"]}, f"{LATE} a plain value."),
        ({"size": "$"}, f"{LATE} a plain value."),
        ({"password": "$"}, f"{LATE} a plain value."),
        ({"hidden": "$"}, f"{LATE} a plain value."),
        ({"color": "$"}, f"{LATE} a plain value."),
        ({"window": "$"}, f"{LATE} a plain value."),
        ({"windows": {"a": {"day": "$"}}}, f"{LATE} a plain value."),
    ],
    ids=str,
)
@pytest.mark.parametrize("secret", [False, True])
def test_an_output_where_a_plain_value_is_needed_is_refused_in_plain_words(args: Any, reason: str, secret: bool) -> None:
    def with_output(part: Any) -> Any:
        if part == "$":
            return pulumi.Output.secret("canary") if secret else pulumi.Output.from_input({"a": "b"})
        if isinstance(part, dict):
            return {key: with_output(value) for key, value in part.items()}
        return [with_output(value) for value in part] if isinstance(part, list) else part

    def program() -> None:
        [(_, told)] = _problems_of(lambda: Arguments(SubnetsArgs).check("s", with_output(args)))
        assert told == reason

    record(program)


def test_a_map_by_name_is_a_dictionary_with_plain_keys_where_one_is_needed() -> None:
    def program() -> None:
        whole = by_name({"a": pulumi.Output.from_input("subnet-1"), "b": "subnet-2"})
        checked = Arguments(SubnetsArgs).check("s", {"subnet_ids_by_zone": whole})
        assert list(checked.get("subnet_ids_by_zone", {})) == ["a", "b"]
        assert all(isinstance(value, pulumi.Output) for value in checked.get("subnet_ids_by_zone", {}).values())
        assert _problems_of(lambda: Arguments(SubnetsArgs).check("s", {"subnet_ids_by_zone": by_name({})})) == [
            ("subnet_ids_by_zone", "has 0 entries; at least 1 is needed")
        ]
        named: Any = by_name({"a": "1", "b": "2"})
        assert _problems_of(lambda: Arguments(SubnetsArgs).check("s", {"limits": named})) == [
            ("limits", "has 2 entries; at most 1 is allowed")
        ]
        assert [reason for _, reason in _problems_of(lambda: Arguments(SubnetsArgs).check("s", {"ports": named}))] == [
            f"{LATE} a list of plain values."
        ]

    record(program)


def test_no_message_shows_the_address_of_an_object() -> None:
    def program() -> None:
        output, resource = pulumi.Output.from_input("a"), pulumi.ComponentResource("test:index:Group", "group")
        assert problems(zones=[output, {"a": object()}, Color.RED]) == [
            ("zones", "is [an output, {'a': an object}, 'red']; must be a dictionary")
        ]
        assert problems(vpc_id=resource) == [("vpc_id", "is a ComponentResource; must be text: give one of the resource's outputs")]

    record(program)


def test_all_problems_are_told_at_once_in_one_message_without_traceback() -> None:
    given: Any = {"size": 9}
    with pytest.raises(ArgumentError) as caught:
        SHOP.check("front", given)
    error = caught.value
    assert isinstance(error, pulumi.RunError)
    assert str(error) == ('Shop "front" cannot be created:\n  size: is 9; must be at most 5\n  vpc_id: is missing; give it a value')
    assert error.errors == [
        {"property_path": "size", "reason": "is 9; must be at most 5"},
        {"property_path": "vpc_id", "reason": "is missing; give it a value"},
    ]


@pytest.mark.parametrize(("given", "shown"), [([], "list"), ("text", "str")])
def test_arguments_must_be_a_dictionary(given: Any, shown: str) -> None:
    with pytest.raises(ArgumentError, match="a dictionary of arguments is needed") as caught:
        SHOP.check("s", given)
    assert caught.value.problems == [("args", f"is of type {shown}; a dictionary of arguments is needed")]


def test_no_arguments_are_an_empty_dictionary() -> None:
    assert [path for path, _ in _problems_of(lambda: SHOP.check("s", None))] == ["vpc_id"]


def test_the_component_host_sees_bare_types_at_any_depth() -> None:
    assert BARE["size"] == NotRequired[int]
    assert BARE["vpc_id"] == Required[pulumi.Input[str]]
    assert BARE["cidrs"].__args__[0].__origin__ is list
    assert BARE["ports"] == NotRequired[list[int]]
    assert WindowArgs.__annotations__ == {"day": Required[str], "minutes": NotRequired[int]}
    assert "Annotated" not in str(ShopArgs.__annotations__)


class LaterArgs(ShopOptions):
    """A TypedDict that inherits from one whose types are bare already."""

    ratio: NotRequired[Annotated[float, Field(default=2.0)]]
    """Narrowed down."""
    last: str
    """Its own."""


def test_what_is_inherited_is_declared_with_its_metadata_after_the_base_is_bare() -> None:
    later: Any = Arguments(LaterArgs)
    assert later.check("s", {"last": "x"}) == {
        "size": 3,
        "storage": 20,
        "ratio": 2.0,
        "open": None,
        "color": None,
        "mode": "fast",
        "log_retention_days": 365,
        "last": "x",
    }
    assert declared(LaterArgs)["size"] is declared(ShopOptions)["size"]
    assert bases(LaterArgs) == [ShopOptions]
    assert "Annotated" not in str(LaterArgs.__annotations__)


class TwinOptions(TypedDict):
    first: NotRequired[Annotated[str, Field(default="one")]]
    second: NotRequired[Annotated[str, Field(default="two")]]
    third: NotRequired[str]


def test_arguments_of_the_same_type_keep_their_own_metadata_when_they_are_inherited() -> None:
    Arguments(TwinOptions)

    class TwinArgs(TwinOptions):
        fourth: NotRequired[str]

    assert Arguments(TwinArgs).check("t", {}) == {"first": "one", "second": "two", "third": None, "fourth": None}
    assert TwinArgs.__annotations__ == dict.fromkeys(["first", "second", "third", "fourth"], NotRequired[str])


def test_docstrings_of_inherited_arguments_are_found() -> None:
    assert docstrings(LaterArgs) == {"size": "How large.", "ratio": "Narrowed down.", "last": "Its own."}


def test_what_is_declared_is_read_again_with_its_metadata_and_what_is_inherited() -> None:
    assert list(declared(ShopArgs))[:2] == ["size", "storage"]
    assert declared(ShopArgs)["size"] == declared(ShopOptions)["size"] != ShopOptions.__annotations__["size"]


def test_a_subclass_narrows_an_inherited_argument_down() -> None:
    class NarrowArgs(ShopOptions):
        size: NotRequired[Annotated[int, Field(default=2, ge=2)]]

    narrow: Any = Arguments(NarrowArgs)
    assert narrow.check("s", {})["size"] == 2
    assert _problems_of(lambda: narrow.check("s", {"size": 1})) == [("size", "is 1; must be at least 2")]
    assert narrow.check("s", {"size": 9})["size"] == 9
    assert narrow.component == "Narrow"


def test_the_last_default_of_a_vocabulary_type_counts() -> None:
    class KeptArgs(TypedDict):
        days: NotRequired[Annotated[LogRetentionDays, Field(default=30)]]
        inherited_days: NotRequired[Annotated[LogRetentionDays, Field(default=None)]]

    kept: Any = Arguments(KeptArgs)
    assert kept.check("s", {}) == {"days": 30, "inherited_days": None}
    assert [path for path, _ in _problems_of(lambda: kept.check("s", {"days": 8, "inherited_days": 8}))] == ["days", "inherited_days"]


def test_a_required_argument_with_a_default_is_a_mistake_of_the_component() -> None:
    class WrongArgs(TypedDict):
        size: Annotated[int, Field(default=1)]

    with pytest.raises(TypeError, match=r"WrongArgs\.size has a default, so it must be NotRequired"):
        Arguments(WrongArgs).check("s", None)


def _problems_of(call: Callable[[], Any]) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as caught:
        call()
    return caught.value.problems


class SafeArgs(TypedDict):
    codes: NotRequired[Annotated[dict[str, Annotated[str, Choice("a", "b")]], HIDDEN]]
    boxes: NotRequired[dict[str, LoginArgs]]
    api_key: NotRequired[Annotated[str, Choice("a", "b")]]
    tokens: NotRequired[Annotated[list[str], Unique()]]


@pytest.mark.parametrize(
    ("args", "path"),
    [
        ({"codes": {"x": "hunter2"}}, "codes.x"),
        ({"boxes": {"function-a": ["hunter2"]}}, "boxes.function-a"),
        ({"api_key": "x; must be hunter2"}, "api_key"),
        ({"tokens": ["hunter2", "hunter2"]}, "tokens"),
    ],
)
def test_no_limit_shows_what_may_be_a_secret(args: Any, path: str) -> None:
    assert _problems_of(lambda: Arguments(SafeArgs).check("s", args)) == [(path, NOT_SHOWN)]


def test_what_may_be_a_secret_is_hidden_and_what_is_allowed_is_not() -> None:
    problems = _problems_of(lambda: Arguments(SafeArgs).check("s", {"api_key": "hunter2"}))
    assert problems == [("api_key", "is [hidden]; must be one of a, b")]
    wrong: Any = {"boxes": {"function-a": {"user": "u", "value": 12345}}}
    problems = _problems_of(lambda: Arguments(SafeArgs).check("s", wrong))
    assert problems == [("boxes.function-a.value", "is [hidden]; must be text")]
