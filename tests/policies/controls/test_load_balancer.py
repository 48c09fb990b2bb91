"""Load balancers and their listeners."""

from typing import Any

import pytest
from cloudpatterns_policies.controls import load_balancer as controls
from cloudpatterns_policies.core import Control, Fail, NotApplicable, Pass, Resource, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, stack, verdicts

BALANCER, OTHER_BALANCER = "aws:lb/loadBalancer:LoadBalancer", "aws:alb/loadBalancer:LoadBalancer"
LISTENER, OTHER_LISTENER = "aws:lb/listener:Listener", "aws:alb/listener:Listener"
REDIRECT = {"type": "redirect", "redirect": {"protocol": "HTTPS", "port": "443", "statusCode": "HTTP_301"}}
RES_PQ = "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"
NOT_PUBLIC = NotApplicable("is internal or not an application load balancer")

Props = dict[str, Any]


def listener(props: Props, name: str = "http", type: str = LISTENER, target: str = "web") -> Resource:
    return resource(type, name, {"loadBalancerArn": UNKNOWN, **props}, deps={"loadBalancerArn": [target]})


@pytest.mark.parametrize("type", [LISTENER, OTHER_LISTENER])
@pytest.mark.parametrize(
    ("props", "expected"),
    [
        ({"protocol": "HTTP", "defaultActions": [REDIRECT]}, Pass()),
        ({"port": 80, "defaultActions": [REDIRECT]}, Pass()),
        ({"protocol": "http", "defaultActions": [{"type": "forward"}]}, Fail("answers plain HTTP with forward", "defaultActions.0.type")),
        ({"protocol": "HTTP", "defaultActions": [{"type": "forward"}]}, Fail("answers plain HTTP with forward", "defaultActions.0.type")),
        (
            {"port": 80, "defaultActions": [{"type": "fixed-response"}]},
            Fail("answers plain HTTP with fixed-response", "defaultActions.0.type"),
        ),
        ({"port": UNKNOWN, "defaultActions": [{"type": "forward"}]}, Fail("answers plain HTTP with forward", "defaultActions.0.type")),
        (
            {"protocol": "HTTP", "defaultActions": [{"type": "redirect", "redirect": {"protocol": "#{protocol}"}}]},
            Fail("redirects plain HTTP to #{protocol}", "defaultActions.0.redirect.protocol"),
        ),
        (
            {"protocol": "HTTP", "defaultActions": [{"type": "redirect"}]},
            Fail("redirects plain HTTP to HTTP", "defaultActions.0.redirect.protocol"),
        ),
        ({"protocol": "HTTP", "defaultActions": [{"type": UNKNOWN}]}, Unknown("defaultActions.0.type")),
        (
            {"protocol": "HTTP", "defaultActions": [{"type": "redirect", "redirect": {"protocol": UNKNOWN}}]},
            Unknown("defaultActions.0.redirect.protocol"),
        ),
        ({"protocol": "HTTP", "defaultActions": UNKNOWN}, Unknown("defaultActions")),
        ({"protocol": UNKNOWN, "defaultActions": [{"type": "forward"}]}, Unknown("protocol")),
        ({"protocol": "HTTPS", "defaultActions": [{"type": "forward"}]}, NotApplicable("uses HTTPS")),
        ({"defaultActions": [{"type": "forward"}]}, NotApplicable("uses no protocol")),
    ],
)
def test_http_listener_redirects(type: str, props: Props, expected: Verdict) -> None:
    assert verdicts(controls.alb_http_redirect, resource(type, props=props)) == [expected]


def test_an_unknown_action_hides_no_other() -> None:
    actions = [{"type": UNKNOWN}, {"type": "redirect", "redirect": {"protocol": UNKNOWN}}, {"type": "forward"}]
    assert verdicts(controls.alb_http_redirect, resource(LISTENER, props={"protocol": "HTTP", "defaultActions": actions})) == [
        Unknown("defaultActions.0.type"),
        Unknown("defaultActions.1.redirect.protocol"),
        Fail("answers plain HTTP with forward", "defaultActions.2.type"),
    ]


