"""Every alarm, rule and subscription that a stack may have stands in the table of docs/operations.md, with what to do."""

import functools
from typing import Any

import pytest
from cloudpatterns.delivery import ContentDeliveryNetwork
from cloudpatterns.messaging import KafkaStream
from cloudpatterns.network import OnDemandNat
from cloudpatterns.operations import MonitoringIntegration
from cloudpatterns.storage import Snapshot
from offline_preview.graph import Graph

from catalogue.alarms import pattern, rows
from tests.components.systems.storefronts import CDN, NAMED, make, subnets
from tests.harness import record
from tests.program import ROOT, STACKS, folder_graph, program_graph

TOPIC = "arn:aws:sns:eu-west-1:123456789012:alarms"
KINDS = (
    "aws:autoscaling/notification:Notification",
    "aws:backup/vaultNotifications:VaultNotifications",
    "aws:cloudwatch/compositeAlarm:CompositeAlarm",
    "aws:cloudwatch/eventRule:EventRule",
    "aws:cloudwatch/metricAlarm:MetricAlarm",
    "aws:rds/eventSubscription:EventSubscription",
    "aws:sns/topicSubscription:TopicSubscription",
)
WINDOWS = [{"name": "patch", "days": ["TUE"], "start": "02:00", "minutes": 120}]
CONTAINERS = {"image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop:1", "min_tasks": 2, "max_tasks": 4}
AURORA = {"engine": "aurora-postgresql", "engine_version": "17", "instance_class": "db.r7g.large", "alarm_connections": 100}


def _nat(strategy: str, **more: Any) -> Graph:
    args: Any = {
        "strategy": strategy,
        "vpc_id": "vpc-1",
        "vpc_cidr_block": "10.0.0.0/16",
        "public_subnet_ids_by_zone": subnets("public"),
        "private_route_table_ids_by_zone": {zone: f"rtb-{zone}" for zone in subnets("private")},
        "alarm_topic_arns": [TOPIC],
        **more,
    }
    return record(lambda: OnDemandNat("nat", args))


def _snapshots() -> list[Graph]:
    """What the example of backups has not: notifications of a vault, and disks instead."""
    topics: Any = {"notification_topic_arn": TOPIC, "alarm_topic_arns": [TOPIC]}
    backups: Any = {"rules": {"daily": {"frequency": "daily", "retention_days": 7}}, "selections": {"tagged": {"tags": {"Backup": "yes"}}}}
    schedules: Any = {"nightly": {"schedule": "cron(0 3 * * ? *)", "retention_count": 7}}
    disks: Any = {"disks": {"resource_type": "VOLUME", "tags": {"Snapshot": "daily"}, "schedules": schedules}, "alarm_topic_arns": [TOPIC]}
    return [record(lambda: Snapshot("backups", {**backups, **topics})), record(lambda: Snapshot("disks", disks))]


def _metric_stream() -> Graph:
    """The export of metrics that the example of monitoring has not."""
    stream: Any = {"firehose_arn": "arn:aws:firehose:eu-west-1:123456789012:deliverystream/metrics"}
    return record(lambda: MonitoringIntegration("shop", {"metric_stream": stream, "alarm_topic_arns": [TOPIC]}))


def _standard_brokers() -> Graph:
    """A Kafka cluster of standard brokers, which has alarms that Express brokers have not."""
    args: Any = {"brokers": {"instance_type": "kafka.m7g.large"}, "subnet_ids_by_zone": subnets("private"), "vpc_id": "vpc-1"}
    return record(lambda: KafkaStream("events", {**args, "alarm_topic_arns": [TOPIC]}))


def _trial() -> Graph:
    """A distribution with a staging one beside it."""
    args: Any = {
        "domain_names": ["shop.example.com"],
        "hosted_zone_id": "Z0123456789ABCDEFGHIJ",
        "origins": {name: {"bucket": {"regional_domain_name": f"{name}.s3.eu-west-1.amazonaws.com"}} for name in ("site", "new")},
        "default_behavior": {"origin": "site"},
        "staging": {"default_behavior": {"origin": "new"}},
        "alarm_topic_arns": [TOPIC.replace("eu-west-1", "us-east-1")],
    }
    return record(lambda: ContentDeliveryNetwork("shop", args))


@functools.cache
def names() -> frozenset[str]:
    """What may notify somebody, by its name, in the stacks, the examples, and with each option that the stacks do not use."""
    graphs = [program_graph(stack) for stack in STACKS]
    graphs += [folder_graph(file.parent, "dev", deployed=True) for file in sorted(ROOT.glob("examples/*/Pulumi.yaml"))]
    graphs += [_nat("single"), _nat("regional"), _nat("instance"), _nat("on_demand", windows=WINDOWS, time_zone="Europe/Berlin")]
    graphs += [
        _metric_stream(),
        *_snapshots(),
        _standard_brokers(),
        _trial(),
        make(alarm_topic_arns=[TOPIC], alarm_email_addresses=["operations@example.com"]),
        make(alarm_topic_arns=[TOPIC], database=AURORA),
        make(alarm_topic_arns=[TOPIC], load_balancer=NAMED, cdn=CDN),
        make(alarm_topic_arns=[TOPIC], servers=None, containers=CONTAINERS),
    ]
    return frozenset(one.name for graph in graphs for one in graph.of_type(*KINDS))


@pytest.mark.parametrize("name", sorted(names()))
def test_every_alarm_stands_in_the_table(name: str) -> None:
    assert [row for row in rows() if row.is_about("", [name])] != []


def test_every_row_is_about_an_alarm_that_there_is() -> None:
    alarms = [alarm for row in rows() for alarm in row.alarms]
    assert [alarm for alarm in alarms if not any(pattern(alarm).fullmatch(name) for name in names())] == []


def test_every_row_says_what_breaks_what_fires_who_hears_and_what_to_do() -> None:
    assert [row for row in rows() if len(row.cells) != 4 or "" in row.cells or not row.alarms] == []
