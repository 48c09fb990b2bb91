"""Storage patterns."""

from cloudpatterns.storage._lifecycle import Transition
from cloudpatterns.storage._log_writers import LogWriter
from cloudpatterns.storage._replication import Replication
from cloudpatterns.storage.durable_bucket import BucketStatement, DurableBucket, DurableBucketArgs, ObjectLock

__all__ = [
    "BucketStatement",
    "DurableBucket",
    "DurableBucketArgs",
    "LogWriter",
    "ObjectLock",
    "Replication",
    "Transition",
]
