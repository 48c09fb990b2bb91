"""Databases and caches."""

from cloudpatterns.database.in_memory_cache import (
    InMemoryCache,
    InMemoryCacheArgs,
    InMemoryCacheCredentialArgs,
    InMemoryCacheServerlessArgs,
)
from cloudpatterns.database.relational_database import (
    RelationalDatabase,
    RelationalDatabaseArgs,
    RelationalDatabasePasswordArgs,
    RelationalDatabaseReplicaArgs,
)

__all__ = [
    "InMemoryCache",
    "InMemoryCacheArgs",
    "InMemoryCacheCredentialArgs",
    "InMemoryCacheServerlessArgs",
    "RelationalDatabase",
    "RelationalDatabaseArgs",
    "RelationalDatabasePasswordArgs",
    "RelationalDatabaseReplicaArgs",
]
