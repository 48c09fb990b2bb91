"""The users of the server: a role and a session policy for each, which end at its folder, and how the server knows them."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import PatternFunction, pattern_function, service_role
from cloudpatterns.blocks.malware_scan import ScannedBucket, object_key_statement
from cloudpatterns.core import Component, Statement, document
from cloudpatterns.uploads.write_proxy.arguments import WriteProxyArgs, WriteProxyUser

TRANSFER = "transfer.amazonaws.com"
_CODE = Path(__file__).parent / "on_aws" / "identity"


class FolderUser(NamedTuple):
    """What a user gets at its login."""

    role_arn: pulumi.Output[str]
    policy: pulumi.Output[str]
    home: pulumi.Output[str]
    """Bucket and folder, which the user sees as its root."""


def folder_user(
    component: Component,
    child_name: str,
    bucket: ScannedBucket,
    folder: str,
    user: WriteProxyUser,
    account: pulumi.Output[str],
    tags: Mapping[str, pulumi.Input[str]],
) -> FolderUser:
    """The role of a user and its session policy: each alone ends at the folder."""
    statements = folder_statements(bucket, folder, read=user["read"])
    role = service_role(
        component,
        f"{child_name}-role",
        TRANSFER,
        f"What {child_name} may do in its folder",
        statements={f"{child_name}-policy": statements},
        # For servers of the account alone: https://docs.aws.amazon.com/transfer/latest/userguide/confused-deputy.html
        conditions={"StringEquals": {"aws:SourceAccount": account}},
        tags=tags,
    )
    home = pulumi.Output.concat("/", bucket.name, "/", folder.removesuffix("/"))
    return FolderUser(role.arn, document(*statements), home)


def folder_statements(bucket: ScannedBucket, folder: str, *, read: bool) -> list[Statement]:
    """What a user may do below its folder. https://docs.aws.amazon.com/transfer/latest/userguide/users-policies.html."""
    objects = [pulumi.Output.concat(bucket.arn, "/", folder, "*")]
    listed = {"StringLike": {"s3:prefix": [folder, f"{folder}*"]}}
    actions = ["s3:DeleteObject", "s3:PutObject", *(["s3:GetObject"] if read else [])]
    statements = [
        Statement(sid="List", actions=["s3:ListBucket"], resources=[bucket.arn], conditions=listed),
        Statement(sid="Region", actions=["s3:GetBucketLocation"], resources=[bucket.arn]),
        Statement(sid="Files", actions=actions, resources=objects),
    ]
    if bucket.kms_key_arn is not None:
        statements.append(object_key_statement(bucket.kms_key_arn, "kms:Decrypt", "kms:GenerateDataKey"))
    return statements


def server_users(
    component: Component, server: aws.transfer.Server, users: Mapping[str, FolderUser], checked: WriteProxyArgs
) -> list[pulumi.Resource]:
    """The users as the server's own, who log in by SFTP with a key."""
    name, created = component.pulumi_resource_name, []
    for user, folder in users.items():
        own = aws.transfer.User(
            f"{name}-user-{user}",
            server_id=server.id,
            user_name=user,
            role=folder.role_arn,
            policy=folder.policy,
            home_directory_type="LOGICAL",
            home_directory_mappings=[{"entry": "/", "target": folder.home}],
            tags=checked["tags"],
            opts=component.child(),
        )
        created.append(own)
        for body in checked["users"][user]["public_keys"]:
            # Not by its place: without the first key, the second would be imported again while the user still has it.
            digest = hashlib.sha256(" ".join(body.split(" ")[:2]).encode()).hexdigest()[:8]
            key = aws.transfer.SshKey(
                f"{name}-user-{user}-key-{digest}", server_id=server.id, user_name=own.user_name, body=body, opts=component.child()
            )
            created.append(key)
    return created


def identity_function(
    component: Component,
    users: Mapping[str, FolderUser],
    checked: WriteProxyArgs,
    prefix: pulumi.Output[str],
    key_arn: pulumi.Output[str],
) -> PatternFunction:
    """The function that knows the users, from a parameter for each."""
    name = component.pulumi_resource_name
    parameters = [_parameter(component, prefix, user, folder, checked) for user, folder in users.items()]
    secrets = [user["password_secret_arn"] for user in checked["users"].values() if user.get("password_secret_arn") is not None]
    keys = [user["password_kms_key_arn"] for user in checked["users"].values() if user.get("password_kms_key_arn") is not None]
    statements = [Statement(sid="Users", actions=["ssm:GetParameter"], resources=[one.arn for one in parameters])]
    if secrets:
        statements.append(Statement(sid="Passwords", actions=["secretsmanager:GetSecretValue"], resources=secrets))
    if keys:
        through = {"StringLike": {"kms:ViaService": ["secretsmanager.*.amazonaws.com"]}}
        statements.append(Statement(sid="PasswordKeys", actions=["kms:Decrypt"], resources=keys, conditions=through))
    return pattern_function(
        component,
        f"{name}-identity",
        _CODE,
        description=f"Says who the users of {name} are",
        role_description=f"What the logins of {name} read",
        statements=statements,
        memory_mib=256,
        timeout_seconds=10,
        log_retention_days=checked["log_retention_days"],
        environment={"PREFIX": prefix},
        tags=checked["tags"],
    )


def _parameter(
    component: Component, prefix: pulumi.Output[str], user: str, folder: FolderUser, checked: WriteProxyArgs
) -> aws.ssm.Parameter:
    options = checked["users"][user]
    value: dict[str, pulumi.Input[str] | Sequence[str] | None] = {
        "role": folder.role_arn,
        "policy": folder.policy,
        "home": folder.home,
        "public_keys": options["public_keys"],
        "password_secret_arn": options.get("password_secret_arn"),
    }
    return aws.ssm.Parameter(
        f"{component.pulumi_resource_name}-user-{user}",
        name=pulumi.Output.concat(prefix, "/", user),
        description=f"The user {user}: no secret, the password is in Secrets Manager",
        type="String",
        # The standard tier ends at 4 KB, which many keys pass.
        tier="Intelligent-Tiering",
        value=pulumi.Output.json_dumps(value),
        tags=checked["tags"],
        opts=component.child(),
    )
