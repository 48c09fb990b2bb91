"""Arguments of ``DnsFailover``, and the rules over them."""

from collections.abc import Iterator
from typing import Annotated, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.blocks.distribution import EDGE_REGION
from cloudpatterns.blocks.dns import CLOUDFRONT_ZONE_ID
from cloudpatterns.core import ArgumentError, Problem, excludes, is_given, one_of, pick
from cloudpatterns.core.vocabulary import BucketArn, EdgeCertificateArn, KmsKeyArn, Region
from cloudpatterns.delivery._targets import DnsAlias, DnsEndpoint, DnsNameArgs, DnsNameOptions, endpoint_problems, topic_problems
from cloudpatterns.delivery._viewers import CdnViewerOptions, EdgeWebAclArn
from cloudpatterns.delivery.content_delivery_network.arguments import ContentDeliveryNetworkArgs
from cloudpatterns.delivery.content_delivery_network.component import ContentDeliveryNetwork
from cloudpatterns.resilience import DeepHealthCheck, DeepHealthCheckArgs
from cloudpatterns.resilience.deep_health_check.arguments import CODE

_OTHER_REGION = "us-west-2"
_OF_PAGES = ("page", "certificate_arn", "kms_key_arn", "log_bucket_name", "web_acl_arn", "cdn_log_bucket_arn")


class FailoverPageOptions(TypedDict):
    """The page that clients see while the primary fails."""

    html: NotRequired[pulumi.Input[str]]
    """The page, with styles and images in it. Default: a short text in English."""
    retry_after_seconds: NotRequired[Annotated[int, Field(default=120, ge=1, le=86_400)]]
    """After how long crawlers and clients of an API ask again, by the header Retry-After."""
    region: NotRequired[Region]
    """Region of the bucket, which is not that of the primary. Default: us-east-1; us-west-2 for a primary there."""
    viewers: NotRequired[Annotated[CdnViewerOptions, Field(default={})]]
    """The side of the distribution that viewers see: TLS, headers, firewall, logs. Its ``force_destroy`` is for all created buckets."""


class FailoverHealthCheck(DeepHealthCheckArgs):
    """A ``DeepHealthCheck`` of the primary."""


class DnsFailoverOptions(DnsNameOptions):
    """What a user tunes of a ``DnsFailover``."""

    page: NotRequired[Annotated[FailoverPageOptions, Field(default={})]]
    """The page and the distribution before it."""


class DnsFailoverArgs(DnsFailoverOptions, DnsNameArgs):
    """Arguments of ``DnsFailover``."""

    primary: DnsEndpoint
    """The service: ``alias`` or ``addresses``. Its ``domain_name`` is that of ``health_check`` in most cases."""
    primary_region: Region
    """Region of the primary, in which nothing is that the page needs."""
    health_check: NotRequired[FailoverHealthCheck]
    """A ``DeepHealthCheck`` to create, exactly one of this and ``health_check_id``. Its ``domain_name`` is one of the primary alone;
    without that and without a function that measures it is ``domain_name`` of ``primary``."""
    health_check_id: NotRequired[pulumi.Input[str]]
    """A health check that is there, such as that of a ``DeepHealthCheck``, and does not ask the shared name. Exactly one of this and
    ``health_check``."""
    certificate_arn: NotRequired[EdgeCertificateArn]
    """Certificate of the distribution, such as that of ``RegionalCertificates``. Default: a new one."""
    primary_certificate: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether a certificate for the primary is created too, in ``primary_region``, with the same validation record. Where a load balancer
    needs it before this component is created, ``RegionalCertificates`` creates both."""
    existing_secondary: NotRequired[DnsAlias]
    """A secondary that is there and answers to the name, in place of the page, such as a distribution of yours. Default: a new page."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of the bucket, in its Region, whose policy must let the distribution decrypt. Default: a new key."""
    log_bucket_name: NotRequired[pulumi.Input[str]]
    """Bucket for the server access logs of the bucket, in its Region. Default: a new one."""
    web_acl_arn: NotRequired[EdgeWebAclArn]
    """Web ACL of the scope CLOUDFRONT, which serves the page. Default: a new one."""
    cdn_log_bucket_arn: NotRequired[BucketArn]
    """Bucket for the access logs of the distribution, whose policy admits ``delivery.logs.amazonaws.com``. Default: a new one."""


