"""What a Lambda function reads from: the source fits the function."""

from collections.abc import Iterator
from functools import partial
from typing import Final

from cloudpatterns_policies.acceptance.relations import given, gives, target
from cloudpatterns_policies.core import Fail, Resource, Severity, Stack, Verdict, stack_control

_MAPPING: Final = "aws:lambda/eventSourceMapping:EventSourceMapping"
_FUNCTION_SECONDS, _QUEUE_SECONDS = 3, 30  # AWS's defaults

_refusal = partial(stack_control, severity=Severity.HIGH, types=(_MAPPING,), pack="acceptance")


@_refusal(
    id="queue-visibility-covers-function",
    title="A queue hides a message at least as long as the function that reads it may run",
    why="Lambda refuses the mapping; and a longer function would get the message a second time while it still works on it.",
    remediation="Set visibility_timeout_seconds of the queue to six times the function's timeout, as AWS recommends.",
    url="https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html",
)
def queue_visibility_covers_function(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    queue = target(stack, resource, "eventSourceArn", "aws:sqs/queue:Queue")
    function = target(stack, resource, "functionName", "aws:lambda/function:Function")
    if queue is None or function is None:
        return
    hidden, longest = given(queue, "visibilityTimeoutSeconds"), given(function, "timeout")
    hidden, longest = _QUEUE_SECONDS if hidden is None else hidden, _FUNCTION_SECONDS if longest is None else longest
    if isinstance(hidden, int | float) and isinstance(longest, int | float) and hidden < longest:
        text = f"reads queue {queue.name}, which hides a message for {hidden:g} seconds, and runs up to {longest:g} in {function.name}"
        yield Fail(text, "eventSourceArn")


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
