"""A storefront for the tests, with anything about it changed."""

import copy
from typing import Any, Literal

from cloudpatterns.systems import Storefront
from offline_preview.graph import Graph

from tests.harness import record

ZONES = ("eu-west-1a", "eu-west-1b")
CERTIFICATE = "arn:aws:acm:eu-west-1:123456789012:certificate/mine"


def subnets(tier: str) -> dict[str, str]:
    return {zone: f"subnet-{tier}-{zone[-1]}" for zone in ZONES}


BASE: dict[str, Any] = {
    "vpc_id": "vpc-1",
    "public_subnet_ids_by_zone": subnets("public"),
    "private_subnet_ids_by_zone": subnets("private"),
    "data_subnet_ids_by_zone": subnets("data"),
    "servers": {"instance_types": ["m7g.large"], "image_parameter": "/aws/service/image", "min_size": 2, "max_size": 4},
    "database": {"engine": "mysql", "engine_version": "8.4", "instance_class": "db.r7g.large", "allocated_storage_gib": 100},
    "cache": {"engine": "valkey", "engine_version": "8.1", "node_type": "cache.r7g.large"},
    "load_balancer": {"certificate_arn": CERTIFICATE},
}
NAMED = {"domain_name": "shop.example.com", "hosted_zone_id": "Z0123456789ABCDEFGHIJ"}
CDN = {"prefix_list_id": "pl-4fa04526", "alarm_topic_arns": ["arn:aws:sns:us-east-1:123456789012:alarms"]}
OPERATORS = {
    "devops": {"ports": [22], "entries": [{"cidr": "10.250.10.0/24", "description": "VPN of the platform team"}]},
    "dba": {"ports": [22], "entries": [{"cidr": "10.250.20.0/24", "description": "VPN of the database team"}]},
}


def arguments(changes: dict[str, Any]) -> dict[str, Any]:
    """The base with other values; ``a__b`` is a key of the section ``a``, and None takes an argument away."""
    args = copy.deepcopy(BASE)
    for path, value in changes.items():
        section, _, key = path.rpartition("__")
        (args[section] if section else args)[key] = value
    return args


def make(*, mode: Literal["preview", "deployed"] = "deployed", name: str = "shop", opts: Any = None, **changes: Any) -> Graph:
    args: Any = arguments(changes)
    return record(lambda: Storefront(name, args, opts), mode=mode)
