"""Turns messages into events, adds what a look-up knows of them, keeps them in the history and publishes them.

Messages are webhooks, notifications of CloudWatch alarms, events of EventBridge, or any text. An event that is in the history and was
published is not published again. Only ids are logged.
"""

import functools
import hashlib
import json
import logging
import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from types import NoneType
from typing import Any

import boto3
from botocore.config import Config

SEVERITIES = ("critical", "error", "warning", "info")
_DAY_SECONDS = 86_400
_LOOK_UP_TRIES = 3
_LOOK_UP_SECONDS = 40
"""How long a look-up by a function is waited for: an invocation that ends meanwhile would never come to its last try."""
_MOST_TITLE, _MOST_TEXT = 200, 4000
_log = logging.getLogger(__name__)
_log.setLevel(logging.INFO)


@functools.cache
def client(service: str) -> Any:
    """A client of AWS, kept between invocations."""
    if service == "lambda":
        return boto3.client(service, config=Config(connect_timeout=5, read_timeout=_LOOK_UP_SECONDS, retries={"total_max_attempts": 1}))
    return boto3.client(service)


@functools.cache
def table(name: str) -> Any:
    """A table, kept between invocations."""
    return boto3.resource("dynamodb").Table(name)


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """The entry point: a batch of messages, of which those that failed stay in the queue."""
    failed = []
    for record in event["Records"]:
        try:
            _process(record)
        except Exception as error:
            _log.error("message %s failed: %s", record["messageId"], _reason(error))
            _count_failure()
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


def _count_failure() -> None:
    """A failure as a metric: SQS leaves a message that was received three times out of the age of its queue's oldest."""
    metrics = {"Namespace": "CloudPatterns/EventNotification", "Dimensions": [["Function"]], "Metrics": [{"Name": "Failures"}]}
    about = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [metrics]}
    print(json.dumps({"_aws": about, "Function": os.environ.get("AWS_LAMBDA_FUNCTION_NAME", ""), "Failures": 1}))


class LookUpFailed(Exception):
    """The user's look-up raised an error, or returned what is no object."""


def _reason(error: Exception) -> str:
    """What may be logged of an error: its message may hold values, the code of a service of AWS does not."""
    response = getattr(error, "response", None)
    code = response.get("Error", {}).get("Code", "") if isinstance(response, dict) else ""
    return f"{type(error).__name__} {code}".strip()


def _process(record: Mapping[str, Any]) -> None:
    event = event_of(record["body"], record["messageId"])
    if event is None:
        _log.info("message %s: no change that counts", record["messageId"])
        return
    if event.pop("after_gap", False) and _latest_state(event["key"]) != "firing":
        _log.info("message %s: it was not raised before", record["messageId"])
        return
    last_try = int(record.get("attributes", {}).get("ApproximateReceiveCount", "1")) >= _LOOK_UP_TRIES
    event = _kept(event, last_try=last_try)
    if event is None:
        return
    history, key = table(os.environ["HISTORY_TABLE"]), {"id": event["id"], "part": "event"}
    _remember_state(history, event)
    short = {name: event[name] for name in ("id", "source", "severity", "state", "key", "title", "at")}
    attributes = {name: {"DataType": "String", "StringValue": event[name]} for name in ("severity", "source", "state")}
    client("sns").publish(TopicArn=os.environ["TOPIC_ARN"], Message=json.dumps(short, ensure_ascii=False), MessageAttributes=attributes)
    history.update_item(Key=key, UpdateExpression="SET published = :true", ExpressionAttributeValues={":true": True})
    _log.info("event %s is published", event["id"])


