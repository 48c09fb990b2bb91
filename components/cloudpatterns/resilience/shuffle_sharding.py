"""A queue for each worker, a few workers for each customer, and the map that says which.

Pattern: "Shuffle sharding" (Web Application Hosting in the AWS Cloud; Amazon Builders' Library).
"""

import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
from pydantic import Field

from cloudpatterns.blocks import (
    UserFunction,
    create_key,
    function_names,
    logs_statement,
    queue_source,
    receive_statements,
    runtime_module,
    send_statements,
    user_function,
    work_queue,
)
from cloudpatterns.blocks.work_queue import DAY_SECONDS, QUEUE_NAME_LENGTH, queue_url
from cloudpatterns.core import (
    Component,
    ExistingFunction,
    ExistingQueue,
    FunctionOptions,
    Keys,
    Matches,
    Problem,
    Statement,
    WorkloadStatementArgs,
    as_arguments,
    by_name,
    excludes,
    function_problems,
    is_given,
)
from cloudpatterns.core.vocabulary import AlarmTopicArns, KmsKeyArn, Tags
from cloudpatterns.messaging.queue_worker.arguments import VISIBILITY_FACTOR

# The same module that senders import: both sides agree by construction.
_sharding = runtime_module("sharding")
_MOST_WORKERS = 32
"""So many fit into a parameter of 8 KiB, with the URLs of their queues."""
_OF_FUNCTIONS = ("batch_size", "maximum_concurrency")


class ShardWorkerArgs(TypedDict):
    """A worker: who takes the messages of one queue."""

    zone: NotRequired[Annotated[str, Matches(r"[a-z]{2}(-[a-z0-9]+)+", "an Availability Zone such as eu-west-1a")]]
    """Availability Zone of the worker, for all workers or for none: a customer's workers then stand in different zones. Default: none."""
    draining: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether the worker gets no new messages: it is out of the map, and its customers have another one. Remove it when its queue is empty:
    a queue is deleted with what is in it."""
    existing_queue: NotRequired[ExistingQueue]
    """The worker's queue, where there is one already; a standard queue. Default: a new one, with its dead-letter queue."""


class ShuffleShardingOptions(TypedDict):
    """What a user tunes of a ``ShuffleSharding``."""

    shard_size: NotRequired[Annotated[int, Field(default=2, ge=2, le=16)]]
    """Workers of each customer."""
    most_overlap_probability: NotRequired[Annotated[float, Field(default=0.01, ge=0.000_000_001, le=1)]]
    """The bound: how likely two customers share all of their workers at most. It is 1 in the number of shards; too few workers for it are
    refused."""
    seed: NotRequired[Annotated[str, Field(min_length=1, max_length=64)]]
    """Part of the map; another one moves all customers. Default: the component's name."""
    function: NotRequired[FunctionOptions]
    """The function that processes the messages, with a share of its concurrency for each worker's queue. Default: ``existing_function``, or
    services that poll the queues by themselves."""
    batch_size: NotRequired[Annotated[int, Field(default=10, ge=1, le=10)]]
    """Messages of one invocation at most."""
    maximum_concurrency: NotRequired[Annotated[int, Field(default=2, ge=2, le=1000)]]
    """Invocations at the same time at most, for each worker."""
    max_receive_count: NotRequired[Annotated[int, Field(default=5, ge=1, le=1000)]]
    """Tries of a message, after which it goes to the dead-letter queue of its worker."""
    visibility_timeout_seconds: NotRequired[Annotated[int, Field(ge=1, le=43_200)]]
    """How long a message that was received stays hidden. Default: six times the function's timeout; needed where services poll."""
    message_retention_days: NotRequired[Annotated[int, Field(default=4, ge=1, le=13)]]
    """Days that a message waits at most; dead-letter queues keep messages for 14 days after they were sent."""
    alarm_age_seconds: NotRequired[Annotated[int, Field(default=900, ge=60, le=1_209_600)]]
    """Age of the oldest message of a worker above which the alarm is raised."""


class ShuffleShardingArgs(ShuffleShardingOptions):
    """Arguments of ``ShuffleSharding``."""

    workers: Annotated[
        dict[str, ShardWorkerArgs],
        Keys("[a-z0-9]([a-z0-9-]{0,14}[a-z0-9])?", "1 to 16 lower-case letters, digits and hyphens, none at the ends"),
        Field(min_length=2, max_length=_MOST_WORKERS),
    ]
    """Workers by their names. A new one moves only the customers that it gets, each by one worker."""
    existing_function: NotRequired[ExistingFunction]
    """A function that is there. It gets batches, and must name the failed messages (``batchItemFailures``). Default: ``function``, or
    services that poll the queues by themselves."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of the new queues, the function's logs and its environment. Its policy must admit CloudWatch Logs. Default: a
    new key."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify of messages in a dead-letter queue, of old messages and of a failing function."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some."""


