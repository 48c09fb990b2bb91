"""Events from a signed webhook or an alarm to the history and the topic, through the functions of ``EventNotification``, on moto."""

import base64
import hashlib
import hmac
import io
import json
import logging
import time
from types import ModuleType
from typing import Any

import pytest
from cloudpatterns.systems.event_notification.arguments import LOOK_UP_SECONDS

from tests.components.systems.notifications import NEXT_SECRET, SECRET, System, load, replay, request, send
from tests.emulators.channels import (
    BOT_PATH,
    PAGERDUTY_PATH,
    Channels,
)
from tests.emulators.events import ACCOUNT, drive_queue
from tests.emulators.locked_moto import client


def test_an_event_goes_from_a_signed_webhook_to_the_history_and_to_each_channel(system: System, stand_ins: Channels) -> None:
    send(system, {"id": "4711", "severity": "P1", "title": "Disk <full>", "text": "db-1 has no space @all", "key": "db-1"})
    event_id = "legacy:4711:firing"
    event = system.entry(event_id)
    assert (event["source"], event["severity"], event["state"], event["key"]) == ("legacy", "critical", "firing", "legacy:db-1")
    assert json.loads(event["details"])["title"] == "Disk <full>"
    # History with TTL.
    assert int(event["expires_at"]) - time.time() == pytest.approx(400 * 86_400, abs=60)
    sqs, pager = client("sqs"), {"kind": "pagerduty", "api_url": stand_ins.url(PAGERDUTY_PATH)}
    bot = {"kind": "slack", "channel": "#operations", "api_url": stand_ins.url(BOT_PATH)}
    kinds: dict[str, dict[str, Any]] = {"slack": {"kind": "slack"}, "bot": bot, "mattermost": {"kind": "mattermost"}, "pager": pager}
    for name, settings in kinds.items():
        drive_queue(sqs, system.urls[name], system.notify(name, settings).handler)
        assert system.entry(event_id, f"channel:{name}")["state"] == "sent"
    slack, by_bot, mattermost = stand_ins.messages
    assert slack["text"] == by_bot["text"] == "[CRITICAL] Disk &lt;full&gt;"
    assert by_bot["channel"] == "#operations"
    # Nobody writes "@all" to everybody through us.
    assert mattermost["attachments"][0]["text"] == "db-1 has no space @\u200ball"
    assert stand_ins.pages == ["legacy:db-1"]


def standard(
    body: bytes, *, event_id: str = "msg_1", secret: bytes = base64.b64decode("c2VjcmV0LW9mLXN0YW5kYXJkLXdlYmhvb2tz")
) -> dict[str, Any]:
    """A request signed as Standard Webhooks, with a signature of an old key beside the one that counts."""
    moment = str(int(time.time()))
    signature = base64.b64encode(hmac.new(secret, f"{event_id}.{moment}.".encode() + body, hashlib.sha256).digest()).decode()
    wrong = base64.b64encode(b"x" * 32).decode()
    headers = {"webhook-id": event_id, "Webhook-Timestamp": moment, "webhook-signature": f"v1,{wrong} v1,{signature}"}
    return {**request(body), "headers": headers}


def test_the_signature_is_that_of_the_raw_body_and_of_its_time(system: System, caplog: pytest.LogCaptureFixture) -> None:
    webhook = system.webhook()
    caplog.set_level(logging.INFO)
    body = b'{"id":  "1", "title": "caf\xc3\xa9"}'
    signed = request(body)
    reordered = base64.b64encode(json.dumps(json.loads(body)).encode()).decode()
    cases: list[tuple[dict[str, Any], int]] = [
        (signed, 202),
        # API Gateway without binary media types.
        ({**request(body), "isBase64Encoded": False, "body": body.decode()}, 202),
        # The same content, in other bytes.
        ({**signed, "body": reordered}, 401),
        (request(body, secret="another-secret-of-somebody"), 401),
        ({**signed, "headers": {**signed["headers"], "X-Timestamp": str(int(time.time()) + 1)}}, 401),
        ({**signed, "headers": {"X-Timestamp": signed["headers"]["X-Timestamp"]}}, 401),
        ({**signed, "headers": {**signed["headers"], "x-signature": "sha256=zz"}}, 401),
        ({**signed, "headers": {**signed["headers"], "X-Timestamp": "soon"}}, 401),
        ({**signed, "headers": None}, 401),
        (request(body, at=time.time() - 301), 401),
        (request(body, at=time.time() + 305), 401),
        (request(body, source="unknown"), 404),
        (request(b"x" * 5000), 413),
        (request(b"\xff\xfe"), 400),
        (request(b"[1]"), 400),
    ]
    for event, status in cases:
        assert webhook.handler(event, None)["statusCode"] == status, event
    assert system.waiting("events") == (2, 0)
    assert [secret for secret in (SECRET, signed["headers"]["x-signature"][7:], "café") if secret in caplog.text] == []
    assert "wrong signature" in caplog.text


