"""The descriptions of arguments: what the docstring says, then the declared default and limits in words."""

from enum import Enum
from typing import Annotated, NotRequired, TypedDict

import pulumi
import pytest
from cloudpatterns.core import Choice, Component, Matches, declared
from cloudpatterns.core.vocabulary import AlarmTopicArns, LogRetentionDays, Tags
from cloudpatterns.plugin.schema import DescribingAnalyzer
from pydantic import Field


class Base(TypedDict):
    """What two components take."""

    tags: NotRequired[Tags]
    """Tags of every child."""
    log_retention_days: NotRequired[LogRetentionDays]
    """Days that
    the log is kept."""


class Middle(Base):
    """One more."""

    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """Topics to notify."""


class Disk(TypedDict):
    """A disk."""

    size_gib: NotRequired[Annotated[int, Field(default=10, ge=1, le=65_536)]]
    """Its size."""


class ShopArgs(Middle):
    """Arguments of ``Shop``."""

    vpc_id: pulumi.Input[str]
    """The VPC."""
    name: Annotated[str, Field(max_length=20), Matches("[a-z]+", "a name such as web")]
    """Its name."""
    tier: NotRequired[Annotated[str, Choice("standard", "advanced"), Field(default="standard")]]
    """The tier."""
    zones: NotRequired[Annotated[list[str], Field(min_length=1, max_length=3)]]
    """Its zones. Default: all."""
    weights: dict[str, Annotated[int, Field(ge=0, le=999)]]
    """Version to weight."""
    enabled: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether it runs."""
    ratio: NotRequired[Annotated[float, Field(default=0.5, ge=0)]]
    """A share."""
    disk: NotRequired[Disk]
    """Its disk. Default: none."""
    silent: NotRequired[Annotated[int, Field(default=3)]]
    mute: NotRequired[str]


class Tier(Enum):
    """A tier."""

    STANDARD = "standard"
    """The usual one."""


class Shop(Component):
    """A shop."""

    address: pulumi.Output[str]
    """Where it is."""


@pytest.fixture
def analyzer() -> DescribingAnalyzer:
    return DescribingAnalyzer("shop")


@pytest.mark.parametrize(
    ("name", "description"),
    [
        ("vpc_id", "The VPC."),
        ("name", "Its name. A name such as web; at most 20 characters."),
        ("tier", "The tier. Default: `standard`; one of standard, advanced."),
        ("zones", "Its zones. Default: all. 1 to 3 entries."),
        ("weights", "Version to weight. Each 0 to 999."),
        ("enabled", "Whether it runs. Default: false."),
        ("ratio", "A share. Default: 0.5; at least 0."),
        ("disk", "Its disk. Default: none."),
        ("silent", "Default: 3."),
        ("mute", None),
    ],
)
def test_a_description_is_the_docstring_with_default_and_limits(analyzer: DescribingAnalyzer, name: str, description: str | None) -> None:
    assert analyzer.get_docstring(ShopArgs, name) == description


def test_inherited_arguments_have_the_docstring_of_the_base(analyzer: DescribingAnalyzer) -> None:
    days = "Days that\nthe log is kept. Default: 365; one of the days that CloudWatch Logs keeps: 1, 3, 5,"
    for args_type in (Base, Middle, ShopArgs):
        assert analyzer.get_docstring(args_type, "tags") == "Tags of every child. Default: none."
        assert (analyzer.get_docstring(args_type, "log_retention_days") or "").startswith(days)
    topics = (
        "Topics to notify. Default: none; at most 5 entries; each the ARN of a topic, such as arn:aws:sns:eu-west-1:123456789012:orders."
    )
    for args_type in (Middle, ShopArgs):
        assert analyzer.get_docstring(args_type, "alarm_topic_arns") == topics


def test_nested_arguments_are_described_also_once_the_host_has_seen_the_bare_types(analyzer: DescribingAnalyzer) -> None:
    declared(ShopArgs)
    assert Disk.__annotations__["size_gib"] == NotRequired[int]
    assert analyzer.get_docstring(Disk, "size_gib") == "Its size. Default: 10; 1 to 65,536."


def test_the_docstring_alone_has_neither(analyzer: DescribingAnalyzer) -> None:
    assert analyzer.docstring(ShopArgs, "tier") == "The tier."
    assert analyzer.docstring(ShopArgs, "tags") == "Tags of every child."
    assert analyzer.docstring(ShopArgs, "silent") is None


def test_outputs_and_members_of_an_enum_have_their_docstring_alone(analyzer: DescribingAnalyzer) -> None:
    assert analyzer.get_docstring(Shop, "address") == "Where it is."
    assert analyzer.get_docstring(Tier, "STANDARD") == "The usual one."
