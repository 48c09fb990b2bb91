"""CloudWatch alarms on a metric, or on an expression over several."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pulumi
import pulumi_aws as aws

from cloudpatterns.core import Component


class Metric(NamedTuple):
    """A metric, the dimensions that select one of its series, and the statistic that an alarm compares."""

    namespace: str
    name: pulumi.Input[str]
    dimensions: Mapping[str, pulumi.Input[str]]
    statistic: str = "Average"


class MetricMath(NamedTuple):
    """An expression of CloudWatch's metric math, and the metrics in it by the ids that it uses (lower case, a letter first).

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
    """

    expression: str
    metrics: Mapping[str, Metric]


class MetricSearch(NamedTuple):
    """A query of CloudWatch Metrics Insights that gives one series; of the last three hours at most.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-metrics-insights-alarm-create.html
    """

    query: pulumi.Input[str]


def alarm(
    component: Component,
    child_name: str,
    description: pulumi.Input[str],
    metric: Metric | MetricMath | MetricSearch,
    threshold: float,
    *,
    comparison: str = "GreaterThanThreshold",
    period_seconds: int = 60,
    periods: int = 1,
    datapoints: int | None = None,
    missing: str | None = "notBreaching",
    actions: Sequence[pulumi.Input[str]],
    ok_actions: Sequence[pulumi.Input[str]] | None = None,
    region: str | None = None,
    tags: Mapping[str, pulumi.Input[str]],
) -> aws.cloudwatch.MetricAlarm:
    """An alarm that is raised when all of the last ``periods``, or ``datapoints`` of them, compare with the threshold.

    ``missing`` is how periods without data count, as CloudWatch names it. ``actions`` are topics to notify and whatever else happens at the
    alarm; ``ok_actions`` are those at its end (default: the same actions; an empty list leaves them out).
    ``region`` is that of the metric and the topics (default: the provider's).
    """
    return aws.cloudwatch.MetricAlarm(
        child_name,
        alarm_description=description,
        threshold=threshold,
        comparison_operator=comparison,
        evaluation_periods=periods,
        datapoints_to_alarm=datapoints,
        treat_missing_data=missing,
        alarm_actions=list(actions),
        ok_actions=list(actions) if ok_actions is None else list(ok_actions) or None,
        region=region,
        tags=tags,
        opts=component.child(),
        **_watched(metric, period_seconds),
    )


def messages_alarm(
    component: Component,
    child_name: str,
    description: str,
    queue: aws.sqs.Queue,
    topic_arns: Sequence[pulumi.Input[str]],
    tags: Mapping[str, pulumi.Input[str]],
) -> aws.cloudwatch.MetricAlarm:
    """An alarm as soon as a message is in a queue that is empty while all is well."""
    return alarm(
        component,
        child_name,
        description,
        Metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", {"QueueName": queue.name}, "Maximum"),
        0,
        # A queue that nothing was sent to for six hours reports nothing.
        missing="notBreaching",
        actions=topic_arns,
        tags=tags,
    )


def dropped_schedules_alarm(
    component: Component,
    child_name: str,
    description: str,
    group: aws.scheduler.ScheduleGroup,
    topic_arns: Sequence[pulumi.Input[str]],
    tags: Mapping[str, pulumi.Input[str]],
) -> aws.cloudwatch.MetricAlarm:
    """An alarm when a schedule of a group failed until its last retry.

    https://docs.aws.amazon.com/scheduler/latest/UserGuide/monitoring-cloudwatch.html
    """
    return alarm(
        component,
        child_name,
        description,
        Metric("AWS/Scheduler", "InvocationDroppedCount", {"ScheduleGroup": group.name}, "Sum"),
        0,
        period_seconds=300,
        actions=topic_arns,
        ok_actions=[],
        tags=tags,
    )


def _watched(metric: Metric | MetricMath | MetricSearch, period_seconds: int) -> dict[str, Any]:
    if isinstance(metric, MetricSearch):
        query = {"id": "result", "expression": metric.query, "label": "Result", "period": period_seconds, "return_data": True}
        return {"metric_queries": [query]}
    return _single(metric, period_seconds) if isinstance(metric, Metric) else _math(metric, period_seconds)


def _single(metric: Metric, period_seconds: int) -> dict[str, Any]:
    return {
        "namespace": metric.namespace,
        "metric_name": metric.name,
        "dimensions": metric.dimensions,
        "statistic": metric.statistic,
        "period": period_seconds,
    }


def _math(math: MetricMath, period_seconds: int) -> dict[str, Any]:
    queries: list[aws.cloudwatch.MetricAlarmMetricQueryArgsDict] = [
        {
            "id": key,
            "metric": {
                "namespace": metric.namespace,
                "metric_name": metric.name,
                "dimensions": metric.dimensions,
                "stat": metric.statistic,
                "period": period_seconds,
            },
        }
        for key, metric in math.metrics.items()
    ]
    # Exactly one query returns data: the one that the alarm compares.
    return {"metric_queries": [{"id": "result", "expression": math.expression, "label": "Result", "return_data": True}, *queries]}
