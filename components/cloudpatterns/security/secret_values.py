"""Values in Secrets Manager that stay out of the state and survive rotation."""

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import allow_invocation
from cloudpatterns.core import Component


def write_value(
    component: Component, child_name: str, *, secret_id: pulumi.Input[str], value: pulumi.Input[str], version: int
) -> aws.secretsmanager.SecretVersion:
    """A secret's value, through a write-only argument; only another ``version`` writes it again."""
    return aws.secretsmanager.SecretVersion(
        child_name,
        secret_id=secret_id,
        secret_string_wo=pulumi.Output.secret(value),
        secret_string_wo_version=version,
        # Without a stage of its own, the second rotation drops this version, a refresh misses it, and the next update writes the old value
        # as the current one.
        version_stages=["AWSCURRENT", "cloudpatterns-first"],
        opts=component.child(
            # Rotation moves AWSCURRENT on; to move it back would bring the old value back.
            ignore_changes=["versionStages"],
            # The old version gives up the extra stage first: once the new one has it, AWS refuses to take it off the old one, and so
            # refuses every later update. https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html
            # AWSCURRENT stays on the old version until the new one is there.
            delete_before_replace=True,
        ),
    )


def rotate_secret(
    component: Component,
    child_name: str,
    *,
    secret_arn: pulumi.Input[str],
    function_arn: pulumi.Input[str],
    days: int,
    depends_on: Sequence[pulumi.Resource] = (),
) -> aws.secretsmanager.SecretRotation:
    """Lets Secrets Manager invoke the function to rotate the secret at once and every ``days`` days."""
    permission = allow_invocation(component, f"{child_name}-permission", function_arn, "secretsmanager.amazonaws.com", secret_arn)
    return aws.secretsmanager.SecretRotation(
        child_name,
        secret_id=secret_arn,
        rotation_lambda_arn=function_arn,
        rotation_rules={"automatically_after_days": days},
        # At once, so that the value that went through the program is worth nothing.
        rotate_immediately=True,
        # Secrets Manager tries the invocation when rotation is switched on.
        opts=component.child(depends_on=[permission, *depends_on]),
    )
