"""Storage: buckets, and archives in them."""

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
    "ObjectLock",
    "Replication",
    "SmbAccess",
    "Transition",
    "WebStorageArchive",
    "WebStorageArchiveArgs",
    "WebStorageArchiveOptions",
]
