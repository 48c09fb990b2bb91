"""Arguments of ``EventNotification``, and the rules over them."""

import json
from collections.abc import Iterator
from typing import Annotated, Any, NotRequired, TypedDict
from zoneinfo import available_timezones

import pulumi
from pydantic import Field

from cloudpatterns.core import (
    Choice,
    FunctionOptions,
    Matches,
    Problem,
    Unique,
    excludes,
    function_problems,
    is_given,
    needs,
    one_of,
    part_problems,
    pick,
    unknown,
)
from cloudpatterns.core.vocabulary import (
    AlarmTopicArns,
    DeletionProtection,
    FunctionArn,
    KmsKeyArn,
    LogRetentionDays,
    RegionalWebAclArn,
    ShortNames,
    Tags,
    TopicArn,
)
from cloudpatterns.messaging import FanOut, FanOutSubscriber
from cloudpatterns.network import ApiDomainArgs, ApiGateway, ApiThrottle, WebApplicationFirewallOptions

SEVERITIES = ("critical", "error", "warning", "info")
"""PagerDuty's: https://developer.pagerduty.com/docs/send-alert-event"""
DAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
SLACK_URL = "https://slack.com/api/chat.postMessage"
PAGERDUTY_URL = "https://events.pagerduty.com/v2/enqueue"
# Environment variables of a function have 4 KB together. https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
_MOST_SETTINGS_BYTES = 3000
_ANY_FUNCTION_ARN = "arn:aws:lambda:eu-west-1:000000000000:function:events"
LOOK_UP_SECONDS = 40
"""How long the enriching function waits for a look-up."""
_LONGEST_NAME = 35
"""Of the component, whose children have roles."""
# What each kind of channel needs, and what else it takes.
_NEEDED = {
    "slack": ("secret_arn",),
    "mattermost": ("secret_arn",),
    "pagerduty": ("secret_arn",),
    "email": ("from_address", "to_addresses", "identity_arns"),
    "topic": ("topic_arn",),
}
_TAKEN = {
    "slack": ("secret_kms_key_arn", "channel", "api_url"),
    "mattermost": ("secret_kms_key_arn", "channel"),
    "pagerduty": ("secret_kms_key_arn", "api_url"),
    "email": ("configuration_set_name",),
    "topic": ("topic_kms_key_arn",),
}
_OF_KINDS = sorted({name for names in (*_NEEDED.values(), *_TAKEN.values()) for name in names})
_OF_SOURCES = ("cloudwatch", "text")

_Severity = Annotated[str, Choice(*SEVERITIES)]
_SecretArn = Annotated[
    pulumi.Input[str],
    Matches(
        r"arn:[^:]+:secretsmanager:[^:]+:\d{12}:secret:.+",
        "the ARN of a secret such as arn:aws:secretsmanager:eu-west-1:123456789012:secret:slack-a1b2c3",
    ),
]
_Time = Annotated[str, Matches(r"([01]\d|2[0-3]):[0-5]\d", "a time such as 22:00")]
_Path = Annotated[str, Matches(r"(?!\$\.)[^\s.]+(\.[^\s.]+)*", "a path in the body, without $., such as alert.severity or alerts.0.id")]
_Address = Annotated[str, Matches(r"[^\s@]+@[^\s@]+", "a mail address such as operations@example.com")]

_Sender = Annotated[str, Matches(r"[^\s@<>]+@[^\s@<>]+|[^<>]+ <[^\s@<>]+@[^\s@<>]+>", "an address such as Example <alerts@example.com>")]


class EventNotificationFields(TypedDict):
    """Where a source has what in its JSON, as paths such as ``alert.labels.severity``."""

    id: NotRequired[Annotated[_Path, Field(default="id")]]
    """Id of the event, by which repeated ones are recognised. Without it: that of the request, or a hash of what was signed."""
    severity: NotRequired[Annotated[_Path, Field(default="severity")]]
    """Severity, one of ``critical``, ``error``, ``warning`` and ``info``, or a word of ``severities``."""
    title: NotRequired[Annotated[_Path, Field(default="title")]]
    """What happened, in one line."""
    text: NotRequired[Annotated[_Path, Field(default="text")]]
    """What happened, in full."""
    key: NotRequired[Annotated[_Path, Field(default="key")]]
    """What the event is about. Events of one key are one incident of PagerDuty. Without it: the event's id."""
    state: NotRequired[Annotated[_Path, Field(default="state")]]
    """Whether it is over: one of ``resolved_states``."""


