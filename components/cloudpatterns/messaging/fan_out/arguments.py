"""Arguments of ``FanOut``, and the rules over them."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, NotRequired, TypedDict

from pydantic import Field

from cloudpatterns.core import Choice, ExistingQueue, Matches, Problem, QueueSender, excludes, is_given, needs
from cloudpatterns.core.vocabulary import AlarmTopicArns, KmsKeyArn, LogRetentionDays, ShortNames, Tags, TopicArn
from cloudpatterns.messaging._patterns import pattern_problems

STANDARD_KIB = 256
"""Above it a topic takes SQS, Firehose and Lambda subscriptions alone, 100 at most.

https://docs.aws.amazon.com/sns/latest/dg/large-message-payloads.html
"""
_MOST_SUBSCRIBERS_OF_LARGE_MESSAGES = 100
_MOST_SUBSCRIBERS_OF_FIFO_TOPICS = 100
"""https://docs.aws.amazon.com/general/latest/gr/sns.html"""
# https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html
_MOST_FILTER_KEYS, _MOST_FILTER_COMBINATIONS = 5, 150
# What a new queue is given, so nothing for one that exists.
_OF_NEW_QUEUES = ("delay_seconds", "max_receive_count", "message_retention_days", "visibility_timeout_seconds", "alarm_age_seconds")
# What a new topic is given, so nothing for one that exists.
_OF_NEW_TOPICS = (
    *("content_based_deduplication", "delivery_logs", "fifo", "max_message_kib"),
    *("organization_id", "publisher_account_ids", "publishers"),
)

_AccountId = Annotated[str, Matches(r"\d{12}", "the 12 digits of an account such as 123456789012")]


class ExistingTopic(TypedDict):
    """An SNS topic of the account that somebody else deploys, and which is not changed."""

    arn: TopicArn
    """ARN of the topic."""
    fifo: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether it is a FIFO topic; then its ARN ends in ``.fifo``."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key that encrypts the topic; publishers need it. Default: none."""


class FanOutDeliveryLogs(TypedDict):
    """What SNS logs of deliveries to queues."""

    success_percent: NotRequired[Annotated[int, Field(default=0, ge=0, le=100)]]
    """Share of the successful deliveries that are logged, beside all that fail."""
    log_retention_days: NotRequired[LogRetentionDays]
    """Days that the two log groups keep their events."""


class FanOutSubscriber(TypedDict):
    """A subscriber of a topic: a queue, and which messages reach it."""

    existing_queue: NotRequired[ExistingQueue]
    """A queue that is there, whose policy must let ``sns.amazonaws.com`` send for the topic, as its key's must. Default: a new queue,
    with its dead-letter queue."""
    filter_policy: NotRequired[dict[str, Any]]
    """Which messages the subscriber gets: fields with lists of values and operators, as in SNS's JSON. Default: all messages."""
    filter_scope: NotRequired[Annotated[str, Choice("MessageAttributes", "MessageBody"), Field(default="MessageAttributes")]]
    """What the filter policy looks at: ``MessageAttributes`` or ``MessageBody`` (the message in JSON)."""
    raw_delivery: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether the queue gets the message itself, with at most 10 attributes, and not SNS's envelope around it."""
    visibility_timeout_seconds: NotRequired[Annotated[int, Field(default=180, ge=0, le=43_200)]]
    """How long a message that was received stays hidden: six times the timeout of the function that processes it."""
    max_receive_count: NotRequired[Annotated[int, Field(default=5, ge=1, le=1000)]]
    """Tries of a message, after which it goes to the queue's dead-letter queue."""
    message_retention_days: NotRequired[Annotated[int, Field(default=4, ge=1, le=13)]]
    """Days that a message waits at most."""
    delay_seconds: NotRequired[Annotated[int, Field(default=0, ge=0, le=900)]]
    """How long a new message stays hidden."""
    alarm_age_seconds: NotRequired[Annotated[int, Field(ge=60, le=1_209_600)]]
    """Age of the oldest message in the queue above which an alarm is raised, for a service that polls it. Default: no such alarm, as a
    ``QueueWorker`` has one."""


class FanOutOptions(TypedDict):
    """What a user tunes of a ``FanOut``."""

    subscribers: Annotated[
        dict[str, FanOutSubscriber],
        ShortNames,
        Field(min_length=1, max_length=200),
    ]
    """Subscribers by a short name, which names their queues: ``{"shipping": {}, "invoices": {"filter_policy": {"kind": ["paid"]}}}``."""
    fifo: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether topic and queues keep the order of the messages of a group, and drop repeated ones within five minutes."""
    content_based_deduplication: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether a FIFO topic takes messages with the same body for repeated ones; otherwise publishers give deduplication ids."""
    max_message_kib: NotRequired[Annotated[int, Field(default=STANDARD_KIB, ge=1, le=1024)]]
    """Size of a message at most, attributes included."""
    delivery_logs: NotRequired[FanOutDeliveryLogs]
    """Logs of deliveries to the queues, in two log groups whose names SNS gives. Default: no logs."""


class FanOutArgs(FanOutOptions):
    """Arguments of ``FanOut``."""

    existing_topic: NotRequired[ExistingTopic]
    """A topic that is there, whose policy and subscriptions of others stay as they are. Default: a new topic."""
    publishers: NotRequired[Annotated[list[QueueSender], Field(default=[])]]
    """Services of AWS that may publish to the new topic, each for one source, beside roles of the account (``publish_statements``)."""
    publisher_account_ids: NotRequired[
        Annotated[list[Annotated[str, Matches(r"\d{12}", "the 12 digits of an account")]], Field(default=[])]
    ]
    """Other accounts whose roles may publish to the new topic, by their own policies."""
    organization_id: NotRequired[Annotated[str, Matches("o-[a-z0-9]{10,32}", "the id of an organization such as o-a1b2c3d4e5")]]
    """Organization whose accounts may all publish to the new topic. Default: only ``publisher_account_ids`` and this account."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of topic, queues and logs. Its policy must admit ``sns.amazonaws.com``, the ``publishers`` and, with
    ``delivery_logs``, CloudWatch Logs. Default: a new key."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify of messages in a dead-letter queue, of old messages and of lost ones."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some."""


