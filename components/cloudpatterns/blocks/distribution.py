"""CloudFront distributions: their origins, which answer CloudFront alone, their cache behaviors, and TLS on both sides."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import pulumi
import pulumi_aws as aws

from cloudpatterns.core import Component

EDGE_REGION = "us-east-1"
"""Where CloudFront looks for certificates, web ACLs and log deliveries, and reports its metrics."""
FAILOVER_CODES = (500, 502, 503, 504)
"""Status codes of an origin after which CloudFront asks the second one, beside a connection that fails or times out."""
CACHE_POLICIES = {
    "optimized": "658327ea-f89d-4fab-a63d-7e88639e58f6",
    "origin": "83da9c7e-98b4-4e11-a168-04f0df8e2c65",
    "origin_with_query": "4cc15a8a-d715-48a4-82b8-cc0b614638fe",
    "disabled": "4135ea2d-6df8-44a3-9df3-4b5a84be39ad",
}
"""AWS's managed policies: CachingOptimized, UseOriginCacheControlHeaders, the same with query strings, and CachingDisabled.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-cache-policies.html
"""
REQUEST_POLICIES = {
    "all": "216adef6-5c7f-47e4-b989-5492eafa07d3",
    "all_except_host": "b689b0a8-53d0-40ab-baf2-68738e2966ac",
    "cors": "88a5eaf4-2fd4-4709-b370-b4c650ea3fcf",
}
"""AWS's managed policies of what the origin gets: AllViewer, AllViewerExceptHostHeader and CORS-S3Origin.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-origin-request-policies.html
"""
METHODS = {
    "read": ["GET", "HEAD"],
    "read_and_preflight": ["GET", "HEAD", "OPTIONS"],
    "all": ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"],
}
"""The three sets of methods that CloudFront takes."""

_TLS = "TLSv1.2"
_LONGEST_SESSION_SECONDS = 3600
# CloudFront creates network interfaces for a VPC origin, and removes them, which took longer than the 15 minutes of the provider:
# https://github.com/terraform-aws-modules/terraform-aws-cloudfront/issues/163
_VPC_ORIGIN_TIME = "45m"

Origin = aws.cloudfront.DistributionOriginArgsDict
"""An origin of a distribution; its ``origin_id`` is what behaviors name."""


@dataclass(frozen=True, kw_only=True)
class Reach:
    """How CloudFront reaches an origin, whatever it is."""

    path: str | None = None
    """Begins the path of every request to the origin. Default: nothing is added."""
    shield_region: str | None = None
    """Region of the cache between all edge locations and the origin."""
    connection_attempts: int = 3
    connection_timeout_seconds: int = 10

    def settings(self, origin_id: str, domain_name: pulumi.Input[str]) -> Origin:
        """What all origins have."""
        settings: Origin = {
            "origin_id": origin_id,
            "domain_name": domain_name,
            "connection_attempts": self.connection_attempts,
            "connection_timeout": self.connection_timeout_seconds,
        }
        if self.path is not None:
            settings["origin_path"] = self.path
        if self.shield_region is not None:
            settings["origin_shield"] = {"enabled": True, "origin_shield_region": self.shield_region}
        return settings


class Timeouts(NamedTuple):
    """Seconds that CloudFront waits for an answer of a server, and keeps an idle connection to it."""

    read: int = 30
    keepalive: int = 5


@dataclass(frozen=True, kw_only=True)
class Behavior:
    """What CloudFront does with the requests of a path."""

    origin_id: str
    """An origin, or the id that ``failover`` gave to two."""
    path_pattern: str | None = None
    """Default: every path that no other behavior has."""
    methods: str = "read"
    """A key of ``METHODS``."""
    cache_policy_id: pulumi.Input[str] = CACHE_POLICIES["optimized"]
    request_policy_id: pulumi.Input[str] | None = None
    """What the origin gets of a request beside the cache key. Default: nothing."""
    response_headers_policy_id: pulumi.Input[str] | None = None
    key_group_ids: Sequence[pulumi.Input[str]] = ()
    """Public keys, one of which must verify the signed URL or cookies of every request. Default: everybody may read."""
    function_arns: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    """CloudFront functions by event, ``viewer-request`` or ``viewer-response``."""


class Viewer(NamedTuple):
    """What viewers connect to: domain names with their certificate and TLS policy, or CloudFront's own name."""

    domain_names: Sequence[str] = ()
    certificate_arn: pulumi.Input[str] | None = None
    """In us-east-1, for all domain names. None leaves CloudFront's own certificate, which accepts TLS 1.0."""
    tls_policy: str = "TLSv1.2_2025"

    def settings(self) -> aws.cloudfront.DistributionViewerCertificateArgsDict:
        """The certificate's part of the distribution."""
        if self.certificate_arn is None:
            return {"cloudfront_default_certificate": True, "minimum_protocol_version": "TLSv1"}
        return {
            "acm_certificate_arn": self.certificate_arn,
            "minimum_protocol_version": self.tls_policy,
            "ssl_support_method": "sni-only",
        }