class EventNotificationWebhook(TypedDict):
    """A system that sends its events by webhook."""

    secret_arn: _SecretArn
    """Secret of the signatures, in Secrets Manager: a text of 16 characters or more, or JSON with a ``password``, as ``SecretsVault``
    generates it."""
    secret_kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of the secret. Default: it has AWS's own."""
    secret_overlap_hours: NotRequired[Annotated[int, Field(default=168, ge=0, le=8760)]]
    """How long after a rotation the secret before it is valid as well; 0 for not at all, such as after a leak."""
    scheme: NotRequired[Annotated[str, Choice("timestamp", "standard", "github"), Field(default="timestamp")]]
    """How requests are signed, with HMAC-SHA256: ``timestamp`` (header ``X-Signature: sha256=<hex>`` of ``<X-Timestamp>.<body>``),
    ``standard`` (Standard Webhooks) or ``github`` (``X-Hub-Signature-256``, of the body alone: a repeated request is recognised by its
    event alone)."""
    tolerance_seconds: NotRequired[Annotated[int, Field(default=300, ge=10, le=3600)]]
    """How old a signature may be, against replay."""
    fields: NotRequired[
        Annotated[
            EventNotificationFields,
            Field(default={name: name for name in ("id", "severity", "title", "text", "key", "state")}),
        ]
    ]
    """Where the body has what."""
    severities: NotRequired[Annotated[dict[str, _Severity], Field(default={}, max_length=50)]]
    """Severities of the source's own words: ``{"P1": "critical"}``."""
    severity: NotRequired[Annotated[str, Choice(*SEVERITIES), Field(default="error")]]
    """Severity of an event that says none that is known."""
    resolved_states: NotRequired[Annotated[list[str], Unique(), Field(default=["resolved", "ok", "closed"], max_length=20)]]
    """Words of ``fields.state`` that say that it is over."""


class EventNotificationApi(TypedDict):
    """The API that receives webhooks."""

    account_logging_role: Annotated[str, Choice("create", "existing")]
    """``create`` (the role by which API Gateway writes logs, in the settings of the account and Region) or ``existing`` (there is one)."""
    firewall: NotRequired[WebApplicationFirewallOptions]
    """A web ACL of its own, see ``WebApplicationFirewall``; ``{}`` has its defaults. It lets bodies of ``most_body_kib`` through. Default:
    none, or ``web_acl_arn``."""
    web_acl_arn: NotRequired[RegionalWebAclArn]
    """A regional AWS WAF web ACL that is there, instead of ``firewall``. With AWS's rule ``SizeRestrictions_BODY`` it refuses webhooks
    above 8 KB. Default: ``firewall``."""
    domain: NotRequired[ApiDomainArgs]
    """A custom domain name. Default: the API's own."""
    throttle: NotRequired[Annotated[ApiThrottle, Field(default={"rate_per_second": 50, "burst": 100})]]
    """Limit of the requests of all sources together."""


class EventNotificationLogAlarm(TypedDict):
    """An alarm on events of a log group, which is an event too."""

    log_group_name: pulumi.Input[str]
    """The log group."""
    filter_pattern: Annotated[str, Field(min_length=1, max_length=1024)]
    """Filter pattern of CloudWatch Logs for the events that count."""
    description: Annotated[str, Field(min_length=1, max_length=1000)]
    """What it means, and what to do."""
    threshold: NotRequired[Annotated[int, Field(default=0, ge=0, le=1_000_000)]]
    """Events in a period above which the alarm is raised."""
    period_seconds: NotRequired[Annotated[int, Choice(60, 300, 900, 3600), Field(default=60)]]
    """The period."""
    severity: NotRequired[Annotated[str, Choice(*SEVERITIES), Field(default="error")]]
    """Severity of the event."""


class EventNotificationLookUpTable(TypedDict):
    """A DynamoDB table with an item for each value of a field of the events, by which they are enriched."""

    table_arn: Annotated[
        pulumi.Input[str],
        Matches(
            r"arn:[^:]+:dynamodb:[^:]+:\d{12}:table/.+",
            "the ARN of a table such as arn:aws:dynamodb:eu-west-1:123456789012:table/services",
        ),
    ]
    """The table. Its items become the events' context; their attribute ``severity`` replaces the event's."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of the table. Default: it has AWS's own."""
    key: Annotated[str, Field(min_length=1, max_length=255)]
    """The table's partition key, a text; there is no sort key."""
    field: _Path
    """The field of the event: ``source``, ``key``, or one of its body such as ``details.host``."""


