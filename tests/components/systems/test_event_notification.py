import json
from typing import Any

import pulumi
import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.messaging import QueueWorker
from cloudpatterns.systems import EventNotification
from offline_preview.graph import Graph

from tests.harness import record, refs

PREFIX = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:"
TOPIC, KEY = "arn:aws:sns:eu-west-1:123456789012:operations", "arn:aws:kms:eu-west-1:123456789012:key/1"
ALARM, FUNCTION, QUEUE = "aws:cloudwatch/metricAlarm:MetricAlarm", "aws:lambda/function:Function", "aws:sqs/queue:Queue"
SUBSCRIPTION, MAPPING = "aws:sns/topicSubscription:TopicSubscription", "aws:lambda/eventSourceMapping:EventSourceMapping"
SLACK: dict[str, Any] = {"kind": "slack", "secret_arn": f"{PREFIX}slack-a1b2c3"}
PAGER: dict[str, Any] = {"kind": "pagerduty", "secret_arn": f"{PREFIX}pager-a1b2c3", "severities": ["critical"], "sources": ["billing"]}
MAIL: dict[str, Any] = {
    "kind": "email",
    "from_address": "Shop <alerts@example.com>",
    "to_addresses": ["a@example.com"],
    "identity_arns": ["arn:aws:ses:eu-west-1:123456789012:identity/example.com"],
    "configuration_set_name": "mails",
}
MATTERMOST: dict[str, Any] = {
    "kind": "mattermost",
    "secret_arn": f"{PREFIX}town-a1b2c3",
    "secret_kms_key_arn": KEY,
    "channel": "hall",
}
SMS: dict[str, Any] = {"kind": "topic", "topic_arn": TOPIC, "topic_kms_key_arn": KEY}
CHANNELS = {"slack": SLACK, "pager": PAGER, "mail": MAIL, "town": MATTERMOST, "sms": SMS}
BILLING: dict[str, Any] = {"secret_arn": f"{PREFIX}billing-a1b2c3", "secret_kms_key_arn": KEY, "severities": {"P1": "critical"}}
API = {"account_logging_role": "existing"}
PAYMENTS = {
    "log_group_name": "/shop/web",
    "filter_pattern": "ERROR",
    "description": "Payments fail",
    "threshold": 5,
    "severity": "critical",
}
QUIET = {"time_zone": "Europe/Berlin", "start": "22:00", "end": "07:00"}


def make(mode: Any = "deployed", **args: Any) -> Graph:
    given: Any = {
        "channels": CHANNELS,
        "webhooks": {"billing": BILLING},
        "api": API,
        "log_alarms": {"payments": PAYMENTS},
        "alarm_topic_arns": [TOPIC],
        **args,
    }
    return record(lambda: EventNotification("alerts", given), mode=mode)


def statements(graph: Graph, name: str) -> dict[str, dict[str, Any]]:
    return {one["Sid"]: one for one in json.loads(graph.named(name).inputs["policy"])["Statement"]}


def variables(graph: Graph, name: str) -> dict[str, Any]:
    return graph.named(name).inputs["environment"]["variables"]


def test_a_webhook_api_verifies_what_it_puts_into_the_queue() -> None:
    graph = make()
    body = json.loads(graph.one("aws:apigateway/restApi:RestApi").inputs["body"])
    assert body["components"]["securitySchemes"]["signed"]["x-amazon-apigateway-authorizer"]["authorizerResultTtlInSeconds"] == 0
    [(path, methods)] = [(path, methods) for path, methods in body["paths"].items() if "post" in methods]
    assert path == "/events/{source}"
    assert methods["post"]["security"] == [{"signed": []}]
    # The body arrives byte by byte.
    assert body["x-amazon-apigateway-binary-media-types"] == ["*/*"]
    webhook = graph.named("alerts-api-function-webhook")
    settings = json.loads(webhook.inputs["environment"]["variables"]["SOURCES"])
    assert settings == {
        "billing": {"scheme": "timestamp", "tolerance_seconds": 300, "secret_overlap_hours": 168, "secret_arn": BILLING["secret_arn"]}
    }
    queue = graph.named("alerts-events-queue").outputs
    rights = statements(graph, "alerts-api-function-webhook-policy")
    assert rights["ReadSecret"]["Resource"] == [BILLING["secret_arn"]]
    assert (rights["ReadSecretKey"]["Resource"], rights["ReadSecretKey"]["Condition"]) == (
        [KEY],
        {"StringLike": {"kms:ViaService": ["secretsmanager.*.amazonaws.com"]}},
    )
    assert rights["Send"]["Resource"] == [queue["arn"]]
    # It sees no body, and reads no secret.
    authorizer = graph.named("alerts-api-function-authorizer")
    assert authorizer.inputs["handler"] == "index.authorize"
    assert set(statements(graph, "alerts-api-function-authorizer-policy")) == {"Log", "Environment"}
    url = graph.one("cloudpatterns:index:EventNotification").outputs["webhook_urls"]["billing"]
    assert url.endswith("/events/billing")


