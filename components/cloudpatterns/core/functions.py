"""Lambda functions whose code is a handler of this package, with their logs and their role."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pulumi
import pulumi_aws as aws

from cloudpatterns.core.component import Component
from cloudpatterns.core.iam import Statement, assume_role, document

_HANDLERS = Path(__file__).parents[1] / "handlers"


class HandlerFunction(NamedTuple):
    """The function and its role."""

    function: aws.lambda_.Function
    role: aws.iam.Role


def handler_function(
    component: Component,
    child_name: str,
    *,
    handler: str,
    description: str,
    role_description: str,
    statements: Sequence[Statement],
    memory_mib: int,
    log_retention_days: int,
    tags: Mapping[str, pulumi.Input[str]],
    environment: Mapping[str, pulumi.Input[str]] | None = None,
) -> HandlerFunction:
    """A Python function that runs ``handlers/<handler>/index.py`` for at most 30 seconds, as children of ``component``.

    Its role has the ``statements`` and may write the function's own logs. The log group is made first, or Lambda makes one that
    keeps its events for ever; it has no customer key, because handlers log ids and never values.
    """
    group = aws.cloudwatch.LogGroup(f"{child_name}-logs", retention_in_days=log_retention_days, tags=dict(tags), opts=component.child())
    role = aws.iam.Role(
        f"{child_name}-role",
        description=role_description,
        assume_role_policy=assume_role("lambda.amazonaws.com"),
        tags=dict(tags),
        opts=component.child(),
    )
    logs = pulumi.Output.concat(group.arn, ":*")
    policy = aws.iam.RolePolicy(
        f"{child_name}-policy",
        role=role.name,
        policy=document(*statements, Statement(sid="Log", actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[logs])),
        opts=component.child(),
    )
    function = aws.lambda_.Function(
        child_name,
        description=description,
        # Only a role that has its rights runs the function.
        role=pulumi.Output.all(role.arn, policy.id).apply(lambda values: values[0]),
        runtime="python3.13",
        architectures=["arm64"],
        handler="index.handler",
        code=pulumi.AssetArchive({"index.py": pulumi.FileAsset(str(_HANDLERS / handler / "index.py"))}),
        timeout=30,
        memory_size=memory_mib,
        environment=None if environment is None else {"variables": dict(environment)},
        logging_config={"log_format": "JSON", "log_group": group.name},
        tags=dict(tags),
        opts=component.child(),
    )
    return HandlerFunction(function, role)
