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
from cloudpatterns.storage.high_availability_storage import (
    ExistingAssetBucket,
    HighAvailabilityStorage,
    HighAvailabilityStorageArgs,
    HighAvailabilityStorageOptions,
)
from cloudpatterns.storage.hybrid_backup.arguments import (
    BackupServer,
    DataSync,
    ExistingBackupBucket,
    FileGateway,
    HybridBackupArgs,
    HybridBackupOptions,
    SmbAccess,
)
from cloudpatterns.storage.hybrid_backup.component import HybridBackup
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
from cloudpatterns.storage.web_storage_archive.arguments import (
    ArchivedAccount,
    ArchivedFile,
    ArchivedLogGroup,
    ExistingArchiveBucket,
    WebStorageArchiveArgs,
    WebStorageArchiveOptions,
)
from cloudpatterns.storage.web_storage_archive.component import WebStorageArchive

__all__ = [
    "ArchivedAccount",
    "ArchivedFile",
    "ArchivedLogGroup",
    "BackupServer",
    "BucketStatement",
    "DataSync",
    "DurableBucket",
    "DurableBucketArgs",
    "ExistingArchiveBucket",
    "ExistingAssetBucket",
    "ExistingBackupBucket",
    "FileGateway",
    "HighAvailabilityStorage",
    "HighAvailabilityStorageArgs",
    "HighAvailabilityStorageOptions",
    "HybridBackup",
    "HybridBackupArgs",
    "HybridBackupOptions",
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
    "SmbAccess",
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
    "WebStorageArchive",
    "WebStorageArchiveArgs",
    "WebStorageArchiveOptions",
]
