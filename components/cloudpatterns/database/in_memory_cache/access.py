"""Who may talk to a cache: an IAM user (no password anywhere), a user with a password, or one token for everyone."""

from typing import Any, NamedTuple

import pulumi
import pulumi_aws as aws

from cloudpatterns.core import Component
from cloudpatterns.security.secret_values import rotate_secret, write_secret

__all__ = ["Access", "make_access", "make_secret"]

# Users and groups are of engine redis for Valkey too, which takes both: a Valkey group refuses users without a password, and so has no
# place for a default user that nobody can log in as. https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/Clusters.RBAC.html
_USER_ENGINE = "redis"


class Access(NamedTuple):
    """How a cache is told who may use it."""

    user_group_id: pulumi.Output[str] | None
    """None with a token."""
    user_name: pulumi.Output[str]
    user_arn: pulumi.Output[str] | None


def make_access(component: Component, name: str, unique: pulumi.Output[str], checked: Any) -> Access:
    """The users and their group; nothing with a token, for which the service has a user named default."""
    if checked["auth_token"]:
        return Access(None, pulumi.Output.from_input("default"), None)
    password = checked["password"]
    credentials: dict[str, Any] = (
        {"passwords_wo": pulumi.Output.secret(password["value"]), "passwords_wo_version": password["version"]}
        if password
        else {"authentication_mode": {"type": "iam"}}
    )
    user = aws.elasticache.User(
        f"{name}-user",
        engine=_USER_ENGINE,
        # IAM wants the same name and id. https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth-iam.html#auth-iam-limits
        user_id=unique,
        user_name=unique,
        access_string=checked["access_string"],
        tags=checked["tags"],
        opts=component.child(),
        **credentials,
    )
    # A redis group needs a user named default; AWS's own may do everything without a password.
    nobody = aws.elasticache.User(
        f"{name}-default",
        engine=_USER_ENGINE,
        user_id=pulumi.Output.concat(unique, "-default"),
        user_name="default",
        access_string="off ~* -@all",
        no_password_required=True,
        tags=checked["tags"],
        opts=component.child(),
    )
    group = aws.elasticache.UserGroup(
        f"{name}-users",
        engine=_USER_ENGINE,
        user_group_id=unique,
        user_ids=[nobody.user_id, user.user_id],
        tags=checked["tags"],
        opts=component.child(),
    )
    return Access(group.user_group_id, user.user_name, user.arn)


def make_secret(
    component: Component,
    name: str,
    access: Access,
    checked: Any,
    *,
    kms_key_arn: pulumi.Input[str],
    host: pulumi.Output[str],
    port: pulumi.Output[int],
    cache: pulumi.Resource,
) -> pulumi.Output[str] | None:
    """The secret with the password or token, and its rotation; None with IAM, which has neither."""
    given = checked["password"] or checked["auth_token"]
    if not given:
        return None
    # The shape that AWS's rotation function for users reads:
    # https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/User-Secrets-Manager.html
    value = pulumi.Output.json_dumps(
        {
            "username": access.user_name,
            "password": pulumi.Output.secret(given["value"]),
            "host": host,
            "port": port,
            **({"user_arn": access.user_arn} if access.user_arn is not None else {}),
        }
    )
    arn = write_secret(
        component,
        f"{name}-secret",
        description=f"User of cache {name}",
        value=value,
        version=given["version"],
        kms_key_arn=kms_key_arn,
        tags=checked["tags"],
    )
    if not given["rotation_function_arn"]:
        return arn
    rotation = rotate_secret(
        component,
        f"{name}-rotation",
        secret_arn=arn,
        function_arn=given["rotation_function_arn"],
        days=given["rotation_days"],
        depends_on=[cache],
    )
    return pulumi.Output.all(arn, rotation.id).apply(lambda values: values[0])
