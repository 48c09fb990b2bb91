"""Sends events to one channel: Slack, Mattermost, PagerDuty, mail by SES, or an SNS topic.

An event reaches a channel once: the history has an entry for each, which is claimed before and marked after the request. Only a request
whose answer was lost is sent again; PagerDuty recognises it by its `dedup_key`. A channel that asks to wait is waited for. In quiet hours
events wait in the queue, unless they are urgent. Tokens come from Secrets Manager; neither they nor the URLs with them are logged.
"""

import functools
import json
import logging
import os
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from http.client import HTTPException, HTTPSConnection
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import boto3

_REQUEST_SECONDS, _LEASE_SECONDS, _SECRET_SECONDS = 8, 90, 300
_MOST_WAIT_SECONDS = 30
"""How long an invocation itself waits for a channel that asks for it: as long as both wait, no further message is received in vain."""
_MOST_HIDDEN_SECONDS = 42_000
"""SQS hides a message for 12 hours after it was received; a longer wait has several parts."""
_MOST_ANSWER_BYTES = 100_000
_TRANSIENT = (408, 429, 500, 502, 503, 504)
_COLOURS = {"critical": "#b3261e", "error": "#d9680f", "warning": "#c99700", "info": "#2962ff", "resolved": "#2e7d32"}
_log = logging.getLogger(__name__)
_log.setLevel(logging.INFO)


class Later(Exception):
    """The event is not sent now; its message is shown again after some seconds."""

    def __init__(self, seconds: float, why: str, *, failed: bool = False) -> None:
        super().__init__(why)
        self.seconds, self.why, self.failed = seconds, why, failed


class Failed(Exception):
    """The channel did not take the event; the text is safe to log."""

    def __init__(self, why: str, *, transient: bool = False, wait_seconds: float | None = None) -> None:
        super().__init__(why)
        self.transient, self.wait_seconds = transient, wait_seconds


class Answer(NamedTuple):
    """What a channel answered."""

    status: int
    body: bytes
    retry_after: str


@functools.cache
def client(service: str) -> Any:
    """A client of AWS, kept between invocations."""
    return boto3.client(service)


@functools.cache
def history() -> Any:
    """The history of events, kept between invocations."""
    return boto3.resource("dynamodb").Table(os.environ["HISTORY_TABLE"])


@functools.cache
def settings() -> dict[str, Any]:
    """Settings of the channel, from the environment."""
    return json.loads(os.environ["CHANNEL"])


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """The entry point: a batch of messages, of which those that failed or wait stay in the queue."""
    failed = []
    for record in event["Records"]:
        message = json.loads(record["body"])
        try:
            deliver(message, context)
        except Exception as error:
            tries = int(record.get("attributes", {}).get("ApproximateReceiveCount", "1"))
            seconds, why = (error.seconds, error.why) if isinstance(error, Later) else (10.0 * 2 ** min(tries, 6), _reason(error))
            _log.log(logging.INFO if isinstance(error, Later) else logging.ERROR, "%s: %s, for %d s", message.get("id"), why, seconds)
            if not isinstance(error, Later) or error.failed:
                _count_failure()
            _hide(record, seconds)
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


def _count_failure() -> None:
    """A failure as a metric: SQS leaves a message that was received three times out of the age of its queue's oldest."""
    metrics = {"Namespace": "CloudPatterns/EventNotification", "Dimensions": [["Function"]], "Metrics": [{"Name": "Failures"}]}
    about = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [metrics]}
    print(json.dumps({"_aws": about, "Function": os.environ.get("AWS_LAMBDA_FUNCTION_NAME", ""), "Failures": 1}))


def _now() -> datetime:
    return datetime.now(UTC)


def _reason(error: Exception) -> str:
    """What may be logged of an error: the message of one that is not ours may hold a URL with a token."""
    if isinstance(error, Failed):
        return str(error)
    response = getattr(error, "response", None)
    code = response.get("Error", {}).get("Code", "") if isinstance(response, dict) else ""
    return f"{type(error).__name__} {code}".strip()


def _hide(record: Mapping[str, Any], seconds: float) -> None:
    visible = {"VisibilityTimeout": max(0, min(int(seconds + 0.999), _MOST_HIDDEN_SECONDS))}
    client("sqs").change_message_visibility(QueueUrl=os.environ["QUEUE_URL"], ReceiptHandle=record["receiptHandle"], **visible)


