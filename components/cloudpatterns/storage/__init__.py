"""Storage patterns."""

from cloudpatterns.storage.durable_bucket import DurableBucket, DurableBucketArgs

__all__ = [
    "DurableBucket",
    "DurableBucketArgs",
]