@pytest.mark.parametrize("type", ["aws:lb/listenerRule:ListenerRule", "aws:alb/listenerRule:ListenerRule"])
@pytest.mark.parametrize(
    ("protocol", "action", "expected"),
    [
        ("HTTP", REDIRECT, Pass()),
        ("HTTP", {"type": "forward"}, Fail("answers plain HTTP with forward", "actions.0.type")),
        ("http", {"type": "forward"}, Fail("answers plain HTTP with forward", "actions.0.type")),
        (None, {"type": "forward"}, Fail("answers plain HTTP with forward", "actions.0.type")),
        ("HTTPS", {"type": "forward"}, NotApplicable("does not belong to an HTTP listener of the stack")),
    ],
)
def test_rules_of_http_listeners(type: str, protocol: str | None, action: Props, expected: Verdict) -> None:
    rule = resource(type, "rule", {"listenerArn": UNKNOWN, "actions": [action]}, deps={"listenerArn": ["http"]})
    assert verdicts(controls.alb_http_rules_redirect, stack(resource(LISTENER, "http", {"protocol": protocol}), rule)) == [
        ("rule", expected)
    ]


def test_rule_of_a_listener_elsewhere_or_beside_another() -> None:
    rule = resource("aws:lb/listenerRule:ListenerRule", "rule", {"listenerArn": UNKNOWN, "actions": [{"type": "forward"}]})
    other = NotApplicable("does not belong to an HTTP listener of the stack")
    assert verdicts(controls.alb_http_rules_redirect, stack(rule)) == [("rule", other)]
    both = resource(rule.type, "rule", rule.raw, deps={"listenerArn": ["http", "https"]})
    listeners = [resource(LISTENER, protocol.lower(), {"protocol": protocol}) for protocol in ("HTTP", "HTTPS")]
    assert verdicts(controls.alb_http_rules_redirect, stack(*listeners, both)) == [("rule", other)]


@pytest.mark.parametrize("type", [LISTENER, OTHER_LISTENER])
@pytest.mark.parametrize(
    ("props", "expected"),
    [
        *[({"protocol": protocol}, Pass()) for protocol in ("HTTPS", "TLS", "QUIC")],
        *[
            ({"protocol": protocol}, Fail(f"accepts traffic over {protocol}, without TLS", "protocol"))
            for protocol in ("TCP", "UDP", "TCP_UDP", "TCP_QUIC")
        ],
        ({"protocol": "HTTP"}, NotApplicable("uses HTTP")),
        ({"port": 80}, NotApplicable("uses HTTP")),
        ({"protocol": "GENEVE"}, NotApplicable("uses GENEVE")),
        ({}, NotApplicable("uses no protocol")),
        ({"protocol": UNKNOWN}, Unknown("protocol")),
    ],
)
def test_listener_encrypts(type: str, props: Props, expected: Verdict) -> None:
    assert verdicts(controls.lb_listener_encrypted, resource(type, props=props)) == [expected]


@pytest.mark.parametrize("type", [BALANCER, OTHER_BALANCER])
@pytest.mark.parametrize("kind", [LISTENER, OTHER_LISTENER])
@pytest.mark.parametrize(
    ("protocols", "expected"),
    [
        (["HTTPS"], Pass()),
        (["HTTP", "HTTPS"], Pass()),
        (["https"], Pass()),
        (["HTTP"], Fail("has only HTTP listeners")),
        ([None], Fail("has only HTTP listeners")),
        ([], Fail("has no HTTPS listener")),
    ],
)
def test_https_listener(type: str, kind: str, protocols: list[Any], expected: Verdict) -> None:
    listeners = [listener({"protocol": protocol}, f"l{index}", kind) for index, protocol in enumerate(protocols)]
    assert verdicts(controls.alb_https_listener, stack(resource(type, "web"), *listeners)) == [("web", expected)]


def test_https_listener_of_another_balancer_does_not_count() -> None:
    found = verdicts(
        controls.alb_https_listener, stack(*(resource(BALANCER, name) for name in ("web", "api")), listener({"protocol": "HTTPS"}))
    )
    assert found == [("web", Pass()), ("api", Fail("has no HTTPS listener"))]


