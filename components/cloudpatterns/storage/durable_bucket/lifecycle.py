"""The life of the objects in a bucket: when they move to cheaper storage, and when they and their old versions end."""

from collections.abc import Iterator, Mapping, Sequence

import pulumi_aws as aws

from cloudpatterns.core import Problem
from cloudpatterns.storage.durable_bucket.arguments import STORAGE_CLASSES, DurableBucketArgs, Transition

_INFREQUENT_ACCESS_DAYS = 30
BILLED_DAYS: Mapping[str, int] = {"STANDARD_IA": _INFREQUENT_ACCESS_DAYS, "GLACIER_IR": 90, "GLACIER": 90, "DEEP_ARCHIVE": 180}
"""Days that an object in a storage class is paid for at least.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-class-intro.html#sc-compare
"""


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
        # S3 refuses a move out of a class before the days that it is paid for.
        least, before = days + BILLED_DAYS.get(storage_class, 1), storage_class
    retention_days, moves = _retention_days(checked), checked["transitions"]
    # An end before these days is allowed, except in STANDARD_IA, and paid for: see `early_end_problems`.
    least = moves[-1]["days"] + (_INFREQUENT_ACCESS_DAYS if before == "STANDARD_IA" else 1) if moves else 0
    if before and retention_days and retention_days < least:
        yield "retention_days", f"is {retention_days}; objects that move to {before} live at least {least} days. Give at least {least}."


def early_end_problems(transitions: Sequence[Transition], kept_days: int, argument: str) -> Iterator[Problem]:
    """A last storage class that is paid for longer than objects are kept in it; ``argument`` says how many days they are kept."""
    if not transitions:
        return
    last = transitions[-1]
    billed = BILLED_DAYS.get(last["storage_class"], 0)
    if kept_days - last["days"] < billed:
        reason = (
            f"is {last['days']}; {last['storage_class']} is paid for at least {billed} days, and {argument} {kept_days} leaves "
            f"{max(kept_days - last['days'], 0)}. Raise {argument} to {last['days'] + billed} or more, or remove the transition."
        )
        yield f"transitions.{len(transitions) - 1}.days", reason


def _retention_days(checked: DurableBucketArgs) -> int | None:
    days = checked.get("retention_days")
    return 365 if days is None and checked["kind"] == "log_target" else days


def _noncurrent_retention_days(checked: DurableBucketArgs) -> int:
    days = checked.get("noncurrent_retention_days")
    if days is not None:
        return days
    # What a lifecycle deletes lives on as a noncurrent version; of logs, which hold addresses of people, only while a mistake may show.
    return 7 if checked["kind"] == "log_target" else 90
