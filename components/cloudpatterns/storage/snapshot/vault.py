"""Backup vaults: key, policy against deletion, and lock."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import create_key
from cloudpatterns.core import Component, Statement, account_of, after, document, partition_of, region_of
from cloudpatterns.storage.snapshot.arguments import SnapshotLockArgs

_KEY_USE = ("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*")
# AWS Config asks for three of these: https://docs.aws.amazon.com/config/latest/developerguide/backup-recovery-point-manual-deletion-disabled.html
# To disassociate a continuous backup takes it out of the vault: then whoever may change the database or bucket can delete it.
_DELETIONS = ("backup:DeleteRecoveryPoint", "backup:DisassociateRecoveryPoint", "backup:UpdateRecoveryPointLifecycle")
_POLICY_CHANGES = ("backup:PutBackupVaultAccessPolicy", "backup:DeleteBackupVaultAccessPolicy")


class BackupVault(NamedTuple):
    """A vault; its name and ARN are available after its policy and lock, so that no backup is in it before."""

    name: pulumi.Output[str]
    arn: pulumi.Output[str]
    key_arn: pulumi.Output[str]


class VaultSettings(NamedTuple):
    """What the vaults of a component have in common."""

    lock: SnapshotLockArgs | None
    administrator_arns: Sequence[pulumi.Input[str]]
    tags: Mapping[str, pulumi.Input[str]]

    @property
    def kept(self) -> bool:
        """Whether nobody can empty the vault, so that it is left behind."""
        return self.lock is not None and self.lock["mode"] == "COMPLIANCE"


def create_vault(
    component: Component,
    child_name: str,
    settings: VaultSettings,
    *,
    kms_key_arn: pulumi.Input[str] | None,
    least_retention_days: int,
    source_account_ids: Sequence[str] = (),
    region: str | None = None,
) -> BackupVault:
    """A vault with its key, policy and lock, in the provider's Region unless another is given.

    Under a compliance lock Pulumi deletes none of them: AWS would refuse it for the vault, and without the key the backups in it were lost.
    """
    # No delete before it is unprotected, and then Pulumi only forgets it.
    options = component.child(protect=True, retain_on_delete=True) if settings.kept else component.child()
    if kms_key_arn is None:
        description, retained = f"Backups in the vault {child_name}", True if settings.kept else None
        key_arn = create_key(component, f"{child_name}-key", description, _key_statements, region, settings.tags, retained)
    else:
        key_arn = pulumi.Output.from_input(kms_key_arn)
    vault = aws.backup.Vault(child_name, kms_key_arn=key_arn, force_destroy=False, region=region, tags=settings.tags, opts=options)
    policy = aws.backup.VaultPolicy(
        f"{child_name}-policy",
        backup_vault_name=vault.name,
        policy=document(*_vault_statements(vault.arn, settings.administrator_arns, source_account_ids)),
        region=region,
        opts=component.child(retain_on_delete=True if settings.kept else None),
    )
    waits: list[pulumi.Resource] = [policy]
    if settings.lock is not None:
        waits.append(_lock(component, child_name, vault, settings, least_retention_days, region))
    return BackupVault(after(vault.name, *waits), after(vault.arn, *waits), key_arn)


def _lock(
    component: Component, child_name: str, vault: aws.backup.Vault, settings: VaultSettings, least_retention_days: int, region: str | None
) -> aws.backup.VaultLockConfiguration:
    lock = settings.lock
    assert lock is not None
    least = lock.get("min_retention_days")
    # Each argument replaces it. Created first and then deleted, as usual, the vault would have none in the end.
    return aws.backup.VaultLockConfiguration(
        f"{child_name}-lock",
        backup_vault_name=vault.name,
        changeable_for_days=lock.get("changeable_for_days"),
        min_retention_days=least_retention_days if least is None else least,
        max_retention_days=lock.get("max_retention_days"),
        region=region,
        opts=component.child(
            delete_before_replace=True, protect=True if settings.kept else None, retain_on_delete=True if settings.kept else None
        ),
    )


def copy_statement(account_id: pulumi.Input[str], partition: pulumi.Input[str]) -> Statement:
    """Lets an account copy backups into a vault, as the vault's policy.

    https://docs.aws.amazon.com/aws-backup/latest/devguide/create-cross-account-backup.html
    """
    return Statement(
        sid="CopiesOfOtherAccounts",
        actions=["backup:CopyIntoBackupVault"],
        resources=["*"],
        principals={"AWS": [pulumi.Output.concat("arn:", partition, ":iam::", account_id, ":root")]},
    )


def shared_key_statements(account_ids: Sequence[pulumi.Input[str]], partition: pulumi.Input[str]) -> list[Statement]:
    """Lets other accounts read with a key what they copy, as the policy of the key of what is backed up.

    https://docs.aws.amazon.com/aws-backup/latest/devguide/create-cross-account-backup.html
    """
    principals = {"AWS": [pulumi.Output.concat("arn:", partition, ":iam::", account_id, ":root") for account_id in account_ids]}
    return [
        Statement(sid="CopiesToOtherAccounts", actions=[*_KEY_USE], resources=["*"], principals=principals),
        Statement(
            sid="GrantsForCopies",
            actions=["kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant"],
            resources=["*"],
            principals=principals,
            conditions={"Bool": {"kms:GrantIsForAWSResource": "true"}},
        ),
    ]


def key_statements(key_arns: Sequence[pulumi.Input[str]]) -> list[Statement]:
    """What a role needs to back up and restore what is encrypted with the keys: to read and write, and to let services do so."""
    return [
        Statement(sid="UseOfKeys", actions=[*_KEY_USE], resources=key_arns),
        Statement(
            sid="GrantsForServices",
            actions=["kms:CreateGrant"],
            resources=key_arns,
            conditions={"Bool": {"kms:GrantIsForAWSResource": "true"}},
        ),
    ]


def _vault_statements(
    vault_arn: pulumi.Output[str], administrator_arns: Sequence[pulumi.Input[str]], source_account_ids: Sequence[str]
) -> list[Statement]:
    # Without administrators the policy stays open to change: closed to all, not even a deployment could change it.
    denied = [*_DELETIONS, *(_POLICY_CHANGES if administrator_arns else ())]
    others = {"ArnNotLike": {"aws:PrincipalArn": list(administrator_arns)}} if administrator_arns else {}
    denial = Statement(sid="DenyDeletion", effect="Deny", actions=denied, resources=["*"], principals="*", conditions=others)
    partition = partition_of(vault_arn)
    copies = [copy_statement(account_id, partition) for account_id in source_account_ids]
    return [denial, *copies]


def _key_statements(key_arn: pulumi.Output[str]) -> list[Statement]:
    """AWS Backup uses the key in the name of this account's roles, as its own managed key allows it."""
    conditions = {
        "StringEquals": {
            "kms:CallerAccount": account_of(key_arn),
            "kms:ViaService": pulumi.Output.concat("backup.", region_of(key_arn), ".amazonaws.com"),
        }
    }
    return [
        Statement(
            sid="Backup",
            actions=[*_KEY_USE, "kms:CreateGrant"],
            resources=["*"],
            principals={"AWS": ["*"]},
            conditions=conditions,
        )
    ]
