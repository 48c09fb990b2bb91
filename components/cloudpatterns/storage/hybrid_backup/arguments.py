"""Arguments of ``HybridBackup``, and the rules over them."""

from collections.abc import Iterator, Sequence
from typing import Annotated, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.core import HIDDEN, Choice, Matches, Problem, excludes, is_given, needs, one_of
from cloudpatterns.core.vocabulary import AlarmTopicArns, BucketArn, Ipv4Cidr, KmsKeyArn, LogRetentionDays, ShortNames, Tags
from cloudpatterns.storage.durable_bucket.arguments import ObjectLock, Replication, Transition
from cloudpatterns.storage.durable_bucket.lifecycle import BILLED_DAYS, early_end_problems

_COLD_AFTER_DAYS = 30
_OF_NEW_BUCKETS = ("transitions", "retention_days", "noncurrent_retention_days", "object_lock", "replication", "log_bucket_name")

_CommonName = Annotated[
    str, Matches(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", "letters, digits, dots, hyphens and underscores such as db1.example.com")
]
_Folder = Annotated[str, Matches(r"(/[A-Za-z0-9._-]+)+", "an absolute path of letters, digits and ._- such as /var/backups")]


class BackupServer(TypedDict):
    """A server outside AWS, which proves by a certificate who it is."""

    common_name: _CommonName
    """Common name (CN) of the certificate's subject. The server writes under this name in the bucket, and nowhere else."""
    folders: Annotated[list[_Folder], Field(min_length=1)]
    """Folders whose files are backed up."""
    schedule: NotRequired[
        Annotated[
            str,
            Field(default="*-*-* 02:30:00"),
            Matches(r"[A-Za-z0-9*,.:/~ -]{1,80}", "a calendar event of systemd such as Mon..Fri,02:30"),
        ]
    ]
    """When the backup runs, as systemd's ``OnCalendar`` has it, in the server's time zone."""
    alarm_hours: NotRequired[Annotated[int, Field(default=26, ge=1, le=168)]]
    """Hours without a complete backup after which an alarm is raised. A new server is in that state until its first one."""


class SmbAccess(TypedDict):
    """A user of a Windows file server."""

    user: Annotated[str, Field(min_length=1, max_length=104)]
    """Who may mount the share and read all of it."""
    password: Annotated[pulumi.Input[str], HIDDEN]
    """The user's password, best from ``config.require_secret``. It is encrypted in Pulumi's state, and is not read back from AWS."""
    domain: NotRequired[Annotated[str, Field(max_length=253)]]
    """The user's Windows domain. Default: none."""


class DataSync(TypedDict):
    """Copies of a file server by AWS DataSync, whose agent runs beside it."""

    activation_key: NotRequired[Annotated[pulumi.Input[str], HIDDEN]]
    """The key that a new agent shows, for its one activation. Exactly one of ``activation_key`` and ``existing_agent_arn``."""
    existing_agent_arn: NotRequired[pulumi.Input[str]]
    """ARN of an agent that is active. Exactly one of ``activation_key`` and ``existing_agent_arn``."""
    server_hostname: Annotated[str, Matches(r"[A-Za-z0-9.:-]{1,255}", "a name or address such as nas.example.com")]
    """The file server, as the agent reaches it."""
    path: Annotated[str, Matches(r"/[^\x00-\x1f]{0,4095}", "an absolute path such as /export/files")]
    """The folder that the server exports."""
    smb: NotRequired[SmbAccess]
    """Who mounts a share of a Windows file server. Default: the server speaks NFS."""
    prefix: NotRequired[Annotated[str, Matches(r"([A-Za-z0-9._-]+/)+", "a prefix such as nas/"), Field(default="nas/")]]
    """Where the files are in the bucket."""
    schedule: NotRequired[
        Annotated[str, Matches(r"(cron|rate)\(.+\)", "a schedule such as cron(30 2 * * ? *)"), Field(default="cron(30 2 * * ? *)")]
    ]
    """When the task runs, in UTC; at most once an hour."""
    task_mode: NotRequired[Annotated[str, Choice("BASIC", "ENHANCED"), Field(default="BASIC")]]
    """``BASIC`` (any agent) or ``ENHANCED`` (agents of that mode; without a limit of files). A change replaces the task."""
    excluded_patterns: NotRequired[Annotated[list[Annotated[str, Matches(r"[^|]+", "a pattern such as *.tmp")]], Field(default=[])]]
    """Patterns of files that are left out."""
    bandwidth_mib: NotRequired[Annotated[int, Field(ge=1)]]
    """Most MiB a second, in the mode ``BASIC``. Default: no limit."""


class FileGateway(TypedDict):
    """An S3 File Gateway that runs beside the servers, with an NFS share."""

    activation_key: Annotated[pulumi.Input[str], HIDDEN]
    """The key that a new gateway shows, for its one activation."""
    client_cidrs: Annotated[list[Ipv4Cidr], Field(min_length=1, max_length=100)]
    """Networks whose clients may mount the share."""
    cache_disk_id: NotRequired[pulumi.Input[str]]
    """The disk of the gateway's cache, which ``aws storagegateway list-local-disks`` shows after the activation. A cache cannot be removed.
    Default: neither cache nor share; give it after the first deployment."""
    prefix: NotRequired[Annotated[str, Matches(r"([A-Za-z0-9._-]+/)+", "a prefix such as gateway/"), Field(default="gateway/")]]
    """Where the share's files are in the bucket."""
    time_zone: NotRequired[Annotated[str, Matches(r"GMT([+-]\d{1,2}:\d{2})?", "a time zone such as GMT+1:00"), Field(default="GMT")]]
    """Time zone of the gateway's maintenance."""


class ExistingBackupBucket(TypedDict):
    """A bucket that somebody else deploys, and which is not changed."""

    arn: BucketArn
    """ARN of the bucket."""
    kms_key_arn: KmsKeyArn
    """The customer managed key that encrypts its objects. With ``data_sync``, its policy must admit CloudWatch Logs."""


class HybridBackupOptions(TypedDict):
    """What a user tunes of a ``HybridBackup``."""

    servers: NotRequired[Annotated[dict[str, BackupServer], ShortNames, Field(default={})]]
    """Servers outside AWS that back themselves up, by a short name."""
    data_sync: NotRequired[DataSync]
    """Copies of a file server by AWS DataSync. Default: none."""
    file_gateway: NotRequired[FileGateway]
    """An NFS share whose files are in the bucket. Default: none."""
    log_retention_days: NotRequired[LogRetentionDays]
    """Days that the log of ``data_sync`` is kept."""
    organizational_unit: NotRequired[Annotated[str, Matches(r"[\w .-]{1,64}", "the OU of a certificate's subject such as backup")]]
    """Organizational unit (OU) that the certificates' subjects must have as well. Default: any."""
    session_seconds: NotRequired[Annotated[int, Field(default=3600, ge=900, le=43_200)]]
    """How long credentials are valid. A longer backup gets new ones meanwhile."""
    transitions: NotRequired[list[Transition]]
    """Moves to cheaper storage classes, from warm to cold. Default: to ``GLACIER_IR`` after 30 days, where objects are kept for 120 or
    more: it is read at once."""
    retention_days: NotRequired[Annotated[int, Field(ge=1)]]
    """Days after which a file is deleted, though it may still be on the server. Default: never."""
    noncurrent_retention_days: NotRequired[Annotated[int, Field(default=90, ge=1)]]
    """Days that the version before a change is kept."""
    object_lock: NotRequired[ObjectLock]
    """Write once, read many: until the retention ends, no version can be deleted. A lock cannot be removed later. Default: no lock."""
    replication: NotRequired[Replication]
    """A copy in another Region. Default: no copy."""


class HybridBackupArgs(HybridBackupOptions):
    """Arguments of ``HybridBackup``."""

    certificate_bundle: NotRequired[pulumi.Input[str]]
    """Certificates of your certificate authority, in PEM. No keys. With ``servers``, exactly one of ``certificate_bundle``,
    ``private_ca_arn`` and ``existing_trust_anchor_arn``. Default: none, without servers."""
    private_ca_arn: NotRequired[pulumi.Input[str]]
    """ARN of a certificate authority in AWS Private CA, instead of ``certificate_bundle``. Default: none."""
    existing_trust_anchor_arn: NotRequired[pulumi.Input[str]]
    """ARN of a trust anchor that is there, instead of ``certificate_bundle``. Default: a new one, with servers."""
    existing_bucket: NotRequired[ExistingBackupBucket]
    """A bucket that is there. Default: a new one."""
    log_bucket_name: NotRequired[pulumi.Input[str]]
    """Bucket for the server access logs of the new bucket. Default: a new one."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of the new bucket. With ``data_sync``, its policy must admit CloudWatch Logs. Default: a new key."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify of backups that are missing, and of certificates that expire. EventBridge must be allowed to publish."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some."""


def transitions(checked: HybridBackupArgs) -> Sequence[Transition]:
    """The moves of a new bucket's objects."""
    given, kept = checked.get("transitions"), checked.get("retention_days")
    if given is not None:
        return given
    kept_long_enough = kept is None or kept >= _COLD_AFTER_DAYS + BILLED_DAYS["GLACIER_IR"]
    return [{"storage_class": "GLACIER_IR", "days": _COLD_AFTER_DAYS}] if kept_long_enough else []


def child_names(checked: HybridBackupArgs) -> dict[str, int]:
    """Children whose names AWS limits."""
    limits = {"server-role": 64} if checked["servers"] else {}
    parts = {"data-sync": checked.get("data_sync"), "gateway": checked.get("file_gateway")}
    limits |= {f"{part}-bucket-role": 64 for part, settings in parts.items() if settings is not None}
    if checked.get("existing_bucket") is None:
        replication = checked.get("replication")
        own_logs = (replication or checked).get("log_bucket_name") is None
        limits[f"backups-{'replica-' if replication else ''}{'logs-' if own_logs else ''}bucket"] = 63
    return limits


def problems(checked: HybridBackupArgs) -> Iterator[Problem]:
    """What is wrong with the arguments together."""
    authorities = ("certificate_bundle", "private_ca_arn", "existing_trust_anchor_arn")
    if checked["servers"]:
        yield from one_of(checked, *authorities)
    else:
        for authority in authorities:
            yield from needs(checked, authority, "servers")
        if checked.get("data_sync") is None and checked.get("file_gateway") is None:
            yield "servers", "is empty, and nothing else is backed up. Give one of servers, data_sync and file_gateway."
    yield from _transfer_problems(checked)
    bundle = checked.get("certificate_bundle")
    if isinstance(bundle, str) and ("PRIVATE KEY" in bundle or "BEGIN CERTIFICATE" not in bundle):
        yield "certificate_bundle", "is not certificates in PEM alone. Give those of the authority; a private key stays where it is."
    yield from excludes(checked, "existing_bucket", *_OF_NEW_BUCKETS, "kms_key_arn", why="the bucket is there already")
    names: dict[str, str] = {}
    for key, server in checked["servers"].items():
        if (other := names.setdefault(server["common_name"], key)) != key:
            reason = f"is {server['common_name']!r}, as that of {other}: each would overwrite the other's files. Give each a certificate."
            yield f"servers.{key}.common_name", reason
    retention_days = checked.get("retention_days")
    if not is_given(checked, "existing_bucket") and retention_days is not None:
        yield from early_end_problems(transitions(checked), retention_days, "retention_days")


def _transfer_problems(checked: HybridBackupArgs) -> Iterator[Problem]:
    if (transfer := checked.get("data_sync")) is not None:
        yield from one_of(transfer, "activation_key", "existing_agent_arn", path="data_sync.")
        if transfer["task_mode"] == "ENHANCED" and transfer.get("bandwidth_mib") is not None:
            yield "data_sync.bandwidth_mib", "is for the task_mode BASIC; DataSync does not limit ENHANCED tasks. Remove it, or use BASIC."
    gateway = checked.get("file_gateway")
    if gateway is None:
        return
    for index, cidr in enumerate(gateway["client_cidrs"]):
        if cidr.endswith("/0"):
            yield f"file_gateway.client_cidrs.{index}", f"is {cidr!r}, everybody. Name the networks of the clients."
    for index, move in enumerate(transitions(checked)):
        if move["storage_class"] in ("GLACIER", "DEEP_ARCHIVE"):
            reason = f"is {move['storage_class']}, from which a file gateway cannot read. Use GLACIER_IR, or remove file_gateway."
            yield f"transitions.{index}.storage_class", reason
