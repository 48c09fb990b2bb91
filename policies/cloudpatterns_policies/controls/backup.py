"""AWS Backup: the key that recovery points lie under."""

from typing import Final

from cloudpatterns_policies.controls._references import sets_reference
from cloudpatterns_policies.core import Fail, Pass, Resource, Severity, Stack, Verdict, stack_control
from cloudpatterns_policies.graph.reading import read

_KEYS: Final = ("aws:kms/key:Key", "aws:kms/replicaKey:ReplicaKey", "aws:kms/externalKey:ExternalKey", "aws:kms/alias:Alias")


@stack_control(
    id="backup-vault-customer-key",
    title="Backup vaults lie under customer keys",
    severity=Severity.MEDIUM,
    types=("aws:backup/vault:Vault",),
    why="The AWS managed key cannot be withdrawn or shared, so backups stay in the one account that ransomware reaches first.",
    remediation="Set kms_key_arn to the ARN of a key of your own.",
    url="https://docs.aws.amazon.com/aws-backup/latest/devguide/encryption.html",
    frameworks={"Checkov": ("CKV_AWS_166",)},
)
def backup_vault_customer_key(resource: Resource, stack: Stack) -> Verdict:
    if not sets_reference(stack, resource, "kmsKeyArn", *_KEYS, computed=True):
        return Fail("lies under the AWS managed key", "kmsKeyArn")
    key = read(resource, "kmsKeyArn")
    # A preview as deployed invents the key that the provider works out; only its alias gives the managed one away.
    return Fail(f"lies under {key}", "kmsKeyArn") if isinstance(key, str) and key.endswith("alias/aws/backup") else Pass()
