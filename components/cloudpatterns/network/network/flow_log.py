"""The flow log of a VPC, to a log group or a bucket."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
from pydantic import Field

from cloudpatterns.blocks.key import create_key, logs_statement
from cloudpatterns.core import Choice, Component, Statement, account_of, assume_role, document, partition_of, region_of
from cloudpatterns.storage import BucketStatement, DurableBucket

Tags = Mapping[str, pulumi.Input[str]]

CLOUDWATCH, S3 = "cloud-watch-logs", "s3"
"""Where a flow log can go."""
LONGEST_BUCKET_SUFFIX = "flow-logs-logs-bucket"
"""Suffix of the longest name of a bucket that is made here."""
_RETENTION_DAYS = 365
_DELIVERY = "delivery.logs.amazonaws.com"
# Its files are read for weeks, then for investigations only; what the lifecycle deletes must not live on.
_NONCURRENT_DAYS = 7


class NetworkFlowLogFiles(TypedDict):
    """How the files of a flow log in a bucket are written. Changing it starts the flow log anew; files that are there stay."""

    format: NotRequired[Annotated[str, Choice("plain-text", "parquet"), Field(default="plain-text")]]
    """``plain-text`` or ``parquet``, both compressed; Athena reads Parquet faster and cheaper. Default: ``plain-text``."""
    hive_partitions: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether the folders are named as Hive and Athena find partitions by themselves (``year=2026``). Default: False."""
    hourly_partitions: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether each hour has a folder, instead of each day: for large logs that are asked about single hours. Default: False."""


@dataclass(frozen=True, kw_only=True)
class FlowLogSettings:
    """What the arguments say about the flow log; None is what was left out."""

    destination: str | None
    bucket_arn: pulumi.Input[str] | None
    retention_days: int | None
    create_key: bool
    kms_key_arn: pulumi.Input[str] | None
    files: NetworkFlowLogFiles | None
    aggregation_seconds: int
    force_destroy: bool

    @property
    def to_bucket(self) -> bool:
        """Whether it goes to a bucket."""
        return self.destination == S3 or self.bucket_arn is not None

    @property
    def own_bucket(self) -> bool:
        """Whether it goes to a bucket that is made here."""
        return self.destination == S3 and self.bucket_arn is None


@dataclass(frozen=True)
class FlowLogPlace:
    """Where a flow log goes: the name of the log group or of the bucket that was made."""

    group_name: pulumi.Output[str] | None = None
    bucket_name: pulumi.Output[str] | None = None


def flow_log_problems(name: str, settings: FlowLogSettings) -> Iterator[tuple[str, str]]:
    """Which arguments about the flow log do not go together, as paths and reasons."""
    if settings.bucket_arn is not None:
        if settings.destination == CLOUDWATCH:
            yield "flow_log_destination", f"is {CLOUDWATCH}, and flow_log_bucket_arn names a bucket. Remove one."
        if settings.kms_key_arn is not None:
            yield "kms_key_arn", "encrypts what is made for the flow log, and flow_log_bucket_arn replaces that. Remove one."
        for key, given in (("flow_log_customer_key", settings.create_key), ("flow_log_retention_days", settings.retention_days)):
            if given:
                yield key, "is about what is made for the flow log, and flow_log_bucket_arn replaces that. Remove one."
    elif settings.files is not None and not settings.to_bucket:
        yield "flow_log_files", f"is about files in a bucket. Remove it, or set flow_log_destination to {S3}."
    if settings.create_key and settings.kms_key_arn is not None:
        yield "flow_log_customer_key", "makes a key, and kms_key_arn gives one. Remove one."
    if settings.force_destroy and not settings.own_bucket:
        yield "flow_log_force_destroy", f"is about the bucket that is made with flow_log_destination {S3}. Remove it."
    if settings.own_bucket and not re.fullmatch("[A-Za-z0-9][A-Za-z0-9-]*", name):
        yield "name", f"is {name!r}; names of buckets have letters, digits and dashes only. Give the component such a name."


def flow_log(component: Component, name: str, vpc: aws.ec2.Vpc, settings: FlowLogSettings, tags: Tags) -> FlowLogPlace:
    """A flow log of all traffic."""
    if settings.to_bucket:
        return _to_bucket(component, name, vpc, settings, tags)
    return _to_log_group(component, name, vpc, settings, tags)


def _make(
    component: Component,
    name: str,
    vpc: aws.ec2.Vpc,
    settings: FlowLogSettings,
    tags: Tags,
    destination: pulumi.Input[str],
    role_arn: pulumi.Output[str] | None = None,
    depends_on: Sequence[pulumi.Resource] = (),
) -> None:
    files = settings.files
    aws.ec2.FlowLog(
        f"{name}-flow-log",
        vpc_id=vpc.id,
        traffic_type="ALL",
        log_destination_type=S3 if settings.to_bucket else CLOUDWATCH,
        log_destination=destination,
        iam_role_arn=role_arn,
        max_aggregation_interval=settings.aggregation_seconds,
        destination_options=None
        if files is None
        else {
            "file_format": files["format"],
            "hive_compatible_partitions": files["hive_partitions"],
            "per_hour_partition": files["hourly_partitions"],
        },
        tags={"Name": f"{name}-flow-log", **tags},
        # Every change replaces it, and AWS refuses a second one with the same destination (FlowLogAlreadyExists).
        opts=component.child(depends_on=list(depends_on), delete_before_replace=True),
    )


def _to_log_group(component: Component, name: str, vpc: aws.ec2.Vpc, settings: FlowLogSettings, tags: Tags) -> FlowLogPlace:
    own_tags = {"Name": f"{name}-flow-log", **tags}
    partition, region, account = partition_of(vpc.arn), region_of(vpc.arn), account_of(vpc.arn)
    key_arn = settings.kms_key_arn
    if settings.create_key:
        logs = logs_statement(vpc.arn, f"{name}-flow-log-*")
        key_arn = create_key(component, f"{name}-flow-log-key", f"Flow log of {name}", [logs], tags=tags).arn
    group = aws.cloudwatch.LogGroup(
        f"{name}-flow-log",
        retention_in_days=settings.retention_days or _RETENTION_DAYS,
        kms_key_id=key_arn,
        tags=own_tags,
        opts=component.child(),
    )
    # https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html, with its conditions against the confused deputy.
    source = pulumi.Output.concat("arn:", partition, ":ec2:", region, ":", account, ":vpc-flow-log/*")
    role = aws.iam.Role(
        f"{name}-flow-log-role",
        description=f"Lets the flow log of {name} write to its log group",
        assume_role_policy=assume_role(
            "vpc-flow-logs.amazonaws.com",
            conditions={"StringEquals": {"aws:SourceAccount": account}, "ArnLike": {"aws:SourceArn": source}},
        ),
        tags=own_tags,
        opts=component.child(),
    )
    policy = aws.iam.RolePolicy(
        f"{name}-flow-log-policy",
        role=role.id,
        policy=document(
            # No CreateLogGroup: records that arrive late during a destroy would make the group again, without retention.
            Statement(
                actions=["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
                resources=[group.arn, pulumi.Output.concat(group.arn, ":*")],
            )
        ),
        opts=component.child(),
    )
    _make(component, name, vpc, settings, tags, group.arn, role.arn, [policy])
    return FlowLogPlace(group_name=group.name)


def _to_bucket(component: Component, name: str, vpc: aws.ec2.Vpc, settings: FlowLogSettings, tags: Tags) -> FlowLogPlace:
    if settings.bucket_arn is not None:
        _make(component, name, vpc, settings, tags, settings.bucket_arn)
        return FlowLogPlace()
    account = account_of(vpc.arn)
    sources = pulumi.Output.concat("arn:", partition_of(vpc.arn), ":logs:", region_of(vpc.arn), ":", account, ":*")
    key_arn = settings.kms_key_arn
    if settings.create_key:
        # https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-s3-cmk-policy.html
        delivery = Statement(
            sid="LogDelivery",
            actions=["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"],
            resources=["*"],
            principals={"Service": [_DELIVERY]},
            conditions={"StringEquals": {"aws:SourceAccount": account}, "ArnLike": {"aws:SourceArn": sources}},
        )
        key_arn = create_key(component, f"{name}-flow-log-key", f"Flow log of {name}", [delivery], tags=tags).arn
    hive = settings.files is not None and settings.files["hive_partitions"]
    folder = pulumi.Output.concat("AWSLogs/aws-account-id=" if hive else "AWSLogs/", account, "/*")
    from_account: dict[str, list[pulumi.Input[str]]] = {"aws:SourceAccount": [account]}
    from_source: dict[str, list[pulumi.Input[str]]] = {"aws:SourceArn": [sources]}
    # As AWS writes them, ids included: a policy that lacks them is added to or overwritten when the flow log is made.
    # https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-s3-permissions.html
    statements: list[BucketStatement] = [
        {
            "sid": "AWSLogDeliveryWrite",
            "actions": ["s3:PutObject"],
            "principals": {"Service": [_DELIVERY]},
            "paths": [folder],
            "conditions": {"StringEquals": {**from_account, "s3:x-amz-acl": ["bucket-owner-full-control"]}, "ArnLike": from_source},
        },
        {
            "sid": "AWSLogDeliveryAclCheck",
            "actions": ["s3:GetBucketAcl"],
            "principals": {"Service": [_DELIVERY]},
            "conditions": {"StringEquals": from_account, "ArnLike": from_source},
        },
    ]
    bucket = DurableBucket(
        f"{name}-flow-logs",
        {
            # A log target takes SSE-S3 only; other services demand that, log delivery does not.
            "kind": "log_target" if key_arn is None else "data",
            "statements": statements,
            "retention_days": settings.retention_days or _RETENTION_DAYS,
            "noncurrent_retention_days": _NONCURRENT_DAYS,
            "force_destroy": settings.force_destroy,
            "tags": dict(tags),
            **({} if key_arn is None else {"kms_key_arn": key_arn}),
        },
        component.child(),
    )
    _make(component, name, vpc, settings, tags, bucket.bucket_arn)
    return FlowLogPlace(bucket_name=bucket.bucket_name)
