"""Arguments of ``EventStream``, and the rules over them."""

from collections.abc import Iterator
from typing import Annotated, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.blocks import function_names
from cloudpatterns.core import Choice, ExistingFunction, FunctionOptions, Matches, Problem, excludes, function_problems, needs, one_of
from cloudpatterns.core.vocabulary import AlarmTopicArns, BucketArn, DeletionProtection, KmsKeyArn, LogRetentionDays, ShortNames, Tags

HOUR_SECONDS = 3600
_OF_NEW_STREAMS = ("shard_count", "retention_hours")
_OF_NEW_BUCKETS = ("failed_record_retention_days",)


class EventStreamConsumer(TypedDict):
    """A Lambda function that reads the stream."""

    function: NotRequired[FunctionOptions]
    """The function. Exactly one of ``function`` and ``existing_function``."""
    existing_function: NotRequired[ExistingFunction]
    """A function that is there. It gets batches, and must name the first record that failed (``batchItemFailures``). Exactly one of
    ``function`` and ``existing_function``."""
    enhanced_fan_out: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether the consumer has 2 MB a second of each shard for itself, at a price; otherwise all consumers share them. A change replaces
    the event source, which begins at ``starting_position`` again: with ``LATEST`` it leaves out what arrives meanwhile."""
    starting_position: NotRequired[Annotated[str, Choice("TRIM_HORIZON", "LATEST"), Field(default="TRIM_HORIZON")]]
    """Where a new consumer begins: at the oldest record, or with those to come. A change replaces the event source, which begins there."""
    batch_size: NotRequired[Annotated[int, Field(default=100, ge=1, le=10_000)]]
    """Records of one invocation at most."""
    batching_window_seconds: NotRequired[Annotated[int, Field(default=0, ge=0, le=300)]]
    """How long Lambda waits for a batch to fill."""
    parallelization_factor: NotRequired[Annotated[int, Field(default=1, ge=1, le=10)]]
    """Invocations for each shard at the same time; the records of a key stay in their order."""
    maximum_retry_attempts: NotRequired[Annotated[int, Field(default=5, ge=0, le=10_000)]]
    """Retries of a failed record before it goes to the bucket. The records behind it in its shard wait. Where the function needs a service
    that may be down for a while, raise it, or all records go to the bucket meanwhile: ``maximum_record_age_seconds`` still ends it."""
    maximum_record_age_seconds: NotRequired[Annotated[int, Field(default=21_600, ge=60, le=604_800)]]
    """Age at which a failing record goes to the bucket, whatever retries are left; at most half of the stream's retention."""
    alarm_age_seconds: NotRequired[Annotated[int, Field(default=900, ge=60, le=604_800)]]
    """How far the function may be behind the stream before the alarm is raised."""
    idempotency: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether the new function has a table for Powertools' idempotency, named in its environment variable ``IDEMPOTENCY_TABLE``: after a
    failure the records behind it are delivered again."""


class EventStreamArchive(TypedDict):
    """Delivery of all records to S3 by Amazon Data Firehose, from its creation on."""

    bucket_arn: NotRequired[pulumi.Input[str]]
    """A bucket that is there. Default: a new one, which keeps the records for ever unless ``retention_days``."""
    bucket_kms_key_arn: NotRequired[KmsKeyArn]
    """The key that encrypts ``bucket_arn``. Default: S3 encrypts it by itself."""
    prefix: NotRequired[
        Annotated[str, Matches(r"[A-Za-z0-9][A-Za-z0-9/_-]*/", "a prefix that ends in a slash such as records/"), Field(default="records/")]
    ]
    """Prefix of the objects, before year, month, day and hour; those of failed deliveries are under ``errors/``."""
    buffering_mib: NotRequired[Annotated[int, Field(default=64, ge=1, le=128)]]
    """Size at which an object is written."""
    buffering_seconds: NotRequired[Annotated[int, Field(default=300, ge=60, le=900)]]
    """Age at which an object is written, however small."""
    compression: NotRequired[Annotated[str, Choice("GZIP", "ZIP", "Snappy", "HADOOP_SNAPPY", "UNCOMPRESSED"), Field(default="GZIP")]]
    """Compression of the objects."""
    retention_days: NotRequired[Annotated[int, Field(ge=1)]]
    """Days after which a new bucket deletes objects. Default: never."""


class ExistingStream(TypedDict):
    """A Kinesis stream that somebody else deploys, and which is not changed."""

    arn: pulumi.Input[str]
    """ARN of the stream."""
    retention_hours: Annotated[int, Field(ge=24, le=8760)]
    """The stream's retention, on which its consumers depend."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key that encrypts the stream. Default: none."""


