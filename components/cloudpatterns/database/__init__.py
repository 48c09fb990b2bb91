"""Databases and caches."""

from cloudpatterns.database.in_memory_cache import (
    InMemoryCache,
    InMemoryCacheArgs,
    InMemoryCacheCredentialArgs,
    InMemoryCacheOptions,
    InMemoryCacheServerlessArgs,
)
from cloudpatterns.database.relational_database import (
    RelationalDatabase,
    RelationalDatabaseArgs,
    RelationalDatabaseOptions,
    RelationalDatabasePasswordArgs,
    RelationalDatabaseReplicaArgs,
)

__all__ = [
    "InMemoryCache",
    "InMemoryCacheArgs",
    "InMemoryCacheCredentialArgs",
    "InMemoryCacheOptions",
    "InMemoryCacheServerlessArgs",
    "RelationalDatabase",
    "RelationalDatabaseArgs",
    "RelationalDatabaseOptions",
    "RelationalDatabasePasswordArgs",
    "RelationalDatabaseReplicaArgs",
]
