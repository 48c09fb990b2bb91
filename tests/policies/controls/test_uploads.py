"""Buckets whose objects are scanned."""

import json
from typing import Any

import pytest
from cloudpatterns_policies.controls import uploads as controls
from cloudpatterns_policies.core import Fail, NotApplicable, Pass, Resource, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, stack, verdicts

PLAN, BUCKET, POLICY = (
    "aws:guardduty/malwareProtectionPlan:MalwareProtectionPlan",
    "aws:s3/bucket:Bucket",
    "aws:s3/bucketPolicy:BucketPolicy",
)
TAGGED, READ = controls.malware_scan_tagged, controls.malware_scan_before_read
TAG = "s3:ExistingObjectTag/GuardDutyMalwareScanStatus"
CONDITION = {"StringNotEquals": {TAG: "NO_THREATS_FOUND"}, "ArnNotEquals": {"aws:PrincipalArn": "arn:aws:iam::123456789012:role/scanner"}}
DENY: dict[str, Any] = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": ["s3:GetObject", "s3:GetObjectVersion"],
    "Resource": "arn:aws:s3:::uploads/*",
    "Condition": CONDITION,
}
OPEN = Fail("scans uploads, whose policy lets objects be read that are not clean", "protectedResource")


def test_tags() -> None:
    missing = Fail("does not tag what it has scanned", "actions")
    assert verdicts(TAGGED, resource(PLAN, props={"actions": [{"taggings": [{"status": "ENABLED"}]}]})) == [Pass()]
    assert verdicts(TAGGED, resource(PLAN, props={"actions": [{"taggings": [{"status": "DISABLED"}]}]})) == [missing]
    assert verdicts(TAGGED, resource(PLAN, props={"actions": [{}]})) == [missing]
    assert verdicts(TAGGED, resource(PLAN)) == [missing]
    assert verdicts(TAGGED, resource(PLAN, props={"actions": UNKNOWN})) == [Unknown("actions")]
    assert verdicts(TAGGED, resource(PLAN, props={"actions": [{"taggings": [{"status": UNKNOWN}]}]})) == [
        Unknown("actions.0.taggings.0.status")
    ]


def judged(*statements: Any, prefixes: Any = None, policy: Any = None) -> Verdict:
    scanned = {"s3Bucket": {"bucketName": UNKNOWN, **({} if prefixes is None else {"objectPrefixes": prefixes})}}
    plan = resource(PLAN, "plan", {"protectedResource": scanned}, deps={"protectedResource": ["uploads"]})
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)}) if policy is None else policy
    parts: list[Resource] = [resource(BUCKET, "uploads"), plan]
    if statements or policy is not None:
        parts.append(resource(POLICY, "policy", {"bucket": UNKNOWN, "policy": document}, deps={"bucket": ["uploads"]}))
    return dict(verdicts(READ, stack(*parts)))["plan"]


def test_objects_that_are_not_clean_are_refused() -> None:
    assert judged(DENY) == Pass()
    assert judged({**DENY, "Action": "s3:GetObject*"}) == Pass()
    assert judged({**DENY, "Condition": {"StringNotEquals": {TAG: ["NO_THREATS_FOUND"]}}}) == Pass()
    excepted = {key: value for key, value in DENY.items() if key != "Principal"}
    assert judged({**excepted, "NotPrincipal": {"AWS": "arn:aws:iam::123456789012:role/scanner"}}) == Pass()
    assert judged({**DENY, "Resource": ["arn:aws:s3:::uploads/images/*"]}, prefixes=["images/"]) == Pass()
    assert judged({**DENY, "Action": "s3:GetObject"}, {**DENY, "Action": "s3:GetObjectVersion"}) == Pass()


@pytest.mark.parametrize(
    "change",
    [
        {"Effect": "Allow"},
        {"Principal": {"AWS": "arn:aws:iam::123456789012:role/web"}},
        {"Action": "s3:GetObject"},
        {"Action": ["s3:GetObjectVersion"]},
        {"Resource": "arn:aws:s3:::uploads"},
        {"Resource": "arn:aws:s3:::uploads/images/*"},
        {"Condition": {}},
        {"Condition": {"StringNotEquals": {TAG: "THREATS_FOUND"}}},
        {"Condition": {"StringEquals": {TAG: "NO_THREATS_FOUND"}}},
        {"Condition": {**CONDITION, "Bool": {"aws:SecureTransport": "false"}}},
        {"Condition": {**CONDITION, "StringEquals": {"aws:PrincipalArn": "arn:aws:iam::123456789012:role/web"}}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_policy_that_refuses_less_is_found(change: dict[str, Any]) -> None:
    assert judged({**DENY, **change}) == OPEN


def test_every_prefix_is_covered() -> None:
    assert judged({**DENY, "Resource": "arn:aws:s3:::uploads/images/*"}, prefixes=["images/", "letters/"]) == OPEN


def test_without_a_policy_and_with_one_that_is_not_known_or_none() -> None:
    assert judged() == OPEN
    assert judged(policy=UNKNOWN) == Unknown("policy of policy")
    assert judged(policy="{") == Fail("has a policy that is not a valid policy document", "policy of policy")


def test_a_bucket_of_another_stack() -> None:
    plan = resource(PLAN, "plan", {"protectedResource": {"s3Bucket": {"bucketName": "elsewhere"}}})
    assert dict(verdicts(READ, stack(plan))) == {"plan": NotApplicable("scans a bucket of another stack")}
