"""Durable storage: an S3 bucket that keeps what is put into it (Architecting for the Cloud, "Durable Data Storage").

The kind ``data`` is versioned, encrypted under a customer key, reachable over TLS only, closed to the public and logged; its
objects can be copied to another region and locked. The kind ``log_target`` receives the logs of other services: SSE-S3, no
object lock and no logging of its own, because the services that write logs demand it. Makes the bucket, its settings, the
customer key, and where needed the log bucket, the replica and the role that replicates.
"""

import re
from collections.abc import Iterator
from typing import Annotated, NotRequired, TypedDict, cast

import pulumi
import pulumi_aws as aws
from pydantic import Field

from cloudpatterns.blocks.key import create_key
from cloudpatterns.core import ArgumentError, Choice, Component, Statement, account_of, document
from cloudpatterns.core.component import check_names
from cloudpatterns.core.vocabulary import KmsKeyArn, Tags
from cloudpatterns.storage.durable_bucket.lifecycle import Lifecycle, Transition
from cloudpatterns.storage.durable_bucket.log_writers import LogWriter, writer_problems, writer_statements
from cloudpatterns.storage.durable_bucket.replication import Replication, ReplicationSide, replicate

BUCKET_KIND_TAG = "cloudpatterns:bucket-kind"
"""The tag that tells the kind of a bucket, ``data`` or ``log-target``, to whoever reads the resource alone (policy packs)."""

_SERVER_ACCESS_PREFIX = "s3"
_LOG_RETENTION_DAYS = 365
# What a lifecycle deletes lives on as a noncurrent version; of logs, which hold addresses of people, only while a mistake may show.
_NONCURRENT_DAYS = {"data": 90, "log_target": 7}


class ObjectLock(TypedDict):
    """The default retention of new objects: until it ends, no version can be deleted or overwritten."""

    mode: Annotated[str, Choice("GOVERNANCE", "COMPLIANCE")]
    """``GOVERNANCE`` (some users may lift it) or ``COMPLIANCE`` (nobody can, the root user included)."""
    retention_days: Annotated[int, Field(ge=1, le=36500)]
    """Days that a new object stays locked."""


class BucketStatement(TypedDict):
    """A statement of the bucket policy, beside those that the component writes itself."""

    actions: Annotated[list[str], Field(min_length=1)]
    """IAM actions (``s3:GetObject``)."""
    principals: Annotated[dict[str, list[pulumi.Input[str]]], Field(min_length=1)]
    """Principals by type (``Service``, ``AWS``)."""
    sid: NotRequired[str]
    """The statement's id. Default: none."""
    effect: NotRequired[Annotated[str, Choice("Allow", "Deny"), Field(default="Allow")]]
    """``Allow`` or ``Deny``. Default: Allow."""
    paths: NotRequired[list[pulumi.Input[str]]]
    """Object keys (``images/*``) that the statement is about. Default: the bucket itself and all its objects."""
    conditions: NotRequired[dict[str, dict[str, list[pulumi.Input[str]]]]]
    """IAM conditions: operator to key to values. Default: none."""


