"""Creates the queues, topics, buses and schedules of a recorded graph on an emulator, with the inputs that the provider would send.

So a test drives what a component declares, and not a copy of it. Keys are left out: an emulator's encryption proves nothing.
"""

from collections.abc import Callable
from typing import Any

from offline_preview.graph import Graph, Resource

Client = Callable[[str], Any]


class Deployed:
    """A graph that was recorded in the mode ``deployed``, on an emulator: real URLs and ARNs by the names of the resources."""

    def __init__(self, graph: Graph, client: Client) -> None:
        self.arns: dict[str, str] = {}
        self.urls: dict[str, str] = {}
        self.client = client
        self._real: dict[str, str] = {}
        for resource in graph.resources:
            create = _CREATED.get(resource.type)
            if create is not None:
                create(self, resource, self._inputs(resource.inputs))

    def bodies(self, queue: str) -> list[str]:
        """The bodies of the messages in a queue, which stay there."""
        received = self.client("sqs").receive_message(
            QueueUrl=self.urls[queue], MaxNumberOfMessages=10, VisibilityTimeout=0, WaitTimeSeconds=0
        )
        return sorted(message["Body"] for message in received.get("Messages", []))

    def created(self, resource: Resource, arn: str, url: str = "") -> None:
        """Remembers what the emulator gave for what the recorder had invented."""
        self.arns[resource.name], self.urls[resource.name] = arn, url
        found = {resource.outputs.get("arn"): arn, resource.outputs.get("url"): url, resource.id: url or arn}
        self._real |= {invented: real for invented, real in found.items() if isinstance(invented, str) and ":" in invented}
        if url:
            # The id of a queue is its URL.
            self._real[resource.id] = url

    def _inputs(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._inputs(part) for key, part in value.items()}
        if isinstance(value, list):
            return [self._inputs(part) for part in value]
        if not isinstance(value, str):
            return value
        if value in self._real:
            return self._real[value]
        # Longest first: the ARN of a dead-letter queue begins with that of its queue.
        for invented in sorted((one for one in self._real if one.startswith("arn:")), key=len, reverse=True):
            value = value.replace(invented, self._real[invented])
        return value


def _queue(deployed: Deployed, resource: Resource, inputs: dict[str, Any]) -> None:
    attributes = {
        "VisibilityTimeout": inputs.get("visibilityTimeoutSeconds"),
        "MessageRetentionPeriod": inputs.get("messageRetentionSeconds"),
        "DelaySeconds": inputs.get("delaySeconds"),
        "RedrivePolicy": inputs.get("redrivePolicy"),
        "FifoQueue": "true" if inputs.get("fifoQueue") else None,
        "ContentBasedDeduplication": "true" if inputs.get("contentBasedDeduplication") else None,
    }
    sqs = deployed.client("sqs")
    name = resource.outputs["name"] + (".fifo" if inputs.get("fifoQueue") else "")
    given = {key: str(value) for key, value in attributes.items() if value is not None}
    url = sqs.create_queue(QueueName=name, Attributes=given)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    deployed.created(resource, arn, url)


def _queue_policy(deployed: Deployed, _resource: Resource, inputs: dict[str, Any]) -> None:
    deployed.client("sqs").set_queue_attributes(QueueUrl=inputs["queueUrl"], Attributes={"Policy": inputs["policy"]})


def _redrive_allow(deployed: Deployed, _resource: Resource, inputs: dict[str, Any]) -> None:
    attributes = {"RedriveAllowPolicy": inputs["redriveAllowPolicy"]}
    deployed.client("sqs").set_queue_attributes(QueueUrl=inputs["queueUrl"], Attributes=attributes)


def _topic(deployed: Deployed, resource: Resource, inputs: dict[str, Any]) -> None:
    fifo = bool(inputs.get("fifoTopic"))
    attributes = {"FifoTopic": "true"} if fifo else {}
    if inputs.get("contentBasedDeduplication"):
        attributes["ContentBasedDeduplication"] = "true"
    name = resource.outputs["name"] + (".fifo" if fifo else "")
    deployed.created(resource, deployed.client("sns").create_topic(Name=name, Attributes=attributes)["TopicArn"])


