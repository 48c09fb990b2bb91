"""Arguments of ``QueueWorker``, and the rules over them."""

from collections.abc import Iterator
from typing import Annotated, NotRequired

from pydantic import Field

from cloudpatterns.blocks import MOST_WITHOUT_WINDOW, function_names
from cloudpatterns.core import (
    ExistingFunction,
    ExistingQueue,
    FunctionOptions,
    Problem,
    QueueSender,
    excludes,
    function_problems,
    is_given,
    needs,
)
from cloudpatterns.core.vocabulary import AlarmTopicArns, DeletionProtection, KmsKeyArn, QueueArn, Tags
from cloudpatterns.messaging._service import WorkerServiceArgs, WorkerServiceOptions, service_names, service_problems

VISIBILITY_FACTOR = 6
"""How many times a function's timeout a message stays hidden: time to try a throttled batch again.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
"""
_MOST_VISIBILITY_SECONDS = 43_200
_FIFO_BATCH = 10
# What a new queue is given, so nothing for one that exists.
_OF_NEW_QUEUES = (
    *("fifo", "content_based_deduplication", "delay_seconds", "dead_letter_queue_arn"),
    *("max_message_kib", "max_receive_count", "message_retention_days", "senders", "visibility_timeout_seconds"),
)
# What a function is given, so nothing for a service that polls by itself.
_OF_FUNCTIONS = ("batch_size", "batching_window_seconds", "maximum_concurrency")


