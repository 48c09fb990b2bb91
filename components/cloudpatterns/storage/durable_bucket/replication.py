"""Replication of one bucket to another: the role with rights on both buckets and both keys, and the replication itself."""

from typing import NamedTuple

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import service_role
from cloudpatterns.core import Component, Statement
from cloudpatterns.storage.durable_bucket.arguments import DurableBucketArgs


class ReplicationSide(NamedTuple):
    """A bucket that is replicated from or to. Its ARN must be available only after versioning and object lock."""

    bucket_arn: pulumi.Output[str]
    kms_key_arn: pulumi.Output[str]
    region: pulumi.Input[str]

    @property
    def objects(self) -> pulumi.Output[str]:
        """The ARN of all objects."""
        return pulumi.Output.concat(self.bucket_arn, "/*")

    def key_use(self, *actions: str) -> Statement:
        """Use of the key for this bucket's objects alone. The context is the bucket with bucket keys, else the object."""
        return Statement(
            actions=actions,
            resources=[self.kms_key_arn],
            conditions={
                "StringEquals": {"kms:ViaService": pulumi.Output.concat("s3.", self.region, ".amazonaws.com")},
                "StringLike": {"kms:EncryptionContext:aws:s3:arn": [self.bucket_arn, self.objects]},
            },
        )


def replicate(
    component: Component,
    checked: DurableBucketArgs,
    bucket_name: pulumi.Output[str],
    source: ReplicationSide,
    replica: ReplicationSide,
) -> None:
    """Replicates everything that is put into the bucket from now on, delete markers included.

    ``checked`` and ``bucket_name`` are the source's; the name is available after versioning and object lock.
    """
    name = f"{component.pulumi_resource_name}-replication"
    lock_reads = ["s3:GetObjectRetention", "s3:GetObjectLegalHold"] if checked.get("object_lock") else []
    reads = ["s3:GetObjectVersionForReplication", "s3:GetObjectVersionAcl", "s3:GetObjectVersionTagging", *lock_reads]
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/setting-repl-config-perm-overview.html
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-config-for-kms-objects.html
    statements = [
        Statement(actions=["s3:GetReplicationConfiguration", "s3:ListBucket"], resources=[source.bucket_arn]),
        Statement(actions=reads, resources=[source.objects]),
        Statement(actions=["s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags"], resources=[replica.objects]),
        source.key_use("kms:Decrypt"),
        replica.key_use("kms:Encrypt", "kms:GenerateDataKey"),
    ]
    role = service_role(component, name, "s3.amazonaws.com", None, statements={f"{name}-policy": statements}, tags=checked["tags"])
    aws.s3.BucketReplicationConfig(
        name,
        bucket=bucket_name,
        # After the role's policies: an object that is put before the role has its rights fails to replicate, and is not tried again.
        role=role.arn,
        rules=[
            {
                "id": "everything",
                "status": "Enabled",
                "priority": 0,
                "filter": {"prefix": ""},
                "delete_marker_replication": {"status": "Enabled"},
                # Without this, objects under a KMS key are skipped silently.
                "source_selection_criteria": {"sse_kms_encrypted_objects": {"status": "Enabled"}},
                "destination": {
                    "bucket": replica.bucket_arn,
                    "encryption_configuration": {"replica_kms_key_id": replica.kms_key_arn},
                    "metrics": {"status": "Enabled"},
                },
            }
        ],
        region=checked.get("region"),
        opts=component.child(),
    )
