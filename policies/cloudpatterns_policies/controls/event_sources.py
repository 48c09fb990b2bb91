"""Event sources of functions and pipes: how often failures are repeated, what fails with them, and what is kept of them."""

import re
from functools import partial
from typing import Any, Final

from cloudpatterns_policies.controls._event_sources import ALIAS, MAPPING, PIPE, QUEUE, functions, of_queue, service, shards
from cloudpatterns_policies.core import UNKNOWN, Fail, NotApplicable, Pass, Resource, Severity, Stack, Unknown, Verdict, stack_control
from cloudpatterns_policies.graph.reading import has_value, read

_PAGES: Final = "https://docs.aws.amazon.com/lambda/latest/dg"
_TOPIC: Final = "aws:sns/topic:Topic"
_REDRIVE: Final = "aws:sqs/redrivePolicy:RedrivePolicy"

_BOUNDS: Final = ("maximumRetryAttempts", "maximumRecordAgeInSeconds")
_WITHOUT_RECORDS: Final = re.compile(r"arn:[^:]*:(sqs|sns):.*")
_ONE_AT_A_TIME: Final = NotApplicable("reads one at a time")
_FEWEST_TRIES: Final = 5
_MOST_CALLS: Final = 1000
"""The most batches that Lambda reads of one queue at once, where a mapping sets no maximum."""

_operation = partial(stack_control, pack="operations")


@_operation(
    id="stream-retries-bounded",
    title="Readers of streams give up a bad record before it expires",
    severity=Severity.MEDIUM,
    types=(MAPPING, PIPE),
    why="Without limits, one bad record blocks its shard until it expires, and the good records behind it expire too.",
    remediation="Set maximum_retry_attempts and maximum_record_age_in_seconds; only the second counts while the function is throttled.",
    url=f"{_PAGES}/kinesis-on-failure-destination.html",
)
def stream_retries_bounded(resource: Resource, stack: Stack) -> Verdict:
    prefix = shards(resource, stack)
    if not isinstance(prefix, str):
        return prefix
    bounds = {f"{prefix}{name}": read(resource, f"{prefix}{name}", computed=True) for name in _BOUNDS}
    if any(bound is not UNKNOWN and bound is not None and bound >= 0 for bound in bounds.values()):
        return Pass()
    unknown = [path for path, bound in bounds.items() if bound is UNKNOWN]
    return Unknown(unknown[0]) if unknown else Fail("repeats a failed batch until its records expire", next(iter(bounds)))


@_operation(
    id="stream-batches-split",
    title="Readers of streams separate a bad record from the rest of its batch",
    severity=Severity.LOW,
    types=(MAPPING, PIPE),
    why="Otherwise the whole batch is repeated, and in the end given up, for one record.",
    remediation='Set bisect_batch_on_function_error to True, or function_response_types to ["ReportBatchItemFailures"] with a function that'
    ' reports them; for a pipe, set on_partial_batch_item_failure to "AUTOMATIC_BISECT".',
    url=f"{_PAGES}/kinesis-on-failure-destination.html",
)
def stream_batches_split(resource: Resource, stack: Stack) -> Verdict:
    prefix = shards(resource, stack)
    if not isinstance(prefix, str):
        return prefix
    if _batch_size(resource, f"{prefix}batchSize") == 1:
        return _ONE_AT_A_TIME
    if resource.type == PIPE:
        path = f"{prefix}onPartialBatchItemFailure"
        ways = {path: read(resource, path)}
    else:
        path = "bisectBatchOnFunctionError"
        ways = {path: read(resource, path, computed=True), "functionResponseTypes": _reports(resource)}
    if any(way is not UNKNOWN and way for way in ways.values()):
        return Pass()
    unknown = [name for name, way in ways.items() if way is UNKNOWN]
    return Unknown(unknown[0]) if unknown else Fail("gives up a whole batch for one bad record", path)


@_operation(
    id="stream-failures-whole",
    title="Functions that read streams keep failed records whole",
    severity=Severity.LOW,
    types=(MAPPING,),
    why="A queue or a topic gets the position of the records only: once they have expired in the stream, nobody can process them again.",
    remediation="Set destination_arn of on_failure in destination_config to the ARN of an S3 bucket.",
    url=f"{_PAGES}/kinesis-on-failure-destination.html",
)
def stream_failures_whole(resource: Resource, stack: Stack) -> Verdict:
    source = service(resource, stack)
    if source is UNKNOWN:
        return Unknown("eventSourceArn")
    if source in ("", "sqs"):
        return NotApplicable("does not read a stream")
    path = "destinationConfig.onFailure.destinationArn"
    destination = read(resource, path, computed=True)
    if destination is None:
        return NotApplicable("has no destination for failed records")
    places = stack.refs(resource, path, QUEUE, _TOPIC)
    if places or (destination is not UNKNOWN and _WITHOUT_RECORDS.fullmatch(str(destination))):
        return Fail("keeps the position of failed records, but not the records", path)
    return Unknown(path) if destination is UNKNOWN and not stack.refs(resource, path) else Pass()


