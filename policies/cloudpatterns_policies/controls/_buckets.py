"""The settings of an S3 bucket, wherever the program makes them, and whether it is a log bucket.

Log buckets are exempt from KMS keys and from access logs, because the services that write to them require it. A tag alone does not exempt a
bucket, or it would bypass both controls: either a resource of the stack writes its logs there, or the bucket has the tag and a policy that
allows only services that deliver logs.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from cloudpatterns_policies.controls._documents import Statement, matches, read_document
from cloudpatterns_policies.core import UNKNOWN, Fail, Resource, Stack, Unknown
from cloudpatterns_policies.graph.reading import from_provider, read

BUCKETS: Final = ("aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2")
BLOCK: Final = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
POLICY: Final = "aws:s3/bucketPolicy:BucketPolicy"
LOGGING: Final = ("aws:s3/bucketLogging:BucketLogging", "aws:s3/bucketLoggingV2:BucketLoggingV2")

BUCKET_KIND_TAG: Final = "cloudpatterns:bucket-kind"
LOG_TARGET: Final = "log-target"

_BALANCERS: Final = ("aws:lb/loadBalancer:LoadBalancer", "aws:alb/loadBalancer:LoadBalancer", "aws:elb/loadBalancer:LoadBalancer")
_DISTRIBUTION: Final = "aws:cloudfront/distribution:Distribution"

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-infrastructure-S3.html
_LOG_SERVICES: Final = (
    "logging.s3.amazonaws.com",
    "logdelivery.elasticloadbalancing.amazonaws.com",
    "delivery.logs.amazonaws.com",
)


@dataclass(frozen=True, slots=True)
class LogTarget:
    """Why a bucket counts as a log target."""

    reason: str
    refuses_kms: bool
    """Whether the writer does not support KMS keys."""


def settings(stack: Stack, bucket: Resource, *types: str) -> list[Resource]:
    """Resources of `types` that belong to the bucket, by reference or by its literal name."""
    found = [item for kind in types for item in stack.referrers(bucket, kind, "bucket")]
    name = read(bucket, "bucket")
    if not found and isinstance(name, str):
        # An unknown name refers to its bucket by dependency, or to none of the stack.
        found = [item for item in stack.of_type(*types) if not item.is_unknown("bucket") and item.get("bucket") == name]
    return found


def log_target(stack: Stack, bucket: Resource) -> LogTarget | Unknown | None:
    """Whether, and why, a bucket is a log target. `Unknown` when it is tagged as one and its policy cannot be read yet."""
    writers = list(_writers(stack, bucket))
    if writers:
        return next((writer for writer in writers if writer.refuses_kms), writers[0])
    tags = read(bucket, "tags")
    if not isinstance(tags, dict) or tags.get(BUCKET_KIND_TAG) is UNKNOWN or tags.get(BUCKET_KIND_TAG) != LOG_TARGET:
        return None
    for policy in settings(stack, bucket, POLICY):
        document = read_document(policy, "policy")
        if isinstance(document, Unknown):
            return Unknown(f"policy of {policy.name}")
        if not isinstance(document, Fail) and _for_logs_alone(document):
            return LogTarget("is tagged as a log target, and its policy allows only services that deliver logs", True)
    return None


def _writers(stack: Stack, bucket: Resource) -> Iterator[LogTarget]:
    for kind in LOGGING:
        for logging in stack.referrers(bucket, kind, "targetBucket"):
            if logging not in stack.referrers(bucket, kind, "bucket"):
                yield LogTarget(f"receives the server access logs of {logging.name}", True)
    for kind in BUCKETS:
        for path in ("logging", "loggings"):
            for other in stack.referrers(bucket, kind, path):
                if other is not bucket:
                    yield LogTarget(f"receives the server access logs of {other.name}", True)
    for kind in _BALANCERS:
        for path in ("accessLogs", "connectionLogs", "healthCheckLogs"):
            for balancer in stack.referrers(bucket, kind, path):
                # Only network load balancers support customer-managed keys:
                # https://docs.aws.amazon.com/elasticloadbalancing/latest/network/enable-access-logs.html
                network = not from_provider(balancer, "loadBalancerType") and balancer.get("loadBalancerType") == "network"
                yield LogTarget(f"receives the logs of load balancer {balancer.name}", not network)
    for distribution in stack.referrers(bucket, _DISTRIBUTION, "loggingConfig"):
        # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logging-legacy-s3.html
        yield LogTarget(f"receives the logs of distribution {distribution.name}", False)


def _for_logs_alone(document: list[Statement]) -> bool:
    allowing = [statement for statement in document if statement.allow]
    return bool(allowing) and all(
        statement.principals and all(kind == "Service" and name in _LOG_SERVICES for kind, name in statement.principals)
        for statement in allowing
    )


def requires_tls(document: list[Statement], bucket: Resource) -> str | None:
    """None when the policy denies requests without TLS, else what is missing."""
    reaches = [_reach(statement, bucket) for statement in document if _denies_plain(statement)]
    itself, objects = (any(reach[index] for reach in reaches) for index in (0, 1))
    if itself and objects:
        return None
    rest = " on its objects" if itself else " on the bucket itself" if objects else ""
    return f"does not deny requests without TLS{rest}"


def _denies_plain(statement: Statement) -> bool:
    return (
        not statement.allow
        and ("AWS", "*") in statement.principals
        and any(matches(action, "s3:*") for action in statement.actions)
        and len(statement.conditions) == 1
        and statement.conditions[0][0] in ("bool", "boolifexists")
        and statement.conditions[0][1:] == ("aws:securetransport", ("false",))
    )


def _reach(statement: Statement, bucket: Resource) -> tuple[bool, bool]:
    """Whether a statement covers the bucket, and its objects."""
    names = [name for key in ("bucket", "id") if isinstance(name := read(bucket, key), str)]
    return _names_bucket(statement.resources, names, ""), _names_bucket(statement.resources, names, "/*")


def _names_bucket(resources: tuple[str, ...], names: list[str], rest: str) -> bool:
    # While the name is unknown, only the form of the ARN counts: S3 refuses a bucket policy that names another bucket.
    wanted = [f"arn:aws:s3:::{name}{rest}" for name in names]
    for resource in resources:
        generic = ":".join(["arn", "aws", *resource.split(":")[2:]]) if resource.startswith("arn:") else resource
        if any(matches(generic, name) for name in wanted) or (not names and generic.endswith("/*") == bool(rest)):
            return True
    return False


def inline(bucket: Resource, *paths: str) -> Any:
    """The first value found at one of the paths of the bucket's own, older arguments; `UNKNOWN` when it is unknown."""
    for path in paths:
        if (value := read(bucket, path, computed=True)) is not None:
            return value
    return None
