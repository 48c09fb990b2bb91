"""Load balancers and their listeners."""

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
    UnknownValueError,
    Verdict,
    control,
    stack_control,
)
from cloudpatterns_policies.graph.reading import from_provider, has_value

_PAGE: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/elb-controls.html"

BALANCERS: Final = ("aws:lb/loadBalancer:LoadBalancer", "aws:alb/loadBalancer:LoadBalancer")
"""Application, network and gateway load balancers, under both of their type tokens."""
_LISTENERS: Final = ("aws:lb/listener:Listener", "aws:alb/listener:Listener")
_LISTENER_RULES: Final = ("aws:lb/listenerRule:ListenerRule", "aws:alb/listenerRule:ListenerRule")

_DEFAULT_TLS_POLICY: Final = "ELBSecurityPolicy-2016-08"
_TLS_POLICIES: Final = (
    *("ELBSecurityPolicy-TLS13-1-2-2021-06", "ELBSecurityPolicy-TLS13-1-2-FIPS-2023-04"),
    *("ELBSecurityPolicy-TLS13-1-2-PQ-2025-09", "ELBSecurityPolicy-TLS13-1-2-FIPS-PQ-2025-09"),
    *("ELBSecurityPolicy-TLS13-1-2-Res-2021-06", "ELBSecurityPolicy-TLS13-1-2-Res-FIPS-2023-04"),
    *("ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09", "ELBSecurityPolicy-TLS13-1-2-Res-FIPS-PQ-2025-09"),
    *("ELBSecurityPolicy-TLS13-1-3-2021-06", "ELBSecurityPolicy-TLS13-1-3-FIPS-2023-04"),
    *("ELBSecurityPolicy-TLS13-1-3-PQ-2025-09", "ELBSecurityPolicy-TLS13-1-3-FIPS-PQ-2025-09"),
)
"""The policies with TLS 1.2 or later and forward secrecy alone. Elastic Load Balancing itself recommends
ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09 and, for FIPS, ELBSecurityPolicy-TLS13-1-2-FIPS-PQ-2025-09, which ELB.17 refuses for its ciphers
in CBC mode: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html"""
_ENCRYPTED: Final = ("HTTPS", "TLS", "QUIC")


def public_application(balancer: Resource) -> bool:
    """Whether a load balancer is an internet-facing Application Load Balancer. Raises `UnknownValueError`."""
    return (_stated(balancer, "loadBalancerType") or "application") == "application" and not _stated(balancer, "internal")


def _stated(resource: Resource, path: str) -> Any:
    """The value in a stack control; None if the program omits it, which the preview shows as unknown."""
    return None if from_provider(resource, path) else resource.get(path)


def _stated_protocol(listener: Resource) -> str:
    """The protocol of an application load balancer's listener in a stack control."""
    return str(_stated(listener, "protocol") or "HTTP").upper()


def _listener_protocol(listener: Resource) -> str:
    """The listener's protocol; empty for a gateway load balancer's listener, which has neither protocol nor port."""
    # The provider ignores its case.
    return str(listener.get("protocol", "")).upper() or ("HTTP" if listener.is_unknown("port") or listener.get("port") is not None else "")


def _plain_actions(resource: Resource, prefix: str) -> Iterator[Verdict]:
    """Fails for each action that answers plain HTTP with anything but a redirect to HTTPS."""
    for index in range(len(resource.get(prefix, ()))):
        path = f"{prefix}.{index}"
        if resource.is_unknown(f"{path}.type"):
            yield Unknown(f"{path}.type")
        elif (kind := resource.get(f"{path}.type")) != "redirect":
            yield Fail(f"answers plain HTTP with {kind}", f"{path}.type")
        elif resource.is_unknown(f"{path}.redirect.protocol"):
            yield Unknown(f"{path}.redirect.protocol")
        # If omitted, it is that of the request: plain HTTP.
        elif (protocol := resource.get(f"{path}.redirect.protocol", "HTTP")) != "HTTPS":
            yield Fail(f"redirects plain HTTP to {protocol}", f"{path}.redirect.protocol")


