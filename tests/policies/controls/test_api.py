"""API Gateway: HTTP, WebSocket and REST APIs."""

import json
from typing import Any

import pytest
from cloudpatterns_policies.controls import api as controls
from cloudpatterns_policies.core import Control, Fail, NotApplicable, Pass, Resource, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, stack, verdicts

API, ROUTE, V2_STAGE = "aws:apigatewayv2/api:Api", "aws:apigatewayv2/route:Route", "aws:apigatewayv2/stage:Stage"
REST, METHOD, REST_STAGE = "aws:apigateway/restApi:RestApi", "aws:apigateway/method:Method", "aws:apigateway/stage:Stage"
METHOD_SETTINGS = "aws:apigateway/methodSettings:MethodSettings"
PREFLIGHT = NotApplicable("answers browsers' preflight requests, which carry no credentials")
AT_CONNECT = NotApplicable("belongs to a WebSocket API, which authorizes clients at $connect")


def judged(control: Control, subject: Resource, *others: Resource) -> Verdict:
    ((name, found),) = verdicts(control, stack(subject, *others))
    assert name == subject.name
    return found


def of(type: str, name: str, to: str, props: dict[str, Any] | None = None, **more: list[str]) -> Resource:
    """A resource that refers to the API by its property `to`, and by others as `more` says."""
    deps = {to: ["api"], **more}
    return resource(type, name, {**dict.fromkeys(deps, UNKNOWN), **(props or {})}, deps=deps)


OPEN_ROUTE = Fail("can be called by anyone", "authorizationType")


@pytest.mark.parametrize(
    ("protocol", "props", "expected"),
    [
        *[("HTTP", {"routeKey": "GET /", "authorizationType": kind}, Pass()) for kind in ("JWT", "CUSTOM", "AWS_IAM")],
        ("HTTP", {"routeKey": "GET /", "authorizationType": "NONE"}, OPEN_ROUTE),
        ("HTTP", {"routeKey": "GET /"}, OPEN_ROUTE),
        ("HTTP", {"routeKey": "$default"}, OPEN_ROUTE),
        ("HTTP", {"routeKey": "OPTIONS /{proxy+}"}, PREFLIGHT),
        ("WEBSOCKET", {"routeKey": "$connect"}, OPEN_ROUTE),
        ("WEBSOCKET", {"routeKey": "$connect", "authorizationType": "CUSTOM"}, Pass()),
        *[("WEBSOCKET", {"routeKey": key}, AT_CONNECT) for key in ("$default", "$disconnect", "send")],
        ("HTTP", {"routeKey": UNKNOWN}, Unknown("routeKey")),
        (UNKNOWN, {"routeKey": "$default"}, Unknown("protocolType of api")),
    ],
)
def test_route(protocol: Any, props: dict[str, Any], expected: Verdict) -> None:
    api = resource(API, "api", {"protocolType": protocol})
    assert judged(controls.api_route_authorized, of(ROUTE, "route", "apiId", props), api) == expected


@pytest.mark.parametrize(
    ("key", "expected"), [("GET /", OPEN_ROUTE), ("$default", OPEN_ROUTE), ("$connect", OPEN_ROUTE), ("send", AT_CONNECT)]
)
def test_route_of_an_api_elsewhere(key: str, expected: Verdict) -> None:
    assert judged(controls.api_route_authorized, resource(ROUTE, "route", {"apiId": "a1b2", "routeKey": key})) == expected


def test_route_whose_login_is_not_known_yet() -> None:
    source = resource("x:y:Z", "source")
    route = resource(ROUTE, "route", {"routeKey": "GET /", "authorizationType": UNKNOWN}, deps={"authorizationType": ["source"]})
    assert judged(controls.api_route_authorized, route, source) == Unknown("authorizationType")


