"""A queue with a dead-letter queue, and a function or a service that processes its messages.

Pattern: "Queue-based processing" and "Dead-letter queue" (three designs; 2025 guide).
"""

import pulumi

from cloudpatterns.blocks import (
    Fifo,
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
from cloudpatterns.core import Component, Statement, WorkloadStatementArgs, as_arguments, name_of
from cloudpatterns.messaging._service import worker_service
from cloudpatterns.messaging.queue_worker.arguments import (
    QueueWorkerArgs,
    child_names,
    problems,
    timeout_of,
    visibility_of,
)


class QueueWorker(Component):
    """A queue, its dead-letter queue, and the function that processes its messages (2025 guide, "Queue-based processing").

    A message that fails ``max_receive_count`` times is parked in the dead-letter queue, whole; the rest of its batch is kept, since the
    function names the messages that failed (``batchItemFailures``, see Powertools' batch processor). To move parked messages back, when the
    cause is fixed: ``aws sqs start-message-move-task --source-arn <dead_letter_queue_arn>``.

    ``service`` runs containers instead of a function, which poll the queue in ``QUEUE_URL`` and follow its backlog:
    ``examples/container_worker`` has such a program. Work of more than two minutes asks ECS for task scale-in protection, or is repeated
    when the service shrinks. Without all of them servers of yours poll the queue: give their role ``receive_statements``.

    **Use when**: work can wait: orders, mails, images; senders must not depend on whether the worker is up or fast enough.

    **Not when**: the caller needs the answer (``ApiGateway``), several consumers need each message (``FanOut``), or the order of millions
    of events counts (``EventStream``).

    **Cost drivers**: requests to SQS (a poller makes some all the time), invocations, one key, the table's writes.

    **Trade-offs**: messages arrive at least once, and out of order unless ``fifo``. An idempotency record costs two writes a message.

    **Proven by**: controls ``queue-dead-letters``, ``sqs-encrypted``, ``sqs-not-public``, ``queue-visibility-retries``;
    ``test_queue_worker.py``, which runs the sample handler with poison messages and repeated ones.
    """

    queue_url: pulumi.Output[str]
    """URL of the queue, available after its policy."""
    queue_arn: pulumi.Output[str]
    """ARN of the queue, available after its policy."""
    queue_name: pulumi.Output[str]
    """Name of the queue, the dimension ``QueueName`` of its metrics."""
    dead_letter_queue_url: pulumi.Output[str]
    """URL of the new dead-letter queue; empty where one was there."""
    dead_letter_queue_arn: pulumi.Output[str]
    """ARN of the dead-letter queue; empty for an existing queue."""
    function_arn: pulumi.Output[str]
    """ARN of the function; empty where a service polls the queue."""
    function_name: pulumi.Output[str]
    """Name of the function; empty where a service polls the queue."""
    function_role_arn: pulumi.Output[str]
    """ARN of the new function's role; empty without one."""
    service_name: pulumi.Output[str]
    """Name of the service of containers; empty without ``service``."""
    cluster_arn: pulumi.Output[str]
    """ARN of the service's cluster; empty without ``service``."""
    idempotency_table_name: pulumi.Output[str]
    """Name of the idempotency table; empty without one."""
    kms_key_arn: pulumi.Output[str]
    """The key that encrypts queues, table, logs and environment; empty for an existing queue without one, polled by a service."""

    def __init__(self, name: str, args: QueueWorkerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._checked = checked = self.begin(name, args, opts, problems=problems, names=child_names)
        self._key_arn = self._key(name)
        self.kms_key_arn = pulumi.Output.from_input("") if self._key_arn is None else self._key_arn
        self._queue(name)
        self.idempotency_table_name = self.function_arn = self.function_name = self.function_role_arn = pulumi.Output.from_input("")
        self.service_name = self.cluster_arn = pulumi.Output.from_input("")
        if checked.get("service") is not None:
            service = worker_service(
                self,
                checked,
                queue_names=[self.queue_name],
                environment={"QUEUE_URL": self.queue_url},
                statements=receive_statements(self.queue_arn, self._queue_key_arn()),
                kms_key_arn=self._key_arn,
            )
            self.service_name, self.cluster_arn = service.service_name, service.cluster_arn
        if timeout_of(checked) is not None:
            function = self._function(name)
            self.function_arn, self.function_name, self.function_role_arn = function.arn, function.name, function.role_arn
            self.idempotency_table_name = function.idempotency_table_name
            queue_source(
                self,
                f"{name}-source",
                self.queue_arn,
                function.arn,
                batch_size=checked["batch_size"],
                batching_window_seconds=checked["batching_window_seconds"],
                maximum_concurrency=checked["maximum_concurrency"],
                tags=checked["tags"],
            )
        self.register()

    def send_statements(self) -> list[WorkloadStatementArgs]:
        """What a role needs to send to the queue, for the ``statements`` of a function or a ``WorkloadRole``."""
        return as_arguments(send_statements(self.queue_arn, self._queue_key_arn()))

    def receive_statements(self) -> list[WorkloadStatementArgs]:
        """What the role of a service needs to receive from the queue and to delete what it has processed."""
        return as_arguments(receive_statements(self.queue_arn, self._queue_key_arn()))

    def _key(self, name: str) -> pulumi.Output[str] | None:
        given, existing = self._checked.get("kms_key_arn"), self._checked.get("existing_queue")
        if given is not None:
            return pulumi.Output.from_input(given)
        if existing is not None and self._checked.get("function") is None and not self._has_table():
            return None
        services = [sender["service"] for sender in self._checked["senders"]]
        consumer = "function" if self._checked.get("service") is None else "service"

        def statements(key_arn: pulumi.Output[str]) -> list[Statement]:
            return [logs_statement(key_arn, f"{name}-{consumer}-logs*"), *sender_statements(key_arn, services)]

        return create_key(self, f"{name}-key", f"Messages, logs and environment of {name}", statements, tags=self._checked["tags"])

    def _queue_key_arn(self) -> pulumi.Input[str] | None:
        existing = self._checked.get("existing_queue")
        return self._key_arn if existing is None else existing.get("kms_key_arn")

    def _queue(self, name: str) -> None:
        checked, existing = self._checked, self._checked.get("existing_queue")
        if existing is not None:
            self.queue_arn = pulumi.Output.from_input(existing["arn"])
            self.queue_url = queue_url(existing["arn"])
            self.queue_name = name_of(self.queue_arn)
            self.dead_letter_queue_arn = self.dead_letter_queue_url = pulumi.Output.from_input("")
            if topics := checked["alarm_topic_arns"]:
                age_alarm(self, f"{name}-queue", self.queue_name, checked["alarm_age_seconds"], topics, checked["tags"])
            return
        queues = work_queue(
            self,
            f"{name}-queue",
            kms_key_arn=self.kms_key_arn,
            visibility_timeout_seconds=visibility_of(checked),
            retention_seconds=checked["message_retention_days"] * DAY_SECONDS,
            max_receive_count=checked["max_receive_count"],
            max_message_kib=checked["max_message_kib"],
            delay_seconds=checked["delay_seconds"],
            fifo=Fifo(checked["content_based_deduplication"]) if checked["fifo"] else None,
            dead_letter_queue_arn=checked.get("dead_letter_queue_arn"),
            senders=[Sender(sender["service"], sender["source_arn"]) for sender in checked["senders"]],
            alarm_age_seconds=checked["alarm_age_seconds"],
            alarm_topic_arns=checked["alarm_topic_arns"],
            tags=checked["tags"],
        )
        self.queue_url, self.queue_arn, self.queue_name = queues.url, queues.arn, queues.queue.name
        self.dead_letter_queue_url, self.dead_letter_queue_arn = queues.dead_letter_url, queues.dead_letter_arn

    def _has_table(self) -> bool:
        return self._checked["idempotency"] and self._checked.get("function") is not None

    def _function(self, name: str) -> UserFunction:
        checked = self._checked
        statements = receive_statements(self.queue_arn, self._queue_key_arn())
        environment: dict[str, pulumi.Input[str]] = {"QUEUE_URL": self.queue_url}
        idempotency = Idempotency(f"{name}-idempotency", checked["deletion_protection"]) if self._has_table() else None
        return user_function(
            self,
            f"{name}-function",
            checked.get("function"),
            checked.get("existing_function"),
            description=f"Processes the messages of {name}",
            statements=statements,
            environment=environment,
            idempotency=idempotency,
            kms_key_arn=self.kms_key_arn,
            alarm_topic_arns=checked["alarm_topic_arns"],
            tags=checked["tags"],
        )
