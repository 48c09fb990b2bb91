"""Delivery of records to S3, by Amazon Data Firehose."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks.alarm import Metric, alarm
from cloudpatterns.blocks.log_group import log_group
from cloudpatterns.blocks.role import service_role
from cloudpatterns.core import Component, Statement

_LATE_SECONDS = 1800
"""On top of the buffering time: after so long it is not a slow delivery, but none."""


class EncryptedPlace(NamedTuple):
    """A stream or bucket, and the key that encrypts it; None where the service does by itself."""

    arn: pulumi.Output[str]
    kms_key_arn: pulumi.Input[str] | None


class Buffering(NamedTuple):
    """When an object is written: at a size or an age, whichever comes first."""

    mib: int
    seconds: int


class BucketDelivery(NamedTuple):
    """A delivery stream, and the log group with the errors of its deliveries."""

    stream: aws.kinesis.FirehoseDeliveryStream
    log_group: aws.cloudwatch.LogGroup


def bucket_delivery(
    component: Component,
    child_name: str,
    *,
    bucket: EncryptedPlace,
    prefix: str,
    error_prefix: str,
    buffering: Buffering,
    compression: str,
    source: EncryptedPlace | None = None,
    processors: Sequence[aws.kinesis.FirehoseDeliveryStreamExtendedS3ConfigurationProcessingConfigurationProcessorArgsDict] = (),
    log_retention_days: int,
    kms_key_arn: pulumi.Input[str],
    alarm_topic_arns: Sequence[pulumi.Input[str]],
    tags: Mapping[str, pulumi.Input[str]],
) -> BucketDelivery:
    """A delivery stream to a bucket, its role, its log of errors, and an alarm on late deliveries.

    ``source`` is a Kinesis stream; without one, producers put records themselves, which wait under ``kms_key_arn``. The key encrypts the
    log of errors as well, and must admit CloudWatch Logs. Firehose tries a delivery to S3 again for up to 24 hours.
    """
    group = log_group(component, f"{child_name}-logs", log_retention_days, kms_key_arn=kms_key_arn, tags=tags)
    log = aws.cloudwatch.LogStream(f"{child_name}-log", log_group_name=group.name, opts=component.child())
    role = service_role(
        component,
        f"{child_name}-role",
        "firehose.amazonaws.com",
        f"What the delivery of {child_name} may do",
        statements={f"{child_name}-policy": _statements(source, bucket, log.arn)},
        tags=tags,
    )
    stream = aws.kinesis.FirehoseDeliveryStream(
        child_name,
        destination="extended_s3",
        # AWS refuses encryption of its own with a Kinesis stream as the source, whose encryption applies.
        kinesis_source_configuration={"kinesis_stream_arn": source.arn, "role_arn": role.arn} if source else None,
        server_side_encryption=None if source else {"enabled": True, "key_type": "CUSTOMER_MANAGED_CMK", "key_arn": kms_key_arn},
        extended_s3_configuration={
            "role_arn": role.arn,
            "bucket_arn": bucket.arn,
            "prefix": prefix,
            "error_output_prefix": error_prefix,
            "buffering_size": buffering.mib,
            "buffering_interval": buffering.seconds,
            "compression_format": compression,
            **({} if bucket.kms_key_arn is None else {"kms_key_arn": bucket.kms_key_arn}),
            "cloudwatch_logging_options": {"enabled": True, "log_group_name": group.name, "log_stream_name": log.name},
            **({"processing_configuration": {"enabled": True, "processors": list(processors)}} if processors else {}),
        },
        tags=tags,
        opts=component.child(),
    )
    if alarm_topic_arns:
        _late_alarm(component, child_name, stream, buffering.seconds + _LATE_SECONDS, alarm_topic_arns, tags)
    return BucketDelivery(stream, group)


def _late_alarm(
    component: Component,
    child_name: str,
    stream: aws.kinesis.FirehoseDeliveryStream,
    late_seconds: int,
    topic_arns: Sequence[pulumi.Input[str]],
    tags: Mapping[str, pulumi.Input[str]],
) -> None:
    alarm(
        component,
        f"{child_name}-late",
        f"Records wait for more than {late_seconds} s on their way to S3: the log group of {child_name} says why",
        Metric("AWS/Firehose", "DeliveryToS3.DataFreshness", {"DeliveryStreamName": stream.name}, "Maximum"),
        late_seconds,
        period_seconds=300,
        periods=3,
        actions=topic_arns,
        tags=tags,
    )


def _statements(source: EncryptedPlace | None, bucket: EncryptedPlace, log_arn: pulumi.Output[str]) -> list[Statement]:
    """https://docs.aws.amazon.com/firehose/latest/dev/controlling-access.html."""
    read = ["kinesis:DescribeStream", "kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards"]
    of_bucket = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"]
    of_objects = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]
    statements = [
        *([Statement(sid="Read", actions=read, resources=[source.arn])] if source else []),
        Statement(sid="Bucket", actions=of_bucket, resources=[bucket.arn]),
        Statement(sid="Objects", actions=of_objects, resources=[pulumi.Output.concat(bucket.arn, "/*")]),
        Statement(sid="Log", actions=["logs:PutLogEvents"], resources=[log_arn]),
    ]
    if source and source.kms_key_arn is not None:
        statements.append(Statement(sid="ReadKey", actions=["kms:Decrypt"], resources=[source.kms_key_arn]))
    if bucket.kms_key_arn is not None:
        statements.append(Statement(sid="ObjectsKey", actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[bucket.kms_key_arn]))
    return statements
