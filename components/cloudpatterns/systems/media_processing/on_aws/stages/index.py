"""The stages of a picture: ``check`` looks at what was uploaded, ``render`` makes renditions, ``publish`` writes its record.

Messages arrive at least once, in any order, and a stage may be killed anywhere. ``check`` takes the event of a clean scan, or ``{"upload":
key}``, and trusts neither: it looks which version of the upload is the newest, and whether that is clean. A refused picture goes through
the other stages with its reason. The keys of renditions follow from the upload, its bytes and the settings, so what was written before is
found and not made again. A record is written last, so that whatever it names is there, and only over an older one.

The bytes of an upload are decoded by a process of their own (``pictures.py``), which is started without credentials.

Environment: UPLOADS (bucket), PREFIX of the uploads, MEDIA (bucket), SETTINGS (JSON), NEXT_QUEUE_URL, METRIC_NAMESPACE, PIPELINE.
"""

import functools
import hashlib
import json
import logging
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

RECORDS, RENDITIONS = "pictures/", "renditions/"
_PROGRAM = Path(__file__).with_name("pictures.py")
_READY = "ready"
_TAG, _CLEAN = "GuardDutyMalwareScanStatus", "NO_THREATS_FOUND"
_GONE = ("404", "NoSuchKey", "NoSuchVersion", "NotFound", "MethodNotAllowed")
_TYPES = {"avif": "image/avif", "jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp"}
_EXTENSIONS = {"avif": "avif", "jpeg": "jpg", "png": "png", "webp": "webp"}
# Renditions never change: another upload, picture or setting has another key.
_CACHE = "public, max-age=31536000, immutable"
# Until the answer of the process is processed.
_MARGIN_SECONDS = 10
_CHUNK = 1024 * 1024
_LOG = logging.getLogger()
_LOG.setLevel(logging.INFO)


@functools.cache
def client(service: str) -> Any:
    """A client of AWS, kept between invocations."""
    return boto3.client(service)


@functools.cache
def settings() -> dict[str, Any]:
    """What pictures may be, and the renditions."""
    return json.loads(os.environ["SETTINGS"])


class Gone(Exception):
    """The upload has been deleted, or replaced by another, meanwhile: there is nothing to do."""


class NotCleanError(Exception):
    """The scan has not found the upload clean, or not yet."""