def test_https_listener_where_the_protocol_is_unknown() -> None:
    def found(*protocols: Any) -> list[Verdict]:
        sources = [resource("x:y:Z", "source")]
        for index, protocol in enumerate(protocols):
            deps = {"loadBalancerArn": ["web"], "protocol": ["source"]}
            sources.append(resource(LISTENER, f"l{index}", {"loadBalancerArn": UNKNOWN, "protocol": protocol}, deps=deps))
        return [verdict for _, verdict in verdicts(controls.alb_https_listener, stack(resource(BALANCER, "web"), *sources))]

    assert found(UNKNOWN, "HTTP") == [Unknown("protocol of l0")]
    assert found(UNKNOWN, "HTTPS") == [Pass()]
    # What the program left out is unknown at preview without coming from anywhere.
    left_out = listener({"protocol": UNKNOWN})
    assert verdicts(controls.alb_https_listener, stack(resource(BALANCER, "web"), left_out)) == [("web", Fail("has only HTTP listeners"))]


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        ({"internal": True}, NOT_PUBLIC),
        ({"loadBalancerType": "network"}, NOT_PUBLIC),
        ({"loadBalancerType": "gateway"}, NOT_PUBLIC),
        ({"internal": False, "loadBalancerType": "application"}, Fail("has no HTTPS listener")),
        ({"internal": UNKNOWN}, Fail("has no HTTPS listener")),
    ],
)
def test_which_balancers_need_https(props: Props, expected: Verdict) -> None:
    assert verdicts(controls.alb_https_listener, resource(BALANCER, "web", props)) == [("web", expected)]


@pytest.mark.parametrize("path", ["internal", "loadBalancerType"])
def test_balancer_that_may_be_internal(path: str) -> None:
    web = resource(BALANCER, "web", {path: UNKNOWN}, deps={path: ["source"]})
    assert verdicts(controls.alb_https_listener, stack(resource("x:y:Z", "source"), web)) == [("web", Unknown(path))]


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        ({"protocol": "HTTPS", "sslPolicy": RES_PQ}, Pass()),
        ({"protocol": "TLS", "sslPolicy": "ELBSecurityPolicy-TLS13-1-3-2021-06"}, Pass()),
        (
            {"protocol": "TLS", "sslPolicy": "ELBSecurityPolicy-TLS-1-0-2015-04"},
            Fail("uses the security policy ELBSecurityPolicy-TLS-1-0-2015-04", "sslPolicy"),
        ),
        ({"protocol": "HTTPS"}, Fail("uses the security policy ELBSecurityPolicy-2016-08", "sslPolicy")),
        ({"protocol": "HTTPS", "sslPolicy": UNKNOWN}, Unknown("sslPolicy")),
        ({"protocol": UNKNOWN, "sslPolicy": RES_PQ}, Unknown("protocol")),
        ({"protocol": "TCP"}, NotApplicable("uses TCP")),
        ({}, NotApplicable("uses no protocol")),
    ],
)
def test_tls_policy(props: Props, expected: Verdict) -> None:
    assert verdicts(controls.lb_tls_policy, resource(LISTENER, props=props)) == [expected]


# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html
@pytest.mark.parametrize(
    ("policy", "accepted"),
    [
        ("ELBSecurityPolicy-TLS13-1-3-2021-06", True),
        ("ELBSecurityPolicy-TLS13-1-3-FIPS-2023-04", True),
        ("ELBSecurityPolicy-TLS13-1-2-Res-2021-06", True),
        ("ELBSecurityPolicy-TLS13-1-2-Res-FIPS-2023-04", True),
        ("ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09", True),
        ("ELBSecurityPolicy-TLS13-1-3-PQ-2025-09", True),
        ("ELBSecurityPolicy-TLS13-1-2-Res-FIPS-PQ-2025-09", True),
        ("ELBSecurityPolicy-TLS13-1-3-FIPS-PQ-2025-09", True),
        # ELB.17 refuses these for their ciphers in CBC mode. Elastic Load Balancing's own pages recommend them, or did.
        ("ELBSecurityPolicy-TLS13-1-2-2021-06", True),
        ("ELBSecurityPolicy-TLS13-1-2-FIPS-2023-04", True),
        ("ELBSecurityPolicy-TLS13-1-2-PQ-2025-09", True),
        ("ELBSecurityPolicy-TLS13-1-2-FIPS-PQ-2025-09", True),
        # Ciphers without forward secrecy, and TLS 1.0.
        ("ELBSecurityPolicy-TLS13-1-2-Ext1-PQ-2025-09", False),
        ("ELBSecurityPolicy-TLS13-1-2-Ext0-FIPS-PQ-2025-09", False),
        ("ELBSecurityPolicy-TLS13-1-0-PQ-2025-09", False),
    ],
)
def test_every_policy_with_forward_secrecy_and_tls_1_2_is_accepted(policy: str, accepted: bool) -> None:
    expected = Pass() if accepted else Fail(f"uses the security policy {policy}", "sslPolicy")
    assert verdicts(controls.lb_tls_policy, resource(LISTENER, props={"protocol": "HTTPS", "sslPolicy": policy})) == [expected]


