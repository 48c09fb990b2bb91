"""Arguments of ``Cqrs``, and the rules over them."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.core import (
    ExistingFunction,
    FunctionOptions,
    Matches,
    Problem,
    TableKeyArgs,
    Unique,
    excludes,
    function_problems,
    is_given,
    needs,
    table_problems,
)
from cloudpatterns.core.tables import AttributeName, TableIndexes
from cloudpatterns.core.vocabulary import AlarmTopicArns, BucketArn, DeletionProtection, KmsKeyArn, LogRetentionDays, ShortNames, Tags

_TABLE = r"arn:[^:]+:dynamodb:[^:]+:\d{12}:table/[a-zA-Z0-9_.-]+"
_OF_NEW_TABLES = ("indexes",)


class CqrsExistingWriteTable(TypedDict):
    """A table that is there, with a stream of new images; its keys are ``partition_key`` and ``sort_key``."""

    arn: Annotated[pulumi.Input[str], Matches(_TABLE, "the ARN of a DynamoDB table")]
    """ARN of the table."""
    stream_arn: Annotated[pulumi.Input[str], Matches(rf"{_TABLE}/stream/[^/]+", "the ARN of a table's stream")]
    """ARN of its stream. A stream that is switched off and on has another, and the records of the old one are lost: project again."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Its customer managed key. Default: the table has a key of AWS's."""


class CqrsExistingReadTable(TypedDict):
    """A table that is there, with the keys of the write table."""

    arn: Annotated[pulumi.Input[str], Matches(_TABLE, "the ARN of a DynamoDB table")]
    """ARN of the table; its TTL attribute is ``projection_expires_at``."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Its customer managed key. Default: the table has a key of AWS's."""


class CqrsProjectionArgs(TypedDict):
    """A read model: a table, and the function that keeps it."""

    function: NotRequired[FunctionOptions]
    """Function of yours that projects the changes, best with ``cloudpatterns_runtime.projection``, whose layer and variables it has.
    Default: a function that copies the items, or ``attributes`` of them."""
    existing_function: NotRequired[ExistingFunction]
    """A function that is there; its variables are ``environment``'s. Not with ``function``. Default: a new one."""
    attributes: NotRequired[Annotated[list[AttributeName], Unique(), Field(default=[], max_length=100)]]
    """Attributes of the items that are copied, beside the keys; without any, all. Not with a function of yours."""
    indexes: NotRequired[TableIndexes]
    """Global secondary indexes of the read table by name, for its queries. After the table exists, add or remove one in each update."""
    existing_read_table: NotRequired[CqrsExistingReadTable]
    """A read table that is there. Default: a new one."""
    batch_size: NotRequired[Annotated[int, Field(default=100, ge=1, le=10_000)]]
    """Changes of one invocation at most."""
    batching_window_seconds: NotRequired[Annotated[int, Field(default=0, ge=0, le=300)]]
    """How long Lambda waits for a batch to fill: readers see changes as much later."""
    parallelization_factor: NotRequired[Annotated[int, Field(default=1, ge=1, le=10)]]
    """Invocations for each shard of the stream at the same time; the changes of an item stay in their order."""
    maximum_retry_attempts: NotRequired[Annotated[int, Field(default=5, ge=0, le=10_000)]]
    """Retries of a failed change before it is parked in the bucket. The changes behind it in its shard wait."""
    # Half of the 24 hours that a stream keeps its records.
    maximum_record_age_seconds: NotRequired[Annotated[int, Field(default=10_800, ge=60, le=43_200)]]
    """Age at which a failing change is parked, whatever retries are left."""
    alarm_age_seconds: NotRequired[Annotated[int, Field(default=300, ge=60, le=43_200)]]
    """How old what readers see may be before the alarm is raised."""