class QueueWorkerOptions(WorkerServiceOptions):
    """What a user tunes of a ``QueueWorker``."""

    function: NotRequired[FunctionOptions]
    """The function that processes the messages. Default: ``existing_function``, ``service``, or servers of yours that poll the queue."""
    batch_size: NotRequired[Annotated[int, Field(default=10, ge=1, le=10_000)]]
    """Messages of one invocation at most; more than 10 need ``batching_window_seconds``, and FIFO queues allow 10."""
    batching_window_seconds: NotRequired[Annotated[int, Field(default=0, ge=0, le=300)]]
    """How long Lambda waits for a batch to fill; not for FIFO queues."""
    maximum_concurrency: NotRequired[Annotated[int, Field(default=10, ge=2, le=1000)]]
    """Invocations at the same time at most."""
    max_receive_count: NotRequired[Annotated[int, Field(default=5, ge=1, le=1000)]]
    """Tries of a message, after which it goes to the dead-letter queue."""
    visibility_timeout_seconds: NotRequired[Annotated[int, Field(ge=0, le=_MOST_VISIBILITY_SECONDS)]]
    """How long a message that was received stays hidden. Default: six times the function's timeout, and the batching window; needed
    where a service polls the queue."""
    message_retention_days: NotRequired[Annotated[int, Field(default=4, ge=1, le=13)]]
    """Days that a message waits at most; the dead-letter queue keeps messages for 14 days after they were sent."""
    max_message_kib: NotRequired[Annotated[int, Field(default=1024, ge=1, le=1024)]]
    """Size of a message at most; SNS delivers 256."""
    delay_seconds: NotRequired[Annotated[int, Field(default=0, ge=0, le=900)]]
    """How long a new message stays hidden."""
    fifo: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether the messages of a group are processed in order, and repeated sends within five minutes are dropped. The function stops at
    the first message that fails and names those after it too (Powertools' ``SqsFifoPartialProcessor``): else they overtake it."""
    content_based_deduplication: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether a FIFO queue takes messages with the same body for repeated ones; otherwise senders give deduplication ids."""
    idempotency: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether there is a table for Powertools' idempotency, named in the function's environment variable ``IDEMPOTENCY_TABLE``: SQS
    delivers a message more than once."""
    deletion_protection: NotRequired[DeletionProtection]
    """Whether AWS refuses to delete the idempotency table."""
    alarm_age_seconds: NotRequired[Annotated[int, Field(default=900, ge=60, le=1_209_600)]]
    """Age of the oldest message above which the alarm is raised, of a queue that is there too: who processes its messages has it."""


class QueueWorkerArgs(QueueWorkerOptions, WorkerServiceArgs):
    """Arguments of ``QueueWorker``."""

    existing_function: NotRequired[ExistingFunction]
    """A function that is there. It gets batches, and must name the failed messages (``batchItemFailures``). Default: ``function``, or a
    service that polls the queue."""
    existing_queue: NotRequired[ExistingQueue]
    """A queue that is there. Default: a new one, with its dead-letter queue."""
    dead_letter_queue_arn: NotRequired[QueueArn]
    """A dead-letter queue that is there, of the same kind; it must allow redrive from the new queue. Default: a new one."""
    senders: NotRequired[Annotated[list[QueueSender], Field(default=[])]]
    """Services of AWS that may send to the queue, beside roles of the account (``send_statements``)."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of the queues, the table, the logs and the environment. Its policy must admit CloudWatch Logs, and the
    services in ``senders``. Default: a new key."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify of messages in the dead-letter queue, of old messages and of a failing function."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some."""


def timeout_of(checked: QueueWorkerArgs) -> int | None:
    """The timeout of the function, None where a service polls the queue."""
    function, existing = checked.get("function"), checked.get("existing_function")
    if function is not None:
        return function["timeout_seconds"]
    return None if existing is None else existing["timeout_seconds"]


def visibility_of(checked: QueueWorkerArgs) -> int:
    """The visibility timeout of the queue, given or worked out."""
    existing, given = checked.get("existing_queue"), checked.get("visibility_timeout_seconds")
    if existing is not None:
        return existing["visibility_timeout_seconds"]
    return least_visibility(checked) if given is None else given


def least_visibility(checked: QueueWorkerArgs) -> int:
    """The shortest visibility timeout under which no message is processed twice because its function is slow; 0 without a function."""
    timeout = timeout_of(checked)
    return 0 if timeout is None else VISIBILITY_FACTOR * timeout + checked["batching_window_seconds"]


def is_fifo(checked: QueueWorkerArgs) -> bool:
    """Whether the queue is a FIFO queue, as far as a preview knows."""
    existing = checked.get("existing_queue")
    if existing is None:
        return checked["fifo"]
    return isinstance(existing["arn"], str) and existing["arn"].endswith(".fifo")


def child_names(checked: QueueWorkerArgs) -> dict[str, int]:
    """Children whose names AWS limits."""
    queues = {} if checked.get("existing_queue") else {"queue": 75, "queue-dead-letters": 75}
    return {**queues, **function_names(checked.get("function"), "function"), **service_names(checked)}


def problems(checked: QueueWorkerArgs) -> Iterator[Problem]:
    """What is wrong with the arguments together."""
    yield from excludes(checked, "function", "existing_function")
    yield from excludes(checked, "existing_queue", *_OF_NEW_QUEUES, why="the queue is there already")
    if checked.get("function") is None and checked.get("service") is None:
        yield from excludes(checked, "existing_queue", "kms_key_arn", why="without function or service there is nothing to encrypt")
    yield from service_problems(checked, ["QUEUE_URL"])
    yield from needs(checked, "content_based_deduplication", "fifo")
    yield from _kind_problems(checked)
    if function := checked.get("function"):
        yield from function_problems(function)
    if timeout_of(checked) is None:
        yield from _without_function(checked)
    else:
        yield from _batch_problems(checked)
        yield from _visibility_problems(checked)
        yield from _concurrency_problems(checked)


def _kind_problems(checked: QueueWorkerArgs) -> Iterator[Problem]:
    arn, fifo = checked.get("dead_letter_queue_arn"), checked["fifo"]
    if isinstance(arn, str) and arn.endswith(".fifo") != fifo:
        own, other = ("FIFO", "standard") if fifo else ("standard", "FIFO")
        yield "dead_letter_queue_arn", f"is {arn}, a {other} queue; that of a {own} queue is a {own} queue. Give one."


def _without_function(checked: QueueWorkerArgs) -> Iterator[Problem]:
    for name in _OF_FUNCTIONS:
        if is_given(checked, name):
            yield name, "is for a function, and none is given. Give function or existing_function, or leave it out."
    if checked.get("existing_queue") is None and checked.get("visibility_timeout_seconds") is None:
        reason = "is missing; without a function a service polls the queue. Give the longest time that it needs for a message."
        yield "visibility_timeout_seconds", reason


def _batch_problems(checked: QueueWorkerArgs) -> Iterator[Problem]:
    size, window = checked["batch_size"], checked["batching_window_seconds"]
    if is_fifo(checked):
        if size > _FIFO_BATCH:
            yield "batch_size", f"is {size}; the batches of a FIFO queue have at most {_FIFO_BATCH} messages. Lower it."
        if window:
            yield "batching_window_seconds", f"is {window}; FIFO queues have no batching window. Leave it out."
    elif size > MOST_WITHOUT_WINDOW and not window:
        reason = f"is {size}; more than {MOST_WITHOUT_WINDOW} messages need a batching window. Set batching_window_seconds to 1 or more."
        yield "batch_size", reason


def _visibility_problems(checked: QueueWorkerArgs) -> Iterator[Problem]:
    least, visibility, timeout = least_visibility(checked), visibility_of(checked), timeout_of(checked)
    if visibility < least:
        path = "existing_queue.visibility_timeout_seconds" if checked.get("existing_queue") else "visibility_timeout_seconds"
        window = f" and the batching window of {checked['batching_window_seconds']}" if checked["batching_window_seconds"] else ""
        reason = f"is {visibility}; six times the function's timeout of {timeout} seconds{window} are {least}. Raise it."
        yield path, reason


def _concurrency_problems(checked: QueueWorkerArgs) -> Iterator[Problem]:
    function = checked.get("function")
    reserved = function.get("reserved_concurrency") if function else None
    if reserved is not None and reserved < checked["maximum_concurrency"]:
        reason = (
            f"is {reserved}, below maximum_concurrency ({checked['maximum_concurrency']}): messages would be throttled into the "
            "dead-letter queue. Leave it out, or lower maximum_concurrency."
        )
        yield "function.reserved_concurrency", reason
