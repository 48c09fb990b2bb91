"""Issues presigned POST forms for uploads, and says what became of one.

It answers requests of an API (proxy integration, REST or HTTP API). POST with a JSON object ``{"form": ..., "content_type": ...,
"redirect": true}`` is answered with the address and fields of a form: S3 itself refuses another key, type or size, and any upload after the
form's expiry. With ``"file_name"`` browsers save the object under that name, and do not show it. GET with the ``key`` of an upload is
answered with its state, as a page for browsers and as JSON for programs.

Environment: BUCKET, FORMS (JSON: name to prefix, content_types, min_bytes, max_bytes, expiry_seconds and redirect_url), ORIGINS (JSON: a
list), IDENTITY_CLAIM, and ANONYMOUS (``true`` where callers need no identity).
"""

import base64
import hashlib
import json
import logging
import os
import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

_LOG = logging.getLogger()
_LOG.setLevel(logging.INFO)
_CLEAN = "NO_THREATS_FOUND"
_STATES = {
    "scanning": "The upload has arrived and is being scanned.",
    "available": "The upload has been scanned and is available.",
    "refused": "The upload could not be accepted: the scan found a threat, or could not read the file.",
}
_PAGE_HEADERS = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": "default-src 'none'",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


class Refusal(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def handler(event: Mapping[str, Any], _context: object, s3: Any = None) -> dict[str, Any]:
    """The entry point."""
    s3 = s3 or _client()
    try:
        method = event.get("httpMethod") or event["requestContext"]["http"]["method"]
        if method == "POST":
            return _answer(event, 201, _form(event, s3))
        if method in ("GET", "HEAD"):
            return _completion(event, s3)
        raise Refusal(405, "POST for a form, GET for the state of an upload")
    except Refusal as refusal:
        return _answer(event, refusal.status, {"message": str(refusal)})


def _client() -> Any:
    # Version 4 signatures name the Region, which buckets of most Regions require; the virtual address is that of the bucket's Region.
    return boto3.client("s3", config=Config(signature_version="s3v4", s3={"addressing_style": "virtual"}))


def _form(event: Mapping[str, Any], s3: Any) -> dict[str, Any]:
    owner, request = _owner(event), _request(event)
    forms: dict[str, Any] = json.loads(os.environ["FORMS"])
    name = request.get("form", next(iter(forms)) if len(forms) == 1 else None)
    if not isinstance(name, str) or name not in forms:
        raise Refusal(400, f"form must be one of {', '.join(sorted(forms))}")
    form = forms[name]
    content_type = request.get("content_type")
    if content_type not in form["content_types"]:
        raise Refusal(400, f"content_type must be one of {', '.join(form['content_types'])}")
    # Nobody chooses a key: it cannot be guessed, and overwrites nothing.
    key = f"{form['prefix']}{owner}/{uuid.uuid4()}"
    fields = {"Content-Type": content_type, **_disposition(request), **_success(event, request, form)}
    seconds = form["expiry_seconds"]
    post = s3.generate_presigned_post(
        os.environ["BUCKET"],
        key,
        Fields=fields,
        Conditions=[*({name: value} for name, value in fields.items()), ["content-length-range", form["min_bytes"], form["max_bytes"]]],
        ExpiresIn=seconds,
    )
    _LOG.info(json.dumps({"issued": name, "key": key, "expiry_seconds": seconds}))
    expires = datetime.now(UTC) + timedelta(seconds=seconds)
    return {
        "url": post["url"],
        "fields": post["fields"],
        "key": key,
        "max_bytes": form["max_bytes"],
        "expires_at": expires.isoformat(timespec="seconds"),
    }


def _owner(event: Mapping[str, Any]) -> str:
    """The folder of whoever asks: a digest, so that no identity, whatever its characters, is part of a key."""
    identity = _identity(event.get("requestContext", {}).get("authorizer") or {}, os.environ["IDENTITY_CLAIM"])
    if identity is not None:
        return hashlib.sha256(identity.encode()).hexdigest()[:32]
    if os.environ.get("ANONYMOUS") == "true":
        return "anonymous"
    raise Refusal(401, "sign in first")


def _identity(authorizer: Mapping[str, Any], claim: str) -> str | None:
    # In the order: HTTP API with JWT, REST API with a user pool, a function that authorizes on either.
    for claims in ((authorizer.get("jwt") or {}).get("claims"), authorizer.get("claims"), authorizer.get("lambda"), authorizer):
        value = (claims or {}).get(claim)
        if isinstance(value, str) and value:
            return value
    return None


def _request(event: Mapping[str, Any]) -> dict[str, Any]:
    body = event.get("body") or "{}"
    try:
        request = json.loads(base64.b64decode(body) if event.get("isBase64Encoded") else body)
    except ValueError:
        request = None
    if not isinstance(request, dict):
        raise Refusal(400, "the body must be a JSON object")
    return request


def _disposition(request: Mapping[str, Any]) -> dict[str, str]:
    name = request.get("file_name")
    if name is None:
        return {}
    if not isinstance(name, str) or not re.fullmatch(r"[^\x00-\x1f\x7f/\\]{1,200}", name):
        raise Refusal(400, "file_name must be the name of a file, such as report.pdf")
    return {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}


def _success(event: Mapping[str, Any], request: Mapping[str, Any], form: Mapping[str, Any]) -> dict[str, str]:
    """Where S3 sends the browser after the upload; programs follow no redirect to another origin, and ask for none."""
    if request.get("redirect", True) is False:
        return {"success_action_status": "201"}
    context = event["requestContext"]
    # API Gateway itself sets both: no header of the request is trusted.
    page = f"https://{context['domainName']}{event.get('rawPath') or context.get('path', '/')}"
    return {"success_action_redirect": form["redirect_url"] or page}


def _completion(event: Mapping[str, Any], s3: Any) -> dict[str, Any]:
    key = (event.get("queryStringParameters") or {}).get("key", "")
    prefixes = "|".join(re.escape(form["prefix"]) for form in json.loads(os.environ["FORMS"]).values())
    # S3 adds the key of the upload to the address that it redirects to. Whoever knows it has it from the form.
    if not re.fullmatch(rf"({prefixes})[a-z0-9]+/[0-9a-f-]{{36}}", key):
        raise Refusal(404, "there is no such upload")
    state = _state(s3, key)
    if "text/html" not in _header(event, "accept"):
        return _answer(event, 200, {"key": key, "state": state})
    refresh = '<meta http-equiv="refresh" content="5">' if state == "scanning" else ""
    head = f'<meta charset="utf-8">{refresh}<title>Upload</title>'
    page = f'<!doctype html><html lang="en"><head>{head}</head><body><p>{_STATES[state]}</p></body></html>'
    return {"statusCode": 200, "headers": _PAGE_HEADERS, "body": page}


def _state(s3: Any, key: str) -> str:
    try:
        tags = s3.get_object_tagging(Bucket=os.environ["BUCKET"], Key=key)["TagSet"]
    except ClientError as error:
        # Without the right to list the bucket, S3 says of an object that is not there that it is forbidden; of one that was deleted it
        # keeps old versions below a marker, which has no tags.
        if error.response["Error"]["Code"] in ("NoSuchKey", "AccessDenied", "MethodNotAllowed"):
            raise Refusal(404, "there is no such upload") from error
        raise
    result = {tag["Key"]: tag["Value"] for tag in tags}.get("GuardDutyMalwareScanStatus")
    return "scanning" if result is None else "available" if result == _CLEAN else "refused"


def _header(event: Mapping[str, Any], name: str) -> str:
    return next((value for key, value in (event.get("headers") or {}).items() if key.lower() == name), "") or ""


def _answer(event: Mapping[str, Any], status: int, body: Mapping[str, Any]) -> dict[str, Any]:
    headers = {"content-type": "application/json", "cache-control": "no-store", "vary": "origin"}
    origin = _header(event, "origin")
    if origin in json.loads(os.environ["ORIGINS"]):
        headers["access-control-allow-origin"] = origin
    return {"statusCode": status, "headers": headers, "body": json.dumps(body)}
