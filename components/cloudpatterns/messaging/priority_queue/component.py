"""Queues by priority, each with a share of the work, so that none is starved.

Pattern: "Priority Queue" (Cloud Design Patterns for AWS).
"""

from collections.abc import Sequence
from typing import NamedTuple

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import (
    Idempotency,
    Sender,
    UserFunction,
    create_key,
    logs_statement,
    queue_source,
    receive_statements,
    send_statements,
    sender_statements,
    user_function,
    work_queue,
)
from cloudpatterns.blocks.work_queue import DAY_SECONDS, age_alarm, queue_url
from cloudpatterns.core import (
    ByName,
    Component,
    ExistingFunction,
    FunctionOptions,
    Statement,
    WorkloadStatementArgs,
    as_arguments,
    by_name,
    name_of,
)
from cloudpatterns.messaging._service import worker_service
from cloudpatterns.messaging.priority_queue.arguments import (
    SERVICE_VISIBILITY_SECONDS,
    SETTINGS_VARIABLE,
    PriorityQueueArgs,
    QueuePriority,
    child_names,
    has_own_function,
    problems,
    shares,
    timeout_of,
    visibility_of,
)

_SERVICE_MOST_SECONDS = 3600
"""After its receipt the service hides a message for so long at most."""


class _Queue(NamedTuple):
    url: pulumi.Output[str]
    arn: pulumi.Output[str]
    dead_letter_arn: pulumi.Output[str]
    kms_key_arn: pulumi.Input[str] | None


