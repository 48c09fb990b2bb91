"""Durable storage: an S3 bucket that keeps what is put into it.

Pattern: "Durable Data Storage" (Architecting for the Cloud).
"""

import functools
import re
from collections.abc import Iterator
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import create_key
from cloudpatterns.core import Component, Problem, Statement, account_of, after, document, excludes, is_given, origin, pick
from cloudpatterns.storage.durable_bucket.arguments import DurableBucketArgs, LogWriter
from cloudpatterns.storage.durable_bucket.lifecycle import lifecycle_problems, lifecycle_rule
from cloudpatterns.storage.durable_bucket.log_writers import writer_statements
from cloudpatterns.storage.durable_bucket.replication import ReplicationSide, replicate

BUCKET_KIND_TAG = "cloudpatterns:bucket-kind"
"""The tag that tells the kind of a bucket, ``data`` or ``log-target``, to whoever reads the resource alone (policy packs)."""

_SERVER_ACCESS_PREFIX = "s3"


class DurableBucket(Component):
    """An S3 bucket for data that must not be lost, or for the logs of other services (Architecting for the Cloud, "Durable Data Storage").

    The kind ``data`` is versioned, encrypted under a customer managed key, reachable over TLS only, closed to the public and logged; its
    objects can be copied to another Region and locked. The kind ``log_target`` has SSE-S3, no object lock and no logging of its own,
    because the services that write logs require that. Buckets are auto-named. The outputs that others write through are available after the
    bucket's policy, public access block, encryption and versioning.

    ``destroy`` stops at a bucket that has objects, and leaves their key. With an ``object_lock`` of the mode ``COMPLIANCE`` Pulumi protects
    the bucket, and once it is unprotected leaves bucket, settings and key behind.

    **Use when**: objects must survive a mistake, a lost disk or, with ``replication``, a lost Region; or a service needs a place for logs.

    **Not when**: files are shared by servers at once, or records are queried and updated one by one.

    **Cost drivers**: stored bytes with their old versions, requests, the customer managed key, access logs; with ``replication``, all of
    that twice and the transfer between Regions.

    **Trade-offs**: deleted objects are paid for until ``noncurrent_retention_days`` end; a lock cannot be removed; replication copies new
    objects only, minutes later.

    **Proven by**: controls ``s3-versioning``, ``s3-kms``, ``s3-tls-only``, ``s3-bucket-public-access-blocked``,
    ``s3-public-access-block-complete``, ``s3-access-logging``; ``test_durable_bucket.py``, ``test_log_writers.py``.
    """

    bucket_name: pulumi.Output[str]
    """The bucket's name."""
    bucket_arn: pulumi.Output[str]
    """The bucket's ARN."""
    bucket_regional_domain_name: pulumi.Output[str]
    """The bucket's host name in its Region, for an origin of a distribution; it waits for nothing. Empty when the bucket was adopted."""
    kms_key_arn: pulumi.Output[str]
    """The key that encrypts the objects. Empty for a log target, and for an adopted bucket without ``kms_key_arn``."""
    log_bucket_name: pulumi.Output[str]
    """The bucket with the server access logs. Empty where there is none."""
    replica_bucket_name: pulumi.Output[str]
    """The replica's name. Empty without replication."""
    replica_bucket_arn: pulumi.Output[str]
    """The replica's ARN. Empty without replication."""
    replica_bucket_regional_domain_name: pulumi.Output[str]
    """The replica's host name in its Region; it waits for nothing. Empty without replication."""

    def __init__(self, name: str, args: DurableBucketArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._checked = checked = self.begin(name, args, opts, problems=functools.partial(_problems, name), names=_child_names)
        self._region = checked.get("region")
        self.bucket_regional_domain_name = self.kms_key_arn = self.log_bucket_name = pulumi.Output.from_input("")
        self.replica_bucket_name = self.replica_bucket_arn = self.replica_bucket_regional_domain_name = pulumi.Output.from_input("")
        existing, key_arn = checked.get("existing_bucket_arn"), checked.get("kms_key_arn")
        if existing is None:
            self._create(name)
        else:
            self.bucket_arn = pulumi.Output.from_input(existing)
            self.bucket_name = self.bucket_arn.apply(lambda arn: arn.split(":")[-1])
            self.kms_key_arn = pulumi.Output.from_input("" if key_arn is None else key_arn)
        self.register()

    def _create(self, name: str) -> None:
        checked = self._checked
        self.kms_key_arn = self._key(name)
        # Object lock is not set here: S3 takes it on later, and here a change would replace the bucket.
        bucket = aws.s3.Bucket(
            f"{name}-bucket",
            force_destroy=checked["force_destroy"],
            region=self._region,
            tags={**checked["tags"], BUCKET_KIND_TAG: checked["kind"].replace("_", "-")},
            # Deleted before its key, whose objects nobody could read: a bucket that has objects stops that, and the key stays.
            opts=self._lasting(depends_on=[origin(self.kms_key_arn)], protect=True if self._kept else None),
        )
        access, encryption = self._access(name, bucket), self._encryption(name, bucket)
        versioning = aws.s3.BucketVersioning(
            f"{name}-versioning",
            bucket=bucket.id,
            versioning_configuration={"status": "Enabled"},
            region=self._region,
            opts=self._lasting(),
        )
        aws.s3.BucketLifecycleConfiguration(
            f"{name}-lifecycle",
            bucket=bucket.id,
            rules=[lifecycle_rule(checked)],
            # Otherwise S3's own default applies, all_storage_classes_128K.
            transition_default_minimum_object_size="varies_by_storage_class" if checked["small_object_transitions"] else None,
            region=self._region,
            # Rules about noncurrent versions need the versioning they speak of.
            opts=self._lasting(depends_on=[versioning]),
        )
        if _is_logged(checked):
            self._logging(name, bucket)
        replica = self._replica(name)
        settings = [*access, encryption, versioning]
        if lock := checked.get("object_lock"):
            locked = aws.s3.BucketObjectLockConfiguration(
                f"{name}-object-lock",
                bucket=bucket.id,
                rule={"default_retention": {"mode": lock["mode"], "days": lock["retention_days"]}},
                region=self._region,
                # A bucket is replicated under lock only to a bucket under lock: the replica's comes first.
                # https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html#object-lock-managing-replication
                opts=self._lasting(depends_on=[versioning, *([replica] if replica else [])]),
            )
            settings.append(locked)
        self.bucket_name, self.bucket_arn = after(bucket.bucket, *settings), after(bucket.arn, *settings)
        self.bucket_regional_domain_name = bucket.bucket_regional_domain_name
        if replica:
            self.replica_bucket_name, self.replica_bucket_arn = replica.bucket_name, replica.bucket_arn
            self.replica_bucket_regional_domain_name = replica.bucket_regional_domain_name
            source = ReplicationSide(self.bucket_arn, self.kms_key_arn, bucket.region)
            target = ReplicationSide(replica.bucket_arn, replica.kms_key_arn, checked["replication"]["region"])
            replicate(self, checked, self.bucket_name, source, target)

    def _access(self, name: str, bucket: aws.s3.Bucket) -> list[pulumi.Resource]:
        # Set at the same moment, access block, policy and ownership refuse each other (OperationAborted): one after the other.
        block = aws.s3.BucketPublicAccessBlock(
            f"{name}-access-block",
            bucket=bucket.id,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            region=self._region,
            opts=self._lasting(),
        )
        policy = aws.s3.BucketPolicy(
            f"{name}-policy",
            bucket=bucket.id,
            policy=document(*self._statements(bucket.arn)),
            region=self._region,
            opts=self._lasting(depends_on=[block]),
        )
        ownership = aws.s3.BucketOwnershipControls(
            f"{name}-ownership",
            bucket=bucket.id,
            rule={"object_ownership": "BucketOwnerEnforced"},
            region=self._region,
            opts=self._lasting(depends_on=[policy]),
        )
        return [block, policy, ownership]

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
                    resources=[pulumi.Output.concat(arn, "/", path) for path in statement["paths"]] or everything,
                    principals=statement["principals"],
                    conditions=statement["conditions"],
                )
                for statement in self._checked["statements"]
            ],
        ]

    def _key(self, name: str) -> pulumi.Output[str]:
        given = self._checked.get("kms_key_arn")
        if given is not None or self._checked["kind"] != "data":
            return pulumi.Output.from_input(given or "")
        description, retained = f"Objects of the bucket {name}", True if self._kept else None
        return create_key(self, f"{name}-key", description, (), self._region, self._checked["tags"], retained)

    @property
    def _kept(self) -> bool:
        """Whether nobody can delete the objects, so that the bucket is left behind."""
        lock = self._checked.get("object_lock")
        return lock is not None and lock["mode"] == "COMPLIANCE"

    def _lasting(self, **options: Any) -> pulumi.ResourceOptions:
        """Options of what stays with objects that nobody can delete: without its settings a bucket would be open, or paid for ever."""
        return self.child(retain_on_delete=True if self._kept else None, **options)

    def _encryption(self, name: str, bucket: aws.s3.Bucket) -> pulumi.Resource:
        with_key = self._checked["kind"] == "data"
        default: aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgsDict = (
            {"sse_algorithm": "aws:kms", "kms_master_key_id": self.kms_key_arn} if with_key else {"sse_algorithm": "AES256"}
        )
        return aws.s3.BucketServerSideEncryptionConfiguration(
            f"{name}-encryption",
            bucket=bucket.id,
            # SSE-C is blocked by default since April 2026, and is blocked openly here:
            # https://docs.aws.amazon.com/AmazonS3/latest/userguide/blocking-unblocking-s3-c-encryption-gpb.html
            rules=[
                {
                    "apply_server_side_encryption_by_default": default,
                    "bucket_key_enabled": with_key,
                    "blocked_encryption_types": ["SSE-C"],
                }
            ],
            region=self._region,
            opts=self._lasting(),
        )

    def _logging(self, name: str, bucket: aws.s3.Bucket) -> None:
        given = self._checked.get("log_bucket_name")
        self.log_bucket_name = self._log_target(name).bucket_name if given is None else pulumi.Output.from_input(given)
        aws.s3.BucketLogging(
            f"{name}-logging",
            bucket=bucket.id,
            target_bucket=self.log_bucket_name,
            target_prefix=f"{_SERVER_ACCESS_PREFIX}/",
            # Keys name account, Region and bucket, so that many buckets can share a log bucket.
            target_object_key_format={"partitioned_prefix": {"partition_date_source": "EventTime"}},
            region=self._region,
            opts=self.child(),
        )

    def _log_target(self, name: str) -> "DurableBucket":
        checked = self._checked
        writer: LogWriter = {"service": "server_access", "prefix": _SERVER_ACCESS_PREFIX}
        if checked.get("kms_key_arn") is None:
            # The key that is created here tells the account; a given key may belong to another.
            writer["account_ids"] = [account_of(self.kms_key_arn)]
        args: DurableBucketArgs = {"kind": "log_target", "log_writers": [writer], **pick(checked, "force_destroy", "region", "tags")}
        return DurableBucket(f"{name}-logs", args, self.child())

    def _replica(self, name: str) -> "DurableBucket | None":
        replication = self._checked.get("replication")
        if replication is None:
            return None
        # The replica's own Region, key, log bucket and statements take the place of the source's.
        args: DurableBucketArgs = {**self._checked, **replication}
        args.pop("replication")
        return DurableBucket(f"{name}-replica", args, self.child())


