"""The vault's own rotation function, and what it may touch."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pulumi

from cloudpatterns.blocks import pattern_function
from cloudpatterns.core import Component, Statement

__all__ = ["rotation_function"]


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
    made = pattern_function(
        component,
        child_name,
        Path(__file__).parent / "on_aws",
        description="Gives secrets a new value",
        role_description=f"Rotation of secrets by {child_name}",
        statements=[
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
        ],
        memory_mib=128,
        log_retention_days=log_retention_days,
        tags=tags,
    )
    return made.function.arn
