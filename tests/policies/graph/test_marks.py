"""Marks by tag and by name."""

from typing import Any

import pytest
from cloudpatterns_policies.graph.marks import Marks

from tests.policies.helpers import UNKNOWN, resource

MARKS = Marks.of(["tier=data", "own"], ["bastion-*"])
FLEET, TEMPLATE = "aws:autoscaling/group:Group", "aws:ec2/launchTemplate:LaunchTemplate"


def specification(tags: Any, kind: Any = "instance") -> dict[str, Any]:
    return {"resourceType": kind, "tags": tags}


@pytest.mark.parametrize(
    ("props", "marked"),
    [
        ({}, False),
        ({"tags": {}}, False),
        ({"tags": {"tier": "data"}}, True),
        ({"tags": {"tier": "DATA"}}, True),
        ({"tags": {"tier": "web"}}, False),
        ({"tags": {"other": "data"}}, False),
        ({"tags": {"own": "whatever"}}, True),
        ({"tags": {"own": UNKNOWN}}, True),
        ({"tags": {"tier": UNKNOWN}}, "tags.tier"),
        ({"tags": {"tier": UNKNOWN, "own": "x"}}, True),
        ({"tags": [{"key": "tier", "value": "data"}]}, True),
        ({"tags": [{"key": "tier", "value": UNKNOWN}]}, "tags.tier"),
        ({"tags": [{"key": UNKNOWN, "value": "data"}]}, "tags"),
        ({"tags": [UNKNOWN]}, "tags"),
        ({"tags": [UNKNOWN, {"key": "own", "value": "x"}]}, True),
        ({"tags": ["text", {"value": "x"}]}, False),
        ({"tags": "text"}, False),
        ({"tagSpecifications": [specification({"own": "x"}, "volume"), specification({"own": "x"})]}, True),
        ({"tagSpecifications": [specification({"own": "x"}, "volume")]}, False),
        ({"tagSpecifications": [specification({"own": "x"}, UNKNOWN)]}, False),
        ({"tagSpecifications": [specification({}), specification({"tier": UNKNOWN})]}, "tagSpecifications.1.tags.tier"),
        ({"tagSpecifications": [specification(UNKNOWN)]}, "tagSpecifications.0.tags"),
        ({"tagSpecifications": [specification(None), UNKNOWN, "text"]}, False),
    ],
)
def test_tags(props: dict[str, Any], marked: bool | str) -> None:
    assert MARKS.on(resource(TEMPLATE, "x", props)) == marked


def test_the_first_unknown_is_told() -> None:
    props = {"tags": UNKNOWN, "tagSpecifications": [specification(UNKNOWN)]}
    assert MARKS.on(resource(TEMPLATE, "x", props, deps={"tags": ["urn:source"]})) == "tags"
    # What the program left out, the provider's preview shows as unknown.
    assert MARKS.on(resource(TEMPLATE, "x", {"tags": UNKNOWN})) is False


def test_names() -> None:
    assert [MARKS.named(name) for name in ("bastion-1", "bastion", "BASTION-1")] == [True, False, False]
    assert MARKS.on(resource(FLEET, "bastion-1", {"tags": UNKNOWN}, deps={"tags": ["urn:source"]})) is True
    assert not Marks().named("anything")
