"""The rotation function of a vault, and what it is allowed to do."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pulumi

from cloudpatterns.blocks import pattern_function
from cloudpatterns.core import Component, Statement


def rotation_function(
    component: Component,
    child_name: str,
    *,
    secret_arns: Sequence[pulumi.Input[str]],
    kms_key_arn: pulumi.Input[str],
    log_retention_days: int,
    tags: Mapping[str, pulumi.Input[str]],
) -> pulumi.Output[str]:
    """ARN of a new function that is allowed to rotate the given secrets and no others."""
    return pattern_function(
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
    ).function.arn
