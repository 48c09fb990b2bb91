"""What is reported to topics: alarms on a database's metrics, its events, and a failed rotation of its password."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import Metric, alarm
from cloudpatterns.core import Component
from cloudpatterns.database._shared import SUSTAINED
from cloudpatterns.database.relational_database.arguments import RelationalDatabaseArgs

# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Events.Messages.html and the same page of the Aurora guide: what an operator
# must know; backups, changes of the configuration and restarts for a changed class are those of a deployment.
INSTANCE_EVENTS = (
    *("availability", "deletion", "failover", "failure", "low storage", "maintenance", "notification", "read replica", "recovery"),
    "security patching",
)
CLUSTER_EVENTS = ("deletion", "failover", "failure", "maintenance", "notification")

# GiB of memory of the size large by the first letter of the class. Of some classes it is more, never less.
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Concepts.DBInstanceClass.Summary.html
_GIB_OF_LARGE = {"c": 4, "m": 8, "r": 15.25, "t": 8, "x": 30.5, "z": 16}
_SIZES = {"micro": 1 / 8, "small": 1 / 4, "medium": 1 / 2, "large": 1, "xlarge": 2}
_GIB_OF_CAPACITY_UNIT = 2


class Watched(NamedTuple):
    """What reports: the metrics of one instance or cluster, and the instances whose events count."""

    dimensions: Mapping[str, pulumi.Output[str]]
    instance_class: str
    instance_ids: Sequence[pulumi.Output[str]]
    cluster_id: pulumi.Output[str] | None = None


def report(component: Component, name: str, checked: RelationalDatabaseArgs, watched: Watched) -> None:
    """Alarms on processor, memory, storage and connections, and subscriptions to events; none without topics."""
    if not checked["alarm_topic_arns"]:
        return
    _alarms(component, name, checked, watched)
    _subscribe(component, f"{name}-events", "db-instance", watched.instance_ids, INSTANCE_EVENTS, checked)
    if watched.cluster_id is not None:
        _subscribe(component, f"{name}-cluster-events", "db-cluster", [watched.cluster_id], CLUSTER_EVENTS, checked)


def memory_bytes(instance_class: str, most_capacity_units: float | None) -> float:
    """Memory of an instance class, at least; of ``db.serverless``, with all its capacity units."""
    if instance_class == "db.serverless":
        # https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-serverless-v2.setting-capacity.html: FreeableMemory counts
        # what the most capacity units would add.
        return (most_capacity_units or 1) * _GIB_OF_CAPACITY_UNIT * 1024**3
    _, family, *rest = instance_class.split(".")
    size = rest[0] if rest else ""
    times = re.fullmatch(r"(\d+)xlarge", size)
    factor = 2 * int(times[1]) if times else _SIZES.get(size, _SIZES["micro"])
    return _GIB_OF_LARGE.get(family[0], _GIB_OF_LARGE["c"]) * factor * 1024**3


def _alarms(component: Component, name: str, checked: RelationalDatabaseArgs, watched: Watched) -> None:
    memory = memory_bytes(watched.instance_class, checked.get("max_capacity_units"))
    # Suffix, what is wrong, metric, threshold, statistic.
    alarms: list[tuple[str, str, str, float, str]] = [
        ("cpu", "Processor of the database above 80 percent", "CPUUtilization", 80, "Average"),
        # A cluster's metric is over its instances, of which one can run out.
        ("memory", "Free memory of the database below a twentieth of its instance class's", "FreeableMemory", memory / 20, "Minimum"),
    ]
    if first := checked.get("allocated_storage_gib"):
        free = "Free storage of the database below a tenth of its first size"
        alarms.append(("storage", free, "FreeStorageSpace", first * 1024**3 / 10, "Average"))
    if most := checked.get("alarm_connections"):
        alarms.append(("connections", f"More than {most} connections to the database", "DatabaseConnections", most, "Average"))
    for suffix, description, metric, threshold, statistic in alarms:
        alarm(
            component,
            f"{name}-{suffix}",
            f"{description} for a quarter of an hour",
            Metric("AWS/RDS", metric, watched.dimensions, statistic),
            threshold,
            comparison="LessThanThreshold" if suffix in ("memory", "storage") else "GreaterThanThreshold",
            **SUSTAINED,
            actions=checked["alarm_topic_arns"],
            tags=checked["tags"],
        )


def _subscribe(
    component: Component,
    child_name: str,
    source_type: str,
    source_ids: Sequence[pulumi.Output[str]],
    categories: Sequence[str],
    checked: RelationalDatabaseArgs,
) -> None:
    # A subscription has one topic. By number: a topic's ARN may be known only after its creation.
    for number, topic_arn in enumerate(checked["alarm_topic_arns"], start=1):
        aws.rds.EventSubscription(
            f"{child_name}-{number}",
            sns_topic=topic_arn,
            source_type=source_type,
            source_ids=list(source_ids),
            event_categories=list(categories),
            tags=checked["tags"],
            opts=component.child(),
        )
