"""API Gateway: authentication, web ACLs, logs, and client certificates for HTTP backends.

Methods of REST APIs that an OpenAPI `body` defines are judged in `api_definition`; routes of HTTP APIs that one defines are not checked.
"""

from collections.abc import Iterator
from typing import Any, Final

from cloudpatterns_policies.controls._documents import read_document
from cloudpatterns_policies.controls._public_access import public_statements
from cloudpatterns_policies.core import (
    UNKNOWN,
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
from cloudpatterns_policies.graph.reading import read

_PAGE: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/apigateway-controls.html"

API: Final = "aws:apigatewayv2/api:Api"
ROUTE: Final = "aws:apigatewayv2/route:Route"
V2_STAGE: Final = "aws:apigatewayv2/stage:Stage"
REST_API: Final = "aws:apigateway/restApi:RestApi"
_REST_POLICY: Final = "aws:apigateway/restApiPolicy:RestApiPolicy"
REST_STAGE: Final = "aws:apigateway/stage:Stage"
_METHOD: Final = "aws:apigateway/method:Method"
_INTEGRATION: Final = "aws:apigateway/integration:Integration"
SETTINGS: Final = "aws:apigateway/methodSettings:MethodSettings"
_CERTIFICATE: Final = "aws:apigateway/clientCertificate:ClientCertificate"
_WEB_ACL_ASSOCIATION: Final = "aws:wafv2/webAclAssociation:WebAclAssociation"

_PREFLIGHT: Final = NotApplicable("answers browsers' preflight requests, which carry no credentials")
_LEVELS: Final = ("ERROR", "INFO")


def _value(resource: Resource, path: str) -> Any:
    """A property of a resource in a stack control, where what the program left out may show as unknown."""
    return read(resource, path, computed=True)


def api_type(resource: Resource, stack: Stack) -> str:
    """HTTP or WEBSOCKET, as the API of a route or stage says; empty when the stack does not show the API."""
    for api in stack.refs(resource, "apiId", API):
        return str(api.get("protocolType"))
    return ""


@stack_control(
    id="api-route-authorized",
    title="Routes of HTTP and WebSocket APIs require authorization",
    severity=Severity.MEDIUM,
    types=(ROUTE,),
    why="Anyone who knows the URL, which is not secret, can call the route.",
    remediation='Set authorization_type to "JWT", "CUSTOM" or "AWS_IAM", and authorizer_id for the first two.',
    url=f"{_PAGE}#apigateway-8",
    frameworks={"FSBP": ("APIGateway.8",), "Checkov": ("CKV_AWS_309",)},
)
def api_route_authorized(resource: Resource, stack: Stack) -> Verdict:
    key = str(resource.get("routeKey", ""))
    if key.startswith("OPTIONS "):
        return _PREFLIGHT
    protocol = api_type(resource, stack) or ("HTTP" if " " in key or key == "$default" else "WEBSOCKET")
    if protocol == "WEBSOCKET" and key != "$connect":
        # https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-control-access.html
        return NotApplicable("belongs to a WebSocket API, which authorizes clients at $connect")
    kind = _value(resource, "authorizationType")
    if kind is UNKNOWN:
        return Unknown("authorizationType")
    return Fail("can be called by anyone", "authorizationType") if kind in (None, "NONE") else Pass()


@stack_control(
    id="api-method-authorized",
    title="Methods of REST APIs require authorization",
    severity=Severity.MEDIUM,
    types=(_METHOD,),
    why="Anyone who knows the URL can call the method. An API key does not authenticate: it only meters calls.",
    remediation='Set authorization to "COGNITO_USER_POOLS", "CUSTOM" or "AWS_IAM", or add an aws.apigateway.RestApiPolicy with limits.',
    url="https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-control-access-to-api.html",
    frameworks={"Checkov": ("CKV_AWS_59",)},
)
def api_method_authorized(resource: Resource, stack: Stack) -> Verdict:
    if resource.get("httpMethod") == "OPTIONS":
        return _PREFLIGHT
    if resource.get("authorization", "NONE") != "NONE":
        return Pass()
    for api in stack.refs(resource, "restApi", REST_API):
        if (verdict := policies_verdict(api, stack)) is not None:
            return verdict
    return Fail("can be called by anyone", "authorization")


def policies_verdict(api: Resource, stack: Stack) -> Verdict | None:
    """Whether a policy of a REST API keeps everybody out, or may do so; None where none does."""
    verdicts = [_by_policy(holder) for holder in _policies(stack, api)]
    for wanted in (Pass, Unknown):
        for verdict in verdicts:
            if isinstance(verdict, wanted):
                return verdict
    return None


def _policies(stack: Stack, api: Resource) -> Iterator[Resource]:
    if _value(api, "policy") is not None:
        yield api
    yield from stack.referrers(api, _REST_POLICY, "restApiId")


def _by_policy(holder: Resource) -> Verdict:
    """Whether the API's policy keeps everybody out but fixed callers, networks or endpoints."""
    document = read_document(holder, "policy", partly=True)
    if isinstance(document, Unknown):
        return Unknown(f"policy of {holder.name}")
    if isinstance(document, Fail):
        return document
    public = list(public_statements(document))
    if any(statement.allow for statement in document) and not public:
        return Pass()
    if public and not any(certain for _, certain in public):
        return Unknown(f"policy of {holder.name}")
    return Fail("has a policy that allows everyone", "policy")


@stack_control(
    id="api-web-acl",
    title="Stages of REST APIs have a web ACL",
    severity=Severity.MEDIUM,
    types=(REST_STAGE,),
    why="Without a web ACL, floods, scanners and known exploits reach the backend itself.",
    remediation="Add an aws.wafv2.WebAclAssociation with the stage's ARN as resource_arn.",
    url=f"{_PAGE}#apigateway-4",
    frameworks={"FSBP": ("APIGateway.4",), "Checkov": ("CKV2_AWS_29",)},
)
def api_web_acl(resource: Resource, stack: Stack) -> Verdict:
    if of_private_api(resource, stack):
        return NotApplicable("belongs to a private API")
    return Pass() if stack.referrers(resource, _WEB_ACL_ASSOCIATION, "resourceArn") else Fail("has no web ACL")


def of_private_api(stage: Resource, stack: Stack) -> bool:
    """Whether a stage of a REST API can be called from VPCs alone."""
    return any("PRIVATE" in str(kind) for api in stack.refs(stage, "restApi", REST_API) for kind in _endpoints(api))


def _endpoints(api: Resource) -> list[Any]:
    configuration = _value(api, "endpointConfiguration")
    if configuration is None:
        return []
    kinds = api.get("endpointConfiguration.types", "")
    return kinds if isinstance(kinds, list) else [kinds]


@control(
    id="api-access-logs",
    title="API stages have access logs",
    severity=Severity.MEDIUM,
    types=(REST_STAGE, V2_STAGE),
    why="After an incident, nobody can find out who sent which request.",
    remediation="Set access_log_settings with the destination_arn of a log group, and a format.",
    url=f"{_PAGE}#apigateway-9",
    frameworks={"FSBP": ("APIGateway.9",), "Checkov": ("CKV_AWS_76",)},
)
def api_access_logs(resource: Resource) -> Verdict:
    return Pass() if resource.get("accessLogSettings") else Fail("has no access logs", "accessLogSettings")


@stack_control(
    id="api-execution-logs",
    title="Stages of REST and WebSocket APIs have execution logs",
    severity=Severity.MEDIUM,
    types=(REST_STAGE, V2_STAGE),
    why="Without them, nobody can see why the gateway or the backend refused a call.",
    remediation='Add an aws.apigateway.MethodSettings for "*/*" with logging_level "ERROR"; WebSockets: in default_route_settings.',
    url=f"{_PAGE}#apigateway-1",
    frameworks={"FSBP": ("APIGateway.1",), "Checkov": ("CKV2_AWS_4",)},
)
def api_execution_logs(resource: Resource, stack: Stack) -> Verdict:
    if resource.type == REST_STAGE:
        return _rest_logs(resource, stack)
    if api_type(resource, stack) != "WEBSOCKET":
        return NotApplicable("belongs to no WebSocket API of the stack; HTTP APIs have access logs alone")
    path = "defaultRouteSettings.loggingLevel"
    level = _value(resource, path)
    if level is UNKNOWN:
        return Unknown(path)
    return Pass() if level in _LEVELS else Fail("does not log executions", path)


def _rest_logs(stage: Resource, stack: Stack) -> Verdict:
    covered = False
    for item in stack.of_type(SETTINGS):
        if not same_stage(item, stage, stack):
            continue
        path, level = read(item, "methodPath"), read(item, "settings.loggingLevel")
        where = f"settings.loggingLevel of {item.name}"
        if level is UNKNOWN:
            return Unknown(where)
        if level not in _LEVELS and (level is not None or path == "*/*"):
            return Fail(f"does not log executions of {path}", where)
        covered = covered or path == "*/*"
    return Pass() if covered else Fail("does not log executions")


def same_stage(item: Resource, stage: Resource, stack: Stack) -> bool:
    """Whether the method settings belong to a stage of a REST API."""
    if stage in stack.refs(item, "stageName"):
        return True
    name = read(item, "stageName")
    apis = stack.refs(item, "restApi", REST_API)
    return isinstance(name, str) and name == read(stage, "stageName") and any(api in apis for api in stack.refs(stage, "restApi", REST_API))


@stack_control(
    id="api-client-certificate",
    title="REST APIs present a client certificate to HTTP backends",
    severity=Severity.MEDIUM,
    types=(REST_STAGE,),
    why="Without one, the backend cannot tell the gateway from anyone else who finds its address, so callers can bypass authorization.",
    remediation="Set client_certificate_id to an aws.apigateway.ClientCertificate, and let the backend verify it.",
    url=f"{_PAGE}#apigateway-2",
    frameworks={"FSBP": ("APIGateway.2",), "Checkov": ("CKV2_AWS_51",)},
    partial={
        "APIGateway.2": "stages without an HTTP backend in the stack, which have no use for a client certificate",
        "CKV2_AWS_51": "the same stages, and those of WebSocket APIs",
    },
)
def api_client_certificate(resource: Resource, stack: Stack) -> Verdict:
    backends = [
        item
        for api in stack.refs(resource, "restApi", REST_API)
        for item in stack.referrers(api, _INTEGRATION, "restApi")
        if str(item.get("type")).startswith("HTTP")
    ]
    if not backends:
        return NotApplicable("calls no HTTP backend")
    certificate = _value(resource, "clientCertificateId")
    if certificate is UNKNOWN:
        return Pass() if stack.refs(resource, "clientCertificateId", _CERTIFICATE) else Unknown("clientCertificateId")
    return Pass() if certificate else Fail("presents no client certificate to its HTTP backends", "clientCertificateId")
