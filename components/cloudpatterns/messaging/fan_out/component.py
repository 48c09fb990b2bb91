"""A topic whose messages reach several queues, each with its own consumer, filter and dead-letter queues.

Pattern: "Publish/subscribe" (2025 guide; Well-Architected, "Fan-out").
"""

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import (
    Fifo,
    Metric,
    Sender,
    alarm,
    create_key,
    dead_letter_queue,
    log_group,
    logs_statement,
    queue_policy,
    receive_statements,
    sender_statements,
    service_role,
    work_queue,
)
from cloudpatterns.blocks.work_queue import DAY_SECONDS, queue_url
from cloudpatterns.core import (
    Component,
    ExistingQueue,
    Statement,
    WorkloadStatementArgs,
    account_of,
    after,
    as_arguments,
    by_name,
    document,
    name_of,
    region_of,
)
from cloudpatterns.messaging._patterns import pattern_json
from cloudpatterns.messaging.fan_out.arguments import (
    STANDARD_KIB,
    FanOutArgs,
    FanOutDeliveryLogs,
    FanOutSubscriber,
    child_names,
    is_fifo,
    problems,
)
from cloudpatterns.messaging.fan_out.publishers import key_statements, publish_statements, topic_policy

_SNS = "sns.amazonaws.com"