def is_fifo(checked: FanOutArgs) -> bool:
    """Whether the topic is a FIFO topic."""
    existing = checked.get("existing_topic")
    return checked["fifo"] if existing is None else existing["fifo"]


def child_names(checked: FanOutArgs) -> dict[str, int]:
    """Children whose names AWS limits, with ``.fifo`` behind those of a FIFO topic."""
    names = {} if checked.get("existing_topic") else {"topic": 251}
    if checked.get("delivery_logs"):
        names["logs-role"] = 64
    for subscriber, options in checked["subscribers"].items():
        names[f"{subscriber}-undelivered"] = 75
        if options.get("existing_queue") is None:
            names[f"{subscriber}-queue-dead-letters"] = 75
    return names


def problems(checked: FanOutArgs) -> Iterator[Problem]:
    """What is wrong with the arguments together."""
    yield from excludes(checked, "existing_topic", *_OF_NEW_TOPICS, why="the topic is there already")
    yield from needs(checked, "content_based_deduplication", "fifo")
    existing = checked.get("existing_topic")
    if existing and isinstance(existing["arn"], str) and existing["arn"].endswith(".fifo") != existing["fifo"]:
        fix = "Leave it out." if existing["fifo"] else "Set it to True."
        yield "existing_topic.fifo", f"is {existing['fifo']} with the topic {existing['arn']}; the ARN of a FIFO topic ends in .fifo. {fix}"
    count = len(checked["subscribers"])
    if checked["max_message_kib"] > STANDARD_KIB and count > _MOST_SUBSCRIBERS_OF_LARGE_MESSAGES:
        reason = f"has {count} entries; a topic of messages above {STANDARD_KIB} KiB has 100 subscriptions at most. Lower max_message_kib."
        yield "subscribers", reason
    if is_fifo(checked) and count > _MOST_SUBSCRIBERS_OF_FIFO_TOPICS:
        reason = f"has {count} entries; a FIFO topic has {_MOST_SUBSCRIBERS_OF_FIFO_TOPICS} subscriptions at most. Remove some."
        yield "subscribers", reason
    for name, subscriber in checked["subscribers"].items():
        yield from _subscriber_problems(subscriber, f"subscribers.{name}", checked)


def _subscriber_problems(subscriber: FanOutSubscriber, path: str, checked: FanOutArgs) -> Iterator[Problem]:
    yield from excludes(subscriber, "existing_queue", *_OF_NEW_QUEUES, path=f"{path}.", why="the queue is there already")
    if not subscriber["raw_delivery"] and checked["max_message_kib"] > STANDARD_KIB:
        reason = (
            f"is False with messages of {checked['max_message_kib']} KiB: the envelope around them can pass the 1024 KiB of a queue. "
            f"Set it to True, or max_message_kib to {STANDARD_KIB} or less."
        )
        yield f"{path}.raw_delivery", reason
    existing = subscriber.get("existing_queue")
    if existing and isinstance(existing["arn"], str) and existing["arn"].endswith(".fifo") != is_fifo(checked):
        kind, other = ("standard", "FIFO") if is_fifo(checked) else ("FIFO", "standard")
        yield f"{path}.existing_queue.arn", f"is a {kind} queue, and the topic is a {other} topic. Give a {other} queue."
    policy = subscriber.get("filter_policy")
    if policy is not None:
        yield from _filter_problems(policy, subscriber, f"{path}.filter_policy")
    elif is_given(subscriber, "filter_scope"):
        yield f"{path}.filter_policy", "is missing; filter_scope needs it. Give it, or remove filter_scope."


def _filter_problems(policy: Mapping[str, Any], subscriber: FanOutSubscriber, path: str) -> Iterator[Problem]:
    yield from pattern_problems(policy, path)
    keys, combinations = _size(policy)
    if keys > _MOST_FILTER_KEYS:
        yield path, f"has {keys} fields; a filter policy has at most {_MOST_FILTER_KEYS}. Remove some."
    if combinations > _MOST_FILTER_COMBINATIONS:
        reason = f"has {combinations} combinations of values; SNS takes {_MOST_FILTER_COMBINATIONS}. Use fewer values, or a prefix."
        yield path, reason
    if subscriber["filter_scope"] == "MessageAttributes":
        for field, value in policy.items():
            if isinstance(value, Mapping):
                reason = "has fields in it, and attributes have none. Set filter_scope to MessageBody, or name the attribute."
                yield f"{path}.{field}", reason


def _size(policy: Mapping[str, Any], depth: int = 1) -> tuple[int, int]:
    """Fields of a filter policy, and the product of their values, each times its depth, as SNS counts it."""
    keys, combinations = 0, 1
    for field, value in policy.items():
        if isinstance(value, Mapping):
            inner_keys, inner = _size(value, depth + 1)
        elif field == "$or" and isinstance(value, list | tuple):
            sizes = [_size(one, depth) for one in value if isinstance(one, Mapping)]
            inner_keys, inner = sum(size[0] for size in sizes), sum(size[1] for size in sizes)
        else:
            inner_keys, inner = 1, depth * max(1, len(value)) if isinstance(value, list | tuple) else 1
        keys, combinations = keys + inner_keys, combinations * inner
    return keys, combinations
