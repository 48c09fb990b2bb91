"""Certificates of the same names in several Regions, which one record for each name validates.

Pattern: "Multi-Region Active-Active" (2025 guide).
"""

from typing import Annotated, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.blocks.certificate import certificates, main_name_problems
from cloudpatterns.core import ByName, Component, Unique, by_name
from cloudpatterns.core.vocabulary import DomainName, HostedZoneId, Region, Tags


class RegionalCertificatesArgs(TypedDict):
    """Arguments of ``RegionalCertificates``."""

    domain_names: Annotated[list[DomainName], Field(min_length=1, max_length=10), Unique()]
    """Names that each certificate is for, the main one first, which has at most 64 characters."""
    hosted_zone_id: HostedZoneId
    """Public Route 53 hosted zone of all of them."""
    regions: Annotated[list[Region], Field(min_length=1), Unique()]
    """Regions with a certificate: those of the load balancers, and us-east-1 for CloudFront."""
    tags: NotRequired[Tags]
    """Tags of the certificates."""


class RegionalCertificates(Component):
    """Certificates of one service in several Regions (2025 guide, "Multi-Region Active-Active").

    A certificate is of one Region, and its validation record is the same in all of them. Creates the certificates, one record for each
    name, and waits until all are issued. ACM renews them while the record is there, so it is not that of one Region's stack, which might
    be destroyed.

    **Use when**: load balancers in several Regions (``LatencyRouting``), or one and a distribution (``DnsFailover``), serve one name.

    **Not when**: there is one: ``LoadBalancer`` and ``ContentDeliveryNetwork`` create their own.

    **Cost drivers**: none, public certificates are free.

    **Trade-offs**: all certificates have all names; another name replaces them, and the old ones go when nothing uses them.

    **Proven by**: ``test_regional_certificates.py``, which counts the records.
    """

    certificate_arns: ByName[str]
    """ARNs of the certificates by Region, available after they are issued."""

    def __init__(self, name: str, args: RegionalCertificatesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        checked = self.begin(name, args, opts, problems=lambda checked: main_name_problems(checked["domain_names"]))
        self.certificate_arns = by_name(
            certificates(
                self,
                {region: f"{name}-{region}" for region in checked["regions"]},
                f"{name}-record-{{}}".format,
                checked["domain_names"],
                checked["hosted_zone_id"],
                checked["tags"],
            )
        )
        self.register()
