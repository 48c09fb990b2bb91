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
    "ObjectLock",
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
