"""Arguments of ``WebStorageArchive``, and the rules over them."""

from collections.abc import Iterator, Sequence
from typing import Annotated, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.core import Choice, Matches, Problem, excludes
from cloudpatterns.core.vocabulary import AlarmTopicArns, BucketArn, KmsKeyArn, LogRetentionDays, ShortNames, Tags
from cloudpatterns.storage.durable_bucket.arguments import Replication, Transition
from cloudpatterns.storage.durable_bucket.lifecycle import BILLED_DAYS, early_end_problems

NONCURRENT_DAYS = 1
"""What a lifecycle deletes in a versioned bucket lives on as a noncurrent version: for this long."""
_GLACIER_AFTER_DAYS = 90
_OF_NEW_BUCKETS = ("retention_days", "lock_mode", "transitions", "small_object_transitions", "replication", "log_bucket_name")

_FilterPattern = Annotated[str, Field(default="", max_length=1024)]


class ArchivedLogGroup(TypedDict):
    """A CloudWatch log group whose events are archived. A log group takes two subscription filters at most."""

    log_group: pulumi.Input[str]
    """Name or ARN of a log group of the log class Standard, in the same account and Region."""
    filter_pattern: NotRequired[_FilterPattern]
    """Filter pattern of CloudWatch Logs. Without one all events are archived."""


class ArchivedAccount(TypedDict):
    """All log groups of the account in the Region, those to come included. An account takes one such policy for each Region."""

    excluded_log_group_names: NotRequired[Annotated[list[pulumi.Input[str]], Field(default=[])]]
    """Names of log groups that are left out. The archive's own are left out in any case: they would feed themselves."""
    filter_pattern: NotRequired[_FilterPattern]
    """Filter pattern of CloudWatch Logs. Without one all events are archived."""


class ArchivedFile(TypedDict):
    """A log file of servers, which the CloudWatch agent sends to the archive's log group."""

    path: Annotated[str, Matches(r"/[^\x00-\x1f\x7f'\"\\]+", "an absolute path, with * and ** for parts of it, such as /var/log/app/*.log")]
    """Where the file is."""
    timestamp_format: NotRequired[Annotated[str, Field(min_length=1, max_length=100)]]
    """The form of the time in each line, as the agent has it (``%Y-%m-%dT%H:%M:%S``). Default: the time at which a line is read."""
    multi_line_start_pattern: NotRequired[Annotated[str, Field(min_length=1, max_length=500)]]
    """A regular expression for the first line of an event, or ``{timestamp_format}``. Default: each line that does not begin with white
    space begins an event."""


class ExistingArchiveBucket(TypedDict):
    """A bucket that somebody else deploys, and which is not changed. Its object lock needs a default retention, and its lifecycle ends the
    archive's objects.
    """

    arn: BucketArn
    """ARN of the bucket."""
    kms_key_arn: KmsKeyArn
    """The key that encrypts its objects."""


