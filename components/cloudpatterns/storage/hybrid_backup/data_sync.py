"""Copies of a file server by AWS DataSync: agent, locations, task, its log, and the report of failures."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import EncryptedPlace, log_group, notify_on_event, service_role
from cloudpatterns.core import Component, Statement, account_of, after, document, partition_of, region_of
from cloudpatterns.storage.hybrid_backup.arguments import DataSync


class Transfer(NamedTuple):
    """The agent of a transfer, and its task."""

    agent_arn: pulumi.Output[str]
    task_arn: pulumi.Output[str]


def create_transfer(
    component: Component,
    name: str,
    settings: DataSync,
    bucket: EncryptedPlace,
    *,
    log_retention_days: int,
    topic_arns: Sequence[pulumi.Input[str]],
    tags: Mapping[str, pulumi.Input[str]],
) -> Transfer:
    """A task that copies what has changed, and verifies what it has copied. Nothing is deleted in the bucket."""
    agent_arn = _agent(component, f"{name}-agent", settings, tags)
    target = aws.datasync.S3Location(
        f"{name}-target",
        s3_bucket_arn=bucket.arn,
        subdirectory=f"/{settings['prefix']}",
        s3_config={"bucket_access_role_arn": _bucket_role(component, f"{name}-bucket-role", agent_arn, bucket, tags)},
        tags=tags,
        opts=component.child(),
    )
    enhanced, patterns = settings["task_mode"] == "ENHANCED", settings["excluded_patterns"]
    task = aws.datasync.Task(
        f"{name}-task",
        source_location_arn=_source(component, f"{name}-source", settings, agent_arn, tags),
        destination_location_arn=target.arn,
        task_mode=settings["task_mode"],
        # Tasks of the mode ENHANCED have their logs in /aws/datasync by themselves.
        cloudwatch_log_group_arn=None if enhanced else _log(component, f"{name}-logs", agent_arn, bucket, log_retention_days, tags),
        excludes={"filter_type": "SIMPLE_PATTERN", "value": "|".join(patterns)} if patterns else None,
        schedule={"schedule_expression": settings["schedule"]},
        options={
            # The other mode reads all of the bucket, and cannot be used with Glacier.
            "verify_mode": "ONLY_FILES_TRANSFERRED",
            "transfer_mode": "CHANGED",
            "preserve_deleted_files": "PRESERVE",
            "overwrite_mode": "ALWAYS",
            "log_level": "TRANSFER" if enhanced else "BASIC",
            "bytes_per_second": -1 if settings.get("bandwidth_mib") is None else settings["bandwidth_mib"] * 1024 * 1024,
            # A Windows file server has no POSIX owners and modes to preserve, as the default would.
            **({} if settings.get("smb") is None else {"uid": "NONE", "gid": "NONE", "posix_permissions": "NONE"}),
        },
        tags=tags,
        opts=component.child(),
    )
    if topic_arns:
        # https://docs.aws.amazon.com/datasync/latest/userguide/monitor-datasync.html
        kinds = ["DataSync Task Execution State Change", "DataSync Agent State Change"]
        places = [{"prefix": task.arn}, {"prefix": agent_arn}]
        pattern = {"source": ["aws.datasync"], "detail-type": kinds, "resources": places, "detail": {"State": ["ERROR", "OFFLINE"]}}
        notify_on_event(
            component, f"{name}-failed", f"A copy by {name} failed, or its agent is away", pattern=pattern, topic_arns=topic_arns, tags=tags
        )
    return Transfer(agent_arn, task.arn)


def _agent(component: Component, child_name: str, settings: DataSync, tags: Mapping[str, pulumi.Input[str]]) -> pulumi.Output[str]:
    existing = settings.get("existing_agent_arn")
    if existing is not None:
        return pulumi.Output.from_input(existing)
    return aws.datasync.Agent(
        child_name,
        activation_key=pulumi.Output.secret(settings["activation_key"]),
        tags=tags,
        # A key is used up by the activation: another one later would replace the agent.
        opts=component.child(ignore_changes=["activationKey", "ipAddress"]),
    ).arn


def _source(
    component: Component, child_name: str, settings: DataSync, agent_arn: pulumi.Output[str], tags: Mapping[str, pulumi.Input[str]]
) -> pulumi.Output[str]:
    # With a slash behind it, as AWS gives it back: another path would replace the location.
    path = f"{settings['path'].rstrip('/')}/"
    smb = settings.get("smb")
    if smb is None:
        return aws.datasync.NfsLocation(
            child_name,
            server_hostname=settings["server_hostname"],
            subdirectory=path,
            on_prem_config={"agent_arns": [agent_arn]},
            tags=tags,
            opts=component.child(),
        ).arn
    return aws.datasync.LocationSmb(
        child_name,
        server_hostname=settings["server_hostname"],
        subdirectory=path,
        agent_arns=[agent_arn],
        user=smb["user"],
        domain=smb.get("domain"),
        password=pulumi.Output.secret(smb["password"]),
        tags=tags,
        opts=component.child(additional_secret_outputs=["password"]),
    ).arn


def _bucket_role(
    component: Component, child_name: str, agent_arn: pulumi.Output[str], bucket: EncryptedPlace, tags: Mapping[str, pulumi.Input[str]]
) -> pulumi.Output[str]:
    """https://docs.aws.amazon.com/datasync/latest/userguide/create-s3-location.html#create-s3-location-required-permissions."""
    of_bucket = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"]
    # DeleteObject is part of the permissions that DataSync wants of a destination. It adds a marker; versions stay.
    of_objects = ["AbortMultipartUpload", "DeleteObject", "GetObject", "GetObjectTagging", "ListMultipartUploadParts", "PutObject"]
    statements = [
        Statement(sid="Bucket", actions=of_bucket, resources=[bucket.arn]),
        Statement(
            sid="Objects",
            actions=[f"s3:{action}" for action in (*of_objects, "PutObjectTagging")],
            resources=[pulumi.Output.concat(bucket.arn, "/*")],
        ),
    ]
    if bucket.kms_key_arn is not None:
        statements.append(Statement(sid="Key", actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[bucket.kms_key_arn]))
    return service_role(
        component,
        child_name,
        "datasync.amazonaws.com",
        "What DataSync may do in the bucket of backups",
        statements={f"{child_name}-policy": statements},
        conditions=_own(agent_arn, "*"),
        tags=tags,
    ).arn