def test_log_metric_alarms_are_events() -> None:
    graph = make()
    metric, alarm = graph.one("aws:cloudwatch/logMetricFilter:LogMetricFilter").inputs, graph.named("alerts-log-payments").inputs
    assert (metric["logGroupName"], metric["pattern"]) == ("/shop/web", "ERROR")
    assert (alarm["namespace"], alarm["metricName"]) == (
        metric["metricTransformation"]["namespace"],
        metric["metricTransformation"]["name"],
    )
    # Other stacks of the account have metrics of their own.
    assert metric["metricTransformation"]["name"] == "project-test-alerts-payments"
    topic, queue = graph.named("alerts-alarms").outputs["arn"], graph.named("alerts-events-queue").outputs["arn"]
    assert (alarm["threshold"], alarm["alarmActions"], alarm["okActions"]) == (5, [topic], [topic])
    subscription = graph.named("alerts-alarms-subscription").inputs
    assert (subscription["topic"], subscription["endpoint"], subscription["rawMessageDelivery"]) == (topic, queue, True)
    lost = graph.named("alerts-alarms-undelivered").outputs["arn"]
    assert json.loads(subscription["redrivePolicy"]) == {"deadLetterTargetArn": lost}
    for policy in ("alerts-events-queue-policy", "alerts-alarms-undelivered-policy"):
        [sender] = [one for sid, one in statements(graph, policy).items() if sid.startswith("Sender")]
        assert (sender["Principal"], sender["Condition"]) == ({"Service": ["sns.amazonaws.com"]}, {"ArnEquals": {"aws:SourceArn": topic}})
    assert json.loads(variables(graph, "alerts-events-function")["ALARM_SEVERITIES"]) == {"alerts-log-payments-": "critical"}
    # An alarm is raised when somebody listens.
    preview = make(mode="preview")
    assert "alerts-alarms-subscription" in refs(preview, preview.named("alerts-log-payments"), "alarmActions")


def test_alarms_of_other_components_are_events() -> None:
    def program() -> None:
        given: Any = {"channels": {"slack": SLACK}}
        alerts = EventNotification("alerts", given)
        QueueWorker("orders", {"visibility_timeout_seconds": 60, "idempotency": False, "alarm_topic_arns": [alerts.alarm_topic_arn]})

    graph = record(program, mode="preview")
    assert "alerts-alarms-subscription" in refs(graph, graph.named("orders-queue-age"), "alarmActions")


def test_a_function_enriches_events_keeps_them_in_dynamodb_and_publishes_them() -> None:
    graph = make()
    table, topic = graph.named("alerts-history"), graph.named("alerts-topic-topic")
    found = variables(graph, "alerts-events-function")
    assert (found["HISTORY_TABLE"], found["TOPIC_ARN"]) == (table.outputs["name"], topic.outputs["arn"])
    assert json.loads(found["SOURCES"])["billing"]["severities"] == {"P1": "critical"}
    assert json.loads(found["SOURCES"])["billing"]["fields"]["key"] == "key"
    rights = statements(graph, "alerts-events-function-policy")
    assert rights["History"]["Resource"] == [table.outputs["arn"]]
    assert rights["Publish"]["Resource"] == [topic.outputs["arn"]]
    assert "LookUp" not in rights
    inputs = table.inputs
    assert (inputs["hashKey"], inputs["rangeKey"], inputs["ttl"]) == ("id", "part", {"attributeName": "expires_at", "enabled": True})
    assert (inputs["pointInTimeRecovery"], inputs["deletionProtectionEnabled"]) == ({"enabled": True}, True)
    [index] = inputs["globalSecondaryIndexes"]
    assert [key["attributeName"] for key in index["keySchemas"]] == ["source", "at"]
    # Nothing is published before every channel has subscribed.
    preview = make(mode="preview")
    publisher = refs(preview, preview.named("alerts-events-function"), "environment")
    assert {f"alerts-topic-{channel}-subscription" for channel in CHANNELS} <= set(publisher)