class ShuffleSharding(Component):
    """A queue for each worker, and a map that gives each customer a few of them (AWS, "Shuffle sharding").

    A customer whose messages overload or crash its workers has all workers of another customer with probability
    ``overlap_probability`` only, which never exceeds ``most_overlap_probability``; everybody else has a worker left. Senders read the map
    from ``shard_map_parameter_name`` and use ``ShardedQueues`` of the runtime library, which sends each message to the shortest queue of
    the customer's shard; their role needs ``send_statements``. Workers are invocations of ``function``, a share of them for each queue, or
    services of yours that poll one queue each (``receive_statements``).

    **Use when**: many customers share workers, and one of them can harm the workers that it uses.

    **Not when**: customers are few enough for workers of their own, or a message must be processed by one certain worker.

    **Cost drivers**: a queue with two alarms and, with a function, pollers for each worker; the requests by which senders ask for lengths.

    **Trade-offs**: each customer is limited to the capacity of ``shard_size`` workers. More workers make the bound smaller and the share of
    each worker as well. Messages of a customer are processed in no order.

    **Proven by**: controls ``queue-dead-letters``, ``sqs-encrypted``, ``queue-visibility-retries``; ``test_shuffle_sharding.py``,
    and ``test_sharding.py`` of the library, which holds the bound to simulations.
    """

    shard_map: pulumi.Output[str]
    """The map as JSON, with the URL of each worker's queue, for ``ShardedQueues.from_json``."""
    shard_map_parameter_name: pulumi.Output[str]
    """Name of the SSM parameter with the map, available after the queues' policies."""
    shard_map_parameter_arn: pulumi.Output[str]
    """ARN of the SSM parameter with the map."""
    overlap_probability: pulumi.Output[float]
    """How likely two customers share all of their workers; with zones of different sizes, at most."""
    queue_urls_by_worker: pulumi.Output[dict[str, str]]
    """URL of each worker's queue, available after its policy."""
    queue_arns_by_worker: pulumi.Output[dict[str, str]]
    """ARN of each worker's queue, available after its policy."""
    dead_letter_queue_arns_by_worker: pulumi.Output[dict[str, str]]
    """ARN of the dead-letter queue of each worker with a new queue."""
    function_arn: pulumi.Output[str]
    """ARN of the function; empty where services poll the queues."""
    function_name: pulumi.Output[str]
    """Name of the function; empty where services poll the queues."""
    kms_key_arn: pulumi.Output[str]
    """The key that encrypts new queues, logs and environment; empty where all queues exist and services poll them."""

    def __init__(self, name: str, args: ShuffleShardingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._checked = checked = self.begin(
            name, args, opts, problems=lambda checked: [*_name_problems(name), *_problems(checked)], names=_child_names
        )
        self._map = _map(checked, name)
        self._key_arn = self._key(name)
        self.kms_key_arn = self._key_arn or pulumi.Output.from_input("")
        self._queues(name)
        self.overlap_probability = pulumi.Output.from_input(self._map.full_overlap_probability)
        self.shard_map = self.queue_urls_by_worker.apply(lambda urls: _document(self._map, urls))
        parameter = aws.ssm.Parameter(
            f"{name}-map",
            description=f"Which of its workers serve a customer of {name}",
            type="String",
            # Above 4 KiB it costs five cents a month.
            tier="Intelligent-Tiering",
            # No secret, so that previews show who moves.
            insecure_value=self.shard_map,
            tags=checked["tags"],
            opts=self.child(),
        )
        self.shard_map_parameter_name, self.shard_map_parameter_arn = parameter.name, parameter.arn
        self.function_arn = self.function_name = pulumi.Output.from_input("")
        if _timeout(checked) is not None:
            function = self._function(name)
            self.function_arn, self.function_name = function.arn, function.name
        self.register()

    def shard(self, customer: str) -> list[str]:
        """The customer's workers, by the map that senders read."""
        return list(self._map.shard(customer))

    def send_statements(self) -> list[WorkloadStatementArgs]:
        """What the role of a sender needs: to read the map, to ask the queues for their length, and to send to them."""
        read = Statement(sid="Map", actions=["ssm:GetParameter"], resources=[self.shard_map_parameter_arn])
        return as_arguments([read, *self._merged([send_statements(arn, key) for arn, key in self._queue_keys.values()])])

    def receive_statements(self, worker: str) -> list[WorkloadStatementArgs]:
        """What the role of the service needs that polls the queue of one worker."""
        return as_arguments(receive_statements(*self._queue_keys[worker]))

    def _key(self, name: str) -> pulumi.Output[str] | None:
        given = self._checked.get("kms_key_arn")
        if given is not None:
            return pulumi.Output.from_input(given)
        if self._checked.get("function") is None and all(worker.get("existing_queue") for worker in self._checked["workers"].values()):
            return None
        return create_key(
            self,
            f"{name}-key",
            f"Messages, logs and environment of {name}",
            lambda key_arn: [logs_statement(key_arn, f"{name}-function-logs*")],
            tags=self._checked["tags"],
        )

    def _queues(self, name: str) -> None:
        urls: dict[str, pulumi.Output[str]] = {}
        arns: dict[str, pulumi.Output[str]] = {}
        dead: dict[str, pulumi.Output[str]] = {}
        self._queue_keys: dict[str, tuple[pulumi.Output[str], pulumi.Input[str] | None]] = {}
        for worker, args in sorted(self._checked["workers"].items()):
            existing = args.get("existing_queue")
            if existing is not None:
                arns[worker], urls[worker] = pulumi.Output.from_input(existing["arn"]), queue_url(existing["arn"])
                self._queue_keys[worker] = (arns[worker], existing.get("kms_key_arn"))
                continue
            queues = work_queue(
                self,
                f"{name}-worker-{worker}",
                kms_key_arn=self.kms_key_arn,
                visibility_timeout_seconds=_visibility(self._checked),
                retention_seconds=self._checked["message_retention_days"] * DAY_SECONDS,
                max_receive_count=self._checked["max_receive_count"],
                alarm_age_seconds=self._checked["alarm_age_seconds"],
                alarm_topic_arns=self._checked["alarm_topic_arns"],
                tags=self._checked["tags"],
            )
            urls[worker], arns[worker], dead[worker] = queues.url, queues.arn, queues.dead_letter_arn
            self._queue_keys[worker] = (queues.arn, self.kms_key_arn)
        self.queue_urls_by_worker, self.queue_arns_by_worker = by_name(urls), by_name(arns)
        self.dead_letter_queue_arns_by_worker = by_name(dead)

    def _function(self, name: str) -> UserFunction:
        checked = self._checked
        function = user_function(
            self,
            f"{name}-function",
            checked.get("function"),
            checked.get("existing_function"),
            description=f"Processes the messages of the workers of {name}",
            statements=self._merged([receive_statements(arn, key) for arn, key in self._queue_keys.values()]),
            kms_key_arn=self.kms_key_arn,
            alarm_topic_arns=checked["alarm_topic_arns"],
            tags=checked["tags"],
        )
        for worker, (arn, _) in self._queue_keys.items():
            queue_source(
                self,
                f"{name}-worker-{worker}-source",
                arn,
                function.arn,
                batch_size=checked["batch_size"],
                batching_window_seconds=0,
                maximum_concurrency=checked["maximum_concurrency"],
                tags=checked["tags"],
            )
        return function

    def _merged(self, of_queues: list[list[Statement]]) -> list[Statement]:
        """The statements of all queues, one for each set of actions: a role's policies have little room."""
        resources: dict[str, list[pulumi.Input[str]]] = {}
        actions: dict[str, Any] = {}
        for statement in (statement for statements in of_queues for statement in statements):
            sid = statement.sid or ""
            known = resources.setdefault(sid, [])
            known += [arn for arn in statement.resources if arn not in known]
            actions[sid] = statement.actions
        return [Statement(sid=sid, actions=actions[sid], resources=arns) for sid, arns in resources.items()]


def _map(checked: ShuffleShardingArgs, name: str) -> Any:
    seed = checked.get("seed")
    return _sharding.ShardMap(list(_active(checked)), checked["shard_size"], _zones(checked), name if seed is None else seed)


def _active(checked: ShuffleShardingArgs) -> dict[str, ShardWorkerArgs]:
    """The workers that get new messages."""
    return {worker: args for worker, args in checked["workers"].items() if not args["draining"]}


def _document(shards: Any, urls: Mapping[str, str]) -> str:
    queues = {worker: urls[worker] for worker in shards.workers}
    return json.dumps({**json.loads(shards.to_json()), "queue_urls": queues}, sort_keys=True, separators=(",", ":"))


def _zones(checked: ShuffleShardingArgs) -> dict[str, str]:
    zones = {worker: args.get("zone") for worker, args in _active(checked).items()}
    return {worker: zone for worker, zone in zones.items() if zone is not None}


def _timeout(checked: ShuffleShardingArgs) -> int | None:
    """The timeout of the function, None where services poll the queues."""
    function, existing = checked.get("function"), checked.get("existing_function")
    if function is not None:
        return function["timeout_seconds"]
    return None if existing is None else existing["timeout_seconds"]


def _visibility(checked: ShuffleShardingArgs) -> int:
    given = checked.get("visibility_timeout_seconds")
    return VISIBILITY_FACTOR * (_timeout(checked) or 0) if given is None else given


def _child_names(checked: ShuffleShardingArgs) -> dict[str, int]:
    new = (worker for worker, args in checked["workers"].items() if args.get("existing_queue") is None)
    longest = max(new, key=len, default=None)
    queues = {} if longest is None else {f"worker-{longest}-dead-letters": QUEUE_NAME_LENGTH}
    return {**queues, **function_names(checked.get("function"), "function")}


def _name_problems(name: str) -> Iterator[Problem]:
    # https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-su-create.html
    if name.lower().startswith(("aws", "ssm")):
        yield "name", f"is {name!r}; names of SSM parameters begin with neither aws nor ssm. Rename the component."


def _problems(checked: ShuffleShardingArgs) -> Iterator[Problem]:
    yield from excludes(checked, "function", "existing_function")
    if function := checked.get("function"):
        yield from function_problems(function)
    yield from _overlap_problems(checked)
    yield from _queue_problems(checked)
    timeout = _timeout(checked)
    if timeout is None:
        for name in _OF_FUNCTIONS:
            if is_given(checked, name):
                yield name, "is for a function, and none is given. Give function or existing_function, or leave it out."
        new = any(worker.get("existing_queue") is None for worker in checked["workers"].values())
        if new and checked.get("visibility_timeout_seconds") is None:
            reason = "is missing; without a function services poll the queues. Give the longest time that they need for a message."
            yield "visibility_timeout_seconds", reason
        return
    least = VISIBILITY_FACTOR * timeout
    if _visibility(checked) < least:
        reason = f"is {_visibility(checked)}; six times the function's timeout of {timeout} seconds are {least}. Raise it."
        yield "visibility_timeout_seconds", reason
    reserved = function.get("reserved_concurrency") if function else None
    needed = checked["maximum_concurrency"] * len(checked["workers"])
    if reserved is not None and reserved < needed:
        reason = (
            f"is {reserved}; {len(checked['workers'])} workers with maximum_concurrency {checked['maximum_concurrency']} need {needed}, or "
            "one worker's messages throttle those of others. Leave it out, or raise it."
        )
        yield "function.reserved_concurrency", reason


def _queue_problems(checked: ShuffleShardingArgs) -> Iterator[Problem]:
    timeout = _timeout(checked)
    for worker, args in checked["workers"].items():
        existing, path = args.get("existing_queue"), f"workers.{worker}.existing_queue"
        if existing is None:
            continue
        if isinstance(existing["arn"], str) and existing["arn"].endswith(".fifo"):
            yield (
                f"{path}.arn",
                f"is {existing['arn']!r}; a shard's messages go to several queues, so none has an order. Give a standard queue.",
            )
        if timeout is not None and existing["visibility_timeout_seconds"] < VISIBILITY_FACTOR * timeout:
            least, given = VISIBILITY_FACTOR * timeout, existing["visibility_timeout_seconds"]
            yield (
                f"{path}.visibility_timeout_seconds",
                f"is {given}; six times the function's timeout of {timeout} seconds are {least}. Raise it.",
            )


def _overlap_problems(checked: ShuffleShardingArgs) -> Iterator[Problem]:
    active = _active(checked)
    workers, size, bound, zones = len(active), checked["shard_size"], checked["most_overlap_probability"], _zones(checked)
    if zones and len(zones) < workers:
        missing = ", ".join(sorted(set(active) - set(zones)))
        yield "workers", f"have zones, but not {missing}. Give the zone of each worker, or of none."
        return
    if size > workers:
        yield "shard_size", f"is {size}; there are {workers} workers that get messages. Add workers, or lower it."
        return
    sizes = _map(checked, "").zone_sizes
    found = _sharding.full_overlap_probability(workers, size, sizes)
    if found > bound:
        spread = f" in {len(sizes)} zones" if sizes else ""
        reason = (
            f"is {size}; with {workers} workers{spread} two customers share all of their workers with probability {found:.3g} (1 in "
            f"{1 / found:.0f}), above most_overlap_probability, {bound:.3g}. {_remedy(workers, size, bound, sizes)}"
        )
        yield "shard_size", reason


def _remedy(workers: int, size: int, bound: float, sizes: Any) -> str:
    """What to give instead: the next number of workers, and the next size of a shard, that keep the bound."""
    fixes = []
    if not sizes:
        fits = _sharding.full_overlap_probability
        fixes += [f"{more} workers" for more in range(workers, _MOST_WORKERS + 1) if fits(more, size) <= bound][:1]
        fixes += [f"a shard_size of {more}" for more in range(size, workers // 2 + 1) if fits(workers, more) <= bound][:1]
    return f"Give {' or '.join(fixes) or 'more workers'}, or accept a higher most_overlap_probability."
