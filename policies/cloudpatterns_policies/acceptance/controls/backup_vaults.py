"""AWS Backup: vaults, their locks, and what is written into them."""

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from cloudpatterns_policies.acceptance.controls._given import given
from cloudpatterns_policies.acceptance.relations import gives, target
from cloudpatterns_policies.core import Fail, Resource, Severity, Stack, Verdict, control, stack_control
from cloudpatterns_policies.graph.reading import expand

_LOCK: Final = "aws:backup/vaultLockConfiguration:VaultLockConfiguration"
_VAULT: Final = "aws:backup/vault:Vault"
_FOREVER: Final = float("inf")
_CONTINUOUS_DAYS: Final = 35
_COLD_DAYS: Final = 90
_COOLING_DAYS: Final = 3

_refusal = partial(stack_control, severity=Severity.HIGH, pack="acceptance")


@_refusal(
    id="backup-fits-vault-lock",
    title="A plan keeps its backups as long as the lock of the vault wants",
    types=("aws:backup/plan:Plan",),
    why="A lock does not change plans: each backup job with another retention fails, and nothing is backed up.",
    remediation="Set delete_after of the rule's lifecycle between min_retention_days and max_retention_days of the lock.",
    url="https://docs.aws.amazon.com/aws-backup/latest/devguide/API_PutBackupVaultLockConfiguration.html",
)
def backup_fits_vault_lock(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    rules = given(resource, "rules")
    for index in range(len(rules) if isinstance(rules, list) else 0):
        path = f"rules.{index}"
        vault = target(stack, resource, f"{path}.targetVaultName", _VAULT)
        for lock in stack.referrers(vault, _LOCK, "backupVaultName") if vault is not None else ():
            days = given(resource, f"{path}.lifecycle.deleteAfter")
            kept = _FOREVER if days is None and not gives(resource, f"{path}.lifecycle") else days
            yield from _verdicts(lock, kept, given(resource, f"{path}.enableContinuousBackup"), path)


def _verdicts(lock: Resource, kept: Any, continuous: Any, path: str) -> Iterator[Verdict]:
    least, most = given(lock, "minRetentionDays"), given(lock, "maxRetentionDays")
    if not isinstance(kept, int | float):
        return
    words = "for ever" if kept == _FOREVER else f"for {kept:g} days"
    where = f"{path}.lifecycle.deleteAfter"
    if isinstance(least, int | float) and kept < least:
        yield Fail(f"keeps backups {words}, while {lock.name} wants at least {least:g} days", where)
    if isinstance(most, int | float) and kept > most:
        yield Fail(f"keeps backups {words}, while {lock.name} wants at most {most:g} days", where)
    if continuous is True and isinstance(least, int | float) and least > _CONTINUOUS_DAYS:
        text = f"has continuous backups, which end after {_CONTINUOUS_DAYS} days, while {lock.name} wants {least:g}"
        yield Fail(text, f"{path}.enableContinuousBackup")


@control(
    id="backup-rule-days",
    title="The days of a backup rule go together",
    severity=Severity.HIGH,
    types=("aws:backup/plan:Plan",),
    why="AWS Backup refuses less than 90 days in cold storage, and continuous backups beyond 35 days or in cold storage.",
    remediation="Set delete_after to 90 days more than cold_storage_after at least, and of continuous backups to 35 at most.",
    url="https://docs.aws.amazon.com/aws-backup/latest/devguide/API_Lifecycle.html",
    pack="acceptance",
)
def backup_rule_days(resource: Resource) -> Iterator[Verdict]:
    for index in range(len(resource.get("rules", []))):
        path = f"rules.{index}"
        for lifecycle in (f"{path}.lifecycle", *expand(resource, f"{path}.copyActions.*.lifecycle")):
            cold, days = resource.get(f"{lifecycle}.coldStorageAfter"), resource.get(f"{lifecycle}.deleteAfter")
            if cold and days and days < cold + _COLD_DAYS:
                yield Fail(f"deletes after {days:g} days, less than {_COLD_DAYS} days after cold storage", f"{lifecycle}.deleteAfter")
        if resource.get(f"{path}.enableContinuousBackup", False):
            days = resource.get(f"{path}.lifecycle.deleteAfter")
            if days is not None and days > _CONTINUOUS_DAYS:
                text = f"keeps continuous backups for {days:g} days; at most {_CONTINUOUS_DAYS} are allowed"
                yield Fail(text, f"{path}.lifecycle.deleteAfter")
            if resource.get(f"{path}.lifecycle.coldStorageAfter"):
                yield Fail("moves continuous backups to cold storage", f"{path}.lifecycle.coldStorageAfter")


@control(
    id="vault-lock-days",
    title="The days of a vault lock go together",
    severity=Severity.HIGH,
    types=(_LOCK,),
    why="AWS Backup refuses a minimum above the maximum, and a lock that becomes final in less than three days.",
    remediation="Set max_retention_days to min_retention_days at least, and changeable_for_days to 3 at least.",
    url="https://docs.aws.amazon.com/aws-backup/latest/devguide/API_PutBackupVaultLockConfiguration.html",
    pack="acceptance",
)
def vault_lock_days(resource: Resource) -> Iterator[Verdict]:
    least, most, days = (resource.get(name) for name in ("minRetentionDays", "maxRetentionDays", "changeableForDays"))
    if least is not None and most is not None and least > most:
        yield Fail(f"wants at least {least:g} days and at most {most:g}", "minRetentionDays")
    if days is not None and days < _COOLING_DAYS:
        yield Fail(f"becomes final after {days:g} days; at least {_COOLING_DAYS} are needed", "changeableForDays")


@control(
    id="vault-lock-replaced-in-order",
    title="A changed vault lock is deleted before it is written again",
    severity=Severity.LOW,
    types=(_LOCK,),
    why="Every change replaces the lock. It has the vault's name and no other, so Pulumi writes the new one and then deletes it.",
    remediation="Set delete_before_replace in the resource's options.",
    url="https://www.pulumi.com/docs/iac/concepts/options/deletebeforereplace/",
    pack="acceptance",
)
def vault_lock_replaced_in_order(resource: Resource) -> Iterator[Verdict]:
    if not resource.options.deleteBeforeReplace:
        yield Fail("is written anew and then deleted by a change")


@control(
    id="restore-testing-name",
    title="Restore tests have a name in the program",
    severity=Severity.HIGH,
    types=("aws:backup/restoreTestingPlan:RestoreTestingPlan", "aws:backup/restoreTestingSelection:RestoreTestingSelection"),
    why="AWS Backup takes letters, digits and underscores there, and a name that Pulumi makes up has a hyphen.",
    remediation="Set name, in letters, digits and underscores.",
    url="https://docs.aws.amazon.com/aws-backup/latest/devguide/API_RestoreTestingPlanForCreate.html",
    pack="acceptance",
)
def restore_testing_name(resource: Resource) -> Iterator[Verdict]:
    if resource.get("name") is None:
        yield Fail("has no name, and Pulumi makes up one with a hyphen", "name")
