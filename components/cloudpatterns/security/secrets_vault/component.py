"""Secrets that stand in no code, no plain configuration and no plain state.

Pattern: "Secrets Management" (2025 guide; there HashiCorp Vault, here Secrets Manager). Makes secrets under a customer key, each behind a
resource policy that keeps out other accounts and unencrypted calls, with replicas in other regions and rotation where asked for.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
from pydantic import Field

from cloudpatterns.blocks.key import create_key
from cloudpatterns.core import HIDDEN, ArgumentError, Component, Statement, account_of, document
from cloudpatterns.core.component import check_names
from cloudpatterns.core.vocabulary import KmsKeyArn, LogRetentionDays, Tags
from cloudpatterns.security.secret_values import rotate_secret, write_value
from cloudpatterns.security.secrets_vault.rotation_function import rotation_function

__all__ = ["SecretsVault", "SecretsVaultArgs", "SecretsVaultRotationArgs", "SecretsVaultSecretArgs"]


class SecretsVaultRotationArgs(TypedDict):
    """Who gives a secret a new value, and how often."""

    function_arn: NotRequired[pulumi.Input[str]]
    """The Lambda function that rotates the secret, in the same region; Secrets Manager is let call it. Default: one is made that gives
    the secret a new random `password` (JSON) or text: for keys and tokens that nobody but their readers needs to know of."""
    days: NotRequired[Annotated[int, Field(default=30, ge=1, le=1000)]]
    """Days between rotations, 1 to 1000; the first is at once. Default: 30."""


class SecretsVaultSecretArgs(TypedDict):
    """One secret."""

    description: Annotated[str, Field(min_length=1, max_length=2048)]
    """What the secret is for."""
    value: NotRequired[Annotated[pulumi.Input[str], HIDDEN]]
    """The value, as a Pulumi secret (`config.require_secret`); a plain string is refused. Default: somebody else writes it."""
    version: NotRequired[Annotated[int, Field(default=1, ge=1)]]
    """Raise it by one to write `value` again; a changed value alone does nothing. Default: 1."""
    generate: NotRequired[Annotated[bool, Field(default=False)]]
    """The rotation function makes the first value, and never sees one of yours. Needs `rotation`, excludes `value`.
    Until that is done, moments after the update, the secret holds `{}`. Default: false."""
    rotation: NotRequired[SecretsVaultRotationArgs]
    """Rotation. Default: none. Needs `value` or `generate`, as there is nothing to rotate otherwise."""
    recovery_window_days: NotRequired[Annotated[int, Field(default=30, ge=7, le=30)]]
    """Days in which a deleted secret can be restored, 7 to 30. Default: 30."""


class SecretsVaultArgs(TypedDict):
    """Arguments of `SecretsVault`."""

    secrets: dict[str, SecretsVaultSecretArgs]
    """The secrets by name; the name is part of the name in AWS, which ends in a random suffix. Letters, digits and hyphens."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Key of the secrets. Default: a key is made."""
    replica_regions: NotRequired[Annotated[dict[str, pulumi.Input[str]], Field(default={})]]
    """Copies in other regions: region -> ARN of a key in that region. Default: none."""
    organization_id: NotRequired[Annotated[str, Field(pattern=r"^o-[a-z0-9]{10,32}$")]]
    """Admits identities of this organization (`o-...`), where something else allows them. Default: those of this account alone."""
    reader_arns: NotRequired[Annotated[list[pulumi.Input[str]], Field(default=[])]]
    """Roles that may read all secrets of this vault; those of other accounts need `organization_id`. Default: who IAM policies allow."""
    log_retention_days: NotRequired[LogRetentionDays]
    """Days that the logs of the rotation function made here are kept, one of CloudWatch's numbers. Default: 365."""
    tags: NotRequired[Tags]
    """Tags of every child. Default: none."""


_PLACEHOLDER = "{}"


