"""CloudWatch alarms on one metric."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pulumi
import pulumi_aws as aws

from cloudpatterns.core import Component


class Metric(NamedTuple):
    """A metric, the dimensions that select one of its series, and the statistic that an alarm compares."""

    namespace: str
    name: str
    dimensions: Mapping[str, pulumi.Input[str]]
    statistic: str = "Average"


def alarm(
    component: Component,
    child_name: str,
    description: str,
    metric: Metric,
    threshold: float,
    *,
    comparison: str = "GreaterThanThreshold",
    period_seconds: int = 60,
    periods: int = 1,
    missing: str | None = "notBreaching",
    actions: Sequence[pulumi.Input[str]],
    ok_actions: Sequence[pulumi.Input[str]] | None = None,
    tags: Mapping[str, pulumi.Input[str]],
) -> aws.cloudwatch.MetricAlarm:
    """An alarm that is raised when all of the last ``periods`` compare with the threshold.

    ``missing`` is how periods without data count, as CloudWatch names it. ``actions`` are topics to notify and whatever else happens at the
    alarm; ``ok_actions`` are those at its end (default: the same actions; an empty list leaves them out).
    """
    return aws.cloudwatch.MetricAlarm(
        child_name,
        alarm_description=description,
        namespace=metric.namespace,
        metric_name=metric.name,
        dimensions=metric.dimensions,
        statistic=metric.statistic,
        threshold=threshold,
        comparison_operator=comparison,
        period=period_seconds,
        evaluation_periods=periods,
        treat_missing_data=missing,
        alarm_actions=list(actions),
        ok_actions=list(actions) if ok_actions is None else list(ok_actions) or None,
        tags=tags,
        opts=component.child(),
    )