class PriorityQueue(Component):
    """Queues by priority, and what works them off without starving a lower one (Cloud Design Patterns for AWS, "Priority Queue").

    Functions: Lambda's pollers know nothing of each other's queues, so each queue has a share of the concurrency that no other queue can
    take, at least 2. A message with *m* others before it in its queue starts after (m / (share * batch_size) + 1) * timeout seconds at the
    latest, however many messages have a higher priority, once Lambda has scaled up to the share (it begins with five invocations), and as
    long as the account has that concurrency free: ``reserved_concurrency`` of the function, at least the sum of the shares, keeps it.

    A service polls with ``cloudpatterns_runtime.priority``: it drains higher queues first, and of any ``share_every`` receives at least one
    is for each lower queue that has messages. Its settings are in the Systems Manager parameter ``parameter_name``:
    ``PriorityPoller(sqs=boto3.client("sqs"), handler=handle, **json.loads(value))``. ``service`` runs it in containers, which find that
    name in ``PRIORITY_SETTINGS_PARAMETER`` (``examples/container_worker``); without it and without functions, servers of yours
    (``ScaleOut``) run it, whose role needs ``receive_statements``.

    Each queue has its own dead-letter queue. To move parked messages back, when the cause is fixed:
    ``aws sqs start-message-move-task --source-arn <dead_letter_queue_arn>``.

    **Use when**: some work is urgent, and the rest must be done in the end: paid before free, interactive before bulk.

    **Not when**: the order within a queue counts (``QueueWorker`` with ``fifo``), or priorities are many or change (one table, sorted).

    **Cost drivers**: requests to SQS for each queue (pollers make some all the time), invocations, one key, the tables' writes.

    **Trade-offs**: with functions, the share of an idle queue is not lent to others; with a service, servers are paid while they wait.

    **Proven by**: controls ``queue-dead-letters``, ``sqs-encrypted``, ``queue-visibility-retries``; ``test_priority_queue.py``, which
    simulates arrivals that saturate the highest queue and runs the poller.
    """

    queue_urls: ByName[str]
    """URL of each queue, by the priority's name, available after its policy."""
    queue_arns: ByName[str]
    """ARN of each queue, by the priority's name, available after its policy."""
    dead_letter_queue_arns: ByName[str]
    """ARN of each dead-letter queue, by the priority's name; empty for an existing queue."""
    function_arns: ByName[str]
    """ARN of the function that reads each queue, by the priority's name; empty where a service polls."""
    parameter_name: pulumi.Output[str]
    """Name of the Systems Manager parameter with the settings of the service that polls (``queue_urls`` in their order, ``share_every``,
    ``visibility_seconds``, ``most_seconds``); empty where functions read the queues."""
    service_name: pulumi.Output[str]
    """Name of the service of containers; empty without ``service``."""
    cluster_arn: pulumi.Output[str]
    """ARN of the service's cluster; empty without ``service``."""
    kms_key_arn: pulumi.Output[str]
    """The key that encrypts the new queues, tables, logs and environments; empty where nothing is new and none was given."""

    def __init__(self, name: str, args: PriorityQueueArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._checked = checked = self.begin(name, args, opts, problems=problems, names=child_names)
        self._key_arn = self._key(name)
        self.kms_key_arn = pulumi.Output.from_input("") if self._key_arn is None else self._key_arn
        self._queues = {priority["name"]: self._queue(name, priority) for priority in checked["priorities"]}
        self.queue_urls = by_name({key: queue.url for key, queue in self._queues.items()})
        self.queue_arns = by_name({key: queue.arn for key, queue in self._queues.items()})
        self.dead_letter_queue_arns = by_name({key: queue.dead_letter_arn for key, queue in self._queues.items()})
        self.parameter_name = self.service_name = self.cluster_arn = pulumi.Output.from_input("")
        functions: dict[str, pulumi.Output[str]] = {}
        self._parameter: aws.ssm.Parameter | None = None
        if timeout_of(checked, checked["priorities"][0]) is None:
            self._parameter = self._settings(name)
            self.parameter_name = self._parameter.name
            self._service()
            functions = {key: pulumi.Output.from_input("") for key in self._queues}
        else:
            functions = self._functions(name)
            self._sources(name, functions)
        self.function_arns = by_name(functions)
        self.register()

    def send_statements(self, *priorities: str) -> list[WorkloadStatementArgs]:
        """What a role needs to send to the queues of the priorities, or to all, for the ``statements`` of a function or ``WorkloadRole``.

        :raises ArgumentError: for an unknown priority, with those known.
        """
        queues = [self.lookup(self._queues, key, "priorities", "a priority") for key in priorities or self._queues]
        return as_arguments(_together([send_statements(queue.arn, queue.kms_key_arn) for queue in queues]))

    def receive_statements(self) -> list[WorkloadStatementArgs]:
        """What the role of a service needs to receive from all queues, to delete what it has processed, and to read its settings."""
        return as_arguments(self._receive_statements())

    def _receive_statements(self) -> list[Statement]:
        statements = _together([receive_statements(queue.arn, queue.kms_key_arn) for queue in self._queues.values()])
        if self._parameter is not None:
            statements.append(Statement(sid="Settings", actions=["ssm:GetParameter"], resources=[self._parameter.arn]))
        return statements

    def _service(self) -> None:
        """The containers that poll all queues, where there are some."""
        if self._checked.get("service") is None:
            return
        service = worker_service(
            self,
            self._checked,
            queue_names=[name_of(queue.arn) for queue in self._queues.values()],
            environment={SETTINGS_VARIABLE: self.parameter_name},
            statements=self._receive_statements(),
            kms_key_arn=self._key_arn,
        )
        self.service_name, self.cluster_arn = service.service_name, service.cluster_arn

    def _key(self, name: str) -> pulumi.Output[str] | None:
        checked, given = self._checked, self._checked.get("kms_key_arn")
        if given is not None:
            return pulumi.Output.from_input(given)
        new_queues = [priority for priority in checked["priorities"] if priority.get("existing_queue") is None]
        new_functions = [holder for holder in (checked, *checked["priorities"]) if holder.get("function") is not None]
        if not new_queues and not new_functions:
            return None
        logs = "*function-logs" if checked.get("service") is None else "service-logs"
        services = [sender["service"] for priority in new_queues for sender in priority["senders"]]

        def statements(key_arn: pulumi.Output[str]) -> list[Statement]:
            return [logs_statement(key_arn, f"{name}-{logs}*"), *sender_statements(key_arn, services)]

        return create_key(self, f"{name}-key", f"Messages, logs and environments of {name}", statements, tags=checked["tags"])

    def _queue(self, name: str, priority: QueuePriority) -> _Queue:
        checked, existing, child_name = self._checked, priority.get("existing_queue"), f"{name}-{priority['name']}-queue"
        if existing is not None:
            arn = pulumi.Output.from_input(existing["arn"])
            if topics := checked["alarm_topic_arns"]:
                queue_name = name_of(arn)
                age_alarm(self, child_name, queue_name, priority["alarm_age_seconds"], topics, checked["tags"])
            return _Queue(queue_url(arn), arn, pulumi.Output.from_input(""), existing.get("kms_key_arn"))
        queues = work_queue(
            self,
            child_name,
            kms_key_arn=self.kms_key_arn,
            visibility_timeout_seconds=visibility_of(checked, priority),
            retention_seconds=checked["message_retention_days"] * DAY_SECONDS,
            max_receive_count=checked["max_receive_count"],
            max_message_kib=checked["max_message_kib"],
            senders=[Sender(sender["service"], sender["source_arn"]) for sender in priority["senders"]],
            alarm_age_seconds=priority["alarm_age_seconds"],
            alarm_topic_arns=checked["alarm_topic_arns"],
            tags=checked["tags"],
        )
        return _Queue(queues.url, queues.arn, queues.dead_letter_arn, self.kms_key_arn)

    def _settings(self, name: str) -> aws.ssm.Parameter:
        """What a service needs to create its poller."""
        checked = self._checked
        given = checked.get("visibility_timeout_seconds")
        # Its own in each request, whatever the queues have.
        visibility = SERVICE_VISIBILITY_SECONDS if given is None else given
        settings = {
            "queue_urls": [queue.url for queue in self._queues.values()],
            "share_every": checked["share_every"],
            "visibility_seconds": visibility,
            "most_seconds": max(visibility, _SERVICE_MOST_SECONDS),
        }
        return aws.ssm.Parameter(
            f"{name}-settings",
            description=f"Settings of the service that polls the queues of {name}",
            type="String",
            # No secret, so that a preview shows it.
            insecure_value=pulumi.Output.json_dumps(settings),
            tags=checked["tags"],
            opts=self.child(),
        )

    def _functions(self, name: str) -> dict[str, pulumi.Output[str]]:
        """The function that reads each queue: the one of all queues, or its own."""
        checked, functions = self._checked, dict[str, pulumi.Output[str]]()
        common = [priority["name"] for priority in checked["priorities"] if not has_own_function(priority)]
        if common:
            function = self._function(name, common, checked.get("function"), checked.get("existing_function"))
            functions = dict.fromkeys(common, function.arn)
        for priority in checked["priorities"]:
            if has_own_function(priority):
                key = priority["name"]
                function = self._function(f"{name}-{key}", [key], priority.get("function"), priority.get("existing_function"))
                functions[key] = function.arn
        return {key: functions[key] for key in self._queues}

    def _function(
        self, prefix: str, queues: Sequence[str], options: FunctionOptions | None, existing: ExistingFunction | None
    ) -> UserFunction:
        checked = self._checked
        statements = _together([receive_statements(self._queues[key].arn, self._queues[key].kms_key_arn) for key in queues])
        idempotency = Idempotency(f"{prefix}-idempotency", checked["deletion_protection"]) if checked["idempotency"] else None
        return user_function(
            self,
            f"{prefix}-function",
            options,
            existing,
            description=f"Processes the messages of {', '.join(queues)}",
            statements=statements,
            idempotency=idempotency,
            kms_key_arn=self.kms_key_arn,
            alarm_topic_arns=checked["alarm_topic_arns"],
            tags=checked["tags"],
        )

    def _sources(self, name: str, function_arns: dict[str, pulumi.Output[str]]) -> None:
        checked = self._checked
        for key, concurrency in shares(checked).items():
            queue_source(
                self,
                f"{name}-{key}-source",
                self._queues[key].arn,
                function_arns[key],
                batch_size=checked["batch_size"],
                batching_window_seconds=checked["batching_window_seconds"],
                maximum_concurrency=concurrency,
                tags=checked["tags"],
            )


def _together(statements: Sequence[Sequence[Statement]]) -> list[Statement]:
    """Statements of several queues, each kind once with all of its resources: ids are unique in a policy."""
    kinds: dict[str | None, tuple[Statement, list[pulumi.Input[str]]]] = {}
    for statement in (one for several in statements for one in several):
        _, resources = kinds.setdefault(statement.sid, (statement, []))
        # Several queues have the same key, which may be an output.
        resources += [resource for resource in statement.resources if not any(resource is other for other in resources)]
    return [Statement(sid=sid, actions=statement.actions, resources=resources) for sid, (statement, resources) in kinds.items()]