def _kept(event: dict[str, Any], *, last_try: bool) -> dict[str, Any] | None:
    """The event as the history has it; None where it was published before."""
    history = table(os.environ["HISTORY_TABLE"])
    known = history.get_item(Key={"id": event["id"], "part": "event"}, ConsistentRead=True).get("Item")
    if known is None:
        event |= _looked_up(event, last_try=last_try)
        expires_at = int(datetime.now(UTC).timestamp()) + int(os.environ["HISTORY_DAYS"]) * _DAY_SECONDS
        # As short as they came: an item has at most 400 KB.
        plain = json.dumps(event["details"], default=str, ensure_ascii=False, separators=(",", ":"))
        details = {"details": plain, "context": json.dumps(event["context"], default=_plain)}
        item = {**event, **details, "part": "event", "expires_at": expires_at}
        try:
            history.put_item(Item=item, ConditionExpression="attribute_not_exists(id)")
            return event
        except history.meta.client.exceptions.ConditionalCheckFailedException:
            # Another invocation has the same event.
            known = history.get_item(Key={"id": event["id"], "part": "event"}, ConsistentRead=True)["Item"]
    if known.get("published"):
        _log.info("event %s came again", event["id"])
        return None
    return known


def _latest_state(key: str) -> str:
    """The newest state of what an event is about; empty where nothing is known of it."""
    history = table(os.environ["HISTORY_TABLE"])
    return history.get_item(Key={"id": f"key:{key}", "part": "latest"}, ConsistentRead=True).get("Item", {}).get("state", "")


def _remember_state(history: Any, event: Mapping[str, Any]) -> None:
    """The newest state of what the event is about, so that a late event does not raise what is over."""
    try:
        history.update_item(
            Key={"id": f"key:{event['key']}", "part": "latest"},
            UpdateExpression="SET #at = :at, #state = :state, expires_at = :expires",
            ConditionExpression="attribute_not_exists(#at) OR #at <= :at",
            ExpressionAttributeNames={"#at": "at", "#state": "state"},
            ExpressionAttributeValues={
                ":at": event["at"],
                ":state": event["state"],
                ":expires": int(datetime.now(UTC).timestamp()) + 30 * _DAY_SECONDS,
            },
        )
    except history.meta.client.exceptions.ConditionalCheckFailedException:
        _log.info("event %s is older than another of the same key", event["id"])


def event_of(body: str, message_id: str) -> dict[str, Any] | None:
    """The event in a message; None for one that changes nothing."""
    try:
        message = json.loads(body)
    except ValueError:
        message = None
    if not isinstance(message, dict):
        return _event(f"text:{message_id}", "text", "warning", body, body, message_id, details={})
    if message.get("kind") == "webhook":
        return _webhook(message)
    if "AlarmArn" in message and "NewStateValue" in message:
        return _alarm(message)
    if "detail-type" in message:
        source, kind = str(message.get("source", "events")), str(message["detail-type"])
        about, at = ", ".join(message.get("resources") or []), str(message.get("time", ""))
        event_id = f"events:{message.get('id', message_id)}"
        return _event(event_id, source, os.environ["EVENT_SEVERITY"], kind, f"{kind} {about}", event_id, at=at, details=message)
    return _event(f"text:{message_id}", "text", "warning", body, body, message_id, details=message)


def _webhook(message: Mapping[str, Any]) -> dict[str, Any]:
    name, body = message["source"], message["body"]
    source = json.loads(os.environ["SOURCES"]).get(name, {"fields": {}, "severities": {}, "severity": "error", "resolved_states": []})
    fields = {field: _at(body, path) for field, path in source["fields"].items()}
    words = {word.lower(): severity for word, severity in source["severities"].items()}
    word = fields.get("severity", "").lower()
    severity = words.get(word, word if word in SEVERITIES else source["severity"])
    state = "resolved" if fields.get("state", "").lower() in [one.lower() for one in source["resolved_states"]] else "firing"
    given = fields.get("id") or message["event_id"] or message["digest"]
    title = fields.get("title") or f"Event of {name}"
    key = f"{name}:{fields.get('key') or given}"
    at = datetime.fromtimestamp(message["received_at"], UTC).isoformat()
    event_id = f"{name}:{given}:{state}"
    return _event(event_id, name, severity, title, fields.get("text") or title, key, state=state, at=at, details=body)


