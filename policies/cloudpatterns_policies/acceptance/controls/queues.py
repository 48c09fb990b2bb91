"""Queues, functions and schedules: what AWS refuses across resources, or drops."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from cloudpatterns_policies.acceptance.controls._given import given, is_given
from cloudpatterns_policies.core import UNKNOWN, Fail, Resource, Severity, Stack, Verdict, stack_control

_MAPPING: Final = "aws:lambda/eventSourceMapping:EventSourceMapping"
_QUEUE: Final = "aws:sqs/queue:Queue"
_FUNCTION: Final = "aws:lambda/function:Function"
_SCHEDULE: Final = "aws:scheduler/schedule:Schedule"
_ROLE: Final = "aws:iam/role:Role"
_SUBSCRIPTION: Final = "aws:sns/topicSubscription:TopicSubscription"
_TARGET: Final = "aws:cloudwatch/eventTarget:EventTarget"

_VISIBILITY: Final = 30
_TIMEOUT: Final = 3
_TIMES: Final = 6
_FIFO_BATCH: Final = 10
_UNIVERSAL: Final = re.compile(r"arn:aws[\w-]*:scheduler:::aws-sdk:(.*)")
_CALL: Final = re.compile(r"[a-z0-9]+:[a-z]\w*")
_SCHEDULE_ARN: Final = re.compile(r"arn:aws[\w-]*:scheduler:[^:]*:[^:]*:schedule/")


@stack_control(
    id="queue-visibility",
    title="Messages stay hidden while their function runs",
    severity=Severity.HIGH,
    types=(_MAPPING,),
    why="Lambda refuses a queue whose visibility timeout is shorter than the function's timeout.",
    remediation="Set visibility_timeout_seconds of the queue to six times the function's timeout.",
    url="https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html",
    pack="acceptance",
)
def queue_visibility(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    """A queue and a function of the stack."""
    for queue, visibility, function, timeout in _pairs(resource, stack):
        if visibility < timeout:
            yield Fail(
                f"would be refused by AWS: {queue.name} hides messages for {visibility} seconds, and {function.name} may run for {timeout}",
                "eventSourceArn",
            )


@stack_control(
    id="queue-visibility-retries",
    title="Messages stay hidden for six times their function's timeout",
    severity=Severity.LOW,
    types=(_MAPPING,),
    why="A batch that waits for the function to be free is delivered a second time while the first is still being processed.",
    remediation="Set visibility_timeout_seconds of the queue to six times the function's timeout, and the batching window on top.",
    url="https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html",
    pack="acceptance",
)
def queue_visibility_retries(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    """Where Lambda accepts them."""
    window = given(resource, "maximumBatchingWindowInSeconds")
    window = window if isinstance(window, int) else 0
    for queue, visibility, function, timeout in _pairs(resource, stack):
        if timeout <= visibility < _TIMES * timeout + window:
            added = f" and the batching window of {window}" if window else ""
            yield Fail(
                f"{queue.name} hides messages for {visibility} seconds, less than six times the {timeout} of {function.name}{added}",
                "eventSourceArn",
            )


@stack_control(
    id="fifo-batch",
    title="Batches of FIFO queues have at most ten messages",
    severity=Severity.HIGH,
    types=(_MAPPING,),
    why="Lambda refuses larger batches and a batching window for a FIFO queue.",
    remediation="Set batch_size to 10 or less, and leave maximum_batching_window_in_seconds out.",
    url="https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html",
    pack="acceptance",
)
def fifo_batch(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    """A queue of the stack, or the name in an ARN."""
    arn = given(resource, "eventSourceArn")
    queues = stack.refs(resource, "eventSourceArn", _QUEUE)
    named = isinstance(arn, str) and ":sqs:" in arn and arn.endswith(".fifo")
    if not named and not (len(queues) == 1 and queues[0].inputs.raw.get("fifoQueue") is True):
        return
    size, window = given(resource, "batchSize"), given(resource, "maximumBatchingWindowInSeconds")
    if isinstance(size, int) and size > _FIFO_BATCH:
        yield Fail(f"would be refused by AWS: {size} messages, where a FIFO queue gives at most {_FIFO_BATCH}", "batchSize")
    if isinstance(window, int) and window > 0:
        yield Fail("would be refused by AWS: a FIFO queue has no batching window", "maximumBatchingWindowInSeconds")


@stack_control(
    id="queue-key-for-services",
    title="Queues that AWS services send to use a key that these services may use",
    severity=Severity.HIGH,
    types=(_SUBSCRIPTION, _TARGET),
    why="SNS and EventBridge cannot use the AWS managed key of SQS, whose policy cannot be changed: the messages are dropped.",
    remediation="Use sqs_managed_sse_enabled, or a customer managed key whose policy names the service.",
    url="https://docs.aws.amazon.com/sns/latest/dg/sns-enable-encryption-for-topic-sqs-queue-subscriptions.html",
    pack="acceptance",
)
def queue_key_for_services(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    """Queues of the stack."""
    path = "endpoint" if resource.type == _SUBSCRIPTION else "arn"
    for queue in stack.refs(resource, path, _QUEUE):
        if is_given(queue, "kmsMasterKeyId", "alias/aws/sqs"):
            yield Fail(f"delivers nothing: {queue.name} is encrypted with alias/aws/sqs", path)


@stack_control(
    id="schedule-universal-target",
    title="Universal targets of schedules name service and action as Scheduler does",
    severity=Severity.HIGH,
    types=(_SCHEDULE,),
    why="Scheduler refuses a service or an action that is written otherwise.",
    remediation="Write arn:aws:scheduler:::aws-sdk:SERVICE:ACTION, the service in lower case, the action beginning in lower case.",
    url="https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html",
    pack="acceptance",
)
def schedule_universal_target(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    """What follows `aws-sdk:`."""
    arn = given(resource, "target.arn")
    parts = _UNIVERSAL.fullmatch(arn) if isinstance(arn, str) else None
    if parts is not None and not _CALL.fullmatch(parts[1]):
        yield Fail(f"would be refused: {parts[1]} is not of the form sqs:sendMessage", "target.arn")


@stack_control(
    id="schedule-role-trust",
    title="Roles of schedules trust the schedule group",
    severity=Severity.HIGH,
    types=(_SCHEDULE,),
    why="Scheduler passes the ARN of the schedule group as aws:SourceArn: a role that expects the schedule's ARN cannot be assumed.",
    remediation="Set aws:SourceArn to the schedule group's ARN (arn:aws:scheduler:REGION:ACCOUNT:schedule-group/NAME).",
    url="https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html",
    pack="acceptance",
)
def schedule_role_trust(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    """Roles of the stack whose statements for Scheduler name schedules only."""
    for role in stack.refs(resource, "target", _ROLE):
        document = given(role, "assumeRolePolicy")
        try:
            parsed = json.loads(document) if isinstance(document, str) else document
        except json.JSONDecodeError:
            continue
        sources = list(_sources(parsed))
        if sources and all(isinstance(source, str) and _SCHEDULE_ARN.match(source) for source in sources):
            yield Fail(f"would be refused: {role.name} expects the ARN of a schedule in aws:SourceArn", "target.roleArn")


def _sources(document: Any) -> Iterator[Any]:
    """The values of `aws:SourceArn` in the statements of a trust policy that name Scheduler; None for a statement without."""
    statements = document.get("Statement") if isinstance(document, dict) else None
    for statement in statements if isinstance(statements, list) else [statements]:
        if not isinstance(statement, dict) or "scheduler.amazonaws.com" not in json.dumps(statement.get("Principal"), default=str):
            continue
        found = False
        conditions = statement.get("Condition")
        for keys in conditions.values() if isinstance(conditions, dict) else ():
            for key, value in keys.items() if isinstance(keys, dict) else ():
                if key.lower() == "aws:sourcearn":
                    found = True
                    yield from value if isinstance(value, list) else [value]
        if not found:
            yield None


def _pairs(mapping: Resource, stack: Stack) -> Iterator[tuple[Resource, float, Resource, float]]:
    """The queue and the function of a mapping with their times in seconds, where both are in the stack and known."""
    queues = stack.refs(mapping, "eventSourceArn", _QUEUE)
    functions = stack.refs(mapping, "functionName", _FUNCTION)
    if len(queues) == 1 and len(functions) == 1:
        visibility, timeout = given(queues[0], "visibilityTimeoutSeconds"), given(functions[0], "timeout")
        if visibility is not UNKNOWN and timeout is not UNKNOWN:
            yield queues[0], _VISIBILITY if visibility is None else visibility, functions[0], _TIMEOUT if timeout is None else timeout
