"""Classic Load Balancers."""

from typing import Any

import pytest
from cloudpatterns_policies.controls import classic_load_balancer as controls
from cloudpatterns_policies.core import Control, Fail, NotApplicable, Pass, Resource, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, stack, verdicts

CLASSIC, POLICY = "aws:elb/loadBalancer:LoadBalancer", "aws:elb/loadBalancerPolicy:LoadBalancerPolicy"
NEGOTIATION, ASSIGNMENT = "aws:elb/sslNegotiationPolicy:SslNegotiationPolicy", "aws:elb/listenerPolicy:ListenerPolicy"
ACM, IAM = "arn:aws:acm:eu-west-1:123456789012:certificate/one", "arn:aws:iam::123456789012:server-certificate/one"

Props = dict[str, Any]


def classic(*ports: Any, **more: Any) -> Resource:
    return resource(CLASSIC, props={"listeners": [{"lbPort": port} for port in ports], **more})


@pytest.mark.parametrize(
    ("balancer", "expected"),
    [
        (classic(80, 443), [Pass()]),
        (classic(443, internal=False), [Pass()]),
        (classic(80, internal=UNKNOWN), [Pass()]),
        (classic(22, internal=True), [NotApplicable("is internal")]),
        (classic(443, 22), [Fail("listens on port 22, open to the internet", "listeners.1.lbPort")]),
        (classic(8443, internal=False), [Fail("listens on port 8443, open to the internet", "listeners.0.lbPort")]),
        (classic(22, internal=UNKNOWN), [Unknown("internal")]),
        (classic(UNKNOWN, 3306), [Unknown("listeners.0.lbPort"), Fail("listens on port 3306, open to the internet", "listeners.1.lbPort")]),
        (resource(CLASSIC, props={"listeners": UNKNOWN}), [Unknown("listeners")]),
        (resource(CLASSIC), [Pass()]),
    ],
)
def test_a_classic_balancer_takes_the_internet_on_web_ports_alone(balancer: Resource, expected: list[Verdict]) -> None:
    assert verdicts(controls.classic_lb_web_ports, balancer) == expected


def test_further_ports_of_a_classic_balancer_by_configuration() -> None:
    assert verdicts(controls.classic_lb_web_ports, classic(8443), {"ports": [8443]}) == [Pass()]
    found = [Fail("listens on port 443, open to the internet", "listeners.0.lbPort")]
    assert verdicts(controls.classic_lb_web_ports, classic(443), {"ports": [8443]}) == found


def entry(protocol: Any = "https", instance: Any = "https", **more: Any) -> Props:
    return {"lbPort": 443, "lbProtocol": protocol, "instancePort": 8443, "instanceProtocol": instance, **more}


TLS, ACM_ONLY, BACKEND = controls.classic_lb_tls_listeners, controls.classic_lb_acm_certificate, controls.classic_lb_backend_tls

PLAIN = Fail("accepts traffic over TCP, without TLS", "listeners.1.lbProtocol")
READABLE = Fail("sends traffic to its servers over HTTP, without TLS", "listeners.1.instanceProtocol")