def deliver(message: Mapping[str, Any], context: Any) -> None:
    """Sends one event, unless the channel has it.

    :raises Later: it waits.
    :raises Failed: the channel did not take it.
    """
    event_id = message["id"]
    # What the history no longer has is in the message, in short.
    event = {**message, **history().get_item(Key={"id": event_id, "part": "event"}, ConsistentRead=True).get("Item", {})}
    quiet = quiet_seconds(event["severity"], _now())
    if quiet:
        _note_held(event_id, quiet)
        raise Later(quiet, "held in quiet hours")
    if _is_over(event):
        _finish(event_id, "skipped", "a newer event says that it is over")
        return
    if not _claim(event_id):
        return
    try:
        receipt = _send_in_time(event, context)
    except Failed as error:
        _finish(event_id, "failed", str(error))
        if error.wait_seconds is not None:
            raise Later(error.wait_seconds, str(error), failed=True) from None
        raise
    except Exception as error:
        _finish(event_id, "failed", _reason(error))
        raise
    _finish(event_id, "sent", receipt)
    _log.info("%s is sent", event_id)


def _key(event_id: str) -> dict[str, str]:
    return {"id": event_id, "part": f"channel:{os.environ['CHANNEL_NAME']}"}


def _expires() -> int:
    return int(time.time()) + int(os.environ["HISTORY_DAYS"]) * 86_400


def _update(event_id: str, values: Mapping[str, Any], condition: str = "", **compared: Any) -> bool:
    """Sets attributes of the entry of the event and this channel, where the condition holds."""
    expected = {"ConditionExpression": condition} if condition else {}
    try:
        history().update_item(
            Key=_key(event_id),
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in values),
            ExpressionAttributeNames={f"#{name}": name for name in values},
            ExpressionAttributeValues={f":{name}": value for name, value in {**values, **compared}.items()},
            **expected,
        )
    except history().meta.client.exceptions.ConditionalCheckFailedException:
        return False
    return True


def _note_held(event_id: str, seconds: float) -> None:
    until = (_now() + timedelta(seconds=seconds)).isoformat(timespec="seconds")
    held = {"state": "held", "until": until, "expires_at": _expires()}
    # Not where it was sent, or is being sent.
    _update(event_id, held, "attribute_not_exists(#state) OR #state = :state")


def _claim(event_id: str) -> bool:
    """Whether the event is this invocation's to send; False where the channel has it.

    :raises Later: another invocation is sending it.
    """
    free = "attribute_not_exists(#state) OR #state = :held OR #state = :failed OR (#state = :state AND #lease < :now)"
    claimed = {"state": "sending", "lease": int(time.time()) + _LEASE_SECONDS, "expires_at": _expires()}
    if _update(event_id, claimed, free, held="held", failed="failed", now=int(time.time())):
        return True
    known = history().get_item(Key=_key(event_id), ConsistentRead=True).get("Item", {})
    if known.get("state") == "sending":
        raise Later(max(1, int(known["lease"]) - time.time() + 1), "is being sent")
    _log.info("%s was sent before", event_id)
    return False


def _finish(event_id: str, state: str, note: str) -> None:
    at = _now().isoformat(timespec="seconds")
    _update(event_id, {"state": state, "note": note, "done_at": at, "expires_at": _expires()})


def _is_over(event: Mapping[str, Any]) -> bool:
    """Whether a firing event is late: what it is about has been resolved since, and this channel would raise it again."""
    if event["state"] != "firing":
        return False
    latest = history().get_item(Key={"id": f"key:{event['key']}", "part": "latest"}, ConsistentRead=True).get("Item", {})
    return latest.get("state") == "resolved" and latest["at"] > event["at"]


def quiet_seconds(severity: str, now: datetime) -> float:
    """Seconds until the end of the quiet hours; 0 outside them, and for what is urgent."""
    quiet = settings().get("quiet_hours")
    if quiet is None or severity in quiet["urgent_severities"]:
        return 0
    zone = _zone(quiet["time_zone"])
    local = now.astimezone(zone)
    for days_ago in (1, 0):
        day = local.date() - timedelta(days=days_ago)
        if day.strftime("%a").upper() not in quiet["days"]:
            continue
        start = _moment(day, quiet["start"], zone)
        end = _moment(day if quiet["end"] > quiet["start"] else day + timedelta(days=1), quiet["end"], zone)
        if start <= now < end:
            return (end - now).total_seconds()
    return 0


