"""Reading properties and following references, where values are unknown, computed or missing."""

from collections.abc import Sequence
from typing import Any

import pytest
from cloudpatterns_policies.core import Resource
from cloudpatterns_policies.graph.reading import (
    Reference,
    all_of,
    arrow,
    expand,
    from_provider,
    has_value,
    label,
    owning,
    read,
    refer,
    refer_all,
    some,
    spaced,
)

from tests.policies.helpers import UNKNOWN, resource, stack

SUBNET, OTHER = "aws:ec2/subnet:Subnet", "aws:ec2/vpc:Vpc"
HOLDER = "aws:lb/loadBalancer:LoadBalancer"


@pytest.mark.parametrize(
    ("props", "path", "value"),
    [
        ({"a": 1}, "a", 1),
        ({"a": {"b": [{"c": "x"}]}}, "a.b.0.c", "x"),
        ({"a": False}, "a", False),
        ({"a": ""}, "a", None),
        ({}, "a", None),
        ({"a": [1]}, "a.0", 1),
        ({"a": [1]}, "a.1", None),
        ({"a": [1]}, "a.b", None),
        ({"a": "text"}, "a.b", None),
        ({"a": UNKNOWN}, "a", UNKNOWN),
        ({"a": UNKNOWN}, "a.b.0", UNKNOWN),
        ({"a": {"b": UNKNOWN}}, "a.c", None),
    ],
)
def test_values(props: dict[str, Any], path: str, value: Any) -> None:
    assert read(resource(HOLDER, props=props), path) == value


def test_what_the_provider_computes() -> None:
    holder = resource(HOLDER, props={"own": UNKNOWN, "given": UNKNOWN, "part": {"a": UNKNOWN}}, deps={"given": ["s"]})
    assert [from_provider(holder, path) for path in ("own", "own.a", "given", "part.a", "none")] == [True, True, False, False, False]
    assert [read(holder, path, computed=True) for path in ("own", "own.a", "given", "part.a")] == [None, None, UNKNOWN, UNKNOWN]
    assert [has_value(holder, path, computed=True) for path in ("own", "own.a", "given", "part.a")] == [False, False, True, True]


def test_false_and_empty_values_are_none() -> None:
    holder = resource(HOLDER, props={"a": False, "b": "", "c": [], "d": 0, "e": None, "f": "x", "g": UNKNOWN, "h": [UNKNOWN]})
    assert [name for name in "abcdefghi" if has_value(holder, name)] == ["f", "g", "h"]


@pytest.mark.parametrize(
    ("props", "pattern", "paths"),
    [
        ({}, "a", ["a"]),
        ({}, "a.*", []),
        ({"a": ["x", "y"]}, "a.*", ["a.0", "a.1"]),
        ({"a": [{"b": [1, 2]}, {"b": [3]}]}, "a.*.b.*", ["a.0.b.0", "a.0.b.1", "a.1.b.0"]),
        ({"a": [{"b": UNKNOWN}, {}]}, "a.*.b.*.c", ["a.0.b"]),
        ({"a": "text"}, "a.*", []),
    ],
)
def test_paths_of_a_pattern(props: dict[str, Any], pattern: str, paths: list[str]) -> None:
    assert expand(resource(HOLDER, props=props), pattern) == paths


def test_paths_of_a_list_that_is_unknown() -> None:
    given = resource(HOLDER, props={"a": UNKNOWN}, deps={"a": ["s"]})
    assert (expand(given, "a.*.b"), expand(resource(HOLDER, props={"a": UNKNOWN}), "a.*.b")) == (["a"], [])


def referred(value: Any, *deps: str, path: str = "subnets", **shown: dict[str, Any]) -> tuple[list[str], tuple[str, ...], bool, bool]:
    """Names of the targets, foreign texts, whether certain and whether unresolved. `shown` are the properties of the subnets s1 to s3."""
    subnets = [resource(SUBNET, name, shown.get(name, {"id": UNKNOWN})) for name in ("s1", "s2", "s3")]
    holder = resource(HOLDER, "holder", {path: value}, deps={path: deps} if deps else {})
    found = refer(stack(*subnets, resource(OTHER, "vpc"), holder), holder, path, (SUBNET,))
    assert found.path == path
    return [target.name for target in found.targets], found.foreign, found.certain, found.unresolved


