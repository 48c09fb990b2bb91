"""Secrets whose values are in no code, no plain configuration and no plain state.

Pattern: "Secrets Management" (2025 guide; there HashiCorp Vault, here Secrets Manager).
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
from pydantic import Field

from cloudpatterns.blocks import create_key, pattern_function
from cloudpatterns.core import (
    HIDDEN,
    Component,
    Keys,
    Matches,
    Problem,
    Statement,
    account_of,
    after,
    by_name,
    document,
    excludes,
    is_given,
    needs,
)
from cloudpatterns.core.vocabulary import KmsKeyArn, LogRetentionDays, Tags
from cloudpatterns.security.secret_values import rotate_secret, write_value


class SecretsVaultRotationArgs(TypedDict):
    """Which function gives a secret a new value, and how often."""

    function_arn: NotRequired[pulumi.Input[str]]
    """The Lambda function that rotates the secret, in the same Region; Secrets Manager is allowed to invoke it. Default: a new function
    that gives the secret a new random ``password`` (JSON) or text: for keys and tokens that only their readers need to know."""
    days: NotRequired[Annotated[int, Field(default=30, ge=1, le=1000)]]
    """Days between rotations; the first is at once."""


class SecretsVaultSecretArgs(TypedDict):
    """One secret."""

    description: Annotated[str, Field(min_length=1, max_length=2048)]
    """What the secret is for."""
    value: NotRequired[Annotated[pulumi.Input[str], HIDDEN]]
    """The value, as a Pulumi secret (``config.require_secret``); a plain string is refused. Default: someone else writes it."""
    version: NotRequired[Annotated[int, Field(default=1, ge=1)]]
    """Raise it by one to write ``value`` again; a changed value alone does nothing."""
    generate: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether the rotation function creates the first value, instead of ``value``. Needs ``rotation``. Until that is done, moments after
    the update, the secret holds ``{}``."""
    rotation: NotRequired[SecretsVaultRotationArgs]
    """Rotation; needs ``value`` or ``generate``, as there is nothing to rotate otherwise. Default: the secret does not rotate."""
    recovery_window_days: NotRequired[Annotated[int, Field(default=30, ge=7, le=30)]]
    """Days in which a deleted secret can be restored."""


class SecretsVaultArgs(TypedDict):
    """Arguments of ``SecretsVault``."""

    secrets: dict[str, SecretsVaultSecretArgs]
    """The secrets by name; the name is part of the name in AWS, which ends in a random suffix. Letters, digits and hyphens."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Key of the secrets. Default: a new customer managed key."""
    replica_regions: NotRequired[
        Annotated[dict[str, pulumi.Input[str]], Field(default={}), Keys(r"[a-z]{2}(-[a-z]+)+-\d", "the form of eu-central-1")]
    ]
    """Copies in other Regions: Region to ARN of a key in that Region."""
    organization_id: NotRequired[Annotated[str, Matches("o-[a-z0-9]{10,32}", "the id of an organization such as o-a1b2c3d4e5")]]
    """Admits identities of this organization, where something else allows them. Default: those of this account alone."""
    reader_arns: NotRequired[Annotated[list[pulumi.Input[str]], Field(default=[])]]
    """Roles that may read all secrets of this vault, beside those that IAM policies allow; roles of other accounts need
    ``organization_id``."""
    log_retention_days: NotRequired[LogRetentionDays]
    """Days that the logs of a new rotation function are kept."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some."""