def test_signatures_are_compared_in_constant_time(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[int] = []
    compare = hmac.compare_digest

    def counted(left: bytes, right: bytes) -> bool:
        compared.append(len(left))
        return compare(left, right)

    monkeypatch.setattr(hmac, "compare_digest", counted)
    client("secretsmanager").put_secret_value(SecretId=system.secret_arns["sender"], SecretString=NEXT_SECRET)
    assert system.webhook().handler(request({"id": "1"}, secret=NEXT_SECRET), None)["statusCode"] == 202
    # The first match does not end it.
    assert compared == [32, 32]


def test_two_secrets_are_valid_while_one_is_rotated(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    manager, webhook = client("secretsmanager"), system.webhook()
    clock = [1000.0]
    monkeypatch.setattr(webhook.time, "monotonic", lambda: clock[0])

    def answers(secret: str) -> int:
        return webhook.handler(request({"id": "1"}, secret=secret), None)["statusCode"]

    assert (answers(SECRET), answers(NEXT_SECRET)) == (202, 401)
    manager.put_secret_value(SecretId=system.secret_arns["sender"], SecretString=json.dumps({"password": NEXT_SECRET}))
    # The new one is known at once, as soon as the cache may be read again, and the old one still counts.
    assert answers(NEXT_SECRET) == 401
    clock[0] += 5
    assert (answers(NEXT_SECRET), answers(SECRET)) == (202, 202)
    manager.put_secret_value(SecretId=system.secret_arns["sender"], SecretString="the-third-secret-of-the-sender")
    clock[0] += 61
    assert (answers("the-third-secret-of-the-sender"), answers(NEXT_SECRET), answers(SECRET)) == (202, 202, 401)
    # After the overlap, and at once without one.
    for webhook, wait in ((system.webhook(), 25 * 3600), (system.webhook(secret_overlap_hours=0), 0)):
        now = time.time() + wait
        with monkeypatch.context() as patch:
            patch.setattr(webhook.time, "time", lambda now=now: now)
            old, new = (request({"id": "1"}, secret=secret, at=now) for secret in (NEXT_SECRET, "the-third-secret-of-the-sender"))
            assert (webhook.handler(new, None)["statusCode"], webhook.handler(old, None)["statusCode"]) == (202, 401)


def test_a_secret_without_a_value_admits_nobody(system: System) -> None:
    for value in ("{}", "short", '{"password": ""}', "null"):
        client("secretsmanager").put_secret_value(SecretId=system.secret_arns["sender"], SecretString=value)
        webhook = system.webhook(secret_overlap_hours=0)
        for secret in ("", "{}", "short"):
            assert webhook.handler(request({"id": "1"}, secret=secret), None)["statusCode"] == 401


def test_other_schemes_are_those_of_standard_webhooks_and_github(system: System) -> None:
    manager, arn = client("secretsmanager"), system.secret_arns["sender"]
    manager.put_secret_value(SecretId=arn, SecretString="whsec_c2VjcmV0LW9mLXN0YW5kYXJkLXdlYmhvb2tz")
    webhook = system.webhook(scheme="standard")
    event = standard(b'{"title": "x"}')
    assert webhook.handler(event, None)["statusCode"] == 202
    assert webhook.handler({**event, "headers": {**event["headers"], "webhook-id": "msg_2"}}, None)["statusCode"] == 401
    assert webhook.handler({**event, "headers": {**event["headers"], "webhook-signature": "v1,?"}}, None)["statusCode"] == 401
    # The example of GitHub's documentation:
    # https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries#testing-the-webhook-payload-validation
    manager.put_secret_value(SecretId=arn, SecretString="It's a Secret to Everybody")
    webhook = system.webhook(scheme="github")
    documented = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    event = {**request(b"Hello, World!"), "headers": {"X-Hub-Signature-256": f"sha256={documented}"}}
    # The signature is right, and the body is no JSON.
    assert webhook.handler(event, None)["statusCode"] == 400
    assert webhook.handler({**event, "headers": {"X-Hub-Signature-256": f"sha256={documented[:-1]}8"}}, None)["statusCode"] == 401


def test_the_authorizer_refuses_what_is_not_signed_before_the_body_is_read(system: System) -> None:
    webhook = system.webhook()
    signed = request({"id": "1"})
    cases = [
        (signed, "Allow"),
        ({**signed, "headers": {}}, "Deny"),
        (request({"id": "1"}, at=time.time() - 400), "Deny"),
        (request({"id": "1"}, source="unknown"), "Deny"),
        ({**signed, "pathParameters": None}, "Deny"),
    ]
    for event, effect in cases:
        event = {name: value for name, value in event.items() if name not in ("body", "isBase64Encoded")}
        [statement] = webhook.authorize(event, None)["policyDocument"]["Statement"]
        assert statement == {"Action": "execute-api:Invoke", "Effect": effect, "Resource": signed["methodArn"]}


def test_a_repeated_webhook_is_one_event_and_one_page(system: System, stand_ins: Channels) -> None:
    webhook, enrich, sqs = system.webhook(), system.enrich(), client("sqs")
    replayed = request({"title": "no id"})
    for event in (request({"id": "1"}), request({"id": "1"}, at=time.time() - 5), replayed, replayed):
        assert webhook.handler(event, None)["statusCode"] == 202
    # Standard queues deliver twice.
    drive_queue(sqs, system.urls["events"], lambda event, context: (enrich.handler(event, context), enrich.handler(event, context))[1])
    assert system.waiting("slack") == (2, 0)
    drive_queue(sqs, system.urls["pager"], system.notify("pager", {"kind": "pagerduty", "api_url": stand_ins.url(PAGERDUTY_PATH)}).handler)
    assert len(stand_ins.requests) == len(stand_ins.pages) == 2


def alarm(state: str, before: str, at: str, name: str = "alerts-log-payments-1a2b3c4") -> str:
    """What CloudWatch publishes."""
    return json.dumps(
        {
            "AlarmName": name,
            "AlarmDescription": "Payments fail",
            "AlarmArn": f"arn:aws:cloudwatch:eu-west-1:{ACCOUNT}:alarm:{name}",
            "NewStateValue": state,
            "OldStateValue": before,
            "NewStateReason": "Threshold Crossed: 1 datapoint [6.0] was greater than the threshold (5.0).",
            "StateChangeTime": at,
        }
    )


def test_alarms_are_events_and_their_end_resolves_the_incident(system: System, stand_ins: Channels) -> None:
    sqs, enrich = client("sqs"), system.enrich()
    pager = system.notify("pager", {"kind": "pagerduty", "api_url": stand_ins.url(PAGERDUTY_PATH)})
    key = f"arn:aws:cloudwatch:eu-west-1:{ACCOUNT}:alarm:alerts-log-payments-1a2b3c4"

    def publish(*messages: str) -> None:
        for message in messages:
            sqs.send_message(QueueUrl=system.urls["events"], MessageBody=message)
        drive_queue(sqs, system.urls["events"], enrich.handler)
        drive_queue(sqs, system.urls["pager"], pager.handler)

    raised = alarm("ALARM", "OK", "2026-11-30T12:00:00.000+0000")
    publish(alarm("OK", "INSUFFICIENT_DATA", "2026-11-30T11:00:00.000+0000"), raised, raised, alarm("INSUFFICIENT_DATA", "ALARM", ""))
    assert (stand_ins.pages, stand_ins.incidents) == ([key], {key: "triggered"})
    payload = stand_ins.requests[0][1]["payload"]
    assert (payload["severity"], payload["source"], payload["timestamp"]) == ("critical", "cloudwatch", "2026-11-30T12:00:00.000+00:00")
    publish(alarm("OK", "ALARM", "2026-11-30T12:05:00.000+0000"))
    assert stand_ins.incidents == {key: "resolved"}
    # An alarm that comes after its end, out of order, does not open the incident again.
    publish(alarm("ALARM", "OK", "2026-11-30T12:04:00.000+0000"))
    assert (stand_ins.pages, stand_ins.incidents) == ([key], {key: "resolved"})
    publish(alarm("ALARM", "OK", "2026-11-30T13:00:00.000+0000"), alarm("ALARM", "OK", "2026-11-30T13:00:00.000+0000", "alerts-other"))
    assert stand_ins.pages == [key, key]
    # What was raised before a time without data is over after it: PagerDuty would take the next alarm for the same incident.
    over = alarm("OK", "INSUFFICIENT_DATA", "2026-11-30T14:00:00.000+0000")
    publish(alarm("INSUFFICIENT_DATA", "ALARM", "2026-11-30T13:30:00.000+0000"), over, over)
    assert stand_ins.incidents == {key: "resolved"}
    assert [body["event_action"] for _, body in stand_ins.requests][-1] == "resolve"


def test_events_of_eventbridge_and_any_text_are_events(monkeypatch: pytest.MonkeyPatch) -> None:
    enrich = load(monkeypatch, "enrich", {"EVENT_SEVERITY": "warning"})
    event = {"id": "e-1", "detail-type": "RDS DB Instance Event", "source": "aws.rds", "time": "2026-11-30T12:00:00Z", "resources": ["db"]}
    found = enrich.event_of(json.dumps(event), "m-1")
    assert (found["id"], found["source"], found["severity"], found["title"]) == ("events:e-1", "aws.rds", "warning", event["detail-type"])
    for text in ("Notification from Amazon", '"a text"', '{"other": 1}'):
        found = enrich.event_of(text, "m-2")
        assert (found["id"], found["source"], found["title"]) == ("text:m-2", "text", text)


def test_the_newest_state_of_an_event_that_was_not_published_is_published(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    enrich, sqs = system.enrich(), client("sqs")

    class Broken:
        def publish(self, **_request: Any) -> None:
            raise ConnectionError

    sqs.send_message(QueueUrl=system.urls["events"], MessageBody=alarm("ALARM", "OK", "2026-11-30T12:00:00.000+0000"))
    with monkeypatch.context() as patch:
        patch.setattr(enrich, "client", lambda _service: Broken())
        with pytest.raises(AssertionError, match="not empty after 1 "):
            drive_queue(sqs, system.urls["events"], enrich.handler, rounds=1)
    drive_queue(sqs, system.urls["events"], enrich.handler)
    assert system.waiting("pager") == (1, 0)


def test_a_look_up_by_a_table_adds_a_context_and_a_severity(system: System) -> None:
    dynamodb = client("dynamodb")
    dynamodb.create_table(
        TableName="hosts",
        KeySchema=[{"AttributeName": "host", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "host", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    item = {"host": {"S": "db-1"}, "team": {"S": "storage"}, "floor": {"N": "3"}, "severity": {"S": "critical"}, "tags": {"SS": ["b", "a"]}}
    dynamodb.put_item(TableName="hosts", Item=item)
    enrich = system.enrich(LOOK_UP_TABLE="hosts", LOOK_UP_KEY="host", LOOK_UP_FIELD="details.labels.0.host")
    for number, host in (("1", "db-1"), ("2", "db-2"), ("3", None)):
        assert system.webhook().handler(request({"id": number, "labels": [{"host": host}]}), None)["statusCode"] == 202
    drive_queue(client("sqs"), system.urls["events"], enrich.handler)
    first, second, third = (system.entry(f"legacy:{number}:firing") for number in "123")
    context = {"host": "db-1", "team": "storage", "floor": 3, "severity": "critical", "tags": ["a", "b"]}
    assert (first["severity"], json.loads(first["context"])) == ("critical", context)
    assert (second["severity"], second["context"], third["context"]) == ("error", "{}", "{}")


class Functions:
    """Lambda with one function."""

    def __init__(self, answers: list[Any]) -> None:
        self.answers = answers
        self.asked: list[Any] = []

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:
        assert FunctionName == "look-up"
        self.asked.append(json.loads(Payload))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        failed = {"FunctionError": "Unhandled"} if answer == "error" else {}
        return {"Payload": io.BytesIO(json.dumps(answer).encode()), **failed}


def with_function(system: System, answers: list[Any], **more: str) -> tuple[ModuleType, Functions]:
    """The enriching function, which asks a function."""
    enrich, functions = system.enrich(LOOK_UP_FUNCTION="look-up", **more), Functions(answers)
    system.monkeypatch.setattr(enrich, "client", lambda service: functions if service == "lambda" else client(service))
    return enrich, functions


def test_a_look_up_by_a_function_adds_a_context_and_is_asked_once(system: System, stand_ins: Channels) -> None:
    enrich, functions = with_function(system, [{"context": {"team": "storage"}, "severity": "critical"}])
    for _ in range(2):
        assert system.webhook().handler(request({"id": "1", "title": "Disk full"}), None)["statusCode"] == 202
    drive_queue(client("sqs"), system.urls["events"], enrich.handler)
    [asked] = functions.asked
    assert (asked["event"]["title"], asked["event"]["details"]) == ("Disk full", {"id": "1", "title": "Disk full"})
    drive_queue(client("sqs"), system.urls["slack"], system.notify("slack", {"kind": "slack"}).handler)
    [message] = stand_ins.messages
    assert message["text"] == "[CRITICAL] Disk full"
    assert {"title": "team", "value": "storage", "short": True} in message["attachments"][0]["fields"]


def test_a_look_up_that_knows_nothing_holds_no_event_back(system: System, stand_ins: Channels) -> None:
    enrich, _ = with_function(system, [{"context": None}])
    assert system.webhook().handler(request({"id": "1", "title": "Disk full"}), None)["statusCode"] == 202
    drive_queue(client("sqs"), system.urls["events"], enrich.handler)
    drive_queue(client("sqs"), system.urls["slack"], system.notify("slack", {"kind": "slack"}).handler)
    assert [message["text"] for message in stand_ins.messages] == ["[ERROR] Disk full"]


def test_a_look_up_that_hangs_is_given_up_within_the_invocation(moto_account: None, monkeypatch: pytest.MonkeyPatch) -> None:
    enrich = load(monkeypatch, "enrich", {})
    config = enrich.client("lambda").meta.config
    # Its tries would otherwise end with the function's timeout, and the event would never go on without it.
    assert (config.read_timeout, config.retries["total_max_attempts"]) == (LOOK_UP_SECONDS, 1)


def test_large_bodies_stay_as_short_as_they_came(system: System) -> None:
    webhook = system.webhook()
    body = json.dumps({"id": "1", "lines": [1] * 1000, "text": "\u00e9" * 500}, ensure_ascii=False, separators=(",", ":")).encode()
    assert webhook.handler(request(body), None)["statusCode"] == 202
    [message] = client("sqs").receive_message(QueueUrl=system.urls["events"], VisibilityTimeout=0)["Messages"]
    # A queue and an item take no more than so many bytes.
    assert len(message["Body"].encode()) < len(body) + 250
    drive_queue(client("sqs"), system.urls["events"], system.enrich().handler)
    assert system.entry("legacy:1:firing")["details"].encode() == body


def test_failures_are_counted_before_a_message_is_parked(system: System, capsys: pytest.CaptureFixture[str]) -> None:
    enrich, _ = with_function(system, ["error"], AWS_LAMBDA_FUNCTION_NAME="alerts-events-function")
    assert system.webhook().handler(request({"id": "1"}), None)["statusCode"] == 202
    drive_queue(client("sqs"), system.urls["events"], enrich.handler)
    counted = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    assert [(one["Function"], one["Failures"]) for one in counted] == [("alerts-events-function", 1)] * 2
    [metrics] = counted[0]["_aws"]["CloudWatchMetrics"]
    assert metrics == {"Namespace": "CloudPatterns/EventNotification", "Dimensions": [["Function"]], "Metrics": [{"Name": "Failures"}]}


@pytest.mark.parametrize("answer", ["error", ["a list"], {"context": ["a list"]}])
def test_an_event_goes_on_when_its_look_up_keeps_failing_and_is_parked_where_that_is_required(system: System, answer: Any) -> None:
    sqs = client("sqs")
    enrich, functions = with_function(system, [answer])
    assert system.webhook().handler(request({"id": "1"}), None)["statusCode"] == 202
    drive_queue(sqs, system.urls["events"], enrich.handler)
    assert (len(functions.asked), system.waiting("slack")) == (3, (1, 0))
    assert system.entry("legacy:1:firing")["enriched"] is False
    enrich, functions = with_function(system, [answer], LOOK_UP_REQUIRED="true")
    assert system.webhook().handler(request({"id": "2"}), None)["statusCode"] == 202
    drive_queue(sqs, system.urls["events"], enrich.handler)
    assert (system.waiting("slack"), system.waiting("events-dead-letters")) == ((1, 0), (1, 0))
    # The cause is fixed, and the parked event is replayed.
    functions.answers[:] = [{}]
    replay(system, "events")
    drive_queue(sqs, system.urls["events"], enrich.handler)
    assert system.waiting("slack") == (2, 0)
