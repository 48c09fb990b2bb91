"""Features of S3 buckets that need or exclude each other across resources."""

from collections.abc import Iterator
from typing import Any, Final

from cloudpatterns_policies.acceptance.controls._given import given, is_given
from cloudpatterns_policies.core import UNKNOWN, Fail, Resource, Severity, Stack, Verdict, stack_control

_BUCKET: Final = "aws:s3/bucket:Bucket"
_VERSIONING: Final = "aws:s3/bucketVersioning:BucketVersioning"
_ENCRYPTION: Final = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
_LOCK: Final = "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration"
_LOGGING: Final = "aws:s3/bucketLogging:BucketLogging"
_REPLICATION: Final = "aws:s3/bucketReplicationConfig:BucketReplicationConfig"
_LIFECYCLE: Final = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
_BALANCERS: Final = ("aws:lb/loadBalancer:LoadBalancer", "aws:alb/loadBalancer:LoadBalancer")

_POLICY: Final = "aws:s3/bucketPolicy:BucketPolicy"
_BALANCER_LOGS: Final = ("accessLogs", "connectionLogs", "healthCheckLogs")

_INFREQUENT: Final = ("STANDARD_IA", "ONEZONE_IA")
_INFREQUENT_DAYS: Final = 30


@stack_control(
    id="access-log-bucket",
    title="Buckets for access logs take access logs",
    severity=Severity.HIGH,
    types=(_LOGGING, *_BALANCERS),
    why="S3 delivers access logs only to a bucket without default retention, and like ELB only to one with SSE-S3: the others stay empty.",
    remediation="Encrypt the bucket with AES256, and keep object lock off a bucket for server access logs.",
    url="https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html",
    pack="acceptance",
)
def access_log_bucket(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    """Buckets of the stack. Network load balancers take a customer managed key."""
    if resource.type == _LOGGING:
        paths = ["targetBucket"]
    else:
        network = not is_given(resource, "loadBalancerType", None, "application")
        settings = () if network else _BALANCER_LOGS
        paths = [name for name in settings if given(resource, f"{name}.enabled") is True]
    for path in paths:
        for bucket in stack.refs(resource, path, _BUCKET):
            if (algorithm := _algorithm(bucket, stack)) is not None and algorithm.startswith("aws:kms"):
                yield Fail(f"gets no logs: {bucket.name} is encrypted with {algorithm}", path)
            if resource.type == _LOGGING and _retains(bucket, stack):
                yield Fail(f"gets no logs: {bucket.name} has a default retention of object lock", path)


@stack_control(
    id="balancer-log-bucket-policy",
    title="Buckets for load balancer logs admit the balancers",
    severity=Severity.HIGH,
    types=_BALANCERS,
    why="Elastic Load Balancing refuses a bucket that its log delivery may not write to, and without a policy no service may.",
    remediation="Add aws.s3.BucketPolicy that allows s3:PutObject to logdelivery.elasticloadbalancing.amazonaws.com.",
    url="https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html",
    pack="acceptance",
)
def balancer_log_bucket_policy(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    """Buckets of the stack that have no policy at all."""
    for path in (name for name in _BALANCER_LOGS if given(resource, f"{name}.enabled") is True):
        for bucket in stack.refs(resource, path, _BUCKET):
            if given(bucket, "policy") is None and not stack.referrers(bucket, _POLICY, "bucket"):
                yield Fail(f"would be refused: {bucket.name} has no bucket policy", f"{path}.bucket")


@stack_control(
    id="trust-store-version",
    title="Trust stores name the version of their bundle",
    severity=Severity.LOW,
    types=("aws:lb/trustStore:TrustStore",),
    why="A new bundle of certificates at the same key changes nothing in the program, and the load balancer keeps the old one.",
    remediation="Set ca_certificates_bundle_s3_object_version to the object's version.",
    url="https://docs.aws.amazon.com/elasticloadbalancing/latest/application/mutual-authentication.html",
    pack="acceptance",
)
def trust_store_version(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    """Bundles that are objects of the stack: others may be written once."""
    objects = stack.refs(resource, "caCertificatesBundleS3Key", "aws:s3/bucketObjectv2:BucketObjectv2", "aws:s3/bucketObject:BucketObject")
    if objects and given(resource, "caCertificatesBundleS3ObjectVersion") is None:
        yield Fail(f"does not follow {objects[0].name}", "caCertificatesBundleS3ObjectVersion")


@stack_control(
    id="bucket-versioning-needed",
    title="Buckets with object lock or replication have versioning",
    severity=Severity.HIGH,
    types=(_LOCK, _REPLICATION, _VERSIONING),
    why="S3 refuses object lock and replication without versioning, and to suspend the versioning of a locked bucket.",
    remediation="Add aws.s3.BucketVersioning with status Enabled to each of the buckets, and let the configuration depend on it.",
    url="https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-requirements.html",
    pack="acceptance",
)
def bucket_versioning_needed(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    """Buckets of the stack; one with object lock from the beginning has versioning by itself."""
    buckets = stack.refs(resource, "bucket", _BUCKET)
    if resource.type == _VERSIONING:
        if is_given(resource, "versioningConfiguration.status", "Suspended"):
            for bucket in buckets:
                if given(bucket, "objectLockEnabled") is True or stack.referrers(bucket, _LOCK, "bucket"):
                    yield Fail(f"would be refused: {bucket.name} has object lock, which needs versioning", "versioningConfiguration.status")
        return
    wanted = [(bucket, "bucket") for bucket in buckets]
    if resource.type == _REPLICATION:
        wanted += [(bucket, "rules") for bucket in stack.refs(resource, "rules", _BUCKET)]
    for bucket, path in wanted:
        if not _is_versioned(bucket, stack):
            what = "object lock" if resource.type == _LOCK else "replication"
            yield Fail(f"would be refused: {bucket.name} has no versioning, which {what} needs", path)


@stack_control(
    id="replica-of-locked-bucket",
    title="Locked buckets replicate to locked buckets",
    severity=Severity.HIGH,
    types=(_REPLICATION,),
    why="S3 refuses to replicate a bucket with object lock to one without.",
    remediation="Set object_lock_enabled on the destination bucket.",
    url="https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html",
    pack="acceptance",
)
def replica_of_locked_bucket(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    """Source and destinations in the stack."""
    sources = stack.refs(resource, "bucket", _BUCKET)
    if len(sources) != 1 or given(sources[0], "objectLockEnabled") is not True:
        return
    for bucket in stack.refs(resource, "rules", _BUCKET):
        enabled = given(bucket, "objectLockEnabled")
        if bucket is not sources[0] and enabled is not UNKNOWN and not enabled and not stack.referrers(bucket, _LOCK, "bucket"):
            yield Fail(f"would be refused: {sources[0].name} has object lock, and {bucket.name} has not", "rules")


@stack_control(
    id="infrequent-access-days",
    title="Objects stay 30 days before they move to infrequent access",
    severity=Severity.HIGH,
    types=(_LIFECYCLE,),
    why="S3 refuses a transition to STANDARD_IA or ONEZONE_IA before an object is 30 days old.",
    remediation="Set days to 30 or more, or move to GLACIER_IR or INTELLIGENT_TIERING.",
    url="https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html",
    pack="acceptance",
)
def infrequent_access_days(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    """Current versions of objects."""
    rules: Any = given(resource, "rules")
    for index in range(len(rules)) if isinstance(rules, list) else ():
        transitions = given(resource, f"rules.{index}.transitions")
        for number in range(len(transitions)) if isinstance(transitions, list) else ():
            path = f"rules.{index}.transitions.{number}"
            days, target = given(resource, f"{path}.days"), given(resource, f"{path}.storageClass")
            if isinstance(days, int) and days < _INFREQUENT_DAYS and isinstance(target, str) and target in _INFREQUENT:
                yield Fail(f"would be refused: {target} takes objects of {_INFREQUENT_DAYS} days or more, not {days}", f"{path}.days")


def _algorithm(bucket: Resource, stack: Stack) -> str | None:
    """The algorithm of the bucket's default encryption, where the stack says it."""
    paths = [(bucket, "serverSideEncryptionConfiguration.rule.applyServerSideEncryptionByDefault.sseAlgorithm")]
    for other in stack.referrers(bucket, _ENCRYPTION, "bucket"):
        paths.append((other, "rules.0.applyServerSideEncryptionByDefault.sseAlgorithm"))
    return next((value for resource, path in paths if isinstance(value := given(resource, path), str)), None)


def _retains(bucket: Resource, stack: Stack) -> bool:
    """Whether object lock has a default retention; without one S3 delivers."""
    locks = [(bucket, "objectLockConfiguration.rule.defaultRetention")]
    locks += [(other, "rule.defaultRetention") for other in stack.referrers(bucket, _LOCK, "bucket")]
    return any(isinstance(given(resource, path), dict) for resource, path in locks)


def _is_versioned(bucket: Resource, stack: Stack) -> bool:
    """Whether versioning is on, or may be."""
    states = [given(bucket, "objectLockEnabled"), given(bucket, "versioning.enabled")]
    if any(state is UNKNOWN or state for state in states):
        return True
    found = [given(one, "versioningConfiguration.status") for one in stack.referrers(bucket, _VERSIONING, "bucket")]
    return any(status is UNKNOWN or status == "Enabled" for status in found)
