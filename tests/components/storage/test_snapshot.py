"""Snapshot: plan, vault, lock, copies, selections, roles and restore tests, and what AWS would refuse."""

import json
import re
from typing import Any

import pulumi
import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.storage import Snapshot
from cloudpatterns.storage.snapshot.arguments import RESOURCE_ARNS
from offline_preview.graph import Graph, Resource

from tests.harness import record, refs

ACCOUNT = "123456789012"
OTHER_ACCOUNT = "210987654321"
TOPIC = f"arn:aws:sns:eu-west-1:{ACCOUNT}:operations"
KEY = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/database"
VAULT = f"arn:aws:backup:eu-west-1:{ACCOUNT}:backup-vault:old"
CENTRAL = f"arn:aws:backup:eu-central-1:{OTHER_ACCOUNT}:backup-vault:central"
DEPLOY = f"arn:aws:iam::{ACCOUNT}:role/deploy"
DAILY: dict[str, Any] = {"frequency": "daily", "retention_days": 35}
MINIMAL: dict[str, Any] = {"rules": {"daily": DAILY}, "selections": {"tagged": {"tags": {"Backup": "yes"}}}}
GOVERNANCE: dict[str, Any] = {"lock": {"mode": "GOVERNANCE"}}
COMPLIANCE: dict[str, Any] = {"lock": {"mode": "COMPLIANCE", "changeable_for_days": 3, "min_retention_days": 7}}
FRANKFURT: dict[str, Any] = {"copies": {"frankfurt": {"region": "eu-central-1"}}}
DISKS: dict[str, Any] = {
    "disks": {
        "resource_type": "VOLUME",
        "tags": {"Snapshot": "daily"},
        "schedules": {"nightly": {"schedule": "cron(0 3 * * ? *)", "retention_count": 14}},
    }
}
DENIED = ["backup:DeleteRecoveryPoint", "backup:DisassociateRecoveryPoint", "backup:UpdateRecoveryPointLifecycle"]


def make(base: dict[str, Any] = MINIMAL, **more: Any) -> Graph:
    args: Any = {**base, **more}
    return record(lambda: Snapshot("backups", args), mode="deployed")


def named(graph: Graph, name: str) -> dict[str, Any]:
    return graph.named(name).inputs


def rule(graph: Graph, name: str = "daily") -> dict[str, Any]:
    [found] = [one for one in graph.one("aws:backup/plan:Plan").inputs["rules"] if one["ruleName"] == name]
    return found


def statements(resource: Resource) -> dict[str, dict[str, Any]]:
    return {one.get("Sid", ""): one for one in json.loads(resource.inputs["policy"])["Statement"]}


def events(graph: Graph, name: str) -> dict[str, Any]:
    return json.loads(named(graph, name)["eventPattern"])