class DurableBucketArgs(TypedDict):
    """Arguments of ``DurableBucket``."""

    kind: Annotated[str, Choice("data", "log_target")]
    """``data`` or ``log_target``."""
    existing_bucket_arn: NotRequired[pulumi.Input[str]]
    """A bucket to adopt: nothing is made or changed, and only ``kind`` and ``kms_key_arn`` can stand beside it. Default: a new bucket."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """The key that encrypts the objects of a ``data`` bucket. Default: a new customer key."""
    access_logging: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether a ``data`` bucket's requests are logged; a log target's never are. Default: True."""
    log_bucket_name: NotRequired[pulumi.Input[str]]
    """The bucket for the server access logs of a ``data`` bucket, under ``s3/``: same account and region, writable for
    logging.s3.amazonaws.com. Default: a log target of its own."""
    log_writers: NotRequired[Annotated[list[LogWriter], Field(default=[])]]
    """The services that write into a ``log_target``; needed there unless ``statements`` name them."""
    statements: NotRequired[Annotated[list[BucketStatement], Field(default=[])]]
    """More statements of the bucket policy. Default: none."""
    retention_days: NotRequired[Annotated[int, Field(ge=1)]]
    """Days after which objects are deleted. Default: 365 for a ``log_target``; ``data`` is kept for ever."""
    noncurrent_retention_days: NotRequired[Annotated[int, Field(ge=1)]]
    """Days that an overwritten or deleted version is kept. Default: 90; 7 for a ``log_target``, so that logs are gone soon after
    ``retention_days``."""
    abort_multipart_upload_days: NotRequired[Annotated[int, Field(default=7, ge=1)]]
    """Days after which an unfinished upload is thrown away. Default: 7."""
    transitions: NotRequired[Annotated[list[Transition], Field(default=[])]]
    """Moves to cheaper storage classes, from warm to cold. Default: none."""
    object_lock: NotRequired[ObjectLock]
    """Write once, read many, for a ``data`` bucket; the replica is locked too. Locking cannot be switched off later. Default: no lock."""
    replication: NotRequired[Replication]
    """A copy of a ``data`` bucket in another region. Default: none."""
    region: NotRequired[str]
    """The region of the bucket. Default: the provider's."""
    force_destroy: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether destroying the stack deletes the objects as well. Default: False: a bucket with objects cannot be destroyed."""
    tags: NotRequired[Tags]
    """Tags of the bucket and of what is made beside it. Default: none."""


class DurableBucket(Component):
    """An S3 bucket for data that must not be lost, or for the logs of other services.

    Names of buckets are auto-named. Outputs that others write through are given out only once the bucket's policy, public
    access block, encryption and versioning are in place.
    """

    bucket_name: pulumi.Output[str]
    """The bucket's name."""
    bucket_arn: pulumi.Output[str]
    """The bucket's ARN."""
    bucket_regional_domain_name: pulumi.Output[str]
    """The bucket's host name in its region, for an origin of a distribution; it waits for nothing. Empty when the bucket was adopted."""
    kms_key_arn: pulumi.Output[str]
    """The key that encrypts the objects. Empty for a log target, and for an adopted bucket without ``kms_key_arn``."""
    log_bucket_name: pulumi.Output[str]
    """The bucket with the server access logs. Empty where there is none."""
    replica_bucket_name: pulumi.Output[str]
    """The replica's name. Empty without replication."""
    replica_bucket_arn: pulumi.Output[str]
    """The replica's ARN. Empty without replication."""

    def __init__(self, name: str, args: DurableBucketArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        checked = self._arguments.check(name, args)
        _check_together(name, checked, given=[key for key, value in args.items() if value is not None])
        super().__init__("DurableBucket", name, opts)
        self._prefix = name
        self._checked = checked
        self.bucket_regional_domain_name = self.kms_key_arn = self.log_bucket_name = pulumi.Output.from_input("")
        self.replica_bucket_name = self.replica_bucket_arn = pulumi.Output.from_input("")
        if (existing := checked.get("existing_bucket_arn")) is None:
            self._make()
        else:
            self.bucket_arn = pulumi.Output.from_input(existing)
            self.bucket_name = self.bucket_arn.apply(lambda arn: arn.split(":")[-1])
            self.kms_key_arn = pulumi.Output.from_input(checked.get("kms_key_arn") or "")
        self.register()

    def _make(self) -> None:
        name, checked, region = self._prefix, self._checked, self._checked.get("region")
        # Object lock is not set here: S3 takes it on later, and here a change would replace the bucket.
        bucket = aws.s3.Bucket(
            f"{name}-bucket",
            force_destroy=checked["force_destroy"],
            region=region,
            tags={**checked["tags"], BUCKET_KIND_TAG: checked["kind"].replace("_", "-")},
            opts=self.child(),
        )
        # Set at the same moment, access block, policy and ownership refuse each other (OperationAborted): one after the other.
        block = aws.s3.BucketPublicAccessBlock(
            f"{name}-access-block",
            bucket=bucket.id,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            region=region,
            opts=self.child(),
        )
        policy = aws.s3.BucketPolicy(
            f"{name}-policy",
            bucket=bucket.id,
            policy=document(*self._statements(bucket.arn)),
            region=region,
            opts=self.child(depends_on=[block]),
        )
        ownership = aws.s3.BucketOwnershipControls(
            f"{name}-ownership",
            bucket=bucket.id,
            rule={"object_ownership": "BucketOwnerEnforced"},
            region=region,
            opts=self.child(depends_on=[policy]),
        )
        versioning = aws.s3.BucketVersioning(
            f"{name}-versioning",
            bucket=bucket.id,
            versioning_configuration={"status": "Enabled"},
            region=region,
            opts=self.child(),
        )
        settled: list[pulumi.CustomResource] = [block, policy, ownership, self._encrypt(bucket), versioning]
        aws.s3.BucketLifecycleConfiguration(
            f"{name}-lifecycle",
            bucket=bucket.id,
            rules=[_lifecycle(checked).rule()],
            region=region,
            # Rules about noncurrent versions need the versioning they speak of.
            opts=self.child(depends_on=[versioning]),
        )
        if checked["kind"] == "data" and checked["access_logging"]:
            self._log(bucket)
        replica = self._replica()
        if lock := checked.get("object_lock"):
            settled.append(
                aws.s3.BucketObjectLockConfiguration(
                    f"{name}-object-lock",
                    bucket=bucket.id,
                    rule={"default_retention": {"mode": lock["mode"], "days": lock["retention_days"]}},
                    region=region,
                    # A bucket is replicated under lock only to a bucket under lock: the replica's comes first.
                    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html#object-lock-managing-replication
                    opts=self.child(depends_on=[versioning, *([replica] if replica else [])]),
                )
            )
        in_place = [resource.id for resource in settled]
        self.bucket_name = pulumi.Output.all(bucket.bucket, *in_place).apply(lambda values: values[0])
        self.bucket_arn = pulumi.Output.all(bucket.arn, *in_place).apply(lambda values: values[0])
        self.bucket_regional_domain_name = bucket.bucket_regional_domain_name
        if replica:
            self.replica_bucket_name, self.replica_bucket_arn = replica.bucket_name, replica.bucket_arn
            side = ReplicationSide(self.bucket_arn, self.kms_key_arn, bucket.region)
            other = ReplicationSide(replica.bucket_arn, replica.kms_key_arn, checked["replication"]["region"])
            replicate(self, name, self.bucket_name, side, other, region=region, locked=lock is not None, tags=checked["tags"])

    def _statements(self, arn: pulumi.Output[str]) -> list[Statement]:
        everything = [arn, pulumi.Output.concat(arn, "/*")]
        return [
            Statement(
                sid="DenyInsecureTransport",
                effect="Deny",
                actions=["s3:*"],
                resources=everything,
                principals="*",
                conditions={"Bool": {"aws:SecureTransport": "false"}},
            ),
            *writer_statements(arn, self._checked["log_writers"]),
            *[
                Statement(
                    sid=statement.get("sid"),
                    effect="Deny" if statement["effect"] == "Deny" else "Allow",
                    actions=statement["actions"],
                    resources=[pulumi.Output.concat(arn, "/", path) for path in statement.get("paths") or []] or everything,
                    principals=statement["principals"],
                    conditions=statement.get("conditions") or {},
                )
                for statement in self._checked["statements"]
            ],
        ]

    def _encrypt(self, bucket: aws.s3.Bucket) -> pulumi.CustomResource:
        name, checked, region = self._prefix, self._checked, self._checked.get("region")
        with_key = checked["kind"] == "data"
        if with_key and (given := checked.get("kms_key_arn")):
            self.kms_key_arn = pulumi.Output.from_input(given)
        elif with_key:
            self.kms_key_arn = create_key(self, f"{name}-key", f"Objects of the bucket {name}", region=region, tags=checked["tags"]).arn
        default = aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
            sse_algorithm="aws:kms" if with_key else "AES256",
            kms_master_key_id=self.kms_key_arn if with_key else None,
        )
        return aws.s3.BucketServerSideEncryptionConfiguration(
            f"{name}-encryption",
            bucket=bucket.id,
            rules=[
                aws.s3.BucketServerSideEncryptionConfigurationRuleArgs(
                    apply_server_side_encryption_by_default=default,
                    bucket_key_enabled=with_key,
                    # The default since April 2026, said openly:
                    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/blocking-unblocking-s3-c-encryption-gpb.html
                    blocked_encryption_types=["SSE-C"],
                )
            ],
            region=region,
            opts=self.child(),
        )

    def _log(self, bucket: aws.s3.Bucket) -> None:
        given = self._checked.get("log_bucket_name")
        self.log_bucket_name = pulumi.Output.from_input(given) if given else self._own_log_target().bucket_name
        aws.s3.BucketLogging(
            f"{self._prefix}-logging",
            bucket=bucket.id,
            target_bucket=self.log_bucket_name,
            target_prefix=f"{_SERVER_ACCESS_PREFIX}/",
            # Keys name account, region and bucket, so that many buckets can share a log bucket.
            target_object_key_format={"partitioned_prefix": {"partition_date_source": "EventTime"}},
            region=self._checked.get("region"),
            opts=self.child(),
        )

    def _own_log_target(self) -> "DurableBucket":
        checked = self._checked
        writer: LogWriter = {"service": "server_access", "prefix": _SERVER_ACCESS_PREFIX}
        if not checked.get("kms_key_arn"):
            # The bucket's own key tells the account; a given key may live in another.
            writer["account_ids"] = [account_of(self.kms_key_arn)]
        args: DurableBucketArgs = {
            "kind": "log_target",
            "log_writers": [writer],
            "force_destroy": checked["force_destroy"],
            "tags": checked["tags"],
        }
        if region := checked.get("region"):
            args["region"] = region
        return DurableBucket(f"{self._prefix}-logs", args, self.child())

    def _replica(self) -> "DurableBucket | None":
        checked = self._checked
        if (replication := checked.get("replication")) is None:
            return None
        same = ("kind", "access_logging", "retention_days", "noncurrent_retention_days", "abort_multipart_upload_days")
        args = {key: checked.get(key) for key in (*same, "transitions", "object_lock", "force_destroy", "tags")}
        args |= {key: replication.get(key) for key in ("region", "kms_key_arn", "log_bucket_name")}
        return DurableBucket(f"{self._prefix}-replica", cast(DurableBucketArgs, args), self.child())