def _own(agent_arn: pulumi.Output[str], resource: str) -> dict[str, dict[str, pulumi.Input[str]]]:
    """DataSync of the agent's account and Region alone."""
    account = account_of(agent_arn)
    source = pulumi.Output.concat("arn:", partition_of(agent_arn), ":datasync:", region_of(agent_arn), ":", account, ":", resource)
    return {"StringEquals": {"aws:SourceAccount": account}, "ArnLike": {"aws:SourceArn": source}}


def _log(
    component: Component,
    child_name: str,
    agent_arn: pulumi.Output[str],
    bucket: EncryptedPlace,
    retention_days: int,
    tags: Mapping[str, pulumi.Input[str]],
) -> pulumi.Output[str]:
    prefix = f"/aws/datasync/{component.pulumi_resource_name}-"
    group = log_group(component, child_name, retention_days, name_prefix=prefix, kms_key_arn=bucket.kms_key_arn, tags=tags)
    write = Statement(
        actions=["logs:CreateLogStream", "logs:PutLogEvents"],
        resources=[pulumi.Output.concat(group.arn, ":*")],
        principals={"Service": ["datasync.amazonaws.com"]},
        conditions=_own(agent_arn, "task/*"),
    )
    policy = aws.cloudwatch.LogResourcePolicy(
        f"{child_name}-policy",
        # As unique as the log group: another stack of the account would overwrite a policy of the same name.
        policy_name=group.name.apply(lambda name: name.rpartition("/")[2]),
        policy_document=document(write),
        opts=component.child(),
    )
    return after(group.arn, policy)
