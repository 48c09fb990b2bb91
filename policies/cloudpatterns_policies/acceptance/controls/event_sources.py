"""What a Lambda function reads from: the source fits the function."""

from collections.abc import Iterator
from functools import partial
from typing import Final

from cloudpatterns_policies.acceptance.relations import gives, target
from cloudpatterns_policies.core import Fail, Resource, Severity, Stack, Verdict, stack_control

_MAPPING: Final = "aws:lambda/eventSourceMapping:EventSourceMapping"

_refusal = partial(stack_control, severity=Severity.HIGH, types=(_MAPPING,), pack="acceptance")


@_refusal(
    id="table-stream-enabled",
    title="A table that a function reads has a stream",
    why="Without a stream the table has no stream ARN, and Lambda refuses the mapping.",
    remediation="Set stream_enabled and stream_view_type of the table.",
    url="https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html",
)
def table_stream_enabled(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    table = target(stack, resource, "eventSourceArn", "aws:dynamodb/table:Table")
    # A global table has a stream without being told to.
    if table is not None and not (gives(table, "streamEnabled") or gives(table, "replicas")):
        yield Fail(f"reads table {table.name}, which has no stream", "eventSourceArn")
