"""Copies in other places: replication of buckets, and replicas of tables."""

from collections.abc import Iterator
from typing import Final

from cloudpatterns_policies.acceptance.relations import gives, targets, waits_for
from cloudpatterns_policies.core import Fail, Resource, Severity, Stack, Verdict, control, stack_control
from cloudpatterns_policies.graph.reading import expand

_BUCKET: Final = "aws:s3/bucket:Bucket"
_VERSIONING: Final = "aws:s3/bucketVersioning:BucketVersioning"


@stack_control(
    id="replication-after-versioning",
    title="A replication waits for the versioning of its buckets",
    severity=Severity.HIGH,
    types=("aws:s3/bucketReplicationConfig:BucketReplicationConfig",),
    why="S3 refuses replication from or to a bucket that has no versioning yet.",
    remediation="Name the aws.s3.BucketVersioning of both buckets in depends_on of the replication.",
    url="https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-requirements.html",
    pack="acceptance",
)
def replication_after_versioning(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    buckets = [*targets(stack, resource, "bucket", _BUCKET), *targets(stack, resource, "rules.*.destination.bucket", _BUCKET)]
    for path, bucket in buckets:
        found = stack.referrers(bucket, _VERSIONING, "bucket")
        # A bucket with object lock has versions from the beginning; bucket-versioning-needed finds one without any.
        if found and not gives(bucket, "objectLockEnabled") and not any(waits_for(stack, resource, item) for item in found):
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


@control(
    id="table-attributes-used",
    title="Each attribute of a table is a key of the table or of an index",
    severity=Severity.HIGH,
    types=("aws:dynamodb/table:Table",),
    why="DynamoDB has no other attributes in a table's definition: the provider refuses them, and would see a change of them for ever.",
    remediation="Remove the attribute: items may have any attribute without a definition.",
    url="https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateTable.html",
    pack="acceptance",
)
def table_attributes_used(resource: Resource) -> Iterator[Verdict]:
    keys = {resource.get(name) for name in ("hashKey", "rangeKey")}
    for indexes in ("globalSecondaryIndexes", "localSecondaryIndexes"):
        resource.get(indexes)  # unknown ones may use any attribute
        for path in expand(resource, f"{indexes}.*"):
            keys |= {resource.get(f"{path}.{name}") for name in ("hashKey", "rangeKey")}
            keys |= {resource.get(f"{key}.attributeName") for key in expand(resource, f"{path}.keySchemas.*")}
    for path in expand(resource, "attributes.*"):
        name = resource.get(f"{path}.name")
        if name is not None and keys - {None} and name not in keys:
            yield Fail(f"defines the attribute {name}, which is no key", path)


def _given(resource: Resource, path: str) -> bool:
    # A key of the stack is unknown until it exists.
    return resource.is_unknown(path) or bool(resource.get(path))
