"""What a step or a compensation calls: the state's fields, and the rights that the call needs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

import pulumi

from cloudpatterns.blocks.work_queue import known_queue_url
from cloudpatterns.core import RetrySettings, Statement
from cloudpatterns.messaging.workflow.arguments import WorkflowFunctionArgs, WorkflowRetryArgs, WorkflowTaskArgs
from cloudpatterns.messaging.workflow.language import DOCUMENT, TASK_TOKEN, Fields, JsonPath, Language

FunctionArns = Mapping[str, pulumi.Input[str]]
"""The new functions by name."""
KINDS = ("function", "send_message", "publish", "put_event", "put_item", "update_item", "call")
"""Of tasks, by their argument."""
LAMBDA_ERRORS = (
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.TooManyRequestsException",
)
"""What another attempt may not meet: https://docs.aws.amazon.com/step-functions/latest/dg/sfn-best-practices.html. Not ``States.Timeout``:
the attempt that was given up may still be running."""
UNCERTAIN_ERRORS = (
    "States.Timeout",
    "States.HeartbeatTimeout",
    "States.DataLimitExceeded",
    "Lambda.Unknown",
    "Sandbox.Timedout",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.ClientExecutionTimeoutException",
)
"""After which nobody knows whether the step happened."""

_COMPENSATION: WorkflowRetryArgs = {"attempts": 6, "base_seconds": 2, "cap_seconds": 60, "errors": ["States.ALL"]}


def kind_of(task: Mapping[str, Any], kinds: tuple[str, ...] = KINDS) -> str | None:
    """The argument that says what a task does, None where there is none."""
    return next((kind for kind in kinds if task.get(kind) not in (None, False)), None)


def task_state(
    task: WorkflowTaskArgs,
    language: Language,
    functions: FunctionArns,
    path: str,
    *,
    keep: bool = True,
    undoes: bool = False,
    refusals: Sequence[str] = (),
) -> Fields:
    """A Task state that keeps its result at a path of the document; what it catches and where it goes is the caller's."""
    kind, arguments_by_kind = kind_of(task) or "", cast(Any, task)
    result = "$states.result"
    if kind == "function":
        call, result = _function(task, language, functions)
    else:
        resource, arguments = _SERVICES[kind](arguments_by_kind[kind], _payload(task, language))
        call = {"Resource": resource, ("Parameters" if isinstance(language, JsonPath) else "Arguments"): arguments}
    heartbeat = task.get("heartbeat_seconds")
    return {
        "Type": "Task",
        **call,
        "TimeoutSeconds": task["timeout_seconds"],
        **({} if heartbeat is None else {"HeartbeatSeconds": heartbeat}),
        "Retry": _retriers(kind, _retry(task, undoes), refusals),
        **language.keep(path, result, keep),
    }


def most_seconds(task: WorkflowTaskArgs, *, undoes: bool = False) -> float:
    """What a task takes at worst, with its retries and the longest waits between them."""
    settings = _settings(_retry(task, undoes))
    return settings.attempts * task["timeout_seconds"] + sum(settings.longest_waits)


def is_callback(task: WorkflowTaskArgs) -> bool:
    """Whether a task waits for a token or for the end of a job, which Express executions cannot."""
    if function := task.get("function"):
        return function["callback"]
    return bool((call := task.get("call")) and needs_standard(call["resource"]))


def needs_standard(resource: str) -> bool:
    """Whether an integration is one that Express executions do not have."""
    return (
        resource.endswith(".waitForTaskToken") or ".sync" in resource.rsplit(":", 2)[-1] or ".sync:" in resource or ":activity:" in resource
    )


def _retry(task: WorkflowTaskArgs, undoes: bool) -> WorkflowRetryArgs:
    given = task["retry"]
    if not undoes:
        return given
    # A default that the caller did not choose is that of a step.
    chosen = getattr(given, "given", frozenset())
    return {**given, **{name: value for name, value in _COMPENSATION.items() if name not in chosen}}


def _settings(retry: WorkflowRetryArgs) -> RetrySettings:
    base = retry["base_seconds"]
    # A second for an attempt: TimeoutSeconds is the state's own, and up to a year.
    return RetrySettings(
        attempts=retry["attempts"],
        base_seconds=base,
        cap_seconds=max(base, retry["cap_seconds"]),
        call_timeout_seconds=1,
        deadline_seconds=21_600,
    )


def _retriers(kind: str, retry: WorkflowRetryArgs, refusals: Sequence[str]) -> list[Fields]:
    errors, settings = retry.get("errors"), _settings(retry)
    never: list[Fields] = []
    if errors is None:
        errors = LAMBDA_ERRORS if kind == "function" else ("States.TaskFailed",)
        # A condition that does not hold will not hold a moment later.
        never = [{"ErrorEquals": ["DynamoDB.ConditionalCheckFailedException"], "MaxAttempts": 0}] if kind.endswith("_item") else []
    # Retriers are tried in their order.
    if refusals:
        never = [*never, {"ErrorEquals": [*refusals], "MaxAttempts": 0}]
    return [*never, settings.asl_retrier(errors)]


def _payload(task: WorkflowTaskArgs, language: Language) -> Callable[[str], Fields]:
    """The field of a name with the task's input in it."""
    given = task.get("input")
    return lambda name: language.template({name: DOCUMENT if given is None else given})


