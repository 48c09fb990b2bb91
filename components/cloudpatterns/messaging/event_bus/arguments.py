"""Arguments of ``EventBus``."""

from typing import Annotated, Any, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.core import Choice, ExistingFunction, FunctionOptions, Matches
from cloudpatterns.core.vocabulary import (
    AlarmTopicArns,
    DeletionProtection,
    KmsKeyArn,
    LogRetentionDays,
    QueueArn,
    ShortNames,
    Tags,
    TopicArn,
)

MOST_TARGETS = 5
"""https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutTargets.html"""
_AccountId = Annotated[str, Matches(r"\d{12}", "the 12 digits of an account such as 123456789012")]
_Path = Annotated[str, Matches(r"\$(\.[^\s]+)?", "a JSON path such as $.detail.id")]


class EventBusQueue(TypedDict):
    """A new queue as a target, with its own dead-letter queue; a ``QueueWorker`` processes its events (``existing_queue``)."""

    visibility_timeout_seconds: NotRequired[Annotated[int, Field(default=180, ge=0, le=43_200)]]
    """How long an event that was received stays hidden: six times the timeout of the function that processes it."""
    max_receive_count: NotRequired[Annotated[int, Field(default=5, ge=1, le=1000)]]
    """Tries of an event, after which it goes to the queue's dead-letter queue."""
    message_retention_days: NotRequired[Annotated[int, Field(default=4, ge=1, le=13)]]
    """Days that an event waits at most."""
    alarm_age_seconds: NotRequired[Annotated[int, Field(ge=60, le=1_209_600)]]
    """Age of the oldest event in the queue above which an alarm is raised, for a service that polls it. Default: no such alarm, as a
    ``QueueWorker`` has one."""
    message_group_id: NotRequired[Annotated[str, Field(min_length=1, max_length=128)]]
    """Group of all events, for a FIFO queue that drops repeated ones by their content. Default: a standard queue."""


class ExistingEventQueue(TypedDict):
    """A queue that is there, whose policy lets ``events.amazonaws.com`` send for the rule, as its key's must."""

    arn: QueueArn
    """ARN of the queue."""
    message_group_id: NotRequired[Annotated[str, Field(min_length=1, max_length=128)]]
    """Group of all events. Needed with a FIFO queue."""


class EventBusStream(TypedDict):
    """A Kinesis data stream as a target."""

    arn: pulumi.Input[str]
    """ARN of the stream."""
    partition_key_path: NotRequired[_Path]
    """Path of the value that chooses the shard, such as ``$.detail.id``. Default: the event's id."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of the stream. Default: none."""


class EventBusTopic(TypedDict):
    """An SNS topic as a target, to which the rule publishes with a role."""

    arn: TopicArn
    """ARN of a standard topic."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of the topic. Default: none."""


class EventBusApi(TypedDict):
    """An HTTPS endpoint as a target, called with what a connection keeps of credentials."""

    connection_arn: pulumi.Input[str]
    """ARN of an EventBridge connection, which has the credentials in Secrets Manager."""
    endpoint: Annotated[pulumi.Input[str], Matches(r"https://[^\s]{1,2040}", "an HTTPS address such as https://api.example.com/orders")]
    """Address; each ``*`` is one of the target's path parameters."""
    http_method: NotRequired[Annotated[str, Choice("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"), Field(default="POST")]]
    """Method of the requests."""
    requests_per_second: NotRequired[Annotated[int, Field(default=10, ge=1, le=300)]]
    """Requests in a second at most; more events wait."""


class EventBusInput(TypedDict):
    """What a target gets instead of the whole event."""

    paths: NotRequired[Annotated[dict[str, _Path], Field(default={}, max_length=100)]]
    """Values of the event by the names that the template uses: ``{"order": "$.detail.id"}``."""
    template: Annotated[str, Field(min_length=1, max_length=8192)]
    """Text or JSON with names in angle brackets: ``{"order": <order>, "at": <aws.events.event.ingestion-time>}``."""


