"""What event source mappings and pipes read: the service behind the ARN, and the settings for each kind of source."""

import re
from typing import Any, Final

from cloudpatterns_policies.core import UNKNOWN, NotApplicable, Resource, Stack, Unknown, Verdict
from cloudpatterns_policies.graph.reading import has_value, read

MAPPING: Final = "aws:lambda/eventSourceMapping:EventSourceMapping"
PIPE: Final = "aws:pipes/pipe:Pipe"
QUEUE: Final = "aws:sqs/queue:Queue"
STREAM: Final = "aws:kinesis/stream:Stream"
CONSUMER: Final = "aws:kinesis/streamConsumer:StreamConsumer"
FUNCTION: Final = "aws:lambda/function:Function"
ALIAS: Final = "aws:lambda/alias:Alias"
TABLE: Final = "aws:dynamodb/table:Table"
CLUSTERS: Final = ("aws:msk/cluster:Cluster", "aws:msk/serverlessCluster:ServerlessCluster")

_SERVICES: Final = {
    QUEUE: "sqs",
    STREAM: "kinesis",
    CONSUMER: "kinesis",
    TABLE: "dynamodb",
    **dict.fromkeys(CLUSTERS, "kafka"),
}
_ARN: Final = re.compile(r"arn:[^:]*:(sqs|kinesis|dynamodb|kafka):.*")
_OF_PIPES: Final = ("kinesisStreamParameters", "dynamodbStreamParameters")
_SHARDS: Final = ("kinesis", "dynamodb")

_NO_STREAM: Final = NotApplicable("reads neither Kinesis nor DynamoDB")


def service(mapping: Resource, stack: Stack) -> Any:
    """The service that an event source mapping reads, as ARNs name it; empty for others, `UNKNOWN` where it is not known."""
    for source in stack.refs(mapping, "eventSourceArn", *_SERVICES):
        return _SERVICES[source.type]
    arn = read(mapping, "eventSourceArn", computed=True)
    if arn is UNKNOWN:
        # A broker or a cluster of documents has no failures that the mapping could keep.
        others = stack.refs(mapping, "eventSourceArn", "aws:mq/broker:Broker", "aws:docdb/cluster:Cluster")
        return "" if others else UNKNOWN
    found = _ARN.fullmatch(str(arn or ""))
    return found[1] if found else ""


def shards(resource: Resource, stack: Stack) -> str | Verdict:
    """Where a mapping or a pipe has its settings for a stream of shards, as a prefix of their paths; a verdict where it reads none.

    Kafka has no shards, and takes other settings.
    """
    if resource.type == MAPPING:
        source = service(resource, stack)
        if source is UNKNOWN:
            return Unknown("eventSourceArn")
        return "" if source in _SHARDS else _NO_STREAM
    if read(resource, "sourceParameters", computed=True) is UNKNOWN:
        return Unknown("sourceParameters")
    found = [f"sourceParameters.{name}" for name in _OF_PIPES if has_value(resource, f"sourceParameters.{name}")]
    return f"{found[0]}." if found else _NO_STREAM


def functions(mapping: Resource, stack: Stack) -> list[Resource]:
    """The functions that a mapping calls, by an alias too."""
    return [
        *stack.refs(mapping, "functionName", FUNCTION),
        *(item for alias in stack.refs(mapping, "functionName", ALIAS) for item in stack.refs(alias, "functionName", FUNCTION)),
    ]


def of_queue(mapping: Resource, stack: Stack) -> Verdict | None:
    """The verdict on a mapping that reads no queue; None for one that does."""
    source = service(mapping, stack)
    if source is UNKNOWN:
        return Unknown("eventSourceArn")
    return None if source == "sqs" else NotApplicable("does not read a queue")