def _moment(day: Any, text: str, zone: tzinfo) -> datetime:
    hour, minute = text.split(":")
    # In UTC: differences of two local times ignore the change to summer time.
    return datetime(day.year, day.month, day.day, int(hour), int(minute), tzinfo=zone).astimezone(UTC)


@functools.cache
def _zone(name: str) -> tzinfo:
    """A time zone, from the system or from the copy that comes with boto3."""
    try:
        return ZoneInfo(name)
    except ZoneInfoNotFoundError:
        from dateutil.zoneinfo import get_zonefile_instance

        zone = get_zonefile_instance().get(name)
        if zone is None:
            raise ValueError(f"{name} is no time zone") from None
        return zone


def _send_in_time(event: Mapping[str, Any], context: Any) -> str:
    """Sends, and tries again while the invocation has time; what the channel calls it."""
    pause = 1.0
    while True:
        try:
            return _KINDS[settings()["kind"]](event)
        except Failed as error:
            wait = pause if error.wait_seconds is None else error.wait_seconds
            left = context.get_remaining_time_in_millis() / 1000 - _REQUEST_SECONDS - 5
            if not error.transient or wait > min(left, _MOST_WAIT_SECONDS) or pause > 4:
                raise
            _log.warning("%s: %s; again in %d s", event["id"], error, wait)
            time.sleep(wait)
            # A channel that says when is not counted.
            pause *= 1 if error.wait_seconds is not None else 2


