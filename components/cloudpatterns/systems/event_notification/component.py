"""Webhooks and alarms that become events with a history, and reach people by their channels.

Pattern: "Event notification" (Common AWS System Design Patterns, design 2).
"""

import json
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import (
    Metric,
    Sender,
    alarm,
    alarm_topic,
    create_key,
    dead_letter_queue,
    item_statements,
    logs_statement,
    pattern_options,
    queue_policy,
    refuse_plain_requests,
    schema_table,
    send_statements,
    sender_statements,
    throttled_alarm,
    user_function,
)
from cloudpatterns.core import (
    Component,
    ExistingQueue,
    FunctionOptions,
    Statement,
    WorkloadStatementArgs,
    after,
    as_arguments,
    by_name,
    pick,
    table_schema,
)
from cloudpatterns.messaging import FanOut, QueueWorker
from cloudpatterns.network import ApiGateway
from cloudpatterns.systems.event_notification.arguments import (
    LOOK_UP_SECONDS,
    EventNotificationApi,
    EventNotificationArgs,
    EventNotificationChannel,
    channel_settings,
    child_names,
    problems,
    quiet_window_seconds,
    source_settings,
)

_CODE = Path(__file__).parent / "on_aws"
_SNS = "sns.amazonaws.com"
_NAMESPACE = "CloudPatterns/EventNotification"
_ENRICH_SECONDS, _NOTIFY_SECONDS, _WEBHOOK_SECONDS = LOOK_UP_SECONDS + 20, 60, 20
_VISIBILITY_FACTOR = 6
"""https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html"""
_LATE_SECONDS = 900
_BODY_RULE, _FIREWALL_BODY_KIB = "common/SizeRestrictions_BODY", 8
"""https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-baseline.html"""


