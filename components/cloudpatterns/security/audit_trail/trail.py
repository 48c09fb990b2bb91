"""The trail: its key, its bucket under lock, its log group, and what lets CloudTrail write there."""

from typing import Any, NamedTuple

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import create_key, log_group, logs_statement, service_role
from cloudpatterns.core import Component, Statement, account_of, document, partition_of, pick, region_of
from cloudpatterns.security.audit_trail.arguments import AuditTrailArgs
from cloudpatterns.storage import DurableBucket
from cloudpatterns.storage.durable_bucket.arguments import BucketStatement, DurableBucketArgs

_SERVICE = "cloudtrail.amazonaws.com"


class Trail(NamedTuple):
    """A new trail, what it writes to, and the policy that an adopted bucket needs. Nothing is there of what was adopted."""

    trail: aws.cloudtrail.Trail
    log_group: aws.cloudwatch.LogGroup
    bucket: DurableBucket | None
    bucket_name: pulumi.Output[str]
    bucket_arn: pulumi.Output[str]
    bucket_policy: pulumi.Output[str]
    kms_key_arn: pulumi.Output[str]
    account_id: pulumi.Output[str]


def create_trail(component: Component, name: str, checked: AuditTrailArgs) -> Trail:
    """The trail of all Regions, available after the policies that it needs: CloudTrail tries them when it is created."""
    tags, given = checked["tags"], checked.get("kms_key_arn")
    key_arn = _key(component, name, checked) if given is None else pulumi.Output.from_input(given)
    # Auto-named under a prefix of its own, which the policies name: the trail's name is known only after them.
    group = log_group(component, f"{name}-log", checked["log_retention_days"], kms_key_arn=key_arn, tags=tags)
    # A key that is passed in may be another account's.
    place = key_arn if given is None else group.arn
    statements = _bucket_statements(f"{name}-trail", place, checked.get("organization_id"))
    bucket, bucket_name, bucket_arn = _bucket(component, name, checked, key_arn, statements)
    role = service_role(
        component,
        f"{name}-trail-role",
        _SERVICE,
        f"CloudTrail sends events of {name} to its log group",
        statements={f"{name}-trail-role-policy": [_events_statement(group.arn, checked.get("organization_id"))]},
        tags=tags,
    )
    trail = aws.cloudtrail.Trail(
        f"{name}-trail",
        s3_bucket_name=bucket_name,
        kms_key_id=key_arn,
        cloud_watch_logs_group_arn=pulumi.Output.concat(group.arn, ":*"),
        cloud_watch_logs_role_arn=role.arn,
        is_multi_region_trail=True,
        include_global_service_events=True,
        enable_logging=True,
        enable_log_file_validation=True,
        is_organization_trail=checked.get("organization_id") is not None,
        advanced_event_selectors=_selectors(checked, bucket_arn),
        insight_selectors=[{"insight_type": kind} for kind in ("ApiCallRateInsight", "ApiErrorRateInsight")]
        if checked["insights"]
        else None,
        tags=tags,
        opts=component.child(),
    )
    policy = document(*_policy(bucket_arn, statements)) if bucket is None else pulumi.Output.from_input("")
    return Trail(trail, group, bucket, bucket_name, bucket_arn, policy, key_arn, account_of(place))


def lasting_bucket_args(
    checked: AuditTrailArgs, kms_key_arn: pulumi.Input[str] | None, log_bucket_name: pulumi.Input[str] | None
) -> DurableBucketArgs:
    """Arguments of both buckets: how long they keep what they receive, where its storage is cheaper, and the key."""
    args: DurableBucketArgs = {"kind": "data", **pick(checked, "retention_days", "transitions", "tags")}
    if kms_key_arn is not None:
        args["kms_key_arn"] = kms_key_arn
    if log_bucket_name is not None:
        args["log_bucket_name"] = log_bucket_name
    return args


def _key(component: Component, name: str, checked: AuditTrailArgs) -> pulumi.Output[str]:
    def statements(key_arn: pulumi.Output[str]) -> list[Statement]:
        # The source is the trail, whatever account's events it delivers. Not the encryption context as well: with an S3 Bucket Key it is
        # the bucket's, and CloudTrail decrypts that key.
        # https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail.html
        use = Statement(
            sid="CloudTrail",
            actions=["kms:GenerateDataKey*", "kms:Decrypt", "kms:DescribeKey"],
            resources=["*"],
            principals={"Service": [_SERVICE]},
            conditions=_of_trail(f"{name}-trail", key_arn),
        )
        return [use, logs_statement(key_arn, f"{name}-log-*")]

    # Log files that nobody can delete stay readable.
    kept = True if checked["lock_mode"] == "COMPLIANCE" else None
    return create_key(component, f"{name}-key", f"Log files and events of {name}", statements, tags=checked["tags"], retain_on_delete=kept)


