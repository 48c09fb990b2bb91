"""Whole designs composed of patterns."""

from cloudpatterns.systems.event_notification.arguments import (
    EventNotificationApi,
    EventNotificationArgs,
    EventNotificationChannel,
    EventNotificationFields,
    EventNotificationLogAlarm,
    EventNotificationLookUp,
    EventNotificationLookUpTable,
    EventNotificationOptions,
    EventNotificationQuietHours,
    EventNotificationWebhook,
)
from cloudpatterns.systems.event_notification.component import EventNotification
from cloudpatterns.systems.global_service.arguments import (
    GlobalServiceArgs,
    GlobalServiceCellArgs,
    GlobalServiceExistingTable,
    GlobalServiceHealthOptions,
    GlobalServiceOptions,
    GlobalServiceOtherCellArgs,
    GlobalServiceRouteArgs,
    GlobalServiceTableArgs,
)
from cloudpatterns.systems.global_service.component import GlobalService
from cloudpatterns.systems.legacy_backup.arguments import (
    LegacyBackupApi,
    LegacyBackupArgs,
    LegacyBackupCollection,
    LegacyBackupCustom,
    LegacyBackupOptions,
    LegacyBackupReadNode,
    LegacyBackupTable,
)
from cloudpatterns.systems.legacy_backup.component import LegacyBackup
from cloudpatterns.systems.media_processing.arguments import MediaProcessingArgs, MediaProcessingOptions, MediaRendition
from cloudpatterns.systems.media_processing.component import MediaProcessing
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
    "EventNotification",
    "EventNotificationApi",
    "EventNotificationArgs",
    "EventNotificationChannel",
    "EventNotificationFields",
    "EventNotificationLogAlarm",
    "EventNotificationLookUp",
    "EventNotificationLookUpTable",
    "EventNotificationOptions",
    "EventNotificationQuietHours",
    "EventNotificationWebhook",
    "GlobalService",
    "GlobalServiceArgs",
    "GlobalServiceCellArgs",
    "GlobalServiceExistingTable",
    "GlobalServiceHealthOptions",
    "GlobalServiceOptions",
    "GlobalServiceOtherCellArgs",
    "GlobalServiceRouteArgs",
    "GlobalServiceTableArgs",
    "LegacyBackup",
    "LegacyBackupApi",
    "LegacyBackupArgs",
    "LegacyBackupCollection",
    "LegacyBackupCustom",
    "LegacyBackupOptions",
    "LegacyBackupReadNode",
    "LegacyBackupTable",
    "MediaProcessing",
    "MediaProcessingArgs",
    "MediaProcessingOptions",
    "MediaRendition",
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
