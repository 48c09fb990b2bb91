"""Storage: buckets."""

from cloudpatterns.storage.durable_bucket import (
    BucketStatement,
    DurableBucket,
    DurableBucketArgs,
    LogWriter,
    ObjectLock,
    Replication,
    Transition,
)

__all__ = [
    "BucketStatement",
    "DurableBucket",
    "DurableBucketArgs",
    "LogWriter",
    "ObjectLock",
    "Replication",
    "Transition",
]
