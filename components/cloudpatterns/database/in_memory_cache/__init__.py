"""A cache in memory: an ElastiCache replication group, or a serverless cache."""

from cloudpatterns.database.in_memory_cache.arguments import (
    InMemoryCacheArgs,
    InMemoryCacheCredentialArgs,
    InMemoryCacheOptions,
    InMemoryCacheServerlessArgs,
)
from cloudpatterns.database.in_memory_cache.component import InMemoryCache

__all__ = [
    "InMemoryCache",
    "InMemoryCacheArgs",
    "InMemoryCacheCredentialArgs",
    "InMemoryCacheOptions",
    "InMemoryCacheServerlessArgs",
]
