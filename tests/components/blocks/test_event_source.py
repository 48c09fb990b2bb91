from typing import Any

from cloudpatterns.blocks import failed_record_statements, queue_source, stream_alarms, stream_source

from tests.components.blocks.parent import Parent, children, names

TABLE_STREAM = "arn:aws:dynamodb:eu-west-1:123456789012:table/orders/stream/2026-11-30T00:00:00.000"
FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:project:live"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:operations"


def source(parent: Parent) -> Any:
    return stream_source(
        parent,
        "shop-orders",
        TABLE_STREAM,
        FUNCTION,
        starting_position="TRIM_HORIZON",
        batch_size=50,
        batching_window_seconds=1,
        parallelization_factor=2,
        maximum_retry_attempts=3,
        maximum_record_age_seconds=3600,
        failed_record_bucket_arn="arn:aws:s3:::kept",
        tags={"Owner": "orders"},
    )


def test_a_source_of_a_stream_gives_up_a_record_and_keeps_it_whole() -> None:
    graph = children(source)
    assert graph.named("shop-orders").inputs == {
        "eventSourceArn": TABLE_STREAM,
        "functionName": FUNCTION,
        "startingPosition": "TRIM_HORIZON",
        "batchSize": 50,
        "maximumBatchingWindowInSeconds": 1,
        "parallelizationFactor": 2,
        "maximumRetryAttempts": 3,
        "maximumRecordAgeInSeconds": 3600,
        "bisectBatchOnFunctionError": True,
        "functionResponseTypes": ["ReportBatchItemFailures"],
        "destinationConfig": {"onFailure": {"destinationArn": "arn:aws:s3:::kept"}},
        "metricsConfig": {"metrics": ["EventCount"]},
        "tags": {"Owner": "orders"},
    }
    # AWS refuses a second source of the same stream and function.
    assert graph.named("shop-orders").options["deleteBeforeReplace"] is True


def test_alarms_of_a_stream_notify_the_topics() -> None:
    graph = children(lambda parent: stream_alarms(parent, "shop-orders", "project", source(parent), 600, actions=[TOPIC], tags={}))
    alarms = {name: graph.named(name).inputs for name, kind in names(graph).items() if kind == "MetricAlarm"}
    uuid = graph.named("shop-orders").outputs["uuid"]
    assert {name: (one["metricName"], one["dimensions"], one["threshold"], one["period"]) for name, one in alarms.items()} == {
        "shop-orders-age": ("IteratorAge", {"FunctionName": "project"}, 600_000, 60),
        "shop-orders-failed": ("OnFailureDestinationDeliveredEventCount", {"EventSourceMappingUUID": uuid}, 0, 300),
        "shop-orders-dropped": ("DroppedEventCount", {"EventSourceMappingUUID": uuid}, 0, 300),
        "shop-orders-undelivered": ("DestinationDeliveryFailures", {"FunctionName": "project"}, 0, 300),
    }
    assert all(one["alarmActions"] == [TOPIC] and one["treatMissingData"] == "notBreaching" for one in alarms.values())


def test_a_bucket_of_another_account_gets_no_failed_records() -> None:
    seen: list[Any] = []

    def create(parent: Parent) -> None:
        put, find, use = failed_record_statements("arn:aws:s3:::kept", "key", "123456789012")
        seen.extend([put.conditions, find.conditions, use.conditions])
        seen.append([one.conditions for one in failed_record_statements("arn:aws:s3:::kept", None)])

    children(create)
    owned = {"StringEquals": {"s3:ResourceAccount": "123456789012"}}
    assert seen == [owned, owned, {}, [{}, {}]]


def test_a_source_of_a_fifo_queue_has_no_batching_window() -> None:
    def create(parent: Parent) -> None:
        queue = "arn:aws:sqs:eu-west-1:123456789012:orders.fifo"
        queue_source(parent, "shop-orders", queue, FUNCTION, batch_size=10, batching_window_seconds=0, maximum_concurrency=None, tags={})

    inputs = children(create).named("shop-orders").inputs
    assert {"maximumBatchingWindowInSeconds", "scalingConfig"} & set(inputs) == set()
