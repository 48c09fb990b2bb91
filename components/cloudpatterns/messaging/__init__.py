"""Messaging: queues, topics, buses, streams and workflows, with the functions that work on them."""

from cloudpatterns.messaging.queue_worker.arguments import QueueWorkerArgs, QueueWorkerOptions
from cloudpatterns.messaging.queue_worker.component import QueueWorker

__all__ = [
    "QueueWorker",
    "QueueWorkerArgs",
    "QueueWorkerOptions",
]
