"""``storefront``."""

from cloudpatterns.systems.storefront.component import (
    Storefront,
    StorefrontArgs,
    StorefrontCacheArgs,
    StorefrontDatabaseArgs,
    StorefrontFirewallArgs,
    StorefrontServersArgs,
)

__all__ = [
    "Storefront",
    "StorefrontArgs",
    "StorefrontCacheArgs",
    "StorefrontDatabaseArgs",
    "StorefrontFirewallArgs",
    "StorefrontServersArgs",
]