def _check_together(name: str, checked: DurableBucketArgs, given: list[str]) -> None:
    if "existing_bucket_arn" in given:
        problems = list(_adoption_problems(given))
    else:
        check_names("DurableBucket", name, {_longest_child(checked): 63})
        problems = [*_name_problems(name), *_kind_problems(checked, given), *_lifecycle(checked).problems()]
    if problems:
        raise ArgumentError("DurableBucket", name, problems)


def _longest_child(checked: DurableBucketArgs) -> str:
    logged = checked["kind"] == "data" and checked["access_logging"]
    if replication := checked.get("replication"):
        return "replica-logs-bucket" if logged and not replication.get("log_bucket_name") else "replica-bucket"
    return "logs-bucket" if logged and not checked.get("log_bucket_name") else "bucket"


def _adoption_problems(given: list[str]) -> Iterator[tuple[str, str]]:
    if others := sorted(set(given) - {"existing_bucket_arn", "kind", "kms_key_arn"}):
        yield "existing_bucket_arn", f"excludes {', '.join(others)}: an adopted bucket is not changed. Leave out one or the other."


def _lifecycle(checked: DurableBucketArgs) -> Lifecycle:
    return Lifecycle(
        retention_days=checked.get("retention_days") or (_LOG_RETENTION_DAYS if checked["kind"] == "log_target" else None),
        noncurrent_retention_days=checked.get("noncurrent_retention_days") or _NONCURRENT_DAYS[checked["kind"]],
        abort_multipart_upload_days=checked["abort_multipart_upload_days"],
        transitions=checked["transitions"],
    )