class SecretsVault(Component):
    """Secrets under a customer key and behind a fence, given out as ARNs; the values never are."""

    secret_arns: pulumi.Output[dict[str, str]]
    """ARN by the name of the secret; there once the policy and the value are in place and rotation is on."""
    kms_key_arn: pulumi.Output[str]
    """The key that encrypts the secrets."""

    def __init__(self, name: str, args: SecretsVaultArgs, opts: pulumi.ResourceOptions | None = None):
        """Makes the secrets; raises `ArgumentError`, which shows no value, before anything is made."""
        _check_secret_names(name, args)
        checked: Any = self._arguments.check(name, args)
        _check(name, checked)
        super().__init__("SecretsVault", name, opts)

        kms_key_arn = checked["kms_key_arn"] or self._key(name, checked)
        secrets = checked["secrets"]
        arns = {key: self._secret(f"{name}-{key}", secret, kms_key_arn, checked) for key, secret in secrets.items()}
        rotated = {key: secret["rotation"] for key, secret in secrets.items() if secret["rotation"]}
        own = [key for key, rotation in rotated.items() if not rotation["function_arn"]]
        function_arn = self._function(name, [arns[key] for key in own], kms_key_arn, checked) if own else ""
        for key, rotation in rotated.items():
            turned = rotate_secret(
                self,
                f"{name}-{key}-rotation",
                secret_arn=arns[key],
                function_arn=rotation["function_arn"] or function_arn,
                days=rotation["days"],
            )
            arns[key] = _after(arns[key], turned.id)
        self._arns: dict[str, pulumi.Output[str]] = arns
        self.secret_arns = pulumi.Output.all(**self._arns)
        self.kms_key_arn = pulumi.Output.from_input(kms_key_arn)
        self.register()

    def secret_arn(self, name: str) -> pulumi.Output[str]:
        """The ARN of one secret; raises `KeyError`, which names the secrets there are."""
        if name not in self._arns:
            raise KeyError(f"there is no secret {name}; known are {', '.join(sorted(self._arns))}")
        return self._arns[name]

    def _key(self, name: str, checked: Any) -> pulumi.Output[str]:
        # Roles of this account use the key by their own policies; readers of other accounts need a word here as well.
        # https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access_examples_cross.html
        readers = Statement(
            sid="Readers",
            actions=["kms:Decrypt", "kms:DescribeKey"],
            resources=["*"],
            principals={"AWS": checked["reader_arns"]},
            conditions={"StringLike": {"kms:ViaService": "secretsmanager.*.amazonaws.com"}},
        )
        statements = [readers] if checked["reader_arns"] else []
        return create_key(self, f"{name}-key", f"Secrets of {name}", statements, tags=checked["tags"]).arn

    def _function(
        self, name: str, secret_arns: Sequence[pulumi.Output[str]], kms_key_arn: pulumi.Input[str], checked: Any
    ) -> pulumi.Output[str]:
        return rotation_function(
            self,
            f"{name}-rotate",
            secret_arns=secret_arns,
            kms_key_arn=kms_key_arn,
            log_retention_days=checked["log_retention_days"],
            tags=checked["tags"],
        )

    def _secret(self, child_name: str, given: Any, kms_key_arn: pulumi.Input[str], checked: Any) -> pulumi.Output[str]:
        # Auto-named: a name stays taken during the recovery window, and would keep the vault from being made anew.
        secret = aws.secretsmanager.Secret(
            child_name,
            description=given["description"],
            kms_key_id=kms_key_arn,
            recovery_window_in_days=given["recovery_window_days"],
            replicas=[{"region": region, "kms_key_id": key} for region, key in sorted(checked["replica_regions"].items())] or None,
            tags={"Name": child_name, **checked["tags"]},
            opts=self.child(),
        )
        policy = aws.secretsmanager.SecretPolicy(
            f"{child_name}-policy",
            secret_arn=secret.arn,
            block_public_policy=True,
            policy=document(*_fence(secret.arn, checked)),
            opts=self.child(),
        )
        arn = _after(secret.arn, policy.id)
        value = _PLACEHOLDER if given["generate"] else given["value"]
        if value is not None:
            written = write_value(self, f"{child_name}-value", secret_id=arn, value=value, version=given["version"])
            arn = _after(arn, written.id)
        return arn


