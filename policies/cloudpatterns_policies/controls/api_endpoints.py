"""Default endpoints of APIs: closed where a domain name, or its client certificates, guard the API."""

from collections.abc import Iterator
from typing import Final

from cloudpatterns_policies.controls.api import API, REST_API
from cloudpatterns_policies.core import UNKNOWN, Fail, NotApplicable, Pass, Resource, Severity, Stack, Unknown, Verdict, stack_control
from cloudpatterns_policies.graph.reading import has_value, read

_MAPPINGS: Final = (
    ("aws:apigateway/basePathMapping:BasePathMapping", "restApi"),
    ("aws:apigatewayv2/apiMapping:ApiMapping", "apiId"),
)
"""What puts an API under a domain name, and the property that names the API."""
_DOMAINS: Final = ("aws:apigateway/domainName:DomainName", "aws:apigatewayv2/domainName:DomainName")
_SWITCH: Final = "disableExecuteApiEndpoint"
_NO_DOMAIN: Final = NotApplicable("is under no domain name of the stack")


@stack_control(
    id="api-mutual-tls-not-bypassed",
    title="APIs that demand client certificates have no other endpoint",
    severity=Severity.HIGH,
    types=(API, REST_API),
    why="The default endpoint asks for no client certificate: whoever knows the API's id goes around the domain name that does.",
    remediation="Set disable_execute_api_endpoint of the API to True.",
    url="https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-mutual-tls.html",
)
def api_mutual_tls_not_bypassed(resource: Resource, stack: Stack) -> Verdict:
    guarded = [domain for domain in _domains(resource, stack) if has_value(domain, "mutualTlsAuthentication", computed=True)]
    if not guarded:
        return NotApplicable("is under no domain name of the stack that demands client certificates")
    return _closed(resource, f"can be called without the client certificate that {guarded[0].name} demands")


@stack_control(
    id="api-default-endpoint-closed",
    title="APIs under a domain name have no other endpoint",
    severity=Severity.LOW,
    types=(API, REST_API),
    why="Clients that call the default endpoint go around the domain name, its TLS policy and what is in front of it.",
    remediation="Set disable_execute_api_endpoint of the API to True.",
    url="https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-disable-default-endpoint.html",
)
def api_default_endpoint_closed(resource: Resource, stack: Stack) -> Verdict:
    if not list(_mappings(resource, stack)):
        return _NO_DOMAIN
    return _closed(resource, "can be called at its default endpoint too")


def _closed(api: Resource, weakness: str) -> Verdict:
    switch = read(api, _SWITCH, computed=True)
    if switch is UNKNOWN:
        return Unknown(_SWITCH)
    return Pass() if switch else Fail(weakness, _SWITCH)


def _mappings(api: Resource, stack: Stack) -> Iterator[Resource]:
    for type_, path in _MAPPINGS:
        yield from stack.referrers(api, type_, path)


def _domains(api: Resource, stack: Stack) -> Iterator[Resource]:
    for mapping in _mappings(api, stack):
        yield from stack.refs(mapping, "domainName", *_DOMAINS)
