"""An index of a bucket's objects in a table, which queries read instead of listing the bucket.

Pattern: "Storage Index" (Cloud Design Patterns for AWS).
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
from pydantic import Field

from cloudpatterns.blocks import (
    Sender,
    UserFunction,
    WorkQueue,
    admit_events,
    create_key,
    logs_statement,
    messages_alarm,
    pattern_options,
    queue_source,
    receive_statements,
    refuse_plain_requests,
    schema_table,
    send_statements,
    sender_statements,
    throttled_alarm,
    undelivered_queue,
    user_function,
    work_queue,
)
from cloudpatterns.core import (
    Component,
    Matches,
    Problem,
    Statement,
    TableIndexArgs,
    Unique,
    WorkloadStatementArgs,
    after,
    as_arguments,
    table_schema,
)
from cloudpatterns.core.vocabulary import AlarmTopicArns, BucketArn, DeletionProtection, KmsKeyArn, LogRetentionDays, Tags

_PREFIX = "CLOUDPATTERNS_INDEX_"
_EVENTS = "events.amazonaws.com"
_CODE = Path(__file__).parent / "on_aws"
_DAY_SECONDS = 86_400
_INDEXER_SECONDS = 60
_MetadataName = Annotated[
    str,
    Matches("(?!x-amz-meta-)[a-z0-9][a-z0-9-]{0,99}", "the name of user-defined metadata without x-amz-meta-, such as owner"),
]


class StorageIndexOptions(TypedDict):
    """What a user tunes of a ``StorageIndex``."""

    prefix: NotRequired[Annotated[str, Field(default="", max_length=900)]]
    """Objects whose keys begin with it are in the index; without one, all."""
    # DynamoDB has 20 indexes on a table.
    indexed_metadata: NotRequired[Annotated[list[_MetadataName], Unique(), Field(default=[], max_length=19)]]
    """Names of user-defined metadata (``owner`` for the header ``x-amz-meta-owner``) by which objects are found. After the table exists,
    add or remove one in each update, and index the bucket again."""
    unreadable_left_out: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether objects that the bucket's policy refuses to the indexer are left out until they can be read, such as uploads before their
    scan. Otherwise such a refusal is an error: a message in the dead-letter queue, and an alarm."""
    maximum_concurrency: NotRequired[Annotated[int, Field(default=10, ge=2, le=1000)]]
    """Invocations of the indexer at the same time."""
    max_receive_count: NotRequired[Annotated[int, Field(default=5, ge=1, le=1000)]]
    """Tries of an event before it is parked in the dead-letter queue."""
    alarm_age_seconds: NotRequired[Annotated[int, Field(default=900, ge=60, le=345_600)]]
    """How long an event may wait before the alarm is raised; during a re-index job they wait longer."""
    deletion_protection: NotRequired[DeletionProtection]
    """Whether AWS refuses to delete the table."""
    log_retention_days: NotRequired[LogRetentionDays]
    """Days that the functions' log groups keep their events; they have ids of messages, and no keys of objects."""


