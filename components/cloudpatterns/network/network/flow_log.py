"""The flow log of a VPC, to a log group or a bucket."""

from typing import NamedTuple

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import create_key, log_group, logs_statement, service_role
from cloudpatterns.core import Component, Statement, account_of, partition_of, region_of
from cloudpatterns.network.network.arguments import NetworkArgs
from cloudpatterns.storage import BucketStatement, DurableBucket

_DELIVERY = "delivery.logs.amazonaws.com"


class _Destination(NamedTuple):
    """Where the flow log goes, and the name of the log group or bucket that was created for it."""

    arn: pulumi.Input[str]
    role_arn: pulumi.Output[str] | None = None
    group_name: pulumi.Output[str] | None = None
    bucket_name: pulumi.Output[str] | None = None


def goes_to_bucket(checked: NetworkArgs) -> bool:
    """Whether the flow log goes to a bucket, a new or an existing one."""
    return checked.get("flow_log_destination") == "s3" or checked.get("flow_log_bucket_arn") is not None


def flow_log(component: Component, checked: NetworkArgs, vpc: aws.ec2.Vpc) -> tuple[pulumi.Output[str] | None, pulumi.Output[str] | None]:
    """A flow log of all traffic; gives the names of the log group and of the bucket, where one was created for it."""
    name, bucket_arn, files = component.pulumi_resource_name, checked.get("flow_log_bucket_arn"), checked.get("flow_log_files")
    if bucket_arn is not None:
        destination = _Destination(bucket_arn)
    else:
        destination = (_bucket if goes_to_bucket(checked) else _log_group)(component, checked, vpc)
    aws.ec2.FlowLog(
        f"{name}-flow-log",
        vpc_id=vpc.id,
        traffic_type="ALL",
        log_destination_type="s3" if goes_to_bucket(checked) else "cloud-watch-logs",
        log_destination=destination.arn,
        iam_role_arn=destination.role_arn,
        max_aggregation_interval=checked["flow_log_aggregation_seconds"],
        destination_options=None
        if files is None
        else {
            "file_format": files["format"],
            "hive_compatible_partitions": files["hive_partitions"],
            "per_hour_partition": files["hourly_partitions"],
        },
        tags={"Name": f"{name}-flow-log", **checked["tags"]},
        # Every change replaces it, and AWS refuses a second one with the same destination (FlowLogAlreadyExists).
        opts=component.child(delete_before_replace=True),
    )
    return destination.group_name, destination.bucket_name


def _log_group(component: Component, checked: NetworkArgs, vpc: aws.ec2.Vpc) -> _Destination:
    name, account = component.pulumi_resource_name, account_of(vpc.arn)
    tags = {"Name": f"{name}-flow-log", **checked["tags"]}
    key_arn = _key_arn(component, checked, logs_statement(vpc.arn, f"{name}-flow-log-*"))
    group = log_group(component, f"{name}-flow-log", checked["flow_log_retention_days"], kms_key_arn=key_arn, tags=tags)
    # No CreateLogGroup: records that arrive late during a destroy would create the group again, without retention.
    write = Statement(
        actions=["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
        resources=[group.arn, pulumi.Output.concat(group.arn, ":*")],
    )
    # https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html, with its conditions against the confused deputy.
    source = pulumi.Output.concat("arn:", partition_of(vpc.arn), ":ec2:", region_of(vpc.arn), ":", account, ":vpc-flow-log/*")
    role = service_role(
        component,
        f"{name}-flow-log-role",
        "vpc-flow-logs.amazonaws.com",
        f"Lets the flow log of {name} write to its log group",
        statements={f"{name}-flow-log-policy": [write]},
        conditions={"StringEquals": {"aws:SourceAccount": account}, "ArnLike": {"aws:SourceArn": source}},
        tags=tags,
    )
    return _Destination(group.arn, role.arn, group_name=group.name)


def _bucket(component: Component, checked: NetworkArgs, vpc: aws.ec2.Vpc) -> _Destination:
    name, files, account = component.pulumi_resource_name, checked.get("flow_log_files"), account_of(vpc.arn)
    sources = pulumi.Output.concat("arn:", partition_of(vpc.arn), ":logs:", region_of(vpc.arn), ":", account, ":*")
    # https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-s3-cmk-policy.html
    delivery = Statement(
        sid="LogDelivery",
        actions=["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"],
        resources=["*"],
        principals={"Service": [_DELIVERY]},
        conditions={"StringEquals": {"aws:SourceAccount": account}, "ArnLike": {"aws:SourceArn": sources}},
    )
    key_arn = _key_arn(component, checked, delivery)
    folder = "AWSLogs/aws-account-id=" if files is not None and files["hive_partitions"] else "AWSLogs/"
    from_account: dict[str, list[pulumi.Input[str]]] = {"aws:SourceAccount": [account]}
    from_source: dict[str, list[pulumi.Input[str]]] = {"aws:SourceArn": [sources]}
    # As AWS writes them, ids included: a policy that lacks them is added to or overwritten when the flow log is created.
    # https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-s3-permissions.html
    statements: list[BucketStatement] = [
        {
            "sid": "AWSLogDeliveryWrite",
            "actions": ["s3:PutObject"],
            "principals": {"Service": [_DELIVERY]},
            "paths": [pulumi.Output.concat(folder, account, "/*")],
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
            "retention_days": checked["flow_log_retention_days"],
            # Its files are read for weeks, then for investigations only; what the lifecycle deletes must not live on.
            "noncurrent_retention_days": 7,
            "force_destroy": checked["flow_log_force_destroy"],
            "tags": checked["tags"],
            **({} if key_arn is None else {"kms_key_arn": key_arn}),
        },
        component.child(),
    )
    return _Destination(bucket.bucket_arn, bucket_name=bucket.bucket_name)


def _key_arn(component: Component, checked: NetworkArgs, statement: Statement) -> pulumi.Input[str] | None:
    """The given key, none, or a new one whose policy has the statement."""
    if not checked["flow_log_customer_key"]:
        return checked.get("kms_key_arn")
    name = component.pulumi_resource_name
    return create_key(component, f"{name}-flow-log-key", f"Flow log of {name}", [statement], tags=checked["tags"])