def _of_trail(trail: str, place: pulumi.Input[str]) -> dict[str, dict[str, list[pulumi.Input[str]]]]:
    arn = pulumi.Output.concat("arn:", partition_of(place), ":cloudtrail:", region_of(place), ":", account_of(place), f":trail/{trail}-*")
    return {"ArnLike": {"aws:SourceArn": [arn]}}


def _bucket_statements(trail: str, place: pulumi.Input[str], organization_id: str | None) -> list[BucketStatement]:
    """https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html."""
    source = _of_trail(trail, place)
    # CloudTrail tries the path of the management account too, although the accounts' files lie under that of the organization.
    paths = [pulumi.Output.concat("AWSLogs/", account_of(place), "/*"), *([f"AWSLogs/{organization_id}/*"] if organization_id else [])]
    return [
        {"sid": "TrailChecks", "actions": ["s3:GetBucketAcl"], "principals": {"Service": [_SERVICE]}, "conditions": source},
        {
            "sid": "TrailWrites",
            "actions": ["s3:PutObject"],
            "principals": {"Service": [_SERVICE]},
            "paths": paths,
            "conditions": {**source, "StringEquals": {"s3:x-amz-acl": ["bucket-owner-full-control"]}},
        },
    ]


def _policy(bucket_arn: pulumi.Output[str], statements: list[BucketStatement]) -> list[Statement]:
    return [
        Statement(
            sid=one.get("sid"),
            actions=one["actions"],
            resources=[pulumi.Output.concat(bucket_arn, "/", path) for path in one.get("paths", [])] or [bucket_arn],
            principals=one["principals"],
            conditions=one.get("conditions", {}),
        )
        for one in statements
    ]


def _bucket(
    component: Component, name: str, checked: AuditTrailArgs, key_arn: pulumi.Output[str], statements: list[BucketStatement]
) -> tuple[DurableBucket | None, pulumi.Output[str], pulumi.Output[str]]:
    existing = checked.get("existing_trail_bucket_arn")
    if existing is not None:
        arn = pulumi.Output.from_input(existing)
        return None, arn.apply(lambda found: found.split(":")[-1]), arn
    args = lasting_bucket_args(checked, key_arn, checked.get("log_bucket_name"))
    args["object_lock"] = {"mode": checked["lock_mode"], "retention_days": checked["retention_days"]}
    args["statements"] = statements
    bucket = DurableBucket(f"{name}-files", args, component.child())
    return bucket, bucket.bucket_name, bucket.bucket_arn


def _events_statement(group_arn: pulumi.Output[str], organization_id: str | None) -> Statement:
    """https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-required-policy-for-cloudwatch-logs.html."""
    owners: list[pulumi.Input[str]] = [account_of(group_arn), *([organization_id] if organization_id else [])]
    streams = [pulumi.Output.concat(group_arn, ":log-stream:", owner, "_*") for owner in owners]
    return Statement(actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=streams)


def _selectors(checked: AuditTrailArgs, bucket_arn: pulumi.Output[str]) -> list[aws.cloudtrail.TrailAdvancedEventSelectorArgsDict]:
    # Stated without data events too: the provider cannot take the last selector away, which CloudTrail refuses.
    management = [{"field": "eventCategory", "equals": ["Management"]}]
    selectors: list[Any] = [{"name": "Management events", "field_selectors": management}]
    for number, events in enumerate(checked["data_events"], start=1):
        kind, prefixes = events["resource_type"], events["arn_prefixes"]
        fields: list[Any] = [{"field": "eventCategory", "equals": ["Data"]}, {"field": "resources.type", "equals": [kind]}]
        if prefixes:
            fields.append({"field": "resources.ARN", "starts_withs": prefixes})
        elif kind == "AWS::S3::Object":
            # Each log file would be an event in the next one.
            fields.append({"field": "resources.ARN", "not_starts_withs": [pulumi.Output.concat(bucket_arn, "/")]})
        selectors.append({"name": f"Data events {number} of {kind}", "field_selectors": fields})
    return selectors
