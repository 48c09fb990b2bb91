"""Logs that are delivered to a locked bucket, move to S3 Glacier storage classes and expire.

Pattern: "Web Storage Archive" (Cloud Design Patterns for AWS).
"""

import json
import re
from collections.abc import Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import (
    BucketDelivery,
    Buffering,
    EncryptedPlace,
    Metric,
    alarm,
    bucket_delivery,
    create_key,
    log_group,
    logs_statement,
    service_role,
)
from cloudpatterns.core import Component, Statement, WorkloadStatementArgs, account_of, after, as_arguments, partition_of, pick, region_of
from cloudpatterns.storage.durable_bucket.component import DurableBucket
from cloudpatterns.storage.web_storage_archive.agents import agent_script
from cloudpatterns.storage.web_storage_archive.arguments import (
    NONCURRENT_DAYS,
    WebStorageArchiveArgs,
    child_names,
    deliveries,
    problems,
    transitions,
)

_ERRORS = "errors/{}!{{firehose:error-output-type}}/!{{timestamp:yyyy/MM/dd}}/"
_DAYS = "!{timestamp:yyyy/MM/dd}/"
_NOTHING = pulumi.Output.from_input


class WebStorageArchive(Component):
    """Logs in a bucket where nobody can change them, in S3 Glacier storage classes, until they expire (Cloud Design Patterns for AWS, "Web
    Storage Archive").

    Events of CloudWatch log groups, of log files of servers, and records that programs put reach the bucket by Amazon Data Firehose, in
    objects by day. Each object is locked for ``retention_days``, then deleted; ``destroy`` leaves a bucket of the mode ``COMPLIANCE``
    behind, with its settings and key. What cannot be delivered is tried again for 24 hours; what
    cannot be decompressed is kept under ``errors/``. ``docs/operations.md`` has how objects come back from Glacier.

    S3 takes an object under a default retention only with a checksum in the request, and AWS does not say whether Firehose sends one. It
    lists the services that cannot write to such buckets (server access logs), and Firehose is not among them. The alarm
    ``<name>-delivery-failed`` reports a refused delivery within minutes, long before Firehose gives up: watch it after the first ``up``.

    **Use when**: logs must be kept for months or years, unchanged, at the least price: audits, disputes, forensics.

    **Not when**: logs are searched every day: CloudWatch Logs keeps them for that. Buckets of load balancers or flow logs get theirs
    directly (``DurableBucket`` of the kind ``log_target``), which cannot be locked.

    **Cost drivers**: Firehose's gigabytes and those that it decompresses, stored bytes, moves to Glacier by the object, one key.

    **Trade-offs**: a locked object is paid for until its day; logs in ``GLACIER`` and ``DEEP_ARCHIVE`` are readable hours after a request;
    an event may arrive twice.

    **Proven by**: controls ``log-archive-locked``, ``firehose-encrypted``; ``test_web_storage_archive.py``,
    ``test_web_storage_archive_agent.py``.
    """

    bucket_name: pulumi.Output[str]
    """Name of the bucket."""
    bucket_arn: pulumi.Output[str]
    """ARN of the bucket."""
    kms_key_arn: pulumi.Output[str]
    """The key that encrypts records in transit and logs, and the objects of a new bucket."""
    delivery_stream_arn: pulumi.Output[str]
    """ARN of the delivery stream for log groups. Empty without ``log_groups``, ``account`` and ``files``."""
    direct_delivery_stream_arn: pulumi.Output[str]
    """ARN of the delivery stream that programs put records into. Empty without ``direct_put``."""
    direct_delivery_stream_name: pulumi.Output[str]
    """Name of the delivery stream that programs put records into. Empty without ``direct_put``."""
    files_log_group_name: pulumi.Output[str]
    """The log group of the servers' files. Empty without ``files``."""
    agent_script: pulumi.Output[str]
    """The boot script of servers with the files, for their user data or a command of Systems Manager. Empty without ``files``."""
    replica_bucket_name: pulumi.Output[str]
    """Name of the copy in another Region. Empty without ``replication``."""

    def __init__(self, name: str, args: WebStorageArchiveArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._checked = checked = self.begin(name, args, opts, problems=problems, names=child_names)
        self.kms_key_arn = self._key(name)
        self._bucket = self._place(name)
        self.delivery_stream_arn = self.direct_delivery_stream_arn = self.direct_delivery_stream_name = _NOTHING("")
        self.files_log_group_name = self.agent_script = _NOTHING("")
        streams = deliveries(checked)
        if "delivery" in streams:
            self._archive_groups(name)
        if "direct" in streams:
            direct = self._deliver(f"{name}-direct", "direct/", "GZIP", []).stream
            self.direct_delivery_stream_arn, self.direct_delivery_stream_name = direct.arn, direct.name
        self.register()

    def put_statements(self) -> list[WorkloadStatementArgs]:
        """What a role needs to put records into the delivery stream for programs, for the ``statements`` of a function or role.

        :raises ArgumentError: without ``direct_put``.
        """
        if not self._checked["direct_put"]:
            self.refuse(("direct_put", "is False, so nobody can put records. Set it to True."))
        return as_arguments([_put(self.direct_delivery_stream_arn)])

    def agent_statements(self) -> list[WorkloadStatementArgs]:
        """What the role of a server needs to send the log ``files``.

        :raises ArgumentError: without ``files``.
        """
        if not self._checked["files"]:
            self.refuse(("files", "is empty, so servers have nothing to send. Name a file."))
        actions = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
        return as_arguments([Statement(sid="LogFiles", actions=actions, resources=[pulumi.Output.concat(self._files.arn, ":*")])])

    def reader_statements(self) -> list[WorkloadStatementArgs]:
        """What a role needs to find and read the logs, and to have them restored from Glacier."""
        objects = pulumi.Output.concat(self.bucket_arn, "/*")
        read = ["s3:GetObject", "s3:GetObjectRetention", "s3:GetObjectVersion", "s3:RestoreObject"]
        statements = [
            Statement(sid="FindLogs", actions=["s3:ListBucket", "s3:ListBucketVersions"], resources=[self.bucket_arn]),
            Statement(sid="ReadLogs", actions=read, resources=[objects]),
        ]
        if self._bucket.kms_key_arn is not None:
            statements.append(Statement(sid="ReadLogsKey", actions=["kms:Decrypt"], resources=[self._bucket.kms_key_arn]))
        return as_arguments(statements)

    def _key(self, name: str) -> pulumi.Output[str]:
        given = self._checked.get("kms_key_arn")
        if given is not None:
            return pulumi.Output.from_input(given)

        def statements(key_arn: pulumi.Output[str]) -> list[Statement]:
            return [logs_statement(key_arn, f"{name}-*")]

        # Nobody can delete what is locked so: without the key nobody could read it either.
        kept = self._checked.get("existing_bucket") is None and self._checked["lock_mode"] == "COMPLIANCE"
        description = f"Archived logs of {name}"
        return create_key(self, f"{name}-key", description, statements, tags=self._checked["tags"], retain_on_delete=True if kept else None)

    def _place(self, name: str) -> EncryptedPlace:
        checked, existing = self._checked, self._checked.get("existing_bucket")
        self.replica_bucket_name = _NOTHING("")
        if existing is not None:
            self.bucket_arn = pulumi.Output.from_input(existing["arn"])
            self.bucket_name = self.bucket_arn.apply(lambda arn: arn.split(":")[-1])
            return EncryptedPlace(self.bucket_arn, existing["kms_key_arn"])
        bucket = DurableBucket(
            f"{name}-archive",
            {
                "kind": "data",
                "kms_key_arn": self.kms_key_arn,
                "object_lock": {"mode": checked["lock_mode"], "retention_days": checked["retention_days"]},
                "retention_days": checked["retention_days"],
                # An expired object is a noncurrent version for a day more. Its lock has ended by then.
                "noncurrent_retention_days": NONCURRENT_DAYS,
                "transitions": list(transitions(checked)),
                "statements": [
                    {
                        "sid": "DenyBypass",
                        "effect": "Deny",
                        "actions": ["s3:BypassGovernanceRetention"],
                        "principals": {"AWS": ["*"]},
                        "paths": ["*"],
                    }
                ],
                **pick(checked, "small_object_transitions", "replication", "log_bucket_name", "tags"),
            },
            self.child(),
        )
        self.bucket_name, self.bucket_arn, self.replica_bucket_name = bucket.bucket_name, bucket.bucket_arn, bucket.replica_bucket_name
        return EncryptedPlace(bucket.bucket_arn, bucket.kms_key_arn)

    def _archive_groups(self, name: str) -> None:
        checked = self._checked
        raw = checked["record_format"] == "raw"
        # Compressed already, and twice would help nobody.
        compression = "UNCOMPRESSED" if raw else "GZIP"
        delivery = self._deliver(f"{name}-delivery", checked["prefix"], compression, [] if raw else _processors(checked["record_format"]))
        self._stream_arn = self.delivery_stream_arn = delivery.stream.arn
        self._role_arn = self._put_role(f"{name}-delivery-put-role")
        for key, group in checked["log_groups"].items():
            self._subscribe(f"{name}-group-{key}", group["log_group"], group["filter_pattern"])
        if checked["files"]:
            self._files = log_group(
                self, f"{name}-files", checked["log_retention_days"], kms_key_arn=self.kms_key_arn, tags=checked["tags"]
            )
            # Once the group is subscribed, so that the first line of a server is archived.
            subscribed = self._subscribe(f"{name}-files-filter", self._files.name, "")
            self.files_log_group_name = after(self._files.name, subscribed)
            self.agent_script = self.files_log_group_name.apply(lambda group: agent_script(name, checked["files"], group))
        if checked.get("account") is not None:
            self._subscribe_account(name, delivery)

    def _put_role(self, child_name: str) -> pulumi.Output[str]:
        """The role by which CloudWatch Logs puts events.

        https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html#FirehoseExample
        """
        arn = self._stream_arn
        sources = pulumi.Output.concat("arn:", partition_of(arn), ":logs:", region_of(arn), ":", account_of(arn), ":*")
        return service_role(
            self,
            child_name,
            "logs.amazonaws.com",
            f"What CloudWatch Logs may do for {self.pulumi_resource_name}",
            statements={f"{child_name}-policy": [_put(arn)]},
            conditions={"StringLike": {"aws:SourceArn": sources}},
            tags=self._checked["tags"],
        ).arn

    def _subscribe(self, child_name: str, group: pulumi.Input[str], pattern: str) -> aws.cloudwatch.LogSubscriptionFilter:
        return aws.cloudwatch.LogSubscriptionFilter(
            child_name,
            log_group=pulumi.Output.from_input(group).apply(_group_name),
            filter_pattern=pattern,
            destination_arn=self._stream_arn,
            role_arn=self._role_arn,
            opts=self.child(),
        )

    def _subscribe_account(self, name: str, delivery: BucketDelivery) -> None:
        """https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters-AccountLevel.html."""
        account = self._checked["account"]
        own = [delivery.log_group.name, *([self._files.name] if self._checked["files"] else [])]
        excluded = pulumi.Output.all(*own, *account["excluded_log_group_names"])
        destination = {"DestinationArn": self._stream_arn, "RoleArn": self._role_arn, "FilterPattern": account["filter_pattern"]}
        aws.cloudwatch.LogAccountPolicy(
            f"{name}-account",
            # Unique: a policy of the same name would take the log groups from another stack's archive, where AWS else refuses a second one.
            policy_name=delivery.stream.name,
            policy_type="SUBSCRIPTION_FILTER_POLICY",
            scope="ALL",
            policy_document=pulumi.Output.json_dumps(destination),
            selection_criteria=excluded.apply(lambda names: f"LogGroupName NOT IN {json.dumps([_group_name(one) for one in names])}"),
            # Another selection is another policy of the same name: created first and then deleted, there would be none in the end.
            opts=self.child(delete_before_replace=True),
        )

    def _deliver(self, child_name: str, prefix: str, compression: str, processors: Sequence[Any]) -> BucketDelivery:
        checked = self._checked
        delivery = bucket_delivery(
            self,
            child_name,
            bucket=self._bucket,
            prefix=prefix + _DAYS,
            error_prefix=_ERRORS.format(prefix),
            buffering=Buffering(checked["buffering_mib"], checked["buffering_seconds"]),
            compression=compression,
            processors=processors,
            log_retention_days=checked["log_retention_days"],
            kms_key_arn=self.kms_key_arn,
            alarm_topic_arns=checked["alarm_topic_arns"],
            tags=checked["tags"],
        )
        if checked["alarm_topic_arns"]:
            self._alarms(child_name, delivery)
        return delivery

    def _alarms(self, child_name: str, delivery: BucketDelivery) -> None:
        checked, hours = self._checked, self._checked["alarm_silence_hours"]
        stream = {"DeliveryStreamName": delivery.stream.name}
        common: Any = {"actions": checked["alarm_topic_arns"], "tags": checked["tags"]}
        # Firehose writes there what it could not deliver or decompress, and nothing else.
        failed = Metric("AWS/Logs", "IncomingLogEvents", {"LogGroupName": delivery.log_group.name}, "Sum")
        what = f"Logs are not delivered, or are under errors/: the log group of {child_name} says why"
        alarm(self, f"{child_name}-failed", what, failed, 0, period_seconds=300, **common)
        throttled = Metric("AWS/Firehose", "ThrottledRecords", stream, "Sum")
        what = f"More records than the quota of {child_name} takes: those who put them try again, and give up after a day"
        alarm(self, f"{child_name}-throttled", what, throttled, 0, period_seconds=300, periods=3, **common)
        silent = Metric("AWS/Firehose", "IncomingRecords", stream, "Sum")
        what = f"No record has reached {child_name} for {hours} hours"
        alarm(
            self,
            f"{child_name}-silent",
            what,
            silent,
            1,
            comparison="LessThanThreshold",
            period_seconds=3600,
            periods=hours,
            missing="breaching",
            **common,
        )


def _put(stream_arn: pulumi.Input[str]) -> Statement:
    return Statement(sid="PutRecords", actions=["firehose:PutRecord", "firehose:PutRecordBatch"], resources=[stream_arn])


def _processors(record_format: str) -> list[Any]:
    """What arrives from CloudWatch Logs is compressed: without decompression, objects would be compressed twice.

    https://docs.aws.amazon.com/firehose/latest/dev/writing-with-cloudwatch-logs-decompression.html
    """
    unpack: list[Any] = [{"type": "Decompression", "parameters": [{"parameter_name": "CompressionFormat", "parameter_value": "GZIP"}]}]
    if record_format == "messages":
        extraction = [{"parameter_name": "DataMessageExtraction", "parameter_value": "true"}]
        unpack.append({"type": "CloudWatchLogProcessing", "parameters": extraction})
    # Its delimiter is a new line by default.
    return [*unpack, {"type": "AppendDelimiterToRecord"}]


def _group_name(given: str) -> str:
    """The name of a log group, of which an ARN may be given, with or without ``:*`` behind it."""
    return re.sub(r"^arn:[^:]+:logs:[^:]*:[^:]*:log-group:([^:]+)(:\*)?$", r"\1", given)
