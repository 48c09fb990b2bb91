"""Arguments of ``PriorityQueue``, and the rules over them."""

from collections.abc import Iterator
from typing import Annotated, NotRequired, TypedDict

from pydantic import Field

from cloudpatterns.blocks import MOST_WITHOUT_WINDOW, function_names
from cloudpatterns.core import (
    ExistingFunction,
    ExistingQueue,
    FunctionOptions,
    Matches,
    Problem,
    QueueSender,
    excludes,
    function_problems,
    is_given,
)
from cloudpatterns.core.vocabulary import SHORT_NAME, SHORT_NAME_WORDS, AlarmTopicArns, DeletionProtection, KmsKeyArn, Tags
from cloudpatterns.messaging._service import MOST_QUEUES, WorkerServiceArgs, WorkerServiceOptions, service_names, service_problems
from cloudpatterns.messaging.queue_worker.arguments import VISIBILITY_FACTOR

SETTINGS_VARIABLE = "PRIORITY_SETTINGS_PARAMETER"
"""Environment variable with the name of the parameter that has the settings of the poller."""
LEAST_CONCURRENCY = 2
"""Of an event source: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html"""
SERVICE_VISIBILITY_SECONDS = 60
"""The priority poller extends it while a handler runs."""
# What a function is given, so nothing for a service that polls by itself.
_OF_FUNCTIONS = ("batch_size", "batching_window_seconds", "maximum_concurrency")


class QueuePriority(TypedDict):
    """One priority: its queue, and its share of the work."""

    name: Annotated[str, Matches(SHORT_NAME, f"{SHORT_NAME_WORDS}, such as urgent")]
    """Name of the priority, which names its queue."""
    maximum_concurrency: NotRequired[Annotated[int, Field(ge=LEAST_CONCURRENCY, le=1000)]]
    """Invocations for this queue at the same time at most, which no other queue takes from it. All queues have it or none. Default: worked
    out from the ``maximum_concurrency`` of all: 80 % for the highest, 80 % of the rest for the next, and at least 2 for each."""
    function: NotRequired[FunctionOptions]
    """A function for this queue alone. Default: ``existing_function``, or the ``function`` of all queues."""
    existing_function: NotRequired[ExistingFunction]
    """A function that is there, for this queue alone. Default: the ``function`` or ``existing_function`` of all queues."""
    existing_queue: NotRequired[ExistingQueue]
    """A queue that is there. Default: a new one, with its dead-letter queue."""
    senders: NotRequired[Annotated[list[QueueSender], Field(default=[])]]
    """Services of AWS that may send to the queue, beside roles of the account (``send_statements``)."""
    alarm_age_seconds: NotRequired[Annotated[int, Field(default=900, ge=60, le=1_209_600)]]
    """Age of the oldest message above which the alarm is raised, of a queue that is there too: who processes its messages has it."""


class PriorityQueueOptions(WorkerServiceOptions):
    """What a user tunes of a ``PriorityQueue``."""

    priorities: Annotated[list[QueuePriority], Field(min_length=2)]
    """The priorities, the highest first, at least two."""
    function: NotRequired[FunctionOptions]
    """The function that processes the messages of all queues that have none of their own. Default: ``existing_function``, or, where no
    queue has a function, a service that polls the queues by itself."""
    maximum_concurrency: NotRequired[Annotated[int, Field(default=10, ge=2 * LEAST_CONCURRENCY, le=1000)]]
    """Invocations at the same time at most, of all queues together, shared as ``priorities`` says."""
    batch_size: NotRequired[Annotated[int, Field(default=10, ge=1, le=10_000)]]
    """Messages of one invocation at most; more than 10 need ``batching_window_seconds``."""
    batching_window_seconds: NotRequired[Annotated[int, Field(default=0, ge=0, le=300)]]
    """How long Lambda waits for a batch to fill."""
    share_every: NotRequired[Annotated[int, Field(default=10, ge=2, le=1000)]]
    """Where a service polls: among so many receives at least one is for each lower queue that has messages. At least twice the lower
    queues."""
    max_receive_count: NotRequired[Annotated[int, Field(default=5, ge=1, le=1000)]]
    """Tries of a message, after which it goes to the dead-letter queue of its queue."""
    visibility_timeout_seconds: NotRequired[Annotated[int, Field(ge=1, le=43_200)]]
    """How long a message that was received stays hidden. Default: six times the function's timeout, and the batching window; 60 where a
    service polls."""
    message_retention_days: NotRequired[Annotated[int, Field(default=4, ge=1, le=13)]]
    """Days that a message waits at most; the dead-letter queues keep messages for 14 days after they were sent."""
    max_message_kib: NotRequired[Annotated[int, Field(default=1024, ge=1, le=1024)]]
    """Size of a message at most; SNS delivers 256."""
    idempotency: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether each new function has a table for Powertools' idempotency, named in its environment variable ``IDEMPOTENCY_TABLE``."""
    deletion_protection: NotRequired[DeletionProtection]
    """Whether AWS refuses to delete the idempotency tables."""


