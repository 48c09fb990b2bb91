"""AWS Backup: keys, locks and policies of vaults, what plans select, and the roles that they use."""

import re
from collections.abc import Iterator
from typing import Final

from cloudpatterns_policies.controls._documents import Statement, matches, read_document
from cloudpatterns_policies.controls._references import associations, sets_reference
from cloudpatterns_policies.core import (
    UNKNOWN,
    Fail,
    NotApplicable,
    Pass,
    Resource,
    Severity,
    Stack,
    Unknown,
    UnknownValueError,
    Verdict,
    control,
    stack_control,
)
from cloudpatterns_policies.graph.reading import expand, label, read

_KEY: Final = "aws:kms/key:Key"
_KEYS: Final = (_KEY, "aws:kms/replicaKey:ReplicaKey", "aws:kms/externalKey:ExternalKey", "aws:kms/alias:Alias")
_LOCK: Final = "aws:backup/vaultLockConfiguration:VaultLockConfiguration"
_PLAN: Final = "aws:backup/plan:Plan"
_SELECTION: Final = "aws:backup/selection:Selection"
_VAULT: Final = "aws:backup/vault:Vault"
_VAULT_POLICY: Final = "aws:backup/vaultPolicy:VaultPolicy"
_KEY_POLICY: Final = "aws:kms/keyPolicy:KeyPolicy"
_ROLE: Final = "aws:iam/role:Role"
_POLICY: Final = "aws:iam/policy:Policy"
_ROLE_POLICY: Final = "aws:iam/rolePolicy:RolePolicy"
_ATTACHMENT: Final = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
_DELETIONS: Final = ("backup:DeleteRecoveryPoint", "backup:UpdateRecoveryPointLifecycle")
_EXEMPTION: Final = re.compile(r"(arn|string)not(equals|like)(ignorecase)?")
_WHO: Final = ("aws:principalarn", "aws:userid")
_USES: Final = ("kms:CreateGrant", "kms:Decrypt")
_MANAGED: Final = re.compile(r"arn:[^:]+:iam::aws:policy/(service-role/AWSBackupServiceRolePolicyForBackup|AdministratorAccess)")
_SELECTABLE: Final = {
    "aws:dynamodb/table:Table": "serverSideEncryption.kmsKeyArn",
    "aws:ebs/volume:Volume": "kmsKeyId",
    "aws:efs/fileSystem:FileSystem": "kmsKeyId",
    "aws:rds/cluster:Cluster": "kmsKeyId",
    "aws:rds/instance:Instance": "kmsKeyId",
}
"""The property that names the key of a type that AWS Backup takes."""


