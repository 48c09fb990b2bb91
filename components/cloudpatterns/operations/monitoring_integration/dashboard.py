"""The body of a dashboard: a row of charts for each thing that is watched."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from cloudpatterns.operations.monitoring_integration.agent import DISK, MEMORY, NAMESPACE
from cloudpatterns.operations.monitoring_integration.arguments import EDGE_NAMESPACES, EDGE_REGION

_COLUMNS, _WIDTH, _HEIGHT = 24, 6, 6
_MOST_ALARMS = 100
"""Of a widget: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html"""

Series = tuple[str, str, str]
"""Namespace, metric and statistic of a line."""
Line = tuple[Series, Mapping[str, str]]
"""A series, and the dimensions that select it."""


class Chart(NamedTuple):
    """A chart: its title, its lines, and how long a period is."""

    title: str
    lines: list[Line]
    period_seconds: int = 60


def _charts(namespace: str, dimensions: Mapping[str, str], charts: Mapping[str, list[str]], period_seconds: int = 60) -> list[Chart]:
    """Charts of one namespace and one thing: by title, metrics with their statistic (``Errors Sum``)."""
    return [
        Chart(title, [((namespace, *_split(metric)), dimensions) for metric in metrics], period_seconds)
        for title, metrics in charts.items()
    ]


def _split(metric: str) -> tuple[str, str]:
    name, _, statistic = metric.partition(" ")
    return name, statistic


def _load_balancer(known: Mapping[str, Any], _agent: bool) -> list[Chart]:
    suffix = known["load_balancer_arn"].partition(":loadbalancer/")[2]
    balancer, group = {"LoadBalancer": suffix}, known.get("target_group_arn")
    namespace = "AWS/NetworkELB" if suffix.startswith("net/") else "AWS/ApplicationELB"
    if suffix.startswith("net/"):
        titles = {
            "Flows": ["ActiveFlowCount Average", "NewFlowCount Sum"],
            "Bytes": ["ProcessedBytes Sum"],
            "Resets": ["TCP_Target_Reset_Count Sum", "TCP_Client_Reset_Count Sum"],
        }
    else:
        titles = {
            "Requests": ["RequestCount Sum"],
            "Errors": ["HTTPCode_ELB_5XX_Count Sum", "HTTPCode_Target_5XX_Count Sum", "HTTPCode_Target_4XX_Count Sum"],
            "Response time": ["TargetResponseTime p50", "TargetResponseTime p90", "TargetResponseTime p99"],
        }
    charts = _charts(namespace, balancer, titles)
    if group is not None:
        both = {"TargetGroup": "targetgroup/" + group.partition(":targetgroup/")[2], **balancer}
        charts += _charts(namespace, both, {"Targets": ["HealthyHostCount Minimum", "UnHealthyHostCount Maximum"]})
    return charts


def _distribution(known: str, _agent: bool) -> list[Chart]:
    titles = {
        "Requests": ["Requests Sum"],
        "Errors, percent": ["5xxErrorRate Average", "4xxErrorRate Average"],
        "Bytes": ["BytesDownloaded Sum", "BytesUploaded Sum"],
    }
    return _charts("AWS/CloudFront", {"DistributionId": _last(known), "Region": "Global"}, titles)


def _auto_scaling_group(known: str, agent: bool) -> list[Chart]:
    group = {"AutoScalingGroupName": known}
    charts = _charts("AWS/AutoScaling", group, {"Instances": ["GroupInServiceInstances Average", "GroupDesiredCapacity Average"]})
    charts += _charts("AWS/EC2", group, {"CPU, percent": ["CPUUtilization Average", "CPUUtilization Maximum"]})
    if agent:
        charts += _charts(NAMESPACE, group, {"Memory and disks, percent": [f"{MEMORY} Maximum", f"{DISK} Maximum"]})
    return charts


def _service(known: Mapping[str, str], _agent: bool) -> list[Chart]:
    service = {"ClusterName": known["cluster_name"], "ServiceName": known["service_name"]}
    titles = {
        "CPU, percent": ["CPUUtilization Average", "CPUUtilization Maximum"],
        "Memory, percent": ["MemoryUtilization Average", "MemoryUtilization Maximum"],
    }
    tasks = {"Tasks": ["RunningTaskCount Average", "DesiredTaskCount Average"]}
    return [*_charts("ECS/ContainerInsights", service, tasks), *_charts("AWS/ECS", service, titles)]


def _database(known: Mapping[str, Any], _agent: bool) -> list[Chart]:
    instance = known.get("instance_id")
    dimensions = {"DBClusterIdentifier": known["cluster_id"]} if instance is None else {"DBInstanceIdentifier": instance}
    storage = ["VolumeBytesUsed Average"] if instance is None else ["FreeStorageSpace Minimum"]
    titles = {
        "CPU, percent": ["CPUUtilization Average", "CPUUtilization Maximum"],
        "Connections": ["DatabaseConnections Maximum"],
        "Memory and storage, bytes": ["FreeableMemory Minimum", *storage],
        "Latency, seconds": ["ReadLatency Average", "WriteLatency Average"],
    }
    return _charts("AWS/RDS", dimensions, titles)


def _cache(known: Mapping[str, Any], _agent: bool) -> list[Chart]:
    serverless = known.get("serverless_cache_name")
    if serverless is not None:
        titles = {
            "Processing units": ["ElastiCacheProcessingUnits Sum"],
            "Data, bytes": ["BytesUsedForCache Maximum"],
            "Connections": ["CurrConnections Maximum"],
            "Hits and evictions": ["CacheHitRate Average", "Evictions Sum"],
        }
        return _charts("AWS/ElastiCache", {"clusterId": serverless}, titles)
    titles = {
        "CPU, percent": ["EngineCPUUtilization Average"],
        "Memory, percent": ["DatabaseMemoryUsagePercentage Average"],
        "Connections": ["CurrConnections Maximum"],
        "Hits and evictions": ["CacheHitRate Average", "Evictions Sum"],
    }
    names = [f"{known['replication_group_id']}-{number:03d}" for number in range(1, int(known["nodes"]) + 1)]
    charts = [_charts("AWS/ElastiCache", {"CacheClusterId": node, "CacheNodeId": "0001"}, titles) for node in names]
    # One chart has all nodes.
    return [Chart(same[0].title, [line for chart in same for line in chart.lines]) for same in zip(*charts, strict=True)]


def _last(known: str) -> str:
    """The name at the end of an ARN or URL, as other patterns give one, or the name itself."""
    return re.split("[/:]", known)[-1]


def _function(known: str, _agent: bool) -> list[Chart]:
    titles = {
        "Invocations": ["Invocations Sum"],
        "Errors and throttles": ["Errors Sum", "Throttles Sum"],
        "Duration, ms": ["Duration p50", "Duration p99"],
        "Concurrency": ["ConcurrentExecutions Maximum"],
    }
    # An alias or version has no charts of its own.
    name = known.partition(":function:")[2].partition(":")[0] or known
    return _charts("AWS/Lambda", {"FunctionName": name}, titles)


def _queue(known: str, _agent: bool) -> list[Chart]:
    titles = {
        "Messages": ["ApproximateNumberOfMessagesVisible Maximum", "ApproximateNumberOfMessagesNotVisible Maximum"],
        "Age of the oldest, seconds": ["ApproximateAgeOfOldestMessage Maximum"],
        "Sent and deleted": ["NumberOfMessagesSent Sum", "NumberOfMessagesDeleted Sum"],
    }
    return _charts("AWS/SQS", {"QueueName": _last(known)}, titles, 300)


def _table(known: str, _agent: bool) -> list[Chart]:
    titles = {
        "Capacity": ["ConsumedReadCapacityUnits Sum", "ConsumedWriteCapacityUnits Sum"],
        "Throttled": ["ReadThrottleEvents Sum", "WriteThrottleEvents Sum"],
    }
    return _charts("AWS/DynamoDB", {"TableName": _last(known)}, titles)


_KINDS: Mapping[str, tuple[str, Callable[[Any, bool], list[Chart]]]] = {
    "watched_load_balancers": ("Load balancer", _load_balancer),
    "watched_distributions": ("CDN", _distribution),
    "watched_auto_scaling_groups": ("Servers", _auto_scaling_group),
    "watched_services": ("Containers", _service),
    "watched_databases": ("Database", _database),
    "watched_caches": ("Cache", _cache),
    "watched_functions": ("Function", _function),
    "watched_queues": ("Queue", _queue),
    "watched_tables": ("Table", _table),
}


def dashboard_body(title: str, shown: Mapping[str, Any], region: str, *, agent: bool) -> str:
    """The body in JSON: alarms at the top, then a row for each thing, in the order in which a request meets them, then own charts.

    ``shown`` has the arguments of the component that say what is watched, ``alarm_arns`` and ``charts``, all known.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
    """
    grid = _Grid()
    for first in range(0, len(shown["alarm_arns"]), _MOST_ALARMS):
        grid.alarms(f"Alarms of {title}", shown["alarm_arns"][first : first + _MOST_ALARMS])
    for kind, (word, charts_of) in _KINDS.items():
        for name, known in shown[kind].items():
            grid.row(f"{word} {name}", charts_of(known, agent), EDGE_REGION if kind == "watched_distributions" else region)
    own = [
        Chart(
            title, [((m["namespace"], m["name"], m["statistic"]), m["dimensions"]) for m in chart["metrics"]], int(chart["period_seconds"])
        )
        for title, chart in shown["charts"].items()
    ]
    if own:
        grid.row("Application", own, region)
    return json.dumps({"start": "-PT3H", "periodOverride": "inherit", "widgets": grid.widgets})


class _Grid:
    """Widgets in rows of 24 columns."""

    def __init__(self) -> None:
        self.widgets: list[dict[str, Any]] = []
        self._y = 0

    def alarms(self, title: str, arns: list[str]) -> None:
        """A widget with the state of alarms."""
        height = 2 + len(arns) // 4
        self._add("alarm", 0, _COLUMNS, height, {"title": title, "alarms": arns})
        self._y += height

    def row(self, heading: str, charts: list[Chart], region: str) -> None:
        """A heading, and charts below it."""
        self._add("text", 0, _COLUMNS, 1, {"markdown": f"## {heading}"})
        self._y += 1
        for index, chart in enumerate(charts):
            column = index * _WIDTH % _COLUMNS
            self._y += _HEIGHT if index and column == 0 else 0
            properties = {
                "title": chart.title,
                "region": region,
                "view": "timeSeries",
                "period": chart.period_seconds,
                "yAxis": {"left": {"min": 0}},
                "metrics": list(_metrics(chart, region)),
            }
            self._add("metric", column, _WIDTH, _HEIGHT, properties)
        self._y += _HEIGHT

    def _add(self, kind: str, x: int, width: int, height: int, properties: dict[str, Any]) -> None:
        self.widgets.append({"type": kind, "x": x, "y": self._y, "width": width, "height": height, "properties": properties})


def _metrics(chart: Chart, region: str) -> Iterator[list[Any]]:
    for (namespace, metric, statistic), dimensions in chart.lines:
        pairs = [part for name, value in dimensions.items() for part in (name, value)]
        elsewhere = {"region": EDGE_REGION} if namespace in EDGE_NAMESPACES and region != EDGE_REGION else {}
        yield [namespace, metric, *pairs, {"stat": statistic, **elsewhere}]
