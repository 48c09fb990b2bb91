"""Shows whoever uploaded them their pictures: ``GET /pictures``, the newest first, and ``GET /pictures/{id}``.

A picture is known by the last part of the key that its form had. Until there is a record of it in the index, its state follows from the
scan. Environment: UPLOADS (bucket), PREFIX of the uploads, MEDIA_URL, IDENTITY_CLAIM, ORIGINS (JSON: a list),
LATE_SECONDS, and the table of the index.
"""

import base64
import functools
import hashlib
import json
import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.exceptions import ClientError
from cloudpatterns_runtime.storage_index import StorageIndex

REASONS = {
    "unsafe": "The scan found a threat, or could not read the file.",
    "unknown_format": "It is no picture of a format that is accepted.",
    "truncated": "The file ends before the picture does.",
    "damaged": "The picture cannot be decoded.",
    "foreign_content": "The file holds something else beside the picture, such as an archive or a script.",
    "too_large": "The file is too large.",
    "too_many_pixels": "The picture has too many pixels.",
    "too_many_frames": "The animation is too long.",
    "too_expensive": "The picture takes more memory or time than one may.",
}
_RECORDS = "pictures/"
_TYPES = {"avif": "image/avif", "jpg": "image/jpeg", "png": "image/png", "webp": "image/webp"}
_TAG, _CLEAN = "GuardDutyMalwareScanStatus", "NO_THREATS_FOUND"
_MOST = 100


class Refusal(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@functools.cache
def index() -> StorageIndex:
    """The index of records, kept between invocations."""
    return StorageIndex.from_environment(boto3.client("dynamodb"))


@functools.cache
def s3() -> Any:
    """The client of S3, kept between invocations."""
    return boto3.client("s3")


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """The entry point: a request of an API (proxy integration, REST or HTTP API)."""
    try:
        owner = _owner(event.get("requestContext", {}).get("authorizer") or {})
        picture = (event.get("pathParameters") or {}).get("id")
        return _answer(event, 200, _listed(event, owner) if picture is None else _shown(owner, picture))
    except Refusal as refusal:
        return _answer(event, refusal.status, {"message": str(refusal)})


def _owner(authorizer: Mapping[str, Any]) -> str:
    """The folder of whoever asks, as the function that issues forms names it."""
    claim = os.environ["IDENTITY_CLAIM"]
    # HTTP API with JWT, REST API with a user pool, a function that authorizes on either.
    for claims in ((authorizer.get("jwt") or {}).get("claims"), authorizer.get("claims"), authorizer.get("lambda"), authorizer):
        identity = (claims or {}).get(claim)
        if isinstance(identity, str) and identity:
            return hashlib.sha256(identity.encode()).hexdigest()[:32]
    raise Refusal(401, "sign in first")


def _listed(event: Mapping[str, Any], owner: str) -> dict[str, Any]:
    query = event.get("queryStringParameters") or {}
    limit = query.get("limit", "20")
    if not re.fullmatch(r"[1-9]\d{0,2}", limit) or int(limit) > _MOST:
        raise Refusal(400, f"limit must be a number from 1 to {_MOST}")
    try:
        page = index().list(f"{_RECORDS}{owner}/", newest_first=True, limit=int(limit), token=_token(query.get("token"), owner))
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationException":
            raise Refusal(400, "token is none of a page of this list") from error
        raise
    return {"pictures": [_picture(entry) for entry in page.entries], "token": page.token}


def _token(token: str | None, owner: str) -> str | None:
    """The token of a page, of nobody else's list."""
    if token is None:
        return None
    try:
        folder = json.loads(base64.urlsafe_b64decode(token))["folder"]["S"]
    except (ValueError, KeyError, TypeError):
        folder = None
    if folder != f"/{_RECORDS}{owner}/":
        raise Refusal(400, "token is none of a page of this list")
    return token


def _shown(owner: str, picture: str) -> dict[str, Any]:
    if not re.fullmatch(r"[\w.-]{1,64}", picture):
        raise Refusal(404, "there is no such picture")
    entry = index().get(f"{_RECORDS}{owner}/{picture}")
    return _before(f"{os.environ['PREFIX']}{owner}/{picture}", picture) if entry is None else _picture(entry)


def _picture(entry: Mapping[str, Any]) -> dict[str, Any]:
    """A picture as its owner sees it: with links, or with the reason for its refusal."""
    metadata = entry["metadata"]
    record = json.loads(metadata["picture"])
    shown = {"id": entry["key"].rsplit("/", 1)[1], **record, "uploaded_at": metadata["uploaded-at"]}
    if "reason" in record:
        shown["message"] = REASONS[record["reason"]]
    if "renditions" in record:
        shown["renditions"] = {name: _rendition(*facts) for name, facts in record["renditions"].items()}
    return shown


def _rendition(key: str, width: int, height: int, frames: int, size: int) -> dict[str, Any]:
    return {
        "url": f"{os.environ['MEDIA_URL']}/{key}",
        "content_type": _TYPES[key.rsplit(".", 1)[1]],
        "width": width,
        "height": height,
        "frames": frames,
        "bytes": size,
    }


def _before(key: str, picture: str) -> dict[str, Any]:
    """The state of an upload without a record."""
    try:
        tags = s3().get_object_tagging(Bucket=os.environ["UPLOADS"], Key=key)["TagSet"]
        found = s3().list_objects_v2(Bucket=os.environ["UPLOADS"], Prefix=key, MaxKeys=1).get("Contents", [])
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchKey", "MethodNotAllowed"):
            raise Refusal(404, "there is no such picture") from error
        raise
    if not found:
        # Deleted just now.
        raise Refusal(404, "there is no such picture")
    uploaded = found[0]["LastModified"]
    shown = {"id": picture, "uploaded_at": uploaded.strftime("%Y-%m-%dT%H:%M:%SZ")}
    result = {tag["Key"]: tag["Value"] for tag in tags}.get(_TAG)
    if result not in (None, _CLEAN):
        return {**shown, "state": "refused", "reason": "unsafe", "message": REASONS["unsafe"]}
    late = (datetime.now(UTC) - uploaded).total_seconds() > int(os.environ["LATE_SECONDS"])
    return {**shown, "state": "scanning" if result is None else "processing", "late": late}


def _answer(event: Mapping[str, Any], status: int, body: Mapping[str, Any]) -> dict[str, Any]:
    headers = {"content-type": "application/json", "cache-control": "no-store", "vary": "origin"}
    origin = next((value for name, value in (event.get("headers") or {}).items() if name.lower() == "origin"), None)
    if origin in json.loads(os.environ["ORIGINS"]):
        headers["access-control-allow-origin"] = origin
    return {"statusCode": status, "headers": headers, "body": json.dumps(body)}
