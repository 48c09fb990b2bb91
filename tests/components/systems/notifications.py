"""The functions of ``EventNotification`` with a queue, a history and a topic as the component deploys them, on moto."""

import base64
import hashlib
import hmac
import http.client
import json
import time
from types import ModuleType, SimpleNamespace
from typing import Any, NamedTuple

import pytest

from tests.emulators.events import drive_queue
from tests.emulators.handlers import load_handler
from tests.emulators.locked_moto import client
from tests.program import ROOT

CODE = ROOT / "components/cloudpatterns/systems/event_notification/on_aws"
SECRET, NEXT_SECRET = "the-first-secret-of-the-sender", "the-second-secret-of-the-sender"
SOURCE = {
    "fields": {name: name for name in ("id", "severity", "title", "text", "key", "state")},
    "severities": {"P1": "critical"},
    "severity": "error",
    "resolved_states": ["resolved", "ok"],
}
HISTORY = "history"


def load(monkeypatch: pytest.MonkeyPatch, name: str, environment: dict[str, str]) -> ModuleType:
    """A function, with an environment of its own."""
    module = load_handler(CODE / name / "index.py")
    monkeypatch.setattr(module, "os", SimpleNamespace(environ=environment))
    return module


class System(NamedTuple):
    """The system as the component deploys it."""

    monkeypatch: pytest.MonkeyPatch
    urls: dict[str, str]
    secret_arns: dict[str, str]
    topic_arn: str

    def webhook(self, **more: Any) -> ModuleType:
        """The function of the webhooks, of one source."""
        source = {"scheme": "timestamp", "tolerance_seconds": 300, "secret_overlap_hours": 24, "secret_arn": self.secret_arns["sender"]}
        environment = {
            "SOURCES": json.dumps({"legacy": {**source, **more}}),
            "QUEUE_URL": self.urls["events"],
            "MOST_BODY_BYTES": "4096",
        }
        return load(self.monkeypatch, "webhook", environment)

    def enrich(self, **more: str) -> ModuleType:
        """The function that makes events of messages."""
        environment = {
            "HISTORY_TABLE": HISTORY,
            "HISTORY_DAYS": "400",
            "TOPIC_ARN": self.topic_arn,
            "SOURCES": json.dumps({"legacy": SOURCE}),
            "ALARM_SEVERITY": "error",
            "ALARM_SEVERITIES": json.dumps({"alerts-": "warning", "alerts-log-payments-": "critical"}),
            "EVENT_SEVERITY": "warning",
            **more,
        }
        return load(self.monkeypatch, "enrich", environment)

    def notify(self, channel: str, settings: dict[str, Any], **more: str) -> ModuleType:
        """The function of a channel."""
        environment = {
            "HISTORY_TABLE": HISTORY,
            "HISTORY_DAYS": "400",
            "CHANNEL_NAME": channel,
            "CHANNEL": json.dumps(settings),
            "SECRET_ARN": self.secret_arns.get(channel, ""),
            "QUEUE_URL": self.urls[channel],
            **more,
        }
        module = load(self.monkeypatch, "notify", environment)
        # The stand-ins have no certificate.
        self.monkeypatch.setattr(module, "HTTPSConnection", http.client.HTTPConnection)
        return module

    def entry(self, event_id: str, part: str = "event") -> dict[str, Any]:
        """What the history has of an event, or of what became of it in a channel."""
        key = {"id": {"S": event_id}, "part": {"S": part}}
        item = client("dynamodb").get_item(TableName=HISTORY, Key=key).get("Item", {})
        return {name: next(iter(value.values())) for name, value in item.items()}

    def waiting(self, name: str) -> tuple[int, int]:
        """Messages of a queue that are visible, and those that are hidden."""
        wanted = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = client("sqs").get_queue_attributes(QueueUrl=self.urls[name], AttributeNames=wanted)["Attributes"]
        return int(found[wanted[0]]), int(found[wanted[1]])


def request(body: dict[str, Any] | bytes, *, secret: str = SECRET, at: float | None = None, source: str = "legacy") -> dict[str, Any]:
    """A webhook as API Gateway passes it on: the body in base64, signed by the sender."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    moment = str(int(time.time() if at is None else at))
    signature = hmac.new(secret.encode(), f"{moment}.".encode() + content, hashlib.sha256).hexdigest()
    return {
        "pathParameters": {"source": source},
        "headers": {"X-Timestamp": moment, "x-signature": f"sha256={signature}"},
        "body": base64.b64encode(content).decode(),
        "isBase64Encoded": True,
        "methodArn": "arn:aws:execute-api:eu-west-1:123456789012:a1/live/POST/events/legacy",
    }


def send(system: System, body: dict[str, Any]) -> None:
    """An event by a webhook, up to the topic."""
    assert system.webhook().handler(request(body), None)["statusCode"] == 202
    drive_queue(client("sqs"), system.urls["events"], system.enrich().handler)


def replay(system: System, name: str) -> None:
    """What the command of docs/operations.md has SQS do with a dead-letter queue; moto has no move tasks."""
    sqs, parked = client("sqs"), system.urls[f"{name}-dead-letters"]
    while messages := sqs.receive_message(QueueUrl=parked, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            sqs.send_message(QueueUrl=system.urls[name], MessageBody=message["Body"])
            sqs.delete_message(QueueUrl=parked, ReceiptHandle=message["ReceiptHandle"])
