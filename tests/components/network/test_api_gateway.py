import copy
import json
from typing import Any

import pulumi
import pytest
from cloudpatterns.core import ArgumentError, declared
from cloudpatterns.network import ApiGateway
from cloudpatterns.network.api_gateway import arguments
from cloudpatterns.network.api_gateway.routes import route_of
from offline_preview.graph import Graph

from tests.components.network.apis import (
    BALANCER,
    BUS,
    BUS_TARGET,
    CERTIFICATE,
    DECIDER,
    FUNCTION,
    KEY,
    LISTENER,
    MACHINE,
    PEOPLE,
    POOL,
    QUEUE,
    TOPIC,
    WEB_ACL,
    definition,
    http,
    integration,
    make,
    rest,
)
from tests.harness import record, refs

ROUTE_TYPES = ("aws:apigatewayv2/route:Route", "aws:apigatewayv2/integration:Integration")


def one(graph: Graph, kind: str) -> Any:
    return graph.one(kind).inputs


# No route without an authorizer unless it says so


@pytest.mark.parametrize(
    ("route", "security"),
    [
        ({}, [{"people": []}]),
        ({"scopes": ["b", "a"]}, [{"people": ["a", "b"]}]),
        ({"authorizer": "decider"}, [{"decider": []}]),
        ({"iam_authorization": True}, [{"iam_": []}]),
        ({"public": True}, None),
    ],
)
def test_no_route_of_a_rest_api_is_without_an_authorizer_unless_it_says_so(route: dict[str, Any], security: Any) -> None:
    routes = {"GET /orders": {"function_arn": FUNCTION, **route}}
    graph = make(rest(authorizers={"people": PEOPLE, "decider": DECIDER}, default_authorizer="people", routes=routes))
    assert definition(graph)["paths"]["/orders"]["get"].get("security") == security


def test_what_api_gateway_does_not_understand_is_refused_instead_of_served_in_part() -> None:
    api = one(make(rest()), "aws:apigateway/restApi:RestApi")
    assert (api["failOnWarnings"], api["putRestApiMode"]) == (True, "overwrite")


def test_the_schemes_of_a_rest_api_are_its_authorizers() -> None:
    routes = {
        "GET /a": {"function_arn": FUNCTION, "iam_authorization": True, "api_key_required": True},
        "GET /b": {"function_arn": FUNCTION, "authorizer": "people"},
    }
    plan = {"api_keys": ["partner"], "throttle": {"rate_per_second": 1, "burst": 1}}
    decider = {
        "function": {**DECIDER["function"], "identity_sources": ["header.Authorization", "query.tenant"], "result_cache_seconds": 60}
    }
    graph = make(rest(authorizers={"people": PEOPLE, "decider": decider}, routes=routes, usage_plans={"partners": plan}))
    uri = f"arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/{FUNCTION}-authorizer/invocations"
    header = {"type": "apiKey", "in": "header"}
    assert definition(graph)["components"]["securitySchemes"] == {
        "people": {
            **header,
            "name": "Authorization",
            "x-amazon-apigateway-authtype": "cognito_user_pools",
            "x-amazon-apigateway-authorizer": {"type": "cognito_user_pools", "providerARNs": [POOL]},
        },
        "decider": {
            **header,
            "name": "Unused",
            "x-amazon-apigateway-authtype": "custom",
            "x-amazon-apigateway-authorizer": {
                "type": "request",
                "authorizerUri": uri,
                "authorizerResultTtlInSeconds": 60,
                "identitySource": "method.request.header.Authorization, method.request.querystring.tenant",
            },
        },
        "iam_": {**header, "name": "Authorization", "x-amazon-apigateway-authtype": "awsSigv4"},
        "api_key_": {**header, "name": "x-api-key"},
    }
    # An API key stands beside the authorizer, never in its place.
    assert definition(graph)["paths"]["/a"]["get"]["security"] == [{"iam_": [], "api_key_": []}]


def test_a_decision_of_a_function_is_not_used_again_by_default() -> None:
    scheme = definition(make(rest(authorizers={"decider": DECIDER})))["components"]["securitySchemes"]["decider"]
    assert scheme["x-amazon-apigateway-authorizer"]["authorizerResultTtlInSeconds"] == 0
    assert one(make(http(authorizers={"decider": DECIDER})), "aws:apigatewayv2/authorizer:Authorizer")["authorizerResultTtlInSeconds"] == 0


@pytest.mark.parametrize(
    ("route", "kind", "authorizer", "scopes"),
    [
        ({}, "JWT", ["shop-authorizer-people"], None),
        ({"scopes": ["orders/write"]}, "JWT", ["shop-authorizer-people"], ["orders/write"]),
        ({"authorizer": "decider"}, "CUSTOM", ["shop-authorizer-decider"], None),
        ({"iam_authorization": True}, "AWS_IAM", [], None),
        ({"public": True}, "NONE", [], None),
    ],
)
def test_no_route_of_an_http_api_is_without_an_authorizer_unless_it_says_so(
    route: dict[str, Any], kind: str, authorizer: list[str], scopes: Any
) -> None:
    people = {"user_pool": {"user_pool_arns": [POOL], "client_ids": ["client"]}}
    routes = {"GET /orders": {"function_arn": FUNCTION, **route}}
    graph = make(http(authorizers={"people": people, "decider": DECIDER}, default_authorizer="people", routes=routes))
    created = graph.one("aws:apigatewayv2/route:Route")
    assert created.inputs["authorizationType"] == kind
    assert created.inputs.get("authorizationScopes") == scopes
    assert refs(graph, created, "authorizerId") == authorizer


def test_the_authorizers_of_an_http_api() -> None:
    authorizers = {
        "login": {"jwt": {"issuer": "https://login.example.com/", "audiences": ["shop"]}},
        "people": {"user_pool": {"user_pool_arns": [POOL], "client_ids": ["client"]}},
        "decider": DECIDER,
    }
    graph = make(http(authorizers=authorizers))
    inputs = {resource.inputs["name"]: resource.inputs for resource in graph.of_type("aws:apigatewayv2/authorizer:Authorizer")}
    assert inputs["login"]["authorizerType"] == inputs["people"]["authorizerType"] == "JWT"
    assert inputs["login"]["jwtConfiguration"] == {"issuer": "https://login.example.com/", "audiences": ["shop"]}
    issuer = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_aBcDeFgHi"
    assert inputs["people"]["jwtConfiguration"] == {"issuer": issuer, "audiences": ["client"]}
    assert inputs["people"]["identitySources"] == ["$request.header.Authorization"]
    decider = {name: value for name, value in inputs["decider"].items() if name not in ("apiId", "name")}
    assert decider == {
        "authorizerType": "REQUEST",
        "authorizerUri": f"arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/{FUNCTION}-authorizer/invocations",
        "authorizerPayloadFormatVersion": "2.0",
        "enableSimpleResponses": True,
        "authorizerResultTtlInSeconds": 0,
        "identitySources": ["$request.header.Authorization"],
    }