class FanOut(Component):
    """A topic, and a queue with dead-letter queues for each subscriber (2025 guide, "Publish/subscribe").

    Each subscriber has a queue of its own, so one that is slow, or stands still, holds back no other. A message has two places where it may
    be parked, both with an alarm: the queue's dead-letter queue, when the consumer fails ``max_receive_count`` times, and the
    queue ``undelivered``, when SNS cannot deliver to the queue (its policy or key refuses). To move messages back, when the cause is
    fixed: ``aws sqs start-message-move-task`` from a dead-letter queue. SQS refuses it for ``undelivered``, which is no queue's: send
    those messages to the subscriber's queue, then delete them.

    A ``QueueWorker`` processes a subscriber's messages: pass ``existing_queue("shipping")`` as its ``existing_queue``.

    **Use when**: several consumers need each message, or some of them by a filter, and publishers should not know who they are.

    **Not when**: there is one consumer (``QueueWorker``), rules over the content route events of many sources (``EventBus``), or
    consumers read again from the start (``EventStream``).

    **Cost drivers**: messages, per subscriber a delivery and the requests of its pollers, alarms; one key.

    **Trade-offs**: messages arrive at least once, and out of order unless ``fifo``. A subscriber gets nothing that was published before
    its subscription, and a changed filter takes up to 15 minutes.

    **Proven by**: controls ``sns-encrypted``, ``sns-not-public``, ``subscription-dead-letters``, ``queue-dead-letters``;
    ``test_fan_out.py``, which lets one consumer stand still while the others drain their queues.
    """

    topic_arn: pulumi.Output[str]
    """ARN of the topic, available after its policy and all subscriptions."""
    topic_name: pulumi.Output[str]
    """Name of the topic, the dimension ``TopicName`` of its metrics."""
    queue_arns: pulumi.Output[dict[str, str]]
    """ARN of each subscriber's queue, available after its policy and subscription."""
    queue_urls: pulumi.Output[dict[str, str]]
    """URL of each subscriber's queue."""
    dead_letter_queue_arns: pulumi.Output[dict[str, str]]
    """ARN of the dead-letter queue of each new queue."""
    undelivered_queue_arns: pulumi.Output[dict[str, str]]
    """ARN of each subscriber's queue for messages that SNS could not deliver."""
    kms_key_arn: pulumi.Output[str]
    """The key that encrypts the new topic, the new queues and the logs."""

    def __init__(self, name: str, args: FanOutArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._checked = checked = self.begin(name, args, opts, problems=problems, names=child_names)
        self._fifo = Fifo(checked["content_based_deduplication"]) if is_fifo(checked) else None
        self.kms_key_arn = self._key(name)
        existing = checked.get("existing_topic")
        if existing is None:
            topic_arn, waits = self._topic(name)
            self._topic_key_arn: pulumi.Input[str] | None = self.kms_key_arn
        else:
            topic_arn, waits = pulumi.Output.from_input(existing["arn"]), []
            self._topic_key_arn = existing.get("kms_key_arn")
        self.topic_name = name_of(topic_arn)
        self._arns: dict[str, pulumi.Output[str]] = {}
        self._urls: dict[str, pulumi.Output[str]] = {}
        self._dead: dict[str, pulumi.Output[str]] = {}
        self._undelivered: dict[str, pulumi.Output[str]] = {}
        waits += [self._subscribe(name, key, subscriber, topic_arn) for key, subscriber in checked["subscribers"].items()]
        self.queue_arns, self.queue_urls = by_name(self._arns), by_name(self._urls)
        self.dead_letter_queue_arns, self.undelivered_queue_arns = by_name(self._dead), by_name(self._undelivered)
        # Nothing is published before everybody is subscribed.
        self.topic_arn = after(topic_arn, *waits)
        if checked["alarm_topic_arns"]:
            self._alarm(name)
        self.register()

    def publish_statements(self) -> list[WorkloadStatementArgs]:
        """What a role needs to publish to the topic, for the ``statements`` of a function or a ``WorkloadRole``."""
        return as_arguments(publish_statements(self.topic_arn, self._topic_key_arn))

    def receive_statements(self, subscriber: str) -> list[WorkloadStatementArgs]:
        """What the role of a service needs to receive from a subscriber's queue and to delete what it has processed."""
        queue = self.existing_queue(subscriber)
        return as_arguments(receive_statements(queue["arn"], queue.get("kms_key_arn")))

    def existing_queue(self, subscriber: str) -> ExistingQueue:
        """A subscriber's queue as the ``existing_queue`` of the ``QueueWorker`` that processes its messages."""
        options = self.lookup(self._checked["subscribers"], subscriber, "subscriber", "a subscriber")
        existing = options.get("existing_queue")
        if existing is not None:
            return {**existing, "arn": self._arns[subscriber]}
        return {
            "arn": self._arns[subscriber],
            "visibility_timeout_seconds": options["visibility_timeout_seconds"],
            "kms_key_arn": self.kms_key_arn,
        }

    def dead_letter_queue_arn(self, subscriber: str) -> pulumi.Output[str]:
        """The ARN of the dead-letter queue of a subscriber with a new queue."""
        return self.lookup(self._dead, subscriber, "subscriber", "a subscriber with a new queue")

    def _key(self, name: str) -> pulumi.Output[str]:
        checked = self._checked
        given = checked.get("kms_key_arn")
        if given is not None:
            return pulumi.Output.from_input(given)

        def statements(key_arn: pulumi.Output[str]) -> list[Statement]:
            services = [_SNS, *(publisher["service"] for publisher in checked["publishers"])]
            logs = [logs_statement(key_arn, "sns/*")] if checked.get("delivery_logs") else []
            return [*logs, *sender_statements(key_arn, services), *key_statements(key_arn, checked)]

        return create_key(self, f"{name}-key", f"Topic and queues of {name}", statements, tags=checked["tags"])

    def _topic(self, name: str) -> tuple[pulumi.Output[str], list[pulumi.Resource]]:
        checked, logs = self._checked, self._checked.get("delivery_logs")
        role = None if logs is None else service_role(self, f"{name}-logs-role", _SNS, f"Logs deliveries of {name}", tags=checked["tags"])
        role_arn = None if role is None else role.arn
        topic = aws.sns.Topic(
            f"{name}-topic",
            kms_master_key_id=self.kms_key_arn,
            fifo_topic=True if self._fifo else None,
            content_based_deduplication=checked["content_based_deduplication"] or None,
            # As the queues' own: a group is the unit of order, so it may be that of the throughput.
            fifo_throughput_scope="MessageGroup" if self._fifo else None,
            maximum_message_size=None if checked["max_message_kib"] == STANDARD_KIB else checked["max_message_kib"] * 1024,
            # SHA-256; consumers without raw delivery may verify it.
            signature_version=2,
            sqs_failure_feedback_role_arn=role_arn,
            sqs_success_feedback_role_arn=role_arn,
            sqs_success_feedback_sample_rate=None if logs is None else logs["success_percent"],
            tags=checked["tags"],
            opts=self.child(),
        )
        waits: list[pulumi.Resource] = [topic_policy(self, f"{name}-topic-policy", topic.arn, checked)]
        if logs is not None and role is not None:
            waits += self._logs(name, topic, logs, role.role)
        return topic.arn, waits

    def _logs(self, name: str, topic: aws.sns.Topic, logs: FanOutDeliveryLogs, role: aws.iam.Role) -> list[pulumi.Resource]:
        """The log groups that SNS would create itself, without retention, and after them the right to write to them.

        In this order SNS cannot create a group before the program does, nor again after the program has deleted it. The role's trust names
        no topic: that needs the role first, and SNS documents no condition key for it.
        https://docs.aws.amazon.com/sns/latest/dg/topics-attrib-prereq.html, https://docs.aws.amazon.com/sns/latest/dg/sns-topic-attributes.html
        """
        group = pulumi.Output.concat("sns/", region_of(topic.arn), "/", account_of(topic.arn), "/", topic.name)
        groups = [
            log_group(
                self,
                f"{name}-{kind}-logs",
                logs["log_retention_days"],
                name=full_name,
                kms_key_arn=self.kms_key_arn,
                tags=self._checked["tags"],
            )
            for kind, full_name in {"success": group, "failure": pulumi.Output.concat(group, "/Failure")}.items()
        ]
        actions = [f"logs:{action}" for action in ("CreateLogGroup", "CreateLogStream", "PutLogEvents", "PutMetricFilter")]
        arns = [arn for one in groups for arn in (one.arn, pulumi.Output.concat(one.arn, ":*"))]
        write = Statement(sid="Log", actions=[*actions, "logs:PutRetentionPolicy"], resources=arns)
        return [aws.iam.RolePolicy(f"{name}-logs-policy", role=role.id, policy=document(write), opts=self.child())]

    def _subscribe(self, name: str, key: str, subscriber: FanOutSubscriber, topic_arn: pulumi.Output[str]) -> pulumi.Resource:
        checked, policy = self._checked, subscriber.get("filter_policy")
        url, arn = self._queue(name, key, subscriber, topic_arn)
        undelivered = dead_letter_queue(
            self,
            f"{name}-{key}-undelivered",
            self.kms_key_arn,
            self._fifo,
            checked["alarm_topic_arns"],
            checked["tags"],
            what=f"Messages for {key}",
        )
        undelivered_policy = queue_policy(self, f"{name}-{key}-undelivered-policy", undelivered, [Sender(_SNS, topic_arn)])
        undelivered_arn = after(undelivered.arn, undelivered_policy)
        subscription = aws.sns.TopicSubscription(
            f"{name}-{key}-subscription",
            topic=topic_arn,
            protocol="sqs",
            endpoint=arn,
            raw_message_delivery=subscriber["raw_delivery"],
            filter_policy=None if policy is None else pattern_json(policy),
            filter_policy_scope=None if policy is None else subscriber["filter_scope"],
            redrive_policy=pulumi.Output.json_dumps({"deadLetterTargetArn": undelivered_arn}),
            opts=self.child(),
        )
        self._arns[key], self._urls[key], self._undelivered[key] = after(arn, subscription), after(url, subscription), undelivered_arn
        return subscription

    def _queue(
        self, name: str, key: str, subscriber: FanOutSubscriber, topic_arn: pulumi.Output[str]
    ) -> tuple[pulumi.Output[str], pulumi.Output[str]]:
        """URL and ARN of a subscriber's queue."""
        existing = subscriber.get("existing_queue")
        if existing is not None:
            return queue_url(existing["arn"]), pulumi.Output.from_input(existing["arn"])
        checked = self._checked
        queues = work_queue(
            self,
            f"{name}-{key}-queue",
            kms_key_arn=self.kms_key_arn,
            visibility_timeout_seconds=subscriber["visibility_timeout_seconds"],
            retention_seconds=subscriber["message_retention_days"] * DAY_SECONDS,
            max_receive_count=subscriber["max_receive_count"],
            delay_seconds=subscriber["delay_seconds"],
            fifo=self._fifo,
            senders=[Sender(_SNS, topic_arn)],
            alarm_age_seconds=subscriber.get("alarm_age_seconds"),
            alarm_topic_arns=checked["alarm_topic_arns"],
            tags=checked["tags"],
        )
        self._dead[key] = queues.dead_letter_arn
        return queues.url, queues.arn

    def _alarm(self, name: str) -> None:
        alarm(
            self,
            f"{name}-lost",
            f"Messages of the topic of {name} are lost: SNS could neither deliver them nor put them into the queue for undelivered ones. "
            "Do the queues' policies, and that of their key, still allow sns.amazonaws.com?",
            Metric("AWS/SNS", "NumberOfNotificationsFailedToRedriveToDlq", {"TopicName": self.topic_name}, "Sum"),
            0,
            actions=self._checked["alarm_topic_arns"],
            tags=self._checked["tags"],
        )
