"""Backup vaults, plans and selections."""

import json
from typing import Any

import pytest
from cloudpatterns_policies.controls import backup as controls
from cloudpatterns_policies.core import Fail, NotApplicable, Pass, Resource, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, stack, verdicts

MANAGED = "arn:aws:kms:eu-west-1:111122223333:alias/aws/backup"
MISSING = Fail("is encrypted with the AWS managed key", "kmsKeyArn")


@pytest.mark.parametrize(
    ("key", "source", "expected"),
    [
        ("arn:aws:kms:eu-west-1:111122223333:key/1", None, Pass()),
        (UNKNOWN, "aws:kms/key:Key", Pass()),
        (UNKNOWN, "aws:kms/alias:Alias", Pass()),
        (UNKNOWN, "x:y:Z", Unknown("kmsKeyArn")),
        (None, None, MISSING),
        # The provider works the key out where the program leaves it out.
        (UNKNOWN, None, MISSING),
        (MANAGED, None, Fail(f"is encrypted with {MANAGED}", "kmsKeyArn")),
    ],
)
def test_key_of_a_vault(key: Any, source: str | None, expected: Verdict) -> None:
    sources = [resource(source, "source")] if source else []
    vault = resource("aws:backup/vault:Vault", "vault", {"kmsKeyArn": key}, deps={"kmsKeyArn": ["source"]} if source else {})
    assert verdicts(controls.backup_vault_customer_key, stack(*sources, vault)) == [("vault", expected)]


VAULT = "aws:backup/vault:Vault"
LOCK = "aws:backup/vaultLockConfiguration:VaultLockConfiguration"
DENIED = ["backup:DeleteRecoveryPoint", "backup:UpdateRecoveryPointLifecycle"]
DENIAL: dict[str, Any] = {"Effect": "Deny", "Principal": "*", "Action": DENIED, "Resource": "*"}


def policy(*statements: Any, name: Any = UNKNOWN) -> Resource:
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    deps = {"backupVaultName": ["vault"]} if name is UNKNOWN else {}
    return resource("aws:backup/vaultPolicy:VaultPolicy", "policy", {"backupVaultName": name, "policy": document}, deps=deps)


def lock(name: Any = UNKNOWN, deps: Any = ("vault",), **days: int) -> Resource:
    return resource(LOCK, "lock", {"backupVaultName": name, **days}, deps={"backupVaultName": deps} if deps else {})


