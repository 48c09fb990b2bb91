"""Messaging: queues, topics, buses, streams and workflows, with the functions that work on them."""

from cloudpatterns.messaging.job_observer.arguments import JobObserverArgs, JobObserverOptions
from cloudpatterns.messaging.job_observer.component import JobObserver
from cloudpatterns.messaging.job_observer.user_data import job_guard_user_data
from cloudpatterns.messaging.kafka_stream.arguments import (
    KafkaStreamArgs,
    KafkaStreamBrokers,
    KafkaStreamConsumer,
    KafkaStreamGroup,
    KafkaStreamOptions,
    KafkaStreamTopic,
)
from cloudpatterns.messaging.kafka_stream.component import KafkaStream
from cloudpatterns.messaging.queue_worker.arguments import QueueWorkerArgs, QueueWorkerOptions
from cloudpatterns.messaging.queue_worker.component import QueueWorker

__all__ = [
    "JobObserver",
    "JobObserverArgs",
    "JobObserverOptions",
    "KafkaStream",
    "KafkaStreamArgs",
    "KafkaStreamBrokers",
    "KafkaStreamConsumer",
    "KafkaStreamGroup",
    "KafkaStreamOptions",
    "KafkaStreamTopic",
    "QueueWorker",
    "QueueWorkerArgs",
    "QueueWorkerOptions",
    "job_guard_user_data",
]
