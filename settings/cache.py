"""The section `cache`: the in-memory cache's engine and size."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import InitErrorDetails

from settings.faults import Allowed, Assign, Context, Model, fault
from settings.fields import WHOLE, number_as_version

Engine = Literal["valkey", "redis"]

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


class Cache(Model):
    """The in-memory cache (ElastiCache)."""

    rules = (_version_of_engine,)

    engine: Annotated[Engine, Allowed("valkey or redis", "valkey")] = "valkey"
    """Cache engine. Valkey is cheaper; Redis can be upgraded to it."""
    engine_version: Annotated[str, BeforeValidator(_version, json_schema_input_type=str | float), Allowed(_ALLOWED, "8.1")]
    """Version, major and minor."""
    node_type: Annotated[
        str,
        Field(pattern=r"^cache\.[a-z][a-z0-9-]*\.[a-z0-9-]+$"),
        Allowed("an ElastiCache node type such as cache.t4g.micro", "cache.t4g.micro"),
    ]
    """Size of each node."""
    replicas: Annotated[int, Field(ge=0, le=5), WHOLE, Allowed("replicas of each shard, 0 to 5; more than 0 requires two zones", 1)] = 1
    """Replicas of the primary node, in other zones. More than 0 enables failover and Multi-AZ."""
    snapshot_retention_days: Annotated[int, Field(ge=0, le=35), WHOLE, Allowed("days, 0 (no snapshots) to 35", 7)] = 7
    """Days that daily snapshots are kept."""
