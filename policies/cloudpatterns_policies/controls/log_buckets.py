"""Buckets that keep logs as evidence: nobody changes what is in them.

Buckets with server access logs are not among them: S3 does not deliver those to a bucket with object lock.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html
"""

from collections.abc import Iterator
from typing import Final

from cloudpatterns_policies.controls._buckets import BUCKETS, settings
from cloudpatterns_policies.core import UNKNOWN, Fail, NotApplicable, Pass, Resource, Severity, Stack, Unknown, Verdict, stack_control
from cloudpatterns_policies.graph.reading import read

_TRAIL: Final = "aws:cloudtrail/trail:Trail"
_DELIVERY: Final = "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream"
_LOCKS: Final = (
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration",
    "aws:s3/bucketObjectLockConfigurationV2:BucketObjectLockConfigurationV2",
)
# Who sends logs to a delivery stream, and where the stream is named.
_SENDERS: Final = (
    ("aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter", "destinationArn"),
    ("aws:cloudwatch/logAccountPolicy:LogAccountPolicy", "policyDocument"),
    ("aws:cloudwatch/logDestination:LogDestination", "targetArn"),
    ("aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration", "logDestinationConfigs"),
)
_RETENTION: Final = "rule.defaultRetention"


@stack_control(
    id="log-archive-locked",
    title="Buckets with the logs of trails and log groups have object lock",
    severity=Severity.MEDIUM,
    types=(_TRAIL, _DELIVERY),
    why="Whoever breaks in deletes the logs first. Without a lock, anyone who may write to the bucket or delete from it can change them.",
    remediation=(
        "Add an aws.s3.BucketObjectLockConfiguration with a default_retention of days or years to the bucket, which needs versioning."
    ),
    url="https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html",
)
def log_archive_locked(resource: Resource, stack: Stack) -> Verdict:
    if resource.type == _DELIVERY and not any(stack.referrers(resource, kind, path) for kind, path in _SENDERS):
        return NotApplicable("receives no logs in this stack")
    path = "s3BucketName" if resource.type == _TRAIL else "extendedS3Configuration.bucketArn"
    buckets = stack.refs(resource, path, *BUCKETS)
    if not buckets:
        # The name, or the end of the ARN; an unknown one ends the control here.
        name = str(resource.get(path, "")).rpartition(":")[2]
        buckets = [bucket for bucket in stack.of_type(*BUCKETS) if name and read(bucket, "bucket") == name]
    if not buckets:
        return NotApplicable("writes to a bucket of another stack")
    found = [verdict for bucket in buckets for verdict in _locked(stack, bucket)]
    # Where dependencies alone tell the bucket, there may be several: one that fails is enough.
    return next((one for kind in (Fail, Unknown) for one in found if isinstance(one, kind)), Pass())


def _locked(stack: Stack, bucket: Resource) -> Iterator[Verdict]:
    locks = settings(stack, bucket, *_LOCKS)
    where = f"{_RETENTION} of {locks[0].name}" if locks else bucket.name
    if not locks:
        yield Fail(f"writes logs to {bucket.name}, which has no object lock")
        return
    for unit in ("days", "years"):
        value = read(locks[0], f"{_RETENTION}.{unit}")
        if value is UNKNOWN:
            yield Unknown(where)
            return
        if value:
            yield Pass()
            return
    yield Fail(f"writes logs to {bucket.name}, whose object lock has no default retention", where)