def post(url: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Answer:
    """Posts JSON over HTTPS. Follows no redirect: the request has a token.

    :raises Failed: no answer came.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        raise Failed("the URL is none of https")
    connection = HTTPSConnection(parts.hostname, parts.port, timeout=_REQUEST_SECONDS)
    try:
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        content = json.dumps(body, default=str).encode()
        connection.request("POST", path or "/", content, {"Content-Type": "application/json", **(headers or {})})
        response = connection.getresponse()
        return Answer(response.status, response.read(_MOST_ANSWER_BYTES), response.getheader("Retry-After") or "")
    except (OSError, HTTPException) as error:
        raise Failed(f"no answer: {type(error).__name__}", transient=True) from None
    finally:
        connection.close()


def _taken(answer: Answer) -> dict[str, Any]:
    """The JSON of an answer that says that the event was taken, as far as it has some.

    :raises Failed: it says otherwise.
    """
    if answer.status in (401, 403):
        # The secret may have been rotated.
        secret.cache_clear()
    if answer.status not in (200, 201, 202, 204):
        wait = _wait(answer.retry_after) if answer.status in (429, 503) else None
        raise Failed(f"answered {answer.status}", transient=answer.status in _TRANSIENT, wait_seconds=wait)
    try:
        content = json.loads(answer.body)
    except ValueError:
        content = None
    return content if isinstance(content, dict) else {}


def _wait(text: str) -> float | None:
    """Seconds of a ``Retry-After``; a date is not used by these APIs."""
    return float(min(int(text), _MOST_HIDDEN_SECONDS)) if text.isascii() and text.isdigit() else None


@functools.lru_cache(maxsize=1)
def secret(_period: int) -> str:
    """The channel's secret: its text, or the ``password`` of its JSON."""
    text = client("secretsmanager").get_secret_value(SecretId=os.environ["SECRET_ARN"])["SecretString"]
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    return str(value.get("password", "") if isinstance(value, dict) else text).strip()


def _secret() -> str:
    return secret(int(time.time() // _SECRET_SECONDS))


def _headline(event: Mapping[str, Any]) -> str:
    word = "RESOLVED" if event["state"] == "resolved" else event["severity"].upper()
    return f"[{word}] {event['title']}"


def _facts(event: Mapping[str, Any]) -> dict[str, str]:
    """What is known beside title and text: source, time, id and the context of the look-up."""
    context = json.loads(event.get("context", "{}"))
    more = {str(key): str(value) for key, value in context.items()}
    return {"Source": event["source"], "Time": event["at"], "Event": event["id"], **more}


def _colour(event: Mapping[str, Any]) -> str:
    return _COLOURS["resolved" if event["state"] == "resolved" else event["severity"]]


def _message(event: Mapping[str, Any], plain: Callable[[str], str]) -> dict[str, Any]:
    """A message of Slack, which Mattermost understands too; ``plain`` keeps texts from mentioning people."""
    fields = [{"title": plain(name), "value": plain(value[:500]), "short": len(value) < 40} for name, value in _facts(event).items()]
    headline, text = plain(_headline(event)), plain(event.get("text", event["title"]))
    return {"text": headline, "attachments": [{"color": _colour(event), "fallback": headline, "text": text, "fields": fields[:20]}]}


def _slack_text(text: str) -> str:
    # https://docs.slack.dev/messaging/formatting-message-text/#escaping
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _mattermost_text(text: str) -> str:
    # Without its zero-width space @all would notify everybody.
    return text.replace("@", "@\u200b")


def _slack(event: Mapping[str, Any]) -> str:
    """An incoming webhook, whose URL is the secret, or ``chat.postMessage`` with a bot token.

    https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/, https://docs.slack.dev/apis/web-api/rate-limits/
    """
    value, body = _secret(), _message(event, _slack_text)
    if value.startswith("https://"):
        _taken(post(value, body))
        return "ok"
    if not settings().get("channel"):
        raise Failed("the secret is a bot token, which needs the argument channel")
    answer = _taken(post(settings()["api_url"], {**body, "channel": settings()["channel"]}, {"Authorization": f"Bearer {value}"}))
    if not answer.get("ok"):
        error = str(answer.get("error", "unknown"))[:50]
        raise Failed(f"answered {error}", transient=error in ("internal_error", "fatal_error", "service_unavailable", "ratelimited"))
    return str(answer.get("ts", ""))


def _mattermost(event: Mapping[str, Any]) -> str:
    """An incoming webhook, whose URL is the secret: https://developers.mattermost.com/integrate/webhooks/incoming/."""
    channel = {"channel": settings()["channel"]} if settings().get("channel") else {}
    _taken(post(_secret(), {**_message(event, _mattermost_text), **channel}))
    return "ok"


def _pagerduty(event: Mapping[str, Any]) -> str:
    """Events API v2; the secret is the integration key. https://developer.pagerduty.com/docs/send-alert-event."""
    body: dict[str, Any] = {
        "routing_key": _secret(),
        "event_action": "resolve" if event["state"] == "resolved" else "trigger",
        # At most 255 characters. What has the same is one incident.
        "dedup_key": event["key"],
        "payload": {
            "summary": event["title"],
            "source": event["source"],
            "severity": event["severity"],
            "timestamp": event["at"],
            "custom_details": {"text": event.get("text", ""), **_facts(event)},
        },
    }
    return str(_taken(post(settings()["api_url"], body)).get("dedup_key", event["key"]))


def _text(event: Mapping[str, Any]) -> str:
    facts = "\n".join(f"{name}: {value}" for name, value in _facts(event).items())
    return f"{event.get('text', event['title'])}\n\n{facts}\n"


def _of_aws(call: Callable[[], Any]) -> Any:
    """The answer of a service of AWS.

    :raises Failed: an error, by its code.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return call()
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        code = error.response["Error"]["Code"]
        throttled = "Throttl" in code or code == "TooManyRequestsException"
        raise Failed(f"answered {code}", transient=throttled or status in _TRANSIENT) from None
    except BotoCoreError as error:
        raise Failed(f"no answer: {type(error).__name__}", transient=True) from None


def _email(event: Mapping[str, Any]) -> str:
    """A mail by SES, which the account must have moved out of its sandbox."""
    content = {
        "Simple": {
            # A subject has no line ends.
            "Subject": {"Data": " ".join(_headline(event).split())[:200], "Charset": "UTF-8"},
            "Body": {"Text": {"Data": _text(event), "Charset": "UTF-8"}},
        }
    }
    to = {"ToAddresses": settings()["to"]}
    more = {"ConfigurationSetName": settings()["configuration_set"]} if settings().get("configuration_set") else {}
    sent = _of_aws(lambda: client("sesv2").send_email(FromEmailAddress=settings()["from"], Destination=to, Content=content, **more))
    return sent["MessageId"]


def _topic(event: Mapping[str, Any]) -> str:
    """A topic, for its e-mail subscriptions and others."""
    # A subject is ASCII of fewer than 100 characters.
    subject = " ".join(_headline(event).encode("ascii", "replace").decode().split())[:99]
    return _of_aws(lambda: client("sns").publish(TopicArn=os.environ["TARGET_TOPIC_ARN"], Subject=subject, Message=_text(event)))[
        "MessageId"
    ]


_KINDS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "slack": _slack,
    "mattermost": _mattermost,
    "pagerduty": _pagerduty,
    "email": _email,
    "topic": _topic,
}