# An edit of any route goes live


def _everything() -> dict[str, Any]:
    """A REST API that uses every argument of a definition."""
    return rest(
        authorizers={"people": copy.deepcopy(PEOPLE), "decider": copy.deepcopy(DECIDER)},
        default_authorizer="people",
        models={"Order": '{"type": "object"}', "Other": '{"type": "object"}'},
        cors={"allowed_origins": ["https://www.example.com"]},
        vpc_link={"vpc_link_id": "vpclink-1"},
        routes={
            "GET /orders/{id}": {"function_arn": FUNCTION, "model": "Order", "required_parameters": ["query.page"]},
            "POST /orders": {
                "queue": {
                    "queue_arn": QUEUE,
                    "message_group": "claim.sub",
                    "deduplication_id": "request_id",
                    "message_attributes": {"a": "claim.sub"},
                },
                "authorizer": "people",
            },
            "POST /runs": {"state_machine_arn": MACHINE},
            "POST /events": {"event_bus": dict(BUS_TARGET)},
            "GET /backend": {"url": "https://backend.example.com"},
            "GET /inside": {"load_balancer": {"load_balancer_arn": BALANCER, "url": "https://inside.example.com"}},
        },
    )


EDITS: list[tuple[str, Any]] = [
    ("routes.GET /orders/{id}.function_arn", f"{FUNCTION}:live"),
    ("routes.GET /orders/{id}.authorizer", "decider"),
    ("routes.GET /orders/{id}.scopes", ["orders/read"]),
    ("routes.GET /orders/{id}.iam_authorization", True),
    ("routes.GET /orders/{id}.public", True),
    ("routes.GET /orders/{id}.model", "Other"),
    ("routes.GET /orders/{id}.required_parameters", ["query.size"]),
    ("routes.GET /orders/{id}.timeout_seconds", 5),
    ("routes.POST /orders.queue.queue_arn", f"{QUEUE}-2"),
    ("routes.POST /orders.queue.message_group", "request_id"),
    ("routes.POST /orders.queue.deduplication_id", "claim.sub"),
    ("routes.POST /orders.queue.message_attributes", {"a": "request_id"}),
    ("routes.POST /runs.state_machine_arn", f"{MACHINE}-2"),
    ("routes.POST /events.event_bus.event_bus_arn", f"{BUS}-2"),
    ("routes.POST /events.event_bus.source", "shop.orders"),
    ("routes.POST /events.event_bus.detail_type", "Order"),
    ("routes.GET /backend.url", "https://other.example.com"),
    ("routes.GET /inside.load_balancer.load_balancer_arn", f"{BALANCER}2"),
    ("routes.GET /inside.load_balancer.url", "https://elsewhere.example.com"),
    ("routes.GET /new", {"function_arn": FUNCTION}),
    ("routes.GET /backend", None),
    ("vpc_link.vpc_link_id", "vpclink-2"),
    ("default_authorizer", "decider"),
    ("authorizers.people.user_pool.user_pool_arns", [f"{POOL}2"]),
    ("authorizers.decider.function.function_arn", f"{FUNCTION}-2"),
    ("authorizers.decider.function.identity_sources", ["header.X-Token"]),
    ("authorizers.decider.function.result_cache_seconds", 60),
    ("models.Order", '{"type": "array"}'),
    ("cors", None),
    ("cors.allowed_origins", ["https://shop.example.com"]),
    ("cors.allowed_headers", ["X-Tenant"]),
    ("cors.exposed_headers", ["ETag"]),
    ("cors.allow_credentials", True),
    ("cors.max_age_seconds", 60),
    ("binary_media_types", ["image/png"]),
    ("gateway_responses", {"THROTTLED": {"status_code": 503, "body": "{}"}}),
    ("domain", {"domain_name": "api.example.com", "certificate_arn": CERTIFICATE}),
    ("domain", {"domain_name": "api.example.com", "certificate_arn": CERTIFICATE, "base_path": "v1"}),
]
KEPT: list[tuple[str, Any]] = [
    ("tags", {"Team": "orders"}),
    ("throttle", {"rate_per_second": 5, "burst": 5}),
    ("routes.GET /orders/{id}.throttle", {"rate_per_second": 5, "burst": 5}),
    ("routes.POST /orders.queue.kms_key_arn", KEY),
    ("alarm_topic_arns", [TOPIC]),
    ("alarm_5xx_percent", 5),
    ("alarm_latency_milliseconds", 100),
    ("log_retention_days", 30),
    ("kms_key_arn", KEY),
    ("web_acl_arn", WEB_ACL),
    ("tracing", False),
    ("client_certificate", False),
    ("client_certificate_version", 2),
    ("stage_name", "v1"),
    ("timeout_quota_seconds", 60),
    ("account_logging_role", "create"),
]


def _edited(path: str, value: Any) -> dict[str, Any]:
    args = _everything()
    *places, last = path.split(".") if not path.startswith("routes.") else ["routes", *_route_parts(path)]
    place: Any = args
    for part in places:
        place = place[part]
    place[last] = value
    if value is None:
        del place[last]
    if last in ("iam_authorization", "public"):
        place.pop("scopes", None)
    return args


def _route_parts(path: str) -> list[str]:
    key = next((key for key in _everything()["routes"] if path.startswith(f"routes.{key}.")), None)
    if key is None:
        return [path.removeprefix("routes.")]
    return [key, *path.removeprefix(f"routes.{key}.").split(".")]


def _trigger(args: Any) -> str:
    return one(make(args), "aws:apigateway/deployment:Deployment")["triggers"]["definition"]


@pytest.fixture(scope="module")
def trigger() -> str:
    return _trigger(_everything())


@pytest.mark.parametrize(("path", "value"), EDITS, ids=[path for path, _ in EDITS])
def test_an_edit_of_any_route_goes_live(trigger: str, path: str, value: Any) -> None:
    assert _trigger(_edited(path, value)) != trigger


@pytest.mark.parametrize(("path", "value"), KEPT, ids=[path for path, _ in KEPT])
def test_nothing_else_deploys_again(trigger: str, path: str, value: Any) -> None:
    assert _trigger(_edited(path, value)) == trigger


def test_the_order_of_routes_deploys_nothing(trigger: str) -> None:
    args = _everything()
    args["routes"] = dict(reversed(args["routes"].items()))
    assert _trigger(args) == trigger