class EventNotificationLookUp(TypedDict):
    """What adds the business's own data to an event: a function, or a table."""

    function: NotRequired[FunctionOptions]
    """A new function. It gets ``{"event": {...}}`` and returns ``{"context": {...}, "severity": "critical"}``, each of which it may leave
    out, within 40 seconds. Exactly one of the three. Default: none."""
    existing_function_arn: NotRequired[FunctionArn]
    """A function that is there, of the account and Region. Exactly one of the three."""
    table: NotRequired[EventNotificationLookUpTable]
    """A table. Exactly one of the three."""
    required: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether an event whose look-up fails is parked. Otherwise it goes on without a context after three tries: a page is worth more."""


class EventNotificationQuietHours(TypedDict):
    """Hours of the day in which a channel's events wait, unless they are urgent."""

    time_zone: str
    """A name of the IANA database, such as ``Europe/Berlin``; summer time is followed."""
    start: _Time
    """When they begin."""
    end: _Time
    """When they end, on the next day where it is not later than ``start``."""
    days: NotRequired[Annotated[list[Annotated[str, Choice(*DAYS)]], Unique(), Field(default=[*DAYS], min_length=1)]]
    """Days on which they begin."""
    urgent_severities: NotRequired[Annotated[list[_Severity], Unique(), Field(default=["critical"])]]
    """Severities that do not wait."""


class EventNotificationChannel(TypedDict):
    """Where events are sent."""

    kind: Annotated[str, Choice("slack", "mattermost", "pagerduty", "email", "topic")]
    """``slack``, ``mattermost``, ``pagerduty`` (Events API v2), ``email`` (by SES) or ``topic`` (an SNS topic, with e-mail or other
    subscriptions)."""
    secret_arn: NotRequired[_SecretArn]
    """Secret in Secrets Manager, a text or JSON with ``password``: the URL of an incoming webhook (Slack, Mattermost), a bot token (Slack)
    or an integration key (PagerDuty). Needed for these three. Default: none, with the others."""
    secret_kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of the secret. Default: it has AWS's own."""
    channel: NotRequired[Annotated[str, Field(min_length=1, max_length=100)]]
    """Channel of Slack, needed with a bot token, or of Mattermost. Default: that of the incoming webhook."""
    api_url: NotRequired[Annotated[str, Matches(r"https://[^\s?#]+", "a URL such as https://events.eu.pagerduty.com/v2/enqueue")]]
    """Slack and PagerDuty only: another address of their API. Default: their general one."""
    from_address: NotRequired[_Sender]
    """Sender of mails, with a name where you like. Needed for ``email``. Default: none, with the others."""
    to_addresses: NotRequired[Annotated[list[_Address], Unique(), Field(max_length=50, min_length=1)]]
    """Recipients of mails. Needed for ``email``. Default: none, with the others."""
    identity_arns: NotRequired[
        Annotated[
            list[Annotated[pulumi.Input[str], Matches(r"arn:[^:]+:ses:[^:]+:\d{12}:identity/.+", "the ARN of an identity of SES")]],
            Field(min_length=1, max_length=20),
        ]
    ]
    """Verified identities of SES that mails are sent with: that of the sender and, in SES's sandbox, those of the recipients. Needed for
    ``email``. Default: none, with the others."""
    configuration_set_name: NotRequired[Annotated[str, Matches("[A-Za-z0-9_-]{1,64}", "the name of a configuration set")]]
    """Configuration set of SES. Default: none."""
    topic_arn: NotRequired[TopicArn]
    """The topic. Needed for ``topic``. Default: none, with the others."""
    topic_kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of the topic. Default: it has none."""
    severities: NotRequired[Annotated[list[_Severity], Unique(), Field(min_length=1)]]
    """Severities that are sent. Default: all."""
    sources: NotRequired[Annotated[list[str], Unique(), Field(min_length=1, max_length=30)]]
    """Sources that are sent: names of ``webhooks``, ``cloudwatch``, ``text`` or a source of EventBridge's events. Default: all."""
    quiet_hours: NotRequired[EventNotificationQuietHours]
    """When events wait. Default: never."""
    max_receive_count: NotRequired[Annotated[int, Field(default=10, ge=3, le=1000)]]
    """Tries of an event, ever longer apart, before it is parked; a wait in quiet hours or for a channel's limit is one too."""


