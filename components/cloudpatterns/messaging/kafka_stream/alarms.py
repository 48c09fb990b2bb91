"""Alarms of a cluster's brokers, and of the groups that read it."""

from collections.abc import Mapping
from typing import Any

import pulumi

from cloudpatterns.blocks import Metric, MetricMath, alarm
from cloudpatterns.core import Component
from cloudpatterns.messaging.kafka_stream.arguments import KafkaStreamArgs, KafkaStreamBrokers
from cloudpatterns.messaging.kafka_stream.checks import is_express

_NAMESPACE = "AWS/Kafka"
_SUSTAINED: dict[str, Any] = {"period_seconds": 300, "periods": 3}
# https://docs.aws.amazon.com/msk/latest/developerguide/bestpractices.html
_MOST_CPU_PERCENT = 60
_MOST_DISK_PERCENT = 85


class Alarms:
    """The alarms of one cluster, by its name in the metrics."""

    def __init__(self, component: Component, checked: KafkaStreamArgs, cluster_name: pulumi.Output[str]) -> None:
        self._component, self._checked, self._cluster_name = component, checked, cluster_name
        self._name = component.pulumi_resource_name

    def of_brokers(self, brokers: KafkaStreamBrokers, count: int) -> None:
        """Alarms of the brokers of a provisioned cluster; MSK numbers them from 1."""
        self._alarm(
            "no-controller",
            f"{self._name} has had no active controller for five minutes: partitions get no new leaders",
            self._metric("ActiveControllerCount"),
            1,
            comparison="LessThanThreshold",
            periods=5,
            # A cluster that reports nothing is down.
            missing="breaching",
        )
        if not is_express(brokers):
            self._alarm(
                "offline-partitions",
                f"Partitions of {self._name} have no leader: nobody can write or read them",
                self._metric("OfflinePartitionsCount"),
                0,
                periods=2,
            )
        for number in range(1, count + 1):
            self._broker(brokers, str(number))

    def _broker(self, brokers: KafkaStreamBrokers, number: str) -> None:
        broker = {"Broker ID": number}
        self._alarm(
            f"cpu-{number}",
            f"CPU of broker {number} of {self._name} above {_MOST_CPU_PERCENT} percent for a quarter of an hour: the loss of another "
            "broker would overload it",
            MetricMath(
                "user + system",
                {key: self._metric(metric, broker, "Average") for key, metric in (("user", "CpuUser"), ("system", "CpuSystem"))},
            ),
            _MOST_CPU_PERCENT,
            **_SUSTAINED,
        )
        if is_express(brokers):
            return
        self._alarm(
            f"disk-{number}",
            f"The disk of broker {number} of {self._name} has been above {_MOST_DISK_PERCENT} percent for a quarter of an hour",
            self._metric("KafkaDataLogsDiskUsed", broker),
            _MOST_DISK_PERCENT,
            **_SUSTAINED,
        )
        if brokers["monitoring_level"] != "DEFAULT":
            self._alarm(
                f"under-replicated-{number}",
                f"Partitions that broker {number} of {self._name} leads have had too few copies for a quarter of an hour",
                self._metric("UnderReplicatedPartitions", broker),
                0,
                **_SUSTAINED,
            )

    def of_group(self, suffix: str, topic: str, group: str, most_lag: int) -> None:
        """An alarm on the lag of a consumer group."""
        self._alarm(
            suffix,
            f"The consumer group {group} is more than {most_lag} records behind in a partition of {topic} for a quarter of an hour",
            self._metric("MaxOffsetLag", {"Consumer Group": group, "Topic": topic}),
            most_lag,
            **_SUSTAINED,
        )

    def of_mapping(self, suffix: str, description: str, metric: str, mapping_id: pulumi.Input[str]) -> None:
        """An alarm on events of an event source mapping, when there is one in five minutes.

        https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html#event-source-mapping-metrics
        """
        self._alarm(suffix, description, Metric("AWS/Lambda", metric, {"EventSourceMappingUUID": mapping_id}, "Sum"), 0, period_seconds=300)

    def _metric(self, metric: str, dimensions: Mapping[str, str] | None = None, statistic: str = "Maximum") -> Metric:
        return Metric(_NAMESPACE, metric, {"Cluster Name": self._cluster_name, **(dimensions or {})}, statistic)

    def _alarm(self, suffix: str, description: str, metric: Metric | MetricMath, threshold: float, **options: Any) -> None:
        if actions := self._checked["alarm_topic_arns"]:
            child_name, tags = f"{self._name}-{suffix}", self._checked["tags"]
            alarm(self._component, child_name, description, metric, threshold, actions=actions, tags=tags, **options)