def _topic_policy(deployed: Deployed, _resource: Resource, inputs: dict[str, Any]) -> None:
    deployed.client("sns").set_topic_attributes(TopicArn=inputs["arn"], AttributeName="Policy", AttributeValue=inputs["policy"])


def _subscription(deployed: Deployed, resource: Resource, inputs: dict[str, Any]) -> None:
    attributes = {
        "RawMessageDelivery": "true" if inputs["rawMessageDelivery"] else "false",
        "FilterPolicy": inputs.get("filterPolicy"),
        "FilterPolicyScope": inputs.get("filterPolicyScope"),
        "RedrivePolicy": inputs["redrivePolicy"],
    }
    subscription = deployed.client("sns").subscribe(
        TopicArn=inputs["topic"],
        Protocol=inputs["protocol"],
        Endpoint=inputs["endpoint"],
        Attributes={key: value for key, value in attributes.items() if value is not None},
        ReturnSubscriptionArn=True,
    )
    deployed.created(resource, subscription["SubscriptionArn"])


def _bus(deployed: Deployed, resource: Resource, _inputs: dict[str, Any]) -> None:
    deployed.created(resource, deployed.client("events").create_event_bus(Name=resource.outputs["name"])["EventBusArn"])


def _archive(deployed: Deployed, resource: Resource, inputs: dict[str, Any]) -> None:
    archive = deployed.client("events").create_archive(
        ArchiveName=resource.outputs["name"],
        EventSourceArn=inputs["eventSourceArn"],
        RetentionDays=inputs["retentionDays"],
        **({"EventPattern": inputs["eventPattern"]} if "eventPattern" in inputs else {}),
    )
    deployed.created(resource, archive["ArchiveArn"])


def _rule(deployed: Deployed, resource: Resource, inputs: dict[str, Any]) -> None:
    rule = deployed.client("events").put_rule(
        Name=resource.outputs["name"], EventBusName=inputs["eventBusName"], EventPattern=inputs["eventPattern"], State=inputs["state"]
    )
    deployed.created(resource, rule["RuleArn"])


def _event_target(deployed: Deployed, resource: Resource, inputs: dict[str, Any]) -> None:
    transformer, retries, queue = inputs.get("inputTransformer"), inputs["retryPolicy"], inputs.get("sqsTarget")
    target: dict[str, Any] = {
        "Id": resource.name,
        "Arn": inputs["arn"],
        "RetryPolicy": {
            "MaximumRetryAttempts": retries["maximumRetryAttempts"],
            "MaximumEventAgeInSeconds": retries["maximumEventAgeInSeconds"],
        },
        "DeadLetterConfig": {"Arn": inputs["deadLetterConfig"]["arn"]},
    }
    if transformer:
        target["InputTransformer"] = {"InputPathsMap": transformer["inputPaths"], "InputTemplate": transformer["inputTemplate"]}
    if queue:
        target["SqsParameters"] = {"MessageGroupId": queue["messageGroupId"]}
    refused = deployed.client("events").put_targets(Rule=inputs["rule"], EventBusName=inputs["eventBusName"], Targets=[target])
    assert not refused["FailedEntryCount"], refused["FailedEntries"]


_CREATED: dict[str, Callable[[Deployed, Resource, dict[str, Any]], None]] = {
    "aws:cloudwatch/eventArchive:EventArchive": _archive,
    "aws:cloudwatch/eventBus:EventBus": _bus,
    "aws:cloudwatch/eventRule:EventRule": _rule,
    "aws:cloudwatch/eventTarget:EventTarget": _event_target,
    "aws:sqs/queue:Queue": _queue,
    "aws:sqs/queuePolicy:QueuePolicy": _queue_policy,
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": _redrive_allow,
    "aws:sns/topic:Topic": _topic,
    "aws:sns/topicPolicy:TopicPolicy": _topic_policy,
    "aws:sns/topicSubscription:TopicSubscription": _subscription,
}