def _after(arn: pulumi.Output[str], other: pulumi.Output[str]) -> pulumi.Output[str]:
    return pulumi.Output.all(arn, other).apply(lambda values: values[0])


def _fence(secret_arn: pulumi.Output[str], checked: Any) -> list[Statement]:
    """Denials come first in effect: no other statement, here or in IAM, gets past them."""
    inside = (
        {"aws:PrincipalOrgID": checked["organization_id"]}
        if checked["organization_id"]
        else {"aws:PrincipalAccount": account_of(secret_arn)}
    )
    statements = [
        # https://github.com/aws-samples/data-perimeter-policy-examples: services act without an account of their own.
        Statement(
            sid="DenyOutside",
            effect="Deny",
            actions=["secretsmanager:*"],
            resources=["*"],
            principals="*",
            conditions={"StringNotEqualsIfExists": inside, "BoolIfExists": {"aws:PrincipalIsAWSService": "false"}},
        ),
        Statement(
            sid="DenyPlain",
            effect="Deny",
            actions=["secretsmanager:*"],
            resources=["*"],
            principals="*",
            conditions={"Bool": {"aws:SecureTransport": "false"}},
        ),
    ]
    if checked["reader_arns"]:
        statements.append(
            Statement(
                sid="Readers",
                actions=["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"],
                resources=["*"],
                principals={"AWS": checked["reader_arns"]},
            )
        )
    return statements


def _check_secret_names(name: str, args: Any) -> None:
    """Before all else: with a dot in a name the path of an argument no longer tells whether a value is secret."""
    secrets = args.get("secrets") if isinstance(args, Mapping) else None
    wrong = (
        [key for key in secrets if re.fullmatch(r"[A-Za-z0-9]+(-[A-Za-z0-9]+)*", str(key)) is None] if isinstance(secrets, Mapping) else []
    )
    if wrong:
        reason = "has a name that cannot be used; allowed are letters, digits and single hyphens between them."
        raise ArgumentError("SecretsVault", name, [(f"secrets.{key}", reason) for key in wrong])


def _check(name: str, checked: Any) -> None:
    """What one argument alone cannot tell."""
    problems: list[tuple[str, str]] = []
    if not checked["secrets"]:
        problems.append(("secrets", "is empty; name at least one secret."))
    for key, secret in checked["secrets"].items():
        path = f"secrets.{key}"
        if isinstance(secret["value"], str):
            problems.append((f"{path}.value", "is a plain string, in the open; give a Pulumi secret, such as config.require_secret gives."))
        if secret["value"] is not None and secret["generate"]:
            problems.append(
                (f"{path}.generate", "and value exclude each other: the rotation function makes the value, or you do. Leave one out.")
            )
        if secret["generate"] and not secret["rotation"]:
            problems.append((f"{path}.generate", "needs rotation: its function makes the value."))
        if secret["rotation"] and secret["value"] is None and not secret["generate"]:
            problems.append((f"{path}.rotation", "needs value or generate: an empty secret cannot be rotated."))
    problems.extend(
        (f"replica_regions.{region}", "is no region; give one such as eu-central-1.")
        for region in checked["replica_regions"]
        if re.fullmatch(r"[a-z]{2}(-[a-z]+)+-\d", region) is None
    )
    if problems:
        raise ArgumentError("SecretsVault", name, problems)
    if any(secret["rotation"] and not secret["rotation"]["function_arn"] for secret in checked["secrets"].values()):
        check_names("SecretsVault", name, {"rotate-role": 64})
