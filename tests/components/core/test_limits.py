from typing import Annotated, Any, NotRequired, TypedDict

import pulumi
import pytest
from cloudpatterns.core import ArgumentError, Arguments, Choice, Keys, Matches, Unique
from cloudpatterns.core.vocabulary import Cidr, Ipv4Cidr, Ports

from tests.harness import record


class ShelfArgs(TypedDict):
    """Arguments of ``Shelf``."""

    mode: NotRequired[Annotated[str, Choice("fast", "slow")]]
    image_id: NotRequired[Annotated[pulumi.Input[str], Matches("ami-[0-9a-f]+", "an image id such as ami-0abc")]]
    ports: NotRequired[Ports]
    cidrs: NotRequired[list[Cidr]]
    block: NotRequired[Ipv4Cidr]
    boxes: NotRequired[Annotated[dict[str, int], Keys("[a-z]+", "lower-case letters")]]
    topics: NotRequired[Annotated[list[pulumi.Input[str]], Unique()]]


SHELF: Any = Arguments(ShelfArgs)


@pytest.mark.parametrize(
    "args",
    [
        {"mode": "fast", "image_id": "ami-0abc", "ports": [80, 443], "boxes": {"a": 1}},
        {"cidrs": ["10.0.0.0/8", "0.0.0.0/0", "203.0.113.7/32", "2001:db8::/32", "::/0"]},
    ],
)
def test_what_is_within_the_limits_is_taken_as_it_is(args: Any) -> None:
    checked = SHELF.check("s", args)
    assert {name: checked[name] for name in args} == args


def test_a_network_is_read_in_its_canonical_form() -> None:
    assert SHELF.check("s", {"cidrs": ["2001:DB8:0::/48", "10.0.0.0/255.0.0.0"]})["cidrs"] == ["2001:db8::/48", "10.0.0.0/8"]


@pytest.mark.parametrize(
    ("args", "path", "reason"),
    [
        ({"mode": "other"}, "mode", "is 'other'; must be one of fast, slow"),
        ({"image_id": "ami-x"}, "image_id", "is 'ami-x'; must be an image id such as ami-0abc"),
        ({"image_id": "xami-0"}, "image_id", "is 'xami-0'; must be an image id such as ami-0abc"),
        ({"ports": [0]}, "ports.0", "is 0; must be at least 1"),
        ({"ports": [80, 443, 80]}, "ports", "has 80 twice. Name each once"),
        ({"topics": ["a", "a"]}, "topics", "has a twice. Name each once"),
        ({"boxes": {"a": 1, "B": 2}}, "boxes", "has 'B'; a name has lower-case letters. Rename it"),
        ({"cidrs": ["10.0.0.0"]}, "cidrs.0", "is '10.0.0.0'; must be in CIDR notation: write 10.0.0.0/32"),
        (
            {"cidrs": ["10.0.0.1/8"]},
            "cidrs.0",
            "is '10.0.0.1/8'; must have no host bits: write 10.0.0.0/8, or a /32 or /128 for one address",
        ),
        ({"block": "2001:db8::/32"}, "block", "is '2001:db8::/32'; must be an IPv4 network such as 10.20.0.0/16"),
        ({"block": "10.0.0.0"}, "block", "is '10.0.0.0'; must be in CIDR notation: write 10.0.0.0/32"),
        ({"cidrs": ["office"]}, "cidrs.0", "is 'office'; must be a network such as 203.0.113.0/24 or 2001:db8::/32"),
    ],
)
def test_what_is_not_is_reported_with_what_is_allowed(args: Any, path: str, reason: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        SHELF.check("s", args)
    assert caught.value.problems == [(path, reason)]


def test_outputs_are_not_compared() -> None:
    def program() -> None:
        SHELF.check("s", {"topics": [pulumi.Output.from_input("a"), pulumi.Output.from_input("a"), "a"]})

    record(program)
