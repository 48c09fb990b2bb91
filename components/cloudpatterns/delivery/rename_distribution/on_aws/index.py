"""Removes assets that the manifest has not named for some time.

S3's lifecycle counts from the day of an upload, and would delete what is old and current. So an asset that the manifest does not name gets
a tag with the time, loses it when the manifest names it again, and is deleted when the tag is old enough.

Environment: BUCKET, PREFIX, MANIFEST_KEY and RETENTION_DAYS.
"""

import json
import logging
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3

TAG = "superseded-at"
_log = logging.getLogger()
_log.setLevel(logging.INFO)


def handler(_event: Mapping[str, Any], _context: object, s3: Any = None, now: datetime | None = None) -> dict[str, int]:
    """The entry point."""
    s3, now = s3 or boto3.client("s3"), now or datetime.now(UTC)
    # Without a manifest that can be read nothing is deleted.
    current = _current(s3)
    oldest = now - timedelta(days=int(os.environ["RETENTION_DAYS"]))
    counts = {"current": 0, "superseded": 0, "deleted": 0}
    for key in _keys(s3):
        named = {"Bucket": os.environ["BUCKET"], "Key": key}
        tags = {tag["Key"]: tag["Value"] for tag in s3.get_object_tagging(**named)["TagSet"]}
        since = tags.get(TAG)
        if key in current:
            counts["current"] += 1
            if since is not None:
                _tag(s3, named, {name: value for name, value in tags.items() if name != TAG})
        elif since is None:
            counts["superseded"] += 1
            _tag(s3, named, {**tags, TAG: now.isoformat(timespec="seconds")})
        elif datetime.fromisoformat(since) <= oldest:
            counts["deleted"] += 1
            s3.delete_object(**named)
            _log.info(json.dumps({"deleted": key, "superseded_at": since}))
        else:
            counts["superseded"] += 1
    _log.info(json.dumps(counts))
    return counts


def _current(s3: Any) -> set[str]:
    body = s3.get_object(Bucket=os.environ["BUCKET"], Key=os.environ["MANIFEST_KEY"])["Body"].read()
    paths = json.loads(body)
    if not isinstance(paths, dict) or not paths:
        raise ValueError(f"{os.environ['MANIFEST_KEY']} is no manifest with assets")
    return {path.removeprefix("/") for path in paths.values()} | {os.environ["MANIFEST_KEY"]}


def _keys(s3: Any) -> Iterator[str]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=os.environ["BUCKET"], Prefix=os.environ["PREFIX"]):
        for one in page.get("Contents", []):
            yield one["Key"]


def _tag(s3: Any, named: Mapping[str, str], tags: Mapping[str, str]) -> None:
    if tags:
        s3.put_object_tagging(**named, Tagging={"TagSet": [{"Key": name, "Value": value} for name, value in tags.items()]})
    else:
        s3.delete_object_tagging(**named)