def test_every_argument_is_one_of_those_that_go_live_or_of_the_others() -> None:
    named = {path.rpartition(".")[2] for path, _ in [*EDITS, *KEPT]}
    # Shown elsewhere: those of an HTTP API, of a stage, of a private API, whole parts of which an entry is above, and the API itself.
    elsewhere = {"kind", "name", "api_key_required", "usage_plans", "vpc_endpoint_ids", "dual_stack", "functions", "function", "jwt"}
    elsewhere |= {
        "firewall",
        "more_domains",
        "listener_arn",
        "server_name",
        "client_ids",
        "subnet_ids_by_zone",
        "security_group_ids",
        "status_code",
        "body",
    }
    elsewhere |= {
        "state_machine_kms_key_arn",
        "routes",
        "authorizers",
        "models",
        "vpc_link",
        "queue",
        "event_bus",
        "load_balancer",
        "user_pool",
    }
    types = (
        *(arguments.ApiGatewayArgs, arguments.ApiRouteArgs, arguments.ApiQueueArgs, arguments.ApiEventBusArgs),
        *(arguments.ApiLoadBalancerArgs, arguments.ApiUserPoolArgs, arguments.ApiFunctionAuthorizerArgs, arguments.ApiAuthorizerArgs),
        *(arguments.ApiCorsArgs, arguments.ApiVpcLinkArgs, arguments.ApiGatewayResponseArgs),
    )
    assert {name for kind in types for name in declared(kind)} - named - elsewhere == set()


def test_a_key_requirement_and_private_endpoints_go_live(trigger: str) -> None:
    plan = {"api_keys": ["partner"], "throttle": {"rate_per_second": 1, "burst": 1}}
    args = _edited("usage_plans", {"partners": plan})
    args["routes"]["GET /orders/{id}"]["api_key_required"] = True
    private = _trigger(_edited("vpc_endpoint_ids", ["vpce-1"]))
    assert len({trigger, _trigger(args), private, _trigger(_edited("vpc_endpoint_ids", ["vpce-2"]))}) == 4


def test_a_stage_gets_the_new_deployment_before_the_old_one_goes() -> None:
    graph = make(_everything())
    deployment, stage = graph.one("aws:apigateway/deployment:Deployment"), graph.one("aws:apigateway/stage:Stage")
    assert refs(graph, stage, "deployment") == ["shop-deployment"]
    assert not deployment.options.get("deleteBeforeReplace")
    # The definition is there when it is copied, and the functions may be invoked when it is served.
    assert refs(graph, deployment, "restApi") == ["shop-api"]
    assert "shop-get-orders-_id_-permission" in [graph.by_urn()[urn].name for urn in deployment.dependencies]


def test_an_http_api_deploys_each_change_by_itself_once_there_are_routes() -> None:
    graph = make(
        http(routes={"GET /a": {"function_arn": FUNCTION, "public": True}, "$default": {"queue": {"queue_arn": QUEUE}, "public": True}})
    )
    stage = graph.one("aws:apigatewayv2/stage:Stage")
    assert (stage.inputs["name"], stage.inputs["autoDeploy"]) == ("$default", True)
    waits = {graph.by_urn()[urn].name for urn in stage.dependencies}
    assert {"shop-get-a-route", "shop-default-route", "shop-get-a-permission"} <= waits


# Integrations and rights


def test_a_function_may_be_invoked_by_its_route_alone() -> None:
    routes = {
        "GET /orders/{id}": {"function_arn": f"{FUNCTION}:live", "public": True},
        "ANY /files/{path+}": {"function_arn": FUNCTION, "public": True},
        "ANY /": {"function_arn": FUNCTION, "public": True},
    }
    for args, stage in ((rest(routes=routes), "live"), (http(routes=routes), "$default")):
        graph = make(args)
        api = next(resource for resource in graph.resources if resource.name == "shop-api")
        arn = api.outputs["executionArn"]
        sources = {resource.name: resource.inputs["sourceArn"] for resource in graph.of_type("aws:lambda/permission:Permission")}
        assert sources == {
            "shop-get-orders-_id_-permission": f"{arn}/{stage}/GET/orders/*",
            "shop-any-files-_path__-permission": f"{arn}/{stage}/*/files/*",
            "shop-any-_-permission": f"{arn}/{stage}/*/",
        }
        live = graph.named("shop-get-orders-_id_-permission").inputs
        assert (live["function"], live["qualifier"], live["principal"]) == (FUNCTION, "live", "apigateway.amazonaws.com")
        assert graph.named("shop-any-_-permission").inputs.get("qualifier") is None


def test_the_function_of_an_authorizer_may_be_invoked_by_authorizers_of_this_api_alone() -> None:
    graph = make(rest(authorizers={"decider": DECIDER}))
    permission = graph.named("shop-authorizer-decider-permission").inputs
    arn = graph.one("aws:apigateway/restApi:RestApi").outputs["executionArn"]
    assert (permission["function"], permission["sourceArn"]) == (f"{FUNCTION}-authorizer", f"{arn}/authorizers/*")


def test_the_role_holds_exactly_the_rights_of_its_targets() -> None:
    routes = {
        "POST /a": {"queue": {"queue_arn": QUEUE, "kms_key_arn": KEY}, "public": True},
        "POST /b": {"queue": {"queue_arn": QUEUE}, "public": True},
        "POST /c": {"state_machine_arn": MACHINE, "state_machine_kms_key_arn": KEY, "public": True},
        "POST /d": {"event_bus": BUS_TARGET, "public": True},
    }
    for args in (rest(routes=routes), http(routes=routes)):
        graph = make(args)
        statements = json.loads(graph.named("shop-role-policy").inputs["policy"])["Statement"]
        assert [(one["Action"], one["Resource"], one.get("Condition")) for one in statements] == [
            (["sqs:SendMessage"], [QUEUE], None),
            (["kms:GenerateDataKey", "kms:Decrypt"], [KEY], {"StringLike": {"kms:ViaService": "sqs.*.amazonaws.com"}}),
            (["states:StartExecution"], [MACHINE], None),
            (["kms:GenerateDataKey", "kms:Decrypt"], [KEY], {"StringLike": {"kms:ViaService": "states.*.amazonaws.com"}}),
            (["events:PutEvents"], [BUS], None),
        ]
        trust = json.loads(graph.named("shop-role").inputs["assumeRolePolicy"])["Statement"]
        assert [one["Principal"] for one in trust] == [{"Service": ["apigateway.amazonaws.com"]}]


def test_an_api_of_functions_alone_has_no_role() -> None:
    graph = make(rest())
    assert graph.of_type("aws:iam/role:Role") == []
    assert graph.one("cloudpatterns:index:ApiGateway").outputs.get("role_arn") is None


