"""Durable storage: an S3 bucket with its lifecycle, the services that write logs into it, and its replication."""

from cloudpatterns.storage.durable_bucket.arguments import (
    BucketStatement,
    DurableBucketArgs,
    LogWriter,
    ObjectLock,
    Replication,
    Transition,
)
from cloudpatterns.storage.durable_bucket.component import BUCKET_KIND_TAG, DurableBucket

__all__ = [
    "BUCKET_KIND_TAG",
    "BucketStatement",
    "DurableBucket",
    "DurableBucketArgs",
    "LogWriter",
    "ObjectLock",
    "Replication",
    "Transition",
]
