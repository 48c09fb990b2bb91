"""SQS queues with a dead-letter queue, the policies that admit senders, and alarms on what is stuck."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks.alarm import Metric, alarm, messages_alarm
from cloudpatterns.core import Component, Statement, account_of, after, document

DAY_SECONDS = 86_400
DEAD_LETTER_RETENTION_SECONDS = 14 * DAY_SECONDS
"""SQS's longest. A message in a standard dead-letter queue keeps the age that it had, so its retention must be longer than the queue's.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html
"""
QUEUE_NAME_LENGTH = 80
"""https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html (``.fifo`` included)"""


class Sender(NamedTuple):
    """A service of AWS that sends to a queue, for one source: a rule, a topic, a bucket."""

    service: str
    source_arn: pulumi.Input[str]


class Fifo(NamedTuple):
    """What a FIFO queue is given beside its order."""

    content_based_deduplication: bool = False
    high_throughput: bool = True


class WorkQueue(NamedTuple):
    """A queue and its dead-letter queue; URLs and ARNs are available after the policies."""

    queue: aws.sqs.Queue
    dead_letter_queue: aws.sqs.Queue | None
    url: pulumi.Output[str]
    arn: pulumi.Output[str]
    dead_letter_url: pulumi.Output[str]
    dead_letter_arn: pulumi.Output[str]


def work_queue(
    component: Component,
    child_name: str,
    *,
    kms_key_arn: pulumi.Input[str],
    visibility_timeout_seconds: int,
    retention_seconds: int,
    max_receive_count: int,
    max_message_kib: int = 1024,
    delay_seconds: int = 0,
    fifo: Fifo | None = None,
    dead_letter_queue_arn: pulumi.Input[str] | None = None,
    senders: Sequence[Sender] = (),
    alarm_age_seconds: int | None = None,
    alarm_topic_arns: Sequence[pulumi.Input[str]] = (),
    tags: Mapping[str, pulumi.Input[str]],
) -> WorkQueue:
    """A queue whose failed messages go to a dead-letter queue (a new one, or ``dead_letter_queue_arn``) after ``max_receive_count`` tries.

    Both are encrypted with the key, and refuse requests without TLS. ``senders`` may send to the queue; roles of the account need no
    statement here. Alarms, where there are topics, are raised when a message is in the new dead-letter queue, and when the oldest
    message of the queue is ``alarm_age_seconds`` old (default: no such alarm).
    """
    dead = None
    if dead_letter_queue_arn is None:
        dead = dead_letter_queue(component, f"{child_name}-dead-letters", kms_key_arn, fifo, alarm_topic_arns, tags, redrive=True)
    dead_arn: pulumi.Output[str] = dead.arn if dead else pulumi.Output.from_input(dead_letter_queue_arn or "")
    queue = aws.sqs.Queue(
        child_name,
        kms_master_key_id=kms_key_arn,
        kms_data_key_reuse_period_seconds=300,
        visibility_timeout_seconds=visibility_timeout_seconds,
        message_retention_seconds=retention_seconds,
        # The provider's default is a quarter of SQS's own.
        max_message_size=max_message_kib * 1024,
        delay_seconds=delay_seconds or None,
        receive_wait_time_seconds=20,
        redrive_policy=pulumi.Output.json_dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": max_receive_count}),
        tags=tags,
        opts=component.child(),
        **_fifo_arguments(fifo),
    )
    policy = queue_policy(component, f"{child_name}-policy", queue, senders)
    dead_policies: list[pulumi.Resource] = []
    if dead:
        # Apart from the queue: each of the two names the other.
        allow = aws.sqs.RedriveAllowPolicy(
            f"{child_name}-dead-letters-redrive",
            queue_url=dead.id,
            redrive_allow_policy=pulumi.Output.json_dumps({"redrivePermission": "byQueue", "sourceQueueArns": [queue.arn]}),
            opts=component.child(),
        )
        dead_policies = [allow, queue_policy(component, f"{child_name}-dead-letters-policy", dead, ())]
    if alarm_age_seconds is not None and alarm_topic_arns:
        age_alarm(component, child_name, queue.name, alarm_age_seconds, alarm_topic_arns, tags)
    return WorkQueue(
        queue,
        dead,
        after(queue.url, policy, *dead_policies),
        after(queue.arn, policy, *dead_policies),
        after(dead.url, *dead_policies) if dead else pulumi.Output.from_input(""),
        after(dead_arn, *dead_policies),
    )


def age_alarm(
    component: Component,
    child_name: str,
    queue_name: pulumi.Input[str],
    seconds: int,
    topic_arns: Sequence[pulumi.Input[str]],
    tags: Mapping[str, pulumi.Input[str]],
) -> None:
    """An alarm that is raised when the oldest message of a queue is older than ``seconds`` for three minutes."""
    reason = f" is older than {seconds} s: its consumer fails or is too slow"
    alarm(
        component,
        f"{child_name}-age",
        # By the name in AWS: the queue may be another component's.
        pulumi.Output.concat("The oldest message in the queue ", queue_name, reason),
        Metric("AWS/SQS", "ApproximateAgeOfOldestMessage", {"QueueName": queue_name}, "Maximum"),
        seconds,
        periods=3,
        actions=topic_arns,
        tags=tags,
    )


def dead_letter_queue(
    component: Component,
    child_name: str,
    kms_key_arn: pulumi.Input[str],
    fifo: Fifo | None,
    alarm_topic_arns: Sequence[pulumi.Input[str]],
    tags: Mapping[str, pulumi.Input[str]],
    *,
    what: str = "Messages",
    redrive: bool = False,
    description: str | None = None,
) -> aws.sqs.Queue:
    """A queue that keeps what failed for 14 days, with an alarm as soon as something is in it, where there are topics.

    Its policies are the caller's: who may send to it (``queue_policy``), and, for a queue's, which queue may (``RedriveAllowPolicy``).
    ``description`` is that of the alarm; else it says what to do with ``what`` failed.
    ``redrive`` is for a queue's: SQS moves nothing back that a topic, a rule, a schedule or Lambda has sent.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html
    """
    fix = "move them back (redrive), or delete them" if redrive else "start again what still counts, and delete them"
    queue = aws.sqs.Queue(
        child_name,
        kms_master_key_id=kms_key_arn,
        kms_data_key_reuse_period_seconds=300,
        message_retention_seconds=DEAD_LETTER_RETENTION_SECONDS,
        max_message_size=1024 * 1024,
        tags=tags,
        opts=component.child(),
        **_fifo_arguments(fifo),
    )
    if alarm_topic_arns:
        known = f"{what} that failed are in the queue {child_name}: fix the cause, then {fix}"
        messages_alarm(component, f"{child_name}-alarm", known if description is None else description, queue, alarm_topic_arns, tags)
    return queue


def queue_policy(component: Component, child_name: str, queue: aws.sqs.Queue, senders: Sequence[Sender]) -> aws.sqs.QueuePolicy:
    """The one policy of a queue: TLS alone, and the services that may send to it, each for its own source."""
    return aws.sqs.QueuePolicy(
        child_name,
        queue_url=queue.id,
        policy=document(
            Statement(
                sid="DenyPlain",
                effect="Deny",
                actions=["sqs:*"],
                resources=[queue.arn],
                principals="*",
                conditions={"Bool": {"aws:SecureTransport": "false"}},
            ),
            *(
                Statement(
                    sid=f"Sender{number}",
                    actions=["sqs:SendMessage"],
                    resources=[queue.arn],
                    principals={"Service": [sender.service]},
                    conditions=source_conditions(sender, queue.arn),
                )
                for number, sender in enumerate(senders, start=1)
            ),
        ),
        opts=component.child(),
    )


def source_conditions(sender: Sender, of_account: pulumi.Input[str]) -> dict[str, dict[str, pulumi.Input[str]]]:
    """What limits a service to one source of an account. A bucket's ARN names none: whoever has the name next would be let in."""
    source: dict[str, dict[str, pulumi.Input[str]]] = {"ArnEquals": {"aws:SourceArn": sender.source_arn}}
    return {**source, "StringEquals": {"aws:SourceAccount": account_of(of_account)}} if sender.service == "s3.amazonaws.com" else source