class PriorityQueueArgs(PriorityQueueOptions, WorkerServiceArgs):
    """Arguments of ``PriorityQueue``."""

    existing_function: NotRequired[ExistingFunction]
    """A function that is there, for all queues that have none of their own. It gets batches, and must name the failed messages
    (``batchItemFailures``). Default: ``function``."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of the queues, the tables, the logs and the environments. Its policy must admit CloudWatch Logs, and the
    services in ``senders``. Default: a new key."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify, for each queue, of messages in its dead-letter queue and of old messages, and of failing functions."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some."""


def worked_out(total: int, queues: int) -> list[int]:
    """The shares of ``queues`` in ``total``, the highest first: 80 % of what is left for each, the rest for the last, each at least 2."""
    if queues == 1:
        return [total]
    lower = max(LEAST_CONCURRENCY * (queues - 1), total // 5)
    return [total - lower, *worked_out(lower, queues - 1)]


def shares(checked: PriorityQueueArgs) -> dict[str, int]:
    """Concurrent invocations of each queue by its name, given or worked out."""
    given = {priority["name"]: priority.get("maximum_concurrency") for priority in checked["priorities"]}
    computed = worked_out(checked["maximum_concurrency"], len(given))
    return {name: own if share is None else share for (name, share), own in zip(given.items(), computed, strict=True)}


def has_own_function(priority: QueuePriority) -> bool:
    """Whether a queue has a function for itself alone."""
    return priority.get("function") is not None or priority.get("existing_function") is not None


def timeout_of(checked: PriorityQueueArgs, priority: QueuePriority) -> int | None:
    """The timeout of a queue's function, None where a service polls."""
    for holder in (priority, checked):
        for name in ("function", "existing_function"):
            if (function := holder.get(name)) is not None:
                return function["timeout_seconds"]
    return None


def visibility_of(checked: PriorityQueueArgs, priority: QueuePriority) -> int:
    """The visibility timeout of a queue, given or worked out."""
    existing, given = priority.get("existing_queue"), checked.get("visibility_timeout_seconds")
    if existing is not None:
        return existing["visibility_timeout_seconds"]
    return (_least_visibility(checked, priority) or SERVICE_VISIBILITY_SECONDS) if given is None else given


def _least_visibility(checked: PriorityQueueArgs, priority: QueuePriority) -> int:
    timeout = timeout_of(checked, priority)
    return 0 if timeout is None else VISIBILITY_FACTOR * timeout + checked["batching_window_seconds"]


def child_names(checked: PriorityQueueArgs) -> dict[str, int]:
    """Children whose names AWS limits."""
    limits = {**function_names(checked.get("function"), "function"), **service_names(checked)}
    for priority in checked["priorities"]:
        if priority.get("existing_queue") is None:
            limits |= {f"{priority['name']}-queue": 80, f"{priority['name']}-queue-dead-letters": 80}
        limits |= function_names(priority.get("function"), f"{priority['name']}-function")
    return limits


def problems(checked: PriorityQueueArgs) -> Iterator[Problem]:
    """What is wrong with the arguments together."""
    yield from excludes(checked, "function", "existing_function")
    if function := checked.get("function"):
        yield from function_problems(function)
    names: set[str] = set()
    for number, priority in enumerate(checked["priorities"]):
        path = f"priorities.{number}."
        if priority["name"] in names:
            yield f"{path}name", f"is {priority['name']!r} a second time; each priority has a name of its own. Choose another."
        names.add(priority["name"])
        yield from excludes(priority, "function", "existing_function", path=path)
        yield from excludes(priority, "existing_queue", "senders", path=path, why="the queue is there already")
        if own := priority.get("function"):
            yield from function_problems(own, f"{path}function")
        yield from _visibility_problems(checked, number)
        yield from _queue_problems(checked, number)
    yield from _share_problems(checked)
    yield from _consumer_problems(checked)
    yield from service_problems(checked, [SETTINGS_VARIABLE])
    if checked.get("service") is not None:
        if any(has_own_function(priority) for priority in checked["priorities"]):
            yield "service", "polls all queues, and some have a function. Remove the functions, or service."
        if (count := len(checked["priorities"])) > MOST_QUEUES:
            reason = f"has {count} entries; a service follows the backlog of {MOST_QUEUES} queues at most. Remove some, or service."
            yield "priorities", reason


def _queue_problems(checked: PriorityQueueArgs, number: int) -> Iterator[Problem]:
    existing, path = checked["priorities"][number].get("existing_queue"), f"priorities.{number}.existing_queue.arn"
    arn = None if existing is None else existing["arn"]
    if not isinstance(arn, str):
        return
    others = [one["existing_queue"]["arn"] for one in checked["priorities"][:number] if one.get("existing_queue") is not None]
    if arn in others:
        yield path, f"is {arn} a second time; each priority has a queue of its own. Name another."
    if arn.endswith(".fifo"):
        yield path, f"is {arn}, a FIFO queue; priorities would break the order of its messages. Name a standard queue."


def _consumer_problems(checked: PriorityQueueArgs) -> Iterator[Problem]:
    common = checked.get("function") is not None or checked.get("existing_function") is not None
    own = [has_own_function(priority) for priority in checked["priorities"]]
    if common and all(own):
        name = "function" if checked.get("function") is not None else "existing_function"
        yield name, "is for queues without a function of their own, and each has one. Leave it out."
    if common or any(own):
        if is_given(checked, "share_every"):
            yield "share_every", "is for a service that polls the queues, and functions read them. Leave it out."
        for number, priority in enumerate(checked["priorities"]):
            if timeout_of(checked, priority) is None:
                reason = "is missing, while other queues have a function. Give it, or the function of all queues."
                yield f"priorities.{number}.function", reason
        size, window = checked["batch_size"], checked["batching_window_seconds"]
        if size > MOST_WITHOUT_WINDOW and not window:
            reason = f"is {size}; more than {MOST_WITHOUT_WINDOW} messages need a batching window. "
            yield "batch_size", f"{reason}Set batching_window_seconds to 1 or more."
        return
    for name in _OF_FUNCTIONS:
        if is_given(checked, name):
            yield name, "is for a function, and none is given. Give function or existing_function, or leave it out."
    # The poller refuses less: the highest queue would get fewer receives than the lower ones together.
    least = 2 * (len(own) - 1)
    if checked["share_every"] < least:
        yield (
            "share_every",
            f"is {checked['share_every']}; with {len(own)} queues at least {least}, twice the lower ones, is needed. Raise it.",
        )


def _visibility_problems(checked: PriorityQueueArgs, number: int) -> Iterator[Problem]:
    priority = checked["priorities"][number]
    least, visibility = _least_visibility(checked, priority), visibility_of(checked, priority)
    if visibility < least:
        path = "visibility_timeout_seconds"
        if priority.get("existing_queue") is not None:
            path = f"priorities.{number}.existing_queue.{path}"
        reason = f"is {visibility}; six times the timeout of the function of {priority['name']}"
        window = f" and the batching window of {checked['batching_window_seconds']}" if checked["batching_window_seconds"] else ""
        yield path, f"{reason}, {timeout_of(checked, priority)} seconds,{window} are {least}. Raise it."


def _share_problems(checked: PriorityQueueArgs) -> Iterator[Problem]:
    priorities, total = checked["priorities"], checked["maximum_concurrency"]
    given = [priority.get("maximum_concurrency") for priority in priorities]
    if any(share is not None for share in given):
        for number, share in enumerate(given):
            if share is None:
                reason = "is missing; other queues have it. Give it to all queues, or to none."
                yield f"priorities.{number}.maximum_concurrency", reason
        if is_given(checked, "maximum_concurrency"):
            yield "maximum_concurrency", "excludes the maximum_concurrency of queues; both are given. Remove one of them."
    elif total < LEAST_CONCURRENCY * len(given):
        reason = f"is {total}; {len(given)} queues need at least {LEAST_CONCURRENCY} each, {LEAST_CONCURRENCY * len(given)}. Raise it."
        yield "maximum_concurrency", reason
    concurrency = shares(checked)
    common = sum(concurrency[priority["name"]] for priority in priorities if not has_own_function(priority))
    yield from _reserved_problems(checked.get("function"), "function", common)
    for number, priority in enumerate(priorities):
        yield from _reserved_problems(priority.get("function"), f"priorities.{number}.function", concurrency[priority["name"]])


def _reserved_problems(function: FunctionOptions | None, path: str, concurrency: int) -> Iterator[Problem]:
    reserved = None if function is None else function.get("reserved_concurrency")
    if reserved is not None and reserved < concurrency:
        reason = (
            f"is {reserved}, below the {concurrency} invocations that its queues may have together: messages would be throttled into the "
            "dead-letter queue, those of lower queues too. Leave it out, or raise it."
        )
        yield f"{path}.reserved_concurrency", reason