def test_a_queue_receives_the_body_whole() -> None:
    queue = {
        "queue_arn": f"{QUEUE}.fifo",
        "message_group": "path.customer",
        "deduplication_id": "query.id",
        "message_attributes": {"tenant": "authorizer.tenant", "caller": "request_id"},
    }
    routes = {"POST /orders/{customer}": {"queue": queue, "authorizer": "decider"}}
    given = integration(make(rest(authorizers={"decider": DECIDER}, routes=routes)), "/orders/{customer}", "post")
    assert given["uri"] == "arn:aws:apigateway:eu-west-1:sqs:path/123456789012/orders.fifo"
    assert given["requestParameters"] == {"integration.request.header.Content-Type": "'application/x-www-form-urlencoded'"}
    assert given["passthroughBehavior"] == "never"
    assert given["requestTemplates"]["application/json"].split("&") == [
        "Action=SendMessage",
        "MessageBody=$util.urlEncode($input.body)",
        "MessageGroupId=$util.urlEncode($input.params('customer'))",
        "MessageDeduplicationId=$util.urlEncode($input.params().querystring.get('id'))",
        "MessageAttribute.1.Name=caller",
        "MessageAttribute.1.Value.DataType=String",
        "MessageAttribute.1.Value.StringValue=$util.urlEncode($context.requestId)",
        "MessageAttribute.2.Name=tenant",
        "MessageAttribute.2.Value.DataType=String",
        "MessageAttribute.2.Value.StringValue=$util.urlEncode($context.authorizer.tenant)",
    ]


def test_the_caller_of_a_service_gets_the_request_id_and_never_the_services_own_response() -> None:
    given = integration(make(rest(routes={"POST /a": {"queue": {"queue_arn": QUEUE}, "public": True}})), "/a", "post")
    assert {pattern: response["statusCode"] for pattern, response in given["responses"].items()} == {"2\\d{2}": "202", "default": "500"}
    texts = [json.loads(response["responseTemplates"]["application/json"]) for response in given["responses"].values()]
    assert texts == [
        {"requestId": "$context.requestId"},
        {"message": "Internal server error", "requestId": "$context.requestId"},
    ]


def test_a_state_machine_is_started_under_the_request_id() -> None:
    given = integration(make(rest(routes={"POST /a": {"state_machine_arn": MACHINE, "public": True}})), "/a", "post")
    assert given["uri"] == "arn:aws:apigateway:eu-west-1:states:action/StartExecution"
    body = """"$util.escapeJavaScript($input.body).replaceAll("\\\\'", "'")\""""
    template = f'{{"stateMachineArn": "{MACHINE}", "name": "$context.requestId", "input": {body}}}'
    assert given["requestTemplates"] == {"application/json": template}
    assert "InvalidExecutionInput" in given["responses"]["default"]["responseTemplates"]["application/json"]


def test_an_event_that_the_bus_refuses_is_an_error_though_the_bus_answers_200() -> None:
    given = integration(make(rest(routes={"POST /a": {"event_bus": BUS_TARGET, "public": True}})), "/a", "post")
    assert given["uri"] == "arn:aws:apigateway:eu-west-1:events:action/PutEvents"
    assert given["requestParameters"]["integration.request.header.X-Amz-Target"] == "'AWSEvents.PutEvents'"
    assert given["responses"]["2\\d{2}"]["responseTemplates"]["application/json"].splitlines() == [
        "#if($input.path('$.FailedEntryCount') == 0)",
        '{"requestId": "$context.requestId"}',
        "#elseif($input.path('$.Entries[0].ErrorCode') == \"MalformedDetail\")",
        "#set($context.responseOverride.status = 400)",
        '{"message": "The body is not what the target takes: JSON", "requestId": "$context.requestId"}',
        "#else",
        "#set($context.responseOverride.status = 500)",
        '{"message": "Internal server error", "requestId": "$context.requestId"}',
        "#end",
    ]


def test_a_backend_gets_the_variables_of_the_path() -> None:
    routes = {"ANY /files/{kind}/{path+}": {"url": "https://backend.example.com/{path}", "public": True}}
    graph = make(rest(routes=routes))
    given = integration(graph, "/files/{kind}/{path+}", "x-amazon-apigateway-any-method")
    assert given == {
        "type": "http_proxy",
        "httpMethod": "ANY",
        "uri": "https://backend.example.com/{path}",
        "passthroughBehavior": "when_no_match",
        "requestParameters": {"integration.request.path.path": "method.request.path.path"},
        "timeoutInMillis": 29_000,
    }
    assert refs(graph, graph.one("aws:apigateway/stage:Stage"), "clientCertificateId") == ["shop-client-certificate-1"]


def test_a_load_balancer_inside_a_vpc_is_reached_by_a_vpc_link() -> None:
    link = {"subnet_ids_by_zone": {"eu-west-1b": "subnet-b", "eu-west-1a": "subnet-a"}, "security_group_ids": ["sg-1"]}
    inside = {"load_balancer_arn": BALANCER, "url": "https://inside.example.com/orders"}
    graph = make(rest(vpc_link=link, routes={"GET /a": {"load_balancer": inside, "public": True}}))
    created = graph.one("aws:apigatewayv2/vpcLink:VpcLink")
    assert (created.inputs["subnetIds"], created.inputs["securityGroupIds"]) == (["subnet-a", "subnet-b"], ["sg-1"])
    given = integration(graph, "/a", "get")
    assert (given["connectionType"], given["integrationTarget"], given["uri"]) == ("VPC_LINK", BALANCER, inside["url"])
    assert refs(graph, graph.one("aws:apigateway/restApi:RestApi"), "body") == ["shop-vpc-link"]
    inside = {"listener_arn": LISTENER, "server_name": "inside.example.com"}
    graph = make(http(vpc_link={"vpc_link_id": "vpclink-1"}, routes={"GET /a": {"load_balancer": inside, "public": True}}))
    v2 = one(graph, "aws:apigatewayv2/integration:Integration")
    assert (v2["integrationUri"], v2["connectionId"]) == (LISTENER, "vpclink-1")
    assert v2["requestParameters"] == {"overwrite:path": "$request.path"}
    assert v2["tlsConfig"] == {"serverNameToVerify": "inside.example.com"}


@pytest.mark.parametrize(
    ("target", "subtype", "parameters"),
    [
        (
            {"queue": {"queue_arn": f"{QUEUE}.fifo", "message_group": "path.id", "deduplication_id": "request_id"}},
            "SQS-SendMessage",
            {
                "QueueUrl": "https://sqs.eu-west-1.amazonaws.com/123456789012/orders.fifo",
                "MessageBody": "$request.body",
                "MessageGroupId": "$request.path.id",
                "MessageDeduplicationId": "$context.requestId",
                "Region": "eu-west-1",
            },
        ),
        (
            {"event_bus": BUS_TARGET},
            "EventBridge-PutEvents",
            {"EventBusName": BUS, "Source": "shop", "DetailType": "Order received", "Detail": "$request.body", "Region": "eu-west-1"},
        ),
        (
            {"state_machine_arn": MACHINE},
            "StepFunctions-StartExecution",
            {"StateMachineArn": MACHINE, "Input": "$request.body", "Region": "eu-west-1"},
        ),
    ],
)
def test_services_behind_an_http_api(target: Any, subtype: str, parameters: Any) -> None:
    graph = make(http(routes={"POST /orders/{id}": {**target, "public": True, "timeout_seconds": 30}}))
    created = graph.one("aws:apigatewayv2/integration:Integration")
    assert (created.inputs["integrationSubtype"], created.inputs["requestParameters"]) == (subtype, parameters)
    assert (created.inputs["payloadFormatVersion"], created.inputs["timeoutMilliseconds"]) == ("1.0", 30_000)
    assert refs(graph, created, "credentialsArn") == ["shop-role", "shop-role-policy"]


