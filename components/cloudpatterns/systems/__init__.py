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
    "LegacyBackup",
    "LegacyBackupApi",
    "LegacyBackupArgs",
    "LegacyBackupCollection",
    "LegacyBackupCustom",
    "LegacyBackupOptions",
    "LegacyBackupReadNode",
    "LegacyBackupTable",
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
