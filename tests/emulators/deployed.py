"""Creates what a recorded graph holds on an emulator, moto or MiniStack, with the inputs that the provider would send.

So a test drives what a component declares, and not a copy of it. What the recorder invented (ARNs, URLs, the account) is replaced by what
the emulator gives, in everything that comes later. Keys, roles, logs and alarms are left out: what an emulator encrypts or permits proves
nothing.
"""

import io
import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from offline_preview.graph import Graph, Resource

from tests.emulators.events import ACCOUNT

Client = Callable[[str], Any]

# Functions run with the libraries of the test's own environment, so AWS's layers are left out.
_FOREIGN_LAYER = re.compile(r"arn:aws:lambda:[^:]+:(017000801446|094274105915):layer:")
ACCOUNT_THERE = "000000000000"
"""MiniStack's account."""
_ROLE = "arn:aws:iam::000000000000:role/any"


class Deployed:
    """A graph that was recorded in the mode ``deployed``, on an emulator: real URLs, ARNs and names by the names of the resources."""

    def __init__(self, graph: Graph, client: Client, *, folder: Path | None = None, environment: Mapping[str, str] | None = None) -> None:
        """Creates what the graph holds, in the order of the program.

        ``folder`` is the program's, in which the code of functions is found; without it there are none. ``environment`` is added to that of
        each function.
        """
        self.arns: dict[str, str] = {}
        self.urls: dict[str, str] = {}
        self.names: dict[str, str] = {}
        self.client, self.folder = client, folder
        self.environment = {"POWERTOOLS_TRACE_DISABLED": "true", **(environment or {})}
        self._real: dict[str, str] = {}
        for resource in graph.resources:
            create = _CREATED.get(resource.type)
            if create is not None:
                create(self, resource, self._inputs(resource.inputs))
        self.graph = Graph(graph.project, graph.stack, [replace(one, inputs=self._inputs(one.inputs)) for one in graph.resources])
        """The graph, with what the emulator gave."""

    def bodies(self, queue: str) -> list[str]:
        """The bodies of the messages in a queue, which stay there."""
        received = self.client("sqs").receive_message(
            QueueUrl=self.urls[queue], MaxNumberOfMessages=10, VisibilityTimeout=0, WaitTimeSeconds=0
        )
        return sorted(message["Body"] for message in received.get("Messages", []))

    def created(self, resource: Resource, arn: str, url: str = "") -> None:
        """Remembers what the emulator gave for what the recorder had invented."""
        self.arns[resource.name], self.urls[resource.name] = arn, url
        self.names[resource.name] = resource.outputs.get("name", "")
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
        for invented in sorted((one for one in self._real if ":" in one), key=len, reverse=True):
            value = value.replace(invented, self._real[invented])
        # What names a queue by account and name, as API Gateway does.
        return value.replace(f"path/{ACCOUNT}/", f"path/{ACCOUNT_THERE}/")


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


def _table(deployed: Deployed, resource: Resource, inputs: dict[str, Any]) -> None:
    dynamodb, name = deployed.client("dynamodb"), resource.outputs["name"]
    keys = [("hashKey", "HASH"), ("rangeKey", "RANGE")]
    created = dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": inputs[key], "KeyType": kind} for key, kind in keys if inputs.get(key)],
        AttributeDefinitions=[{"AttributeName": one["name"], "AttributeType": one["type"]} for one in inputs["attributes"]],
        BillingMode=inputs["billingMode"],
        **_indexes(inputs),
    )
    if ttl := inputs.get("ttl"):
        specification = {"Enabled": ttl["enabled"], "AttributeName": ttl["attributeName"]}
        dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=specification)
    deployed.created(resource, created["TableDescription"]["TableArn"])


def _indexes(inputs: dict[str, Any]) -> dict[str, Any]:
    indexes = [
        {
            "IndexName": index["name"],
            "KeySchema": [{"AttributeName": one["attributeName"], "KeyType": one["keyType"]} for one in index["keySchemas"]],
            "Projection": {"ProjectionType": index["projectionType"]},
        }
        for index in inputs.get("globalSecondaryIndexes") or []
    ]
    return {"GlobalSecondaryIndexes": indexes} if indexes else {}


