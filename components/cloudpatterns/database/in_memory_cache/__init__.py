"""``in_memory_cache``."""

from cloudpatterns.database.in_memory_cache.component import (
    InMemoryCache,
    InMemoryCacheArgs,
    InMemoryCacheCredentialArgs,
    InMemoryCacheServerlessArgs,
)

__all__ = ["InMemoryCache", "InMemoryCacheArgs", "InMemoryCacheCredentialArgs", "InMemoryCacheServerlessArgs"]