class EventNotification(Component):
    """Events of other systems, enriched and kept, in Slack, PagerDuty, Mattermost and mail (Common AWS System Design Patterns, design 2).

    Webhooks (``webhook_urls``) are verified by the HMAC of their raw body. Alarms on logs, and the alarms and rules of other components
    that have ``alarm_topic_arn`` among their alarm topics, are events too. All wait in a queue; a function adds what ``look_up`` knows,
    keeps the event in the history for ``history_days`` and publishes it to a topic, to which each channel subscribes with a queue, a
    filter and a function that has the right to its own secret alone.

    An event reaches a channel once: repeated webhooks, deliveries and replays are recognised by its id, and the history has an entry of
    each channel. What failed is parked in dead-letter queues, and replayed by ``aws sqs start-message-move-task``, see
    ``docs/operations.md``.

    **Use when**: alarms and events of several systems must reach people by their channels, with a history, and context that the senders
    have not.

    **Not when**: one mail for each alarm is enough (``alarm_email_addresses`` of a stack), or programs alone react (``EventBus``).

    **Cost drivers**: three keys at most, pollers of the queues, requests, the history; nothing of it grows with idle time.

    **Trade-offs**: a page is some seconds later than by SNS alone. Where the answer of Slack, Mattermost or SES is lost, the message is
    sent again; PagerDuty recognises it. Quiet hours hold events in the queue, so the alarm on late ones of such a channel waits as long.

    **Proven by**: controls ``queue-dead-letters``, ``subscription-dead-letters``, ``api-definition-authorized``, ``alarm-actions``;
    ``test_event_notification.py``, ``test_event_notification_on_aws.py``, and ``test_event_notification_channels.py``, which sends events
    to stand-ins of the channels that refuse, limit and break off.
    """

    webhook_urls: pulumi.Output[dict[str, str]]
    """URL of each source of webhooks, for ``POST``."""
    alarm_topic_arn: pulumi.Output[str]
    """The topic for ``alarm_topic_arns`` of other components: their alarms and events become events."""
    topic_arn: pulumi.Output[str]
    """The topic of the enriched events."""
    history_table_name: pulumi.Output[str]
    """Table of the events (``part`` is ``event``) and of what became of them in each channel (``channel:<name>``), by ``id``; the index
    ``by-source`` has the events of a source by their time (``at``)."""
    history_table_arn: pulumi.Output[str]
    """ARN of that table."""
    queue_arn: pulumi.Output[str]
    """ARN of the queue of messages that are not enriched yet."""
    dead_letter_queue_arns: pulumi.Output[dict[str, str]]
    """ARNs of the queues with what failed: ``events`` before, the others after it was enriched, by channel and subscriber."""
    kms_key_arn: pulumi.Output[str]
    """The key of queues, topic, history, logs and environments."""

    def __init__(self, name: str, args: EventNotificationArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._checked = checked = self.begin(name, args, opts, problems=problems, names=child_names)
        self.kms_key_arn = self._key(name)
        self._table(name)
        self._fan_out = self._published(name)
        self.topic_arn = self._fan_out.topic_arn
        alarms_arn = alarm_topic(self, f"{name}-alarms", tags=checked["tags"])
        events = self._events(name, alarms_arn)
        self.queue_arn = events.queue_arn
        self.alarm_topic_arn = after(alarms_arn, self._subscription(name, alarms_arn, events))
        self._log_alarms(name)
        for key, channel in checked["channels"].items():
            self._channel(f"{name}-to-{key}", key, channel)
        api = checked.get("api")
        urls = {} if api is None else self._webhooks(name, api, events)
        self.webhook_urls = by_name(urls)
        new = [key for key, one in checked["subscribers"].items() if one.get("existing_queue") is None]
        dead = {key: self._fan_out.dead_letter_queue_arn(key) for key in (*checked["channels"], *new)}
        self.dead_letter_queue_arns = by_name({"events": events.dead_letter_queue_arn, **dead})
        self.register()

    def existing_queue(self, subscriber: str) -> ExistingQueue:
        """The queue of one of ``subscribers`` as the ``existing_queue`` of the ``QueueWorker`` that processes its events."""
        self.lookup(self._checked["subscribers"], subscriber, "subscriber", "a subscriber")
        return self._fan_out.existing_queue(subscriber)

    def history_statements(self) -> list[WorkloadStatementArgs]:
        """What a role needs to read the history."""
        actions, indexes = ["dynamodb:GetItem", "dynamodb:Query"], pulumi.Output.concat(self.history_table_arn, "/index/*")
        return as_arguments(
            [
                Statement(sid="ReadHistory", actions=actions, resources=[self.history_table_arn, indexes]),
                Statement(sid="ReadHistoryKey", actions=["kms:Decrypt"], resources=[self.kms_key_arn]),
            ]
        )

    def _key(self, name: str) -> pulumi.Output[str]:
        given = self._checked.get("kms_key_arn")
        if given is not None:
            return pulumi.Output.from_input(given)

        def statements(key_arn: pulumi.Output[str]) -> list[Statement]:
            groups = (f"{name}-*-logs*", "/aws/vendedlogs/apigateway/*", "API-Gateway-Execution-Logs_*")
            return [logs_statement(key_arn, *groups), *sender_statements(key_arn, [_SNS])]

        return create_key(self, f"{name}-key", f"Events, history, logs and environments of {name}", statements, tags=self._checked["tags"])

    def _table(self, name: str) -> None:
        checked = self._checked
        by_source: Any = {"by-source": {"partition_key": {"name": "source", "type": "S"}, "sort_key": {"name": "at", "type": "S"}}}
        schema = table_schema({"name": "id", "type": "S"}, {"name": "part", "type": "S"}, by_source, "expires_at")
        protected = checked["deletion_protection"]
        table = schema_table(
            self, f"{name}-history", schema, kms_key_arn=self.kms_key_arn, deletion_protection=protected, tags=checked["tags"]
        )
        refuse_plain_requests(self, f"{name}-history-policy", table)
        self.history_table_name, self.history_table_arn = table.name, table.arn
        if topics := checked["alarm_topic_arns"]:
            description = f"DynamoDB throttles the history of {name} in each of five minutes: events are late"
            throttled_alarm(self, f"{name}-history-throttled", description, table.name, actions=topics, tags=checked["tags"])

    def _published(self, name: str) -> FanOut:
        """The topic of the enriched events, with a queue for each channel and subscriber."""
        checked = self._checked
        channels: dict[str, Any] = {key: _subscriber(channel) for key, channel in checked["channels"].items()}
        return FanOut(
            f"{name}-topic",
            {
                "subscribers": {**channels, **checked["subscribers"]},
                "kms_key_arn": self.kms_key_arn,
                "alarm_topic_arns": checked["alarm_topic_arns"],
                "tags": checked["tags"],
            },
            self.child(),
        )

    def _events(self, name: str, alarms_arn: pulumi.Output[str]) -> QueueWorker:
        """The queue of messages, and the function that makes events of them."""
        checked = self._checked
        history = item_statements(self.history_table_arn, self.kms_key_arn, sid="History")
        environment: dict[str, pulumi.Input[str]] = {
            "HISTORY_TABLE": self.history_table_name,
            "HISTORY_DAYS": str(checked["history_days"]),
            "TOPIC_ARN": self.topic_arn,
            "SOURCES": json.dumps(source_settings(checked)),
            "ALARM_SEVERITY": checked["alarm_severity"],
            "ALARM_SEVERITIES": json.dumps(self._alarm_severities(name)),
            "EVENT_SEVERITY": checked["event_severity"],
        }
        look_up, rights = self._look_up(name)
        function = self._function("enrich", {**environment, **look_up}, [*history, *rights], _ENRICH_SECONDS)
        function["statements"] = [*function["statements"], *self._fan_out.publish_statements()]
        worker = QueueWorker(
            f"{name}-events",
            {
                "function": function,
                # A look-up that hangs holds back no other event, and its try ends before the invocation does.
                **({} if checked.get("look_up") is None else {"batch_size": 1}),
                "idempotency": False,
                "max_receive_count": checked["max_receive_count"],
                "senders": [{"service": _SNS, "source_arn": alarms_arn}],
                "kms_key_arn": self.kms_key_arn,
                "alarm_topic_arns": checked["alarm_topic_arns"],
                "tags": checked["tags"],
            },
            self.child(),
        )
        self._failing_alarm(f"{name}-events", worker, f"Events of {name} cannot be enriched and published, and are tried again")
        return worker

    def _failing_alarm(self, child_name: str, worker: QueueWorker, description: str) -> None:
        """An alarm on failures that last, long before the first message is parked."""
        if topics := self._checked["alarm_topic_arns"]:
            alarm(
                self,
                f"{child_name}-failing",
                f"{description}: the log of {child_name}-function says why",
                Metric(_NAMESPACE, "Failures", {"Function": worker.function_name}, "Sum"),
                0,
                period_seconds=300,
                periods=3,
                datapoints=2,
                actions=topics,
                tags=self._checked["tags"],
            )

    def _alarm_severities(self, name: str) -> dict[str, str]:
        # An alarm's name begins with that of its resource.
        own = {f"{name}-log-{key}-": one["severity"] for key, one in self._checked["log_alarms"].items()}
        return {**own, **self._checked["alarm_severities"]}

    def _look_up(self, name: str) -> tuple[dict[str, pulumi.Input[str]], list[Statement]]:
        """Variables and rights of the enriching function for its look-up."""
        checked, look_up = self._checked, self._checked.get("look_up")
        if look_up is None:
            return {}, []
        required = {"LOOK_UP_REQUIRED": str(look_up["required"]).lower()}
        if (given := look_up.get("table")) is not None:
            key_arn = given.get("kms_key_arn")
            variables = {"LOOK_UP_TABLE": given["table_arn"], "LOOK_UP_KEY": given["key"], "LOOK_UP_FIELD": given["field"]}
            read = Statement(sid="LookUp", actions=["dynamodb:GetItem"], resources=[given["table_arn"]])
            key = [] if key_arn is None else [Statement(sid="LookUpKey", actions=["kms:Decrypt"], resources=[key_arn])]
            return {**variables, **required}, [read, *key]
        arn = look_up.get("existing_function_arn")
        if arn is None:
            arn = user_function(
                self,
                f"{name}-look-up",
                look_up.get("function"),
                description=f"Adds to the events of {name}",
                statements=[],
                kms_key_arn=self.kms_key_arn,
                alarm_topic_arns=checked["alarm_topic_arns"],
                tags=checked["tags"],
            ).arn
        return {"LOOK_UP_FUNCTION": arn, **required}, [Statement(sid="LookUp", actions=["lambda:InvokeFunction"], resources=[arn])]

    def _subscription(self, name: str, alarms_arn: pulumi.Output[str], events: QueueWorker) -> aws.sns.TopicSubscription:
        """Alarms in the queue of messages; what SNS cannot deliver stays in a queue of its own."""
        checked = self._checked
        lost = dead_letter_queue(
            self,
            f"{name}-alarms-undelivered",
            self.kms_key_arn,
            None,
            checked["alarm_topic_arns"],
            checked["tags"],
            what="Alarms",
        )
        lost_arn = after(lost.arn, queue_policy(self, f"{name}-alarms-undelivered-policy", lost, [Sender(_SNS, alarms_arn)]))
        return aws.sns.TopicSubscription(
            f"{name}-alarms-subscription",
            topic=alarms_arn,
            protocol="sqs",
            endpoint=events.queue_arn,
            raw_message_delivery=True,
            redrive_policy=pulumi.Output.json_dumps({"deadLetterTargetArn": lost_arn}),
            opts=self.child(),
        )

    def _log_alarms(self, name: str) -> None:
        """Alarms on logs, raised when somebody listens."""
        for key, given in self._checked["log_alarms"].items():
            # Another stack in the account and Region may have a component of the same name.
            metric = Metric(_NAMESPACE, f"{pulumi.get_project()}-{pulumi.get_stack()}-{name}-{key}", {}, "Sum")
            aws.cloudwatch.LogMetricFilter(
                f"{name}-log-{key}-events",
                log_group_name=given["log_group_name"],
                pattern=given["filter_pattern"],
                metric_transformation={"namespace": metric.namespace, "name": metric.name, "value": "1", "default_value": "0"},
                opts=self.child(),
            )
            alarm(
                self,
                f"{name}-log-{key}",
                given["description"],
                metric,
                given["threshold"],
                period_seconds=given["period_seconds"],
                actions=[self.alarm_topic_arn],
                tags=self._checked["tags"],
            )

    def _channel(self, child_name: str, key: str, channel: EventNotificationChannel) -> None:
        """The function of a channel, which processes its queue."""
        checked, queue = self._checked, self._fan_out.existing_queue(key)
        environment: dict[str, pulumi.Input[str]] = {
            "HISTORY_TABLE": self.history_table_name,
            "HISTORY_DAYS": str(checked["history_days"]),
            "CHANNEL_NAME": key,
            "CHANNEL": json.dumps(channel_settings(channel)),
        }
        if (secret_arn := channel.get("secret_arn")) is not None:
            environment["SECRET_ARN"] = secret_arn
        if (topic_arn := channel.get("topic_arn")) is not None:
            environment["TARGET_TOPIC_ARN"] = topic_arn
        rights = [*item_statements(self.history_table_arn, self.kms_key_arn, sid="History"), *_channel_statements(channel)]
        worker = QueueWorker(
            child_name,
            {
                "function": self._function("notify", environment, rights, _NOTIFY_SECONDS),
                "existing_queue": queue,
                # A channel that asks to wait holds back no more than that.
                "batch_size": 1,
                "maximum_concurrency": 2,
                "idempotency": False,
                "alarm_age_seconds": _LATE_SECONDS + quiet_window_seconds(channel),
                "kms_key_arn": self.kms_key_arn,
                "alarm_topic_arns": checked["alarm_topic_arns"],
                "tags": checked["tags"],
            },
            self.child(),
        )
        self._failing_alarm(child_name, worker, f"The channel {key} does not take events, which are tried again")

    def _webhooks(self, name: str, api: EventNotificationApi, events: QueueWorker) -> dict[str, pulumi.Output[str]]:
        """The API; URLs of the sources by their names."""
        checked, webhooks = self._checked, self._checked["webhooks"]
        settings = ("scheme", "tolerance_seconds", "secret_overlap_hours", "secret_arn")
        sources = pulumi.Output.json_dumps({key: {one: hook[one] for one in settings} for key, hook in webhooks.items()})
        statements = send_statements(events.queue_arn, self.kms_key_arn)
        keys = [key for hook in webhooks.values() if (key := hook.get("secret_kms_key_arn")) is not None]
        statements += _secret_statements([hook["secret_arn"] for hook in webhooks.values()], list(dict.fromkeys(keys)))
        environment: dict[str, pulumi.Input[str]] = {"SOURCES": sources, "QUEUE_URL": events.queue_url}
        environment["MOST_BODY_BYTES"] = str(checked["most_body_kib"] * 1024)
        receive = self._function("webhook", environment, statements, _WEBHOOK_SECONDS)
        authorize: FunctionOptions = {
            **self._function("webhook", {"SOURCES": sources}, [], _WEBHOOK_SECONDS),
            "handler": "index.authorize",
        }
        gateway = ApiGateway(
            f"{name}-api",
            {
                "kind": "rest",
                "account_logging_role": api["account_logging_role"],
                "functions": {"webhook": receive, "authorizer": authorize},
                # It sees no body: the function verifies the signature.
                "authorizers": {"signed": {"function": {"function": "authorizer", "identity_sources": ["header.Host"]}}},
                "routes": {"POST /events/{source}": {"function": "webhook", "authorizer": "signed"}},
                # The body arrives byte by byte, in base64: the signature is that of the bytes.
                "binary_media_types": ["*/*"],
                "throttle": api["throttle"],
                "tracing": False,
                "log_retention_days": checked["log_retention_days"],
                "kms_key_arn": self.kms_key_arn,
                "alarm_topic_arns": checked["alarm_topic_arns"],
                "tags": checked["tags"],
                **pick(api, "web_acl_arn", "domain"),
                **({} if api.get("firewall") is None else {"firewall": _firewall(api.get("firewall"), checked["most_body_kib"])}),
            },
            self.child(),
        )
        return {key: pulumi.Output.concat(gateway.invoke_url, "/events/", key) for key in webhooks}

    def _function(
        self, folder: str, environment: dict[str, pulumi.Input[str]], statements: list[Statement], timeout_seconds: int
    ) -> FunctionOptions:
        return {
            **pattern_options(_CODE / folder, self._checked["log_retention_days"], timeout_seconds=timeout_seconds),
            "runtime_library": False,
            "environment": environment,
            "statements": as_arguments(statements),
        }


def _firewall(options: Any, most_body_kib: int) -> Any:
    """The firewall, which lets through what the function takes: AWS's rules refuse bodies above 8 KB."""
    rules = [entry["rule"] for entry in (*options["exceptions"], *options["count_rules"])]
    if most_body_kib <= _FIREWALL_BODY_KIB or _BODY_RULE in rules:
        return pick(options, *options)
    exception = {"rule": _BODY_RULE, "reason": f"the function takes {most_body_kib} KiB that are signed"}
    return {**pick(options, *options), "exceptions": [*options["exceptions"], exception]}


def _subscriber(channel: EventNotificationChannel) -> dict[str, Any]:
    """A channel as a subscriber of the topic."""
    given = {"severity": channel.get("severities"), "source": channel.get("sources")}
    policy = {name: values for name, values in given.items() if values is not None}
    return {
        "visibility_timeout_seconds": _VISIBILITY_FACTOR * _NOTIFY_SECONDS,
        "max_receive_count": channel["max_receive_count"],
        **({"filter_policy": policy} if policy else {}),
    }


def _secret_statements(arns: list[pulumi.Input[str]], key_arns: list[pulumi.Input[str]]) -> list[Statement]:
    """What a function needs to read secrets, by way of Secrets Manager alone."""
    via = {"StringLike": {"kms:ViaService": "secretsmanager.*.amazonaws.com"}}
    use = [Statement(sid="ReadSecretKey", actions=["kms:Decrypt"], resources=key_arns, conditions=via)] if key_arns else []
    return [Statement(sid="ReadSecret", actions=["secretsmanager:GetSecretValue"], resources=arns), *use]


def _channel_statements(channel: EventNotificationChannel) -> list[Statement]:
    """What the function of a channel may do beside its history and queue."""
    if (secret_arn := channel.get("secret_arn")) is not None:
        key_arn = channel.get("secret_kms_key_arn")
        return _secret_statements([secret_arn], [] if key_arn is None else [key_arn])
    if (topic_arn := channel.get("topic_arn")) is not None:
        key_arn = channel.get("topic_kms_key_arn")
        publish = Statement(sid="Publish", actions=["sns:Publish"], resources=[topic_arn])
        use = Statement(sid="PublishKey", actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[key_arn]) if key_arn else None
        return [publish, *([use] if use else [])]
    identities = channel.get("identity_arns")
    name = channel.get("configuration_set_name")
    assert identities, "a channel of mails has identities"
    sets = [] if name is None else [_configuration_set(identities[0], name)]
    # Without the name of the sender, which is a key of its own.
    only = {"StringEquals": {"ses:FromAddress": [str(channel.get("from_address")).rpartition("<")[2].rstrip(">")]}}
    return [Statement(sid="Mail", actions=["ses:SendEmail"], resources=[*identities, *sets], conditions=only)]


def _configuration_set(identity_arn: pulumi.Input[str], name: str) -> pulumi.Output[str]:
    prefix = pulumi.Output.from_input(identity_arn).apply(lambda arn: arn.partition(":identity/")[0])
    return pulumi.Output.concat(prefix, ":configuration-set/", name)
