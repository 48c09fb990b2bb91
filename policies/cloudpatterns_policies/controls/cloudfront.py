"""CloudFront distributions: TLS to viewers and to origins, a web ACL, private S3 origins."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from cloudpatterns_policies.controls._references import sets_reference
from cloudpatterns_policies.core import (
    UNKNOWN,
    Fail,
    NotApplicable,
    Pass,
    Resource,
    Severity,
    Stack,
    Unknown,
    UnknownValueError,
    Verdict,
    control,
    stack_control,
)
from cloudpatterns_policies.graph.reading import read

_PAGE: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/cloudfront-controls.html"

DISTRIBUTION: Final = "aws:cloudfront/distribution:Distribution"
_ACCESS_CONTROL: Final = "aws:cloudfront/originAccessControl:OriginAccessControl"
_WEB_ACLS: Final = ("aws:wafv2/webAcl:WebAcl", "aws:waf/webAcl:WebAcl")

_VIEWER_POLICY: Final = "viewerProtocolPolicy"
_PLAIN: Final = "allow-all"
_CERTIFICATE: Final = "viewerCertificate"
_TLS_POLICIES: Final = ("TLSv1.2_2021", "TLSv1.2_2025", "TLSv1.3_2025")
_OLD_PROTOCOLS: Final = ("SSLv3", "TLSv1", "TLSv1.1")


def _behaviors(resource: Resource) -> Iterator[str]:
    """The paths of the cache behaviors. Raises `UnknownValueError` after the default one."""
    yield "defaultCacheBehavior"
    for index in range(len(resource.get("orderedCacheBehaviors", ()))):
        yield f"orderedCacheBehaviors.{index}"


def _origins(resource: Resource) -> Iterator[tuple[str, str]]:
    """Path and name of each origin; an origin that is unknown as a whole has no name."""
    for index in range(len(resource.get("origins", ()))):
        name = read(resource, f"origins.{index}.originId")
        yield f"origins.{index}", name if isinstance(name, str) else str(index)


def _custom_origins(resource: Resource) -> Iterator[tuple[str, str]]:
    """Path of the configuration, and name, of each origin that is not a bucket."""
    for origin, name in _origins(resource):
        path = f"{origin}.customOriginConfig"
        if read(resource, path) is not None:
            yield path, name


@control(
    id="cloudfront-https",
    title="CloudFront distributions serve viewers over HTTPS only",
    severity=Severity.MEDIUM,
    types=(DISTRIBUTION,),
    why="Content sent over plain HTTP can be read and changed in transit, including session cookies.",
    remediation='Set viewer_protocol_policy to "redirect-to-https" or "https-only" in default_cache_behavior and ordered_cache_behaviors.',
    url=f"{_PAGE}#cloudfront-3",
    frameworks={"FSBP": ("CloudFront.3",), "Checkov": ("CKV_AWS_34",)},
)
def cloudfront_https(resource: Resource) -> Iterator[Verdict]:
    for behavior in _behaviors(resource):
        path = f"{behavior}.{_VIEWER_POLICY}"
        if resource.is_unknown(path):
            yield Unknown(path)
        elif (policy := resource.get(path, _PLAIN)) == _PLAIN:
            yield Fail(f"serves plain HTTP: its viewer policy is {policy}", path)


@control(
    id="cloudfront-tls-policy",
    title="CloudFront distributions use a recommended TLS policy",
    severity=Severity.MEDIUM,
    types=(DISTRIBUTION,),
    why="Older policies, including that of the default certificate, still accept TLS 1.0 and weak ciphers.",
    remediation='Set viewer_certificate with acm_certificate_arn and minimum_protocol_version="TLSv1.2_2021" or later.',
    url=f"{_PAGE}#cloudfront-15",
    frameworks={"FSBP": ("CloudFront.15",), "Checkov": ("CKV_AWS_174",)},
    config={
        "policies": {
            "type": "array",
            "items": {"type": "string"},
            "default": list(_TLS_POLICIES),
            "description": "The accepted security policies.",
        }
    },
)
def cloudfront_tls_policy(resource: Resource, config: Mapping[str, Any]) -> Verdict:
    # With CloudFront's own certificate the policy is TLSv1, whatever minimum_protocol_version says.
    # https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_ViewerCertificate.html
    if resource.get(f"{_CERTIFICATE}.cloudfrontDefaultCertificate"):
        return Fail("uses CloudFront's default certificate, which accepts TLSv1", f"{_CERTIFICATE}.cloudfrontDefaultCertificate")
    policy = resource.get(f"{_CERTIFICATE}.minimumProtocolVersion", "TLSv1")
    return Pass() if policy in config["policies"] else Fail(f"uses the TLS policy {policy}", f"{_CERTIFICATE}.minimumProtocolVersion")


@stack_control(
    id="cloudfront-web-acl",
    title="CloudFront distributions have a web ACL",
    severity=Severity.MEDIUM,
    types=(DISTRIBUTION,),
    why="Without a web ACL, floods, scanners and known exploits reach the origin itself.",
    remediation="Set web_acl_id to the ARN of an aws.wafv2.WebAcl of scope CLOUDFRONT.",
    url=f"{_PAGE}#cloudfront-6",
    frameworks={"FSBP": ("CloudFront.6",), "Checkov": ("CKV_AWS_68",)},
)
def cloudfront_web_acl(resource: Resource, stack: Stack) -> Verdict:
    return Pass() if sets_reference(stack, resource, "webAclId", *_WEB_ACLS) else Fail("has no web ACL", "webAclId")


@stack_control(
    id="cloudfront-origin-access-control",
    title="CloudFront distributions read S3 origins with origin access control",
    severity=Severity.MEDIUM,
    types=(DISTRIBUTION,),
    why="Otherwise the bucket must allow everyone, or an origin access identity, which cannot read objects encrypted with a KMS key.",
    remediation="Set origin_access_control_id of each S3 origin to the id of an aws.cloudfront.OriginAccessControl.",
    url=f"{_PAGE}#cloudfront-13",
    frameworks={"FSBP": ("CloudFront.13",), "Checkov": ("CKV2_AWS_46",)},
)
def cloudfront_origin_access_control(resource: Resource, stack: Stack) -> list[Verdict]:
    found: list[Verdict] = []
    for origin, name in _origins(resource):
        if resource.is_unknown(origin):
            found.append(Unknown(origin))
            continue
        if not _is_bucket(resource, origin):
            continue
        path = f"{origin}.originAccessControlId"
        try:
            closed = sets_reference(stack, resource, path, _ACCESS_CONTROL)
        except UnknownValueError:
            found.append(Unknown(path))
        else:
            found.append(Pass() if closed else Fail(f"reads the S3 origin {name} without origin access control", path))
    return found or [NotApplicable("has no S3 origin")]


def _is_bucket(resource: Resource, origin: str) -> bool:
    """Whether an origin is a bucket's REST endpoint; its website endpoint is an origin like any web server."""
    domain = read(resource, f"{origin}.domainName")
    if isinstance(domain, str) and ".amazonaws.com" in domain and (".s3." in domain or ".s3-" in domain):
        return ".s3-website" not in domain
    return all(read(resource, f"{origin}.{kind}") is None for kind in ("customOriginConfig", "vpcOriginConfig"))