def test_functions_and_backends_behind_an_http_api() -> None:
    routes = {
        "GET /a": {"function_arn": FUNCTION, "public": True},
        "$default": {"url": "https://backend.example.com", "public": True},
        "GET /b": {"url": "https://backend.example.com/b", "public": True},
    }
    graph = make(http(routes=routes))
    function, rest_of_it, backend = (graph.named(f"shop-{name}-integration").inputs for name in ("get-a", "default", "get-b"))
    assert (function["integrationType"], function["integrationUri"], function["payloadFormatVersion"]) == ("AWS_PROXY", FUNCTION, "2.0")
    assert (rest_of_it["integrationMethod"], backend["integrationMethod"]) == ("ANY", "GET")
    assert {resource.inputs["routeKey"] for resource in graph.of_type("aws:apigatewayv2/route:Route")} == set(routes)


def test_new_functions_stand_behind_routes_and_authorizers() -> None:
    def program() -> None:
        functions: Any = {name: {"code": pulumi.FileArchive("."), "timeout_seconds": 10} for name in ("show", "decide")}
        args: Any = rest(
            functions=functions,
            authorizers={"decider": {"function": {"function": "decide"}}},
            default_authorizer="decider",
            routes={"GET /orders": {"function": "show"}},
            alarm_topic_arns=[TOPIC],
        )
        ApiGateway("shop", args)

    graph = record(program, mode="deployed")
    assert refs(graph, graph.one("aws:apigateway/restApi:RestApi"), "body") == ["shop-function-decide", "shop-function-show"]
    assert refs(graph, graph.named("shop-get-orders-permission"), "function") == ["shop-function-show"]
    assert refs(graph, graph.named("shop-authorizer-decider-permission"), "function") == ["shop-function-decide"]
    assert set(graph.one("cloudpatterns:index:ApiGateway").outputs["function_arns"]) == {"show", "decide"}
    assert graph.named("shop-function-show-errors").inputs["alarmActions"] == [TOPIC]


# WAF, usage plans and request validation


def test_the_web_acl_protects_the_stage() -> None:
    graph = make(rest(web_acl_arn=WEB_ACL))
    association = graph.one("aws:wafv2/webAclAssociation:WebAclAssociation")
    assert association.inputs["webAclArn"] == WEB_ACL
    assert refs(graph, association, "resourceArn") == ["shop-stage"]
    assert association.options["deleteBeforeReplace"] is True


def test_a_firewall_of_its_own_protects_the_stage() -> None:
    graph = make(rest(firewall={"rate_limit": 500}, tags={"Owner": "shop"}))
    association = graph.one("aws:wafv2/webAclAssociation:WebAclAssociation")
    assert "shop-firewall-acl" in refs(graph, association, "webAclArn")
    assert refs(graph, association, "resourceArn") == ["shop-stage"]
    assert graph.named("shop-firewall-acl").inputs["tags"] == {"Owner": "shop"}


def test_usage_plans_limit_each_key_and_no_key_is_an_output() -> None:
    plan = {
        "api_keys": ["a", "b"],
        "throttle": {"rate_per_second": 10, "burst": 20},
        "route_throttles": {"GET /orders/{id}": {"rate_per_second": 1, "burst": 2}},
        "quota": {"limit": 1000, "period": "DAY"},
    }
    routes = {"GET /orders/{id}": {"function_arn": FUNCTION, "public": True, "api_key_required": True}}
    graph = make(rest(routes=routes, usage_plans={"partners": plan}))
    created = one(graph, "aws:apigateway/usagePlan:UsagePlan")
    assert created["throttleSettings"] == {"rateLimit": 10, "burstLimit": 20}
    assert created["quotaSettings"] == {"limit": 1000, "period": "DAY"}
    [stage] = created["apiStages"]
    assert (stage["stage"], stage["throttles"]) == ("live", [{"path": "/orders/{id}/GET", "rateLimit": 1, "burstLimit": 2}])
    assert refs(graph, graph.one("aws:apigateway/usagePlan:UsagePlan"), "apiStages") == ["shop-api", "shop-stage"]
    keys = graph.of_type("aws:apigateway/apiKey:ApiKey")
    assert [key.name for key in keys] == ["shop-key-a", "shop-key-b"]
    assert all("value" not in key.inputs for key in keys)
    # A key that moves to another plan leaves the old one first: AWS allows it one plan of a stage.
    assert all(member.options["deleteBeforeReplace"] is True for member in graph.of_type("aws:apigateway/usagePlanKey:UsagePlanKey"))
    assert graph.one("cloudpatterns:index:ApiGateway").outputs["api_key_ids"] == {key.name[-1]: key.outputs["id"] for key in keys}


def test_requests_are_validated_against_models() -> None:
    routes = {"POST /a": {"function_arn": FUNCTION, "public": True, "model": "Order", "required_parameters": ["query.q", "header.X-T"]}}
    whole = definition(make(rest(models={"Order": '{"type": "object"}'}, routes=routes)))
    operation = whole["paths"]["/a"]["post"]
    assert whole["components"]["schemas"] == {"Order": {"type": "object"}}
    assert operation["requestBody"] == {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Order"}}},
    }
    assert [(parameter["in"], parameter["name"], parameter["required"]) for parameter in operation["parameters"]] == [
        ("header", "X-T", True),
        ("query", "q", True),
    ]
    validator = operation["x-amazon-apigateway-request-validator"]
    assert whole["x-amazon-apigateway-request-validators"][validator] == {"validateRequestBody": True, "validateRequestParameters": True}


# The default endpoint is closed