def test_a_look_up_is_a_function_or_a_table() -> None:
    table = {"table_arn": "arn:aws:dynamodb:eu-west-1:123456789012:table/hosts", "key": "host", "field": "details.host", "kms_key_arn": KEY}
    graph = make(look_up={"table": table, "required": True})
    found, rights = variables(graph, "alerts-events-function"), statements(graph, "alerts-events-function-policy")
    assert {name: value for name, value in found.items() if name.startswith("LOOK_UP")} == {
        "LOOK_UP_TABLE": table["table_arn"],
        "LOOK_UP_KEY": "host",
        "LOOK_UP_FIELD": "details.host",
        "LOOK_UP_REQUIRED": "true",
    }
    assert (rights["LookUp"]["Action"], rights["LookUp"]["Resource"]) == (["dynamodb:GetItem"], [table["table_arn"]])
    assert rights["LookUpKey"]["Resource"] == [KEY]
    graph = make(look_up={"function": {"image_uri": "image"}})
    arn = graph.named("alerts-look-up").outputs["arn"]
    assert variables(graph, "alerts-events-function")["LOOK_UP_FUNCTION"] == arn
    assert statements(graph, "alerts-events-function-policy")["LookUp"]["Resource"] == [arn]
    existing = "arn:aws:lambda:eu-west-1:123456789012:function:directory"
    graph = make(look_up={"existing_function_arn": existing})
    assert variables(graph, "alerts-events-function")["LOOK_UP_FUNCTION"] == existing
    assert variables(graph, "alerts-events-function")["LOOK_UP_REQUIRED"] == "false"


def test_a_look_up_that_hangs_holds_back_its_own_event_alone() -> None:
    graph = make(look_up={"function": {"image_uri": "image", "timeout_seconds": 40}})
    assert graph.named("alerts-events-source").inputs["batchSize"] == 1
    # After the look-up there is time for the rest.
    assert graph.named("alerts-events-function").inputs["timeout"] == 60
    assert make().named("alerts-events-source").inputs["batchSize"] == 10


def test_a_firewall_lets_the_bodies_through_that_the_function_takes() -> None:
    rule = "common/SizeRestrictions_BODY"

    def tags(most_body_kib: int, **firewall: Any) -> dict[str, str]:
        graph = make(api={**API, "firewall": firewall}, most_body_kib=most_body_kib)
        given = graph.one("aws:wafv2/webAcl:WebAcl").inputs.get("tags") or {}
        return {name: value for name, value in given.items() if name.startswith("exception:")}

    assert tags(128, rate_limit=1000) == {f"exception:{rule}": "the function takes 128 KiB that are signed"}
    assert tags(8) == {}
    assert tags(128, exceptions=[{"rule": rule, "reason": "mine"}]) == {f"exception:{rule}": "mine"}


def test_failures_raise_an_alarm_before_the_first_event_is_parked() -> None:
    graph = make(channels={"slack": SLACK})
    for child in ("alerts-events", "alerts-to-slack"):
        alarm, function = graph.named(f"{child}-failing").inputs, graph.named(f"{child}-function").outputs["name"]
        watched = (alarm["namespace"], alarm["metricName"], alarm["dimensions"], alarm["statistic"])
        assert watched == ("CloudPatterns/EventNotification", "Failures", {"Function": function}, "Sum")
        assert (alarm["period"], alarm["evaluationPeriods"], alarm["datapointsToAlarm"], alarm["threshold"]) == (300, 3, 2, 0)
        assert alarm["alarmActions"] == [TOPIC]


