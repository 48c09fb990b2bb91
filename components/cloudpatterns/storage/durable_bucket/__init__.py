"""``durable_bucket``."""

from cloudpatterns.storage.durable_bucket.component import BucketStatement, DurableBucket, DurableBucketArgs, ObjectLock
from cloudpatterns.storage.durable_bucket.lifecycle import Transition
from cloudpatterns.storage.durable_bucket.log_writers import LogWriter
from cloudpatterns.storage.durable_bucket.replication import Replication

__all__ = ["BucketStatement", "DurableBucket", "DurableBucketArgs", "LogWriter", "ObjectLock", "Replication", "Transition"]
