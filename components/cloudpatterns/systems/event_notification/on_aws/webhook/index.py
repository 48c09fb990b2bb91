"""Receives the webhooks of other systems: verifies who sent them, and when, and puts their bodies into a queue.

The HMAC is that of the body as it arrived, byte by byte. Two values of a source's secret are valid for some time: the current one, and the
one before it, so that a rotation loses no event. No value, no signature and no body is logged.
"""

import base64
import binascii
import functools
import hashlib
import hmac
import json
import logging
import os
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import boto3

_CACHE_SECONDS, _LEAST_CACHE_SECONDS = 60.0, 5.0
_LEAST_SECRET = 16
_log = logging.getLogger(__name__)
_log.setLevel(logging.INFO)


class Signed(NamedTuple):
    """What a request claims: the signed content, its signatures, when it was signed, and the id that is part of the content."""

    content: bytes
    signatures: list[bytes]
    at: float | None
    event_id: str


class _Refused(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


@functools.cache
def client(service: str) -> Any:
    """A client of AWS, kept between invocations."""
    return boto3.client(service)


@functools.cache
def sources() -> dict[str, Any]:
    """Settings of the sources by name, from the environment."""
    return json.loads(os.environ["SOURCES"])


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """The entry point: 202 with the id of the queued message, or why not."""
    try:
        return _answer(202, {"id": _receive(event)})
    except _Refused as refused:
        name = (event.get("pathParameters") or {}).get("source")
        _log.warning("%s: %s", name if name in sources() else "unknown source", refused.message)
        return _answer(refused.status, {"message": refused.message})


def authorize(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """The entry point of the authorizer, which sees no body: it refuses what names no source, is not signed, or was signed long ago."""
    name = (event.get("pathParameters") or {}).get("source", "")
    try:
        _claimed(event, b"")
        effect = "Allow"
    except _Refused as refused:
        _log.warning("%s: %s", name if name in sources() else "unknown source", refused.message)
        effect = "Deny"
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": event["methodArn"]}
    return {"principalId": "sender", "policyDocument": {"Version": "2012-10-17", "Statement": [statement]}}


def _claimed(event: Mapping[str, Any], body: bytes) -> tuple[Mapping[str, Any], Signed]:
    """The source that a request names, and what it claims about its body."""
    source = sources().get((event.get("pathParameters") or {}).get("source", ""))
    if source is None:
        raise _Refused(404, "unknown source")
    headers = {key.lower(): value for key, value in (event.get("headers") or {}).items()}
    signed = _SCHEMES[source["scheme"]](headers, body)
    if signed is None:
        raise _Refused(401, "signature or time is missing")
    if signed.at is not None and abs(time.time() - signed.at) > source["tolerance_seconds"]:
        raise _Refused(401, "signed too long ago, or in the future")
    return source, signed


def _receive(event: Mapping[str, Any]) -> str:
    body = _raw(event)
    if len(body) > int(os.environ["MOST_BODY_BYTES"]):
        raise _Refused(413, "body too large")
    source, signed = _claimed(event, body)
    name = event["pathParameters"]["source"]
    if not _is_valid(source, signed):
        raise _Refused(401, "wrong signature")
    try:
        content = json.loads(body)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise _Refused(400, "the body is no JSON object")
    message = {
        "kind": "webhook",
        "source": name,
        "event_id": signed.event_id,
        # Signed as well, so a repeated request is the same event.
        "digest": hashlib.sha256(signed.content).hexdigest(),
        "received_at": time.time(),
        "body": content,
    }
    # No longer than the body itself: a message has a size as well.
    text = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
    sent = client("sqs").send_message(QueueUrl=os.environ["QUEUE_URL"], MessageBody=text)
    _log.info("%s: message %s", name, sent["MessageId"])
    return sent["MessageId"]


def _raw(event: Mapping[str, Any]) -> bytes:
    """The body as it arrived."""
    text = event.get("body") or ""
    return base64.b64decode(text) if event.get("isBase64Encoded") else text.encode()


def _hexadecimal(text: str) -> list[bytes]:
    try:
        return [bytes.fromhex(text.removeprefix("sha256="))]
    except ValueError:
        return []


def _moment(text: str) -> float | None:
    return float(text) if text.isascii() and text.isdigit() and len(text) < 12 else None


def _timestamp(headers: Mapping[str, str], body: bytes) -> Signed | None:
    """``X-Signature: sha256=<hex>`` of ``<X-Timestamp>.<body>``."""
    text = headers.get("x-timestamp", "")
    at, signatures = _moment(text), _hexadecimal(headers.get("x-signature", ""))
    return Signed(f"{text}.".encode() + body, signatures, at, "") if at is not None and signatures else None


def _standard(headers: Mapping[str, str], body: bytes) -> Signed | None:
    """Standard Webhooks: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md."""
    event_id, text = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    at, signatures = _moment(text), []
    for one in headers.get("webhook-signature", "").split():
        version, _, value = one.partition(",")
        if version == "v1":
            signatures += _decoded(value)
    if not event_id or at is None or not signatures:
        return None
    return Signed(f"{event_id}.{text}.".encode() + body, signatures, at, event_id)


def _github(headers: Mapping[str, str], body: bytes) -> Signed | None:
    """GitHub's ``X-Hub-Signature-256``, of the body alone."""
    signatures = _hexadecimal(headers.get("x-hub-signature-256", ""))
    return Signed(body, signatures, None, "") if signatures else None


_SCHEMES = {"timestamp": _timestamp, "standard": _standard, "github": _github}


def _decoded(text: str) -> list[bytes]:
    try:
        return [base64.b64decode(text, validate=True)]
    except (ValueError, binascii.Error):
        return []


_KEYS: dict[str, tuple[float, list[bytes]]] = {}


def _is_valid(source: Mapping[str, Any], signed: Signed) -> bool:
    arn, now = source["secret_arn"], time.monotonic()
    read_at, keys = _KEYS.get(arn, (-_CACHE_SECONDS, []))
    if now - read_at < _CACHE_SECONDS and _matches(keys, signed):
        return True
    # After a rotation the sender may have the new secret before the cache has.
    if now - read_at < _LEAST_CACHE_SECONDS:
        return False
    keys = _read(arn, source["secret_overlap_hours"])
    _KEYS[arn] = (now, keys)
    return _matches(keys, signed)


def _matches(keys: list[bytes], signed: Signed) -> bool:
    """Whether one of the keys made one of the signatures; each is compared in constant time, and all are."""
    found = False
    for key in keys:
        expected = hmac.new(key, signed.content, hashlib.sha256).digest()
        for signature in signed.signatures[:5]:
            found |= hmac.compare_digest(expected, signature)
    return found


def _read(arn: str, overlap_hours: int) -> list[bytes]:
    """The current key, and the one before until its time is over."""
    manager = client("secretsmanager")
    current = manager.get_secret_value(SecretId=arn)
    keys = [*_key(current["SecretString"], arn)]
    if overlap_hours and time.time() - current["CreatedDate"].timestamp() < overlap_hours * 3600:
        try:
            previous = manager.get_secret_value(SecretId=arn, VersionStage="AWSPREVIOUS")
        except manager.exceptions.ResourceNotFoundException:
            return keys
        keys += _key(previous["SecretString"], arn)
    return keys


def _key(text: str, arn: str) -> list[bytes]:
    """The key in a secret: its text, or the ``password`` of its JSON; after ``whsec_`` it is base64."""
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    if isinstance(value, dict):
        value = value.get("password", "")
    value = str(value if isinstance(value, str) else text).strip()
    if len(value) < _LEAST_SECRET:
        _log.error("a value of the secret %s has fewer than %d characters, and is not used", arn, _LEAST_SECRET)
        return []
    return _decoded(value.removeprefix("whsec_")) if value.startswith("whsec_") else [value.encode()]


def _answer(status: int, body: Mapping[str, str]) -> dict[str, Any]:
    return {"statusCode": status, "headers": {"Content-Type": "application/json"}, "body": json.dumps(body)}