class SecretsVault(Component):
    """Secrets under a customer managed key, each behind a resource policy (2025 guide, "Secrets Management").

    The resource policy denies other accounts and unencrypted calls, whatever else allows them. Values are written through a write-only
    argument and never come back: the outputs are ARNs. A secret with ``rotation`` rotates at once, so that a value that went through the
    program is no longer valid.

    **Use when**: a program needs a password, key or token at run time.

    **Not when**: RDS can manage the password itself (``RelationalDatabase``), or the value is no secret: use a parameter.

    **Cost drivers**: a monthly price for each secret and each replica, API calls, the customer managed key, and a new rotation function's
    log.

    **Trade-offs**: whoever deploys with ``value`` sees the value once; ``generate`` avoids that. Readers must fetch a rotated secret anew.

    **Proven by**: controls ``secret-customer-key``, ``secret-rotated``, ``secret-rotation-period``, ``kms-key-not-public``;
    ``test_secrets_vault.py``, and ``test_secrets_vault_on_aws.py``, which runs the rotation function through repeated and failed steps.
    """

    secret_arns: pulumi.Output[dict[str, str]]
    """Name of the secret to its ARN, available after its policy, value and rotation."""
    kms_key_arn: pulumi.Output[str]
    """The key that encrypts the secrets."""

    def __init__(self, name: str, args: SecretsVaultArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._checked = checked = self.begin(name, args, opts, problems=_problems, names=_child_names)
        given_key = checked.get("kms_key_arn")
        self.kms_key_arn = self._key(name) if given_key is None else pulumi.Output.from_input(given_key)
        self._arns = {key: self._secret(f"{name}-{key}", secret) for key, secret in checked["secrets"].items()}
        rotated_here = _rotated_here(checked)
        function_arn = self._rotation_function(f"{name}-rotate", rotated_here) if rotated_here else ""
        for key, secret in checked["secrets"].items():
            if rotation := secret.get("rotation"):
                schedule = rotate_secret(
                    self,
                    f"{name}-{key}-rotation",
                    secret_arn=self._arns[key],
                    function_arn=function_arn if key in rotated_here else rotation["function_arn"],
                    days=rotation["days"],
                )
                self._arns[key] = after(self._arns[key], schedule)
        self.secret_arns = by_name(self._arns)
        self.register()

    def secret_arn(self, name: str) -> pulumi.Output[str]:
        """The ARN of one secret.

        :raises ArgumentError: for an unknown name, with those known.
        """
        return self.lookup(self._arns, name, "name", "a secret")

    def _key(self, name: str) -> pulumi.Output[str]:
        # Roles of this account use the key by their own policies; readers of other accounts need a statement here as well.
        # https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access_examples_cross.html
        readers = Statement(
            sid="Readers",
            actions=["kms:Decrypt", "kms:DescribeKey"],
            resources=["*"],
            principals={"AWS": self._checked["reader_arns"]},
            conditions={"StringLike": {"kms:ViaService": "secretsmanager.*.amazonaws.com"}},
        )
        statements = [readers] if self._checked["reader_arns"] else []
        return create_key(self, f"{name}-key", f"Secrets of {name}", statements, tags=self._checked["tags"])

    def _secret(self, child_name: str, given: SecretsVaultSecretArgs) -> pulumi.Output[str]:
        regions = sorted(self._checked["replica_regions"].items())
        # Auto-named: a name stays taken during the recovery window, and would prevent the vault from being created anew.
        secret = aws.secretsmanager.Secret(
            child_name,
            description=given["description"],
            kms_key_id=self.kms_key_arn,
            recovery_window_in_days=given["recovery_window_days"],
            replicas=[{"region": region, "kms_key_id": key_arn} for region, key_arn in regions] or None,
            tags={"Name": child_name, **self._checked["tags"]},
            opts=self.child(),
        )
        policy = aws.secretsmanager.SecretPolicy(
            f"{child_name}-policy",
            secret_arn=secret.arn,
            block_public_policy=True,
            policy=document(*self._statements(secret.arn)),
            opts=self.child(),
        )
        arn = after(secret.arn, policy)
        # Something to rotate, which the rotation function replaces.
        value = "{}" if given["generate"] else given.get("value")
        if value is None:
            return arn
        return after(arn, write_value(self, f"{child_name}-value", secret_id=arn, value=value, version=given["version"]))

    def _rotation_function(self, child_name: str, secrets: list[str]) -> pulumi.Output[str]:
        """ARN of a new function that is allowed to rotate the given secrets and no others."""
        actions = ["DescribeSecret", "GetSecretValue", "PutSecretValue", "UpdateSecretVersionStage"]
        use_of_key = Statement(
            actions=["kms:Decrypt", "kms:GenerateDataKey"],
            resources=[self.kms_key_arn],
            conditions={"StringLike": {"kms:ViaService": "secretsmanager.*.amazonaws.com"}},
        )
        return pattern_function(
            self,
            child_name,
            Path(__file__).parent / "on_aws",
            description="Gives secrets a new value",
            role_description=f"Rotation of secrets by {child_name}",
            statements=[
                Statement(actions=[f"secretsmanager:{action}" for action in actions], resources=[self._arns[secret] for secret in secrets]),
                use_of_key,
            ],
            memory_mib=128,
            log_retention_days=self._checked["log_retention_days"],
            tags=self._checked["tags"],
        ).function.arn

    def _statements(self, secret_arn: pulumi.Output[str]) -> list[Statement]:
        """The resource policy of a secret; no other statement, here or in IAM, overrides a Deny."""
        organization_id, readers = self._checked.get("organization_id"), self._checked["reader_arns"]
        inside = {"aws:PrincipalOrgID": organization_id} if organization_id else {"aws:PrincipalAccount": account_of(secret_arn)}
        # https://github.com/aws-samples/data-perimeter-policy-examples: services act without an account of their own.
        outside = {"StringNotEqualsIfExists": inside, "BoolIfExists": {"aws:PrincipalIsAWSService": "false"}}
        reads = ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"]
        return [
            _denial("DenyOutside", outside),
            _denial("DenyPlain", {"Bool": {"aws:SecureTransport": "false"}}),
            *([Statement(sid="Readers", actions=reads, resources=["*"], principals={"AWS": readers})] if readers else []),
        ]


def _denial(sid: str, conditions: Mapping[str, Mapping[str, pulumi.Input[str]]]) -> Statement:
    return Statement(sid=sid, effect="Deny", actions=["secretsmanager:*"], resources=["*"], principals="*", conditions=conditions)


def _rotated_here(checked: SecretsVaultArgs) -> list[str]:
    """Names of the secrets that the vault's rotation function rotates."""
    rotations = {name: secret.get("rotation") for name, secret in checked["secrets"].items()}
    return [name for name, rotation in rotations.items() if rotation and rotation.get("function_arn") is None]


def _child_names(checked: SecretsVaultArgs) -> dict[str, int]:
    return {"rotate-role": 64} if _rotated_here(checked) else {}


def _problems(checked: SecretsVaultArgs) -> Iterator[Problem]:
    if not checked["secrets"]:
        yield "secrets", "is empty; name at least one secret."
    for name, secret in checked["secrets"].items():
        path = f"secrets.{name}"
        if re.fullmatch(r"[A-Za-z0-9]+(-[A-Za-z0-9]+)*", name) is None:
            yield path, "has a name that cannot be used; allowed are letters, digits and single hyphens between them."
        if isinstance(secret.get("value"), str):
            yield f"{path}.value", "is a plain string, in the open; give a Pulumi secret, such as config.require_secret gives."
        why = "the rotation function creates the value, or you do"
        yield from excludes(secret, "generate", "value", path=f"{path}.", why=why)
        yield from needs(secret, "generate", "rotation", path=f"{path}.")
        if is_given(secret, "rotation") and not is_given(secret, "generate") and not is_given(secret, "value"):
            yield f"{path}.rotation", "needs value or generate: an empty secret cannot be rotated."