def _function(deployed: Deployed, resource: Resource, inputs: dict[str, Any]) -> None:
    if deployed.folder is None:
        return
    variables = inputs.get("environment", {}).get("variables", {})
    created = deployed.client("lambda").create_function(
        FunctionName=resource.outputs["name"],
        Runtime=inputs["runtime"],
        Handler=inputs["handler"],
        Role=_ROLE,
        Code={"ZipFile": _zip(deployed.folder, inputs["code"])},
        Timeout=inputs["timeout"],
        MemorySize=inputs["memorySize"],
        Layers=[arn for arn in inputs.get("layers", []) if not _FOREIGN_LAYER.match(arn)],
        Environment={"Variables": {**variables, **deployed.environment}},
    )
    deployed.created(resource, created["FunctionArn"])


def _layer(deployed: Deployed, resource: Resource, inputs: dict[str, Any]) -> None:
    if deployed.folder is not None:
        content = {"ZipFile": _zip(deployed.folder, inputs["code"])}
        created = deployed.client("lambda").publish_layer_version(
            LayerName=inputs["layerName"], Content=content, CompatibleRuntimes=inputs["compatibleRuntimes"]
        )
        deployed.created(resource, created["LayerVersionArn"])


def _zip(folder: Path, archive: Mapping[str, Any]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        if "path" in archive:
            root = folder / archive["path"]
            for path in sorted(path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts):
                file.write(path, path.relative_to(root).as_posix())
        for name, asset in archive.get("assets", {}).items():
            file.writestr(name, (folder / asset["path"]).read_bytes() if "path" in asset else asset["text"])
    return data.getvalue()


def _event_source(deployed: Deployed, _resource: Resource, inputs: dict[str, Any]) -> None:
    if deployed.folder is None:
        return
    scaling = inputs.get("scalingConfig")
    optional = {
        "FunctionResponseTypes": inputs.get("functionResponseTypes"),
        "ScalingConfig": scaling and {"MaximumConcurrency": scaling["maximumConcurrency"]},
        "MaximumBatchingWindowInSeconds": inputs.get("maximumBatchingWindowInSeconds"),
    }
    deployed.client("lambda").create_event_source_mapping(
        EventSourceArn=inputs["eventSourceArn"],
        FunctionName=inputs["functionName"],
        BatchSize=inputs["batchSize"],
        **{key: value for key, value in optional.items() if value},
    )


_CREATED: dict[str, Callable[[Deployed, Resource, dict[str, Any]], None]] = {
    "aws:cloudwatch/eventArchive:EventArchive": _archive,
    "aws:cloudwatch/eventBus:EventBus": _bus,
    "aws:cloudwatch/eventRule:EventRule": _rule,
    "aws:cloudwatch/eventTarget:EventTarget": _event_target,
    "aws:dynamodb/table:Table": _table,
    "aws:lambda/eventSourceMapping:EventSourceMapping": _event_source,
    "aws:lambda/function:Function": _function,
    "aws:lambda/layerVersion:LayerVersion": _layer,
    "aws:sqs/queue:Queue": _queue,
    "aws:sqs/queuePolicy:QueuePolicy": _queue_policy,
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": _redrive_allow,
    "aws:sns/topic:Topic": _topic,
    "aws:sns/topicPolicy:TopicPolicy": _topic_policy,
    "aws:sns/topicSubscription:TopicSubscription": _subscription,
}


def messages(sqs: Any, url: str, *, wait_seconds: int = 1) -> list[dict[str, Any]]:
    """Receives what a queue holds, and deletes it."""
    found: list[dict[str, Any]] = []
    while received := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=wait_seconds).get("Messages", []):
        found += received
        for message in received:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return found


def redrive(sqs: Any, dead_letter_url: str, url: str) -> int:
    """Moves what a dead-letter queue holds back to its queue, as ``start-message-move-task`` does; how many messages."""
    moved = messages(sqs, dead_letter_url)
    for message in moved:
        sqs.send_message(QueueUrl=url, MessageBody=message["Body"])
    return len(moved)
