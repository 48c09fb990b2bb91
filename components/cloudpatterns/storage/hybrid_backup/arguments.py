"""Arguments of ``HybridBackup``, and the rules over them."""

from collections.abc import Iterator, Sequence
from typing import Annotated, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.core import Matches, Problem, excludes, is_given, one_of
from cloudpatterns.core.vocabulary import AlarmTopicArns, KmsKeyArn, ShortNames, Tags
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


class ExistingBackupBucket(TypedDict):
    """A bucket that somebody else deploys, and which is not changed."""

    arn: pulumi.Input[str]
    """ARN of the bucket."""
    kms_key_arn: KmsKeyArn
    """The customer managed key that encrypts its objects."""


class HybridBackupOptions(TypedDict):
    """What a user tunes of a ``HybridBackup``."""

    servers: Annotated[dict[str, BackupServer], ShortNames, Field(min_length=1)]
    """Servers outside AWS, by a short name."""
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
    """Certificates of your certificate authority, in PEM. No keys. Exactly one of ``certificate_bundle``, ``private_ca_arn`` and
    ``existing_trust_anchor_arn``."""
    private_ca_arn: NotRequired[pulumi.Input[str]]
    """ARN of a certificate authority in AWS Private CA. Exactly one of ``certificate_bundle``, ``private_ca_arn`` and
    ``existing_trust_anchor_arn``."""
    existing_trust_anchor_arn: NotRequired[pulumi.Input[str]]
    """ARN of a trust anchor that is there. Exactly one of ``certificate_bundle``, ``private_ca_arn`` and
    ``existing_trust_anchor_arn``."""
    existing_bucket: NotRequired[ExistingBackupBucket]
    """A bucket that is there. Default: a new one."""
    log_bucket_name: NotRequired[pulumi.Input[str]]
    """Bucket for the server access logs of the new bucket. Default: a new one."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of the new bucket. Default: a new key."""
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
    limits = {"server-role": 64}
    if checked.get("existing_bucket") is None:
        replication = checked.get("replication")
        own_logs = (replication or checked).get("log_bucket_name") is None
        limits[f"backups-{'replica-' if replication else ''}{'logs-' if own_logs else ''}bucket"] = 63
    return limits


def problems(checked: HybridBackupArgs) -> Iterator[Problem]:
    """What is wrong with the arguments together."""
    yield from one_of(checked, "certificate_bundle", "private_ca_arn", "existing_trust_anchor_arn")
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
