"""Arguments of ``LegacyBackup``, and the rules over them."""

import re
from collections.abc import Iterator
from typing import Annotated, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.blocks.security_group import group_name_problems
from cloudpatterns.core import Choice, Keys, Matches, Problem, WorkloadStatementArgs, one_of, statement_problems
from cloudpatterns.core.vocabulary import (
    AlarmTopicArns,
    Cidr,
    DeletionProtection,
    KmsKeyArn,
    LogRetentionDays,
    Port,
    RecurringExpression,
    ShortNames,
    SubnetIdsByZone,
    SubnetIdsByZones,
    Tags,
)
from cloudpatterns.database import RelationalDatabaseOptions
from cloudpatterns.storage import ObjectLock, Transition
from cloudpatterns.storage.durable_bucket.lifecycle import early_end_problems

SOURCES = ("api", "read_node", "custom")
DATABASE = "legacy"
HOT_DAYS = 30
_SET = {"BACKUP", "METRIC_NAMESPACE", "PROGRESS_TABLE", "DUMP_BUCKET", "PAGE_ROWS", "MOST_LOST_PERCENT", "FULL_AFTER_DAYS"}
_SET |= {f"DATABASE_{what}" for what in ("HOST", "PORT", "NAME", "SECRET_ARN")}
"""Environment variables of the puller."""
_COLD: list[Transition] = [{"storage_class": "GLACIER", "days": 30}, {"storage_class": "DEEP_ARCHIVE", "days": 120}]

_SecretArn = Annotated[
    pulumi.Input[str],
    Matches(
        r"arn:[^:]+:secretsmanager:[^:]+:\d{12}:secret:.+",
        "the ARN of a secret such as arn:aws:secretsmanager:eu-west-1:123456789012:secret:legacy-a1b2c3",
    ),
]
_Identifier = r"[A-Za-z_][A-Za-z0-9_]{0,62}"
_Column = Annotated[str, Matches(_Identifier, "a name of a column such as changed_at")]


class LegacyBackupCollection(TypedDict):
    """A collection of the API."""

    key: NotRequired[Annotated[str, Field(default="id", min_length=1)]]
    """The field of a record that identifies it, a text or a whole number."""
    key_type: NotRequired[Annotated[str, Choice("text", "bigint", "integer", "uuid", "numeric"), Field(default="text")]]
    """Type of the key in the copy."""


class LegacyBackupApi(TypedDict):
    """A legacy system with an API over HTTPS, as the page `docs/runtime/backup.md` describes it."""

    url: Annotated[str, Matches(r"https://[^\s?#]+", "an https URL without a query such as https://legacy.example.com/export")]
    """What stands before the names of the collections."""
    collections: Annotated[
        dict[str, LegacyBackupCollection],
        Keys(_Identifier, "letters, digits and underscores, no digit first, as that of a table has"),
        Field(min_length=1),
    ]
    """The collections by name. Each is a table of the copy with the columns ``key`` and ``record`` (JSON)."""
    secret_arn: NotRequired[_SecretArn]
    """Secret of the API, in Secrets Manager: the token, or JSON with ``token``. Default: requests have none."""
    secret_kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of the secret. Default: it has AWS's own."""


class LegacyBackupTable(TypedDict):
    """A table on the read node."""

    changed_column: NotRequired[_Column]
    """A column that grows with each write: a time, or a number of versions; best with an index. Default: none, and every pull is full."""
    overlap: NotRequired[Annotated[str, Field(min_length=1, max_length=40)]]
    """How far back changes are read again, because transactions end in another order than they begin: ``10 minutes`` for a time, ``1000``
    for a number. Default: ten minutes; nothing for a number."""


class LegacyBackupReadNode(TypedDict):
    """A PostgreSQL, read at a replica by a user who may only read."""

    host: Annotated[
        str, Matches(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,253}[A-Za-z0-9])?", "the name of a host such as replica.legacy.example.com")
    ]
    """Name of the read node, as its certificate has it."""
    port: NotRequired[Annotated[Port, Field(default=5432)]]
    """Port of the read node."""
    cidr_blocks: Annotated[list[Cidr], Field(min_length=1, max_length=10)]
    """Networks in which the read node is, for the puller's egress."""
    database_name: Annotated[str, Field(min_length=1, max_length=63)]
    """The database."""
    secret_arn: _SecretArn
    """Secret of the user, in Secrets Manager: JSON with ``username`` and ``password``."""
    secret_kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of the secret. Default: it has AWS's own."""
    certificate_authority_pem: NotRequired[str]
    """Certificates by which the server is verified, as PEM. Default: those of RDS in the Region, and of public authorities."""
    tables: Annotated[
        dict[str, LegacyBackupTable],
        Keys(rf"({_Identifier}\.)?{_Identifier}", "the form of a table, with its schema where that is not public, such as sales.orders"),
        Field(min_length=1),
    ]
    """The tables by name; in the copy they are without schema."""


