"""Whole designs composed of patterns."""

from cloudpatterns.systems.storefront.arguments import (
    StorefrontArgs,
    StorefrontCdnArgs,
    StorefrontContainersArgs,
    StorefrontLoadBalancerArgs,
    StorefrontOptions,
    StorefrontServersArgs,
)
from cloudpatterns.systems.storefront.component import Storefront

__all__ = [
    "Storefront",
    "StorefrontArgs",
    "StorefrontCdnArgs",
    "StorefrontContainersArgs",
    "StorefrontLoadBalancerArgs",
    "StorefrontOptions",
    "StorefrontServersArgs",
]