def test_tls_policies_can_be_chosen() -> None:
    props = resource(LISTENER, props={"protocol": "HTTPS", "sslPolicy": RES_PQ})
    expected = Fail(f"uses the security policy {RES_PQ}", "sslPolicy")
    assert verdicts(controls.lb_tls_policy, props, {"policies": ["ELBSecurityPolicy-TLS13-1-3-2021-06"]}) == [expected]


HEADERS, LOGS, PROTECTED = controls.alb_drop_invalid_headers, controls.alb_access_logs, controls.lb_deletion_protection


@pytest.mark.parametrize("type", [BALANCER, OTHER_BALANCER])
@pytest.mark.parametrize(
    ("control", "good", "bad", "message", "where"),
    [
        (
            HEADERS,
            {"dropInvalidHeaderFields": True},
            {"dropInvalidHeaderFields": False},
            "does not drop invalid headers",
            "dropInvalidHeaderFields",
        ),
        (
            LOGS,
            {"accessLogs": {"enabled": True, "bucket": UNKNOWN}},
            {"accessLogs": {"enabled": False, "bucket": "logs"}},
            "has no access logs",
            "accessLogs.enabled",
        ),
        (LOGS, {"accessLogs": {"enabled": True}}, {"accessLogs": {"bucket": "logs"}}, "has no access logs", "accessLogs.enabled"),
        (
            PROTECTED,
            {"enableDeletionProtection": True},
            {"enableDeletionProtection": False},
            "has no deletion protection",
            "enableDeletionProtection",
        ),
    ],
)
def test_settings_of_a_balancer(type: str, control: Control, good: Props, bad: Props, message: str, where: str) -> None:
    assert verdicts(control, resource(type, props=good)) == [Pass()]
    for props in (bad, {}):
        assert verdicts(control, resource(type, props=props)) == [Fail(message, where)]
    unknown = {"accessLogs": {"enabled": UNKNOWN}} if control is LOGS else {where: UNKNOWN}
    assert verdicts(control, resource(type, props=unknown)) == [Unknown(where)]


@pytest.mark.parametrize("kind", ["network", "gateway"])
@pytest.mark.parametrize("control", [HEADERS, LOGS])
def test_settings_of_application_load_balancers_alone(control: Control, kind: str) -> None:
    assert verdicts(control, resource(BALANCER, props={"loadBalancerType": kind})) == [NotApplicable(f"is a {kind} load balancer")]
    assert verdicts(PROTECTED, resource(BALANCER, props={"loadBalancerType": kind})) == [
        Fail("has no deletion protection", "enableDeletionProtection")
    ]


DESYNC, SPREAD = controls.alb_desync_mitigation, controls.lb_several_zones


@pytest.mark.parametrize("type", [BALANCER, OTHER_BALANCER])
@pytest.mark.parametrize(
    ("props", "expected"),
    [
        ({"desyncMitigationMode": "defensive"}, Pass()),
        ({"desyncMitigationMode": "strictest"}, Pass()),
        ({}, Pass()),
        ({"desyncMitigationMode": "monitor"}, Fail("has its desync mitigation mode at monitor", "desyncMitigationMode")),
        ({"desyncMitigationMode": UNKNOWN}, Unknown("desyncMitigationMode")),
        ({"desyncMitigationMode": "monitor", "loadBalancerType": "network"}, NotApplicable("is a network load balancer")),
        ({"loadBalancerType": UNKNOWN}, Unknown("loadBalancerType")),
    ],
)
def test_desync_mitigation(type: str, props: Props, expected: Verdict) -> None:
    assert verdicts(DESYNC, resource(type, props=props)) == [expected]


