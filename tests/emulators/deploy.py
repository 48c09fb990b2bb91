"""Deploys a recorded graph to MiniStack, so that what a program would create in AWS receives messages and runs its functions.

Resources are created in the order in which the program registered them. What the recorder invented (names, ARNs, URLs) is replaced by what
the emulator gives, in everything that comes later. Left out are resources that the emulator needs for nothing: roles, keys, logs, alarms.
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
from tests.emulators.ministack import MiniStack

# Functions run with the libraries of the test's own environment, so layers of AWS's are left out.
_FOREIGN_LAYER = re.compile(r"arn:aws:lambda:[^:]+:(017000801446|094274105915):layer:")
_ACCOUNT_THERE = "000000000000"
_ROLE = "arn:aws:iam::000000000000:role/any"


class Deployment:
    """A graph on MiniStack: ``name(...)``, ``arn(...)`` and ``url(...)`` of its resources by their logical names."""

    def __init__(
        self, graph: Graph, server: MiniStack, folder: Path, *, endpoint: str = "", environment: Mapping[str, str] | None = None
    ) -> None:
        """Creates what the graph holds.

        ``folder`` is the program's, where archives of code are found; ``endpoint`` is what the functions use as AWS (default: the server);
        ``environment`` is added to each function's.
        """
        self._server, self._folder = server, folder
        self._environment = {"AWS_ENDPOINT_URL": endpoint or server.url, "POWERTOOLS_TRACE_DISABLED": "true", **(environment or {})}
        self._real: dict[str, str] = {ACCOUNT: _ACCOUNT_THERE}
        self._outputs: dict[str, dict[str, str]] = {}
        self._types: dict[str, str] = {}
        for resource in graph.resources:
            if create := _CREATORS.get(resource.type):
                real = create(self, self._replaced(resource.inputs), resource)
                self._outputs[resource.name], self._types[resource.name] = real, resource.type
                self._learn(resource, real)
        self.graph = Graph(
            graph.project, graph.stack, [replace(one, inputs=self._replaced(one.inputs)) for one in graph.resources], graph.outputs
        )
        """The graph, with what the emulator gave in place of what the recorder invented."""

    def names(self, kind: str) -> list[str]:
        """Logical names of the resources of a type."""
        return [name for name, type_ in self._types.items() if type_ == kind]

    def output(self, name: str, key: str) -> str:
        """What the emulator gave for an output of a resource."""
        return self._outputs[name][key]

    def url(self, name: str) -> str:
        """The URL of a queue."""
        return self.output(name, "url")

    def arn(self, name: str) -> str:
        """The ARN of a resource."""
        return self.output(name, "arn")

    def client(self, service: str) -> Any:
        """A client of the server."""
        return self._server.client(service)

    def _learn(self, resource: Resource, real: Mapping[str, str]) -> None:
        invented = {**{key: value for key, value in resource.outputs.items() if isinstance(value, str)}, "id": resource.id}
        for key, value in real.items():
            # What is the same in the record (a name that is the id as well) is what the emulator calls by the first of them.
            if invented.get(key):
                self._real.setdefault(invented[key], value)

    def _replaced(self, value: Any) -> Any:
        if isinstance(value, str):
            for invented in sorted(self._real, key=len, reverse=True):
                value = value.replace(invented, self._real[invented])
            return value
        if isinstance(value, Mapping):
            return {key: self._replaced(item) for key, item in value.items()}
        return [self._replaced(item) for item in value] if isinstance(value, list) else value

    def _queue(self, inputs: dict[str, Any], resource: Resource) -> dict[str, str]:
        sqs = self.client("sqs")
        attributes = {
            "VisibilityTimeout": inputs.get("visibilityTimeoutSeconds"),
            "MessageRetentionPeriod": inputs.get("messageRetentionSeconds"),
            "RedrivePolicy": inputs.get("redrivePolicy"),
            "FifoQueue": "true" if inputs.get("fifoQueue") else None,
            "ContentBasedDeduplication": "true" if inputs.get("contentBasedDeduplication") else None,
        }
        name = resource.name + (".fifo" if inputs.get("fifoQueue") else "")
        given = {key: str(value) for key, value in attributes.items() if value is not None}
        url = sqs.create_queue(QueueName=name, Attributes=given)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        # The recorder has the name as the id, which in AWS is the URL.
        return {"url": url, "arn": arn, "name": name}

    def _queue_policy(self, inputs: dict[str, Any], _resource: Resource) -> dict[str, str]:
        sqs = self.client("sqs")
        url = sqs.get_queue_url(QueueName=inputs["queueUrl"])["QueueUrl"]
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": inputs["policy"]})
        return {}

    def _table(self, inputs: dict[str, Any], resource: Resource) -> dict[str, str]:
        dynamodb = self.client("dynamodb")
        keys = [("hashKey", "HASH"), ("rangeKey", "RANGE")]
        made = dynamodb.create_table(
            TableName=resource.name,
            KeySchema=[{"AttributeName": inputs[key], "KeyType": kind} for key, kind in keys if inputs.get(key)],
            AttributeDefinitions=[{"AttributeName": one["name"], "AttributeType": one["type"]} for one in inputs["attributes"]],
            BillingMode=inputs["billingMode"],
        )
        if ttl := inputs.get("ttl"):
            specification = {"Enabled": ttl["enabled"], "AttributeName": ttl["attributeName"]}
            dynamodb.update_time_to_live(TableName=resource.name, TimeToLiveSpecification=specification)
        return {"name": resource.name, "id": resource.name, "arn": made["TableDescription"]["TableArn"]}

    def _function(self, inputs: dict[str, Any], resource: Resource) -> dict[str, str]:
        variables = inputs.get("environment", {}).get("variables", {})
        made = self.client("lambda").create_function(
            FunctionName=resource.name,
            Runtime=inputs["runtime"],
            Handler=inputs["handler"],
            Role=_ROLE,
            Code={"ZipFile": self._zip(inputs["code"])},
            Timeout=inputs["timeout"],
            MemorySize=inputs["memorySize"],
            Layers=[arn for arn in inputs.get("layers", []) if not _FOREIGN_LAYER.match(arn)],
            Environment={"Variables": {**variables, **self._environment}},
        )
        return {"arn": made["FunctionArn"], "name": resource.name, "id": resource.name}

    def _layer(self, inputs: dict[str, Any], _resource: Resource) -> dict[str, str]:
        made = self.client("lambda").publish_layer_version(
            LayerName=inputs["layerName"], Content={"ZipFile": self._zip(inputs["code"])}, CompatibleRuntimes=inputs["compatibleRuntimes"]
        )
        return {"arn": made["LayerVersionArn"]}

    def _zip(self, archive: Mapping[str, Any]) -> bytes:
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w") as file:
            if "path" in archive:
                root = self._folder / archive["path"]
                for path in sorted(path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts):
                    file.write(path, path.relative_to(root).as_posix())
            for name, asset in archive.get("assets", {}).items():
                file.writestr(name, (self._folder / asset["path"]).read_bytes() if "path" in asset else asset["text"])
        return data.getvalue()

    def _event_source(self, inputs: dict[str, Any], _resource: Resource) -> dict[str, str]:
        optional = {
            "FunctionResponseTypes": inputs.get("functionResponseTypes"),
            "ScalingConfig": {"MaximumConcurrency": inputs["scalingConfig"]["maximumConcurrency"]} if "scalingConfig" in inputs else None,
            "MaximumBatchingWindowInSeconds": inputs.get("maximumBatchingWindowInSeconds"),
        }
        made = self.client("lambda").create_event_source_mapping(
            EventSourceArn=inputs["eventSourceArn"],
            FunctionName=inputs["functionName"],
            BatchSize=inputs["batchSize"],
            **{key: value for key, value in optional.items() if value},
        )
        return {"uuid": made["UUID"]}

    def _topic(self, _inputs: dict[str, Any], resource: Resource) -> dict[str, str]:
        arn = self.client("sns").create_topic(Name=resource.name)["TopicArn"]
        return {"arn": arn, "id": arn, "name": resource.name}

    def _subscription(self, inputs: dict[str, Any], _resource: Resource) -> dict[str, str]:
        attributes = {
            "RawMessageDelivery": "true" if inputs.get("rawMessageDelivery") else None,
            "FilterPolicy": inputs.get("filterPolicy"),
            "FilterPolicyScope": inputs.get("filterPolicyScope"),
            "RedrivePolicy": inputs.get("redrivePolicy"),
        }
        made = self.client("sns").subscribe(
            TopicArn=inputs["topic"],
            Protocol=inputs["protocol"],
            Endpoint=inputs["endpoint"],
            Attributes={key: value for key, value in attributes.items() if value},
            ReturnSubscriptionArn=True,
        )
        return {"arn": made["SubscriptionArn"]}

    def _bus(self, _inputs: dict[str, Any], resource: Resource) -> dict[str, str]:
        arn = self.client("events").create_event_bus(Name=resource.name)["EventBusArn"]
        return {"arn": arn, "name": resource.name, "id": resource.name}

    def _rule(self, inputs: dict[str, Any], resource: Resource) -> dict[str, str]:
        arn = self.client("events").put_rule(
            Name=resource.name, EventBusName=inputs.get("eventBusName", "default"), EventPattern=inputs["eventPattern"]
        )["RuleArn"]
        return {"arn": arn, "name": resource.name, "id": f"{inputs.get('eventBusName', 'default')}/{resource.name}"}

    def _target(self, inputs: dict[str, Any], resource: Resource) -> dict[str, str]:
        target: dict[str, Any] = {"Id": resource.name, "Arn": inputs["arn"]}
        if dead := inputs.get("deadLetterConfig"):
            target["DeadLetterConfig"] = {"Arn": dead["arn"]}
        self.client("events").put_targets(Rule=inputs["rule"], EventBusName=inputs.get("eventBusName", "default"), Targets=[target])
        return {}

    def _permission(self, inputs: dict[str, Any], resource: Resource) -> dict[str, str]:
        self.client("lambda").add_permission(
            FunctionName=inputs["function"],
            StatementId=resource.name,
            Action=inputs["action"],
            Principal=inputs["principal"],
            SourceArn=inputs["sourceArn"],
        )
        return {}


_CREATORS: dict[str, Callable[[Deployment, dict[str, Any], Resource], dict[str, str]]] = {
    "aws:cloudwatch/eventBus:EventBus": Deployment._bus,
    "aws:cloudwatch/eventRule:EventRule": Deployment._rule,
    "aws:cloudwatch/eventTarget:EventTarget": Deployment._target,
    "aws:dynamodb/table:Table": Deployment._table,
    "aws:lambda/eventSourceMapping:EventSourceMapping": Deployment._event_source,
    "aws:lambda/function:Function": Deployment._function,
    "aws:lambda/layerVersion:LayerVersion": Deployment._layer,
    "aws:lambda/permission:Permission": Deployment._permission,
    "aws:sns/topic:Topic": Deployment._topic,
    "aws:sns/topicSubscription:TopicSubscription": Deployment._subscription,
    "aws:sqs/queue:Queue": Deployment._queue,
    "aws:sqs/queuePolicy:QueuePolicy": Deployment._queue_policy,
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
