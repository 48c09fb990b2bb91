"""A legacy system as a hot copy in PostgreSQL, and as cold copies in S3.

Source: "I want to automatically back up my legacy system data" (design 3 of AWS system patterns).
"""

import functools
import itertools
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pulumi

from cloudpatterns.blocks import Metric, alarm, create_key, item_statements, pattern_options, service_role, table
from cloudpatterns.blocks.security_group import (
    GROUP_DELETION,
    INTERNET,
    cidr_peer,
    egress_rule,
    ingress_rule,
    security_group,
)
from cloudpatterns.core import Component, Problem, Statement, WorkloadStatementArgs, account_of, as_arguments, part_problems, pick
from cloudpatterns.database import RelationalDatabase, rds_certificate_files
from cloudpatterns.messaging import ScheduledTask, Workflow
from cloudpatterns.storage import DurableBucket
from cloudpatterns.systems.legacy_backup.arguments import DATABASE, SOURCES, LegacyBackupArgs, problems
from cloudpatterns.systems.legacy_backup.export import bucket_statements, export_statements, export_steps

_CODE = Path(__file__).parent / "on_aws"
_NAMESPACE = "CloudPatterns/LegacyBackup"
_PORT, _HTTPS = 5432, 443
_FUNCTION_SECONDS, _HOUR_SECONDS = 900, 3600
_PULLER = "puller"
_SCHEDULES = ("incremental", "full", "export")
_ANY_KEY_ARN = "arn:aws:kms:eu-west-1:000000000000:key/0"
# An invocation that failed is followed by another one, which goes on where it was.
_RETRY = {"attempts": 8, "base_seconds": 30, "cap_seconds": 600, "errors": ["States.ALL"]}


