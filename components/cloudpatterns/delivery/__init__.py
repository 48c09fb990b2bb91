"""Delivery: how content reaches viewers."""

from cloudpatterns.delivery._targets import DnsAlias, DnsEndpoint, DnsHealthCheck, DnsTarget
from cloudpatterns.delivery._viewers import CdnCors, CdnHeaders, CdnViewerArgs, CdnViewerOptions
from cloudpatterns.delivery.cache_proxy.arguments import (
    CacheProxyArgs,
    CacheProxyBucket,
    CacheProxyOptions,
    CacheProxyOrigin,
    CacheProxyService,
)
from cloudpatterns.delivery.cache_proxy.component import CacheProxy
from cloudpatterns.delivery.content_delivery_network.arguments import (
    CdnBalancer,
    CdnBehaviorOptions,
    CdnBucket,
    CdnCaching,
    CdnErrorPage,
    CdnOrigin,
    CdnPathBehavior,
    CdnServer,
    CdnStaging,
    ContentDeliveryNetworkArgs,
    ContentDeliveryNetworkOptions,
)
from cloudpatterns.delivery.content_delivery_network.component import ContentDeliveryNetwork
from cloudpatterns.delivery.direct_storage_hosting.arguments import (
    DirectStorageHostingArgs,
    DirectStorageHostingOptions,
    ExistingSiteBucket,
)
from cloudpatterns.delivery.direct_storage_hosting.component import DirectStorageHosting
from cloudpatterns.delivery.dns_failover.arguments import DnsFailoverArgs, DnsFailoverOptions, FailoverHealthCheck, FailoverPageOptions
from cloudpatterns.delivery.dns_failover.component import DnsFailover
from cloudpatterns.delivery.latency_routing import LatencyRouting, LatencyRoutingArgs, LatencyRoutingOptions
from cloudpatterns.delivery.private_data_delivery.arguments import (
    ExistingPrivateBucket,
    PrivateDataDeliveryArgs,
    PrivateDataDeliveryOptions,
    SigningKey,
)
from cloudpatterns.delivery.private_data_delivery.component import PrivateDataDelivery
from cloudpatterns.delivery.regional_certificates import RegionalCertificates, RegionalCertificatesArgs
from cloudpatterns.delivery.rename_distribution.arguments import RenameDistributionArgs, RenameDistributionOptions
from cloudpatterns.delivery.rename_distribution.component import RenameDistribution
from cloudpatterns.delivery.url_rewriting.arguments import RedirectRule, UrlRewritingArgs, UrlRewritingOptions
from cloudpatterns.delivery.url_rewriting.component import UrlRewriting
from cloudpatterns.delivery.weighted_transition import WeightedTransition, WeightedTransitionArgs, WeightedTransitionOptions

__all__ = [
    "CacheProxy",
    "CacheProxyArgs",
    "CacheProxyBucket",
    "CacheProxyOptions",
    "CacheProxyOrigin",
    "CacheProxyService",
    "CdnBalancer",
    "CdnBehaviorOptions",
    "CdnBucket",
    "CdnCaching",
    "CdnCors",
    "CdnErrorPage",
    "CdnHeaders",
    "CdnOrigin",
    "CdnPathBehavior",
    "CdnServer",
    "CdnStaging",
    "CdnViewerArgs",
    "CdnViewerOptions",
    "ContentDeliveryNetwork",
    "ContentDeliveryNetworkArgs",
    "ContentDeliveryNetworkOptions",
    "DirectStorageHosting",
    "DirectStorageHostingArgs",
    "DirectStorageHostingOptions",
    "DnsAlias",
    "DnsEndpoint",
    "DnsFailover",
    "DnsFailoverArgs",
    "DnsFailoverOptions",
    "DnsHealthCheck",
    "DnsTarget",
    "ExistingPrivateBucket",
    "ExistingSiteBucket",
    "FailoverHealthCheck",
    "FailoverPageOptions",
    "LatencyRouting",
    "LatencyRoutingArgs",
    "LatencyRoutingOptions",
    "PrivateDataDelivery",
    "PrivateDataDeliveryArgs",
    "PrivateDataDeliveryOptions",
    "RedirectRule",
    "RegionalCertificates",
    "RegionalCertificatesArgs",
    "RenameDistribution",
    "RenameDistributionArgs",
    "RenameDistributionOptions",
    "SigningKey",
    "UrlRewriting",
    "UrlRewritingArgs",
    "UrlRewritingOptions",
    "WeightedTransition",
    "WeightedTransitionArgs",
    "WeightedTransitionOptions",
]