class EventNotificationOptions(TypedDict):
    """What a user tunes of an ``EventNotification``."""

    channels: Annotated[dict[str, EventNotificationChannel], ShortNames, Field(min_length=1, max_length=20)]
    """Where events are sent, by a short name."""
    webhooks: NotRequired[Annotated[dict[str, EventNotificationWebhook], ShortNames, Field(default={}, max_length=12)]]
    """Systems that send webhooks, by a short name, the last part of their URL."""
    api: NotRequired[EventNotificationApi]
    """The API of the webhooks. Needed with ``webhooks``. Default: there is none."""
    log_alarms: NotRequired[Annotated[dict[str, EventNotificationLogAlarm], ShortNames, Field(default={}, max_length=40)]]
    """Alarms on logs, by a short name. Those of other components are events where ``alarm_topic_arn`` is among their alarm topics."""
    alarm_severity: NotRequired[Annotated[str, Choice(*SEVERITIES), Field(default="error")]]
    """Severity of an alarm."""
    alarm_severities: NotRequired[Annotated[dict[str, _Severity], Field(default={}, max_length=50)]]
    """Severities of alarms by the beginnings of their names, of which the longest counts."""
    event_severity: NotRequired[Annotated[str, Choice(*SEVERITIES), Field(default="warning")]]
    """Severity of an event of EventBridge, which rules send to ``alarm_topic_arn``."""
    look_up: NotRequired[EventNotificationLookUp]
    """What adds the business's own data. Default: nothing does."""
    subscribers: NotRequired[Annotated[dict[str, FanOutSubscriber], ShortNames, Field(default={}, max_length=50)]]
    """Other subscribers of the events, as a ``FanOut`` has them: attributes of a message are ``severity``, ``source`` and ``state``."""
    history_days: NotRequired[Annotated[int, Field(default=400, ge=15, le=3650)]]
    """Days that events stay in the history; parked ones live for 14."""
    most_body_kib: NotRequired[Annotated[int, Field(default=128, ge=1, le=200)]]
    """Size of a webhook's body at most."""
    max_receive_count: NotRequired[Annotated[int, Field(default=5, ge=3, le=1000)]]
    """Tries to enrich an event before it is parked."""
    deletion_protection: NotRequired[DeletionProtection]
    """Whether AWS refuses to delete the history."""
    log_retention_days: NotRequired[LogRetentionDays]
    """Days that log groups keep their events, which have ids and no contents."""


class EventNotificationArgs(EventNotificationOptions):
    """Arguments of ``EventNotification``."""

    kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of queues, topic, history, logs and environments. Its policy must admit CloudWatch Logs and
    ``sns.amazonaws.com``. Default: a new key."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify of parked and late events and of failing functions: another way to people than this system's own."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some."""


def channel_settings(channel: EventNotificationChannel) -> dict[str, Any]:
    """What the function of a channel reads of it from its environment."""
    kind, quiet = channel["kind"], channel.get("quiet_hours")
    found: dict[str, Any] = {"kind": kind}
    given_url = channel.get("api_url")
    if kind in ("slack", "pagerduty"):
        found["api_url"] = {"slack": SLACK_URL, "pagerduty": PAGERDUTY_URL}[kind] if given_url is None else given_url
    if kind == "email":
        found |= {"from": channel.get("from_address"), "to": channel.get("to_addresses")}
    if (name := channel.get("configuration_set_name")) is not None:
        found["configuration_set"] = name
    if (name := channel.get("channel")) is not None:
        found["channel"] = name
    return found if quiet is None else {**found, "quiet_hours": {**quiet}}


def source_settings(checked: EventNotificationArgs) -> dict[str, dict[str, Any]]:
    """What the enriching function reads of the webhooks' sources."""
    names = ("fields", "severities", "severity", "resolved_states")
    return {name: {key: webhook[key] for key in names} for name, webhook in checked["webhooks"].items()}


def quiet_window_seconds(channel: EventNotificationChannel) -> int:
    """How long an event of the channel waits at most in quiet hours."""
    quiet = channel.get("quiet_hours")
    if quiet is None:
        return 0
    start, end = (int(quiet[name][:2]) * 3600 + int(quiet[name][3:]) * 60 for name in ("start", "end"))
    return end - start if end > start else end - start + 86_400


def child_names(checked: EventNotificationArgs) -> dict[str, int]:
    """Children, and theirs, whose names AWS limits: messages of the components within would name another component."""
    names = {"alarms-undelivered": 75, "events-queue-dead-letters": 75, "events-function-role": 64, "look-up-role": 64}
    if checked.get("api") is not None:
        names["api-function-authorizer-role"] = 64
    for key in checked["channels"]:
        names |= {f"to-{key}-function-role": 64, f"topic-{key}-queue-dead-letters": 75}
    return names | {f"topic-{key}-queue-dead-letters": 75 for key in checked["subscribers"]}


