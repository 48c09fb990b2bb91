"""What keeps its place in AWS while a stack moves behind a CDN, or from behind it: records, which Route 53 takes once, and logs."""

from collections.abc import Mapping

import pulumi

from cloudpatterns.core import Component

_BALANCER, _CDN, _CERTIFICATES = (
    f"cloudpatterns:index:{component}" for component in ("LoadBalancer", "ContentDeliveryNetwork", "RegionalCertificates")
)
_LOGS, _RECORD = "cloudpatterns:index:DurableBucket", "aws:route53/record:Record"
_KINDS = ("a", "aaaa")


def to_balancer(component: Component, name: str, domain_name: str | None) -> pulumi.ResourceOptions:
    """Options of the load balancer that faces the internet, which takes over from the CDN, and from the one behind it."""
    proof = _urn(component, _CERTIFICATES, f"{name}-certificates", _RECORD, f"{name}-certificates-record-{domain_name}")
    return _options(
        component,
        {
            **{
                (_RECORD, new): _urn(component, _CDN, f"{name}-cdn", _RECORD, old) for old, new in _alias_records(name, domain_name).items()
            },
            (_RECORD, f"{name}-web-certificate-record"): proof,
            (_LOGS, f"{name}-web-logs"): _urn(component, _BALANCER, f"{name}-origin", _LOGS, f"{name}-origin-logs"),
        },
    )


def to_origin(component: Component, name: str) -> pulumi.ResourceOptions:
    """Options of the load balancer behind the CDN, which takes over the logs."""
    return _options(component, {(_LOGS, f"{name}-origin-logs"): _urn(component, _BALANCER, f"{name}-web", _LOGS, f"{name}-web-logs")})


def to_cdn(component: Component, name: str, domain_name: str) -> pulumi.ResourceOptions:
    """Options of the CDN, which takes over the records of the name."""
    records = _alias_records(name, domain_name)
    return _options(component, {(_RECORD, new): _urn(component, _BALANCER, f"{name}-web", _RECORD, old) for new, old in records.items()})


def to_certificates(component: Component, name: str, domain_name: str) -> pulumi.ResourceOptions:
    """Options of the certificates of a CDN, which take over the record that validates both: deleted, it would end their renewal."""
    old = _urn(component, _BALANCER, f"{name}-web", _RECORD, f"{name}-web-certificate-record")
    return _options(component, {(_RECORD, f"{name}-certificates-record-{domain_name}"): old})


def _alias_records(name: str, domain_name: str | None) -> dict[str, str]:
    """The CDN's records of the name, and the load balancer's."""
    return {f"{name}-cdn-alias-{kind}-{domain_name}": f"{name}-web-alias-{kind}" for kind in _KINDS}


def _urn(component: Component, parent_type: str, parent: str, type_: str, name: str) -> pulumi.Output[str]:
    """The URN of a child of a component of the storefront, as it was."""
    return pulumi.create_urn(name, type_, parent=pulumi.create_urn(parent, parent_type, parent=component))


def _options(component: Component, urns: Mapping[tuple[str, str], pulumi.Output[str]]) -> pulumi.ResourceOptions:
    def take_over(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        urn = urns.get((args.type_, args.name))
        if urn is None:
            return None
        return pulumi.ResourceTransformationResult(
            args.props, pulumi.ResourceOptions.merge(args.opts, pulumi.ResourceOptions(aliases=[urn]))
        )

    return component.child(transformations=[take_over])