def test_each_channel_has_a_queue_with_a_filter_and_a_function_of_its_own() -> None:
    graph = make(subscribers={"audit": {"filter_policy": {"state": ["firing"]}}})
    filters = {one.name: json.loads(one.inputs.get("filterPolicy", "null")) for one in graph.of_type(SUBSCRIPTION)}
    assert filters == {
        "alerts-alarms-subscription": None,
        "alerts-topic-slack-subscription": None,
        "alerts-topic-pager-subscription": {"severity": ["critical"], "source": ["billing"]},
        "alerts-topic-mail-subscription": None,
        "alerts-topic-town-subscription": None,
        "alerts-topic-sms-subscription": None,
        "alerts-topic-audit-subscription": {"state": ["firing"]},
    }
    for channel in CHANNELS:
        function, queue = graph.named(f"alerts-to-{channel}-function"), graph.named(f"alerts-topic-{channel}-queue")
        source = graph.named(f"alerts-to-{channel}-source").inputs
        assert (source["eventSourceArn"], source["functionName"]) == (queue.outputs["arn"], function.outputs["arn"])
        assert (source["batchSize"], source["functionResponseTypes"]) == (1, ["ReportBatchItemFailures"])
        assert queue.inputs["visibilityTimeoutSeconds"] == 6 * function.inputs["timeout"]
        assert variables(graph, f"alerts-to-{channel}-function")["CHANNEL_NAME"] == channel
    settings = {channel: json.loads(variables(graph, f"alerts-to-{channel}-function")["CHANNEL"]) for channel in CHANNELS}
    assert settings == {
        "slack": {"kind": "slack", "api_url": "https://slack.com/api/chat.postMessage"},
        "pager": {"kind": "pagerduty", "api_url": "https://events.pagerduty.com/v2/enqueue"},
        "mail": {"kind": "email", "from": "Shop <alerts@example.com>", "to": ["a@example.com"], "configuration_set": "mails"},
        "town": {"kind": "mattermost", "channel": "hall"},
        "sms": {"kind": "topic"},
    }


def test_a_channels_function_reads_its_own_secret_alone() -> None:
    graph = make()
    rights = {channel: statements(graph, f"alerts-to-{channel}-function-policy") for channel in CHANNELS}
    beside = {"Receive", "ReceiveKey", "History", "HistoryKey", "Log", "Environment"}
    assert {channel: set(found) - beside for channel, found in rights.items()} == {
        "slack": {"ReadSecret"},
        "pager": {"ReadSecret"},
        "mail": {"Mail"},
        "town": {"ReadSecret", "ReadSecretKey"},
        "sms": {"Publish", "PublishKey"},
    }
    for channel, given in CHANNELS.items():
        if "secret_arn" in given:
            assert rights[channel]["ReadSecret"]["Resource"] == [given["secret_arn"]]
            assert variables(graph, f"alerts-to-{channel}-function")["SECRET_ARN"] == given["secret_arn"]
    mail = rights["mail"]["Mail"]
    assert mail["Resource"] == [*MAIL["identity_arns"], "arn:aws:ses:eu-west-1:123456789012:configuration-set/mails"]
    assert mail["Condition"] == {"StringEquals": {"ses:FromAddress": ["alerts@example.com"]}}


def test_what_fails_is_parked_and_raises_an_alarm() -> None:
    graph = make(channels={"slack": {**SLACK, "max_receive_count": 7}})
    alarms = {one.name: one.inputs["alarmActions"] for one in graph.of_type(ALARM)}
    assert {name for name, actions in alarms.items() if actions == [TOPIC]} == set(alarms) - {"alerts-log-payments"}
    parked = {name for name in alarms if name.endswith(("dead-letters-alarm", "undelivered-alarm"))}
    assert parked == {
        "alerts-alarms-undelivered-alarm",
        "alerts-events-queue-dead-letters-alarm",
        "alerts-topic-slack-queue-dead-letters-alarm",
        "alerts-topic-slack-undelivered-alarm",
    }
    assert json.loads(graph.named("alerts-topic-slack-queue").inputs["redrivePolicy"])["maxReceiveCount"] == 7
    # The command of docs/operations.md goes over them.
    assert graph.one("cloudpatterns:index:EventNotification").outputs["dead_letter_queue_arns"] == {
        "events": graph.named("alerts-events-queue-dead-letters").outputs["arn"],
        "slack": graph.named("alerts-topic-slack-queue-dead-letters").outputs["arn"],
    }
    assert [one.name for one in make(alarm_topic_arns=[]).of_type(ALARM)] == ["alerts-log-payments"]


def test_the_alarm_on_late_events_names_the_queue_as_aws_has_it() -> None:
    graph = make(channels={"slack": SLACK})
    queue = graph.named("alerts-topic-slack-queue").outputs["name"]
    assert graph.named("alerts-to-slack-queue-age").inputs["alarmDescription"].startswith(f"The oldest message in the queue {queue} is")