@control(
    id="cloudfront-origin-tls",
    title="CloudFront distributions use HTTPS to their origins",
    severity=Severity.MEDIUM,
    types=(DISTRIBUTION,),
    why="Requests between edge location and origin cross the internet; over plain HTTP they can be read and changed there.",
    remediation='Set origin_protocol_policy of custom_origin_config to "https-only".',
    url=f"{_PAGE}#cloudfront-9",
    frameworks={"FSBP": ("CloudFront.9",), "Checkov": ("CKV2_AWS_72",)},
)
def cloudfront_origin_tls(resource: Resource) -> Iterator[Verdict]:
    for config, name in _custom_origins(resource):
        path = f"{config}.originProtocolPolicy"
        policy = read(resource, path)
        plain = _plain_viewers(resource) if policy is not UNKNOWN and policy == "match-viewer" else ""
        if policy is UNKNOWN:
            yield Unknown(path)
        elif plain is UNKNOWN:
            yield Unknown(_VIEWER_POLICY)
        elif policy != "https-only" and (policy != "match-viewer" or plain):
            yield Fail(f"requests the origin {name} over plain HTTP: its policy is {policy}{plain}", path)


def _plain_viewers(resource: Resource) -> Any:
    """A text for messages when viewers may use plain HTTP; empty when they may not, `UNKNOWN` when that is unknown."""
    if read(resource, "orderedCacheBehaviors") is UNKNOWN:
        return UNKNOWN
    policies = [read(resource, f"{behavior}.{_VIEWER_POLICY}") for behavior in _behaviors(resource)]
    if any(policy is not UNKNOWN and policy == _PLAIN for policy in policies):
        return ", and viewers may use HTTP"
    return UNKNOWN if any(policy is UNKNOWN for policy in policies) else ""


@control(
    id="cloudfront-origin-protocols",
    title="CloudFront distributions use no deprecated TLS protocol with their origins",
    severity=Severity.MEDIUM,
    types=(DISTRIBUTION,),
    why="SSL 3.0 and TLS before 1.2 have known weaknesses, and an attacker in between can force the connection down to them.",
    remediation='Set origin_ssl_protocols of custom_origin_config to ["TLSv1.2"].',
    url=f"{_PAGE}#cloudfront-10",
    frameworks={"FSBP": ("CloudFront.10",), "Checkov": ("CKV2_AWS_54",)},
    config={
        "deprecated": {
            "type": "array",
            "items": {"type": "string"},
            "default": list(_OLD_PROTOCOLS),
            "description": "Protocols that must not be offered to origins. CloudFront.10 itself is about SSLv3 only.",
        }
    },
)
def cloudfront_origin_protocols(resource: Resource, config: Mapping[str, Any]) -> Iterator[Verdict]:
    for origin, name in _custom_origins(resource):
        path = f"{origin}.originSslProtocols"
        protocols = read(resource, path)
        items = protocols if isinstance(protocols, list) else []
        old = [item for item in items if isinstance(item, str) and item in config["deprecated"]]
        if old:
            yield Fail(f"offers the origin {name} {' and '.join(sorted(old))}", path)
        elif protocols is UNKNOWN or any(item is UNKNOWN for item in items):
            yield Unknown(path)
