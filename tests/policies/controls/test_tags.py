"""Required tags, wherever they are set."""

import json
from typing import Any

import pytest
from cloudpatterns_policies.controls.tags import required_tags
from cloudpatterns_policies.core import Fail, Pass, Resource, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, stack, verdicts

VPC, GROUP = "aws:ec2/vpc:Vpc", "aws:autoscaling/group:Group"
ALL = {"Owner": "platform", "CostCenter": "1234", "Environment": "dev"}


def judged(type: str, props: dict[str, Any], **more: Any) -> list[tuple[str, Verdict]]:
    return verdicts(required_tags, stack(resource("x:y:Z", "source"), resource(type, "x", props, **more)))


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        ({"tags": ALL}, Pass()),
        ({"tags": {**ALL, "Owner": UNKNOWN}}, Pass()),
        ({"tags": {"Owner": "platform"}, "tagsAll": ALL}, Pass()),
        ({"tags": {**ALL, "Owner": ""}}, Fail("has no tag Owner", "tags")),
        ({"tags": {"Owner": "platform"}}, Fail("has no tag CostCenter, Environment", "tags")),
        ({"tags": {"owner": "platform", "CostCenter": "1", "Environment": "dev"}}, Fail("has no tag Owner", "tags")),
        ({"tags": UNKNOWN}, Fail("has no tag Owner, CostCenter, Environment", "tags")),
        ({}, Fail("has no tag Owner, CostCenter, Environment", "tags")),
    ],
)
def test_tags(props: dict[str, Any], expected: Verdict) -> None:
    assert judged(VPC, {"tagsAll": UNKNOWN, **props}) == [("x", expected)]


@pytest.mark.parametrize("type", [VPC, GROUP])
def test_tags_that_are_not_known_yet(type: str) -> None:
    assert judged(type, {"tags": UNKNOWN, "tagsAll": UNKNOWN}, deps={"tags": ["source"]}) == [("x", Unknown("tags"))]


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ([{"key": key, "value": value} for key, value in ALL.items()], Pass()),
        ([{"key": "Owner", "value": UNKNOWN}], Fail("has no tag CostCenter, Environment", "tags")),
        ([{"key": UNKNOWN, "value": "x"}], Unknown("tags")),
        ([{"key": "Owner", "value": "x"}, {"key": UNKNOWN, "value": "x"}], Unknown("tags")),
        (None, Fail("has no tag Owner, CostCenter, Environment", "tags")),
    ],
)
def test_tags_of_an_auto_scaling_group(tags: Any, expected: Verdict) -> None:
    assert judged(GROUP, {"tags": tags}) == [("x", expected)]


def with_defaults(item: Resource, value: Any) -> Resource:
    item.message.provider.properties.update({"defaultTags": value})
    return item


@pytest.mark.parametrize("value", [{"tags": ALL}, json.dumps({"tags": ALL})])
def test_default_tags_of_the_provider(value: Any) -> None:
    vpc = with_defaults(resource(VPC, "vpc", {"tagsAll": UNKNOWN}), value)
    own = with_defaults(resource(VPC, "own", {"tagsAll": UNKNOWN, "tags": {"Owner": ""}}), value)
    group = with_defaults(resource(GROUP, "group"), value)
    missing = Fail("has no tag Owner, CostCenter, Environment", "tags")
    found = verdicts(required_tags, stack(vpc, own, group))
    assert found == [("vpc", Pass()), ("own", Fail("has no tag Owner", "tags")), ("group", missing)]


@pytest.mark.parametrize("value", [{}, {"tags": None}, "null"])
def test_default_tags_without_tags(value: Any) -> None:
    found = verdicts(required_tags, stack(with_defaults(resource(VPC, "vpc", {"tags": ALL, "tagsAll": UNKNOWN}), value)))
    assert found == [("vpc", Pass())]


def test_what_takes_no_tags_is_left_alone() -> None:
    assert judged("aws:ec2/route:Route", {}) == [("", Pass())]
    assert judged("azure:x/y:Z", {"tagsAll": {}}) == [("", Pass())]


@pytest.mark.parametrize("kind", ["bucketObject:BucketObject", "bucketObjectv2:BucketObjectv2", "objectCopy:ObjectCopy"])
def test_objects_are_paid_for_by_their_bucket(kind: str) -> None:
    assert judged(f"aws:s3/{kind}", {"tagsAll": UNKNOWN}) == [("", Pass())]


def test_required_tags_can_be_chosen() -> None:
    subject = stack(resource(VPC, "vpc", {"tags": {"Team": "x"}, "tagsAll": {}}))
    assert verdicts(required_tags, subject, {"requiredTags": ["Team"]}) == [("vpc", Pass())]
    assert verdicts(required_tags, subject, {"requiredTags": ["Team", "Cost"]}) == [("vpc", Fail("has no tag Cost", "tags"))]
