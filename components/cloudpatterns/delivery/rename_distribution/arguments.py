"""Arguments of ``RenameDistribution``."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.core import Keys, Matches, Problem
from cloudpatterns.core.vocabulary import AlarmTopicArns, BucketArn, KmsKeyArn, LogRetentionDays, Tags
from cloudpatterns.delivery.rename_distribution.assets import has_url, read_assets

MANIFEST = "manifest.json"
"""Name of the manifest, below the prefix."""
MOST_ASSETS = 1000
"""Each is a resource of the program."""


class RenameDistributionOptions(TypedDict):
    """What a user tunes of a ``RenameDistribution``."""

    folder: Annotated[str, Field(min_length=1)]
    """Folder with the files, relative to a Python program; programs in other languages give the whole path. Names that begin with a dot are
    left out."""
    path_prefix: NotRequired[
        Annotated[str, Matches(r"[A-Za-z0-9][A-Za-z0-9/_-]*/", "a prefix that ends in a slash such as assets/"), Field(default="assets/")]
    ]
    """Where the assets are in the bucket. Nothing else may be there: what the manifest does not name is removed."""
    manifest_seconds: NotRequired[Annotated[int, Field(default=60, ge=0, le=3600)]]
    """Seconds for which caches keep the manifest, and so the longest time until a new release is seen."""
    retention_days: NotRequired[Annotated[int, Field(default=30, ge=1, le=3650)]]
    """Days that an asset stays after the manifest no longer names it: longer than any page is open or cached."""
    content_types: NotRequired[Annotated[dict[str, str], Keys(r"\.[a-z0-9]+", "a dot and lower-case letters or digits"), Field(default={})]]
    """Content types by ending (``.glb``), beside those that are known; others are ``application/octet-stream``."""
    log_retention_days: NotRequired[LogRetentionDays]
    """Days that the log group of the function that removes assets keeps its events."""


class RenameDistributionArgs(RenameDistributionOptions):
    """Arguments of ``RenameDistribution``."""

    bucket_arn: BucketArn
    """Bucket that a CDN reads, such as that of ``DirectStorageHosting`` (without its ``publish_command``, which deletes
    what it does not know) or ``HighAvailabilityStorage``."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of the bucket, whose policy lets roles of the account use it. Default: S3 encrypts the objects by itself."""
    base_url: NotRequired[
        Annotated[pulumi.Input[str], Matches(r"https://[A-Za-z0-9.-]+(:\d{1,5})?", "an address such as https://cdn.example.com")]
    ]
    """Address of the CDN, for ``asset_url``. Default: none, ``asset_path`` alone is there."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify when superseded assets cannot be removed; without any there are no alarms."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some, but not of the assets: S3 allows ten, and the time of being superseded is one."""


def problems(checked: RenameDistributionArgs) -> Iterator[Problem]:
    """What is wrong with the folder."""
    folder = Path(checked["folder"])
    if not folder.is_dir():
        yield "folder", f"is {checked['folder']!r}, which is no folder here. Name one with the files, such as dist."
        return
    assets = read_assets(folder)
    if not 0 < len(assets) <= MOST_ASSETS:
        reason = f"has {len(assets)} files; each is a resource of the program, and 1 to {MOST_ASSETS} are allowed"
        yield "folder", f"{reason}. Publish large sites by DirectStorageHosting, or check the path."
    for asset in assets:
        if not has_url(asset.path):
            yield "folder", f"has {asset.path!r}; names in URLs have letters, digits, '.', '_', '~' and '-'. Rename the file."
        elif asset.path == MANIFEST:
            yield "folder", f"has {MANIFEST}, which is the name of the manifest. Rename the file."
