"""The certificate of a domain name, and the DNS records that point the name to a load balancer."""

from collections.abc import Mapping

import pulumi
import pulumi_aws as aws

from cloudpatterns.core import Component


def issue_certificate(
    component: Component, domain_name: str, hosted_zone_id: pulumi.Input[str], tags: Mapping[str, pulumi.Input[str]]
) -> pulumi.Output[str]:
    """The ARN of a certificate for one name, available after it is issued; the validation record stays, for renewals."""
    name = component.pulumi_resource_name
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
        # The record is the same for every certificate of a name in an account; another certificate may have created it.
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
    domain_name: str,
    hosted_zone_id: pulumi.Input[str],
    balancer: aws.lb.LoadBalancer,
    listener: aws.lb.Listener,
    *,
    dual_stack: bool,
) -> None:
    """Points the name to the load balancer after its listener exists; with an AAAA record where the load balancer has IPv6."""
    for kind in ("A", "AAAA") if dual_stack else ("A",):
        aws.route53.Record(
            f"{component.pulumi_resource_name}-alias-{kind.lower()}",
            zone_id=hosted_zone_id,
            name=domain_name,
            type=kind,
            aliases=[{"name": balancer.dns_name, "zone_id": balancer.zone_id, "evaluate_target_health": True}],
            opts=component.child(depends_on=[listener]),
        )
