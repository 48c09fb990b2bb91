"""Issues presigned URLs of S3. Whoever may invoke it decides who gets which object.

``{"key": "reports/7.pdf"}`` is answered with ``{"url", "expires_at"}``; it takes ``seconds``, and ``download_as``, the name under which
browsers save the object.

A presigned URL ends with the credentials that signed it. So it is signed by a session of a role that lasts at least as long as the
URL; what is left of the function's own session is not known.

Environment: BUCKET, READER_ROLE_ARN, DEFAULT_SECONDS and MAX_SECONDS.
"""

import os
import re
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import boto3
from botocore.config import Config

# The shortest session that AWS allows.
_LEAST_SESSION_SECONDS = 900


class RequestError(Exception):
    """A request that cannot be signed."""


def handler(event: Mapping[str, Any], _context: object, sts: Any = None) -> dict[str, Any]:
    """The entry point."""
    key, seconds = _key(event), _seconds(event)
    parameters = {"Bucket": os.environ["BUCKET"], "Key": key, **_download(event)}
    begun = int(time.time())
    url = _reader(sts or boto3.client("sts"), seconds).generate_presigned_url("get_object", Params=parameters, ExpiresIn=seconds)
    return {"url": url, "expires_at": begun + seconds}


def _key(event: Mapping[str, Any]) -> str:
    key = event.get("key")
    if not isinstance(key, str) or not key or len(key.encode()) > 1024:
        raise RequestError("key must be the key of an object, such as reports/7.pdf")
    return key


def _seconds(event: Mapping[str, Any]) -> int:
    most = int(os.environ["MAX_SECONDS"])
    seconds = event.get("seconds", int(os.environ["DEFAULT_SECONDS"]))
    if not isinstance(seconds, int) or isinstance(seconds, bool) or not 1 <= seconds <= most:
        raise RequestError(f"seconds must be a whole number from 1 to {most}")
    return seconds


def _download(event: Mapping[str, Any]) -> dict[str, str]:
    name = event.get("download_as")
    if name is None:
        return {}
    if not isinstance(name, str) or not re.fullmatch(r"[^\x00-\x1f\x7f/\\]{1,200}", name):
        raise RequestError("download_as must be the name of a file, such as report.pdf")
    return {"ResponseContentDisposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}


def _reader(sts: Any, seconds: int) -> Any:
    credentials = sts.assume_role(
        RoleArn=os.environ["READER_ROLE_ARN"],
        RoleSessionName="presigned",
        DurationSeconds=max(seconds, _LEAST_SESSION_SECONDS),
    )["Credentials"]
    # Version 4 signatures name the Region, which most Regions require; the virtual address is that of the bucket's Region.
    return boto3.client(
        "s3",
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
        config=Config(signature_version="s3v4", s3={"addressing_style": "virtual"}),
    )