def problems(base: dict[str, Any] = MINIMAL, **more: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as caught:
        make(base, **more)
    return list(caught.value.problems)


# The contract, sentence by sentence.


def test_selection_is_by_tag_and_all_of_the_tags_must_be_there() -> None:
    selection = {"tags": {"Backup": "yes", "Tier": "data"}, "excluded_tags": {"Scratch": "yes"}, "resource_types": ["EBS", "S3"]}
    graph = make(selections={"tagged": selection})
    found = graph.one("aws:backup/selection:Selection")
    assert found.inputs["conditions"] == [
        {
            "stringEquals": [{"key": "aws:ResourceTag/Backup", "value": "yes"}, {"key": "aws:ResourceTag/Tier", "value": "data"}],
            "stringNotEquals": [{"key": "aws:ResourceTag/Scratch", "value": "yes"}],
        }
    ]
    # Of these, one would do.
    assert "selectionTags" not in found.inputs
    assert refs(graph, found, "planId") == ["backups-plan"]
    assert "backups-role" in refs(graph, found, "iamRoleArn")


def test_by_choice_of_compliance_the_vault_cannot_be_emptied_by_nobody_nor_destroy() -> None:
    graph = make(**COMPLIANCE, **FRANKFURT)
    for vault in ("backups-vault", "backups-copy-frankfurt"):
        lock = graph.named(f"{vault}-lock")
        assert lock.inputs["changeableForDays"] == 3
        assert refs(graph, lock, "backupVaultName") == [vault]
        assert graph.named(vault).inputs["forceDestroy"] is False
        assert (graph.named(vault).options.get("protect"), lock.options.get("protect")) == (True, True)
        # The key too: without it the backups were lost.
        kept = [vault, f"{vault}-lock", f"{vault}-policy", f"{vault}-key", f"{vault}-key-policy"]
        assert [name for name in kept if graph.named(name).options.get("retainOnDelete") is not True] == []


def test_without_compliance_an_administrator_can_empty_it_and_the_documentation_says_so() -> None:
    graph = make(**GOVERNANCE)
    lock = graph.named("backups-vault-lock")
    assert "changeableForDays" not in lock.inputs
    assert lock.options.keys().isdisjoint({"protect", "retainOnDelete"})
    assert Snapshot.__doc__ is not None
    text = re.sub(r"\s+", " ", Snapshot.__doc__)
    assert "``GOVERNANCE``: who may delete the lock, such as an administrator." in text
    assert "after that nobody, neither the root user nor AWS" in text


def test_selections_name_types_so_that_none_is_skipped_for_not_being_opted_in() -> None:
    selection = make().one("aws:backup/selection:Selection")
    assert sorted(selection.inputs["resources"]) == sorted(
        [
            "arn:aws:dynamodb:*:*:table/*",
            "arn:aws:ec2:*:*:instance/*",
            "arn:aws:ec2:*:*:volume/*",
            "arn:aws:elasticfilesystem:*:*:file-system/*",
            "arn:aws:rds:*:*:cluster:*",
            "arn:aws:rds:*:*:db:*",
            "arn:aws:s3:::*",
        ]
    )
    # At most 30 patterns.
    assert len(RESOURCE_ARNS) <= 30


def test_the_role_reaches_the_keys_of_what_it_backs_up() -> None:
    graph = make(key_arns=[KEY], **FRANKFURT)
    own, there = (graph.named(name).outputs["arn"] for name in ("backups-vault-key", "backups-copy-frankfurt-key"))
    for role in ("backups-role", "backups-restore-role"):
        policy = graph.named(f"{role}-keys")
        assert refs(graph, policy, "role") == [role]
        use, grants = statements(policy)["UseOfKeys"], statements(policy)["GrantsForServices"]
        assert use["Resource"] == grants["Resource"] == [own, there, KEY]
        assert use["Action"] == ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
        assert (grants["Action"], grants["Condition"]) == (["kms:CreateGrant"], {"Bool": {"kms:GrantIsForAWSResource": "true"}})


# The plan.


def test_rules_have_schedules_windows_retention_and_cold_storage() -> None:
    rules = {
        "hourly": {"frequency": "hourly", "retention_days": 2},
        "daily": {**DAILY, "continuous": True, "time_zone": "Europe/Berlin"},
        "yearly": {"frequency": "yearly", "retention_days": 3650, "cold_storage_after_days": 30, "archive_volumes": True},
        "office": {
            "schedule": "cron(30 22 ? * MON-FRI *)",
            "retention_days": 7,
            "start_window_minutes": 90,
            "completion_window_minutes": 150,
        },
    }
    graph = make(rules=rules)
    assert rule(graph, "hourly") == {
        "ruleName": "hourly",
        "targetVaultName": graph.named("backups-vault").outputs["name"],
        "schedule": "cron(0 * * * ? *)",
        "scheduleExpressionTimezone": "Etc/UTC",
        "startWindow": 60,
        "completionWindow": 10_080,
        "enableContinuousBackup": False,
        "lifecycle": {"deleteAfter": 2},
        "copyActions": [],
    }
    assert (rule(graph)["enableContinuousBackup"], rule(graph)["startWindow"]) == (True, 480)
    assert rule(graph)["scheduleExpressionTimezone"] == "Europe/Berlin"
    assert rule(graph, "yearly")["lifecycle"] == {"deleteAfter": 3650, "coldStorageAfter": 30, "optInToArchiveForSupportedResources": True}
    office = rule(graph, "office")
    assert (office["schedule"], office["startWindow"], office["completionWindow"]) == ("cron(30 22 ? * MON-FRI *)", 90, 150)


def test_no_backup_is_in_the_vault_before_its_policy_and_lock() -> None:
    graph = make(**GOVERNANCE)
    waited = {graph.by_urn()[urn].name for urn in graph.named("backups-plan").dependencies}
    assert {"backups-vault", "backups-vault-policy", "backups-vault-lock"} <= waited


def test_resources_by_arn_go_without_conditions() -> None:
    table = f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/orders"
    graph = make(selections={"orders": {"resource_arns": [table]}})
    selection = graph.named("backups-orders").inputs
    assert selection["resources"] == [table]
    assert "conditions" not in selection
    # No buckets, and so nothing about S3.
    assert [one.name for one in graph.of_type("aws:iam/rolePolicyAttachment:RolePolicyAttachment")] == [
        "backups-restore-role-restore",
        "backups-role-backup",
    ]


@pytest.mark.parametrize("arn", ["arn:aws:s3:::photos", pulumi.Output.from_input("arn:aws:s3:::photos")])
def test_the_roles_may_read_and_write_buckets_where_some_may_be_selected(arn: Any) -> None:
    graph = make(selections={"photos": {"resource_arns": [arn]}})
    found = {one.name: one.inputs["policyArn"] for one in graph.of_type("aws:iam/rolePolicyAttachment:RolePolicyAttachment")}
    assert found == {
        "backups-role-backup": "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup",
        "backups-role-s3": "arn:aws:iam::aws:policy/AWSBackupServiceRolePolicyForS3Backup",
        "backups-restore-role-restore": "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForRestores",
        "backups-restore-role-s3": "arn:aws:iam::aws:policy/AWSBackupServiceRolePolicyForS3Restore",
    }


# The vault.


def test_a_vault_denies_the_deletion_of_backups() -> None:
    assert statements(make().named("backups-vault-policy")) == {
        "DenyDeletion": {"Sid": "DenyDeletion", "Effect": "Deny", "Action": DENIED, "Resource": ["*"], "Principal": "*"}
    }


def test_administrators_alone_delete_backups_and_change_the_policy() -> None:
    denial = statements(make(backup_administrator_arns=[DEPLOY]).named("backups-vault-policy"))["DenyDeletion"]
    assert denial["Action"] == [*DENIED, "backup:PutBackupVaultAccessPolicy", "backup:DeleteBackupVaultAccessPolicy"]
    assert denial["Condition"] == {"ArnNotLike": {"aws:PrincipalArn": [DEPLOY]}}


def test_the_key_of_a_vault_is_for_aws_backup_in_this_account() -> None:
    graph = make()
    vault = graph.named("backups-vault")
    assert refs(graph, vault, "kmsKeyArn") == ["backups-vault-key", "backups-vault-key-policy"]
    statement = statements(graph.named("backups-vault-key-policy"))["Backup"]
    assert statement["Condition"] == {"StringEquals": {"kms:CallerAccount": ACCOUNT, "kms:ViaService": "backup.eu-west-1.amazonaws.com"}}
    given = make(kms_key_arn=KEY)
    assert named(given, "backups-vault")["kmsKeyArn"] == KEY
    assert given.of_type("aws:kms/key:Key") == []


@pytest.mark.parametrize(
    ("lock", "limits"),
    [
        ({}, {"minRetentionDays": 7}),
        ({"min_retention_days": 5, "max_retention_days": 400}, {"minRetentionDays": 5, "maxRetentionDays": 400}),
    ],
)
def test_the_limits_of_a_lock_admit_every_rule(lock: dict[str, Any], limits: dict[str, Any]) -> None:
    rules = {"daily": DAILY, "weekly": {"frequency": "weekly", "retention_days": 7}}
    inputs = named(make(rules=rules, lock={"mode": "GOVERNANCE", **lock}), "backups-vault-lock")
    assert {key: value for key, value in inputs.items() if key.endswith("RetentionDays")} == limits


def test_a_lock_is_replaced_by_deleting_it_first() -> None:
    graph = make(**GOVERNANCE, notification_topic_arn=TOPIC)
    assert graph.named("backups-vault-lock").options["deleteBeforeReplace"] is True
    assert graph.named("backups-objects").options["deleteBeforeReplace"] is True


def test_an_existing_vault_is_not_changed() -> None:
    graph = make(existing_vault_arn=VAULT)
    assert [one.type for one in graph.resources if "backup/vault" in one.type or "kms/" in one.type] == []
    assert rule(graph)["targetVaultName"] == "old"
    component = graph.one("cloudpatterns:index:Snapshot").outputs
    assert (component["vault_name"], component["vault_arn"], component["kms_key_arn"]) == ("old", VAULT, "")


def test_a_new_vault_for_copies_beside_an_existing_one_may_have_a_lock() -> None:
    graph = make(
        existing_vault_arn=VAULT,
        lock={"mode": "GOVERNANCE", "min_retention_days": 36},
        copies={"frankfurt": {"region": "eu-central-1", "retention_days": 40}},
    )
    assert [one.name for one in graph.of_type("aws:backup/vaultLockConfiguration:VaultLockConfiguration")] == [
        "backups-copy-frankfurt-lock"
    ]


# Copies.


def test_copies_go_to_a_vault_of_another_region_with_a_key_there() -> None:
    graph = make(
        rules={"daily": DAILY, "monthly": {"frequency": "monthly", "retention_days": 400}},
        copies={"frankfurt": {"region": "eu-central-1", "rules": ["monthly"], "retention_days": 200, "cold_storage_after_days": 30}},
        **GOVERNANCE,
    )
    vault = graph.named("backups-copy-frankfurt")
    for suffix in ("", "-key", "-key-policy", "-policy", "-lock"):
        assert named(graph, f"backups-copy-frankfurt{suffix}")["region"] == "eu-central-1"
    assert named(graph, "backups-copy-frankfurt-lock")["minRetentionDays"] == 200
    assert rule(graph)["copyActions"] == []
    assert rule(graph, "monthly")["copyActions"] == [
        {"destinationVaultArn": vault.outputs["arn"], "lifecycle": {"deleteAfter": 200, "coldStorageAfter": 30}}
    ]
    waited = {graph.by_urn()[urn].name for urn in graph.named("backups-plan").dependencies}
    assert {"backups-copy-frankfurt-policy", "backups-copy-frankfurt-lock"} <= waited


def test_copies_to_another_account_say_what_that_account_and_the_keys_need() -> None:
    graph = make(copies={"central": {"vault_arn": CENTRAL}})
    assert rule(graph)["copyActions"] == [{"destinationVaultArn": CENTRAL, "lifecycle": {"deleteAfter": 35}}]
    outputs = graph.one("cloudpatterns:index:Snapshot").outputs
    assert outputs["copy_vault_arns"] == {"central": CENTRAL}
    [admitted] = json.loads(outputs["destination_vault_policy"])["Statement"]
    assert admitted == {
        "Sid": "CopiesOfOtherAccounts",
        "Effect": "Allow",
        "Action": ["backup:CopyIntoBackupVault"],
        "Resource": ["*"],
        "Principal": {"AWS": [f"arn:aws:iam::{ACCOUNT}:root"]},
    }
    use, grants = json.loads(outputs["source_key_policy"])["Statement"]
    assert use["Principal"] == grants["Principal"] == {"AWS": [f"arn:aws:iam::{OTHER_ACCOUNT}:root"]}
    assert grants["Condition"] == {"Bool": {"kms:GrantIsForAWSResource": "true"}}
    # The same, created in that account.
    there = make(copy_source_account_ids=[ACCOUNT])
    assert statements(there.named("backups-vault-policy"))["CopiesOfOtherAccounts"] == admitted


# The Region's opt-in.


def test_the_region_is_opted_in_only_when_asked() -> None:
    assert make().of_type("aws:backup/regionSettings:RegionSettings") == []
    settings = make(opt_in_region=True).one("aws:backup/regionSettings:RegionSettings")
    assert settings.inputs["resourceTypeOptInPreference"] == dict.fromkeys(RESOURCE_ARNS, True)
    assert set(settings.options["ignoreChanges"]) == {"resourceTypeOptInPreference", "resourceTypeManagementPreference"}


# Restore tests.


def test_restore_tests_restore_from_this_vault_with_their_own_role() -> None:
    tests = {"tests": {"daily-orders": {"resource_type": "RDS", "metadata_overrides": {"dbSubnetGroupName": "data"}}}}
    graph = make(restore_tests=tests)
    plan, selection = graph.named("backups-restore-tests"), graph.named("backups-restore-tests-daily-orders")
    assert plan.inputs["recoveryPointSelection"] == {
        "algorithm": "LATEST_WITHIN_WINDOW",
        "includeVaults": [graph.named("backups-vault").outputs["arn"]],
        "recoveryPointTypes": ["SNAPSHOT", "CONTINUOUS"],
        "selectionWindowDays": 30,
    }
    assert re.fullmatch("[A-Za-z0-9_]{1,50}", plan.inputs["name"])
    assert selection.inputs["name"] == "daily_orders"
    assert selection.inputs["protectedResourceArns"] == ["*"]
    assert "protectedResourceConditions" not in selection.inputs
    assert selection.inputs["restoreMetadataOverrides"] == {"dbSubnetGroupName": "data"}
    assert refs(graph, selection, "iamRoleArn")[0] == "backups-restore-role"


def test_a_restore_test_is_replaced_where_aws_or_the_provider_would_not_change_it() -> None:
    tests = {"tests": {"orders": {"resource_type": "RDS", "resource_arns": [f"arn:aws:rds:eu-west-1:{ACCOUNT}:db:orders"]}}}
    options = make(restore_tests=tests).named("backups-restore-tests-orders").options
    assert (options["deleteBeforeReplace"], options["replaceOnChanges"]) == (True, ["protectedResourceArns"])


# Alarms.


def test_failed_jobs_of_this_vault_are_reported() -> None:
    graph = make(alarm_topic_arns=[TOPIC], restore_tests={"tests": {"volumes": {"resource_type": "EBS"}}}, **FRANKFURT)
    vault, role = graph.named("backups-vault").outputs["arn"], graph.named("backups-restore-role").outputs["arn"]
    assert events(graph, "backups-backup-failed") == {
        "source": ["aws.backup"],
        "detail-type": ["Backup Job State Change"],
        "detail": {"state": ["FAILED", "ABORTED", "EXPIRED", "PARTIAL"], "backupVaultArn": [vault]},
    }
    assert events(graph, "backups-copy-failed")["detail"] == {"state": ["FAILED", "PARTIAL"], "sourceBackupVaultArn": [vault]}
    # Restore jobs have a status instead of a state.
    assert events(graph, "backups-restore-failed")["detail"] == {"status": ["FAILED", "ABORTED"], "iamRoleArn": [role]}
    assert "backups-no-backup" not in {one.name for one in graph.resources}


def test_silence_is_an_alarm() -> None:
    found = named(make(alarm_topic_arns=[TOPIC], alarm_hours_without_backup=36), "backups-no-backup")
    assert (found["metricName"], found["comparisonOperator"], found["threshold"]) == ("NumberOfBackupJobsCompleted", "LessThanThreshold", 1)
    assert (found["period"], found["evaluationPeriods"], found["treatMissingData"]) == (3600, 36, "breaching")


def test_how_far_schedules_are_apart_is_not_judged() -> None:
    rules = {"office": {"schedule": "cron(30 22 ? * MON-FRI *)", "retention_days": 7}, "daily": DAILY}
    assert named(make(rules=rules, alarm_topic_arns=[TOPIC], alarm_hours_without_backup=12), "backups-no-backup")["evaluationPeriods"] == 12


def test_without_topics_nothing_is_reported() -> None:
    assert make().of_type("aws:cloudwatch/eventRule:EventRule", "aws:cloudwatch/metricAlarm:MetricAlarm") == []


def test_objects_that_fail_are_reported_by_the_vault() -> None:
    found = named(make(notification_topic_arn=TOPIC), "backups-objects")
    assert (found["snsTopicArn"], found["backupVaultEvents"]) == (TOPIC, ["S3_BACKUP_OBJECT_FAILED", "S3_RESTORE_OBJECT_FAILED"])


# Data Lifecycle Manager.


def test_disks_alone_have_a_policy_of_data_lifecycle_manager_instead() -> None:
    graph = make(DISKS, alarm_topic_arns=[TOPIC])
    policy = graph.one("aws:dlm/lifecyclePolicy:LifecyclePolicy")
    assert policy.inputs["policyDetails"] == {
        "policyType": "EBS_SNAPSHOT_MANAGEMENT",
        "resourceTypes": ["VOLUME"],
        "targetTags": {"Snapshot": "daily"},
        "schedules": [
            {
                "name": "nightly",
                "createRule": {"cronExpression": "cron(0 3 * * ? *)"},
                "retainRule": {"count": 14},
                "copyTags": True,
            }
        ],
    }
    assert re.fullmatch("[0-9A-Za-z _-]+", policy.inputs["description"])
    assert [one for one in graph.resources if ":backup/" in one.type] == []
    pattern = events(graph, "backups-disks-failed")
    assert (pattern["resources"], pattern["detail"]) == ([policy.outputs["arn"]], {"state": ["ERROR"]})
    [attachment] = graph.of_type("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
    assert attachment.inputs["policyArn"] == "arn:aws:iam::aws:policy/service-role/AWSDataLifecycleManagerServiceRole"


@pytest.mark.parametrize(("reboot", "expected"), [(False, True), (True, False)])
def test_images_are_taken_without_a_reboot_unless_asked(reboot: bool, expected: bool) -> None:
    schedules = {"weekly": {"schedule": "cron(0 3 ? * SUN *)", "retention_days": 30}}
    disks = {"resource_type": "INSTANCE", "tags": {"Image": "weekly"}, "schedules": schedules, "reboot": reboot}
    details = make({"disks": disks}).one("aws:dlm/lifecyclePolicy:LifecyclePolicy").inputs["policyDetails"]
    assert (details["policyType"], details["parameters"]) == ("IMAGE_MANAGEMENT", {"noReboot": expected})
    assert details["schedules"][0]["retainRule"] == {"interval": 30, "intervalUnit": "DAYS"}


# What is refused.


@pytest.mark.parametrize(
    ("more", "path", "reason"),
    [
        (
            {"rules": {"daily": {**DAILY, "continuous": True, "retention_days": 36}}},
            "rules.daily.retention_days",
            "is 36; continuous backups are kept for 35 days at most. Lower it, and add another rule for longer retention.",
        ),
        (
            {"rules": {"daily": {**DAILY, "continuous": True, "cold_storage_after_days": 1}}},
            "rules.daily.continuous",
            "excludes cold_storage_after_days: continuous backups never go to cold storage; both are given. Remove one of them.",
        ),
        (
            {"rules": {"monthly": {"frequency": "monthly", "retention_days": 119, "cold_storage_after_days": 30}}},
            "rules.monthly.cold_storage_after_days",
            "is 30, and the retention 119 days; a backup stays in cold storage for 90 days at least. Keep it for 120 days or more, or "
            "leave it warm.",
        ),
        (
            {"rules": {"daily": {"retention_days": 7}}},
            "rules.daily.frequency",
            "exactly one of frequency and schedule is needed; none is given. Give one.",
        ),
        (
            {"rules": {"daily": {"schedule": "rate(1 day)", "retention_days": 7}}},
            "rules.daily.schedule",
            "is 'rate(1 day)'; must be cron with six fields and a fixed minute, such as cron(0 3 * * ? *) (3:00 every day)",
        ),
        (
            {"rules": {"daily": {"schedule": "cron(0 3 * * * *)", "retention_days": 7}}},
            "rules.daily.schedule",
            "is 'cron(0 3 * * * *)'; exactly one of day of month (third) and day of week (fifth) is ?. Write cron(0 3 ? * SUN *).",
        ),
        (
            {"rules": {"daily": {**DAILY, "time_zone": "Berlin"}}},
            "rules.daily.time_zone",
            "is 'Berlin'; a name of the IANA database is needed, such as Europe/Berlin.",
        ),
        (
            {"rules": {"daily": {**DAILY, "completion_window_minutes": 539}}},
            "rules.daily.completion_window_minutes",
            "is 539; must be at least 60 above the start window of 480 minutes: 540 or more.",
        ),
        (
            {"rules": {"daily": {**DAILY, "retention_days": 400, "cold_storage_after_days": 30, "archive_volumes": True}}},
            "rules.daily.archive_volumes",
            "is for rules that run monthly or less often; frequency is 'daily'. Remove it.",
        ),
        (
            {"selections": {"tagged": {"resource_types": ["EBS"]}}},
            "selections.tagged.tags",
            "exactly one of tags and resource_arns is needed; none is given. Give one.",
        ),
        (
            {"copies": {"frankfurt": {"region": "eu-central-1", "rules": ["yearly"]}}},
            "copies.frankfurt.rules.0",
            "is 'yearly', which is not a rule; known are daily.",
        ),
        (
            {"copies": {"frankfurt": {"region": "eu-central-1", "cold_storage_after_days": 30}}},
            "copies.frankfurt.cold_storage_after_days",
            "is 30, and the retention 35 days; a backup stays in cold storage for 90 days at least. Keep it for 120 days or more, or "
            "leave it warm.",
        ),
        (
            {"lock": {"mode": "COMPLIANCE", "changeable_for_days": 3}},
            "lock.min_retention_days",
            "is missing; a compliance lock needs it: its limits can never be changed, so they cannot follow a rule whose retention is. "
            "Give the shortest retention that you will ever need, 35 or less.",
        ),
        (
            {"alarm_hours_without_backup": 24, "alarm_topic_arns": [TOPIC]},
            "alarm_hours_without_backup",
            "is 24; the rule that runs most often is daily: the alarm would be raised between its backups. Give 25 or more.",
        ),
        (
            {"rules": {"weekly": {**DAILY, "frequency": "weekly"}}, "alarm_hours_without_backup": 168, "alarm_topic_arns": [TOPIC]},
            "alarm_hours_without_backup",
            "is 168; the rule that runs most often is weekly: the alarm would be raised between its backups. Remove it.",
        ),
        (
            {"lock": {"mode": "COMPLIANCE", "min_retention_days": 7}},
            "lock.changeable_for_days",
            "is missing; a compliance lock needs it: the days, 3 or more, in which it can still be removed. After that nobody can delete "
            "it. Give it, or choose the mode GOVERNANCE.",
        ),
        (
            {"lock": {"mode": "GOVERNANCE", "changeable_for_days": 3}},
            "lock.changeable_for_days",
            "is for the mode COMPLIANCE only: it would make the lock one. Remove it.",
        ),
        (
            {"lock": {"mode": "GOVERNANCE", "min_retention_days": 36}},
            "rules.daily.retention_days",
            "is 35, below lock.min_retention_days, 36: AWS would fail each job. Raise it, or lower the lock's.",
        ),
        (
            {"lock": {"mode": "GOVERNANCE", "max_retention_days": 34}},
            "rules.daily.retention_days",
            "is 35, above lock.max_retention_days, 34: AWS would fail each job. Lower it, or raise the lock's.",
        ),
        (
            {"lock": {"mode": "GOVERNANCE", "min_retention_days": 9, "max_retention_days": 8}},
            "lock.min_retention_days",
            "is 9, above max_retention_days, 8: no backup could be kept. Lower it.",
        ),
        (
            {"alarm_hours_without_backup": 36},
            "alarm_topic_arns",
            "is missing; alarm_hours_without_backup needs it. Give it, or remove alarm_hours_without_backup.",
        ),
        (
            {"existing_vault_arn": VAULT, "lock": {"mode": "GOVERNANCE"}},
            "existing_vault_arn",
            "excludes lock: an existing vault is not changed; both are given. Remove one of them.",
        ),
        ({"disks": DISKS["disks"]}, "rules", "exactly one of rules with selections and disks is needed; both are given. Remove one."),
    ],
)
def test_what_aws_would_refuse_or_fail_job_by_job_is_refused(more: dict[str, Any], path: str, reason: str) -> None:
    assert problems(**more) == [(path, reason)]


@pytest.mark.parametrize(
    ("more", "path", "reason"),
    [
        (
            {"lock": {"mode": "GOVERNANCE"}},
            "disks",
            "excludes lock: Data Lifecycle Manager has no vault; both are given. Remove one of them.",
        ),
        (
            {"disks": {**DISKS["disks"], "reboot": True}},
            "disks.reboot",
            "is for the resource_type INSTANCE only. Remove it.",
        ),
        (
            {"disks": {**DISKS["disks"], "schedules": {"nightly": {"schedule": "cron(0 3 * * ? *)"}}}},
            "disks.schedules.nightly.retention_count",
            "exactly one of retention_count and retention_days is needed; none is given. Give one.",
        ),
    ],
)
def test_what_disks_cannot_have_is_refused(more: dict[str, Any], path: str, reason: str) -> None:
    assert problems(DISKS, **more) == [(path, reason)]


def test_the_lock_limits_copies_in_new_vaults_too() -> None:
    lock, copy = {"mode": "GOVERNANCE", "min_retention_days": 10}, {"region": "eu-central-1", "retention_days": 9}
    [(path, _)] = problems(lock=lock, copies={"frankfurt": copy})
    assert path == "copies.frankfurt.retention_days"
    make(lock=lock, copies={"central": {"vault_arn": CENTRAL, "retention_days": 9}})


def test_backups_are_taken_by_a_role_that_is_there() -> None:
    role = "arn:aws:iam::123456789012:role/backup"
    graph = make(existing_role_arn=role)
    assert {one.inputs["iamRoleArn"] for one in graph.of_type("aws:backup/selection:Selection")} == {role}
    assert [one.name for one in graph.of_type("aws:iam/role:Role")] == ["backups-restore-role"]


def test_a_name_is_no_arn_of_what_is_backed_up() -> None:
    reason = "is 'shop'; must be an ARN, not a name or id, such as arn:aws:rds:eu-west-1:123456789012:db:shop"
    assert problems(selections={"data": {"resource_arns": ["shop"]}}) == [("selections.data.resource_arns.0", reason)]
