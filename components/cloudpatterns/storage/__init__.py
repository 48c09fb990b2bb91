"""Storage: buckets and backups."""

from cloudpatterns.storage.durable_bucket.arguments import (
    BucketStatement,
    DurableBucketArgs,
    LogWriter,
    ObjectLock,
    Replication,
    Transition,
)
from cloudpatterns.storage.durable_bucket.component import DurableBucket
from cloudpatterns.storage.nfs_sharing.arguments import (
    NfsSharingAccessPointArgs,
    NfsSharingArgs,
    NfsSharingLifecycleArgs,
    NfsSharingOptions,
    NfsSharingReplicationArgs,
)
from cloudpatterns.storage.nfs_sharing.component import NfsSharing
from cloudpatterns.storage.on_demand_disk.arguments import OnDemandDiskArgs, OnDemandDiskOptions, OnDemandDiskVolumeArgs
from cloudpatterns.storage.on_demand_disk.component import OnDemandDisk
from cloudpatterns.storage.snapshot.arguments import (
    SnapshotArgs,
    SnapshotCopyArgs,
    SnapshotDisksArgs,
    SnapshotDiskScheduleArgs,
    SnapshotLockArgs,
    SnapshotOptions,
    SnapshotRestoreTestArgs,
    SnapshotRestoreTestsArgs,
    SnapshotRuleArgs,
    SnapshotSelectionArgs,
)
from cloudpatterns.storage.snapshot.component import Snapshot

__all__ = [
    "BucketStatement",
    "DurableBucket",
    "DurableBucketArgs",
    "LogWriter",
    "NfsSharing",
    "NfsSharingAccessPointArgs",
    "NfsSharingArgs",
    "NfsSharingLifecycleArgs",
    "NfsSharingOptions",
    "NfsSharingReplicationArgs",
    "ObjectLock",
    "OnDemandDisk",
    "OnDemandDiskArgs",
    "OnDemandDiskOptions",
    "OnDemandDiskVolumeArgs",
    "Replication",
    "Snapshot",
    "SnapshotArgs",
    "SnapshotCopyArgs",
    "SnapshotDiskScheduleArgs",
    "SnapshotDisksArgs",
    "SnapshotLockArgs",
    "SnapshotOptions",
    "SnapshotRestoreTestArgs",
    "SnapshotRestoreTestsArgs",
    "SnapshotRuleArgs",
    "SnapshotSelectionArgs",
    "Transition",
]
