"""Copies in other places: replication of buckets, and replicas of tables."""

from collections.abc import Iterator
from typing import Final

from cloudpatterns_policies.acceptance.relations import given, gives, targets, waits_for
from cloudpatterns_policies.core import UNKNOWN, Fail, Resource, Severity, Stack, Verdict, control, stack_control

_BUCKET: Final = "aws:s3/bucket:Bucket"
_VERSIONING: Final = "aws:s3/bucketVersioning:BucketVersioning"


@stack_control(
    id="replication-needs-versioning",
    title="Both buckets of a replication have versioning",
    severity=Severity.HIGH,
    types=("aws:s3/bucketReplicationConfig:BucketReplicationConfig",),
    why="S3 refuses replication from or to a bucket without versioning.",
    remediation='Add an aws.s3.BucketVersioning with status "Enabled", and name it in depends_on of the replication.',
    url="https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication.html",
    pack="acceptance",
)
def replication_needs_versioning(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    buckets = [*targets(stack, resource, "bucket", _BUCKET), *targets(stack, resource, "rules.*.destination.bucket", _BUCKET)]
    for path, bucket in buckets:
        inline = given(bucket, "versioning.enabled") is not None or gives(bucket, "objectLockEnabled")
        found = stack.referrers(bucket, _VERSIONING, "bucket")
        states = [given(item, "versioningConfiguration.status") for item in found]
        if inline or any(state is UNKNOWN for state in states):
            continue
        if "Enabled" not in states:
            yield Fail(f"replicates {bucket.name}, which has no versioning" if path == "bucket" else _to(bucket), path)
        elif not any(waits_for(stack, resource, item) for item in found):
            yield Fail(f"does not wait for {found[0].name}, which gives {bucket.name} its versions", path)


@control(
    id="table-replica-keys",
    title="A table under a customer-managed key has one for each replica",
    severity=Severity.HIGH,
    types=("aws:dynamodb/table:Table",),
    why="DynamoDB wants a customer-managed key for each replica of a table, or for none.",
    remediation="Set kms_key_arn of each replica to a key of its region.",
    url="https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-dynamodb-globaltable-replicaspecification.html",
    pack="acceptance",
)
def table_replica_keys(resource: Resource) -> Iterator[Verdict]:
    resource.get("serverSideEncryption")
    key = _given(resource, "serverSideEncryption.kmsKeyArn")
    for index in range(len(resource.get("replicas", []))):
        path = f"replicas.{index}.kmsKeyArn"
        if _given(resource, path) != key:
            words = ("has none", "has a customer-managed key") if key else ("has a customer-managed key", "has none")
            yield Fail(f"has a replica that {words[0]}, while the table {words[1]}", path)


def _given(resource: Resource, path: str) -> bool:
    # A key of the stack is unknown until it exists.
    return resource.is_unknown(path) or bool(resource.get(path))


def _to(bucket: Resource) -> str:
    return f"replicates to {bucket.name}, which has no versioning"
