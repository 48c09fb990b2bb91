from typing import Annotated, Any, NotRequired, TypedDict

import pulumi
import pytest
from cloudpatterns.core import Choice, Matches
from cloudpatterns.core.phrases import default_phrase, limit_phrases
from cloudpatterns.core.vocabulary import LogRetentionDays, SecurityGroupIds, SubnetIdsByZone, Tags
from pydantic import Field


class WindowArgs(TypedDict):
    start: NotRequired[Annotated[str, Field(default="02:00")]]


@pytest.mark.parametrize(
    ("hint", "phrase"),
    [
        (int, ""),
        (NotRequired[Annotated[int, Field(default=None)]], ""),
        (NotRequired[Annotated[int, Field(default=10)]], "10"),
        (NotRequired[Annotated[int, Field(default=65_536)]], "65,536"),
        (NotRequired[Annotated[float, Field(default=0.5)]], "0.5"),
        (NotRequired[Annotated[bool, Field(default=True)]], "true"),
        (NotRequired[Annotated[str, Field(default="UTC")]], "`UTC`"),
        (NotRequired[Annotated[str, Field(default="")]], "none"),
        (NotRequired[Annotated[list[int], Field(default=[80, 443])]], "80, 443"),
        (NotRequired[Annotated[list[str], Field(default=["A"])]], "`A`"),
        (NotRequired[Tags], "none"),
        (NotRequired[Annotated[WindowArgs, Field(default={})]], ""),
        (NotRequired[Annotated[LogRetentionDays, Field(default=30)]], "30"),
    ],
)
def test_a_default_in_words(hint: Any, phrase: str) -> None:
    assert default_phrase(hint) == phrase


@pytest.mark.parametrize(
    ("hint", "phrases"),
    [
        (str, []),
        (Annotated[int, Field(ge=1, le=65_536)], ["1 to 65,536"]),
        (Annotated[int, Field(ge=1)], ["at least 1"]),
        (Annotated[int, Field(le=5)], ["at most 5"]),
        (Annotated[Annotated[int, Field(ge=1, le=9)], Field(le=5)], ["1 to 5"]),
        (Annotated[float, Field(multiple_of=0.5)], ["a multiple of 0.5"]),
        (Annotated[str, Field(max_length=255)], ["at most 255 characters"]),
        (SecurityGroupIds, ["1 to 5 entries"]),
        (SubnetIdsByZone, ["at least 1 entry"]),
        (Annotated[str, Field(min_length=1, max_length=1)], ["1 character"]),
        (Annotated[dict[str, int], Field(min_length=2, max_length=2)], ["2 entries"]),
        (Annotated[str, Choice("a", "b")], ["one of a, b"]),
        (Annotated[pulumi.Input[str], Matches("ami-.*", "an image id")], ["an image id"]),
        (list[Annotated[int, Field(ge=1, le=3)]], ["each 1 to 3"]),
    ],
)
def test_limits_in_words(hint: Any, phrases: list[str]) -> None:
    assert list(limit_phrases(hint)) == phrases