@pytest.mark.parametrize(
    ("value", "deps", "expected"),
    [
        (None, (), ([], (), True, False)),
        ([], ("s1",), ([], (), True, False)),
        (UNKNOWN, (), ([], (), True, True)),
        (UNKNOWN, ("s1",), (["s1"], (), True, False)),
        (UNKNOWN, ("s1", "vpc"), (["s1"], (), True, False)),
        (UNKNOWN, ("vpc",), ([], (), True, True)),
        (UNKNOWN, ("s1", "s2"), (["s1", "s2"], (), False, False)),
        ([UNKNOWN], ("s1",), (["s1"], (), True, False)),
        ([UNKNOWN, UNKNOWN], ("s1", "s2"), (["s1", "s2"], (), True, False)),
        ([UNKNOWN, UNKNOWN], ("s1",), (["s1"], (), True, True)),
        ([UNKNOWN], ("s1", "s2"), (["s1", "s2"], (), False, False)),
        (["subnet-0", UNKNOWN], ("s1",), (["s1"], ("subnet-0",), True, False)),
        (["subnet-0", UNKNOWN], (), ([], ("subnet-0",), True, True)),
        ("subnet-0", (), ([], ("subnet-0",), True, False)),
        # A known text may be the id of the resource that it depends on, where that does not show its own.
        ("subnet-0", ("s1",), (["s1"], (), True, False)),
        (["subnet-0", "subnet-1"], ("s1",), (["s1"], (), True, True)),
        (["subnet-0"], ("s1", "s2"), (["s1", "s2"], (), False, False)),
    ],
)
def test_references(value: Any, deps: tuple[str, ...], expected: Any) -> None:
    assert referred(value, *deps) == expected


@pytest.mark.parametrize(
    "shown", [{"id": "subnet-1"}, {"arn": "subnet-1"}, {"name": "subnet-1"}, {"arn": "arn:aws:ec2:eu-west-1:123456789012:subnet/subnet-1"}]
)
def test_a_known_text_decides_by_itself(shown: dict[str, Any]) -> None:
    assert referred("subnet-1", "s1", "s2", s1=shown) == (["s1"], (), True, False)
    assert referred(["subnet-1", UNKNOWN], "s1", "s2", s1=shown) == (["s1", "s2"], (), True, False)
    assert referred("subnet-9", "s1", s1=shown) == ([], ("subnet-9",), True, False)


def test_whether_a_reference_is_empty() -> None:
    subnet = resource(SUBNET)
    references = [Reference("a"), Reference("a", (subnet,)), Reference("a", (), ("x",)), Reference("a", unresolved=True)]
    assert [reference.empty for reference in references] == [True, False, False, False]


@pytest.mark.parametrize(
    ("items", "deps", "expected"),
    [
        ([], [], []),
        ([UNKNOWN], ["s1"], [(["s1"], True, False)]),
        ([UNKNOWN, UNKNOWN], ["s1", "s2"], [(["s1", "s2"], True, False)]),
        ([UNKNOWN, UNKNOWN], ["s1"], [(["s1"], True, True)]),
        ([UNKNOWN, UNKNOWN], ["s1", "s2", "s3"], [(["s1", "s2", "s3"], False, False)] * 2),
        (["subnet-1", UNKNOWN], ["s1", "s2"], [(["s1"], True, False), (["s1", "s2"], False, False)]),
    ],
)
def test_a_list_of_references_is_one_where_only_the_whole_is_told(items: Sequence[Any], deps: list[str], expected: list[Any]) -> None:
    known = {"id": "subnet-1"} if any(isinstance(item, str) for item in items) else {"id": UNKNOWN}
    subnets = [resource(SUBNET, name, known if name == "s1" else {"id": UNKNOWN}) for name in ("s1", "s2", "s3")]
    holder = resource(HOLDER, "holder", {"maps": [{"id": item} for item in items]}, deps={"maps": deps})
    found = refer_all(stack(*subnets, holder), holder, "maps.*.id", (SUBNET,))
    assert [([target.name for target in item.targets], item.certain, item.unresolved) for item in found] == expected


def test_owners_of_ids() -> None:
    def names(*ids: str) -> list[str]:
        owners: list[Resource] = [
            resource(SUBNET, "a", {"x": "id-1"}),
            resource(SUBNET, "b", {"y": "id-2", "z": "id-1"}),
            resource(SUBNET, "c", {"x": UNKNOWN}),
            resource(OTHER, "d", {"x": "id-1"}),
        ]
        return [item.name for item in owning(stack(*owners), (SUBNET,), ("x", "y"), ids)]

    assert (names("id-1"), names("id-1", "id-2"), names()) == (["a"], ["a", "b"], [])


def test_words() -> None:
    assert label(resource("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "web")) == "security group ingress rule web"
    assert label(resource(SUBNET, "a"), "place") == "place a"
    assert spaced("Subnet") == "subnet"
    assert arrow("a", "", "b") == "a -> b"
    assert [all_of(list("abc")[:count]) for count in range(4)] == ["", "a", "a and b", "a, b and c"]
    assert [some(list("abc")[:count]) for count in range(4)] == ["", "a", "a, b", "a, b and 1 more"]
    assert some(list("abcd"), 1, "/") == "a and 3 more"
