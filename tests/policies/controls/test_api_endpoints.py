"""Default endpoints of APIs under a domain name."""

from typing import Any

import pytest
from cloudpatterns_policies.controls import api_endpoints as controls
from cloudpatterns_policies.core import Control, Fail, NotApplicable, Pass, Resource, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, stack, verdicts

SWITCH = "disableExecuteApiEndpoint"
GONE = "urn:pulumi:test::project::x:y:Z::gone"
REST = (
    *("aws:apigateway/restApi:RestApi", "aws:apigateway/basePathMapping:BasePathMapping", "restApi"),
    "aws:apigateway/domainName:DomainName",
)
V2 = ("aws:apigatewayv2/api:Api", "aws:apigatewayv2/apiMapping:ApiMapping", "apiId", "aws:apigatewayv2/domainName:DomainName")
REST_IN_V2 = (REST[0], *V2[1:])
KINDS = pytest.mark.parametrize("kind", [REST, V2, REST_IN_V2], ids=["REST", "HTTP", "REST by an API mapping"])
TRUST = {"mutualTlsAuthentication": {"truststoreUri": "s3://trust/bundle.pem"}}


def judged(control: Control, kind: tuple[str, ...], api: dict[str, Any], domain: dict[str, Any] | None, *, mapped: bool = True) -> Verdict:
    api_type, mapping_type, path, domain_type = kind
    subject = resource(api_type, "api", api, deps={name: [GONE] for name, value in api.items() if value is UNKNOWN})
    members: list[Resource] = [subject]
    if mapped:
        props = {path: UNKNOWN, "domainName": UNKNOWN if domain is not None else "api.example.com"}
        members.append(resource(mapping_type, "m", props, deps={path: ["api"], **({"domainName": ["d"]} if domain is not None else {})}))
    if domain is not None:
        members.append(resource(domain_type, "d", domain))
    return dict(verdicts(control, stack(*members)))["api"]


@KINDS
@pytest.mark.parametrize(
    ("api", "expected"),
    [
        ({SWITCH: True}, Pass()),
        ({SWITCH: False}, Fail("can be called without the client certificate that d demands", SWITCH)),
        ({}, Fail("can be called without the client certificate that d demands", SWITCH)),
        ({SWITCH: UNKNOWN}, Unknown(SWITCH)),
    ],
)
def test_mutual_tls(kind: tuple[str, ...], api: dict[str, Any], expected: Verdict) -> None:
    assert judged(controls.api_mutual_tls_not_bypassed, kind, api, TRUST) == expected


@KINDS
def test_domains_without_mutual_tls(kind: tuple[str, ...]) -> None:
    none = NotApplicable("is under no domain name of the stack that demands client certificates")
    assert judged(controls.api_mutual_tls_not_bypassed, kind, {}, {}) == none
    assert judged(controls.api_mutual_tls_not_bypassed, kind, {}, None) == none
    assert judged(controls.api_mutual_tls_not_bypassed, kind, {}, TRUST, mapped=False) == none


@KINDS
@pytest.mark.parametrize(
    ("api", "expected"),
    [
        ({SWITCH: True}, Pass()),
        ({SWITCH: False}, Fail("can be called at its default endpoint too", SWITCH)),
        ({}, Fail("can be called at its default endpoint too", SWITCH)),
        ({SWITCH: UNKNOWN}, Unknown(SWITCH)),
    ],
)
def test_default_endpoint(kind: tuple[str, ...], api: dict[str, Any], expected: Verdict) -> None:
    for domain in ({}, TRUST, None):
        assert judged(controls.api_default_endpoint_closed, kind, api, domain) == expected


@KINDS
def test_an_api_without_a_domain_name(kind: tuple[str, ...]) -> None:
    assert judged(controls.api_default_endpoint_closed, kind, {}, {}, mapped=False) == NotApplicable("is under no domain name of the stack")