@stack_control(
    id="backup-vault-customer-key",
    title="Backup vaults are encrypted with customer-managed keys",
    severity=Severity.MEDIUM,
    types=(_VAULT,),
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


@stack_control(
    id="backup-vault-locked",
    title="Backup vaults have a lock",
    severity=Severity.MEDIUM,
    types=(_VAULT,),
    why="Without a lock, whoever takes over an account deletes its backups before the data, or shortens how long they are kept.",
    remediation="Add an aws.backup.VaultLockConfiguration; with changeable_for_days nobody can delete it afterwards.",
    url="https://docs.aws.amazon.com/aws-backup/latest/devguide/vault-lock.html",
)
def backup_vault_locked(resource: Resource, stack: Stack) -> Verdict:
    sure, possible = associations(stack, resource, _LOCK, "backupVaultName", (_VAULT,))
    if possible and not sure:
        raise UnknownValueError("backupVaultName", possible[0].urn)
    return Pass() if sure else Fail("has no lock")


@stack_control(
    id="backup-vault-deletion-denied",
    title="Policies of backup vaults deny that backups are deleted",
    severity=Severity.MEDIUM,
    types=(_VAULT,),
    why="Every role with broad rights could delete backups by hand, or shorten how long they are kept.",
    remediation="Add an aws.backup.VaultPolicy that denies backup:DeleteRecoveryPoint and backup:UpdateRecoveryPointLifecycle to everyone "
    "but named administrators.",
    url="https://docs.aws.amazon.com/config/latest/developerguide/backup-recovery-point-manual-deletion-disabled.html",
)
def backup_vault_deletion_denied(resource: Resource, stack: Stack) -> Verdict:
    locks, _ = associations(stack, resource, _LOCK, "backupVaultName", (_VAULT,))
    if any(isinstance(read(lock, "changeableForDays"), int | float) for lock in locks):
        return NotApplicable("is under a compliance lock, which denies it to everyone")
    sure, possible = associations(stack, resource, _VAULT_POLICY, "backupVaultName", (_VAULT,))
    if possible and not sure:
        raise UnknownValueError("backupVaultName", possible[0].urn)
    if not sure:
        return Fail("has no policy against the deletion of backups")
    document = read_document(sure[0], "policy")
    if isinstance(document, Unknown):
        raise UnknownValueError("policy", sure[0].urn)
    if isinstance(document, Fail):
        return Fail(f"has a policy, {sure[0].name}, that is not valid")
    missing = [action for action in _DELETIONS if not any(_denies(statement, action) for statement in document)]
    return Fail(f"has a policy, {sure[0].name}, that does not deny {' and '.join(missing)} to everyone") if missing else Pass()


def _denies(statement: Statement, action: str) -> bool:
    """Whether a statement denies an action to everyone, or to everyone but some who are named."""
    exempt = all(_EXEMPTION.fullmatch(operator) and key in _WHO for operator, key, _ in statement.conditions)
    return not statement.allow and statement.allows_everyone and statement.names(action) and exempt


@control(
    id="backup-not-in-default-vault",
    title="Backups and their copies are not kept in the default vault",
    severity=Severity.MEDIUM,
    types=(_PLAN,),
    why="The vault that AWS creates by itself has the AWS managed key, no lock and no policy, and takes no copies of other accounts.",
    remediation="Create an aws.backup.Vault with a key, a lock and a policy, and name it in target_vault_name or destination_vault_arn.",
    url="https://docs.aws.amazon.com/aws-backup/latest/devguide/create-cross-account-backup.html",
)
def backup_not_in_default_vault(resource: Resource) -> Iterator[Verdict]:
    for path in expand(resource, "rules.*"):
        if resource.get(f"{path}.targetVaultName") == "Default":
            yield Fail("keeps backups in the default vault", f"{path}.targetVaultName")
        for copy in expand(resource, f"{path}.copyActions.*.destinationVaultArn"):
            if str(resource.get(copy, "")).endswith(":backup-vault:Default"):
                yield Fail("copies backups into the default vault", copy)


@control(
    id="backup-selection-types",
    title="Backup selections name types of resources",
    severity=Severity.MEDIUM,
    types=(_SELECTION,),
    why="A selection by tags alone, or of a whole service, silently skips each type that the Region has not opted in to.",
    remediation='Name types in resources, such as "arn:aws:ec2:*:*:volume/*", beside the conditions.',
    url="https://docs.aws.amazon.com/aws-backup/latest/devguide/assigning-resources-json.html",
    pack="operations",
)
def backup_selection_types(resource: Resource) -> Iterator[Verdict]:
    if not resource.get("resources", []):
        by_tags = bool(resource.get("selectionTags", [])) or bool(resource.get("conditions", []))
        yield Fail("selects by tags alone, without types" if by_tags else "names no resources", "resources")
    for path in expand(resource, "resources.*"):
        if not _names_type(str(resource.get(path))):
            yield Fail(f"names no type in {resource.get(path)}", path)


def _names_type(pattern: str) -> bool:
    parts = pattern.split(":", 5)
    # Buckets have no type in their ARN: the service is the type.
    return len(parts) == 6 and "*" not in parts[2] and (parts[2] == "s3" or not parts[5].startswith("*"))


@stack_control(
    id="backup-role-keys",
    title="The role of a backup selection reaches the keys of vault and resources",
    severity=Severity.MEDIUM,
    types=(_SELECTION,),
    why="A job whose role may not use a key fails, or succeeds with nothing inside.",
    remediation="Allow the role kms:Decrypt and kms:CreateGrant on the key, or attach AWSBackupServiceRolePolicyForBackup, and let the "
    "policy of the key admit the account or the role.",
    url="https://docs.aws.amazon.com/aws-backup/latest/devguide/encryption.html",
    pack="operations",
)
def backup_role_keys(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    roles = stack.refs(resource, "iamRoleArn", _ROLE)
    if not roles:
        yield NotApplicable("uses a role that the stack does not create")
        return
    for key in _keys(resource, stack):
        if not _may_use(roles[0], key, stack):
            yield Fail(f"uses {label(roles[0])}, which no policy allows to use {label(key)}", "iamRoleArn")
        elif not _admits(key, roles[0], stack):
            yield Fail(f"uses {label(roles[0])}, which the policy of {label(key)} does not admit", "iamRoleArn")


def _keys(selection: Resource, stack: Stack) -> list[Resource]:
    """The keys of the plan's vaults, and of what the selection names."""
    vaults = [vault for plan in stack.refs(selection, "planId", _PLAN) for vault in stack.refs(plan, "rules", _VAULT)]
    named = [(item, _SELECTABLE[item.type]) for item in stack.refs(selection, "resources", *_SELECTABLE)]
    holders = [*((vault, "kmsKeyArn") for vault in vaults), *named]
    return list({key.urn: key for holder, path in holders for key in stack.refs(holder, path, _KEY)}.values())


def _may_use(role: Resource, key: Resource, stack: Stack) -> bool:
    """Whether a policy of the role allows it. Raises ``UnknownValueError`` while a policy that may do so is unknown."""
    unknown: UnknownValueError | None = None
    for attachment in stack.referrers(role, _ATTACHMENT, "role"):
        arn = read(attachment, "policyArn")
        if isinstance(arn, str) and _MANAGED.fullmatch(arn):
            return True
        if arn is UNKNOWN and not stack.refs(attachment, "policyArn", _POLICY):
            unknown = UnknownValueError("policyArn", attachment.urn)
    for holder, path in _documents(role, stack):
        document = read_document(holder, path, partly=True) if not holder.is_unknown(path) else Unknown(path)
        if not isinstance(document, list):
            unknown = UnknownValueError(path, holder.urn)
        elif any(statement.allow and _covers(statement, key) for statement in document):
            return True
    if unknown is not None:
        raise unknown
    return False


def _documents(role: Resource, stack: Stack) -> Iterator[tuple[Resource, str]]:
    for path in expand(role, "inlinePolicies.*.policy"):
        yield role, path
    for policy in stack.referrers(role, _ROLE_POLICY, "role"):
        yield policy, "policy"
    for attachment in stack.referrers(role, _ATTACHMENT, "role"):
        for policy in stack.refs(attachment, "policyArn", _POLICY):
            yield policy, "policy"


def _covers(statement: Statement, key: Resource) -> bool:
    arn = read(key, "arn")
    named = any(matches(pattern, arn) if isinstance(arn, str) else pattern == "*" for pattern in statement.resources)
    # A part that is unknown may be this key.
    return (named or "\0" in statement.resources) and any(statement.names(action) for action in _USES)


def _admits(key: Resource, role: Resource, stack: Stack) -> bool:
    """Whether the key's policy admits the role or the account. Without a policy in the stack AWS's own admits the account."""
    holders = [(policy, "policy") for policy in stack.referrers(key, _KEY_POLICY, "keyId")]
    if not holders and read(key, "policy", computed=True) is not None:
        holders = [(key, "policy")]
    if not holders:
        return True
    holder, path = holders[0]
    if holder.is_unknown(path):
        raise UnknownValueError(path, holder.urn)
    document = read_document(holder, path, partly=True)
    own = read(role, "arn")
    return isinstance(document, list) and any(
        statement.allow
        and any(statement.names(action) for action in _USES)
        and any(kind == "AWS" and (name in ("*", "\0", own) or name.endswith(":root")) for kind, name in statement.principals)
        for statement in document
    )
