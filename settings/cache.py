"""The section `cache`: the in-memory cache's engine and size."""

from collections.abc import Iterable
from typing import Annotated, Any

from cloudpatterns.database import InMemoryCacheOptions
from pydantic import BeforeValidator
from pydantic_core import InitErrorDetails

from settings.faults import Allowed, Assign, Context, Remove, fault
from settings.fields import number_as_version
from settings.options import options

# https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/engine-versions.html
# Clients authenticate with IAM, which Redis supports from 7.0 and Valkey from 7.2.
VERSIONS: dict[str, tuple[str, ...]] = {"valkey": ("7.2", "8.0", "8.1", "8.2", "9.0", "9.1"), "redis": ("7.0", "7.1")}

_ALLOWED = "; ".join(f"{engine}: {', '.join(versions)}" for engine, versions in VERSIONS.items()) + "; in quotes"
_ALL = tuple(version for versions in VERSIONS.values() for version in versions)


def _version(value: Any) -> Any:
    return number_as_version(value, _ALL, "8.1")


def _version_of_engine(cache: "Cache", context: Context) -> Iterable[InitErrorDetails]:
    versions = VERSIONS[cache.engine]
    if cache.engine_version not in versions:
        place = ("engine_version",)
        yield fault(place, f"ElastiCache does not support this version of {cache.engine}", fix=[Assign(place, versions[-1])])


def _nodes_or_serverless(cache: "Cache", context: Context) -> Iterable[InitErrorDetails]:
    place = ("node_type",)
    if cache.node_type is None and cache.serverless is None:
        yield fault(place, "is missing; a cache has nodes, or it is serverless")
    elif cache.node_type is not None and cache.serverless is not None:
        yield fault(place, "a serverless cache has no nodes", fix=[Remove(place)], allowed="node_type or serverless, not both")


class Cache(
    options(
        InMemoryCacheOptions,
        texts={
            "node_type": Allowed("an ElastiCache node type such as cache.t4g.micro", "cache.t4g.micro"),
            "replicas": Allowed("replicas of each shard, 0 to 5; more than 0 requires two zones", 1),
            "snapshot_retention_days": Allowed("days, 0 (no snapshots) to 35", 7),
        },
    )
):
    """The in-memory cache (ElastiCache)."""

    checks = (_version_of_engine, _nodes_or_serverless)

    engine_version: Annotated[str, BeforeValidator(_version, json_schema_input_type=str | float), Allowed(_ALLOWED, "8.1")]
    """Version, major and minor."""