OPEN_METHOD = Fail("can be called by anyone", "authorization")


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        *[({"httpMethod": "GET", "authorization": kind}, Pass()) for kind in ("AWS_IAM", "CUSTOM", "COGNITO_USER_POOLS")],
        ({"httpMethod": "GET", "authorization": "NONE"}, OPEN_METHOD),
        ({"httpMethod": "GET", "authorization": "NONE", "apiKeyRequired": True}, OPEN_METHOD),
        ({"httpMethod": "GET"}, OPEN_METHOD),
        ({"httpMethod": "OPTIONS", "authorization": "NONE"}, PREFLIGHT),
        ({"httpMethod": "GET", "authorization": UNKNOWN}, Unknown("authorization")),
        ({"httpMethod": UNKNOWN, "authorization": "NONE"}, Unknown("httpMethod")),
    ],
)
def test_method(props: dict[str, Any], expected: Verdict) -> None:
    assert judged(controls.api_method_authorized, of(METHOD, "get", "restApi", props), resource(REST, "api")) == expected


def statement(effect: str = "Allow", **fields: Any) -> dict[str, Any]:
    return {"Effect": effect, "Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/*", **fields}


def deny(operator: str, key: str, value: Any, **fields: Any) -> dict[str, Any]:
    return statement("Deny", Condition={operator: {key: value}}, **fields)


ENDPOINT = {"StringEquals": {"aws:SourceVpce": "vpce-1"}}


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([statement(Condition=ENDPOINT)], Pass()),
        ([statement(Principal={"AWS": "123456789012"})], Pass()),
        ([statement(), deny("StringNotEquals", "aws:SourceVpce", "vpce-1")], Pass()),
        ([statement(), deny("NotIpAddress", "aws:SourceIp", "203.0.113.0/24")], Pass()),
        ([statement(), deny("StringNotEquals", "aws:SourceVpce", "vpce-1", Action="*", Resource="*")], Pass()),
        (
            [
                statement(),
                deny("ArnNotLike", "aws:PrincipalArn", "arn:aws:iam::123456789012:role/x", Resource="arn:aws:execute-api:r:1:a/*"),
            ],
            Pass(),
        ),
        (
            [statement(), deny("StringNotEquals", "aws:SourceVpce", "vpce-1", Resource=["execute-api:/*", "execute-api:/prod/GET/a"])],
            Pass(),
        ),
        ([statement(), deny("NotIpAddress", "aws:SourceIp", ["203.0.113.0/24", "0.0.0.0/0"])], OPEN_METHOD),
        ([statement()], OPEN_METHOD),
        ([], OPEN_METHOD),
        ([deny("StringNotEquals", "aws:SourceVpce", "vpce-1")], OPEN_METHOD),
        ([statement(), deny("StringEquals", "aws:SourceVpce", "vpce-1")], OPEN_METHOD),
        ([statement(), deny("StringNotEquals", "aws:UserAgent", "mine")], OPEN_METHOD),
        ([statement(), deny("StringNotLike", "aws:SourceVpce", "vpce-*")], OPEN_METHOD),
        ([statement(), deny("NotIpAddress", "aws:SourceIp", "0.0.0.0/0")], OPEN_METHOD),
        ([statement(), deny("StringNotEquals", "aws:SourceVpce", "vpce-1", Action="execute-api:ManageConnections")], OPEN_METHOD),
        ([statement(), deny("StringNotEquals", "aws:SourceVpce", "vpce-1", Resource="execute-api:/prod/GET/a")], OPEN_METHOD),
        ([statement(), deny("StringNotEquals", "aws:SourceVpce", "vpce-1", Principal={"AWS": "123456789012"})], OPEN_METHOD),
        (
            [statement(), statement("Deny", Condition={"StringNotEquals": {"aws:SourceVpce": "vpce-1", "aws:SourceVpc": "vpc-1"}})],
            Pass(),
        ),
    ],
)
@pytest.mark.parametrize("inline", [True, False])
def test_method_behind_a_policy(statements: list[Any], expected: Verdict, inline: bool) -> None:
    document = {"policy": json.dumps({"Statement": statements})}
    method = of(METHOD, "get", "restApi", {"httpMethod": "GET", "authorization": "NONE"})
    api = resource(REST, "api", document if inline else {})
    others = [] if inline else [of("aws:apigateway/restApiPolicy:RestApiPolicy", "policy", "restApiId", document)]
    assert judged(controls.api_method_authorized, method, api, *others) == expected


