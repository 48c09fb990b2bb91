"""Lambda functions whose code is a pattern's own, in its ``on_aws`` folder, and what invokes them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks.alarm import Metric, alarm
from cloudpatterns.blocks.log_group import log_group
from cloudpatterns.blocks.role import service_role
from cloudpatterns.core import Component, Statement, unqualified

_RUNTIMES = {".py": "python3.13", ".mjs": "nodejs24.x"}


class PatternFunction(NamedTuple):
    """The function, its role, and the name of its log group."""

    function: aws.lambda_.Function
    role: aws.iam.Role
    log_group_name: pulumi.Output[str]


def pattern_function(
    component: Component,
    child_name: str,
    folder: Path,
    *,
    description: str,
    role_description: str,
    statements: Sequence[Statement],
    memory_mib: int,
    timeout_seconds: int = 30,
    log_retention_days: int,
    tags: Mapping[str, pulumi.Input[str]],
    environment: Mapping[str, pulumi.Input[str]] | None = None,
    layer_arns: Sequence[pulumi.Input[str]] | None = None,
    dead_letter_arn: pulumi.Input[str] | None = None,
    file: str = "index.py",
) -> PatternFunction:
    """A function that runs ``handler`` of a file in the folder for at most ``timeout_seconds``, as children of ``component``.

    The file is ``index.py`` or, for Node.js, ``index.mjs``.
    Events that it fails on go to the queue ``dead_letter_arn``, if there is one. Its role has the ``statements`` and may write the
    function's own logs. The log group has no customer managed key, because handlers log ids and never values.
    """
    group = log_group(component, f"{child_name}-logs", log_retention_days, tags=tags)
    log = Statement(sid="Log", actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[pulumi.Output.concat(group.arn, ":*")])
    park = [] if dead_letter_arn is None else [Statement(sid="Park", actions=["sqs:SendMessage"], resources=[dead_letter_arn])]
    role = service_role(
        component,
        f"{child_name}-role",
        "lambda.amazonaws.com",
        role_description,
        statements={f"{child_name}-policy": [*statements, log, *park]},
        tags=tags,
    )
    function = aws.lambda_.Function(
        child_name,
        description=description,
        role=role.arn,
        runtime=_RUNTIMES[Path(file).suffix],
        architectures=["arm64"],
        handler="index.handler",
        code=pulumi.AssetArchive({file: pulumi.FileAsset(str(folder / file))}),
        timeout=timeout_seconds,
        memory_size=memory_mib,
        layers=layer_arns,
        environment=None if environment is None else {"variables": environment},
        logging_config={"log_format": "JSON", "log_group": group.name},
        dead_letter_config=None if dead_letter_arn is None else {"target_arn": dead_letter_arn},
        tags=tags,
        opts=component.child(),
    )
    return PatternFunction(function, role.role, group.name)


def errors_alarm(
    component: Component,
    child_name: str,
    function: aws.lambda_.Function,
    topic_arns: Sequence[pulumi.Input[str]],
    tags: Mapping[str, pulumi.Input[str]],
) -> None:
    """An alarm when a function fails for five minutes."""
    alarm(
        component,
        f"{child_name}-errors",
        f"The function {child_name} fails in each of five minutes: its log says why",
        Metric("AWS/Lambda", "Errors", {"FunctionName": function.name}, "Sum"),
        0,
        periods=5,
        actions=topic_arns,
        tags=tags,
    )


def allow_invocation(
    component: Component, child_name: str, function: pulumi.Input[str], service: str, source_arn: pulumi.Input[str]
) -> aws.lambda_.Permission:
    """Lets a service invoke a function (its name or ARN) for one source: the service acts for every account.

    With an alias or version in it the permission is that one's alone.
    """
    name, qualifier = unqualified(function)
    return aws.lambda_.Permission(
        child_name,
        action="lambda:InvokeFunction",
        function=name,
        qualifier=qualifier,
        principal=service,
        source_arn=source_arn,
        opts=component.child(),
    )


def invoke_on_event(
    component: Component,
    child_name: str,
    function: aws.lambda_.Function,
    description: str,
    *,
    pattern: Mapping[str, Any] | None = None,
    schedule: str | None = None,
    undelivered: aws.sqs.Queue,
    tags: Mapping[str, pulumi.Input[str]],
) -> aws.cloudwatch.EventRule:
    """A rule of the default event bus, by an event pattern or a schedule (``rate(1 minute)``), with its target and permission.

    What EventBridge cannot deliver goes to the queue ``undelivered``, whose policy must admit the rule (``admit_events``).
    """
    rule = aws.cloudwatch.EventRule(
        child_name,
        description=description,
        event_pattern=None if pattern is None else pulumi.Output.json_dumps(pattern),
        schedule_expression=schedule,
        tags=tags,
        opts=component.child(),
    )
    permission = allow_invocation(component, f"{child_name}-permission", function.name, "events.amazonaws.com", rule.arn)
    aws.cloudwatch.EventTarget(
        f"{child_name}-target",
        rule=rule.name,
        arn=function.arn,
        dead_letter_config={"arn": undelivered.arn},
        opts=component.child(depends_on=[permission]),
    )
    return rule