def queue_url(queue_arn: pulumi.Input[str]) -> pulumi.Output[str]:
    """The URL of a queue by its ARN: https://docs.aws.amazon.com/general/latest/gr/sqs-service.html."""
    return pulumi.Output.from_input(queue_arn).apply(known_queue_url)


def known_queue_url(queue_arn: str) -> str:
    """The same where the ARN is known."""
    _, partition, _, region, account, name = queue_arn.split(":")
    return f"https://sqs.{region}.amazonaws.com{'.cn' if partition == 'aws-cn' else ''}/{account}/{name}"


def send_statements(queue_arn: pulumi.Input[str], kms_key_arn: pulumi.Input[str] | None) -> list[Statement]:
    """What a role needs to send to a queue."""
    send = Statement(sid="Send", actions=["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:SendMessage"], resources=[queue_arn])
    return [send, *_key_use("SendKey", ["kms:Decrypt", "kms:GenerateDataKey"], kms_key_arn)]


def receive_statements(queue_arn: pulumi.Input[str], kms_key_arn: pulumi.Input[str] | None) -> list[Statement]:
    """What a role needs to receive from a queue and to delete what it has processed, as Lambda's pollers do."""
    actions = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ReceiveMessage"]
    receive = Statement(sid="Receive", actions=actions, resources=[queue_arn])
    return [receive, *_key_use("ReceiveKey", ["kms:Decrypt"], kms_key_arn)]


def _key_use(sid: str, actions: Sequence[str], kms_key_arn: pulumi.Input[str] | None) -> list[Statement]:
    return [] if kms_key_arn is None else [Statement(sid=sid, actions=actions, resources=[kms_key_arn])]


def _fifo_arguments(fifo: Fifo | None) -> dict[str, Any]:
    if fifo is None:
        return {}
    throughput = {"deduplication_scope": "messageGroup", "fifo_throughput_limit": "perMessageGroupId"} if fifo.high_throughput else {}
    return {"fifo_queue": True, "content_based_deduplication": fifo.content_based_deduplication, **throughput}