def _function(task: WorkflowTaskArgs, language: Language, functions: FunctionArns) -> tuple[Fields, str]:
    function, given = task["function"], task.get("input")
    arn = _function_arn(function, functions)
    if function["callback"]:
        payload = language.template({"task_token": TASK_TOKEN, **({"document": DOCUMENT} if given is None else {})})
        resource = _resource(arn, "lambda:invoke.waitForTaskToken")
        return {
            "Resource": resource,
            **language.arguments({"FunctionName": arn, "Payload": {**payload, **(given or {})}}),
        }, "$states.result"
    if isinstance(language, JsonPath):
        # The function's own ARN: with lambda:invoke its answer would stand within an object, which no path takes off.
        return {"Resource": arn, **({} if given is None else {"Parameters": given})}, ""
    payload = DOCUMENT if given is None else given
    call = {"Resource": _resource(arn, "lambda:invoke"), **language.arguments({"FunctionName": arn, "Payload": payload})}
    return call, "$states.result.Payload"


def _function_arn(function: WorkflowFunctionArgs, functions: FunctionArns) -> pulumi.Input[str]:
    given, name = function.get("function_arn"), function.get("name")
    return functions[name or ""] if given is None else given


def _send_message(given: Any, payload: Callable[[str], Fields]) -> tuple[pulumi.Input[str], Fields]:
    arn = given["queue_arn"]
    return _resource(arn, "sqs:sendMessage"), {"QueueUrl": _of(arn, known_queue_url), **payload("MessageBody"), **given["parameters"]}


def _publish(given: Any, payload: Callable[[str], Fields]) -> tuple[pulumi.Input[str], Fields]:
    arn = given["topic_arn"]
    return _resource(arn, "sns:publish"), {"TopicArn": arn, **payload("Message"), **given["parameters"]}


def _put_event(given: Any, payload: Callable[[str], Fields]) -> tuple[pulumi.Input[str], Fields]:
    arn = given["event_bus_arn"]
    entry = {"EventBusName": arn, "Source": given["source"], "DetailType": given["detail_type"], **payload("Detail")}
    return _resource(arn, "events:putEvents"), {"Entries": [entry]}


def _put_item(given: Any, _: Callable[[str], Fields]) -> tuple[pulumi.Input[str], Fields]:
    arn = given["table_arn"]
    return _resource(arn, "dynamodb:putItem"), {"TableName": _table_name(arn), "Item": given["item"], **given["parameters"]}


def _update_item(given: Any, _: Callable[[str], Fields]) -> tuple[pulumi.Input[str], Fields]:
    arn = given["table_arn"]
    call = {"TableName": _table_name(arn), "Key": given["key"], "UpdateExpression": given["update_expression"]}
    return _resource(arn, "dynamodb:updateItem"), {**call, **given["parameters"]}


def _call(given: Any, _: Callable[[str], Fields]) -> tuple[pulumi.Input[str], Fields]:
    return given["resource"], given["parameters"]


_SERVICES: dict[str, Callable[[Any, Callable[[str], Fields]], tuple[pulumi.Input[str], Fields]]] = {
    "send_message": _send_message,
    "publish": _publish,
    "put_event": _put_event,
    "put_item": _put_item,
    "update_item": _update_item,
    "call": _call,
}


def statements(task: WorkflowTaskArgs, functions: FunctionArns) -> Iterator[Statement]:
    """What the role needs for a task; for ``call`` the caller gives it."""
    kind = kind_of(task)
    given: Any = cast(Any, task)[kind] if kind else {}
    if kind == "function":
        yield Statement(actions=["lambda:InvokeFunction"], resources=[_function_arn(given, functions)])
    elif kind == "send_message":
        yield Statement(actions=["sqs:SendMessage"], resources=[given["queue_arn"]])
    elif kind == "publish":
        yield Statement(actions=["sns:Publish"], resources=[given["topic_arn"]])
    elif kind == "put_event":
        yield Statement(actions=["events:PutEvents"], resources=[given["event_bus_arn"]])
    elif kind in ("put_item", "update_item"):
        action = "dynamodb:PutItem" if kind == "put_item" else "dynamodb:UpdateItem"
        yield Statement(actions=[action], resources=[given["table_arn"]])
    service = {"send_message": "sqs", "publish": "sns", "put_item": "dynamodb", "update_item": "dynamodb"}.get(kind or "")
    if service and (key_arn := given.get("kms_key_arn")) is not None:
        yield key_use(key_arn, service)


def key_use(key_arn: pulumi.Input[str], service: str) -> Statement:
    """Lets the role use a key through a service, as that asks of whoever writes."""
    # A table has its data key already.
    return Statement(
        actions=["kms:Decrypt"] if service == "dynamodb" else ["kms:Decrypt", "kms:GenerateDataKey"],
        resources=[key_arn],
        conditions={"StringLike": {"kms:ViaService": f"{service}.*.amazonaws.com"}},
    )


def _table_name(arn: pulumi.Input[str]) -> pulumi.Input[str]:
    return _of(arn, lambda text: text.rsplit("/", 1)[-1])


def _resource(arn: pulumi.Input[str], action: str) -> pulumi.Input[str]:
    """An integration, in the partition of what it calls."""
    return _of(arn, lambda text: f"arn:{text.split(':')[1]}:states:::{action}")


def _of(arn: pulumi.Input[str], part: Callable[[str], str]) -> pulumi.Input[str]:
    return part(arn) if isinstance(arn, str) else pulumi.Output.from_input(arn).apply(lambda known: part(str(known)))
