"""A Kinesis stream, the functions that read it, and the delivery of all records to S3.

Pattern: "Event stream" (AWS Workshop designs; 2025 guide).
"""

from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import (
    Buffering,
    EncryptedPlace,
    Idempotency,
    Metric,
    UserFunction,
    alarm,
    bucket_delivery,
    create_key,
    failed_record_statements,
    logs_statement,
    stream_alarms,
    stream_source,
    user_function,
)
from cloudpatterns.core import ByName, Component, Statement, WorkloadStatementArgs, account_of, as_arguments, by_name
from cloudpatterns.messaging.event_stream.arguments import EventStreamArgs, EventStreamConsumer, child_names, problems, retention_seconds
from cloudpatterns.storage import DurableBucket

_NOTHING = pulumi.Output.from_input


class EventStream(Component):
    """A Kinesis stream with consumers that cannot stop it, and an archive (2025 guide, "Event stream").

    Each consumer reads all records, those of a key in their order. A record that fails holds its shard back for
    ``maximum_retry_attempts`` or until ``maximum_record_age_seconds``, well before it expires; then Lambda puts it into the bucket for
    failed records, whole, under ``aws/lambda/<event source>/<shard>/``, and goes on. An alarm is raised when a consumer is behind, and
    when records are in the bucket. To process it again, when the cause is fixed:
    ``python -m cloudpatterns_runtime.parked --bucket <failed_record_bucket_name>``, which invokes the functions with each of them.

    A function names the first record that failed (``batchItemFailures``, see Powertools' batch processor); Lambda delivers it and those
    behind it again, so functions are idempotent, and to keep the order of a key they leave out its other records after a failure.

    **Use when**: several consumers need each event, in order per key, or from the beginning again: orders, clicks, measurements.

    **Not when**: each message is one consumer's work (``QueueWorker``), or routing by content counts (``EventBus``).

    **Cost drivers**: the stream by the hour and gigabyte, retention beyond 24 hours, enhanced fan-out, Firehose's gigabytes, one key.

    **Trade-offs**: a failing record delays its shard until it is given up; what was given up is out of order when processed again.

    **Proven by**: controls ``kinesis-encrypted``, ``stream-failures-kept``, ``stream-failures-whole``, ``stream-retries-bounded``,
    ``stream-age-alarmed``; ``test_event_stream.py``, which runs the sample handler with poison records and repeated ones.
    """

    stream_arn: pulumi.Output[str]
    """ARN of the stream."""
    stream_name: pulumi.Output[str]
    """Name of the stream, the dimension ``StreamName`` of its metrics."""
    function_arns: ByName[str]
    """ARN of each consumer's function, by the consumer's name."""
    fan_out_consumer_arns: ByName[str]
    """ARN of each registered consumer with enhanced fan-out, by the consumer's name; empty for the others."""
    failed_record_bucket_name: pulumi.Output[str]
    """Name of the bucket for failed records; empty without consumers."""
    failed_record_bucket_arn: pulumi.Output[str]
    """ARN of the bucket for failed records; empty without consumers."""
    archive_bucket_name: pulumi.Output[str]
    """Name of the archive's bucket; empty without archive."""
    archive_bucket_arn: pulumi.Output[str]
    """ARN of the archive's bucket; empty without archive."""
    delivery_stream_arn: pulumi.Output[str]
    """ARN of the delivery stream; empty without archive."""
    kms_key_arn: pulumi.Output[str]
    """The key that encrypts the new stream, buckets, tables, logs and environments."""

    def __init__(self, name: str, args: EventStreamArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._checked = checked = self.begin(name, args, opts, problems=problems, names=child_names)
        self.kms_key_arn = self._key(name)
        self._stream = self._create_stream(name)
        self.stream_arn = self._stream.arn
        self.stream_name = self.stream_arn.apply(lambda arn: arn.split("/")[1])
        self._log_bucket = checked.get("log_bucket_name")
        self.failed_record_bucket_name = self.failed_record_bucket_arn = _NOTHING("")
        functions: dict[str, pulumi.Output[str]] = {}
        registered: dict[str, pulumi.Output[str]] = {}
        if checked["consumers"]:
            self._failed = self._failed_records(name)
            for key, consumer in checked["consumers"].items():
                functions[key], registered[key] = self._consumer(f"{name}-{key}", consumer)
        self.function_arns, self.fan_out_consumer_arns = by_name(functions), by_name(registered)
        self.archive_bucket_name = self.archive_bucket_arn = self.delivery_stream_arn = _NOTHING("")
        if checked.get("archive") is not None:
            self._archive(name)
        self.register()

    def put_statements(self) -> list[WorkloadStatementArgs]:
        """What a role needs to put records into the stream, for the ``statements`` of a function or a ``WorkloadRole``."""
        actions = ["kinesis:DescribeStreamSummary", "kinesis:ListShards", "kinesis:PutRecord", "kinesis:PutRecords"]
        put = [Statement(sid="Put", actions=actions, resources=[self._stream.arn])]
        if (key := self._stream.kms_key_arn) is not None:
            put.append(Statement(sid="PutKey", actions=["kms:GenerateDataKey"], resources=[key]))
        return as_arguments(put)

    def read_statements(self) -> list[WorkloadStatementArgs]:
        """What the role of a consumer elsewhere needs to read the stream."""
        return as_arguments(self._read())

    def _key(self, name: str) -> pulumi.Output[str]:
        given = self._checked.get("kms_key_arn")
        if given is not None:
            return pulumi.Output.from_input(given)

        def statements(key_arn: pulumi.Output[str]) -> list[Statement]:
            return [logs_statement(key_arn, f"{name}-*-logs*")]

        return create_key(self, f"{name}-key", f"Records, logs and environments of {name}", statements, tags=self._checked["tags"])

    def _create_stream(self, name: str) -> EncryptedPlace:
        checked, existing = self._checked, self._checked.get("existing_stream")
        if existing is not None:
            return EncryptedPlace(pulumi.Output.from_input(existing["arn"]), existing.get("kms_key_arn"))
        shards = checked.get("shard_count")
        stream = aws.kinesis.Stream(
            f"{name}-stream",
            # AWS refuses a number of shards on demand, and none when provisioned.
            stream_mode_details={"stream_mode": "ON_DEMAND" if shards is None else "PROVISIONED"},
            shard_count=shards,
            retention_period=checked["retention_hours"],
            encryption_type="KMS",
            kms_key_id=self.kms_key_arn,
            # Otherwise registered consumers, those of others too, keep a stack from being destroyed.
            enforce_consumer_deletion=True,
            tags=checked["tags"],
            opts=self.child(),
        )
        self._stream_alarms(name, stream)
        return EncryptedPlace(stream.arn, self.kms_key_arn)

    def _stream_alarms(self, name: str, stream: aws.kinesis.Stream) -> None:
        if not (topics := self._checked["alarm_topic_arns"]):
            return
        hours = retention_seconds(self._checked) // 2 // 3600
        alarms = {
            "age": (
                "GetRecords.IteratorAgeMilliseconds",
                "Maximum",
                hours * 3_600_000,
                3,
                f"read records that are {hours} hours old",
            ),
            "read-throttled": (
                "ReadProvisionedThroughputExceeded",
                "Sum",
                0,
                5,
                "are throttled: use enhanced fan-out or more shards",
            ),
            "write-throttled": ("WriteProvisionedThroughputExceeded", "Sum", 0, 5, "would write more than its shards take"),
        }
        for suffix, (metric, statistic, threshold, periods, what) in alarms.items():
            who = "Producers" if "write" in suffix else "Consumers"
            alarm(
                self,
                f"{name}-{suffix}",
                f"{who} of the stream {name} {what}",
                Metric("AWS/Kinesis", metric, {"StreamName": stream.name}, statistic),
                threshold,
                periods=periods,
                actions=topics,
                tags=self._checked["tags"],
            )

    def _read(self) -> list[Statement]:
        """https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-create.html."""
        actions = ["DescribeStream", "DescribeStreamSummary", "GetRecords", "GetShardIterator", "ListShards"]
        read = [Statement(sid="Read", actions=[f"kinesis:{action}" for action in actions], resources=[self._stream.arn])]
        if (key := self._stream.kms_key_arn) is not None:
            read.append(Statement(sid="ReadKey", actions=["kms:Decrypt"], resources=[key]))
        return read

    def _bucket(self, name: str, retention_days: int | None) -> DurableBucket:
        optional = {"log_bucket_name": self._log_bucket, "retention_days": retention_days}
        more: Any = {argument: value for argument, value in optional.items() if value is not None}
        bucket = DurableBucket(name, {"kind": "data", "kms_key_arn": self.kms_key_arn, "tags": self._checked["tags"], **more}, self.child())
        # One bucket has the access logs of both.
        self._log_bucket = bucket.log_bucket_name
        return bucket

    def _failed_records(self, name: str) -> tuple[EncryptedPlace, pulumi.Output[str] | None]:
        """The bucket for failed records, and the account that a new one must belong to."""
        checked, given = self._checked, self._checked.get("failed_record_bucket_arn")
        if given is not None:
            self.failed_record_bucket_arn = pulumi.Output.from_input(given)
            self.failed_record_bucket_name = self.failed_record_bucket_arn.apply(lambda arn: arn.split(":")[-1])
            return EncryptedPlace(self.failed_record_bucket_arn, checked.get("failed_record_kms_key_arn")), None
        bucket = self._bucket(f"{name}-failed", checked["failed_record_retention_days"])
        self.failed_record_bucket_name, self.failed_record_bucket_arn = bucket.bucket_name, bucket.bucket_arn
        return EncryptedPlace(bucket.bucket_arn, bucket.kms_key_arn), account_of(self._stream.arn)

    def _consumer(self, prefix: str, consumer: EventStreamConsumer) -> tuple[pulumi.Output[str], pulumi.Output[str]]:
        """ARN of the function, and of the registered consumer."""
        checked, source_arn, registered_arn, statements = self._checked, self._stream.arn, _NOTHING(""), self._read()
        topics = checked["alarm_topic_arns"]
        if consumer["enhanced_fan_out"]:
            registered = aws.kinesis.StreamConsumer(
                f"{prefix}-consumer", stream_arn=self._stream.arn, tags=checked["tags"], opts=self.child()
            )
            source_arn = registered_arn = registered.arn
            actions = ["kinesis:DescribeStreamConsumer", "kinesis:SubscribeToShard"]
            statements.append(Statement(sid="FanOut", actions=actions, resources=[registered.arn]))
            if topics:
                self._fan_out_alarm(prefix, registered, consumer)
        function = self._function(prefix, consumer, statements)
        source = stream_source(
            self,
            f"{prefix}-source",
            source_arn,
            function.arn,
            starting_position=consumer["starting_position"],
            batch_size=consumer["batch_size"],
            batching_window_seconds=consumer["batching_window_seconds"],
            parallelization_factor=consumer["parallelization_factor"],
            maximum_retry_attempts=consumer["maximum_retry_attempts"],
            maximum_record_age_seconds=consumer["maximum_record_age_seconds"],
            failed_record_bucket_arn=self._failed[0].arn,
            tags=checked["tags"],
        )
        if topics:
            stream_alarms(self, prefix, function.name, source, consumer["alarm_age_seconds"], actions=topics, tags=checked["tags"])
        return function.arn, registered_arn

    def _fan_out_alarm(self, prefix: str, registered: aws.kinesis.StreamConsumer, consumer: EventStreamConsumer) -> None:
        """Lambda's own metric is written when an invocation ends: this one also sees a function that is not invoked at all."""
        alarm(
            self,
            f"{prefix}-consumer-age",
            f"The registered consumer {prefix} is more than {consumer['alarm_age_seconds']} s behind its stream",
            Metric(
                "AWS/Kinesis",
                "SubscribeToShardEvent.MillisBehindLatest",
                {"StreamName": self.stream_name, "ConsumerName": registered.name},
                "Maximum",
            ),
            consumer["alarm_age_seconds"] * 1000,
            periods=3,
            actions=self._checked["alarm_topic_arns"],
            tags=self._checked["tags"],
        )

    def _function(self, prefix: str, consumer: EventStreamConsumer, statements: list[Statement]) -> UserFunction:
        checked = self._checked
        bucket, account = self._failed
        statements = [*statements, *failed_record_statements(bucket.arn, bucket.kms_key_arn, account)]
        idempotency = Idempotency(f"{prefix}-idempotency", checked["deletion_protection"]) if consumer["idempotency"] else None
        return user_function(
            self,
            f"{prefix}-function",
            consumer.get("function"),
            consumer.get("existing_function"),
            description=f"Processes the records of {self.pulumi_resource_name}",
            statements=statements,
            idempotency=idempotency,
            kms_key_arn=self.kms_key_arn,
            alarm_topic_arns=checked["alarm_topic_arns"],
            tags=checked["tags"],
        )

    def _archive(self, name: str) -> None:
        checked, archive = self._checked, self._checked["archive"]
        given = archive.get("bucket_arn")
        if given is None:
            bucket = self._bucket(f"{name}-archived", archive.get("retention_days"))
            self.archive_bucket_name, self.archive_bucket_arn = bucket.bucket_name, bucket.bucket_arn
            place = EncryptedPlace(bucket.bucket_arn, bucket.kms_key_arn)
        else:
            self.archive_bucket_arn = pulumi.Output.from_input(given)
            self.archive_bucket_name = self.archive_bucket_arn.apply(lambda arn: arn.split(":")[-1])
            place = EncryptedPlace(self.archive_bucket_arn, archive.get("bucket_kms_key_arn"))
        delivery = bucket_delivery(
            self,
            f"{name}-archive",
            source=self._stream,
            bucket=place,
            prefix=archive["prefix"] + "!{timestamp:yyyy/MM/dd/HH}/",
            error_prefix="errors/!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd/HH}/",
            buffering=Buffering(archive["buffering_mib"], archive["buffering_seconds"]),
            compression=archive["compression"],
            log_retention_days=checked["log_retention_days"],
            kms_key_arn=self.kms_key_arn,
            alarm_topic_arns=checked["alarm_topic_arns"],
            tags=checked["tags"],
        )
        self.delivery_stream_arn = delivery.stream.arn
