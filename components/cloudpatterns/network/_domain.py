"""A domain name's certificate and the records that point the name to a load balancer."""

from collections.abc import Mapping

import pulumi
import pulumi_aws as aws

from cloudpatterns.core import Component


def issue_certificate(
    component: Component, name: str, domain_name: str, hosted_zone_id: pulumi.Input[str], tags: Mapping[str, pulumi.Input[str]]
) -> pulumi.Output[str]:
    """A certificate for one name, given out once it is issued; the record that proves the name stays, for the renewals."""
    certificate = aws.acm.Certificate(
        f"{name}-certificate", domain_name=domain_name, validation_method="DNS", tags=tags, opts=component.child()
    )
    option = certificate.domain_validation_options[0]
    record = aws.route53.Record(
        f"{name}-certificate-record",
        zone_id=hosted_zone_id,
        name=option.resource_record_name,
        type=option.resource_record_type,
        records=[option.resource_record_value],
        ttl=300,
        # The record is the same for every certificate of a name in an account; an earlier one may have made it.
        # https://docs.aws.amazon.com/acm/latest/userguide/dns-validation.html
        allow_overwrite=True,
        opts=component.child(),
    )
    return aws.acm.CertificateValidation(
        f"{name}-certificate-validation",
        certificate_arn=certificate.arn,
        validation_record_fqdns=[record.fqdn],
        opts=component.child(),
    ).certificate_arn


def alias_records(
    component: Component,
    name: str,
    domain_name: str,
    hosted_zone_id: pulumi.Input[str],
    balancer: aws.lb.LoadBalancer,
    *,
    dualstack: bool,
    after: pulumi.Resource,
) -> None:
    """Points the name to the balancer, once ``after`` answers there; with an AAAA record where the balancer has IPv6."""
    for kind in ("A", "AAAA") if dualstack else ("A",):
        aws.route53.Record(
            f"{name}-alias-{kind.lower()}",
            zone_id=hosted_zone_id,
            name=domain_name,
            type=kind,
            aliases=[{"name": balancer.dns_name, "zone_id": balancer.zone_id, "evaluate_target_health": True}],
            opts=component.child(depends_on=[after]),
        )
