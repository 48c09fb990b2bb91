"""Lambda functions that read topics."""

from collections.abc import Sequence
from typing import NamedTuple

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import Idempotency, UserFunction, user_function
from cloudpatterns.core import Component, Statement
from cloudpatterns.messaging.kafka_stream.access import poller_statements
from cloudpatterns.messaging.kafka_stream.alarms import Alarms
from cloudpatterns.messaging.kafka_stream.arguments import KafkaStreamArgs, KafkaStreamConsumer
from cloudpatterns.messaging.kafka_stream.checks import group_of


class FailedRecordBucket(NamedTuple):
    """Where failed records are kept, and the key that encrypts them; None where S3 does by itself."""

    arn: pulumi.Output[str]
    kms_key_arn: pulumi.Input[str] | None


def create_consumer(
    component: Component,
    key: str,
    consumer: KafkaStreamConsumer,
    checked: KafkaStreamArgs,
    *,
    cluster_arn: pulumi.Output[str],
    bucket: FailedRecordBucket,
    kms_key_arn: pulumi.Input[str] | None,
    alarms: Alarms,
    after: Sequence[pulumi.Resource],
) -> tuple[aws.lambda_.EventSourceMapping, pulumi.Output[str]]:
    """The event source of a consumer, created after its topic and the rules of the network, and the ARN of its function."""
    name, group = f"{component.pulumi_resource_name}-{key}", group_of(component.pulumi_resource_name, key, consumer)
    statements = poller_statements(cluster_arn, consumer["topic"], group, *bucket)
    function = _function(component, name, consumer, checked, statements, kms_key_arn)
    mapping = aws.lambda_.EventSourceMapping(
        f"{name}-source",
        event_source_arn=cluster_arn,
        function_name=function.arn,
        topics=[consumer["topic"]],
        amazon_managed_kafka_event_source_config={"consumer_group_id": group},
        starting_position=consumer["starting_position"],
        batch_size=consumer["batch_size"],
        maximum_batching_window_in_seconds=consumer["batching_window_seconds"],
        # Retries, age, bisection and partial failures of Kafka are features of provisioned pollers, which need no endpoints either.
        # https://docs.aws.amazon.com/lambda/latest/dg/kafka-retry-configurations.html
        provisioned_poller_config={"minimum_pollers": consumer["minimum_pollers"], "maximum_pollers": consumer["maximum_pollers"]},
        maximum_retry_attempts=consumer["maximum_retry_attempts"],
        maximum_record_age_in_seconds=consumer["maximum_record_age_seconds"],
        bisect_batch_on_function_error=True,
        function_response_types=["ReportBatchItemFailures"],
        # To S3 alone Lambda sends the records themselves; elsewhere their positions.
        destination_config={"on_failure": {"destination_arn": bucket.arn}},
        metrics_config={"metrics": ["EventCount", "ErrorCount", "KafkaMetrics"]},
        tags=checked["tags"],
        # AWS refuses a second source of the same function and topic, and one with a group that another has. The group keeps its offsets.
        opts=component.child(depends_on=list(after), delete_before_replace=True),
    )
    alarms.of_group(f"{key}-lag", consumer["topic"], group, consumer["most_lag"])
    kept = f"Records of {consumer['topic']} failed in the function of {key}; they are in the bucket for failed records"
    alarms.of_mapping(f"{key}-failed", kept, "OnFailureDestinationDeliveredEventCount", mapping.uuid)
    lost = f"Records of {consumer['topic']} were dropped on the way to the function of {key}, and are not in the bucket"
    alarms.of_mapping(f"{key}-dropped", lost, "DroppedEventCount", mapping.uuid)
    return mapping, function.arn


def _function(
    component: Component,
    name: str,
    consumer: KafkaStreamConsumer,
    checked: KafkaStreamArgs,
    statements: list[Statement],
    kms_key_arn: pulumi.Input[str] | None,
) -> UserFunction:
    idempotency = Idempotency(f"{name}-idempotency", checked["deletion_protection"]) if consumer["idempotency"] else None
    return user_function(
        component,
        name,
        consumer.get("function"),
        consumer.get("existing_function"),
        description=f"Reads the topic {consumer['topic']}",
        statements=statements,
        idempotency=idempotency,
        kms_key_arn="" if kms_key_arn is None else kms_key_arn,
        alarm_topic_arns=checked["alarm_topic_arns"],
        tags=checked["tags"],
    )