def test_method_behind_a_policy_that_cannot_be_read() -> None:
    method = of(METHOD, "get", "restApi", {"httpMethod": "GET", "authorization": "NONE"})

    def found(document: Any) -> Verdict:
        policy = of("aws:apigateway/restApiPolicy:RestApiPolicy", "policy", "restApiId", {"policy": document})
        return judged(controls.api_method_authorized, method, resource(REST, "api"), policy)

    assert found(UNKNOWN) == Unknown("policy of policy")
    assert found("no document") == OPEN_METHOD


NO_ACL = Fail("has no web ACL")


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        (None, NO_ACL),
        (UNKNOWN, NO_ACL),
        ({}, NO_ACL),
        ({"types": "REGIONAL"}, NO_ACL),
        ({"types": ["EDGE"]}, NO_ACL),
        ({"types": "PRIVATE"}, NotApplicable("belongs to a private API")),
        ({"types": ["PRIVATE"]}, NotApplicable("belongs to a private API")),
        ({"types": UNKNOWN}, Unknown("endpointConfiguration.types of api")),
    ],
)
def test_web_acl(endpoint: Any, expected: Verdict) -> None:
    api = resource(REST, "api", {"endpointConfiguration": endpoint})
    assert judged(controls.api_web_acl, of(REST_STAGE, "prod", "restApi"), api) == expected


def test_web_acl_is_attached() -> None:
    association = resource("aws:wafv2/webAclAssociation:WebAclAssociation", "a", {"resourceArn": UNKNOWN}, deps={"resourceArn": ["prod"]})
    stages = [of(REST_STAGE, name, "restApi") for name in ("prod", "test")]
    found = verdicts(controls.api_web_acl, stack(resource(REST, "api"), *stages, association))
    assert found == [("prod", Pass()), ("test", NO_ACL)]


@pytest.mark.parametrize("type", [REST_STAGE, V2_STAGE])
@pytest.mark.parametrize(
    ("props", "expected"),
    [
        ({"accessLogSettings": {"destinationArn": UNKNOWN, "format": "x"}}, Pass()),
        ({"accessLogSettings": {}}, Fail("has no access logs", "accessLogSettings")),
        ({}, Fail("has no access logs", "accessLogSettings")),
        ({"accessLogSettings": UNKNOWN}, Unknown("accessLogSettings")),
    ],
)
def test_access_logs(type: str, props: dict[str, Any], expected: Verdict) -> None:
    assert verdicts(controls.api_access_logs, resource(type, props=props)) == [expected]


NO_WEBSOCKET = NotApplicable("belongs to no WebSocket API of the stack; HTTP APIs have access logs alone")
NOT_LOGGED = Fail("does not log executions", "defaultRouteSettings.loggingLevel")


@pytest.mark.parametrize(
    ("protocol", "settings", "expected"),
    [
        *[("WEBSOCKET", {"loggingLevel": level}, Pass()) for level in ("ERROR", "INFO")],
        ("WEBSOCKET", {"loggingLevel": "OFF"}, NOT_LOGGED),
        ("WEBSOCKET", {}, NOT_LOGGED),
        ("WEBSOCKET", {"loggingLevel": UNKNOWN}, Unknown("defaultRouteSettings.loggingLevel")),
        ("HTTP", {}, NO_WEBSOCKET),
    ],
)
def test_execution_logs_of_websockets(protocol: str, settings: dict[str, Any], expected: Verdict) -> None:
    stage = of(V2_STAGE, "live", "apiId", {"defaultRouteSettings": settings})
    assert judged(controls.api_execution_logs, stage, resource(API, "api", {"protocolType": protocol})) == expected


def test_execution_logs_of_an_api_elsewhere() -> None:
    assert judged(controls.api_execution_logs, resource(V2_STAGE, "live", {"apiId": "a1b2"})) == NO_WEBSOCKET


