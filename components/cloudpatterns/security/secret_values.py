"""Puts a value into Secrets Manager so that it stays out of the state and survives rotation."""

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_aws as aws

from cloudpatterns.core import Component

__all__ = ["FIRST_VERSION_STAGE", "rotate_secret", "write_secret", "write_value"]

FIRST_VERSION_STAGE = "cloudpatterns-first"
"""Version stage of our own on the version that the program writes. Without one the second rotation drops that version, a refresh misses
it, and the next update writes the old value as the current one."""


def write_value(
    component: Component, child_name: str, *, secret_id: pulumi.Input[str], value: pulumi.Input[str], version: int
) -> aws.secretsmanager.SecretVersion:
    """Writes a secret's value through a write-only argument; changing ``version`` writes it again, anything else does not."""
    return aws.secretsmanager.SecretVersion(
        child_name,
        secret_id=secret_id,
        secret_string_wo=pulumi.Output.secret(value),
        secret_string_wo_version=version,
        version_stages=["AWSCURRENT", FIRST_VERSION_STAGE],
        opts=component.child(
            # Rotation moves AWSCURRENT on; putting it back would bring the old value back.
            ignore_changes=["versionStages"],
            # The old version gives up our stage first: once it is the new one's, AWS refuses to take it off the old one, and so every
            # update from then on. https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html
            # AWSCURRENT stays on the old version until the new one is there.
            delete_before_replace=True,
        ),
    )


def write_secret(
    component: Component,
    child_name: str,
    *,
    description: str,
    value: pulumi.Input[str],
    version: int,
    kms_key_arn: pulumi.Input[str],
    tags: Mapping[str, pulumi.Input[str]],
) -> pulumi.Output[str]:
    """The ARN of a new secret, given out only once the value is in it."""
    # Auto-named: a name stays taken during the recovery window.
    secret = aws.secretsmanager.Secret(
        child_name,
        description=description,
        kms_key_id=kms_key_arn,
        recovery_window_in_days=30,
        tags=dict(tags),
        opts=component.child(),
    )
    written = write_value(component, f"{child_name}-value", secret_id=secret.id, value=value, version=version)
    return pulumi.Output.all(secret.arn, written.id).apply(lambda values: values[0])


def rotate_secret(
    component: Component,
    child_name: str,
    *,
    secret_arn: pulumi.Input[str],
    function_arn: pulumi.Input[str],
    days: int,
    depends_on: Sequence[pulumi.Resource] = (),
) -> aws.secretsmanager.SecretRotation:
    """Lets Secrets Manager call the function, and has it rotate the secret now and every ``days`` days."""
    permission = aws.lambda_.Permission(
        f"{child_name}-permission",
        action="lambda:InvokeFunction",
        function=function_arn,
        principal="secretsmanager.amazonaws.com",
        # Of this secret alone: the service acts for every account.
        source_arn=secret_arn,
        opts=component.child(),
    )
    return aws.secretsmanager.SecretRotation(
        child_name,
        secret_id=secret_arn,
        rotation_lambda_arn=function_arn,
        rotation_rules={"automatically_after_days": days},
        # At once, so that the value that went through the program is worth nothing.
        rotate_immediately=True,
        # Secrets Manager tries the call when rotation is switched on.
        opts=component.child(depends_on=[permission, *depends_on]),
    )
