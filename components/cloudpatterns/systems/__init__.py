"""Whole designs composed of patterns."""

from cloudpatterns.systems.order_processing.arguments import (
    OrderProcessingArgs,
    OrderProcessingOptions,
    OrderProcessingServiceArgs,
)
from cloudpatterns.systems.order_processing.component import OrderProcessing
from cloudpatterns.systems.secure_file_sharing.arguments import SecureFileSharingArgs, SecureFileSharingOptions
from cloudpatterns.systems.secure_file_sharing.component import SecureFileSharing
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
    "SecureFileSharing",
    "SecureFileSharingArgs",
    "SecureFileSharingOptions",
    "Storefront",
    "StorefrontArgs",
    "StorefrontCdnArgs",
    "StorefrontContainersArgs",
    "StorefrontLoadBalancerArgs",
    "StorefrontOptions",
    "StorefrontServersArgs",
]
