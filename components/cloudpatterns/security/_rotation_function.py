"""The vault's own rotation function, and what it may touch."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pulumi
import pulumi_aws as aws

from cloudpatterns.core import Component, Statement, assume_role, document

__all__ = ["rotation_function"]

_HANDLER = Path(__file__).parents[1] / "handlers" / "rotate_secret" / "index.py"


def rotation_function(
    component: Component,
    child_name: str,
    *,
    secret_arns: Sequence[pulumi.Input[str]],
    kms_key_arn: pulumi.Input[str],
    log_retention_days: int,
    tags: Mapping[str, pulumi.Input[str]],
) -> pulumi.Output[str]:
    """The ARN of a function that may rotate the given secrets and no other."""
    # No customer key: no value is ever logged.
    group = aws.cloudwatch.LogGroup(f"{child_name}-logs", retention_in_days=log_retention_days, tags=dict(tags), opts=component.child())
    role = aws.iam.Role(
        f"{child_name}-role",
        description=f"Rotation of secrets by {child_name}",
        assume_role_policy=assume_role("lambda.amazonaws.com"),
        tags=dict(tags),
        opts=component.child(),
    )
    policy = aws.iam.RolePolicy(
        f"{child_name}-policy",
        role=role.name,
        policy=document(
            Statement(
                actions=[
                    "secretsmanager:DescribeSecret",
                    "secretsmanager:GetSecretValue",
                    "secretsmanager:PutSecretValue",
                    "secretsmanager:UpdateSecretVersionStage",
                ],
                resources=secret_arns,
            ),
            Statement(
                actions=["kms:Decrypt", "kms:GenerateDataKey"],
                resources=[kms_key_arn],
                conditions={"StringLike": {"kms:ViaService": "secretsmanager.*.amazonaws.com"}},
            ),
            Statement(actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[pulumi.Output.concat(group.arn, ":*")]),
        ),
        opts=component.child(),
    )
    function = aws.lambda_.Function(
        child_name,
        description="Gives secrets a new value",
        role=pulumi.Output.all(role.arn, policy.id).apply(lambda values: values[0]),
        runtime="python3.13",
        architectures=["arm64"],
        handler="index.handler",
        code=pulumi.AssetArchive({"index.py": pulumi.FileAsset(str(_HANDLER))}),
        timeout=30,
        memory_size=128,
        logging_config={"log_format": "JSON", "log_group": group.name},
        tags=dict(tags),
        opts=component.child(),
    )
    return function.arn
