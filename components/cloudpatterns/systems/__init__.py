"""Whole designs composed of patterns."""

from cloudpatterns.systems.storefront import (
    Storefront,
    StorefrontArgs,
    StorefrontLoadBalancerArgs,
    StorefrontOptions,
    StorefrontServersArgs,
)

__all__ = ["Storefront", "StorefrontArgs", "StorefrontLoadBalancerArgs", "StorefrontOptions", "StorefrontServersArgs"]