@pytest.mark.parametrize(
    ("locks", "expected"),
    [
        ([lock()], Pass()),
        ([lock(changeableForDays=3)], Pass()),
        ([lock("store", deps=())], Pass()),
        ([lock("other", deps=())], Fail("has no lock")),
        ([lock(deps=())], Unknown("backupVaultName of lock")),
        ([], Fail("has no lock")),
    ],
)
def test_lock_of_a_vault(locks: list[Resource], expected: Verdict) -> None:
    vault = resource(VAULT, "vault", {"name": "store"})
    assert [verdict for _, verdict in verdicts(controls.backup_vault_locked, stack(vault, *locks))] == [expected]


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ([policy(DENIAL)], Pass()),
        ([policy({**DENIAL, "Action": [DENIED[0]]}, {**DENIAL, "Action": [DENIED[1]]})], Pass()),
        ([policy({**DENIAL, "Principal": {"AWS": "*"}})], Pass()),
        ([policy({**DENIAL, "Condition": {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/deploy"}}})], Pass()),
        ([policy({**DENIAL, "Condition": {"StringNotEquals": {"aws:userId": "AIDA"}}})], Pass()),
        (
            [policy({**DENIAL, "Action": [DENIED[0]]})],
            Fail("has a policy, policy, that does not deny backup:UpdateRecoveryPointLifecycle to everyone"),
        ),
        (
            [policy({**DENIAL, "Effect": "Allow"})],
            Fail(f"has a policy, policy, that does not deny {' and '.join(DENIED)} to everyone"),
        ),
        (
            [policy({**DENIAL, "Principal": {"AWS": "arn:aws:iam::111122223333:role/one"}})],
            Fail(f"has a policy, policy, that does not deny {' and '.join(DENIED)} to everyone"),
        ),
        (
            [policy({**DENIAL, "Condition": {"Bool": {"aws:SecureTransport": "false"}}})],
            Fail(f"has a policy, policy, that does not deny {' and '.join(DENIED)} to everyone"),
        ),
        ([policy(DENIAL, name="other")], Fail("has no policy against the deletion of backups")),
        (
            [resource("aws:backup/vaultPolicy:VaultPolicy", "policy", {"backupVaultName": "store", "policy": "{"})],
            Fail("has a policy, policy, that is not valid"),
        ),
        (
            [resource("aws:backup/vaultPolicy:VaultPolicy", "policy", {"backupVaultName": "store", "policy": UNKNOWN})],
            Unknown("policy of policy"),
        ),
        ([resource("aws:backup/vaultPolicy:VaultPolicy", "policy", {"backupVaultName": UNKNOWN})], Unknown("backupVaultName of policy")),
        ([], Fail("has no policy against the deletion of backups")),
        ([lock(changeableForDays=3)], NotApplicable("is under a compliance lock, which denies it to everyone")),
        # Governance: an administrator deletes the lock.
        ([lock()], Fail("has no policy against the deletion of backups")),
    ],
)
def test_policy_of_a_vault(others: list[Resource], expected: Verdict) -> None:
    vault = resource(VAULT, "vault", {"name": "store"})
    assert [verdict for _, verdict in verdicts(controls.backup_vault_deletion_denied, stack(vault, *others))] == [expected]


ARN = "arn:aws:backup:eu-west-1:111122223333:backup-vault"


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([{"targetVaultName": "store", "copyActions": [{"destinationVaultArn": f"{ARN}:other"}]}], []),
        ([{"targetVaultName": "Default"}], [Fail("keeps backups in the default vault", "rules.0.targetVaultName")]),
        (
            [{"targetVaultName": "store", "copyActions": [{"destinationVaultArn": f"{ARN}:Default"}]}],
            [Fail("copies backups into the default vault", "rules.0.copyActions.0.destinationVaultArn")],
        ),
        ([{"targetVaultName": UNKNOWN}], [Unknown("rules.0.targetVaultName")]),
        (
            [{"targetVaultName": "store", "copyActions": [{"destinationVaultArn": UNKNOWN}]}],
            [Unknown("rules.0.copyActions.0.destinationVaultArn")],
        ),
        ([{}], []),
    ],
)
def test_vaults_of_a_plan(rules: list[Any], expected: list[Verdict]) -> None:
    found = verdicts(controls.backup_not_in_default_vault, resource("aws:backup/plan:Plan", "plan", {"rules": rules}))
    assert [verdict for verdict in found if verdict != Pass()] == expected


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        ({"resources": ["arn:aws:ec2:*:*:volume/*", "arn:aws:rds:*:*:db:*", "arn:aws:s3:::*"]}, []),
        ({"resources": ["arn:aws:dynamodb:eu-west-1:111122223333:table/orders"]}, []),
        ({"resources": ["arn:aws:ec2:*"]}, [Fail("names no type in arn:aws:ec2:*", "resources.0")]),
        ({"resources": ["arn:aws:ec2:*:*:*"]}, [Fail("names no type in arn:aws:ec2:*:*:*", "resources.0")]),
        ({"resources": ["arn:aws:s3:::*", "*"]}, [Fail("names no type in *", "resources.1")]),
        (
            {"selectionTags": [{"type": "STRINGEQUALS", "key": "Backup", "value": "yes"}]},
            [Fail("selects by tags alone, without types", "resources")],
        ),
        (
            {"resources": [], "conditions": [{"stringEquals": [{"key": "aws:ResourceTag/Backup", "value": "yes"}]}]},
            [Fail("selects by tags alone, without types", "resources")],
        ),
        ({"resources": UNKNOWN}, [Unknown("resources")]),
        ({"resources": ["arn:aws:s3:::*", UNKNOWN]}, [Unknown("resources.1")]),
        ({}, [Fail("names no resources", "resources")]),
    ],
)
def test_types_of_a_selection(props: dict[str, Any], expected: list[Verdict]) -> None:
    found = verdicts(controls.backup_selection_types, resource("aws:backup/selection:Selection", "selection", props))
    assert [verdict for verdict in found if verdict != Pass()] == expected


