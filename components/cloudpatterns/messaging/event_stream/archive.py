"""Delivery of a stream's records to S3, by Amazon Data Firehose."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import Metric, alarm, log_group, service_role
from cloudpatterns.core import Component, Statement
from cloudpatterns.messaging.event_stream.arguments import EventStreamArchive

_LATE_SECONDS = 1800
"""On top of the buffering time: after so long it is not a slow delivery, but none."""


class Place(NamedTuple):
    """A stream or bucket, and the key that encrypts it; None where the service does by itself."""

    arn: pulumi.Output[str]
    kms_key_arn: pulumi.Input[str] | None


def create_archive(
    component: Component,
    child_name: str,
    archive: EventStreamArchive,
    *,
    stream: Place,
    bucket: Place,
    log_retention_days: int,
    kms_key_arn: pulumi.Input[str],
    alarm_topic_arns: Sequence[pulumi.Input[str]],
    tags: Mapping[str, pulumi.Input[str]],
) -> aws.kinesis.FirehoseDeliveryStream:
    """The delivery stream, its role, its log of errors, and an alarm on late deliveries."""
    group = log_group(component, f"{child_name}-logs", log_retention_days, kms_key_arn=kms_key_arn, tags=tags)
    log = aws.cloudwatch.LogStream(f"{child_name}-log", log_group_name=group.name, opts=component.child())
    role = service_role(
        component,
        f"{child_name}-role",
        "firehose.amazonaws.com",
        f"What the delivery of {child_name} may do",
        statements={f"{child_name}-policy": _statements(stream, bucket, log.arn)},
        tags=tags,
    )
    # No server-side encryption of its own: AWS refuses it with a stream as the source, whose encryption applies.
    delivery = aws.kinesis.FirehoseDeliveryStream(
        child_name,
        destination="extended_s3",
        kinesis_source_configuration={"kinesis_stream_arn": stream.arn, "role_arn": role.arn},
        extended_s3_configuration={
            "role_arn": role.arn,
            "bucket_arn": bucket.arn,
            "prefix": archive["prefix"] + "!{timestamp:yyyy/MM/dd/HH}/",
            "error_output_prefix": "errors/!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd/HH}/",
            "buffering_size": archive["buffering_mib"],
            "buffering_interval": archive["buffering_seconds"],
            "compression_format": archive["compression"],
            **({} if bucket.kms_key_arn is None else {"kms_key_arn": bucket.kms_key_arn}),
            "cloudwatch_logging_options": {"enabled": True, "log_group_name": group.name, "log_stream_name": log.name},
        },
        tags=tags,
        opts=component.child(),
    )
    if alarm_topic_arns:
        late = archive["buffering_seconds"] + _LATE_SECONDS
        alarm(
            component,
            f"{child_name}-late",
            f"Records wait for more than {late} s on their way to S3: the log group of {child_name} says why",
            Metric("AWS/Firehose", "DeliveryToS3.DataFreshness", {"DeliveryStreamName": delivery.name}, "Maximum"),
            late,
            period_seconds=300,
            periods=3,
            actions=alarm_topic_arns,
            tags=tags,
        )
    return delivery


def _statements(stream: Place, bucket: Place, log_arn: pulumi.Output[str]) -> list[Statement]:
    """https://docs.aws.amazon.com/firehose/latest/dev/controlling-access.html."""
    read = ["kinesis:DescribeStream", "kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards"]
    of_bucket = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"]
    of_objects = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]
    statements = [
        Statement(sid="Read", actions=read, resources=[stream.arn]),
        Statement(sid="Bucket", actions=of_bucket, resources=[bucket.arn]),
        Statement(sid="Objects", actions=of_objects, resources=[pulumi.Output.concat(bucket.arn, "/*")]),
        Statement(sid="Log", actions=["logs:PutLogEvents"], resources=[log_arn]),
    ]
    if stream.kms_key_arn is not None:
        statements.append(Statement(sid="ReadKey", actions=["kms:Decrypt"], resources=[stream.kms_key_arn]))
    if bucket.kms_key_arn is not None:
        statements.append(Statement(sid="ObjectsKey", actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[bucket.kms_key_arn]))
    return statements
