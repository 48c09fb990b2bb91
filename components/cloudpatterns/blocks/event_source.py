"""Event sources of Lambda functions: what polls a queue or a stream and invokes the function with batches."""

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks.alarm import Metric, alarm
from cloudpatterns.core import Component, Statement

MOST_WITHOUT_WINDOW = 10
"""Messages of a batch, unless Lambda may wait for more (``batching_window_seconds``)."""


def queue_source(
    component: Component,
    child_name: str,
    queue_arn: pulumi.Input[str],
    function_arn: pulumi.Input[str],
    *,
    batch_size: int,
    batching_window_seconds: int,
    maximum_concurrency: int | None,
    tags: Mapping[str, pulumi.Input[str]],
) -> aws.lambda_.EventSourceMapping:
    """Invokes a function with batches of a queue's messages; those that its answer names as failed stay in the queue, the others go.

    ``maximum_concurrency`` limits the pollers themselves: reserved concurrency would throttle messages that they hold already, until those
    end in the dead-letter queue. https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
    """
    return aws.lambda_.EventSourceMapping(
        child_name,
        event_source_arn=queue_arn,
        function_name=function_arn,
        batch_size=batch_size,
        # Not 0: FIFO queues refuse the argument.
        maximum_batching_window_in_seconds=batching_window_seconds or None,
        function_response_types=["ReportBatchItemFailures"],
        scaling_config=None if maximum_concurrency is None else {"maximum_concurrency": maximum_concurrency},
        metrics_config={"metrics": ["EventCount"]},
        tags=tags,
        opts=component.child(),
    )


def stream_source(
    component: Component,
    child_name: str,
    stream_arn: pulumi.Input[str],
    function_arn: pulumi.Input[str],
    *,
    starting_position: str,
    batch_size: int,
    batching_window_seconds: int,
    parallelization_factor: int,
    maximum_retry_attempts: int,
    maximum_record_age_seconds: int,
    failed_record_bucket_arn: pulumi.Input[str],
    tags: Mapping[str, pulumi.Input[str]],
) -> aws.lambda_.EventSourceMapping:
    """Invokes a function with the records of each shard of a Kinesis stream (or a consumer of it) or a DynamoDB stream, in their order.

    A failed record holds its shard back for ``maximum_retry_attempts`` or until it is ``maximum_record_age_seconds`` old, whichever is
    first; then it goes to the bucket, whole. To a queue or topic Lambda would send its position alone. The function's role needs
    ``failed_record_statements``, and the right to read the stream.

    A change of the starting position or of the stream replaces the source, which begins at ``starting_position`` again. The old one is
    deleted first: AWS refuses a second source of the same stream and function.
    https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html
    """
    return aws.lambda_.EventSourceMapping(
        child_name,
        event_source_arn=stream_arn,
        function_name=function_arn,
        starting_position=starting_position,
        batch_size=batch_size,
        maximum_batching_window_in_seconds=batching_window_seconds,
        parallelization_factor=parallelization_factor,
        maximum_retry_attempts=maximum_retry_attempts,
        maximum_record_age_in_seconds=maximum_record_age_seconds,
        # For invocations that end without an answer, such as time-outs.
        bisect_batch_on_function_error=True,
        function_response_types=["ReportBatchItemFailures"],
        destination_config={"on_failure": {"destination_arn": failed_record_bucket_arn}},
        metrics_config={"metrics": ["EventCount"]},
        tags=tags,
        opts=component.child(delete_before_replace=True),
    )


def failed_record_statements(
    bucket_arn: pulumi.Input[str], kms_key_arn: pulumi.Input[str] | None, account: pulumi.Input[str] | None = None
) -> list[Statement]:
    """What the role of a function needs so that Lambda keeps failed records in a bucket.

    With ``account`` the bucket must belong to it: somebody else may create one of the same name when it is deleted.
    https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html
    """
    owned = {} if account is None else {"StringEquals": {"s3:ResourceAccount": account}}
    key = [] if kms_key_arn is None else [Statement(sid="KeepFailedKey", actions=["kms:GenerateDataKey"], resources=[kms_key_arn])]
    return [
        Statement(
            sid="KeepFailed", actions=["s3:PutObject"], resources=[pulumi.Output.concat(bucket_arn, "/aws/lambda/*")], conditions=owned
        ),
        Statement(sid="FindBucket", actions=["s3:ListBucket"], resources=[bucket_arn], conditions=owned),
        *key,
    ]


def stream_alarms(
    component: Component,
    child_name: str,
    function_name: pulumi.Input[str],
    source: aws.lambda_.EventSourceMapping,
    age_seconds: int,
    *,
    actions: Sequence[pulumi.Input[str]],
    tags: Mapping[str, pulumi.Input[str]],
) -> None:
    """Alarms on a function that reads a stream: it is behind; records failed and are in the bucket, or are not in it.

    Lambda's own ``IteratorAge`` sees every kind of consumer, while ``GetRecords.IteratorAgeMilliseconds`` of a Kinesis stream sees none
    with enhanced fan-out. https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
    """
    events = {"EventSourceMappingUUID": source.uuid}
    alarm(
        component,
        f"{child_name}-age",
        f"The function {child_name} is more than {age_seconds} s behind its stream: it fails, or is too slow",
        Metric("AWS/Lambda", "IteratorAge", {"FunctionName": function_name}, "Maximum"),
        age_seconds * 1000,
        periods=3,
        actions=actions,
        tags=tags,
    )
    for suffix, metric, dimensions, what in (
        ("failed", "OnFailureDestinationDeliveredEventCount", events, "failed in the function; they are kept whole in the bucket"),
        ("dropped", "DroppedEventCount", events, "were dropped on the way to the function, and are not in the bucket"),
        ("undelivered", "DestinationDeliveryFailures", {"FunctionName": function_name}, "failed and could not be put into the bucket"),
    ):
        description = f"Records of the stream {what} ({child_name})"
        counted = Metric("AWS/Lambda", metric, dimensions, "Sum")
        alarm(component, f"{child_name}-{suffix}", description, counted, 0, period_seconds=300, actions=actions, tags=tags)
