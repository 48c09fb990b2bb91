"""AWS Config: the recorder, its delivery channel, and the bucket behind it."""

from collections.abc import Iterator
from functools import partial
from typing import Final

from cloudpatterns_policies.acceptance.controls._given import given, is_given
from cloudpatterns_policies.acceptance.relations import target, waits_for
from cloudpatterns_policies.core import UNKNOWN, Fail, Resource, Severity, Stack, Unknown, Verdict, stack_control
from cloudpatterns_policies.graph.reading import label

_RECORDER: Final = "aws:cfg/recorder:Recorder"
_CHANNEL: Final = "aws:cfg/deliveryChannel:DeliveryChannel"
_STATUS: Final = "aws:cfg/recorderStatus:RecorderStatus"
_BEFORE: Final = {_CHANNEL: _RECORDER, _STATUS: _CHANNEL}
"""What must exist before each: AWS says NoAvailableConfigurationRecorder and NoAvailableDeliveryChannel."""
_BUCKET: Final = "aws:s3/bucket:Bucket"
_LOCK: Final = "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration"

_refusal = partial(stack_control, severity=Severity.HIGH, pack="acceptance")


@_refusal(
    id="config-order",
    title="The recorder of AWS Config comes first, then its delivery channel, then its start",
    types=tuple(_BEFORE),
    why="AWS Config refuses a channel without a recorder, and starts no recorder without a channel.",
    remediation="Name the recorder in depends_on of the delivery channel, and the channel in depends_on of the recorder's status.",
    url="https://docs.aws.amazon.com/config/latest/APIReference/API_StartConfigurationRecorder.html",
)
def config_order(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    if resource.type == _STATUS and given(resource, "isEnabled") is not True:
        return
    region = given(resource, "region")
    first = [item for item in stack.of_type(_BEFORE[resource.type]) if region is not UNKNOWN and is_given(item, "region", region)]
    if len(first) == 1 and not waits_for(stack, resource, first[0]):
        yield Fail(f"does not wait for {label(first[0])}")


@_refusal(
    id="config-bucket-without-lock",
    title="AWS Config delivers to a bucket whose objects are not locked by default",
    types=(_CHANNEL,),
    why="AWS Config does not deliver to a bucket with object lock and a default retention.",
    remediation="Give AWS Config a bucket of its own, without a default retention.",
    url="https://docs.aws.amazon.com/config/latest/developerguide/manage-delivery-channel.html",
)
def config_bucket_without_lock(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    bucket = target(stack, resource, "s3BucketName", _BUCKET)
    if bucket is None:
        return
    locks = [given(item, "rule") for item in stack.referrers(bucket, _LOCK, "bucket")]
    locks.append(given(bucket, "objectLockConfiguration.rule"))
    if any(lock is UNKNOWN for lock in locks):
        yield Unknown("s3BucketName")
    elif any(locks):
        yield Fail(f"delivers to bucket {bucket.name}, whose objects are locked by default", "s3BucketName")
