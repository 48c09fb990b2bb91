"""Events from the topic to stand-ins of the channels, which limit, refuse and break off, on moto."""

import json
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from types import ModuleType, SimpleNamespace
from zoneinfo import ZoneInfoNotFoundError

import pytest
from moto.ses.models import ses_backends

from tests.components.systems.notifications import HISTORY, System, load, replay, send
from tests.emulators.channels import (
    BOT_PATH,
    PAGERDUTY_PATH,
    SLACK_PATH,
    Channels,
    Fault,
)
from tests.emulators.events import ACCOUNT, Context, drive_queue, queue_event
from tests.emulators.handlers import load_handler
from tests.emulators.locked_moto import client
from tests.program import ROOT


def waits_of(notify: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long a function waits in its invocation; nothing does in the test."""
    waits: list[float] = []
    monkeypatch.setattr(notify, "time", SimpleNamespace(time=time.time, sleep=waits.append))
    return waits


def test_a_channel_that_limits_the_rate_is_waited_for(system: System, stand_ins: Channels, monkeypatch: pytest.MonkeyPatch) -> None:
    send(system, {"id": "1", "title": "first"})
    notify = system.notify("slack", {"kind": "slack"})
    waits = waits_of(notify, monkeypatch)
    stand_ins.faults = [Fault(429, retry_after="3"), Fault(429, retry_after="7")]
    drive_queue(client("sqs"), system.urls["slack"], notify.handler)
    assert (waits, len(stand_ins.messages)) == ([3.0, 7.0], 1)
    # Longer than an invocation may wait: the message is hidden for that time, and nothing is sent meanwhile.
    send(system, {"id": "2", "title": "second"})
    hidden: list[float] = []
    monkeypatch.setattr(notify, "_hide", lambda _record, seconds: hidden.append(seconds))
    stand_ins.faults = [Fault(429, retry_after="120")]
    with pytest.raises(AssertionError, match="not empty after 1 "):
        drive_queue(client("sqs"), system.urls["slack"], notify.handler, rounds=1)
    assert (hidden, len(stand_ins.messages), len(waits)) == ([120.0], 1, 2)
    drive_queue(client("sqs"), system.urls["slack"], notify.handler)
    assert [message["text"] for message in stand_ins.messages] == ["[ERROR] first", "[ERROR] second"]


def test_errors_are_tried_again_and_what_keeps_failing_is_parked_and_replayed(
    system: System, stand_ins: Channels, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    send(system, {"id": "1", "title": "first"})
    notify = system.notify("slack", {"kind": "slack"})
    waits = waits_of(notify, monkeypatch)
    stand_ins.faults = [Fault(500), Fault(502), Fault(503)]
    drive_queue(client("sqs"), system.urls["slack"], notify.handler)
    assert (waits, len(stand_ins.messages)) == ([1.0, 2.0, 4.0], 1)
    # Somebody has deleted the webhook: not tried again within an invocation.
    send(system, {"id": "2", "title": "second"})
    stand_ins.faults = [Fault(404)] * 3
    drive_queue(client("sqs"), system.urls["slack"], notify.handler)
    assert (len(waits), system.waiting("slack"), system.waiting("slack-dead-letters")) == (3, (0, 0), (1, 0))
    entry = system.entry("legacy:2:firing", "channel:slack")
    assert (entry["state"], entry["note"]) == ("failed", "answered 404")
    replay(system, "slack")
    drive_queue(client("sqs"), system.urls["slack"], notify.handler)
    assert [message["text"] for message in stand_ins.messages] == ["[ERROR] first", "[ERROR] second"]
    # The URL of an incoming webhook is a secret.
    assert "slackpart" not in caplog.text
    assert "answered 404" in caplog.text


@pytest.mark.parametrize("fault", [Fault(taken=True, silent=0.3), Fault(502, taken=True)])
def test_a_page_whose_answer_is_lost_wakes_somebody_once(
    system: System, stand_ins: Channels, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    send(system, {"id": "1", "title": "first", "severity": "P1"})
    notify = system.notify("pager", {"kind": "pagerduty", "api_url": stand_ins.url(PAGERDUTY_PATH)})
    monkeypatch.setattr(notify, "_REQUEST_SECONDS", 0.1)
    waits_of(notify, monkeypatch)
    stand_ins.faults = [fault]
    drive_queue(client("sqs"), system.urls["pager"], notify.handler)
    assert (len(stand_ins.requests), stand_ins.pages) == (2, ["legacy:1"])
    assert system.entry("legacy:1:firing", "channel:pager")["state"] == "sent"


def test_no_answer_at_all_is_tried_again(system: System, stand_ins: Channels, monkeypatch: pytest.MonkeyPatch) -> None:
    send(system, {"id": "1", "title": "first"})
    notify = system.notify("bot", {"kind": "slack", "channel": "#operations", "api_url": "https://127.0.0.1:1/"})
    waits = waits_of(notify, monkeypatch)
    with pytest.raises(notify.Failed, match="no answer: ConnectionRefusedError"):
        notify.deliver({"id": "legacy:1:firing"}, Context())
    assert waits == [1.0, 2.0, 4.0]
    # Slack answers 200 to what it refuses.
    notify = system.notify("bot", {"kind": "slack", "channel": "#nowhere", "api_url": stand_ins.url(BOT_PATH)})
    with pytest.raises(notify.Failed, match="answered channel_not_found"):
        notify.deliver({"id": "legacy:1:firing"}, Context())
    notify = system.notify("bot", {"kind": "slack", "api_url": stand_ins.url(BOT_PATH)})
    with pytest.raises(notify.Failed, match="the secret is a bot token, which needs the argument channel"):
        notify.deliver({"id": "legacy:1:firing"}, Context())
    assert stand_ins.messages == []


def test_a_message_that_arrives_many_times_at_once_is_sent_once(system: System, stand_ins: Channels) -> None:
    send(system, {"id": "1", "title": "first"})
    notify = system.notify("slack", {"kind": "slack"})
    notify.history()
    notify._secret()

    def deliver(_number: int) -> str:
        try:
            notify.deliver({"id": "legacy:1:firing"}, Context())
        except notify.Later as later:
            return later.why
        return "done"

    with ThreadPoolExecutor(16) as threads:
        outcomes = set(threads.map(deliver, range(16)))
    assert len(stand_ins.messages) == 1
    assert outcomes <= {"done", "is being sent"}


def test_an_invocation_that_broke_off_is_followed_by_another_after_its_lease(system: System, stand_ins: Channels) -> None:
    send(system, {"id": "1", "title": "first"})
    notify = system.notify("slack", {"kind": "slack"})
    assert notify._claim("legacy:1:firing")
    with pytest.raises(notify.Later, match="is being sent") as later:
        notify.deliver({"id": "legacy:1:firing"}, Context())
    assert 85 < later.value.seconds <= 91
    past = {"id": {"S": "legacy:1:firing"}, "part": {"S": "channel:slack"}, "state": {"S": "sending"}, "lease": {"N": "1000"}}
    client("dynamodb").put_item(TableName=HISTORY, Item=past)
    notify.deliver({"id": "legacy:1:firing"}, Context())
    assert len(stand_ins.messages) == 1


QUIET = {
    "time_zone": "Europe/Berlin",
    "start": "22:00",
    "end": "07:00",
    "days": ["MON", "TUE", "FRI", "SAT"],
    "urgent_severities": ["critical"],
}


@pytest.mark.parametrize(
    ("now", "hours"),
    [
        # A Monday in winter, an hour ahead of UTC.
        ("2026-11-30T20:59:59", 0),
        ("2026-11-30T21:00:00", 9),
        ("2026-12-01T05:59:00", 1 / 60),
        ("2026-12-01T06:00:00", 0),
        # Summer.
        ("2026-07-06T20:00:00", 9),
        # Wednesdays and Thursdays have no quiet hours, and the night of Tuesday ends on Wednesday.
        ("2026-12-02T05:00:00", 1),
        ("2026-12-02T22:00:00", 0),
        # The night in which summer time begins has an hour less, that in which it ends an hour more.
        ("2026-03-28T21:00:00", 8),
        ("2026-10-24T20:00:00", 10),
    ],
)
def test_quiet_hours_are_those_of_the_time_zone(monkeypatch: pytest.MonkeyPatch, now: str, hours: float) -> None:
    notify = load(monkeypatch, "notify", {"CHANNEL": json.dumps({"quiet_hours": QUIET})})
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert notify.quiet_seconds("error", moment) == pytest.approx(hours * 3600)
    assert notify.quiet_seconds("critical", moment) == 0


def test_time_zones_are_known_where_the_system_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    notify = load(monkeypatch, "notify", {"CHANNEL": json.dumps({"quiet_hours": {**QUIET, "start": "08:00", "end": "17:30"}})})

    def unknown(name: str) -> None:
        raise ZoneInfoNotFoundError(name)

    monkeypatch.setattr(notify, "ZoneInfo", unknown)
    assert notify.quiet_seconds("error", datetime(2026, 11, 30, 16, 0, tzinfo=UTC)) == 1800
    assert notify.quiet_seconds("error", datetime(2026, 11, 30, 16, 30, tzinfo=UTC)) == 0


def test_what_quiet_hours_hold_is_delivered_afterwards_once_and_what_is_urgent_at_once(
    system: System, stand_ins: Channels, monkeypatch: pytest.MonkeyPatch
) -> None:
    sqs, url = client("sqs"), system.urls["slack"]
    send(system, {"id": "1", "title": "held"})
    send(system, {"id": "2", "title": "urgent", "severity": "P1"})
    notify = system.notify("slack", {"kind": "slack", "quiet_hours": QUIET})
    moment = [datetime(2026, 11, 30, 23, 0, tzinfo=UTC)]
    monkeypatch.setattr(notify, "_now", lambda: moment[0])
    received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"])["Messages"]
    event = queue_event(received, f"arn:aws:sqs:eu-west-1:{ACCOUNT}:slack")
    answer = notify.handler(event, Context())
    [held] = [one for one in received if json.loads(one["Body"])["title"] == "held"]
    assert answer == {"batchItemFailures": [{"itemIdentifier": held["MessageId"]}]}
    assert [message["text"] for message in stand_ins.messages] == ["[CRITICAL] urgent"]
    entry = system.entry("legacy:1:firing", "channel:slack")
    assert (entry["state"], entry["until"]) == ("held", "2026-12-01T06:00:00+00:00")
    # Lambda deletes what did not fail; the other is hidden until the morning.
    for one in received:
        if one is not held:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
    assert system.waiting("slack") == (0, 1)
    moment[0] = datetime(2026, 12, 1, 6, 0, 1, tzinfo=UTC)
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=held["ReceiptHandle"], VisibilityTimeout=0)
    drive_queue(sqs, url, lambda event, context: (notify.handler(event, context), notify.handler(event, context))[1])
    assert [message["text"] for message in stand_ins.messages] == ["[CRITICAL] urgent", "[ERROR] held"]


def test_mails_go_by_ses_and_topics_by_sns(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    send(system, {"id": "1", "title": "Zahlung fällt\naus", "text": "Bitte prüfen"})
    sqs, sns, ses = client("sqs"), client("sns"), client("sesv2")
    mail = system.notify("mail", {"kind": "email", "from": "alerts@example.com", "to": ["a@example.com"]})
    # Nobody has verified the sender.
    with pytest.raises(mail.Failed, match="answered MessageRejected"):
        mail.deliver({"id": "legacy:1:firing"}, Context())
    ses.create_email_identity(EmailIdentity="alerts@example.com")
    drive_queue(sqs, system.urls["mail"], mail.handler)
    assert system.entry("legacy:1:firing", "channel:mail")["state"] == "sent"
    [sent] = [one for backend in ses_backends["123456789012"].values() for one in backend.sent_messages]
    assert (sent.subject, sent.destinations["ToAddresses"]) == ("[ERROR] Zahlung fällt aus", ["a@example.com"])
    target = sns.create_topic(Name="people")["TopicArn"]
    inbox = sqs.create_queue(QueueName="inbox")["QueueUrl"]
    sns.subscribe(TopicArn=target, Protocol="sqs", Endpoint=f"arn:aws:sqs:eu-west-1:{ACCOUNT}:inbox")
    drive_queue(sqs, system.urls["sms"], system.notify("sms", {"kind": "topic"}, TARGET_TOPIC_ARN=target).handler)
    [message] = sqs.receive_message(QueueUrl=inbox)["Messages"]
    envelope = json.loads(message["Body"])
    assert (envelope["Subject"], envelope["Message"][:12]) == ("[ERROR] Zahlung f?llt aus", "Bitte prüfen")


def test_a_rotated_token_is_read_again_when_the_channel_refuses_the_old_one(system: System, stand_ins: Channels) -> None:
    send(system, {"id": "1", "title": "first"})
    client("secretsmanager").put_secret_value(SecretId=system.secret_arns["slack"], SecretString=stand_ins.url("/gone"))
    notify = system.notify("slack", {"kind": "slack"})
    notify._secret()
    client("secretsmanager").put_secret_value(SecretId=system.secret_arns["slack"], SecretString=stand_ins.url(SLACK_PATH))
    stand_ins.faults = [Fault(403)]
    drive_queue(client("sqs"), system.urls["slack"], notify.handler)
    assert len(stand_ins.messages) == 1


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/hooks", "not-a-url", "https:///hooks"])
def test_nothing_goes_over_plain_http(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    with pytest.raises(Exception, match="the URL is none of https"):
        load(monkeypatch, "notify", {}).post(url, {})


def test_the_sample_look_up_knows_the_team_of_a_customer() -> None:
    handler = load_handler(ROOT / "examples/event_notification/app/index.py").handler
    event = {"severity": "warning", "details": {"customer": "acme"}}
    assert handler({"event": event}, None) == {"context": {"team": "Large accounts"}, "severity": "error"}
    assert handler({"event": {"severity": "info", "details": {"customer": "globex"}}}, None)["severity"] == "info"
    assert handler({"event": {"severity": "info", "details": "text"}}, None) == {}


def test_the_log_says_what_aws_refused(system: System, caplog: pytest.LogCaptureFixture) -> None:
    send(system, {"id": "1", "title": "first"})
    notify = system.notify("slack", {"kind": "slack"}, SECRET_ARN="arn:aws:secretsmanager:eu-west-1:123456789012:secret:gone")
    with pytest.raises(AssertionError, match="not empty after 1 "):
        drive_queue(client("sqs"), system.urls["slack"], notify.handler, rounds=1)
    assert "legacy:1:firing: ResourceNotFoundException ResourceNotFoundException, for 20 s" in caplog.text
    assert system.entry("legacy:1:firing", "channel:slack")["note"] == "ResourceNotFoundException ResourceNotFoundException"