@pytest.mark.parametrize(
    ("tls", "policy"),
    [
        (None, {"securityPolicy": "SecurityPolicy_TLS13_1_2_2021_06", "endpointAccessMode": "STRICT"}),
        (
            {"truststore_uri": "s3://trust/ca.pem", "truststore_version": "v1", "ownership_certificate_arn": CERTIFICATE},
            {"securityPolicy": "TLS_1_2"},
        ),
    ],
)
def test_the_default_endpoint_of_a_rest_api_is_closed_where_a_domain_or_mutual_tls_guards_the_api(tls: Any, policy: dict[str, str]) -> None:
    domain = {
        "domain_name": "api.example.com",
        "certificate_arn": CERTIFICATE,
        "hosted_zone_id": "Z0123456789ABCDEFGHIJ",
        "base_path": "v1",
    }
    graph = make(rest(domain={**domain, "mutual_tls": tls}))
    api, created = one(graph, "aws:apigateway/restApi:RestApi"), one(graph, "aws:apigateway/domainName:DomainName")
    assert api["disableExecuteApiEndpoint"] is True
    for inputs in (api, created):
        assert {name: inputs[name] for name in ("securityPolicy", "endpointAccessMode") if name in inputs} == policy
    whole = definition(graph)
    assert [server["x-amazon-apigateway-endpoint-configuration"] for server in whole["servers"]] == [{"disableExecuteApiEndpoint": True}]
    assert whole["x-amazon-apigateway-security-policy"] == policy["securityPolicy"]
    assert whole.get("x-amazon-apigateway-endpoint-access-mode") == policy.get("endpointAccessMode")
    if tls is not None:
        assert created["mutualTlsAuthentication"] == {"truststoreUri": "s3://trust/ca.pem", "truststoreVersion": "v1"}
        assert created["ownershipVerificationCertificateArn"] == CERTIFICATE
    mapping = one(graph, "aws:apigateway/basePathMapping:BasePathMapping")
    assert (mapping["basePath"], mapping["stageName"]) == ("v1", "live")
    record_ = graph.one("aws:route53/record:Record")
    assert refs(graph, record_, "aliases") == ["shop-domain"]
    outputs = graph.one("cloudpatterns:index:ApiGateway").outputs
    assert outputs["invoke_url"] == "https://api.example.com/v1"
    assert outputs["domain_target_name"]


def test_the_default_endpoint_of_an_http_api_is_closed_where_a_domain_or_mutual_tls_guards_the_api() -> None:
    tls = {"truststore_uri": "s3://trust/ca.pem", "truststore_version": "v1"}
    graph = make(http(dual_stack=True, domain={"domain_name": "api.example.com", "certificate_arn": CERTIFICATE, "mutual_tls": tls}))
    assert one(graph, "aws:apigatewayv2/api:Api")["disableExecuteApiEndpoint"] is True
    created = one(graph, "aws:apigatewayv2/domainName:DomainName")
    assert created["domainNameConfiguration"]["securityPolicy"] == "TLS_1_2"
    assert created["domainNameConfiguration"]["ipAddressType"] == "dualstack"
    assert created["mutualTlsAuthentication"] == {"truststoreUri": "s3://trust/ca.pem", "truststoreVersion": "v1"}
    assert one(graph, "aws:apigatewayv2/apiMapping:ApiMapping")["stage"] == "$default"
    assert graph.of_type("aws:route53/record:Record") == []
    assert graph.one("cloudpatterns:index:ApiGateway").outputs["invoke_url"] == "https://api.example.com"


def test_both_address_families_have_a_record() -> None:
    domain = {"domain_name": "api.example.com", "certificate_arn": CERTIFICATE, "hosted_zone_id": "Z0123456789ABCDEFGHIJ"}
    graph = make(rest(dual_stack=True, domain=domain))
    assert [resource.inputs["type"] for resource in graph.of_type("aws:route53/record:Record")] == ["A", "AAAA"]
    assert one(graph, "aws:apigateway/restApi:RestApi")["endpointConfiguration"] == {"types": "REGIONAL", "ipAddressType": "dualstack"}


@pytest.mark.parametrize(("kind", "module"), [(rest, "apigateway"), (http, "apigatewayv2")])
def test_an_api_has_several_domain_names(kind: Any, module: str) -> None:
    domain = {"domain_name": "api.example.com", "certificate_arn": CERTIFICATE}
    own = {**domain, "domain_name": "eu-west-1.api.example.com", "hosted_zone_id": "Z0123456789ABCDEFGHIJ"}
    graph = make(kind(domain=domain, more_domains={"own": own}))
    names = {one.name: one.inputs["domainName"] for one in graph.of_type(f"aws:{module}/domainName:DomainName")}
    assert names == {"shop-domain": "api.example.com", "shop-domain-own": "eu-west-1.api.example.com"}
    (alias,) = graph.of_type("aws:route53/record:Record")
    assert (alias.name, alias.inputs["name"], refs(graph, alias, "aliases")) == (
        "shop-record-a-own",
        "eu-west-1.api.example.com",
        ["shop-domain-own"],
    )
    assert graph.one("cloudpatterns:index:ApiGateway").outputs["invoke_url"] == "https://api.example.com"


def test_without_a_domain_the_default_endpoint_is_open_with_tls_1_2_and_up() -> None:
    graph = make(rest())
    api = one(graph, "aws:apigateway/restApi:RestApi")
    assert (api["disableExecuteApiEndpoint"], api["securityPolicy"]) == (False, "SecurityPolicy_TLS13_1_2_2021_06")
    assert refs(graph, graph.one("cloudpatterns:index:ApiGateway"), "invoke_url") == []


def test_a_private_api_is_reached_through_the_named_endpoints_alone() -> None:
    graph = make(rest(vpc_endpoint_ids=["vpce-1"]))
    api = one(graph, "aws:apigateway/restApi:RestApi")
    assert api["endpointConfiguration"] == {"types": "PRIVATE", "vpcEndpointIds": ["vpce-1"]}
    assert api["endpointAccessMode"] == "BASIC"
    allow, deny = definition(graph)["x-amazon-apigateway-policy"]["Statement"]
    assert (allow["Effect"], deny["Effect"]) == ("Allow", "Deny")
    assert deny["Condition"] == {"StringNotEquals": {"aws:SourceVpce": ["vpce-1"]}}
    # An update of the definition takes neither the endpoints nor the closed default endpoint away, not even for a moment.
    [server] = definition(graph)["servers"]
    assert server["x-amazon-apigateway-endpoint-configuration"] == {"vpcEndpointIds": ["vpce-1"]}


# Logs, limits, CORS, errors, alarms


def test_logs_hold_what_happened_and_neither_tokens_nor_query_strings() -> None:
    for args, kind in ((rest(), "aws:apigateway/stage:Stage"), (http(), "aws:apigatewayv2/stage:Stage")):
        graph = make(args)
        settings = one(graph, kind)["accessLogSettings"]
        variables = set(json.loads(settings["format"]).values())
        assert {"$context.requestId", "$context.authorizer.claims.sub", "$context.identity.userArn"} <= variables
        unwanted = ("header", "querystring", "$context.path", "identity.apiKey\n", "userAgent")
        assert [variable for variable in variables if any(word in f"{variable}\n" for word in unwanted)] == []
        assert refs(graph, graph.one(kind), "accessLogSettings") == ["shop-access-log"]
        log = graph.named("shop-access-log")
        assert log.inputs["name"].startswith("/aws/vendedlogs/apigateway/")
        assert refs(graph, log, "kmsKeyId")[0] == "shop-key"