class StorageIndexArgs(StorageIndexOptions):
    """Arguments of ``StorageIndex``."""

    bucket_arn: BucketArn
    """ARN of the bucket, of the same account and Region."""
    create_notification: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether the bucket's events are switched on here. A bucket has one notification resource, and this one replaces another: give False
    where EventBridge is switched on already, as for the bucket of ``DirectObjectUpload``."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of table, queues, logs and environments. Its policy must admit CloudWatch Logs and EventBridge. Default: a new
    key."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify of parked, late and undelivered events, failing functions and throttled requests."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some."""


class StorageIndex(Component):
    """A table with an entry for each object of a bucket (Cloud Design Patterns for AWS, "Storage Index").

    Queries by folder, by the time of change or by ``indexed_metadata`` cost a request to the table instead of many to S3. Events of the
    bucket reach a queue by EventBridge, and a function looks at the object that each is about: out-of-order, repeated and late events leave
    the index right. It reads metadata and no contents, and needs no right to the bucket's key. Invoke ``query_function_arn`` with
    ``{"folder": "photos/"}``, or use ``cloudpatterns_runtime.storage_index``; the page of both is `docs/runtime/storage-index.md`.

    Objects from before the index, and those whose events were lost, are indexed by a job that any number of failures only delays::

        aws sqs send-message --queue-url <queue_url> --message-body '{"reindex": {}}'

    Messages that failed ``max_receive_count`` times are kept in the dead-letter queue. When the cause is fixed: ``aws sqs
    start-message-move-task --source-arn <dead_letter_queue_arn>``.

    **Use when**: an application shows, counts or searches objects by what S3 cannot list by.

    **Not when**: keys tell everything, and lists are short; or reports over all objects are needed (S3 Metadata tables, S3 Inventory).

    **Cost drivers**: a look and a write to the table and each index for each change, the entries' storage, one key.

    **Trade-offs**: entries are a second or so late. Tags of objects, and what is in them, are not in the index.

    **Proven by**: controls ``queue-dead-letters``, ``sqs-encrypted``, ``sqs-not-public``, ``dynamodb-point-in-time-recovery``;
    ``test_storage_index.py`` of the component, and that of the library, a state machine of repeated, reordered and lost events.
    """

    table_name: pulumi.Output[str]
    """Name of the table."""
    table_arn: pulumi.Output[str]
    """ARN of the table."""
    queue_url: pulumi.Output[str]
    """URL of the queue of events, which takes re-index jobs too."""
    queue_arn: pulumi.Output[str]
    """ARN of the queue of events."""
    dead_letter_queue_url: pulumi.Output[str]
    """URL of the queue with messages that failed."""
    dead_letter_queue_arn: pulumi.Output[str]
    """ARN of the queue with messages that failed."""
    indexer_function_arn: pulumi.Output[str]
    """ARN of the function that keeps the index."""
    query_function_arn: pulumi.Output[str]
    """ARN of the function that answers queries."""
    query_function_name: pulumi.Output[str]
    """Name of the function that answers queries."""
    rule_arn: pulumi.Output[str]
    """ARN of the rule for the bucket's events."""
    kms_key_arn: pulumi.Output[str]
    """The key of table, queues, logs and environments."""

    def __init__(self, name: str, args: StorageIndexArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._checked = checked = self.begin(name, args, opts, problems=_problems, names=_NAMES)
        self.kms_key_arn = self._key(name)
        self._bucket_arn = pulumi.Output.from_input(checked["bucket_arn"])
        self._table(name)
        events = self._events(name)
        self.rule_arn = events.arn
        queue = self._queue(name, events)
        self.queue_url, self.queue_arn = queue.url, queue.arn
        self.dead_letter_queue_url, self.dead_letter_queue_arn = queue.dead_letter_url, queue.dead_letter_arn
        self.indexer_function_arn = self._indexer(name).arn
        query = self._function(name, "query", f"Answers queries about the objects in {name}", self._reads())
        self.query_function_arn, self.query_function_name = query.arn, query.name
        self.register()

    def environment(self) -> dict[str, pulumi.Input[str]]:
        """Environment variables of a function or server that reads the index itself: for ``StorageIndex.from_environment``."""
        return {f"{_PREFIX}TABLE": self.table_name}

    def read_statements(self) -> list[WorkloadStatementArgs]:
        """What a role needs to read the index."""
        return as_arguments(self._reads())

    def query_statements(self) -> list[WorkloadStatementArgs]:
        """What a role needs to invoke the query function."""
        return as_arguments([Statement(sid="QueryIndex", actions=["lambda:InvokeFunction"], resources=[self.query_function_arn])])

    def reindex_statements(self) -> list[WorkloadStatementArgs]:
        """What a role needs to start re-index jobs."""
        return as_arguments(send_statements(self.queue_arn, self.kms_key_arn))

    def _key(self, name: str) -> pulumi.Output[str]:
        given = self._checked.get("kms_key_arn")
        if given is not None:
            return pulumi.Output.from_input(given)

        def statements(key_arn: pulumi.Output[str]) -> list[Statement]:
            return [logs_statement(key_arn, f"{name}-*-logs*"), *sender_statements(key_arn, [_EVENTS])]

        return create_key(self, f"{name}-key", f"Entries, events, logs and environments of {name}", statements, tags=self._checked["tags"])

    def _table(self, name: str) -> None:
        checked = self._checked
        schema = table_schema({"name": "folder", "type": "S"}, {"name": "name", "type": "S"}, _indexes(checked), "expires_at")
        table = schema_table(
            self,
            f"{name}-entries",
            schema,
            kms_key_arn=self.kms_key_arn,
            deletion_protection=checked["deletion_protection"],
            tags=checked["tags"],
        )
        refuse_plain_requests(self, f"{name}-entries-policy", table)
        self.table_arn, self.table_name = table.arn, table.name
        if topics := checked["alarm_topic_arns"]:
            description = f"DynamoDB throttles the index {name} in each of five minutes: queries fail, or entries are late"
            throttled_alarm(self, f"{name}-entries-throttled", description, table.name, actions=topics, tags=checked["tags"])

    def _events(self, name: str) -> aws.cloudwatch.EventRule:
        checked = self._checked
        bucket_name = self._bucket_arn.apply(lambda arn: arn.split(":")[-1])
        if checked["create_notification"]:
            # A bucket has one notification resource. With EventBridge alone, others get its events by rules.
            aws.s3.BucketNotification(f"{name}-events", bucket=bucket_name, eventbridge=True, opts=self.child())
        # A tag may make an object readable, as the scan's does.
        readable = ["Object Tags Added"] if checked["unreadable_left_out"] else []
        kinds = ["Object Created", "Object Deleted", "Object Storage Class Changed", *readable]
        key = {"object": {"key": [{"prefix": checked["prefix"]}]}} if checked["prefix"] else {}
        pattern = {"source": ["aws.s3"], "detail-type": kinds, "detail": {"bucket": {"name": [bucket_name]}, **key}}
        return aws.cloudwatch.EventRule(
            f"{name}-changed",
            description=f"An object in the index {name} has changed",
            event_pattern=pulumi.Output.json_dumps(pattern),
            tags=checked["tags"],
            opts=self.child(),
        )

    def _queue(self, name: str, rule: aws.cloudwatch.EventRule) -> WorkQueue:
        checked, topics = self._checked, self._checked["alarm_topic_arns"]
        queue = work_queue(
            self,
            f"{name}-queue",
            kms_key_arn=self.kms_key_arn,
            # https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
            visibility_timeout_seconds=6 * _INDEXER_SECONDS,
            retention_seconds=4 * _DAY_SECONDS,
            max_receive_count=checked["max_receive_count"],
            senders=[Sender(_EVENTS, rule.arn)],
            alarm_age_seconds=checked["alarm_age_seconds"],
            alarm_topic_arns=topics,
            tags=checked["tags"],
        )
        # Not the dead-letter queue of the other: SQS moves nothing back that EventBridge has sent.
        lost = undelivered_queue(self, f"{name}-undelivered", checked["tags"])
        lost_arn = after(lost.arn, admit_events(self, f"{name}-undelivered-policy", lost, [rule.arn]))
        if topics:
            description = (
                f"Events of the bucket of {name} did not reach its queue: does the key allow {_EVENTS}? Then index the bucket again"
            )
            messages_alarm(self, f"{name}-undelivered-alarm", description, lost, topics, checked["tags"])
        aws.cloudwatch.EventTarget(
            f"{name}-changed-target", rule=rule.name, arn=queue.arn, dead_letter_config={"arn": lost_arn}, opts=self.child()
        )
        return queue

    def _indexer(self, name: str) -> UserFunction:
        checked = self._checked
        entries = [f"dynamodb:{action}" for action in ("GetItem", "PutItem", "Scan")]
        objects = pulumi.Output.concat(self._bucket_arn, "/", checked["prefix"], "*")
        statements = [
            # HEAD needs it, and no right to the key of the objects: without that it reads no contents.
            Statement(sid="Look", actions=["s3:GetObject"], resources=[objects]),
            # Without it S3 answers 403 for what is gone. No condition on the prefix: a HEAD has none.
            Statement(sid="ListObjects", actions=["s3:ListBucket"], resources=[self._bucket_arn]),
            Statement(sid="Entries", actions=entries, resources=[self.table_arn]),
            *receive_statements(self.queue_arn, self.kms_key_arn),
            *send_statements(self.queue_arn, self.kms_key_arn),
        ]
        function = self._function(
            name,
            "indexer",
            f"Keeps the index {name}",
            statements,
            {
                f"{_PREFIX}BUCKET": self._bucket_arn.apply(lambda arn: arn.split(":")[-1]),
                f"{_PREFIX}QUEUE_URL": self.queue_url,
                f"{_PREFIX}PREFIX": checked["prefix"],
                f"{_PREFIX}METADATA": json.dumps(checked["indexed_metadata"]),
                f"{_PREFIX}UNREADABLE": "left-out" if checked["unreadable_left_out"] else "error",
            },
        )
        # The pages of a job are messages that send the next. Lambda would stop them after 16:
        # https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
        loop = aws.lambda_.FunctionRecursionConfig(
            f"{name}-indexer-recursion", function_name=function.name, recursive_loop="Allow", opts=self.child()
        )
        queue_source(
            self,
            f"{name}-source",
            self.queue_arn,
            after(function.arn, loop),
            batch_size=10,
            batching_window_seconds=0,
            maximum_concurrency=checked["maximum_concurrency"],
            tags=checked["tags"],
        )
        return function

    def _function(
        self,
        name: str,
        suffix: str,
        description: str,
        statements: list[Statement],
        more: dict[str, pulumi.Input[str]] | None = None,
    ) -> UserFunction:
        checked = self._checked
        return user_function(
            self,
            f"{name}-{suffix}",
            pattern_options(_CODE / suffix, checked["log_retention_days"], timeout_seconds=_INDEXER_SECONDS),
            description=description,
            statements=statements,
            environment={**self.environment(), **(more or {})},
            kms_key_arn=self.kms_key_arn,
            alarm_topic_arns=checked["alarm_topic_arns"],
            tags=checked["tags"],
        )

    def _reads(self) -> list[Statement]:
        actions, indexes = ["dynamodb:GetItem", "dynamodb:Query"], pulumi.Output.concat(self.table_arn, "/index/*")
        return [
            Statement(sid="ReadIndex", actions=actions, resources=[self.table_arn, indexes]),
            Statement(sid="ReadIndexKey", actions=["kms:Decrypt"], resources=[self.kms_key_arn]),
        ]


_NAMES = {"queue-dead-letters": 80, "indexer-role": 64, "query-role": 64, "undelivered": 80, "changed": 64}


def _indexes(checked: StorageIndexArgs) -> dict[str, TableIndexArgs]:
    def by(attribute: str) -> TableIndexArgs:
        return {"partition_key": {"name": attribute, "type": "S"}, "sort_key": {"name": "last_modified", "type": "S"}}

    names = {f"by-{name}": by(f"metadata_{name.replace('-', '_')}") for name in checked["indexed_metadata"]}
    return {"by-modified": by("folder"), **names}


def _problems(checked: StorageIndexArgs) -> Iterator[Problem]:
    if "modified" in checked["indexed_metadata"]:
        yield "indexed_metadata", "has modified, whose index would have the name of the one by time. Choose another name for the metadata."
