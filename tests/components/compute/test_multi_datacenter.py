"""MultiDatacenter: every tier in the same zones, what is left when each of them is lost, and every refusal."""

import base64
from typing import Any

import pytest
from cloudpatterns.compute import MultiDatacenter
from cloudpatterns.core import ArgumentError
from cloudpatterns.network import Network
from cloudpatterns_policies.controls.availability import zone_loss
from cloudpatterns_policies.core import Fail, NotApplicable, Stack
from cloudpatterns_policies.core import Resource as Judged
from offline_preview.graph import Graph
from offline_preview.wire import Requests

from tests.harness import record
from tests.policies.helpers import verdicts

COMPONENT, GROUP = "cloudpatterns:index:MultiDatacenter", "aws:autoscaling/group:Group"
DATABASE, CACHE = "aws:rds/instance:Instance", "aws:elasticache/replicationGroup:ReplicationGroup"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:alarms"
CERTIFICATE = "arn:aws:acm:eu-west-1:123456789012:certificate/00000000-0000-4000-8000-000000000001"
ZONES = ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
FOUR = [*ZONES, "eu-west-1d"]


def by_zone(tier: str, zones: Any = ZONES) -> dict[str, str]:
    return {zone: f"subnet-{tier}{zone[-1]}" for zone in zones}


SERVERS: Any = {
    "needed_servers": 4,
    "instance_types": ["t4g.small"],
    "image_parameter": "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64",
}
DATABASE_OPTIONS: Any = {
    "engine": "postgres",
    "engine_version": "17",
    "instance_class": "db.t4g.medium",
    "allocated_storage_gib": 50,
    "database_name": "shop",
}


def arguments(**changes: Any) -> Any:
    """Arguments of a whole service; a change to None leaves the argument out."""
    given = {
        "zones": ZONES,
        "servers": SERVERS,
        "load_balancer": {"certificate_arn": CERTIFICATE},
        "database": DATABASE_OPTIONS,
        "cache": {"node_type": "cache.t4g.small"},
        "vpc_id": "vpc-1",
        "public_subnet_ids_by_zone": by_zone("p"),
        "private_subnet_ids_by_zone": by_zone("s"),
        "data_subnet_ids_by_zone": by_zone("d"),
        "load_balancer_security_group_ids": ["sg-lb"],
        "server_security_group_ids": ["sg-web"],
        "database_security_group_ids": ["sg-db"],
        "cache_security_group_ids": ["sg-cache"],
        "target_port": 8080,
        **changes,
    }
    return {key: value for key, value in given.items() if value is not None}


def service(**changes: Any) -> Graph:
    return record(lambda: MultiDatacenter("shop", arguments(**changes)), mode="deployed")