def test_execution_logs_are_kept_for_their_days_and_trace_no_data() -> None:
    graph = make(rest(log_retention_days=30))
    log, stage = graph.named("shop-execution-log"), graph.one("aws:apigateway/stage:Stage")
    api_id = graph.one("aws:apigateway/restApi:RestApi").outputs["id"]
    assert (log.inputs["name"], log.inputs["retentionInDays"]) == (f"API-Gateway-Execution-Logs_{api_id}/live", 30)
    assert log.urn in stage.dependencies
    assert one(graph, "aws:apigateway/methodSettings:MethodSettings") == {
        "restApi": api_id,
        "stageName": "live",
        "methodPath": "*/*",
        "settings": {
            "metricsEnabled": True,
            "loggingLevel": "ERROR",
            "dataTraceEnabled": False,
            "throttlingRateLimit": 1000,
            "throttlingBurstLimit": 500,
        },
    }
    assert stage.inputs["xrayTracingEnabled"] is True


def test_the_accounts_logging_role_is_created_by_choice_and_stays_behind() -> None:
    assert make(rest()).of_type("aws:apigateway/account:Account") == []
    graph = make(rest(account_logging_role="create"))
    account = graph.one("aws:apigateway/account:Account")
    assert refs(graph, account, "cloudwatchRoleArn") == ["shop-logging", "shop-logging-policy"]
    assert account.urn in graph.one("aws:apigateway/stage:Stage").dependencies
    names = ("shop-account", "shop-logging", "shop-logging-policy")
    assert [graph.named(name).options.get("retainOnDelete") for name in names] == [True, True, True]


def test_a_route_has_a_limit_of_its_own() -> None:
    routes = {
        "GET /a/{id}": {"function_arn": FUNCTION, "public": True, "throttle": {"rate_per_second": 5, "burst": 10}},
        "ANY /": {"function_arn": FUNCTION, "public": True, "throttle": {"rate_per_second": 6, "burst": 11}},
    }
    graph = make(rest(routes=routes))
    assert graph.named("shop-get-a-_id_-settings").inputs["methodPath"] == "~1a~1{id}/GET"
    assert graph.named("shop-any-_-settings").inputs["methodPath"] == "~1/ANY"
    assert graph.named("shop-get-a-_id_-settings").inputs["settings"]["loggingLevel"] == "ERROR"
    stage = one(make(http(routes=routes)), "aws:apigatewayv2/stage:Stage")
    assert [(one["routeKey"], one["throttlingRateLimit"], one["throttlingBurstLimit"]) for one in stage["routeSettings"]] == [
        ("ANY /", 6, 11),
        ("GET /a/{id}", 5, 10),
    ]
    assert stage["defaultRouteSettings"]["throttlingRateLimit"] == 1000


def test_api_gateways_own_errors_are_json_with_the_request_id() -> None:
    responses = definition(make(rest()))["x-amazon-apigateway-gateway-responses"]
    assert responses["MISSING_AUTHENTICATION_TOKEN"]["statusCode"] == 404
    assert responses["THROTTLED"]["responseParameters"] == {"gatewayresponse.header.Retry-After": "'1'"}
    for response in responses.values():
        assert '"requestId": "$context.requestId"' in response["responseTemplates"]["application/json"]


def test_a_missing_signature_stays_a_403() -> None:
    routes = {"GET /a": {"function_arn": FUNCTION, "iam_authorization": True}}
    assert "MISSING_AUTHENTICATION_TOKEN" not in definition(make(rest(routes=routes)))["x-amazon-apigateway-gateway-responses"]


def test_errors_may_be_ones_of_the_users() -> None:
    given = {"WAF_FILTERED": {"status_code": 406, "body": '{"no": 1}'}, "THROTTLED": {"body": '{"slow": 1}'}}
    responses = definition(make(rest(gateway_responses=given)))["x-amazon-apigateway-gateway-responses"]
    assert responses["WAF_FILTERED"] == {"statusCode": 406, "responseTemplates": {"application/json": '{"no": 1}'}}
    assert responses["THROTTLED"]["responseTemplates"] == {"application/json": '{"slow": 1}'}
    assert responses["THROTTLED"]["responseParameters"] == {"gatewayresponse.header.Retry-After": "'1'"}


CORS = {
    "allowed_origins": ["https://a.example.com", "https://b.example.com"],
    "allow_credentials": True,
    "exposed_headers": ["ETag"],
    "max_age_seconds": 60,
}


def test_browsers_of_named_origins_may_call_a_rest_api() -> None:
    routes = {
        "POST /a": {"queue": {"queue_arn": QUEUE}, "public": True},
        "GET /a": {"function_arn": FUNCTION, "public": True},
        "ANY /b": {"function_arn": FUNCTION, "public": True},
        "OPTIONS /c": {"function_arn": FUNCTION, "public": True},
    }
    graph = make(rest(routes=routes, cors=CORS))
    preflight = definition(graph)["paths"]["/a"]["options"]
    assert "security" not in preflight
    answer = preflight["x-amazon-apigateway-integration"]["responses"]["default"]
    prefix = "method.response.header.Access-Control-"
    assert answer["responseParameters"] == {
        f"{prefix}Allow-Origin": "'https://a.example.com'",
        "method.response.header.Vary": "'Origin'",
        f"{prefix}Allow-Credentials": "'true'",
        f"{prefix}Expose-Headers": "'ETag'",
        f"{prefix}Allow-Methods": "'GET,OPTIONS,POST'",
        f"{prefix}Allow-Headers": "'Authorization,Content-Type'",
        f"{prefix}Max-Age": "'60'",
    }
    assert {f"method.response.header.{name}" for name in preflight["responses"]["204"]["headers"]} == set(answer["responseParameters"])
    choice = (
        "#set($named = $input.params().header.get('Origin'))\n#set($lower = $input.params().header.get('origin'))\n"
        '#if($named == "https://b.example.com" || $lower == "https://b.example.com")'
        '#set($context.responseOverride.header.Access-Control-Allow-Origin = "https://b.example.com")#end\n'
    )
    assert answer["responseTemplates"]["application/json"] == choice
    for response in integration(graph, "/a", "post")["responses"].values():
        assert response["responseTemplates"]["application/json"].startswith(choice)
        assert response["responseParameters"][f"{prefix}Allow-Origin"] == "'https://a.example.com'"
    any_method = definition(graph)["paths"]["/b"]["options"]["x-amazon-apigateway-integration"]["responses"]["default"]
    assert any_method["responseParameters"][f"{prefix}Allow-Methods"] == "'DELETE,GET,HEAD,OPTIONS,PATCH,POST,PUT'"
    assert integration(graph, "/c", "options")["type"] == "aws_proxy"


