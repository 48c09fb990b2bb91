"""CloudFront, Route 53, Global Accelerator and API Gateway."""

from typing import Any

import pytest
from cloudpatterns_policies.acceptance.controls import accelerators, content_delivery, dns, redirects, rest_apis
from cloudpatterns_policies.core import UNKNOWN, Fail, Pass
from pulumi.runtime.proto import analyzer_pb2

from tests.policies.acceptance.controls.cases import OTHERS, Case, Made, check, refers
from tests.policies.helpers import resource, stack, urn, verdicts

DISTRIBUTION = "aws:cloudfront/distribution:Distribution"
EDGE, NEWLINE = content_delivery.cloudfront_edge_functions, content_delivery.cloudfront_key_newline
HOME, WEBSITE = content_delivery.global_service_us_east_1, content_delivery.cloudfront_access_control_origin
VIEWER, ORIGIN = [{"eventType": "viewer-request"}], [{"eventType": "origin-request"}]


def behavior(functions: Any, lambdas: Any) -> dict[str, Made]:
    given = {"functionAssociations": functions, "lambdaFunctionAssociations": lambdas}
    return {"x": Made(DISTRIBUTION, {"defaultCacheBehavior": {name: value for name, value in given.items() if value is not None}})}


def key(text: Any) -> dict[str, Made]:
    return {"x": Made("aws:cloudfront/publicKey:PublicKey", {} if text is None else {"encodedKey": text})}


def acl(**props: Any) -> dict[str, Made]:
    return {"c": Made("aws:wafv2/webAcl:WebAcl", props), "x": refers(DISTRIBUTION, "webAclId", "c")}


def origin(name: Any, control: Any) -> dict[str, Made]:
    given = {"domainName": name, **({} if control is None else {"originAccessControlId": control})}
    return {"x": Made(DISTRIBUTION, {"origins": [given]})}


BOTH = "has both CloudFront functions and Lambda@Edge functions in viewer events"
SITE = "shop.s3-website-eu-west-1.amazonaws.com"
CASES = {
    "one kind at the viewer": Case(EDGE, behavior(VIEWER, ORIGIN)),
    "both kinds at the viewer": Case(EDGE, behavior(VIEWER, [{"eventType": "viewer-response"}]), ("x", "defaultCacheBehavior", BOTH)),
    "both kinds in another behavior": Case(
        EDGE,
        {"x": Made(DISTRIBUTION, {"orderedCacheBehaviors": [{"functionAssociations": VIEWER, "lambdaFunctionAssociations": VIEWER}]})},
        ("x", "orderedCacheBehaviors.0", BOTH),
    ),
    "no functions": Case(EDGE, behavior(None, VIEWER)),
    "functions that are not known": Case(EDGE, behavior(UNKNOWN, VIEWER), None, ("x", "defaultCacheBehavior")),
    "an event that is not known": Case(EDGE, behavior(VIEWER, [{"eventType": UNKNOWN}])),
    "a key with its newline": Case(NEWLINE, key("-----END PUBLIC KEY-----\n")),
    "a key without": Case(NEWLINE, key("-----END PUBLIC KEY-----"), ("x", "encodedKey", "has no newline at the end of the key")),
    "no key": Case(NEWLINE, key(None)),
    "a key that is not known": Case(NEWLINE, key(UNKNOWN), None, ("x", "encodedKey")),
    "an ACL in us-east-1": Case(HOME, acl(region="us-east-1")),
    "an ACL elsewhere": Case(HOME, acl(region="eu-west-1"), ("x", "webAclId", "names c, which is in eu-west-1")),
    "an ACL whose region is not known": Case(HOME, acl(region=UNKNOWN)),
    "an ACL without a region": Case(HOME, acl()),
    "a user pool's certificate elsewhere": Case(
        HOME,
        {
            "c": Made("aws:acm/certificate:Certificate", {"region": "eu-west-1"}),
            "x": refers("aws:cognito/userPoolDomain:UserPoolDomain", "certificateArn", "c"),
        },
        ("x", "certificateArn", "names c, which is in eu-west-1"),
    ),
    "an access control on a bucket": Case(WEBSITE, origin("shop.s3.eu-west-1.amazonaws.com", UNKNOWN)),
    "an access control on a website": Case(WEBSITE, origin(SITE, UNKNOWN), ("x", "origins.0.domainName", f"website endpoint {SITE}")),
    "a website without one": Case(WEBSITE, origin(SITE, None)),
    "an origin that is not known": Case(WEBSITE, origin(UNKNOWN, "E1")),
}

RECORD = "aws:route53/record:Record"
POLICY, WEIGHTS, ALARM = dns.dns_records_one_policy, dns.dns_weights_not_all_zero, dns.health_check_alarm
WEIGHTED = {"weightedRoutingPolicies": [{"weight": 1}]}