KEY = "arn:aws:kms:eu-west-1:111122223333:key/1"
ROLE = "arn:aws:iam::111122223333:role/backup"
MANAGED_POLICY = "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup"


def allowing(action: str = "kms:Decrypt", target: Any = KEY) -> Resource:
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": target}]}
    return resource("aws:iam/rolePolicy:RolePolicy", "rights", {"role": "backup", "policy": json.dumps(document)})


def attached(arn: Any) -> Resource:
    return resource("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "attachment", {"role": "backup", "policyArn": arn})


def admitting(principal: Any) -> Resource:
    document = {"Statement": [{"Effect": "Allow", "Action": "kms:*", "Resource": "*", "Principal": principal}]}
    return resource("aws:kms/keyPolicy:KeyPolicy", "key-policy", {"keyId": KEY, "policy": json.dumps(document)})


NO_RIGHTS = Fail("uses role backup, which no policy allows to use key key", "iamRoleArn")
NOT_ADMITTED = Fail("uses role backup, which the policy of key key does not admit", "iamRoleArn")


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ([allowing()], []),
        ([allowing("kms:*", "*")], []),
        ([attached(MANAGED_POLICY)], []),
        ([attached("arn:aws:iam::aws:policy/AdministratorAccess")], []),
        ([allowing(), admitting({"AWS": "arn:aws:iam::111122223333:root"})], []),
        ([allowing(), admitting({"AWS": ROLE})], []),
        ([allowing(), admitting("*")], []),
        ([], [NO_RIGHTS]),
        ([allowing("kms:DescribeKey")], [NO_RIGHTS]),
        ([allowing(target="arn:aws:kms:eu-west-1:111122223333:key/2")], [NO_RIGHTS]),
        ([attached("arn:aws:iam::aws:policy/ReadOnlyAccess")], [NO_RIGHTS]),
        ([allowing(), admitting({"AWS": "arn:aws:iam::111122223333:role/other"})], [NOT_ADMITTED]),
        ([allowing(), admitting({"Service": "backup.amazonaws.com"})], [NOT_ADMITTED]),
        ([attached(UNKNOWN)], [Unknown("policyArn of attachment")]),
        ([resource("aws:iam/rolePolicy:RolePolicy", "rights", {"role": "backup", "policy": UNKNOWN})], [Unknown("policy of rights")]),
        (
            [allowing(), resource("aws:kms/keyPolicy:KeyPolicy", "key-policy", {"keyId": KEY, "policy": UNKNOWN})],
            [Unknown("policy of key-policy")],
        ),
    ],
)
def test_rights_of_the_role_of_a_selection(others: list[Resource], expected: list[Verdict]) -> None:
    key = resource("aws:kms/key:Key", "key", {"arn": KEY, "id": KEY})
    role = resource("aws:iam/role:Role", "backup", {"arn": ROLE, "name": "backup"})
    # The vault has the key in one stack, a database that the selection names in the other.
    vault = resource(VAULT, "vault", {"name": "store", "kmsKeyArn": KEY})
    plan = resource("aws:backup/plan:Plan", "plan", {"id": "plan-1", "rules": [{"targetVaultName": "store"}]})
    database = resource("aws:rds/instance:Instance", "database", {"arn": "arn:aws:rds:eu-west-1:111122223333:db:orders", "kmsKeyId": KEY})
    selection = "aws:backup/selection:Selection"
    by_tags = resource(selection, "selection", {"iamRoleArn": ROLE, "planId": "plan-1", "resources": ["arn:aws:ec2:*:*:volume/*"]})
    by_arn = resource(
        selection, "selection", {"iamRoleArn": ROLE, "planId": "x", "resources": ["arn:aws:rds:eu-west-1:111122223333:db:orders"]}
    )
    for resources in ([vault, plan, by_tags], [database, by_arn]):
        found = verdicts(controls.backup_role_keys, stack(key, role, *resources, *others))
        assert [verdict for _, verdict in found if verdict != Pass()] == expected


def test_a_role_of_another_stack_is_not_judged() -> None:
    selection = resource("aws:backup/selection:Selection", "selection", {"iamRoleArn": ROLE, "planId": "x"})
    [(_, verdict)] = verdicts(controls.backup_role_keys, stack(selection))
    assert verdict == NotApplicable("uses a role that the stack does not create")
