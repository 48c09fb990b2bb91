"""Storage: buckets."""

from cloudpatterns.storage.durable_bucket.arguments import (
    BucketStatement,
    DurableBucketArgs,
    LogWriter,
    ObjectLock,
    Replication,
    Transition,
)
from cloudpatterns.storage.durable_bucket.component import DurableBucket

__all__ = [
    "BucketStatement",
    "DurableBucket",
    "DurableBucketArgs",
    "LogWriter",
    "ObjectLock",
    "Replication",
    "Transition",
]