def record(id_: Any = None, **props: Any) -> Made:
    basic = {"name": "shop.example.com", "type": "A", "zoneId": "Z1", **({} if id_ is None else {"setIdentifier": id_})}
    return Made(RECORD, {**basic, **props})


def weights(*values: Any) -> dict[str, Made]:
    return {f"x{n}": record(f"{n}", weightedRoutingPolicies=[{"weight": value}]) for n, value in enumerate(values)}


def health(props: dict[str, Any], kind: str = "metricAlarm:MetricAlarm") -> dict[str, Made]:
    return {"a": Made(f"aws:cloudwatch/{kind}", props), "x": refers("aws:route53/healthCheck:HealthCheck", "cloudwatchAlarmName", "a")}


def follows(words: str) -> tuple[str, str, str]:
    return "x", "cloudwatchAlarmName", f"follows alarm a, which {words}"


CASES |= {
    "records of one policy": Case(POLICY, {"x": record("a", **WEIGHTED), "y": record("b", **WEIGHTED)}),
    "records of two policies": Case(
        POLICY,
        {"x": record("a", **WEIGHTED), "y": record("b", latencyRoutingPolicies=[{"region": "eu-west-1"}])},
        ("x", "name", "is one of the 2 A records named shop.example.com, whose routing policies differ: latency, weighted"),
    ),
    "two simple records": Case(
        POLICY,
        {"x": record(), "y": record(name="shop.example.com.")},
        ("x", "name", "2 A records named shop.example.com without a routing"),
    ),
    "records of one identifier": Case(
        POLICY, {"x": record("a", **WEIGHTED), "y": record("a", **WEIGHTED)}, ("x", "setIdentifier", "of which 2 have the identifier a")
    ),
    "identifiers that are not known": Case(POLICY, {"x": record(UNKNOWN, **WEIGHTED), "y": record(UNKNOWN, **WEIGHTED)}),
    "a policy that is not known": Case(POLICY, {"x": record("a", **WEIGHTED), "y": record("b", weightedRoutingPolicies=UNKNOWN)}),
    "records of two zones": Case(POLICY, {"x": record(), "y": record(zoneId="Z2")}),
    "records of two types": Case(POLICY, {"x": record(), "y": record(type="AAAA")}),
    "a name that is not known": Case(POLICY, {"x": record(name=UNKNOWN), "y": record(name=UNKNOWN)}),
    "records of a zone in the stack": Case(
        POLICY,
        {"z": Made("aws:route53/zone:Zone"), **{name: refers(RECORD, "zoneId", "z", {"name": "a", "type": "A"}) for name in "xy"}},
        ("x", "name", "2 A records named a"),
    ),
    "one weight": Case(WEIGHTS, weights(0, 1)),
    "no weight": Case(WEIGHTS, weights(0, 0), ("x0", "weightedRoutingPolicies.0.weight", "2 A records named shop.example.com that all")),
    "aliases of no weight": Case(
        WEIGHTS,
        {f"x{n}": record(f"{n}", weightedRoutingPolicies=[{"weight": 0}], aliases=[{"name": f"lb-{n}", "zoneId": "Z2"}]) for n in range(2)},
        ("x0", "weightedRoutingPolicies.0.weight", "2 A records named shop.example.com that all"),
    ),
    "a weight that is not known": Case(WEIGHTS, weights(0, UNKNOWN)),
    "a record alone": Case(WEIGHTS, weights(0)),
    "records without weights": Case(WEIGHTS, {"x": record("a"), "y": record("b")}),
    "a plain alarm": Case(ALARM, health({"metricName": "Errors", "statistic": "Sum", "period": 60})),
    "an alarm on a percentile": Case(ALARM, health({"extendedStatistic": "p99"}), follows("uses an extended statistic")),
    "an alarm on metric math": Case(ALARM, health({"metricQueries": [{"id": "a"}]}), follows("uses metric math")),
    "an alarm of ten seconds": Case(ALARM, health({"period": 10}), follows("has a period of 10 seconds")),
    "a period that is not known": Case(ALARM, health({"period": UNKNOWN})),
    "a composite alarm": Case(ALARM, health({}, "compositeAlarm:CompositeAlarm"), follows("is a composite alarm")),
    "an alarm that is not known": Case(ALARM, {"x": Made("aws:route53/healthCheck:HealthCheck", {"cloudwatchAlarmName": UNKNOWN})}),
}

APART = accelerators.accelerator_ports_apart


