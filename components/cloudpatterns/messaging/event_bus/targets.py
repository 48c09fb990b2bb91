"""Targets of rules: what EventBridge needs to deliver to each kind, and where it keeps what it cannot deliver."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import (
    Fifo,
    Sender,
    allow_invocation,
    dead_letter_queue,
    queue_policy,
    send_statements,
    service_role,
    user_function,
    work_queue,
)
from cloudpatterns.blocks.work_queue import DAY_SECONDS
from cloudpatterns.core import Component, Statement, account_of, after, partition_of, region_of
from cloudpatterns.messaging.event_bus.access import EVENTS
from cloudpatterns.messaging.event_bus.arguments import EventBusTarget

# What Lambda allows for asynchronous invocations: https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionEventInvokeConfig.html
_MOST_RETRIES, _MOST_AGE_SECONDS = 2, 21_600


class Surroundings(NamedTuple):
    """What all targets of a bus share."""

    component: Component
    kms_key_arn: pulumi.Output[str]
    function_statements: Sequence[Statement]
    function_environment: Mapping[str, pulumi.Input[str]]
    alarm_topic_arns: Sequence[pulumi.Input[str]]
    tags: Mapping[str, pulumi.Input[str]]


class Destination(NamedTuple):
    """Where EventBridge sends, how, and what must be there before."""

    arn: pulumi.Input[str]
    arguments: Mapping[str, Any] = {}
    waits: Sequence[pulumi.Resource] = ()
    statement: Statement | None = None
    """What the target's role may do; None where the target's own policy admits EventBridge."""
    key_statements: Sequence[Statement] = ()
    queue_arn: pulumi.Output[str] | None = None
    queue_url: pulumi.Output[str] | None = None
    function_arn: pulumi.Output[str] | None = None


class CreatedTarget(NamedTuple):
    """A target, where it leads, and its dead-letter queue."""

    target: aws.cloudwatch.EventTarget
    to: Destination
    dead_letter_arn: pulumi.Output[str]


def event_target(around: Surroundings, child: str, rule: aws.cloudwatch.EventRule, target: EventBusTarget) -> CreatedTarget:
    """A target of a rule, with its dead-letter queue and, where EventBridge needs one, its role."""
    dead_arn = _dead_letters(around, f"{child}-dead-letters", rule, target)
    to = _destination(around, child, rule, target, dead_arn)
    given = target.get("input")
    created = aws.cloudwatch.EventTarget(
        f"{child}-target",
        rule=rule.name,
        event_bus_name=rule.event_bus_name,
        arn=to.arn,
        role_arn=None if to.statement is None else _role(around, child, rule, [to.statement, *to.key_statements]),
        input_transformer=None if given is None else {"input_paths": given["paths"], "input_template": given["template"]},
        retry_policy={
            "maximum_retry_attempts": target["maximum_retry_attempts"],
            "maximum_event_age_in_seconds": target["maximum_event_age_seconds"],
        },
        dead_letter_config={"arn": dead_arn},
        opts=around.component.child(depends_on=list(to.waits)),
        **to.arguments,
    )
    return CreatedTarget(created, to, dead_arn)


def _dead_letters(around: Surroundings, child_name: str, rule: aws.cloudwatch.EventRule, target: EventBusTarget) -> pulumi.Output[str]:
    """A standard queue, whatever the target is: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html."""
    given = target.get("dead_letter_queue_arn")
    if given is not None:
        return pulumi.Output.from_input(given)
    queue = dead_letter_queue(around.component, child_name, around.kms_key_arn, None, around.alarm_topic_arns, around.tags, what="Events")
    return after(queue.arn, queue_policy(around.component, f"{child_name}-policy", queue, [Sender(EVENTS, rule.arn)]))


def _destination(
    around: Surroundings, child: str, rule: aws.cloudwatch.EventRule, target: EventBusTarget, dead_arn: pulumi.Output[str]
) -> Destination:
    if target.get("function") is not None:
        return _new_function(around, child, rule, target, dead_arn)
    if (existing := target.get("existing_function")) is not None:
        arn = pulumi.Output.from_input(existing["arn"])
        return Destination(arn, waits=[allow_invocation(around.component, f"{child}-permission", arn, EVENTS, rule.arn)])
    if target.get("queue") is not None:
        return _new_queue(around, child, rule, target)
    if (queue := target.get("existing_queue")) is not None:
        group = queue.get("message_group_id")
        return Destination(queue["arn"], {} if group is None else {"sqs_target": {"message_group_id": group}})
    if (stream := target.get("stream")) is not None:
        path, key = stream.get("partition_key_path"), stream.get("kms_key_arn")
        arguments = {} if path is None else {"kinesis_target": {"partition_key_path": path}}
        put = Statement(sid="Put", actions=["kinesis:PutRecord", "kinesis:PutRecords"], resources=[stream["arn"]])
        return Destination(stream["arn"], arguments, statement=put, key_statements=_key("kms:GenerateDataKey", key=key))
    if (topic := target.get("topic")) is not None:
        # With a role the topic's policy needs no statement, which could have no condition: EventBridge sends SNS no condition key.
        publish = Statement(sid="Publish", actions=["sns:Publish"], resources=[topic["arn"]])
        keys = _key("kms:Decrypt", "kms:GenerateDataKey", key=topic.get("kms_key_arn"))
        return Destination(topic["arn"], statement=publish, key_statements=keys)
    if (machine := target.get("state_machine_arn")) is not None:
        start = Statement(sid="Start", actions=["states:StartExecution"], resources=[machine])
        # StartExecution uses the key with the caller's rights: https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
        keys = _key("kms:Decrypt", "kms:GenerateDataKey", key=target.get("state_machine_kms_key_arn"))
        return Destination(machine, statement=start, key_statements=keys)
    if (bus := target.get("event_bus_arn")) is not None:
        return Destination(bus, statement=Statement(sid="Send", actions=["events:PutEvents"], resources=[bus]))
    return _api(around, child, target)


def _new_function(
    around: Surroundings, child: str, rule: aws.cloudwatch.EventRule, target: EventBusTarget, dead_arn: pulumi.Output[str]
) -> Destination:
    component, child_name = around.component, f"{child}-function"
    # A queue that was there has a key of its own, which the function's options name.
    key = around.kms_key_arn if target.get("dead_letter_queue_arn") is None else None
    function = user_function(
        component,
        child_name,
        target.get("function"),
        description=f"Processes the events of {child}",
        statements=[*send_statements(dead_arn, key), *around.function_statements],
        environment=around.function_environment,
        kms_key_arn=around.kms_key_arn,
        alarm_topic_arns=around.alarm_topic_arns,
        tags=around.tags,
    )
    # EventBridge only hands an event over: what the function fails at is Lambda's to retry and to keep.
    kept = aws.lambda_.FunctionEventInvokeConfig(
        f"{child_name}-failures",
        function_name=function.name,
        maximum_retry_attempts=min(_MOST_RETRIES, target["maximum_retry_attempts"]),
        maximum_event_age_in_seconds=min(_MOST_AGE_SECONDS, target["maximum_event_age_seconds"]),
        destination_config={"on_failure": {"destination": dead_arn}},
        opts=component.child(),
    )
    permission = allow_invocation(component, f"{child}-permission", function.arn, EVENTS, rule.arn)
    return Destination(function.arn, waits=[kept, permission], function_arn=function.arn)


def _new_queue(around: Surroundings, child: str, rule: aws.cloudwatch.EventRule, target: EventBusTarget) -> Destination:
    options: Any = target.get("queue")
    group = options.get("message_group_id")
    queues = work_queue(
        around.component,
        f"{child}-queue",
        kms_key_arn=around.kms_key_arn,
        visibility_timeout_seconds=options["visibility_timeout_seconds"],
        retention_seconds=options["message_retention_days"] * DAY_SECONDS,
        max_receive_count=options["max_receive_count"],
        # EventBridge gives no deduplication id.
        fifo=None if group is None else Fifo(content_based_deduplication=True),
        senders=[Sender(EVENTS, rule.arn)],
        alarm_age_seconds=options.get("alarm_age_seconds"),
        alarm_topic_arns=around.alarm_topic_arns,
        tags=around.tags,
    )
    arguments = {} if group is None else {"sqs_target": {"message_group_id": group}}
    return Destination(queues.arn, arguments, queue_arn=queues.arn, queue_url=queues.url)


def _api(around: Surroundings, child: str, target: EventBusTarget) -> Destination:
    options: Any = target.get("api")
    destination = aws.cloudwatch.EventApiDestination(
        f"{child}-api",
        connection_arn=options["connection_arn"],
        invocation_endpoint=options["endpoint"],
        http_method=options["http_method"],
        invocation_rate_limit_per_second=options["requests_per_second"],
        opts=around.component.child(),
    )
    call = Statement(sid="Call", actions=["events:InvokeApiDestination"], resources=[destination.arn])
    return Destination(destination.arn, statement=call)


def _key(*actions: str, key: pulumi.Input[str] | None) -> list[Statement]:
    return [] if key is None else [Statement(sid="Key", actions=actions, resources=[key])]


def _role(around: Surroundings, child: str, rule: aws.cloudwatch.EventRule, statements: Sequence[Statement]) -> pulumi.Output[str]:
    """The role of a target, which EventBridge assumes for the target's rule alone."""
    return service_role(
        around.component,
        f"{child}-role",
        EVENTS,
        f"Delivers the events of {child}",
        statements={f"{child}-policy": statements},
        conditions={"ArnEquals": {"aws:SourceArn": rule.arn}, "StringEquals": {"aws:SourceAccount": account_of(rule.arn)}},
        tags=around.tags,
    ).arn


def bus_arn(name: str, key_arn: pulumi.Output[str]) -> pulumi.Output[str]:
    """ARN of a bus of the key's account and Region."""
    return pulumi.Output.concat(
        "arn:", partition_of(key_arn), ":events:", region_of(key_arn), ":", account_of(key_arn), ":event-bus/", name
    )