@_operation(
    id="queue-batch-failures-reported",
    title="Functions that read queues report the messages that failed",
    severity=Severity.MEDIUM,
    types=(MAPPING,),
    why="Otherwise one bad message fails its batch: the good ones are processed again, and go to the dead-letter queue with it.",
    remediation='Set function_response_types to ["ReportBatchItemFailures"], and return batchItemFailures from the function.',
    url=f"{_PAGES}/services-sqs-errorhandling.html",
)
def queue_batch_failures_reported(resource: Resource, stack: Stack) -> Verdict:
    if (verdict := of_queue(resource, stack)) is not None:
        return verdict
    if _batch_size(resource, "batchSize") == 1:
        return _ONE_AT_A_TIME
    reports = _reports(resource)
    if reports is UNKNOWN:
        return Unknown("functionResponseTypes")
    return Pass() if reports else Fail("fails a whole batch for one bad message", "functionResponseTypes")


@_operation(
    id="queue-readers-not-throttled",
    title="Queues do not call a function more often than it may run",
    severity=Severity.MEDIUM,
    types=(MAPPING,),
    why="Each refused call counts as a receive: messages go to the dead-letter queue without ever being processed.",
    remediation="Set maximum_concurrency of scaling_config, over all mappings of the function at most its reserved_concurrent_executions.",
    url=f"{_PAGES}/services-sqs-scaling.html",
)
def queue_readers_not_throttled(resource: Resource, stack: Stack) -> Verdict:
    if (verdict := of_queue(resource, stack)) is not None:
        return verdict
    found = functions(resource, stack)
    if len(found) != 1 or has_value(resource, "provisionedPollerConfig", computed=True):
        return NotApplicable("calls a function of another stack, or with pollers of its own")
    function = found[0]
    reserved = read(function, "reservedConcurrentExecutions", computed=True)
    if reserved is UNKNOWN:
        return Unknown(f"reservedConcurrentExecutions of {function.name}")
    if reserved is None or not 0 <= reserved < _MOST_CALLS:
        return NotApplicable("calls a function that may run as often as Lambda reads a queue")
    path = "scalingConfig.maximumConcurrency"
    own = read(resource, path, computed=True)
    if own is UNKNOWN:
        return Unknown(path)
    if own is None:
        return Fail(f"calls {function.name}, which may run {_times(reserved)}, without a maximum concurrency", path)
    names = [function, *stack.referrers(function, ALIAS, "functionName")]
    readers = [item for name in names for item in stack.referrers(name, MAPPING, "functionName") if service(item, stack) == "sqs"]
    maxima = [read(item, path, computed=True) for item in readers]
    total = sum(one for one in maxima if one is not UNKNOWN and one is not None)
    if total <= reserved:
        return Pass()
    with_others = "" if own > reserved else f" together with {', '.join(item.name for item in readers if item.urn != resource.urn)}"
    return Fail(f"calls {function.name}, which may run {_times(reserved)}, up to {_times(total)}{with_others}", path)


@_operation(
    id="queue-receives-enough",
    title="Messages that a function processes are received five times before they are given up",
    severity=Severity.LOW,
    types=(QUEUE, _REDRIVE),
    why="Calls that Lambda throttles count too, so that a few busy seconds send good messages to the dead-letter queue.",
    remediation="Set maxReceiveCount in redrive_policy to at least 5.",
    url=f"{_PAGES}/services-sqs-configure.html",
)
def queue_receives_enough(resource: Resource, stack: Stack) -> Verdict:
    queues = [resource] if resource.type == QUEUE else stack.refs(resource, "queueUrl", QUEUE)
    if not any(stack.referrers(queue, MAPPING, "eventSourceArn") for queue in queues):
        return NotApplicable("is read by no function of the stack")
    if read(resource, "redrivePolicy", computed=True) is None:
        return NotApplicable("has no redrive policy here")
    count = resource.json("redrivePolicy").get("maxReceiveCount")
    # Older programs have it as text.
    if count is UNKNOWN:
        return Unknown("redrivePolicy")
    if count is None or int(count) >= _FEWEST_TRIES:
        return Pass()
    return Fail(f"gives a message up after {_receives(int(count))}", "redrivePolicy")


def _batch_size(resource: Resource, path: str) -> Any:
    """The size of a batch; None where the program leaves it to AWS, which makes it larger than one, or where it is not known."""
    size = read(resource, path, computed=True)
    return None if size is UNKNOWN else size


def _reports(mapping: Resource) -> Any:
    """Whether the function reports what failed in a batch; `UNKNOWN` where it is not known."""
    types = read(mapping, "functionResponseTypes", computed=True)
    items = types if isinstance(types, list) else [types]
    if any(item is not UNKNOWN and item == "ReportBatchItemFailures" for item in items):
        return True
    return UNKNOWN if any(item is UNKNOWN for item in items) else False


def _times(number: float) -> str:
    return f"{number:g} times at once" if number != 1 else "once at a time"


def _receives(number: int) -> str:
    return f"{number} receive{'' if number == 1 else 's'}"
