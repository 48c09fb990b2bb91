"""Whole designs composed of patterns."""

from cloudpatterns.systems.storefront import Storefront, StorefrontArgs

__all__ = ["Storefront", "StorefrontArgs"]
