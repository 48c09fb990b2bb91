"""AWS Backup: the key that encrypts recovery points."""

from typing import Final

from cloudpatterns_policies.controls._references import sets_reference
from cloudpatterns_policies.core import Fail, Pass, Resource, Severity, Stack, Verdict, stack_control
from cloudpatterns_policies.graph.reading import read

_KEYS: Final = ("aws:kms/key:Key", "aws:kms/replicaKey:ReplicaKey", "aws:kms/externalKey:ExternalKey", "aws:kms/alias:Alias")


@stack_control(
    id="backup-vault-customer-key",
    title="Backup vaults are encrypted with customer-managed keys",
    severity=Severity.MEDIUM,
    types=("aws:backup/vault:Vault",),
    why="The AWS managed key cannot be shared, so backups cannot be copied out of the account that ransomware reaches first.",
    remediation="Set kms_key_arn to the ARN of a customer-managed key.",
    url="https://docs.aws.amazon.com/aws-backup/latest/devguide/encryption.html",
    frameworks={"Checkov": ("CKV_AWS_166",)},
)
def backup_vault_customer_key(resource: Resource, stack: Stack) -> Verdict:
    if not sets_reference(stack, resource, "kmsKeyArn", *_KEYS, computed=True):
        return Fail("is encrypted with the AWS managed key", "kmsKeyArn")
    key = read(resource, "kmsKeyArn")
    # The offline preview of a deployed stack fills in the key that the provider computes; only the alias shows that it is the managed one.
    return Fail(f"is encrypted with {key}", "kmsKeyArn") if isinstance(key, str) and key.endswith("alias/aws/backup") else Pass()
