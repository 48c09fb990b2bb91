"""The bucket that uploads arrive in: scanned, and read by nobody before its objects are clean."""

from collections.abc import Iterator, Sequence
from typing import Annotated, NamedTuple, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
from pydantic import Field

from cloudpatterns.blocks.malware_scan import (
    ScannedBucket,
    clean_only_statements,
    object_key_statement,
    report_scans,
    scan_plan,
    scanner_role,
)
from cloudpatterns.core import Component, Matches, Problem, Statement, WorkloadStatementArgs, as_arguments, document, is_given, pick
from cloudpatterns.core.vocabulary import AlarmTopicArns, BucketArn, KmsKeyArn, Tags
from cloudpatterns.storage import BucketStatement, DurableBucket, DurableBucketArgs

Prefix = Annotated[str, Matches(r"([A-Za-z0-9][A-Za-z0-9_-]*/)+", "a prefix that ends in a slash such as images/")]
"""A folder of a bucket. Neither spaces nor dots: forms, policies and event patterns name it."""


class UploadBucketOptions(TypedDict):
    """What a user tunes of the bucket that uploads arrive in."""

    retention_days: NotRequired[Annotated[int, Field(ge=1)]]
    """Days after which uploads in the new bucket are deleted, those that were refused among them. Default: they are kept for ever."""
    noncurrent_retention_days: NotRequired[Annotated[int, Field(default=90, ge=1)]]
    """Days that an overwritten or deleted upload in the new bucket can be recovered."""
    force_destroy: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether destroying the stack deletes the uploads in the new bucket; otherwise a bucket with objects cannot be destroyed. GuardDuty
    puts an object of its own into it, to check its rights, so it is never empty."""


class ExistingUploadBucket(TypedDict):
    """A bucket that is there, with its own policy, CORS rules and notifications, and which is not changed.

    Its policy needs the statements of the output ``bucket_policy``, and its notifications EventBridge. For a ``WriteProxy`` it keeps
    versions, or no file is released. A bucket has one scan of GuardDuty: it is not that of another component.
    """

    arn: BucketArn
    """ARN of the bucket."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """The key that encrypts its objects. Default: S3 encrypts them by itself."""


class UploadBucketArgs(UploadBucketOptions):
    """Where uploads arrive, and who is notified: arguments of what composes it."""

    existing_bucket: NotRequired[ExistingUploadBucket]
    """A bucket that is there. Default: a new one."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of the new bucket, and of the queues, logs and environments of functions of yours; its policy must let
    CloudWatch Logs and EventBridge use it. Default: a new key, where one is needed."""
    bucket_statements: NotRequired[Annotated[list[BucketStatement], Field(default=[])]]
    """Statements of the new bucket's policy beside those of this component, such as ``bucket_statements()`` of what serves clean objects.
    Whatever they allow, nobody reads an object that is not clean."""
    log_bucket_name: NotRequired[pulumi.Input[str]]
    """Bucket for the server access logs of the new bucket. Default: a new one."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify of refused uploads, of a scan that does not work and of failing functions."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some."""


class UploadBucket(NamedTuple):
    """The bucket, available after what keeps unscanned objects from readers; and the statements that its policy has, or needs."""

    bucket: ScannedBucket
    policy: pulumi.Output[str]
    log_bucket_name: pulumi.Output[str]
    regional_domain_name: pulumi.Output[str]
    """Where CloudFront reads the new bucket, known before its policy is; empty for an existing one."""


def upload_bucket(
    component: Component,
    checked: UploadBucketArgs,
    prefixes: Sequence[str],
    *,
    kms_key_arn: pulumi.Input[str] | None,
    cors_origins: Sequence[str] = (),
) -> UploadBucket:
    """The new bucket under the key, or the existing one, with its scan of the prefixes, whose failures go to ``alarm_topic_arns``."""
    name, tags, existing = component.pulumi_resource_name, checked["tags"], checked.get("existing_bucket")
    role = scanner_role(component, f"{name}-scanner", tags)
    events: list[pulumi.Resource] = []
    logs = domain = pulumi.Output.from_input("")
    if existing is None:
        files = _new(component, checked, role, kms_key_arn)
        bucket = ScannedBucket(files.bucket_name, files.bucket_arn, files.kms_key_arn)
        logs, domain, events = files.log_bucket_name, files.bucket_regional_domain_name, _served(component, bucket, cors_origins)
    else:
        arn = pulumi.Output.from_input(existing["arn"])
        bucket = ScannedBucket(arn.apply(lambda text: text.split(":")[-1]), arn, existing.get("kms_key_arn"))
    scan_plan(component, f"{name}-scan", role, bucket, prefixes=prefixes, depends_on=events, tags=tags)
    if topics := checked["alarm_topic_arns"]:
        report_scans(component, f"{name}-scan", bucket, prefixes, topics, tags)
    paths = [pulumi.Output.concat(bucket.arn, "/", prefix, "*") for prefix in prefixes]
    return UploadBucket(bucket, document(*clean_only_statements(role.arn, paths)), logs, domain)


def _new(
    component: Component,
    checked: UploadBucketArgs,
    role: aws.iam.Role,
    kms_key_arn: pulumi.Input[str] | None,
) -> DurableBucket:
    name = component.pulumi_resource_name
    key: DurableBucketArgs = {"kind": "data"} if kms_key_arn is None else {"kind": "data", "kms_key_arn": kms_key_arn}
    return DurableBucket(
        f"{name}-files",
        {
            **key,
            # All objects: below no other prefix is anything scanned, so nothing there is read.
            "statements": [*(_bucket_statement(one) for one in clean_only_statements(role.arn, [])), *checked["bucket_statements"]],
            "tags": checked["tags"],
            **pick(checked, "force_destroy", "log_bucket_name", "noncurrent_retention_days", "retention_days"),
        },
        component.child(),
    )


def _served(component: Component, bucket: ScannedBucket, cors_origins: Sequence[str]) -> list[pulumi.Resource]:
    """Lets browsers send forms from the origins; the notification of the bucket, which the scan waits for."""
    name = component.pulumi_resource_name
    if cors_origins:
        aws.s3.BucketCorsConfiguration(
            f"{name}-cors",
            bucket=bucket.name,
            # A form needs no other method. Browsers read the answer, and with it the key, on these origins alone.
            cors_rules=[
                {
                    "allowed_methods": ["POST"],
                    "allowed_origins": [*cors_origins],
                    "allowed_headers": ["content-type"],
                    "expose_headers": ["ETag", "Location"],
                    "max_age_seconds": 3600,
                }
            ],
            opts=component.child(),
        )
    # A bucket has one notification resource. With EventBridge alone, others get its events by rules.
    return [aws.s3.BucketNotification(f"{name}-events", bucket=bucket.name, eventbridge=True, opts=component.child())]


def _bucket_statement(statement: Statement) -> BucketStatement:
    return {
        "sid": statement.sid or "",
        "effect": statement.effect,
        "actions": [*statement.actions],
        "principals": {"AWS": ["*"]},
        "paths": ["*"],
        "conditions": {operator: {**keys} for operator, keys in statement.conditions.items()},
    }


def read_statements(bucket: ScannedBucket, prefixes: Sequence[str]) -> list[WorkloadStatementArgs]:
    """What a role needs to read clean uploads."""
    objects = [pulumi.Output.concat(bucket.arn, "/", prefix, "*") for prefix in prefixes]
    key = [] if bucket.kms_key_arn is None else [object_key_statement(bucket.kms_key_arn, "kms:Decrypt")]
    return as_arguments(
        [Statement(sid="ReadUploads", actions=["s3:GetObject", "s3:GetObjectTagging", "s3:GetObjectVersion"], resources=objects), *key]
    )


def bucket_problems(checked: UploadBucketArgs, *others: str) -> Iterator[Problem]:
    """What does not go with a bucket that is there."""
    if not is_given(checked, "existing_bucket"):
        return
    for name in ("bucket_statements", "log_bucket_name", "retention_days", "noncurrent_retention_days", "force_destroy", *others):
        if is_given(checked, name):
            yield name, "is for a new bucket; existing_bucket is given, and is not changed. Remove one of them."
