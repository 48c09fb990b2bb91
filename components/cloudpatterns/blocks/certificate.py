"""ACM certificates for the same names in several Regions, which share their validation records."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TypeVar

import pulumi
import pulumi_aws as aws

from cloudpatterns.core import Component, Problem

MOST_MAIN_NAME_CHARACTERS = 64
"""https://docs.aws.amazon.com/acm/latest/APIReference/API_RequestCertificate.html"""
_Region = TypeVar("_Region", bound=str | None)


def certificates(
    component: Component,
    child_names: Mapping[_Region, str],
    record_name: Callable[[str], str],
    domain_names: Sequence[str],
    hosted_zone_id: pulumi.Input[str],
    tags: Mapping[str, pulumi.Input[str]],
) -> dict[_Region, pulumi.Output[str]]:
    """ARNs by Region of certificates for all the names, available after they are issued; the validation records stay, for renewals.

    ``child_names`` are those of the certificates by Region, None for the provider's; ``record_name`` is that of the record of a domain
    name, whatever its place: another order of the names must not replace records, whose deletion would end renewals. A name has one record
    for the certificates of all Regions: ACM asks for the same one in an account.
    https://docs.aws.amazon.com/acm/latest/userguide/dns-validation.html
    """
    first, *others = domain_names
    created = {
        region: aws.acm.Certificate(
            child_name,
            domain_name=first,
            subject_alternative_names=others or None,
            validation_method="DNS",
            region=region,
            tags=tags,
            opts=component.child(),
        )
        for region, child_name in child_names.items()
    }
    options = next(iter(created.values())).domain_validation_options
    records: list[aws.route53.Record] = []
    # A wildcard is validated by the record of the name below it.
    for name in dict.fromkeys(name.removeprefix("*.") for name in domain_names):
        # ACM lists them in no order.
        option = options.apply(partial(_validation_option, name))
        records.append(
            aws.route53.Record(
                record_name(name),
                zone_id=hosted_zone_id,
                name=option.resource_record_name,
                type=option.resource_record_type,
                records=[option.resource_record_value],
                ttl=300,
                # Another certificate of the name, such as that of a load balancer, may have created it.
                allow_overwrite=True,
                opts=component.child(),
            )
        )
    return {
        region: aws.acm.CertificateValidation(
            f"{child_names[region]}-validation",
            certificate_arn=certificate.arn,
            validation_record_fqdns=[record.fqdn for record in records],
            region=region,
            opts=component.child(),
        ).certificate_arn
        for region, certificate in created.items()
    }


def main_name_problems(domain_names: Sequence[str]) -> Iterator[Problem]:
    """What ACM refuses of the main name, the first: the others may be longer."""
    if domain_names and (count := len(domain_names[0])) > MOST_MAIN_NAME_CHARACTERS:
        reason = f"has {count} characters; the first name of a new certificate has {MOST_MAIN_NAME_CHARACTERS} at most"
        yield "domain_names.0", f"{reason}. Put a shorter one before it."


def _validation_option(
    name: str, options: Sequence[aws.acm.outputs.CertificateDomainValidationOption]
) -> aws.acm.outputs.CertificateDomainValidationOption:
    return next(option for option in options if str(option.domain_name).removeprefix("*.") == name)