@control(
    id="alb-http-redirect",
    title="HTTP listeners only redirect to HTTPS",
    severity=Severity.MEDIUM,
    types=_LISTENERS,
    why="Content sent over plain HTTP can be read and changed in transit, including session cookies.",
    remediation='Give the listener one default action of type "redirect" with redirect.protocol "HTTPS".',
    url=f"{_PAGE}#elb-1",
    frameworks={"FSBP": ("ELB.1",), "Checkov": ("CKV_AWS_2", "CKV2_AWS_20")},
)
def alb_http_redirect(resource: Resource) -> list[Verdict]:
    if (protocol := _listener_protocol(resource)) != "HTTP":
        return [NotApplicable(f"uses {protocol or 'no protocol'}")]
    return list(_plain_actions(resource, "defaultActions"))


@stack_control(
    id="alb-http-rules-redirect",
    title="Rules of HTTP listeners only redirect to HTTPS",
    severity=Severity.MEDIUM,
    types=_LISTENER_RULES,
    why="A rule is evaluated before the listener's default action, so it can serve plain HTTP on a listener that redirects.",
    remediation="Attach the rule to the HTTPS listener: set listener_arn to its ARN.",
    url=f"{_PAGE}#elb-1",
    frameworks={"FSBP": ("ELB.1",)},
)
def alb_http_rules_redirect(resource: Resource, stack: Stack) -> list[Verdict]:
    listeners = stack.refs(resource, "listenerArn", *_LISTENERS)
    if not listeners or any(_stated_protocol(listener) != "HTTP" for listener in listeners):
        return [NotApplicable("does not belong to an HTTP listener of the stack")]
    return list(_plain_actions(resource, "actions"))


@control(
    id="lb-listener-encrypted",
    title="Listeners use TLS",
    severity=Severity.MEDIUM,
    types=_LISTENERS,
    why="Unencrypted traffic can be read and changed in transit.",
    remediation='Set protocol to "HTTPS" (application) or "TLS" (network), and certificate_arn.',
    url=f"{_PAGE}#elb-18",
    frameworks={"FSBP": ("ELB.18",), "Checkov": ("CKV_AWS_2",)},
)
def lb_listener_encrypted(resource: Resource) -> Verdict:
    protocol = _listener_protocol(resource)
    if not protocol or protocol in ("GENEVE", "HTTP"):
        # An HTTP listener may redirect; `alb-http-redirect` checks that it does nothing else.
        return NotApplicable(f"uses {protocol or 'no protocol'}")
    return Pass() if protocol in _ENCRYPTED else Fail(f"accepts traffic over {protocol}, without TLS", "protocol")


@stack_control(
    id="alb-https-listener",
    title="Internet-facing application load balancers have an HTTPS listener",
    severity=Severity.HIGH,
    types=BALANCERS,
    why="Without one, all traffic of visitors crosses the internet in plain text.",
    remediation='Add an aws.lb.Listener with protocol="HTTPS", a certificate_arn and this load_balancer_arn.',
    url="https://docs.aws.amazon.com/elasticloadbalancing/latest/application/create-https-listener.html",
)
def alb_https_listener(resource: Resource, stack: Stack) -> Verdict:
    if not public_application(resource):
        return NotApplicable("is internal or not an application load balancer")
    listeners = [listener for kind in _LISTENERS for listener in stack.referrers(resource, kind, "loadBalancerArn")]
    protocols = [_stated_protocol(listener) for listener in listeners if not _unclear(listener)]
    if "HTTPS" in protocols:
        return Pass()
    for listener in filter(_unclear, listeners):
        raise UnknownValueError("protocol", listener.urn)
    return Fail("has only HTTP listeners" if protocols else "has no HTTPS listener")


