"""Classic Load Balancers: TLS, certificates, logs, zones, and what the internet reaches."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from cloudpatterns_policies.core import (
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

_PAGE: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/elb-controls.html"

BALANCER: Final = "aws:elb/loadBalancer:LoadBalancer"
"""The type of Classic Load Balancers."""
_POLICY: Final = "aws:elb/loadBalancerPolicy:LoadBalancerPolicy"
_NEGOTIATION: Final = "aws:elb/sslNegotiationPolicy:SslNegotiationPolicy"
_ASSIGNMENT: Final = "aws:elb/listenerPolicy:ListenerPolicy"

_ENCRYPTED: Final = ("https", "ssl")
_OLD_PROTOCOLS: Final = ("Protocol-SSLv2", "Protocol-SSLv3", "Protocol-TLSv1", "Protocol-TLSv1.1")
_REFERENCE: Final = "Reference-Security-Policy"
# The only predefined policy without TLS 1.0 and 1.1:
# https://docs.aws.amazon.com/elasticloadbalancing/latest/classic/elb-security-policy-table.html
_RECOMMENDED: Final = "ELBSecurityPolicy-TLS-1-2-2017-01"


def _listeners(resource: Resource, name: str) -> Iterator[tuple[str, str | None]]:
    """Path and value, in lower case, of a property of each listener; None for an unknown value."""
    for index in range(len(resource.get("listeners", ()))):
        path = f"listeners.{index}.{name}"
        yield path, None if resource.is_unknown(path) else str(resource.get(path, "")).lower()


@control(
    id="classic-lb-web-ports",
    title="Internet-facing Classic Load Balancers listen only on ports 80 and 443",
    severity=Severity.HIGH,
    types=(BALANCER,),
    why="A Classic Load Balancer forwards whatever arrives at a listener: one on port 22 exposes SSH of every server to the internet.",
    remediation="Set internal to True, or keep only listeners with lb_port 80 and 443.",
    url="https://docs.aws.amazon.com/elasticloadbalancing/latest/classic/elb-listener-config.html",
    config={
        "ports": {
            "type": "array",
            "items": {"type": "integer"},
            "default": [80, 443],
            "description": "Ports that an internet-facing classic load balancer may listen on.",
        }
    },
)
def classic_lb_web_ports(resource: Resource, config: Mapping[str, Any]) -> Iterator[Verdict]:
    if not resource.is_unknown("internal") and resource.get("internal", False):
        yield NotApplicable("is internal")
        return
    for index in range(len(resource.get("listeners", ()))):
        path = f"listeners.{index}.lbPort"
        if resource.is_unknown(path):
            yield Unknown(path)
        elif (port := int(resource.get(path))) not in config["ports"]:
            yield Unknown("internal") if resource.is_unknown("internal") else Fail(f"listens on port {port}, open to the internet", path)


@control(
    id="classic-lb-tls-listeners",
    title="Listeners of Classic Load Balancers use TLS",
    severity=Severity.MEDIUM,
    types=(BALANCER,),
    why="Unencrypted traffic can be read and changed in transit.",
    remediation='Set lb_protocol of each listener to "https" or "ssl", and ssl_certificate_id.',
    url=f"{_PAGE}#elb-3",
    frameworks={"FSBP": ("ELB.3",)},
)
def classic_lb_tls_listeners(resource: Resource) -> Iterator[Verdict]:
    for path, protocol in _listeners(resource, "lbProtocol"):
        if protocol is None:
            yield Unknown(path)
        elif protocol not in _ENCRYPTED:
            yield Fail(f"accepts traffic over {protocol.upper()}, without TLS", path)


@control(
    id="classic-lb-acm-certificate",
    title="Classic Load Balancers use certificates of AWS Certificate Manager",
    severity=Severity.MEDIUM,
    types=(BALANCER,),
    why="A certificate that was uploaded to IAM is not renewed: when it expires, every client refuses the connection.",
    remediation="Set ssl_certificate_id of the listener to the ARN of an aws.acm.Certificate.",
    url=f"{_PAGE}#elb-2",
    frameworks={"FSBP": ("ELB.2",), "Checkov": ("CKV_AWS_127",)},
    partial={"CKV_AWS_127": "listeners without TLS, which classic-lb-tls-listeners reports"},
)
def classic_lb_acm_certificate(resource: Resource) -> Iterator[Verdict]:
    for path, protocol in _listeners(resource, "lbProtocol"):
        certificate = path.replace("lbProtocol", "sslCertificateId")
        if protocol is None:
            yield Unknown(path)
        elif protocol not in _ENCRYPTED:
            continue
        elif resource.is_unknown(certificate):
            yield Unknown(certificate)
        elif not (arn := resource.get(certificate, "")):
            yield Fail(f"has a listener for {protocol.upper()} without a certificate", certificate)
        elif ":acm:" not in arn:
            yield Fail("uses a certificate that AWS Certificate Manager does not renew", certificate)


@control(
    id="classic-lb-backend-tls",
    title="Classic Load Balancers use TLS to their servers",
    severity=Severity.LOW,
    types=(BALANCER,),
    why="Behind the balancer the traffic is readable again for whoever listens in the network.",
    remediation='Set instance_protocol of each listener to "https" or "ssl".',
    url="https://docs.aws.amazon.com/elasticloadbalancing/latest/classic/elb-listener-config.html",
    frameworks={"Checkov": ("CKV_AWS_376",)},
    partial={"CKV_AWS_376": "listeners without a certificate, which classic-lb-acm-certificate reports"},
)
def classic_lb_backend_tls(resource: Resource) -> Iterator[Verdict]:
    for path, protocol in _listeners(resource, "instanceProtocol"):
        if protocol is None:
            yield Unknown(path)
        elif protocol not in _ENCRYPTED:
            yield Fail(f"sends traffic to its servers over {protocol.upper()}, without TLS", path)


@control(
    id="classic-lb-tls-policy",
    title="Security policies of Classic Load Balancers accept only TLS 1.2",
    severity=Severity.MEDIUM,
    types=(_POLICY, _NEGOTIATION),
    why="SSL 3.0, TLS 1.0 and TLS 1.1 have known weaknesses, and an attacker in between can force the connection down to them.",
    remediation=f'Set the attribute "{_REFERENCE}" to "{_RECOMMENDED}", and no other protocol.',
    url=f"{_PAGE}#elb-8",
    frameworks={"FSBP": ("ELB.8",), "Checkov": ("CKV_AWS_213",)},
    partial={"ELB.8": "custom policies with TLS 1.2 alone; listeners without a policy, which classic-lb-tls-policy-set reports"},
)
def classic_lb_tls_policy(resource: Resource) -> Iterator[Verdict]:
    items = "policyAttributes" if resource.type == _POLICY else "attributes"
    if resource.type == _POLICY and resource.get("policyTypeName") != "SSLNegotiationPolicyType":
        yield NotApplicable("is no TLS policy")
        return
    for index in range(len(resource.get(items, ()))):
        name, path = f"{items}.{index}.name", f"{items}.{index}.value"
        if resource.is_unknown(name) or resource.is_unknown(path):
            yield Unknown(name if resource.is_unknown(name) else path)
        elif (attribute := resource.get(name)) in _OLD_PROTOCOLS and str(resource.get(path)).lower() == "true":
            yield Fail(f"accepts {attribute.removeprefix('Protocol-')}", path)
        elif attribute == _REFERENCE and not _RECOMMENDED.endswith(str(resource.get(path, ""))):
            yield Fail(f"uses the security policy {resource.get(path)}", path)


@stack_control(
    id="classic-lb-tls-policy-set",
    title="TLS listeners of Classic Load Balancers have a security policy",
    severity=Severity.MEDIUM,
    types=(BALANCER,),
    why="The default policy, ELBSecurityPolicy-2016-08, still accepts TLS 1.0 and ciphers without forward secrecy.",
    remediation="Add an aws.elb.SslNegotiationPolicy with this load_balancer, the lb_port and a policy of TLS 1.2.",
    url="https://docs.aws.amazon.com/elasticloadbalancing/latest/classic/elb-ssl-security-policy.html",
)
def classic_lb_tls_policy_set(resource: Resource, stack: Stack) -> Verdict:
    protocols = list(_listeners(resource, "lbProtocol"))
    encrypted = [path for path, protocol in protocols if protocol in _ENCRYPTED]
    if not encrypted:
        unclear = next((path for path, protocol in protocols if protocol is None), "")
        return Unknown(unclear) if unclear else NotApplicable("has no TLS listener")
    if stack.referrers(resource, _NEGOTIATION, "loadBalancer") or stack.referrers(resource, _ASSIGNMENT, "loadBalancerName"):
        return Pass()
    return Fail("leaves the security policy of its TLS listeners to the default, which accepts TLS 1.0", encrypted[0])


@control(
    id="classic-lb-access-logs",
    title="Classic Load Balancers have access logs",
    severity=Severity.MEDIUM,
    types=(BALANCER,),
    why="After an incident, nobody can find out who sent which request.",
    remediation="Set access_logs with the bucket, and enabled=True.",
    url=f"{_PAGE}#elb-5",
    frameworks={"FSBP": ("ELB.5",), "Checkov": ("CKV_AWS_92",)},
    partial={"ELB.5": "Application Load Balancers"},
)
def classic_lb_access_logs(resource: Resource) -> Verdict:
    if resource.get("accessLogs") is not None and resource.get("accessLogs.enabled", True):
        return Pass()
    return Fail("has no access logs", "accessLogs.enabled")


@control(
    id="classic-lb-desync-mitigation",
    title="Classic Load Balancers have desync mitigation",
    severity=Severity.MEDIUM,
    types=(BALANCER,),
    why="A request whose end load balancer and server see differently can smuggle another request past the rules.",
    remediation='Set desync_mitigation_mode to "defensive" or "strictest".',
    url=f"{_PAGE}#elb-14",
    frameworks={"FSBP": ("ELB.14",), "Checkov": ("CKV_AWS_328",)},
    partial={"CKV_AWS_328": "Application Load Balancers"},
)
def classic_lb_desync_mitigation(resource: Resource) -> Verdict:
    mode = resource.get("desyncMitigationMode", "defensive")
    return Pass() if mode in ("defensive", "strictest") else Fail(f"has its desync mitigation mode at {mode}", "desyncMitigationMode")


@control(
    id="classic-lb-several-zones",
    title="Classic Load Balancers span several Availability Zones",
    severity=Severity.MEDIUM,
    types=(BALANCER,),
    why="When its only zone fails, nothing behind the load balancer can be reached.",
    remediation="Set subnets to subnets in several Availability Zones.",
    url=f"{_PAGE}#elb-10",
    frameworks={"FSBP": ("ELB.10",)},
)
def classic_lb_several_zones(resource: Resource) -> Verdict:
    # A Classic Load Balancer takes one subnet per zone.
    where = "availabilityZones" if resource.get("availabilityZones") and not resource.get("subnets") else "subnets"
    count = len(resource.get(where, ()))
    return Pass() if count > 1 else Fail(f"spans {count} zone{'' if count == 1 else 's'}, not 2", where)


@control(
    id="classic-lb-cross-zone",
    title="Classic Load Balancers balance across zones",
    severity=Severity.LOW,
    types=(BALANCER,),
    why="Otherwise a zone with few servers gets as many requests as one with many, and its servers fail first.",
    remediation="Omit cross_zone_load_balancing, or set it to True.",
    url=f"{_PAGE}#elb-9",
    frameworks={"FSBP": ("ELB.9",), "Checkov": ("CKV_AWS_138",)},
)
def classic_lb_cross_zone(resource: Resource) -> Verdict:
    path = "crossZoneLoadBalancing"
    return Pass() if resource.get(path, True) else Fail("does not balance across zones", path)


@control(
    id="classic-lb-connection-draining",
    title="Classic Load Balancers drain connections",
    severity=Severity.LOW,
    types=(BALANCER,),
    why="Without it, a server that is replaced cuts the requests that it is answering.",
    remediation="Set connection_draining to True.",
    url=f"{_PAGE}#elb-7",
    frameworks={"FSBP": ("ELB.7",)},
)
def classic_lb_connection_draining(resource: Resource) -> Verdict:
    return Pass() if resource.get("connectionDraining", False) else Fail("does not drain connections", "connectionDraining")