def _alarm(message: Mapping[str, Any]) -> dict[str, Any] | None:
    new, old, name = message["NewStateValue"], message.get("OldStateValue"), message.get("AlarmName", "alarm")
    if new not in ("ALARM", "OK"):
        return None
    severities = json.loads(os.environ["ALARM_SEVERITIES"])
    prefix = max((prefix for prefix in severities if name.startswith(prefix)), key=len, default=None)
    severity = os.environ["ALARM_SEVERITY"] if prefix is None else severities[prefix]
    text = " ".join(one for one in (message.get("AlarmDescription"), message.get("NewStateReason")) if one)
    at, arn = message.get("StateChangeTime", ""), message["AlarmArn"]
    event_id = f"cloudwatch:{_digest(arn, at, new)}"
    state = "firing" if new == "ALARM" else "resolved"
    event = _event(event_id, "cloudwatch", severity, name, text or name, arn, state=state, at=at, details=message)
    # An alarm that was never raised is OK as well, at first and after a time without data; one that was raised before that time is over.
    return {**event, "after_gap": True} if new == "OK" and old != "ALARM" else event


def _event(
    event_id: str,
    source: str,
    severity: str,
    title: str,
    text: str,
    key: str,
    *,
    state: str = "firing",
    at: str = "",
    details: Any,
) -> dict[str, Any]:
    return {
        # DynamoDB takes 2048 bytes, a topic's consumers should not have to.
        "id": event_id if len(event_id) <= 200 else f"{source}:{_digest(event_id)}",
        "source": source,
        "severity": severity,
        "state": state,
        "title": title[:_MOST_TITLE],
        "text": text[:_MOST_TEXT],
        "key": key if len(key) <= 200 else _digest(key),
        "at": _utc(at),
        "details": details,
        "context": {},
    }


def _looked_up(event: Mapping[str, Any], *, last_try: bool) -> dict[str, Any]:
    """What a look-up adds: a context, and perhaps a severity. After some tries the event goes on without it, unless it is required."""
    if not os.environ.get("LOOK_UP_FUNCTION") and not os.environ.get("LOOK_UP_TABLE"):
        return {}
    try:
        found = _by_function(event) if os.environ.get("LOOK_UP_FUNCTION") else _by_table(event)
    except Exception as error:
        if not last_try or os.environ.get("LOOK_UP_REQUIRED") == "true":
            raise
        _log.error("event %s goes on without its look-up: %s", event["id"], _reason(error))
        return {"enriched": False}
    severity, context = found.get("severity"), found.get("context")
    return {"context": {} if context is None else context, "enriched": True, **({"severity": severity} if severity in SEVERITIES else {})}


def _by_function(event: Mapping[str, Any]) -> dict[str, Any]:
    request = json.dumps({"event": event}, default=str).encode()
    answer = client("lambda").invoke(FunctionName=os.environ["LOOK_UP_FUNCTION"], Payload=request)
    payload = json.loads(answer["Payload"].read() or b"null")
    if "FunctionError" in answer:
        raise LookUpFailed("it raised an error")
    context = payload.get("context") if isinstance(payload, dict) else payload
    if not isinstance(payload, dict | NoneType) or not isinstance(context, dict | NoneType):
        raise LookUpFailed("it returned no object, or a context that is none")
    return payload or {}


def _by_table(event: Mapping[str, Any]) -> dict[str, Any]:
    value = _at(event, os.environ["LOOK_UP_FIELD"])
    if not value:
        return {}
    item = table(os.environ["LOOK_UP_TABLE"]).get_item(Key={os.environ["LOOK_UP_KEY"]: value}).get("Item")
    return {} if item is None else {"context": item, "severity": item.get("severity")}


def _at(value: Any, path: str) -> str:
    """The text or number at a path such as ``alert.labels.severity``; empty where there is none."""
    for part in path.split("."):
        if isinstance(value, list):
            value = value[int(part)] if part.isdigit() and int(part) < len(value) else None
        else:
            value = value.get(part) if isinstance(value, Mapping) else None
    return str(value) if isinstance(value, str | int | float) else ""


def _utc(text: str) -> str:
    """A time in a form that sorts; the present one for none that is known."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = datetime.now(UTC)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:40]


def _plain(value: Any) -> Any:
    """What JSON does not know, as DynamoDB returns it."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return sorted(value) if isinstance(value, set) else str(value)
