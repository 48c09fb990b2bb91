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
from cloudpatterns.messaging.event_stream.arguments import (
    EventStreamArchive,
    EventStreamArgs,
    EventStreamConsumer,
    EventStreamOptions,
    ExistingStream,
)
from cloudpatterns.messaging.event_stream.component import EventStream
from cloudpatterns.messaging.fan_out.arguments import ExistingTopic, FanOutArgs, FanOutDeliveryLogs, FanOutOptions, FanOutSubscriber
from cloudpatterns.messaging.fan_out.component import FanOut
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
from cloudpatterns.messaging.priority_queue.arguments import PriorityQueueArgs, PriorityQueueOptions, QueuePriority
from cloudpatterns.messaging.priority_queue.component import PriorityQueue
from cloudpatterns.messaging.queue_worker.arguments import QueueWorkerArgs, QueueWorkerOptions
from cloudpatterns.messaging.queue_worker.component import QueueWorker
from cloudpatterns.messaging.queuing_chain.arguments import OutputQueue, QueuingChainArgs, QueuingChainOptions, QueuingChainStage
from cloudpatterns.messaging.queuing_chain.component import QueuingChain
from cloudpatterns.messaging.scheduled_task.arguments import (
    ScheduledTaskAction,
    ScheduledTaskArgs,
    ScheduledTaskContainers,
    ScheduledTaskOptions,
    ScheduledTaskQueue,
)
from cloudpatterns.messaging.scheduled_task.component import ScheduledTask
from cloudpatterns.messaging.workflow.arguments import (
    WorkflowArgs,
    WorkflowCallArgs,
    WorkflowCatchArgs,
    WorkflowChoiceArgs,
    WorkflowChoiceRuleArgs,
    WorkflowCompensationArgs,
    WorkflowEventArgs,
    WorkflowFailArgs,
    WorkflowFunctionArgs,
    WorkflowItemArgs,
    WorkflowMapArgs,
    WorkflowMessageArgs,
    WorkflowNotificationArgs,
    WorkflowOptions,
    WorkflowParallelArgs,
    WorkflowRetryArgs,
    WorkflowStepArgs,
    WorkflowTargetArgs,
    WorkflowTaskArgs,
    WorkflowUpdateArgs,
    WorkflowWaitArgs,
)
from cloudpatterns.messaging.workflow.component import Workflow

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
    "EventStream",
    "EventStreamArchive",
    "EventStreamArgs",
    "EventStreamConsumer",
    "EventStreamOptions",
    "ExistingEventBus",
    "ExistingEventQueue",
    "ExistingStream",
    "ExistingTopic",
    "FanOut",
    "FanOutArgs",
    "FanOutDeliveryLogs",
    "FanOutOptions",
    "FanOutSubscriber",
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
    "OutputQueue",
    "PriorityQueue",
    "PriorityQueueArgs",
    "PriorityQueueOptions",
    "QueuePriority",
    "QueueWorker",
    "QueueWorkerArgs",
    "QueueWorkerOptions",
    "QueuingChain",
    "QueuingChainArgs",
    "QueuingChainOptions",
    "QueuingChainStage",
    "ScheduledTask",
    "ScheduledTaskAction",
    "ScheduledTaskArgs",
    "ScheduledTaskContainers",
    "ScheduledTaskOptions",
    "ScheduledTaskQueue",
    "Workflow",
    "WorkflowArgs",
    "WorkflowCallArgs",
    "WorkflowCatchArgs",
    "WorkflowChoiceArgs",
    "WorkflowChoiceRuleArgs",
    "WorkflowCompensationArgs",
    "WorkflowEventArgs",
    "WorkflowFailArgs",
    "WorkflowFunctionArgs",
    "WorkflowItemArgs",
    "WorkflowMapArgs",
    "WorkflowMessageArgs",
    "WorkflowNotificationArgs",
    "WorkflowOptions",
    "WorkflowParallelArgs",
    "WorkflowRetryArgs",
    "WorkflowStepArgs",
    "WorkflowTargetArgs",
    "WorkflowTaskArgs",
    "WorkflowUpdateArgs",
    "WorkflowWaitArgs",
    "job_guard_user_data",
]