@pytest.mark.parametrize(
    ("control", "listeners", "expected"),
    [
        (TLS, [entry(), entry("SSL")], [Pass()]),
        (TLS, [entry(), entry("http")], [Fail("accepts traffic over HTTP, without TLS", "listeners.1.lbProtocol")]),
        (TLS, [entry("TCP")], [Fail("accepts traffic over TCP, without TLS", "listeners.0.lbProtocol")]),
        (
            TLS,
            [entry(UNKNOWN), entry("tcp")],
            [Unknown("listeners.0.lbProtocol"), PLAIN],
        ),
        (ACM_ONLY, [entry(sslCertificateId=ACM)], [Pass()]),
        (ACM_ONLY, [entry("http"), entry("tcp", sslCertificateId=IAM)], [Pass()]),
        (
            ACM_ONLY,
            [entry(sslCertificateId=ACM), entry("ssl", sslCertificateId=IAM)],
            [Fail("uses a certificate that AWS Certificate Manager does not renew", "listeners.1.sslCertificateId")],
        ),
        (ACM_ONLY, [entry()], [Fail("has a listener for HTTPS without a certificate", "listeners.0.sslCertificateId")]),
        (ACM_ONLY, [entry(sslCertificateId=UNKNOWN)], [Unknown("listeners.0.sslCertificateId")]),
        (ACM_ONLY, [entry(UNKNOWN, sslCertificateId=IAM)], [Unknown("listeners.0.lbProtocol")]),
        (BACKEND, [entry(), entry("tcp", "SSL")], [Pass()]),
        (
            BACKEND,
            [entry(), entry(instance="http")],
            [READABLE],
        ),
        (BACKEND, [entry(instance=UNKNOWN)], [Unknown("listeners.0.instanceProtocol")]),
    ],
)
def test_listeners(control: Control, listeners: Any, expected: list[Verdict]) -> None:
    assert verdicts(control, resource(CLASSIC, props={"listeners": listeners})) == expected


@pytest.mark.parametrize("control", [TLS, ACM_ONLY, BACKEND])
def test_listeners_that_are_unknown_or_missing(control: Control) -> None:
    assert verdicts(control, resource(CLASSIC, props={"listeners": UNKNOWN})) == [Unknown("listeners")]
    assert verdicts(control, resource(CLASSIC)) == [Pass()]


def attributes(**values: Any) -> list[Props]:
    return [{"name": name.replace("__", "-").replace("_", "."), "value": value} for name, value in values.items()]


REFERENCE = "Reference__Security__Policy"


@pytest.mark.parametrize(("type", "items"), [(POLICY, "policyAttributes"), (NEGOTIATION, "attributes")])
@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({REFERENCE: "ELBSecurityPolicy-TLS-1-2-2017-01"}, [Pass()]),
        ({"Protocol__TLSv1_2": "true", "Protocol__TLSv1": "false"}, [Pass()]),
        ({REFERENCE: "ELBSecurityPolicy-2016-08"}, [("uses the security policy ELBSecurityPolicy-2016-08", 0)]),
        ({"Protocol__TLSv1_2": "true", "Protocol__TLSv1_1": "true"}, [("accepts TLSv1.1", 1)]),
        ({"Protocol__TLSv1": True, "Protocol__SSLv3": "TRUE"}, [("accepts TLSv1", 0), ("accepts SSLv3", 1)]),
        ({"Protocol__TLSv1": UNKNOWN}, [0]),
        ({}, [Pass()]),
    ],
)
def test_policies(type: str, items: str, values: Props, expected: list[Any]) -> None:
    props = {"policyTypeName": "SSLNegotiationPolicyType", items: attributes(**values)}
    found = [
        Unknown(f"{items}.0.value") if item == 0 else Fail(item[0], f"{items}.{item[1]}.value") if isinstance(item, tuple) else item
        for item in expected
    ]
    assert verdicts(controls.classic_lb_tls_policy, resource(type, props=props)) == found


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        ({"policyTypeName": "AppCookieStickinessPolicyType", "policyAttributes": UNKNOWN}, NotApplicable("is no TLS policy")),
        ({"policyTypeName": UNKNOWN}, Unknown("policyTypeName")),
        ({"policyTypeName": "SSLNegotiationPolicyType", "policyAttributes": UNKNOWN}, Unknown("policyAttributes")),
        (
            {"policyTypeName": "SSLNegotiationPolicyType", "policyAttributes": [{"name": UNKNOWN, "value": "true"}]},
            Unknown("policyAttributes.0.name"),
        ),
    ],
)
def test_policies_of_other_kinds(props: Props, expected: Verdict) -> None:
    assert verdicts(controls.classic_lb_tls_policy, resource(POLICY, props=props)) == [expected]


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ([resource(NEGOTIATION, "tls", {"loadBalancer": UNKNOWN}, deps={"loadBalancer": ["web"]})], Pass()),
        ([resource(ASSIGNMENT, "tls", {"loadBalancerName": "shop"})], Pass()),
        (
            [resource(ASSIGNMENT, "tls", {"loadBalancerName": "other"})],
            Fail("leaves the security policy of its TLS listeners to the default, which accepts TLS 1.0", "listeners.1.lbProtocol"),
        ),
    ],
)
def test_a_tls_listener_has_a_policy(others: list[Resource], expected: Verdict) -> None:
    web = resource(CLASSIC, "web", {"name": "shop", "listeners": [entry("http"), entry("ssl")]})
    assert verdicts(controls.classic_lb_tls_policy_set, stack(web, *others)) == [("web", expected)]


