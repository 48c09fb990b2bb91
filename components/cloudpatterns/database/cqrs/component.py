"""A write table, and read tables that follow its changes.

Pattern: "CQRS" (2025 guide).
"""

import json
from pathlib import Path
from typing import Any

import pulumi

from cloudpatterns.blocks import (
    EncryptedPlace,
    UserFunction,
    create_key,
    failed_record_statements,
    item_statements,
    logs_statement,
    pattern_options,
    refuse_plain_requests,
    schema_table,
    stream_alarms,
    stream_source,
    stream_statements,
    throttled_alarm,
    user_function,
)
from cloudpatterns.core import (
    ByName,
    Component,
    FunctionOptions,
    Statement,
    WorkloadStatementArgs,
    account_of,
    as_arguments,
    by_name,
    table_schema,
)
from cloudpatterns.database.cqrs.arguments import CqrsArgs, CqrsProjectionArgs, child_names, problems
from cloudpatterns.storage import DurableBucket

_DAY_SECONDS = 86_400
_PREFIX = "CLOUDPATTERNS_PROJECTION_"


class Cqrs(Component):
    """Separate tables for commands and queries, kept together by the changes of the first (2025 guide, "CQRS").

    Commands write the write table. A function projects each change of it, out of its DynamoDB stream, into the read table of each
    projection, whose rows and indexes are what queries need. A row is a function of its item, and is written under the condition that it
    is not from a later change: changes that are delivered twice, late or again after days leave the read table right. With
    ``cloudpatterns_runtime.projection`` that takes a function of yours one line; its page is `docs/runtime/projection.md`.

    A change that cannot be projected holds its shard back until ``maximum_retry_attempts`` or ``maximum_record_age_seconds``; then Lambda
    puts it into the bucket, whole, and an alarm is raised. When the cause is fixed, ``python -m cloudpatterns_runtime.parked --bucket
    <failed_record_bucket_name>`` replays all of them. Items from before the stream, and changes that are lost, are projected by ``python -m
    cloudpatterns_runtime.projection --write-table ... --read-table ... --checkpoint ...``.

    **Use when**: queries need other keys, joins or sums than commands, or many more reads than writes are to be served apart.

    **Not when**: readers must see their own writes at once, an index of the table answers the query, or a row sums up many items.

    **Cost drivers**: a write to each read table and its indexes for each change, their storage, the functions, one key.

    **Trade-offs**: rows are a second or so behind; after ``alarm_age_seconds`` an alarm says so. At most two projections read one stream.

    **Proven by**: controls ``stream-failures-kept``, ``stream-failures-whole``, ``stream-retries-bounded``, ``stream-age-alarmed``,
    ``dynamodb-point-in-time-recovery``; ``test_cqrs.py``, and ``test_projection.py`` of the library, a state machine of repeated, reordered
    and lost changes.
    """

    write_table_name: pulumi.Output[str]
    """Name of the write table."""
    write_table_arn: pulumi.Output[str]
    """ARN of the write table."""
    stream_arn: pulumi.Output[str]
    """ARN of the write table's stream."""
    read_table_names: ByName[str]
    """Name of each projection's read table."""
    read_table_arns: ByName[str]
    """ARN of each projection's read table."""
    function_arns: ByName[str]
    """ARN of each projection's function."""
    failed_record_bucket_name: pulumi.Output[str]
    """Name of the bucket for changes that failed."""
    failed_record_bucket_arn: pulumi.Output[str]
    """ARN of the bucket for changes that failed."""
    kms_key_arn: pulumi.Output[str]
    """The key that encrypts the new tables, bucket, logs and environments."""

    def __init__(self, name: str, args: CqrsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._checked = checked = self.begin(name, args, opts, problems=problems, names=child_names)
        self.kms_key_arn = self._key(name)
        self._write = self._write_table(name)
        self.write_table_arn = self._write.arn
        self.write_table_name = self.write_table_arn.apply(lambda arn: arn.split("/")[1])
        self._failed, self._failed_account = self._failed_records(name)
        self.failed_record_bucket_arn = self._failed.arn
        self.failed_record_bucket_name = self.failed_record_bucket_arn.apply(lambda arn: arn.split(":")[-1])
        self._read = {key: self._read_table(f"{name}-{key}", projection) for key, projection in checked["projections"].items()}
        self.read_table_arns = by_name({key: table.arn for key, table in self._read.items()})
        self.read_table_names = by_name({key: table.arn.apply(lambda arn: arn.split("/")[1]) for key, table in self._read.items()})
        functions = {key: self._projection(name, key, projection) for key, projection in checked["projections"].items()}
        self.function_arns = by_name({key: function.arn for key, function in functions.items()})
        self.register()

    def environment(self, projection: str) -> dict[str, pulumi.Input[str]]:
        """Environment variables of a projection's function: for ``Projection.from_environment`` of the library. A new function has them.

        :raises ArgumentError: for an unknown projection, with those known.
        """
        checked = self.lookup(self._checked["projections"], projection, "projection", "a projection")
        seconds = (self._checked["failed_record_retention_days"] + 2) * _DAY_SECONDS
        return {
            f"{_PREFIX}TABLE": self.read_table_names[projection],
            f"{_PREFIX}ATTRIBUTES": json.dumps(checked["attributes"]),
            f"{_PREFIX}REMEMBER_SECONDS": str(seconds),
        }

    def command_statements(self) -> list[WorkloadStatementArgs]:
        """What the role of a function needs that handles commands: items of the write table, by their keys, in transactions too."""
        conditions = Statement(sid="CommandsCheck", actions=["dynamodb:ConditionCheckItem"], resources=[self._write.arn])
        return as_arguments([*item_statements(self._write.arn, self._write.kms_key_arn, sid="Commands"), conditions])

    def query_statements(self, projection: str) -> list[WorkloadStatementArgs]:
        """What the role of a function needs that answers queries from a projection's read table and its indexes; it cannot write.

        :raises ArgumentError: for an unknown projection, with those known.
        """
        table = self.lookup(self._read, projection, "projection", "a projection")
        actions = [f"dynamodb:{action}" for action in ("BatchGetItem", "GetItem", "Query", "Scan")]
        read = [Statement(sid="Queries", actions=actions, resources=[table.arn, pulumi.Output.concat(table.arn, "/index/*")])]
        if table.kms_key_arn is not None:
            read.append(Statement(sid="QueriesKey", actions=["kms:Decrypt"], resources=[table.kms_key_arn]))
        return as_arguments(read)

    def _key(self, name: str) -> pulumi.Output[str]:
        given = self._checked.get("kms_key_arn")
        if given is not None:
            return pulumi.Output.from_input(given)

        def statements(key_arn: pulumi.Output[str]) -> list[Statement]:
            return [logs_statement(key_arn, f"{name}-*-function-logs*")]

        return create_key(
            self, f"{name}-key", f"Items, failed changes, logs and environments of {name}", statements, tags=self._checked["tags"]
        )

    def _write_table(self, name: str) -> EncryptedPlace:
        checked, existing = self._checked, self._checked.get("existing_write_table")
        if existing is not None:
            self.stream_arn = pulumi.Output.from_input(existing["stream_arn"])
            return EncryptedPlace(pulumi.Output.from_input(existing["arn"]), existing.get("kms_key_arn"))
        table = schema_table(
            self,
            f"{name}-write",
            table_schema(checked["partition_key"], checked.get("sort_key"), {}, None),
            stream=True,
            kms_key_arn=self.kms_key_arn,
            deletion_protection=checked["deletion_protection"],
            tags=checked["tags"],
        )
        refuse_plain_requests(self, f"{name}-write-policy", table)
        self.stream_arn = table.stream_arn
        if topics := checked["alarm_topic_arns"]:
            description = f"DynamoDB throttles commands of {name} in each of five minutes: some of them fail"
            throttled_alarm(self, f"{name}-write-throttled", description, table.name, actions=topics, tags=checked["tags"])
        return EncryptedPlace(table.arn, self.kms_key_arn)

    def _failed_records(self, name: str) -> tuple[EncryptedPlace, pulumi.Output[str] | None]:
        """The bucket for changes that failed, and the account that a new one must belong to."""
        checked, given = self._checked, self._checked.get("failed_record_bucket_arn")
        if given is not None:
            return EncryptedPlace(pulumi.Output.from_input(given), checked.get("failed_record_kms_key_arn")), None
        logs = checked.get("log_bucket_name")
        more: Any = {} if logs is None else {"log_bucket_name": logs}
        days = checked["failed_record_retention_days"]
        bucket = DurableBucket(
            f"{name}-failed",
            {"kind": "data", "kms_key_arn": self.kms_key_arn, "retention_days": days, "tags": checked["tags"], **more},
            self.child(),
        )
        return EncryptedPlace(bucket.bucket_arn, bucket.kms_key_arn), account_of(self._write.arn)

    def _read_table(self, prefix: str, projection: CqrsProjectionArgs) -> EncryptedPlace:
        checked, existing = self._checked, projection.get("existing_read_table")
        if existing is not None:
            return EncryptedPlace(pulumi.Output.from_input(existing["arn"]), existing.get("kms_key_arn"))
        table = schema_table(
            self,
            f"{prefix}-read",
            table_schema(checked["partition_key"], checked.get("sort_key"), projection["indexes"], "projection_expires_at"),
            kms_key_arn=self.kms_key_arn,
            deletion_protection=checked["deletion_protection"],
            tags=checked["tags"],
        )
        refuse_plain_requests(self, f"{prefix}-read-policy", table)
        if topics := checked["alarm_topic_arns"]:
            description = f"DynamoDB throttles the read table of {prefix} in each of five minutes: queries fail, or rows are late"
            throttled_alarm(self, f"{prefix}-read-throttled", description, table.name, actions=topics, tags=checked["tags"])
        return EncryptedPlace(table.arn, self.kms_key_arn)

    def _projection(self, name: str, key: str, projection: CqrsProjectionArgs) -> UserFunction:
        checked, prefix = self._checked, f"{name}-{key}"
        function = self._function(prefix, key, projection)
        source = stream_source(
            self,
            f"{prefix}-source",
            self.stream_arn,
            function.arn,
            # Rows are written in order, so that to begin with old changes does no harm, and to leave some out would.
            starting_position="TRIM_HORIZON",
            batch_size=projection["batch_size"],
            batching_window_seconds=projection["batching_window_seconds"],
            parallelization_factor=projection["parallelization_factor"],
            maximum_retry_attempts=projection["maximum_retry_attempts"],
            maximum_record_age_seconds=projection["maximum_record_age_seconds"],
            failed_record_bucket_arn=self._failed.arn,
            tags=checked["tags"],
        )
        if topics := checked["alarm_topic_arns"]:
            stream_alarms(self, prefix, function.name, source, projection["alarm_age_seconds"], actions=topics, tags=checked["tags"])
        return function

    def _function(self, prefix: str, key: str, projection: CqrsProjectionArgs) -> UserFunction:
        checked, read = self._checked, self._read[key]
        existing = projection.get("existing_function")
        rows = Statement(sid="Rows", actions=["dynamodb:GetItem", "dynamodb:PutItem"], resources=[read.arn])
        row_key = [] if read.kms_key_arn is None else [Statement(sid="RowsKey", actions=["kms:Decrypt"], resources=[read.kms_key_arn])]
        return user_function(
            self,
            f"{prefix}-function",
            None if existing is not None else self._options(projection),
            existing,
            description=f"Projects the changes of {self.pulumi_resource_name} into {prefix}",
            statements=[
                *stream_statements(self.stream_arn, self._write.kms_key_arn),
                rows,
                *row_key,
                *failed_record_statements(self._failed.arn, self._failed.kms_key_arn, self._failed_account),
            ],
            environment=self.environment(key),
            kms_key_arn=self.kms_key_arn,
            alarm_topic_arns=checked["alarm_topic_arns"],
            tags=checked["tags"],
        )

    def _options(self, projection: CqrsProjectionArgs) -> FunctionOptions:
        own = projection.get("function")
        if own is None:
            return pattern_options(Path(__file__).parent / "on_aws", self._checked["log_retention_days"])
        # An image brings the library itself; the library is in Python.
        with_layer = own.get("image_uri") is None and own["runtime"].startswith("python")
        return {**own, "runtime_library": with_layer}