class LegacyBackupCustom(TypedDict):
    """Another legacy system: a class with the methods of ``cloudpatterns_runtime.backup.Source``."""

    code: pulumi.Archive
    """A folder or archive with ``legacy_source.py``, in which ``create_source()`` returns the source."""
    environment: NotRequired[Annotated[dict[str, pulumi.Input[str]], Field(default={})]]
    """Environment variables of the function. No secrets: pass a secret's ARN instead."""
    statements: NotRequired[Annotated[list[WorkloadStatementArgs], Field(default=[])]]
    """What the code may do in AWS, such as reading its secret."""


class LegacyBackupOptions(TypedDict):
    """What a user tunes of a ``LegacyBackup``."""

    api: NotRequired[LegacyBackupApi]
    """The legacy system's API. Exactly one of ``api``, ``read_node`` and ``custom``."""
    read_node: NotRequired[LegacyBackupReadNode]
    """The legacy system's PostgreSQL. Exactly one of ``api``, ``read_node`` and ``custom``."""
    custom: NotRequired[LegacyBackupCustom]
    """Another legacy system. Exactly one of ``api``, ``read_node`` and ``custom``."""
    driver_layer_arn: Annotated[
        pulumi.Input[str],
        Matches(r"arn:[^:]+:lambda:[^:]+:\d{12}:layer:[\w-]+:\d+", "a version of a layer such as arn:aws:lambda:...:layer:pg8000:1"),
    ]
    """Layer with the driver ``pg8000`` 1.31 or later: ``pip install --target python pg8000``, and zip the folder ``python``."""
    database: RelationalDatabaseOptions
    """The hot copy, see ``RelationalDatabase``: with ``postgres``, and ``backup_retention_days`` of 30 or more. Default of
    ``database_name``: ``legacy``."""
    incremental_schedule: NotRequired[Annotated[RecurringExpression, Field(default="cron(0 2 * * ? *)")]]
    """When changes are pulled, in ``time_zone``."""
    full_schedule: NotRequired[Annotated[RecurringExpression, Field(default="cron(0 4 ? * SUN *)")]]
    """When everything is pulled, and the copy dumped, in ``time_zone``."""
    export_schedule: NotRequired[Annotated[RecurringExpression, Field(default="cron(0 12 1 * ? *)")]]
    """When a snapshot of the hot copy is exported, in ``time_zone``."""
    time_zone: NotRequired[Annotated[str, Field(default="Etc/UTC")]]
    """A name of the IANA database; summer time is followed."""
    schedules_enabled: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether the schedules start anything: False while the copy has the place of the legacy system."""
    full_after_days: NotRequired[Annotated[int, Field(default=8, ge=1, le=400)]]
    """Days after the last full pull or dump from which an incremental run does it as well, in case ``full_schedule`` was missed."""
    silence_hours: NotRequired[Annotated[int, Field(default=26, ge=2, le=168)]]
    """Hours without a verified run after which an alarm is raised, at least one more than between two runs. It is raised from the creation
    to the first run as well."""
    page_rows: NotRequired[Annotated[int, Field(default=1000, ge=1, le=10_000)]]
    """Rows that are pulled at once."""
    most_lost_percent: NotRequired[Annotated[int, Field(default=20, ge=0, le=100)]]
    """Share of a table's rows above which a pull may not delete them: the source may have lost its data. A run that is started with
    ``{"kind": "full", "accept_loss": true}`` may."""
    run_timeout_hours: NotRequired[Annotated[int, Field(default=24, ge=1, le=720)]]
    """Hours after which a run is ended; the next one goes on where it was."""
    memory_mib: NotRequired[Annotated[int, Field(default=1024, ge=256, le=10_240)]]
    """Memory of the puller."""
    ephemeral_storage_mib: NotRequired[Annotated[int, Field(default=4096, ge=512, le=10_240)]]
    """Disk of the puller, on which the compressed dump of the largest table must fit."""
    retention_days: NotRequired[Annotated[int, Field(default=400, ge=365)]]
    """Days that dumps and exports are kept."""
    transitions: NotRequired[Annotated[list[Transition], Field(default=_COLD)]]
    """Moves of dumps and exports to colder storage classes."""
    object_lock: NotRequired[ObjectLock]
    """Write once, read many, for the dumps; exports, which RDS rewrites while it works, have none. Default: no lock."""
    noncurrent_retention_days: NotRequired[Annotated[int, Field(default=30, ge=1)]]
    """Days that overwritten or deleted dumps and exports are kept."""
    log_retention_days: NotRequired[LogRetentionDays]
    """Days that the logs are kept; those of the hot copy have their own."""
    deletion_protection: NotRequired[DeletionProtection]
    """Whether AWS refuses to delete the table of the progress; the hot copy has its own."""


class LegacyBackupArgs(LegacyBackupOptions):
    """Arguments of ``LegacyBackup``."""

    vpc_id: pulumi.Input[str]
    """The VPC."""
    private_subnet_ids_by_zone: SubnetIdsByZone
    """Subnets of the puller by zone, with a path to the legacy system and to AWS: a NAT, a VPN, or VPC endpoints."""
    data_subnet_ids_by_zone: SubnetIdsByZones
    """Subnets of the hot copy by zone."""
    reader_security_group_ids: NotRequired[Annotated[dict[str, pulumi.Input[str]], ShortNames, Field(default={}, max_length=20)]]
    """Security groups of systems that read the hot copy when the legacy system is out, by a short name; their own egress to it is yours."""
    puller_security_group_ids: NotRequired[Annotated[list[pulumi.Input[str]], Field(default=[], max_length=4)]]
    """More security groups of the puller, for egress that ``custom`` needs beside HTTPS."""
    log_bucket_name: NotRequired[pulumi.Input[str]]
    """Bucket for the access logs of the dumps and exports. Default: a new one."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify of missed and failed runs, of data that differs, of failed exports, and of what the composed components
    report."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some."""