@pytest.mark.parametrize("type", [BALANCER, OTHER_BALANCER])
@pytest.mark.parametrize("where", ["subnets", "subnetMappings"])
@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([UNKNOWN, UNKNOWN], Pass()),
        (["subnet-1", "subnet-2", "subnet-3"], Pass()),
        (["subnet-1"], Fail("spans 1 zone, not 2", "")),
        ([UNKNOWN], Fail("spans 1 zone, not 2", "")),
        (UNKNOWN, Unknown("")),
    ],
)
def test_zones_of_a_balancer(type: str, where: str, items: Any, expected: Verdict) -> None:
    placed = {Fail("spans 1 zone, not 2", ""): Fail("spans 1 zone, not 2", where), Unknown(""): Unknown(where)}.get(expected, expected)
    for kind in ("application", "network", "gateway"):
        assert verdicts(SPREAD, resource(type, props={where: items, "loadBalancerType": kind})) == [placed]


def test_zones_of_a_balancer_that_names_none_or_needs_more() -> None:
    assert verdicts(SPREAD, resource(BALANCER)) == [Fail("spans 0 zones, not 2", "subnets")]
    two = resource(BALANCER, props={"subnets": ["subnet-1", "subnet-2"]})
    assert verdicts(SPREAD, two, {"minimumZones": 3}) == [Fail("spans 2 zones, not 3", "subnets")]


def nlb(kind: Any = "network", **more: Any) -> Resource:
    return resource(BALANCER, "nlb", {"loadBalancerType": kind, **more})


NO_TLS = NotApplicable("has no TLS listener in the stack, and only those write access logs")


@pytest.mark.parametrize(
    ("balancer", "protocol", "expected"),
    [
        (nlb(accessLogs={"bucket": "logs", "enabled": True}), "TLS", Pass()),
        (nlb(), "TLS", Fail("has no access logs", "accessLogs.enabled")),
        (nlb(), "tls", Fail("has no access logs", "accessLogs.enabled")),
        (nlb(accessLogs={"bucket": "logs", "enabled": False}), "TLS", Fail("has no access logs", "accessLogs.enabled")),
        (nlb(accessLogs={"bucket": "logs", "enabled": UNKNOWN}), "TLS", Unknown("accessLogs.enabled")),
        (nlb(), "TCP", NO_TLS),
        (nlb("application"), "HTTPS", NotApplicable("is a load balancer of type application")),
        (nlb(None), "HTTPS", NotApplicable("is a load balancer of type application")),
    ],
)
def test_logs_of_network_balancers(balancer: Resource, protocol: str, expected: Verdict) -> None:
    found = verdicts(controls.nlb_access_logs, stack(balancer, listener({"protocol": protocol}, target="nlb")))
    assert found == [("nlb", expected)]


def test_logs_of_a_network_balancer_whose_listeners_are_unknown_or_missing() -> None:
    assert verdicts(controls.nlb_access_logs, stack(nlb())) == [("nlb", NO_TLS)]
    unclear = resource(
        LISTENER, "tls", {"loadBalancerArn": UNKNOWN, "protocol": UNKNOWN}, deps={"loadBalancerArn": ["nlb"], "protocol": ["x"]}
    )
    assert verdicts(controls.nlb_access_logs, stack(nlb(), resource("x:y:Z", "x"), unclear)) == [("nlb", Unknown("protocol of tls"))]


@pytest.mark.parametrize(
    ("balancer", "expected"),
    [
        (nlb(securityGroups=["sg-1"]), Pass()),
        (nlb(securityGroups=[UNKNOWN]), Pass()),
        (nlb(securityGroups=[]), Fail("has no security group", "securityGroups")),
        (nlb(), Fail("has no security group", "securityGroups")),
        (nlb(securityGroups=UNKNOWN), Fail("has no security group", "securityGroups")),
        (nlb("gateway"), NotApplicable("is a load balancer of type gateway")),
    ],
)
def test_security_groups_of_network_balancers(balancer: Resource, expected: Verdict) -> None:
    assert verdicts(controls.nlb_security_groups, balancer) == [("nlb", expected)]