class EventStreamOptions(TypedDict):
    """What a user tunes of an ``EventStream``."""

    shard_count: NotRequired[Annotated[int, Field(ge=1, le=10_000)]]
    """Shards of a provisioned stream, each 1 MB or 1,000 records a second in. Default: on demand, AWS adds shards by itself."""
    retention_hours: NotRequired[Annotated[int, Field(default=24, ge=24, le=8760)]]
    """Hours that a record stays in the stream."""
    consumers: NotRequired[Annotated[dict[str, EventStreamConsumer], ShortNames, Field(default={})]]
    """Functions that read the stream, by name, each all of its records."""
    archive: NotRequired[EventStreamArchive]
    """Delivery of all records to S3. Default: none."""
    deletion_protection: NotRequired[DeletionProtection]
    """Whether AWS refuses to delete the idempotency tables."""
    failed_record_retention_days: NotRequired[Annotated[int, Field(default=30, ge=1)]]
    """Days that a new bucket keeps failed records."""
    log_retention_days: NotRequired[LogRetentionDays]
    """Days that errors of the archive's delivery are kept."""


class EventStreamArgs(EventStreamOptions):
    """Arguments of ``EventStream``."""

    existing_stream: NotRequired[ExistingStream]
    """A stream that is there: consumers and archive are added. Default: a new one."""
    failed_record_bucket_arn: NotRequired[BucketArn]
    """Bucket for the records that ``consumers`` failed to process, each kept whole, under ``aws/lambda/``. Default: a new one, where there
    are consumers."""
    failed_record_kms_key_arn: NotRequired[KmsKeyArn]
    """The key that encrypts ``failed_record_bucket_arn``. Default: S3 encrypts it by itself."""
    log_bucket_name: NotRequired[pulumi.Input[str]]
    """Bucket for the access logs of the new buckets. Default: a new one."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of the stream, the new buckets, the tables, the logs and the environments. Its policy must admit CloudWatch
    Logs. Default: a new key."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify of consumers that are behind or fail, of throttled requests, and of a late archive."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some."""


def retention_seconds(checked: EventStreamArgs) -> int:
    """How long a record stays in the stream."""
    existing = checked.get("existing_stream")
    return HOUR_SECONDS * (checked["retention_hours"] if existing is None else existing["retention_hours"])


def child_names(checked: EventStreamArgs) -> dict[str, int]:
    """Children whose names AWS limits."""
    limits = {} if checked.get("existing_stream") is not None else {"stream": 128}
    if checked["consumers"] and checked.get("failed_record_bucket_arn") is None:
        # DurableBucket's own, the longer of the two.
        limits["failed-logs-bucket"] = 63
    archive = checked.get("archive")
    if archive is not None:
        limits |= {"archive": 64, "archive-role": 64}
        if archive.get("bucket_arn") is None:
            limits["archived-logs-bucket"] = 63
    for key, consumer in checked["consumers"].items():
        limits |= function_names(consumer.get("function"), f"{key}-function")
    return limits


def problems(checked: EventStreamArgs) -> Iterator[Problem]:
    """What is wrong with the arguments together."""
    archive = checked.get("archive")
    yield from excludes(checked, "existing_stream", *_OF_NEW_STREAMS, why="the stream is there already")
    yield from excludes(checked, "failed_record_bucket_arn", *_OF_NEW_BUCKETS, why="the bucket is there already")
    yield from needs(checked, "failed_record_kms_key_arn", "failed_record_bucket_arn")
    if archive is not None:
        yield from needs(archive, "bucket_kms_key_arn", "bucket_arn", path="archive.")
        yield from excludes(archive, "bucket_arn", "retention_days", path="archive.", why="the bucket is there already")
    if checked.get("existing_stream") is not None and not checked["consumers"] and archive is None:
        yield "existing_stream", "is read by nobody: neither consumers nor archive is given. Give one."
    for key, consumer in checked["consumers"].items():
        path = f"consumers.{key}."
        yield from one_of(consumer, "function", "existing_function", path=path)
        if function := consumer.get("function"):
            yield from function_problems(function, f"{path}function")
        yield from _age_problems(checked, key, consumer)
        for other, registered in checked["consumers"].items():
            if registered["enhanced_fan_out"] and key == f"{other}-consumer":
                yield f"consumers.{key}", f"names its alarm {key}-age, as the consumer {other} does. Choose another name."


def _age_problems(checked: EventStreamArgs, key: str, consumer: EventStreamConsumer) -> Iterator[Problem]:
    retention = retention_seconds(checked)
    for name in ("maximum_record_age_seconds", "alarm_age_seconds"):
        if consumer[name] > retention // 2:
            reason = f"is {consumer[name]}, more than half of the {retention} seconds that a record stays in the stream. Lower it"
            more = "" if checked.get("existing_stream") is not None else ", or raise retention_hours"
            yield f"consumers.{key}.{name}", f"{reason}{more}."