def _unclear(listener: Resource) -> bool:
    return listener.is_unknown("protocol") and not from_provider(listener, "protocol")


@control(
    id="lb-tls-policy",
    title="TLS listeners accept only TLS 1.2 and later, with forward secrecy",
    severity=Severity.MEDIUM,
    types=_LISTENERS,
    why="Older policies, including the default, still accept TLS 1.0 and ciphers without forward secrecy.",
    remediation='Set ssl_policy to a recommended policy, such as "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09".',
    url="https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html",
    frameworks={"FSBP": ("ELB.17",), "Checkov": ("CKV_AWS_103",)},
    partial={"ELB.17": "policies that accept ciphers in CBC mode, some of which AWS recommends elsewhere"},
    config={
        "policies": {
            "type": "array",
            "items": {"type": "string"},
            "default": list(_TLS_POLICIES),
            "description": "The accepted security policies.",
        }
    },
)
def lb_tls_policy(resource: Resource, config: Mapping[str, Any]) -> Verdict:
    if (protocol := _listener_protocol(resource)) not in ("HTTPS", "TLS"):
        return NotApplicable(f"uses {protocol or 'no protocol'}")
    policy = resource.get("sslPolicy", _DEFAULT_TLS_POLICY)
    return Pass() if policy in config["policies"] else Fail(f"uses the security policy {policy}", "sslPolicy")


@control(
    id="alb-drop-invalid-headers",
    title="Application load balancers drop invalid headers",
    severity=Severity.MEDIUM,
    types=BALANCERS,
    why="A header that load balancer and server interpret differently allows request smuggling.",
    remediation="Set drop_invalid_header_fields to True.",
    url=f"{_PAGE}#elb-4",
    frameworks={"FSBP": ("ELB.4",), "Checkov": ("CKV_AWS_131",)},
)
def alb_drop_invalid_headers(resource: Resource) -> Verdict:
    if (kind := resource.get("loadBalancerType", "application")) != "application":
        return NotApplicable(f"is a {kind} load balancer")
    return Pass() if resource.get("dropInvalidHeaderFields") else Fail("does not drop invalid headers", "dropInvalidHeaderFields")


@control(
    id="alb-access-logs",
    title="Application load balancers have access logs",
    severity=Severity.MEDIUM,
    types=BALANCERS,
    why="After an incident, nobody can find out who sent which request.",
    remediation="Set access_logs with the bucket and enabled=True.",
    url=f"{_PAGE}#elb-5",
    frameworks={"FSBP": ("ELB.5",), "Checkov": ("CKV_AWS_91",)},
    partial={"ELB.5": "Classic Load Balancers", "CKV_AWS_91": "Network Load Balancers"},
)
def alb_access_logs(resource: Resource) -> Verdict:
    # A gateway load balancer has no access logs, and those of a network load balancer cover only TLS listeners.
    if (kind := resource.get("loadBalancerType", "application")) != "application":
        return NotApplicable(f"is a {kind} load balancer")
    return Pass() if resource.get("accessLogs.enabled") else Fail("has no access logs", "accessLogs.enabled")


@stack_control(
    id="nlb-access-logs",
    title="Network load balancers that terminate TLS have access logs",
    severity=Severity.MEDIUM,
    types=BALANCERS,
    why="After an incident, nobody can find out who connected, and with which protocol and cipher.",
    remediation="Set access_logs with the bucket and enabled=True.",
    url="https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-access-logs.html",
    frameworks={"Checkov": ("CKV_AWS_91",)},
    partial={"CKV_AWS_91": "Network Load Balancers without a TLS listener, which write no access logs"},
)
def nlb_access_logs(resource: Resource, stack: Stack) -> Verdict:
    if (kind := _stated(resource, "loadBalancerType") or "application") != "network":
        return NotApplicable(f"is a load balancer of type {kind}")
    listeners = [listener for kind in _LISTENERS for listener in stack.referrers(resource, kind, "loadBalancerArn")]
    if "TLS" not in [str(_stated(listener, "protocol") or "").upper() for listener in listeners if not _unclear(listener)]:
        for listener in filter(_unclear, listeners):
            raise UnknownValueError("protocol", listener.urn)
        return NotApplicable("has no TLS listener in the stack, and only those write access logs")
    return Pass() if _stated(resource, "accessLogs.enabled") else Fail("has no access logs", "accessLogs.enabled")