def method_settings(name: str, path: str, level: Any, **props: Any) -> Resource:
    settings = {} if level is None else {"loggingLevel": level}
    return of(
        "aws:apigateway/methodSettings:MethodSettings",
        name,
        "restApi",
        {"methodPath": path, "settings": settings, "stageName": "prod", **props},
    )


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ([("*/*", "ERROR")], Pass()),
        ([("*/*", "INFO"), ("a/GET", "ERROR")], Pass()),
        ([("*/*", "INFO"), ("a/GET", None)], Pass()),
        ([], Fail("does not log executions")),
        ([("a/GET", "INFO")], Fail("does not log executions")),
        ([("*/*", "OFF")], Fail("does not log executions of */*", "settings.loggingLevel of s0")),
        ([("*/*", None)], Fail("does not log executions of */*", "settings.loggingLevel of s0")),
        ([("*/*", "INFO"), ("a/GET", "OFF")], Fail("does not log executions of a/GET", "settings.loggingLevel of s1")),
        ([("*/*", UNKNOWN)], Unknown("settings.loggingLevel of s0")),
    ],
)
def test_execution_logs_of_rest(settings: list[tuple[str, Any]], expected: Verdict) -> None:
    stage = of(REST_STAGE, "stage", "restApi", {"stageName": "prod"})
    items = [method_settings(f"s{index}", *item) for index, item in enumerate(settings)]
    assert judged(controls.api_execution_logs, stage, resource(REST, "api"), *items) == expected


def test_settings_count_for_their_stage_alone() -> None:
    stage = of(REST_STAGE, "stage", "restApi", {"stageName": "prod"})
    nothing = Fail("does not log executions")
    api = resource(REST, "api")
    assert judged(controls.api_execution_logs, stage, api, method_settings("s", "*/*", "INFO", stageName="test")) == nothing
    other = resource(
        METHOD_SETTINGS := method_settings("s", "*/*", "INFO").type, "s", {"restApi": "x", "stageName": "prod", "methodPath": "*/*"}
    )
    assert other.type == METHOD_SETTINGS
    assert judged(controls.api_execution_logs, stage, api, other) == nothing
    props = {"methodPath": "*/*", "settings": {"loggingLevel": "INFO"}}
    by_reference = of(METHOD_SETTINGS, "s", "restApi", props, stageName=["stage"])
    assert judged(controls.api_execution_logs, stage, api, by_reference) == Pass()


NO_CERTIFICATE = Fail("presents no client certificate to its HTTP backends", "clientCertificateId")
NO_BACKEND = NotApplicable("calls no HTTP backend")


@pytest.mark.parametrize(
    ("backends", "props", "more", "expected"),
    [
        (["HTTP"], {"clientCertificateId": "abc"}, {}, Pass()),
        (["AWS_PROXY", "HTTP_PROXY"], {}, {"clientCertificateId": ["certificate"]}, Pass()),
        (["HTTP"], {}, {}, NO_CERTIFICATE),
        (["HTTP_PROXY"], {"clientCertificateId": UNKNOWN}, {}, NO_CERTIFICATE),
        (["HTTP"], {}, {"clientCertificateId": ["api"]}, Unknown("clientCertificateId")),
        (["AWS_PROXY"], {}, {}, NO_BACKEND),
        ([], {}, {}, NO_BACKEND),
        ([UNKNOWN], {}, {}, Unknown("type of i0")),
    ],
)
def test_client_certificate(backends: list[Any], props: dict[str, Any], more: dict[str, list[str]], expected: Verdict) -> None:
    stage = of(REST_STAGE, "stage", "restApi", props, **more)
    certificate = resource("aws:apigateway/clientCertificate:ClientCertificate", "certificate")
    items = [of("aws:apigateway/integration:Integration", f"i{index}", "restApi", {"type": kind}) for index, kind in enumerate(backends)]
    assert judged(controls.api_client_certificate, stage, resource(REST, "api"), certificate, *items) == expected
