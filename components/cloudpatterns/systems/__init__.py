"""Whole designs composed of patterns."""

from cloudpatterns.systems.order_processing.arguments import (
    OrderProcessingArgs,
    OrderProcessingOptions,
    OrderProcessingServiceArgs,
)
from cloudpatterns.systems.order_processing.component import OrderProcessing
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
    "OrderProcessing",
    "OrderProcessingArgs",
    "OrderProcessingOptions",
    "OrderProcessingServiceArgs",
    "Storefront",
    "StorefrontArgs",
    "StorefrontCdnArgs",
    "StorefrontContainersArgs",
    "StorefrontLoadBalancerArgs",
    "StorefrontOptions",
    "StorefrontServersArgs",
]
