"""What CloudFront distributions send and log: access logs, security headers, a default root object, a second origin."""

from collections.abc import Iterator
from typing import Final

from cloudpatterns_policies.controls.cloudfront import DISTRIBUTION
from cloudpatterns_policies.core import (
    UNKNOWN,
    Fail,
    NotApplicable,
    Pass,
    Resource,
    Severity,
    Stack,
    Unknown,
    Verdict,
    control,
    stack_control,
)
from cloudpatterns_policies.graph.reading import expand, has_value, read

_PAGE: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/cloudfront-controls.html"

_HEADERS: Final = "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy"
_BUCKETS: Final = ("aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2")
_REPLICATION: Final = "aws:s3/bucketReplicationConfig:BucketReplicationConfig"
_DELIVERY: Final = "aws:cloudwatch/logDeliverySource:LogDeliverySource"
_TRANSPORT: Final = "securityHeadersConfig.strictTransportSecurity"
_YEAR: Final = 31_536_000


@stack_control(
    id="cloudfront-access-logs",
    title="CloudFront distributions have access logs",
    severity=Severity.MEDIUM,
    types=(DISTRIBUTION,),
    why="After an incident, nobody can find out who sent which request.",
    remediation="Set logging_config with a bucket's domain name, or add an aws.cloudwatch.LogDeliverySource with the distribution's ARN.",
    url=f"{_PAGE}#cloudfront-5",
    frameworks={"FSBP": ("CloudFront.5",), "Checkov": ("CKV_AWS_86",)},
)
def cloudfront_access_logs(resource: Resource, stack: Stack) -> Verdict:
    if has_value(resource, "loggingConfig.bucket", computed=True) or stack.referrers(resource, _DELIVERY, "resourceArn"):
        return Pass()
    return Fail("has no access logs", "loggingConfig.bucket")