class LegacyBackup(Component):
    """The data of a legacy system, copied, compared and kept: 30 days hot, a year or more cold (AWS system patterns, design 3).

    A state machine pulls an API or a PostgreSQL read node by pages into a database of RDS: everything at ``full_schedule``, what has
    changed at ``incremental_schedule``. A table of the hot copy changes in one transaction, and only to what the source counts and sums.
    The database's backups lead back to any second of 30 days. After each full pull the copy is dumped as SQL to S3, with a manifest of rows
    and checksums; at ``export_schedule`` RDS exports a snapshot as Parquet, for analysis. Both move to Glacier, and are kept for
    ``retention_days``. `docs/operations.md` has the restore of either; that of a dump is tried by the tests.

    **Use when**: a system that you cannot change, often on-premises, has to be kept elsewhere, and its copy may have to take its place.

    **Not when**: the source is in AWS (``Snapshot``), or can replicate (AWS DMS, a replica): no code is needed then.

    **Cost drivers**: the database by the hour, twice with ``multi_az``, and its backups; the NAT; exports by the GB of the snapshot; four
    customer managed keys; storage in Glacier, where each object is paid for 90 or 180 days at least.

    **Trade-offs**: a copy is as old as the last run. A table is compared and dumped within 15 minutes, which bounds it to some ten million
    rows. An export is not restorable as a database: that is what dumps are for. Objects in Glacier are readable hours after they are asked
    for.

    **Proven by**: controls ``rds-backups``, ``rds-private``, ``s3-versioning``, ``step-failure-paths``, ``schedule-dead-letters``;
    ``test_legacy_backup.py``, ``test_legacy_backup_on_aws.py``, which restores dumps into real PostgreSQL, and ``test_backup.py``, which
    kills a pull at each of its writes.
    """

    database_address: pulumi.Output[str]
    """Host name of the hot copy."""
    database_name: pulumi.Output[str]
    """Name of its database."""
    database_instance_id: pulumi.Output[str]
    """Identifier of its instance, for a restore to a point in time."""
    database_secret_arn: pulumi.Output[str]
    """Secret with user name and password of its master user."""
    dump_bucket_name: pulumi.Output[str]
    """Bucket of the dumps, below ``dumps/``."""
    export_bucket_name: pulumi.Output[str]
    """Bucket of the exports, below ``exports/``."""
    pull_state_machine_arn: pulumi.Output[str]
    """State machine of the runs; its input is ``{"kind": "full"}`` or ``{"kind": "incremental"}``."""
    export_state_machine_arn: pulumi.Output[str]
    """State machine of the exports."""
    progress_table_name: pulumi.Output[str]
    """Table with the progress of the run."""
    puller_security_group_id: pulumi.Output[str]
    """Security group of the puller, for the legacy system to admit."""
    kms_key_arn: pulumi.Output[str]
    """Key of dumps, exports, progress and schedules."""

    def __init__(self, name: str, args: LegacyBackupArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        # The longest of all children's names.
        names = {"incremental-schedule-schedule": 64}
        self._checked = checked = self.begin(name, args, opts, problems=functools.partial(_problems, name), names=names)
        self._around: Any = pick(checked, "alarm_topic_arns", "tags")
        tags, lock = checked["tags"], checked.get("object_lock")
        # Dumps that nobody can delete stay when the component goes, and so does their key.
        kept = True if lock is not None and lock["mode"] == "COMPLIANCE" else None
        words = f"Dumps, exports, progress and schedules of {name}"
        self.kms_key_arn = create_key(self, f"{name}-key", words, tags=tags, retain_on_delete=kept)
        self._puller_group, store_group = self._groups(name)
        self._database = database = RelationalDatabase(f"{name}-copy", _database_args(checked, store_group), self.child())
        self._dumps, self._exports = self._buckets(name)
        protected = checked["deletion_protection"]
        self._progress = table(
            self, f"{name}-progress", hash_key="id", kms_key_arn=self.kms_key_arn, deletion_protection=protected, tags=tags
        )
        self._pull = pull = Workflow(f"{name}-pull", self._pull_args(name), self.child())
        export = Workflow(f"{name}-export", self._export_args(name), self.child())
        for kind in ("incremental", "full"):
            self._schedule(name, kind, pull, {"kind": kind})
        self._schedule(name, "export", export, {})
        self._alarms(name)
        self.database_address, self.database_name = database.address, pulumi.Output.from_input(_database_name(checked))
        self.database_instance_id, self.database_secret_arn = database.instance_id, database.secret_arn
        self.dump_bucket_name, self.export_bucket_name = self._dumps.bucket_name, self._exports.bucket_name
        self.pull_state_machine_arn, self.export_state_machine_arn = pull.state_machine_arn, export.state_machine_arn
        self.progress_table_name, self.puller_security_group_id = self._progress.name, self._puller_group
        self.register()

    def run_statements(self) -> list[WorkloadStatementArgs]:
        """What the role of an operator needs to start runs."""
        return self._pull.start_statements()

    def restore_statements(self) -> list[WorkloadStatementArgs]:
        """What the role of an operator needs to thaw and fetch dumps."""
        bucket = self._dumps.bucket_arn
        return as_arguments(
            [
                Statement(sid="FindDumps", actions=["s3:ListBucket"], resources=[bucket]),
                Statement(
                    sid="ReadDumps", actions=["s3:GetObject", "s3:RestoreObject"], resources=[pulumi.Output.concat(bucket, "/dumps/*")]
                ),
                Statement(sid="DumpKey", actions=["kms:Decrypt"], resources=[self.kms_key_arn]),
            ]
        )

    def _groups(self, name: str) -> tuple[pulumi.Output[str], pulumi.Output[str]]:
        """The groups of the puller and of the hot copy."""
        checked, tags = self._checked, self._checked["tags"]
        # Lambda gives its network interfaces back late.
        puller = security_group(self, f"{name}-puller", checked["vpc_id"], "Pulls the legacy system", tags, custom_timeouts=GROUP_DELETION)
        store = security_group(self, f"{name}-store", checked["vpc_id"], "Hot copy of the legacy system", tags)
        ours = {"referenced_security_group_id": puller.id}
        ingress_rule(self, f"{name}-store-from-puller", store.id, _PORT, ours, "The puller", tags)
        theirs = {"referenced_security_group_id": store.id}
        egress_rule(self, f"{name}-puller-to-store", puller.id, _PORT, theirs, "The hot copy", tags)
        egress_rule(self, f"{name}-puller-to-https", puller.id, _HTTPS, INTERNET["ipv4"], "AWS, and an API by HTTPS", tags)
        if (node := checked.get("read_node")) is not None:
            for cidr in node["cidr_blocks"]:
                child = f"{name}-puller-to-node-{cidr}"
                egress_rule(self, child, puller.id, node["port"], cidr_peer(cidr), "The read node", tags)
        for reader, group_id in checked["reader_security_group_ids"].items():
            peer = {"referenced_security_group_id": group_id}
            ingress_rule(self, f"{name}-store-from-{reader}", store.id, _PORT, peer, "Reads the hot copy", tags)
        return puller.id, store.id

    def _buckets(self, name: str) -> tuple[DurableBucket, DurableBucket]:
        """Those of the dumps and of the exports, with one bucket for their access logs."""
        checked = self._checked
        both = _bucket_args(checked, self.kms_key_arn)
        dumps = DurableBucket(f"{name}-dumps", {**both, **pick(checked, "object_lock", "log_bucket_name")}, self.child())
        exports = DurableBucket(f"{name}-exports", {**both, "log_bucket_name": dumps.log_bucket_name}, self.child())
        return dumps, exports

    def _pull_args(self, name: str) -> Any:
        checked = self._checked
        state = "$states.input.steps.Pull.state"
        rules = {"more": "Pull", "busy": "Skipped", "failed": "Differs"}
        return {
            "functions": {_PULLER: self._puller(name)},
            "steps": [
                {
                    "name": "Pull",
                    "function": {"name": _PULLER},
                    "input": {
                        "run": "{% $states.context.Execution.Name %}",
                        "kind": "{% $states.input.input.kind = 'full' ? 'full' : 'incremental' %}",
                        "accept_loss": "{% $states.input.input.accept_loss = true %}",
                    },
                    "timeout_seconds": _FUNCTION_SECONDS + 5,
                    "retry": _RETRY,
                },
                {
                    "name": "Look",
                    "choice": {
                        "rules": [{"condition": f"{{% {state} = '{value}' %}}", "next": step} for value, step in rules.items()],
                        "default": {"next": "Verified"},
                    },
                },
                {
                    "name": "Differs",
                    "fail": {"error": "VerifyFailed", "cause": "The source counts or sums otherwise; the copy is as before."},
                },
                {"name": "Skipped", "succeed": True},
                {"name": "Verified", "succeed": True},
            ],
            "timeout_seconds": checked["run_timeout_hours"] * _HOUR_SECONDS,
            "log_retention_days": checked["log_retention_days"],
            **self._around,
        }

    def _puller(self, name: str) -> Any:
        """The function that pulls and dumps."""
        checked, database = self._checked, self._database
        kind = next(kind for kind in SOURCES if checked.get(kind) is not None)
        source: Any = checked.get(kind)
        options: Any = pattern_options(_CODE, checked["log_retention_days"], timeout_seconds=_FUNCTION_SECONDS)
        secret = source.get("secret_arn")
        environment = {
            "BACKUP": name,
            "METRIC_NAMESPACE": _NAMESPACE,
            "PROGRESS_TABLE": self._progress.name,
            "DUMP_BUCKET": self._dumps.bucket_name,
            "DATABASE_HOST": database.address,
            "DATABASE_PORT": str(_PORT),
            "DATABASE_NAME": _database_name(checked),
            "DATABASE_SECRET_ARN": database.secret_arn,
            "PAGE_ROWS": str(checked["page_rows"]),
            "MOST_LOST_PERCENT": str(checked["most_lost_percent"]),
            "FULL_AFTER_DAYS": str(checked["full_after_days"]),
            **({} if secret is None else {"SOURCE_SECRET_ARN": secret}),
            **(source["environment"] if kind == "custom" else {}),
        }
        return {
            **options,
            "code": pulumi.AssetArchive(_files(kind, source)),
            "layers": [checked["driver_layer_arn"]],
            "environment": environment,
            "statements": [*as_arguments(self._puller_statements(source)), *(source["statements"] if kind == "custom" else [])],
            "subnet_ids_by_zone": checked["private_subnet_ids_by_zone"],
            "security_group_ids": [self._puller_group, *checked["puller_security_group_ids"]],
            **pick(checked, "memory_mib", "ephemeral_storage_mib"),
        }

    def _puller_statements(self, source: Any) -> list[Statement]:
        database, secret = self._database, source.get("secret_arn")
        secrets = [database.secret_arn, *([] if secret is None else [secret])]
        keys = [database.kms_key_arn, *([] if source.get("secret_kms_key_arn") is None else [source["secret_kms_key_arn"]])]
        via = {"StringLike": {"kms:ViaService": ["secretsmanager.*.amazonaws.com"]}}
        return [
            *item_statements(self._progress.arn, None, sid="Progress"),
            Statement(
                sid="Dump",
                actions=["s3:AbortMultipartUpload", "s3:PutObject"],
                resources=[pulumi.Output.concat(self._dumps.bucket_arn, "/dumps/*")],
            ),
            # An upload in parts reads what it has written.
            Statement(sid="DataKey", actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[self.kms_key_arn]),
            Statement(sid="Secrets", actions=["secretsmanager:GetSecretValue"], resources=secrets),
            Statement(sid="SecretKeys", actions=["kms:Decrypt"], resources=keys, conditions=via),
        ]

    def _export_args(self, name: str) -> Any:
        checked, database = self._checked, self._database
        role = service_role(
            self,
            f"{name}-exporter-role",
            "export.rds.amazonaws.com",
            f"Exports snapshots of {name}",
            statements={f"{name}-exporter-policy": bucket_statements(self._exports.bucket_arn, self.kms_key_arn)},
            conditions={"StringEquals": {"aws:SourceAccount": account_of(self.kms_key_arn)}},
            tags=checked["tags"],
        )
        return {
            "steps": export_steps(name, database.instance_id, self._exports.bucket_name, role.arn, self.kms_key_arn),
            "statements": export_statements(name, database.instance_arn, role.arn, [self.kms_key_arn, database.kms_key_arn]),
            "timeout_seconds": 48 * _HOUR_SECONDS,
            "log_retention_days": checked["log_retention_days"],
            **self._around,
        }

    def _schedule(self, name: str, kind: str, workflow: Workflow, run: dict[str, str]) -> None:
        ScheduledTask(
            f"{name}-{kind}-schedule",
            {
                **_schedule_args(self._checked, kind),
                "state_machine_arn": workflow.state_machine_arn,
                "state_machine_kms_key_arn": workflow.kms_key_arn,
                "input_json": json.dumps(run),
                "kms_key_arn": self.kms_key_arn,
            },
            self.child(),
        )

    def _alarms(self, name: str) -> None:
        checked, dimensions = self._checked, {"Backup": name}
        if not (topics := checked["alarm_topic_arns"]):
            return
        hours = checked["silence_hours"]
        alarm(
            self,
            f"{name}-missed",
            f"No run of {name} was verified for {hours} hours: do its executions fail, or does nothing start them?",
            Metric(_NAMESPACE, "RunsVerified", dimensions, "Sum"),
            1,
            comparison="LessThanThreshold",
            period_seconds=_HOUR_SECONDS,
            periods=hours,
            missing="breaching",
            actions=topics,
            tags=checked["tags"],
        )
        alarm(
            self,
            f"{name}-differs",
            f"The copy of {name} would not be what the source counts and sums, and stays as it was; the log of the puller says which table",
            Metric(_NAMESPACE, "VerifyFailed", dimensions, "Sum"),
            0,
            period_seconds=300,
            actions=topics,
            tags=checked["tags"],
        )


def _database_name(checked: LegacyBackupArgs) -> str:
    given = checked["database"].get("database_name")
    return DATABASE if given is None else given


def _database_args(checked: LegacyBackupArgs, group_id: pulumi.Input[str]) -> Any:
    return {
        **_known(checked["database"]),
        "database_name": _database_name(checked),
        "subnet_ids_by_zone": checked["data_subnet_ids_by_zone"],
        "security_group_ids": [group_id],
        **pick(checked, "alarm_topic_arns", "tags"),
    }


def _bucket_args(checked: LegacyBackupArgs, kms_key_arn: pulumi.Input[str]) -> Any:
    """What both buckets have."""
    lifecycle = pick(checked, "retention_days", "transitions", "noncurrent_retention_days", "tags")
    return {"kind": "data", "kms_key_arn": kms_key_arn, **lifecycle}


def _schedule_args(checked: LegacyBackupArgs, kind: str) -> Any:
    given: Any = checked
    return {
        "schedule_expression": given[f"{kind}_schedule"],
        "enabled": checked["schedules_enabled"],
        **pick(checked, "time_zone", "alarm_topic_arns", "tags"),
    }


def _problems(name: str, checked: LegacyBackupArgs) -> Iterator[Problem]:
    """What is wrong with the arguments together, and what the composed components would refuse, whose ids are made up."""
    found = [*problems(name, checked)]
    yield from found
    if found:
        return
    machine = {"state_machine_arn": "arn:aws:states:eu-west-1:000000000000:stateMachine:pull"}
    around = {one: one for one in ("alarm_topic_arns", "tags")}
    subnets = {"subnet_ids_by_zone": "data_subnet_ids_by_zone"}
    bucket = {**_bucket_args(checked, _ANY_KEY_ARN), **pick(checked, "object_lock")}
    parts: list[tuple[type[Component], str, Any, Mapping[str, str]]] = [
        (RelationalDatabase, "copy", _database_args(checked, "sg-0"), {"": "database", **subnets, **around}),
        (DurableBucket, "dumps", bucket, {}),
        *(
            (ScheduledTask, f"{kind}-schedule", {**_schedule_args(checked, kind), **machine}, {"schedule_expression": f"{kind}_schedule"})
            for kind in _SCHEDULES
        ),
    ]
    refused = (part_problems(component, f"{name}-{suffix}", args, places) for component, suffix, args, places in parts)
    # The schedules have one time zone.
    yield from dict.fromkeys(itertools.chain.from_iterable(refused))


def _known(options: Any) -> Any:
    """Checked options without those that have no value, to pass them on."""
    return pick(options, *options)


def _files(kind: str, source: Any) -> dict[str, Any]:
    """The puller's code, what it has to know of the source, and the certificates by which it verifies databases."""
    given: dict[str, Any] = {}
    if kind == "api":
        given = {"url": source["url"], "collections": {name: _known(options) for name, options in source["collections"].items()}}
    elif kind == "read_node":
        given = {
            **pick(source, "host", "port", "database_name"),
            "tables": {name: _known(options) for name, options in source["tables"].items()},
        }
    pem = source.get("certificate_authority_pem")
    return {
        "index.py": pulumi.FileAsset(str(_CODE / "index.py")),
        "source.json": pulumi.StringAsset(json.dumps({kind: given}, sort_keys=True)),
        **({} if pem is None else {"source.pem": pulumi.StringAsset(pem)}),
        **({"source": source["code"]} if kind == "custom" else {}),
        "certificates": pulumi.AssetArchive(dict(rds_certificate_files())),
    }