def test_the_alarm_on_late_events_waits_for_the_end_of_quiet_hours() -> None:
    for quiet, seconds in ((None, 900), (QUIET, 900 + 9 * 3600), ({**QUIET, "start": "12:30", "end": "13:15"}, 900 + 45 * 60)):
        channel = SLACK if quiet is None else {**SLACK, "quiet_hours": quiet}
        graph = make(channels={"slack": channel})
        assert graph.named("alerts-to-slack-queue-age").inputs["threshold"] == seconds
    settings = json.loads(variables(graph, "alerts-to-slack-function")["CHANNEL"])
    assert settings["quiet_hours"] == {
        "time_zone": "Europe/Berlin",
        "start": "12:30",
        "end": "13:15",
        "days": ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"],
        "urgent_severities": ["critical"],
    }


def test_one_key_encrypts_queues_topic_history_and_logs() -> None:
    graph = make()
    key = graph.named("alerts-key").outputs["arn"]
    # That of the alarms' topic admits services of AWS that need the events of nobody else.
    assert [one.name for one in graph.of_type("aws:kms/key:Key")] == ["alerts-key", "alerts-alarms-key"]
    assert {one.inputs["kmsMasterKeyId"] for one in graph.of_type(QUEUE)} == {key}
    assert {one.inputs["kmsKeyArn"] for one in graph.of_type(FUNCTION)} == {key}
    assert graph.named("alerts-history").inputs["serverSideEncryption"] == {"enabled": True, "kmsKeyArn": key}
    assert graph.named("alerts-topic-topic").inputs["kmsMasterKeyId"] == key
    logs, sender = (statements(graph, "alerts-key-policy")[sid] for sid in ("CloudWatchLogs", "SenderSns"))
    prefix = "arn:aws:logs:eu-west-1:123456789012:log-group:"
    groups = [f"{prefix}{name}" for name in ("alerts-*-logs*", "/aws/vendedlogs/apigateway/*", "API-Gateway-Execution-Logs_*")]
    assert logs["Condition"] == {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}}
    assert sender["Principal"] == {"Service": ["sns.amazonaws.com"]}
    # Each log group is one that the key is for.
    names = [one.name for one in graph.of_type("aws:cloudwatch/logGroup:LogGroup") if "-api-access-" not in one.name]
    assert [name for name in names if not name.endswith(("-logs", "-log"))] == []
    given = make(kms_key_arn=KEY)
    assert [one.name for one in given.of_type("aws:kms/key:Key")] == ["alerts-alarms-key"]


def test_without_webhooks_there_is_no_api() -> None:
    graph = make(webhooks={}, api=None, channels={"slack": SLACK})
    assert graph.of_type("aws:apigateway/restApi:RestApi") == []
    assert graph.one("cloudpatterns:index:EventNotification").outputs["webhook_urls"] == {}


def test_subscribers_and_readers_of_the_history_get_what_they_need() -> None:
    seen: list[Any] = []

    def program() -> None:
        given: Any = {"channels": {"slack": SLACK}, "subscribers": {"failover": {}}}
        alerts = EventNotification("alerts", given)
        pulumi.Output.from_input([alerts.existing_queue("failover"), alerts.history_statements()]).apply(seen.extend)
        with pytest.raises(ArgumentError, match="is 'slack', which is not a subscriber; known are failover"):
            alerts.existing_queue("slack")

    graph = record(program, mode="deployed")
    queue, reads = seen
    key, table = graph.named("alerts-key").outputs["arn"], graph.named("alerts-history").outputs["arn"]
    assert queue == {
        "arn": graph.named("alerts-topic-failover-queue").outputs["arn"],
        "visibility_timeout_seconds": 180,
        "kms_key_arn": key,
    }
    assert {one["sid"]: one["resources"] for one in reads} == {"ReadHistory": [table, f"{table}/index/*"], "ReadHistoryKey": [key]}