def refused(**changes: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as error:
        service(**changes)
    return error.value.problems


def test_fewer_than_two_zones_fail_at_build_time() -> None:
    [(path, reason)] = refused(zones=["eu-west-1a"])
    assert path == "zones"
    assert "at least 2" in reason


@pytest.mark.parametrize(
    ("argument", "tier"),
    [
        ("public_subnet_ids_by_zone", "the load balancer"),
        ("private_subnet_ids_by_zone", "the servers"),
        ("data_subnet_ids_by_zone", "the database"),
        ("nat_gateway_ids_by_zone", "outbound access"),
    ],
)
def test_a_tier_in_fewer_zones_fails_at_build_time(argument: str, tier: str) -> None:
    reason = f"has nothing in eu-west-1c; {tier} would not survive the loss of another zone. Add it, or change zones."
    assert refused(**{argument: by_zone("x", ZONES[:2])}) == [(argument, reason)]


@pytest.mark.parametrize(
    ("changes", "path", "reason"),
    [
        (
            {"database": {**DATABASE_OPTIONS, "multi_az": False}},
            "database.multi_az",
            "is False; the loss of its zone would take the database. Remove it.",
        ),
        (
            {"cache": {"node_type": "cache.t4g.small", "replicas": 0}},
            "cache.replicas",
            "is 0; the loss of its zone would take the cache. Give 1 or more, or remove it.",
        ),
        (
            {"cache_security_group_ids": None},
            "cache_security_group_ids",
            "is missing; cache needs it. Give it, or remove cache.",
        ),
        ({"cache": None}, "cache", "is missing; cache_security_group_ids needs it. Give it, or remove cache_security_group_ids."),
        (
            {"load_balancer": {"certificate_arn": CERTIFICATE, "stickiness": {}}},
            "load_balancer.stickiness",
            "is given; sessions are outside the servers. Remove it, and keep them in StateSharing.",
        ),
        (
            {"database": {**DATABASE_OPTIONS, "max_allocated_storage_gib": 51}},
            "database.max_allocated_storage_gib",
            "is 51; ",
        ),
        (
            {"servers": {**SERVERS, "instance_types": ["t3.small"]}},
            "servers.image_parameter",
            "is '/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64', an arm64 image; t3.small is x86_64. ",
        ),
        (
            {
                "zones": FOUR,
                **{f"{kind}_subnet_ids_by_zone": by_zone(kind, FOUR) for kind in ("public", "private", "data")},
                "cache": {"serverless": {"max_storage_gb": 5, "max_ecpu_per_second": 5000}},
            },
            "zones",
            "has 4 zones; a serverless cache takes two or three. Name as many.",
        ),
    ],
)
def test_what_would_not_survive_is_refused(changes: Any, path: str, reason: str) -> None:
    problems = refused(**changes)
    assert [where for where, _ in problems] == [path]
    assert problems[0][1].startswith(reason)


def lost(graph: Graph) -> tuple[dict[str, str], set[str]]:
    """What the loss of a zone takes, and all that was judged."""
    stack = Stack.sent(Judged(message) for message in Requests(graph).analyze_stack().resources)
    found = {name: verdict for name, verdict in verdicts(zone_loss, stack) if not isinstance(verdict, NotApplicable)}
    return {name: verdict.message for name, verdict in found.items() if isinstance(verdict, Fail)}, set(found)


@pytest.mark.parametrize("zones", [ZONES[:2], ZONES])
@pytest.mark.parametrize("mode", ["preview", "deployed"])
def test_the_loss_of_each_zone_leaves_every_tier_with_a_healthy_member(zones: list[str], mode: Any) -> None:
    def program() -> None:
        network = Network("net", {"cidr_block": "10.40.0.0/16", "zones": ZONES})
        places: Any = {
            tier: getattr(network, tier) for tier in ("public_subnet_ids_by_zone", "private_subnet_ids_by_zone", "data_subnet_ids_by_zone")
        }
        MultiDatacenter("shop", arguments(zones=zones, vpc_id=network.vpc_id, **places))

    broken, judged = lost(record(program, mode=mode))
    assert broken == {}
    assert {"shop-app-web-lb", "shop-app-servers-group", "shop-db-instance", "shop-cache-cache"} <= judged


@pytest.mark.parametrize(
    ("zones", "needed", "spare", "count", "left"),
    [
        (2, 4, True, 8, 4),
        (3, 4, True, 6, 4),
        (3, 5, True, 9, 6),
        (2, 1, True, 2, 1),
        (3, 5, False, 5, 3),
        (3, 1, False, 3, 2),
        (2, 4, False, 4, 2),
    ],
)
def test_the_capacity_after_the_loss_of_a_zone_is_stated(zones: int, needed: int, spare: bool, count: int, left: int) -> None:
    graph = service(zones=ZONES[:zones], servers={**SERVERS, "needed_servers": needed, "spare_zone": spare})
    outputs = graph.one(COMPONENT).outputs
    assert (outputs["server_count"], outputs["capacity_after_zone_loss"]) == (count, left)
    group = graph.one(GROUP).inputs
    assert (group["minSize"], group["maxSize"]) == (count, count)
    assert not spare or left >= needed


def test_every_tier_is_in_the_zones_and_in_no_other() -> None:
    graph = service(zones=["eu-west-1c", "eu-west-1a"], nat_gateway_ids_by_zone=by_zone("n"), internal=True)
    assert graph.one(GROUP).inputs["vpcZoneIdentifiers"] == ["subnet-sc", "subnet-sa"]
    balancer = graph.one("aws:lb/loadBalancer:LoadBalancer").inputs
    assert (balancer["subnets"], balancer["internal"]) == (["subnet-pa", "subnet-pc"], True)
    for subnet_group in graph.of_type("aws:rds/subnetGroup:SubnetGroup", "aws:elasticache/subnetGroup:SubnetGroup"):
        assert subnet_group.inputs["subnetIds"] == ["subnet-dc", "subnet-da"]
    assert graph.one(DATABASE).inputs["multiAz"] is True
    assert graph.one(CACHE).inputs["multiAzEnabled"] is True


def test_the_servers_log_in_to_database_and_cache() -> None:
    graph = service(servers={**SERVERS, "environment": {"COLOUR": "blue"}})
    policies = "".join(str(policy.inputs["policy"]) for policy in graph.of_type("aws:iam/rolePolicy:RolePolicy"))
    assert "rds-db:connect" in policies
    assert "elasticache:Connect" in policies
    script = base64.b64decode(graph.one("aws:ec2/launchTemplate:LaunchTemplate").inputs["userData"]).decode()
    for name in ("DATABASE_HOST", "DATABASE_PORT", "DATABASE_NAME", "DATABASE_USER", "CACHE_ENDPOINT", "CACHE_NAME", "CACHE_USER"):
        assert f'\n{name}="' in script
    assert '\nCACHE_SERVERLESS="false"\n' in script
    assert '\nCOLOUR="blue"\n' in script
    assert graph.one(COMPONENT).outputs["database_user_sql"].startswith("DO")


def test_a_service_without_a_cache_and_one_with_a_serverless_one() -> None:
    graph = service(cache=None, cache_security_group_ids=None, database={**DATABASE_OPTIONS, "database_name": None})
    outputs = graph.one(COMPONENT).outputs
    assert (outputs["cache_endpoint"], outputs["database_user_sql"]) == ("", "")
    serverless = service(cache={"serverless": {"max_storage_gb": 1, "max_ecpu_per_second": 1000}}, alarm_topic_arns=[TOPIC])
    assert len(serverless.one("aws:elasticache/serverlessCache:ServerlessCache").inputs["subnetIds"]) == 3


def test_alarms_of_all_tiers() -> None:
    names = {alarm.name for alarm in service(alarm_topic_arns=[TOPIC]).of_type("aws:cloudwatch/metricAlarm:MetricAlarm")}
    assert {
        "shop-app-cpu",
        "shop-app-servers-too-few-instances",
        "shop-app-web-unhealthy-target",
        "shop-db-cpu",
        "shop-cache-cpu-001",
    } <= names
