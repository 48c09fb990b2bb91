"""An S3 File Gateway outside AWS, whose NFS share is a folder of the bucket."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import EncryptedPlace, Metric, alarm, service_role
from cloudpatterns.core import Component, Statement, account_of
from cloudpatterns.storage.hybrid_backup.arguments import FileGateway


class Share(NamedTuple):
    """A gateway, and the path of its share; empty while it has no cache."""

    gateway_arn: pulumi.Output[str]
    path: pulumi.Output[str]


def create_share(
    component: Component,
    name: str,
    settings: FileGateway,
    bucket: EncryptedPlace,
    *,
    topic_arns: Sequence[pulumi.Input[str]],
    tags: Mapping[str, pulumi.Input[str]],
) -> Share:
    """The gateway, its cache, and a share that the given networks mount."""
    gateway = aws.storagegateway.Gateway(
        name,
        gateway_name=name,
        # STORED otherwise, a gateway of volumes.
        gateway_type="FILE_S3",
        gateway_timezone=settings["time_zone"],
        activation_key=pulumi.Output.secret(settings["activation_key"]),
        tags=tags,
        # A key is used up by the activation, and the address is the gateway's own.
        opts=component.child(ignore_changes=["activationKey", "gatewayIpAddress"]),
    )
    disk = settings.get("cache_disk_id")
    if topic_arns:
        _alarms(component, name, gateway, topic_arns, cached=disk is not None, tags=tags)
    if disk is None:
        return Share(gateway.arn, pulumi.Output.from_input(""))
    cache = aws.storagegateway.Cache(f"{name}-cache", disk_id=disk, gateway_arn=gateway.arn, opts=component.child())
    share = aws.storagegateway.NfsFileShare(
        f"{name}-share",
        gateway_arn=gateway.arn,
        location_arn=pulumi.Output.concat(bucket.arn, "/", settings["prefix"]),
        file_share_name=settings["prefix"].strip("/").replace("/", "-"),
        role_arn=_bucket_role(component, f"{name}-bucket-role", gateway.arn, bucket, tags),
        client_lists=settings["client_cidrs"],
        kms_encrypted=True,
        kms_key_arn=bucket.kms_key_arn,
        squash="RootSquash",
        # A bucket without ACLs refuses every other one, the default "private" too.
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-ownership-error-responses.html
        object_acl="bucket-owner-full-control",
        tags=tags,
        # AWS refuses a share on a gateway without a cache, and a second one of the same name or folder.
        opts=component.child(depends_on=[cache], delete_before_replace=True),
    )
    return Share(gateway.arn, share.path)


def _bucket_role(
    component: Component, child_name: str, gateway_arn: pulumi.Output[str], bucket: EncryptedPlace, tags: Mapping[str, pulumi.Input[str]]
) -> pulumi.Output[str]:
    """The share's role, without s3:DeleteObjectVersion: what a client deletes stays as an old version.

    https://docs.aws.amazon.com/filegateway/latest/files3/grant-access-s3.html
    """
    of_bucket = ["GetAccelerateConfiguration", "GetBucketLocation", "GetBucketVersioning", "ListBucket", "ListBucketMultipartUploads"]
    of_objects = ["AbortMultipartUpload", "DeleteObject", "GetObject", "GetObjectAcl", "GetObjectVersion", "ListMultipartUploadParts"]
    keys = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"]
    statements = [
        Statement(sid="Bucket", actions=[f"s3:{one}" for one in (*of_bucket, "ListBucketVersions")], resources=[bucket.arn]),
        Statement(
            sid="Objects",
            actions=[f"s3:{one}" for one in (*of_objects, "PutObject", "PutObjectAcl")],
            resources=[pulumi.Output.concat(bucket.arn, "/*")],
        ),
        *([] if bucket.kms_key_arn is None else [Statement(sid="Key", actions=keys, resources=[bucket.kms_key_arn])]),
    ]
    return service_role(
        component,
        child_name,
        "storagegateway.amazonaws.com",
        "What the file gateway may do in the bucket of backups",
        statements={f"{child_name}-policy": statements},
        conditions={"StringEquals": {"aws:SourceAccount": account_of(gateway_arn)}, "ArnLike": {"aws:SourceArn": gateway_arn}},
        tags=tags,
    ).arn


def _alarms(
    component: Component,
    name: str,
    gateway: aws.storagegateway.Gateway,
    topic_arns: Sequence[pulumi.Input[str]],
    *,
    cached: bool,
    tags: Mapping[str, pulumi.Input[str]],
) -> None:
    """https://docs.aws.amazon.com/filegateway/latest/files3/monitoring-file-gateway-resources.html."""
    of_gateway = {"GatewayId": gateway.gateway_id, "GatewayName": gateway.gateway_name}
    common: Any = {"period_seconds": 300, "actions": topic_arns, "tags": tags}
    if cached:
        dirty = Metric("AWS/StorageGateway", "CachePercentDirty", of_gateway)
        # A gateway that is away reports nothing. Nor does one that has no cache yet, which has no files either.
        what = f"The gateway {name} is away, or its cache is full of files that are not in S3 yet"
        alarm(component, f"{name}-dirty", what, dirty, 80, periods=6, missing="breaching", **common)
    health = Metric("AWS/StorageGateway", "HealthNotifications", of_gateway, "Sum")
    alarm(component, f"{name}-health", f"The gateway {name} reports a problem with its health", health, 0, **common)
