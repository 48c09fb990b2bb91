"""A web shop of tiers: servers, load balancer, firewalls, database and cache."""

from cloudpatterns.systems.storefront.arguments import (
    StorefrontArgs,
    StorefrontLoadBalancerArgs,
    StorefrontOptions,
    StorefrontServersArgs,
)
from cloudpatterns.systems.storefront.component import Storefront

__all__ = ["Storefront", "StorefrontArgs", "StorefrontLoadBalancerArgs", "StorefrontOptions", "StorefrontServersArgs"]
