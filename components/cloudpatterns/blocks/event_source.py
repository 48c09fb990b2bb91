"""Event sources of Lambda functions: what polls a queue and invokes the function with batches."""

from collections.abc import Mapping

import pulumi
import pulumi_aws as aws

from cloudpatterns.core import Component

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
