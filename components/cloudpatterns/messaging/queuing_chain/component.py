"""Stages joined by queues: each takes messages from its own queue and sends its results to that of the next stage.

Pattern: "Queuing Chain" (Cloud Design Patterns for AWS; AWS Workshop designs).
"""

import functools
from collections.abc import Sequence
from dataclasses import replace

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import create_key, logs_statement, send_statements, sender_statements
from cloudpatterns.blocks.work_queue import queue_url
from cloudpatterns.core import ByName, Component, Statement, WorkloadStatementArgs, after, as_arguments, by_name, document
from cloudpatterns.messaging.queue_worker.component import QueueWorker
from cloudpatterns.messaging.queuing_chain.arguments import QueuingChainArgs, chain_names, cycles, problems, queues, stage_args


class QueuingChain(Component):
    """Stages that are joined by queues and scaled each alone (Cloud Design Patterns for AWS, "Queuing Chain").

    Each stage is a ``QueueWorker``: a queue with its dead-letter queue, and a function or service. The function sends its result to the
    queue in its environment variable ``NEXT_QUEUE_URL``, **before** it reports success: then nothing is lost, and what arrives twice is
    harmless, since each stage remembers by the message's key what is done (``IDEMPOTENCY_TABLE``, Powertools). The last stage has the
    variable only with ``output_queue``.

    A stage whose function fails holds its own messages back, or parks them in its own dead-letter queue; earlier stages go on sending to
    its queue, later ones finish what they have. A queue through which messages have come already is refused as ``output_queue``.

    **Use when**: work has steps of different length and cost: check, convert, publish; each step is retried alone, and has its own limit.

    **Not when**: a step needs the result of several others, a failed step must undo earlier ones, or somebody waits for the answer.

    **Cost drivers**: for each stage, requests to SQS, invocations, the table's writes; one key.

    **Trade-offs**: a message is in many places; carry a key with it that finds it again. Each stage adds its waiting time.
    To a stage that is ``fifo`` a function sends with a ``MessageGroupId``.

    **Proven by**: controls ``queue-dead-letters``, ``sqs-encrypted``, ``queue-visibility-retries``; ``test_queuing_chain.py``, which runs
    the sample handlers through the whole chain with failures at each stage.
    """

    queue_url: pulumi.Output[str]
    """URL of the first queue, available after its policy."""
    queue_arn: pulumi.Output[str]
    """ARN of the first queue, available after its policy."""
    queue_urls: ByName[str]
    """URL of each stage's queue, by the stage's name."""
    queue_arns: ByName[str]
    """ARN of each stage's queue, by the stage's name."""
    dead_letter_queue_arns: ByName[str]
    """ARN of each stage's dead-letter queue, by the stage's name; empty for an existing queue."""
    function_arns: ByName[str]
    """ARN of each stage's function, by the stage's name; empty where a service polls the queue."""
    idempotency_table_names: ByName[str]
    """Name of each stage's idempotency table, by the stage's name; empty without one."""
    kms_key_arn: pulumi.Output[str]
    """The key that encrypts the new queues, tables, logs and environments."""

    def __init__(self, name: str, args: QueuingChainArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._checked = checked = self.begin(name, args, opts, problems=functools.partial(problems, name), names=chain_names)
        self._refuse_cycles()
        self.kms_key_arn = self._key(name)
        self._workers: dict[str, QueueWorker] = {}
        # From the last to the first: a function is given the queue of the next stage.
        for number in reversed(range(len(checked["stages"]))):
            self._workers[checked["stages"][number]["name"]] = self._worker(name, number)
        workers = {stage["name"]: self._workers[stage["name"]] for stage in checked["stages"]}
        first = workers[checked["stages"][0]["name"]]
        self.queue_url, self.queue_arn = first.queue_url, first.queue_arn
        self.queue_urls = by_name({stage: worker.queue_url for stage, worker in workers.items()})
        self.queue_arns = by_name({stage: worker.queue_arn for stage, worker in workers.items()})
        self.dead_letter_queue_arns = by_name({stage: worker.dead_letter_queue_arn for stage, worker in workers.items()})
        self.function_arns = by_name({stage: worker.function_arn for stage, worker in workers.items()})
        self.idempotency_table_names = by_name({stage: worker.idempotency_table_name for stage, worker in workers.items()})
        self.register()

    def send_statements(self) -> list[WorkloadStatementArgs]:
        """What a role needs to send to the first queue, for the ``statements`` of a function or a ``WorkloadRole``."""
        return self._workers[self._checked["stages"][0]["name"]].send_statements()

    def receive_statements(self, stage: str) -> list[WorkloadStatementArgs]:
        """What the role of a service needs that polls a stage's queue: to receive from it, and to send to that of the next stage.

        :raises ArgumentError: for an unknown stage, with those known.
        """
        worker = self.lookup(self._workers, stage, "stage", "a stage")
        number = next(index for index, one in enumerate(self._checked["stages"]) if one["name"] == stage)
        return [*worker.receive_statements(), *as_arguments(self._send_on(number))]

    def _refuse_cycles(self) -> None:
        """Refuses a cycle whose ARNs become known only while the program runs."""
        found = queues(self._checked)

        def check(arns: Sequence[str]) -> None:
            if known := list(cycles([(path, arn) for (path, _), arn in zip(found, arns, strict=True)])):
                self.refuse(*known)

        if any(isinstance(arn, pulumi.Output) for _, arn in found):
            pulumi.Output.all(*[arn for _, arn in found]).apply(check)

    def _key(self, name: str) -> pulumi.Output[str]:
        given = self._checked.get("kms_key_arn")
        if given is not None:
            return pulumi.Output.from_input(given)
        services = [sender["service"] for sender in self._checked["senders"]]

        def statements(key_arn: pulumi.Output[str]) -> list[Statement]:
            return [logs_statement(key_arn, f"{name}-*-function-logs*"), *sender_statements(key_arn, services)]

        return create_key(self, f"{name}-key", f"Messages, logs and environments of {name}", statements, tags=self._checked["tags"])

    def _next_url(self, number: int) -> pulumi.Input[str] | None:
        stages, output = self._checked["stages"], self._checked.get("output_queue")
        if number + 1 < len(stages):
            return self._workers[stages[number + 1]["name"]].queue_url
        return None if output is None else queue_url(output["arn"])

    def _send_on(self, number: int) -> list[Statement]:
        """The right to send to the next queue, without ids: the user's own statements may be those of another queue."""
        stages, output = self._checked["stages"], self._checked.get("output_queue")
        if number + 1 == len(stages):
            send = [] if output is None else send_statements(output["arn"], output.get("kms_key_arn"))
        else:
            following, existing = self._workers[stages[number + 1]["name"]], stages[number + 1].get("existing_queue")
            send = send_statements(following.queue_arn, self.kms_key_arn if existing is None else existing.get("kms_key_arn"))
        return [replace(statement, sid=None) for statement in send]

    def _worker(self, name: str, number: int) -> QueueWorker:
        stage, send = self._checked["stages"][number], self._send_on(number)
        worker = stage_args(self._checked, number, self.kms_key_arn, self._next_url(number), as_arguments(send))
        existing = stage.get("existing_function")
        if existing is not None and existing.get("role_name") is not None and send:
            policy = aws.iam.RolePolicy(
                f"{name}-{stage['name']}-send", role=existing["role_name"], policy=document(*send), opts=self.child()
            )
            worker["existing_function"] = {**existing, "arn": after(existing["arn"], policy)}
        return QueueWorker(f"{name}-{stage['name']}", worker, self.child())
