"""Delivery: how content reaches viewers."""

from cloudpatterns.delivery._targets import DnsAlias, DnsHealthCheck, DnsTarget
from cloudpatterns.delivery._viewers import CdnCors, CdnHeaders, CdnViewerArgs, CdnViewerOptions
from cloudpatterns.delivery.content_delivery_network.arguments import (
    CdnBalancer,
    CdnBehaviorOptions,
    CdnBucket,
    CdnCaching,
    CdnErrorPage,
    CdnOrigin,
    CdnPathBehavior,
    CdnServer,
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
from cloudpatterns.delivery.private_data_delivery.arguments import (
    ExistingPrivateBucket,
    PrivateDataDeliveryArgs,
    PrivateDataDeliveryOptions,
    SigningKey,
)
from cloudpatterns.delivery.private_data_delivery.component import PrivateDataDelivery
from cloudpatterns.delivery.rename_distribution.arguments import RenameDistributionArgs, RenameDistributionOptions
from cloudpatterns.delivery.rename_distribution.component import RenameDistribution
from cloudpatterns.delivery.url_rewriting.arguments import RedirectRule, UrlRewritingArgs, UrlRewritingOptions
from cloudpatterns.delivery.url_rewriting.component import UrlRewriting
from cloudpatterns.delivery.weighted_transition import WeightedTransition, WeightedTransitionArgs, WeightedTransitionOptions

__all__ = [
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
    "CdnViewerArgs",
    "CdnViewerOptions",
    "ContentDeliveryNetwork",
    "ContentDeliveryNetworkArgs",
    "ContentDeliveryNetworkOptions",
    "DirectStorageHosting",
    "DirectStorageHostingArgs",
    "DirectStorageHostingOptions",
    "DnsAlias",
    "DnsHealthCheck",
    "DnsTarget",
    "ExistingPrivateBucket",
    "ExistingSiteBucket",
    "PrivateDataDelivery",
    "PrivateDataDeliveryArgs",
    "PrivateDataDeliveryOptions",
    "RedirectRule",
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
