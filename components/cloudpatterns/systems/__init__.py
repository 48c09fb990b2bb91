"""Whole designs composed of patterns."""

from cloudpatterns.systems.storefront import (
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