def check(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """The entry point of the first stage."""
    return _batch(event, context, _check)


def render(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """The entry point of the second stage."""
    return _batch(event, context, _render)


def publish(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """The entry point of the last stage."""
    return _batch(event, context, _publish)


def _batch(event: Mapping[str, Any], context: Any, process: Callable[[dict[str, Any], Any], None]) -> dict[str, Any]:
    failed = []
    for record in event["Records"]:
        try:
            process(json.loads(record["body"]), context)
        except Gone as gone:
            _LOG.info("message %s: %s", record["messageId"], gone)
        except Exception as error:
            _LOG.error("message %s failed: %s", record["messageId"], _reason(error))
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


def _reason(error: Exception) -> str:
    return f"{type(error).__name__} {_code(error) or error}".strip()


def _code(error: Exception) -> str:
    return error.response["Error"]["Code"] if isinstance(error, ClientError) else ""


def _check(message: dict[str, Any], context: Any) -> None:
    key, version = _upload_of(message)
    upload = {"upload": key, "version": _newest(key, version)}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "picture"
        upload |= _download(upload, file)
        found = {"refused": "too_large"} if upload["bytes"] > settings()["max_bytes"] else _picture({"file": str(file)}, context)
    _send({**upload, **found})


def _upload_of(message: Mapping[str, Any]) -> tuple[str, str | None]:
    """Key and version of an upload, of which nothing is known yet."""
    if "detail" in message:
        scanned = message["detail"]["s3ObjectDetails"]
        if scanned["bucketName"] != os.environ["UPLOADS"]:
            raise ValueError(f"the event is of the bucket {scanned['bucketName']}, not of {os.environ['UPLOADS']}")
        key, version = scanned["objectKey"], scanned.get("versionId")
    else:
        key, version = message["upload"], message.get("version")
    if not re.fullmatch(rf"{re.escape(os.environ['PREFIX'])}[\w-]{{1,64}}/[\w.-]{{1,64}}", key):
        raise ValueError("the key is not that of an upload: prefix, owner and name")
    return key, None if version in (None, "", "null") else version


def _newest(key: str, version: str | None) -> str | None:
    """The newest version of an upload, which is clean; None in a bucket without versions."""
    try:
        tagging = client("s3").get_object_tagging(Bucket=os.environ["UPLOADS"], Key=key)
    except ClientError as error:
        if _code(error) in _GONE:
            raise Gone("the upload is deleted") from error
        raise
    newest = tagging.get("VersionId")
    if version is not None and version != newest:
        # Its own scan sends it.
        raise Gone("the upload is replaced by a newer one")
    if {tag["Key"]: tag["Value"] for tag in tagging["TagSet"]}.get(_TAG) != _CLEAN:
        raise NotCleanError("the scan has not found the upload clean")
    return None if newest in (None, "", "null") else newest


def _download(upload: Mapping[str, Any], file: Path) -> dict[str, Any]:
    """Writes the upload to a file, unless it is too large, and says what it is."""
    version = {} if upload["version"] is None else {"VersionId": upload["version"]}
    try:
        found = client("s3").get_object(Bucket=os.environ["UPLOADS"], Key=upload["upload"], **version)
    except ClientError as error:
        if _code(error) in _GONE:
            raise Gone("the upload is deleted") from error
        raise
    described = {"bytes": found["ContentLength"], "uploaded_at": found["LastModified"].strftime("%Y-%m-%dT%H:%M:%SZ")}
    if found["ContentLength"] > settings()["max_bytes"]:
        found["Body"].close()
        return described
    digest = hashlib.sha256()
    with file.open("wb") as target:
        for chunk in found["Body"].iter_chunks(_CHUNK):
            digest.update(chunk)
            target.write(chunk)
    return {**described, "digest": digest.hexdigest()}


def _picture(request: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """What the process for pictures answers. One that breaks, or takes too long, refuses its picture."""
    seconds = max(1.0, context.get_remaining_time_in_millis() / 1000 - _MARGIN_SECONDS)
    # Without credentials.
    environment = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "HOME": "/tmp"}
    environment |= {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "LANG") if name in os.environ}
    # Each thread of a decoder would reserve more than a hundred MiB of addresses, which count as memory.
    environment["MALLOC_ARENA_MAX"] = "1"
    command = [sys.executable, "-s", "-B", str(_PROGRAM)]
    asked = json.dumps({**request, "settings": settings()}) + "\n"
    try:
        done = subprocess.run(command, input=asked, capture_output=True, text=True, timeout=seconds, env=environment, check=False)
    except subprocess.TimeoutExpired:
        return {"refused": "too_expensive"}
    lines = done.stdout.splitlines()
    if _READY not in lines[:1]:
        # Nothing of the picture was read yet: a library is missing, or memory.
        raise RuntimeError(f"the process for pictures did not start: {done.stderr.strip()[-500:]}")
    if done.returncode != 0 or len(lines) < 2:
        _LOG.error("the process for pictures ended with %s: %s", done.returncode, done.stderr.strip()[-500:])
        return {"refused": "damaged"}
    return json.loads(lines[1])


def _send(message: Mapping[str, Any]) -> None:
    client("sqs").send_message(QueueUrl=os.environ["NEXT_QUEUE_URL"], MessageBody=json.dumps(message))


def _render(message: dict[str, Any], context: Any) -> None:
    if "refused" not in message:
        keys = _keys(message)
        found = _present(keys)
        message |= _rendered(message, keys, context) if found is None else found
    _send(message)


def _keys(message: Mapping[str, Any]) -> dict[str, str]:
    """The keys of the renditions: nobody guesses them, and the same bytes and settings have the same."""
    content = hashlib.sha256(f"{message['upload']}\n{message['digest']}".encode()).hexdigest()[:32]
    return {
        name: f"{RENDITIONS}{content}/{name}-{_fingerprint(rendition)}.{_EXTENSIONS[rendition['format']]}"
        for name, rendition in settings()["renditions"].items()
    }


def _fingerprint(rendition: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(rendition, sort_keys=True).encode()).hexdigest()[:8]


def _present(keys: Mapping[str, str]) -> dict[str, Any] | None:
    """What rendering answers, where all has been written before."""
    answer: dict[str, Any] = {"renditions": {}}
    for name, key in keys.items():
        try:
            head = client("s3").head_object(Bucket=os.environ["MEDIA"], Key=key)
        except ClientError as error:
            if _code(error) in _GONE:
                return None
            raise
        facts = {one: int(value) for one, value in head["Metadata"].items()}
        answer |= {"width": facts.pop("picture-width"), "height": facts.pop("picture-height")}
        answer["renditions"][name] = {"key": key, **facts, "bytes": head["ContentLength"]}
    return answer


def _rendered(message: Mapping[str, Any], keys: Mapping[str, str], context: Any) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        file, target = Path(folder) / "picture", Path(folder) / "renditions"
        target.mkdir()
        if _download(message, file).get("digest") != message["digest"]:
            raise Gone("the upload is replaced by a newer one")
        answer = _picture({"file": str(file), "folder": str(target)}, context)
        for name, facts in answer.get("renditions", {}).items():
            facts["key"] = keys[name]
            # Viewers get them as headers: nothing of the owner.
            described = {"picture-width": answer["width"], "picture-height": answer["height"]}
            described |= {one: facts[one] for one in ("width", "height", "frames")}
            client("s3").put_object(
                Bucket=os.environ["MEDIA"],
                Key=keys[name],
                Body=(target / name).read_bytes(),
                ContentType=_TYPES[settings()["renditions"][name]["format"]],
                CacheControl=_CACHE,
                Metadata={one: str(value) for one, value in described.items()},
            )
        return answer


def _publish(message: dict[str, Any], _context: Any) -> None:
    refused = message.get("refused")
    state = "ready" if refused is None else "refused"
    facts = {name: message[name] for name in ("format", "width", "height", "frames", "bytes", "uploaded_at") if name in message}
    record = {"state": state, **facts, **({"reason": refused} if refused else {"renditions": message["renditions"]})}
    key = RECORDS + message["upload"].removeprefix(os.environ["PREFIX"])
    if _written(key, record):
        _LOG.info("picture %s is %s %s", key, state, refused or "")
        _count(refused)


def _written(key: str, record: Mapping[str, Any]) -> bool:
    """Writes a record, unless that of a newer upload is there, or the same one; a race is decided by the next try."""
    s3, place = client("s3"), {"Bucket": os.environ["MEDIA"], "Key": key}
    # The index has an object's metadata, and so what is asked for: ASCII, 2 KiB at most.
    metadata = {"picture": json.dumps(_short(record), separators=(",", ":")), "uploaded-at": record["uploaded_at"]}
    condition: dict[str, str] = {"IfNoneMatch": "*"}
    try:
        before = s3.head_object(**place)
        if _stays(before["Metadata"], metadata):
            return False
        condition = {"IfMatch": before["ETag"]}
    except ClientError as error:
        if _code(error) not in _GONE:
            raise
    body = json.dumps(record, indent=1)
    s3.put_object(**place, Body=body, ContentType="application/json", Metadata=metadata, **condition)
    return True


def _stays(before: Mapping[str, str], metadata: Mapping[str, str]) -> bool:
    """Whether the record that is there stays: it is the same or of a newer upload, or this one refuses what was published."""
    if before["uploaded-at"] != metadata["uploaded-at"]:
        return before["uploaded-at"] > metadata["uploaded-at"]
    states = [json.loads(one["picture"])["state"] for one in (before, metadata)]
    return before == metadata or states == ["ready", "refused"]


def _short(record: Mapping[str, Any]) -> dict[str, Any]:
    renditions = {
        name: [one["key"].removeprefix(RENDITIONS), one["width"], one["height"], one["frames"], one["bytes"]]
        for name, one in record.get("renditions", {}).items()
    }
    rest = {name: value for name, value in record.items() if name not in ("renditions", "uploaded_at")}
    return {**rest, **({"renditions": renditions} if renditions else {})}


def _count(refused: str | None) -> None:
    """Metrics of CloudWatch, from this line of the log (embedded metric format)."""
    values = {"Ready": int(refused is None), "Refused": int(refused is not None)}
    directive = {
        "Namespace": os.environ["METRIC_NAMESPACE"],
        "Dimensions": [["Pipeline"]],
        "Metrics": [{"Name": name, "Unit": "Count"} for name in values],
    }
    heading = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}
    print(json.dumps({"_aws": heading, "Pipeline": os.environ["PIPELINE"], "reason": refused or "", **values}))
