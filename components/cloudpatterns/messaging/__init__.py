"""Messaging: queues, topics, buses, streams and workflows, with the functions that work on them."""

from cloudpatterns.messaging.event_bus.arguments import (
    EventBusApi,
    EventBusArgs,
    EventBusInput,
    EventBusOptions,
    EventBusQueue,
    EventBusRule,
    EventBusStream,
    EventBusTarget,
    EventBusTopic,
    ExistingEventBus,
    ExistingEventQueue,
)
from cloudpatterns.messaging.event_bus.component import EventBus
from cloudpatterns.messaging.fan_out.arguments import ExistingTopic, FanOutArgs, FanOutDeliveryLogs, FanOutOptions, FanOutSubscriber
from cloudpatterns.messaging.fan_out.component import FanOut
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
from cloudpatterns.messaging.queuing_chain.arguments import OutputQueue, QueuingChainArgs, QueuingChainOptions, QueuingChainStage
from cloudpatterns.messaging.queuing_chain.component import QueuingChain

__all__ = [
    "EventBus",
    "EventBusApi",
    "EventBusArgs",
    "EventBusInput",
    "EventBusOptions",
    "EventBusQueue",
    "EventBusRule",
    "EventBusStream",
    "EventBusTarget",
    "EventBusTopic",
    "ExistingEventBus",
    "ExistingEventQueue",
    "ExistingTopic",
    "FanOut",
    "FanOutArgs",
    "FanOutDeliveryLogs",
    "FanOutOptions",
    "FanOutSubscriber",
    "KafkaStream",
    "KafkaStreamArgs",
    "KafkaStreamBrokers",
    "KafkaStreamConsumer",
    "KafkaStreamGroup",
    "KafkaStreamOptions",
    "KafkaStreamTopic",
    "OutputQueue",
    "QueueWorker",
    "QueueWorkerArgs",
    "QueueWorkerOptions",
    "QueuingChain",
    "QueuingChainArgs",
    "QueuingChainOptions",
    "QueuingChainStage",
]