def page_region(checked: DnsFailoverArgs) -> str:
    """Where the page's bucket is."""
    given = checked["page"].get("region")
    if given is not None:
        return given
    return _OTHER_REGION if checked["primary_region"] == EDGE_REGION else EDGE_REGION


def problems(checked: DnsFailoverArgs) -> Iterator[Problem]:
    """What is wrong with the arguments together."""
    yield from one_of(checked, "health_check", "health_check_id")
    yield from endpoint_problems(checked, checked["primary"], "primary.", "alias", "addresses")
    yield from topic_problems(checked["alarm_topic_arns"])
    yield from _primary_problems(checked)
    health_check = health_check_args(checked)
    if health_check is not None:
        yield from _health_problems(health_check)
    if health_check is not None and health_check.get("domain_name") == checked["domain_name"]:
        reason = "the page would answer to it after a failover, and clients would never come back. Give a name of the primary alone."
        yield "health_check.domain_name", f"is {checked['domain_name']!r}, the shared name: {reason}"
    if page_region(checked) == checked["primary_region"]:
        yield "page.region", f"is {checked['primary_region']!r}, the Region of the primary, with which the page would fail. Name another."
    for name in _OF_PAGES:
        yield from excludes(checked, "existing_secondary", name, why="it is for a page that is created")
    existing = checked.get("existing_secondary")
    if existing is None:
        yield from _viewer_problems(checked)
    if existing is not None and existing["zone_id"] == CLOUDFRONT_ZONE_ID and existing["evaluate_target_health"]:
        reason = "is True, and the secondary is a distribution, whose health Route 53 does not evaluate. Set it to False."
        yield "existing_secondary.evaluate_target_health", reason


def _viewer_problems(checked: DnsFailoverArgs) -> Iterator[Problem]:
    """What the distribution would refuse, by the names that it has here."""
    args: ContentDeliveryNetworkArgs = {
        **checked["page"]["viewers"],
        **pick(checked, "hosted_zone_id", "certificate_arn", "web_acl_arn"),
        "domain_names": [checked["domain_name"]],
        "origins": {"page": {"bucket": {"regional_domain_name": "page.s3.us-east-1.amazonaws.com"}}},
    }
    try:
        ContentDeliveryNetwork.check("cdn", args)
    except ArgumentError as error:
        yield from (one if one[0] in args and one[0] in checked else (f"page.viewers.{one[0]}", one[1]) for one in error.problems)
    if is_given(checked, "cdn_log_bucket_arn") and is_given(checked["page"]["viewers"], "log_retention_days"):
        reason = "excludes page.viewers.log_retention_days: it is for a bucket that is created; both are given. Remove one of them."
        yield "cdn_log_bucket_arn", reason


def health_check_args(checked: DnsFailoverArgs) -> DeepHealthCheckArgs | None:
    """The health check to create: one that asks an endpoint, and names none, asks the primary by its own name."""
    given, own = checked.get("health_check"), checked["primary"].get("domain_name")
    if given is None or own is None or given.get("domain_name") is not None or any(is_given(given, name) for name in CODE):
        return given
    return {**given, "domain_name": own}


def _health_problems(health_check: DeepHealthCheckArgs) -> Iterator[Problem]:
    try:
        DeepHealthCheck.check("health", health_check)
    except ArgumentError as error:
        yield from ((f"health_check.{path}", reason) for path, reason in error.problems)


def _primary_problems(checked: DnsFailoverArgs) -> Iterator[Problem]:
    alias = checked["primary"].get("alias")
    if alias is None:
        return
    if alias["zone_id"] == CLOUDFRONT_ZONE_ID:
        reason = (
            "is that of a distribution, and CloudFront serves a name by one alone. Let a distribution fail over by its failover_origin."
        )
        yield "primary.alias.zone_id", reason
    elif not alias["evaluate_target_health"]:
        yield "primary.alias.evaluate_target_health", "is False; Route 53 accepts no primary alias without it. Leave it out."
