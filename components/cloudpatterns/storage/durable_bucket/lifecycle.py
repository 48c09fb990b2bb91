"""The life of the objects in a bucket: when they move to cheaper storage, and when they and their old versions end."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, TypedDict

import pulumi_aws as aws
from pydantic import Field

_INFREQUENT_ACCESS_DAYS = 30
# From warm to cold: a lifecycle moves objects in this direction only. ONEZONE_IA is left out: it is not durable.
_STORAGE_CLASSES = ("STANDARD_IA", "INTELLIGENT_TIERING", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE")


class Transition(TypedDict):
    """A move of current objects to a cheaper storage class."""

    storage_class: Annotated[str, Field(pattern=f"^({'|'.join(_STORAGE_CLASSES)})$")]
    """STANDARD_IA, INTELLIGENT_TIERING, GLACIER_IR, GLACIER or DEEP_ARCHIVE."""
    days: Annotated[int, Field(ge=1)]
    """Days after an object's creation. STANDARD_IA takes 30 at least."""


@dataclass(frozen=True, kw_only=True)
class Lifecycle:
    """One lifecycle of all objects; all times in days, ``retention_days`` None for ever."""

    retention_days: int | None
    noncurrent_retention_days: int
    abort_multipart_upload_days: int
    transitions: Sequence[Transition]

    def rule(self) -> aws.s3.BucketLifecycleConfigurationRuleArgsDict:
        """The rule for all objects of the bucket."""
        return {
            "id": "durable",
            "status": "Enabled",
            # All objects.
            "filter": {"prefix": ""},
            # S3 takes days or the clean-up of delete markers that hide nothing, and with days does the clean-up as well.
            "expiration": {"days": self.retention_days} if self.retention_days else {"expired_object_delete_marker": True},
            "noncurrent_version_expiration": {"noncurrent_days": self.noncurrent_retention_days},
            "abort_incomplete_multipart_upload": {"days_after_initiation": self.abort_multipart_upload_days},
            "transitions": [{"storage_class": move["storage_class"], "days": move["days"]} for move in self.transitions],
        }

    def problems(self) -> Iterator[tuple[str, str]]:
        """What AWS would refuse, as paths of arguments and reasons."""
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html
        least, before = 0, ""
        for index, move in enumerate(self.transitions):
            path, storage_class, days = f"transitions.{index}", move["storage_class"], move["days"]
            if before and _STORAGE_CLASSES.index(storage_class) <= _STORAGE_CLASSES.index(before):
                yield (
                    f"{path}.storage_class",
                    f"is {storage_class} after {before}; the order is {', '.join(_STORAGE_CLASSES)}. Sort the transitions.",
                )
            if storage_class == "STANDARD_IA":
                least = max(least, _INFREQUENT_ACCESS_DAYS)
            if days < least:
                yield (
                    f"{path}.days",
                    f"is {days}; {storage_class} is possible after {least} days at the earliest here. Give at least {least}.",
                )
            least, before = days + (_INFREQUENT_ACCESS_DAYS if storage_class == "STANDARD_IA" else 1), storage_class
        days = self.retention_days
        if before and days and days < least:
            yield "retention_days", f"is {days}; objects that move to {before} live {least} days at least. Give at least {least}."