@pytest.mark.parametrize(
    ("args", "path", "reason"),
    [
        ({"api": None}, "api", "is missing; webhooks needs it. Give it, or remove webhooks."),
        ({"webhooks": {}, "channels": {"slack": SLACK}}, "webhooks", "is missing; api needs it. Give it, or remove api."),
        ({"subscribers": {"slack": {}}}, "subscribers.slack", "is the name of a channel, which subscribes by it. Choose another name."),
        (
            {"webhooks": {"billing": BILLING, "cloudwatch": BILLING}},
            "webhooks.cloudwatch",
            "is the source of other events. Choose another name.",
        ),
        (
            {"channels": {"slack": {"kind": "slack"}}},
            "channels.slack.secret_arn",
            "is missing; a channel of the kind slack needs it. Give it.",
        ),
        (
            {"channels": {"mail": {**MAIL, "channel": "#operations"}}},
            "channels.mail.channel",
            "is given with the kind email, which does not use it. Remove it.",
        ),
        (
            {"channels": {"slack": {**SLACK, "api_url": "https://slack.example.com/api"}}},
            "channels.slack.channel",
            "is missing; api_url needs it: the bot token writes to a channel. Give it, or remove api_url.",
        ),
        (
            {"channels": {"slack": {**SLACK, "sources": ["invoices"]}}},
            "channels.slack.sources.0",
            "is 'invoices', which is not a source; known are billing, cloudwatch, text.",
        ),
        (
            {"channels": {"slack": {**SLACK, "quiet_hours": {**QUIET, "time_zone": "Berlin"}}}},
            "channels.slack.quiet_hours.time_zone",
            "is 'Berlin'; a name of the IANA database is needed, such as Europe/Berlin.",
        ),
        (
            {"channels": {"slack": {**SLACK, "quiet_hours": {**QUIET, "end": "22:00"}}}},
            "channels.slack.quiet_hours.end",
            "is 22:00, as start is. Choose another time, or remove quiet_hours.",
        ),
        (
            {"look_up": {}},
            "look_up.function",
            "exactly one of function, existing_function_arn and table is needed; none is given. Give one.",
        ),
        (
            {"look_up": {"function": {"image_uri": "image", "timeout_seconds": 41}}},
            "look_up.function.timeout_seconds",
            "is 41; a look-up is waited for at most 40 seconds. Lower it.",
        ),
        (
            {"look_up": {"function": {}}},
            "look_up.function.code",
            "exactly one of code and image_uri is needed; none is given. Give one.",
        ),
        (
            {"alarm_severities": {f"{number:0>100}": "error" for number in range(50)}},
            "alarm_severities",
            "takes 5650 bytes as settings of a function, and webhooks, alarm_severities, log_alarms together 5946; it has 3000 for them. "
            "Shorten it.",
        ),
        (
            {"channels": {"slack": {**SLACK, "secret_arn": "slack"}}},
            "channels.slack.secret_arn",
            "is [hidden]; must be the ARN of a secret such as arn:aws:secretsmanager:eu-west-1:123456789012:secret:slack-a1b2c3",
        ),
    ],
)
def test_what_cannot_be_created_is_refused(args: Any, path: str, reason: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        make(**args)
    assert caught.value.problems == [(path, reason)]


@pytest.mark.parametrize(
    ("args", "path", "reason"),
    [
        (
            {"subscribers": {"audit": {"filter_policy": {"severity": "critical"}}}},
            "subscribers.audit.filter_policy.severity",
            "is 'critical'; a field has a list of the values that match. Write ['critical'].",
        ),
        (
            {"webhooks": {"billing": BILLING}, "api": {**API, "firewall": {"count_rules": [{"rule": "x", "until": "2000-01-01"}]}}},
            "api.firewall.count_rules.0.rule",
            "is 'x', which is not a rule that blocks; those are ip-reputation, common, known-bad-inputs, sql-injection, rate-limit, "
            "cross-site-scripting.",
        ),
        (
            {"webhooks": {"billing": {**BILLING, "fields": {"id": "$.id"}}}, "api": API},
            "webhooks.billing.fields.id",
            "is '$.id'; must be a path in the body, without $., such as alert.severity or alerts.0.id",
        ),
    ],
)
def test_what_a_composed_component_refuses_is_told_at_the_argument_before_anything_is_there(args: Any, path: str, reason: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        EventNotification.check("alerts", {"channels": {"slack": SLACK}, **args})
    assert (path, reason) in caught.value.problems


@pytest.mark.parametrize(
    ("name", "channel", "child", "limit", "longest"),
    [
        ("a" * 28, "slack", "api-function-authorizer-role", 64, 27),
        ("a" * 18, "operations-of-the-shop", "to-operations-of-the-shop-function-role", 64, 16),
    ],
)
def test_a_name_that_is_too_long_for_a_child_is_refused(name: str, channel: str, child: str, limit: int, longest: int) -> None:
    given: Any = {"channels": {channel: SLACK}, "webhooks": {"billing": BILLING}, "api": API}
    with pytest.raises(ArgumentError) as caught:
        record(lambda: EventNotification(name, given))
    reason = (
        f"has {len(name)} characters; the child {name}-{child} would pass the {limit} characters that AWS allows. Give the component a "
        f"name of at most {longest} characters."
    )
    assert caught.value.problems == [("name", reason)]
