"""Arguments of ``QueuingChain``, and the rules over them."""

from collections.abc import Iterator, Sequence
from typing import Annotated, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.core import (
    ArgumentError,
    ExistingFunction,
    ExistingQueue,
    Matches,
    Problem,
    QueueSender,
    WorkloadStatementArgs,
    declared,
    pick,
)
from cloudpatterns.core.vocabulary import SHORT_NAME, SHORT_NAME_WORDS, AlarmTopicArns, KmsKeyArn, QueueArn, Tags
from cloudpatterns.messaging.queue_worker.arguments import QueueWorkerArgs, QueueWorkerOptions, child_names
from cloudpatterns.messaging.queue_worker.component import QueueWorker

NEXT_QUEUE_VARIABLE = "NEXT_QUEUE_URL"
"""The environment variable with the queue of the next stage."""


class QueuingChainStage(QueueWorkerOptions):
    """One stage of a chain: a queue, and the function that processes its messages and sends the results on."""

    name: Annotated[str, Matches(SHORT_NAME, f"{SHORT_NAME_WORDS}, such as resize")]
    """Name of the stage, which names its queue and its function."""
    existing_function: NotRequired[ExistingFunction]
    """A function that is there. It gets batches, must name the failed messages (``batchItemFailures``), and must know the queue of the
    next stage (output ``queue_urls``). Default: ``function``, or a service that polls the queue by itself."""
    existing_queue: NotRequired[ExistingQueue]
    """A queue that is there. Default: a new one, with its dead-letter queue."""


class OutputQueue(TypedDict):
    """A queue that the last stage sends to, and which is not changed."""

    arn: QueueArn
    """ARN of the queue."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key that encrypts the queue. Default: none, it is encrypted by SQS itself."""


class QueuingChainOptions(TypedDict):
    """What a user tunes of a ``QueuingChain``."""

    stages: Annotated[list[QueuingChainStage], Field(min_length=2)]
    """The stages in their order, at least two."""


class QueuingChainArgs(QueuingChainOptions):
    """Arguments of ``QueuingChain``."""

    output_queue: NotRequired[OutputQueue]
    """A queue that the last stage sends to. Default: the last stage sends nowhere."""
    senders: NotRequired[Annotated[list[QueueSender], Field(default=[])]]
    """Services of AWS that may send to the first queue, beside roles of the account (``send_statements``)."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of all queues, tables, logs and environments. Its policy must admit CloudWatch Logs, and the services in
    ``senders``. Default: a new key."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify, for each stage, of messages in its dead-letter queue, of old messages and of a failing function."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some."""


_ANY_KEY_ARN = "arn:aws:kms:eu-west-1:000000000000:key/0"
_OF_WORKERS = tuple(name for name in declared(QueuingChainStage) if name != "name")


def stage_args(
    checked: QueuingChainArgs,
    number: int,
    kms_key_arn: pulumi.Input[str],
    next_url: pulumi.Input[str] | None,
    send: Sequence[WorkloadStatementArgs],
) -> QueueWorkerArgs:
    """The arguments of a stage's ``QueueWorker``; ``next_url`` and ``send`` are the next queue and the right to send to it."""
    stage = checked["stages"][number]
    function, existing_queue = stage.get("function"), stage.get("existing_queue")
    worker: QueueWorkerArgs = {**pick(stage, *_OF_WORKERS), **pick(checked, "alarm_topic_arns", "tags")}
    if number == 0:
        worker["senders"] = checked["senders"]
    if function is not None or existing_queue is None:
        worker["kms_key_arn"] = kms_key_arn
    if function is not None:
        variables = {} if next_url is None else {NEXT_QUEUE_VARIABLE: next_url}
        worker["function"] = {
            **function,
            "environment": {**function["environment"], **variables},
            "statements": [*function["statements"], *send],
        }
    return worker


def chain_names(checked: QueuingChainArgs) -> dict[str, int]:
    """Children whose names AWS limits."""
    return {
        f"{stage['name']}-{suffix}": limit
        for number, stage in enumerate(checked["stages"])
        for suffix, limit in child_names(stage_args(checked, number, "", None, ())).items()
    }


def problems(name: str, checked: QueuingChainArgs) -> Iterator[Problem]:
    """What is wrong with the arguments together."""
    names: set[str] = set()
    for number, stage in enumerate(checked["stages"]):
        if stage["name"] in names:
            yield f"stages.{number}.name", f"is {stage['name']!r} a second time; each stage has a name of its own. Choose another."
        names.add(stage["name"])
        yield from _function_problems(checked, number)
        yield from _worker_problems(name, checked, number)
    yield from cycles(queues(checked))


def queues(checked: QueuingChainArgs) -> list[tuple[str, pulumi.Input[str]]]:
    """The queues that were there, as path and ARN, in the order in which a message passes them."""
    arns: list[tuple[str, pulumi.Input[str]]] = []
    for number, stage in enumerate(checked["stages"]):
        if existing := stage.get("existing_queue"):
            arns.append((f"stages.{number}.existing_queue.arn", existing["arn"]))
    if output := checked.get("output_queue"):
        arns.append(("output_queue.arn", output["arn"]))
    return arns


def cycles(arns: Sequence[tuple[str, pulumi.Input[str]]]) -> Iterator[Problem]:
    """Queues that a message would pass twice, as far as their ARNs are known.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
    """
    seen: set[str] = set()
    for path, arn in arns:
        if isinstance(arn, str):
            if arn in seen:
                reason = (
                    f"is {arn}, through which the messages have come already; Lambda stops such a loop after about 16 rounds. "
                    "Name another queue."
                )
                yield path, reason
            seen.add(arn)


def _function_problems(checked: QueuingChainArgs, number: int) -> Iterator[Problem]:
    function = checked["stages"][number].get("function")
    if function is not None and NEXT_QUEUE_VARIABLE in function["environment"]:
        path = f"stages.{number}.function.environment.{NEXT_QUEUE_VARIABLE}"
        yield path, "is a variable that the chain sets itself, to the queue of the next stage. Choose another name."


def _worker_problems(name: str, checked: QueuingChainArgs, number: int) -> Iterator[Problem]:
    """What the stage's ``QueueWorker`` would refuse: when the first of them exists it is too late."""
    stage = checked["stages"][number]
    try:
        QueueWorker.check(f"{name}-{stage['name']}", stage_args(checked, number, _ANY_KEY_ARN, None, ()))
    except ArgumentError as error:
        for path, reason in error.problems:
            # A name that is too long is reported by the chain's own limits.
            if path != "name":
                yield path if path == "senders" else f"stages.{number}.{path}", reason