def problems(checked: EventNotificationArgs) -> Iterator[Problem]:
    """What is wrong with the arguments together."""
    yield from needs(checked, "webhooks", "api")
    yield from needs(checked, "api", "webhooks")
    if (api := checked.get("api")) is not None:
        yield from excludes(api, "firewall", "web_acl_arn", path="api.", why="a stage has one web ACL")
    for name in sorted(checked["channels"].keys() & checked["subscribers"].keys()):
        yield f"subscribers.{name}", "is the name of a channel, which subscribes by it. Choose another name."
    for name in sorted(set(_OF_SOURCES) & checked["webhooks"].keys()):
        yield f"webhooks.{name}", "is the source of other events. Choose another name."
    for name, channel in checked["channels"].items():
        yield from _channel_problems(channel, f"channels.{name}", checked)
    if (look_up := checked.get("look_up")) is not None:
        yield from one_of(look_up, "function", "existing_function_arn", "table", path="look_up.")
        if (function := look_up.get("function")) is not None:
            yield from function_problems(function, "look_up.function")
            if function["timeout_seconds"] > LOOK_UP_SECONDS:
                reason = f"is {function['timeout_seconds']}; a look-up is waited for at most {LOOK_UP_SECONDS} seconds. Lower it."
                yield "look_up.function.timeout_seconds", reason
    yield from _size_problems(checked)
    yield from _part_problems(checked)


def _part_problems(checked: EventNotificationArgs) -> Iterator[Problem]:
    """What the composed components would refuse: when the first of them exists it is too late. Ids of others are made up."""
    if subscribers := checked["subscribers"]:
        yield from part_problems(FanOut, "topic", {"subscribers": subscribers}, {})
    if (api := checked.get("api")) is not None:
        route: Any = {"function_arn": _ANY_FUNCTION_ARN, "authorizer": "signed"}
        gateway: Any = {
            "kind": "rest",
            "authorizers": {"signed": {"function": {"function_arn": _ANY_FUNCTION_ARN}}},
            "routes": {"POST /events/{source}": route},
            **pick(api, "account_logging_role", "throttle", "firewall", "web_acl_arn", "domain"),
        }
        own = [*excludes(api, "firewall", "web_acl_arn")]
        yield from () if own else part_problems(ApiGateway, "api", gateway, {"": "api"})


def _channel_problems(channel: EventNotificationChannel, path: str, checked: EventNotificationArgs) -> Iterator[Problem]:
    kind = channel["kind"]
    for name in _NEEDED[kind]:
        if not is_given(channel, name):
            yield f"{path}.{name}", f"is missing; a channel of the kind {kind} needs it. Give it."
    for name in _OF_KINDS:
        if is_given(channel, name) and name not in (*_NEEDED[kind], *_TAKEN[kind]):
            yield f"{path}.{name}", f"is given with the kind {kind}, which does not use it. Remove it."
    if kind == "slack":
        yield from needs(channel, "api_url", "channel", path=f"{path}.", why="the bot token writes to a channel")
    sources = channel.get("sources")
    for index, source in enumerate(() if sources is None else sources):
        if source not in (*checked["webhooks"], *_OF_SOURCES) and "." not in source:
            yield f"{path}.sources.{index}", unknown(source, "a source", [*checked["webhooks"], *_OF_SOURCES])
    quiet = channel.get("quiet_hours")
    if quiet is None:
        return
    zones = available_timezones()
    if zones and quiet["time_zone"] not in zones:
        reason = f"is {quiet['time_zone']!r}; a name of the IANA database is needed, such as Europe/Berlin."
        yield f"{path}.quiet_hours.time_zone", reason
    if quiet["start"] == quiet["end"]:
        yield f"{path}.quiet_hours.end", f"is {quiet['end']}, as start is. Choose another time, or remove quiet_hours."


def _size_problems(checked: EventNotificationArgs) -> Iterator[Problem]:
    """The enriching function reads all of them from its environment."""
    alarms = {f"{'-' * _LONGEST_NAME}-log-{name}-": one["severity"] for name, one in checked["log_alarms"].items()}
    settings = {"webhooks": source_settings(checked), "alarm_severities": checked["alarm_severities"], "log_alarms": alarms}
    sizes = {name: len(json.dumps(value)) for name, value in settings.items()}
    if sum(sizes.values()) > _MOST_SETTINGS_BYTES:
        largest = max(sizes, key=lambda name: sizes[name])
        reason = (
            f"takes {sizes[largest]} bytes as settings of a function, and {', '.join(sizes)} together {sum(sizes.values())}; it has "
            f"{_MOST_SETTINGS_BYTES} for them. Shorten it."
        )
        yield largest, reason
