"""Backups that are kept: a plan, a vault under lock, copies elsewhere, and tests that restore them.

Pattern: "Snapshot" (Cloud Design Patterns for AWS).
"""

from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import Metric, ServiceRole, alarm, notify_on_event, service_role
from cloudpatterns.core import Component, account_of, by_name, document, partition_of
from cloudpatterns.storage.snapshot.arguments import RESOURCE_ARNS, SnapshotArgs, SnapshotRuleArgs, SnapshotSelectionArgs
from cloudpatterns.storage.snapshot.checks import (
    copied_rules,
    copy_retention_days,
    retentions,
    schedule_of,
    snapshot_problems,
    start_window_of,
)
from cloudpatterns.storage.snapshot.disks import create_disk_policy
from cloudpatterns.storage.snapshot.restore_tests import create_restore_tests
from cloudpatterns.storage.snapshot.vault import (
    BackupVault,
    VaultSettings,
    copy_statement,
    create_vault,
    key_statements,
    shared_key_statements,
)

_SERVICE = "backup.amazonaws.com"
_HOUR_SECONDS = 3600


class Snapshot(Component):
    """Backups by plan, in a vault from which they cannot be deleted early (Cloud Design Patterns for AWS, "Snapshot").

    Rules say when backups are taken and how long they are kept, selections say of what: of named types with all of some tags, or by ARN.
    A new vault has a customer managed key and a policy that denies the deletion of backups; ``copies`` are more such vaults in other
    Regions, or existing ones of other accounts. The role may use the keys in ``key_arns``. ``restore_tests`` restore backups and delete
    what they restored. ``disks`` is Data Lifecycle Manager instead, for snapshots of volumes or images of instances alone.

    The ``lock`` decides who can delete a backup before its time. Without one: who may change the vault's policy. ``GOVERNANCE``: who may
    delete the lock, such as an administrator. ``COMPLIANCE``: for ``changeable_for_days`` the same, and after that nobody, neither the root
    user nor AWS; the vault and its costs stay until the last backup has expired. ``destroy`` cannot empty it: Pulumi protects the vault and
    the lock, and once they are unprotected leaves vault, lock and key behind. Otherwise ``destroy`` removes plan, lock and policy, and then
    stops at the vault as long as backups are in it.

    **Use when**: data must survive a deletion, ransomware or the loss of a Region or an account, and somebody asks for proof that it can be
    restored.

    **Not when**: one database needs its last days only: RDS, DynamoDB and ElastiCache keep backups of their own.

    **Cost drivers**: stored backups by GB and month, copies twice, with the transfer between Regions; cold storage for at least 90 days;
    restore tests, with what they restore; the customer managed keys.

    **Trade-offs**: a compliance lock cannot be undone, nor can its limits be changed; types that AWS Backup does not support are skipped;
    what is not tagged is not backed up; a restore creates a new resource beside the old one.

    **Proven by**: controls ``backup-vault-customer-key``, ``backup-vault-locked``, ``backup-vault-deletion-denied``,
    ``backup-selection-types``, ``backup-role-keys``, ``backup-fits-vault-lock``; ``test_snapshot.py``.
    """

    vault_name: pulumi.Output[str]
    """The vault, available after its policy and lock. Empty with ``disks``."""
    vault_arn: pulumi.Output[str]
    """ARN of the vault, available after its policy and lock. Empty with ``disks``."""
    kms_key_arn: pulumi.Output[str]
    """Key of the vault. Empty with ``disks``, and with an existing vault."""
    copy_vault_arns: pulumi.Output[dict[str, str]]
    """Vaults of the copies by name."""
    plan_id: pulumi.Output[str]
    """The backup plan. Empty with ``disks``."""
    role_arn: pulumi.Output[str]
    """Role that takes the backups."""
    restore_role_arn: pulumi.Output[str]
    """Role that restores backups, for restore tests and for you. Empty with ``disks``."""
    disk_policy_id: pulumi.Output[str]
    """The policy of Data Lifecycle Manager. Empty without ``disks``."""
    destination_vault_policy: pulumi.Output[str]
    """Policy (JSON) that each vault of ``copies.<name>.vault_arn`` in another account needs: it lets this account copy into it; a
    ``Snapshot`` there creates it from ``copy_source_account_ids``. The organization's management account must switch on backups across
    accounts once: ``aws backup update-global-settings --global-settings isCrossAccountBackupEnabled=true``. Empty without such a copy."""
    source_key_policy: pulumi.Output[str]
    """Statements (a policy in JSON) that the keys in ``key_arns`` need too, for copies to ``copies.<name>.vault_arn`` in another account:
    RDS, Aurora, EBS and EC2 backups are encrypted with them. Empty without such a copy."""

    def __init__(self, name: str, args: SnapshotArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._checked = checked = self.begin(name, args, opts, problems=snapshot_problems, names=_child_names)
        for output in ("vault_name", "vault_arn", "kms_key_arn", "plan_id", "restore_role_arn", "disk_policy_id"):
            setattr(self, output, pulumi.Output.from_input(""))
        self.copy_vault_arns = by_name({})
        self.destination_vault_policy = self.source_key_policy = pulumi.Output.from_input("")
        disks = checked.get("disks")
        if disks is None:
            self._create(name)
        else:
            policy, self.role_arn = create_disk_policy(
                self,
                name,
                disks,
                role_arn=checked.get("existing_role_arn"),
                alarm_topic_arns=checked["alarm_topic_arns"],
                tags=checked["tags"],
            )
            self.disk_policy_id = policy.id
        self.register()

    def _create(self, name: str) -> None:
        checked = self._checked
        settings = VaultSettings(checked.get("lock"), checked["backup_administrator_arns"], checked["tags"])
        self._vault(name, settings)
        copies = self._copy_vaults(name, settings)
        created = [vault for vault in copies.values() if isinstance(vault, BackupVault)]
        keys = [*([] if checked.get("existing_vault_arn") else [self.kms_key_arn]), *(vault.key_arn for vault in created)]
        role, restore_role = self._roles(name, keys)
        copy_arns = {key: vault.arn if isinstance(vault, BackupVault) else vault for key, vault in copies.items()}
        self.copy_vault_arns = by_name(copy_arns)
        if checked["opt_in_region"]:
            _opt_in(self, name)
        plan = aws.backup.Plan(
            f"{name}-plan",
            rules=[self._rule(key, rule, copy_arns) for key, rule in checked["rules"].items()],
            tags=checked["tags"],
            opts=self.child(),
        )
        self.plan_id = plan.id
        for key, selection in checked["selections"].items():
            aws.backup.Selection(
                f"{name}-{key}",
                plan_id=plan.id,
                iam_role_arn=role,
                opts=self.child(),
                **self._selected(selection),
            )
        if (tests := checked.get("restore_tests")) is not None:
            create_restore_tests(
                self,
                name,
                tests,
                plan_name=plan.name,
                vault_arn=self.vault_arn,
                role_arn=restore_role.arn,
                tags=checked["tags"],
            )
        self._share(copies)
        self._notify(name, restore_role)

    def _vault(self, name: str, settings: VaultSettings) -> None:
        checked = self._checked
        existing = checked.get("existing_vault_arn")
        if existing is not None:
            self.vault_arn = pulumi.Output.from_input(existing)
            self.vault_name = self.vault_arn.apply(lambda arn: arn.split(":")[-1])
            return
        vault = create_vault(
            self,
            f"{name}-vault",
            settings,
            kms_key_arn=checked.get("kms_key_arn"),
            least_retention_days=min(retentions(checked).values()),
            source_account_ids=checked["copy_source_account_ids"],
        )
        self.vault_name, self.vault_arn, self.kms_key_arn = vault

    def _copy_vaults(self, name: str, settings: VaultSettings) -> dict[str, BackupVault | pulumi.Output[str]]:
        """New vaults, and the ARNs of existing ones, by the name of the copy."""
        found: dict[str, BackupVault | pulumi.Output[str]] = {}
        for key, copy in self._checked["copies"].items():
            region = copy.get("region")
            found[key] = (
                pulumi.Output.from_input(copy["vault_arn"])
                if region is None
                else create_vault(
                    self,
                    f"{name}-copy-{key}",
                    settings,
                    kms_key_arn=copy.get("kms_key_arn"),
                    least_retention_days=min(retentions(self._checked, key).values()),
                    region=region,
                )
            )
        return found

    def _roles(self, name: str, vault_keys: list[pulumi.Output[str]]) -> tuple[pulumi.Output[str], ServiceRole]:
        """The ARN of the role that takes backups, and the role that restores them.

        AWS's managed policies know no keys but by the services that use them; those that are named are allowed directly.
        https://docs.aws.amazon.com/aws-backup/latest/devguide/security-iam-awsmanpol.html
        """
        checked = self._checked
        keys: list[pulumi.Input[str]] = [*vault_keys, *checked["key_arns"]]
        statements = key_statements(keys) if keys else []
        buckets = any(_takes_buckets(selection) for selection in checked["selections"].values())
        tests = checked.get("restore_tests")
        tested = tests is not None and any(test["resource_type"] == "S3" for test in tests["tests"].values())

        def role(suffix: str, verb: str, managed: dict[str, str]) -> ServiceRole:
            child = f"{name}-{suffix}"
            return service_role(
                self,
                child,
                _SERVICE,
                f"AWS Backup {verb} for {name}",
                managed_policies={f"{child}-{key}": policy for key, policy in managed.items()},
                statements={f"{child}-keys": statements} if statements else {},
                tags=checked["tags"],
            )

        backup = {"backup": "service-role/AWSBackupServiceRolePolicyForBackup"}
        restore = {"restore": "service-role/AWSBackupServiceRolePolicyForRestores"}
        backup |= {"s3": "AWSBackupServiceRolePolicyForS3Backup"} if buckets else {}
        restore |= {"s3": "AWSBackupServiceRolePolicyForS3Restore"} if buckets or tested else {}
        given, restore_role = checked.get("existing_role_arn"), role("restore-role", "restores", restore)
        self.role_arn = role("role", "backs up", backup).arn if given is None else pulumi.Output.from_input(given)
        self.restore_role_arn = restore_role.arn
        return self.role_arn, restore_role

    def _rule(self, key: str, rule: SnapshotRuleArgs, copy_arns: dict[str, pulumi.Output[str]]) -> Any:
        checked = self._checked
        copies = [
            {
                "destination_vault_arn": copy_arns[name],
                "lifecycle": _lifecycle(copy_retention_days(checked, copy, key), copy.get("cold_storage_after_days")),
            }
            for name, copy in checked["copies"].items()
            if key in copied_rules(checked, copy)
        ]
        return {
            "rule_name": key,
            "target_vault_name": self.vault_name,
            "schedule": schedule_of(rule),
            "schedule_expression_timezone": rule["time_zone"],
            "start_window": start_window_of(rule),
            "completion_window": rule["completion_window_minutes"],
            "enable_continuous_backup": rule["continuous"],
            "lifecycle": _lifecycle(rule["retention_days"], rule.get("cold_storage_after_days"), rule["archive_volumes"]),
            "copy_actions": copies,
        }

    def _selected(self, selection: SnapshotSelectionArgs) -> dict[str, Any]:
        if selection["resource_arns"]:
            return {"resources": selection["resource_arns"]}
        partition = partition_of(self.vault_arn)
        conditions = {
            "string_equals": [{"key": f"aws:ResourceTag/{key}", "value": value} for key, value in selection["tags"].items()],
            "string_not_equals": [{"key": f"aws:ResourceTag/{key}", "value": value} for key, value in selection["excluded_tags"].items()],
        }
        return {
            "resources": [pulumi.Output.concat("arn:", partition, RESOURCE_ARNS[kind]) for kind in selection["resource_types"]],
            # All conditions must hold; of `selection_tags` one would do.
            "conditions": [{kind: entries for kind, entries in conditions.items() if entries}],
        }

    def _share(self, copies: dict[str, BackupVault | pulumi.Output[str]]) -> None:
        foreign = [arn for arn in copies.values() if not isinstance(arn, BackupVault)]
        if not foreign:
            return
        partition = partition_of(self.vault_arn)
        self.destination_vault_policy = document(copy_statement(account_of(self.vault_arn), partition))
        self.source_key_policy = document(*shared_key_statements([account_of(arn) for arn in foreign], partition))

    def _notify(self, name: str, restore_role: ServiceRole) -> None:
        checked, topics = self._checked, self._checked["alarm_topic_arns"]
        if (topic := checked.get("notification_topic_arn")) is not None:
            aws.backup.VaultNotifications(
                f"{name}-objects",
                backup_vault_name=self.vault_name,
                sns_topic_arn=topic,
                # Jobs have events of EventBridge; single objects have none.
                backup_vault_events=["S3_BACKUP_OBJECT_FAILED", "S3_RESTORE_OBJECT_FAILED"],
                # Each argument replaces it: created first and then deleted, there would be none in the end.
                opts=self.child(delete_before_replace=True),
            )
        if not topics:
            return
        failed = ["FAILED", "ABORTED", "EXPIRED", "PARTIAL"]
        self._failed(f"{name}-backup-failed", "Backup", {"state": failed, "backupVaultArn": [self.vault_arn]})
        if checked["copies"]:
            self._failed(f"{name}-copy-failed", "Copy", {"state": ["FAILED", "PARTIAL"], "sourceBackupVaultArn": [self.vault_arn]})
        if checked.get("restore_tests") is not None:
            self._failed(f"{name}-restore-failed", "Restore", {"status": ["FAILED", "ABORTED"], "iamRoleArn": [restore_role.arn]})
        if (hours := checked.get("alarm_hours_without_backup")) is not None:
            alarm(
                self,
                f"{name}-no-backup",
                f"No backup was completed in the vault of {name} for {hours} hours",
                Metric("AWS/Backup", "NumberOfBackupJobsCompleted", {"BackupVaultName": self.vault_name}, "Sum"),
                1,
                comparison="LessThanThreshold",
                period_seconds=_HOUR_SECONDS,
                periods=hours,
                missing="breaching",
                actions=topics,
                tags=checked["tags"],
            )

    def _failed(self, child_name: str, job: str, detail: dict[str, Any]) -> None:
        """Reports jobs that failed: https://docs.aws.amazon.com/aws-backup/latest/devguide/eventbridge.html."""
        notify_on_event(
            self,
            child_name,
            f"{job} jobs of AWS Backup that failed",
            pattern={"source": ["aws.backup"], "detail-type": [f"{job} Job State Change"], "detail": detail},
            topic_arns=self._checked["alarm_topic_arns"],
            tags=self._checked["tags"],
        )


def _opt_in(component: Component, name: str) -> None:
    """Always all types: what is ignored later cannot grow with the selections."""
    aws.backup.RegionSettings(
        f"{name}-region",
        resource_type_opt_in_preference=dict.fromkeys(sorted(RESOURCE_ARNS), True),
        resource_type_management_preference={"DynamoDB": True, "EFS": True},
        # AWS adds types of its own to both, which each later update would show as a change.
        opts=component.child(ignore_changes=["resourceTypeOptInPreference", "resourceTypeManagementPreference"]),
    )


def _lifecycle(delete_after: int, cold_storage_after: int | None, archive: bool = False) -> dict[str, Any]:
    lifecycle: dict[str, Any] = {"delete_after": delete_after}
    if cold_storage_after is not None:
        lifecycle["cold_storage_after"] = cold_storage_after
    if archive:
        lifecycle["opt_in_to_archive_for_supported_resources"] = True
    return lifecycle


def _takes_buckets(selection: SnapshotSelectionArgs) -> bool:
    """An ARN that is not known yet may be a bucket's."""
    if not selection["resource_arns"]:
        return "S3" in selection["resource_types"]
    return any(not isinstance(arn, str) or ":s3:" in arn for arn in selection["resource_arns"])


def _child_names(checked: SnapshotArgs) -> dict[str, int]:
    if checked.get("disks") is not None:
        return {"disks-failed": 64, "role": 64}
    copies = {f"copy-{key}": 50 for key in checked["copies"]}
    children = {"plan": 50, "vault": 50, "restore-role": 64, "backup-failed": 64, "restore-failed": 64}
    return {**children, **copies, **dict.fromkeys(checked["selections"], 50)}