def test_a_page_may_read_an_error_but_no_other_origin_one_of_a_request_with_cookies() -> None:
    several = definition(make(rest(cors=CORS)))["x-amazon-apigateway-gateway-responses"]["DEFAULT_4XX"]["responseParameters"]
    assert several["gatewayresponse.header.Access-Control-Allow-Origin"] == "method.request.header.Origin"
    assert "gatewayresponse.header.Access-Control-Allow-Credentials" not in several
    cors = {**CORS, "allowed_origins": ["https://a.example.com"]}
    single = definition(make(rest(cors=cors)))["x-amazon-apigateway-gateway-responses"]["THROTTLED"]["responseParameters"]
    assert single["gatewayresponse.header.Access-Control-Allow-Origin"] == "'https://a.example.com'"
    assert single["gatewayresponse.header.Access-Control-Allow-Credentials"] == "'true'"
    assert single["gatewayresponse.header.Retry-After"] == "'1'"


def test_browsers_of_named_origins_may_call_an_http_api() -> None:
    cors = one(make(http(cors=CORS)), "aws:apigatewayv2/api:Api")["corsConfiguration"]
    assert cors == {
        "allowOrigins": ["https://a.example.com", "https://b.example.com"],
        "allowMethods": ["GET"],
        "allowHeaders": ["Authorization", "Content-Type"],
        "exposeHeaders": ["ETag"],
        "allowCredentials": True,
        "maxAge": 60,
    }


@pytest.mark.parametrize(
    ("cookies", "methods"), [(False, ["*"]), (True, ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"])], ids=["none", "cookies"]
)
def test_every_method_may_be_called_with_cookies_too(cookies: bool, methods: list[str]) -> None:
    routes = {"ANY /a": {"function_arn": FUNCTION, "public": True}}
    graph = make(http(routes=routes, cors={**CORS, "allow_credentials": cookies}))
    assert one(graph, "aws:apigatewayv2/api:Api")["corsConfiguration"]["allowMethods"] == methods


@pytest.mark.parametrize(("args", "name", "dimension"), [(rest, "5XXError", "ApiName"), (http, "5xx", "ApiId")])
def test_5xx_responses_and_latency_raise_alarms(args: Any, name: str, dimension: str) -> None:
    assert make(args()).of_type("aws:cloudwatch/metricAlarm:MetricAlarm") == []
    graph = make(args(alarm_topic_arns=[TOPIC]))
    errors, latency = graph.named("shop-5xx").inputs, graph.named("shop-latency").inputs
    queries = {query["id"]: query for query in errors["metricQueries"]}
    assert queries["result"]["expression"] == "IF(errors >= 5, 100 * errors / requests, 0)"
    assert queries["errors"]["metric"]["metricName"] == name
    assert set(queries["errors"]["metric"]["dimensions"]) == {dimension, "Stage"}
    assert (errors["threshold"], errors["alarmActions"]) == (1, [TOPIC])
    assert [query["metric"]["stat"] for query in latency["metricQueries"] if "metric" in query] == ["p99"]
    assert (latency["threshold"], latency["evaluationPeriods"]) == (5000, 3)


def test_binary_bodies_and_the_stages_name() -> None:
    graph = make(rest(binary_media_types=["image/png"], stage_name="v1"))
    assert definition(graph)["x-amazon-apigateway-binary-media-types"] == ["image/png"]
    assert one(graph, "aws:apigateway/stage:Stage")["stageName"] == "v1"


def test_cloudwatch_logs_may_use_the_key_for_the_groups_of_apis_and_of_the_functions() -> None:
    graph = make(rest())
    statement = json.loads(one(graph, "aws:kms/keyPolicy:KeyPolicy")["policy"])["Statement"][1]
    groups = statement["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]
    prefix = "arn:aws:logs:eu-west-1:123456789012:log-group:"
    assert groups == [
        f"{prefix}/aws/vendedlogs/apigateway/*",
        f"{prefix}API-Gateway-Execution-Logs_*",
        f"{prefix}shop-function-*",
    ]
    assert statement["Principal"] == {"Service": ["logs.eu-west-1.amazonaws.com"]}


def test_a_role_may_be_allowed_to_call_routes() -> None:
    seen: list[Any] = []

    def program() -> None:
        route = {"function_arn": FUNCTION, "iam_authorization": True}
        routes = {"GET /orders/{id}": route, "POST /orders": route, "GET /open": {"function_arn": FUNCTION, "public": True}}
        args: Any = rest(routes=routes)
        api = ApiGateway("shop", args)
        pulumi.Output.all(api.execution_arn, api.invoke_statements("POST /orders"), api.invoke_statements()).apply(seen.extend)
        with pytest.raises(ArgumentError) as caught:
            api.invoke_statements("GET /open")
        reason = "is 'GET /open', which is not a route with iam_authorization; known are GET /orders/{id}, POST /orders."
        assert caught.value.problems == [("routes", reason)]

    record(program, mode="deployed")
    arn, [single], [both] = seen
    assert (single["actions"], single["resources"]) == (["execute-api:Invoke"], [f"{arn}/live/POST/orders"])
    assert both["resources"] == [f"{arn}/live/GET/orders/*", f"{arn}/live/POST/orders"]


def test_without_a_route_for_roles_there_are_no_rights_to_give() -> None:
    def program() -> None:
        args: Any = rest()
        with pytest.raises(ArgumentError) as caught:
            ApiGateway("shop", args).invoke_statements()
        reason = "have no iam_authorization, so a role's rights admit nobody. Set it on the routes that roles call."
        assert caught.value.problems == [("routes", reason)]

    record(program, mode="deployed")


def test_a_key_of_the_users_is_not_created_again() -> None:
    graph = make(rest(kms_key_arn=KEY))
    assert graph.of_type("aws:kms/key:Key") == []
    assert graph.named("shop-execution-log").inputs["kmsKeyId"] == KEY


def test_children_of_different_routes_have_different_names_that_aws_takes() -> None:
    keys = ["GET /a-b", "GET /a/b", "GET /a.b", "GET /A/b", "GET /a/{b}", "GET /a/{b+}", "GET /a/_b_", "GET /", "GET /_", "POST /a/b"]
    keys += [f"GET /{'x' * 60}", f"GET /{'x' * 61}", "$default", "GET /default", "GET /{orderId}", "GET /{orderid}"]
    names = [route_of(key).child for key in keys]
    assert len(set(names)) == len(keys)
    assert all(len(name) <= 40 and set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") for name in names)
    assert route_of("GET /orders/{id}").child == "get-orders-_id_"


def test_outputs_name_everything_that_others_need() -> None:
    graph = make(rest())
    outputs = graph.one("cloudpatterns:index:ApiGateway").outputs
    absent = {"domain_target_name", "domain_target_zone_id", "client_certificate_pem", "role_arn"}
    assert {name for name in ApiGateway.__annotations__ if outputs.get(name) is None} == absent
    assert outputs["stage_arn"] == graph.one("aws:apigateway/stage:Stage").outputs["arn"]