@stack_control(
    id="nlb-security-groups",
    title="Network load balancers have security groups",
    severity=Severity.LOW,
    types=BALANCERS,
    why="Without one, the targets' security groups must allow every client, and none can be added after the balancer's creation.",
    remediation="Set security_groups, which replaces the load balancer, and allow the targets' ports only from these groups.",
    url="https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-security-groups.html",
)
def nlb_security_groups(resource: Resource, stack: Stack) -> Verdict:
    if (kind := _stated(resource, "loadBalancerType") or "application") != "network":
        return NotApplicable(f"is a load balancer of type {kind}")
    return Pass() if has_value(resource, "securityGroups", computed=True) else Fail("has no security group", "securityGroups")


@control(
    id="lb-deletion-protection",
    title="Load balancers are protected against deletion",
    severity=Severity.MEDIUM,
    types=BALANCERS,
    why="One wrong command deletes the load balancer, and its DNS name cannot be restored.",
    remediation="Set enable_deletion_protection to True.",
    url=f"{_PAGE}#elb-6",
    frameworks={"FSBP": ("ELB.6",), "Checkov": ("CKV_AWS_150",)},
)
def lb_deletion_protection(resource: Resource) -> Verdict:
    return Pass() if resource.get("enableDeletionProtection") else Fail("has no deletion protection", "enableDeletionProtection")


@control(
    id="alb-desync-mitigation",
    title="Application load balancers have desync mitigation",
    severity=Severity.MEDIUM,
    types=BALANCERS,
    why="A request whose end load balancer and server see differently can smuggle another request past the rules.",
    remediation='Set desync_mitigation_mode to "defensive" or "strictest".',
    url=f"{_PAGE}#elb-12",
    frameworks={"FSBP": ("ELB.12",), "Checkov": ("CKV_AWS_328",)},
    partial={"CKV_AWS_328": "Classic Load Balancers"},
)
def alb_desync_mitigation(resource: Resource) -> Verdict:
    if (kind := resource.get("loadBalancerType", "application")) != "application":
        return NotApplicable(f"is a {kind} load balancer")
    mode = resource.get("desyncMitigationMode", "defensive")
    return Pass() if mode in ("defensive", "strictest") else Fail(f"has its desync mitigation mode at {mode}", "desyncMitigationMode")


@control(
    id="lb-several-zones",
    title="Load balancers span several Availability Zones",
    severity=Severity.MEDIUM,
    types=BALANCERS,
    why="When its only zone fails, nothing behind the load balancer can be reached.",
    remediation="Set subnets, or subnet_mappings, to subnets in several Availability Zones.",
    url=f"{_PAGE}#elb-13",
    frameworks={"FSBP": ("ELB.13",)},
    config={
        "minimumZones": {
            "type": "integer",
            "minimum": 2,
            "maximum": 6,
            "default": 2,
            "description": "Minimum number of Availability Zones that a load balancer spans.",
        }
    },
)
def lb_several_zones(resource: Resource, config: Mapping[str, Any]) -> Verdict:
    # A load balancer takes one subnet per zone, so the number of subnets is that of zones.
    where = "subnetMappings" if resource.is_unknown("subnetMappings") or resource.get("subnetMappings") else "subnets"
    count = len(resource.get(where, ()))
    if count >= config["minimumZones"]:
        return Pass()
    return Fail(f"spans {count} zone{'' if count == 1 else 's'}, not {config['minimumZones']}", where)