class ErrorPage(NamedTuple):
    """What viewers get in place of an error: a page, which a behavior must serve without a signature."""

    code: int
    """Status code of the origin, or of CloudFront itself."""
    path: str | None = None
    """Path of the page. Default: what the origin sent."""
    response_code: int | None = None
    cache_seconds: int = 10
    """For which CloudFront does not ask the origin again."""


def bucket_origin(
    component: Component, child_name: str, origin_id: str, regional_domain_name: pulumi.Input[str], reach: Reach | None = None
) -> Origin:
    """A private bucket, read by origin access control. Its policy, and that of its key (``decrypt_statement``), admit the distribution.

    The domain name is the bucket's ``bucket_regional_domain_name``: the global one redirects viewers to the bucket until it is known in
    all Regions, and a website endpoint takes no signed requests.
    """
    control = aws.cloudfront.OriginAccessControl(
        child_name,
        description=f"CloudFront reads the origin {origin_id}",
        origin_access_control_origin_type="s3",
        signing_behavior="always",
        signing_protocol="sigv4",
        opts=component.child(),
    )
    return {**(reach or Reach()).settings(origin_id, regional_domain_name), "origin_access_control_id": control.id}


def balancer_origin(
    component: Component,
    child_name: str,
    origin_id: str,
    balancer_arn: pulumi.Input[str],
    domain_name: pulumi.Input[str],
    *,
    https_port: int = 443,
    timeouts: Timeouts | None = None,
    reach: Reach | None = None,
    tags: Mapping[str, pulumi.Input[str]],
) -> Origin:
    """An internal load balancer or an instance, which CloudFront reaches by interfaces in its VPC, over TLS.

    Its certificate must be valid for the Host header that it gets, or without that for ``domain_name``. The VPC needs an internet gateway,
    no route to it: https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-vpc-origins.html
    """
    arn = pulumi.Output.from_input(balancer_arn)
    origin = aws.cloudfront.VpcOrigin(
        child_name,
        vpc_origin_endpoint_config={
            # CloudFront gives no name by itself. That of the endpoint and its port lets a new one exist beside the old one.
            "name": arn.apply(lambda text: f"{child_name}-{text.rpartition('/')[2]}-{https_port}"),
            "arn": arn,
            "http_port": 80,
            "https_port": https_port,
            "origin_protocol_policy": "https-only",
            "origin_ssl_protocols": {"items": [_TLS], "quantity": 1},
        },
        timeouts={"create": _VPC_ORIGIN_TIME, "update": _VPC_ORIGIN_TIME, "delete": _VPC_ORIGIN_TIME},
        tags=tags,
        # CloudFront changes no VPC origin that a distribution uses.
        opts=component.child(replace_on_changes=["vpcOriginEndpointConfig"]),
    )
    return vpc_origin(origin_id, origin.id, domain_name, timeouts=timeouts, reach=reach)


def vpc_origin(
    origin_id: str,
    vpc_origin_id: pulumi.Input[str],
    domain_name: pulumi.Input[str],
    *,
    timeouts: Timeouts | None = None,
    reach: Reach | None = None,
) -> Origin:
    """A VPC origin that exists."""
    read, keepalive = timeouts or Timeouts()
    return {
        **(reach or Reach()).settings(origin_id, domain_name),
        "vpc_origin_config": {"vpc_origin_id": vpc_origin_id, "origin_read_timeout": read, "origin_keepalive_timeout": keepalive},
    }


def web_origin(
    origin_id: str,
    domain_name: pulumi.Input[str],
    *,
    https_port: int = 443,
    secret_headers: Mapping[str, pulumi.Input[str]] | None = None,
    timeouts: Timeouts | None = None,
    reach: Reach | None = None,
) -> Origin:
    """A server on the internet, over TLS. It knows CloudFront's requests by the headers that only CloudFront sends, and refuses others."""
    read, keepalive = timeouts or Timeouts()
    settings: Origin = {
        **(reach or Reach()).settings(origin_id, domain_name),
        "custom_origin_config": {
            "http_port": 80,
            "https_port": https_port,
            "origin_protocol_policy": "https-only",
            "origin_ssl_protocols": [_TLS],
            "origin_read_timeout": read,
            "origin_keepalive_timeout": keepalive,
        },
    }
    if secret_headers:
        # AWS shows them to whoever may read the distribution; the state keeps them encrypted.
        settings["custom_headers"] = [
            {"name": name, "value": pulumi.Output.secret(value)} for name, value in sorted(secret_headers.items())
        ]
    return settings


def failover(first_id: str, second_id: str, codes: Sequence[int] = FAILOVER_CODES) -> aws.cloudfront.DistributionOriginGroupArgsDict:
    """Two origins as one, ``<first>-or-<second>``: CloudFront asks the second when the first fails, for GET, HEAD and OPTIONS alone."""
    return {
        "origin_id": f"{first_id}-or-{second_id}",
        "failover_criteria": {"status_codes": sorted(codes)},
        "members": [{"origin_id": first_id}, {"origin_id": second_id}],
    }