@stack_control(
    id="cloudfront-response-headers",
    title="CloudFront distributions have a response headers policy",
    severity=Severity.LOW,
    types=(DISTRIBUTION,),
    why="Without security headers, browsers load the pages over plain HTTP, in frames of other sites and with guessed content types.",
    remediation="Set response_headers_policy_id in default_cache_behavior and ordered_cache_behaviors.",
    url="https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/adding-response-headers.html",
    frameworks={"Checkov": ("CKV2_AWS_32",)},
)
def cloudfront_response_headers(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    behaviors = ["defaultCacheBehavior"]
    if read(resource, "orderedCacheBehaviors", computed=True) is not None:
        behaviors += [f"orderedCacheBehaviors.{index}" for index in range(len(resource.get("orderedCacheBehaviors")))]
    for behavior in behaviors:
        path = f"{behavior}.responseHeadersPolicyId"
        if not has_value(resource, path):
            yield Fail("has a behavior without a response headers policy", path)


@control(
    id="cloudfront-strict-transport-security",
    title="Response headers policies make browsers use HTTPS for a year",
    severity=Severity.LOW,
    types=(_HEADERS,),
    why="Without the header, the browser's first request of each visit may go out over plain HTTP.",
    remediation="Set security_headers_config with strict_transport_security of access_control_max_age_sec=31536000 and override=True.",
    url="https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/understanding-response-headers-policies.html",
    frameworks={"Checkov": ("CKV_AWS_259",)},
    partial={"CKV_AWS_259": "include_subdomains and preload, which also bind names that the distribution does not serve"},
)
def cloudfront_strict_transport_security(resource: Resource) -> Verdict:
    path = f"{_TRANSPORT}.accessControlMaxAgeSec"
    if (age := int(resource.get(path, 0))) < _YEAR:
        what = f"sends Strict-Transport-Security for {age} seconds, not for a year" if age else "sends no Strict-Transport-Security"
        return Fail(what, path)
    if not resource.get(f"{_TRANSPORT}.override", False):
        return Fail("lets the origin replace Strict-Transport-Security", f"{_TRANSPORT}.override")
    return Pass()


@control(
    id="cloudfront-default-root-object",
    title="CloudFront distributions have a default root object",
    severity=Severity.LOW,
    types=(DISTRIBUTION,),
    why="A request for the root of a bucket without one can list its objects.",
    remediation='Set default_root_object, such as "index.html".',
    url=f"{_PAGE}#cloudfront-1",
    frameworks={"FSBP": ("CloudFront.1",), "Checkov": ("CKV_AWS_305",)},
)
def cloudfront_default_root_object(resource: Resource) -> Verdict:
    return Pass() if resource.get("defaultRootObject", "") else Fail("has no default root object", "defaultRootObject")


@control(
    id="cloudfront-origin-failover",
    title="CloudFront distributions have a second origin to fail over to",
    severity=Severity.LOW,
    types=(DISTRIBUTION,),
    why="When the only origin fails, so does everything that is not in the cache.",
    remediation="Add origin_groups with two members and failover_criteria.",
    url=f"{_PAGE}#cloudfront-4",
    frameworks={"FSBP": ("CloudFront.4",), "Checkov": ("CKV_AWS_310",)},
)
def cloudfront_origin_failover(resource: Resource) -> Iterator[Verdict]:
    groups = resource.get("originGroups", ())
    if not groups:
        yield Fail("has no origin to fail over to", "originGroups")
    for index in range(len(groups)):
        path = f"originGroups.{index}.members"
        if resource.is_unknown(path):
            yield Unknown(path)
        elif len(resource.get(path, ())) < 2:
            yield Fail("has an origin group with one origin", path)


@stack_control(
    id="cloudfront-replica-failover",
    title="CloudFront distributions fail over to the replica of their bucket",
    severity=Severity.MEDIUM,
    types=(DISTRIBUTION,),
    why="The content is in two Regions, and viewers get errors all the same while S3 in the first one fails.",
    remediation="Add the replica as an origin, and origin_groups with both as members and failover_criteria; behaviors target the group.",
    url="https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/high_availability_origin_failover.html",
    pack="operations",
)
def cloudfront_replica_failover(resource: Resource, stack: Stack) -> Verdict:
    buckets = [bucket for path in expand(resource, "origins.*.domainName") for bucket in stack.refs(resource, path, *_BUCKETS)]
    found = [(bucket, replica) for bucket in buckets for replica in _replicas_elsewhere(bucket, stack)]
    if not found:
        return NotApplicable("reads no bucket with a replica in another Region")
    groups = read(resource, "originGroups")
    if groups is UNKNOWN:
        return Unknown("originGroups")
    if groups:
        return Pass()
    bucket, replica = found[0]
    return Fail(f"reads {bucket.name}, and does not fail over to its replica {replica.name} in another Region", "originGroups")


def _replicas_elsewhere(bucket: Resource, stack: Stack) -> Iterator[Resource]:
    """Buckets of another Region to which a bucket is replicated."""
    for replication in stack.referrers(bucket, _REPLICATION, "bucket"):
        for path in expand(replication, "rules.*.destination.bucket"):
            for replica in stack.refs(replication, path, *_BUCKETS):
                here, there = (read(one, "region", computed=True) for one in (bucket, replica))
                if here is not UNKNOWN and there is not UNKNOWN and here != there:
                    yield replica


@control(
    id="cloudfront-sni",
    title="CloudFront distributions use SNI, not dedicated addresses",
    severity=Severity.LOW,
    types=(DISTRIBUTION,),
    why="Dedicated addresses cost extra each month, for clients so old that they do not know Server Name Indication.",
    remediation='Set ssl_support_method of viewer_certificate to "sni-only".',
    url=f"{_PAGE}#cloudfront-8",
    frameworks={"FSBP": ("CloudFront.8",)},
)
def cloudfront_sni(resource: Resource) -> Verdict:
    path = "viewerCertificate.sslSupportMethod"
    if resource.get("viewerCertificate.cloudfrontDefaultCertificate", False):
        return NotApplicable("uses CloudFront's default certificate")
    return Fail("has dedicated addresses", path) if resource.get(path, "sni-only") == "vip" else Pass()