class WebStorageArchiveOptions(TypedDict):
    """What a user tunes of a ``WebStorageArchive``."""

    retention_days: NotRequired[Annotated[int, Field(default=365, ge=1, le=36_500)]]
    """Days that logs are kept. So long are their objects locked; then they are deleted. A longer one is for new objects only: those that
    are there keep their lock, and the lifecycle deletes them later."""
    lock_mode: NotRequired[Annotated[str, Choice("COMPLIANCE", "GOVERNANCE"), Field(default="COMPLIANCE")]]
    """``COMPLIANCE`` (nobody can delete an object or shorten its lock, not the root user nor AWS: the bucket stays, and is paid for, until
    its last object has expired) or ``GOVERNANCE`` (the bucket's policy must be changed first, then principals with
    ``s3:BypassGovernanceRetention`` can). Try a new archive with ``GOVERNANCE`` and few days."""
    transitions: NotRequired[list[Transition]]
    """Moves to cheaper storage classes, from warm to cold. Default: to ``GLACIER`` after 90 days, where objects are kept for 180 or
    more."""
    small_object_transitions: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether objects below 128 KiB move as well, to the classes ``GLACIER`` and ``DEEP_ARCHIVE``. Each is stored there with 40 KB more,
    which often costs more than it saves."""
    replication: NotRequired[Replication]
    """A copy of the archive in another Region, locked as well. Default: no copy."""
    record_format: NotRequired[Annotated[str, Choice("events", "messages", "raw"), Field(default="events")]]
    """What a line of an object has: ``events`` (a JSON object with log group, log stream and up to some thousand events, as CloudWatch
    Logs sends it), ``messages`` (the text of one event alone, without its log group and time) or ``raw`` (no lines: the gzip files of
    CloudWatch Logs one behind the other, which costs no decompression)."""
    prefix: NotRequired[
        Annotated[str, Matches(r"[A-Za-z0-9][A-Za-z0-9/_-]*/", "a prefix that ends in a slash such as logs/"), Field(default="logs/")]
    ]
    """Prefix of the objects, before year, month and day."""
    buffering_mib: NotRequired[Annotated[int, Field(default=128, ge=1, le=128)]]
    """Size at which an object is written, before its compression. Small objects do not move to cheaper storage classes."""
    buffering_seconds: NotRequired[Annotated[int, Field(default=900, ge=60, le=900)]]
    """Age at which an object is written, however small."""
    files: NotRequired[Annotated[dict[str, ArchivedFile], ShortNames, Field(default={})]]
    """Log files of servers, by name: they reach a log group, which is archived, and streams ``<instance>/<name>`` in it. Each server runs
    the output ``agent_script`` at its boot, and its role has ``agent_statements()``."""
    direct_put: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether there is a second delivery stream for records that programs put themselves (``put_statements()``), such as Fluent Bit. Their
    objects are under ``direct/``."""
    alarm_silence_hours: NotRequired[Annotated[int, Field(default=24, ge=1, le=168)]]
    """Hours without any record after which an alarm is raised. A new archive is in that state until its first record."""
    log_retention_days: NotRequired[LogRetentionDays]
    """Days that CloudWatch keeps the events of ``files``, and the errors of deliveries."""


class WebStorageArchiveArgs(WebStorageArchiveOptions):
    """Arguments of ``WebStorageArchive``."""

    log_groups: NotRequired[Annotated[dict[str, ArchivedLogGroup], ShortNames, Field(default={})]]
    """Log groups that are archived, by a short name."""
    account: NotRequired[ArchivedAccount]
    """All log groups of the account and Region instead of single ones. Default: none but those named."""
    existing_bucket: NotRequired[ExistingArchiveBucket]
    """A bucket that is there. Default: a new one."""
    log_bucket_name: NotRequired[pulumi.Input[str]]
    """Bucket for the server access logs of the new bucket. Default: a new one."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of the objects, the records in transit and the logs. Its policy must admit CloudWatch Logs. Default: a new
    key."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify when deliveries are late, fail or are throttled, and when no records arrive."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some."""


def transitions(checked: WebStorageArchiveArgs) -> Sequence[Transition]:
    """The moves of a new bucket's objects."""
    given = checked.get("transitions")
    if given is not None:
        return given
    kept_long_enough = checked["retention_days"] >= _GLACIER_AFTER_DAYS + BILLED_DAYS["GLACIER"]
    return [{"storage_class": "GLACIER", "days": _GLACIER_AFTER_DAYS}] if kept_long_enough else []


def deliveries(checked: WebStorageArchiveArgs) -> list[str]:
    """The suffixes of the delivery streams."""
    from_groups = checked["log_groups"] or checked.get("account") is not None or checked["files"]
    return [*(["delivery"] if from_groups else []), *(["direct"] if checked["direct_put"] else [])]


def child_names(checked: WebStorageArchiveArgs) -> dict[str, int]:
    """Children whose names AWS limits."""
    limits = {f"{delivery}-role": 64 for delivery in deliveries(checked)}
    if "delivery" in deliveries(checked):
        limits["delivery-put-role"] = 64
    if checked.get("existing_bucket") is None:
        # DurableBucket's own, the longest of its buckets.
        replication = checked.get("replication")
        own_logs = (replication or checked).get("log_bucket_name") is None
        limits[f"archive-{'replica-' if replication else ''}{'logs-' if own_logs else ''}bucket"] = 63
    return limits


def problems(checked: WebStorageArchiveArgs) -> Iterator[Problem]:
    """What is wrong with the arguments together."""
    if not deliveries(checked):
        yield "log_groups", "is empty, and nothing else is archived. Give one of log_groups, account, files and direct_put."
    if checked.get("account") is not None and checked["log_groups"]:
        yield "account", "excludes log_groups: their events would be archived twice; both are given. Remove one of them."
    yield from excludes(checked, "existing_bucket", *_OF_NEW_BUCKETS, why="the bucket is there already")
    if checked.get("existing_bucket") is None:
        yield from early_end_problems(transitions(checked), checked["retention_days"], "retention_days")