def _name_problems(name: str) -> Iterator[tuple[str, str]]:
    if not re.fullmatch("[A-Za-z0-9][A-Za-z0-9-]*", name):
        yield "name", f"is {name!r}; names of buckets have letters, digits and dashes only. Give the component such a name."


def _kind_problems(checked: DurableBucketArgs, given: list[str]) -> Iterator[tuple[str, str]]:
    if checked["kind"] == "log_target":
        for key in ("kms_key_arn", "log_bucket_name", "object_lock", "replication"):
            if key in given:
                yield (
                    key,
                    "is for the kind data only: buckets that receive logs take SSE-S3, no object lock, and are not logged. Leave it out.",
                )
        if not checked["log_writers"] and not checked["statements"]:
            yield (
                "log_writers",
                "is empty; a log_target that nobody may write to stays empty. Name a service, as in [{'service': 'server_access'}].",
            )
        yield from writer_problems(checked["log_writers"])
        return
    if checked["log_writers"]:
        yield "log_writers", "is for the kind log_target only: log services cannot write under a customer key. Make a log_target for them."
    if not checked["access_logging"]:
        replication = checked.get("replication") or {}
        for path, value in (
            ("log_bucket_name", checked.get("log_bucket_name")),
            ("replication.log_bucket_name", replication.get("log_bucket_name")),
        ):
            if value is not None:
                yield path, "excludes access_logging False: nothing would be written there. Leave out one of the two."
    if checked.get("object_lock") and checked["force_destroy"]:
        yield "force_destroy", "excludes object_lock: it would delete locked objects. Leave out one of the two."
    if (replication := checked.get("replication")) and replication["region"] == checked.get("region"):
        yield "replication.region", f"is {replication['region']!r}, the bucket's own region; name another one."