@pytest.mark.parametrize(
    ("listeners", "expected"),
    [
        ([entry("http")], NotApplicable("has no TLS listener")),
        ([entry("http"), entry(UNKNOWN)], Unknown("listeners.1.lbProtocol")),
        ([], NotApplicable("has no TLS listener")),
        (UNKNOWN, Unknown("listeners")),
    ],
)
def test_a_balancer_that_needs_no_policy(listeners: Any, expected: Verdict) -> None:
    assert verdicts(controls.classic_lb_tls_policy_set, resource(CLASSIC, "web", {"listeners": listeners})) == [("web", expected)]


LOGS, DESYNC, ZONES = controls.classic_lb_access_logs, controls.classic_lb_desync_mitigation, controls.classic_lb_several_zones
ACROSS, DRAINING = controls.classic_lb_cross_zone, controls.classic_lb_connection_draining
NO_LOGS, NOT_DRAINED = Fail("has no access logs", "accessLogs.enabled"), Fail("does not drain connections", "connectionDraining")


@pytest.mark.parametrize(
    ("control", "props", "expected"),
    [
        (LOGS, {"accessLogs": {"bucket": "logs"}}, Pass()),
        (LOGS, {"accessLogs": {"bucket": "logs", "enabled": True}}, Pass()),
        (LOGS, {"accessLogs": {"bucket": "logs", "enabled": False}}, NO_LOGS),
        (LOGS, {"accessLogs": {"bucket": "logs", "enabled": UNKNOWN}}, Unknown("accessLogs.enabled")),
        (LOGS, {}, NO_LOGS),
        (DESYNC, {}, Pass()),
        (DESYNC, {"desyncMitigationMode": "strictest"}, Pass()),
        (DESYNC, {"desyncMitigationMode": "monitor"}, Fail("has its desync mitigation mode at monitor", "desyncMitigationMode")),
        (DESYNC, {"desyncMitigationMode": UNKNOWN}, Unknown("desyncMitigationMode")),
        (ZONES, {"subnets": ["a", UNKNOWN]}, Pass()),
        (ZONES, {"availabilityZones": ["a", "b"]}, Pass()),
        (ZONES, {"availabilityZones": ["a"]}, Fail("spans 1 zone, not 2", "availabilityZones")),
        (ZONES, {"subnets": ["a"], "availabilityZones": ["a", "b"]}, Fail("spans 1 zone, not 2", "subnets")),
        (ZONES, {}, Fail("spans 0 zones, not 2", "subnets")),
        (ZONES, {"subnets": UNKNOWN}, Unknown("subnets")),
        (ACROSS, {}, Pass()),
        (ACROSS, {"crossZoneLoadBalancing": True}, Pass()),
        (ACROSS, {"crossZoneLoadBalancing": False}, Fail("does not balance across zones", "crossZoneLoadBalancing")),
        (ACROSS, {"crossZoneLoadBalancing": UNKNOWN}, Unknown("crossZoneLoadBalancing")),
        (DRAINING, {"connectionDraining": True}, Pass()),
        (DRAINING, {"connectionDraining": False}, NOT_DRAINED),
        (DRAINING, {}, NOT_DRAINED),
        (DRAINING, {"connectionDraining": UNKNOWN}, Unknown("connectionDraining")),
    ],
)
def test_settings(control: Control, props: Props, expected: Verdict) -> None:
    assert verdicts(control, resource(CLASSIC, props=props)) == [expected]
