"""The life of the objects in a bucket: when they move to cheaper storage, and when they and their old versions end."""

from collections.abc import Iterator

import pulumi_aws as aws

from cloudpatterns.core import Problem
from cloudpatterns.storage.durable_bucket.arguments import STORAGE_CLASSES, DurableBucketArgs

_INFREQUENT_ACCESS_DAYS = 30


def lifecycle_rule(checked: DurableBucketArgs) -> aws.s3.BucketLifecycleConfigurationRuleArgsDict:
    """The rule for all objects of the bucket."""
    retention_days = _retention_days(checked)
    return {
        "id": "durable",
        "status": "Enabled",
        # All objects.
        "filter": {"prefix": ""},
        # S3 takes days or the clean-up of delete markers that hide nothing, and with days does the clean-up as well.
        "expiration": {"days": retention_days} if retention_days else {"expired_object_delete_marker": True},
        "noncurrent_version_expiration": {"noncurrent_days": _noncurrent_retention_days(checked)},
        "abort_incomplete_multipart_upload": {"days_after_initiation": checked["abort_multipart_upload_days"]},
        "transitions": [{**move} for move in checked["transitions"]],
    }


def lifecycle_problems(checked: DurableBucketArgs) -> Iterator[Problem]:
    """What AWS would refuse."""
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html
    least, before = 0, ""
    for index, move in enumerate(checked["transitions"]):
        path, storage_class, days = f"transitions.{index}", move["storage_class"], move["days"]
        if before and STORAGE_CLASSES.index(storage_class) <= STORAGE_CLASSES.index(before):
            reason = f"is {storage_class} after {before}; the order is {', '.join(STORAGE_CLASSES)}. Sort the transitions."
            yield f"{path}.storage_class", reason
        infrequent = storage_class == "STANDARD_IA"
        least = max(least, _INFREQUENT_ACCESS_DAYS) if infrequent else least
        if days < least:
            yield f"{path}.days", f"is {days}; {storage_class} is possible after {least} days at the earliest here. Give at least {least}."
        least, before = days + (_INFREQUENT_ACCESS_DAYS if infrequent else 1), storage_class
    retention_days = _retention_days(checked)
    if before and retention_days and retention_days < least:
        yield "retention_days", f"is {retention_days}; objects that move to {before} live at least {least} days. Give at least {least}."


def _retention_days(checked: DurableBucketArgs) -> int | None:
    days = checked.get("retention_days")
    return 365 if days is None and checked["kind"] == "log_target" else days


def _noncurrent_retention_days(checked: DurableBucketArgs) -> int:
    days = checked.get("noncurrent_retention_days")
    if days is not None:
        return days
    # What a lifecycle deletes lives on as a noncurrent version; of logs, which hold addresses of people, only while a mistake may show.
    return 7 if checked["kind"] == "log_target" else 90