class CqrsOptions(TypedDict):
    """What a user tunes of ``Cqrs``."""

    # DynamoDB throttles more readers: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
    projections: Annotated[dict[str, CqrsProjectionArgs], ShortNames, Field(min_length=1, max_length=2)]
    """Read models by name: one or two, as many as can read a stream at the same time."""
    partition_key: NotRequired[Annotated[TableKeyArgs, Field(default={"name": "id", "type": "S"})]]
    """Partition key of the write table, and of the read tables. Another one replaces the tables."""
    sort_key: NotRequired[TableKeyArgs]
    """Sort key of the write table, and of the read tables. Another one replaces the tables. Default: none."""
    failed_record_retention_days: NotRequired[Annotated[int, Field(default=30, ge=1, le=365)]]
    """Days that a new bucket keeps failed changes, to be replayed; deleted items are remembered in the read tables two days longer."""
    deletion_protection: NotRequired[DeletionProtection]
    """Whether AWS refuses to delete the new tables."""
    log_retention_days: NotRequired[LogRetentionDays]
    """Days that the logs of functions without code of yours are kept; they have keys of items, and no values."""


class CqrsArgs(CqrsOptions):
    """Arguments of ``Cqrs``."""

    existing_write_table: NotRequired[CqrsExistingWriteTable]
    """A write table that is there. A table that was restored from a backup is another one, whose changes are numbered anew: give it new
    read tables. Default: a new one."""
    failed_record_bucket_arn: NotRequired[BucketArn]
    """Bucket for failed changes, each kept whole, under ``aws/lambda/``. Default: a new one."""
    failed_record_kms_key_arn: NotRequired[KmsKeyArn]
    """The key that encrypts ``failed_record_bucket_arn``. Default: S3 encrypts it by itself."""
    log_bucket_name: NotRequired[pulumi.Input[str]]
    """Bucket for the access logs of the new bucket. Default: a new one."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of the new tables, bucket, logs and environments. Its policy must admit CloudWatch Logs. Default: a new key."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify of projections that are late or fail, and of throttled requests."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some."""


def child_names(checked: CqrsArgs) -> dict[str, int]:
    """Children whose names AWS limits."""
    limits = {} if checked.get("existing_write_table") is not None else {"write": 255}
    if checked.get("failed_record_bucket_arn") is None:
        # DurableBucket's own, the longer of the two where it has one.
        limits["failed-bucket" if is_given(checked, "log_bucket_name") else "failed-logs-bucket"] = 63
    for key, projection in checked["projections"].items():
        if projection.get("existing_read_table") is None:
            limits[f"{key}-read"] = 255
        if projection.get("existing_function") is None:
            limits |= {f"{key}-function": 64, f"{key}-function-role": 64}
    return limits


def problems(checked: CqrsArgs) -> Iterator[Problem]:
    """What is wrong with the arguments together."""
    yield from needs(checked, "failed_record_kms_key_arn", "failed_record_bucket_arn")
    yield from excludes(checked, "failed_record_bucket_arn", "log_bucket_name", why="the bucket is there already")
    for key, projection in checked["projections"].items():
        path = f"projections.{key}."
        yield from excludes(projection, "existing_function", "function", path=path, why="the function is there already")
        yield from excludes(projection, "existing_read_table", *_OF_NEW_TABLES, path=path, why="the table is there already")
        if projection["attributes"]:
            for own in ("function", "existing_function"):
                yield from excludes(projection, own, "attributes", path=path, why="the function decides what a row has")
        if function := projection.get("function"):
            yield from function_problems(function, f"{path}function")
        yield from _table_problems(checked, projection, path)


def _table_problems(checked: CqrsArgs, projection: CqrsProjectionArgs, path: str) -> Iterator[Problem]:
    table: dict[str, Any] = {
        "partition_key": checked["partition_key"],
        "sort_key": checked.get("sort_key"),
        "indexes": projection["indexes"],
    }
    for place, reason in table_problems(table):
        # The write table's keys are those of all.
        yield (f"{path}{place}" if place.startswith("indexes.") else place), reason
    own = set(_names(table))
    for name, index in projection["indexes"].items():
        keys = set(_names(index))
        if keys <= own and index.get("attributes") is not None:
            reason = (
                f"leaves out which rows are of deleted items: the keys of the index, {', '.join(sorted(keys))}, are those of the table. "
                "Remove attributes, so that the index has all."
            )
            yield f"{path}indexes.{name}.attributes", reason


def _names(table: Mapping[str, Any]) -> list[str]:
    """The key attributes of a table or an index."""
    return [key["name"] for role in ("partition_key", "sort_key") if (key := table.get(role)) is not None]