def _is_logged(checked: DurableBucketArgs) -> bool:
    return checked["kind"] == "data" and checked["access_logging"]


def _child_names(checked: DurableBucketArgs) -> dict[str, int]:
    if checked.get("existing_bucket_arn") is not None:
        return {}
    replication = checked.get("replication")
    bucket = "replica-bucket" if replication else "bucket"
    own_logs = _is_logged(checked) and (replication or checked).get("log_bucket_name") is None
    return {bucket.replace("bucket", "logs-bucket") if own_logs else bucket: 63}


def _problems(name: str, checked: DurableBucketArgs) -> Iterator[Problem]:
    if is_given(checked, "existing_bucket_arn"):
        others = [key for key in checked if key not in ("existing_bucket_arn", "kind", "kms_key_arn")]
        yield from excludes(checked, "existing_bucket_arn", *others, why="an adopted bucket is not changed")
        return
    if not re.fullmatch("[A-Za-z0-9][A-Za-z0-9-]*", name):
        yield "name", f"is {name!r}; names of buckets have letters, digits and dashes only. Give the component such a name."
    yield from _log_target_problems(checked) if checked["kind"] == "log_target" else _data_problems(checked)
    yield from lifecycle_problems(checked)


def _log_target_problems(checked: DurableBucketArgs) -> Iterator[Problem]:
    for key in ("kms_key_arn", "log_bucket_name", "object_lock", "replication"):
        if is_given(checked, key):
            yield key, "is for the kind data only: buckets that receive logs take SSE-S3, no object lock, and are not logged. Remove it."
    if not checked["log_writers"] and not checked["statements"]:
        reason = "is empty; a log_target that nobody may write to stays empty. Name a service, as in [{'service': 'server_access'}]."
        yield "log_writers", reason
    # The paths of the other services name the account, and AWS documents no other form than its number there.
    for index, writer in enumerate(checked["log_writers"]):
        if writer["service"] != "server_access" and not writer["account_ids"]:
            reason = f"is missing; the logs of {writer['service']} have their account in the path. Give it, as in ['123456789012']."
            yield f"log_writers.{index}.account_ids", reason


def _data_problems(checked: DurableBucketArgs) -> Iterator[Problem]:
    replication = checked.get("replication")
    if checked["log_writers"]:
        reason = "is for the kind log_target only: log services cannot write under a customer key. Create a log_target for them."
        yield "log_writers", reason
    if not checked["access_logging"]:
        reason = "excludes access_logging False: nothing would be written there. Remove one of them."
        if is_given(checked, "log_bucket_name"):
            yield "log_bucket_name", reason
        if replication and is_given(replication, "log_bucket_name"):
            yield "replication.log_bucket_name", reason
    yield from excludes(checked, "force_destroy", "object_lock", why="it would delete locked objects")
    if replication and replication["region"] == checked.get("region"):
        yield "replication.region", f"is {replication['region']!r}, the bucket's own Region. Name another one."
