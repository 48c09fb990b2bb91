"""Copies an upload to the bucket of released files once its scan has found it clean.

It is invoked with the event of a scan, at least once and in any order, and trusts none: it looks which version is the newest, and at
its tag. So a version that was replaced or deleted meanwhile is not released. An event that comes again changes nothing, even when a
reader has deleted the file since. Of two versions that are released at once the newer stays, because the copy is bound to the file that
was there before it.

Environment: BUCKET, PREFIX of the uploads, RELEASE_BUCKET.
"""

import json
import logging
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
from botocore.exceptions import ClientError

_LOG = logging.getLogger()
_LOG.setLevel(logging.INFO)
_TAG, _CLEAN = "GuardDutyMalwareScanStatus", "NO_THREATS_FOUND"
_SOURCE_VERSION = "source-version"
# S3 copies at most 5 GiB in one request, and takes 10,000 parts.
_PART_BYTES, _MOST_PARTS = 1024**3, 10_000
_MISSING = ("404", "NoSuchKey", "NotFound")


class NotCleanError(Exception):
    """The tag of the version does not say that it is clean, or not yet."""


def handler(event: Mapping[str, Any], _context: object, s3: Any = None) -> str:
    """The entry point: what was done, ``released``, ``released before``, ``superseded``, ``deleted`` or ``folder``."""
    s3 = s3 or boto3.client("s3")
    scanned = event["detail"]["s3ObjectDetails"]
    bucket, key, version = os.environ["BUCKET"], scanned["objectKey"], scanned.get("versionId")
    if scanned["bucketName"] != bucket or not key.startswith(os.environ["PREFIX"]):
        raise ValueError(f"{key} of {scanned['bucketName']} is no upload of this server")
    if version in (None, "", "null"):
        # What was scanned, and what is there by now, could not be told apart.
        raise ValueError(f"{key} has no version: {bucket} keeps none. Turn its versions on; then its files are released as they arrive")
    done = "folder" if key.endswith("/") else _release(s3, bucket, key, version)
    _LOG.info(json.dumps({"key": key, "version": version, "done": done}))
    return done


def _release(s3: Any, bucket: str, key: str, version: str) -> str:
    place = {"Bucket": os.environ["RELEASE_BUCKET"], "Key": key.removeprefix(os.environ["PREFIX"])}
    # In this order: whatever is released after this look makes the copy fail.
    before = _newest(s3, place)
    if before and _source_version(s3, place, before["VersionId"]) == version:
        return "released before"
    try:
        newest = s3.get_object_tagging(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] in (*_MISSING, "MethodNotAllowed"):
            return "deleted"
        raise
    if newest["VersionId"] != version:
        # Its own scan releases it.
        return "superseded"
    if {tag["Key"]: tag["Value"] for tag in newest["TagSet"]}.get(_TAG) != _CLEAN:
        raise NotCleanError(f"version {version} of {key} has no tag of a clean scan")
    condition = {"IfMatch": before["ETag"]} if before and before["IsLatest"] else {"IfNoneMatch": "*"}
    _copy(s3, {"Bucket": bucket, "Key": key, "VersionId": version}, place, condition)
    return "released"


def _newest(s3: Any, place: Mapping[str, str]) -> dict[str, Any] | None:
    """The newest version in the place, which is not the latest where the file has been deleted since."""
    found = s3.list_object_versions(Bucket=place["Bucket"], Prefix=place["Key"], MaxKeys=100)
    # By key, and of a key the newest first.
    return next((version for version in found.get("Versions", []) if version["Key"] == place["Key"]), None)


def _source_version(s3: Any, place: Mapping[str, str], version: str) -> str | None:
    try:
        return s3.head_object(**place, VersionId=version)["Metadata"].get(_SOURCE_VERSION)
    except ClientError as error:
        if error.response["Error"]["Code"] in _MISSING:
            return None
        raise


def _copy(s3: Any, source: Mapping[str, str], place: Mapping[str, str], condition: Mapping[str, str]) -> None:
    """Copies a version of any size, unless another file is in the place since ``condition`` was read."""
    found = s3.head_object(**source)
    described = {"ContentType": found["ContentType"], "Metadata": {**found["Metadata"], _SOURCE_VERSION: source["VersionId"]}}
    size = found["ContentLength"]
    if not size:
        s3.put_object(**place, **described, **condition, Body=b"")
        return
    upload = {**place, "UploadId": s3.create_multipart_upload(**place, **described)["UploadId"]}

    def part(number: int, first: int, last: int) -> dict[str, Any]:
        span = {"CopySourceRange": f"bytes={first}-{last}"}
        copied = s3.upload_part_copy(**upload, PartNumber=number, CopySource=source, **span)
        return {"PartNumber": number, "ETag": copied["CopyPartResult"]["ETag"]}

    try:
        with ThreadPoolExecutor(max_workers=8) as threads:
            parts = list(threads.map(lambda span: part(*span), _spans(size)))
        s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts}, **condition)
    except BaseException:
        s3.abort_multipart_upload(**upload)
        raise


def _spans(size: int) -> Iterator[tuple[int, int, int]]:
    """Number, first and last byte of each part."""
    length = max(_PART_BYTES, -(-size // _MOST_PARTS))
    for number, first in enumerate(range(0, size, length), start=1):
        yield number, first, min(first + length, size) - 1
