"""Buckets that keep logs as evidence."""

from typing import Any

import pytest
from cloudpatterns_policies.controls.log_buckets import log_archive_locked
from cloudpatterns_policies.core import Fail, NotApplicable, Pass, Resource, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, stack, verdicts

TRAIL, STREAM = "aws:cloudtrail/trail:Trail", "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream"
BUCKET, LOCK = "aws:s3/bucket:Bucket", "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration"
RETENTION = {"rule": {"defaultRetention": {"mode": "COMPLIANCE", "days": 30}}}
SENDERS = {
    "aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter": "destinationArn",
    "aws:cloudwatch/logAccountPolicy:LogAccountPolicy": "policyDocument",
    "aws:cloudwatch/logDestination:LogDestination": "targetArn",
    "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration": "logDestinationConfigs",
}
UNLOCKED = Fail("writes logs to audit, which has no object lock")
NO_DEFAULT = Fail("writes logs to audit, whose object lock has no default retention", "rule.defaultRetention of lock")


def trail() -> Resource:
    return resource(TRAIL, "trail", {"s3BucketName": UNKNOWN}, deps={"s3BucketName": ["audit"]})


def delivery() -> Resource:
    config = {"bucketArn": UNKNOWN, "roleArn": UNKNOWN}
    return resource(STREAM, "stream", {"extendedS3Configuration": config}, deps={"extendedS3Configuration": ["audit"]})


def sender(kind: str, path: str) -> Resource:
    return resource(kind, "sender", {path: UNKNOWN}, deps={path: ["stream"]})


def lock(props: dict[str, Any]) -> Resource:
    return resource(LOCK, "lock", {"bucket": UNKNOWN, **props}, deps={"bucket": ["audit"]})


def judged(*resources: Resource) -> list[Verdict]:
    return [verdict for _, verdict in verdicts(log_archive_locked, stack(*resources))]


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        (RETENTION, Pass()),
        ({"rule": {"defaultRetention": {"mode": "GOVERNANCE", "years": 1}}}, Pass()),
        ({"rule": {"defaultRetention": {"mode": "GOVERNANCE"}}}, NO_DEFAULT),
        ({"rule": {}}, NO_DEFAULT),
        ({}, NO_DEFAULT),
        ({"rule": UNKNOWN}, Unknown("rule.defaultRetention of lock")),
        ({"rule": {"defaultRetention": {"days": UNKNOWN}}}, Unknown("rule.defaultRetention of lock")),
        (None, UNLOCKED),
    ],
)
def test_the_bucket_of_a_trail(props: dict[str, Any] | None, expected: Verdict) -> None:
    locks = [] if props is None else [lock(props)]
    assert judged(trail(), resource(BUCKET, "audit"), *locks) == [expected]


@pytest.mark.parametrize(("kind", "path"), SENDERS.items())
def test_the_bucket_of_a_delivery_stream_that_receives_logs(kind: str, path: str) -> None:
    assert judged(resource(BUCKET, "audit"), delivery(), sender(kind, path)) == [UNLOCKED]
    assert judged(resource(BUCKET, "audit"), delivery(), sender(kind, path), lock(RETENTION)) == [Pass()]


def test_a_delivery_stream_of_other_records() -> None:
    assert judged(resource(BUCKET, "audit"), delivery()) == [NotApplicable("receives no logs in this stack")]


def test_a_bucket_of_another_stack() -> None:
    assert judged(resource(TRAIL, "trail", {"s3BucketName": "central"})) == [NotApplicable("writes to a bucket of another stack")]


def test_a_bucket_that_is_not_known_yet() -> None:
    assert judged(resource(TRAIL, "trail", {"s3BucketName": UNKNOWN})) == [Unknown("s3BucketName")]


def test_a_bucket_by_its_literal_arn() -> None:
    stream = resource(STREAM, "stream", {"extendedS3Configuration": {"bucketArn": "arn:aws:s3:::central"}})
    named = resource(BUCKET, "audit", {"bucket": "central"})
    assert judged(stream, named, sender(*next(iter(SENDERS.items())))) == [UNLOCKED]


def test_a_bucket_and_a_lock_by_their_literal_names() -> None:
    named = [resource(TRAIL, "trail", {"s3BucketName": "central"}), resource(BUCKET, "audit", {"bucket": "central"})]
    assert judged(*named) == [UNLOCKED]
    assert judged(*named, resource(LOCK, "lock", {"bucket": "central", **RETENTION})) == [Pass()]
    assert judged(*named, resource(LOCK, "lock", {"bucket": "other", **RETENTION})) == [UNLOCKED]
