"""Arguments of ``DnsFailover``, and the rules over them."""

from collections.abc import Iterator
from typing import Annotated, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.blocks.distribution import EDGE_REGION
from cloudpatterns.blocks.dns import CLOUDFRONT_ZONE_ID
from cloudpatterns.core import ArgumentError, Matches, Problem, excludes, one_of
from cloudpatterns.core.vocabulary import KmsKeyArn, Region
from cloudpatterns.delivery._targets import DnsAlias, DnsEndpoint, DnsNameArgs, DnsNameOptions, endpoint_problems, topic_problems
from cloudpatterns.delivery._viewers import CdnViewerOptions
from cloudpatterns.resilience import DeepHealthCheck, DeepHealthCheckArgs

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
    """The side of the distribution that viewers see: TLS, headers, firewall, logs."""


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
    """A ``DeepHealthCheck`` to create. Its ``domain_name`` is one of the primary alone. Exactly one of this and ``health_check_id``."""
    health_check_id: NotRequired[pulumi.Input[str]]
    """A health check that is there, such as that of a ``DeepHealthCheck``, and does not ask the shared name. Exactly one of this and
    ``health_check``."""
    certificate_arn: NotRequired[
        Annotated[
            pulumi.Input[str],
            Matches(
                r"arn:[^:]+:acm:us-east-1:[^:]*:certificate/.+",
                "a certificate in us-east-1 such as arn:aws:acm:us-east-1:123456789012:certificate/1",
            ),
        ]
    ]
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
    web_acl_arn: NotRequired[pulumi.Input[str]]
    """Web ACL of the scope CLOUDFRONT, which serves the page. Default: a new one."""
    cdn_log_bucket_arn: NotRequired[pulumi.Input[str]]
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
    health_check = checked.get("health_check")
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
    if existing is not None and existing["zone_id"] == CLOUDFRONT_ZONE_ID and existing["evaluate_target_health"]:
        reason = "is True, and the secondary is a distribution, whose health Route 53 does not evaluate. Set it to False."
        yield "existing_secondary.evaluate_target_health", reason


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