def listeners(first: Any, second: Any, **more: Any) -> dict[str, Made]:
    def made(low: Any, high: Any, **other: Any) -> Made:
        props = {"protocol": "TCP", "portRanges": [{"fromPort": low, "toPort": high}], **other}
        return refers("aws:globalaccelerator/listener:Listener", "acceleratorArn", "g", props)

    return {"g": Made("aws:globalaccelerator/accelerator:Accelerator"), "a": made(*first), "b": made(*second, **more)}


DEPLOYMENT, LAST, TRIGGERS = "aws:apigateway/deployment:Deployment", rest_apis.api_deployment_last, rest_apis.api_deployment_triggers


def api(after: Any = (), **props: Any) -> dict[str, Made]:
    parts = {
        "m": refers("aws:apigateway/method:Method", "restApi", "r"),
        "i": refers("aws:apigateway/integration:Integration", "restApi", "r"),
    }
    made = Made(DEPLOYMENT, {"restApi": UNKNOWN, **props}, {"restApi": "r", OTHERS: after})
    return {"r": Made("aws:apigateway/restApi:RestApi"), **parts, "x": made}


CASES |= {
    "ports apart": Case(APART, listeners((80, 80), (443, 443))),
    "ports that overlap": Case(APART, listeners((80, 90), (85, 443)), ("b", "portRanges", "has a port that a has too")),
    "ports of two protocols": Case(APART, listeners((80, 80), (80, 80), protocol="UDP")),
    "ports that are not known": Case(APART, listeners((80, 80), (UNKNOWN, 90))),
    "a protocol that is not known": Case(APART, listeners((80, 80), (80, 80), protocol=UNKNOWN)),
    "no ports": Case(APART, listeners((80, 80), (80, 80), portRanges=None)),
    "a deployment that waits": Case(LAST, api(["m", "i"])),
    "a deployment that does not": Case(LAST, api(), ("x", "", "does not wait for i, m")),
    "a deployment that waits for one": Case(LAST, api(["m"]), ("x", "", "does not wait for i")),
    "a deployment of an API from elsewhere": Case(LAST, {"x": Made(DEPLOYMENT, {"restApi": "abc"})}),
    "an API that is not known": Case(LAST, {"x": Made(DEPLOYMENT, {"restApi": UNKNOWN})}),
    "a deployment with triggers": Case(TRIGGERS, api(triggers={"a": "b"})),
    "triggers that are not known": Case(TRIGGERS, api(triggers=UNKNOWN)),
    "a deployment without triggers": Case(TRIGGERS, api(), ("x", "triggers", "has no triggers")),
    "an API of one document": Case(
        TRIGGERS, {"r": Made("aws:apigateway/restApi:RestApi", {"body": "{}"}), "x": refers(DEPLOYMENT, "restApi", "r")}
    ),
}

REDIRECT = redirects.redirect_changes_address


def redirect(**props: Any) -> dict[str, Made]:
    actions = [{"type": "redirect", "redirect": {"statusCode": "HTTP_301", **props}}]
    return {"x": Made("aws:lb/listenerRule:ListenerRule", {"actions": actions})}


BACK = "redirects to the address that it came from"
CASES |= {
    "a redirect to HTTPS": Case(REDIRECT, redirect(protocol="HTTPS", port="443")),
    "a redirect to itself": Case(REDIRECT, redirect(), ("x", "actions.0.redirect", BACK)),
    "a redirect by placeholders": Case(REDIRECT, redirect(host="#{host}", path="/#{path}"), ("x", "actions.0.redirect", BACK)),
    "a host that is not known": Case(REDIRECT, redirect(host=UNKNOWN), None, ("x", "actions.0.redirect.host")),
    "a host that does not matter": Case(REDIRECT, redirect(host=UNKNOWN, path="/new")),
    "no redirect": Case(REDIRECT, {"x": Made("aws:lb/listener:Listener", {"defaultActions": [{"type": "forward"}]})}),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_case(case: Case) -> None:
    check(case)


@pytest.mark.parametrize(("region", "expected"), [("us-east-1", Pass()), ("eu-west-1", "names c, which is in eu-west-1")])
def test_the_region_of_a_provider_counts(region: str, expected: Any) -> None:
    provider = resource("pulumi:providers:aws", "p", {"region": region})
    made = resource("aws:acm/certificate:Certificate", "c")
    assert isinstance(made.message, analyzer_pb2.AnalyzerResource)
    made.message.provider.urn = urn("pulumi:providers:aws", "p")
    named = resource(DISTRIBUTION, "x", {"viewerCertificate": {"acmCertificateArn": UNKNOWN}}, deps={"viewerCertificate": ["c"]})
    [(name, verdict)] = verdicts(HOME, stack(provider, made, named))
    assert (name, verdict.message if isinstance(verdict, Fail) else verdict) == ("x", expected)