def problems(name: str, checked: LegacyBackupArgs) -> Iterator[Problem]:
    """What is wrong with the arguments together."""
    yield from group_name_problems(name)
    yield from one_of(checked, *SOURCES)
    if (custom := checked.get("custom")) is not None:
        yield from statement_problems(custom["statements"], "custom.statements")
        for variable in sorted(_SET.intersection(custom["environment"])):
            yield f"custom.environment.{variable}", "is set by the system. Choose another name."
    if (api := checked.get("api")) is not None and "@" in api["url"].split("/")[2]:
        yield "api.url", "has a user or a password, which the state would show. Remove it, and give a token in secret_arn."
    if (node := checked.get("read_node")) is not None:
        yield from _table_problems(node)
    database = checked["database"]
    if database["engine"] != "postgres":
        yield "database.engine", f"is {database['engine']!r}; the copy and its snapshots are those of RDS for PostgreSQL. Give postgres."
    if (days := database["backup_retention_days"]) < HOT_DAYS:
        yield "database.backup_retention_days", f"is {days}; the hot copy is kept for {HOT_DAYS} days. Give {HOT_DAYS} to 35."
    yield from early_end_problems(checked["transitions"], checked["retention_days"], "retention_days")


def _table_problems(node: LegacyBackupReadNode) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for table, options in node["tables"].items():
        path, bare = f"read_node.tables.{table}", table.rpartition(".")[2]
        if bare in seen:
            yield path, f"has the name of {seen[bare]} in the copy, which has no schemas. Leave one out, or give it another LegacyBackup."
        seen[bare] = table
        if options.get("overlap") is not None and options.get("changed_column") is None:
            yield f"{path}.overlap", "needs changed_column. Add it, or remove overlap."
        elif (overlap := options.get("overlap")) and not re.fullmatch(r"\d+(\.\d+)?( (second|minute|hour|day|week)s?)?", overlap):
            yield f"{path}.overlap", f"is {overlap!r}; a time such as 10 minutes, or a number such as 1000 is allowed."