class EventBusTarget(TypedDict):
    """A target of a rule: exactly one of the kinds, with its retries and its dead-letter queue."""

    function: NotRequired[FunctionOptions]
    """A new function; what it fails to process is kept whole in the target's dead-letter queue. Exactly one of the kinds."""
    existing_function: NotRequired[ExistingFunction]
    """A function that is there, which keeps what it fails to process itself. Exactly one of the kinds."""
    queue: NotRequired[EventBusQueue]
    """A new queue. Exactly one of the kinds."""
    existing_queue: NotRequired[ExistingEventQueue]
    """A queue that is there. Exactly one of the kinds."""
    stream: NotRequired[EventBusStream]
    """A Kinesis data stream. Exactly one of the kinds."""
    state_machine_arn: NotRequired[pulumi.Input[str]]
    """A state machine of Step Functions, of which each event starts an execution. Exactly one of the kinds."""
    state_machine_kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of ``state_machine_arn``, such as ``kms_key_arn`` of a ``Workflow``: who starts an execution uses it. Default:
    the state machine has none."""
    topic: NotRequired[EventBusTopic]
    """An SNS topic. Exactly one of the kinds."""
    event_bus_arn: NotRequired[pulumi.Input[str]]
    """Another event bus, also of another account or Region, whose policy admits this account. Exactly one of the kinds."""
    api: NotRequired[EventBusApi]
    """An HTTPS endpoint. Exactly one of the kinds."""
    input: NotRequired[EventBusInput]
    """What the target gets. Default: the whole event."""
    maximum_retry_attempts: NotRequired[Annotated[int, Field(default=185, ge=0, le=185)]]
    """Retries of a delivery that failed for a reason that may pass."""
    maximum_event_age_seconds: NotRequired[Annotated[int, Field(default=86_400, ge=60, le=86_400)]]
    """Age at which an event that was not delivered goes to the dead-letter queue."""
    dead_letter_queue_arn: NotRequired[QueueArn]
    """A standard queue for what cannot be delivered, whose policy lets ``events.amazonaws.com`` send for the rule. Default: a new one."""


class EventBusRule(TypedDict):
    """Which events reach which targets."""

    event_pattern: dict[str, Any]
    """Events that match, as in EventBridge's JSON: ``{"source": ["shop"], "detail": {"total": [{"numeric": [">", 100]}]}}``."""
    targets: Annotated[dict[str, EventBusTarget], ShortNames, Field(min_length=1, max_length=MOST_TARGETS)]
    """Targets by a short name, which names their children."""
    description: NotRequired[Annotated[str, Field(max_length=512)]]
    """What the rule is for. Default: none."""
    state: NotRequired[
        Annotated[str, Choice("ENABLED", "DISABLED", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"), Field(default="ENABLED")]
    ]
    """Whether the rule works; events that arrive while it does not can be replayed from the archive."""


class ExistingEventBus(TypedDict):
    """An event bus of the account that somebody else deploys, or the default bus; it is not changed."""

    name: NotRequired[Annotated[str, Matches(r"[/.\-_A-Za-z0-9]{1,256}", "the name of an event bus such as default")]]
    """Name of the bus, ``default`` for the one that AWS services send to. Exactly one of ``name`` and ``arn``."""
    arn: NotRequired[pulumi.Input[str]]
    """ARN of the bus. Exactly one of ``name`` and ``arn``."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key that encrypts the bus. Default: none."""


class EventBusOptions(TypedDict):
    """What a user tunes of an ``EventBus``."""

    rules: NotRequired[Annotated[dict[str, EventBusRule], ShortNames, Field(default={}, max_length=100)]]
    """Rules by a short name, which names their children."""
    archive_retention_days: NotRequired[Annotated[int, Field(default=30, ge=0)]]
    """Days that events are archived, so that they can be replayed; 0: no archive."""
    archive_pattern: NotRequired[dict[str, Any]]
    """Events that are archived. Default: all."""
    bus_encryption: NotRequired[Annotated[str, Choice("customer_key", "aws_key"), Field(default="customer_key")]]
    """What a new bus is encrypted with: ``customer_key`` (the customer managed key) or ``aws_key`` (a key that AWS owns; schema discovery
    needs it)."""
    schema_discovery: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether EventBridge finds the schemas of the events; AWS refuses it for a bus under a customer managed key."""
    log_level: NotRequired[Annotated[str, Choice("OFF", "ERROR", "INFO", "TRACE"), Field(default="ERROR")]]
    """What the bus logs: ``OFF`` (nothing), ``ERROR`` (failures), ``INFO`` (and important steps) or ``TRACE`` (every step)."""
    log_detail: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether the logs hold the events themselves and what targets get."""
    log_retention_days: NotRequired[LogRetentionDays]
    """Days that the bus's log group keeps its events."""
    idempotency: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether there is a table for Powertools' idempotency, named in the variable ``IDEMPOTENCY_TABLE`` of the new functions: an event may
    arrive more than once."""
    deletion_protection: NotRequired[DeletionProtection]
    """Whether AWS refuses to delete the idempotency table."""


class EventBusArgs(EventBusOptions):
    """Arguments of ``EventBus``."""

    existing_bus: NotRequired[ExistingEventBus]
    """A bus that is there, for which rules and an archive are created. Default: a new bus."""
    publisher_account_ids: NotRequired[Annotated[list[_AccountId], Field(default=[])]]
    """Other accounts that may send events to the new bus."""
    organization_id: NotRequired[Annotated[str, Matches("o-[a-z0-9]{10,32}", "the id of an organization such as o-a1b2c3d4e5")]]
    """Organization whose accounts may all send events to the new bus. Default: only ``publisher_account_ids`` and this account."""
    publisher_sources: NotRequired[Annotated[list[str], Field(default=[])]]
    """Values of ``source`` that other accounts may send, so that they send none in this account's name."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of bus, archive, queues, functions and logs. Its policy must admit ``events.amazonaws.com``,
    ``delivery.logs.amazonaws.com`` and CloudWatch Logs. Default: a new key."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify of events in a dead-letter queue, of lost ones, and of failing functions."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some."""


KINDS = ("function", "existing_function", "queue", "existing_queue", "stream", "state_machine_arn", "topic", "event_bus_arn", "api")
"""The kinds of targets, of which a target has exactly one."""