def distribution(
    component: Component,
    child_name: str,
    *,
    comment: str,
    viewer: Viewer,
    origins: Sequence[Origin],
    default: Behavior,
    behaviors: Sequence[Behavior] = (),
    failovers: Sequence[aws.cloudfront.DistributionOriginGroupArgsDict] = (),
    web_acl_arn: pulumi.Input[str] | None,
    error_pages: Sequence[ErrorPage] = (),
    default_root_object: str | None = None,
    price_class: str = "PriceClass_All",
    country_codes: Sequence[str] = (),
    blocked_country_codes: Sequence[str] = (),
    continuous_deployment_policy_id: pulumi.Input[str] | None = None,
    staging: bool = False,
    http3: bool = True,
    tags: Mapping[str, pulumi.Input[str]],
    depends_on: Sequence[pulumi.Resource] = (),
) -> aws.cloudfront.Distribution:
    """A distribution over IPv4 and IPv6, HTTP/2 and, but for continuous deployment, HTTP/3, which redirects plain HTTP.

    ``behaviors`` are tried in their order. It is disabled before it is deleted, which takes a quarter of an hour. Its access logs are
    ``access_logs``, its alarms ``distribution_alarms``.
    """
    kind = "whitelist" if country_codes else "blacklist" if blocked_country_codes else "none"
    return aws.cloudfront.Distribution(
        child_name,
        comment=comment,
        enabled=True,
        aliases=list(viewer.domain_names) or None,
        viewer_certificate=viewer.settings(),
        origins=list(origins),
        origin_groups=list(failovers) or None,
        default_cache_behavior=_settings(default),
        ordered_cache_behaviors=[{**_settings(one), "path_pattern": str(one.path_pattern)} for one in behaviors] or None,
        custom_error_responses=[_error_response(one) for one in error_pages] or None,
        default_root_object=default_root_object,
        restrictions={"geo_restriction": {"restriction_type": kind, "locations": sorted(country_codes or blocked_country_codes)}},
        web_acl_id=web_acl_arn,
        http_version="http2and3" if http3 else "http2",
        is_ipv6_enabled=True,
        price_class=price_class,
        continuous_deployment_policy_id=continuous_deployment_policy_id,
        staging=staging or None,
        tags=tags,
        opts=component.child(depends_on=list(depends_on)),
    )


def deployment_policy(
    component: Component, child_name: str, staging: aws.cloudfront.Distribution, percent: float, session_idle_seconds: int | None
) -> aws.cloudfront.ContinuousDeploymentPolicy:
    """Sends a part of the viewers of one distribution to another, its staging one; with 0 percent it is switched off.

    A distribution takes it by an update alone, and not with HTTP/3.
    https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/continuous-deployment-quotas-considerations.html
    """
    weight: aws.cloudfront.ContinuousDeploymentPolicyTrafficConfigSingleWeightConfigArgsDict = {"weight": percent / 100}
    if session_idle_seconds is not None:
        weight["session_stickiness_config"] = {"idle_ttl": session_idle_seconds, "maximum_ttl": _LONGEST_SESSION_SECONDS}
    return aws.cloudfront.ContinuousDeploymentPolicy(
        child_name,
        enabled=percent > 0,
        staging_distribution_dns_names={"items": [staging.domain_name], "quantity": 1},
        traffic_config={"type": "SingleWeight", "single_weight_config": weight},
        opts=component.child(),
    )


def _settings(behavior: Behavior) -> aws.cloudfront.DistributionDefaultCacheBehaviorArgsDict:
    settings: aws.cloudfront.DistributionDefaultCacheBehaviorArgsDict = {
        "target_origin_id": behavior.origin_id,
        "viewer_protocol_policy": "redirect-to-https",
        "allowed_methods": METHODS[behavior.methods],
        "cached_methods": METHODS["read"],
        "compress": True,
        "cache_policy_id": behavior.cache_policy_id,
    }
    if behavior.request_policy_id is not None:
        settings["origin_request_policy_id"] = behavior.request_policy_id
    if behavior.response_headers_policy_id is not None:
        settings["response_headers_policy_id"] = behavior.response_headers_policy_id
    if behavior.key_group_ids:
        settings["trusted_key_groups"] = list(behavior.key_group_ids)
    if behavior.function_arns:
        settings["function_associations"] = [
            {"event_type": event, "function_arn": arn} for event, arn in sorted(behavior.function_arns.items())
        ]
    return settings


def _error_response(page: ErrorPage) -> aws.cloudfront.DistributionCustomErrorResponseArgsDict:
    response: aws.cloudfront.DistributionCustomErrorResponseArgsDict = {
        "error_code": page.code,
        "error_caching_min_ttl": page.cache_seconds,
    }
    if page.path is not None:
        response["response_page_path"] = page.path
        response["response_code"] = page.code if page.response_code is None else page.response_code
    return response
