"""A database and a cache to vary, for the tests of this folder."""

from typing import Any

from cloudpatterns.database import InMemoryCache, RelationalDatabase
from offline_preview.graph import Graph

from tests.harness import record

FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:rotate"
CANARY = "canary-7c1e-Password"
DATABASE: Any = {
    "engine": "mysql",
    "engine_version": "8.4",
    "instance_class": "db.m7g.large",
    "subnet_ids_by_zone": {"eu-west-1b": "subnet-b", "eu-west-1a": "subnet-a"},
    "security_group_ids": ["sg-1"],
    "allocated_storage_gib": 20,
}
AURORA: Any = {**DATABASE, "engine": "aurora-postgresql", "engine_version": "16", "allocated_storage_gib": None}
PASSWORD: Any = {"password": {"value": CANARY, "rotation_function_arn": FUNCTION}}
REPLICA: Any = {
    "replica": {
        "region": "eu-central-1",
        "subnet_ids_by_zone": {"eu-central-1a": "subnet-x", "eu-central-1b": "subnet-y"},
        "security_group_ids": ["sg-x"],
    }
}
CACHE: Any = {
    "node_type": "cache.t4g.small",
    "subnet_ids_by_zone": {"eu-west-1a": "subnet-a", "eu-west-1b": "subnet-b"},
    "security_group_ids": ["sg-1"],
}
SERVERLESS: Any = {**CACHE, "node_type": None, "serverless": {"max_storage_gb": 10, "max_ecpu_per_second": 5000}}


def database(base: Any = DATABASE, **changes: Any) -> Graph:
    return record(lambda: RelationalDatabase("orders", {**base, **changes}), mode="deployed")


def cache(base: Any = CACHE, mode: Any = "deployed", **changes: Any) -> Graph:
    return record(lambda: InMemoryCache("sessions", {**base, **changes}), mode=mode)
